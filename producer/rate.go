package producer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxRateBody is far more than any number needs.
const maxRateBody = 1 << 10

// rateBody is the JSON form of a rate.
type rateBody struct {
	Rate *float64 `json:"rate"` // lines a second; 0 is as fast as possible
}

// RateHandler serves the target rate: GET returns it as {"rate":12.5}, PUT sets it
// from a body in that form or a bare number and returns it.
func (p *Producer) RateHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead:
		case http.MethodPut:
			rate, err := readRate(http.MaxBytesReader(w, r.Body, maxRateBody))
			if err == nil {
				err = p.SetRate(rate)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		default:
			w.Header().Set("Allow", "GET, HEAD, PUT")
			http.Error(w, "use GET to read the rate and PUT to set it", http.StatusMethodNotAllowed)
			return
		}
		rate := p.Rate()
		body, err := json.Marshal(rateBody{Rate: &rate})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(append(body, '\n')) // a client that went away has no use for the error
	})
}

func readRate(body io.Reader) (float64, error) {
	raw, err := io.ReadAll(body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return 0, fmt.Errorf("the body is longer than %d bytes; send a number, for example 12.5", tooLarge.Limit)
	}
	if err != nil {
		return 0, fmt.Errorf("reading the body: %w", err)
	}
	text := strings.TrimSpace(string(raw))
	if strings.HasPrefix(text, "{") {
		var form rateBody
		if err := json.Unmarshal([]byte(text), &form); err != nil {
			return 0, fmt.Errorf(`the body is not usable JSON (%w); send {"rate":12.5} or 12.5`, err)
		}
		if form.Rate == nil {
			return 0, errors.New(`the body has no "rate"; send {"rate":12.5} or 12.5`)
		}
		return *form.Rate, nil
	}
	rate, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf(`the body %q is not a number; send lines a second, for example 12.5 or {"rate":12.5}`, text)
	}
	return rate, nil
}
