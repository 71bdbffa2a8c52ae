-- Rows of one dimension as the source has them, each ID once.
CREATE TABLE {{.Stage}} (
{{range .Definitions}}    {{.}},
{{end}}    row_hash BIGINT NOT NULL,
    in_place INT    NOT NULL -- 1 where version_mark says so
)
