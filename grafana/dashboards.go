// Package grafana holds the dashboards and what provisions them, and reads them
// for the tests that run every query in them. The program itself does not use it.
package grafana

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed dashboards/*.json provisioning
var files embed.FS

// The UIDs of the data sources, as provisioning/datasources gives them out.
const (
	Prometheus = "prometheus"
	Warehouse  = "warehouse"
)

// Dashboard is what the tests read of a dashboard's file.
type Dashboard struct {
	File          string `json:"-"` // its name
	ID            *int64 // given by a server, so a file must have none
	UID           string
	Title         string
	Description   string
	Tags          []string
	Editable      bool
	Refresh       string
	SchemaVersion int
	Time          struct{ From, To string }
	Links         []struct {
		Type        string
		Tags        []string
		IncludeVars bool
	}
	Templating struct{ List []Variable }
	Panels     []Panel
}

// Panel is one panel of a dashboard.
type Panel struct {
	ID              *int64
	Type            string
	Title           string
	Description     string
	GridPos         Grid
	Datasource      Source
	Targets         []Query
	Transformations []struct{ ID string }
	FieldConfig     struct {
		Defaults  Field
		Overrides []struct {
			Matcher    struct{ ID, Options string }
			Properties []struct {
				ID    string
				Value json.RawMessage
			}
		}
	}
}

// Grid is a place in units of the grid, of which 24 are side by side.
type Grid struct{ X, Y, W, H int }

// Field is how a panel shows its values.
type Field struct {
	Unit       string
	Thresholds struct {
		Steps []struct {
			Color string
			Value *float64
		}
	}
}

// Source names a data source.
type Source struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// Query is one query of a panel, in PromQL or in SQL.
type Query struct {
	RefID        string
	Datasource   Source
	Expr         string // of Prometheus
	LegendFormat string
	Instant      bool // its value at the end of the time range, not its course
	Exemplar     bool
	RawSQL       string // of the warehouse
}

// Variable is what a person chooses at the top of a dashboard.
type Variable struct {
	Type        string // custom: the options are in Query; query: Query is SQL
	Name        string
	Label       string
	Description string
	Query       json.RawMessage
	Datasource  Source
	Multi       bool
	IncludeAll  bool
	AllValue    string
	Current     struct{ Value json.RawMessage }
}

// Text is the variable's query as text.
func (v Variable) Text() (text string, err error) {
	err = json.Unmarshal(v.Query, &text)
	return text, err
}

// Options are the labels and values of a custom variable, in their order.
func (v Variable) Options() (options [][2]string, err error) {
	text, err := v.Text()
	for _, option := range strings.Split(text, ", ") {
		label, value, found := strings.Cut(option, " : ")
		if !found {
			value = label
		}
		options = append(options, [2]string{label, value})
	}
	return options, err
}

// Dashboards reads all dashboards.
func Dashboards() ([]Dashboard, error) {
	names, err := fs.Glob(files, "dashboards/*.json")
	if err != nil {
		return nil, err
	}
	var all []Dashboard
	for _, name := range names {
		content, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		d := Dashboard{File: path.Base(name)}
		if err := json.Unmarshal(content, &d); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		all = append(all, d)
	}
	return all, nil
}
