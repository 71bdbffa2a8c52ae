package generator

import (
	"context"
	"strconv"
	"time"
)

// population is the customers, none of whom is held: a Customer ID belongs to a
// store's city by its range, and everything else is derived from it. Ids are 1 to
// count; a country's are neighbours, as in the published data.
type population struct {
	count int64
	first [numStores + 1]int64 // the first id of each store's city, and one past the last
}

// The number of customers grows with the lines up to the size of the published data.
const (
	minCustomers  = 500
	maxCustomers  = 1_640_000
	liveCustomers = 20_000
)

// newPopulation spreads the customers over the cities as the lines are over the stores.
func newPopulation(cfg Config) *population {
	p := &population{count: min(max(cfg.Lines/4, minCustomers), maxCustomers)}
	if cfg.Lines == 0 {
		p.count = maxCustomers
	}
	if cfg.Live {
		p.count = min(p.count, liveCustomers)
	}
	var total, sum uint64
	for _, s := range stores {
		total += s.weight
	}
	for i, s := range stores {
		p.first[i] = 1 + p.count*int64(sum)/int64(total)
		sum += s.weight
	}
	p.first[numStores] = p.count + 1
	return p
}

// localPermille is how many customers buy in their own city; the others are from
// elsewhere in the country.
const localPermille = 850

// draw returns the Customer ID of someone who buys in the store.
func (p *population) draw(r *random, store int) int64 {
	if !r.chance(localPermille) {
		span := countryStores[stores[store].country]
		return p.first[span.from] + int64(r.below(uint64(p.first[span.to]-p.first[span.from])))
	}
	return p.first[store] + int64(r.below(uint64(p.first[store+1]-p.first[store])))
}

// countryStores are the stores from and up to (exclusive) of each country.
var countryStores = func() (spans [numCountries]struct{ from, to int }) {
	for i, s := range stores {
		if spans[s.country].to == 0 {
			spans[s.country].from = i
		}
		spans[s.country].to = i + 1
	}
	return spans
}()

// Some of these have a comma, as published job titles do.
var jobTitles = [...]string{"Accountant", "Architect", "Baker", "Bookseller", "Chef", "Civil servant",
	"Designer, interior", "Electrician", "Engineer, civil", "Engineer, software", "Florist", "Gardener",
	"Graphic designer", "Journalist", "Librarian", "Mechanic", "Midwife", "Musician", "Nurse", "Pharmacist",
	"Photographer", "Physiotherapist", "Pilot", "Research scientist", "Retired", "Social worker", "Student",
	"Teacher, primary school", "Teacher, secondary school", "Translator", "Veterinarian", ""}

// mailDomains are those that RFC 2606 reserves for examples.
var mailDomains = [...]string{"example.com", "example.org", "example.net"}

// writeCustomers writes customers.csv.
func writeCustomers(ctx context.Context, t *table, seed uint64, p *population) error {
	t.header("Customer ID", "Name", "Email", "Telephone", "City", "Country", "Gender", "Date Of Birth", "Job Title")
	for i, s := range stores {
		for id := p.first[i]; id < p.first[i+1]; id++ {
			if id%every == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			r := newRandom(seed, purposeCustomer, uint64(id))
			who := drawPerson(&r, s.country)
			number := strconv.FormatInt(id, 10)
			born := birthdays[0] + int64(r.below(uint64(birthdays[1]-birthdays[0])))
			if err := t.row(number, who.name, who.mail+number+"@"+one(&r, mailDomains[:]),
				drawTelephone(&r, s.country), s.city, countries[s.country].name, who.gender,
				time.Unix(born*86400, 0).UTC().Format(time.DateOnly), one(&r, jobTitles[:])); err != nil {
				return err
			}
		}
	}
	return nil
}

// birthdays are the first and last day that customers are born.
var birthdays = [2]int64{
	dayOf(time.Date(1944, time.March, 1, 0, 0, 0, 0, time.UTC)),
	dayOf(time.Date(2006, time.December, 31, 0, 0, 0, 0, time.UTC)),
}
