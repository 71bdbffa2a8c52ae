SELECT f.invoice_id
FROM {{.Stage}} s
JOIN dw.{{.Table}} d ON d.{{.ID}} = s.{{.ID}} AND d.is_current = 1
JOIN dw.fact_sales f ON f.{{.Key}} = d.{{.Key}}
WHERE s.in_place = 1
