-- A statement's answer does not depend on the index: the same statements with and without one.
SET client_min_messages = warning;
SET extra_float_digits = 0;

-- What a statement returns, and whether its plan uses an index of ours.
CREATE FUNCTION answer(statement text, by_index bool, OUT rows text[], OUT used bool) LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    PERFORM set_config('enable_indexscan', by_index::text, true), set_config('enable_seqscan', (NOT by_index)::text, true);
    used := false;
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
        used := used OR line LIKE '%Index Scan using answer%';
    END LOOP;
    EXECUTE format('SELECT coalesce(array_agg(s::text), ''{}'') FROM (%s) s', statement) INTO rows;
END $$;

-- Statements over all combinations whose answers differ. Where the order is one of all rows they must be the same row by
-- row; where it has ties, the distances must, and without LIMIT the rows in any order. Counts those that used an index.
CREATE FUNCTION different(tab text, distance text, other text, conditions text[], OUT statements int, OUT by_index int, OUT differences text[])
LANGUAGE plpgsql AS $$
DECLARE
    condition text;
    rest text;
    statement text;
    plain record;
    indexed record;
BEGIN
    statements := 0; by_index := 0;
    FOREACH condition IN ARRAY conditions LOOP
        FOREACH rest IN ARRAY ARRAY['', ' LIMIT 7', ' LIMIT 1000', ' OFFSET 3 LIMIT 5', ', id', ', id LIMIT 7', ', id DESC NULLS FIRST LIMIT 20', ', @ LIMIT 7', ', @, id LIMIT 7', ', (@) - id, id LIMIT 4',
                                    ' DESC LIMIT 5', ' NULLS FIRST, id LIMIT 5'] LOOP
            statement := format('SELECT %s %s AS d FROM %I WHERE %s ORDER BY %s%s', CASE WHEN rest LIKE '%id%' THEN 'id,' WHEN rest LIKE '%@%' THEN other || ',' ELSE '' END, distance, tab, condition, distance,
                                replace(rest, '@', other));
            plain := answer(statement, false);
            indexed := answer(statement, true);
            statements := statements + 1;
            by_index := by_index + indexed.used::int;
            IF plain.rows IS DISTINCT FROM indexed.rows THEN
                differences := differences || format('%s: %s rows, not %s', statement, cardinality(indexed.rows), cardinality(plain.rows));
            END IF;
        END LOOP;
        statement := format('SELECT id FROM (SELECT id FROM %I WHERE %s ORDER BY %s) s ORDER BY id', tab, condition, distance);
        IF (answer(statement, false)).rows IS DISTINCT FROM (answer(statement, true)).rows THEN
            differences := differences || statement;
        END IF;
    END LOOP;
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
-- Conditions on the distance, which stands for @.
CREATE TABLE answer_limits (condition text);
INSERT INTO answer_limits VALUES ('@ < 3'), ('@ <= 3'), ('3 > @'), ('@ < NULL'), ('@ < ''NaN'''), ('@ <= ''NaN'''), ('@ = ''NaN'''), ('@ < ''Infinity'''), ('@ <= ''Infinity'''), ('@ < ''-Infinity'''), ('@ < -1'), ('@ > 3'), ('@ >= 3'), ('@ IS NULL'), ('@ IS NOT NULL'),
    ('@ BETWEEN 1 AND 3'), ('NOT (@ < 3)'), ('1 - (@) > 0.5'), ('1 - (@) >= 0.5'), ('1 - (@) > ''NaN'''), ('1 - (@) > ''-Infinity'''), ('1 - (@) < 0.5'), ('1e308 - (@) > -1e308'), ('''Infinity'' - (@) > 3'), ('''NaN'' - (@) > 3'), ('NULL - (@) > 3'), ('3 - (@) >= NULL'),
    ('@ < 3 AND i = 3'), ('@ < 3 AND v IS NOT NULL'), ('@ < 3 OR v IS NULL'), ('@ < 3 AND @ < 2'), ('@ < 3 AND (i = 1 OR i = 2) AND v IS NOT NULL'), ('@ < (SELECT 3)'), ('@ < (SELECT NULL::float8)'), ('@ < (SELECT ''NaN''::float8)'), ('@ < i'), ('@ < s AND i IS NULL'),
    ('@ = ANY (''{1,2}'')'), ('@ < ANY (''{1,2}'')');

-- What a column with this type, operator class and operator gives.
CREATE FUNCTION answers(type text, class text, operator text, query text, other text, method text DEFAULT 'hnsw', columns text DEFAULT ', i, s, f, n, b, t, u, ts, m, a, j')
RETURNS TABLE (statements int, by_index bool, differences text[]) LANGUAGE plpgsql AS $$
DECLARE distance text := format('v %s %s', operator, query);
BEGIN
    DROP TABLE IF EXISTS answer_t;
    EXECUTE format('CREATE TABLE answer_t AS SELECT id, (%s)::%s AS v, i, s, f, n, b, t, u, ts, m, a, j FROM answer_rows(400)',
                   CASE type WHEN 'bit(12)' THEN 'translate(e, ''[],'', '''')::int::bit(12)' WHEN 'sparsevec(3)' THEN 'e::vector(3)' ELSE 'e' END, type);
    EXECUTE format('CREATE INDEX answer_i ON answer_t USING %s (v %s%s)', method, class, columns);
    ANALYZE answer_t;
    RETURN QUERY SELECT d.statements, d.by_index > d.statements / 3, d.differences
    FROM different('answer_t', distance, format('v %s %s', operator, other), ARRAY(SELECT condition FROM answer_conditions UNION ALL SELECT replace(condition, '@', distance) FROM answer_limits)) d;
END $$;
SELECT * FROM answers('vector(3)', 'vector_l2_ops', '<->', '''[1,1,3]''', '''[4,0,0]''');
SELECT * FROM answers('vector(3)', 'vector_cosine_ops', '<=>', '''[1,1,3]''', '''[4,0,0]''');
