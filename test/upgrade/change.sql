-- Rows come and go on the new server.
DO $$
DECLARE t regclass;
BEGIN
    FOR t IN SELECT DISTINCT indrelid::regclass FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = c.relam
             JOIN pg_class r ON r.oid = indrelid WHERE amname IN ('hnsw', 'ivfflat') AND r.relkind = 'r' AND NOT r.relispartition LOOP
        EXECUTE format('UPDATE %s SET id = id + 100000 WHERE id %% 4 = 2', t);
        EXECUTE format('DELETE FROM %s WHERE id %% 7 = 3', t);
    END LOOP;
END $$;
DELETE FROM parts WHERE id % 7 = 3;
INSERT INTO coded SELECT i, vector_at(i, 256), i % 7, 'it' FROM generate_series(501, 550) i;
INSERT INTO small SELECT i, vector_at(i, 3) FROM generate_series(701, 750) i;
INSERT INTO parts SELECT i, vector_at(i, 16) FROM generate_series(701, 750) i;
INSERT INTO lengths SELECT i, vector_at(i, 12), now(), md5(i::text)::uuid, NULL, i FROM generate_series(701, 750) i;
VACUUM (INDEX_CLEANUP on);
INSERT INTO bits SELECT i, binary_quantize(vector_at(i, 64))::bit(64) FROM generate_series(701, 750) i;
INSERT INTO written SELECT i, vector_at(i, 24), 'later' FROM generate_series(701, 750) i;
REFRESH MATERIALIZED VIEW seen;
