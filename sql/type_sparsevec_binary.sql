-- Wire form of the type sparsevec: int32 dimensions, int32 elements, int32 zero, indices from 0, values; big-endian.

SELECT sparsevec_send('{1:1.5,3:-2}/5'), sparsevec_send('{}/1000000000');

-- binary COPY there and back
CREATE TABLE a (id int, v sparsevec);
CREATE TABLE b (LIKE a);
INSERT INTO a VALUES (1, '{1:1e-45,2:3.4028235e38,1000000000:-0.1}/1000000000'), (2, NULL), (3, '{}/1');
INSERT INTO a SELECT n, array_agg(cos(i * n))::sparsevec FROM (SELECT generate_series(4, 60) UNION SELECT 16000) s(n), generate_series(1, n) i GROUP BY n;
\copy a TO 'results/type_sparsevec.bin' WITH (FORMAT binary)
\copy b FROM 'results/type_sparsevec.bin' WITH (FORMAT binary)
SELECT count(*), bool_and(sparsevec_send(a.v) IS NOT DISTINCT FROM sparsevec_send(b.v)) AS same FROM a JOIN b USING (id);

-- text COPY
TRUNCATE b;
\copy a TO 'results/type_sparsevec.txt'
\copy b FROM 'results/type_sparsevec.txt'
SELECT count(*), bool_and(sparsevec_send(a.v) IS NOT DISTINCT FROM sparsevec_send(b.v)) AS same FROM a JOIN b USING (id);
DROP TABLE a, b;

-- messages by hand: COPY's header (19 bytes), one row of one column of `length` bytes, the value
CREATE TABLE w (v sparsevec);
CREATE TABLE w2 (v sparsevec(3));
\set header 'PGCOPY\\n\\377\\r\\n\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\1'
\set end '\\377\\377"'' WITH (FORMAT binary)'
\set start 'FROM PROGRAM ''printf "' :header '\\0\\0\\0'
\set dims3 '\\0\\0\\0\\3'
\set one '\\77\\200\\0\\0'
\set zero4 '\\0\\0\\0\\0'
\set two :start '\\34' :dims3 '\\0\\0\\0\\2' :zero4 '\\0\\0\\0\\0\\0\\0\\0\\2' :one :one :end
\set none :start '\\14' :dims3 :zero4 :zero4 :end
\set no_bytes :start '\\0' :end
\set zero_dims :start '\\14' :zero4 :zero4 :zero4 :end
\set many_dims :start '\\14' '\\73\\232\\312\\1' :zero4 :zero4 :end
\set other_dims :start '\\14' '\\0\\0\\0\\4' :zero4 :zero4 :end
\set negative_count :start '\\14' :dims3 '\\377\\377\\377\\377' :zero4 :end
\set many :start '\\14' '\\0\\1\\0\\0' '\\0\\0\\76\\201' :zero4 :end
\set more_than_dims :start '\\14' :dims3 '\\0\\0\\0\\4' :zero4 :end
\set reserved :start '\\14' :dims3 :zero4 '\\0\\0\\0\\7' :end
\set short :start '\\24' :dims3 '\\0\\0\\0\\2' :zero4 '\\0\\0\\0\\0' :one :end
\set long :start '\\20' :dims3 :zero4 :zero4 :one :end
\set negative_index :start '\\24' :dims3 '\\0\\0\\0\\1' :zero4 '\\377\\377\\377\\377' :one :end
\set large_index :start '\\24' :dims3 '\\0\\0\\0\\1' :zero4 '\\0\\0\\0\\3' :one :end
\set descending :start '\\34' :dims3 '\\0\\0\\0\\2' :zero4 '\\0\\0\\0\\2\\0\\0\\0\\1' :one :one :end
\set twice :start '\\34' :dims3 '\\0\\0\\0\\2' :zero4 '\\0\\0\\0\\1\\0\\0\\0\\1' :one :one :end
\set zero_value :start '\\24' :dims3 '\\0\\0\\0\\1' :zero4 '\\0\\0\\0\\0' '\\200\\0\\0\\0' :end
\set nan :start '\\24' :dims3 '\\0\\0\\0\\1' :zero4 '\\0\\0\\0\\0' '\\177\\300\\0\\0' :end
\set infinite :start '\\24' :dims3 '\\0\\0\\0\\1' :zero4 '\\0\\0\\0\\0' '\\377\\200\\0\\0' :end
COPY w :two;
COPY w2 :two;
COPY w :none;
COPY w :no_bytes;
COPY w :zero_dims;
COPY w :many_dims;
COPY w2 :other_dims;
COPY w :negative_count;
COPY w :many;
COPY w :more_than_dims;
COPY w :reserved;
COPY w :short;
COPY w :long;
COPY w :negative_index;
COPY w :large_index;
COPY w :descending;
COPY w :twice;
COPY w :zero_value;
COPY w :nan;
COPY w :infinite;
SELECT * FROM w UNION ALL SELECT * FROM w2;
DROP TABLE w, w2;
