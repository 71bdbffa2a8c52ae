package etl

import (
	"fmt"
	"strings"

	"tillstream/internal/database"
)

// importText is what the statements of sql/import are made with.
type importText struct {
	Table   string // dbo.transactions
	Short   string // transactions
	Stage   string // its rows on their way
	Doubles string // keys that come twice among them
	Columns []importField
}

// importField is a column in a statement.
type importField struct {
	Name      string // quoted
	StageType string // its type in the stage
	Value     string // what the table gets of a staged row s
	Null      bool
	Sum       bool // its sum is compared, in units of
	Unit      int  // these: 1, or 1,000,000 where amounts are not in millionths
	column    int  // its number in importTable.columns
	key       bool
	staged    bool
	binary    string // behind a text, to compare it as it is written
}

// newImportText describes a table to the statements.
func newImportText(t *importTable, stage, doubles string, engine database.Engine) *importText {
	text := &importText{Table: t.name, Short: t.short(), Stage: stage, Doubles: doubles}
	for i := range t.columns {
		c := &t.columns[i]
		f := importField{column: i, Name: database.QuoteName(c.name), Null: c.null, key: t.isKey(c.name), staged: c.staged}
		f.Value, f.Unit = "s."+f.Name, 1
		switch c.kind {
		case aText:
			f.StageType = fmt.Sprintf("NVARCHAR(%d)", c.size)
			if engine == database.SQLServer {
				f.binary = " COLLATE Latin1_General_BIN2" // the usual collation finds a and A the same
			}
		case aWhole:
			f.StageType, f.Sum = "INT", true
		case aMoney:
			f.StageType = "NVARCHAR(32)"
			if engine == database.SQLServer {
				// Some compatible servers misread DECIMALs that are copied in bulk, so
				// amounts travel in millionths.
				f.StageType, f.Sum, f.Value = "BIGINT", true, "CAST(s."+f.Name+" * 0.000001 AS {{money}})"
			}
		case aDay:
			f.StageType = "DATE"
		case aMoment:
			f.StageType = "DATETIME2(0)"
		}
		text.Columns = append(text.Columns, f)
	}
	return text
}

// filled describes the table itself where it was filled without the stage, to
// check.sql.
func (t *importText) filled() *importText {
	direct := *t
	direct.Stage, direct.Columns = t.Table, t.Kept()
	for i := range direct.Columns {
		if f := &direct.Columns[i]; f.StageType == "BIGINT" {
			f.Unit = millionth
		}
	}
	return &direct
}

// Places is how many decimals the column has.
func (f importField) Places() int {
	if f.Unit == millionth {
		return microsScale
	}
	return 0
}

// millionth is how many there are in a whole.
const millionth = 1_000_000

// pick returns the columns for which want says so.
func (t *importText) pick(want func(*importField) bool) (picked []importField) {
	for i := range t.Columns {
		if want(&t.Columns[i]) {
			picked = append(picked, t.Columns[i])
		}
	}
	return picked
}

// Kept are the columns that the table has.
func (t *importText) Kept() []importField {
	return t.pick(func(f *importField) bool { return !f.staged })
}

// Keys are those that tell rows apart.
func (t *importText) Keys() []importField {
	return t.pick(func(f *importField) bool { return f.key })
}

// Values are those of the table that are not in the key.
func (t *importText) Values() []importField {
	return t.pick(func(f *importField) bool { return !f.key && !f.staged })
}

// Others are all that are not in the key, whether the table has them or not.
func (t *importText) Others() []importField {
	return t.pick(func(f *importField) bool { return !f.key })
}

// Changed compares the column of the table with the staged value.
func (f importField) Changed(table string) string {
	return f.differ(table+"."+f.Name, f.Value)
}

// Differs compares the column of two staged rows.
func (f importField) Differs(a, b string) string { return f.differ(a+"."+f.Name, b+"."+f.Name) }

func (f importField) differ(a, b string) string {
	unequal := a + " <> " + b + f.binary
	if !f.Null {
		return unequal
	}
	return strings.NewReplacer("$a", a, "$b", b).Replace("(" + unequal + " OR ($a IS NULL AND $b IS NOT NULL) OR ($a IS NOT NULL AND $b IS NULL))")
}
