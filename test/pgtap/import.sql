-- The SQL surface of imports: signatures, privileges, what a dump carries along.
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS vecstore;
SELECT plan(32);

SELECT has_function('vecstore_inspect', ARRAY['text', 'text', 'boolean']);
SELECT has_function('vecstore_inspect', ARRAY['bytea', 'text', 'boolean']);
SELECT function_returns(name, ARRAY[source, 'bigint', 'bigint', 'boolean'], 'setof record')
FROM unnest(ARRAY['vecstore_read_faiss', 'vecstore_read_hnswlib', 'vecstore_read_fvecs']) name, unnest(ARRAY['text', 'bytea']) source;
SELECT function_returns('vecstore_read_npy', ARRAY[source, 'bigint', 'bigint', 'text', 'boolean', 'boolean'], 'setof record')
FROM unnest(ARRAY['text', 'bytea']) source;
SELECT function_returns('vecstore_read_bits', ARRAY[source, 'bigint', 'bigint'], 'setof record')
FROM unnest(ARRAY['text', 'bytea']) source;
SELECT volatility_is('vecstore_read_bits', ARRAY['text', 'bigint', 'bigint'], 'volatile', 'files change');
SELECT volatility_is('vecstore_read_bits', ARRAY['bytea', 'bigint', 'bigint'], 'immutable', 'values do not');
SELECT results_eq($$SELECT pg_get_function_arguments(oid) FROM pg_proc WHERE proname = 'vecstore_import' AND prokind = 'p' ORDER BY pronargs$$,
    ARRAY['IN target regclass, IN path text, IN "column" name DEFAULT NULL::name, IN id_column name DEFAULT NULL::name, '
    'IN batch_size integer DEFAULT 10000, IN format text DEFAULT ''auto''::text, IN resume boolean DEFAULT false, '
    'IN verify boolean DEFAULT true, IN metadata text DEFAULT NULL::text, IN metadata_column name DEFAULT NULL::name, '
    'IN ids text DEFAULT ''auto''::text, IN on_conflict text DEFAULT ''error''::text, IN member text DEFAULT NULL::text, '
    'IN flatten boolean DEFAULT false, IN skip_not_finite boolean DEFAULT false, IN dry_run boolean DEFAULT false, '
    'IN create_index boolean DEFAULT false, IN index_opclass name DEFAULT NULL::name',
    'IN target text, IN path text, IN "column" name DEFAULT NULL::name, IN id_column name DEFAULT NULL::name, '
    'IN batch_size integer DEFAULT 10000, IN format text DEFAULT ''auto''::text, IN resume boolean DEFAULT false, '
    'IN verify boolean DEFAULT true, IN metadata text DEFAULT NULL::text, IN metadata_column name DEFAULT NULL::name, '
    'IN ids text DEFAULT ''auto''::text, IN on_conflict text DEFAULT ''error''::text, IN member text DEFAULT NULL::text, '
    'IN flatten boolean DEFAULT false, IN skip_not_finite boolean DEFAULT false, IN dry_run boolean DEFAULT false, '
    'IN create_index boolean DEFAULT false, IN index_opclass name DEFAULT NULL::name, '
    'IN create_table boolean DEFAULT false, IN vector_type text DEFAULT ''auto''::text'], 'arguments of vecstore_import');

-- a dump takes the state along
SELECT set_eq($$SELECT unnest(extconfig)::regclass::text FROM pg_extension WHERE extname = 'vecstore'$$,
    ARRAY['vecstore_import_id_seq', 'vecstore_import_state', 'vecstore_import_batch'], 'tables that a dump carries');

-- roles
CREATE ROLE vecstore_reader;
CREATE ROLE vecstore_outsider;
GRANT pg_read_server_files TO vecstore_reader;
CREATE TABLE docs (id bigint, embedding vector(3));
SELECT table_privs_are(name, role, '{}', role || ' has no privileges on ' || name)
FROM unnest(ARRAY['vecstore_import_state', 'vecstore_import_batch']) name,
     unnest(ARRAY['vecstore_reader', 'vecstore_outsider']) role;
SELECT table_privs_are('vecstore_import_progress', 'vecstore_outsider', ARRAY['SELECT'], 'the view is open');

SET ROLE vecstore_outsider;
SELECT throws_ok(format($$SELECT %s(%L)$$, name, path), '42501', 'permission denied to read the server''s files',
    name || '(' || path || ') needs pg_read_server_files')
FROM unnest(ARRAY['vecstore_inspect', 'vecstore_read_npy', 'vecstore_read_faiss']) name,
     unnest(ARRAY['/nowhere', '/etc/passwd']) path;
SET ROLE vecstore_reader;
SELECT throws_ok($$SELECT vecstore_inspect('/nowhere/at/all')$$, '58P01', NULL, 'with it, the file is looked for');
SELECT throws_ok($$SELECT vecstore_inspect('/dev/null')$$, '42809', NULL, 'devices are not read');
SELECT throws_ok($$SELECT vecstore_inspect('/tmp')$$, '42809', NULL, 'nor folders');
SELECT throws_ok($$SELECT * FROM vecstore_read_npy('/tmp/../nowhere')$$, '58P01', NULL, 'a file that does not exist');
RESET ROLE;

-- imports commit, and tests run in a transaction
SELECT throws_ok($$CALL vecstore_import('docs', '/nowhere')$$, '25000', 'vecstore_import cannot run inside a transaction block or a function');

SELECT * FROM finish();
ROLLBACK;
