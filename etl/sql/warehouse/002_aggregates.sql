-- Sums of the facts in the grains that dashboards ask for, so that a question over
-- all years reads thousands of rows and not millions. They are changed in the
-- transactions that change facts (etl/aggregates.go, where their grains stand once
-- more), and `tillstream etl verify` compares them with the facts.
--
-- All have the same measures, see report.sql. The rows that are named are those of
-- 6.4 million lines: 2 years, 35 stores, 17,940 products, 1.6 million customers.
--
-- Only keys and what the line itself says are grains, with these exceptions, which
-- come from the dimension version of the sale: category and sub_category of the
-- product, and age group, gender and job title of the customer. Whatever changes
-- those in place has to go through refreshAggregates too.

-- Day, store, category. About 77,000 rows. The main one: key figures, sales over
-- time, by month, country, city, store and category, returns.
CREATE TABLE dw.agg_day (
    date_key             INT          NOT NULL,
    store_key            INT          NOT NULL,
    country              NVARCHAR(2)  NOT NULL,
    currency             NVARCHAR(3)  NOT NULL,
    category             NVARCHAR(64) NOT NULL,
{{template "measures"}}
    category_orders      INT          NOT NULL, -- invoices with a sale of the category; one with two categories counts in both
    PRIMARY KEY (date_key, store_key, country, currency, category)
){{if not sqlserver}} WITHOUT ROWID{{end}};

-- Day, store, category, payment method, discount and campaign. About 250,000 rows.
CREATE TABLE dw.agg_day_offer (
    date_key             INT           NOT NULL,
    store_key            INT           NOT NULL,
    country              NVARCHAR(2)   NOT NULL,
    currency             NVARCHAR(3)   NOT NULL,
    category             NVARCHAR(64)  NOT NULL,
    payment_method       NVARCHAR(255) NOT NULL,
    discount_micros      INT           NOT NULL,
    campaign_key         INT           NOT NULL,
{{template "measures"}}
    PRIMARY KEY (date_key, store_key, country, currency, category, payment_method, discount_micros, campaign_key)
){{if not sqlserver}} WITHOUT ROWID{{end}};

-- Month, store, category, weekday and hour. About 220,000 rows.
CREATE TABLE dw.agg_month_hour (
    month_key            INT          NOT NULL, -- 202312
    store_key            INT          NOT NULL,
    country              NVARCHAR(2)  NOT NULL,
    currency             NVARCHAR(3)  NOT NULL,
    category             NVARCHAR(64) NOT NULL,
    weekday              INT          NOT NULL, -- 1 is Monday
    hour                 INT          NOT NULL,
{{template "measures"}}
    PRIMARY KEY (month_key, store_key, country, currency, category, weekday, hour)
){{if not sqlserver}} WITHOUT ROWID{{end}};

-- Month, store, sub category. About 18,000 rows.
CREATE TABLE dw.agg_month_sub_category (
    month_key            INT          NOT NULL,
    store_key            INT          NOT NULL,
    country              NVARCHAR(2)  NOT NULL,
    currency             NVARCHAR(3)  NOT NULL,
    category             NVARCHAR(64) NOT NULL,
    sub_category         NVARCHAR(64) NOT NULL,
{{template "measures"}}
    PRIMARY KEY (month_key, store_key, country, currency, category, sub_category)
){{if not sqlserver}} WITHOUT ROWID{{end}};

-- Month, store, employee. About 9,000 rows.
CREATE TABLE dw.agg_month_employee (
    month_key            INT          NOT NULL,
    store_key            INT          NOT NULL,
    country              NVARCHAR(2)  NOT NULL,
    currency             NVARCHAR(3)  NOT NULL,
    employee_key         INT          NOT NULL,
{{template "measures"}}
    PRIMARY KEY (month_key, store_key, country, currency, employee_key)
){{if not sqlserver}} WITHOUT ROWID{{end}};

-- Year, country, product. About 250,000 rows.
CREATE TABLE dw.agg_year_product (
    year                 INT          NOT NULL,
    country              NVARCHAR(2)  NOT NULL,
    currency             NVARCHAR(3)  NOT NULL,
    product_key          INT          NOT NULL,
{{template "measures"}}
    PRIMARY KEY (year, country, currency, product_key)
){{if not sqlserver}} WITHOUT ROWID{{end}};

-- Year, store, product, for questions about one store or city. About 1.2 million
-- rows: by month there would be nearly as many as there are lines.
CREATE TABLE dw.agg_year_store_product (
    year                 INT          NOT NULL,
    store_key            INT          NOT NULL,
    country              NVARCHAR(2)  NOT NULL,
    currency             NVARCHAR(3)  NOT NULL,
    product_key          INT          NOT NULL,
{{template "measures"}}
    PRIMARY KEY (year, store_key, country, currency, product_key)
){{if not sqlserver}} WITHOUT ROWID{{end}};

-- Year, store, segment of customers: each line counts once in each of the segments
-- `age group`, `gender` and `job title`. About 50,000 rows.
CREATE TABLE dw.agg_year_segment (
    year                 INT           NOT NULL,
    store_key            INT           NOT NULL,
    country              NVARCHAR(2)   NOT NULL,
    currency             NVARCHAR(3)   NOT NULL,
    segment              NVARCHAR(16)  NOT NULL,
    value                NVARCHAR(255) NOT NULL,
{{template "measures"}}
    PRIMARY KEY (year, store_key, country, currency, segment, value)
){{if not sqlserver}} WITHOUT ROWID{{end}};

-- Customer and year, by the country of the shop; the year 0 is all years together.
-- About 3.9 million rows. It is what ranks customers, and counts them: those of two
-- years cannot be added up.
CREATE TABLE dw.agg_customer (
    year                 INT           NOT NULL,
    country              NVARCHAR(2)   NOT NULL,
    customer_id          NVARCHAR(255) NOT NULL, -- empty: the line names none
    sale_lines           INT           NOT NULL,
    return_lines         INT           NOT NULL,
    sale_invoices        INT           NOT NULL,
    return_invoices      INT           NOT NULL,
    items_sold           INT           NOT NULL,
    items_returned       INT           NOT NULL,
    sales_usd_micros     BIGINT        NOT NULL,
    refunds_usd_micros   BIGINT        NOT NULL,
    list_usd_micros      BIGINT        NOT NULL,
    PRIMARY KEY (year, country, customer_id)
){{if not sqlserver}} WITHOUT ROWID{{end}};
CREATE INDEX ix_agg_customer_sales ON dw.agg_customer (year, sales_usd_micros);

-- How many customers of dw.agg_customer have a sale.
CREATE TABLE dw.agg_customer_count (
    year                 INT           NOT NULL,
    country              NVARCHAR(2)   NOT NULL,
    customers            INT           NOT NULL,
    PRIMARY KEY (year, country)
){{if not sqlserver}} WITHOUT ROWID{{end}};

-- Lines that are about to change, with the sign -1, and what they have become, with
-- +1. It is only filled within a transaction, and empty before and after.
CREATE TABLE dw.agg_delta (
    sign                 INT           NOT NULL,
    invoice_id           NVARCHAR(255) NOT NULL,
    date_key             INT           NOT NULL,
    month_key            INT           NOT NULL,
    year                 INT           NOT NULL,
    weekday              INT           NOT NULL,
    hour                 INT           NOT NULL,
    store_key            INT           NOT NULL,
    country              NVARCHAR(2)   NOT NULL,
    currency             NVARCHAR(3)   NOT NULL,
    category             NVARCHAR(64)  NOT NULL,
    sub_category         NVARCHAR(64)  NOT NULL,
    payment_method       NVARCHAR(255) NOT NULL,
    discount_micros      INT           NOT NULL,
    campaign_key         INT           NOT NULL,
    employee_key         INT           NOT NULL,
    product_key          INT           NOT NULL,
    customer_id          NVARCHAR(255) NOT NULL,
    age_group            NVARCHAR(16)  NOT NULL,
    gender               NVARCHAR(64)  NOT NULL,
    job_title            NVARCHAR(255) NOT NULL,
    transaction_type     NVARCHAR(8)   NOT NULL,
    quantity             INT           NOT NULL,
    opens_invoice        INT           NOT NULL,
    usd_micros           BIGINT        NOT NULL,
    list_usd_micros      BIGINT        NOT NULL,
    local_micros         BIGINT        NOT NULL,
    list_local_micros    BIGINT        NOT NULL
);
GO

-- The facts with all that the aggregates go by. What a query of it does not name
-- costs nothing: the joins are outer ones, by key.
CREATE VIEW dw.sales_line AS
SELECT f.invoice_id,
    f.date_key,
    f.date_key / 100 AS month_key,
    f.date_key / 10000 AS year,
    COALESCE(d.weekday, 0) AS weekday,
    f.time_key / 60 AS hour,
    f.store_key,
    f.country,
    f.currency,
    CASE WHEN f.product_key <> -1 THEN COALESCE(p.category, 'Other')
        WHEN f.sku LIKE 'FE%' THEN 'Feminine'
        WHEN f.sku LIKE 'MA%' THEN 'Masculine'
        WHEN f.sku LIKE 'CH%' THEN 'Children'
        ELSE 'Other' END AS category,
    COALESCE(p.sub_category, 'Unknown') AS sub_category,
    f.payment_method,
    f.discount_micros,
    f.campaign_key,
    f.employee_key,
    f.product_key,
    CASE WHEN f.customer_key = -1 THEN '' ELSE COALESCE(c.customer_id, '') END AS customer_id,
    CASE WHEN c.date_of_birth IS NULL THEN 'unknown'
        WHEN (f.date_key - {{template "day_number" "c.date_of_birth"}}) / 10000 < 18 THEN 'under 18'
        WHEN (f.date_key - {{template "day_number" "c.date_of_birth"}}) / 10000 < 25 THEN '18-24'
        WHEN (f.date_key - {{template "day_number" "c.date_of_birth"}}) / 10000 < 35 THEN '25-34'
        WHEN (f.date_key - {{template "day_number" "c.date_of_birth"}}) / 10000 < 45 THEN '35-44'
        WHEN (f.date_key - {{template "day_number" "c.date_of_birth"}}) / 10000 < 55 THEN '45-54'
        WHEN (f.date_key - {{template "day_number" "c.date_of_birth"}}) / 10000 < 65 THEN '55-64'
        ELSE '65 and over' END AS age_group,
    CASE WHEN COALESCE(c.gender, '') IN ('', 'Unknown') THEN 'unknown' ELSE c.gender END AS gender,
    CASE WHEN COALESCE(c.job_title, '') IN ('', 'Unknown') THEN 'unknown' ELSE c.job_title END AS job_title,
    f.transaction_type,
    f.quantity,
    f.opens_invoice,
    f.usd_micros,
    f.list_usd_micros,
    f.line_total_micros AS local_micros,
    CASE WHEN f.list_usd_micros = 0 THEN 0
        WHEN f.unit_price_micros = 0 THEN f.line_total_micros -- the line does not tell its price
        WHEN f.list_usd_micros < 0 THEN -ABS(f.unit_price_micros) * f.quantity
        ELSE ABS(f.unit_price_micros) * f.quantity END AS list_local_micros
FROM dw.fact_sales AS f
LEFT JOIN dw.dim_date AS d ON d.date_key = f.date_key
LEFT JOIN dw.dim_product AS p ON p.product_key = f.product_key
LEFT JOIN dw.dim_customer AS c ON c.customer_key = f.customer_key;
