CREATE TABLE {{.Stage}} (
    row_number BIGINT NOT NULL
    {{- range .Columns}},
    {{.Name}} {{.StageType}} {{if .Null}}NULL{{else}}NOT NULL{{end}}
    {{- end}}
)
