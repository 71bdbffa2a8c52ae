UPDATE dw.{{.Table}} SET {{range .Columns}}{{.}} = s.{{.}}, {{end}}row_hash = s.row_hash, source_system = @system, is_inferred = 0
FROM {{.Stage}} s
WHERE dw.{{.Table}}.{{.ID}} = s.{{.ID}} AND dw.{{.Table}}.is_current = 1 AND s.in_place = 1
