INSERT INTO dw.{{.Table}} ({{.ID}}, {{range .Columns}}{{.}}, {{end}}source_system, row_hash, is_inferred, valid_from, valid_to, is_current)
SELECT s.{{.ID}}, {{range .Columns}}s.{{.}}, {{end}}@system, s.row_hash, 0,
    CASE WHEN EXISTS (SELECT 1 FROM dw.{{.Table}} d WHERE d.{{.ID}} = s.{{.ID}}) THEN @effective ELSE '1900-01-01 00:00:00' END,
    '9999-12-31 00:00:00', 1
FROM {{.Stage}} s
WHERE NOT EXISTS (SELECT 1 FROM dw.{{.Table}} d WHERE d.{{.ID}} = s.{{.ID}} AND d.is_current = 1)
