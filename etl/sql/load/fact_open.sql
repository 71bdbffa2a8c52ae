UPDATE dw.fact_sales SET opens_invoice = s.opens_invoice
FROM {{.Stage}} s
WHERE s.state = 3 AND dw.fact_sales.invoice_id = s.invoice_id AND dw.fact_sales.line_number = s.line_number
