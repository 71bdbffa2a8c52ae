-- The star schema. Money is a whole number of millionths (1e-6) of its currency,
-- columns that end in _micros: exact in both engines, and quick to add up. The
-- views of the schema report show it as decimal amounts.
--
-- A dimension of type 2 keeps a row for each version of a thing. valid_from counts,
-- valid_to does not; the first version of a thing is valid from 1900-01-01, the
-- current one to 9999-12-31. row_hash is a hash of what the source says, to tell
-- whether a version is another; is_inferred marks a row that a sale asked for
-- before the source had it. -1 is the unknown member.

CREATE TABLE dw.dim_date (
    date_key     INT          NOT NULL PRIMARY KEY, -- 20231224
    date         {{date}}     NOT NULL,
    year         INT          NOT NULL,
    quarter      INT          NOT NULL,
    month        INT          NOT NULL,
    month_name   NVARCHAR(16) NOT NULL,
    day          INT          NOT NULL,
    iso_year     INT          NOT NULL,
    iso_week     INT          NOT NULL,
    weekday      INT          NOT NULL, -- 1 is Monday (ISO 8601)
    weekday_name NVARCHAR(16) NOT NULL,
    is_weekend   BIT          NOT NULL
);

CREATE TABLE dw.dim_time (
    time_key    INT          NOT NULL PRIMARY KEY, -- minutes since midnight
    hour        INT          NOT NULL,
    minute      INT          NOT NULL,
    part_of_day NVARCHAR(16) NOT NULL
);

CREATE TABLE dw.dim_store (
    {{key "store_key"}},
    store_id      NVARCHAR(255)  NOT NULL,
    country       NVARCHAR(2)   NOT NULL, -- ISO 3166-1 alpha-2
    country_name  NVARCHAR(64)  NOT NULL, -- English
    city          NVARCHAR(255)  NOT NULL,
    store_name    NVARCHAR(255) NOT NULL,
    employees     INT           NULL,
    zip_code      NVARCHAR(255)  NOT NULL,
    latitude      FLOAT         NULL,
    longitude     FLOAT         NULL,
{{template "version"}}
);
CREATE INDEX ix_dim_store_store_id ON dw.dim_store (store_id, valid_from, valid_to);

CREATE TABLE dw.dim_employee (
    {{key "employee_key"}},
    employee_id   NVARCHAR(255)  NOT NULL,
    store_id      NVARCHAR(255)  NOT NULL,
    name          NVARCHAR(255) NOT NULL,
    position      NVARCHAR(255) NOT NULL,
{{template "version"}}
);
CREATE INDEX ix_dim_employee_employee_id ON dw.dim_employee (employee_id, valid_from, valid_to);

CREATE TABLE dw.dim_customer (
    {{key "customer_key"}},
    customer_id   NVARCHAR(255)  NOT NULL,
    name          NVARCHAR(255) NOT NULL,
    email         NVARCHAR(255) NOT NULL,
    telephone     NVARCHAR(255)  NOT NULL,
    city          NVARCHAR(255)  NOT NULL,
    country       NVARCHAR(2)   NOT NULL,
    country_name  NVARCHAR(64)  NOT NULL,
    gender        NVARCHAR(64)  NOT NULL,
    date_of_birth {{date}}      NULL,
    job_title     NVARCHAR(255) NOT NULL,
{{template "version"}}
);
CREATE INDEX ix_dim_customer_customer_id ON dw.dim_customer (customer_id, valid_from, valid_to);

CREATE TABLE dw.dim_product (
    {{key "product_key"}},
    product_id             NVARCHAR(255)  NOT NULL,
    category               NVARCHAR(64)  NOT NULL, -- Feminine, Masculine, Children or Other
    sub_category           NVARCHAR(64)  NOT NULL,
    description_pt         NVARCHAR(255) NOT NULL,
    description_de         NVARCHAR(255) NOT NULL,
    description_fr         NVARCHAR(255) NOT NULL,
    description_es         NVARCHAR(255) NOT NULL,
    description_en         NVARCHAR(255) NOT NULL,
    description_zh         NVARCHAR(255) NOT NULL,
    color                  NVARCHAR(255)  NOT NULL,
    sizes                  NVARCHAR(255) NOT NULL, -- S|M|L, as the bridge has them too
    production_cost_micros BIGINT        NULL,     -- USD
{{template "version"}}
);
CREATE INDEX ix_dim_product_product_id ON dw.dim_product (product_id, valid_from, valid_to);

CREATE TABLE dw.dim_size (
    {{key "size_key"}},
    size NVARCHAR(255) NOT NULL UNIQUE
);

CREATE TABLE dw.bridge_product_size (
    product_key INT NOT NULL,
    size_key    INT NOT NULL,
    PRIMARY KEY (product_key, size_key)
);

CREATE TABLE dw.dim_campaign (
    {{key "campaign_key"}},
    start_date      {{date}}      NOT NULL,
    end_date        {{date}}      NOT NULL,
    discount_micros INT           NOT NULL, -- 400000 is 40 %
    category        NVARCHAR(64)  NOT NULL, -- empty: all of them
    sub_category    NVARCHAR(64)  NOT NULL,
    description     NVARCHAR(255) NOT NULL,
    CONSTRAINT uq_dim_campaign UNIQUE (start_date, end_date, discount_micros, category, sub_category)
);

-- One row a transaction line.
CREATE TABLE dw.fact_sales (
    invoice_id          NVARCHAR(255) NOT NULL,
    line_number         INT          NOT NULL,
    date_key            INT          NOT NULL, -- business date: the store's local one
    time_key            INT          NOT NULL,
    sold_at             DATETIME2(0) NOT NULL, -- the store's wall clock
    store_key           INT          NOT NULL,
    employee_key        INT          NOT NULL,
    customer_key        INT          NOT NULL,
    product_key         INT          NOT NULL,
    size_key            INT          NOT NULL,
    campaign_key        INT          NOT NULL,
    country             NVARCHAR(2)  NOT NULL, -- as the live totals count it: the store's, else the invoice number's
    transaction_type    NVARCHAR(8)  NOT NULL, -- Sale or Return
    payment_method      NVARCHAR(255) NOT NULL,
    color               NVARCHAR(255) NOT NULL,
    sku                 NVARCHAR(255) NOT NULL,
    currency            NVARCHAR(3)  NOT NULL, -- ISO 4217
    quantity            INT          NOT NULL, -- above zero for returns too
    discount_micros     INT          NOT NULL, -- 400000 is 40 %
    unit_price_micros   BIGINT       NOT NULL,
    line_total_micros   BIGINT       NOT NULL, -- the authority on revenue, negative for refunds
    invoice_total_micros BIGINT      NOT NULL, -- repeated on each line of the invoice: never add it up
    usd_micros          BIGINT       NOT NULL, -- Line Total in USD, by the one rule
    list_usd_micros     BIGINT       NOT NULL, -- Unit Price x Quantity in USD, with the sign of Line Total: sales without discount
    opens_invoice       INT          NOT NULL, -- 1 on one line of each invoice, else 0: its sum counts invoices
    origin              NVARCHAR(8)  NOT NULL, -- batch or live
    row_hash            BIGINT       NOT NULL, -- of what the line says, dimension keys left out
    run_id              INT          NOT NULL, -- of etl_run: who wrote it last
    loaded_at           DATETIME2(3) NOT NULL, -- UTC
    CONSTRAINT pk_fact_sales PRIMARY KEY {{nonclustered}} (invoice_id, line_number)
);
CREATE {{clustered}} INDEX ix_fact_sales_date ON dw.fact_sales (date_key, store_key);
CREATE INDEX ix_fact_sales_loaded ON dw.fact_sales (loaded_at, sold_at); -- for the newest lines

CREATE TABLE dw.etl_run (
    {{key "run_id"}},
    step        NVARCHAR(16)  NOT NULL, -- init, import, load, live or verify
    started_at  DATETIME2(3)  NOT NULL, -- UTC
    finished_at DATETIME2(3)  NULL,
    status      NVARCHAR(16)  NOT NULL, -- running, done, failed or interrupted
    rows_read     BIGINT NOT NULL,
    rows_inserted BIGINT NOT NULL,
    rows_updated  BIGINT NOT NULL,
    rows_rejected BIGINT NOT NULL,
    differences BIGINT        NULL,     -- that a verify has found, when it got to its end
    detail      NVARCHAR(1000) NOT NULL -- why it failed, or what verify found
);

-- Up to where a source has been loaded. It moves in the same transaction as what
-- was loaded.
CREATE TABLE dw.etl_watermark (
    source     NVARCHAR(255) NOT NULL PRIMARY KEY,
    position   NVARCHAR(255) NOT NULL,
    updated_at DATETIME2(3)  NOT NULL
);

-- What could not be loaded, once by identity and reason.
CREATE TABLE dw.etl_reject (
    {{key "reject_id"}},
    run_id      INT            NOT NULL, -- the first that saw it
    step        NVARCHAR(16)   NOT NULL,
    source      NVARCHAR(64)   NOT NULL, -- the table or the kind of file
    business_key NVARCHAR(128) NOT NULL, -- invoice and line, or the row's ID
    reason      NVARCHAR(32)   NOT NULL,
    detail      NVARCHAR(400)  NOT NULL,
    content     NVARCHAR(2000) NOT NULL, -- the row as CSV, cut if need be
    content_hash BIGINT        NOT NULL,
    rejected_at DATETIME2(3)   NOT NULL
);
CREATE INDEX ix_etl_reject_content ON dw.etl_reject (source, content_hash);
