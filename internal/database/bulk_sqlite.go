package database

import (
	"context"
	"errors"
)

// liteCopier fills a table of SQLite by one INSERT ... SELECT of a feed, which is a
// transaction of its own unless one is open.
type liteCopier struct {
	feed    *feed
	done    chan struct{} // closed when the INSERT has ended
	rows    int64
	err     error // of the INSERT
	release func()
}

// newLiteCopier begins an INSERT on r, which nothing else may use until it ends.
func newLiteCopier(ctx context.Context, r runner, release func(), table string, columns []string) *liteCopier {
	c := &liteCopier{feed: newFeed(ctx, len(columns)), done: make(chan struct{}), release: release}
	go func() {
		defer close(c.done)
		c.rows, c.err = c.feed.run(ctx, r, table, columns)
	}()
	return c
}

func (c *liteCopier) add(values []any) error {
	err := c.feed.add(values)
	if errors.Is(err, errGone) {
		<-c.done
		err = c.err
	}
	return err
}

func (c *liteCopier) close(failed error) (int64, error) {
	if failed == nil {
		failed = c.feed.flush()
	}
	c.feed.failed = failed
	close(c.feed.batches)
	<-c.done
	c.release()
	return c.rows, c.err
}

// newLiteBulk takes the connection that writes, and begins an INSERT on it.
func newLiteBulk(ctx context.Context, db *DB, table string, columns []string) (*liteCopier, error) {
	select {
	case db.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return newLiteCopier(ctx, db.writer, func() { <-db.turn }, table, columns), nil
}
