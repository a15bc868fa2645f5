-- A statement's answer does not depend on the index: the same statements with and without one.
SET client_min_messages = warning;
SET extra_float_digits = 0;
SET jit = off;

-- The rows that a statement returns, by an index of ours or without one.
CREATE FUNCTION answer(statement text, by_index bool) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE rows text[];
BEGIN
    PERFORM set_config('enable_indexscan', by_index::text, true), set_config('enable_seqscan', (NOT by_index)::text, true);
    EXECUTE format('SELECT coalesce(array_agg(s::text), ''{}'') FROM (%s) s', statement) INTO rows;
    RETURN rows;
END $$;
CREATE FUNCTION uses_index(statement text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    PERFORM set_config('enable_indexscan', 'true', true), set_config('enable_seqscan', 'false', true);
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
        IF line LIKE '%Index Scan using answer%' THEN RETURN true; END IF;
    END LOOP;
    RETURN false;
END $$;
-- How the two differ; nothing if they do not.
CREATE FUNCTION difference(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plain text[] := answer(statement, false);
    indexed text[] := answer(statement, true);
BEGIN
    RETURN CASE WHEN plain IS DISTINCT FROM indexed THEN format('%s: %s rows, not %s', statement, cardinality(indexed), cardinality(plain)) END;
END $$;

-- Statements with each of these conditions, in several orders. Where the order tells all rows apart they must be the same
-- row by row; where it has ties, the distances must; and without LIMIT the rows in any order. by_index: do most conditions
-- let the index be used?
CREATE FUNCTION different(tab text, distance text, other text, conditions text[], OUT statements int, OUT by_index bool, OUT differences text[])
LANGUAGE plpgsql AS $$
DECLARE
    condition text;
    template text;
    statement text;
    found text;
    indexed int := 0;
BEGIN
    statements := 0;
    FOREACH condition IN ARRAY conditions LOOP
        FOREACH template IN ARRAY ARRAY['SELECT #D FROM #T ORDER BY #D', 'SELECT #D FROM #T ORDER BY #D LIMIT 7', 'SELECT #D FROM #T ORDER BY #D OFFSET 3 LIMIT 1000',
            'SELECT id FROM (SELECT id FROM #T ORDER BY #D LIMIT 1000) s ORDER BY id', 'SELECT id, #D FROM #T ORDER BY #D, id LIMIT 20',
            'SELECT id FROM #T ORDER BY #D, id DESC NULLS FIRST', 'SELECT id FROM #T ORDER BY #D, #O, id LIMIT 7', 'SELECT #O FROM #T ORDER BY #D, #O LIMIT 7'] LOOP
            statement := replace(replace(replace(template, '#T', format('%I WHERE %s', tab, condition)), '#D', distance), '#O', other);
            found := difference(statement);
            IF found IS NOT NULL THEN differences := differences || found; END IF;
            statements := statements + 1;
        END LOOP;
        indexed := indexed + uses_index(format('SELECT id FROM %I WHERE %s ORDER BY %s LIMIT 3', tab, replace(condition, '#D', distance), distance))::int;
    END LOOP;
    by_index := indexed * 5 >= cardinality(conditions) * 4;
END $$;

-- Rows with a NULL vector, zero vectors, equal vectors (a sixth of a grid's points have one row), NULLs in all columns.
CREATE TYPE answer_mood AS ENUM ('sad', 'ok', 'happy');
CREATE FUNCTION answer_rows(rows int) RETURNS TABLE (id int, e text, i int, s int2, f float4, n numeric, b bool, t text, u uuid, ts timestamp, m answer_mood, a int[], j jsonb)
LANGUAGE sql AS $$
    SELECT g, CASE WHEN g % 11 = 0 THEN NULL WHEN g % 13 = 0 THEN '[0,0,0]' ELSE format('[%s,%s,%s]', g * 7 % 5, g * 3 % 4, g % 7 + 1) END,
        nullif(g % 9, 0), nullif(g % 5, 0), CASE WHEN g % 17 = 0 THEN 'NaN'::float4 ELSE nullif(g % 8, 0)::float4 END, nullif(g % 6, 0), CASE g % 3 WHEN 0 THEN NULL ELSE g % 3 = 1 END,
        CASE WHEN g % 7 > 0 THEN 'text ' || g % 7 END, CASE WHEN g % 4 > 0 THEN lpad((g % 4)::text, 32, '0')::uuid END,
        CASE WHEN g % 10 > 0 THEN timestamp '2024-01-01' + g % 10 * interval '1 day' END, (enum_range(NULL::answer_mood))[nullif(g % 4, 0)],
        CASE WHEN g % 5 > 0 THEN ARRAY[g % 5, g % 3, NULL] END, CASE WHEN g % 6 > 0 THEN jsonb_build_object('k', g % 6) END
    FROM generate_series(1, rows) g $$;

-- Conditions that the planner may make index conditions of, in every shape.
CREATE TABLE answer_conditions (condition text);
INSERT INTO answer_conditions VALUES ('true'), ('v IS NOT NULL'), ('v IS NULL'), ('NOT (v IS NULL)'), ('v IS DISTINCT FROM NULL'), ('v IS NOT DISTINCT FROM NULL'), ('NOT (v IS NOT NULL)'),
    ('v IS NULL OR v IS NOT NULL'), ('v IS NULL AND i = 3'), ('v IS NOT NULL AND i = 3'), ('v IS NOT NULL AND b'), ('(v IS NULL) IS TRUE'), ('v IS NULL AND v IS NOT NULL'), ('v IS NOT NULL AND i IS NULL'),
    ('v IS NULL AND i IS NULL'), ('v IS NULL AND (i = 2 OR i = 4)'),
    ('i IS NULL'), ('i IS NOT NULL'), ('NOT (i IS NULL)'), ('i IS NULL AND s IS NULL'), ('i IS DISTINCT FROM NULL'), ('i IS DISTINCT FROM 3'), ('i IS NOT DISTINCT FROM 3'),
    ('i = NULL'), ('i <> 3'), ('i = 3'), ('3 = i'), ('i = 3 AND i = 4'), ('i BETWEEN 2 AND 4'), ('i BETWEEN 4 AND 2'), ('i > 3 AND i < 7 AND i IS NOT NULL'), ('NOT (i > 3)'), ('i % 2 = 0'),
    ('i IN (1, 4)'), ('i IN (1, NULL, 4)'), ('i NOT IN (1, 4)'), ('i NOT IN (1, NULL)'), ('i = ANY (''{}'')'), ('i = ANY (''{NULL}'')'), ('i = ANY (NULL::int[])'), ('i = ANY (''{1,4,NULL,4}'')'), ('i = ANY (''{{1,2},{3,4}}'')'),
    ('i = ALL (''{3}'')'), ('i = ALL (''{}'')'), ('i = ALL (NULL::int[])'), ('i > ANY (''{5,7}'')'), ('i <= ANY (''{NULL,2}'')'), ('i > ALL (''{5,6}'')'), ('i <> ALL (''{1,2}'')'),
    ('i = 1 OR i = 4'), ('i = 1 OR i = 4 OR i IS NULL'), ('i = 1 OR s = 2'), ('i = 1 OR v IS NULL'), ('(i = 1 AND s = 2) OR (i = 4 AND s = 3)'), ('(i = 1 OR i = 2) AND (s = 1 OR s = 2)'),
    ('(i, s) = (3, 2)'), ('(i, s) < (3, 2)'), ('(i, s) >= (3, 2)'), ('(i, s) IN ((3, 2), (4, 1))'), ('ROW(i, s) IS NULL'), ('ROW(i, s) IS NOT NULL'),
    ('i = (SELECT 3)'), ('i = (SELECT NULL::int)'), ('i > (SELECT 3) AND s = ANY ((SELECT ''{1,2}''::int[])::int[])'), ('i = ANY (ARRAY(SELECT 3 WHERE false))'), ('i = ANY (ARRAY(SELECT 3))'), ('i IN (SELECT 3)'),
    ('s = 2'), ('s = 2::int8'), ('s = 2.0'), ('s < 3::int8'), ('s IN (1, 2)'), ('s = ANY (''{1,2}''::int8[])'), ('i = 3.5'), ('i = 3::int2'), ('i < 99999999999'),
    ('f = 2'), ('f = ''NaN'''), ('f > 5'), ('f < ''Infinity'''), ('f >= ''NaN'''), ('f = 2::float8'), ('f IN (2, ''NaN'')'), ('f <> 2'),
    ('n = 2'), ('n > 3.5'), ('n IN (1, 2.0)'), ('n IS NULL'),
    ('b'), ('NOT b'), ('b = true'), ('b <> true'), ('b IS TRUE'), ('b IS NOT TRUE'), ('b IS FALSE'), ('b IS NOT FALSE'), ('b IS UNKNOWN'), ('b IS NOT UNKNOWN'), ('b IS NULL'), ('b IN (true, false)'), ('b AND i = 4'), ('NOT b OR i = 4'), ('b = (SELECT NULL::bool)'),
    ('t = ''text 3'''), ('t LIKE ''text%'''), ('t LIKE ''text 3'''), ('t LIKE ''%3'''), ('t LIKE NULL'), ('t NOT LIKE ''text 3'''), ('t ILIKE ''TEXT 3'''), ('t ^@ ''text'''), ('starts_with(t, ''text'')'), ('t > ''text 3'''), ('t IN (''text 1'', ''text 2'')'), ('t IS NULL'), ('t = ''text 3''::varchar'), ('t = ''text 3''::name'),
    ('u = lpad(''2'', 32, ''0'')::uuid'), ('u > lpad(''1'', 32, ''0'')::uuid'), ('ts > ''2024-01-05'''), ('ts = date ''2024-01-05'''), ('ts < timestamptz ''2024-01-05'''), ('ts BETWEEN ''2024-01-03'' AND ''infinity'''),
    ('m = ''ok'''), ('m > ''sad'''), ('m IN (''sad'', ''happy'')'), ('m IS NULL'), ('m <> ''ok'''),
    ('a && ''{2}'''), ('a @> ''{2}'''), ('a @> ''{}'''), ('a && ''{NULL}'''), ('a = ''{1,1,NULL}'''), ('a <@ ''{1,2,NULL}'''), ('a IS NULL'), ('2 = ANY (a)'), ('2 = ALL (a)'), ('a && NULL'),
    ('j @> ''{"k": 3}'''), ('j @> ''{}'''), ('j ? ''k'''), ('j @> ANY (ARRAY[''{"k": 3}'', NULL]::jsonb[])'), ('j IS NULL'), ('j->>''k'' = ''3''');
-- Conditions on the distance, which #D stands for.
CREATE TABLE answer_limits (condition text);
INSERT INTO answer_limits VALUES ('#D < 3'), ('#D <= 3'), ('3 > #D'), ('#D < NULL'), ('#D < ''NaN'''), ('#D <= ''NaN'''), ('#D = ''NaN'''), ('#D < ''Infinity'''), ('#D <= ''Infinity'''), ('#D < ''-Infinity'''), ('#D < -1'), ('#D > 3'), ('#D >= 3'), ('#D IS NULL'), ('#D IS NOT NULL'),
    ('#D BETWEEN 1 AND 3'), ('NOT (#D < 3)'), ('1 - (#D) > 0.5'), ('1 - (#D) >= 0.5'), ('1 - (#D) > ''NaN'''), ('1 - (#D) > ''-Infinity'''), ('1 - (#D) < 0.5'), ('1e308 - (#D) > -1e308'), ('''Infinity'' - (#D) > 3'), ('''NaN'' - (#D) > 3'), ('NULL - (#D) > 3'), ('3 - (#D) >= NULL'),
    ('#D < 3 AND i = 3'), ('#D < 3 AND v IS NOT NULL'), ('#D < 3 OR v IS NULL'), ('#D < 3 AND #D < 2'), ('#D < 3 AND (i = 1 OR i = 2) AND v IS NOT NULL'), ('#D < (SELECT 3)'), ('#D < (SELECT NULL::float8)'), ('#D < (SELECT ''NaN''::float8)'), ('#D < i'), ('#D < s AND i IS NULL'),
    ('#D = ANY (''{1,2}'')'), ('#D < ANY (''{1,2}'')');

-- The differences of a column with this type, operator class and operator. few: conditions on the vector only.
CREATE FUNCTION answers(type text, class text, operator text, query text, other text, method text DEFAULT 'hnsw', columns text DEFAULT ', i, s, f, n, b, t, u, ts, m, a, j', few bool DEFAULT true)
RETURNS TABLE (conditions int, statements int, by_index bool, differences text[]) LANGUAGE plpgsql AS $$
DECLARE
    distance text := format('v %s %s', operator, query);
    which text[] := ARRAY(SELECT condition FROM (TABLE answer_conditions UNION ALL TABLE answer_limits) c WHERE NOT few OR condition ~ '^true$|\mv\M|#D.*(3|NaN|NULL)');
BEGIN
    DROP TABLE IF EXISTS answer_t;
    EXECUTE format('CREATE TABLE answer_t AS SELECT id, (%s)::%s AS v, i, s, f, n, b, t, u, ts, m, a, j FROM answer_rows(400)',
                   CASE type WHEN 'bit(12)' THEN 'translate(e, ''[],'', '''')::int::bit(12)' WHEN 'sparsevec(3)' THEN 'e::vector(3)' ELSE 'e' END, type);
    EXECUTE format('CREATE INDEX answer_i ON answer_t USING %s (v %s%s)', method, class, columns);
    ANALYZE answer_t;
    RETURN QUERY SELECT cardinality(which), d.* FROM different('answer_t', distance, format('v %s %s', operator, other), which) d;
END $$;
SELECT * FROM answers('vector(3)', 'vector_l2_ops', '<->', '''[1,1,3]''', '''[4,0,0]''', few => false);
SELECT * FROM answers('vector(3)', 'vector_cosine_ops', '<=>', '''[1,1,3]''', '''[4,0,0]''', few => false);
SELECT * FROM answers('vector(3)', 'vector_ip_ops', '<#>', '''[1,1,3]''', '''[4,0,0]''', columns => '');
SELECT * FROM answers('halfvec(3)', 'halfvec_cosine_ops', '<=>', '''[1,1,3]''', '''[4,0,0]''', columns => '');
SELECT * FROM answers('sparsevec(3)', 'sparsevec_cosine_ops', '<=>', '''{1:1,2:1,3:3}/3''', '''{1:4}/3''');
SELECT * FROM answers('bit(12)', 'bit_hamming_ops', '<~>', 'B''000001110011''', 'B''111111000000''');

-- Queries that give no order.
SELECT * FROM answers('vector(3)', 'vector_l2_ops', '<->', 'NULL::vector', '''[4,0,0]''');
SELECT * FROM answers('vector(3)', 'vector_cosine_ops', '<=>', '''[0,0,0]''', '''[4,0,0]''');

-- A scan in an order that is not promised has all rows, too.
SET hnsw.iterative_scan = relaxed_order;
SELECT count(*) FILTER (WHERE difference(format('SELECT id FROM (SELECT id FROM answer_t WHERE %s ORDER BY v <=> ''[1,1,3]'') s ORDER BY id', condition)) IS NULL) AS same, count(*) FROM answer_conditions;
RESET hnsw.iterative_scan;

-- Expressions, partial indexes and columns that are declared NOT NULL.
DROP INDEX answer_i;
CREATE INDEX answer_i ON answer_t USING hnsw ((v::halfvec(3)) halfvec_l2_ops, i) WHERE id > 100;
SELECT difference('SELECT id FROM answer_t WHERE id > 100 ORDER BY v::halfvec(3) <-> ''[1,1,3]'', id'), difference('SELECT id FROM answer_t WHERE id > 100 AND v::halfvec(3) IS NULL ORDER BY v::halfvec(3) <-> ''[1,1,3]'', id LIMIT 50'),
    uses_index('SELECT id FROM answer_t WHERE id > 100 AND v::halfvec(3) IS NULL ORDER BY v::halfvec(3) <-> ''[1,1,3]'' LIMIT 50');
CREATE TABLE answer_n AS SELECT id, v, i FROM answer_t WHERE v IS NOT NULL;
ALTER TABLE answer_n ALTER v SET NOT NULL;
CREATE INDEX answer_n_i ON answer_n USING hnsw (v vector_cosine_ops, i);
SELECT * FROM different('answer_n', 'v <=> ''[1,1,3]''', 'v <=> ''[4,0,0]''', '{true, v IS NULL, v IS NOT NULL, i = 3, i IS NULL}');

-- Rows that come, go, and change between having a vector and having none.
DROP INDEX answer_i;
CREATE TABLE answer_c (id int, v vector(3), i int);
CREATE INDEX answer_c_i ON answer_c USING hnsw (v vector_cosine_ops, i);
INSERT INTO answer_c SELECT id, v, i FROM answer_t;
SELECT * FROM different('answer_c', 'v <=> ''[1,1,3]''', 'v <=> ''[4,0,0]''', '{true, v IS NULL, v IS NOT NULL, i = 3, i IS NULL}');
UPDATE answer_c SET v = NULL WHERE id % 5 = 0;
UPDATE answer_c SET v = '[1,2,3]' WHERE v IS NULL AND id % 3 = 0;
UPDATE answer_c SET i = 3 WHERE id % 4 = 0;
DELETE FROM answer_c WHERE id % 7 = 0;
SELECT * FROM different('answer_c', 'v <=> ''[1,1,3]''', 'v <=> ''[4,0,0]''', '{true, v IS NULL, v IS NOT NULL, i = 3, i IS NULL}');
VACUUM answer_c;
SELECT * FROM different('answer_c', 'v <=> ''[1,1,3]''', 'v <=> ''[4,0,0]''', '{true, v IS NULL, v IS NOT NULL, i = 3, i IS NULL}');
SELECT * FROM vecstore_check('answer_c_i');
UPDATE answer_c SET v = NULL;
VACUUM answer_c;
SELECT * FROM different('answer_c', 'v <=> ''[1,1,3]''', 'v <=> ''[4,0,0]''', '{true, v IS NULL, v IS NOT NULL, i = 3, i IS NULL}');
SELECT * FROM vecstore_check('answer_c_i');
REINDEX INDEX CONCURRENTLY answer_c_i;
SELECT * FROM different('answer_c', 'v <=> ''[1,1,3]''', 'v <=> ''[4,0,0]''', '{true, v IS NULL, v IS NOT NULL, i = 3, i IS NULL}');
TRUNCATE answer_c;
SELECT * FROM different('answer_c', 'v <=> ''[1,1,3]''', 'v <=> ''[4,0,0]''', '{true, v IS NULL, v IS NOT NULL, i = 3, i IS NULL}');

-- Values that only the execution knows: parameters of a plan for all values, and of a nested loop.
SET plan_cache_mode = force_generic_plan;
CREATE INDEX answer_i ON answer_t USING hnsw (v vector_l2_ops, i, s, t, b);
CREATE FUNCTION parametrized(q vector, many int[], most float8, lowest int, starts text, flag bool, OUT ids int[]) LANGUAGE plpgsql AS $$
BEGIN
    ids := ARRAY(SELECT id FROM answer_t WHERE i = ANY (many) AND v <-> q < most AND s >= lowest AND (t ^@ starts OR flag IS NULL) AND b = flag ORDER BY v <-> q, id LIMIT 30) ||
           ARRAY(SELECT id FROM answer_t WHERE i = ANY (many) AND s >= lowest ORDER BY v <-> q, id) || ARRAY(SELECT id FROM answer_t WHERE 5 - (v <-> q) >= most ORDER BY v <-> q, id);
END $$;
CREATE TABLE answer_p AS SELECT row_number() OVER () AS n, q, many, most, lowest, starts, flag
FROM unnest('{"[1,1,3]","[0,0,0]",NULL}'::vector[]) q, (VALUES ('{1,4}'::int[]), ('{NULL,3}'), ('{}'), (NULL)) m (many), unnest('{3,NULL,NaN,Infinity,-1}'::float8[]) most,
    unnest('{2,NULL}'::int[]) lowest, unnest('{text,NULL}'::text[]) starts, unnest('{true,NULL}'::bool[]) flag;
SET enable_seqscan = off;
CREATE TABLE answer_by_index AS SELECT n, parametrized(q, many, most, lowest, starts, flag) AS ids FROM answer_p;
DISCARD PLANS;
SET enable_seqscan = on;
SET enable_indexscan = off;
CREATE TABLE answer_by_sort AS SELECT n, parametrized(q, many, most, lowest, starts, flag) AS ids FROM answer_p;
RESET enable_indexscan;
SELECT count(*), sum(cardinality(s.ids)), count(*) FILTER (WHERE s.ids IS DISTINCT FROM i.ids) AS different FROM answer_by_sort s JOIN answer_by_index i USING (n);
RESET plan_cache_mode;
SELECT difference('SELECT p.n, near.id FROM answer_p p, LATERAL (SELECT id FROM answer_t t WHERE t.i = ANY (p.many) AND t.s > p.lowest ORDER BY t.v <-> p.q, id LIMIT 3) near ORDER BY 1, 2'),
    difference('SELECT p.n, (SELECT array_agg(id) FROM (SELECT id FROM answer_t t WHERE t.v IS NOT NULL AND t.i = p.lowest ORDER BY t.v <-> p.q, id) near) FROM answer_p p ORDER BY 1'),
    difference('SELECT min(v <-> ''[1,1,3]''), max(v <-> ''[1,1,3]''), min(v <=> ''[1,1,3]'') FROM answer_t'), difference('SELECT DISTINCT ON (v <-> ''[1,1,3]'') v <-> ''[1,1,3]'' FROM answer_t ORDER BY v <-> ''[1,1,3]'''),
    difference('SELECT id FROM answer_t ORDER BY v <-> ''[1,1,3]'', v <-> ''[4,0,0]'', v <-> ''[2,2,2]'', id');

-- A plain query for the nearest rows needs no sort; where ties are to be told apart, only those are sorted.
CREATE TABLE answer_many AS SELECT id, ARRAY[id % 50, id % 30, id % 7]::vector(3) AS v FROM generate_series(1, 5000) id;
CREATE INDEX answer_m_i ON answer_many USING hnsw (v vector_l2_ops);
ANALYZE answer_many;
EXPLAIN (COSTS OFF) SELECT id FROM answer_many ORDER BY v <-> '[1,1,3]' LIMIT 5;
EXPLAIN (COSTS OFF) SELECT id FROM answer_many ORDER BY v <-> '[1,1,3]', id LIMIT 5;
EXPLAIN (COSTS OFF) SELECT id FROM answer_many ORDER BY v <-> '[1,1,3]', v <-> '[4,0,0]', id LIMIT 5;

-- A condition that nobody has thought of is an error, not an empty answer.
CREATE FUNCTION answer_odd(int, int) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN $1 % $2 = 1; END' IMMUTABLE STRICT;
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = answer_odd);
CREATE FUNCTION answer_odd(int, date) RETURNS bool LANGUAGE sql AS 'SELECT true' IMMUTABLE STRICT;
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = date, FUNCTION = answer_odd);
BEGIN;
SET LOCAL enable_seqscan = off;
SAVEPOINT s;
ALTER OPERATOR FAMILY integer_filter_ops USING hnsw ADD OPERATOR 11 === (int, int);
SELECT id FROM answer_t WHERE i === 3 ORDER BY v <-> '[1,1,3]' LIMIT 3;
ROLLBACK TO s;
ALTER OPERATOR FAMILY integer_filter_ops USING hnsw ADD OPERATOR 3 === (int, date);
SELECT id FROM answer_t WHERE i === date '2024-01-01' ORDER BY v <-> '[1,1,3]' LIMIT 3;
ROLLBACK;
SELECT difference('SELECT id FROM answer_t WHERE v <=| ANY (''{1,2}'') ORDER BY v <-> ''[1,1,3]'', id');
