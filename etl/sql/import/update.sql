UPDATE {{.Table}}
SET {{range $i, $c := .Values}}{{if $i}}, {{end}}{{$c.Name}} = {{$c.Value}}{{end}}
FROM {{.Stage}} s
WHERE {{range .Keys}}{{$.Table}}.{{.Name}} = {{.Value}} AND {{end}}
    ({{range $i, $c := .Values}}{{if $i}}
    OR {{end}}{{$c.Changed $.Table}}{{end}})
