-- Arithmetic, distances and the other functions of the type vector. The numbers are chosen so that every
-- sum is exact, whatever the order of additions in a kernel.

-- arithmetic
SELECT '[1,2,3]'::vector + '[4,5,6]', '[1,2,3]'::vector - '[4,5,6]', '[1,2,3]'::vector * '[4,5,6]';
SELECT '[1.5]'::vector || '[4,5]';
SELECT vector_add('[1,2]', '[3,4]'), vector_sub('[1,2]', '[3,4]'), vector_mul('[1,2]', '[3,4]'), vector_concat('[1]', '[2]');
SELECT NULL::vector + '[1]', '[1]'::vector || NULL;
SELECT '[1,2]'::vector + '[3]';
SELECT '[1,2]'::vector - '[3]';
SELECT '[1,2]'::vector * '[3,4,5]';
-- overflow and underflow
SELECT '[3e38]'::vector + '[3e38]';
SELECT '[1,2,-3e38,5]'::vector - '[1,2,3e38,5]';
SELECT '[1,1,1,1,1e37]'::vector * '[1,1,1,1,1e37]';
SELECT '[1,1e-37]'::vector * '[1,1e-37]';
SELECT '[1,1e-37,0]'::vector * '[1,0,1e-37]';
SELECT '[1e-20]'::vector * '[1e-20]';
-- the length of a concatenation
SELECT vector_dims(array_fill(0, ARRAY[15999])::vector || '[1]');
SELECT array_fill(0, ARRAY[16000])::vector || '[1]';

-- distances
SELECT l2_distance('[0,0]'::vector, '[3,4]'), '[0,0]'::vector <-> '[3,4]';
SELECT inner_product('[1,2]'::vector, '[3,4]'), '[1,2]'::vector <#> '[3,4]', vector_negative_inner_product('[1,2]', '[3,4]');
SELECT cosine_distance('[1,1]'::vector, '[1,1]'), '[1,0]'::vector <=> '[0,2]', cosine_distance('[1,1]'::vector, '[-1,-1]');
SELECT l1_distance('[0,0]'::vector, '[3,-4]'), '[0,0]'::vector <+> '[3,4]';
SELECT vector_l2_squared_distance('[0,0]', '[3,4]');
SELECT vector_spherical_distance('[1,0]', '[0,1]'), vector_spherical_distance('[1,0]', '[1,0]'), vector_spherical_distance('[2,0]', '[-2,0]');
-- every length, so that every tail of a kernel is met: against plain SQL
WITH pairs AS (
    SELECT n, array_agg((i * 7 + n) % 11 - 5) a, array_agg((i * 5 + n * 3) % 13 - 6) b
    FROM generate_series(1, 130) n, generate_series(1, n) i GROUP BY n
), expected AS (
    SELECT p.n, a::vector va, b::vector vb, sum((x - y) ^ 2) l2, sum(x * y) ip, sum(abs(x - y)) l1, sum(x ^ 2) aa, sum(y ^ 2) bb
    FROM pairs p, unnest(a, b) u(x, y) GROUP BY p.n, a, b
)
SELECT count(*),
       bool_and(vector_l2_squared_distance(va, vb) = l2) AS l2_squared,
       bool_and(abs(l2_distance(va, vb) - sqrt(l2)) < 1e-6 * (1 + sqrt(l2))) AS l2,
       bool_and(inner_product(va, vb) = ip) AS ip,
       bool_and((va <#> vb) = -ip) AS negative_ip,
       bool_and(l1_distance(va, vb) = l1) AS l1,
       bool_and(abs((va <=> vb) - (1 - ip / sqrt(aa * bb))) < 1e-6) AS cosine,
       bool_and((va <-> vb) = (vb <-> va) AND (va <=> vb) = (vb <=> va) AND (va <+> vb) = (vb <+> va)) AS symmetric
FROM expected WHERE aa > 0 AND bb > 0;
-- no angle to a zero vector
SELECT cosine_distance('[1,2]'::vector, '[0,0]'), cosine_distance('[0,0]'::vector, '[0,0]');
-- kept between 0 and 2
SELECT bool_and(d BETWEEN 0 AND 2) FROM (
    SELECT ARRAY[i * 0.1, i * 0.7, 1.1]::vector <=> ARRAY[s * i * 0.1, s * i * 0.7, s * 1.1]::vector AS d
    FROM generate_series(-50, 50) i, (VALUES (1), (-1)) v(s)) x;
-- sums beyond a float are infinite
SELECT l2_distance('[3e38]'::vector, '[-3e38]'), inner_product('[3e38]'::vector, '[3e38]'), l1_distance('[3e38]'::vector, '[-3e38]'), cosine_distance('[3e38]'::vector, '[3e38]');
SELECT NULL::vector <-> '[1]', '[1]'::vector <=> NULL;
SELECT l2_distance('[1,2]'::vector, '[3]');
SELECT inner_product('[1,2]'::vector, '[3]');
SELECT cosine_distance('[1,2]'::vector, '[3]');
SELECT l1_distance('[1,2]'::vector, '[3]');
SELECT '[1,2]'::vector <#> '[3]';
SELECT vector_l2_squared_distance('[1]', '[2,3]');
SELECT vector_spherical_distance('[1]', '[2,3]');

-- one vector
SELECT vector_dims('[1,2,3]'::vector);
SELECT vector_norm('[3,4]'), vector_norm('[0,0]'), vector_norm('[-2]'), vector_norm('[3e37,4e37]')::real, vector_norm('[3e-30,4e-30]')::real;
SELECT bool_and(vector_norm(array_fill(2, ARRAY[n])::vector) = 2 * sqrt(n)) FROM generate_series(1, 40) n;
SELECT l2_normalize('[3,4]'::vector), l2_normalize('[0,0.1]'::vector), l2_normalize('[3e38]'::vector), l2_normalize('[0,0]'::vector), l2_normalize('[3e-45,0]'::vector);

SELECT binary_quantize('[1,0,-1]'::vector);
SELECT binary_quantize('[0,0.1,-0.2,-0.3,0.4,0.5,0.6,-0.7]'::vector);
SELECT binary_quantize('[0,0.1,-0.2,-0.3,0.4,0.5,0.6,-0.7,0.8,-0.9,1]'::vector);
SELECT bool_and(binary_quantize(array_agg)::text = text) FROM (
    SELECT n, array_agg((i * i + n) % 3 - 1)::vector, string_agg((((i * i + n) % 3 - 1) > 0)::int::text, '' ORDER BY i) text
    FROM generate_series(1, 70) n, generate_series(1, n) i GROUP BY n) x;

SELECT subvector('[1,2,3,4,5]'::vector, 1, 3), subvector('[1,2,3,4,5]'::vector, 3, 2), subvector('[1,2,3,4,5]'::vector, 5, 1);
-- what lies outside is left out
SELECT subvector('[1,2,3,4,5]'::vector, -1, 3), subvector('[1,2,3,4,5]'::vector, 3, 9), subvector('[1,2,3,4,5]'::vector, 3, 2147483647), subvector('[1,2,3,4,5]'::vector, -2147483644, 2147483647);
-- nothing left
SELECT subvector('[1,2,3,4,5]'::vector, 1, 0);
SELECT subvector('[1,2,3,4,5]'::vector, 3, -1);
SELECT subvector('[1,2,3,4,5]'::vector, -1, 2);
SELECT subvector('[1,2,3,4,5]'::vector, 6, 1);
SELECT subvector('[1,2,3,4,5]'::vector, 2147483647, 10);
SELECT subvector('[1,2,3,4,5]'::vector, -2147483648, 2147483647);
SELECT subvector('[1,2,3,4,5]'::vector, -2147483648, -2147483648);
