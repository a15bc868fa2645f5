-- Wire form of the type halfvec: int16 dimensions, int16 zero, big-endian halves.

-- 1 is 3c00, -2 is c000, 0.1 is 2e66
SELECT halfvec_send('[1,-2,0.1]');
SELECT length(halfvec_send(array_fill(1, ARRAY[16000])::halfvec));

-- binary COPY there and back: NULLs, one dimension, 16,000, every kind of half
CREATE TABLE a (id int, v halfvec);
CREATE TABLE b (LIKE a);
INSERT INTO a VALUES (1, '[0,-0,6e-8,-6e-8,6.1e-5,65504,-65504,0.1]'), (2, NULL), (3, '[7]');
INSERT INTO a SELECT n, array_agg(cos(i * n))::halfvec FROM (SELECT generate_series(4, 60) UNION SELECT 16000) s(n), generate_series(1, n) i GROUP BY n;
\copy a TO 'results/type_halfvec.bin' WITH (FORMAT binary)
\copy b FROM 'results/type_halfvec.bin' WITH (FORMAT binary)
SELECT count(*), bool_and(halfvec_send(a.v) IS NOT DISTINCT FROM halfvec_send(b.v)) AS same FROM a JOIN b USING (id);
SELECT v FROM b WHERE id = 1;

-- text COPY
TRUNCATE b;
\copy a TO 'results/type_halfvec.txt'
\copy b FROM 'results/type_halfvec.txt'
SELECT count(*), bool_and(halfvec_send(a.v) IS NOT DISTINCT FROM halfvec_send(b.v)) AS same FROM a JOIN b USING (id);
DROP TABLE a, b;

-- messages by hand: COPY's header (19 bytes), one row of one column of `length` bytes, the value
CREATE TABLE w (v halfvec);
CREATE TABLE w2 (v halfvec(2));
\set header 'PGCOPY\\n\\377\\r\\n\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\1'
\set two 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\10\\0\\2\\0\\0\\74\\0\\300\\0\\377\\377"'' WITH (FORMAT binary)'
\set zero_dims 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\4\\0\\0\\0\\0\\377\\377"'' WITH (FORMAT binary)'
\set many_dims 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\4\\76\\201\\0\\0\\377\\377"'' WITH (FORMAT binary)'
\set reserved 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\6\\0\\1\\0\\7\\74\\0\\377\\377"'' WITH (FORMAT binary)'
\set short 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\6\\0\\2\\0\\0\\74\\0\\377\\377"'' WITH (FORMAT binary)'
\set long 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\10\\0\\1\\0\\0\\74\\0\\74\\0\\377\\377"'' WITH (FORMAT binary)'
\set nan 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\10\\0\\2\\0\\0\\74\\0\\176\\0\\377\\377"'' WITH (FORMAT binary)'
\set infinite 'FROM PROGRAM ''printf "' :header '\\0\\0\\0\\6\\0\\1\\0\\0\\374\\0\\377\\377"'' WITH (FORMAT binary)'
COPY w :two;
COPY w2 :two;
COPY w :zero_dims;
COPY w :many_dims;
COPY w :reserved;
COPY w :short;
COPY w :long;
COPY w :nan;
COPY w :infinite;
SELECT * FROM w;
SELECT * FROM w2;
DROP TABLE w, w2;
