package consumer

import (
	"context"

	"tillstream/internal/fetch"
)

// ahead is an answer that is on its way while the one before it is decoded. A
// partition has at most one, so that besides what its batches hold, and the answer
// that is being decoded, it takes fetchBytes of memory.
type ahead struct {
	offset   int64
	cancel   context.CancelFunc
	done     chan struct{} // closed when response and err are there
	response *fetch.Response
	err      error
}

// ask asks for what begins at an offset. The answer is fetched by response.
func (f *fetcher) ask(ctx context.Context, offset int64) {
	f.drop()
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	a := &ahead{offset: offset, cancel: cancel, done: make(chan struct{})}
	f.ahead = a
	go func() {
		defer close(a.done)
		a.response, a.err = fetch.Do(ctx, f.consumer.cfg.Cluster, fetch.Request{
			Topic: f.claim.topic, Partition: f.partition, Offset: offset,
			MinBytes: 1, MaxBytes: fetchBytes, MaxWait: fetchWait,
		})
	}()
}

// response waits for what begins at f.offset, and asks for it if that was not done.
// The caller has to release it.
func (f *fetcher) response(ctx context.Context) (*fetch.Response, error) {
	if f.ahead == nil || f.ahead.offset != f.offset {
		f.ask(ctx, f.offset)
	}
	a := f.ahead
	f.ahead = nil
	<-a.done
	a.cancel()
	return a.response, a.err
}

// drop gives up what was asked for.
func (f *fetcher) drop() {
	if f.ahead == nil {
		return
	}
	f.ahead.cancel()
	<-f.ahead.done
	if f.ahead.response != nil {
		f.ahead.response.Release()
	}
	f.ahead = nil
}
