{{- /* Labels that select the app's pods; they can never change. */ -}}
{{- define "app.selector" -}}
app.kubernetes.io/name: {{ .Release.Name | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- /* The version label: an image tag may be longer than a label value. */ -}}
{{- define "app.version" -}}
{{- regexReplaceAll "[^A-Za-z0-9]+$" (regexReplaceAll "^[^A-Za-z0-9]+" (.Values.image.tag | toString | trunc 63) "") "" -}}
{{- end -}}

{{- /* Puts the labels that select the pods into the first of a list with a map and the root. */ -}}
{{- define "app.addSelector" -}}
{{- range list "app.kubernetes.io/name" "app.kubernetes.io/instance" -}}
{{- $_ := set (index $ 0) . (index $ 1).Release.Name -}}
{{- end -}}
{{- end -}}

{{- /* Puts the chart's own labels into the first of a list with a map and the root. */ -}}
{{- define "app.addLabels" -}}
{{- $labels := index . 0 -}}
{{- $root := index . 1 -}}
{{- include "app.addSelector" . -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- with include "app.version" $root -}}
{{- $_ := set $labels "app.kubernetes.io/version" . -}}
{{- end -}}
{{- end -}}

{{- /*
metadata of an object: a dict with root, and optionally name, labels and
annotations that only this object has. The chart's own labels win, so that no
setting can take a pod out of its Service.
*/ -}}
{{- define "app.metadata" -}}
{{- $root := .root -}}
{{- $labels := dict -}}
{{- include "app.merge" (list $labels $root.Values.labels) -}}
{{- include "app.merge" (list $labels (.labels | default dict)) -}}
{{- include "app.addLabels" (list $labels $root) -}}
{{- $annotations := dict -}}
{{- include "app.merge" (list $annotations $root.Values.annotations) -}}
{{- include "app.merge" (list $annotations (.annotations | default dict)) -}}
name: {{ .name | default $root.Release.Name | quote }}
namespace: {{ $root.Release.Namespace | quote }}
labels:
  {{- include "app.texts" $labels | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- include "app.texts" . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Merges the second map of a list into the first: maps deeply, null removes. */ -}}
{{- define "app.merge" -}}
{{- $into := index . 0 -}}
{{- range $key, $value := index . 1 -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $into $key -}}
{{- else if and (kindIs "map" $value) (kindIs "map" (get $into $key)) -}}
{{- include "app.merge" (list (get $into $key) $value) -}}
{{- else -}}
{{- $_ := set $into $key $value -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* A scalar as text; whole numbers never in exponent form (1e+06). */ -}}
{{- define "app.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) (lt . 1e15) (gt . -1e15) -}}
{{- int64 . -}}
{{- else if not (kindIs "invalid" .) -}}
{{- toString . -}}
{{- end -}}
{{- end -}}

{{- /* A map with every value as text, for labels, annotations and ConfigMaps. */ -}}
{{- define "app.texts" -}}
{{- $texts := dict -}}
{{- range $key, $value := . -}}
{{- if kindIs "string" $value -}}
{{- $_ := set $texts $key $value -}}
{{- else if or (kindIs "map" $value) (kindIs "slice" $value) -}}
{{- fail (printf "%s must be text, a number or true/false, not a map or list" $key) -}}
{{- else -}}
{{- $_ := set $texts $key (include "app.text" $value) -}}
{{- end -}}
{{- end -}}
{{- toYaml $texts -}}
{{- end -}}

{{- define "app.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default .Release.Name -}}
{{- else -}}
{{- .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}
