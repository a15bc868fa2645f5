-- ====================================================================================== maintenance

-- Checks an hnsw or ivfflat index: a row for each problem. The table can be read and written meanwhile; vacuum waits.
-- deep: all stored vectors are decoded, and compared with the table's and with the codes made from them.
-- For the table's owner, and roles that may maintain it.
CREATE FUNCTION vecstore_check(index regclass, deep boolean DEFAULT false)
    RETURNS TABLE (block bigint, slot integer, problem text)
    AS 'MODULE_PATHNAME', 'vecstore_check' LANGUAGE C VOLATILE PARALLEL UNSAFE;

-- The layout of an hnsw or ivfflat index, and its contents, which are counted: it reads the whole index.
-- storage: the kind of storage in use ("compact" also where high dimensions left no choice); code_dims: dimensions that
-- neighbors are ranked by; max_neighbors: links that a node has room for; rows: entries, those of deleted rows
-- included until they are vacuumed; nodes: different vectors; upper_nodes: their copies on higher levels.
CREATE FUNCTION vecstore_index_info(
    index regclass,
    OUT metric text, OUT dims integer, OUT m integer, OUT ef_construction integer,
    OUT storage text, OUT vector_format text, OUT code_dims integer, OUT max_neighbors integer,
    OUT nodes_per_page integer, OUT mean_subtracted boolean, OUT levels integer, OUT pages bigint,
    OUT "rows" bigint, OUT nodes bigint, OUT upper_nodes bigint, OUT dead_nodes bigint, OUT free_slots bigint,
    OUT links_per_node double precision, OUT bytes_per_row double precision,
    OUT format_version integer, OUT vacuum_pending boolean, OUT filter_columns integer,
    OUT code_bits integer)
    AS 'MODULE_PATHNAME', 'vecstore_index_info' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

