CREATE TABLE {{.Doubles}} (
    first_row BIGINT NOT NULL
    {{- range .Keys}},
    {{.Name}} {{.StageType}} NOT NULL
    {{- end}}
)
