{{- /* Pod volumes; a volume without exactly one source is an error. */ -}}
{{- define "app.volumes" -}}
{{- $root := . -}}
{{- $volumes := list -}}
{{- range .Values.volumes -}}
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
{{- toYaml $volumes -}}
{{- end -}}

{{- /* Containers written by the user get the chart's security unless they set one. */ -}}
{{- define "app.otherContainers" -}}
{{- $containers := list -}}
{{- range .containers -}}
{{- $container := deepCopy . -}}
{{- if and $.root.Values.securityContext (not (hasKey . "securityContext")) -}}
{{- $_ := set $container "securityContext" $.root.Values.securityContext -}}
{{- end -}}
{{- $containers = append $containers $container -}}
{{- end -}}
{{- toYaml $containers -}}
{{- end -}}

{{- define "app.topologySpread" -}}
{{- $constraints := list -}}
{{- range .Values.topologySpread -}}
{{- $constraint := deepCopy . -}}
{{- if not (hasKey . "labelSelector") -}}
{{- $_ := set $constraint "labelSelector" (dict "matchLabels" (include "app.selector" $ | fromYaml)) -}}
{{- end -}}
{{- $constraints = append $constraints $constraint -}}
{{- end -}}
{{- toYaml $constraints -}}
{{- end -}}

{{- define "app.podSpec" -}}
{{- $values := .Values -}}
{{- $containers := list (include "app.container" . | fromYaml) -}}
{{- $containers = concat $containers (include "app.otherContainers" (dict "containers" $values.sidecars "root" .) | fromYamlArray) -}}
{{- $pod := dict "containers" $containers "automountServiceAccountToken" $values.serviceAccount.automountToken "terminationGracePeriodSeconds" $values.terminationGracePeriodSeconds -}}
{{- with include "app.serviceAccountName" . -}}{{- $_ := set $pod "serviceAccountName" . -}}{{- end -}}
{{- with $values.imagePullSecrets -}}
{{- $secrets := list -}}
{{- range . -}}{{- $secrets = append $secrets (dict "name" .) -}}{{- end -}}
{{- $_ := set $pod "imagePullSecrets" $secrets -}}
{{- end -}}
{{- with include "app.otherContainers" (dict "containers" $values.initContainers "root" .) | fromYamlArray -}}
{{- $_ := set $pod "initContainers" . -}}
{{- end -}}
{{- with $values.podSecurityContext -}}{{- $_ := set $pod "securityContext" . -}}{{- end -}}
{{- with include "app.volumes" . | fromYamlArray -}}{{- $_ := set $pod "volumes" . -}}{{- end -}}
{{- with include "app.topologySpread" . | fromYamlArray -}}{{- $_ := set $pod "topologySpreadConstraints" . -}}{{- end -}}
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
{{- range list .Values.labels .Values.podLabels (include "app.labels" . | fromYaml) -}}
{{- include "app.merge" (list $labels .) -}}
{{- end -}}
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
