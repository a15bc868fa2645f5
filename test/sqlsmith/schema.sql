-- The objects that sqlsmith finds: a column of every type under every kind of index, filter columns of most types, partitions, views,
-- rows behind policies. It writes no ORDER BY itself, so that views and functions have the ordered scans. Vectors have 8
-- dimensions nearly everywhere: two of them that meet seldom differ in that.
\set ON_ERROR_STOP 1
CREATE EXTENSION vecstore;
CREATE ROLE smith LOGIN;
GRANT CREATE ON SCHEMA public TO smith;
SELECT setseed(.25);

CREATE FUNCTION any_vector(dims int, seed int) RETURNS vector LANGUAGE sql VOLATILE AS
$$ SELECT array_agg(round((random() * 8 - 4)::numeric, 2) ORDER BY d)::vector FROM generate_series(1, dims + seed * 0) d $$;
CREATE TYPE mood AS ENUM ('low', 'even', 'high');

-- As a superuser: what lies behind a policy.
CREATE TABLE secrets (id int PRIMARY KEY, owner text, v vector(8), tenant int);
INSERT INTO secrets SELECT i, CASE WHEN i % 3 = 0 THEN 'smith' ELSE 'other' END, any_vector(8, i), i % 5 FROM generate_series(1, 600) i;
CREATE INDEX ON secrets USING hnsw (v vector_l2_ops, tenant);
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secrets USING (owner = current_user);
GRANT ALL ON secrets TO smith;

SET ROLE smith;
CREATE TABLE items (id int PRIMARY KEY, v vector(8), h halfvec(8), s sparsevec(8), b bit(8), tenant int, tag text, price float8,
    cost numeric, at timestamptz, day date, flag bool, tags text[], doc jsonb, uid uuid, m mood, addr inet);
INSERT INTO items SELECT i, v, v::halfvec, v::sparsevec, binary_quantize(v)::bit(8), i % 7, 'tag ' || i % 11, random() * 100, i / 3.0,
    '2024-01-01'::timestamptz + i * interval '1 h', '2024-01-01'::date + i, i % 2 = 0, ARRAY['a' || i % 3, 'b'], jsonb_build_object('k', i % 4),
    md5(i::text)::uuid, (ARRAY['low', 'even', 'high'])[1 + i % 3]::mood, ('10.0.0.' || i % 250)::inet
    FROM (SELECT i, CASE WHEN i % 40 = 0 THEN NULL WHEN i % 41 = 0 THEN array_fill(0, ARRAY[8])::vector ELSE any_vector(8, i) END AS v
          FROM generate_series(1, 1500) i) made;
CREATE INDEX ON items USING hnsw (v vector_l2_ops, tenant, tag, price);
CREATE INDEX ON items USING hnsw (v vector_cosine_ops, flag, at, tags) WITH (m = 5);
CREATE INDEX ON items USING hnsw (v vector_ip_ops, uid, m);
CREATE INDEX ON items USING hnsw (v vector_l1_ops) WHERE tenant < 5;
CREATE INDEX ON items USING hnsw (h halfvec_l2_ops, doc, day);
CREATE INDEX ON items USING hnsw (s sparsevec_cosine_ops, cost, addr);
CREATE INDEX ON items USING hnsw (s sparsevec_ip_ops);
CREATE INDEX ON items USING hnsw (b bit_hamming_ops, tenant);
CREATE INDEX ON items USING hnsw (b bit_jaccard_ops);
CREATE INDEX ON items USING hnsw ((binary_quantize(v)::bit(8)) bit_hamming_ops);
CREATE INDEX ON items USING ivfflat (v vector_l2_ops) WITH (lists = 10);
CREATE INDEX ON items USING ivfflat (h halfvec_cosine_ops) WITH (lists = 5);
CREATE INDEX ON items (v);
CREATE INDEX ON items (s);

CREATE TABLE parts (id int, v vector(8), tenant int, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (MINVALUE) TO (400);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (400) TO (800);
CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
INSERT INTO parts SELECT i, any_vector(8, i), i % 4 FROM generate_series(1, 1000) i;
CREATE INDEX ON parts USING hnsw (v vector_l2_ops, tenant);

-- Vectors long enough to have codes, and pages of few nodes; unlogged; of any dimensions, with an index on some of them.
CREATE TABLE long_ones (id int PRIMARY KEY, v vector(160), h halfvec(160));
INSERT INTO long_ones SELECT i, v, v::halfvec FROM (SELECT i, any_vector(160, i) AS v FROM generate_series(1, 400) i) made;
CREATE INDEX ON long_ones USING hnsw (v vector_l2_ops);
CREATE INDEX ON long_ones USING hnsw (h halfvec_cosine_ops);
CREATE UNLOGGED TABLE loose (id int PRIMARY KEY, v vector, n int);
INSERT INTO loose SELECT i, any_vector(CASE WHEN i % 3 = 0 THEN 3 ELSE 8 END, i), i FROM generate_series(1, 300) i;
CREATE INDEX ON loose USING hnsw ((v::vector(8)) vector_l2_ops) WHERE vector_dims(v) = 8;
CREATE TABLE none (id int, v vector(8), tenant int);
CREATE INDEX ON none USING hnsw (v vector_l2_ops, tenant);
CREATE MATERIALIZED VIEW kept AS SELECT id, v, tenant FROM items WHERE tenant <> 3;
CREATE INDEX ON kept USING hnsw (v vector_cosine_ops, tenant);

CREATE VIEW near AS SELECT * FROM items ORDER BY v <-> '[1,2,3,1,0,-1,-2,0]' LIMIT 60;
CREATE VIEW near_all AS SELECT id, v, tenant, v <=> '[1,2,3,1,0,-1,-2,0]' AS d FROM items ORDER BY v <=> '[1,2,3,1,0,-1,-2,0]';
CREATE VIEW near_filtered AS SELECT id, h, day, doc FROM items WHERE doc = '{"k": 2}' ORDER BY h <-> '[1,2,3,1,0,-1,-2,0]' LIMIT 9;
CREATE VIEW near_product AS SELECT id, s, cost FROM items ORDER BY s <#> '{1:1,3:2}/8' LIMIT 30;
CREATE VIEW near_bits AS SELECT id, b, tenant, b <~> B'10101010' AS d FROM items WHERE tenant IN (1, 2) ORDER BY b <~> B'10101010', id LIMIT 20;
CREATE VIEW near_parts AS SELECT * FROM parts WHERE tenant = 1 ORDER BY v <-> '[1,2,3,1,0,-1,-2,0]' LIMIT 25;
CREATE VIEW near_secrets WITH (security_barrier) AS SELECT id, v, tenant FROM secrets WHERE tenant > 1 ORDER BY v <-> '[1,2,3,1,0,-1,-2,0]' LIMIT 25;
CREATE VIEW near_long AS SELECT l.id, n.id AS other, n.d FROM (SELECT * FROM long_ones LIMIT 10) l,
    LATERAL (SELECT o.id, o.v <-> l.v AS d FROM long_ones o ORDER BY o.v <-> l.v LIMIT 5) n;
CREATE VIEW near_loose AS SELECT id, n FROM loose WHERE vector_dims(v) = 8 ORDER BY v::vector(8) <-> '[1,2,3,1,0,-1,-2,0]' OFFSET 3;
CREATE VIEW joined AS SELECT i.id, i.v, p.v AS pv, i.v <-> p.v AS d, k.tenant FROM items i JOIN parts p USING (id) LEFT JOIN kept k USING (id);
CREATE VIEW within AS SELECT id, v, price FROM items WHERE (v <-> '[1,2,3,1,0,-1,-2,0]') < 6 ORDER BY v <-> '[1,2,3,1,0,-1,-2,0]';

-- With what a statement has at hand. They are inlined nowhere, so that every call is a scan of its own.
CREATE FUNCTION nearest_item(q vector) RETURNS int LANGUAGE sql STABLE AS $$ SELECT id FROM items ORDER BY v <-> q LIMIT 1 $$;
CREATE FUNCTION nearest_of(q vector, t int) RETURNS int LANGUAGE sql STABLE AS $$ SELECT id FROM items WHERE tenant = t ORDER BY v <-> q LIMIT 1 $$;
CREATE FUNCTION nearest_half(q halfvec, d date) RETURNS halfvec LANGUAGE sql STABLE AS $$ SELECT h FROM items WHERE day >= d ORDER BY h <-> q LIMIT 1 $$;
CREATE FUNCTION nearest_sparse(q sparsevec, n numeric) RETURNS sparsevec LANGUAGE sql STABLE AS $$ SELECT s FROM items WHERE cost < n ORDER BY s <=> q LIMIT 1 $$;
CREATE FUNCTION nearest_bits(q bit, t int) RETURNS bit LANGUAGE sql STABLE AS $$ SELECT b FROM items WHERE tenant > t ORDER BY b <~> q LIMIT 1 $$;
CREATE FUNCTION nearest_secret(q vector, t int) RETURNS vector LANGUAGE sql STABLE AS $$ SELECT v FROM secrets WHERE tenant = t ORDER BY v <-> q LIMIT 1 $$;
CREATE FUNCTION nearest_tags(q vector, f bool, t timestamptz, l text[]) RETURNS int LANGUAGE sql STABLE AS
$$ SELECT id FROM items WHERE flag = f AND at < t AND tags && l ORDER BY v <=> q LIMIT 1 $$;
CREATE FUNCTION list_of(n real) RETURNS real[] LANGUAGE sql IMMUTABLE AS $$ SELECT array_fill(n, ARRAY[8]) $$;
RESET ROLE;
VACUUM ANALYZE;

-- sqlsmith takes every operator and function of the catalogs for its own, and half of its statements fail for such of ranges, which
-- it does not understand. Those that have nothing to do with our types go; so do those that change more than rows, or tell
-- of the server.
SET allow_system_table_mods = on;
CREATE TEMP TABLE strangers AS SELECT oid FROM pg_type
    WHERE typnamespace = 'pg_catalog'::regnamespace
      AND (typtype IN ('r', 'm') OR typcategory IN ('G', 'V') AND typname NOT IN ('bit', 'varbit')
           OR typname IN ('anyrange', 'anymultirange', 'anycompatiblerange', 'anycompatiblemultirange', 'anyelement', 'anynonarray', 'anyenum',
               'anycompatible', 'anycompatiblenonarray', 'tsvector', 'tsquery', 'money', 'pg_lsn', 'macaddr8', 'xml', 'txid_snapshot', 'pg_snapshot',
               'pg_ndistinct', 'pg_dependencies', 'pg_mcv_list', 'pg_brin_bloom_summary', 'pg_brin_minmax_multi_summary', 'refcursor', 'gtsvector'));
INSERT INTO strangers SELECT t.oid FROM pg_type t JOIN strangers s ON t.typelem = s.oid AND t.typcategory = 'A';
DELETE FROM pg_operator WHERE oprleft IN (SELECT oid FROM strangers) OR oprright IN (SELECT oid FROM strangers) OR 'cstring'::regtype IN (oprleft, oprright);
DELETE FROM strangers WHERE oid::regtype::text ~ '^any(element|nonarray|enum|compatible|compatiblenonarray)$';
DELETE FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
    AND (prorettype IN (SELECT oid FROM strangers) OR proargtypes::oid[] && ARRAY(SELECT oid FROM strangers)
         OR provolatile = 'v' AND 'internal'::regtype <> ALL (proargtypes) AND proname NOT IN ('random', 'clock_timestamp', 'nextval', 'setseed', 'set_config')
         OR proname ~ '^(pg_|has_)' AND proname NOT IN ('pg_has_role', 'has_table_privilege', 'has_any_column_privilege', 'pg_relation_is_updatable', 'pg_is_other_temp_schema', 'pg_my_temp_schema', 'pg_describe_object'));
