{{- define "twice" }}from z{{ end }}
{{- define "blank" }}  {{ end }}
{{- define "outer" }}[{{ template "twice" . }}|{{ include "inner" (dict "x" 1) }}]{{ end }}
{{- define "inner" }}{{ $y := 2 }}{{ .x }}{{ $y }}{{ $.x }}{{ end }}
