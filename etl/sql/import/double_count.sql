-- How many keys come more than once. Mostly none.
SELECT COUNT(*) FROM (
    SELECT {{range $i, $c := .Keys}}{{if $i}}, {{end}}{{$c.Name}}{{end}}
    FROM {{.Stage}}
    GROUP BY {{range $i, $c := .Keys}}{{if $i}}, {{end}}{{$c.Name}}{{end}}
    HAVING COUNT(*) > 1
) twice
