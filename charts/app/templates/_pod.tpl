{{- /*
What follows sets one key of a pod, if there is anything to set: each takes a
dict with root and pod.
*/ -}}
{{- /* Pod volumes; a volume without exactly one source is an error. */ -}}
{{- define "app.volumes" -}}
{{- $root := .root -}}
{{- $volumes := list -}}
{{- range $root.Values.volumes -}}
{{- $volume := . -}}
{{- $sources := list -}}
{{- range list "pvc" "emptyDir" "existingClaim" "configMap" "secret" -}}
{{- if hasKey $volume . -}}{{- $sources = append $sources . -}}{{- end -}}
{{- end -}}
{{- if ne (len $sources) 1 -}}
{{- fail (printf "volume %s needs exactly one of pvc, emptyDir, existingClaim, configMap, secret" .name) -}}
{{- end -}}
{{- $source := first $sources -}}
{{- $result := dict "name" .name -}}
{{- if eq $source "pvc" -}}
{{- $_ := set $result "persistentVolumeClaim" (dict "claimName" (printf "%s-%s" $root.Release.Name .name)) -}}
{{- else if eq $source "existingClaim" -}}
{{- $_ := set $result "persistentVolumeClaim" (dict "claimName" .existingClaim) -}}
{{- else if eq $source "emptyDir" -}}
{{- $empty := dict -}}
{{- range $key, $value := .emptyDir -}}{{- if $value -}}{{- $_ := set $empty $key $value -}}{{- end -}}{{- end -}}
{{- $_ := set $result "emptyDir" $empty -}}
{{- else if eq $source "configMap" -}}
{{- $_ := set $result "configMap" .configMap -}}
{{- else -}}
{{- $_ := set $result "secret" (merge (dict "secretName" .secret.name) (omit .secret "name")) -}}
{{- end -}}
{{- $volumes = append $volumes $result -}}
{{- end -}}
{{- with $volumes -}}{{- $_ := set $.pod "volumes" . -}}{{- end -}}
{{- end -}}

{{- /*
Adds containers written by the user to those under a key; they get the chart's
security unless they set one.
*/ -}}
{{- define "app.otherContainers" -}}
{{- $containers := get .pod .key | default list -}}
{{- range .containers -}}
{{- $container := deepCopy . -}}
{{- if and $.root.Values.securityContext (not (hasKey . "securityContext")) -}}
{{- $_ := set $container "securityContext" $.root.Values.securityContext -}}
{{- end -}}
{{- $containers = append $containers $container -}}
{{- end -}}
{{- with $containers -}}{{- $_ := set $.pod $.key . -}}{{- end -}}
{{- end -}}

{{- define "app.topologySpread" -}}
{{- $constraints := list -}}
{{- range .root.Values.topologySpread -}}
{{- $constraint := deepCopy . -}}
{{- if not (hasKey . "labelSelector") -}}
{{- $labels := dict -}}
{{- include "app.addSelector" (list $labels $.root) -}}
{{- $_ := set $constraint "labelSelector" (dict "matchLabels" $labels) -}}
{{- end -}}
{{- $constraints = append $constraints $constraint -}}
{{- end -}}
{{- with $constraints -}}{{- $_ := set $.pod "topologySpreadConstraints" . -}}{{- end -}}
{{- end -}}

{{- define "app.podSpec" -}}
{{- $values := .Values -}}
{{- $pod := dict "automountServiceAccountToken" $values.serviceAccount.automountToken "terminationGracePeriodSeconds" $values.terminationGracePeriodSeconds -}}
{{- $arguments := dict "root" . "pod" $pod -}}
{{- include "app.container" $arguments -}}
{{- include "app.otherContainers" (dict "containers" $values.sidecars "key" "containers" "root" . "pod" $pod) -}}
{{- with include "app.serviceAccountName" . -}}{{- $_ := set $pod "serviceAccountName" . -}}{{- end -}}
{{- with $values.imagePullSecrets -}}
{{- $secrets := list -}}
{{- range . -}}{{- $secrets = append $secrets (dict "name" .) -}}{{- end -}}
{{- $_ := set $pod "imagePullSecrets" $secrets -}}
{{- end -}}
{{- include "app.otherContainers" (dict "containers" $values.initContainers "key" "initContainers" "root" . "pod" $pod) -}}
{{- with $values.podSecurityContext -}}{{- $_ := set $pod "securityContext" . -}}{{- end -}}
{{- include "app.volumes" $arguments -}}
{{- include "app.topologySpread" $arguments -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" -}}
{{- with get $values $key -}}{{- $_ := set $pod $key . -}}{{- end -}}
{{- end -}}
{{- if eq $values.kind "cron" -}}{{- $_ := set $pod "restartPolicy" $values.cron.restartPolicy -}}{{- end -}}
{{- $pod = deepCopy $pod -}}
{{- include "app.merge" (list $pod $values.podSpec) -}}
{{- toYaml $pod -}}
{{- end -}}

{{- define "app.podTemplate" -}}
{{- $labels := dict -}}
{{- range list .Values.labels .Values.podLabels -}}
{{- include "app.merge" (list $labels .) -}}
{{- end -}}
{{- include "app.addLabels" (list $labels .) -}}
{{- $annotations := dict -}}
{{- range list .Values.annotations .Values.podAnnotations -}}
{{- include "app.merge" (list $annotations .) -}}
{{- end -}}
{{- with .Values.config -}}
{{- $_ := set $annotations "checksum/config" (include "app.texts" . | sha256sum) -}}
{{- end -}}
metadata:
  labels:
    {{- include "app.texts" $labels | nindent 4 }}
  {{- with $annotations }}
  annotations:
    {{- include "app.texts" . | nindent 4 }}
  {{- end }}
spec:
  {{- include "app.podSpec" . | nindent 2 }}
{{- end -}}
