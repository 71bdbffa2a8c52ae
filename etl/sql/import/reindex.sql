CREATE UNIQUE INDEX pk_{{.Short}} ON {{.Table}} ({{range $i, $c := .Keys}}{{if $i}}, {{end}}{{$c.Name}}{{end}})
