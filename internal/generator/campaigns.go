package generator

import (
	"strconv"
	"time"
)

// campaign is one discount that comes back every year. Windows and rates are those
// of the published discounts.csv, because the season in calibration/ is what they
// left behind; the words are our own.
type campaign struct {
	from, to    monthDay // both inclusive
	percent     uint8
	description string
	subs        []int // sub categories; none means all
}

type monthDay struct{ month, day int }

func (a monthDay) before(b monthDay) bool {
	return a.month < b.month || a.month == b.month && a.day < b.day
}

var campaigns = [...]campaign{
	{monthDay{1, 1}, monthDay{1, 10}, 40, "New year, warm wardrobe: 40% off winter layers",
		[]int{subFECO, subFESW, subMACO, subMASW, subCHCO, subCHSW}},
	{monthDay{3, 15}, monthDay{3, 31}, 35, "First days of spring: 35% off lighter pieces",
		[]int{subFEDR, subFESH, subMAT, subMASH, subCHGI}},
	{monthDay{5, 1}, monthDay{5, 15}, 25, "May weekends: 25% off for the warm days",
		[]int{subFET, subFESK, subFEDR, subMAT, subMAPA, subCHGI, subCHPA, subCHAC}},
	{monthDay{9, 1}, monthDay{9, 15}, 45, "Autumn opening: 45% off last season's favourites",
		[]int{subFEDR, subFESH, subFESK, subMASH, subMAPA, subCHGI, subCHCO}},
	{monthDay{10, 1}, monthDay{10, 10}, 20, "Knitwear days: 20% off what keeps warm and moves",
		[]int{subFESW, subFESP, subMASW, subMASP, subCHSW, subCHAC}},
	{monthDay{11, 27}, monthDay{11, 27}, 60, "Black Friday: 60% off everything, one day only", nil},
	{monthDay{12, 20}, monthDay{12, 31}, 50, "Holiday season: half price on everything", nil},
}

// campaignDemand is how many times more often a discounted sub category is bought:
// in last10k.csv, taken during the spring campaign, the five discounted ones sell
// three times what their likes do.
const campaignDemand = 3

// discounts are the percentages in force on a day, by sub category.
func discounts(d monthDay) (percent [numSubs]uint8) {
	for _, c := range campaigns {
		if d.before(c.from) || c.to.before(d) {
			continue
		}
		if c.subs == nil {
			for s := range percent {
				percent[s] = max(percent[s], c.percent)
			}
		}
		for _, s := range c.subs {
			percent[s] = max(percent[s], c.percent)
		}
	}
	return percent
}

// discountText is how the files spell a percentage: 0.35, 0.4, 0.
var discountText = func() (text [100]string) {
	for p := range text {
		text[p] = string(appendCents(nil, int64(p)))
	}
	return text
}()

// writeDiscounts writes discounts.csv: the campaigns of every year that the period
// touches. "Discont" is how the published header spells it.
func writeDiscounts(t *table, start, end time.Time) error {
	t.header("Start", "End", "Discont", "Description", "Category", "Sub Category")
	for year := start.Year(); year <= end.AddDate(0, 0, -1).Year(); year++ {
		for _, c := range campaigns {
			from, to := appendDate(nil, year, c.from), appendDate(nil, year, c.to)
			subs := c.subs
			if subs == nil {
				subs = []int{-1}
			}
			for _, s := range subs {
				category, name := "", ""
				if s >= 0 {
					category, name = subCategories[s].category(), subCategories[s].name
				}
				if err := t.row(string(from), string(to), discountText[c.percent], c.description, category, name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// appendDate appends a date as 2006-01-02.
func appendDate(dst []byte, year int, d monthDay) []byte {
	for limit := 1000; year < limit && limit > 1; limit /= 10 {
		dst = append(dst, '0')
	}
	dst = strconv.AppendInt(dst, int64(year), 10)
	return append(dst, '-', byte('0'+d.month/10), byte('0'+d.month%10), '-', byte('0'+d.day/10), byte('0'+d.day%10))
}
