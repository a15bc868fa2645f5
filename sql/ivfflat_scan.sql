-- Ordered scans of ivfflat indexes, of every operator class. Small tables: every answer is exact.
SET client_min_messages = warning;
SET enable_seqscan = off;
CREATE TABLE ivf_t (id int, v vector(3), h halfvec(3), b bit(3));
INSERT INTO ivf_t VALUES (1, '[0,0,0]', '[0,0,0]', '000'), (2, '[1,2,3]', '[1,2,3]', '011'), (3, '[1,1,1]', '[1,1,1]', '111'),
    (4, NULL, NULL, NULL), (5, '[1,2,4]', '[1,2,4]', '101');
CREATE INDEX ivf_l2 ON ivf_t USING ivfflat (v vector_l2_ops) WITH (lists = 1);
CREATE INDEX ivf_ip ON ivf_t USING ivfflat (v vector_ip_ops) WITH (lists = 1);
CREATE INDEX ivf_cosine ON ivf_t USING ivfflat (v vector_cosine_ops) WITH (lists = 1);
CREATE INDEX ivf_half_l2 ON ivf_t USING ivfflat (h halfvec_l2_ops) WITH (lists = 1);
CREATE INDEX ivf_half_ip ON ivf_t USING ivfflat (h halfvec_ip_ops) WITH (lists = 1);
CREATE INDEX ivf_half_cosine ON ivf_t USING ivfflat (h halfvec_cosine_ops) WITH (lists = 1);
CREATE INDEX ivf_hamming ON ivf_t USING ivfflat (b bit_hamming_ops) WITH (lists = 1);
INSERT INTO ivf_t VALUES (6, '[1,2,3.5]', '[1,2,3.5]', '110');

EXPLAIN (COSTS OFF) SELECT id FROM ivf_t ORDER BY v <-> '[3,3,3]' LIMIT 3;
SELECT id, v <-> '[3,3,3]' AS d FROM ivf_t ORDER BY v <-> '[3,3,3]';
EXPLAIN (COSTS OFF) SELECT id FROM ivf_t ORDER BY v <#> '[3,3,3]' LIMIT 3;
SELECT id, v <#> '[3,3,3]' AS d FROM ivf_t ORDER BY v <#> '[3,3,3]';
EXPLAIN (COSTS OFF) SELECT id FROM ivf_t ORDER BY v <=> '[3,3,3]' LIMIT 3;
SELECT id, round((v <=> '[3,3,3]')::numeric, 4) AS d FROM ivf_t ORDER BY v <=> '[3,3,3]';
EXPLAIN (COSTS OFF) SELECT id FROM ivf_t ORDER BY h <-> '[3,3,3]' LIMIT 3;
SELECT id, h <-> '[3,3,3]' AS d FROM ivf_t ORDER BY h <-> '[3,3,3]';
EXPLAIN (COSTS OFF) SELECT id FROM ivf_t ORDER BY h <#> '[3,3,3]' LIMIT 3;
SELECT id, h <#> '[3,3,3]' AS d FROM ivf_t ORDER BY h <#> '[3,3,3]';
EXPLAIN (COSTS OFF) SELECT id FROM ivf_t ORDER BY h <=> '[3,3,3]' LIMIT 3;
SELECT id, round((h <=> '[3,3,3]')::numeric, 4) AS d FROM ivf_t ORDER BY h <=> '[3,3,3]';
EXPLAIN (COSTS OFF) SELECT id FROM ivf_t ORDER BY b <~> B'011' LIMIT 3;
SELECT array_agg(d) FROM (SELECT b <~> B'011' AS d FROM ivf_t ORDER BY b <~> B'011') s;

-- NULL and zero queries; the wrong number of dimensions
SELECT count(*) FROM (SELECT * FROM ivf_t ORDER BY v <-> (SELECT NULL::vector)) s;
SELECT count(*) FROM (SELECT * FROM ivf_t ORDER BY v <=> '[0,0,0]') s;
SELECT id FROM ivf_t ORDER BY v <-> '[1,2]' LIMIT 1;
INSERT INTO ivf_t VALUES (7, '[1,2]', NULL, NULL);

-- deleted rows and updates
DELETE FROM ivf_t WHERE id = 5;
UPDATE ivf_t SET v = '[3,3,2]' WHERE id = 1;
SELECT id, v <-> '[3,3,3]' AS d FROM ivf_t ORDER BY v <-> '[3,3,3]';
VACUUM ivf_t;
SELECT id, v <-> '[3,3,3]' AS d FROM ivf_t ORDER BY v <-> '[3,3,3]';
TRUNCATE ivf_t;
SELECT id FROM ivf_t ORDER BY v <-> '[3,3,3]';
SELECT count(*) FROM vecstore_check('ivf_l2');
DROP TABLE ivf_t;

-- the settings
SELECT name, setting, context FROM pg_settings WHERE name LIKE 'ivfflat.%' ORDER BY name;
SET ivfflat.probes = 0;
SET ivfflat.probes = 32769;
SET ivfflat.probes = 32768;
RESET ivfflat.probes;
SET ivfflat.max_probes = 0;
SET ivfflat.iterative_scan = strict_order;

-- how far a scan goes: as far as the lists would have rows; iterating, as far as max_probes; one that looks into
-- half of the lists, everywhere
CREATE TABLE ivf_rows (id int, v vector(2));
INSERT INTO ivf_rows SELECT i, ARRAY[i, i % 7]::vector FROM generate_series(1, 20000) i;
CREATE INDEX ON ivf_rows USING ivfflat (v vector_l2_ops);
SELECT count(*) BETWEEN 200 AND 400 AS about_200 FROM (SELECT FROM ivf_rows ORDER BY v <-> '[50,3]') s;
SET ivfflat.probes = 10;
SELECT count(*) BETWEEN 2000 AND 4000 AS about_2000 FROM (SELECT FROM ivf_rows ORDER BY v <-> '[50,3]') s;
-- a filter of rows far away
SELECT id FROM ivf_rows WHERE id > 19990 ORDER BY v <-> '[50,3]' LIMIT 3;
SET ivfflat.iterative_scan = relaxed_order;
SELECT id FROM ivf_rows WHERE id > 19990 ORDER BY v <-> '[50,3]' LIMIT 3;
SELECT count(*) FROM (SELECT FROM ivf_rows ORDER BY v <-> '[50,3]') s;
SET ivfflat.max_probes = 30;
SELECT count(*) BETWEEN 6000 AND 9000 AS about_6000 FROM (SELECT FROM ivf_rows ORDER BY v <-> '[50,3]') s;
SELECT id FROM ivf_rows WHERE id > 19990 ORDER BY v <-> '[50,3]' LIMIT 3;
RESET ivfflat.iterative_scan;
RESET ivfflat.max_probes;
SET ivfflat.probes = 100;
SELECT count(*) FROM (SELECT FROM ivf_rows ORDER BY v <-> '[50,3]') s;
SELECT bool_and(d >= before) AS in_order FROM
    (SELECT d, lag(d) OVER () AS before FROM (SELECT v <-> '[50,3]' AS d FROM ivf_rows ORDER BY v <-> '[50,3]') s) s;
-- lists can be changed without building anew
ALTER INDEX ivf_rows_v_idx SET (lists = 1000);
SET ivfflat.probes = 499;
SELECT count(*) BETWEEN 9980 AND 16000 AS about_half FROM (SELECT FROM ivf_rows ORDER BY v <-> '[50,3]') s;
SET ivfflat.probes = 500;
SELECT count(*) FROM (SELECT FROM ivf_rows ORDER BY v <-> '[50,3]') s;
RESET ivfflat.probes;
-- the planner: few probes use the index; all of them cost as much as a sequential scan, and so does a scan without LIMIT
RESET enable_seqscan;
ANALYZE ivf_rows;
EXPLAIN (COSTS OFF) SELECT id FROM ivf_rows ORDER BY v <-> '[50,3]' LIMIT 5;
EXPLAIN (COSTS OFF) SELECT id FROM ivf_rows ORDER BY v <-> '[50,3]';
SET ivfflat.probes = 1000;
EXPLAIN (COSTS OFF) SELECT id FROM ivf_rows ORDER BY v <-> '[50,3]' LIMIT 5;
DROP TABLE ivf_rows;
