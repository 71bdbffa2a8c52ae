UPDATE dw.{{.Table}} SET valid_to = @effective, is_current = 0
FROM {{.Stage}} s
WHERE dw.{{.Table}}.{{.ID}} = s.{{.ID}} AND dw.{{.Table}}.is_current = 1 AND dw.{{.Table}}.row_hash <> s.row_hash
