package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/template/parse"
)

// piece is SQL text that stands in one piece in a source file.
type piece struct {
	file string
	line int
	text string
}

// Where the project's SQL is. What dashboards ask is run by the tests of grafana,
// query by query.
const sqlDir = "etl/sql"

var goDirs = []string{"etl", "internal/database"}

func projectPieces() (pieces []piece, err error) {
	err = filepath.WalkDir(sqlDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".sql" || forSQLite.MatchString(path) {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found, err := templatePieces(path, 1, string(text))
		pieces = append(pieces, found...)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, dir := range goDirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, path := range files {
			found, err := goPieces(path)
			if err != nil {
				return nil, err
			}
			pieces = append(pieces, found...)
		}
	}
	return pieces, nil
}

// batchEnd is a line that ends a batch.
var batchEnd = regexp.MustCompile(`(?m)^GO$`)

// templatePieces are the texts of a template that SQL Server may get to see.
func templatePieces(file string, line int, text string) (pieces []piece, err error) {
	tree := parse.New(file)
	tree.Mode = parse.SkipFuncCheck
	trees := make(map[string]*parse.Tree)
	if _, err := tree.Parse(text, "", "", trees); err != nil {
		return nil, err
	}
	var walk func(parse.Node)
	branch := func(b *parse.BranchNode) {
		condition := b.Pipe.String()
		if condition != "not sqlserver" {
			walk(b.List)
		}
		if b.ElseList != nil && condition != "sqlserver" {
			walk(b.ElseList)
		}
	}
	walk = func(node parse.Node) {
		switch n := node.(type) {
		case *parse.ListNode:
			for _, child := range n.Nodes {
				walk(child)
			}
		case *parse.TextNode:
			at := line + strings.Count(text[:n.Pos], "\n")
			for _, batch := range batchEnd.Split(string(n.Text), -1) {
				if plain(batch) != "" {
					pieces = append(pieces, piece{file, at, batch})
				}
			}
		case *parse.IfNode:
			branch(&n.BranchNode)
		case *parse.RangeNode:
			branch(&n.BranchNode)
		case *parse.WithNode:
			branch(&n.BranchNode)
		}
	}
	for _, t := range trees {
		walk(t.Root)
	}
	return pieces, nil
}

var (
	// forSQLite are the files and functions that no server has to do with.
	forSQLite = regexp.MustCompile(`(_lite|sqlite|/feed)\.go$|/(un|re)index\.sql$|Lite$|^unindexCustomers$`)
	// keyword tells SQL from other strings.
	keyword = regexp.MustCompile(`\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|DROP|ALTER|TRUNCATE TABLE|EXEC|DECLARE|GRANT|BEGIN TRANSACTION|COMMIT|ROLLBACK|FROM|WHERE|JOIN|GROUP BY|ORDER BY|UNION|VALUES|CASE|SUM\(|COUNT\(|CAST\()`)
)

// goPieces are the strings with SQL in a file of Go, without what only runs on SQLite.
func goPieces(path string) (pieces []piece, err error) {
	if strings.HasSuffix(path, "_test.go") || forSQLite.MatchString(path) {
		return nil, nil
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var failed error
	var visit func(ast.Node) bool
	walk := func(node ast.Node) { ast.Inspect(node, visit) }
	visit = func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.FuncDecl:
			return !forSQLite.MatchString(n.Name.Name)
		case *ast.IfStmt:
			condition := types.ExprString(n.Cond)
			if n.Init != nil {
				walk(n.Init)
			}
			walk(n.Cond)
			if !strings.HasSuffix(condition, "SQLite") || strings.Contains(condition, "!=") {
				walk(n.Body)
			}
			if n.Else != nil && !strings.HasSuffix(condition, "== database.SQLServer") && !strings.HasSuffix(condition, "== SQLServer") {
				walk(n.Else)
			}
			return false
		case *ast.BasicLit:
			if n.Kind != token.STRING || !keyword.MatchString(n.Value) {
				return true
			}
			text, err := strconv.Unquote(n.Value)
			if err != nil {
				failed = err
				return false
			}
			found, err := templatePieces(path, files.Position(n.Pos()).Line, text)
			if err != nil {
				failed = fmt.Errorf("%s: %w", files.Position(n.Pos()), err)
			}
			pieces = append(pieces, found...)
		}
		return failed == nil
	}
	walk(file)
	return pieces, failed
}
