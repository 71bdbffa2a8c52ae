package etl

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"tillstream/internal/database"
)

// importSizes splits the products' sizes, written S|M|L in the file, into rows of
// product_size, as the predecessor has them. A product's rows are made those that
// the file names. What sizes and categories there are follows from the products.
func (i *importer) importSizes(ctx context.Context) error {
	stage := i.run.stage("product_size")
	if _, err := i.db.Exec(ctx, "CREATE TABLE "+stage+` (
		row_number   BIGINT        NOT NULL,
		[Product ID] NVARCHAR(255) NOT NULL,
		position     INT           NOT NULL,
		[Size]       NVARCHAR(255) NOT NULL,
		PRIMARY KEY ([Product ID], row_number, position)
	)`); err != nil {
		return err
	}
	if err := i.stageSizes(ctx, stage); err != nil {
		return err
	}
	err := i.db.Transact(ctx, func(ctx context.Context, tx *database.Tx) error {
		for _, statement := range []string{
			// Of a product that is in the file twice the first row counts.
			"DELETE FROM " + stage + " WHERE EXISTS (SELECT 1 FROM " + stage + " f WHERE f.[Product ID] = " + stage + ".[Product ID] AND f.row_number < " + stage + ".row_number)",
			`DELETE FROM dbo.product_size
			WHERE EXISTS (SELECT 1 FROM ` + stage + ` s WHERE s.[Product ID] = dbo.product_size.[Product ID])
				AND NOT EXISTS (SELECT 1 FROM ` + stage + ` s WHERE s.[Product ID] = dbo.product_size.[Product ID] AND s.[Size] = dbo.product_size.[Size])`,
			`INSERT INTO dbo.product_size ([Product ID], [Size])
			SELECT s.[Product ID], MIN(s.[Size]) FROM ` + stage + ` s
			WHERE s.[Size] <> ''
				AND EXISTS (SELECT 1 FROM dbo.products p WHERE p.[Product ID] = s.[Product ID])
				AND NOT EXISTS (SELECT 1 FROM dbo.product_size t WHERE t.[Product ID] = s.[Product ID] AND t.[Size] = s.[Size])
			GROUP BY s.[Product ID], s.[Size]`,
			`INSERT INTO dbo.sizes ([Size])
			SELECT DISTINCT p.[Size] FROM dbo.product_size p WHERE NOT EXISTS (SELECT 1 FROM dbo.sizes t WHERE t.[Size] = p.[Size])`,
			`INSERT INTO dbo.category_subcategory ([Category], [Sub Category])
			SELECT DISTINCT p.[Category], p.[Sub Category] FROM dbo.products p
			WHERE NOT EXISTS (SELECT 1 FROM dbo.category_subcategory t WHERE t.[Category] = p.[Category] AND t.[Sub Category] = p.[Sub Category])`,
		} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return i.drop(ctx, stage)
}

// stageSizes copies a row for each size of each product, and one with an empty size
// for the product itself.
func (i *importer) stageSizes(ctx context.Context, stage string) error {
	columns := []importColumn{{name: "Product ID"}, {name: "Sizes"}}
	f, err := openCSV(i.dir, i.table.file, columns)
	if err != nil {
		return err
	}
	defer f.close()
	bulk, err := i.db.Bulk(ctx, stage, []string{"row_number", "Product ID", "position", "Size"})
	if err != nil {
		return err
	}
	fields := make([]string, len(columns))
	for number := 1; ; number++ {
		ok, err := f.next(fields)
		if err != nil {
			return bulk.Abort(err)
		}
		if !ok {
			break
		}
		id, sizes := fields[0], fields[1]
		if utf8.RuneCountInString(id) > wide || utf8.RuneCountInString(sizes) > wide {
			continue // rejected with its product
		}
		for position, size := range append(strings.Split(sizes, "|"), "") {
			if err := bulk.Add(number, id, position, strings.TrimSpace(size)); err != nil {
				return bulk.Abort(err)
			}
		}
	}
	if _, err := bulk.Close(); err != nil {
		return fmt.Errorf("copying the sizes: %w", err)
	}
	return nil
}
