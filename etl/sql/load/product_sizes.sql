-- The sizes of the versions that were just written.
INSERT INTO dw.dim_size (size)
SELECT DISTINCT s.size FROM {{.Sizes}} s
WHERE NOT EXISTS (SELECT 1 FROM dw.dim_size d WHERE d.size = s.size);

DELETE FROM dw.bridge_product_size WHERE product_key IN (
    SELECT d.product_key FROM dw.dim_product d JOIN {{.Stage}} s ON s.product_id = d.product_id WHERE d.is_current = 1);

INSERT INTO dw.bridge_product_size (product_key, size_key)
SELECT DISTINCT d.product_key, z.size_key
FROM {{.Sizes}} s
JOIN dw.dim_product d ON d.product_id = s.product_id AND d.is_current = 1
JOIN dw.dim_size z ON z.size = s.size;
