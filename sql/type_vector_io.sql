-- Text form of the type vector: input, output, type modifiers.

-- what is accepted
SELECT '[1,2,3]'::vector;
SELECT '[-1,-2.5,+3]'::vector;
SELECT '[1.,.5,00012,1e2,1E-2,1.5e+3]'::vector;
SELECT E' \t\n\r\x0b\f[ 1 ,\t2\n,  3 ] \x0b\n'::vector;
SELECT '[0x1p3,0x10,-0X.8P1]'::vector;
SELECT '[7]'::vector;
SELECT '[0,-0]'::vector;

-- shortest decimals that read back to the same float, whatever extra_float_digits says
SET extra_float_digits = 0;
SELECT '[0.1,0.3333333333333333,16777216,16777217,123456789]'::vector;
RESET extra_float_digits;
SELECT '[3.4028235e38,-3.4028235e38,1.17549435e-38,1e-45,1.4e-45]'::vector;
SELECT '[1e6,1e7,123456.7,0.0001,0.00001,1e15,1e16]'::vector;
SELECT bool_and(v::text::vector = v) AS reads_back
FROM (SELECT ARRAY[i * 1.1, pi() * i, 1 / (i + 0.1), exp(i / 10.0), -i]::vector AS v
      FROM generate_series(-300, 300) i) x;

-- rounded once, from the decimal, as float4 does
SELECT '[1.00000017881393432617187499,1.00000017881393432617187500,1.00000017881393432617187501]'::vector;
-- too small for a float: zero, as in pgvector
SELECT '[1e-46,-1e-46]'::vector;

-- syntax errors
SELECT ''::vector;
SELECT ' '::vector;
SELECT '1,2,3'::vector;
SELECT '{1,2,3}'::vector;
SELECT '['::vector;
SELECT '[ '::vector;
SELECT '[,'::vector;
SELECT '[,]'::vector;
SELECT '[1,]'::vector;
SELECT '[1,,3]'::vector;
SELECT '[1, ,3]'::vector;
SELECT '[1 2]'::vector;
SELECT '[1'::vector;
SELECT '[1,2,3'::vector;
SELECT '[hello,1]'::vector;
SELECT '[1a]'::vector;
SELECT '[1,2e]'::vector;
SELECT '[1,- 2]'::vector;
SELECT '[0x]'::vector;
SELECT '[1,2,3]9'::vector;
SELECT '[1,2,3]]'::vector;
SELECT '[1,2,3],[4]'::vector;

-- values that are not numbers of the type
SELECT '[NaN,1]'::vector;
SELECT '[1,nan(7)]'::vector;
SELECT '[1,2,Infinity]'::vector;
SELECT '[-inf]'::vector;
SELECT '[1e40]'::vector;
SELECT '[1,-4e38]'::vector;
SELECT '[3.4028236e38]'::vector;

-- 1 to 16,000 dimensions
SELECT '[]'::vector;
SELECT '[ ]'::vector;
SELECT vector_dims(('[' || repeat('1,', 15999) || '1]')::vector);
SELECT vector_dims(('[' || repeat('1,', 16000) || '1]')::vector);
SELECT vector_dims(('[' || repeat('1,', 20000) || '1]')::vector);

-- type modifiers
SELECT '[1,2,3]'::vector(3);
SELECT '[1,2,3]'::vector(2);
SELECT '[1,2,3]'::vector(4);
SELECT '[1,2,3]'::vector(3, 2);
SELECT '[1,2,3]'::vector('a');
SELECT '[1,2,3]'::vector(0);
SELECT '[1,2,3]'::vector(-1);
SELECT '[1]'::vector(1);
SELECT '[1]'::vector(16000);
SELECT '[1]'::vector(16001);
SELECT format_type('vector'::regtype, 384);
CREATE TABLE typmods (v vector(3), any_dims vector);
INSERT INTO typmods VALUES ('[1,2,3]', '[1]'), (NULL, '[1,2]');
INSERT INTO typmods (v) VALUES ('[1,2]');
INSERT INTO typmods (v) SELECT any_dims FROM typmods;
UPDATE typmods SET v = any_dims || '[9]' WHERE v IS NULL;
SELECT * FROM typmods ORDER BY any_dims;
ALTER TABLE typmods ALTER v TYPE vector(4);
ALTER TABLE typmods ALTER v TYPE vector;
ALTER TABLE typmods ALTER any_dims TYPE vector(1);
\d typmods
DROP TABLE typmods;

-- arrays of vectors
SELECT unnest('{"[1,2,3]", "[4,5,6]"}'::vector[]);
SELECT '{"[1,2,3]"}'::vector(2)[];

-- large values go out of line uncompressed and come back whole; vector_dims reads their start only
CREATE TABLE large (id int, v vector);
INSERT INTO large SELECT d, array_fill(d + 0.5, ARRAY[d])::vector FROM unnest(ARRAY[1, 28, 29, 30, 500, 2000, 16000]) d;
SELECT attstorage FROM pg_attribute WHERE attrelid = 'large'::regclass AND attname = 'v';
SELECT id, vector_dims(v), pg_column_size(v), v = array_fill(id + 0.5, ARRAY[id])::vector AS same FROM large ORDER BY id;
SELECT pg_relation_size(reltoastrelid) > 16000 * 4 AS out_of_line FROM pg_class WHERE oid = 'large'::regclass;
-- forced compression is undone as well
CREATE TABLE packed (v vector);
ALTER TABLE packed ALTER v SET STORAGE main;
INSERT INTO packed SELECT array_fill(1, ARRAY[16000])::vector;
SELECT pg_column_size(v) < 4000 AS compressed, vector_dims(v), l1_distance(v, v), inner_product(v, v) FROM packed;
DROP TABLE large, packed;
