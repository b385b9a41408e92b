{{- define "child.name" }}from the child{{ end }}
{{- define "child.only" }}only in the child{{ end }}
