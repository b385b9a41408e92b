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

{{- /* The container's ports: "http" of a web application, then the others. */ -}}
{{- define "app.containerPorts" -}}
{{- $ports := list -}}
{{- if eq .Values.kind "web" -}}
{{- $ports = append $ports (dict "name" "http" "containerPort" .Values.port "protocol" "TCP") -}}
{{- end -}}
{{- range .Values.ports -}}
{{- $ports = append $ports (dict "name" .name "containerPort" .containerPort "protocol" (.protocol | default "TCP")) -}}
{{- end -}}
{{- toYaml $ports -}}
{{- end -}}

{{- define "app.env" -}}
{{- $env := list -}}
{{- range $name, $value := .Values.env -}}
{{- if kindIs "map" $value -}}
{{- $env = append $env (merge (dict "name" $name) $value) -}}
{{- else if not (kindIs "invalid" $value) -}}
{{- $env = append $env (dict "name" $name "value" (include "app.text" $value)) -}}
{{- end -}}
{{- end -}}
{{- toYaml $env -}}
{{- end -}}

{{- define "app.envFrom" -}}
{{- $from := list -}}
{{- if .Values.config -}}
{{- $from = append $from (dict "configMapRef" (dict "name" .Release.Name)) -}}
{{- end -}}
{{- range .Values.secretRefs -}}
{{- $from = append $from (dict "secretRef" (dict "name" .)) -}}
{{- end -}}
{{- toYaml $from -}}
{{- end -}}

{{- define "app.volumeMounts" -}}
{{- $mounts := list -}}
{{- range .Values.volumes -}}
{{- $mount := dict "name" .name "mountPath" .mountPath -}}
{{- with .subPath -}}{{- $_ := set $mount "subPath" . -}}{{- end -}}
{{- if .readOnly -}}{{- $_ := set $mount "readOnly" true -}}{{- end -}}
{{- $mounts = append $mounts $mount -}}
{{- end -}}
{{- toYaml $mounts -}}
{{- end -}}

{{- /*
One probe: a dict with probe, name and fallback (a port that is checked by TCP
when the probe has no check of its own, or "").
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
{{- toYaml (set $result "httpGet" $get) -}}
{{- else if has "tcp" $checks -}}
{{- toYaml (set $result "tcpSocket" (dict "port" ($probe.tcp.port | default "http"))) -}}
{{- else if has "exec" $checks -}}
{{- toYaml (set $result "exec" $probe.exec) -}}
{{- else if has "grpc" $checks -}}
{{- toYaml (set $result "grpc" $probe.grpc) -}}
{{- else if .fallback -}}
{{- toYaml (set $result "tcpSocket" (dict "port" .fallback)) -}}
{{- else if $result -}}
{{- fail (printf "probes.%s has timings but no check: add http, tcp, exec or grpc" $name) -}}
{{- end -}}
{{- end -}}

{{- /* The app's container as YAML, with the values' container merged in. */ -}}
{{- define "app.container" -}}
{{- $values := .Values -}}
{{- $container := dict "name" .Release.Name "image" (include "app.image" .) "imagePullPolicy" $values.image.pullPolicy -}}
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
{{- range $key, $template := dict "ports" "app.containerPorts" "env" "app.env" "envFrom" "app.envFrom" "volumeMounts" "app.volumeMounts" -}}
{{- with include $template $ | fromYamlArray -}}{{- $_ := set $container $key . -}}{{- end -}}
{{- end -}}
{{- if ne $values.kind "cron" -}}
{{- range $name := list "startup" "readiness" "liveness" -}}
{{- $fallback := ternary "http" "" (and (eq $name "readiness") (eq $values.kind "web")) -}}
{{- $arguments := dict "probe" (get $values.probes $name | default dict) "name" $name "fallback" $fallback -}}
{{- with include "app.probe" $arguments | fromYaml -}}
{{- $_ := set $container (printf "%sProbe" $name) . -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $container = deepCopy $container -}}
{{- include "app.merge" (list $container $values.container) -}}
{{- toYaml $container -}}
{{- end -}}
