{{- define "twice" }}from a{{ end }}
{{- define "blank" }}from a{{ end }}
{{- define "child.name" }}from the parent{{ end }}
{{- define "shared" }}from the parent{{ end }}
