package dedupe

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"

	"github.com/cespare/xxhash/v2"

	"tillstream/internal/sale"
)

// identity is the n-th line's, spread as hashes are.
func identity(n int) (id sale.Identity, invoice uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	key := xxhash.Sum64(b[:])
	binary.LittleEndian.PutUint64(b[:], uint64(n*71/100)) // 0.71 invoices a line, as published
	return sale.Identity{Key: key, Content: uint32(key >> 7)}, xxhash.Sum64(b[:]) + 1
}

func filled(lines int) *Set {
	s := New(window, start)
	for n := range lines {
		s.Remember(identity(n))
	}
	return s
}

func BenchmarkCheck(b *testing.B) {
	const lines = 1_000_000
	s := filled(lines)
	for _, c := range []struct {
		name string
		from int
	}{{"known", 0}, {"unknown", lines}} {
		b.Run(c.name, func(b *testing.B) {
			for n := 0; b.Loop(); n = (n + 1) % lines {
				id, _ := identity(c.from + n)
				s.Check(id)
			}
		})
	}
}

func BenchmarkRemember(b *testing.B) {
	s := New(window, start)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		s.Remember(identity(n))
	}
}

// BenchmarkMemory says what a remembered line costs with its share of an invoice.
// How full the hash tables are depends on how many lines there are: of these sizes
// six million are the worst, just after both tables have doubled.
//
//	go test -run - -bench Memory -benchtime 1x ./internal/dedupe
func BenchmarkMemory(b *testing.B) {
	for _, lines := range []int{1_000_000, 5_000_000, 6_000_000, 10_000_000} {
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			var before, after runtime.MemStats
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				s := filled(lines)
				runtime.GC()
				runtime.ReadMemStats(&after)
				runtime.KeepAlive(s)
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(lines), "bytes/identity")
		})
	}
}
