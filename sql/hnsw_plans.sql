-- Plans that PostgreSQL makes with paths of ours: what a path may not be taken for.
SET client_min_messages = warning;
CREATE TABLE parts (id int, kind int, v vector(3)) PARTITION BY HASH (id);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT i, i % 10, ARRAY[sin(i), cos(i), i % 7]::vector FROM generate_series(1, 1000) i;
CREATE INDEX ON parts USING hnsw (v vector_l2_ops);
CREATE TABLE questions (id int, v vector(3));
INSERT INTO questions VALUES (1, '[0,1,2]'), (2, '[1,0,5]');
CREATE TABLE kinds (kind int, rank int);
INSERT INTO kinds SELECT i, i FROM generate_series(0, 9) i;
CREATE INDEX ON kinds (kind);
ANALYZE parts, questions, kinds;

-- Parallel workers do not get the vector of a row outside of the sub-select, which they would be ordered by: a scan by the
-- index is none of theirs.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET enable_seqscan = off;
SET enable_mergejoin = off;
SET enable_bitmapscan = off;
CREATE VIEW nearest AS
    SELECT q.id AS question, found.id FROM questions q CROSS JOIN LATERAL (
        SELECT p.id FROM parts p JOIN kinds k ON k.kind = p.kind AND k.rank < 3 ORDER BY p.v <-> q.v LIMIT 300) found;
CREATE FUNCTION plan_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; plan text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || statement LOOP plan := plan || line || E'\n'; END LOOP;
    RETURN plan;
END $$;
SELECT plan_of('SELECT * FROM nearest') ~ 'Gather.*Order By: \(v <-> q\.v\)' AS ordered_by_a_parameter_in_a_worker;
SELECT count(*), sum(question * id) FROM nearest;
SET enable_indexscan = off;
SELECT count(*), sum(question * id) FROM nearest;
RESET ALL;
SET client_min_messages = warning;

-- A relation that the planner has shown to be empty stays so, however the answer is ordered.
SET enable_sort = off;
SELECT id FROM parts_0 WHERE false ORDER BY v <-> '[0,1,2]', id LIMIT 3;
SELECT id FROM parts_0 WHERE (v <-> '[0,1,2]' < NULL) IS TRUE ORDER BY v <-> '[0,1,2]', id LIMIT 3;
SELECT id FROM parts WHERE kind = 1 AND kind = 2 AND false ORDER BY v <-> '[0,1,2]', id LIMIT 3;
RESET enable_sort;

-- Rows that are put together by their distance come from a scan that knows them all: one that came too late would be a group
-- of its own. Groups of other columns as well do not, and those of a constant do not.
SET enable_seqscan = off;
SELECT plan_of($$SELECT DISTINCT ON (v <-> '[0,1,2]') id FROM parts_0 ORDER BY v <-> '[0,1,2]', id LIMIT 5$$) ~ 'Index Cond: .v <==\|' AS knows_all;
SELECT plan_of($$SELECT v <-> '[0,1,2]', count(*) FROM parts_0 GROUP BY v <-> '[0,1,2]' ORDER BY 1 LIMIT 5$$) ~ '(Index Cond: .v <==\||HashAggregate)' AS knows_all;
SELECT plan_of($$SELECT DISTINCT v <-> '[0,1,2]', id FROM parts_0 ORDER BY 1, 2 LIMIT 5$$) ~ 'Index Cond' AS knows_all;
SELECT plan_of($$SELECT DISTINCT ON (kind) id FROM parts_0 WHERE kind = 3 ORDER BY kind, v <-> '[0,1,2]' LIMIT 1$$) ~ 'Index Cond' AS knows_all;
RESET enable_seqscan;
DROP VIEW nearest;
DROP TABLE parts, questions, kinds;
DROP FUNCTION plan_of;
