-- The real row of an inferred member takes its place, for the facts that point
-- there. So does a change that takes effect no later than the version it changes:
-- a version that was never valid would be no history.
UPDATE {{.Stage}} SET in_place = 1
FROM dw.{{.Table}} d
WHERE d.{{.ID}} = {{.Stage}}.{{.ID}} AND d.is_current = 1
    AND (d.is_inferred = 1 OR d.valid_from >= @effective AND d.row_hash <> {{.Stage}}.row_hash)
