//go:build unix

package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"tillstream/internal/workbench"
)

const (
	windowRate    = 20_000 // lines a second
	dedupeWindow  = 40 * time.Second
	windowRun     = 5 * time.Minute // many windows
	windowSamples = 10
)

// window shows the consumer's memory over a run that is many dedupe windows long.
// It grows until the first window is full and is flat from then on.
func (b *bench) window() error {
	const topic = "bench-window"
	if err := b.server.CreateTopic(b.Context, topic, partitions); err != nil {
		return err
	}
	consumer, err := b.background("consume", "--topic", topic, "--group", topic, "--out", filepath.Join(b.Dir, topic),
		"--dedupe-window", dedupeWindow.String(), "--rotate-bytes", strconv.Itoa(100_000_000))
	if err != nil {
		return err
	}
	producer, err := b.background("produce", "--topic", topic, "--source", b.source, "--loop", "--rate", strconv.Itoa(windowRate))
	if err != nil {
		return errors.Join(err, consumer.Stop())
	}
	fmt.Printf("| %d lines a second, --dedupe-window %s: after | lines written | identities in memory | resident MB |\n|---|---|---|---|\n",
		windowRate, dedupeWindow)
	for began, n := time.Now(), 1; n <= windowSamples && err == nil; n++ {
		workbench.Pause(time.Until(began.Add(windowRun * time.Duration(n) / windowSamples)))
		var written, identities, resident float64
		for name, to := range map[string]*float64{
			"tillstream_written_lines_total": &written,
			"tillstream_dedupe_identities":   &identities,
			"process_resident_memory_bytes":  &resident,
		} {
			var one error
			*to, one = consumer.Counter(name)
			err = errors.Join(err, one)
		}
		fmt.Printf("| %s | %.0f | %.0f | %.0f |\n", time.Since(began).Round(time.Second), written, identities, resident/1e6)
	}
	fmt.Println()
	return errors.Join(err, producer.Stop(), consumer.Stop())
}
