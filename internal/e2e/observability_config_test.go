//go:build observability && kafka

package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The project's own configuration is used as it is, but for these overrides, since
// nobody waits three hours for a baseline:
//
//   - every duration in the rules (ranges, offsets, for) is divided by faster, so a
//     minute is two seconds;
//   - Prometheus scrapes and evaluates each half second instead of each 5 and 15;
//   - Alertmanager waits a second before it sends, instead of 15 to 300;
//   - targets/ and site/ name what the test has started; mail goes without TLS to a
//     server of the test.
const (
	faster = 30
	tick   = 500 * time.Millisecond
)

// rewrite is one replacement in a file. It must apply, else the test would run on
// something else than it says.
type rewrite struct{ pattern, with string }

// configured copies prometheus/ with the overrides and returns the directory.
func configured(t *testing.T, s *stack) string {
	t.Helper()
	const source = "../../prometheus"
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	override(t, filepath.Join(dir, "prometheus.yml"),
		rewrite{`scrape_interval: 5s`, "scrape_interval: " + tick.String()},
		rewrite{`scrape_timeout: 4s`, "scrape_timeout: " + tick.String()},
		rewrite{`evaluation_interval: 15s`, "evaluation_interval: " + tick.String()})
	override(t, filepath.Join(dir, "alertmanager.yml"),
		rewrite{`group_wait: \d+s`, "group_wait: 1s"},
		rewrite{`group_interval: \d+m`, "group_interval: 1s"},
		rewrite{`smtp_smarthost: mail:587`, "smtp_smarthost: " + s.mail.address},
		rewrite{`smtp_require_tls: true`, "smtp_require_tls: false"})
	for _, path := range glob(t, filepath.Join(dir, "rules/*.yml")) {
		shorten(t, path)
	}
	for job, address := range map[string]string{"produce": s.producer, "consume": s.consumer, "etl": s.etl,
		"prometheus": s.prometheus, "alertmanager": s.alertmanager, "jaeger": s.jaegerAdmin} {
		save(t, filepath.Join(dir, "targets", job+".yml"), fmt.Sprintf("- targets: [%q]\n", address))
	}
	save(t, filepath.Join(dir, "site/webhook_url"), s.hook.url)
	save(t, filepath.Join(dir, "site/smtp_password"), "secret")
	return dir
}

func override(t *testing.T, path string, rewrites ...rewrite) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for _, r := range rewrites {
		pattern := regexp.MustCompile(r.pattern)
		if !pattern.MatchString(text) {
			t.Fatalf("%s has no %q to override", path, r.pattern)
		}
		text = pattern.ReplaceAllString(text, r.with)
	}
	save(t, path, text)
}

// durations are those in brackets, after offset, for and interval. The names of
// recorded series, which end in 5m or 1h, are left alone.
var (
	durations = regexp.MustCompile(`(\[|offset |for: |interval: )((?:\d+[smhdw])+)`)
	parts     = regexp.MustCompile(`(\d+)([smhdw])`)
)

// shorten divides each duration in a file of rules.
func shorten(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	units := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}
	save(t, path, durations.ReplaceAllStringFunc(string(content), func(found string) string {
		m := durations.FindStringSubmatch(found)
		var whole time.Duration
		for _, part := range parts.FindAllStringSubmatch(m[2], -1) {
			var n time.Duration
			if _, err := fmt.Sscan(part[1], &n); err != nil {
				t.Fatal(err)
			}
			whole += n * units[part[2]]
		}
		return fmt.Sprintf("%s%dms", m[1], (whole / faster).Milliseconds())
	}))
}

func save(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %s (%v)", pattern, err)
	}
	return paths
}

// tool finds a program: on the path, or among those that make builds, named with
// their version.
func tool(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "../../build/bin") {
			path, err := filepath.Abs(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			found, _ := filepath.Glob(path)
			for _, f := range found {
				if info, err := os.Stat(f); err == nil && info.Mode()&fs.FileMode(0o111) != 0 && info.Mode().IsRegular() {
					return f
				}
			}
		}
	}
	t.Fatalf("%s is not installed; `make test-observability` builds Alertmanager and Jaeger, Prometheus comes from your system's packages", strings.Join(names, " or "))
	return ""
}
