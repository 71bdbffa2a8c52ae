package producer

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"tillstream/internal/fx"
	"tillstream/internal/sale"
	"tillstream/internal/store"
)

func TestExtrasLeaveTheGoodLinesComplete(t *testing.T) {
	rows := someRows(3000)
	for i := range rows {
		rows[i][sale.CurrencySymbol] = sale.SymbolOf(rows[i][sale.Currency])
	}
	var summaries []Summary
	var counts []map[string]int
	for _, seed := range []uint64{1, 1, 2} {
		_, cluster := startKafka(t)
		cfg := configFor(cluster, rows)
		cfg.DuplicateRatio, cfg.CorruptRatio, cfg.Seed = 0.05, 0.02, seed
		s := run(t, newProducer(t, cfg))
		s.Seconds, s.LinesPerSecond = 0, 0
		summaries = append(summaries, s)
		if s.Produced != s.Lines+s.Duplicates+s.Corrupted || s.Duplicates < 100 || s.Duplicates > 200 || s.Corrupted < 30 || s.Corrupted > 90 {
			t.Errorf("summary %+v", s)
		}
		count := make(map[string]int)
		var first []message
		var duplicates, damaged int64
		seen := make(map[string]string)
		judge := newJudge(t)
		for _, m := range published(t, cluster) {
			count[string(m.value)]++
			if judge.check(m.value) != nil {
				damaged++
				continue
			}
			identity := m.row["Invoice ID"] + "/" + m.row["Line"]
			if before, twice := seen[identity]; twice {
				duplicates++
				if before != string(m.value) {
					t.Errorf("%s conflicts with %s", m.value, before)
				}
				continue
			}
			seen[identity] = string(m.value)
			first = append(first, m)
		}
		if duplicates != s.Duplicates || damaged != s.Corrupted {
			t.Errorf("%d duplicates and %d damaged messages in the topic, summary %+v", duplicates, damaged, s)
		}
		checkLines(t, first, rows)
		counts = append(counts, count)
	}
	if summaries[0] != summaries[1] || !reflect.DeepEqual(counts[0], counts[1]) {
		t.Errorf("the same seed made different messages: %+v, %+v", summaries[0], summaries[1])
	}
	if reflect.DeepEqual(counts[0], counts[2]) {
		t.Error("another seed made the same messages")
	}
}

// judge is the consumer's judgement of a message.
type judge struct {
	decoder *sale.Decoder
	reader  sale.Reader
}

func newJudge(t *testing.T) *judge {
	t.Helper()
	return &judge{decoder: sale.NewDecoder(), reader: sale.Reader{Stores: store.Default(), Rates: fx.Default()}}
}

func (j *judge) check(value []byte) error {
	var row sale.Row
	if err := j.decoder.Decode(value, &row); err != nil {
		return err
	}
	var line sale.Line
	return j.reader.Read(&row, time.Now(), &line)
}

func TestNoDamagedMessageIsALine(t *testing.T) {
	judge := newJudge(t)
	odd := someRows(1)[0]
	odd[sale.InvoiceID], odd[sale.LineTotal], odd[sale.Color] = `no"number`, `1"2`, "\n\\"
	for _, row := range append(someRows(40), odd, sale.Row{}) {
		good, err := sale.AppendMessage(nil, &row)
		if err != nil {
			t.Fatal(err)
		}
		if row != odd && row != (sale.Row{}) && judge.check(good) != nil {
			t.Fatalf("the test's own line is no line: %v", judge.check(good))
		}
		random := rand.New(rand.NewPCG(1, 2))
		for _, d := range damagedRows {
			bad := row
			d.change(&bad)
			value, err := sale.AppendMessage(nil, &bad)
			if err != nil || judge.check(value) == nil {
				t.Errorf("%s: %s is a line (%v)", d.name, value, err)
			}
		}
		for _, d := range damagedMessages {
			for range 20 {
				value := d.change(append([]byte(nil), good...), &row, random)
				if judge.check(value) == nil {
					t.Errorf("%s: %s is a line", d.name, value)
				}
			}
		}
		d := damage{random: random}
		for range 200 {
			key, value, err := d.of(&row)
			if err != nil || key == row[sale.InvoiceID] && key != "" || judge.check(value) == nil {
				t.Errorf("key %q, value %s, error %v", key, value, err)
			}
		}
	}
}
