-- The extension leaves these to no search_path: bodies in SQL are parsed when the extension is created, those in PL/pgSQL
-- and all that is set for a function see pg_catalog only. test/t/057_attack.pl attacks what this lists.
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS vecstore;
SELECT plan(6);

CREATE TEMP VIEW own AS
SELECT p.*, l.lanname FROM pg_extension e JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid JOIN pg_language l ON l.oid = p.prolang WHERE e.extname = 'vecstore';

SELECT cmp_ok((SELECT count(*) FROM own WHERE lanname IN ('sql', 'plpgsql'))::int, '>', 8, 'there are such functions');
SELECT is_empty($$SELECT oid::regprocedure FROM own WHERE lanname = 'sql' AND prosqlbody IS NULL$$, 'functions in SQL have bodies that are parsed');
SELECT is_empty($$SELECT oid::regprocedure FROM own WHERE lanname NOT IN ('sql', 'c', 'internal')
    AND NOT coalesce(proconfig @> '{"search_path=pg_catalog, pg_temp"}', false)$$, 'others that are not in C have a search_path of their own');
SELECT is_empty($$SELECT oid::regprocedure, setting FROM own, unnest(proconfig) setting
    WHERE setting LIKE 'search\_path=%' AND setting <> 'search_path=pg_catalog, pg_temp'$$, 'and no other');
SELECT is_empty($$SELECT oid::regprocedure FROM own WHERE prosecdef$$, 'no function runs with its owner''s rights');
SELECT is_empty($$SELECT oid::regprocedure FROM own WHERE lanname = 'c' AND probin <> '$libdir/vecstore'$$, 'functions in C are of one library');

SELECT * FROM finish();
ROLLBACK;
