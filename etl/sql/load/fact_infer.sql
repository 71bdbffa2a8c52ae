-- Members that facts ask for before the source has them.
INSERT INTO dw.dim_store (store_id, country, country_name, city, store_name, employees, zip_code, latitude, longitude,
    source_system, row_hash, is_inferred, valid_from, valid_to, is_current)
SELECT s.store_id, MIN(s.country), MIN(s.country_name), 'Unknown', 'Unknown', NULL, '', NULL, NULL,
    @system, 0, 1, '1900-01-01 00:00:00', '9999-12-31 00:00:00', 1
FROM {{.Stage}} s
WHERE s.state IN (1, 2) AND s.store_id <> '' AND NOT EXISTS (SELECT 1 FROM dw.dim_store d WHERE d.store_id = s.store_id)
GROUP BY s.store_id;

INSERT INTO dw.dim_employee (employee_id, store_id, name, position,
    source_system, row_hash, is_inferred, valid_from, valid_to, is_current)
SELECT s.employee_id, MIN(s.store_id), 'Unknown', 'Unknown',
    @system, 0, 1, '1900-01-01 00:00:00', '9999-12-31 00:00:00', 1
FROM {{.Stage}} s
WHERE s.state IN (1, 2) AND s.employee_id <> '' AND NOT EXISTS (SELECT 1 FROM dw.dim_employee d WHERE d.employee_id = s.employee_id)
GROUP BY s.employee_id;

INSERT INTO dw.dim_customer (customer_id, name, email, telephone, city, country, country_name, gender, date_of_birth, job_title,
    source_system, row_hash, is_inferred, valid_from, valid_to, is_current)
SELECT s.customer_id, 'Unknown', '', '', 'Unknown', '', 'Unknown', 'Unknown', NULL, 'Unknown',
    @system, 0, 1, '1900-01-01 00:00:00', '9999-12-31 00:00:00', 1
FROM {{.Stage}} s
WHERE s.state IN (1, 2) AND s.customer_id <> '' AND NOT EXISTS (SELECT 1 FROM dw.dim_customer d WHERE d.customer_id = s.customer_id)
GROUP BY s.customer_id;

INSERT INTO dw.dim_product (product_id, category, sub_category, description_pt, description_de, description_fr, description_es,
    description_en, description_zh, color, sizes, production_cost_micros,
    source_system, row_hash, is_inferred, valid_from, valid_to, is_current)
SELECT s.product_id, MIN(s.category), 'Unknown', '', '', '', '', 'Unknown', '', '', '', NULL,
    @system, 0, 1, '1900-01-01 00:00:00', '9999-12-31 00:00:00', 1
FROM {{.Stage}} s
WHERE s.state IN (1, 2) AND s.product_id <> '' AND NOT EXISTS (SELECT 1 FROM dw.dim_product d WHERE d.product_id = s.product_id)
GROUP BY s.product_id;

INSERT INTO dw.dim_size (size)
SELECT DISTINCT s.size FROM {{.Stage}} s
WHERE s.state IN (1, 2) AND s.size <> '' AND NOT EXISTS (SELECT 1 FROM dw.dim_size d WHERE d.size = s.size);
