{{ define "lib.hello" }}hello {{ .Release.Name }}{{ end }}
