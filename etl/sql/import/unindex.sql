-- In SQLite, before the first import: building the index of the key afterwards is
-- quicker, and shows whether a key comes twice.
DROP INDEX pk_{{.Short}}
