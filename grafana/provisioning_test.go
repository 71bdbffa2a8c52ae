package grafana

import (
	"regexp"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

func provisioned[T any](t *testing.T, name string) (v T, text string) {
	t.Helper()
	content, err := files.ReadFile("provisioning/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v, string(content)
}

func TestDataSources(t *testing.T) {
	type source struct {
		Name, UID, Type, URL, User string
		Editable                   bool
		JSONData                   struct {
			AlertmanagerUID string `yaml:"alertmanagerUid"`
			Exemplars       []struct {
				Name          string
				DatasourceUID string `yaml:"datasourceUid"`
			} `yaml:"exemplarTraceIdDestinations"`
		} `yaml:"jsonData"`
		Secure map[string]string `yaml:"secureJsonData"`
	}
	file, text := provisioned[struct{ Datasources []source }](t, "datasources/tillstream.yml")
	found := map[string]source{}
	for _, s := range file.Datasources {
		found[s.UID] = s
		if s.Editable {
			t.Errorf("%s can be edited in a browser", s.Name)
		}
		if !regexp.MustCompile(`^\$[A-Z_]+$`).MatchString(s.URL) {
			t.Errorf("the address of %s is %q, not from the environment", s.Name, s.URL)
		}
		for key, value := range s.Secure {
			if !regexp.MustCompile(`^\$[A-Z_]+$`).MatchString(value) {
				t.Errorf("%s of %s is not from the environment", key, s.Name)
			}
		}
	}
	for uid, kind := range map[string]string{Prometheus: "prometheus", Warehouse: "mssql", "jaeger": "jaeger", "alertmanager": "alertmanager"} {
		if found[uid].Type != kind {
			t.Errorf("the data source %s is of the type %q, not %q", uid, found[uid].Type, kind)
		}
	}
	if user := found[Warehouse].User; user != "grafana_reader" {
		t.Errorf("the warehouse is read as %q", user)
	}
	prometheus := found[Prometheus].JSONData
	if len(prometheus.Exemplars) != 1 || prometheus.Exemplars[0].Name != "trace_id" || prometheus.Exemplars[0].DatasourceUID != "jaeger" {
		t.Errorf("exemplars lead to %+v", prometheus.Exemplars)
	}
	if prometheus.AlertmanagerUID != "alertmanager" {
		t.Errorf("Prometheus' alerts go to %q", prometheus.AlertmanagerUID)
	}
	var variables []string
	for _, m := range regexp.MustCompile(`: \$([A-Z_]+)`).FindAllStringSubmatch(text, -1) {
		variables = append(variables, m[1])
	}
	slices.Sort(variables)
	if want := []string{"ALERTMANAGER_URL", "GRAFANA_READER_PASSWORD", "JAEGER_URL", "MSSQL_DATABASE", "MSSQL_HOST", "PROMETHEUS_URL"}; !slices.Equal(slices.Compact(variables), want) {
		t.Errorf("it is set up by %q, not %q", variables, want)
	}
}

func TestDashboardsAreReadOnly(t *testing.T) {
	file, _ := provisioned[struct {
		Providers []struct {
			AllowUIUpdates  bool `yaml:"allowUiUpdates"`
			DisableDeletion bool `yaml:"disableDeletion"`
			Options         struct{ Path string }
		}
	}](t, "dashboards/tillstream.yml")
	if len(file.Providers) != 1 || file.Providers[0].AllowUIUpdates || !file.Providers[0].DisableDeletion || file.Providers[0].Options.Path == "" {
		t.Errorf("%+v", file.Providers)
	}
}
