-- The lines of one chunk, with business keys. state is worked out by fact_classify:
-- 0 nothing to do, 1 new, 2 changed, 3 only opens_invoice changes, 4 a conflict.
CREATE TABLE {{.Stage}} (
    seq                  INT           NOT NULL, -- the line's place in the chunk
    state                INT           NOT NULL,
    invoice_id           NVARCHAR(255) NOT NULL,
    line_number          INT           NOT NULL,
    date_key             INT           NOT NULL,
    time_key             INT           NOT NULL,
    sold_at              DATETIME2(0)  NOT NULL,
    sold_on              {{date}}      NOT NULL,
    store_id             NVARCHAR(255) NOT NULL,
    employee_id          NVARCHAR(255) NOT NULL,
    customer_id          NVARCHAR(255) NOT NULL,
    product_id           NVARCHAR(255) NOT NULL,
    size                 NVARCHAR(255) NOT NULL,
    category             NVARCHAR(64)  NOT NULL, -- as the SKU says
    country              NVARCHAR(2)   NOT NULL,
    country_name         NVARCHAR(64)  NOT NULL,
    transaction_type     NVARCHAR(8)   NOT NULL,
    payment_method       NVARCHAR(255) NOT NULL,
    color                NVARCHAR(255) NOT NULL,
    sku                  NVARCHAR(255) NOT NULL,
    currency             NVARCHAR(3)   NOT NULL,
    quantity             INT           NOT NULL,
    discount_micros      INT           NOT NULL,
    unit_price_micros    BIGINT        NOT NULL,
    line_total_micros    BIGINT        NOT NULL,
    invoice_total_micros BIGINT        NOT NULL,
    usd_micros           BIGINT        NOT NULL,
    list_usd_micros      BIGINT        NOT NULL,
    opens_invoice        INT           NOT NULL,
    row_hash             BIGINT        NOT NULL
)
