-- The source database: the predecessor's tables with their own column names.
-- What is text in the published files is text here, so that a shop's odd ID is
-- kept as it is; judging a line is the load's job. [Row Version] grows with every
-- row that is written and so tells the load which are new; the predecessor's database
-- has no such column, and the load compares keys there.
--
-- transactions and customers have no index in SQL Server, as the predecessor's have
-- none: nobody looks up single rows, the import sees to it that a key is there once,
-- and a table without an index takes rows over several connections at once. (An index
-- would take more of an import's time than all else together.)

CREATE TABLE dbo.transactions (
    [Invoice ID]       NVARCHAR(255)  NOT NULL,
    [Line]             INT           NOT NULL,
    [Customer ID]      NVARCHAR(255)  NOT NULL,
    [Product ID]       NVARCHAR(255)  NOT NULL,
    [Size]             NVARCHAR(255)  NOT NULL,
    [Color]            NVARCHAR(255)  NOT NULL,
    [Unit Price]       {{money}}     NULL,
    [Quantity]         INT           NOT NULL,
    [Date]             DATETIME2(0)  NULL,
    [Discount]         {{money}}     NULL,
    [Line Total]       {{money}}     NOT NULL,
    [Store ID]         NVARCHAR(255)  NOT NULL,
    [Employee ID]      NVARCHAR(255)  NOT NULL,
    [Currency]         NVARCHAR(255)  NOT NULL,
    [Currency Symbol]  NVARCHAR(255)  NOT NULL,
    [SKU]              NVARCHAR(255)  NOT NULL,
    [Transaction Type] NVARCHAR(255)  NOT NULL,
    [Payment Method]   NVARCHAR(255)  NOT NULL,
    [Invoice Total]    {{money}}     NULL,
    [Row Version]      {{rowversion}}
);
{{if not sqlserver}}
-- The first import builds the index when all rows are there, which is quicker.
CREATE UNIQUE INDEX pk_transactions ON dbo.transactions ([Invoice ID], [Line]);

-- SQL Server gives a row a new version by itself, whoever changes it. Here the
-- version is the row's number in the table, so new rows come in its order.
CREATE TRIGGER tr_transactions_row_version AFTER UPDATE ON dbo.transactions
WHEN NEW.[Row Version] = OLD.[Row Version]
BEGIN
    UPDATE transactions
    SET [Row Version] = (SELECT MAX([Row Version]) FROM transactions) + 1
    WHERE [Row Version] = OLD.[Row Version];
END;
{{end}}
CREATE TABLE dbo.stores (
    [Store ID]            NVARCHAR(255)  NOT NULL PRIMARY KEY,
    [Country]             NVARCHAR(255)  NOT NULL,
    [City]                NVARCHAR(255)  NOT NULL,
    [Store Name]          NVARCHAR(255) NOT NULL,
    [Number of Employees] INT           NULL,
    [ZIP Code]            NVARCHAR(255)  NOT NULL,
    [Latitude]            {{money}}     NULL,
    [Longitude]           {{money}}     NULL
);

CREATE TABLE dbo.employees (
    [Employee ID] NVARCHAR(255)  NOT NULL PRIMARY KEY,
    [Store ID]    NVARCHAR(255)  NOT NULL,
    [Name]        NVARCHAR(255) NOT NULL,
    [Position]    NVARCHAR(255) NOT NULL
);

CREATE TABLE dbo.customers (
    [Customer ID]   NVARCHAR(255)  NOT NULL,
    [Name]          NVARCHAR(255) NOT NULL,
    [Email]         NVARCHAR(255) NOT NULL,
    [Telephone]     NVARCHAR(255)  NOT NULL,
    [City]          NVARCHAR(255)  NOT NULL,
    [Country]       NVARCHAR(255)  NOT NULL,
    [Gender]        NVARCHAR(64)  NOT NULL,
    [Date Of Birth] {{date}}      NULL,
    [Job Title]     NVARCHAR(255) NOT NULL,
    [Row Version]   {{rowversion}} -- there are too many customers to compare all of them at each load
);
{{if not sqlserver}}
CREATE UNIQUE INDEX pk_customers ON dbo.customers ([Customer ID]);
CREATE TRIGGER tr_customers_row_version AFTER UPDATE ON dbo.customers
WHEN NEW.[Row Version] = OLD.[Row Version]
BEGIN
    UPDATE customers
    SET [Row Version] = (SELECT MAX([Row Version]) FROM customers) + 1
    WHERE [Row Version] = OLD.[Row Version];
END;
{{end}}
-- Sizes of a product are rows of product_size, as the predecessor split them.
CREATE TABLE dbo.category_subcategory (
    [Category]     NVARCHAR(64) NOT NULL,
    [Sub Category] NVARCHAR(64) NOT NULL,
    PRIMARY KEY ([Category], [Sub Category])
);

CREATE TABLE dbo.sizes (
    [Size] NVARCHAR(255) NOT NULL PRIMARY KEY
);

CREATE TABLE dbo.products (
    [Product ID]      NVARCHAR(255)  NOT NULL PRIMARY KEY,
    [Category]        NVARCHAR(64)  NOT NULL,
    [Sub Category]    NVARCHAR(64)  NOT NULL,
    [Description PT]  NVARCHAR(255) NOT NULL,
    [Description DE]  NVARCHAR(255) NOT NULL,
    [Description FR]  NVARCHAR(255) NOT NULL,
    [Description ES]  NVARCHAR(255) NOT NULL,
    [Description EN]  NVARCHAR(255) NOT NULL,
    [Description ZH]  NVARCHAR(255) NOT NULL,
    [Color]           NVARCHAR(255)  NOT NULL,
    [Production Cost] {{money}}     NULL
);

CREATE TABLE dbo.product_size (
    [Product ID] NVARCHAR(255) NOT NULL,
    [Size]       NVARCHAR(255) NOT NULL,
    PRIMARY KEY ([Product ID], [Size])
);

CREATE TABLE dbo.discounts (
    [Start]        {{date}}      NOT NULL,
    [End]          {{date}}      NOT NULL,
    [Discont]      {{money}}     NOT NULL, -- spelled so in the published file
    [Description]  NVARCHAR(255) NOT NULL,
    [Category]     NVARCHAR(64)  NOT NULL,
    [Sub Category] NVARCHAR(64)  NOT NULL,
    PRIMARY KEY ([Start], [End], [Discont], [Category], [Sub Category])
);
