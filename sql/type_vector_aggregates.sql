-- avg and sum of vectors.

SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]'::vector, '[3,5,7]']) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[NULL, '[1,2,3]'::vector, NULL, '[3,5,7]', NULL]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1.5]'::vector]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY['[0,-0]'::vector]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[]::vector[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[NULL, NULL]::vector[]) v;
SELECT avg(DISTINCT v), sum(DISTINCT v) FROM unnest(ARRAY['[1]'::vector, '[1]', '[4]']) v;
SELECT avg(v) FILTER (WHERE v > '[1]') FROM unnest(ARRAY['[1]'::vector, '[2]', '[4]']) v;
SELECT avg(v) FROM unnest(ARRAY['[1,2]'::vector, '[3]']) v;
SELECT sum(v) FROM unnest(ARRAY['[1,2]'::vector, '[3]']) v;
-- avg adds in double precision, sum in the elements' own
SELECT avg(v) FROM unnest(ARRAY['[3e38]'::vector, '[3e38]']) v;
SELECT sum(v) FROM unnest(ARRAY['[3e38]'::vector, '[3e38]']) v;

-- groups do not share states, and windows leave earlier results as they were
SELECT g, avg(v), sum(v), count(*) FROM (SELECT i % 3 AS g, ARRAY[i, -i, 2 * i]::vector AS v FROM generate_series(1, 30) i) x GROUP BY g ORDER BY g;
SELECT i, avg(v) OVER (ORDER BY i), sum(v) OVER (ORDER BY i) FROM (SELECT i, ARRAY[i, 10 * i]::vector AS v FROM generate_series(1, 4) i) x;
SELECT i, avg(v) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM (SELECT i, ARRAY[i, 10 * i]::vector AS v FROM generate_series(1, 4) i) x;
SELECT grouping(a, b), avg(v) FROM (SELECT i % 2 AS a, i % 3 AS b, ARRAY[i]::vector AS v FROM generate_series(1, 12) i) x GROUP BY GROUPING SETS ((a), (b), ()) ORDER BY 1, 2;

-- in parallel
CREATE TABLE big (id int, v vector(3));
INSERT INTO big SELECT i, ARRAY[i, i % 10, 1]::vector FROM generate_series(1, 20000) i;
ANALYZE big;
SELECT avg(v) AS serial_avg, sum(subvector(v, 2, 2)) AS serial_sum FROM big \gset
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 1;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT avg(v), sum(subvector(v, 2, 2)) FROM big;
SELECT avg(v) AS avg, sum(subvector(v, 2, 2)) AS sum, avg(v) = :'serial_avg' AND sum(subvector(v, 2, 2)) = :'serial_sum' AS as_serial FROM big;
-- workers without a row must not disturb: no rows at all, and a single one
EXPLAIN (COSTS OFF) SELECT avg(v) FROM big WHERE id % 2 = 7;
SELECT avg(v), sum(v) FROM big WHERE id % 2 = 7;
SELECT avg(v), sum(v) FROM big WHERE id % 20000 = 7;
SELECT id % 4 AS g, avg(v) FROM big GROUP BY 1 ORDER BY 1;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
DROP TABLE big;

-- the support functions by hand: they must withstand any array, and leave their arguments alone
SELECT vector_accum('{0}', '[1,2,3]'), vector_accum('{0,0,0,0}', '[1,2,3]'), vector_accum('{5,1,1,1}', '[1,2,3]');
SELECT s, vector_accum(s, '[1,2]'), vector_combine(s, s), s FROM (VALUES ('{3,1,1}'::double precision[])) x(s);
SELECT vector_accum('{0,0}', '[1,2,3]');
SELECT vector_accum('{{0}}', '[1,2,3]');
SELECT vector_accum('{NULL}', '[1,2,3]');
SELECT vector_accum('{}', '[1,2,3]');
SELECT vector_accum('{1,1.7976931348623157e308,Infinity}', '[1,2]');
SELECT vector_combine('{1,2}', '{3,4}'), vector_combine('{0}', '{3,4}'), vector_combine('{1,2}', '{0}'), vector_combine('{0}', '{0}');
SELECT vector_combine('{1,2}', '{1,2,3}');
SELECT vector_combine('{1,1e308}', '{1,1e308}');
SELECT vector_combine('{{1,2}}', '{3,4}');
SELECT vector_combine('{1,2}', '{3,NULL}');
SELECT vector_combine('{}', '{0}');
SELECT vector_combine('{0}', '{}');
SELECT vector_combine('{1}', '{1}');
SELECT vector_combine('{0}', (SELECT array_agg(n) FROM generate_series(1, 16002) n));
SELECT vector_combine((SELECT array_agg(n) FROM generate_series(1, 16002) n), '{0}');
SELECT vector_avg('{2,2,4,6}'), vector_avg('{0}'), vector_avg('{0,1,2}');
SELECT vector_avg('{1}');
SELECT vector_avg('{{2,2,4,6}}');
SELECT vector_avg('{1,NULL}');
SELECT vector_avg('{}');
SELECT vector_avg('{1,2,NaN}');
SELECT vector_avg('{1,1e39}');
SELECT vector_avg(array_agg(n)) FROM generate_series(1, 16002) n;
