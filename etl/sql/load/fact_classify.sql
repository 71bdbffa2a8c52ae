-- A line opens its invoice if no line of it has a lower number: neither in the
-- chunk, which was seen to before, nor among the facts.
UPDATE {{.Stage}} SET opens_invoice = 0
WHERE opens_invoice = 1 AND EXISTS (
    SELECT 1 FROM dw.fact_sales f
    WHERE f.invoice_id = {{.Stage}}.invoice_id AND f.line_number < {{.Stage}}.line_number);
{{if .Live}}
-- The source's lines stand above those that came through the stream, and of two
-- that came through the stream with other content, the date aside, the first one
-- does. The upper half of row_hash leaves the date out.
UPDATE {{.Stage}} SET state = CASE
    WHEN f.origin = 'live' AND (f.row_hash & CAST(-4294967296 AS BIGINT)) <> ({{.Stage}}.row_hash & CAST(-4294967296 AS BIGINT)) THEN 4
    ELSE 0 END
FROM dw.fact_sales f
WHERE f.invoice_id = {{.Stage}}.invoice_id AND f.line_number = {{.Stage}}.line_number;
{{else}}
-- A line that this run has written and that comes again with other content is a
-- second line of the same identity.
UPDATE {{.Stage}} SET state = CASE
    WHEN f.origin = 'batch' AND f.row_hash = {{.Stage}}.row_hash AND f.opens_invoice = {{.Stage}}.opens_invoice THEN 0
    WHEN f.origin = 'batch' AND f.row_hash = {{.Stage}}.row_hash THEN 3
    WHEN f.origin = 'batch' AND f.run_id = @run THEN 4
    ELSE 2 END
FROM dw.fact_sales f
WHERE f.invoice_id = {{.Stage}}.invoice_id AND f.line_number = {{.Stage}}.line_number;
{{end}}
{{if sqlserver}}
-- To the server's collation identities can be the same that are not to the letter.
UPDATE {{.Stage}} SET state = 4
WHERE EXISTS (
    SELECT 1 FROM {{.Stage}} first
    WHERE first.invoice_id = {{.Stage}}.invoice_id AND first.line_number = {{.Stage}}.line_number AND first.seq < {{.Stage}}.seq);
{{end}}
