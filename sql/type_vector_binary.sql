-- Wire form of the type vector: int16 dimensions, int16 zero, big-endian float4.

SELECT vector_send('[1,-2.5,0]');
SELECT vector_send('[1]');
SELECT length(vector_send(array_fill(1, ARRAY[16000])::vector));

-- binary COPY there and back: NULLs, one dimension, 16,000, every kind of float
CREATE TABLE a (id int, v vector);
CREATE TABLE b (LIKE a);
INSERT INTO a VALUES (1, '[0,-0,1.17549435e-38,1e-45,3.4028235e38,-3.4028235e38,0.1]'), (2, NULL), (3, '[7]');
INSERT INTO a SELECT 4, array_agg(sin(i))::vector FROM generate_series(1, 16000) i;
INSERT INTO a SELECT n, array_agg(cos(i * n))::vector FROM generate_series(5, 60) n, generate_series(1, n) i GROUP BY n;
\copy a TO 'results/type_vector.bin' WITH (FORMAT binary)
\copy b FROM 'results/type_vector.bin' WITH (FORMAT binary)
SELECT count(*), bool_and(vector_send(a.v) IS NOT DISTINCT FROM vector_send(b.v)) AS same FROM a JOIN b USING (id);
SELECT v FROM b WHERE id = 1;

-- text COPY
TRUNCATE b;
\copy a TO 'results/type_vector.txt'
\copy b FROM 'results/type_vector.txt'
SELECT count(*), bool_and(vector_send(a.v) IS NOT DISTINCT FROM vector_send(b.v)) AS same FROM a JOIN b USING (id);
DROP TABLE a, b;

-- messages by hand: COPY's header (19 bytes), one row of one column of `length` bytes, the value
CREATE TABLE w (v vector);
CREATE TABLE w2 (v vector(2));
\set header 'PGCOPY\\n\\377\\r\\n\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\1'
\set two 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\14\\0\\2\\0\\0\\77\\200\\0\\0\\300\\40\\0\\0\\377\\377"'' WITH (FORMAT binary)'
\set no_bytes 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\0\\377\\377"'' WITH (FORMAT binary)'
\set no_reserved 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\2\\0\\2\\377\\377"'' WITH (FORMAT binary)'
\set zero_dims 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\4\\0\\0\\0\\0\\377\\377"'' WITH (FORMAT binary)'
\set negative_dims 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\4\\377\\377\\0\\0\\377\\377"'' WITH (FORMAT binary)'
\set many_dims 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\4\\76\\201\\0\\0\\377\\377"'' WITH (FORMAT binary)'
\set reserved 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\10\\0\\1\\0\\7\\77\\200\\0\\0\\377\\377"'' WITH (FORMAT binary)'
\set short 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\10\\0\\2\\0\\0\\77\\200\\0\\0\\377\\377"'' WITH (FORMAT binary)'
\set promise 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\10\\76\\200\\0\\0\\77\\200\\0\\0\\377\\377"'' WITH (FORMAT binary)'
\set long 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\14\\0\\1\\0\\0\\77\\200\\0\\0\\77\\200\\0\\0\\377\\377"'' WITH (FORMAT binary)'
\set nan 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\14\\0\\2\\0\\0\\77\\200\\0\\0\\177\\300\\0\\0\\377\\377"'' WITH (FORMAT binary)'
\set infinite 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\10\\0\\1\\0\\0\\377\\200\\0\\0\\377\\377"'' WITH (FORMAT binary)'
COPY w :two;
SELECT * FROM w;
COPY w2 :two;
COPY w :no_bytes;
COPY w :no_reserved;
COPY w :zero_dims;
COPY w :negative_dims;
COPY w :many_dims;
COPY w :reserved;
COPY w :short;
COPY w :promise;
COPY w :long;
COPY w :nan;
COPY w :infinite;
SELECT * FROM w2;
TRUNCATE w2;
ALTER TABLE w2 ALTER v TYPE vector(3);
COPY w2 :two;
SELECT count(*) FROM w;
DROP TABLE w, w2;
