package etl

import (
	"context"
	"fmt"

	"tillstream/internal/database"
)

// How many customers have a sale is counted apart: to count the rows of
// dw.agg_customer takes a row store longer than a dashboard may wait.
const (
	customerTable = "dw.agg_customer"
	countTable    = "dw.agg_customer_count"
)

// countCustomers counts all customers anew. A line without a Customer ID is nobody's.
func countCustomers(ctx context.Context, tx *database.Tx) error {
	// Comparing each ID with the empty one would take longer than the counting.
	for _, text := range []string{
		"INSERT INTO dw.agg_customer_count (year, country, customers) SELECT year, country, COUNT(*) FROM dw.agg_customer WHERE sale_lines > 0 GROUP BY year, country",
		`UPDATE dw.agg_customer_count SET customers = customers - 1
			WHERE EXISTS (SELECT 1 FROM dw.agg_customer AS a
				WHERE a.year = dw.agg_customer_count.year AND a.country = dw.agg_customer_count.country AND a.customer_id = '' AND a.sale_lines > 0)`,
	} {
		if _, err := tx.Exec(ctx, text); err != nil {
			return fmt.Errorf("counting customers: %w", err)
		}
	}
	return deleteCountless(ctx, tx)
}

// deleteCountless deletes the counts that nothing is left of.
func deleteCountless(ctx context.Context, tx *database.Tx) error {
	if _, err := tx.Exec(ctx, "DELETE FROM dw.agg_customer_count WHERE customers = 0"); err != nil {
		return fmt.Errorf("counting customers: %w", err)
	}
	return nil
}

// recount are the statements that take the customers of dw.agg_delta out of the
// count, before their rows change, and count them in again after.
func (a aggregate) recount() (before string, after []string) {
	touched := "(SELECT DISTINCT " + a.grain[0].value() + " AS year, country, customer_id FROM dw.agg_delta WHERE customer_id <> '') AS t"
	count := func(sign string) string {
		return "UPDATE dw.agg_customer_count SET customers = dw.agg_customer_count.customers " + sign + " delta.customers\nFROM (SELECT c.year, c.country, COUNT(*) AS customers FROM " + touched +
			"\n    JOIN dw.agg_customer AS c ON c.year = t.year AND c.country = t.country AND c.customer_id = t.customer_id" +
			"\n    WHERE c.sale_lines > 0 GROUP BY c.year, c.country) AS delta" +
			"\nWHERE dw.agg_customer_count.year = delta.year AND dw.agg_customer_count.country = delta.country"
	}
	missing := "INSERT INTO dw.agg_customer_count (year, country, customers) SELECT DISTINCT t.year, t.country, 0 FROM " + touched +
		"\nWHERE NOT EXISTS (SELECT 1 FROM dw.agg_customer_count AS c WHERE c.year = t.year AND c.country = t.country)"
	return count("-"), []string{missing, count("+")}
}
