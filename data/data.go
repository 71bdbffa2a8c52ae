// Package data embeds the reference data that tillstream falls back on when it
// is given none: the published stores and the rates of exchange.
package data

import _ "embed"

// Stores is stores.csv: the 35 published stores.
//
//go:embed stores.csv
var Stores string

// Rates is fx_rates.csv: units of each currency per USD, by date.
//
//go:embed fx_rates.csv
var Rates string
