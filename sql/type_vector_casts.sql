-- Casts to and from the type vector.

SELECT ARRAY[1,2,-3]::vector;
SELECT ARRAY[1.5,2,-3]::vector;
SELECT ARRAY[1.5,2,-3]::real[]::vector;
SELECT ARRAY[1.5,2,-3]::double precision[]::vector;
SELECT '[1,2.5,3]'::vector::real[];
SELECT ARRAY[16777217, 2147483647, -2147483648]::vector;
SELECT ARRAY[0.1, 1e-46, 3.4028235e38]::double precision[]::vector;
SELECT ARRAY[0.1, 12345678901234567890]::numeric[]::vector;
SELECT ARRAY[1.00000017881393432617187501]::numeric[]::vector;
-- other lower bounds, and a NULL bitmap without NULLs
SELECT '[5:7]={1,2,3}'::int[]::vector;
SELECT array_remove(ARRAY[1,NULL,2], NULL)::vector;
SELECT array_replace(ARRAY[1,NULL,2]::double precision[], NULL, 5)::vector;
SELECT array_replace(ARRAY[1,NULL,2]::numeric[], NULL, 5)::vector;

-- the array is a plain one-dimensional real[]
SELECT array_dims(v), array_lower(v, 1), v[2], pg_typeof(v) FROM (SELECT '[1,2.5,3]'::vector::real[] v) x;
SELECT bool_and(v::real[]::vector = v) FROM (SELECT array_agg(i * 0.1)::vector v FROM generate_series(1, 40) n, generate_series(1, n) i GROUP BY n) x;

-- contexts: arrays are taken in assignments, vectors wherever a real[] is wanted
CREATE TABLE casts (v vector(2), r real[]);
INSERT INTO casts VALUES (ARRAY[1,2], '[3,4]'::vector), (ARRAY[1.5,2]::double precision[], '[5]'::vector);
CREATE FUNCTION second(real[]) RETURNS real LANGUAGE sql AS 'SELECT $1[2]';
SELECT *, second(v) FROM casts;
INSERT INTO casts VALUES (ARRAY[1,2,3], NULL);
SELECT l2_distance('[1,2]'::vector, ARRAY[1,2]);
DROP FUNCTION second;
DROP TABLE casts;
SELECT ARRAY[1,2,3] = ARRAY[1,2,3] AS arrays_still_compare;
SELECT array_to_vector(ARRAY[1,2,3], 3, false), array_to_vector(ARRAY[1,2,3], -1, true), vector_to_float4('[1,2]', -1, false);

-- type modifiers
SELECT '{1,2,3}'::real[]::vector(3);
SELECT '{1,2,3}'::real[]::vector(2);
SELECT '[1,2,3]'::vector::vector(2);
SELECT vector('[1,2,3]', 4, true);
SELECT array_to_vector(ARRAY[1,2], 3, false);

-- what cannot be cast
SELECT '{}'::real[]::vector;
SELECT '{{1,2},{3,4}}'::real[]::vector;
SELECT '{1,NULL}'::real[]::vector;
SELECT '{1,NULL}'::numeric[]::vector;
SELECT '{1,NaN}'::real[]::vector;
SELECT '{1,NaN}'::numeric[]::vector;
SELECT '{Infinity}'::real[]::vector;
SELECT '{0,0,-Infinity}'::double precision[]::vector;
SELECT '{1,4e38}'::double precision[]::vector;
SELECT '{1,4e38}'::numeric[]::vector;
SELECT array_agg(n)::vector FROM generate_series(1, 16001) n;
SELECT array_to_vector(array_agg(n), 16001, false) FROM generate_series(1, 16001) n;
SELECT vector_dims(array_agg(n)::vector) FROM generate_series(1, 16000) n;
SELECT ARRAY['a']::vector;
SELECT ARRAY[1]::bigint[]::vector;
SELECT '[1]'::vector::int[];
