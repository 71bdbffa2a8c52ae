package generator

import (
	"context"
	"strconv"
)

// The currencies, in the order of every table indexed by currency.
const (
	usd = iota
	eur
	cny
	gbp
	numCurrencies
)

var currencyCodes = [numCurrencies]string{usd: "USD", eur: "EUR", cny: "CNY", gbp: "GBP"}

// country is what is common to the stores of a country.
type country struct {
	code     string // in invoice numbers; UK is not ISO 3166, but it is what is published
	name     string // as published: in the country's own language
	currency int

	// season is the revenue of an average day of the month in thousandths of that
	// of an average day, January first. Source: calibration/monthly_revenue_by_country.csv,
	// 2023 and 2024 together.
	season [12]uint64
}

const (
	us = iota
	cn
	de
	uk
	fr
	es
	pt
	numCountries
)

var countries = [numCountries]country{
	us: {"US", "United States", usd, [12]uint64{567, 505, 1158, 963, 852, 658, 680, 609, 1452, 1283, 1068, 2170}},
	cn: {"CN", "中国", cny, [12]uint64{528, 527, 1122, 959, 853, 766, 659, 646, 1390, 1389, 964, 2161}},
	de: {"DE", "Deutschland", eur, [12]uint64{514, 423, 1248, 982, 1038, 647, 637, 640, 1354, 1207, 947, 2315}},
	uk: {"UK", "United Kingdom", gbp, [12]uint64{555, 523, 1180, 1017, 1053, 722, 684, 607, 1389, 1115, 918, 2200}},
	fr: {"FR", "France", eur, [12]uint64{500, 463, 1181, 925, 1042, 701, 688, 627, 1358, 1239, 989, 2242}},
	es: {"ES", "España", eur, [12]uint64{497, 414, 1314, 1030, 954, 803, 574, 586, 1278, 1257, 951, 2296}},
	pt: {"PT", "Portugal", eur, [12]uint64{534, 424, 1271, 984, 919, 753, 548, 613, 1333, 1296, 977, 2303}},
}

// numStores is the number of stores; Store IDs are 1 to numStores.
const numStores = 35

// store is one row of stores.csv and its part of the business. Its Store ID is its
// index in stores plus 1.
type store struct {
	country             int
	city, zip           string
	latitude, longitude string

	// staff is how many rows of employees.csv are this store's; ids run on from
	// store to store, 404 in all, and so match those of the published data.
	staff int

	// weight is the store's share of all lines, in 100,000ths. Source:
	// calibration/revenue_by_store.csv, each revenue divided by its country's
	// average price (average_price_by_country_category.csv), because revenue is in
	// each country's own currency.
	weight uint64
}

var stores = [numStores]store{
	{us, "New York", "10001", "40.7128", "-74.006", 13, 7454},
	{us, "Los Angeles", "90001", "34.0522", "-118.2437", 11, 7099},
	{us, "Chicago", "60601", "41.8781", "-87.6298", 12, 3725},
	{us, "Houston", "77002", "29.7604", "-95.3698", 13, 4889},
	{us, "Phoenix", "85003", "33.4484", "-112.074", 12, 3184},
	{cn, "上海", "200001", "31.2304", "121.4737", 11, 5979},
	{cn, "北京", "100006", "39.9042", "116.4074", 13, 4504},
	{cn, "广州", "510030", "23.1291", "113.2644", 13, 5846},
	{cn, "深圳", "518001", "22.5429", "114.0596", 12, 4899},
	{cn, "重庆", "400010", "29.5638", "106.5505", 13, 3125},
	{de, "Berlin", "10117", "52.5125", "13.3903", 12, 4215},
	{de, "Hamburg", "20095", "53.5503", "9.992", 13, 2507},
	{de, "München", "80331", "48.1371", "11.5763", 12, 1739},
	{de, "Köln", "50667", "50.938", "6.9578", 11, 1914},
	{de, "Frankfurt am Main", "60313", "50.1145", "8.6785", 13, 1185},
	{uk, "London", "W1B 5TB", "51.5072", "-0.1275", 10, 2876},
	{uk, "Birmingham", "B2 4QA", "52.4862", "-1.8904", 12, 2106},
	{uk, "Glasgow", "G1 3SL", "55.858", "-4.259", 10, 1265},
	{uk, "Liverpool", "L1 8JQ", "53.4084", "-2.9916", 12, 1391},
	{uk, "Bristol", "BS1 3BD", "51.4545", "-2.5879", 10, 2057},
	{fr, "Paris", "75001", "48.8656", "2.343", 10, 2923},
	{fr, "Marseille", "13001", "43.2965", "5.3698", 10, 1752},
	{fr, "Lyon", "69002", "45.764", "4.8357", 11, 1882},
	{fr, "Toulouse", "31000", "43.6047", "1.4442", 11, 1866},
	{fr, "Nice", "06000", "43.7", "7.2684", 12, 1644},
	{es, "Madrid", "28013", "40.438", "-3.6905", 10, 3139},
	{es, "Barcelona", "08002", "41.387", "2.1682", 12, 1346},
	{es, "Valencia", "46002", "39.4693", "-0.3766", 10, 1097},
	{es, "Sevilla", "41004", "37.3906", "-5.9879", 11, 1467},
	{es, "Zaragoza", "50003", "41.6419", "-0.9046", 12, 1881},
	{pt, "Lisboa", "1100-053", "38.7167", "-9.1333", 13, 2993},
	{pt, "Porto", "4000-322", "41.1496", "-8.611", 10, 2209},
	{pt, "Braga", "4700-327", "41.5503", "-8.4201", 12, 1046},
	{pt, "Guimarães", "4800-433", "41.4444", "-8.2962", 12, 1269},
	{pt, "Coimbra", "3000-300", "40.2056", "-8.4196", 10, 1525},
}

// The first four of a store's staff manage, run the till and the stock room; only
// the others appear on lines, as in the published data.
var positions = [...]string{"Store Manager", "Assistant Manager", "Cashier", "Stock Clerk"}

const associate = "Sales Associate"

// firstEmployee is the lowest Employee ID of each store.
var firstEmployee = func() (first [numStores]int) {
	id := 1
	for i, s := range stores {
		first[i] = id
		id += s.staff
	}
	return first
}()

// writeStores writes stores.csv. It is the same for every Config.
func writeStores(_ context.Context, t *table) error {
	t.header("Store ID", "Country", "City", "Store Name", "Number of Employees", "ZIP Code", "Latitude", "Longitude")
	for i, s := range stores {
		if err := t.row(strconv.Itoa(i+1), countries[s.country].name, s.city, "Store "+s.city,
			strconv.Itoa(s.staff), s.zip, s.latitude, s.longitude); err != nil {
			return err
		}
	}
	return nil
}

// writeEmployees writes employees.csv.
func writeEmployees(t *table, seed uint64) error {
	t.header("Employee ID", "Store ID", "Name", "Position")
	for i, s := range stores {
		for n := range s.staff {
			id := firstEmployee[i] + n
			r := newRandom(seed, purposeEmployee, uint64(id))
			position := associate
			if n < len(positions) {
				position = positions[n]
			}
			if err := t.row(strconv.Itoa(id), strconv.Itoa(i+1), drawPerson(&r, s.country).name, position); err != nil {
				return err
			}
		}
	}
	return nil
}
