{{/*
  What the migrations of the aggregates and of the report share.

  measures    the columns that the aggregates add up, with their types
  usd, local  a column of micros as an amount
  amounts     the same columns as the report shows them, of the aggregate "a"
  place       where it was sold, of the dimension versions "s" and "n"
  from_place  the joins that place needs
  calendar    the day, of dim_date "d"
  day_number  a date as dim_date numbers it: 20231224
  today       the day it is in UTC, likewise
*/}}
{{define "today"}}{{if sqlserver}}YEAR(SYSUTCDATETIME()) * 10000 + MONTH(SYSUTCDATETIME()) * 100 + DAY(SYSUTCDATETIME()){{else}}CAST(STRFTIME('%Y%m%d', 'now') AS INTEGER){{end}}{{end}}
{{define "day_number"}}{{if sqlserver}}(YEAR({{.}}) * 10000 + MONTH({{.}}) * 100 + DAY({{.}})){{else}}CAST(REPLACE({{.}}, '-', '') AS INTEGER){{end}}{{end}}
{{define "measures"}}    sale_lines           INT    NOT NULL, -- lines of the type Sale
    return_lines         INT    NOT NULL, -- lines of the type Return
    sale_invoices        INT    NOT NULL, -- invoices by the line that opens them (fact_sales.opens_invoice)
    return_invoices      INT    NOT NULL,
    items_sold           INT    NOT NULL,
    items_returned       INT    NOT NULL,
    sales_usd_micros     BIGINT NOT NULL, -- what is above zero
    refunds_usd_micros   BIGINT NOT NULL, -- what is below zero, as a number above it
    list_usd_micros      BIGINT NOT NULL, -- what the sales would have brought in without discount
    sales_local_micros   BIGINT NOT NULL, -- the same three in the currency of the row
    refunds_local_micros BIGINT NOT NULL,
    list_local_micros    BIGINT NOT NULL,{{end}}
{{define "usd"}}{{if sqlserver}}CAST({{.}} * 0.000001 AS DECIMAL(19,6)){{else}}{{.}} / 1000000.0{{end}}{{end}}
{{define "amounts"}}    a.sale_invoices AS orders,
    a.return_invoices,
    a.sale_lines,
    a.return_lines,
    a.items_sold,
    a.items_returned,
    {{template "usd" "a.sales_usd_micros"}} AS sales_usd,
    {{template "usd" "a.refunds_usd_micros"}} AS refunds_usd,
    {{template "usd" "(a.sales_usd_micros - a.refunds_usd_micros)"}} AS net_usd,
    {{template "usd" "a.list_usd_micros"}} AS list_usd,
    {{template "usd" "(a.list_usd_micros - a.sales_usd_micros)"}} AS discount_usd,
    a.currency,
    {{template "usd" "a.sales_local_micros"}} AS sales_local,
    {{template "usd" "a.refunds_local_micros"}} AS refunds_local,
    {{template "usd" "(a.sales_local_micros - a.refunds_local_micros)"}} AS net_local,
    {{template "usd" "a.list_local_micros"}} AS list_local{{end}}
{{define "calendar"}}    d.date,
    d.year,
    d.quarter,
    d.month,
    d.month_name{{end}}
{{define "place"}}    a.country,
    CASE WHEN s.country = a.country THEN s.country_name ELSE a.country END AS country_name,
    s.city,
    s.store_id,
    n.store_name{{end}}
{{define "from_place"}}JOIN dw.dim_store AS s ON s.store_key = a.store_key
JOIN dw.dim_store AS n ON n.store_id = s.store_id AND n.is_current = 1{{end}}
