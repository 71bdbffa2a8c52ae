SELECT COUNT(*)
    {{- range .Columns}}{{if .Sum}},
    CAST(CAST(COALESCE(SUM(CAST({{.Name}} AS DECIMAL(38,{{.Places}}))), 0) * {{.Unit}} AS DECIMAL(38,0)) AS NVARCHAR(40))
    {{- end}}{{end}}
FROM {{.Stage}}
