-- What has arrived in the stage, to compare with what was sent.
SELECT COUNT(*), COALESCE(SUM(usd_micros), 0), COALESCE(SUM(line_total_micros), 0), COALESCE(SUM(CAST(quantity AS BIGINT)), 0)
FROM {{.Stage}}
