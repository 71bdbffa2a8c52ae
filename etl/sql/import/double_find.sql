-- Keys that come twice, each with its first row, which wins.
INSERT INTO {{.Doubles}} (first_row{{range .Keys}}, {{.Name}}{{end}})
SELECT MIN(row_number){{range .Keys}}, {{.Name}}{{end}}
FROM {{.Stage}}
GROUP BY {{range $i, $c := .Keys}}{{if $i}}, {{end}}{{$c.Name}}{{end}}
HAVING COUNT(*) > 1
