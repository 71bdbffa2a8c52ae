package generator

import (
	"math/bits"
	"time"
)

// dayOf is the calendar date of t as a number of days since 1970-01-01.
func dayOf(t time.Time) int64 {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86400
}

// weekday is each day's business in hundredths of an average day, Sunday first.
// An assumption: the sources have months, not days.
var weekday = [7]uint64{105, 83, 83, 88, 95, 113, 133}

// Stores are open from openingHour for len(hours) hours. How the day's lines are
// spread over the hours, on weekdays and at weekends, is an assumption too: the
// cashier stream comes without times.
const openingHour = 9

var hours = [2][12]uint64{
	{3, 5, 7, 9, 8, 7, 8, 9, 11, 13, 12, 8},
	{3, 6, 9, 11, 11, 11, 12, 12, 10, 8, 5, 2},
}

// day is what the generator needs to know about one business day.
type day struct {
	number int64 // since 1970-01-01
	date   string
	hours  *[12]uint64

	discount [numSubs]uint8  // percent, by sub category
	demand   [numSubs]uint64 // cumulative weight of the sub categories
	stores   [numStores]uint64

	// weight is how many lines the day has, compared with other days: about a
	// million on an average day.
	weight uint64
}

// dayAt computes a day. The published totals are revenue, so a month's season is
// divided by what an average line of that day brings in: half-price days sell twice
// the lines for the same revenue.
func dayAt(number int64) day {
	t := time.Unix(number*86400, 0).UTC()
	md := monthDay{int(t.Month()), t.Day()}
	d := day{number: number, discount: discounts(md), hours: &hours[0]}
	d.date = string(appendDate(nil, t.Year(), md))
	if wd := t.Weekday(); wd == time.Saturday || wd == time.Sunday {
		d.hours = &hours[1]
	}
	var demand, revenue uint64
	for s := range d.demand {
		w := subCategories[s].weight
		if d.discount[s] > 0 {
			w *= campaignDemand
		}
		demand += w
		revenue += w * subCategories[s].meanPrice() * uint64(100-d.discount[s])
		d.demand[s] = demand
	}
	var sum uint64
	for i, s := range stores {
		sum += s.weight * countries[s.country].season[md.month-1]
		d.stores[i] = sum
	}
	// sum is about 1e8; the quotient of the two average prices is about 1.
	d.weight = sum / 1000 * weekday[t.Weekday()] * ordinaryPrice / (revenue / demand) / 10
	return d
}

// ordinaryPrice is the average price of a line when there is no campaign, in the
// same unit as in dayAt.
var ordinaryPrice = func() uint64 {
	var demand, revenue uint64
	for _, s := range subCategories {
		demand += s.weight
		revenue += s.weight * s.meanPrice() * 100
	}
	return revenue / demand
}()

// publishedLines is the size of the published data set, over two years: the pace
// of a stream without an end.
const publishedLines = 6_400_000

// calendar deals out the lines to the days of the period in proportion to their
// weights, exactly: what a day's share leaves over is carried to the next.
type calendar struct {
	day          day
	first, count int64 // the day's lines: from first on, count of them

	lines, weight uint64 // to spread, over days of this weight together
	carry         uint64
}

// newCalendar returns a calendar that stands before the first day.
func newCalendar(cfg Config) calendar {
	start, end := dayOf(cfg.Start), dayOf(cfg.End)
	c := calendar{lines: uint64(cfg.Lines)}
	if cfg.Lines == 0 || cfg.Live {
		c.lines, end = publishedLines/2, dayOf(cfg.Start.AddDate(1, 0, 0))
	}
	for n := start; n < end; n++ {
		c.weight += dayAt(n).weight
	}
	c.day.number = start - 1
	return c
}

// advance makes the day that has line number line the current one.
func (c *calendar) advance(line int64) {
	for line >= c.first+c.count {
		c.first += c.count
		c.day = dayAt(c.day.number + 1)
		c.carry += c.lines * c.day.weight
		c.count = int64(c.carry / c.weight)
		c.carry %= c.weight
	}
}

// minute returns the minute of the day (0 is midnight) in which line number line of
// the current day is sold. It never runs backwards from one line to the next;
// jitter (16 bits) moves it inside the line's own share of the day, so that a quiet
// store does not sell at the same minute every day.
func (c *calendar) minute(line int64, jitter uint64) int64 {
	var total uint64
	for _, w := range c.day.hours {
		total += w
	}
	// The position in the day, in 60ths of an hour's weight. 128 bits, for a day may
	// have many lines.
	hi, lo := bits.Mul64(uint64(line-c.first)<<16+jitter, total*60)
	at, _ := bits.Div64(hi, lo, uint64(c.count)<<16)
	h := 0
	for at >= c.day.hours[h]*60 {
		at -= c.day.hours[h] * 60
		h++
	}
	return int64(openingHour+h)*60 + int64(at/c.day.hours[h])
}
