package etl

import (
	"testing"

	"tillstream/internal/database"
	"tillstream/internal/sale"
)

// predecessorTransactions takes whatever is put into it.
const predecessorTransactions = `CREATE TABLE dbo.transactions (
	[Invoice ID] NVARCHAR(400) NULL, [Line] NVARCHAR(400) NULL, [Customer ID] NVARCHAR(400) NULL, [Product ID] NVARCHAR(400) NULL, [Size] NVARCHAR(400) NULL,
	[Color] NVARCHAR(400) NULL, [Unit Price] NVARCHAR(400) NULL, [Quantity] NVARCHAR(400) NULL, [Date] NVARCHAR(400) NULL, [Discount] NVARCHAR(400) NULL,
	[Line Total] NVARCHAR(400) NULL, [Store ID] NVARCHAR(400) NULL, [Employee ID] NVARCHAR(400) NULL, [Currency] NVARCHAR(400) NULL,
	[Currency Symbol] NVARCHAR(400) NULL, [SKU] NVARCHAR(400) NULL, [Transaction Type] NVARCHAR(400) NULL, [Payment Method] NVARCHAR(400) NULL,
	[Invoice Total] NVARCHAR(400) NULL)`

// put puts lines into the source as they are.
func (l *lab) put(rows ...sale.Row) {
	l.Helper()
	for _, row := range rows {
		values := make([]any, len(row))
		for i, text := range row {
			values[i] = text
		}
		l.insert("dbo.transactions", sale.Columns[:], values)
	}
}

// The predecessor's database as it stands: numbers of any type, no keys, no row
// versions, NULLs, columns that nobody needs and some that are missing. It becomes
// the same facts as our own source.
func TestPredecessorsSource(t *testing.T) {
	own := newLab(t)
	own.reference()
	lines := []sale.Row{
		with(nil),
		with(map[sale.Column]string{sale.LineNumber: "2", sale.UnitPrice: "19.99", sale.Quantity: "3", sale.LineTotal: "35.98", sale.Discount: "0.4", sale.InvoiceTotal: "135.98", sale.Size: ""}),
		with(map[sale.Column]string{sale.InvoiceID: "RET-DE-002-1", sale.StoreID: "2", sale.Currency: "EUR", sale.TransactionType: "Return", sale.LineTotal: "-0.07", sale.UnitPrice: "0.07", sale.Quantity: "1"}),
	}
	own.sell(lines...)
	own.load()

	number, date := "FLOAT", "DATETIME"
	if own.source.Engine() == database.SQLite {
		number = "REAL"
	}
	l := predecessorLab(t,
		`CREATE TABLE dbo.transactions ([invoice id] NVARCHAR(50) NULL, [Line] `+number+` NULL, [Customer ID] `+number+` NULL, [Product ID] INT NULL,
			[Size] NVARCHAR(20) NULL, [Color] NVARCHAR(20) NULL, [Unit Price] `+number+` NULL, [Quantity] INT NULL, [Date] `+date+` NULL, [Discount] `+number+` NULL,
			[Line Total] `+number+` NULL, [Store ID] INT NULL, [Employee ID] INT NULL, [Currency] NVARCHAR(3) NULL, [SKU] NVARCHAR(50) NULL,
			[Transaction Type] NVARCHAR(20) NULL, [Payment Method] NVARCHAR(20) NULL, [Invoice Total] `+number+` NULL, [column20] NVARCHAR(20) NULL)`,
		"CREATE TABLE dbo.stores ([Store ID] INT NULL, [Country] NVARCHAR(50) NULL, [City] NVARCHAR(50) NULL, [Store Name] NVARCHAR(50) NULL, [Number of Employees] INT NULL, [ZIP Code] NVARCHAR(50) NULL, [Latitude] "+number+" NULL, [Longitude] "+number+" NULL)",
		"CREATE TABLE dbo.employees ([Employee ID] INT NULL, [Store ID] INT NULL, [Name] NVARCHAR(50) NULL, [Position] NVARCHAR(50) NULL)",
		"CREATE TABLE dbo.customers ([Customer ID] INT NULL, [Name] NVARCHAR(50) NULL, [Email] NVARCHAR(50) NULL, [Telephone] NVARCHAR(50) NULL, [City] NVARCHAR(50) NULL, [Country] NVARCHAR(50) NULL, [Gender] NVARCHAR(5) NULL, [Date Of Birth] DATE NULL, [Job Title] NVARCHAR(50) NULL)",
		"CREATE TABLE dbo.products ([Product ID] INT NULL, [Category] NVARCHAR(50) NULL, [Sub Category] NVARCHAR(50) NULL, [Description PT] NVARCHAR(50) NULL, [Description DE] NVARCHAR(50) NULL, [Description FR] NVARCHAR(50) NULL, [Description ES] NVARCHAR(50) NULL, [Description EN] NVARCHAR(50) NULL, [Description ZH] NVARCHAR(50) NULL, [Color] NVARCHAR(50) NULL, [Sizes] NVARCHAR(50) NULL, [Production Cost] "+number+" NULL)",
		"CREATE TABLE dbo.discounts ([Start] DATE NULL, [End] DATE NULL, [Discont] "+number+" NULL, [Description] NVARCHAR(50) NULL, [Category] NVARCHAR(50) NULL, [Sub Category] NVARCHAR(50) NULL)",
		"CREATE TABLE dbo.sizes ([Size] NVARCHAR(50) NULL)")
	l.insert("dbo.stores", storeDimension.columns, []any{1, "United States", "New York", "Store New York", 13, "10001", 40.7128, -74.006},
		[]any{2, "Deutschland", "Berlin", "Store Berlin", 9, "10115", 52.52, 13.405})
	l.insert("dbo.employees", employeeDimension.columns, []any{3, 1, "Jada Garrett", "Seller"})
	l.insert("dbo.customers", customerDimension.columns, []any{7, "Kayla Lawson", "k@example.org", "+1-555", "Boston", "United States", "F", "1990-06-15", "Baker"})
	l.insert("dbo.products", productDimension.columns, []any{11, "Feminine", "Coats and Blazers", "Casaco", "Mantel", "Manteau", "Abrigo", "Coat", "大衣", "RED", 16.8, "S|M|XL"})
	l.insert("dbo.discounts", campaignColumns, []any{"2024-03-01", "2024-03-10", 0.4, "Spring", "Feminine", "Coats and Blazers"},
		[]any{"2024-03-01", "2024-03-10", 0.4, "Spring for her", "Feminine", nil}, []any{"2024-03-01", "2024-03-10", 0.4, "Spring for all", nil, nil})
	columns := []string{"Invoice ID", "Line", "Customer ID", "Product ID", "Size", "Color", "Unit Price", "Quantity", "Date", "Discount", "Line Total",
		"Store ID", "Employee ID", "Currency", "SKU", "Transaction Type", "Payment Method", "Invoice Total", "column20"}
	l.insert("dbo.transactions", columns,
		[]any{"INV-US-001-00000001", 1.0, 7.0, 11, "M", "RED", 50.0, 2, "2024-03-05 10:30:00", 0.0, 100.0, 1, 3, "USD", "FECO11-M-RED", "Sale", "Cash", 100.0, nil},
		[]any{"INV-US-001-00000001", 2.0, 7.0, 11, nil, "RED", 19.99, 3, "2024-03-05 10:30:00", 0.4, 35.98, 1, 3, "USD", "FECO11-M-RED", "Sale", "Cash", 135.98, nil},
		[]any{"RET-DE-002-1", 1.0, 7.0, 11, "M", "RED", 0.07, 1, "2024-03-05 10:30:00", 0.0, -0.07, 2, 3, "EUR", "FECO11-M-RED", "Return", "Cash", 100.0, nil})
	got := l.load()
	if got.Inserted != 2+1+1+1+3+3 || got.Rejected != 0 {
		t.Errorf("got %+v", got)
	}
	if got, want := l.content(), own.content(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	before := l.content()
	if again := l.load(); again.Inserted+again.Updated+again.Rejected != 0 || l.content() != before {
		t.Errorf("loading again changes something: %+v", again)
	}
	// A change is found by comparing, with as much memory as the passes are allowed.
	mustExec(t, l.source, "UPDATE dbo.transactions SET [Line Total] = 30.5 WHERE [Line] = 2")
	if again := l.load(); again.Updated != 1 || again.Inserted != 0 || again.NetUSD != "130.42" {
		t.Errorf("got %+v", again)
	}
}

// Which of two lines of the same identity a source without keys shows first may
// change; the one that was loaded stays.
func TestConflictsDoNotTakeTurns(t *testing.T) {
	l := predecessorLab(t, predecessorTransactions)
	red, blue := with(nil), with(map[sale.Column]string{sale.Color: "BLUE"})
	l.put(red, blue)
	l.load()
	before := l.content()
	mustExec(t, l.source, "DELETE FROM dbo.transactions")
	l.put(blue, red)
	if got := l.load(); got.Inserted+got.Updated != 0 || got.Rejected != 1 || l.content() != before {
		t.Errorf("they have changed places: %+v", got)
	}
	mustExec(t, l.source, "DELETE FROM dbo.transactions")
	l.put(blue)
	if got := l.load(); got.Updated != 1 || got.Rejected != 0 {
		t.Errorf("the other one is alone now: %+v", got)
	}
	l.same("SELECT color FROM dw.fact_sales", "BLUE")
}
