{{- define "outside" }}out{{ end }}
{{- define "through" }}via {{ include "outside" . }}{{ end }}
