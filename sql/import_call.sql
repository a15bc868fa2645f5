-- CALL vecstore_import: what it refuses before it looks at any file, and the state tables.
CREATE TABLE docs (id bigint, embedding vector(3));
CALL vecstore_import('nowhere', '/nowhere');
CALL vecstore_import('docs', 'relative.npy');
CALL vecstore_import('docs', NULL);
CALL vecstore_import(NULL, '/nowhere');
CALL vecstore_import('docs', '/nowhere', batch_size => 0);
CALL vecstore_import('docs', '/nowhere', "column" => 'id');
CALL vecstore_import('docs', '/nowhere', "column" => 'content');
CALL vecstore_import('docs', '/nowhere', id_column => 'embedding');
CALL vecstore_import('docs', '/nowhere', id_column => 'content');
\set VERBOSITY terse
CALL vecstore_import('docs', '/nowhere');
\set VERBOSITY default
BEGIN;
CALL vecstore_import('docs', '/nowhere');
ROLLBACK;
CALL vecstore_import('pg_stats', '/nowhere');
SET default_transaction_read_only = on;
CALL vecstore_import('docs', '/nowhere');
RESET default_transaction_read_only;
SELECT count(*) FROM vecstore_import_progress;
SELECT vecstore_inspect('relative.npy'::text);
SELECT * FROM vecstore_read_npy('');
DROP TABLE docs;
