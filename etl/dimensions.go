package etl

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
	"github.com/govalues/decimal"

	"tillstream/internal/database"
	"tillstream/internal/sale"
	"tillstream/internal/store"
)

// dimension is one of the four whose history is kept: how a row of the source
// becomes a member.
type dimension struct {
	source     string      // dbo.stores
	columns    []string    // of the source, the ID first
	table      string      // dim_store, in the schema dw
	id         string      // the business key's column
	attributes []attribute // the table's other columns, in the order of read's values
	aggregated bool        // the aggregates go by what its members say, not only by their keys
	// read turns the texts of columns into the values of attributes. Its error is a
	// *sale.Reject.
	read func(values []string) ([]any, error)
}

// key is the surrogate key's column.
func (d *dimension) key() string { return strings.TrimSuffix(d.id, "_id") + "_key" }

// attribute is a column of a dimension.
type attribute struct{ name, definition string }

func textAttribute(name string, length int) attribute {
	return attribute{name, fmt.Sprintf("%s NVARCHAR(%d) NOT NULL", name, length)}
}

// The systems that rows come from, as dimensions name them.
const (
	systemSource   = "source"
	systemInferred = "inferred" // asked for by a fact before the source had it
)

// unknownText stands where a member does not say.
const unknownText = "Unknown"

var storeDimension = dimension{
	source:  "dbo.stores",
	columns: []string{"Store ID", "Country", "City", "Store Name", "Number of Employees", "ZIP Code", "Latitude", "Longitude"},
	table:   "dim_store", id: "store_id",
	attributes: []attribute{textAttribute("country", 2), textAttribute("country_name", 64), textAttribute("city", 255), textAttribute("store_name", 255),
		{"employees", "employees INT NULL"}, textAttribute("zip_code", 255), {"latitude", "latitude FLOAT NULL"}, {"longitude", "longitude FLOAT NULL"}},
	read: func(v []string) ([]any, error) {
		p := parser{}
		code, name := p.country(v[1])
		return p.values(code, name, p.text("City", v[2], 255), p.text("Store Name", v[3], 255),
			p.whole("Number of Employees", v[4]), p.text("ZIP Code", v[5], 255), p.float("Latitude", v[6]), p.float("Longitude", v[7]))
	},
}

var employeeDimension = dimension{
	source:  "dbo.employees",
	columns: []string{"Employee ID", "Store ID", "Name", "Position"},
	table:   "dim_employee", id: "employee_id",
	attributes: []attribute{textAttribute("store_id", 255), textAttribute("name", 255), textAttribute("position", 255)},
	read: func(v []string) ([]any, error) {
		p := parser{}
		return p.values(p.text("Store ID", v[1], 255), p.text("Name", v[2], 255), p.text("Position", v[3], 255))
	},
}

var customerDimension = dimension{
	source:  "dbo.customers",
	columns: []string{"Customer ID", "Name", "Email", "Telephone", "City", "Country", "Gender", "Date Of Birth", "Job Title"},
	table:   "dim_customer", id: "customer_id", aggregated: true,
	attributes: []attribute{textAttribute("name", 255), textAttribute("email", 255), textAttribute("telephone", 255), textAttribute("city", 255), textAttribute("country", 2),
		textAttribute("country_name", 64), textAttribute("gender", 64), {"date_of_birth", "date_of_birth {{date}} NULL"}, textAttribute("job_title", 255)},
	read: func(v []string) ([]any, error) {
		p := parser{}
		code, name := p.country(v[5])
		return p.values(p.text("Name", v[1], 255), p.text("Email", v[2], 255), p.text("Telephone", v[3], 255), p.text("City", v[4], 255),
			code, name, p.text("Gender", v[6], 64), p.date("Date Of Birth", v[7]), p.text("Job Title", v[8], 255))
	},
}

// productDimension's last column is not the table's: it is its sizes, S|M|L, from
// wherever the source has them.
var productDimension = dimension{
	source: "dbo.products",
	columns: []string{"Product ID", "Category", "Sub Category", "Description PT", "Description DE", "Description FR", "Description ES",
		"Description EN", "Description ZH", "Color", "Production Cost", "Sizes"},
	table: "dim_product", id: "product_id", aggregated: true,
	attributes: []attribute{textAttribute("category", 64), textAttribute("sub_category", 64), textAttribute("description_pt", 255), textAttribute("description_de", 255),
		textAttribute("description_fr", 255), textAttribute("description_es", 255), textAttribute("description_en", 255), textAttribute("description_zh", 255),
		textAttribute("color", 255), {"production_cost_micros", "production_cost_micros BIGINT NULL"}, textAttribute("sizes", 255)},
	read: func(v []string) ([]any, error) {
		p := parser{}
		category := p.text("Category", v[1], 64)
		if category == "" {
			category = sale.Categories[len(sale.Categories)-1]
		}
		return p.values(category, p.text("Sub Category", v[2], 64), p.text("Description PT", v[3], 255), p.text("Description DE", v[4], 255),
			p.text("Description FR", v[5], 255), p.text("Description ES", v[6], 255), p.text("Description EN", v[7], 255),
			p.text("Description ZH", v[8], 255), p.text("Color", v[9], 255), p.micros("Production Cost", v[10]), p.text("Sizes", v[11], 255))
	},
}

// member is a row of a dimension on its way.
type member struct {
	id     string
	values []any
	hash   int64
}

// member reads a row of the source. The error is a *sale.Reject.
func (d *dimension) member(row []string) (member, error) {
	p := parser{}
	id := idOf(p.text(d.columns[0], row[0], sale.MaxText))
	if p.reject == nil && id == "" {
		p.reject = &sale.Reject{Reason: sale.MissingColumn, Detail: d.columns[0] + " is missing"}
	}
	if p.reject != nil {
		return member{}, p.reject
	}
	values, err := d.read(row)
	if err != nil {
		return member{}, err
	}
	return member{id: id, values: values, hash: valuesHash(values)}, nil
}

// valuesHash tells whether two versions of a member differ.
func valuesHash(values []any) int64 {
	var buffer [1024]byte
	b := buffer[:0]
	for _, value := range values {
		switch v := value.(type) {
		case nil:
			b = append(b, 1)
		case string:
			b = append(b, v...)
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case float64:
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		case database.Date:
			b = time.Time(v).AppendFormat(b, time.DateOnly)
		default:
			panic(fmt.Sprintf("a member has a value of type %T", value))
		}
		b = append(b, 0)
	}
	return int64(xxhash.Sum64(b))
}

// badNumber is the reason of a dimension's row whose number is none.
const badNumber sale.Reason = "bad_number"

// parser reads the columns of a row. It keeps the first thing that is wrong.
type parser struct{ reject *sale.Reject }

func (p *parser) values(values ...any) ([]any, error) {
	if p.reject != nil {
		return nil, p.reject
	}
	return values, nil
}

func (p *parser) fail(reason sale.Reason, format string, args ...any) {
	if p.reject == nil {
		p.reject = &sale.Reject{Reason: reason, Detail: fmt.Sprintf(format, args...)}
	}
}

// text reads a text of at most so many characters.
func (p *parser) text(column, value string, most int) string {
	switch {
	case !utf8.ValidString(value) || strings.IndexByte(value, 0) >= 0:
		p.fail(sale.BadText, "%s holds a NUL character or is not UTF-8", column)
	case len(value) > most && utf8.RuneCountInString(value) > most:
		p.fail(sale.BadText, "%s has %d characters, more than %d", column, utf8.RuneCountInString(value), most)
	}
	return value
}

// country reads a country by any of its names. One that is not known here keeps
// its name and has no code.
func (p *parser) country(value string) (code, name string) {
	if code, ok := store.CountryNamed(strings.TrimSpace(value)); ok {
		return code, store.CountryName(code)
	}
	if value == "" {
		value = unknownText
	}
	return "", p.text("Country", value, 64)
}

// whole reads a whole number, empty for none.
func (p *parser) whole(column, value string) any {
	if value == "" {
		return nil
	}
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil {
		p.fail(badNumber, "%s is %q, no whole number", column, value)
	}
	return n
}

// float reads a number that is measured, not counted.
func (p *parser) float(column, value string) any {
	if value == "" {
		return nil
	}
	f, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		p.fail(badNumber, "%s is %q, no number", column, value)
	}
	return f
}

// micros reads an amount, in millionths.
func (p *parser) micros(column, value string) any {
	if value == "" {
		return nil
	}
	amount, err := decimal.Parse(value)
	micros, ok := int64(0), false
	if err == nil {
		micros, ok = exactMicros(amount)
	}
	if !ok {
		p.fail(badNumber, "%s is %q, no amount that millionths can hold", column, value)
	}
	return micros
}

// date reads a day.
func (p *parser) date(column, value string) any {
	if value == "" {
		return nil
	}
	at, ok := sale.ParseDate(value)
	if !ok {
		p.fail(sale.BadDate, "%s is %q, no date like 2023-01-31", column, value)
	}
	return database.Date(at.Truncate(24 * time.Hour))
}
