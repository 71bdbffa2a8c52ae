package producer

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRateHandler(t *testing.T) {
	cfg := configFor(clusterAt(t, "127.0.0.1:1"), nil)
	cfg.Rate = 50
	p := newProducer(t, cfg)
	for _, test := range []struct {
		method, body string
		status       int
		answer       string
		rate         float64
	}{
		{"GET", "", 200, `{"rate":50}`, 50},
		{"PUT", "12.5", 200, `{"rate":12.5}`, 12.5},
		{"PUT", " 3\n", 200, `{"rate":3}`, 3},
		{"PUT", `{"rate":0.5}`, 200, `{"rate":0.5}`, 0.5},
		{"PUT", `{"rate":0}`, 200, `{"rate":0}`, 0},
		{"GET", "", 200, `{"rate":0}`, 0},
		{"PUT", "", 400, `the body "" is not a number`, 0},
		{"PUT", "fast", 400, `the body "fast" is not a number`, 0},
		{"PUT", "-1", 400, "the rate -1 is not usable", 0},
		{"PUT", "NaN", 400, "the rate NaN is not usable", 0},
		{"PUT", "{}", 400, `has no "rate"`, 0},
		{"PUT", `{"rate":"1"}`, 400, "not usable JSON", 0},
		{"PUT", `{"rate":1`, 400, "not usable JSON", 0},
		{"PUT", strings.Repeat("1", 2000), 400, "longer than 1024 bytes", 0},
		{"POST", "1", 405, "use GET", 0},
	} {
		w := httptest.NewRecorder()
		p.RateHandler().ServeHTTP(w, httptest.NewRequest(test.method, "/rate", strings.NewReader(test.body)))
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.answer) || p.Rate() != test.rate {
			t.Errorf("%s %q: %d %s, rate %v; want %d %s, %v", test.method, test.body, w.Code, w.Body, p.Rate(), test.status, test.answer, test.rate)
		}
		if w.Code == http.StatusMethodNotAllowed && w.Header().Get("Allow") == "" {
			t.Error("405 without Allow")
		}
	}
}
