{{define "version"}}    source_system NVARCHAR(64)  NOT NULL,
    row_hash      BIGINT        NOT NULL,
    is_inferred   BIT           NOT NULL,
    valid_from    DATETIME2(0)  NOT NULL,
    valid_to      DATETIME2(0)  NOT NULL,
    is_current    BIT           NOT NULL{{end}}
