-- Arithmetic, distances, comparison and aggregates of the type halfvec.

-- arithmetic
SELECT '[1,2,3]'::halfvec + '[4,5,6]', '[1,2,3]'::halfvec - '[4,5,6]', '[1,2,3]'::halfvec * '[4,5,6]';
SELECT '[1.5]'::halfvec || '[4,5]';
-- sums are rounded to halves
SELECT '[2048,0.1]'::halfvec + '[1,0.2]', '[0.1]'::halfvec * '[0.1]';
SELECT '[1,2]'::halfvec + '[3]';
SELECT '[65504]'::halfvec + '[65504]';
SELECT '[1,-65504]'::halfvec - '[1,65504]';
SELECT '[1,300]'::halfvec * '[1,300]';
SELECT '[1,1e-4]'::halfvec * '[1,1e-4]';
SELECT '[0,1e-4]'::halfvec * '[1e-4,0]';
SELECT array_fill(0, ARRAY[16000])::halfvec || '[1]';

-- distances
SELECT l2_distance('[0,0]'::halfvec, '[3,4]'), '[0,0]'::halfvec <-> '[3,4]', halfvec_l2_squared_distance('[0,0]', '[3,4]');
SELECT inner_product('[1,2]'::halfvec, '[3,4]'), '[1,2]'::halfvec <#> '[3,4]', halfvec_negative_inner_product('[1,2]', '[3,4]');
SELECT cosine_distance('[1,1]'::halfvec, '[1,1]'), '[1,0]'::halfvec <=> '[0,2]', cosine_distance('[1,1]'::halfvec, '[-1,-1]');
SELECT cosine_distance('[1,2]'::halfvec, '[0,0]');
SELECT l1_distance('[0,0]'::halfvec, '[3,-4]'), '[0,0]'::halfvec <+> '[3,4]';
SELECT halfvec_spherical_distance('[1,0]', '[0,1]'), halfvec_spherical_distance('[1,0]', '[1,0]'), halfvec_spherical_distance('[2,0]', '[-2,0]');
-- sums are floats, so they go beyond the largest half
SELECT l2_distance('[65504]'::halfvec, '[-65504]'), inner_product('[65504]'::halfvec, '[2]'), cosine_distance('[65504,65504]'::halfvec, '[65504,65504]');
SELECT '[1,2]'::halfvec <-> '[3]';
SELECT '[1,2]'::halfvec <#> '[3]';
SELECT '[1,2]'::halfvec <=> '[3]';
SELECT '[1,2]'::halfvec <+> '[3]';
SELECT halfvec_l2_squared_distance('[1]', '[2,3]');
SELECT halfvec_spherical_distance('[1]', '[2,3]');
-- every length, so that every tail of a kernel is met: against plain SQL
WITH pairs AS (
    SELECT n, array_agg((i * 7 + n) % 11 - 5) a, array_agg((i * 5 + n * 3) % 13 - 6) b
    FROM generate_series(1, 130) n, generate_series(1, n) i GROUP BY n
), expected AS (
    SELECT p.n, a::halfvec va, b::halfvec vb, sum((x - y) ^ 2) l2, sum(x * y) ip, sum(abs(x - y)) l1, sum(x ^ 2) aa, sum(y ^ 2) bb
    FROM pairs p, unnest(a, b) u(x, y) GROUP BY p.n, a, b
)
SELECT count(*),
       bool_and(halfvec_l2_squared_distance(va, vb) = l2) AS l2_squared,
       bool_and(abs(l2_distance(va, vb) - sqrt(l2)) < 1e-6 * (1 + sqrt(l2))) AS l2,
       bool_and(inner_product(va, vb) = ip) AS ip,
       bool_and((va <#> vb) = -ip) AS negative_ip,
       bool_and(l1_distance(va, vb) = l1) AS l1,
       bool_and(abs((va <=> vb) - (1 - ip / sqrt(aa * bb))) < 1e-6) AS cosine,
       bool_and((va <-> vb) = (va::vector <-> vb::vector)) AS as_vectors
FROM expected WHERE aa > 0 AND bb > 0;

-- one vector
SELECT vector_dims('[1,2,3]'::halfvec), l2_norm('[3,4]'::halfvec), l2_norm('[0]'::halfvec), l2_norm('[65504,0]'::halfvec);
SELECT l2_normalize('[3,4]'::halfvec), l2_normalize('[0,0]'::halfvec), l2_normalize('[6e-8,0]'::halfvec), l2_normalize('[65504]'::halfvec);
SELECT binary_quantize('[0,0.1,-0.2,-0.3,0.4,0.5,0.6,-0.7,0.8,-0.9,1]'::halfvec);
SELECT subvector('[1,2,3,4,5]'::halfvec, 1, 3), subvector('[1,2,3,4,5]'::halfvec, -1, 3), subvector('[1,2,3,4,5]'::halfvec, 3, 2147483647);
SELECT subvector('[1,2,3,4,5]'::halfvec, 6, 1);

-- comparison: element by element, then by length; -0 equals 0
SELECT a, b, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt, halfvec_cmp(a, b) AS cmp
FROM (VALUES ('[1,2]'::halfvec, '[1,2]'::halfvec), ('[1,2]', '[1,3]'), ('[1,2]', '[1,2,3]'), ('[2]', '[1,9]'), ('[-1]', '[1]'), ('[0]', '[-0]')) v(a, b);
CREATE TABLE sorted (v halfvec(2));
INSERT INTO sorted SELECT ARRAY[i % 7 - 3, i % 11 - 5] FROM generate_series(1, 500) i;
CREATE INDEX ON sorted (v);
SET enable_seqscan = off;
SELECT count(*), bool_and(v >= previous) FROM (SELECT v, lag(v) OVER (ORDER BY v) AS previous FROM sorted) x;
SELECT count(*) FROM sorted WHERE v = '[0,0]';
RESET enable_seqscan;
SELECT count(DISTINCT v) FROM sorted;
DROP TABLE sorted;

-- aggregates: sums of avg() are doubles and beyond halves, those of sum() are halves
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]', '[3,5,7]']::halfvec[]) v;
SELECT avg(v) FROM unnest(ARRAY['[65504,0.1]', '[65504,0.2]', NULL]::halfvec[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[]::halfvec[]) v;
SELECT sum(v) FROM unnest(ARRAY['[65504]', '[65504]']::halfvec[]) v;
SELECT avg(v) FROM unnest(ARRAY['[1,2]', '[3]']::halfvec[]) v;
SELECT halfvec_avg(halfvec_combine('{2,4}', '{1,5}')), halfvec_accum('{1,2}', '[3]');
SELECT halfvec_avg('{1,70000}');
SELECT halfvec_avg('{1,NULL}');
