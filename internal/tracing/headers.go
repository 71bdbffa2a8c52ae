package tracing

import (
	"slices"

	"github.com/segmentio/kafka-go"
	"go.opentelemetry.io/otel/propagation"
)

// The W3C's form of a trace in headers, whatever OTEL_PROPAGATORS says: producer
// and consumer have to agree on one, and others know it.
var w3c propagation.TraceContext

const traceparent = "traceparent"

// headers carries a trace through a message's headers.
type headers []kafka.Header

// find returns a header's value, nil for none. Of two with the same name the last
// one counts.
func (h headers) find(name string) []byte {
	for i := len(h) - 1; i >= 0; i-- {
		if h[i].Key == name {
			return h[i].Value
		}
	}
	return nil
}

// Get implements propagation.TextMapCarrier.
func (h headers) Get(name string) string { return string(h.find(name)) }

// Set implements propagation.TextMapCarrier.
func (h *headers) Set(name, value string) {
	*h = append(*h, kafka.Header{Key: name, Value: []byte(value)})
}

// Keys implements propagation.TextMapCarrier.
func (h headers) Keys() (names []string) {
	for _, header := range h {
		names = append(names, header.Key)
	}
	return names
}

// isSampled looks at the flags where a traceparent has them, 00-trace-span-01: a
// quick no for what need not be taken apart.
func isSampled(parent []byte) bool {
	const flags = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-0")
	if len(parent) <= flags {
		return false
	}
	switch parent[flags] {
	case '1', '3', '5', '7', '9', 'b', 'd', 'f':
		return true
	}
	return false
}

// Replace returns a message's headers with those of a trace in the place of any
// that it had.
func Replace(list, trace []kafka.Header) []kafka.Header {
	kept := make([]kafka.Header, 0, len(list)+len(trace))
	for _, header := range list {
		if !slices.ContainsFunc(trace, func(t kafka.Header) bool { return t.Key == header.Key }) {
			kept = append(kept, header)
		}
	}
	return append(kept, trace...)
}
