-- Each row that comes too late, with whether it says what the first one says.
SELECT s.row_number,
    CASE WHEN {{range $i, $c := .Others}}{{if $i}} OR {{end}}{{$c.Differs "s" "f"}}{{else}}1 = 0{{end}} THEN 1 ELSE 0 END
FROM {{.Doubles}} d
    JOIN {{.Stage}} f ON f.row_number = d.first_row
    JOIN {{.Stage}} s ON {{range $i, $c := .Keys}}{{if $i}} AND {{end}}s.{{$c.Name}} = d.{{$c.Name}}{{end}}
WHERE s.row_number > d.first_row
ORDER BY s.row_number
