package grafana

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"tillstream/internal/store"
)

// What a dashboard may be made of: panels that are part of Grafana since 9.3.
var builtIn = []string{"alertlist", "barchart", "bargauge", "gauge", "geomap", "heatmap", "histogram", "logs", "piechart",
	"stat", "state-timeline", "status-history", "table", "text", "timeseries", "traces"}

const (
	columns = 24
	rows    = 40 // one and a half screens of 1080 pixels
)

func dashboards(t testing.TB) []Dashboard {
	t.Helper()
	all, err := Dashboards()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDashboardsFollowTheRules(t *testing.T) {
	var uids []string
	for _, d := range dashboards(t) {
		uids = append(uids, d.UID)
		t.Run(d.File, func(t *testing.T) {
			if d.ID != nil {
				t.Errorf("it has the numeric id %d, which belongs to a server", *d.ID)
			}
			if d.Title == "" || d.Description == "" || !slices.Contains(d.Tags, "tillstream") {
				t.Errorf("title %q, description %q, tags %q", d.Title, d.Description, d.Tags)
			}
			if d.Editable {
				t.Error("it is editable; what is changed in a browser would be lost")
			}
			if d.Refresh == "" || d.Time.From == "" || d.Time.To != "now" {
				t.Errorf("it is refreshed each %q and shows %q to %q", d.Refresh, d.Time.From, d.Time.To)
			}
			if d.SchemaVersion > 37 {
				t.Errorf("schema version %d is newer than that of Grafana 9.3", d.SchemaVersion)
			}
			if len(d.Links) == 0 || d.Links[0].Type != "dashboards" || !slices.Contains(d.Links[0].Tags, "tillstream") || !d.Links[0].IncludeVars {
				t.Error("it has no links to the other dashboards that take the variables along")
			}
			for _, v := range d.Templating.List {
				if v.Label == "" || v.Description == "" {
					t.Errorf("the variable %s has no label or no description", v.Name)
				}
			}
			panelsFollowTheRules(t, d)
		})
	}
	slices.Sort(uids)
	if want := []string{"tillstream-history", "tillstream-live", "tillstream-pipeline"}; !slices.Equal(uids, want) {
		t.Errorf("the dashboards are %q; alerts link to %q", uids, want)
	}
}

func panelsFollowTheRules(t *testing.T, d Dashboard) {
	t.Helper()
	var taken [rows][columns]string
	titles := map[string]bool{}
	for _, p := range d.Panels {
		if p.ID != nil {
			t.Errorf("%s has the numeric id %d", p.Title, *p.ID)
		}
		if p.Title == "" || titles[p.Title] || !strings.HasSuffix(p.Description, ".") {
			t.Errorf("the title %q is empty or there twice, or its description %q is no sentence", p.Title, p.Description)
		}
		titles[p.Title] = true
		if !slices.Contains(builtIn, p.Type) {
			t.Errorf("%s is a %q, which not every Grafana has", p.Title, p.Type)
		}
		if p.FieldConfig.Defaults.Unit == "" {
			t.Errorf("%s has no unit", p.Title)
		}
		g := p.GridPos
		if g.W < 1 || g.H < 1 || g.X < 0 || g.Y < 0 || g.X+g.W > columns || g.Y+g.H > rows {
			t.Errorf("%s is at %+v, outside of %d × %d", p.Title, g, columns, rows)
			continue
		}
		for y := g.Y; y < g.Y+g.H; y++ {
			for x := g.X; x < g.X+g.W; x++ {
				if taken[y][x] != "" {
					t.Fatalf("%s overlaps %s", p.Title, taken[y][x])
				}
				taken[y][x] = p.Title
			}
		}
		queriesFollowTheRules(t, p)
	}
	end := 0
	for y := range taken {
		for x := range taken[y] {
			if taken[y][x] != "" {
				end = y + 1
			}
		}
	}
	for y := range end {
		if slices.Contains(taken[y][:], "") {
			t.Errorf("there is a gap in row %d", y)
		}
	}
}

func queriesFollowTheRules(t *testing.T, p Panel) {
	t.Helper()
	if len(p.Targets) == 0 {
		t.Errorf("%s asks for nothing", p.Title)
	}
	refs := map[string]bool{}
	for _, q := range p.Targets {
		if refs[q.RefID] {
			t.Errorf("%s has two queries %s", p.Title, q.RefID)
		}
		refs[q.RefID] = true
		switch q.Datasource {
		case Source{"prometheus", Prometheus}:
			if q.Expr == "" || q.RawSQL != "" {
				t.Errorf("%s %s has no PromQL", p.Title, q.RefID)
			}
		case Source{"mssql", Warehouse}:
			if q.RawSQL == "" || q.Expr != "" {
				t.Errorf("%s %s has no SQL", p.Title, q.RefID)
			}
		default:
			t.Errorf("%s %s asks the unknown data source %+v", p.Title, q.RefID, q.Datasource)
		}
		mixed := Source{"datasource", "-- Mixed --"}
		if p.Datasource != q.Datasource && p.Datasource != mixed {
			t.Errorf("%s belongs to %+v and its query %s to %+v", p.Title, p.Datasource, q.RefID, q.Datasource)
		}
	}
}

// What colours alone say, colour-blind people do not hear: red and green are not
// used for bad and good.
func TestThresholdsDoNotSayRedAndGreen(t *testing.T) {
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			var colors []string
			for _, step := range p.FieldConfig.Defaults.Thresholds.Steps {
				colors = append(colors, step.Color)
			}
			if slices.ContainsFunc(colors, regexp.MustCompile(`(?i)green|#009E73`).MatchString) {
				t.Errorf("%s: %s has the thresholds' colours %q", d.File, p.Title, colors)
			}
		}
	}
}

// The countries to choose from, and their names on the panels, are those of the
// reference data.
func TestCountriesAreTheKnownOnes(t *testing.T) {
	for _, d := range dashboards(t) {
		for _, v := range d.Templating.List {
			if v.Name != "country" {
				continue
			}
			options, err := v.Options()
			if err != nil {
				t.Fatal(err)
			}
			var codes []string
			for _, option := range options {
				codes = append(codes, option[1])
				if store.CountryName(option[1]) != option[0] {
					t.Errorf("%s calls %s %q", d.File, option[1], option[0])
				}
			}
			slices.Sort(codes)
			if want := slices.Sorted(slices.Values(store.Countries())); !slices.Equal(codes, want) {
				t.Errorf("%s offers %q, not %q", d.File, codes, want)
			}
		}
		for _, p := range d.Panels {
			for _, o := range p.FieldConfig.Overrides {
				for _, property := range o.Properties {
					if name := store.CountryName(o.Matcher.Options); property.ID == "displayName" && name != o.Matcher.Options && string(property.Value) != `"`+name+`"` {
						t.Errorf("%s: %s calls %s %s", d.File, p.Title, o.Matcher.Options, property.Value)
					}
				}
			}
		}
	}
}
