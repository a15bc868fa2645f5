-- =========================================================================================== export

-- Vectors into files on the server's disk, as NumPy, FAISS and hnswlib read them; for members of
-- pg_write_server_files. source is the name of a table, or a query. "column" is of type vector or halfvec, and may be
-- left out where there is only one; id_column is an integer. A NULL vector is an error unless skip_nulls. The file is
-- complete and on disk when it gets its name. All return the number of rows.

-- .npy: float32, or float16 of a halfvec column.
CREATE FUNCTION vecstore_export_npy(
    source text, path text, "column" name DEFAULT NULL, overwrite boolean DEFAULT false, skip_nulls boolean DEFAULT false)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecstore_export_npy' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION vecstore_export_fvecs(
    source text, path text, "column" name DEFAULT NULL, overwrite boolean DEFAULT false, skip_nulls boolean DEFAULT false)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecstore_export_fvecs' LANGUAGE C VOLATILE PARALLEL UNSAFE;

-- A flat FAISS index, with an id map where id_column is given; metric is l2 (the default), inner_product or cosine
-- (unit vectors and their inner product). Where "index" names an hnsw index of the table, an HNSW index with that
-- index's graph and metric.
CREATE FUNCTION vecstore_export_faiss(
    source text, path text, "column" name DEFAULT NULL, id_column name DEFAULT NULL, metric text DEFAULT NULL,
    index regclass DEFAULT NULL, overwrite boolean DEFAULT false, skip_nulls boolean DEFAULT false)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecstore_export_faiss' LANGUAGE C VOLATILE PARALLEL UNSAFE;

-- An hnswlib index, built by the library in memory (maintenance_work_mem must hold it), with ids as labels.
CREATE FUNCTION vecstore_export_hnswlib(
    source text, path text, "column" name DEFAULT NULL, id_column name DEFAULT NULL, metric text DEFAULT NULL,
    m integer DEFAULT 16, ef_construction integer DEFAULT 200,
    overwrite boolean DEFAULT false, skip_nulls boolean DEFAULT false)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecstore_export_hnswlib' LANGUAGE C VOLATILE PARALLEL UNSAFE;

