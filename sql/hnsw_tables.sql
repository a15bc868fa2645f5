-- Kinds of tables and indexes: options, temporary and unlogged tables, partitions, rebuilding.
SET client_min_messages = warning;
CREATE TABLE tables_t (id int, v vector(3));
INSERT INTO tables_t SELECT i, ARRAY[i, i % 7, i % 3]::vector FROM generate_series(1, 200) i;

-- options and their limits
CREATE INDEX ON tables_t USING hnsw (v vector_l2_ops) WITH (m = 1);
CREATE INDEX ON tables_t USING hnsw (v vector_l2_ops) WITH (m = 101);
CREATE INDEX ON tables_t USING hnsw (v vector_l2_ops) WITH (ef_construction = 3);
CREATE INDEX ON tables_t USING hnsw (v vector_l2_ops) WITH (ef_construction = 1001);
CREATE INDEX ON tables_t USING hnsw (v vector_l2_ops) WITH (m = 16, ef_construction = 31);
CREATE INDEX ON tables_t USING hnsw (v vector_l2_ops) WITH (lists = 10);
CREATE INDEX ON tables_t USING hnsw (v);
CREATE INDEX ON tables_t USING hnsw (id vector_l2_ops);
CREATE UNIQUE INDEX ON tables_t USING hnsw (v vector_l2_ops);
CREATE INDEX ON tables_t USING hnsw (v vector_l2_ops) INCLUDE (id);
CREATE INDEX ON tables_t USING hnsw (v vector_l2_ops DESC);
CREATE INDEX tables_small ON tables_t USING hnsw (v vector_l2_ops) WITH (m = 2, ef_construction = 4);
CREATE INDEX tables_large ON tables_t USING hnsw (v vector_cosine_ops) WITH (m = 100, ef_construction = 1000);
SELECT relname, reloptions FROM pg_class WHERE relname LIKE 'tables\_%' AND relkind = 'i' ORDER BY 1;
SET enable_seqscan = off;
SELECT id FROM tables_t ORDER BY v <-> '[100.2,2,1]' LIMIT 3;
SHOW hnsw.ef_search;
SET hnsw.ef_search = 0;
SET hnsw.ef_search = 200;
SELECT count(*) FROM (SELECT id FROM tables_t ORDER BY v <-> '[100.2,2,1]') s;
RESET hnsw.ef_search;
-- a column without dimensions cannot be indexed; an expression with a cast can
CREATE TABLE tables_any (v vector);
CREATE INDEX ON tables_any USING hnsw (v vector_l2_ops);
INSERT INTO tables_any VALUES ('[1,2,3]');
CREATE INDEX ON tables_any USING hnsw ((v::vector(3)) vector_l2_ops);
SELECT v FROM tables_any ORDER BY v::vector(3) <-> '[1,2,2]';

-- REINDEX, also concurrently; CREATE INDEX CONCURRENTLY
REINDEX INDEX tables_small;
REINDEX INDEX CONCURRENTLY tables_small;
CREATE INDEX CONCURRENTLY tables_later ON tables_t USING hnsw (v vector_l2_ops);
DROP INDEX tables_small;
SELECT id FROM tables_t ORDER BY v <-> '[100.2,2,1]' LIMIT 3;
REINDEX TABLE CONCURRENTLY tables_t;
SELECT id FROM tables_t ORDER BY v <-> '[100.2,2,1]' LIMIT 3;
SELECT count(*) FROM pg_index WHERE indrelid = 'tables_t'::regclass AND NOT (indisvalid AND indisready);
-- in a transaction that fails
BEGIN;
CREATE INDEX tables_gone ON tables_t USING hnsw (v vector_ip_ops);
ROLLBACK;
SELECT count(*) FROM pg_class WHERE relname = 'tables_gone';

-- an index on an older column of a table that is rewritten
ALTER TABLE tables_t ADD COLUMN extra int DEFAULT 5;
ALTER TABLE tables_t ALTER COLUMN id TYPE bigint;
SELECT id, extra FROM tables_t ORDER BY v <-> '[100.2,2,1]' LIMIT 1;

-- temporary tables: rows that stay, rows that go at commit
CREATE TEMPORARY TABLE tables_temp (id int, v vector(3));
CREATE INDEX ON tables_temp USING hnsw (v vector_l2_ops);
INSERT INTO tables_temp SELECT i, ARRAY[i, i, i]::vector FROM generate_series(1, 300) i;
SELECT id FROM tables_temp ORDER BY v <-> '[7,7,7]' LIMIT 1;
DELETE FROM tables_temp WHERE id = 7;
VACUUM tables_temp;
SELECT count(*) FROM (SELECT id FROM tables_temp ORDER BY v <-> '[7,7,7]' LIMIT 2) s;
CREATE TEMPORARY TABLE tables_commit (id int, v vector(3)) ON COMMIT DELETE ROWS;
CREATE INDEX ON tables_commit USING hnsw (v vector_l2_ops);
BEGIN;
INSERT INTO tables_commit VALUES (1, '[1,1,1]');
SELECT id FROM tables_commit ORDER BY v <-> '[7,7,7]' LIMIT 1;
COMMIT;
SELECT id FROM tables_commit ORDER BY v <-> '[7,7,7]' LIMIT 1;
INSERT INTO tables_commit VALUES (2, '[1,1,1]');

-- unlogged
CREATE UNLOGGED TABLE tables_unlogged (id int, v vector(3));
CREATE INDEX ON tables_unlogged USING hnsw (v vector_l2_ops);
INSERT INTO tables_unlogged VALUES (1, '[1,1,1]'), (2, '[2,2,2]');
SELECT id FROM tables_unlogged ORDER BY v <-> '[7,7,7]' LIMIT 1;
ALTER TABLE tables_unlogged SET LOGGED;
SELECT id FROM tables_unlogged ORDER BY v <-> '[7,7,7]' LIMIT 1;
ALTER TABLE tables_unlogged SET UNLOGGED;
SELECT id FROM tables_unlogged ORDER BY v <-> '[7,7,7]' LIMIT 1;

-- partitions: one ordered scan each, merged; one attached later; the default one; a row that moves
CREATE TABLE tables_part (id int, kind text, v vector(3)) PARTITION BY LIST (kind);
CREATE TABLE tables_part_a PARTITION OF tables_part FOR VALUES IN ('a');
CREATE TABLE tables_part_rest PARTITION OF tables_part DEFAULT;
CREATE INDEX ON tables_part USING hnsw (v vector_l2_ops);
INSERT INTO tables_part SELECT i, CASE i % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'b' ELSE 'c' END, ARRAY[i, 0, 0]::vector
    FROM generate_series(1, 90) i;
CREATE TABLE tables_part_z (id int, kind text, v vector(3));
INSERT INTO tables_part_z VALUES (1000, 'z', '[30.4,0,0]');
ALTER TABLE tables_part ATTACH PARTITION tables_part_z FOR VALUES IN ('z');
EXPLAIN (COSTS OFF) SELECT id FROM tables_part ORDER BY v <-> '[30.1,0,0]' LIMIT 4;
SELECT id, kind FROM tables_part ORDER BY v <-> '[30.1,0,0]' LIMIT 4;
SELECT id, kind FROM tables_part WHERE kind = 'a' ORDER BY v <-> '[31.1,0,0]' LIMIT 2;
UPDATE tables_part SET kind = 'a' WHERE id = 31;
SELECT id, kind FROM tables_part WHERE kind = 'a' ORDER BY v <-> '[31.1,0,0]' LIMIT 2;
ALTER TABLE tables_part DETACH PARTITION tables_part_a;
SELECT id, kind FROM tables_part ORDER BY v <-> '[30.1,0,0]' LIMIT 2;
DROP TABLE tables_t, tables_any, tables_temp, tables_commit, tables_unlogged, tables_part, tables_part_a;
