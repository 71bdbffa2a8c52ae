package consumer

import "runtime"

// turns are the right to decode, which as many fetchers have at once as leave one
// processor free. The one writer is what a drain waits for: with all fetchers
// decoding it would queue for a processor behind them after each sync.
type turns chan struct{}

func newTurns() turns { return make(turns, max(1, runtime.GOMAXPROCS(0)-1)) }

// take waits for a turn. Nobody who has one waits for anything else.
func (t turns) take() { t <- struct{}{} }

func (t turns) give() { <-t }
