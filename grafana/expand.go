package grafana

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Choice is what is chosen at the top of a dashboard: values by a variable's name.
// A variable that it does not name is as the file has it, which is All where there
// is such a thing.
type Choice map[string][]string

// reference is how a query names a variable: $name, ${name} or ${name:format}.
var reference = regexp.MustCompile(`\$(?:(\w+)|\{(\w+)(?::(\w+))?\})`)

// Expand puts the values of variables into a query, in Grafana's way. builtIn are
// the values of variables that Grafana makes itself, such as __range. An error
// says which variable or format is not known.
func (d Dashboard) Expand(query string, chosen Choice, builtIn map[string]string) (expanded string, err error) {
	expanded = reference.ReplaceAllStringFunc(query, func(found string) string {
		m := reference.FindStringSubmatch(found)
		name, format := m[1]+m[2], m[3]
		if text, ok := builtIn[name]; ok {
			return text
		}
		for _, v := range d.Templating.List {
			if v.Name != name {
				continue
			}
			text, e := v.expand(chosen[name], format)
			if e != nil {
				err = fmt.Errorf("%s in %s: %w", found, d.File, e)
			}
			return text
		}
		if name == "1" || name == "2" { // a group of a regular expression in label_replace
			return found
		}
		err = fmt.Errorf("%s in %s: there is no such variable", found, d.File)
		return found
	})
	return expanded, err
}

func (v Variable) expand(values []string, format string) (string, error) {
	if len(values) == 0 {
		if v.IncludeAll {
			return v.AllValue, nil // Grafana leaves it as it is, whatever the format
		}
		var one string
		if err := json.Unmarshal(v.Current.Value, &one); err != nil {
			return "", fmt.Errorf("it has no value: %w", err)
		}
		values = []string{one}
	}
	switch format {
	case "": // as in PromQL, where it is a regular expression
		quoted := make([]string, len(values))
		for i, value := range values {
			quoted[i] = strings.ReplaceAll(regexp.QuoteMeta(value), `\`, `\\`)
		}
		if len(quoted) == 1 {
			return quoted[0], nil
		}
		return "(" + strings.Join(quoted, "|") + ")", nil
	case "pipe":
		return strings.Join(values, "|"), nil
	case "sqlstring":
		quoted := make([]string, len(values))
		for i, value := range values {
			quoted[i] = "'" + strings.ReplaceAll(value, "'", "''") + "'"
		}
		return strings.Join(quoted, ","), nil
	}
	return "", fmt.Errorf("the format %q is not known here", format)
}
