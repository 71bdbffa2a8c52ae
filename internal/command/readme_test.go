package command

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

var update = flag.Bool("update", false, "rewrite the flag tables of README.md")

// The README's tables of flags are made from the flags themselves.
func TestReadmeListsTheFlags(t *testing.T) {
	const path = "../../README.md"
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	readme := string(content)
	for _, command := range App().Commands {
		if len(command.Flags) == 0 {
			continue
		}
		begin, end := fmt.Sprintf("<!-- flags of %s -->\n", command.Name), fmt.Sprintf("<!-- end of %s -->", command.Name)
		before, rest, ok1 := strings.Cut(readme, begin)
		old, after, ok2 := strings.Cut(rest, end)
		if !ok1 || !ok2 {
			t.Errorf("README.md has no lines %q and %q", strings.TrimSpace(begin), end)
			continue
		}
		table := flagTable(command)
		if old != table {
			readme = before + begin + table + end + after
			if !*update {
				t.Errorf("the table of %s is not what its flags are; `go test ./internal/command -update` rewrites it", command.Name)
			}
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(readme), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func flagTable(command *cli.Command) string {
	var b strings.Builder
	b.WriteString("\n| flag | default | what it does |\n|---|---|---|\n")
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
		fmt.Fprintf(&b, "| `--%s%s` | %s | %s |\n", f.Names()[0], placeholder, value, usage)
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
	for _, command := range App().Commands {
		for _, f := range command.Flags {
			documented, ok := f.(cli.DocGenerationFlag)
			if !ok || f.Names()[0] == "help" {
				continue
			}
			want := "TILLSTREAM_" + strings.ToUpper(strings.ReplaceAll(f.Names()[0], "-", "_"))
			if got := documented.GetEnvVars(); len(got) != 1 || got[0] != want {
				t.Errorf("%s --%s is set by %v, want %s", command.Name, f.Names()[0], got, want)
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
