INSERT INTO dw.fact_sales ({{range $i, $c := .Columns}}{{if $i}}, {{end}}{{$c}}{{end}})
{{.Resolve}}
WHERE s.state = 1
