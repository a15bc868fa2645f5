-- Every operator class of hnsw beside those of hnsw_scan: plans, order, NULL and zero, inserts, vacuum, checks.
-- Small tables: every answer is exact.
SET client_min_messages = warning;
SET enable_seqscan = off;
-- The plan of a statement, without what only PostgreSQL 18 says of enable_seqscan = off.
CREATE FUNCTION plan_of(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
        IF line !~ 'Disabled: true' THEN RETURN NEXT line; END IF;
    END LOOP;
END $$;

-- vector, L1
CREATE TABLE op_vec_l1 (id int, v vector(3));
INSERT INTO op_vec_l1 VALUES (1, '[0,0,0]'), (2, '[1,2,3]'), (3, '[1,1,1]'), (4, NULL), (5, '[1,2,4]'), (6, '[-2,-2,-2]');
CREATE INDEX op_vec_l1_idx ON op_vec_l1 USING hnsw (v vector_l1_ops);
EXPLAIN (COSTS OFF) SELECT id FROM op_vec_l1 ORDER BY v <+> '[3,3,3]' LIMIT 3;
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <+> '[3,3,3]')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_vec_l1 ORDER BY v <+> '[3,3,3]') s) r GROUP BY d ORDER BY min(n);
INSERT INTO op_vec_l1 VALUES (7, '[2,2,3]'), (8, '[0,0,0]'), (9, NULL);
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <+> '[3,3,3]')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_vec_l1 ORDER BY v <+> '[3,3,3]') s) r GROUP BY d ORDER BY min(n);
SELECT count(*) FROM (SELECT * FROM op_vec_l1 ORDER BY v <+> NULL) s;
DELETE FROM op_vec_l1 WHERE id = 7;
VACUUM op_vec_l1;
SELECT id FROM op_vec_l1 ORDER BY v <+> '[3,3,3]' LIMIT 2;
SELECT * FROM vecstore_check('op_vec_l1_idx', true);
SELECT metric, dims, storage, vector_format, "rows" FROM vecstore_index_info('op_vec_l1_idx');
-- (codes cannot estimate L1 distances)
CREATE INDEX ON op_vec_l1 USING hnsw (v vector_l1_ops) WITH (storage = compact);
CREATE INDEX ON op_vec_l1 USING hnsw (v vector_l1_ops) WITH (storage = plain);
-- halfvec, l2
CREATE TABLE op_half_l2 (id int, v halfvec(3));
INSERT INTO op_half_l2 VALUES (1, '[0,0,0]'), (2, '[1,2,3]'), (3, '[1,1,1]'), (4, NULL), (5, '[1,2,4]'), (6, '[-2,-2,-2]');
CREATE INDEX op_half_l2_idx ON op_half_l2 USING hnsw (v halfvec_l2_ops);
EXPLAIN (COSTS OFF) SELECT id FROM op_half_l2 ORDER BY v <-> '[3,3,3]' LIMIT 3;
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <-> '[3,3,3]')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_half_l2 ORDER BY v <-> '[3,3,3]') s) r GROUP BY d ORDER BY min(n);
INSERT INTO op_half_l2 VALUES (7, '[2,2,3]'), (8, '[0,0,0]'), (9, NULL);
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <-> '[3,3,3]')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_half_l2 ORDER BY v <-> '[3,3,3]') s) r GROUP BY d ORDER BY min(n);
SELECT count(*) FROM (SELECT * FROM op_half_l2 ORDER BY v <-> NULL) s;
DELETE FROM op_half_l2 WHERE id = 7;
VACUUM op_half_l2;
SELECT id FROM op_half_l2 ORDER BY v <-> '[3,3,3]' LIMIT 2;
SELECT * FROM vecstore_check('op_half_l2_idx', true);
SELECT metric, dims, storage, vector_format, "rows" FROM vecstore_index_info('op_half_l2_idx');
SELECT id FROM op_half_l2 ORDER BY v <-> '[1,2]' LIMIT 1;
INSERT INTO op_half_l2 VALUES (10, '[1,2]');
-- halfvec, ip
CREATE TABLE op_half_ip (id int, v halfvec(3));
INSERT INTO op_half_ip VALUES (1, '[0,0,0]'), (2, '[1,2,3]'), (3, '[1,1,1]'), (4, NULL), (5, '[1,2,4]'), (6, '[-2,-2,-2]');
CREATE INDEX op_half_ip_idx ON op_half_ip USING hnsw (v halfvec_ip_ops);
EXPLAIN (COSTS OFF) SELECT id FROM op_half_ip ORDER BY v <#> '[3,3,3]' LIMIT 3;
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <#> '[3,3,3]')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_half_ip ORDER BY v <#> '[3,3,3]') s) r GROUP BY d ORDER BY min(n);
INSERT INTO op_half_ip VALUES (7, '[2,2,3]'), (8, '[0,0,0]'), (9, NULL);
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <#> '[3,3,3]')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_half_ip ORDER BY v <#> '[3,3,3]') s) r GROUP BY d ORDER BY min(n);
SELECT count(*) FROM (SELECT * FROM op_half_ip ORDER BY v <#> NULL) s;
DELETE FROM op_half_ip WHERE id = 7;
VACUUM op_half_ip;
SELECT id FROM op_half_ip ORDER BY v <#> '[3,3,3]' LIMIT 2;
SELECT * FROM vecstore_check('op_half_ip_idx', true);
SELECT metric, dims, storage, vector_format, "rows" FROM vecstore_index_info('op_half_ip_idx');

-- halfvec, cosine
CREATE TABLE op_half_cosine (id int, v halfvec(3));
INSERT INTO op_half_cosine VALUES (1, '[0,0,0]'), (2, '[1,2,3]'), (3, '[1,1,1]'), (4, NULL), (5, '[1,2,4]'), (6, '[-2,-2,-2]');
CREATE INDEX op_half_cosine_idx ON op_half_cosine USING hnsw (v halfvec_cosine_ops);
EXPLAIN (COSTS OFF) SELECT id FROM op_half_cosine ORDER BY v <=> '[3,3,3]' LIMIT 3;
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <=> '[3,3,3]')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_half_cosine ORDER BY v <=> '[3,3,3]') s) r GROUP BY d ORDER BY min(n);
INSERT INTO op_half_cosine VALUES (7, '[2,2,3]'), (8, '[0,0,0]'), (9, NULL);
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <=> '[3,3,3]')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_half_cosine ORDER BY v <=> '[3,3,3]') s) r GROUP BY d ORDER BY min(n);
SELECT count(*) FROM (SELECT * FROM op_half_cosine ORDER BY v <=> NULL) s;
DELETE FROM op_half_cosine WHERE id = 7;
VACUUM op_half_cosine;
SELECT id FROM op_half_cosine ORDER BY v <=> '[3,3,3]' LIMIT 2;
SELECT * FROM vecstore_check('op_half_cosine_idx', true);
SELECT metric, dims, storage, vector_format, "rows" FROM vecstore_index_info('op_half_cosine_idx');
-- a zero query has no direction: an answer of some order
SELECT count(*) FROM (SELECT * FROM op_half_cosine ORDER BY v <=> '[0,0,0]') s;
-- halfvec, l1
CREATE TABLE op_half_l1 (id int, v halfvec(3));
INSERT INTO op_half_l1 VALUES (1, '[0,0,0]'), (2, '[1,2,3]'), (3, '[1,1,1]'), (4, NULL), (5, '[1,2,4]'), (6, '[-2,-2,-2]');
CREATE INDEX op_half_l1_idx ON op_half_l1 USING hnsw (v halfvec_l1_ops);
EXPLAIN (COSTS OFF) SELECT id FROM op_half_l1 ORDER BY v <+> '[3,3,3]' LIMIT 3;
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <+> '[3,3,3]')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_half_l1 ORDER BY v <+> '[3,3,3]') s) r GROUP BY d ORDER BY min(n);
INSERT INTO op_half_l1 VALUES (7, '[2,2,3]'), (8, '[0,0,0]'), (9, NULL);
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <+> '[3,3,3]')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_half_l1 ORDER BY v <+> '[3,3,3]') s) r GROUP BY d ORDER BY min(n);
SELECT count(*) FROM (SELECT * FROM op_half_l1 ORDER BY v <+> NULL) s;
DELETE FROM op_half_l1 WHERE id = 7;
VACUUM op_half_l1;
SELECT id FROM op_half_l1 ORDER BY v <+> '[3,3,3]' LIMIT 2;
SELECT * FROM vecstore_check('op_half_l1_idx', true);
SELECT metric, dims, storage, vector_format, "rows" FROM vecstore_index_info('op_half_l1_idx');

-- sparsevec, l2
CREATE TABLE op_sparse_l2 (id int, v sparsevec(5));
INSERT INTO op_sparse_l2 VALUES (1, '{}/5'), (2, '{1:1,2:2,3:3}/5'), (3, '{1:1,3:1,5:1}/5'), (4, NULL), (5, '{4:2}/5'), (6, '{1:-2,2:-2}/5');
CREATE INDEX op_sparse_l2_idx ON op_sparse_l2 USING hnsw (v sparsevec_l2_ops);
EXPLAIN (COSTS OFF) SELECT id FROM op_sparse_l2 ORDER BY v <-> '{1:3,2:3,3:3}/5' LIMIT 3;
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <-> '{1:3,2:3,3:3}/5')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_sparse_l2 ORDER BY v <-> '{1:3,2:3,3:3}/5') s) r GROUP BY d ORDER BY min(n);
INSERT INTO op_sparse_l2 VALUES (7, '{1:2,2:2,3:2}/5'), (8, '{}/5'), (9, NULL);
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <-> '{1:3,2:3,3:3}/5')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_sparse_l2 ORDER BY v <-> '{1:3,2:3,3:3}/5') s) r GROUP BY d ORDER BY min(n);
SELECT count(*) FROM (SELECT * FROM op_sparse_l2 ORDER BY v <-> NULL) s;
DELETE FROM op_sparse_l2 WHERE id = 7;
VACUUM op_sparse_l2;
SELECT id FROM op_sparse_l2 ORDER BY v <-> '{1:3,2:3,3:3}/5' LIMIT 2;
SELECT * FROM vecstore_check('op_sparse_l2_idx', true);
SELECT metric, dims, storage, vector_format, "rows" FROM vecstore_index_info('op_sparse_l2_idx');
SELECT id FROM op_sparse_l2 ORDER BY v <-> '{1:1}/4' LIMIT 1;
INSERT INTO op_sparse_l2 VALUES (10, '{1:1}/4');
-- sparsevec, ip
CREATE TABLE op_sparse_ip (id int, v sparsevec(5));
INSERT INTO op_sparse_ip VALUES (1, '{}/5'), (2, '{1:1,2:2,3:3}/5'), (3, '{1:1,3:1,5:1}/5'), (4, NULL), (5, '{4:2}/5'), (6, '{1:-2,2:-2}/5');
CREATE INDEX op_sparse_ip_idx ON op_sparse_ip USING hnsw (v sparsevec_ip_ops);
EXPLAIN (COSTS OFF) SELECT id FROM op_sparse_ip ORDER BY v <#> '{1:3,2:3,3:3}/5' LIMIT 3;
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <#> '{1:3,2:3,3:3}/5')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_sparse_ip ORDER BY v <#> '{1:3,2:3,3:3}/5') s) r GROUP BY d ORDER BY min(n);
INSERT INTO op_sparse_ip VALUES (7, '{1:2,2:2,3:2}/5'), (8, '{}/5'), (9, NULL);
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <#> '{1:3,2:3,3:3}/5')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_sparse_ip ORDER BY v <#> '{1:3,2:3,3:3}/5') s) r GROUP BY d ORDER BY min(n);
SELECT count(*) FROM (SELECT * FROM op_sparse_ip ORDER BY v <#> NULL) s;
DELETE FROM op_sparse_ip WHERE id = 7;
VACUUM op_sparse_ip;
SELECT id FROM op_sparse_ip ORDER BY v <#> '{1:3,2:3,3:3}/5' LIMIT 2;
SELECT * FROM vecstore_check('op_sparse_ip_idx', true);
SELECT metric, dims, storage, vector_format, "rows" FROM vecstore_index_info('op_sparse_ip_idx');

-- sparsevec, cosine
CREATE TABLE op_sparse_cosine (id int, v sparsevec(5));
INSERT INTO op_sparse_cosine VALUES (1, '{}/5'), (2, '{1:1,2:2,3:3}/5'), (3, '{1:1,3:1,5:1}/5'), (4, NULL), (5, '{4:2}/5'), (6, '{1:-2,2:-2}/5');
CREATE INDEX op_sparse_cosine_idx ON op_sparse_cosine USING hnsw (v sparsevec_cosine_ops);
EXPLAIN (COSTS OFF) SELECT id FROM op_sparse_cosine ORDER BY v <=> '{1:3,2:3,3:3}/5' LIMIT 3;
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <=> '{1:3,2:3,3:3}/5')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_sparse_cosine ORDER BY v <=> '{1:3,2:3,3:3}/5') s) r GROUP BY d ORDER BY min(n);
INSERT INTO op_sparse_cosine VALUES (7, '{1:2,2:2,3:2}/5'), (8, '{}/5'), (9, NULL);
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <=> '{1:3,2:3,3:3}/5')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_sparse_cosine ORDER BY v <=> '{1:3,2:3,3:3}/5') s) r GROUP BY d ORDER BY min(n);
SELECT count(*) FROM (SELECT * FROM op_sparse_cosine ORDER BY v <=> NULL) s;
DELETE FROM op_sparse_cosine WHERE id = 7;
VACUUM op_sparse_cosine;
SELECT id FROM op_sparse_cosine ORDER BY v <=> '{1:3,2:3,3:3}/5' LIMIT 2;
SELECT * FROM vecstore_check('op_sparse_cosine_idx', true);
SELECT metric, dims, storage, vector_format, "rows" FROM vecstore_index_info('op_sparse_cosine_idx');
SELECT count(*) FROM (SELECT * FROM op_sparse_cosine ORDER BY v <=> '{}/5') s;
-- sparsevec, l1
CREATE TABLE op_sparse_l1 (id int, v sparsevec(5));
INSERT INTO op_sparse_l1 VALUES (1, '{}/5'), (2, '{1:1,2:2,3:3}/5'), (3, '{1:1,3:1,5:1}/5'), (4, NULL), (5, '{4:2}/5'), (6, '{1:-2,2:-2}/5');
CREATE INDEX op_sparse_l1_idx ON op_sparse_l1 USING hnsw (v sparsevec_l1_ops);
EXPLAIN (COSTS OFF) SELECT id FROM op_sparse_l1 ORDER BY v <+> '{1:3,2:3,3:3}/5' LIMIT 3;
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <+> '{1:3,2:3,3:3}/5')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_sparse_l1 ORDER BY v <+> '{1:3,2:3,3:3}/5') s) r GROUP BY d ORDER BY min(n);
INSERT INTO op_sparse_l1 VALUES (7, '{1:2,2:2,3:2}/5'), (8, '{}/5'), (9, NULL);
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <+> '{1:3,2:3,3:3}/5')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_sparse_l1 ORDER BY v <+> '{1:3,2:3,3:3}/5') s) r GROUP BY d ORDER BY min(n);
SELECT count(*) FROM (SELECT * FROM op_sparse_l1 ORDER BY v <+> NULL) s;
DELETE FROM op_sparse_l1 WHERE id = 7;
VACUUM op_sparse_l1;
SELECT id FROM op_sparse_l1 ORDER BY v <+> '{1:3,2:3,3:3}/5' LIMIT 2;
SELECT * FROM vecstore_check('op_sparse_l1_idx', true);
SELECT metric, dims, storage, vector_format, "rows" FROM vecstore_index_info('op_sparse_l1_idx');

-- bit, Hamming
CREATE TABLE op_bit_hamming (id int, v bit(10));
INSERT INTO op_bit_hamming VALUES (1, B'0000000000'), (2, B'1110000000'), (3, B'1111111111'), (4, NULL), (5, B'1100000011'), (6, B'0000000001');
CREATE INDEX op_bit_hamming_idx ON op_bit_hamming USING hnsw (v bit_hamming_ops);
EXPLAIN (COSTS OFF) SELECT id FROM op_bit_hamming ORDER BY v <~> B'1110000001' LIMIT 3;
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <~> B'1110000001')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_bit_hamming ORDER BY v <~> B'1110000001') s) r GROUP BY d ORDER BY min(n);
INSERT INTO op_bit_hamming VALUES (7, B'1110000011'), (8, B'0000000000'), (9, NULL);
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <~> B'1110000001')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_bit_hamming ORDER BY v <~> B'1110000001') s) r GROUP BY d ORDER BY min(n);
SELECT count(*) FROM (SELECT * FROM op_bit_hamming ORDER BY v <~> NULL) s;
DELETE FROM op_bit_hamming WHERE id = 7;
VACUUM op_bit_hamming;
SELECT id FROM op_bit_hamming ORDER BY v <~> B'1110000001' LIMIT 2;
SELECT * FROM vecstore_check('op_bit_hamming_idx', true);
SELECT metric, dims, storage, vector_format, "rows" FROM vecstore_index_info('op_bit_hamming_idx');
SELECT id FROM op_bit_hamming ORDER BY v <~> B'11' LIMIT 1;
-- bit, Jaccard: strings without a bit set are in the index, at distance 1 from all
CREATE TABLE op_bit_jaccard (id int, v bit(10));
INSERT INTO op_bit_jaccard VALUES (1, B'0000000000'), (2, B'1110000000'), (3, B'1111111111'), (4, NULL), (5, B'1100000011'), (6, B'0000000001');
CREATE INDEX op_bit_jaccard_idx ON op_bit_jaccard USING hnsw (v bit_jaccard_ops);
EXPLAIN (COSTS OFF) SELECT id FROM op_bit_jaccard ORDER BY v <%> B'1110000001' LIMIT 3;
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <%> B'1110000001')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_bit_jaccard ORDER BY v <%> B'1110000001') s) r GROUP BY d ORDER BY min(n);
INSERT INTO op_bit_jaccard VALUES (7, B'1110000011'), (8, B'0000000000'), (9, NULL);
SELECT array_agg(id ORDER BY id) AS ids, d FROM (SELECT id, round((v <%> B'1110000001')::numeric, 4) AS d, row_number() OVER () AS n
    FROM (SELECT * FROM op_bit_jaccard ORDER BY v <%> B'1110000001') s) r GROUP BY d ORDER BY min(n);
SELECT count(*) FROM (SELECT * FROM op_bit_jaccard ORDER BY v <%> NULL) s;
DELETE FROM op_bit_jaccard WHERE id = 7;
VACUUM op_bit_jaccard;
SELECT id FROM op_bit_jaccard ORDER BY v <%> B'1110000001' LIMIT 2;
SELECT * FROM vecstore_check('op_bit_jaccard_idx', true);
SELECT metric, dims, storage, vector_format, "rows" FROM vecstore_index_info('op_bit_jaccard_idx');
SELECT count(*) FROM (SELECT * FROM op_bit_jaccard ORDER BY v <%> B'0000000000') s;
-- columns without dimensions, and with too many
CREATE TABLE op_any (h halfvec, s sparsevec, b bit varying, w bit(64001), x bit(64000));
CREATE INDEX ON op_any USING hnsw (h halfvec_l2_ops);
CREATE INDEX ON op_any USING hnsw (s sparsevec_l2_ops);
CREATE INDEX ON op_any USING hnsw (b bit_hamming_ops);
CREATE INDEX ON op_any USING hnsw (w bit_hamming_ops);
CREATE INDEX op_any_x ON op_any USING hnsw (x bit_hamming_ops);
SELECT dims, storage, vector_format, max_neighbors FROM vecstore_index_info('op_any_x');
-- operator classes are of one type and metric
CREATE INDEX ON op_any USING hnsw (h vector_l2_ops);
CREATE INDEX ON op_any USING hnsw (x halfvec_l2_ops);
SELECT * FROM plan_of($$SELECT id FROM op_half_l2 ORDER BY v <+> '[3,3,3]'$$);
SELECT * FROM plan_of($$SELECT id FROM op_bit_hamming ORDER BY v <%> B'1110000001'$$);

-- expressions: half precision and bits of a column of vectors
CREATE TABLE op_expr (id int, embedding vector(512));
INSERT INTO op_expr SELECT i, (SELECT array_agg(hashint4(i / 10 * 1024 + n) / 2147483648.0 + hashint4(i * 1024 + n) / 8589934592.0
    ORDER BY n) FROM generate_series(1, 512) n)::vector FROM generate_series(0, 199) i;
CREATE INDEX op_expr_half ON op_expr USING hnsw ((embedding::halfvec(512)) halfvec_ip_ops);
CREATE INDEX op_expr_bits ON op_expr USING hnsw ((binary_quantize(embedding)::bit(512)) bit_hamming_ops);
SET plan_cache_mode = force_generic_plan;
PREPARE by_half (halfvec) AS SELECT id FROM op_expr ORDER BY embedding::halfvec(512) <#> $1 LIMIT 10;
EXPLAIN (COSTS OFF) EXECUTE by_half (NULL);
SELECT count(*) FROM op_expr q, LATERAL (SELECT id FROM op_expr o
    ORDER BY o.embedding::halfvec(512) <#> q.embedding::halfvec(512) LIMIT 10) n WHERE q.id / 10 = n.id / 10;
-- candidates by bits, ranked again by the vectors
PREPARE by_bits (vector) AS SELECT id FROM (SELECT * FROM op_expr
    ORDER BY binary_quantize(embedding)::bit(512) <~> binary_quantize($1) LIMIT 20) c ORDER BY embedding <=> $1 LIMIT 5;
EXPLAIN (COSTS OFF) EXECUTE by_bits (NULL);
RESET plan_cache_mode;
SELECT count(*) FROM op_expr q, LATERAL (SELECT id FROM op_expr o
    ORDER BY binary_quantize(o.embedding)::bit(512) <~> binary_quantize(q.embedding) LIMIT 10) n WHERE q.id / 10 = n.id / 10;
INSERT INTO op_expr SELECT id + 1000, embedding FROM op_expr WHERE id < 100;
DELETE FROM op_expr WHERE id < 100;
VACUUM op_expr;
SELECT * FROM vecstore_check('op_expr_half', true);
SELECT * FROM vecstore_check('op_expr_bits', true);
SELECT storage, vector_format FROM vecstore_index_info('op_expr_half');
SELECT count(*) FROM op_expr q, LATERAL (SELECT id FROM op_expr o
    ORDER BY o.embedding::halfvec(512) <#> q.embedding::halfvec(512) LIMIT 10) n WHERE q.id % 1000 / 10 = n.id % 1000 / 10;

-- sparse vectors of more elements than a node has room for are cut to the largest; order is right all the same
CREATE TABLE op_long (id int, v sparsevec(5000));
INSERT INTO op_long SELECT i, ('{' || (SELECT string_agg((n * 2 + i % 2) || ':' || (1 + (hashint4(i / 10 * 4096 + n) % 100) / 50.0
    + (hashint4(i * 4096 + n) % 100) / 200.0 + 3)::numeric(6,3), ',' ORDER BY n) FROM generate_series(1, 1500) n) || '}/5000')::sparsevec
    FROM generate_series(0, 99) i;
CREATE INDEX op_long_idx ON op_long USING hnsw (v sparsevec_l2_ops);
SELECT storage, vector_format, nodes_per_page FROM vecstore_index_info('op_long_idx');
SELECT count(*) FROM op_long q, LATERAL (SELECT id FROM op_long o ORDER BY o.v <-> q.v LIMIT 1) n WHERE q.id = n.id;
WITH found AS MATERIALIZED (
        SELECT q.id AS q, n.d, n.rank FROM op_long q, LATERAL
            (SELECT d, row_number() OVER () AS rank
             FROM (SELECT o.v <-> q.v AS d FROM op_long o ORDER BY o.v <-> q.v LIMIT 30) s) n WHERE q.id % 6 = 0),
     steps AS (SELECT d, lag(d) OVER (PARTITION BY q ORDER BY rank) AS before FROM found)
SELECT count(*) AS pairs, count(*) FILTER (WHERE before > d) AS descending FROM steps WHERE before IS NOT NULL;
SELECT * FROM vecstore_check('op_long_idx', true);

-- unlogged and temporary tables, an index before there are rows
CREATE UNLOGGED TABLE op_unlogged (id int, v sparsevec(100));
CREATE INDEX op_unlogged_idx ON op_unlogged USING hnsw (v sparsevec_ip_ops);
INSERT INTO op_unlogged SELECT i, format('{%s:1,%s:2}/100', i % 50 + 1, i % 50 + 51)::sparsevec FROM generate_series(0, 99) i;
SELECT id % 50 AS group, v <#> '{7:1,57:1}/100' AS d FROM op_unlogged ORDER BY v <#> '{7:1,57:1}/100' LIMIT 2;
CREATE TEMPORARY TABLE op_temp (id int, v bit(16));
CREATE INDEX op_temp_idx ON op_temp USING hnsw (v bit_jaccard_ops);
INSERT INTO op_temp SELECT i, i::bit(16) FROM generate_series(1, 300) i;
SELECT id FROM op_temp ORDER BY v <%> 77::bit(16) LIMIT 1;
DROP TABLE op_vec_l1, op_half_l2, op_half_ip, op_half_cosine, op_half_l1, op_sparse_l2, op_sparse_ip, op_sparse_cosine,
    op_sparse_l1, op_bit_hamming, op_bit_jaccard, op_any, op_expr, op_long, op_unlogged, op_temp;
DROP FUNCTION plan_of;
