-- Casts to and from the type sparsevec.

SELECT '[0,1.5,0,3.5,0]'::vector::sparsevec, '[0,1.5,0,3.5,-0]'::halfvec::sparsevec, '[0,0]'::vector::sparsevec;
SELECT '{2:1.5,4:3.5}/5'::sparsevec::vector, '{2:1.5,4:0.1}/5'::sparsevec::halfvec, '{}/2'::sparsevec::vector;
SELECT ARRAY[1,0,2]::sparsevec, ARRAY[1.5,0,2]::sparsevec, ARRAY[1.5,0,2]::real[]::sparsevec, ARRAY[1.5,0,2]::double precision[]::sparsevec;
-- what rounds to zero is no element
SELECT '{1e-46,1}'::double precision[]::sparsevec, '{1:1e-8,2:1}/2'::sparsevec::halfvec, '[1e-8,1]'::halfvec::sparsevec;
SELECT bool_and(v::sparsevec::vector = v AND v::halfvec::sparsevec::halfvec = v::halfvec) FROM (
    SELECT array_agg((i * n) % 5)::vector v FROM generate_series(1, 40) n, generate_series(1, n) i GROUP BY n) x;

-- type modifiers
SELECT '[0,1]'::vector::sparsevec(2), '[0,1]'::halfvec::sparsevec(2), '{1:1}/2'::sparsevec::vector(2), '{1:1}/2'::sparsevec::halfvec(2), '{1:1}/2'::sparsevec::sparsevec(2), ARRAY[1,0]::sparsevec(2);
SELECT '[0,1]'::vector::sparsevec(3);
SELECT '[0,1]'::halfvec::sparsevec(3);
SELECT '{1:1}/2'::sparsevec::vector(3);
SELECT '{1:1}/2'::sparsevec::halfvec(3);
SELECT '{1:1}/2'::sparsevec::sparsevec(3);
SELECT ARRAY[1,0]::sparsevec(3);

-- limits
SELECT '{}/16001'::sparsevec::vector;
SELECT '{}/16001'::sparsevec::halfvec;
SELECT '{1:65520}/1'::sparsevec::halfvec;
SELECT array_agg(n)::sparsevec FROM generate_series(1, 16001) n;
SELECT array_agg(CASE WHEN n % 2 = 0 THEN n ELSE 0 END)::sparsevec <-> '{}/32000' > 0 AS holds FROM generate_series(1, 32000) n;
SELECT '{4e38}'::double precision[]::sparsevec;
SELECT '{0,NaN}'::real[]::sparsevec;
SELECT '{NaN}'::numeric[]::sparsevec;
SELECT '{0,-Infinity}'::real[]::sparsevec;
SELECT '{}'::real[]::sparsevec;
SELECT '{{1}}'::real[]::sparsevec;
SELECT '{1,NULL}'::real[]::sparsevec;
SELECT '{1:1}/2'::sparsevec::real[];

-- contexts: dense vectors become sparse ones wherever these are wanted, the other way in assignments only
CREATE TABLE casts (s sparsevec(2), v vector(2), h halfvec(2));
INSERT INTO casts VALUES ('[1,0]'::vector, '{1:1}/2'::sparsevec, '{2:1}/2'::sparsevec), ('[0,1]'::halfvec, ARRAY[1,2], ARRAY[1,2]), (ARRAY[0,2], NULL, NULL);
SELECT * FROM casts;
SELECT s <-> '[0,0]'::vector AS distance FROM casts;
-- both halfvec and sparsevec have one, and vector casts to either
SELECT l2_norm('[3,4]'::vector);
DROP TABLE casts;
