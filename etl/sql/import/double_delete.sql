DELETE FROM {{.Stage}}
WHERE EXISTS (
    SELECT 1 FROM {{.Doubles}} d
    WHERE {{range .Keys}}d.{{.Name}} = {{$.Stage}}.{{.Name}} AND {{end}}d.first_row < {{.Stage}}.row_number
)
