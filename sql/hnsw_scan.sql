-- Ordered scans: which plans use the index, what they return. Small tables: every answer is exact.
SET client_min_messages = warning;
CREATE TABLE scan_t (id int, v vector(3));
INSERT INTO scan_t VALUES (1, '[0,0,0]'), (2, '[1,2,3]'), (3, '[1,1,1]'), (4, NULL), (5, '[1,2,4]');
CREATE INDEX scan_l2 ON scan_t USING hnsw (v vector_l2_ops);
SET enable_seqscan = off;
-- The plan of a statement, without what only PostgreSQL 18 says of enable_seqscan = off.
CREATE FUNCTION plan_of(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
        IF line !~ 'Disabled: true' THEN RETURN NEXT line; END IF;
    END LOOP;
END $$;

EXPLAIN (COSTS OFF) SELECT id FROM scan_t ORDER BY v <-> '[3,3,3]' LIMIT 3;
SELECT id, v, v <-> '[3,3,3]' AS d FROM scan_t ORDER BY v <-> '[3,3,3]';
INSERT INTO scan_t VALUES (6, '[1,2,3.5]');
SELECT id, v <-> '[3,3,3]' AS d FROM scan_t ORDER BY v <-> '[3,3,3]' LIMIT 3;
-- NULLs come last, as in a sequential scan
SELECT count(*) FROM (SELECT * FROM scan_t ORDER BY v <-> '[3,3,3]') s;
SELECT count(*) FROM scan_t;
-- a query that is NULL, as a constant and as a parameter
SELECT count(*) FROM (SELECT * FROM scan_t ORDER BY v <-> NULL::vector) s;
SELECT count(*) FROM (SELECT * FROM scan_t ORDER BY v <-> (SELECT NULL::vector)) s;
-- LIMIT 0, OFFSET, beyond the end
SELECT id FROM scan_t ORDER BY v <-> '[3,3,3]' LIMIT 0;
SELECT id FROM scan_t ORDER BY v <-> '[3,3,3]' OFFSET 3;
-- a condition beside the order; a join; a query per row
EXPLAIN (COSTS OFF) SELECT id FROM scan_t WHERE id > 2 ORDER BY v <-> '[3,3,3]' LIMIT 2;
SELECT id FROM scan_t WHERE id > 2 ORDER BY v <-> '[3,3,3]' LIMIT 2;
CREATE TABLE scan_names (id int PRIMARY KEY, name text);
INSERT INTO scan_names VALUES (1, 'zero'), (2, 'two'), (3, 'three'), (5, 'five'), (6, 'six');
SELECT n.name, t.v <-> '[1,2,3]' AS d FROM scan_t t JOIN scan_names n USING (id) ORDER BY t.v <-> '[1,2,3]' LIMIT 3;
SELECT * FROM plan_of($$SELECT a.id, n.id FROM scan_t a, LATERAL (SELECT id FROM scan_t b ORDER BY b.v <-> a.v LIMIT 1) n$$);
SELECT a.id, n.id AS nearest FROM scan_t a, LATERAL (SELECT id FROM scan_t b ORDER BY b.v <-> a.v LIMIT 1) n WHERE a.v IS NOT NULL ORDER BY 1;
-- prepared, with custom and generic plans
PREPARE nearest (vector) AS SELECT id FROM scan_t ORDER BY v <-> $1 LIMIT 2;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE nearest ('[0,0,1]');
EXECUTE nearest ('[0,0,1]');
SET plan_cache_mode = force_custom_plan;
EXECUTE nearest ('[0,0,1]');
RESET plan_cache_mode;
-- a cursor can go on; with SCROLL also back, because what it has seen is kept
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM scan_t ORDER BY v <-> '[3,3,3]';
FETCH 2 FROM c;
FETCH 2 FROM c;
CLOSE c;
DECLARE c SCROLL CURSOR FOR SELECT id FROM scan_t ORDER BY v <-> '[3,3,3]';
FETCH 3 FROM c;
FETCH BACKWARD 1 FROM c;
FETCH ALL FROM c;
COMMIT;
-- the wrong number of dimensions
SELECT id FROM scan_t ORDER BY v <-> '[1,2]' LIMIT 1;
INSERT INTO scan_t VALUES (7, '[1,2]');
-- no index for another operator, for the other direction, or without an order
SELECT * FROM plan_of($$SELECT id FROM scan_t ORDER BY v <=> '[3,3,3]'$$);
SELECT * FROM plan_of($$SELECT id FROM scan_t ORDER BY v <-> '[3,3,3]' DESC$$);
SELECT * FROM plan_of($$SELECT count(*) FROM scan_t$$);

-- inner product
CREATE TABLE scan_ip (id int, v vector(3));
INSERT INTO scan_ip VALUES (1, '[0,0,0]'), (2, '[1,2,3]'), (3, '[1,1,1]'), (4, NULL), (5, '[1,2,4]'), (6, '[-1,-1,-1]');
CREATE INDEX ON scan_ip USING hnsw (v vector_ip_ops);
EXPLAIN (COSTS OFF) SELECT id FROM scan_ip ORDER BY v <#> '[3,3,3]' LIMIT 3;
SELECT id, v <#> '[3,3,3]' AS d FROM scan_ip ORDER BY v <#> '[3,3,3]';

-- cosine: a zero vector has no direction; it comes after all that have one
CREATE TABLE scan_cos (id int, v vector(3));
INSERT INTO scan_cos VALUES (1, '[0,0,0]'), (2, '[1,2,3]'), (3, '[1,1,1]'), (4, NULL), (5, '[1,2,4]'), (6, '[-2,-2,-2]');
CREATE INDEX ON scan_cos USING hnsw (v vector_cosine_ops);
EXPLAIN (COSTS OFF) SELECT id FROM scan_cos ORDER BY v <=> '[3,3,3]' LIMIT 3;
SELECT id, round((v <=> '[3,3,3]')::numeric, 4) AS d FROM scan_cos ORDER BY v <=> '[3,3,3]';
INSERT INTO scan_cos VALUES (7, '[0,0,0]'), (8, '[7,7,8]');
SELECT id FROM scan_cos ORDER BY v <=> '[3,3,3]';
-- looking for the zero vector: an answer of some order, no error
SELECT count(*) FROM (SELECT * FROM scan_cos ORDER BY v <=> '[0,0,0]') s;
RESET enable_seqscan;

-- an expression index, a partial one
CREATE TABLE scan_expr (id int, a real[], lang text);
INSERT INTO scan_expr SELECT i, ARRAY[i, i % 5, 1], CASE WHEN i % 2 = 0 THEN 'en' ELSE 'de' END FROM generate_series(1, 50) i;
CREATE INDEX ON scan_expr USING hnsw ((a::vector(3)) vector_l2_ops);
CREATE INDEX ON scan_expr USING hnsw ((a::vector(3)) vector_l2_ops) WHERE lang = 'de';
SET enable_seqscan = off;
SELECT id FROM scan_expr ORDER BY a::vector(3) <-> '[20,0,1]' LIMIT 3;
SELECT id FROM scan_expr WHERE lang = 'de' ORDER BY a::vector(3) <-> '[20,0,1]' LIMIT 3;
RESET enable_seqscan;
DROP TABLE scan_t, scan_names, scan_ip, scan_cos, scan_expr;
DROP FUNCTION plan_of;
