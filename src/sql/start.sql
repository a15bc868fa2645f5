-- vecstore @VERSION@: the install script. `make sql` assembled it from the parts in src/sql: change those.
\echo Use "CREATE EXTENSION vecstore" to load this file. \quit

-- The shim, the same extension under the name `vector`, has this script too (see the Makefile). A real pgvector may be in
-- the database, in another schema.
--
-- Everybody who may create objects in the extension's schema can put functions and operators there that fit a call better
-- than pg_catalog's. So everything here that is run or stored names pg_catalog, or fits it exactly: test/t/057_attack.pl.
DO LANGUAGE plpgsql $$ BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname = 'c'
        JOIN pg_catalog.pg_depend d ON d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        WHERE p.prosrc = 'vecstore_vector_in') THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
            MESSAGE = 'extensions "vecstore" and "vector" cannot be in one database where both are vecstore',
            DETAIL = 'The "vector" that is installed on this server is another name of vecstore, not pgvector.',
            HINT = 'To change from one to the other, dump the database, change the CREATE EXTENSION line and restore.';
    END IF;
    IF EXISTS (
        SELECT FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
        WHERE t.typname = 'vector' AND n.nspname = pg_catalog.current_schema()) THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
            MESSAGE = pg_catalog.format('schema "%s" has a type "vector" already', pg_catalog.current_schema()),
            HINT = 'If it is pgvector''s, create vecstore in a schema of its own: CREATE SCHEMA vecstore; CREATE EXTENSION vecstore SCHEMA vecstore.';
    END IF;
END $$;

