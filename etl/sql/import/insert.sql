INSERT INTO {{.Table}} ({{range $i, $c := .Kept}}{{if $i}}, {{end}}{{$c.Name}}{{end}})
SELECT {{range $i, $c := .Kept}}{{if $i}}, {{end}}{{$c.Value}}{{end}}
FROM {{.Stage}} s
WHERE NOT EXISTS (SELECT 1 FROM {{.Table}} t WHERE {{range $i, $c := .Keys}}{{if $i}} AND {{end}}t.{{$c.Name}} = {{$c.Value}}{{end}})
