package consumer

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"tillstream/internal/sale"
	"tillstream/internal/tracing"
)

// What became of a message, as its span tells.
const (
	outcomeKey = attribute.Key("tillstream.outcome")
	reasonKey  = attribute.Key("tillstream.reject_reason")
	linesKey   = attribute.Key("tillstream.lines") // that share a write and a sync

	outcomeWritten   = "written"
	outcomeDuplicate = "duplicate"
	outcomeRejected  = "rejected" // a conflict is one too, by its reason
	outcomeGivenUp   = "given_up" // its partition's next owner does it
)

// errGivenUp is the status of what was begun and not done.
var errGivenUp = errors.New("given up, since the partition is no longer ours or it took too long; whoever has it now does it again")

// traces are the spans of the few messages that are traced among those being
// settled. What they share is measured once and becomes a span in each trace. For
// the others there is nothing to do but to look whether they have headers.
type traces struct {
	tracer       *tracing.Tracer // nil for no traces
	topic, group string
	letters      string // topic
	now          time.Time
	all          []traced
	append, sync step
	commit       step
	lines        int  // that were appended
	isOnDisk     bool // they are
	letterSpans  []trace.Span
}

// traced is a message with its span.
type traced struct {
	message *message
	ctx     context.Context // of the span
	span    trace.Span
	outcome string
	reason  sale.Reason // why it is rejected, empty where it is not
	letter  int         // which of the letters, below 0 for none
}

// step is how long something took that all of them share.
type step struct {
	from, to time.Time
	err      error // why it is not done
}

// begin forgets the messages before.
func (t *traces) begin() {
	clear(t.all)
	clear(t.letterSpans)
	t.all, t.letterSpans = t.all[:0], t.letterSpans[:0]
	t.append, t.sync, t.commit, t.isOnDisk = step{}, step{}, step{}, false
	t.now = time.Now()
}

// judged takes note of a message, if it is traced.
func (t *traces) judged(b *batch, m *message, outcome string, letter int) {
	if t.tracer == nil || len(m.headers) == 0 {
		return
	}
	parent, ok := t.tracer.Receive(m.headers, t.now)
	if !ok {
		return
	}
	ctx, span := t.tracer.Process(parent, tracing.Message{
		Topic: t.topic, Key: string(m.key), Partition: b.partition, Offset: m.offset, Group: t.group,
	}, b.received)
	if span != nil {
		var reason sale.Reason
		switch {
		case m.rejected != nil:
			reason = m.rejected.Reason
		case outcome == outcomeRejected:
			reason = sale.Conflict
		}
		t.all = append(t.all, traced{m, ctx, span, outcome, reason, letter})
	}
}

// appended measures an attempt to append lines and sync them.
func (t *traces) appended(began, written, synced time.Time, lines int, err error) {
	if len(t.all) == 0 {
		return
	}
	if t.append.from.IsZero() {
		t.append.from = began
	}
	t.append.err, t.lines = err, lines
	if err != nil {
		for _, m := range t.all {
			if m.outcome == outcomeWritten {
				m.span.RecordError(err)
			}
		}
		return
	}
	t.append.to, t.sync = written, step{from: written, to: synced}
}

// observe shows how long the lines took, with an example's trace where there is
// one.
func (t *traces) observe(latency prometheus.Histogram, lines []*message, now time.Time) {
	rest := t.all
	examples, _ := latency.(prometheus.ExemplarObserver)
	for _, m := range lines {
		for len(rest) > 0 && rest[0].outcome != outcomeWritten {
			rest = rest[1:]
		}
		seconds := now.Sub(m.at).Seconds()
		if len(rest) == 0 || rest[0].message != m || examples == nil {
			latency.Observe(seconds)
			continue
		}
		examples.ObserveWithExemplar(seconds, prometheus.Labels{"trace_id": rest[0].span.SpanContext().TraceID().String()})
		rest = rest[1:]
	}
}

// sending begins the spans of dead letters, which take their traces with them.
func (t *traces) sending(letters []letter) {
	for _, m := range t.all {
		if m.letter < 0 {
			continue
		}
		l := &letters[m.letter]
		span, headers := t.tracer.Send(m.ctx, tracing.Message{Topic: t.letters, Key: string(m.message.key), Partition: -1, Offset: -1}, time.Now())
		if span != nil {
			l.trace = headers
			t.letterSpans = append(t.letterSpans, span)
		}
	}
}

// sent ends them.
func (t *traces) sent(done bool) {
	for _, span := range t.letterSpans {
		if !done {
			tracing.Fail(span, errGivenUp)
		}
		span.End()
	}
}

// detach hands out the traces of what is settled, for their commit to end them, and
// forgets them here. It is nil where there are none. Their messages' memory must not
// be looked at any more.
func (t *traces) detach() *traces {
	if len(t.all) == 0 {
		return nil
	}
	detached := *t
	t.all, t.letterSpans = nil, nil
	for i := range detached.all {
		detached.all[i].message = nil
	}
	return &detached
}

// committed measures the commit.
func (t *traces) committed(began time.Time, done bool) {
	t.commit = step{from: began, to: time.Now()}
	if !done {
		t.commit.err = errGivenUp
	}
}

// end ends the messages' spans. settled is whether all was done about them that
// there was to do.
func (t *traces) end(settled bool) {
	now := time.Now()
	for _, m := range t.all {
		outcome := m.outcome
		if outcome == outcomeWritten {
			t.show(m, "append", t.append, now, linesKey.Int(t.lines))
			t.show(m, "fsync", t.sync, now)
			if !t.isOnDisk {
				outcome = outcomeGivenUp
			}
		}
		t.show(m, "commit", t.commit, now)
		m.span.SetAttributes(outcomeKey.String(outcome))
		if m.reason != "" {
			m.span.SetAttributes(reasonKey.String(string(m.reason)))
		}
		if !settled {
			tracing.Fail(m.span, errGivenUp)
		}
		m.span.End(trace.WithTimestamp(now))
	}
}

// show makes a step a span of a message's trace, if it was begun.
func (t *traces) show(m traced, name string, s step, now time.Time, attributes ...attribute.KeyValue) {
	if s.from.IsZero() {
		return
	}
	if s.to.IsZero() {
		s.to = now
	}
	t.tracer.Step(m.ctx, name, s.from, s.to, s.err, attributes...)
}
