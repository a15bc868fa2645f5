-- Tests of the way beside pgvector that need no pgvector: test/t/012_side_by_side.pl has the rest.
CREATE TABLE beside (id int PRIMARY KEY, v vector(3));
INSERT INTO beside SELECT i, ARRAY[i, 0, 0]::vector FROM generate_series(1, 50) i;
CREATE INDEX beside_v ON beside USING hnsw (v vector_l2_ops);
CREATE INDEX beside_ivf ON beside USING ivfflat (v vector_l2_ops) WITH (lists = 10);

-- another extension takes the name; the index goes on under the other
CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER bthandler;
SELECT c.relname, a.amname FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE c.relname IN ('beside_v', 'beside_ivf') ORDER BY 1;
SELECT pg_get_indexdef('beside_v'::regclass);
SET enable_seqscan = off;
SELECT id FROM beside ORDER BY v <-> '[7.2,0,0]' LIMIT 3;
SELECT count(*) FROM vecstore_check('beside_v');
CREATE INDEX beside_second ON beside USING vecstore_hnsw (v vector_cosine_ops) WITH (m = 8);
DROP INDEX beside_second;
DROP INDEX beside_ivf;
-- its settings are those of the other name: a scan that does not go on ends after ef_search rows
SET hnsw.ef_search = 1;
SET hnsw.iterative_scan = off;
SELECT count(*) FROM (SELECT id FROM beside ORDER BY v <-> '[0,0,0]') s;
SET vecstore.hnsw_ef_search = 1;
SET vecstore.hnsw_iterative_scan = off;
SELECT count(*) < 50 AS ends_early FROM (SELECT id FROM beside ORDER BY v <-> '[0,0,0]' LIMIT 50) s;
SET vecstore.hnsw_ef_search = 0;
SET vecstore.hnsw_iterative_scan = sometimes;
SET vecstore.ivfflat_probes = 32769;
SET vecstore.no_such_setting = 1;
-- ivfflat has kept its name, and with it its settings
DROP INDEX beside_v;
CREATE INDEX beside_ivf ON beside USING ivfflat (v vector_l2_ops) WITH (lists = 10);
SET vecstore.ivfflat_probes = 10;
SELECT count(*) < 50 AS ends_early FROM (SELECT id FROM beside ORDER BY v <-> '[0,0,0]' LIMIT 50) s;
SET ivfflat.probes = 10;
SELECT count(*) FROM (SELECT id FROM beside ORDER BY v <-> '[0,0,0]' LIMIT 50) s;

DROP INDEX beside_ivf;
CREATE INDEX beside_v ON beside USING vecstore_hnsw (v vector_l2_ops);
-- the other goes, the name comes back
DROP ACCESS METHOD hnsw;
SELECT pg_get_indexdef('beside_v'::regclass);
RESET hnsw.ef_search;
RESET hnsw.iterative_scan;
SELECT count(*) FROM (SELECT id FROM beside ORDER BY v <-> '[0,0,0]') s;
SELECT vecstore_take_names();
CREATE INDEX beside_ivf ON beside USING ivfflat (v vector_l2_ops) WITH (lists = 10);

-- in one transaction, and undone
BEGIN;
CREATE ACCESS METHOD ivfflat TYPE INDEX HANDLER bthandler;
SELECT pg_get_indexdef('beside_ivf'::regclass);
ROLLBACK;
SELECT pg_get_indexdef('beside_ivf'::regclass);

-- where event triggers are off, by hand
ALTER EVENT TRIGGER vecstore_take_names DISABLE;
CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER bthandler;
DROP ACCESS METHOD hnsw;
SELECT pg_get_indexdef('beside_v'::regclass);
SELECT vecstore_take_names();
SELECT pg_get_indexdef('beside_v'::regclass);
ALTER EVENT TRIGGER vecstore_take_names ENABLE;
CREATE ROLE beside_user;
SET ROLE beside_user;
SELECT vecstore_take_names();
RESET ROLE;
DROP ROLE beside_user;

-- nothing to migrate
DROP TABLE beside;
\set VERBOSITY terse
SELECT vecstore_migrate_from_pgvector();
SELECT vecstore_migrate_online();
SELECT count(*) FROM vecstore_pgvector_columns;

-- a value known to have the wanted dimensions is not checked again
RESET enable_seqscan;
CREATE TABLE known (v vector(3), h halfvec(3), s sparsevec(3), any_v vector);
EXPLAIN (VERBOSE, COSTS off) SELECT v::vector(3), h::halfvec(3), s::sparsevec(3) FROM known;
EXPLAIN (VERBOSE, COSTS off) SELECT v::vector(4), any_v::vector(3), h::vector(3) FROM known;
INSERT INTO known VALUES ('[1,2,3]', '[1,2,3]', '{1:1}/3', '[1,2]');
SELECT v::vector(4) FROM known;
SELECT any_v::vector(3) FROM known;
SELECT v::vector(3) FROM known;
DROP TABLE known;
