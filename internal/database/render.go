package database

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"text/template"
)

// Render makes the text of a statement into what the engine takes. The text is a
// template of text/template with these functions:
//
//	{{money}}         the type of a column for an exact decimal amount. It has all 38
//	                  digits, because a compatible server such as Babelfish misreads
//	                  those of at most 28 when they are copied in bulk
//	{{date}}          the type of a column for a day
//	{{rowversion}}    the type of a column that counts the changes of rows; in SQLite
//	                  it is the table's primary key, and an update must set it
//	{{key "name"}}    the definition of a surrogate key that counts by itself
//	{{clustered}}     CLUSTERED where there is such a thing
//	{{nonclustered}}  NONCLUSTERED where there is such a thing
//	{{top "@n"}}      TOP (@n), behind SELECT, or nothing
//	{{limit "@n"}}    LIMIT @n, at the end, or nothing: always the two together
//	{{sqlserver}}     true in SQL Server, for {{if sqlserver}} ... {{end}}
//
// Schemas are those of SQL Server. In SQLite dw.name is dw_name, report.name is
// report_name, dbo.name is name, and stage.name is temp.name. What stands in single
// quotes is left alone.
func (db *DB) Render(text string, data any) (string, error) {
	if data != nil {
		return db.engine.render(text, data, nil)
	}
	if known, ok := db.texts.Load(text); ok {
		return known.(string), nil
	}
	rendered, err := db.engine.render(text, nil, nil)
	if err == nil {
		db.texts.Store(text, rendered)
	}
	return rendered, err
}

// schemaName finds the schemas, and strings so as to pass them by.
var schemaName = regexp.MustCompile(`'[^']*'|--[^\n]*|\b(?:dw|report|dbo|stage)\.`)

func (e Engine) render(text string, data any, shared *template.Template) (string, error) {
	if strings.Contains(text, "{{") {
		t := template.New("statement")
		if shared != nil {
			var err error
			if t, err = shared.Clone(); err != nil {
				return "", err
			}
			t = t.New("statement")
		}
		t, err := t.Funcs(e.functions()).Option("missingkey=error").Parse(text)
		if err != nil {
			return "", fmt.Errorf("reading an SQL text: %w", err)
		}
		var b strings.Builder
		if err := t.Execute(&b, data); err != nil {
			return "", fmt.Errorf("rendering an SQL text: %w", err)
		}
		text = b.String()
	}
	if e == SQLServer {
		return text, nil
	}
	return schemaName.ReplaceAllStringFunc(text, func(found string) string {
		switch found {
		case "dw.", "report.":
			return strings.Replace(found, ".", "_", 1)
		case "dbo.":
			return ""
		case "stage.":
			return "temp."
		}
		return found
	}), nil
}

// shared reads the SQL texts of a directory that others use by {{template "name"}}.
func (e Engine) shared(files fs.FS, dir string) (*template.Template, error) {
	t := template.New("shared").Funcs(e.functions())
	names, err := fs.Glob(files, path.Join(dir, "*.sql"))
	if err != nil || len(names) == 0 {
		return t, err
	}
	return t.ParseFS(files, names...)
}

func (e Engine) functions() template.FuncMap {
	either := func(server, lite string) func() string {
		if e == SQLServer {
			return func() string { return server }
		}
		return func() string { return lite }
	}
	return template.FuncMap{
		"sqlserver":    func() bool { return e == SQLServer },
		"money":        either("DECIMAL(38,6)", "TEXT"),
		"date":         either("DATE", "TEXT"),
		"rowversion":   either("ROWVERSION NOT NULL", "INTEGER PRIMARY KEY AUTOINCREMENT"),
		"clustered":    either("CLUSTERED", ""),
		"nonclustered": either("NONCLUSTERED", ""),
		"key": func(name string) string {
			return name + either(" INT IDENTITY(1,1) NOT NULL PRIMARY KEY", " INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT")()
		},
		"top": func(n any) string {
			return either(fmt.Sprintf("TOP (%v)", n), "")()
		},
		"limit": func(n any) string {
			return either("", fmt.Sprintf("LIMIT %v", n))()
		},
	}
}
