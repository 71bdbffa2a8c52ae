-- The lines of one state as rows of fact_sales: each with the versions of its
-- dimensions at the time of the sale. A first version also counts for what was
-- before it. Of several campaigns the one that names the category and the sub
-- category goes before the one that names less, and then the older one.
SELECT s.invoice_id, s.line_number, s.date_key, s.time_key, s.sold_at,
    COALESCE(st.store_key, -1) AS store_key, COALESCE(e.employee_key, -1) AS employee_key,
    COALESCE(c.customer_key, -1) AS customer_key, COALESCE(p.product_key, -1) AS product_key,
    COALESCE(z.size_key, -1) AS size_key,
    CASE WHEN s.discount_micros = 0 THEN -1 ELSE COALESCE((
        SELECT MIN(CASE WHEN g.sub_category <> '' AND g.category <> '' THEN 0 WHEN g.sub_category <> '' THEN 1 WHEN g.category <> '' THEN 2 ELSE 3 END
            * CAST(10000000000 AS BIGINT) + g.campaign_key)
        FROM dw.dim_campaign g
        WHERE g.campaign_key > 0 AND g.discount_micros = s.discount_micros AND g.start_date <= s.sold_on AND g.end_date >= s.sold_on
            AND (g.category = '' OR g.category = p.category) AND (g.sub_category = '' OR g.sub_category = p.sub_category)
        ) % CAST(10000000000 AS BIGINT), -1) END AS campaign_key,
    s.country, s.transaction_type, s.payment_method, s.color, s.sku, s.currency, s.quantity, s.discount_micros,
    s.unit_price_micros, s.line_total_micros, s.invoice_total_micros, s.usd_micros, s.list_usd_micros, s.opens_invoice,
    @origin AS origin, s.row_hash, @run AS run_id, @now AS loaded_at
FROM {{.Stage}} s
LEFT JOIN dw.dim_store st ON st.store_id = s.store_id AND s.sold_at < st.valid_to
    AND (st.valid_from <= s.sold_at OR st.valid_from = '1900-01-01 00:00:00')
LEFT JOIN dw.dim_employee e ON e.employee_id = s.employee_id AND s.sold_at < e.valid_to
    AND (e.valid_from <= s.sold_at OR e.valid_from = '1900-01-01 00:00:00')
LEFT JOIN dw.dim_customer c ON c.customer_id = s.customer_id AND s.sold_at < c.valid_to
    AND (c.valid_from <= s.sold_at OR c.valid_from = '1900-01-01 00:00:00')
LEFT JOIN dw.dim_product p ON p.product_id = s.product_id AND s.sold_at < p.valid_to
    AND (p.valid_from <= s.sold_at OR p.valid_from = '1900-01-01 00:00:00')
LEFT JOIN dw.dim_size z ON z.size = s.size
