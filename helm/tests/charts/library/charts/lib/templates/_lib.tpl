{{- define "lib.map" -}}
lib: {{ .name }} {{ .root.Values.port }}
{{- end }}
