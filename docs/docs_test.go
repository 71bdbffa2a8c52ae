// Package docs holds what the pages say to what there is: a reader types their
// commands as they stand.
package docs

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"

	"tillstream/internal/command"
)

const root = ".."

func TestPagesSayWhatThereIs(t *testing.T) {
	world := newWorld(t)
	for _, path := range pages(t) {
		content, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, complaint := range world.check(path, string(content)) {
			t.Errorf("%s: %s", path, complaint)
		}
	}
}

// Each sort of mistake is found, else the test above would say nothing.
func TestMistakesAreFound(t *testing.T) {
	world := newWorld(t)
	for _, test := range []struct{ page, complaint string }{
		{"`make coffee`", "make has no target coffee"},
		{"```sh\nmake env && make tea   # a drink\n```", "make has no target tea"},
		{"`make crash KILLS=3`", "the Makefile does not ask for KILLS"},
		{"[a page](nowhere.md)", "nowhere.md"},
		{"![a picture](img/nothing.png)", "nothing.png"},
		{"[a part](architecture.md#no-such-part)", "no heading for #no-such-part"},
		{"[a part](#no-such-part)", "no heading for #no-such-part"},
		{"`tillstream consume --sauce FILE`", "-sauce"},
		{"`consume --sauce FILE`", "-sauce"},
		{"```sh\n./tillstream demo --rate fast   # too fast\n```", "invalid value"},
		{"```sh\ntillstream etl lode\n```", "no command \"etl lode\""},
		{"```sh\ntillstream generate 1000\n```", "no argument 1000"},
		{"```sh\nX=1 ./tillstream produce --bokers a:1 | tee log\n```", "-bokers"},
		{"`--sauce`", "no command has the flag"},
		{"`docker compose logs --tail 30 barista`", "no service barista"},
		{"`docker compose up -d kafka grafna`", "no service grafna"},
		{"`docker compose cp barista:/data/menu .`", "no service barista"},
		{"`docker compose -f missing.yaml up -d`", "missing.yaml"},
		{"`docker compose run --rm --no-deps -T consumer defaults gold`", "no command \"defaults gold\""},
		{"`compose/missing.sh`", "missing.sh"},
	} {
		complaints := world.check("docs/page.md", test.page)
		if len(complaints) != 1 || !strings.Contains(complaints[0], test.complaint) {
			t.Errorf("%q: %q, want one with %q", test.page, complaints, test.complaint)
		}
	}
}

// pages are those of the project, by their paths from its root.
func pages(t *testing.T) (paths []string) {
	t.Helper()
	for _, pattern := range []string{"*.md", "*/*.md", "*/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			paths = append(paths, strings.TrimPrefix(path, root+"/"))
		}
	}
	if !slices.Contains(paths, "README.md") || !slices.Contains(paths, "docs/operations.md") {
		t.Fatalf("the pages are %q", paths)
	}
	return paths
}

// world is what a page can name.
type world struct {
	makefile string
	targets  map[string]bool
	services map[string]bool
	commands map[string]*cli.Command // by what is typed: "etl load"
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{targets: make(map[string]bool), services: make(map[string]bool), commands: make(map[string]*cli.Command)}

	makefile, err := os.ReadFile(root + "/Makefile")
	if err != nil {
		t.Fatal(err)
	}
	w.makefile = string(makefile)
	for _, target := range regexp.MustCompile(`(?m)^([a-z][a-z-]*):`).FindAllStringSubmatch(w.makefile, -1) {
		w.targets[target[1]] = true
	}

	for _, path := range []string{"compose.yaml", "compose/consumer-2.yaml"} {
		content, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Services map[string]yaml.Node
		}
		// Node, since the tags of compose (!reset) mean nothing here.
		if err := yaml.Unmarshal(content, &file); err != nil {
			t.Fatal(err)
		}
		for name := range file.Services {
			w.services[name] = true
		}
	}

	for _, c := range command.App().Commands {
		w.commands[c.Name] = c
		for _, sub := range c.Subcommands {
			w.commands[c.Name+" "+sub.Name] = sub
		}
	}
	return w
}

var (
	fence  = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```")
	span   = regexp.MustCompile("(?s)`([^`]+)`")
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	remark = regexp.MustCompile(`(^|\s)#.*`)
	makes  = regexp.MustCompile(`(?:^|[;&|] *)make ([a-z][a-z-]*)([^;&|]*)`)
	// Where one command of a line ends and another begins.
	between = regexp.MustCompile(`\|\||&&|[|;]|[<$]\(`)
	flagged = regexp.MustCompile(`^--[a-z][a-z-]*`)
)

// check returns what is wrong on the page at path.
func (w *world) check(path, content string) (complaints []string) {
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }

	prose := fence.ReplaceAllString(content, "")
	for _, block := range fence.FindAllStringSubmatch(content, -1) {
		if block[1] != "sh" {
			continue
		}
		for line := range strings.SplitSeq(strings.ReplaceAll(block[2], "\\\n", " "), "\n") {
			w.line(remark.ReplaceAllString(line, ""), complain)
		}
	}
	for _, code := range span.FindAllStringSubmatch(prose, -1) {
		text := strings.ReplaceAll(strings.ReplaceAll(code[1], "\n", " "), `\|`, "|") // as a table writes it
		w.line(text, complain)
		if first, _, _ := strings.Cut(text, " "); w.commands[first] != nil {
			w.tillstream(strings.Fields(text), complain)
		}
		w.flag(flagged.FindString(text), complain)
	}
	for _, target := range link.FindAllStringSubmatch(span.ReplaceAllString(prose, ""), -1) {
		w.link(path, target[1], complain)
	}
	return complaints
}

// line checks one line for a shell, or a piece of one.
func (w *world) line(line string, complain func(string, ...any)) {
	for _, found := range makes.FindAllStringSubmatch(line, -1) {
		if !w.targets[found[1]] {
			complain("make has no target %s", found[1])
		}
		for _, word := range strings.Fields(found[2]) {
			if name, _, ok := strings.Cut(word, "="); ok && !strings.Contains(w.makefile, "$("+name+")") {
				complain("the Makefile does not ask for %s", name)
			}
		}
	}
	for _, one := range between.Split(line, -1) {
		words := strings.Fields(one)
		for len(words) > 0 && regexp.MustCompile(`^[A-Z_]+=`).MatchString(words[0]) {
			words = words[1:] // a variable for the command
		}
		// What follows is not the command's own: where its output goes, or the end of a substitution.
		if end := slices.IndexFunc(words, func(word string) bool { return strings.ContainsAny(word[:1], "<>") }); end >= 0 {
			words = words[:end]
		}
		switch {
		case len(words) == 0:
		case words[0] == "tillstream" || words[0] == "./tillstream":
			w.tillstream(words[1:], complain)
		case words[0] == "docker" && len(words) > 1 && words[1] == "compose":
			w.compose(words[2:], complain)
		case strings.HasSuffix(words[0], ".sh") && strings.HasPrefix(words[0], "compose/"):
			if _, err := exec.LookPath(filepath.Join(root, words[0])); err != nil {
				complain("%v", err)
			}
		}
	}
}

// tillstream checks the words that follow the program's name.
func (w *world) tillstream(words []string, complain func(string, ...any)) {
	if len(words) == 0 {
		return
	}
	name := strings.TrimSuffix(words[0], ")")
	if c := w.commands[name]; c != nil && len(c.Subcommands) > 0 && len(words) > 1 {
		name, words = name+" "+strings.TrimSuffix(words[1], ")"), words[1:]
	}
	c := w.commands[name]
	if c == nil {
		complain("there is no command %q", name)
		return
	}
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	for _, f := range c.Flags {
		if err := f.Apply(set); err != nil {
			complain("%s: %v", name, err)
		}
	}
	if err := set.Parse(words[1:]); err != nil {
		complain("%s: %v", name, err)
	} else if set.NArg() > 0 {
		complain("%s takes no argument %s", name, set.Arg(0))
	}
}

// others are flags of other programs that a page names by themselves.
var others = map[string]bool{
	"--enable-feature": true, // of Prometheus
	"--no-deps":        true, // of Docker Compose
}

// flag checks a flag that stands alone.
func (w *world) flag(name string, complain func(string, ...any)) {
	if name == "" || others[name] {
		return
	}
	for _, c := range w.commands {
		for _, f := range c.Flags {
			if slices.Contains(f.Names(), strings.TrimPrefix(name, "--")) {
				return
			}
		}
	}
	complain("no command has the flag %s", name)
}

// withValue are compose's own flags that take the next word.
var withValue = map[string]bool{"-f": true, "--tail": true}

// compose checks the words that follow `docker compose`.
func (w *world) compose(words []string, complain func(string, ...any)) {
	verb := ""
	for i := 0; i < len(words); i++ {
		word := words[i]
		if verb == "cp" { // SERVICE:PATH, or a path on this machine
			service, _, isThere := strings.Cut(word, ":")
			if !isThere {
				continue
			}
			word = service
		}
		switch {
		case withValue[word] && i+1 < len(words):
			i++
			if word == "-f" && verb == "" {
				if _, err := os.Stat(filepath.Join(root, words[i])); err != nil {
					complain("%v", err)
				}
			}
		case strings.HasPrefix(word, "-"):
		case verb == "":
			verb = word
		case word == strings.ToUpper(word): // NAME: whichever it is
		case !w.services[word]:
			complain("compose has no service %s", word)
		case verb == "run":
			if i+1 < len(words) { // instead of the service's own command
				w.tillstream(words[i+1:], complain)
			}
			return
		case verb == "exec":
			return
		}
	}
}

// link checks where a link on the page at path leads.
func (w *world) link(path, target string, complain func(string, ...any)) {
	if strings.Contains(target, "://") {
		return // another site's
	}
	file, anchor, _ := strings.Cut(target, "#")
	to := filepath.Join(root, path)
	if file != "" {
		to = filepath.Join(filepath.Dir(to), file)
		if _, err := os.Stat(to); err != nil {
			complain("%v", err)
			return
		}
	}
	if anchor == "" {
		return
	}
	content, _ := os.ReadFile(to) // a page that is not there has no headings either
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(content), -1) {
		if slug(heading[1]) == anchor {
			return
		}
	}
	complain("%s has no heading for #%s", strings.TrimPrefix(to, root+"/"), anchor)
}

// slug is the anchor that a heading gets.
func slug(heading string) string {
	heading = strings.ToLower(strings.ReplaceAll(heading, " ", "-"))
	return regexp.MustCompile(`[^\p{L}\p{N}_-]`).ReplaceAllString(heading, "")
}
