-- What dashboards read, and all that the login grafana_reader may see.
--
-- A view answers one family of questions from one aggregate. Filter it and group
-- it: WHERE date BETWEEN ... AND country IN (...). These columns mean the same
-- wherever they occur:
--
--   date           the day; in a view by month its first day, by year its first day:
--                  a range of dates should begin and end with the view's own step
--   year, quarter, month, month_name, weekday (1 is Monday), weekday_name
--   country        of the store, ISO 3166-1 alpha-2; country_name in English
--   city           of the store, as it was at the time of the sale
--   store_id       as published; store_name as the store is called today
--   latitude, longitude   of the store, degrees
--   category       of the product, else of its SKU: Feminine, Masculine, Children, Other
--   orders         invoices with a sale, each counted once, by the line that opens it
--   return_invoices  invoices of the type Return, likewise
--   sale_lines, return_lines  lines of each type
--   items_sold, items_returned  pieces. Return rate: items_returned over items_sold
--   sales_usd      what is above zero, in USD by the one rule (Line Total by the rate of its day)
--   refunds_usd    what is below zero, as a number above it
--   net_usd        sales_usd - refunds_usd: the revenue
--   list_usd       sales without discount: Unit Price x Quantity of the sales, in USD
--   discount_usd   list_usd - sales_usd: what discounts took off
--   currency       of the lines, ISO 4217; sales_local, refunds_local, net_local and
--                  list_local are in it. Group by currency where those are added up
--
-- No view shows a customer's name, mail address, telephone number or date of birth.
-- Customers appear by ID and as segments; employees, whose sales the shops compare,
-- by ID, name and position.
--
-- Joins by key are outer ones, so that those a query does not use cost nothing.
-- Add up first and join names after: SELECT ... FROM (SELECT product_key,
-- SUM(net_usd) ... GROUP BY product_key) ... JOIN report.products. Dividing and
-- ordering are the query's.

-- Sales by day, store and category: key figures, over time, by month, country,
-- city, store, category, returns.
--   category_orders  invoices with a sale in the category: exact for one category;
--                    over several an invoice counts in each. Use orders for all
CREATE VIEW report.sales_by_day AS
SELECT {{template "calendar"}},
    d.weekday,
    d.weekday_name,
    {{template "place"}},
    s.latitude,
    s.longitude,
    a.category,
    a.category_orders,
    {{template "amounts"}}
FROM dw.agg_day AS a
LEFT JOIN dw.dim_date AS d ON d.date_key = a.date_key
{{template "from_place"}};
GO

-- Sales by day, store, category, payment method, discount and campaign.
--   payment_method   as the till says
--   discount         of the line: 0.4 is 40 %
--   campaign_key     -1: no campaign
--   campaign         what the campaign says; empty where there is none
--   campaign_start, campaign_end   its first and last day
CREATE VIEW report.sales_by_offer AS
SELECT {{template "calendar"}},
    {{template "place"}},
    a.category,
    a.payment_method,
    {{template "usd" "a.discount_micros"}} AS discount,
    a.campaign_key,
    CASE WHEN a.campaign_key = -1 THEN '' ELSE g.description END AS campaign,
    CASE WHEN a.campaign_key = -1 THEN NULL ELSE g.start_date END AS campaign_start,
    CASE WHEN a.campaign_key = -1 THEN NULL ELSE g.end_date END AS campaign_end,
    {{template "amounts"}}
FROM dw.agg_day_offer AS a
LEFT JOIN dw.dim_date AS d ON d.date_key = a.date_key
{{template "from_place"}}
LEFT JOIN dw.dim_campaign AS g ON g.campaign_key = a.campaign_key;
GO

-- Sales by month, store, category, weekday and hour: the heat map.
--   hour   of the store's clock, 0 to 23
CREATE VIEW report.sales_by_hour AS
SELECT {{template "calendar"}},
    a.weekday,
    CASE a.weekday WHEN 1 THEN 'Monday' WHEN 2 THEN 'Tuesday' WHEN 3 THEN 'Wednesday' WHEN 4 THEN 'Thursday'
        WHEN 5 THEN 'Friday' WHEN 6 THEN 'Saturday' WHEN 7 THEN 'Sunday' ELSE 'Unknown' END AS weekday_name,
    a.hour,
    {{template "place"}},
    a.category,
    {{template "amounts"}}
FROM dw.agg_month_hour AS a
LEFT JOIN dw.dim_date AS d ON d.date_key = a.month_key * 100 + 1
{{template "from_place"}};
GO

-- Sales by month, store and sub category: returns and discounts in detail.
CREATE VIEW report.sales_by_sub_category AS
SELECT {{template "calendar"}},
    {{template "place"}},
    a.category,
    a.sub_category,
    {{template "amounts"}}
FROM dw.agg_month_sub_category AS a
LEFT JOIN dw.dim_date AS d ON d.date_key = a.month_key * 100 + 1
{{template "from_place"}};
GO

-- Sales by month and employee.
--   employee_id, employee_name, position   as they are today
CREATE VIEW report.sales_by_employee AS
SELECT {{template "calendar"}},
    {{template "place"}},
    e.employee_id,
    m.name AS employee_name,
    m.position,
    {{template "amounts"}}
FROM dw.agg_month_employee AS a
LEFT JOIN dw.dim_date AS d ON d.date_key = a.month_key * 100 + 1
{{template "from_place"}}
JOIN dw.dim_employee AS e ON e.employee_key = a.employee_key
JOIN dw.dim_employee AS m ON m.employee_id = e.employee_id AND m.is_current = 1;
GO

-- Sales by year, country and product.
--   product_key   to join report.products with
CREATE VIEW report.sales_by_product AS
SELECT d.date,
    a.year,
    a.country,
    c.country_name,
    p.category,
    a.product_key,
    {{template "amounts"}}
FROM dw.agg_year_product AS a
LEFT JOIN dw.dim_date AS d ON d.date_key = a.year * 10000 + 101
LEFT JOIN dw.dim_product AS p ON p.product_key = a.product_key
LEFT JOIN (SELECT country, MIN(country_name) AS country_name FROM dw.dim_store GROUP BY country) AS c ON c.country = a.country;
GO

-- Sales by year, store and product: the same in five times as many rows, for
-- questions about some stores or cities.
CREATE VIEW report.sales_by_store_product AS
SELECT d.date,
    a.year,
    {{template "place"}},
    p.category,
    a.product_key,
    {{template "amounts"}}
FROM dw.agg_year_store_product AS a
LEFT JOIN dw.dim_date AS d ON d.date_key = a.year * 10000 + 101
LEFT JOIN dw.dim_product AS p ON p.product_key = a.product_key
{{template "from_place"}};
GO

-- The products, with a row for each version of one.
--   product_id, product   the published ID and the English description, today's
CREATE VIEW report.products AS
SELECT v.product_key,
    v.product_id,
    n.description_en AS product,
    n.category,
    n.sub_category,
    n.color,
    {{template "usd" "n.production_cost_micros"}} AS production_cost_usd
FROM dw.dim_product AS v
JOIN dw.dim_product AS n ON n.product_id = v.product_id AND n.is_current = 1;
GO

-- Sales by year and segment of customers. Each sale is there once for each kind of
-- segment, so choose one.
--   segment   age group, gender or job title
--   value     as it was at the time of the sale: 25-34
CREATE VIEW report.sales_by_segment AS
SELECT d.date,
    a.year,
    {{template "place"}},
    a.segment,
    a.value,
    {{template "amounts"}}
FROM dw.agg_year_segment AS a
LEFT JOIN dw.dim_date AS d ON d.date_key = a.year * 10000 + 101
{{template "from_place"}};
GO

-- How many customers bought something, by year and the country of the store.
--   year       0 is all years together: customers of several years cannot be added up
--   date       first day of the year; NULL for 0
--   customers  with a sale; those of several countries count in each
CREATE VIEW report.customers_by_year AS
SELECT d.date,
    a.year,
    a.country,
    c.country_name,
    a.customers
FROM dw.agg_customer_count AS a
LEFT JOIN (SELECT country, MIN(country_name) AS country_name FROM dw.dim_store GROUP BY country) AS c ON c.country = a.country
LEFT JOIN dw.dim_date AS d ON d.date_key = a.year * 10000 + 101;
GO

-- Customers, one row a year and country of the store, to find the best ones. Choose
-- one year, or 0, which is all of them together, and order by sales_usd_micros,
-- which has an index.
--   year              0 is all years together
--   customer_city, customer_country, customer_country_name, gender, age_group,
--   job_title         as they are today
CREATE VIEW report.customers AS
SELECT a.year,
    a.country,
    a.customer_id,
    c.city AS customer_city,
    c.country AS customer_country,
    c.country_name AS customer_country_name,
    CASE WHEN COALESCE(c.gender, '') IN ('', 'Unknown') THEN 'unknown' ELSE c.gender END AS gender,
    CASE WHEN c.date_of_birth IS NULL THEN 'unknown'
        WHEN (t.today - {{template "day_number" "c.date_of_birth"}}) / 10000 < 18 THEN 'under 18'
        WHEN (t.today - {{template "day_number" "c.date_of_birth"}}) / 10000 < 25 THEN '18-24'
        WHEN (t.today - {{template "day_number" "c.date_of_birth"}}) / 10000 < 35 THEN '25-34'
        WHEN (t.today - {{template "day_number" "c.date_of_birth"}}) / 10000 < 45 THEN '35-44'
        WHEN (t.today - {{template "day_number" "c.date_of_birth"}}) / 10000 < 55 THEN '45-54'
        WHEN (t.today - {{template "day_number" "c.date_of_birth"}}) / 10000 < 65 THEN '55-64'
        ELSE '65 and over' END AS age_group,
    CASE WHEN COALESCE(c.job_title, '') IN ('', 'Unknown') THEN 'unknown' ELSE c.job_title END AS job_title,
    a.sale_invoices AS orders,
    a.return_invoices,
    a.items_sold,
    a.items_returned,
    a.sales_usd_micros,
    {{template "usd" "a.sales_usd_micros"}} AS sales_usd,
    {{template "usd" "a.refunds_usd_micros"}} AS refunds_usd,
    {{template "usd" "(a.sales_usd_micros - a.refunds_usd_micros)"}} AS net_usd,
    {{template "usd" "a.list_usd_micros"}} AS list_usd
FROM dw.agg_customer AS a
CROSS JOIN (SELECT {{template "today"}} AS today) AS t
LEFT JOIN dw.dim_customer AS c ON c.customer_id = a.customer_id AND c.is_current = 1
WHERE a.customer_id <> '';
GO

-- The effect of each campaign: the sales of the categories it is for, by day and
-- store, while it ran and in the 28 days before. All sales of those categories are
-- there, not only the reduced ones; a day can be of several campaigns, so group by
-- campaign. Lift: net_usd a day while it ran over net_usd a day before.
--   campaign, discount, campaign_start, campaign_end   which campaign it is
--   date      the day of the sales
--   period    before or during
CREATE VIEW report.campaign_effect AS
SELECT g.campaign,
    {{template "usd" "g.discount_micros"}} AS discount,
    g.start_date AS campaign_start,
    g.end_date AS campaign_end,
    CASE WHEN d.date < g.start_date THEN 'before' ELSE 'during' END AS period,
    {{template "calendar"}},
    {{template "place"}},
    a.category,
    {{template "amounts"}}
FROM (
    SELECT DISTINCT g.description AS campaign, g.discount_micros, g.start_date, g.end_date, k.category,
        {{if sqlserver}}YEAR(DATEADD(day, -28, g.start_date)) * 10000 + MONTH(DATEADD(day, -28, g.start_date)) * 100 + DAY(DATEADD(day, -28, g.start_date))
        {{else}}CAST(STRFTIME('%Y%m%d', g.start_date, '-28 days') AS INTEGER){{end}} AS first_key,
        {{template "day_number" "g.end_date"}} AS last_key
    FROM dw.dim_campaign AS g
    JOIN (SELECT 'Feminine' AS category UNION ALL SELECT 'Masculine' UNION ALL SELECT 'Children' UNION ALL SELECT 'Other') AS k
        ON g.category = '' OR g.category = k.category
    WHERE g.campaign_key <> -1
) AS g
JOIN dw.agg_day AS a ON a.date_key >= g.first_key AND a.date_key <= g.last_key AND a.category = g.category
LEFT JOIN dw.dim_date AS d ON d.date_key = a.date_key
{{template "from_place"}};
GO

-- The campaigns and what each is for; category and sub_category are empty where it
-- is for all.
CREATE VIEW report.campaigns AS
SELECT campaign_key,
    description AS campaign,
    {{template "usd" "discount_micros"}} AS discount,
    start_date AS campaign_start,
    end_date AS campaign_end,
    category,
    sub_category
FROM dw.dim_campaign
WHERE campaign_key <> -1;
GO

-- The stores as they are today, for lists to choose from.
CREATE VIEW report.stores AS
SELECT store_id, store_name, city, country, country_name, latitude, longitude, employees
FROM dw.dim_store
WHERE is_current = 1 AND store_key <> -1;
GO

-- The 10,000 lines that came last, to show the latest: SELECT TOP (20) ... ORDER BY
-- loaded_at DESC, sold_at DESC. Shops in the east are hours ahead of those in the
-- west, so sold_at alone would show only them. A number of lines and not of days, so
-- that it costs the same however many are sold in a day.
--   sold_at      the store's clock; loaded_at, UTC, when the warehouse got the line
--   origin       live, or batch once the source has brought it too
--   amount_usd, amount_local   Line Total, below zero for a refund
CREATE VIEW report.latest_transactions AS
SELECT f.loaded_at,
    f.sold_at,
    d.date,
    f.country,
    CASE WHEN s.country = f.country THEN s.country_name ELSE f.country END AS country_name,
    s.city,
    s.store_id,
    s.store_name,
    f.invoice_id,
    f.line_number,
    f.transaction_type,
    p.category,
    p.sub_category,
    p.product_id,
    p.description_en AS product,
    f.color,
    f.quantity,
    {{template "usd" "f.discount_micros"}} AS discount,
    f.payment_method,
    f.currency,
    {{template "usd" "f.line_total_micros"}} AS amount_local,
    {{template "usd" "f.usd_micros"}} AS amount_usd,
    f.origin
FROM (SELECT {{top 10000}} * FROM dw.fact_sales ORDER BY loaded_at DESC, sold_at DESC {{limit 10000}}) AS f
LEFT JOIN dw.dim_date AS d ON d.date_key = f.date_key
JOIN dw.dim_store AS s ON s.store_key = f.store_key
LEFT JOIN dw.dim_product AS p ON p.product_key = f.product_key;
GO

-- The runs of the etl steps. Times are UTC.
--   seconds      how long it took; NULL while it runs
--   differences  what verify found; NULL for other steps
CREATE VIEW report.etl_runs AS
SELECT run_id,
    step,
    status,
    started_at,
    finished_at,
    {{if sqlserver}}DATEDIFF(millisecond, started_at, finished_at) / 1000.0{{else}}ROUND((JULIANDAY(finished_at) - JULIANDAY(started_at)) * 86400, 3){{end}} AS seconds,
    rows_read,
    rows_inserted,
    rows_updated,
    rows_rejected,
    differences,
    detail
FROM dw.etl_run;
GO

-- How fresh the warehouse is, one row a step that has ever succeeded. Times are UTC.
--   last_success_at   when the step last ended well; live, which has no end, when it
--                     last brought lines
CREATE VIEW report.etl_freshness AS
SELECT step, MAX(succeeded_at) AS last_success_at
FROM (
    SELECT step, finished_at AS succeeded_at FROM dw.etl_run WHERE status = 'done'
    UNION ALL
    SELECT 'live', updated_at FROM dw.etl_watermark WHERE source LIKE 'live %'
) AS s
GROUP BY step;
GO

-- What the last verify found, one row.
--   finished_at   UTC
--   differences   0 is well
CREATE VIEW report.last_verify AS
SELECT run_id, started_at, finished_at, status, rows_read, rows_rejected, differences, detail
FROM dw.etl_run
WHERE run_id = (SELECT MAX(run_id) FROM dw.etl_run WHERE step = 'verify' AND finished_at IS NOT NULL AND differences IS NOT NULL);
GO

-- What could not be loaded, by reason. Times are UTC; the rows themselves are not
-- for everybody's eyes.
CREATE VIEW report.etl_rejects AS
SELECT step, source, reason, COUNT(*) AS rejects, MIN(rejected_at) AS first_at, MAX(rejected_at) AS last_at
FROM dw.etl_reject
GROUP BY step, source, reason;
