package generator

import (
	"strconv"
	"strings"
)

// Sub categories, numbered as in the published data: a product's is its Product ID
// modulo numSubs.
const (
	subCHAC = iota
	subFECO
	subFESW
	subFEDR
	subFESH
	subFET
	subFEPA
	subFESK
	subFESU
	subFESP
	subFELI
	subFEAC
	subMACO
	subMASW
	subMAT
	subMASH
	subMAPA
	subMASU
	subMASP
	subMAUN
	subMAAC
	subCHBA
	subCHGI
	subCHCO
	subCHSW
	subCHPA
	numSubs
)

// subCategory is one of a category's kinds of goods.
type subCategory struct {
	code string // as the SKU begins: category, then two letters (T- for T-shirts)
	name string

	// weight is how often a line is of this kind when no campaign is on: counts in
	// last10k.csv, those of the five then discounted kinds divided by 3.
	weight uint64

	// low and high are the range of prices in half dollars. Ranges in last10k.csv,
	// scaled by 0.87 to the lower average prices of the two years in
	// calibration/average_price_by_country_category.csv.
	low, high int

	// plain is how many of 1000 products have no colour; counts in last10k.csv.
	plain uint64

	sizes *sizeSet
}

// sizeSet is a row of sizes with how often each is sold; counts in last10k.csv.
type sizeSet struct {
	names   []string
	weights []uint64 // cumulative
}

var (
	sizesNone   = &sizeSet{[]string{""}, cumulate(1)}
	sizesWomen  = &sizeSet{[]string{"S", "M", "L", "XL"}, cumulate(42, 39, 14, 5)}
	sizesMen    = &sizeSet{[]string{"M", "L", "XL", "XXL"}, cumulate(62, 23, 8, 7)}
	sizesWaistF = &sizeSet{[]string{"36", "38", "40", "42", "44", "46"}, cumulate(39, 39, 10, 6, 3, 3)}
	sizesWaistM = &sizeSet{[]string{"38", "40", "42", "44", "46", "48"}, cumulate(57, 15, 5, 9, 6, 8)}
	sizesSmall  = &sizeSet{[]string{"P", "M", "G"}, cumulate(43, 39, 18)}
	sizesGrow   = &sizeSet{[]string{"P", "M", "G", "GG"}, cumulate(42, 38, 16, 4)}
)

var subCategories = [numSubs]subCategory{
	subCHAC: {"CHAC", "Accessories", 101, 10, 62, 990, sizesNone},
	subFECO: {"FECO", "Coats and Blazers", 339, 84, 204, 140, sizesWomen},
	subFESW: {"FESW", "Sweaters and Knitwear", 302, 60, 124, 90, sizesWomen},
	subFEDR: {"FEDR", "Dresses and Jumpsuits", 328, 86, 162, 160, sizesWomen},
	subFESH: {"FESH", "Shirts and Blouses", 321, 40, 122, 1000, sizesWomen},
	subFET:  {"FET-", "T-shirts and Tops", 292, 31, 82, 1000, sizesWomen},
	subFEPA: {"FEPA", "Pants and Jeans", 293, 62, 200, 990, sizesWaistF},
	subFESK: {"FESK", "Skirts and Shorts", 291, 40, 82, 970, sizesWomen},
	subFESU: {"FESU", "Suits and Sets", 315, 146, 266, 1000, sizesWomen},
	subFESP: {"FESP", "Sportswear", 297, 62, 122, 1000, sizesWomen},
	subFELI: {"FELI", "Lingerie and Pajamas", 135, 41, 82, 1000, sizesWomen},
	subFEAC: {"FEAC", "Accessories", 166, 14, 61, 830, sizesNone},
	subMACO: {"MACO", "Coats and Blazers", 285, 82, 204, 200, sizesMen},
	subMASW: {"MASW", "Sweaters and Sweatshirts", 311, 64, 122, 100, sizesMen},
	subMAT:  {"MAT-", "T-shirts and Polos", 320, 31, 122, 140, sizesMen},
	subMASH: {"MASH", "Shirts", 330, 41, 82, 990, sizesMen},
	subMAPA: {"MAPA", "Pants and Jeans", 319, 68, 204, 980, sizesWaistM},
	subMASU: {"MASU", "Suits and Blazers", 303, 146, 262, 990, sizesMen},
	subMASP: {"MASP", "Sportswear", 307, 62, 124, 1000, sizesMen},
	subMAUN: {"MAUN", "Underwear and Pajamas", 131, 44, 82, 1000, sizesMen},
	subMAAC: {"MAAC", "Accessories", 168, 10, 61, 900, sizesNone},
	subCHBA: {"CHBA", "Baby (0-12 months)", 77, 40, 82, 100, sizesSmall},
	subCHGI: {"CHGI", "Girl and Boy (1-5 years, 6-14 years)", 460, 64, 122, 190, sizesGrow},
	subCHCO: {"CHCO", "Coats", 90, 82, 142, 140, sizesSmall},
	subCHSW: {"CHSW", "Sweaters", 97, 62, 102, 980, sizesSmall},
	subCHPA: {"CHPA", "Pajamas", 102, 41, 80, 990, sizesSmall},
}

// category is the published name of the category that the code begins with.
func (s *subCategory) category() string {
	switch s.code[:2] {
	case "FE":
		return "Feminine"
	case "MA":
		return "Masculine"
	}
	return "Children"
}

// meanPrice is the average price in half dollars.
func (s *subCategory) meanPrice() uint64 { return uint64(s.low+s.high) / 2 }

// priceLevel is a currency's price level in hundredths of the price in dollars
// (average_price_by_country_category.csv: each country's averages to those of the
// United States). Prices are whole or half units, as published.
var priceLevel = [numCurrencies]int{usd: 100, eur: 90, cny: 776, gbp: 63}

// maxHalfUnits is above every price in half units of its currency.
const maxHalfUnits = 266*776/100 + 1

// Colours and how often they occur; counts in last10k.csv.
var (
	colors = [...]string{"LILAC", "TURQUOISE", "YELLOW", "GREEN", "WHITE", "RED", "BLACK", "MUSTARD",
		"PINK", "BLUE", "SILVER", "NEUTRAL", "BEIGE", "BURGUNDY", "GOLD"}
	colorWeights = cumulate(398, 378, 349, 333, 319, 312, 307, 269, 266, 263, 249, 240, 222, 98, 83)
)

// product is one article: a kind, one colour or none, and several sizes.
type product struct {
	sub    *subCategory
	idText string
	color  string // empty for a product without one
	skus   []string
	price  [numCurrencies]uint16 // in half units
	cost   int64                 // of production, in US cents
	words  [3]uint8              // of the description, see descriptions.go
}

// catalogue is all products; Product ID is the index plus 1.
type catalogue struct{ products []product }

// The number of products grows with the lines up to that of the published data.
const (
	minProducts  = 150
	maxProducts  = 17_940
	liveProducts = 1_040
)

// newCatalogue makes the products.
func newCatalogue(cfg Config) *catalogue {
	n := min(max(cfg.Lines/100, minProducts), maxProducts)
	if cfg.Lines == 0 {
		n = maxProducts
	}
	if cfg.Live {
		n = min(n, liveProducts)
	}
	c := &catalogue{products: make([]product, n)}
	for i := range c.products {
		c.products[i] = makeProduct(cfg.Seed, i+1)
	}
	return c
}

// makeProduct derives a product from its id.
func makeProduct(seed uint64, id int) product {
	r := newRandom(seed, purposeProduct, uint64(id))
	p := product{sub: &subCategories[id%numSubs]}
	if !r.chance(p.sub.plain) {
		p.color = colors[r.pick(colorWeights)]
	}
	price := r.between(p.sub.low, p.sub.high)
	for c, level := range priceLevel {
		p.price[c] = uint16((price*level + 50) / 100)
	}
	// A quarter to two fifths of the price, which is in half dollars.
	p.cost = int64(price * 50 * r.between(25, 40) / 100)
	for i, n := range [...]int{nounsEach, len(materials), len(details)} {
		p.words[i] = uint8(r.below(uint64(n)))
	}
	number := strconv.Itoa(id)
	// One text for all the product's SKUs, FESW16991-M-BLACK; a missing size or
	// colour leaves its place empty.
	var all []byte
	for _, size := range p.sub.sizes.names {
		all = append(all, p.sub.code...)
		all = append(all, number...)
		all = append(all, '-')
		all = append(all, size...)
		all = append(all, '-')
		all = append(all, p.color...)
	}
	text := string(all)
	for _, size := range p.sub.sizes.names {
		n := len(p.sub.code) + len(number) + len(size) + len(p.color) + 2
		p.skus = append(p.skus, text[:n])
		text = text[n:]
	}
	p.idText = p.skus[0][len(p.sub.code):][:len(number)]
	return p
}

// draw returns the index of a product of the sub category.
func (c *catalogue) draw(r *random, sub int) int {
	first := sub // the lowest id of the kind; there is no id 0
	if first == 0 {
		first = numSubs
	}
	count := (len(c.products)-first)/numSubs + 1
	return first + numSubs*int(r.below(uint64(count))) - 1
}

// writeProducts writes products.csv.
func writeProducts(t *table, c *catalogue) error {
	t.header("Product ID", "Category", "Sub Category", "Description PT", "Description DE", "Description FR",
		"Description ES", "Description EN", "Description ZH", "Color", "Sizes", "Production Cost")
	for i := range c.products {
		p := &c.products[i]
		d := p.describe((i + 1) % numSubs)
		if err := t.row(p.idText, p.sub.category(), p.sub.name, d[0], d[1], d[2], d[3], d[4], d[5],
			p.color, strings.Join(p.sub.sizes.names, "|"), string(appendCents(nil, p.cost))); err != nil {
			return err
		}
	}
	return nil
}
