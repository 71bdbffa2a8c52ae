package consumer

import (
	"strconv"
	"testing"

	"tillstream/internal/sale"
)

// known is how many lines are in memory while the writer is measured: so many that
// the processor's caches do not hold them.
const known = 2_000_000

// batches returns full batches of lines that are not in memory.
func (d *desk) batches(b *testing.B, n int) (all []*batch) {
	b.Helper()
	for range n {
		rows := make([]sale.Row, batchLines)
		for i := range rows {
			rows[i] = saleRow(int(d.next) + i)
			rows[i][sale.InvoiceID] = "INV-US-001-" + strconv.Itoa(int(d.next)+i)
		}
		all = append(all, d.batch(b, rows...))
	}
	return all
}

// What the one writer does about a line, but for the disk.
func BenchmarkWriter(b *testing.B) {
	d := newDesk(b)
	for i := range known {
		id := sale.Identity{Key: uint64(i) * 0x9E3779B97F4A7C15}
		d.writer.seen.Remember(id, id.Key)
	}
	batches := d.batches(b, 32)
	lines := 0
	b.Run("sort", func(b *testing.B) {
		for b.Loop() {
			lines = len(d.writer.sort(batches).lines)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*32*batchLines), "ns/line")
	})
	if lines != 32*batchLines {
		b.Fatalf("%d lines are new", lines)
	}
	b.Run("remember", func(b *testing.B) {
		for b.Loop() {
			d.writer.remember(&d.writer.todo)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*32*batchLines), "ns/line")
	})
}
