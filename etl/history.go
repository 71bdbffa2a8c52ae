package etl

import (
	"context"
	"fmt"

	"tillstream/internal/database"
	"tillstream/internal/sale"
	"tillstream/internal/store"
)

// History is what a warehouse holds, in short.
type History struct {
	Warehouse string           `json:"warehouse"` // its address
	Lines     int64            `json:"lines"`
	Invoices  int64            `json:"invoices"`
	NetUSD    string           `json:"net_usd"`
	Countries []CountryHistory `json:"countries"` // by net revenue, the highest first
}

// CountryHistory is the part of a country.
type CountryHistory struct {
	Country  string `json:"country"` // in English
	Invoices int64  `json:"invoices"`
	NetUSD   string `json:"net_usd"`
}

// ReadHistory adds up what the warehouse at an address holds.
func ReadHistory(ctx context.Context, address string) (h History, err error) {
	dw, err := database.Open(ctx, address)
	if err != nil {
		return History{}, fmt.Errorf("the warehouse: %w", err)
	}
	defer dw.Close()
	defer func() {
		if err != nil {
			err = fmt.Errorf("adding up the warehouse: %w", err)
		}
	}()
	rows, err := dw.Query(ctx, `SELECT country, SUM(sale_lines + return_lines), SUM(sale_invoices + return_invoices), SUM(sales_usd_micros - refunds_usd_micros) AS net
		FROM dw.agg_day GROUP BY country ORDER BY net DESC, country`)
	if err != nil {
		return History{}, err
	}
	defer rows.Close()
	h = History{Warehouse: dw.Address(), Countries: []CountryHistory{}}
	var total sale.Micros
	for rows.Next() {
		var code string
		var lines, invoices, net int64
		if err := rows.Scan(&code, &lines, &invoices, &net); err != nil {
			return History{}, err
		}
		h.Lines += lines
		h.Invoices += invoices
		total += sale.Micros(net)
		h.Countries = append(h.Countries, CountryHistory{Country: store.CountryName(code), Invoices: invoices, NetUSD: sale.Micros(net).String()})
	}
	h.NetUSD = total.String()
	return h, rows.Err()
}
