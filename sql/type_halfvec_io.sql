-- Text form of the type halfvec: what differs from vector is the range and precision of its elements.

SELECT '[1,2,3]'::halfvec, ' [ 1.5 , -2 ,+3e0 ] '::halfvec, '[0,-0,65504,-65504]'::halfvec;
-- rounded to the nearest half, ties to even; printed as the shortest float of the same value
SELECT '[0.1,1.23456,2049,2051,-0.333]'::halfvec;
SELECT '[65519.99,6e-8,5.9604645e-8,2.9802322e-8,2.99e-8,-1e-8,1e-46]'::halfvec;
SELECT bool_and(('[' || h || ']')::halfvec::text = '[' || h || ']') FROM (
    SELECT (ARRAY[i * 0.37 * (1 << n)]::real[]::halfvec::real[])[1]::text AS h
    FROM generate_series(-40, 40) i, generate_series(0, 11) n) x;

-- what is no halfvec
SELECT '[65520]'::halfvec;
SELECT '[1,-1e5]'::halfvec;
SELECT '[4e38]'::halfvec;
SELECT '[1,NaN]'::halfvec;
SELECT '[Infinity]'::halfvec;
SELECT '[-inf]'::halfvec;
SELECT '[]'::halfvec;
SELECT '[1,]'::halfvec;
SELECT '1,2'::halfvec;
SELECT '[1,2'::halfvec;
SELECT '[1]2'::halfvec;
SELECT ('[' || repeat('1,', 16000) || '1]')::halfvec;
SELECT vector_dims(('[' || repeat('1,', 15999) || '1]')::halfvec);

-- type modifiers
CREATE TABLE halfvecs (id int, v halfvec(3));
INSERT INTO halfvecs VALUES (1, '[1,2,3]'), (2, '[0.1,65504,-6e-8]'), (3, NULL);
INSERT INTO halfvecs VALUES (4, '[1,2]');
SELECT '[1]'::halfvec(0);
SELECT '[1]'::halfvec(16001);
SELECT '[1]'::halfvec(1, 1);
SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'halfvecs'::regclass AND attname = 'v';

-- 2 bytes each, and a header of 8
SELECT pg_column_size('[1,2,3]'::halfvec), pg_column_size(v) FROM halfvecs WHERE id = 1;

DROP TABLE halfvecs;

-- toasted and compressed values
CREATE TABLE wide (v halfvec);
INSERT INTO wide SELECT array_agg(i % 1000)::halfvec FROM generate_series(1, 16000) i;
SELECT vector_dims(v), (v::real[])[1999], l2_norm(v) = sqrt(16 * 332833500.0) FROM wide;
DROP TABLE wide;
