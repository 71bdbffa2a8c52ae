package terminal

import "time"

// Snapshot is what the view shows at one moment. Amounts are micro-USD (1e-6 USD).
type Snapshot struct {
	// Source says where the lines come from: "generated sales", or a file's name.
	Source string
	// Elapsed is how long the pipeline has been running.
	Elapsed time.Duration

	// NetUSD is what the company earned: SalesUSD less RefundsUSD, in micro-USD.
	NetUSD, SalesUSD, RefundsUSD int64
	// ItemsSold and ItemsReturned are pieces, Invoices counts invoices, and Lines
	// counts the transaction lines that are on disk.
	ItemsSold, ItemsReturned, Invoices, Lines int64
	// Total is how many lines there will be in all; 0 when unknown or without end.
	Total int64

	// Duplicates were dropped, Conflicts and Rejected went to the dead letters; lines.
	Duplicates, Conflicts, Rejected int64
	// Lag is how many messages in Kafka are not yet on disk.
	Lag int64
	// TargetRate is what the producer aims at, lines a second; 0 is as fast as possible.
	TargetRate float64
	// Paused says that the producer is held.
	Paused bool

	// Countries are all countries of the reference data, in any order.
	Countries []Country
	// Latest are the most recent transaction lines, newest first.
	Latest []Sale

	// Ready is what /readyz says, and Reason why it is not.
	Ready  bool
	Reason string
	// Address is where /metrics is served, host:port; empty when it is served nowhere.
	Address string
	// CSV is the file being written; empty when there is none.
	CSV string
}

// Country is what one country earned.
type Country struct {
	// Code is ISO 3166-1 alpha-2, Name the English name.
	Code, Name string
	// NetUSD is sales less refunds in micro-USD; it can be negative.
	NetUSD int64
}

// Sale is one transaction line.
type Sale struct {
	// Time is the store's local time; it is shown as it is, in its own location.
	Time time.Time
	// City and Country are the store's; Product is a name or an SKU.
	City, Country, Product, Payment string
	// Quantity is in pieces and positive for returns too, as published.
	Quantity int64
	// Return marks a refund.
	Return bool
	// Amount is the line total in its own currency with its symbol: "€40.62".
	// The view adds the minus sign of a refund where it is missing.
	Amount string
	// USD is the line's value in micro-USD, negative for a refund.
	USD int64
}

// Actions are what the keys do. The key of a nil action is not offered. They
// are called one after the other from a goroutine of [Run]'s own, so one that
// takes its time does not freeze the screen.
type Actions struct {
	// Quit asks the program to finish gracefully (q, ctrl+c). It is called once.
	Quit func()
	// SetRate changes the producer's rate, lines a second; 0 is as fast as possible (+, -).
	SetRate func(perSecond float64)
	// SetPaused holds the producer, or lets it go on (p).
	SetPaused func(bool)
}
