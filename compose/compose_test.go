// Package compose checks what stands between the code and whoever runs it: the
// compose file, the image, and the environment that they ask for.
package compose

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v3"
)

const (
	root        = ".."
	composeFile = root + "/compose.yaml"
	secondFile  = root + "/compose/consumer-2.yaml"
	exampleFile = root + "/.env.example"
)

// everything are all profiles.
const everything = "*"

// secret stands for each password.
const secret = "S3cret-for-tests"

// example returns .env.example's variables.
func example(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	variables := make(map[string]string)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		if _, twice := variables[name]; !found || twice {
			t.Errorf(".env.example: %q is no new variable", line)
		}
		variables[name] = value
	}
	return variables
}

// filled is .env.example with its passwords, as `make env` leaves it.
func filled(t *testing.T) map[string]string {
	t.Helper()
	variables := example(t)
	for name, value := range variables {
		if isPassword(name) && value == "" {
			variables[name] = secret
		}
	}
	return variables
}

func isPassword(name string) bool { return strings.HasSuffix(name, "_PASSWORD") }

// load reads compose.yaml as `docker compose` does.
func load(variables map[string]string, profiles ...string) (*types.Project, error) {
	return loadFiles([]string{composeFile}, variables, profiles)
}

func loadFiles(files []string, variables map[string]string, profiles []string) (*types.Project, error) {
	var environment []string
	for name, value := range variables {
		environment = append(environment, name+"="+value)
	}
	options, err := cli.NewProjectOptions(files, cli.WithEnv(environment), cli.WithProfiles(profiles))
	if err != nil {
		return nil, err
	}
	return options.LoadProject(context.Background())
}

// project is all there is, with the second consumer.
func project(t *testing.T, profiles ...string) *types.Project {
	t.Helper()
	p, err := loadFiles([]string{composeFile, secondFile}, filled(t), profiles)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// steps are the services that end by themselves.
var steps = map[string]bool{"sample": true, "etl-init": true, "etl-import": true, "etl-load": true}

func TestEveryVariableIsInTheExample(t *testing.T) {
	content, err := os.ReadFile(composeFile)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := yaml.Unmarshal(content, &tree); err != nil {
		t.Fatal(err)
	}
	used, have := template.ExtractVariables(tree, template.DefaultPattern), example(t)
	for name, v := range used {
		inExample, found := have[name]
		switch {
		case !found:
			t.Errorf("compose.yaml asks for %s, which .env.example does not have", name)
		case isPassword(name) && (inExample != "" || v.DefaultValue != ""):
			t.Errorf("%s has a default", name)
		case !v.Required && v.DefaultValue != inExample:
			t.Errorf("%s is %q in compose.yaml and %q in .env.example", name, v.DefaultValue, inExample)
		}
	}
	for name := range have {
		if _, found := used[name]; !found && name != "COMPOSE_PROFILES" { // docker compose's own
			t.Errorf(".env.example has %s, which nothing asks for", name)
		}
	}
}

// Nobody runs with an empty password.
func TestComposeRefusesToStartWithoutSecrets(t *testing.T) {
	for name := range filled(t) {
		if !isPassword(name) || name == "KAFKA_SASL_PASSWORD" { // empty is no login there
			continue
		}
		for _, how := range []string{"missing", "empty"} {
			variables := filled(t)
			variables[name] = ""
			if how == "missing" {
				delete(variables, name)
			}
			if _, err := load(variables, everything); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "make env") {
				t.Errorf("with %s %s: %v", name, how, err)
			}
		}
	}
}

// A command line and a health check are for everybody on the machine to see.
func TestNoSecretOnACommandLine(t *testing.T) {
	for name, s := range project(t, everything).Services {
		open := append(append([]string{s.ContainerName, s.Hostname}, s.Command...), s.Entrypoint...)
		if s.HealthCheck != nil {
			open = append(open, s.HealthCheck.Test...)
		}
		for key, value := range s.Labels {
			open = append(open, key, value)
		}
		if s.Build != nil {
			for key, value := range s.Build.Args {
				open = append(open, key)
				if value != nil {
					open = append(open, *value)
				}
			}
		}
		if strings.Contains(strings.Join(open, "\n"), secret) {
			t.Errorf("a password of %s is visible: %q", name, open)
		}
	}
}

// pinned is a name with a registry's full version. A moving tag, as 12 or latest,
// would be another program tomorrow.
var pinned = regexp.MustCompile(`:(v?\d+\.\d+\.\d+(-[a-z0-9.]+)?|\d{4}-CU\d+-ubuntu-\d+\.\d+)$`)

func TestEveryImageIsPinned(t *testing.T) {
	for name, s := range project(t, everything).Services {
		if !pinned.MatchString(s.Image) {
			t.Errorf("the image of %s is %q", name, s.Image)
		}
	}
	for _, base := range basesOf(t) {
		if !pinned.MatchString(base) {
			t.Errorf("the Dockerfile begins with %q", base)
		}
	}
}

// Whoever raises a version has to say what the new one was run with.
func TestTheRunbookSaysWhatEachImageWasRunWith(t *testing.T) {
	page, err := os.ReadFile(root + "/docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n#### What it was run with\n")
	section, _, ends := strings.Cut(section, "\n### ")
	if !found || !ends {
		t.Fatal("docs/operations.md does not say what compose.yaml was run with")
	}
	images := basesOf(t)
	for _, s := range project(t, everything).Services {
		if !strings.HasPrefix(s.Image, "tillstream:") && !slices.Contains(images, s.Image) {
			images = append(images, s.Image)
		}
	}
	for _, image := range images {
		if !strings.Contains(section, "\n| `"+image+"` |") {
			t.Errorf("docs/operations.md does not say what was run for %s", image)
		}
	}
	if rows := strings.Count(section, "\n| `"); rows != len(images) {
		t.Errorf("docs/operations.md speaks of %d images, there are %d", rows, len(images))
	}
}

// basesOf returns the images that the Dockerfile begins with.
func basesOf(t *testing.T) (images []string) {
	t.Helper()
	content, err := os.ReadFile(root + "/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(string(content), -1) {
		if from[1] != "scratch" {
			images = append(images, from[1])
		}
	}
	return images
}

func TestEveryPortIsOnLoopback(t *testing.T) {
	taken := make(map[string]string)
	for name, s := range project(t, everything).Services {
		if s.NetworkMode != "" || s.Privileged {
			t.Errorf("%s shares the machine's network or rights", name)
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %s on %q", name, p.Published, p.HostIP)
			}
			if other := taken[p.Published]; other != "" {
				t.Errorf("%s and %s publish the same port %s", name, other, p.Published)
			}
			taken[p.Published] = name
		}
	}
}

func TestEveryMountedFileExists(t *testing.T) {
	p := project(t, everything)
	for name, s := range p.Services {
		for _, v := range s.Volumes {
			switch v.Type {
			case types.VolumeTypeBind:
				if _, err := os.Stat(v.Source); err != nil {
					t.Errorf("%s mounts %v", name, err)
				}
				if !v.ReadOnly {
					t.Errorf("%s may write to %s", name, v.Source)
				}
			case types.VolumeTypeVolume:
				if _, found := p.Volumes[v.Source]; !found {
					t.Errorf("%s mounts the volume %q, which is not declared", name, v.Source)
				}
			}
		}
	}
}

func TestDependenciesTellWhenTheyAreReady(t *testing.T) {
	p := project(t, everything)
	for name, s := range p.Services {
		if hasCheck := s.HealthCheck != nil && !s.HealthCheck.Disable; hasCheck == steps[name] {
			t.Errorf("%s: has a health check: %v", name, hasCheck)
		}
		for other, d := range s.DependsOn {
			switch d.Condition {
			case types.ServiceConditionHealthy, types.ServiceConditionStarted:
				if steps[other] {
					t.Errorf("%s waits for %s to be %s, which ends by itself", name, other, d.Condition)
				}
			case types.ServiceConditionCompletedSuccessfully:
				if !steps[other] {
					t.Errorf("%s waits for the end of %s, which has none", name, other)
				}
			}
		}
	}
}

// writers write beside their volumes, and are not ours to change.
var writers = map[string]bool{"kafka": true, "mssql": true}

func TestServicesAreConfined(t *testing.T) {
	for name, s := range project(t, everything).Services {
		if s.MemLimit == 0 {
			t.Errorf("%s has no limit of memory", name)
		}
		if s.Logging == nil || s.Logging.Options["max-size"] == "" || s.Logging.Options["max-file"] == "" {
			t.Errorf("the log of %s grows without end", name)
		}
		if want := "unless-stopped"; !steps[name] && s.Restart != want {
			t.Errorf("%s restarts %q, want %q", name, s.Restart, want)
		}
		if steps[name] && !strings.HasPrefix(s.Restart, "on-failure:") {
			t.Errorf("%s restarts %q: it is to end", name, s.Restart)
		}
		if s.ReadOnly == writers[name] {
			t.Errorf("%s: its root file system is read-only: %v", name, s.ReadOnly)
		}
		if name != "mssql" && (strings.Join(s.CapDrop, "") != "ALL" || strings.Join(s.SecurityOpt, "") != "no-new-privileges:true") {
			t.Errorf("%s keeps capabilities (drops %v, %v)", name, s.CapDrop, s.SecurityOpt)
		}
	}
}

// Whoever has a Kafka and an SQL Server leaves ours out, and the rest still starts.
func TestBringYourOwn(t *testing.T) {
	for _, test := range []struct {
		profiles []string
		absent   []string
	}{
		{[]string{"kafka", "mssql"}, []string{"sample", "producer", "etl-import"}},
		{[]string{"mssql", "sample"}, []string{"kafka"}},
		{[]string{"kafka", "sample"}, []string{"mssql"}},
		{nil, []string{"kafka", "mssql", "sample", "producer", "etl-import"}},
	} {
		p := project(t, test.profiles...)
		for _, name := range test.absent {
			if _, found := p.Services[name]; found {
				t.Errorf("with the profiles %v there is %s", test.profiles, name)
			}
		}
		for _, name := range []string{"consumer", "etl-init", "etl-load", "etl", "prometheus", "alertmanager", "jaeger", "grafana"} {
			if _, found := p.Services[name]; !found {
				t.Errorf("with the profiles %v there is no %s", test.profiles, name)
			}
		}
	}
}

// A directory has one writer, and etl reads the directories of all of them.
func TestTheSecondConsumerHasItsOwnDirectory(t *testing.T) {
	services := project(t, everything).Services
	at := func(name, target string) (volume string) {
		for _, v := range services[name].Volumes {
			if v.Target == target {
				volume = v.Source
			}
		}
		return volume
	}
	for consumer, directory := range map[string]string{"consumer": "/data/live", "consumer-2": "/data/live-2"} {
		own := at(consumer, "/data/live")
		for _, reader := range []string{"etl", "etl-load"} {
			if own == "" || own != at(reader, directory) {
				t.Errorf("%s writes to %q, %s reads %q", consumer, own, reader, at(reader, directory))
			}
		}
	}
	if at("consumer", "/data/live") == at("consumer-2", "/data/live") {
		t.Error("two consumers write to one directory")
	}
	if want := "/data/live,/data/live-2"; !slices.Contains(services["etl"].Command, want) {
		t.Errorf("etl is told to follow %v, want %s", services["etl"].Command, want)
	}
	first, second := services["consumer"], services["consumer-2"]
	if second.Build != nil || second.Image != first.Image || !slices.Equal(second.Command, first.Command) {
		t.Errorf("the second is another program: %v %v", second.Image, second.Command)
	}
}

// Prometheus looks for the engines where they are.
func TestTargetsAreServices(t *testing.T) {
	services := project(t, everything).Services
	files, err := filepath.Glob(root + "/prometheus/targets/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var groups []struct{ Targets []string }
		if err := yaml.Unmarshal(content, &groups); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, g := range groups {
			for _, target := range g.Targets {
				host, port, _ := strings.Cut(target, ":")
				s, found := services[host]
				if host == "localhost" { // Prometheus itself
					continue
				}
				if !found {
					t.Errorf("%s: %s is no service", file, target)
				} else if listen := s.Environment["TILLSTREAM_LISTEN"]; listen != nil && *listen != ":"+port {
					t.Errorf("%s: %s, but it listens on %s", file, target, *listen)
				}
			}
		}
	}
}
