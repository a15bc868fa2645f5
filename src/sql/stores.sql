-- =========================================================================================== stores

-- Folders of stores that keep documents beside their vectors: LangChain's FAISS folders (index.faiss and index.pkl)
-- and Chroma's (chroma.sqlite3 and its segments). Pickles are read as plain data, never executed. All need the
-- privileges of pg_read_server_files.

-- The collections of a folder, a row for each.
CREATE FUNCTION vecstore_inspect_store(
    path text, index_name text DEFAULT 'index',
    OUT kind text, OUT collection text, OUT "rows" bigint, OUT dims bigint, OUT metric text, OUT warnings text[],
    OUT details jsonb)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'vecstore_inspect_store' LANGUAGE C VOLATILE PARALLEL SAFE;

CREATE FUNCTION vecstore_read_langchain(path text, index_name text DEFAULT 'index')
    RETURNS TABLE (id text, document text, metadata jsonb, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_langchain' LANGUAGE C VOLATILE PARALLEL SAFE;

-- collection, by name or id, may be left out where there is only one.
CREATE FUNCTION vecstore_read_chroma(path text, collection text DEFAULT NULL)
    RETURNS TABLE (id text, document text, metadata jsonb, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_chroma' LANGUAGE C VOLATILE PARALLEL SAFE;

-- Brings a store's rows into a table, in committed batches; makes the table where there is none of this name.
-- A column whose name is null is left out. on_conflict: error, skip or update (by a unique index on the ids).
CREATE PROCEDURE vecstore_import_store(
    target text, path text, collection text DEFAULT NULL, index_name text DEFAULT 'index',
    id_column name DEFAULT 'id', document_column name DEFAULT 'document', metadata_column name DEFAULT 'metadata',
    "column" name DEFAULT 'embedding', batch_size integer DEFAULT 10000, on_conflict text DEFAULT 'error',
    resume boolean DEFAULT false, verify boolean DEFAULT true)
    AS 'MODULE_PATHNAME', 'vecstore_import_store' LANGUAGE C;

-- For the program vecstore-load, which streams a client's file over the wire: the same state, one row for each
-- import and one for each batch, in the batch's own transaction. The rows come by COPY, with the user's privileges.
CREATE FUNCTION vecstore_load_begin(
    target regclass, source text, "column" name, id_column name, format text, file_size bigint, fingerprint bigint,
    "rows" bigint, dims bigint, resume boolean,
    OUT load_id bigint, OUT rows_done bigint, OUT content_sum bigint, OUT earlier_size bigint,
    OUT earlier_fingerprint bigint, OUT status text, OUT target_name text, OUT vector_column text, OUT vector_type text,
    OUT id_type text)
    AS 'MODULE_PATHNAME', 'vecstore_load_begin' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION vecstore_load_batch(load_id bigint, first_row bigint, "rows" bigint, content_sum bigint) RETURNS void
    AS 'MODULE_PATHNAME', 'vecstore_load_batch' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

-- equal, different, not allowed (SELECT on the table is needed), not asked for
CREATE FUNCTION vecstore_load_finish(load_id bigint, verify boolean) RETURNS text
    AS 'MODULE_PATHNAME', 'vecstore_load_finish' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

