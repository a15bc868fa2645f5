-- =========================================================================================== import

-- Reading vector files. The functions with a path read files of the server and need the privileges of
-- pg_read_server_files; those with bytea take the file's content as a value.
--
-- id is the file's own id, or the row's position from 0 where the file has none. first and count are positions too,
-- whatever the ids. member: the array of an .npz archive; flatten: arrays of 3 and more dimensions give a row for each
-- first index; skip_not_finite: rows with NaN or infinity are left out.

--@ for NAME T SYMBOL VOLATILITY in path text file VOLATILE, data bytea bytea IMMUTABLE
CREATE FUNCTION vecstore_inspect(
    @NAME@ @T@, member text DEFAULT NULL, flatten boolean DEFAULT false,
    OUT format text, OUT element_type text, OUT dims bigint, OUT "rows" bigint, OUT has_ids boolean,
    OUT metric text, OUT lossy boolean, OUT size bigint, OUT warnings text[], OUT details jsonb)
    AS 'MODULE_PATHNAME', 'vecstore_inspect_@SYMBOL@' LANGUAGE C @VOLATILITY@ PARALLEL SAFE;

CREATE FUNCTION vecstore_read_npy(
    @NAME@ @T@, first bigint DEFAULT 0, count bigint DEFAULT NULL, member text DEFAULT NULL,
    flatten boolean DEFAULT false, skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_npy_@SYMBOL@' LANGUAGE C @VOLATILITY@ PARALLEL SAFE;

CREATE FUNCTION vecstore_read_faiss(
    @NAME@ @T@, first bigint DEFAULT 0, count bigint DEFAULT NULL, skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_faiss_@SYMBOL@' LANGUAGE C @VOLATILITY@ PARALLEL SAFE;

CREATE FUNCTION vecstore_read_hnswlib(
    @NAME@ @T@, first bigint DEFAULT 0, count bigint DEFAULT NULL, skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_hnswlib_@SYMBOL@' LANGUAGE C @VOLATILITY@ PARALLEL SAFE;

-- fvecs, bvecs and ivecs, told apart by the file's extension, or else by its content.
CREATE FUNCTION vecstore_read_fvecs(
    @NAME@ @T@, first bigint DEFAULT 0, count bigint DEFAULT NULL, skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_fvecs_@SYMBOL@' LANGUAGE C @VOLATILITY@ PARALLEL SAFE;

-- Files of bits (binary indexes of FAISS), or of zeros and ones.
CREATE FUNCTION vecstore_read_bits(
    @NAME@ @T@, first bigint DEFAULT 0, count bigint DEFAULT NULL)
    RETURNS TABLE (id bigint, embedding bit varying)
    AS 'MODULE_PATHNAME', 'vecstore_read_bits_@SYMBOL@' LANGUAGE C @VOLATILITY@ PARALLEL SAFE;

--@ end
-- A hash of a row's content. Imports compare the sum over all rows, which does not depend on their order, with the file's,
-- to verify that the table has the rows of the file.
CREATE FUNCTION vecstore_row_hash(embedding vector, id bigint DEFAULT 0) RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecstore_row_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- The same with more columns of a row, of any types, in the order of the arguments.
CREATE FUNCTION vecstore_row_hash(embedding vector, id bigint, VARIADIC fields "any") RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecstore_row_hash_fields' LANGUAGE C STABLE PARALLEL SAFE;

-- The same with the further columns as a record. Imports call this one: nothing fits a record better.
CREATE FUNCTION vecstore_row_hash_record(embedding vector, id bigint, fields record) RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecstore_row_hash_record' LANGUAGE C STABLE PARALLEL SAFE;

-- Imports. One row for each CALL of vecstore_import that was not a resumption, and one for each batch of rows that
-- it has committed (written in the batch's own transaction). Both survive dump and restore. A role can write any
-- rows as its own, by vecstore_load_begin and the others: an import is resumed by its own role only.

CREATE SEQUENCE vecstore_import_id_seq;

CREATE TABLE vecstore_import_state (
    import_id bigint PRIMARY KEY DEFAULT pg_catalog.nextval('vecstore_import_id_seq'::regclass),
    target text NOT NULL,
    vector_column text NOT NULL,
    id_column text,
    path text NOT NULL,
    member text,
    format text NOT NULL,
    file_size bigint NOT NULL,
    file_fingerprint bigint NOT NULL,
    rows_total bigint NOT NULL,
    dims bigint NOT NULL,
    table_was_empty boolean NOT NULL,
    metadata_path text,
    metadata_fingerprint bigint NOT NULL DEFAULT 0,
    status text NOT NULL DEFAULT 'loading' CHECK (status IN ('loading', 'complete', 'mismatch')),
    role text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    finished_at timestamptz,
    -- the table and its file, by which one that was made anew or truncated is known; whether the rows were found in it
    relation oid,
    file_node oid,
    verified boolean NOT NULL DEFAULT false
);

CREATE TABLE vecstore_import_batch (
    import_id bigint NOT NULL,
    first_row bigint NOT NULL,
    rows bigint NOT NULL,
    content_sum bigint NOT NULL,
    rows_written bigint NOT NULL,
    written_sum bigint NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    written_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (import_id, first_row)
);

SELECT pg_catalog.pg_extension_config_dump('vecstore_import_id_seq'::regclass, '');
SELECT pg_catalog.pg_extension_config_dump('vecstore_import_state'::regclass, '');
SELECT pg_catalog.pg_extension_config_dump('vecstore_import_batch'::regclass, '');

-- How far imports are: those of the user's own roles. (pg_stat_progress_copy starts anew with each batch.)
-- rows_done counts places in the file; rows_written is less where rows were left out, or were in the table already.
-- The rate is that of the last 20 batches, and so are the seconds that are left.
CREATE VIEW vecstore_import_progress WITH (security_barrier) AS
    SELECT s.import_id, s.target, s.vector_column, s.path, s.format, s.status, s.role,
           coalesce(b.rows, 0) AS rows_done, s.rows_total,
           CASE WHEN s.rows_total > 0 THEN pg_catalog.round(100.0 * coalesce(b.rows, 0)::numeric / s.rows_total::numeric, 1)
                ELSE 100 END AS percent,
           coalesce(b.rows_written, 0) AS rows_written, r.rows_per_second,
           CASE WHEN s.status = 'loading' AND r.rows_per_second > 0::numeric
                THEN pg_catalog.round((s.rows_total::numeric - coalesce(b.rows, 0)::numeric) / r.rows_per_second) END AS seconds_left,
           s.started_at, b.written_at AS last_batch_at, s.finished_at
    FROM vecstore_import_state s
    LEFT JOIN (SELECT import_id, greatest(0, least(pg_catalog.sum(rows), 9223372036854775807))::bigint AS rows,
                      greatest(0, least(pg_catalog.sum(rows_written), 9223372036854775807))::bigint AS rows_written,
                      pg_catalog.max(written_at) AS written_at
               FROM vecstore_import_batch GROUP BY import_id) b USING (import_id)
    LEFT JOIN LATERAL (
        SELECT pg_catalog.round(pg_catalog.sum(l.rows) FILTER (WHERE l.n < l.last)
                   / nullif(extract(epoch FROM pg_catalog.max(l.written_at) - pg_catalog.min(l.written_at)), 0::numeric), 1) AS rows_per_second
        FROM (SELECT rows, written_at, pg_catalog.row_number() OVER (ORDER BY first_row DESC) AS n, pg_catalog.count(*) OVER () AS last
              FROM (SELECT * FROM vecstore_import_batch i WHERE i.import_id = s.import_id
                    ORDER BY i.first_row DESC LIMIT 21) newest) l) r ON true
    WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = s.role AND pg_catalog.pg_has_role(r.oid, 'MEMBER'));

GRANT SELECT ON vecstore_import_progress TO PUBLIC;

-- Loads the vectors of a file into a table through COPY, in committed batches of batch_size rows: CALL it outside
-- of transaction blocks. "column" names a column of type vector, halfvec, bit, real[] or double precision[], and may
-- be left out where the table has only one vector column; id_column gets the ids.
--   resume           goes on where an earlier import of the same file into the same column stopped
--   metadata         a JSON file beside the vectors, whose fields go into columns of their names, or whole into
--                    metadata_column
--   ids              auto, file, row (positions from 0), metadata or metadata.FIELD
--   on_conflict      error, skip or update (of rows that are in the table already, by id_column)
--   dry_run          reads and converts everything, and writes nothing
--   create_index     makes an hnsw index at the end, where the column has none: with the graph of the file, if that
--                    has one (vecstore_import_graph), for index_opclass or the file's metric
CREATE PROCEDURE vecstore_import(
    target regclass, path text, "column" name DEFAULT NULL, id_column name DEFAULT NULL,
    batch_size integer DEFAULT 10000, format text DEFAULT 'auto', resume boolean DEFAULT false,
    verify boolean DEFAULT true, metadata text DEFAULT NULL, metadata_column name DEFAULT NULL,
    ids text DEFAULT 'auto', on_conflict text DEFAULT 'error', member text DEFAULT NULL, flatten boolean DEFAULT false,
    skip_not_finite boolean DEFAULT false, dry_run boolean DEFAULT false,
    create_index boolean DEFAULT false, index_opclass name DEFAULT NULL)
    AS 'MODULE_PATHNAME', 'vecstore_import' LANGUAGE C;

-- The same by the table's name: with create_table => true it is made where there is none, with a vector column of
-- type vector, halfvec or bit as fits the file, or of vector_type.
CREATE PROCEDURE vecstore_import(
    target text, path text, "column" name DEFAULT NULL, id_column name DEFAULT NULL,
    batch_size integer DEFAULT 10000, format text DEFAULT 'auto', resume boolean DEFAULT false,
    verify boolean DEFAULT true, metadata text DEFAULT NULL, metadata_column name DEFAULT NULL,
    ids text DEFAULT 'auto', on_conflict text DEFAULT 'error', member text DEFAULT NULL, flatten boolean DEFAULT false,
    skip_not_finite boolean DEFAULT false, dry_run boolean DEFAULT false,
    create_index boolean DEFAULT false, index_opclass name DEFAULT NULL,
    create_table boolean DEFAULT false, vector_type text DEFAULT 'auto')
    AS 'MODULE_PATHNAME', 'vecstore_import_by_name' LANGUAGE C;

-- Imports a graph: makes an hnsw index whose graph is the one of an HNSW index file of FAISS or hnswlib. The file's vectors
-- have to be the table's. Where they are not, the index is built, and a notice says why. relation is an index, which is
-- built anew in the place of the old one, or a table, which gets an index: on "column" (which may be left out where there
-- is only one), of the operator class of the file's metric (l2 where it has none) or opclass, with the graph's m. Rows are
-- recognized by id_column (where it is left out: by the primary key, or by their order) and compared with the file's
-- vectors. Needs the privileges of pg_read_server_files, and those of REINDEX or CREATE INDEX.
--
-- vecstore_adopt_graph is its name of 0.1.0, an alias that stays.
--@ for NAME in vecstore_import_graph, vecstore_adopt_graph
CREATE FUNCTION @NAME@(
    relation regclass, path text, "column" name DEFAULT NULL, id_column name DEFAULT NULL,
    index_name name DEFAULT NULL, opclass name DEFAULT NULL, format text DEFAULT 'auto')
    RETURNS regclass
    AS 'MODULE_PATHNAME', 'vecstore_adopt_graph' LANGUAGE C VOLATILE PARALLEL UNSAFE;

--@ end
