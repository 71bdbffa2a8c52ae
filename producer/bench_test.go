package producer

import (
	"context"
	"io"
	"os"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"tillstream/internal/sale"
	"tillstream/internal/store"
	"tillstream/internal/tracing"
)

// BenchmarkEncode is what each line costs from row to batch: time stamp,
// partition, message. With traces on, a few of the lines begin one.
func BenchmarkEncode(b *testing.B) {
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
	b.Cleanup(func() { _ = provider.Shutdown(context.Background()) }) // nobody looks at the spans
	for _, traces := range []struct {
		name   string
		tracer *tracing.Tracer
	}{{"off", nil}, {"10 a second", tracing.NewTracer(provider, 10)}} {
		b.Run("traces="+traces.name, func(b *testing.B) {
			p := newPublisher(clusterAt(b, "127.0.0.1:1"), topic, 4, 0, nil, nil, nil)
			p.tracer = traces.tracer
			rows := someRows(3000)
			clocks := newClocks(store.Default())
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				row := &rows[i%len(rows)]
				now := time.Now()
				row[sale.Date] = clocks.stamp(row, now)
				if err := p.line(context.Background(), row, now); err != nil {
					b.Fatal(err)
				}
				for _, part := range p.partitions { // instead of sending
					if part.filling.size() >= part.limit {
						sent := part.take()
						sent.acknowledged(0, len(sent.records), 0, 1)
						part.recycle(sent)
					}
				}
			}
		})
	}
}

// BenchmarkSample is the question that each line is asked, and nothing else.
func BenchmarkSample(b *testing.B) {
	tracer := tracing.NewTracer(sdktrace.NewTracerProvider(), 10)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		tracer.Sample(now)
	}
}

func BenchmarkReadCSV(b *testing.B) {
	path := writeFile(b, cashierStream(someRows(20_000)))
	b.ReportAllocs()
	var row sale.Row
	for lines := 0; lines < b.N; {
		src, err := OpenCSV(path)
		if err != nil {
			b.Fatal(err)
		}
		for ; lines < b.N; lines++ {
			if ok, err := src.Next(&row); err != nil || !ok {
				break
			}
		}
		if err := src.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheckText is the check up front, by bytes.
func BenchmarkCheckText(b *testing.B) {
	f, err := os.Open(writeFile(b, cashierStream(someRows(50_000))))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	for b.Loop() {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			b.Fatal(err)
		}
		if err := checkText("", f); err != nil {
			b.Fatal(err)
		}
	}
}
