-- Vectors whose squares no float holds: the cosine distance says 0, 1 or 2 of them, as pgvector's does, whatever their
-- direction. The index has them where the operator has them.
SET client_min_messages = warning;
CREATE TABLE magnitudes (id int, v vector(3), s sparsevec(3));
INSERT INTO magnitudes SELECT i, v, v::sparsevec FROM generate_series(1, 300) i, LATERAL (SELECT ARRAY[sin(i), cos(i), sin(i * 7)]::vector v) x;
INSERT INTO magnitudes SELECT 1000 + n, v::vector, v::vector::sparsevec
FROM unnest(ARRAY['[1e-30,-1e-30,0]', '[-1e-45,1e-45,0]', '[1e-22,1e-22,1e-22]', '[3e37,-1e37,2e37]', '[-1e20,1e20,5e19]', '[1e-12,-3e-12,0]']) WITH ORDINALITY x(v, n);
CREATE FUNCTION out_of_order(operand text) RETURNS TABLE (query text, rows bigint, out_of_order bigint) LANGUAGE plpgsql AS $$
DECLARE vector text;
BEGIN
    FOREACH vector IN ARRAY ARRAY['[1,2,0]', '[-1,0.5,0.2]', '[1e-30,1e-30,0]', '[2e37,0,1e37]', '[1e-45,0,0]'] LOOP
        RETURN QUERY EXECUTE format(
            'SELECT %1$L, count(*), count(*) FILTER (WHERE d < before) FROM (
                SELECT d, lag(d) OVER (ROWS UNBOUNDED PRECEDING) AS before FROM (
                    SELECT %2$I <=> %3$L AS d FROM magnitudes ORDER BY %2$I <=> %3$L OFFSET 0) found) pairs',
            vector, operand, CASE operand WHEN 's' THEN vector::vector::sparsevec::text ELSE vector END);
    END LOOP;
END $$;
SELECT * FROM out_of_order('v');
CREATE INDEX ON magnitudes USING hnsw (v vector_cosine_ops);
CREATE INDEX ON magnitudes USING hnsw (s sparsevec_cosine_ops);
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT id FROM magnitudes ORDER BY s <=> '{1:1}/3';
SELECT * FROM out_of_order('v');
SELECT * FROM out_of_order('s');
-- Rows that come later, and a wide vector, which is rotated.
INSERT INTO magnitudes SELECT 2000 + id, v, s FROM magnitudes WHERE id > 1000;
SELECT * FROM out_of_order('v');
SELECT count(*) FROM vecstore_check('magnitudes_v_idx', deep => true);
SELECT count(*) FROM vecstore_check('magnitudes_s_idx', deep => true);
CREATE TABLE wide (id int, v vector(256));
INSERT INTO wide SELECT i, (SELECT array_agg(sin(i * k + k * k) * CASE WHEN i % 50 = 0 THEN 1e-30 ELSE 1 END ORDER BY k) FROM generate_series(1, 256) k)::vector FROM generate_series(1, 400) i;
CREATE INDEX ON wide USING hnsw (v vector_cosine_ops);
SELECT count(*) AS rows, count(*) FILTER (WHERE d < before) AS out_of_order FROM (
    SELECT d, lag(d) OVER (ROWS UNBOUNDED PRECEDING) AS before FROM (
        SELECT v <=> (SELECT v FROM wide WHERE id = 3) AS d FROM wide ORDER BY v <=> (SELECT v FROM wide WHERE id = 3) OFFSET 0) found) pairs;
DROP TABLE magnitudes, wide;
DROP FUNCTION out_of_order;
