-- vecstore_check and vecstore_index_info: silence about sound indexes, words about damaged ones, who may ask.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS vecstore;

SELECT plan(87);

CREATE FUNCTION random_vector(dims integer, seed integer) RETURNS vector LANGUAGE sql STABLE AS
    $$ SELECT array_agg(sin(seed * 12.9898 + d * 78.233) * 43758.5453 - floor(sin(seed * 12.9898 + d * 78.233) * 43758.5453) - 0.5)::vector
       FROM generate_series(1, dims) d $$;
CREATE FUNCTION clean(idx text, name text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEXT is_empty(format('SELECT * FROM vecstore_check(%L)', idx), name);
    RETURN NEXT is_empty(format('SELECT * FROM vecstore_check(%L, true)', idx), name || ', deep');
END $$;

-- ------------------------------------------------------------------------------------------ sound indexes

CREATE TABLE items (id integer, v vector(64), w vector(256));
CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops);
CREATE INDEX items_w ON items USING hnsw (w vector_cosine_ops);
SELECT clean('items_v', 'an empty index');
INSERT INTO items SELECT i, random_vector(64, i), random_vector(256, i) FROM generate_series(1, 1500) i;
INSERT INTO items SELECT i, NULL, array_fill(0, ARRAY[256])::vector FROM generate_series(1501, 1510) i;
SELECT clean('items_v', 'rows inserted, some of them NULL');
SELECT clean('items_w', 'rows inserted, some of them zero');
INSERT INTO items SELECT 2000 + i, v, w FROM items, generate_series(1, 40) i WHERE id = 7;
CREATE INDEX items_c ON items USING hnsw (w vector_l2_ops) WITH (storage = compact, m = 4);
CREATE INDEX items_ip ON items USING hnsw (w vector_ip_ops) WHERE id % 2 = 0;
CREATE INDEX items_e ON items USING hnsw (((v || v)::vector(128)) vector_l2_ops) WITH (storage = plain);
SELECT clean('items_v', 'equal rows');
SELECT clean('items_c', 'a built index');
SELECT clean('items_ip', 'a partial index');
SELECT clean('items_e', 'an index of an expression');
DELETE FROM items WHERE id % 3 = 1;
UPDATE items SET id = id WHERE id % 3 = 2 AND id < 500;
BEGIN;
INSERT INTO items SELECT 3000 + i, random_vector(64, -i), random_vector(256, -i) FROM generate_series(1, 100) i;
SELECT is_empty($$SELECT * FROM vecstore_check('items_v', true)$$, 'rows of this transaction');
ROLLBACK;
SELECT clean('items_v', 'rows deleted, updated, rolled back');
SELECT clean('items_c', 'rows deleted, updated, rolled back, compact');
VACUUM items;
SELECT clean('items_v', 'after vacuum');
SELECT clean('items_w', 'after vacuum, cosine');
SELECT clean('items_c', 'after vacuum, compact');
SELECT clean('items_ip', 'after vacuum, inner product');
REINDEX TABLE items;
SELECT clean('items_v', 'after REINDEX');
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT is_empty($$SELECT * FROM vecstore_check('items_v')$$, 'in a read-only transaction with a snapshot of its own');
COMMIT;

CREATE TABLE hot (id integer, n integer, v vector(3)) WITH (fillfactor = 50);
CREATE INDEX hot_v ON hot USING hnsw (v vector_l2_ops);
INSERT INTO hot SELECT i, 0, random_vector(3, i) FROM generate_series(1, 300) i;
DO $$ BEGIN FOR i IN 1..5 LOOP UPDATE hot SET n = n + 1 WHERE id % 3 = 0; END LOOP; END $$;
SELECT clean('hot_v', 'HOT chains');

CREATE UNLOGGED TABLE unlogged (v vector(3));
CREATE INDEX unlogged_v ON unlogged USING hnsw (v vector_l2_ops);
INSERT INTO unlogged SELECT random_vector(3, i) FROM generate_series(1, 100) i;
SELECT clean('unlogged_v', 'an unlogged table');
CREATE TEMP TABLE temporary (v vector(3));
CREATE INDEX temporary_v ON temporary USING hnsw (v vector_l2_ops);
INSERT INTO temporary SELECT random_vector(3, i) FROM generate_series(1, 100) i;
SELECT clean('temporary_v', 'a temporary table');

-- -------------------------------------------------------------------------------------------- information

SELECT results_eq(
    $$SELECT metric, dims, m, ef_construction, storage, vector_format, code_dims, rows, dead_nodes, format_version, vacuum_pending
      FROM vecstore_index_info('items_c')$$,
    $$SELECT 'l2', 256, 4, 64, 'compact', 'int8', 256, count(w), 0::bigint, 2, false FROM items$$, 'what the index is');
SELECT results_eq($$SELECT metric, storage, vector_format, code_dims, mean_subtracted, rows FROM vecstore_index_info('items_v')$$,
                  $$SELECT 'l2', 'default', 'float16', 64, false, count(v) FROM items$$, 'an index with codes of few dimensions');
SELECT is((SELECT code_bits FROM vecstore_index_info('items_v')), 2, 'of two bits');
SELECT is((SELECT code_bits FROM vecstore_index_info('items_c')), 1, 'and of one, where it is compact');
SELECT results_eq($$SELECT metric, storage, vector_format, code_dims, code_bits, mean_subtracted FROM vecstore_index_info('items_e')$$,
                  $$VALUES ('l2', 'plain', 'float32', 0, 0, false)$$, 'an index in plain storage');
-- Inner products of vectors of different lengths have codes of their own; bit strings, bits.
CREATE INDEX compact_ip ON items USING hnsw (((w * array_fill(id, ARRAY[256])::vector)::vector(256)) vector_ip_ops) WITH (storage = compact);
CREATE INDEX compact_v ON items USING hnsw (v vector_l2_ops) WITH (storage = compact);
CREATE INDEX of_bits ON items USING hnsw ((binary_quantize(w)::bit(256)) bit_hamming_ops);
CREATE INDEX plain_bits ON items USING hnsw ((binary_quantize(w)::bit(256)) bit_jaccard_ops) WITH (storage = plain);
SELECT is(storage || ' ' || vector_format || ' ' || code_bits,
          CASE metric WHEN 'l2' THEN 'compact int8 2' WHEN 'inner_product' THEN 'compact int8 1' WHEN 'hamming' THEN 'default bit 1' ELSE 'plain bit 0' END,
          i || ': ' || metric)
FROM unnest(ARRAY['compact_ip', 'compact_v', 'of_bits', 'plain_bits']::regclass[]) i, vecstore_index_info(i);
SELECT clean(i, 'rows of other lengths, bits: ' || i) FROM unnest(ARRAY['compact_ip', 'of_bits', 'plain_bits']) i;
SELECT throws_ok($$CREATE INDEX ON items USING hnsw ((binary_quantize(w)::bit(256)) bit_hamming_ops) WITH (storage = compact)$$, '22023',
                 'option "storage" cannot be "compact" for this operator class', 'bits have no shorter form');
DROP INDEX compact_ip, compact_v, of_bits, plain_bits;
SELECT results_eq($$SELECT metric, storage, vector_format, code_dims, mean_subtracted FROM vecstore_index_info('items_w')$$,
                  $$VALUES ('cosine', 'default', 'float16', 256, false)$$, 'an index with codes, of rows around 0');
CREATE INDEX items_aside ON items USING hnsw (((w + array_fill(0.5, ARRAY[256])::vector)::vector(256)) vector_cosine_ops);
SELECT results_eq($$SELECT metric, storage, vector_format, code_dims, mean_subtracted FROM vecstore_index_info('items_aside')$$,
                  $$VALUES ('cosine', 'default', 'float16', 256, true)$$, 'an index with codes, of rows that are elsewhere');
DROP INDEX items_aside;
SELECT ok(nodes < rows AND nodes > 0 AND levels > 1 AND upper_nodes > 0 AND pages * 8192 / rows = floor(bytes_per_row)
          AND links_per_node BETWEEN 4 AND max_neighbors AND nodes_per_page > 1, 'its numbers fit each other')
FROM vecstore_index_info('items_v');

-- ------------------------------------------------------------------------------------------ damaged indexes

-- Behind the index's back: changes it is not told of.
CREATE FUNCTION ignore_index(idx regclass, ignored boolean) RETURNS void LANGUAGE sql AS
    $$ UPDATE pg_index SET indisready = NOT ignored, indislive = NOT ignored WHERE indexrelid = idx $$;

CREATE TABLE damaged (id integer PRIMARY KEY, v vector(200)) WITH (fillfactor = 50, autovacuum_enabled = off);
INSERT INTO damaged SELECT i, random_vector(200, i) FROM generate_series(1, 300) i;
CREATE INDEX damaged_v ON damaged USING hnsw (v vector_l2_ops);
SELECT clean('damaged_v', 'not damaged yet');

SELECT ignore_index('damaged_v', true);
INSERT INTO damaged SELECT i, random_vector(200, i) FROM generate_series(301, 302) i;
SELECT ignore_index('damaged_v', false);
SELECT results_eq(
    $$SELECT block, slot, problem FROM vecstore_check('damaged_v') ORDER BY problem$$,
    $$SELECT NULL::bigint, NULL::integer, format('row %s of the table is not in the index', ctid) FROM damaged WHERE id > 300 ORDER BY ctid$$,
    'rows missing in the index');
DELETE FROM damaged WHERE id > 300;
SELECT clean('damaged_v', 'rows that nobody sees need not be in it');

CREATE TABLE gone AS SELECT ctid AS tid FROM damaged WHERE id <= 3;
DELETE FROM damaged WHERE id <= 3;
SELECT ignore_index('damaged_v', true);
VACUUM (INDEX_CLEANUP ON) damaged;
SELECT ignore_index('damaged_v', false);
SELECT bag_eq($$SELECT problem FROM vecstore_check('damaged_v')$$, $$SELECT format('row %s is not in the table', tid) FROM gone$$,
              'rows of the index that the table does not have');
SELECT ok(bool_and(block > 0 AND slot >= 0), 'and where they are') FROM vecstore_check('damaged_v');
REINDEX INDEX damaged_v;

SELECT ignore_index('damaged_v', true);
UPDATE damaged SET v = random_vector(200, 1000) WHERE id = 50;
SELECT ignore_index('damaged_v', false);
SELECT is_empty($$SELECT * FROM vecstore_check('damaged_v')$$, 'another vector in the place of an old one looks right');
SELECT is((SELECT count(*) FROM vecstore_check('damaged_v', true) WHERE problem LIKE 'row %: its vector is % from its row''s, at most % is allowed'),
          1::bigint, 'but not if it is compared');

-- A row whose filter column changed behind the index's back. (HOT: the index knows the place, and the old value.)
CREATE TABLE filtered (id integer, v vector(200), tenant integer, tags integer[]) WITH (fillfactor = 50, autovacuum_enabled = off);
INSERT INTO filtered SELECT i, random_vector(200, i), i % 5, ARRAY[i] FROM generate_series(1, 100) i;
CREATE INDEX filtered_v ON filtered USING hnsw (v vector_l2_ops, tenant, tags);
SELECT clean('filtered_v', 'filter columns');
CREATE TABLE changed AS SELECT ctid AS tid FROM filtered WHERE id IN (50, 60);
SELECT ignore_index('filtered_v', true);
ALTER TABLE filtered SET (fillfactor = 50);   -- so that the session forgets which columns the index has
UPDATE filtered SET tenant = 7 WHERE id = 50;
UPDATE filtered SET tags = NULL WHERE id = 60;
SELECT ignore_index('filtered_v', false);
SELECT results_eq($$SELECT problem FROM vecstore_check('filtered_v') ORDER BY 1$$,
                  $$SELECT format('row %s has other filter values than its node', tid) FROM changed ORDER BY 1$$, 'filter values of another row');
SELECT ok(bool_and(block > 0 AND slot >= 0), 'and where they are') FROM vecstore_check('filtered_v');
REINDEX INDEX filtered_v;
SELECT clean('filtered_v', 'filter columns again');

-- ----------------------------------------------------------------------------------------- who may, and what

CREATE TABLE parts (id integer, v vector(3)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE INDEX parts_v ON parts USING hnsw (v vector_l2_ops);
INSERT INTO parts SELECT i, random_vector(3, i) FROM generate_series(1, 99) i;
SELECT clean('parts_1_v_idx', 'the index of a partition');
SELECT throws_ok($$SELECT * FROM vecstore_check('parts_v')$$, '42809',
                 '"parts_v" is the index of a partitioned table and has no pages of its own', 'a partitioned index');
SELECT is_empty($$SELECT c.* FROM pg_partition_tree('public.parts_v') p, vecstore_check(p.relid) c WHERE p.isleaf$$, 'as its hint says');
SELECT throws_ok($$SELECT * FROM vecstore_check('damaged_pkey')$$, '42809', '"damaged_pkey" is not an hnsw or ivfflat index', 'a btree');
SELECT throws_ok($$SELECT * FROM vecstore_check('damaged')$$, '42809', '"damaged" is not an index', 'a table');
SELECT throws_ok($$SELECT * FROM vecstore_check(4294967295::oid)$$, '42704', 'there is no relation with OID 4294967295', 'no relation');
SELECT throws_ok($$SELECT * FROM vecstore_check(NULL)$$, '22004', 'arguments of vecstore_check must not be null', 'NULL is no sound index');
SELECT throws_ok($$SELECT vecstore_index_info('damaged_pkey')$$, '42809', '"damaged_pkey" is not an hnsw or ivfflat index', 'information about a btree');

UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'damaged_v'::regclass;
SELECT throws_ok($$SELECT * FROM vecstore_check('damaged_v')$$, '55000', 'index "damaged_v" is not valid', 'an invalid index');
UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'damaged_v'::regclass;

CREATE ROLE check_stranger;
CREATE ROLE check_owner;
GRANT SELECT ON items TO check_stranger;
ALTER TABLE hot OWNER TO check_owner;
SET ROLE check_stranger;
SELECT throws_ok($$SELECT * FROM vecstore_check('items_v')$$, '42501', 'permission denied for index "items_v"', 'not the owner');
SELECT throws_ok($$SELECT vecstore_index_info('items_v')$$, '42501', 'permission denied for index "items_v"', 'nor for information');
SET ROLE check_owner;
SELECT is_empty($$SELECT * FROM vecstore_check('hot_v', true)$$, 'the owner');
SELECT cmp_ok((SELECT rows FROM vecstore_index_info('hot_v')), '>=', (SELECT count(*) FROM hot), 'and its information');
RESET ROLE;

-- Functions of an index are run as the table's owner, with nothing to gain.
CREATE TABLE trap (v vector(3));
CREATE FUNCTION spring(v vector) RETURNS vector(3) LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF current_setting('trap.armed', true) = 'yes' THEN RAISE EXCEPTION 'run as %', current_user; END IF;
    RETURN v;
END $$;
INSERT INTO trap SELECT random_vector(3, i) FROM generate_series(1, 10) i;
CREATE INDEX trap_v ON trap USING hnsw ((spring(v)::vector(3)) vector_l2_ops);
ALTER TABLE trap OWNER TO check_owner;
SET trap.armed = 'yes';
SELECT throws_ok($$SELECT * FROM vecstore_check('trap_v')$$, 'P0001', 'run as check_owner', 'expressions are computed as the owner');
SELECT is(current_user, session_user, 'an error leaves the user what it was');
SET trap.armed = 'no';
SELECT is_empty($$SELECT * FROM vecstore_check('trap_v')$$, 'and the function works again');

DROP TABLE items, hot, unlogged, damaged, gone, filtered, changed, parts, trap;
DROP FUNCTION random_vector, clean, ignore_index, spring;
DROP ROLE check_stranger, check_owner;
SELECT finish();
