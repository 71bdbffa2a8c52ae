UPDATE dw.fact_sales SET {{range $i, $c := .Values}}{{if $i}}, {{end}}{{$c}} = r.{{$c}}{{end}}
FROM (
{{.Resolve}}
WHERE s.state = 2) r
WHERE dw.fact_sales.invoice_id = r.invoice_id AND dw.fact_sales.line_number = r.line_number
