-- Facts of earlier chunks that no longer open their invoice, since a line with a
-- lower number has come.
INSERT INTO {{.Stage}} (seq, state, invoice_id, line_number, date_key, time_key, sold_at, sold_on, store_id, employee_id, customer_id,
    product_id, size, category, country, country_name, transaction_type, payment_method, color, sku, currency, quantity, discount_micros,
    unit_price_micros, line_total_micros, invoice_total_micros, usd_micros, list_usd_micros, opens_invoice, row_hash)
SELECT -1, 3, f.invoice_id, f.line_number, f.date_key, f.time_key, f.sold_at, '1900-01-01', '', '', '',
    '', '', '', f.country, '', f.transaction_type, f.payment_method, f.color, f.sku, f.currency, f.quantity, f.discount_micros,
    f.unit_price_micros, f.line_total_micros, f.invoice_total_micros, f.usd_micros, f.list_usd_micros, 0, f.row_hash
FROM {{.Stage}} s
JOIN dw.fact_sales f ON f.invoice_id = s.invoice_id AND f.line_number > s.line_number AND f.opens_invoice = 1
LEFT JOIN {{.Stage}} staged ON staged.invoice_id = f.invoice_id AND staged.line_number = f.line_number
WHERE s.opens_invoice = 1 AND s.state IN (1, 2) AND staged.invoice_id IS NULL
