package generator

import "testing"

func TestAmountsAsPublished(t *testing.T) {
	for _, c := range []struct {
		cents           int64
		trimmed, padded string
	}{
		{0, "0", "0.00"}, {5, "0.05", "0.05"}, {35, "0.35", "0.35"}, {40, "0.4", "0.40"},
		{2700, "27", "27.00"}, {4450, "44.5", "44.50"}, {-78130, "-781.3", "-781.30"}, {-1, "-0.01", "-0.01"},
	} {
		if got := string(appendCents(nil, c.cents)); got != c.trimmed {
			t.Errorf("%d cents: %q, want %q", c.cents, got, c.trimmed)
		}
		if got := string(appendTotal(nil, c.cents)); got != c.padded {
			t.Errorf("total of %d cents: %q, want %q", c.cents, got, c.padded)
		}
	}
}

func TestPadding(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "00000000", 9: "00000009", 10: "00000010", 2091574: "02091574", 99999999: "99999999", 123456789: "123456789",
	} {
		if got := string(appendPadded(nil, n, 8)); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
