package terminal

import (
	"math"
	"time"
)

// day is a snapshot with the totals of last10k.csv (data/README.md) in the midst
// of a run; every call returns a new one.
func day() Snapshot {
	at := func(second int) time.Time {
		return time.Date(2025, 4, 15, 15, 42, second, 0, time.FixedZone("store", 8*3600))
	}
	usd := func(cents int64) int64 { return cents * microsPerCent }
	return Snapshot{
		Source:  "last10k.csv",
		Elapsed: 83 * time.Second,
		NetUSD:  463_220_512_345, SalesUSD: 484_289_010_000, RefundsUSD: 21_068_490_000,
		ItemsSold: 10_567, ItemsReturned: 424, Invoices: 7_096, Lines: 10_000, Total: 12_500,
		Duplicates: 12, Rejected: 3, Lag: 7, TargetRate: 120,
		Countries: []Country{
			{"PT", "Portugal", usd(38_443_94)}, {"US", "United States", usd(134_443_04)},
			{"GB", "United Kingdom", usd(20_969_67)}, {"CN", "China", usd(118_577_54)},
			{"DE", "Germany", usd(57_156_41)}, {"ES", "Spain", usd(39_319_73)},
			{"FR", "France", usd(54_310_18)},
		},
		Latest: []Sale{
			{at(59), "上海", "China", "MAT-17876-XXL-TURQUOISE", "Cash", 1, false, "¥262.00", usd(40_62)},
			{at(58), "New York", "United States", "MASW16991-M-BLACK", "Credit Card", 2, false, "$89.00", usd(89_00)},
			{at(58), "Frankfurt am Main", "Germany", "CHGI17806-P-MUSTARD", "Cash", 1, true, "€40.62", usd(-44_15)},
			{at(57), "Guimarães", "Portugal", "FESH1081-S-", "Credit Card", 3, false, "€1,043.25", usd(1_133_97)},
			{at(55), "北京", "China", "FECO90-L-红色", "Credit Card", 1, true, "-¥1,290.00", usd(-200_00)},
			{at(54), "London", "United Kingdom", "MASP16476-M-", "Cash", 1, false, "£58.50", usd(71_34)},
			{at(53), "München", "Germany", "FESH1081-S-", "Cash", 1, false, "€25.75", usd(27_99)},
		},
		Ready: true, Address: "localhost:9090", CSV: "live_transactions.csv",
	}
}

// minute is a minute's pace: a wave about 120 lines a second.
func minute() []float64 {
	rates := make([]float64, 60)
	for i := range rates {
		rates[i] = 120 + 60*math.Sin(float64(i)/5)
	}
	return rates
}

// opening is a snapshot before the first line.
func opening() Snapshot {
	s := day()
	s.Elapsed, s.Source, s.Total = 0, "generated sales", 0
	s.NetUSD, s.SalesUSD, s.RefundsUSD = 0, 0, 0
	s.ItemsSold, s.ItemsReturned, s.Invoices, s.Lines = 0, 0, 0, 0
	s.Duplicates, s.Rejected, s.Lag, s.Latest = 0, 0, 0, nil
	for i := range s.Countries {
		s.Countries[i].NetUSD = 0
	}
	return s
}

// huge is a snapshot in which every number has at least 12 digits.
func huge() Snapshot {
	s := day()
	const trillion = 1_000_000 * 1_000_000_000_000 // USD
	s.NetUSD, s.SalesUSD, s.RefundsUSD = trillion-1, trillion+trillion/10, trillion/10
	s.ItemsSold, s.ItemsReturned, s.Invoices = 999_999_999_999, 123_456_789_012, 100_000_000_000
	s.Lines, s.Total, s.Lag = 999_999_999_999, 1_000_000_000_000, 999_999_999_999
	s.Duplicates, s.Conflicts, s.Rejected = 999_999_999_999, 999_999_999_999, 999_999_999_999
	s.TargetRate, s.Elapsed = 1_000_000, 1000*time.Hour
	for i := range s.Countries {
		s.Countries[i].NetUSD = trillion - int64(i)
	}
	for i := range s.Latest {
		s.Latest[i].Quantity, s.Latest[i].USD = 999_999, trillion-1
		s.Latest[i].Amount = "¥999,999,999,999.99"
	}
	return s
}

// loss is a snapshot in which more was given back than sold.
func loss() Snapshot {
	s := day()
	s.NetUSD, s.RefundsUSD = -12_300_000, 484_301_310_000
	for i := range s.Countries {
		s.Countries[i].NetUSD = -s.Countries[i].NetUSD
	}
	s.Countries[0].NetUSD = 500 * 1_000_000
	return s
}
