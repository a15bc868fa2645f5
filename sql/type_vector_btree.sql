-- Comparison of vectors: operators, btree index, sorting, grouping.

-- element by element; a vector that goes on is greater than one that ends
SELECT a, b, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt, vector_cmp(a, b) AS cmp
FROM (VALUES ('[1,2,3]'::vector, '[1,2,3]'::vector), ('[1,2,3]', '[1,2]'), ('[1,2]', '[1,2,3]'), ('[1,2]', '[2,3,4]'),
             ('[2,3]', '[1,2,3]'), ('[0]', '[-0]'), ('[1,-1]', '[1,1]'), ('[1e-45]', '[0]')) v(a, b);
SELECT NULL::vector = '[1]' AS eq, NULL::vector < '[1]' AS lt;

CREATE TABLE t (id int, val vector(3));
INSERT INTO t VALUES (1, '[0,0,0]'), (2, '[1,2,3]'), (3, '[1,1,1]'), (4, NULL), (5, '[1,2,3]'), (6, '[-1,5,5]');
CREATE INDEX t_val ON t (val);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT * FROM t WHERE val = '[1,2,3]';
SELECT * FROM t WHERE val = '[1,2,3]' ORDER BY id;
SELECT * FROM t WHERE val > '[0,0,0]' AND val <= '[1,2,3]' ORDER BY id;
SELECT * FROM t WHERE val <> '[1,2,3]' ORDER BY id;
SELECT * FROM t WHERE val IS NULL;
EXPLAIN (COSTS OFF) SELECT val FROM t ORDER BY val;
SELECT val FROM t ORDER BY val;
SELECT val FROM t ORDER BY val DESC;
EXPLAIN (COSTS OFF) SELECT val FROM t WHERE NOT val < '[1,1,1]';
RESET enable_seqscan;

-- sorting, grouping, joining, without the index
DROP INDEX t_val;
SELECT DISTINCT val FROM t ORDER BY 1;
SELECT val, count(*) FROM t GROUP BY val ORDER BY val;
SELECT a.id, b.id FROM t a JOIN t b ON a.val = b.val WHERE a.id < b.id;
SELECT val FROM t WHERE id < 3 UNION SELECT val FROM t WHERE id > 3 ORDER BY 1;
SELECT greatest('[1,2]'::vector, '[1,3]', '[1]'), least('[1,2]'::vector, '[1,3]', '[1]');

-- uniqueness
CREATE UNIQUE INDEX ON t (val);
DELETE FROM t WHERE id = 5;
CREATE UNIQUE INDEX ON t (val);
INSERT INTO t VALUES (7, '[1,2,3]') ON CONFLICT (val) DO UPDATE SET id = excluded.id;
SELECT id FROM t WHERE val = '[1,2,3]';
INSERT INTO t VALUES (8, '[1,2,3]');
DROP TABLE t;

-- dimensions mixed in one index; short values and long ones, which are detoasted on each comparison
CREATE TABLE t (val vector);
INSERT INTO t SELECT ARRAY[i % 5, i % 3]::vector || array_fill(i % 7, ARRAY[1 + i % 40 * 10])::vector FROM generate_series(1, 2000) i;
CREATE INDEX ON t (val);
SET enable_seqscan = off;
SET enable_sort = off;
SELECT count(*), bool_and(val >= previous) FROM (SELECT val, lag(val) OVER (ORDER BY val) AS previous FROM t) x;
SELECT count(*) FROM t a WHERE val = (ARRAY[3,1]::vector || array_fill(0, ARRAY[81])::vector);
SELECT count(*) FROM t WHERE val < '[1]';
DROP TABLE t;
RESET enable_seqscan;
RESET enable_sort;
