-- Distances, norm and comparison of the type sparsevec.

SELECT l2_distance('{}/2'::sparsevec, '{1:3,2:4}/2'), '{1:3}/9'::sparsevec <-> '{9:4}/9', sparsevec_l2_squared_distance('{}/2', '{1:3,2:4}/2');
SELECT inner_product('{1:1,2:2}/2'::sparsevec, '{1:3,2:4}/2'), '{1:1,3:2}/3'::sparsevec <#> '{2:5,3:4}/3', sparsevec_negative_inner_product('{1:1}/2', '{2:1}/2');
SELECT cosine_distance('{1:1,2:1}/2'::sparsevec, '{1:1,2:1}/2'), '{1:1}/2'::sparsevec <=> '{2:2}/2', cosine_distance('{1:1}/2'::sparsevec, '{1:-3}/2');
SELECT cosine_distance('{1:1}/2'::sparsevec, '{}/2');
SELECT l1_distance('{}/2'::sparsevec, '{1:3,2:-4}/2'), '{1:3}/2'::sparsevec <+> '{1:1,2:4}/2';
-- sums beyond a float are infinite
SELECT l2_distance('{1:3e38}/1'::sparsevec, '{1:-3e38}/1'), inner_product('{1:3e38}/1'::sparsevec, '{1:3e38}/1'), l1_distance('{1:3e38}/1'::sparsevec, '{1:-3e38}/1'), cosine_distance('{1:3e38}/1'::sparsevec, '{1:3e38}/1');
SELECT '{}/1'::sparsevec <-> '{}/2';
SELECT '{}/1'::sparsevec <#> '{}/2';
SELECT '{}/1'::sparsevec <=> '{}/2';
SELECT '{}/1'::sparsevec <+> '{}/2';
SELECT sparsevec_l2_squared_distance('{}/1', '{}/2');
-- against the dense vectors, every length and several densities
WITH pairs AS (
    SELECT n, m, array_agg(CASE WHEN (i * 3 + n) % m = 0 THEN (i * 7 + n) % 11 - 5 ELSE 0 END)::vector a,
           array_agg(CASE WHEN (i * 5 + n) % (m + 1) = 0 THEN (i * 5 + n * 3) % 13 - 6 ELSE 0 END)::vector b
    FROM generate_series(1, 60) n, generate_series(1, 4) m, generate_series(1, n) i GROUP BY n, m
), sparse AS (SELECT a, b, a::sparsevec sa, b::sparsevec sb FROM pairs)
SELECT count(*), bool_and((a <-> b) = (sa <-> sb)) AS l2, bool_and((a <#> b) = (sa <#> sb)) AS ip, bool_and((a <+> b) = (sa <+> sb)) AS l1,
       bool_and((a <=> b) = (sa <=> sb)) AS cosine, bool_and(vector_norm(a) = l2_norm(sa)) AS norm, bool_and(sparsevec_cmp(sa, sb) = vector_cmp(a, b)) AS cmp,
       bool_and(sparsevec_cmp(sb, sa) = vector_cmp(b, a)) AS reverse
FROM sparse;

-- one vector
SELECT l2_norm('{1:3,5:4}/9'::sparsevec), l2_norm('{}/9'::sparsevec), l2_norm('{1:3e37,2:4e37}/2'::sparsevec)::real;
SELECT l2_normalize('{1:3,5:4}/9'::sparsevec), l2_normalize('{}/9'::sparsevec), l2_normalize('{3:3e38}/3'::sparsevec), l2_normalize('{1:1e-45}/1'::sparsevec);
-- what becomes too small for a float is no element any more
SELECT l2_normalize('{2:3e37,4:3e-37,6:4e37,8:4e-37}/9'::sparsevec);

-- comparison: as the dense vectors compare, whose missing elements are 0
SELECT a, b, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt, sparsevec_cmp(a, b) AS cmp
FROM (VALUES ('{1:1}/2'::sparsevec, '{1:1}/2'::sparsevec), ('{1:1}/2', '{1:2}/2'), ('{1:1}/2', '{1:1}/3'), ('{1:1}/2', '{1:1,3:-1}/3'),
             ('{1:1}/2', '{2:9}/2'), ('{1:-1}/2', '{2:9}/2'), ('{1:1}/2', '{1:1,2:-1}/2'), ('{1:1}/2', '{1:1,2:1}/2'), ('{}/1', '{2:-1}/2'), ('{2:-1}/2', '{}/2')) v(a, b);
CREATE TABLE sorted (v sparsevec);
INSERT INTO sorted SELECT ARRAY[i % 3 - 1, i % 2, i % 5 - 2]::sparsevec FROM generate_series(1, 300) i;
INSERT INTO sorted SELECT ARRAY[i % 3 - 1, i % 2]::sparsevec FROM generate_series(1, 30) i;
CREATE INDEX ON sorted (v);
SET enable_seqscan = off;
SELECT count(*), bool_and(v::vector >= previous::vector) FROM (SELECT v, lag(v) OVER (ORDER BY v) AS previous FROM sorted) x;
SELECT count(*) FROM sorted WHERE v = '{2:1}/3';
RESET enable_seqscan;
SELECT count(DISTINCT v) FROM sorted;
DROP TABLE sorted;
-- one column can be too wide to stay in the row
CREATE TABLE wide (v sparsevec);
INSERT INTO wide SELECT array_agg(i)::sparsevec FROM generate_series(1, 16000) i;
SELECT abs((v <#> v) / 1365461336000.0 + 1) < 1e-5 AS close FROM wide;
DROP TABLE wide;
