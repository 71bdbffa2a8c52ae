package sale

// Reason is why a message cannot be used: the label `reason` of
// rejected_lines_total and the dead letter's header.
type Reason string

// The reasons there are.
const (
	NotJSON         Reason = "not_json"         // no JSON object of strings and numbers
	BadText         Reason = "bad_text"         // a NUL character, no UTF-8, or longer than MaxText
	MissingColumn   Reason = "missing_column"   // one of the columns that a line needs is missing or empty
	BadLine         Reason = "bad_line"         // Line is no whole number from 1
	BadQuantity     Reason = "bad_quantity"     // Quantity is no whole number from 1
	BadAmount       Reason = "bad_amount"       // Line Total is no decimal number, or is out of range
	BadDate         Reason = "bad_date"         // Date is no date that exists, or missing and Kafka has no time either
	BadType         Reason = "bad_type"         // Transaction Type is there, but neither Sale nor Return
	UnknownCurrency Reason = "unknown_currency" // there is no rate for the Currency
	UnknownCountry  Reason = "unknown_country"  // neither the store nor the invoice number tells the country
	Conflict        Reason = "conflict"         // the identity is taken by a line of other content
)

// Reasons are all of them, Conflict excepted: a conflict is found by comparing
// lines, not by reading one, and has a counter of its own.
var Reasons = []Reason{NotJSON, BadText, MissingColumn, BadLine, BadQuantity, BadAmount, BadDate, BadType, UnknownCurrency, UnknownCountry}

// MaxText is the longest value of a column, in bytes. The published data's
// longest has 23.
const MaxText = 255

// Reject is the error of a line that cannot be used.
type Reject struct {
	Reason Reason
	Detail string // for people: what is wrong, with the value
}

// Error returns the reason and the detail.
func (r *Reject) Error() string { return string(r.Reason) + ": " + r.Detail }
