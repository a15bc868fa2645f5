-- Distances of bit strings.

SELECT hamming_distance(B'111', B'111'), hamming_distance('111', '100'), B'10101010101' <~> B'01010101010', hamming_distance('', '');
SELECT jaccard_distance(B'1111', B'1111'), jaccard_distance('1111', '1110'), B'1100' <%> B'1000', jaccard_distance('1111', '0000'), jaccard_distance('0000', '0000'), jaccard_distance('', '');
SELECT B'111' <~> B'00';
SELECT B'1111' <%> B'000';
SELECT NULL::bit(3) <~> B'111', B'111' <%> NULL;
-- strings of varying length, which are bit strings too
SELECT hamming_distance('111', '000'::varbit(4)), '0110'::varbit <%> '1100'::varbit;
SELECT hamming_distance('111', '0000'::varbit(4));
-- every length, so that every tail of a kernel is met: against plain SQL
WITH strings AS (
    SELECT n, string_agg(((i * i + n) % 3 = 0)::int::text, '' ORDER BY i)::varbit a, string_agg(((i * 7 + n) % 5 < 3)::int::text, '' ORDER BY i)::varbit b
    FROM generate_series(1, 1100) n, generate_series(1, n) i WHERE n < 300 OR n % 37 = 0 GROUP BY n
), counts AS (
    SELECT a, b, bit_count(a # b) AS differ, bit_count(a & b) AS shared, bit_count(a | b) AS total FROM strings
)
SELECT count(*), bool_and((a <~> b) = differ) AS hamming, bool_and((a <%> b) = CASE WHEN shared = 0 THEN 1 ELSE 1 - shared / total::float8 END) AS jaccard,
       bool_and((a <~> b) = (b <~> a) AND (a <%> b) = (b <%> a)) AS symmetric
FROM counts;
-- a megabyte of bits, out of line
CREATE TABLE wide (v bit varying);
INSERT INTO wide SELECT repeat('1101', 2097152)::varbit;
SELECT v <~> ~v AS all_bits, v <%> v AS same FROM wide;
DROP TABLE wide;

-- with binary quantization: a type modifier makes lengths agree
CREATE TABLE items (id int, v vector(10), h halfvec(10));
INSERT INTO items SELECT i, a::vector, a::halfvec FROM (SELECT i, array_agg((i * k) % 7 - 3) a FROM generate_series(1, 5) i, generate_series(1, 10) k GROUP BY i) x;
SELECT id, binary_quantize(v), binary_quantize(v) = binary_quantize(h) AS same, binary_quantize(v)::bit(10) <~> B'0101010101' AS distance FROM items ORDER BY distance, id;
SELECT binary_quantize(v)::bit(8) <~> binary_quantize(v) FROM items LIMIT 1;
DROP TABLE items;
