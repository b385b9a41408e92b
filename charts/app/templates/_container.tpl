{{- define "app.image" -}}
{{- $image := .Values.image -}}
{{- $repository := required "image.repository is empty: set it to the image's name, such as ghcr.io/acme/shop" $image.repository -}}
{{- $tag := include "app.text" $image.tag -}}
{{- if not (or $tag $image.digest) -}}
{{- fail "image.tag and image.digest are both empty: set one of them" -}}
{{- end -}}
{{- $repository -}}
{{- with $tag -}}:{{ . }}{{- end -}}
{{- with $image.digest -}}@{{ . }}{{- end -}}
{{- end -}}

{{- /*
What follows sets one key of a container, if there is anything to set: each
takes a dict with root and container.
*/ -}}
{{- /* The container's ports: "http" of a web application, then the others. */ -}}
{{- define "app.containerPorts" -}}
{{- $values := .root.Values -}}
{{- $ports := list -}}
{{- if eq $values.kind "web" -}}
{{- $ports = append $ports (dict "name" "http" "containerPort" $values.port "protocol" "TCP") -}}
{{- end -}}
{{- range $values.ports -}}
{{- $ports = append $ports (dict "name" .name "containerPort" .containerPort "protocol" (.protocol | default "TCP")) -}}
{{- end -}}
{{- with $ports -}}{{- $_ := set $.container "ports" . -}}{{- end -}}
{{- end -}}

{{- define "app.env" -}}
{{- $env := list -}}
{{- range $name, $value := .root.Values.env -}}
{{- if kindIs "map" $value -}}
{{- $env = append $env (merge (dict "name" $name) $value) -}}
{{- else if not (kindIs "invalid" $value) -}}
{{- $env = append $env (dict "name" $name "value" (include "app.text" $value)) -}}
{{- end -}}
{{- end -}}
{{- with $env -}}{{- $_ := set $.container "env" . -}}{{- end -}}
{{- end -}}

{{- define "app.envFrom" -}}
{{- $from := list -}}
{{- if .root.Values.config -}}
{{- $from = append $from (dict "configMapRef" (dict "name" .root.Release.Name)) -}}
{{- end -}}
{{- range .root.Values.secretRefs -}}
{{- $from = append $from (dict "secretRef" (dict "name" .)) -}}
{{- end -}}
{{- with $from -}}{{- $_ := set $.container "envFrom" . -}}{{- end -}}
{{- end -}}

{{- define "app.volumeMounts" -}}
{{- $mounts := list -}}
{{- range .root.Values.volumes -}}
{{- $mount := dict "name" .name "mountPath" .mountPath -}}
{{- with .subPath -}}{{- $_ := set $mount "subPath" . -}}{{- end -}}
{{- if .readOnly -}}{{- $_ := set $mount "readOnly" true -}}{{- end -}}
{{- $mounts = append $mounts $mount -}}
{{- end -}}
{{- with $mounts -}}{{- $_ := set $.container "volumeMounts" . -}}{{- end -}}
{{- end -}}

{{- /*
One probe of a container: a dict with container, probe, name and fallback (a
port that is checked by TCP when the probe has no check of its own, or "").
*/ -}}
{{- define "app.probe" -}}
{{- $probe := .probe -}}
{{- $name := .name -}}
{{- $checks := list -}}
{{- range list "http" "tcp" "exec" "grpc" -}}
{{- if get $probe . -}}{{- $checks = append $checks . -}}{{- end -}}
{{- end -}}
{{- if gt (len $checks) 1 -}}
{{- fail (printf "probes.%s has more than one check (%s): keep one" $name (join ", " $checks)) -}}
{{- end -}}
{{- $result := omit $probe "enabled" "http" "tcp" "exec" "grpc" -}}
{{- $enabled := true -}}
{{- if hasKey $probe "enabled" -}}{{- $enabled = $probe.enabled -}}{{- end -}}
{{- if not $enabled -}}
{{- $result = dict -}}
{{- else if has "http" $checks -}}
{{- $get := dict "path" ($probe.http.path | default "/") "port" ($probe.http.port | default "http") -}}
{{- with $probe.http.scheme -}}{{- $_ := set $get "scheme" . -}}{{- end -}}
{{- with $probe.http.host -}}{{- $_ := set $get "host" . -}}{{- end -}}
{{- with $probe.http.headers -}}
{{- $headers := list -}}
{{- range $header, $value := . -}}
{{- $headers = append $headers (dict "name" $header "value" (include "app.text" $value)) -}}
{{- end -}}
{{- $_ := set $get "httpHeaders" $headers -}}
{{- end -}}
{{- $_ := set $result "httpGet" $get -}}
{{- else if has "tcp" $checks -}}
{{- $_ := set $result "tcpSocket" (dict "port" ($probe.tcp.port | default "http")) -}}
{{- else if has "exec" $checks -}}
{{- $_ := set $result "exec" $probe.exec -}}
{{- else if has "grpc" $checks -}}
{{- $_ := set $result "grpc" $probe.grpc -}}
{{- else if .fallback -}}
{{- $_ := set $result "tcpSocket" (dict "port" .fallback) -}}
{{- else if $result -}}
{{- fail (printf "probes.%s has timings but no check: add http, tcp, exec or grpc" $name) -}}
{{- end -}}
{{- with $result -}}{{- $_ := set $.container (printf "%sProbe" $name) . -}}{{- end -}}
{{- end -}}

{{- /*
Makes the app's container the only one of a pod, with the values' container
merged in: a dict with root and pod. What a program said last when it crashed is
kept in the pod's status, where everybody finds it who may see the pod.
*/ -}}
{{- define "app.container" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
{{- $container := dict "name" $root.Release.Name "image" (include "app.image" $root) "imagePullPolicy" $values.image.pullPolicy "terminationMessagePolicy" "FallbackToLogsOnError" -}}
{{- range list "command" "args" "resources" "securityContext" "lifecycle" -}}
{{- $value := get $values . -}}
{{- if eq . "resources" -}}
{{- $kept := dict -}}
{{- range $key, $amounts := $value -}}
{{- if $amounts -}}{{- $_ := set $kept $key $amounts -}}{{- end -}}
{{- end -}}
{{- $value = $kept -}}
{{- end -}}
{{- if $value -}}{{- $_ := set $container . $value -}}{{- end -}}
{{- end -}}
{{- $arguments := dict "root" $root "container" $container -}}
{{- range list "app.containerPorts" "app.env" "app.envFrom" "app.volumeMounts" -}}
{{- include . $arguments -}}
{{- end -}}
{{- if ne $values.kind "cron" -}}
{{- range $name := list "startup" "readiness" "liveness" -}}
{{- $fallback := ternary "http" "" (and (eq $name "readiness") (eq $values.kind "web")) -}}
{{- include "app.probe" (dict "container" $container "probe" (get $values.probes $name | default dict) "name" $name "fallback" $fallback) -}}
{{- end -}}
{{- end -}}
{{- $container = deepCopy $container -}}
{{- include "app.merge" (list $container $values.container) -}}
{{- $_ := set .pod "containers" (list $container) -}}
{{- end -}}
