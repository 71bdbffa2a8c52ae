package producer

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"tillstream/internal/telemetry"
)

// What is exposed is what is declared, all of it and nothing else.
func TestMetricsAreDeclared(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	cfg := configFor(clusterAt(t, "127.0.0.1:1"), nil)
	cfg.Registerer = registry
	newProducer(t, cfg)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	declared := make(map[string]telemetry.Metric)
	for _, m := range telemetry.All() {
		if m.From == "produce" {
			declared[m.Name] = m
		}
	}
	for _, family := range families {
		if !declared[family.GetName()].Is(family) {
			t.Errorf("%s is not exposed as it is declared: %v", family.GetName(), family)
		}
		delete(declared, family.GetName())
	}
	for name := range declared {
		t.Errorf("%s is declared, but not exposed", name)
	}
}
