-- Casts to and from the type halfvec.

SELECT ARRAY[1,2,-3]::halfvec, ARRAY[1.5,2]::halfvec, ARRAY[1.5,2]::real[]::halfvec, ARRAY[1.5,2]::double precision[]::halfvec;
SELECT '[1,2.5,0.1]'::halfvec::real[];
SELECT '[1,2,0.1]'::vector::halfvec, '[1,2,0.1]'::halfvec::vector;
SELECT '[1e-8,-1e-8]'::vector::halfvec, '{1e-8,1e-46}'::double precision[]::halfvec;
-- every length, with vector instructions and without
SELECT bool_and(v::halfvec::vector = v) FROM (SELECT array_agg(i % 2000)::vector v FROM generate_series(1, 40) n, generate_series(1, n) i GROUP BY n) x;

-- type modifiers
SELECT '[1,2,3]'::vector::halfvec(3), '[1,2,3]'::halfvec::vector(3), '[1,2,3]'::halfvec::halfvec(3), ARRAY[1,2]::halfvec(2);
SELECT '[1,2,3]'::vector::halfvec(2);
SELECT '[1,2,3]'::halfvec::vector(2);
SELECT '[1,2,3]'::halfvec::halfvec(2);
SELECT ARRAY[1,2,3]::halfvec(2);

-- out of range is an error, never infinity
SELECT '[65520]'::vector::halfvec;
SELECT '[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,-1e30,17]'::vector::halfvec;
SELECT ARRAY[70000]::halfvec;
SELECT '{1,-65520}'::real[]::halfvec;
SELECT '{1e5}'::double precision[]::halfvec;
SELECT '{1e5}'::numeric[]::halfvec;
SELECT '{4e38}'::double precision[]::halfvec;
SELECT '{NaN}'::real[]::halfvec;
SELECT '{NaN}'::numeric[]::halfvec;
SELECT '{Infinity}'::real[]::halfvec;
SELECT '{}'::real[]::halfvec;
SELECT '{{1}}'::real[]::halfvec;
SELECT '{1,NULL}'::real[]::halfvec;
SELECT array_agg(n)::halfvec FROM generate_series(1, 16001) n;

-- contexts: vectors become halfvecs wherever these are wanted, the other way in assignments only
CREATE TABLE casts (h halfvec(2), v vector(2), r real[]);
INSERT INTO casts VALUES ('[1,2]'::vector, '[3,4]'::halfvec, '[5,6]'::halfvec), (ARRAY[1,2], ARRAY[3,4], NULL);
SELECT * FROM casts;
SELECT '[1,2]'::halfvec <-> '[4,6]'::vector AS distance, pg_typeof('[1]'::halfvec + '[2]'::vector);
SELECT vector_norm('[3,4]'::halfvec);
DROP TABLE casts;
-- an expression index that stores what the cast gives
CREATE TABLE docs (id int, v vector(3));
INSERT INTO docs VALUES (1, '[0.1,0.2,0.3]');
CREATE INDEX ON docs ((v::halfvec(3)));
SELECT id FROM docs WHERE v::halfvec(3) = '[0.1,0.2,0.3]';
DROP TABLE docs;
