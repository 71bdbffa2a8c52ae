package producer

import (
	"context"

	"tillstream/internal/sale"
)

// feed hands the source's lines over, round after round, each when it is due. It
// closes the source.
func (p *Producer) feed(ctx context.Context, pub *publisher, source Source) error {
	var tags rounds
	clocks := newClocks(p.cfg.Stores)
	extra := p.newExtras(pub, clocks)
	tag := ""
	if p.cfg.Renumber {
		tag = tags.next(p.now())
	}
	for {
		p.rounds.Add(1)
		before := p.lines.Load()
		err := p.round(ctx, pub, source, tag, extra, clocks)
		if err != nil {
			return err
		}
		// A source without lines would go round for ever.
		if !p.cfg.Loop || p.atLimit() || p.lines.Load() == before {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		tag = tags.next(p.now())
		if source, err = p.cfg.Open(); err != nil {
			return err
		}
	}
	if extra != nil {
		return extra.rest(ctx)
	}
	return nil
}

func (p *Producer) atLimit() bool { return p.cfg.Limit > 0 && p.lines.Load() >= p.cfg.Limit }

// round hands over one reading of the source.
func (p *Producer) round(ctx context.Context, pub *publisher, source Source, tag string, extra *extras, clocks *clocks) (err error) {
	defer func() {
		if closeErr := source.Close(); err == nil {
			err = closeErr
		}
	}()
	if i, ok := source.(interrupter); ok {
		defer context.AfterFunc(ctx, i.interrupt)()
	}
	var row sale.Row
	for !p.atLimit() {
		ok, err := source.Next(&row)
		if ctx.Err() != nil {
			return ctx.Err() // an interrupted source's error is no news
		}
		if err != nil || !ok {
			return err
		}
		// Read first, then wait: the end of the source is known at once, not a
		// line's time later.
		if err := p.pace.wait(ctx); err != nil {
			return err
		}
		row[sale.InvoiceID] = tagged(row[sale.InvoiceID], tag)
		if row[sale.CurrencySymbol] == "" {
			row[sale.CurrencySymbol] = sale.SymbolOf(row[sale.Currency])
		}
		if err := p.line(ctx, pub, &row, extra, clocks); err != nil {
			return err
		}
	}
	return nil
}
