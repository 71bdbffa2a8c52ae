package command

import (
	"flag"
	"fmt"
	"iter"
	"os"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

var update = flag.Bool("update", false, "rewrite the tables of docs/configuration.md")

// The reference of all flags is made from the flags themselves.
func TestConfigurationListsTheFlags(t *testing.T) {
	const path = "../../docs/configuration.md"
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	for name, command := range named(App()) {
		if len(command.Flags) == 0 {
			continue
		}
		begin, end := fmt.Sprintf("<!-- flags of %s -->\n", name), fmt.Sprintf("<!-- end of %s -->", name)
		before, rest, ok1 := strings.Cut(page, begin)
		old, after, ok2 := strings.Cut(rest, end)
		if !ok1 || !ok2 {
			t.Errorf("docs/configuration.md has no lines %q and %q", strings.TrimSpace(begin), end)
			continue
		}
		table := flagTable(command)
		if old != table {
			page = before + begin + table + end + after
			if !*update {
				t.Errorf("the table of %s is not what its flags are; `go test ./internal/command -update` rewrites it", name)
			}
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// named returns every command by what is typed for it: "consume", "etl load".
func named(app *cli.App) iter.Seq2[string, *cli.Command] {
	return func(yield func(string, *cli.Command) bool) {
		for _, command := range app.Commands {
			if !yield(command.Name, command) {
				return
			}
			for _, sub := range command.Subcommands {
				if !yield(command.Name+" "+sub.Name, sub) {
					return
				}
			}
		}
	}
}

func flagTable(command *cli.Command) string {
	var b strings.Builder
	b.WriteString("\n| flag | variable | default | what it does |\n|---|---|---|---|\n")
	for _, f := range command.Flags {
		documented, ok := f.(cli.DocGenerationFlag)
		if !ok || f.Names()[0] == "help" {
			continue
		}
		value := strings.Trim(documented.GetDefaultText(), `"`)
		if value == "" {
			value = strings.Trim(documented.GetValue(), `"`)
		}
		if list, ok := f.(*cli.StringSliceFlag); ok {
			value = strings.Join(list.Value.Value(), ",")
		}
		if value != "" {
			value = "`" + value + "`"
		}
		placeholder, usage := placeholderOf(documented.GetUsage())
		if placeholder != "" {
			placeholder = " " + placeholder
		}
		fmt.Fprintf(&b, "| `--%s%s` | `%s` | %s | %s |\n", f.Names()[0], placeholder, documented.GetEnvVars()[0], value, usage)
	}
	b.WriteString("\n")
	return b.String()
}

// placeholderOf takes the back-quoted name of the value out of a usage text.
func placeholderOf(usage string) (placeholder, text string) {
	before, rest, ok := strings.Cut(usage, "`")
	if !ok {
		return "", usage
	}
	name, after, _ := strings.Cut(rest, "`")
	return name, before + name + after
}

// Each flag can be set by the environment too, each under its own name.
func TestEveryFlagHasItsVariable(t *testing.T) {
	for name, command := range named(App()) {
		for _, f := range command.Flags {
			documented, ok := f.(cli.DocGenerationFlag)
			if !ok || f.Names()[0] == "help" {
				continue
			}
			want := "TILLSTREAM_" + strings.ToUpper(strings.ReplaceAll(f.Names()[0], "-", "_"))
			if got := documented.GetEnvVars(); len(got) != 1 || got[0] != want {
				t.Errorf("%s --%s is set by %v, want %s", name, f.Names()[0], got, want)
			}
		}
	}
}

func TestEnvironmentSetsFlags(t *testing.T) {
	t.Setenv("TILLSTREAM_RATE", "many")
	t.Setenv("TILLSTREAM_LISTEN", "")
	err := App().Run([]string{"tillstream", "demo"})
	if err == nil || !strings.Contains(err.Error(), "many") {
		t.Errorf("TILLSTREAM_RATE=many: %v", err)
	}
	if code := ExitCode(err); code != ExitUsage {
		t.Errorf("exit code %d, want %d", code, ExitUsage)
	}
}
