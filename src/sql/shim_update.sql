-- The update of the shim from vecstore 0.1.0 to 0.2.0. `make shim` made it of src/sql/shim_update.sql and of vecstore's own
-- update. The version of the shim is pgvector's and does not tell the version of vecstore. So this looks for a function of
-- 0.2.0: a database that has it stays as it is.
\echo Use "ALTER EXTENSION vector UPDATE TO 'vecstore-0.2.0'" to load this file. \quit
DO LANGUAGE plpgsql $shim$ BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_depend d ON d.objid = p.oid AND d.deptype = 'e'
        JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'vector'
        WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::regclass
          AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::regclass AND p.proname = 'vecstore_import_graph') THEN
        RETURN;
    END IF;
    EXECUTE $update$
@UPDATE@
-- Dumps of a database with the shim of 0.1.0 had the rows of the import's tables of state. A member that leaves the
-- extension leaves its list of these tables.
ALTER EXTENSION vector DROP SEQUENCE vecstore_import_id_seq;
ALTER EXTENSION vector DROP TABLE vecstore_import_state;
ALTER EXTENSION vector DROP TABLE vecstore_import_batch;
ALTER EXTENSION vector ADD SEQUENCE vecstore_import_id_seq;
ALTER EXTENSION vector ADD TABLE vecstore_import_state;
ALTER EXTENSION vector ADD TABLE vecstore_import_batch;
    $update$;
END $shim$;
