-- Rows that come, change and go, and tables without any.
SET client_min_messages = warning;
SET enable_seqscan = off;

-- an empty table: build, scan, vacuum; then its first row, and its last
CREATE TABLE rows_t (id int, v vector(2), note text) WITH (fillfactor = 50);
CREATE INDEX rows_idx ON rows_t USING hnsw (v vector_l2_ops);
SELECT id FROM rows_t ORDER BY v <-> '[0,0]';
VACUUM rows_t;
INSERT INTO rows_t VALUES (1, '[1,1]');
SELECT id FROM rows_t ORDER BY v <-> '[0,0]';
DELETE FROM rows_t;
SELECT id FROM rows_t ORDER BY v <-> '[0,0]';
VACUUM rows_t;
SELECT id FROM rows_t ORDER BY v <-> '[0,0]';
INSERT INTO rows_t VALUES (2, '[2,2]');
SELECT id FROM rows_t ORDER BY v <-> '[0,0]';
-- only NULLs
CREATE TABLE rows_null (v vector(2));
INSERT INTO rows_null VALUES (NULL), (NULL);
CREATE INDEX ON rows_null USING hnsw (v vector_l2_ops);
INSERT INTO rows_null VALUES (NULL);
SELECT count(*) FROM (SELECT * FROM rows_null ORDER BY v <-> '[0,0]') s;

-- update of the vector, and of another column (a HOT update: the index is not touched)
TRUNCATE rows_t;
INSERT INTO rows_t SELECT i, ARRAY[i, 0]::vector FROM generate_series(1, 10) i;
UPDATE rows_t SET v = '[0.5,0]' WHERE id = 10;
UPDATE rows_t SET note = 'hot' WHERE id = 1;
UPDATE rows_t SET note = 'hotter' WHERE id = 1;
SELECT id, v, note FROM rows_t ORDER BY v <-> '[0,0]' LIMIT 3;
UPDATE rows_t SET v = NULL WHERE id = 2;
SELECT id FROM rows_t ORDER BY v <-> '[0,0]' LIMIT 3;
VACUUM rows_t;
SELECT id FROM rows_t ORDER BY v <-> '[0,0]';

-- what was rolled back is not there, in transactions and in subtransactions
BEGIN;
INSERT INTO rows_t VALUES (11, '[0.1,0]');
SELECT id FROM rows_t ORDER BY v <-> '[0,0]' LIMIT 1;
SAVEPOINT a;
INSERT INTO rows_t VALUES (12, '[0.05,0]');
SELECT id FROM rows_t ORDER BY v <-> '[0,0]' LIMIT 1;
ROLLBACK TO a;
SELECT id FROM rows_t ORDER BY v <-> '[0,0]' LIMIT 1;
SAVEPOINT b;
DELETE FROM rows_t WHERE id = 11;
SELECT id FROM rows_t ORDER BY v <-> '[0,0]' LIMIT 1;
ROLLBACK TO b;
SELECT id FROM rows_t ORDER BY v <-> '[0,0]' LIMIT 1;
ROLLBACK;
SELECT id FROM rows_t ORDER BY v <-> '[0,0]' LIMIT 1;
VACUUM rows_t;
SELECT id FROM rows_t ORDER BY v <-> '[0,0]' LIMIT 2;

-- TRUNCATE, also one that is rolled back
BEGIN;
TRUNCATE rows_t;
SELECT id FROM rows_t ORDER BY v <-> '[0,0]';
INSERT INTO rows_t VALUES (100, '[9,9]');
SELECT id FROM rows_t ORDER BY v <-> '[0,0]';
ROLLBACK;
SELECT id FROM rows_t ORDER BY v <-> '[0,0]' LIMIT 2;
TRUNCATE rows_t;
SELECT id FROM rows_t ORDER BY v <-> '[0,0]';
INSERT INTO rows_t VALUES (13, '[1,1]');
SELECT id FROM rows_t ORDER BY v <-> '[0,0]';

-- equal vectors: many rows of one vector, built and inserted, deleted in part
CREATE TABLE rows_same (id int, v vector(3));
INSERT INTO rows_same SELECT i, '[1,2,3]' FROM generate_series(1, 100) i;
CREATE INDEX rows_same_idx ON rows_same USING hnsw (v vector_l2_ops);
INSERT INTO rows_same SELECT i, '[1,2,3]' FROM generate_series(101, 200) i;
INSERT INTO rows_same SELECT i, ARRAY[4, i, 6]::vector FROM generate_series(201, 220) i;
SET hnsw.ef_search = 300;
SELECT count(*), count(DISTINCT id), min(id), max(id) FROM (SELECT id FROM rows_same ORDER BY v <-> '[1,2,3]' LIMIT 200) s;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM rows_same ORDER BY v <-> '[1,2,3]') s;
DELETE FROM rows_same WHERE id % 2 = 0;
SELECT count(*), count(DISTINCT id), max(id) FROM (SELECT id FROM rows_same ORDER BY v <-> '[1,2,3]' LIMIT 100) s;
VACUUM rows_same;
SELECT count(*), count(DISTINCT id), max(id) FROM (SELECT id FROM rows_same ORDER BY v <-> '[1,2,3]' LIMIT 100) s;
INSERT INTO rows_same SELECT i, '[1,2,3]' FROM generate_series(301, 350) i;
SELECT count(*), count(DISTINCT id), max(id) FROM (SELECT id FROM rows_same ORDER BY v <-> '[1,2,3]' LIMIT 150) s;
DELETE FROM rows_same WHERE v = '[1,2,3]';
VACUUM rows_same;
SELECT id FROM rows_same ORDER BY v <-> '[4,211,6]' LIMIT 1;
RESET hnsw.ef_search;

-- zero vectors under L2 and inner product are vectors like others
CREATE TABLE rows_zero (id int, v vector(2));
INSERT INTO rows_zero VALUES (1, '[0,0]'), (2, '[3,4]'), (3, '[0,0]');
CREATE INDEX ON rows_zero USING hnsw (v vector_l2_ops);
SELECT id, v <-> '[0,0]' AS d FROM rows_zero ORDER BY v <-> '[0,0]', id;
SELECT count(*) FROM (SELECT id FROM rows_zero ORDER BY v <-> '[0,0]') s;

-- values of every magnitude in one index
CREATE TABLE rows_scale (id int, v vector(2));
INSERT INTO rows_scale VALUES (1, '[1e-20,0]'), (2, '[1e-6,0]'), (3, '[1,0]'), (4, '[1e6,0]'), (5, '[1e18,0]');
CREATE INDEX ON rows_scale USING hnsw (v vector_l2_ops);
SELECT id FROM rows_scale ORDER BY v <-> '[0,0]';
SELECT id FROM rows_scale ORDER BY v <-> '[1e18,0]' LIMIT 1;
SELECT id FROM rows_scale ORDER BY v <-> '[2,0]' LIMIT 1;
DROP TABLE rows_t, rows_null, rows_same, rows_zero, rows_scale;
