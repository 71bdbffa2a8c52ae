package producer

import (
	"context"
	"io"
	"os"
	"testing"
	"time"

	"tillstream/internal/sale"
	"tillstream/internal/store"
)

// BenchmarkEncode is what each line costs from row to batch: time stamp,
// partition, message.
func BenchmarkEncode(b *testing.B) {
	p := newPublisher(clusterAt(b, "127.0.0.1:1"), topic, 4, 0, nil, nil, nil)
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
				part.recycle(part.take())
			}
		}
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
