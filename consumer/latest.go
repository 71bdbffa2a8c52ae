package consumer

import (
	"bytes"
	"net/http"
	"strconv"
	"sync"

	"tillstream/internal/sale"
)

// kept is how many of the newest lines are kept for people to look at.
const kept = 200

// latest is a ring of the newest lines on disk, as CSV records, whose memory is
// used again and again. It is safe for concurrent use.
type latest struct {
	mu      sync.Mutex
	records [kept][]byte
	count   int // of all lines ever added
}

func newLatest() *latest { return &latest{} }

func (l *latest) addLines(lines []sale.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range lines[max(len(lines)-kept, 0):] {
		l.put(&lines[max(len(lines)-kept, 0)+i].Row)
	}
}

func (l *latest) addAll(lines []*message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range lines[max(len(lines)-kept, 0):] {
		l.put(&m.line.Row)
	}
}

func (l *latest) put(row *sale.Row) {
	slot := &l.records[l.count%kept]
	*slot = sale.AppendRecord((*slot)[:0], row)
	l.count++
}

// rows returns up to limit of the newest rows, newest first.
func (l *latest) rows(limit int) []sale.Row {
	l.mu.Lock()
	defer l.mu.Unlock()
	rows := make([]sale.Row, min(limit, l.count, kept))
	for i := range rows {
		record := bytes.Clone(l.records[(l.count-1-i)%kept]) // the row shares its memory
		if _, status := sale.ScanRecord(record, &rows[i]); status != sale.Whole {
			panic("a record that was just made cannot be read: " + string(record))
		}
	}
	return rows
}

// Latest returns up to limit of the newest rows on disk, newest first.
func (c *Consumer) Latest(limit int) []sale.Row { return c.latest.rows(limit) }

// ServeLatest answers GET /transactions/latest?limit=20: a JSON array of the
// newest lines on disk, newest first, each with the 19 published columns.
func (c *Consumer) ServeLatest(w http.ResponseWriter, r *http.Request) {
	limit := 20
	if text := r.URL.Query().Get("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > kept {
			http.Error(w, "limit must be a whole number from 1 to "+strconv.Itoa(kept), http.StatusBadRequest)
			return
		}
	}
	body := []byte{'['}
	for i, row := range c.Latest(limit) {
		if i > 0 {
			body = append(body, ',', '\n')
		}
		var err error
		if body, err = sale.AppendMessage(body, &row); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, ']', '\n')) // a client that went away is its own affair
}
