package database

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"modernc.org/sqlite/vtab"
)

// feedModule is the name of the virtual table that hands Go's rows to SQLite. One
// INSERT ... SELECT of such a table takes 60 % of the time of prepared INSERTs of
// many rows, and half of that of one INSERT a row.
const feedModule = "tillstream_feed"

// feeds are those under way, by the number that their virtual table is made with.
var (
	feeds    sync.Map // string -> *feed
	lastFeed atomic.Int64
)

// registerFeeds makes the module known, to connections that are opened afterwards.
var registerFeeds = sync.OnceValue(func() error { return vtab.RegisterModule(nil, feedModule, module{}) })

// How rows travel from who adds them to who inserts them.
const (
	feedBatch = 512 // rows
	feedQueue = 4   // batches
)

// feed is rows on their way into a table. One goroutine adds, another one runs the
// statement that takes them.
type feed struct {
	id      string
	columns int
	adding  []any           // the batch that is being filled
	batches chan []any      // full batches; closed at the end
	free    chan []any      // batches to be used again
	gone    chan struct{}   // closed when nobody takes rows any more
	failed  error           // read by the taker once batches is closed: the rows are not all
	ctx     context.Context // of the rows: when it has ended, they are not wanted any more
}

func newFeed(ctx context.Context, columns int) *feed {
	f := &feed{
		ctx:     ctx,
		id:      strconv.FormatInt(lastFeed.Add(1), 10),
		columns: columns,
		batches: make(chan []any, feedQueue),
		free:    make(chan []any, feedQueue+2),
		gone:    make(chan struct{}),
	}
	feeds.Store(f.id, f)
	return f
}

// errGone is that the statement has ended before all rows were there; its own error
// says why.
var errGone = errors.New("the statement that copies the rows has ended")

// add appends a row.
func (f *feed) add(row []any) error {
	if f.adding == nil {
		select {
		case f.adding = <-f.free:
		default:
			f.adding = make([]any, 0, feedBatch*f.columns)
		}
	}
	f.adding = append(f.adding, row...)
	if len(f.adding) < feedBatch*f.columns {
		return nil
	}
	return f.flush()
}

func (f *feed) flush() error {
	if len(f.adding) == 0 {
		return nil
	}
	select {
	case f.batches <- f.adding:
		f.adding = nil
		return nil
	case <-f.gone:
		return errGone
	}
}

// create makes the virtual table, and insert moves its rows.
func (f *feed) create() string {
	return "CREATE VIRTUAL TABLE temp." + f.table() + " USING " + feedModule + "(" + f.id + ")"
}

func (f *feed) table() string { return "feed_" + f.id }

func (f *feed) insert(table string, columns []string) string {
	quoted := make([]string, len(columns))
	for i, name := range columns {
		quoted[i] = QuoteName(name)
	}
	return "INSERT INTO " + table + " (" + strings.Join(quoted, ", ") + ") SELECT * FROM temp." + f.table()
}

// run makes the table, takes all rows by the INSERT, and drops the table again.
func (f *feed) run(ctx context.Context, r runner, table string, columns []string) (rows int64, err error) {
	defer close(f.gone)
	defer feeds.Delete(f.id)
	// A statement that is interrupted may have done its work all the same. So the two
	// that make and drop the table, which take no time, are not: it must not stay.
	always := context.WithoutCancel(ctx)
	if _, err := r.ExecContext(always, f.create()); err != nil {
		return 0, err
	}
	result, err := r.ExecContext(ctx, f.insert(table, columns))
	if err == nil {
		rows, err = result.RowsAffected()
	}
	_, dropped := r.ExecContext(always, "DROP TABLE IF EXISTS temp."+f.table())
	switch {
	case err != nil && ctx.Err() != nil:
		return 0, ctx.Err() // SQLite has only the text of it
	case err != nil:
		return 0, err
	}
	return rows, dropped
}

// module, and the two types below, are what SQLite asks for.
type module struct{}

func (module) Create(c vtab.Context, args []string) (vtab.Table, error) {
	return module{}.Connect(c, args)
}

// Connect gets the module's name, the database's, the table's, and the feed's number.
func (module) Connect(c vtab.Context, args []string) (vtab.Table, error) {
	known, ok := feeds.Load(strings.TrimSpace(args[len(args)-1]))
	if !ok {
		return nil, fmt.Errorf("there is no feed %q", args)
	}
	f := known.(*feed)
	names := make([]string, f.columns)
	for i := range names {
		names[i] = "c" + strconv.Itoa(i)
	}
	return feedTable{f}, c.Declare("CREATE TABLE feed (" + strings.Join(names, ", ") + ")")
}

type feedTable struct{ feed *feed }

func (feedTable) BestIndex(info *vtab.IndexInfo) error { return nil }
func (feedTable) Disconnect() error                    { return nil }
func (feedTable) Destroy() error                       { return nil }

func (t feedTable) Open() (vtab.Cursor, error) { return &feedCursor{feed: t.feed}, nil }

// feedCursor goes over the rows once.
type feedCursor struct {
	feed  *feed
	batch []any
	at    int // of the row in batch
	rowid int64
}

func (c *feedCursor) Filter(int, string, []vtab.Value) error { return c.more() }

func (c *feedCursor) Next() error {
	c.rowid++
	if c.at += c.feed.columns; c.at < len(c.batch) {
		return nil
	}
	return c.more()
}

// more waits for the next batch.
func (c *feedCursor) more() error {
	if c.batch != nil {
		select {
		case c.feed.free <- c.batch[:0]:
		default:
		}
	}
	c.batch, c.at = <-c.feed.batches, 0
	if c.batch != nil {
		return nil
	}
	// The driver interrupts a statement some time after its context has ended, and one
	// that is nearly done gets through before that. The rows of who has given up must
	// not: this is the last moment to say so.
	if c.feed.failed != nil {
		return c.feed.failed
	}
	return c.feed.ctx.Err()
}

func (c *feedCursor) Eof() bool                        { return c.batch == nil }
func (c *feedCursor) Column(i int) (vtab.Value, error) { return c.batch[c.at+i], nil }
func (c *feedCursor) Rowid() (int64, error)            { return c.rowid, nil }
func (c *feedCursor) Close() error                     { return nil }
