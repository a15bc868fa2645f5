-- Text form of the type sparsevec: {index:value,...}/dimensions, indices from 1.

SELECT '{1:1.5,3:2}/5'::sparsevec, ' { 2 : -1 , +3 : .5 } / 4 '::sparsevec, '{}/3'::sparsevec, '{ }/3'::sparsevec;
-- any order, zeros left out (whatever their index)
SELECT '{3:1,1:2}/3'::sparsevec, '{1:0,2:1,3:-0}/3'::sparsevec, '{9:0}/1'::sparsevec;
SELECT '{1:1e-45,2:3.4028235e38,3:0.1,4:16777217}/4'::sparsevec;
SELECT '{1000000000:1}/1000000000'::sparsevec;
SELECT bool_and(v = v::text::sparsevec AND v::text = v::text::sparsevec::text) FROM (
    SELECT array_agg(CASE WHEN (i * n) % 3 = 0 THEN i * 0.1 ELSE 0 END)::sparsevec v FROM generate_series(1, 40) n, generate_series(1, n) i GROUP BY n) x;

-- what is no sparsevec
SELECT ''::sparsevec;
SELECT '{'::sparsevec;
SELECT '{}'::sparsevec;
SELECT '{}/'::sparsevec;
SELECT '{}/a'::sparsevec;
SELECT '{}/1a'::sparsevec;
SELECT '[1]'::sparsevec;
SELECT '{,}/1'::sparsevec;
SELECT '{1}/1'::sparsevec;
SELECT '{1:}/1'::sparsevec;
SELECT '{:1}/1'::sparsevec;
SELECT '{1:1,}/1'::sparsevec;
SELECT '{1:1 2:1}/2'::sparsevec;
SELECT '{1:1a}/1'::sparsevec;
SELECT '{1:1'::sparsevec;
SELECT '{1:NaN}/1'::sparsevec;
SELECT '{1:1,2:-Infinity}/2'::sparsevec;
-- out of range, also on the side of zero
SELECT '{1:4e38}/1'::sparsevec;
SELECT '{1:1e-46}/1'::sparsevec;
SELECT '{1:-1e-46}/1'::sparsevec;
-- indices and dimensions
SELECT '{0:1}/1'::sparsevec;
SELECT '{2:1}/1'::sparsevec;
SELECT '{-1:1}/1'::sparsevec;
SELECT '{2147483648:1}/1'::sparsevec;
SELECT '{-99999999999999999999:1}/1'::sparsevec;
SELECT '{1:1,2:1,1:3}/2'::sparsevec;
SELECT '{}/0'::sparsevec;
SELECT '{}/-1'::sparsevec;
SELECT '{}/1000000001'::sparsevec;
SELECT '{}/99999999999999999999'::sparsevec;
-- 16,000 elements, and one more
SELECT length(('{' || string_agg(i || ':1', ',') || '}/20000')::sparsevec::text) FROM generate_series(1, 16000) i;
SELECT ('{' || string_agg(i || ':1', ',') || '}/20000')::sparsevec FROM generate_series(1, 16001) i;

-- type modifiers
CREATE TABLE sparsevecs (v sparsevec(3));
INSERT INTO sparsevecs VALUES ('{1:1}/3'), ('{}/3'), (NULL);
INSERT INTO sparsevecs VALUES ('{1:1}/4');
SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'sparsevecs'::regclass AND attname = 'v';
SELECT '{}/3'::sparsevec(1000000000);
SELECT '{}/3'::sparsevec(0);
SELECT '{}/3'::sparsevec(1000000001);
SELECT '{}/3'::sparsevec(3, 2);
SELECT '{}/3'::sparsevec('a');
-- a header of 16 bytes, 8 for each element
SELECT pg_column_size('{}/3'::sparsevec), pg_column_size('{1:1,3:2}/3'::sparsevec);
DROP TABLE sparsevecs;
