package prometheus_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"tillstream/internal/telemetry"
)

const runbook = "../docs/operations.md"

// rule is an alert or a recording rule.
type rule struct {
	Record, Alert, Expr, For string
	Labels, Annotations      map[string]string
}

// test is what is read of a file of rule tests.
type test struct {
	RuleFiles      []string `yaml:"rule_files"`
	GroupEvalOrder []string `yaml:"group_eval_order"`
	Tests          []struct {
		Alerts []struct {
			Alertname string
			Expect    []any `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	}
}

func read[T any](t *testing.T, path string) (v T) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, &v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return v
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %s (%v)", pattern, err)
	}
	return paths
}

// all returns the rules, and their groups' names.
func all(t *testing.T) (rules []rule, groups []string) {
	t.Helper()
	for _, path := range files(t, "rules/*.yml") {
		file := read[struct {
			Groups []struct {
				Name  string
				Rules []rule
			}
		}](t, path)
		for _, g := range file.Groups {
			groups = append(groups, g.Name)
			rules = append(rules, g.Rules...)
		}
	}
	return rules, groups
}

func alerts(t *testing.T) (names []string) {
	t.Helper()
	rules, _ := all(t)
	for _, r := range rules {
		if r.Alert != "" {
			names = append(names, r.Alert)
		}
	}
	return names
}

// Whoever is woken finds what happened, how bad it is, where to look and what to do.
func TestAlertsSayWhatToDo(t *testing.T) {
	rules, _ := all(t)
	for _, r := range rules {
		if r.Alert == "" {
			continue
		}
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s has the severity %q", r.Alert, s)
		}
		if r.Labels["area"] == "" || r.For == "" {
			t.Errorf("%s has no area, or fires on a single value", r.Alert)
		}
		for _, name := range []string{"summary", "description", "dashboard_url", "runbook_url"} {
			if r.Annotations[name] == "" {
				t.Errorf("%s has no %s", r.Alert, name)
			}
		}
		if !strings.Contains(r.Annotations["description"], "$value") {
			t.Errorf("%s does not say the current value: %s", r.Alert, r.Annotations["description"])
		}
		if want := "{{ $externalLabels.runbook_url }}#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url is %q, not %q", r.Alert, r.Annotations["runbook_url"], want)
		}
		if !regexp.MustCompile(`^\{\{ \$externalLabels\.grafana_url \}\}/d/tillstream-(live|history|pipeline)(\?|$)`).MatchString(r.Annotations["dashboard_url"]) {
			t.Errorf("%s: dashboard_url is %q", r.Alert, r.Annotations["dashboard_url"])
		}
	}
}

// The runbook has one section an alert, and none of an alert that is gone.
func TestRunbookHasEachAlert(t *testing.T) {
	content, err := os.ReadFile(runbook)
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(content), "\n## Alerts\n")
	if !ok {
		t.Fatalf("%s has no section Alerts", runbook)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	sections := map[string]string{}
	for _, part := range strings.Split(text, "\n### ")[1:] {
		title, body, _ := strings.Cut(part, "\n")
		sections[title] = body
	}
	names := alerts(t)
	for _, name := range names {
		for _, part := range []string{"**What it means.**", "**First look.**", "**Mend.**"} {
			if !strings.Contains(sections[name], part) {
				t.Errorf("the section %s in %s has no part %s", name, runbook, part)
			}
		}
	}
	for title := range sections {
		if !slices.Contains(names, title) {
			t.Errorf("%s has a section %s, of which there is no alert", runbook, title)
		}
	}
}

// A rule, or a query in the runbook, with a name that nothing has would silently
// never say anything.
func TestNamesExist(t *testing.T) {
	known := map[string]bool{}
	for _, m := range telemetry.All() {
		known[m.Name] = true
		if m.Kind == telemetry.Histogram {
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				known[m.Name+part] = true
			}
		}
	}
	rules, _ := all(t)
	for _, r := range rules {
		known[r.Record] = true
	}
	name := regexp.MustCompile(`\b(?:\w+:)?tillstream[_:]\w[\w:]*`)
	check := func(where, text string) {
		for _, n := range name.FindAllString(text, -1) {
			if !known[n] {
				t.Errorf("%s uses %s, which nobody exposes or records", where, n)
			}
		}
	}
	for _, r := range rules {
		check(r.Record+r.Alert, r.Expr)
		for _, text := range r.Annotations {
			check(r.Alert, text)
		}
	}
	content, err := os.ReadFile(runbook)
	if err != nil {
		t.Fatal(err)
	}
	check(runbook, string(content))
}

// An alert that is renamed, and left under its old name in alertmanager.yml, would
// not keep others silent any more.
func TestInhibitionNamesAlerts(t *testing.T) {
	config := read[struct {
		Rules []struct {
			Source []string `yaml:"source_matchers"`
			Target []string `yaml:"target_matchers"`
		} `yaml:"inhibit_rules"`
	}](t, "alertmanager.yml")
	rules, _ := all(t)
	areas := map[string]bool{}
	for _, r := range rules {
		areas[r.Labels["area"]] = true
	}
	names, matcher := alerts(t), regexp.MustCompile(`^(alertname|area)(?:=|=~|!=)"([\w|]+)"$`)
	for _, r := range config.Rules {
		for _, text := range append(r.Source, r.Target...) {
			m := matcher.FindStringSubmatch(text)
			if m == nil {
				t.Errorf("alertmanager.yml: %q is no matcher that this test reads", text)
				continue
			}
			for _, value := range strings.Split(m[2], "|") {
				if (m[1] == "area" && !areas[value]) || (m[1] == "alertname" && !slices.Contains(names, value)) {
					t.Errorf("alertmanager.yml: %q names %s, which no alert has", text, value)
				}
			}
		}
	}
}

// Each alert has a rule test in which it fires, and one in which it does not.
func TestAlertsAreTested(t *testing.T) {
	fires, silent := map[string]bool{}, map[string]bool{}
	_, groups := all(t)
	for _, path := range files(t, "tests/*.yml") {
		file := read[test](t, path)
		for _, name := range groups {
			if !slices.Contains(file.GroupEvalOrder, name) {
				t.Errorf("%s leaves open when the group %s is evaluated", path, name)
			}
		}
		for _, one := range file.Tests {
			for _, a := range one.Alerts {
				fires[a.Alertname] = fires[a.Alertname] || len(a.Expect) > 0
				silent[a.Alertname] = silent[a.Alertname] || len(a.Expect) == 0
			}
		}
	}
	for _, name := range alerts(t) {
		if !fires[name] || !silent[name] {
			t.Errorf("%s is tested firing: %v, and not firing: %v", name, fires[name], silent[name])
		}
	}
}

// The files that the configuration names are there, and so are the jobs that the
// rules name.
func TestConfigurationsNameFilesThatExist(t *testing.T) {
	config := read[struct {
		RuleFiles []string `yaml:"rule_files"`
		Alerting  struct {
			Alertmanagers []discovery
		}
		Scrape []struct {
			JobName   string `yaml:"job_name"`
			discovery `yaml:",inline"`
		} `yaml:"scrape_configs"`
	}](t, "prometheus.yml")
	for _, pattern := range config.RuleFiles {
		files(t, pattern)
	}
	found := config.Alerting.Alertmanagers
	var jobs []string
	for _, s := range config.Scrape {
		found = append(found, s.discovery)
		jobs = append(jobs, s.JobName)
	}
	for _, d := range found {
		for _, f := range d.Files {
			for _, path := range f.Files {
				if targets := read[[]struct{ Targets []string }](t, path); len(targets) == 0 || len(targets[0].Targets) == 0 {
					t.Errorf("%s has no targets", path)
				}
			}
		}
	}
	rules, _ := all(t)
	for _, r := range rules {
		for _, m := range regexp.MustCompile(`job="(\w+)"`).FindAllStringSubmatch(r.Expr, -1) {
			if !slices.Contains(jobs, m[1]) {
				t.Errorf("%s%s asks for the job %s, which is not scraped", r.Record, r.Alert, m[1])
			}
		}
	}
}

// discovery is where targets are looked for.
type discovery struct {
	Files []struct{ Files []string } `yaml:"file_sd_configs"`
}
