-- Filter columns and distance limits: every type and operator, against a sort. Distances are whole numbers, well apart.
SET client_min_messages = warning;
SET jit = off;   -- plans of what is switched off look dear
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

-- The Index Cond of a query; NULL if it has none, or does not use the index.
CREATE FUNCTION index_cond(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; found text; ordered bool := false;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        ordered := ordered OR line ~ '^ *Order By:';
        found := coalesce(found, substring(line FROM '^ *Index Cond: (.*)$'));
    END LOOP;
    RETURN CASE WHEN ordered THEN found END;
END $$;

-- A query by the index and without it: how many rows, and whether they are the same in the same order.
CREATE FUNCTION compared(query text) RETURNS TABLE (rows int, verdict text) LANGUAGE plpgsql AS $$
DECLARE by_index int[]; by_sort int[];
BEGIN
    PERFORM set_config('enable_sort', 'off', true), set_config('enable_seqscan', 'off', true);
    EXECUTE format('SELECT array_agg(id) FROM (%s) s', query) INTO by_index;
    PERFORM set_config('enable_sort', 'on', true), set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'off', true);
    ASSERT index_cond(query) IS NULL;
    EXECUTE format('SELECT array_agg(id) FROM (%s) s', query) INTO by_sort;
    PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true);
    rows := coalesce(cardinality(by_sort), 0);
    verdict := CASE WHEN by_index IS NOT DISTINCT FROM by_sort THEN 'same' ELSE format('%s, but %s', by_index, by_sort) END;
    RETURN NEXT;
END $$;
CREATE FUNCTION nearest(tab text, condition text, count int DEFAULT 7) RETURNS text LANGUAGE sql AS
    $$ SELECT format('SELECT id FROM %s WHERE %s ORDER BY v <-> ''[0,0,0]'' LIMIT %s', tab, condition, count) $$;

-- Conditions, with a limit below and one above what matches.
CREATE FUNCTION filtered(tab text, VARIADIC conditions text[]) RETURNS TABLE (rows int, verdict text, index_cond text) LANGUAGE sql AS $$
    SELECT a.rows, CASE WHEN few.verdict = 'same' THEN a.verdict ELSE few.verdict END, index_cond(nearest(tab, condition))
    FROM unnest(conditions) WITH ORDINALITY c (condition, n), compared(nearest(tab, condition)) few, compared(nearest(tab, condition, 1000)) a
    ORDER BY n $$;
-- Many of them: how many, how many of those some rows meet, and what is wrong. in_index: are all to be tested in the index?
CREATE FUNCTION all_filtered(tab text, conditions text[], in_index bool DEFAULT true) RETURNS TABLE (conditions int, with_rows int, wrong text[]) LANGUAGE sql AS $$
    SELECT count(*)::int, count(*) FILTER (WHERE f.rows > 0)::int,
           array_agg(condition || ': ' || f.verdict || CASE WHEN f.index_cond IS NULL THEN ', not in the index' ELSE '' END) FILTER (WHERE f.verdict <> 'same' OR in_index AND f.index_cond IS NULL)
    FROM unnest(conditions) condition, filtered(tab, condition) f $$;

-- ------------------------------------------------------------------------------------------ types and operators

CREATE TYPE filter_mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE filter_t (
    id int, v vector(3), i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, b bool, d date, ts timestamp,
    tz timestamptz, tm time, u uuid, mood filter_mood, tx text, vc varchar(20), ch char(6), nm name, ip inet, o oid, c "char",
    bin bytea, mac macaddr, ttz timetz, iv interval, ia int[], ta text[], j jsonb);
INSERT INTO filter_t
SELECT i, ARRAY[i * 37 % 211, 0, 0]::vector(3), i % 20, i % 20, i % 20, (i % 20) / 2.0, (i % 20) / 2.0, (i % 20) / 3.0, i % 2 = 0,
       date '2024-01-01' + i % 20, timestamp '2024-01-01 00:00' + i % 40 * interval '12 hours',
       timestamptz '2024-01-01 00:00Z' + i % 20 * interval '1 day', time '00:00' + i % 20 * interval '1 hour',
       ('00000000-0000-0000-0000-0000000000' || lpad((i % 20)::text, 2, '0'))::uuid, (enum_range(NULL::filter_mood))[i % 3 + 1],
       'text ' || i % 20, 'text ' || i % 20, 'c' || i % 20, 'name ' || i % 20, ('10.0.0.' || i % 20)::inet, i % 20, chr(65 + i % 20)::"char",
       decode(lpad((i % 20)::text, 2, '0'), 'hex'), ('08:00:2b:01:02:' || lpad((i % 20)::text, 2, '0'))::macaddr,
       (time '00:00' + i % 20 * interval '1 hour')::timetz, i % 20 * interval '1 day', ARRAY[i % 20, i % 7, NULL], ARRAY['a' || i % 20, 'b' || i % 7],
       jsonb_build_object('k', i % 20, 'tags', jsonb_build_array('t' || i % 7, i % 3), 'deep', jsonb_build_object('x', jsonb_build_object('y', i % 5 = 0)))
FROM generate_series(1, 200) i;
UPDATE filter_t SET i2 = NULL, i4 = NULL, i8 = NULL, f4 = NULL, f8 = NULL, n = NULL, b = NULL, d = NULL, ts = NULL, tz = NULL, tm = NULL, u = NULL, mood = NULL, tx = NULL, vc = NULL, ch = NULL, nm = NULL, ip = NULL, o = NULL, c = NULL, bin = NULL, mac = NULL, ttz = NULL, iv = NULL, ia = NULL, ta = NULL, j = NULL
WHERE id % 10 = 3;
CREATE INDEX filter_idx ON filter_t USING hnsw (v vector_l2_ops, i2, i4, i8, f4, f8, n, b, d, ts, tz, tm, u, mood, tx);
CREATE TABLE filter_s AS SELECT id, v, vc, ch, nm, ip, o, c, bin, mac, ttz, iv, ia, ta, j FROM filter_t;
CREATE INDEX filter_idx2 ON filter_s USING hnsw (v vector_l2_ops, vc, ch, nm, ip, o, c, bin, mac, ttz, iv, ia, ta, j);
SELECT storage, filter_columns, rows FROM vecstore_index_info('filter_idx');
-- Inserted one by one, too.
INSERT INTO filter_t SELECT id + 1000, ARRAY[(id * 37 % 211) + 300, 0, 0]::vector(3), i2, i4, i8, f4, f8, n, b, d, ts, tz, tm, u, mood, tx
FROM filter_t WHERE id <= 60;
INSERT INTO filter_s SELECT id + 1000, ARRAY[(id * 37 % 211) + 300, 0, 0]::vector(3), vc, ch, nm, ip, o, c, bin, mac, ttz, iv, ia, ta, j
FROM filter_s WHERE id <= 60;
ANALYZE filter_t, filter_s;
SELECT * FROM vecstore_check('filter_idx', true);
SELECT * FROM vecstore_check('filter_idx2', true);

EXPLAIN (COSTS OFF) SELECT id FROM filter_t WHERE i4 = 5 AND tx = 'text 5' AND f8 BETWEEN 1 AND 3 ORDER BY v <-> '[0,0,0]' LIMIT 5;
SELECT id, v <-> '[0,0,0]' AS d FROM filter_t WHERE i4 = 5 AND tx = 'text 5' AND f8 BETWEEN 1 AND 3 ORDER BY v <-> '[0,0,0]' LIMIT 5;
SELECT rows, verdict FROM filtered('filter_t', 'i4 = 5', 'i4 <> 5', 'i4 = 5 AND i4 = 6', 'i4 = 5 OR i4 = 6', 'i4 IS NULL', 'i4 IS NOT NULL', 'i4 = NULL',
    'i4 BETWEEN 5 AND 7', 'i4 BETWEEN 7 AND 5', 'i4 IN (1, 3, 5)', 'i4 IN (1, NULL, 5)', 'i4 = ANY (''{}''::int[])', 'i4 = ANY (NULL::int[])',
    'i4 NOT IN (1, 2)', 'i4 < ANY (''{2,4}'')', 'i4 > ANY (''{17,15}'')', 'i4 >= ALL (''{17,15}'')', '5 = i4', '5 > i4', 'i4 + 0 = 5');
-- cross-type integers, floats, dates and timestamps
SELECT * FROM all_filtered('filter_t', ARRAY(
    SELECT format('%s %s %s::%s', col, op, val, type) FROM unnest('{i2,i4,i8}'::text[]) col, unnest('{<,<=,=,>=,>}'::text[]) op,
        unnest('{int2,int4,int8}'::text[]) type, unnest('{-1,0,7,19,20}'::text[]) val));
SELECT * FROM all_filtered('filter_t', ARRAY(
    SELECT format('%s %s %s::%s', col, op, val, type) FROM unnest('{i2,i4,i8}'::text[]) col, unnest('{<,<=,=,>=,>}'::text[]) op,
        unnest('{int4,int8}'::text[]) type, unnest('{-32769,32768,2147483647}'::text[]) val));
SELECT * FROM all_filtered('filter_t', ARRAY(
    SELECT format('%s %s %L::%s', col, op, val, type) FROM unnest('{f4,f8}'::text[]) col, unnest('{<,<=,=,>=,>}'::text[]) op,
        unnest('{float4,float8}'::text[]) type, unnest('{-1,0,-0,3.5,3.3,NaN,Infinity,-Infinity}'::text[]) val));
SELECT * FROM all_filtered('filter_t', ARRAY(
    SELECT format('%s %s %L::%s', col, op, val, type) FROM unnest('{d,ts}'::text[]) col, unnest('{<,<=,=,>=,>}'::text[]) op,
        unnest('{date,timestamp}'::text[]) type, unnest('{2024-01-05,2024-01-05 12:00,1999-12-31,infinity,-infinity}'::text[]) val));
SELECT * FROM all_filtered('filter_t', ARRAY(SELECT format('d %s %L::date', op, val) FROM unnest('{<,<=,=,>=,>}'::text[]) op,
    unnest('{300000-01-01,5874897-12-31,4714-11-24 BC}'::text[]) val));
-- those of one type
SELECT * FROM all_filtered('filter_t', ARRAY(
    SELECT format('%s %s %L', col, op, val) FROM unnest('{<,<=,=,>=,>}'::text[]) op,
        (VALUES ('n', '3'), ('n', '0.3333333333333333'), ('n', 'NaN'), ('n', '1e400'), ('tz', '2024-01-05 00:00Z'), ('tz', 'infinity'), ('tm', '07:00'),
                ('tm', '24:00'), ('u', '00000000-0000-0000-0000-000000000007')) x (col, val)));
-- An enum's labels are not in the order in which they were made.
ALTER TYPE filter_mood ADD VALUE 'fine' BEFORE 'happy';
INSERT INTO filter_t (id, v, mood) SELECT 2000 + i, ARRAY[i, 1, 0]::vector(3), 'fine' FROM generate_series(1, 10) i;
SELECT rows, verdict FROM filtered('filter_t', 'mood < ''fine''', 'mood <= ''fine''', 'mood = ''fine''', 'mood >= ''fine''', 'mood > ''fine''', 'mood < ''sad''',
    'mood BETWEEN ''ok'' AND ''fine''', 'mood > ANY (''{fine,ok}'')', 'mood > NULL::filter_mood');
DELETE FROM filter_t WHERE id > 2000;
SELECT * FROM all_filtered('filter_t', ARRAY(SELECT format('b %s %L AND i4 < 2', op, val) FROM unnest('{<,<=,=,>=,>}'::text[]) op, unnest('{true,false}'::text[]) val));
SELECT * FROM all_filtered('filter_t', ARRAY(
    SELECT format('%s %s', col, rest) FROM (VALUES ('mood', 'happy'), ('tx', 'text 7'), ('tx', 'no such')) x (col, val),
    LATERAL unnest(ARRAY[format('= %L', val), format('IN (%L)', val), 'IS NULL', 'IS NOT NULL']) rest));
SELECT * FROM all_filtered('filter_s', ARRAY(
    SELECT format('%s %s', col, rest) FROM (VALUES
        ('vc', 'text 7'), ('ch', 'c7'), ('ch', 'c7  '), ('nm', 'name 7'), ('ip', '10.0.0.7'),
        ('o', '7'), ('c', 'H'), ('bin', '\x07'), ('mac', '08:00:2b:01:02:07'), ('ttz', '07:00+00'), ('iv', '7 days'), ('iv', '168 hours')) x (col, val),
    LATERAL unnest(ARRAY[format('= %L', val), format('IN (%L)', val), format('IN (%L, NULL)', val), 'IS NULL', 'IS NOT NULL']) rest));
-- booleans as people write them
SELECT rows, verdict FROM filtered('filter_t', 'b', 'NOT b', 'b = true', 'b IS TRUE', 'b IS FALSE', 'b IS NULL', 'b AND i4 < 4', 'NOT b AND i4 IN (1, 3)', 'b IN (true, false)');
-- any of a list: enough for a sieve; of another integer type
SELECT * FROM all_filtered('filter_t', ARRAY['i4 = ANY (ARRAY(SELECT generate_series(5, 900, 3)))', 'tx = ANY (ARRAY(SELECT ''text '' || generate_series(5, 900, 3)))',
    'mood IN (''sad'', ''happy'')', 'i4 = ANY ((SELECT ''{4,5}''::int[])::int[])', 'mood IN (''happy'', NULL)'], in_index => false);
SELECT * FROM all_filtered('filter_t', ARRAY['i8 = ANY (''{5,6}''::int2[])', 'i8 IN (5, 6)', 'i2 IN (5, 6, 70000)', 'f4 IN (1.5, 2.5)', 'f4 = ANY (''{1.5,2.5}''::float4[])', 'd IN (''2024-01-02'', ''2024-01-03'')',
    'u IN (''00000000-0000-0000-0000-000000000007'')',
    'i4 = (SELECT 7)', 'i4 = (SELECT NULL::int)', 'tx = (SELECT ''text '' || 7)', 'i4 > (SELECT min(i2) FROM filter_t)']);
SELECT * FROM all_filtered('filter_s', ARRAY['vc IN (''text 1'', ''text 2'')', 'ch IN (''c1'', ''c2'')', 'vc = (SELECT ''text '' || 7)']);
-- arrays and documents
SELECT rows, verdict FROM filtered('filter_s', 'ia && ''{5,6}''', 'ia @> ''{5,6}''', 'ia @> ''{}''', 'ia && ''{}''', 'ia && ''{NULL}''', 'ia @> ''{NULL}''', 'ta && ''{a5,b5}''',
    'ta @> ''{a5,b5}''', 'ia && NULL', 'ia IS NULL', 'ARRAY[5] <@ ia');
SELECT rows, verdict FROM filtered('filter_s', 'j @> ''{"k": 5}''', 'j @> ''{"k": 5.0}''', 'j @> ''{"tags": ["t5"]}''', 'j @> ''{"tags": ["t5", 1]}''', 'j @> ''{"tags": []}''',
    'j @> ''{"deep": {"x": {"y": true}}}''', 'j @> ''{"deep": {"y": true}}''', 'j @> ''{}''', 'j @> ''[]''', 'j @> ''{"k": 5, "deep": {"x": {"y": false}}}''',
    'j @> ''{"k": null}''', 'j @> NULL', 'j IS NULL', 'j @> ANY (ARRAY[''{"k": 5}'', ''{"k": 6, "tags": ["t5"]}'']::jsonb[])', 'j @> ANY (''{}''::jsonb[])');
-- (an array contains a scalar; order and repetition do not matter)
CREATE TABLE filter_json (id int, v vector(3), j jsonb);
INSERT INTO filter_json SELECT n, ARRAY[n::int, 0, 0]::vector(3), x::jsonb FROM unnest(ARRAY['[1,2,"x"]', '"x"', '1', 'null', '[null]', '[[1]]',
    '{"a":[1,{"b":2},3],"c":{"b":2}}', '{"c":{"a":1,"b":2}}', '[]', '{}', '[1.00]', 'true', '{"a":{"a":{"a":1}}}', '["x","x"]', '{"a":[{"b":[{"c":1}]}]}'])
    WITH ORDINALITY x (x, n);
CREATE INDEX ON filter_json USING hnsw (v vector_l2_ops, j);
SELECT * FROM all_filtered('filter_json', ARRAY(SELECT format('j @> %L', j) FROM filter_json));
SELECT * FROM all_filtered('filter_json', ARRAY(SELECT format('j @> %L', x) FROM unnest(ARRAY['[1]', '["x"]', '{"a":[3]}', '{"a":[{"b":2}]}', '{"c":{"b":2}}', '{"b":2}',
    '[[]]', '[2,1,1]', '1.0', '{"a":{}}', '{"a":[{"b":[{"c":1}]}]}', '{"a":[{"b":[]}]}']) x));
DROP TABLE filter_json;

-- --------------------------------------------------------------------------------------------------- extremes

CREATE TABLE filter_x (id int, v vector(3), i8 int8, f4 float4, f8 float8, n numeric, d date, ts timestamp, u uuid);
INSERT INTO filter_x SELECT n, ARRAY[n::int, 0, 0]::vector(3), i8::int8, f::float4, f::float8, m::numeric, d::date, ts::timestamp, u::uuid FROM unnest(
    ARRAY['-9223372036854775808', '-9223372036854775807', '-1', '0', '1', '9223372036854775806', '9223372036854775807', NULL],
    ARRAY['-Infinity', '-3e38', '-1e-40', '-0', '0', '3e38', 'Infinity', 'NaN'],
    ARRAY['-Infinity', '-1e400', '-1e-400', '0', '1e-400', '1e400', 'Infinity', 'NaN'],
    ARRAY['-infinity', '4714-11-24 BC', '1999-12-31', '2000-01-01', '294276-12-31', '294277-01-01', '5874897-12-31', 'infinity'],
    ARRAY['-infinity', '4714-11-24 00:00:00 BC', '1999-12-31 23:59:59.999999', '2000-01-01 00:00', '294276-12-31 23:59:59.999998', '294276-12-31 23:59:59.999999', NULL, 'infinity'],
    ARRAY['00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000001', '00000000-0000-0001-0000-000000000000', '7fffffff-ffff-ffff-ffff-ffffffffffff',
          '80000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', NULL])
    WITH ORDINALITY x (i8, f, m, d, ts, u, n);
INSERT INTO filter_x SELECT id + 8, v + '[8,0,0]', i8, f4, f8, n, d, ts, u FROM filter_x;
CREATE INDEX ON filter_x USING hnsw (v vector_l2_ops, i8, f4, f8, n, d, ts, u);
SELECT * FROM all_filtered('filter_x', ARRAY(
    SELECT format('%s %s %s', col, op, val)
    FROM unnest('{<,<=,=,>=,>}'::text[]) op, (
        SELECT 'i8' AS col, quote_literal(i8) || '::int8' AS val FROM filter_x UNION SELECT 'i8', x FROM unnest('{32767::int2,(-2147483648)::int4}'::text[]) x
        UNION SELECT col, quote_literal(f4) || '::float4' FROM filter_x, unnest('{f4,f8}'::text[]) col
        UNION SELECT col, quote_literal(f8) || '::float8' FROM filter_x, unnest('{f4,f8}'::text[]) col
        UNION SELECT 'n', quote_literal(n) || '::numeric' FROM filter_x
        UNION SELECT col, quote_literal(d) || '::date' FROM filter_x, unnest('{d,ts}'::text[]) col WHERE col = 'd' OR d < '294277-01-01' OR d = 'infinity'
        UNION SELECT col, quote_literal(ts) || '::timestamp' FROM filter_x, unnest('{d,ts}'::text[]) col
        UNION SELECT 'u', quote_literal(u) || '::uuid' FROM filter_x) x
    WHERE val IS NOT NULL));
SELECT * FROM all_filtered('filter_x', ARRAY(SELECT format('%s IS %s', col, what) FROM unnest('{i8,f4,f8,n,d,ts,u}'::text[]) col, unnest('{"NULL","NOT NULL"}'::text[]) what));
DROP TABLE filter_x;

-- ------------------------------------------------------------- domains, varchars, collations, expressions, partial indexes

CREATE DOMAIN filter_float AS float4;
CREATE DOMAIN filter_day AS date;
CREATE DOMAIN filter_word AS varchar(20);
CREATE DOMAIN filter_small AS int2;
CREATE TABLE filter_dom (id int, v vector(3), f filter_float, d filter_day, w filter_word, s filter_small, "C" text COLLATE "C", "x" text COLLATE "POSIX");
INSERT INTO filter_dom SELECT i, ARRAY[i, 0, 0]::vector(3), i % 10 - 5.5, date '2024-01-01' + i % 10, 'w' || i % 10, i % 10 - 5, i % 10, i % 10 FROM generate_series(1, 100) i;
CREATE INDEX ON filter_dom USING hnsw (v vector_l2_ops, f, d, w, s, "C", "x" COLLATE "C");
SELECT rows, verdict FROM filtered('filter_dom', 'f = 2.5', 'f < 0', 'f > 0 AND f < 3::float4', 'f IN (1.5, -1.5)', 'd = ''2024-01-05''', 'd < timestamp ''2024-01-05''',
    'd >= ''2024-01-05''', 'w = ''w3''', 'w IN (''w3'', ''w4'')', 's = 3', 's < 0', 's IN (3, -4)', '"C" = ''5''', '"x" COLLATE "C" = ''5''');
-- an index in another collation than the condition's is not for it
SELECT rows, verdict FROM filtered('filter_dom', '"x" = ''5''');
DROP TABLE filter_dom;
DROP DOMAIN filter_float, filter_day, filter_word, filter_small;

DO $$
BEGIN
    CREATE COLLATION filter_nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
EXCEPTION WHEN OTHERS THEN
    RETURN;   -- a server without ICU
END $$;
DO $$
DECLARE found int;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_collation WHERE collname = 'filter_nocase') THEN RETURN; END IF;
    CREATE TABLE filter_icu (id int, v vector(3), w text COLLATE filter_nocase, a text[] COLLATE filter_nocase);
    INSERT INTO filter_icu SELECT i, ARRAY[i, 0, 0]::vector(3), CASE i % 4 WHEN 0 THEN 'word' WHEN 1 THEN 'WORD' ELSE 'other' END, ARRAY[CASE i % 4 WHEN 0 THEN 'word' WHEN 1 THEN 'WORD' END]
    FROM generate_series(1, 100) i;
    CREATE INDEX ON filter_icu USING hnsw (v vector_l2_ops, w, a);
    FOR found IN SELECT rows FROM filtered('filter_icu', 'w = ''Word''', 'w IN (''WoRd'')', 'a && ''{woRD}''', 'a @> ''{woRD}''') WHERE verdict = 'same' AND index_cond IS NOT NULL LOOP
        ASSERT found = 50, found;
    END LOOP;
    ASSERT (SELECT count(*) FROM filtered('filter_icu', 'w = ''Word''', 'w IN (''WoRd'')', 'a && ''{woRD}''', 'a @> ''{woRD}''') WHERE verdict = 'same' AND index_cond IS NOT NULL) = 4;
    -- in the collation's order, in which words of other bytes are equal
    ASSERT (SELECT count(*) FROM filtered('filter_icu', 'w >= ''WORD''', 'w > ''OTHER''', 'w BETWEEN ''WorD'' AND ''worD''', 'w < ''word''', 'w <= ''OTHER''')
            WHERE verdict = 'same' AND index_cond IS NOT NULL AND rows = 50) = 5;
    DROP TABLE filter_icu;
    DROP COLLATION filter_nocase;
END $$;

-- --------------------------------------------------------------------------------- ranges of texts and networks

-- Collations that are in the order of bytes, whose order nothing is known of, and, where there is ICU, whose order is.
CREATE COLLATION filter_libc (provider = libc, locale = 'C.UTF-8');
DO $$
BEGIN
    CREATE COLLATION filter_order (provider = icu, locale = 'und');
EXCEPTION WHEN OTHERS THEN
    CREATE COLLATION filter_order FROM "C";
END $$;
CREATE TABLE filter_words AS SELECT id::int, ARRAY[id::int * 37 % 211, 0, 0]::vector(3) AS v, w COLLATE "C" AS c, w COLLATE filter_libc AS l, w COLLATE filter_order AS i,
    left(w, 12)::char(12) COLLATE "C" AS ch, w::varchar(40) COLLATE "C" AS vc
FROM unnest(ARRAY['', ' ', 'a', 'A', 'aa', 'aB', 'ab', 'abc', 'abd', 'a%b', 'a_b', 'a\b', 'ä', 'äb', 'z', 'Ω', '日本', 'zzzzzzzzzz1', 'zzzzzzzzzz2', 'https://example.com/a', 'https://example.com/b',
    '100', '99', 'co-op', 'coop', 'coöp', 'résumé', 'Resume', U&'\0001', U&'\007F', U&'\+10FFFF', NULL]) WITH ORDINALITY x (w, id);
INSERT INTO filter_words SELECT id + 100, v + '[300,0,0]', c, l, i, ch, vc FROM filter_words;
CREATE INDEX ON filter_words USING hnsw (v vector_l2_ops, c, l, i, ch, vc);
ANALYZE filter_words;
SELECT conditions, wrong FROM all_filtered('filter_words', ARRAY(
    SELECT format('%s %s %L', col, op, word) FROM unnest('{c,l,i,ch,vc}'::text[]) col, unnest('{<,<=,=,>=,>}'::text[]) op,
        (SELECT c FROM filter_words WHERE id < 100 AND c IS NOT NULL) w (word)));
SELECT rows, verdict, index_cond FROM filtered('filter_words', 'c BETWEEN ''ab'' AND ''abd''', 'l BETWEEN ''ab'' AND ''abd''', 'c > ''a'' AND c < ''b'' AND ch >= ''abc''', 'vc > ''zzz''', 'c < NULL',
    'c LIKE ''ab%''', 'l LIKE ''ab%''', 'vc LIKE ''ab%''', 'ch LIKE ''ab%''', 'l ^@ ''https://''', 'starts_with(l, ''https://'')', 'l LIKE ''a\%%''', 'l LIKE ''a\\b''', 'l LIKE ''%''',
    'l LIKE ''_b%''', 'l LIKE ''zzzzzzzzzz1_''', 'l LIKE NULL', 'l LIKE ''ä%''', 'l NOT LIKE ''a%''', 'l ^@ NULL');
SELECT * FROM all_filtered('filter_words', ARRAY['l ^@ ''''', 'starts_with(l, (SELECT ''co''))', 'c ^@ ANY (''{ab,z}'')', 'l ^@ ANY (''{ab,z}'')', 'l < ANY (''{A,aa}'')', 'c < ANY (''{A,aa}'')', 'c >= ANY (''{z,zzzzz,NULL}'')', 'c < ANY (''{}'')'], in_index => false);
SELECT rows, verdict FROM filtered('filter_words', 'i LIKE ''ab%''', 'i ^@ ''ab''', 'starts_with(i, ''ab'')');
-- A condition that its collation leaves to the rows costs what it would above the index.
CREATE FUNCTION cost_of(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN plan->0->'Plan'->'Plans'->0->'Startup Cost';
END $$;
SELECT col, cost_of(nearest('filter_words', col || ' > ''0''', 1)) = cost_of(nearest('filter_words', 'id > 0', 1)) AS same FROM unnest('{l,c}'::text[]) col;
DROP FUNCTION cost_of;
SELECT * FROM vecstore_check('filter_words_v_c_l_i_ch_vc_idx', true);
DROP TABLE filter_words;
-- Rows that the index returns and that do not match.
CREATE FUNCTION rechecked(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || query INTO plan;
    RETURN jsonb_path_query_first(plan, 'strict $.**."Rows Removed by Index Recheck"');
END $$;
CREATE TABLE filter_many AS SELECT i AS id, ARRAY[i * 37 % 211, i % 7, 0]::vector(3) AS v, w COLLATE "C" AS c, w COLLATE filter_libc AS l, w COLLATE filter_order AS i, 'something long that all begin with ' || w COLLATE "C" AS late, ('10.' || i % 50 || '.0.' || i % 19)::inet AS ip
FROM generate_series(0, 999) i, LATERAL (SELECT chr(97 + i % 26) || chr(97 + i / 26 % 26) || ' and more') x (w);
CREATE INDEX ON filter_many USING hnsw (v vector_l2_ops, c, l, i, late, ip);
SELECT condition, f.rows, f.verdict, nullif(rechecked(nearest('filter_many', condition, 100)), 0) AS rechecked FROM unnest(ARRAY['c BETWEEN ''ba'' AND ''bc''', 'c LIKE ''ba%''', 'c = ''ba and more''', 'l LIKE ''ba%''', 'l ^@ ''ba''',
    'l = ''ba and more''', 'i BETWEEN ''ba'' AND ''bc''', 'i = ''ba and more''', 'late = ''something long that all begin with ba and more''', 'ip << ''10.7.0.0/16''', 'ip BETWEEN ''10.7.0.0'' AND ''10.8.0.0''', 'ip = ''10.7.0.7''']) condition, filtered('filter_many', condition) f;
SELECT rechecked(nearest('filter_many', condition, 100)) > 0 AS rechecked FROM unnest(ARRAY['l BETWEEN ''ba'' AND ''bc''', 'late LIKE ''something long that all begin with ba%''']) condition;
DROP TABLE filter_many;
DROP FUNCTION rechecked;
DROP COLLATION filter_libc, filter_order;

CREATE TABLE filter_net AS SELECT id::int, ARRAY[id::int * 37 % 211, 0, 0]::vector(3) AS v, ip, network(ip) AS net
FROM unnest('{10.0.0.1,10.0.0.1/8,10.0.0.0/8,10.1.0.0/16,10.1.2.3,10.1.2.4,0.0.0.0/0,0.0.0.0,255.255.255.255,128.0.0.0/1,192.168.0.0/24,192.168.0.5/24,192.168.0.5,10.0.0.0/6,10.0.0.1/6,10.0.0.2/6,::,::/0,::1,
    2001:db8::/32,2001:db8::1,2001:db8::2,2001:db8:0:1::/64,2001:db8:0:1::5/64,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,fe80::1/64}'::inet[]) WITH ORDINALITY x (ip, id);
CREATE INDEX ON filter_net USING hnsw (v vector_l2_ops, ip, net);
SELECT * FROM all_filtered('filter_net', ARRAY(
    SELECT format('%s %s %L', col, op, n.ip) FROM unnest('{ip,net}'::text[]) col, unnest('{<,<=,=,>=,>,<<,<<=}'::text[]) op, filter_net n));
SELECT rows, verdict, index_cond FROM filtered('filter_net', 'ip BETWEEN ''10.0.0.0'' AND ''10.1.255.255''', 'ip << ''10.0.0.0/8''', 'net <<= ''10.0.0.0/8''', 'ip IN (''10.1.2.3'', ''2001:db8::2'')', 'ip << NULL');
SELECT rows, verdict FROM filtered('filter_net', 'ip > ANY (''{10.1.2.3,::1}'')', 'ip >> ''10.0.0.1''');
DROP TABLE filter_net;

CREATE TABLE filter_e (id int, v vector(3), doc jsonb, tenant int, deleted bool);
INSERT INTO filter_e SELECT i, ARRAY[i * 37 % 211, 0, 0]::vector(3), jsonb_build_object('lang', (ARRAY['en','de','fr'])[i % 3 + 1], 'year', 2000 + i % 20), i % 10, i % 4 = 0
FROM generate_series(1, 200) i;
CREATE INDEX ON filter_e USING hnsw (v vector_l2_ops, (doc->>'lang'), (((doc->>'year')::int)), tenant) WHERE NOT deleted;
SELECT rows, verdict FROM filtered('filter_e', 'NOT deleted AND doc->>''lang'' = ''de''', 'NOT deleted AND (doc->>''year'')::int >= 2015 AND tenant IN (1, 2, 5)',
    'NOT deleted AND doc->>''lang'' IN (''de'', ''fr'') AND (doc->>''year'')::int = 2007', 'NOT deleted AND doc->>''none'' IS NULL AND tenant = 3', 'NOT deleted AND lower(doc->>''lang'') = ''de'' AND tenant < 4');
EXPLAIN (COSTS OFF) SELECT id FROM filter_e WHERE NOT deleted AND doc->>'lang' = 'de' AND id % 2 = 0 ORDER BY v <-> '[0,0,0]' LIMIT 3;
DROP TABLE filter_e;

-- --------------------------------------------------------------------------------------- updates, deletes, HOT

CREATE TABLE filter_u (id int, v vector(3), tenant int, note text) WITH (fillfactor = 50);
INSERT INTO filter_u SELECT i, ARRAY[i, 0, 0]::vector(3), i % 5 FROM generate_series(1, 100) i;
CREATE INDEX filter_u_idx ON filter_u USING hnsw (v vector_l2_ops, tenant);
UPDATE filter_u SET tenant = 77 WHERE id IN (11, 51);
UPDATE filter_u SET tenant = NULL WHERE id = 21;
UPDATE filter_u SET note = 'hot' WHERE id IN (31, 51);
SELECT rows, verdict FROM filtered('filter_u', 'tenant = 1', 'tenant = 77', 'tenant IS NULL', 'tenant IN (1, 77)');
SELECT id FROM filter_u WHERE tenant = 77 ORDER BY v <-> '[0,0,0]';
SELECT id FROM filter_u WHERE tenant = 1 ORDER BY v <-> '[0,0,0]' LIMIT 5;
UPDATE filter_u SET tenant = 1 WHERE tenant = 77;
DELETE FROM filter_u WHERE id % 3 = 0;
VACUUM filter_u;
INSERT INTO filter_u SELECT i, ARRAY[i, 0, 0]::vector(3), i % 5 + 10 FROM generate_series(3, 99, 3) i;
SELECT rows, verdict FROM filtered('filter_u', 'tenant = 1', 'tenant = 77', 'tenant IS NULL', 'tenant >= 10', 'tenant = 11', 'tenant < 10');
BEGIN;
UPDATE filter_u SET tenant = 500 WHERE id = 99;
SELECT id FROM filter_u WHERE tenant = 500 ORDER BY v <-> '[0,0,0]';
ROLLBACK;
SELECT id FROM filter_u WHERE tenant = 500 ORDER BY v <-> '[0,0,0]';
SELECT * FROM vecstore_check('filter_u_idx', true);
DROP TABLE filter_u;
-- rows of equal vectors
CREATE TABLE filter_same (id int, v vector(3), tenant int);
CREATE INDEX filter_same_idx ON filter_same USING hnsw (v vector_l2_ops, tenant);
INSERT INTO filter_same SELECT i, '[1,1,1]', i % 3 FROM generate_series(1, 300) i;
SELECT tenant, count(*) FROM (SELECT * FROM filter_same WHERE tenant IN (1, 2) ORDER BY v <-> '[0,0,0]') s GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM (SELECT * FROM filter_same WHERE tenant = 0 ORDER BY v <-> '[0,0,0]' LIMIT 1000) s;
SELECT rows, nodes FROM vecstore_index_info('filter_same_idx');
DROP TABLE filter_same;

-- ----------------------------------------------------------------- sub-queries, LATERAL, joins, prepared, cursors

CREATE TABLE filter_q (q int, tenant int, low int, v vector(3));
INSERT INTO filter_q VALUES (1, 5, 3, '[0,0,0]'), (2, 7, 8, '[100,0,0]'), (3, NULL, 2, '[10,0,0]'), (4, 90, 1, '[20,0,0]');
SELECT index_cond('SELECT * FROM filter_q q CROSS JOIN LATERAL (SELECT id FROM filter_t t WHERE t.i4 = q.tenant AND t.i8 >= q.low ORDER BY t.v <-> q.v LIMIT 3) n');
SELECT q, n.id, n.d FROM filter_q q CROSS JOIN LATERAL (SELECT id, t.v <-> q.v AS d FROM filter_t t WHERE t.i4 = q.tenant AND t.i8 >= q.low ORDER BY t.v <-> q.v LIMIT 3) n ORDER BY 1, 3;
SELECT q, n.id, n.d FROM filter_q q CROSS JOIN LATERAL (SELECT id, t.v <-> q.v AS d FROM filter_t t WHERE t.i4 IN (q.tenant, q.low) ORDER BY t.v <-> q.v LIMIT 2) n ORDER BY 1, 3;
SELECT q, n.id, n.d FROM filter_q q CROSS JOIN LATERAL (SELECT id, t.v <-> q.v AS d FROM filter_t t WHERE t.i4 = 4 AND t.v <-> q.v < q.low * 10 ORDER BY t.v <-> q.v LIMIT 2) n ORDER BY 1, 3;
SELECT * FROM compared($$SELECT t.id FROM filter_t t JOIN (VALUES (1, 'a'), (4, 'b')) g (k, name) ON t.i4 = g.k WHERE g.name = 'b' ORDER BY t.v <-> '[0,0,0]' LIMIT 5$$);
SELECT * FROM compared($$SELECT t.id FROM filter_t t WHERE EXISTS (SELECT FROM filter_q q WHERE q.tenant = t.i4) ORDER BY t.v <-> '[0,0,0]' LIMIT 5$$);
SELECT * FROM compared($$SELECT t.id FROM filter_t t WHERE t.i4 = ANY (ARRAY(SELECT tenant FROM filter_q)) ORDER BY t.v <-> '[0,0,0]' LIMIT 5$$);
-- Outer joins: one that can only be an inner one, as a condition asks for the other row, says as much as that.
CREATE TABLE filter_k (k int PRIMARY KEY, name text, top int);
INSERT INTO filter_k VALUES (4, 'a', 1), (5, 'b', 1), (7, 'b', 2), (90, 'b', 2), (8, NULL, NULL);
ANALYZE filter_k;
SELECT x.*, index_cond(query) ~ 'i4 = ANY' AS in_index FROM unnest(ARRAY[
    $$filter_t t LEFT JOIN filter_k g ON g.k = t.i4 WHERE g.name = 'b'$$, $$filter_k g RIGHT JOIN filter_t t ON g.k = t.i4 WHERE g.name = 'b'$$, $$filter_t t LEFT JOIN filter_k g ON g.k = t.i4 AND g.top = 2 WHERE g.name IN ('a', 'b')$$,
    $$filter_t t LEFT JOIN (filter_k g JOIN filter_k h ON h.k = g.k AND h.top = 2) ON g.k = t.i4 WHERE h.name = 'b' AND g.top > 0$$, $$filter_t t LEFT JOIN filter_k g ON g.k = t.i4 LEFT JOIN filter_q q ON q.tenant = g.k WHERE g.name = 'b'$$,
    $$filter_t t LEFT JOIN filter_k g ON g.k = t.i4 LEFT JOIN filter_q q ON q.tenant = g.k AND g.top = 2 WHERE q.low > 5$$, $$filter_t t LEFT JOIN filter_k g ON g.k = t.i4 JOIN filter_q q ON q.tenant = g.k WHERE q.low = 3 AND g.name = 'b'$$,
    $$filter_t t FULL JOIN filter_k g ON g.k = t.i4 WHERE g.name = 'b' AND t.id > 0$$, $$filter_k g LEFT JOIN filter_t t ON g.k = t.i4 WHERE t.id > 0 AND g.name = 'b'$$,
    -- and those that say nothing of the first table
    $$filter_t t LEFT JOIN filter_k g ON g.k = t.i4$$, $$filter_t t LEFT JOIN filter_k g ON g.k = t.i4 AND g.name = 'b'$$, $$filter_t t LEFT JOIN filter_k g ON g.k = t.i4 WHERE g.k IS NULL$$,
    $$filter_t t LEFT JOIN filter_k g ON g.k = t.i4 WHERE g.name = 'b' OR t.i8 = 3$$, $$filter_t t LEFT JOIN filter_k g ON g.k = t.i4 WHERE coalesce(g.name, 'b') = 'b'$$, $$filter_t t LEFT JOIN filter_k g ON g.k = t.i4 AND t.i8 < 5 WHERE t.id < 50$$]) rest,
    format($$SELECT t.id FROM %s ORDER BY t.v <-> '[0,0,0]' LIMIT 7$$, rest) query, compared(query) x, LATERAL set_config('enable_sort', CASE WHEN x.rows >= 0 THEN 'off' END, true) sort, LATERAL set_config('enable_seqscan', replace(sort, 'off', 'on'), true) s;
-- LEFT JOIN LATERAL: the nearest for every row, of what a table says that is joined to them
SELECT substring(index_cond(query) FROM 'i4 = [^ ]+') FROM unnest(ARRAY[$$SELECT * FROM filter_q q LEFT JOIN LATERAL (SELECT id FROM filter_t t WHERE t.i4 = q.tenant ORDER BY t.v <-> q.v LIMIT 3) n ON true$$,
    $$SELECT * FROM filter_q q LEFT JOIN LATERAL (SELECT t.id FROM filter_t t LEFT JOIN filter_k g ON g.k = t.i4 WHERE g.top = q.low - 2 ORDER BY t.v <-> q.v LIMIT 3) n ON true$$]) query;
SELECT q, n.id, n.d FROM filter_q q LEFT JOIN LATERAL (SELECT id, t.v <-> q.v AS d FROM filter_t t WHERE t.i4 = q.tenant ORDER BY t.v <-> q.v LIMIT 2) n ON true ORDER BY 1, 3;
SELECT q, n.id, n.name, n.d FROM filter_q q LEFT JOIN LATERAL (SELECT t.id, g.name, t.v <-> q.v AS d FROM filter_t t LEFT JOIN filter_k g ON g.k = t.i4 WHERE g.top = q.low - 2 ORDER BY t.v <-> q.v LIMIT 3) n ON true ORDER BY 1, 4;
-- (columns of queries that are one and two around)
SELECT q, m.k, n.id, n.d FROM filter_q q LEFT JOIN filter_k m ON m.k IN (4, 7) LEFT JOIN LATERAL (SELECT x.*, (
        SELECT t.id FROM filter_t t JOIN filter_k g ON g.k = t.i4 WHERE g.top = q.low - 2 AND g.top >= m.top AND g.k > x.least ORDER BY t.v <-> q.v LIMIT 1) AS id FROM (SELECT 4 AS least, m.k * q.low AS d OFFSET 0) x) n ON true ORDER BY 1, 2;

SET enable_sort = off;
PREPARE filter_p (int, text, int[], float8) AS
    SELECT id FROM filter_t WHERE i4 >= $1 AND (tx = $2 OR $2 IS NULL) AND i8 = ANY ($3) AND v <-> '[0,0,0]' < $4 ORDER BY v <-> '[0,0,0]' LIMIT 4;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE filter_p (3, 'text 5', '{4,5}', 100);
EXECUTE filter_p (3, 'text 5', '{4,5}', 100);
EXECUTE filter_p (3, NULL, '{4,5}', 1000);
EXECUTE filter_p (3, NULL, '{}', 1000);
EXECUTE filter_p (3, NULL, NULL, 1000);
EXECUTE filter_p (NULL, NULL, '{4,5}', 1000);
EXECUTE filter_p (3, NULL, '{4,5}', NULL);
SET plan_cache_mode = force_custom_plan;
EXECUTE filter_p (3, 'text 5', '{4,5}', 100);
EXECUTE filter_p (3, NULL, '{4,5}', 1000);
EXECUTE filter_p (3, NULL, NULL, 1000);
RESET plan_cache_mode;
DEALLOCATE filter_p;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM filter_t WHERE i4 = 5 ORDER BY v <-> '[0,0,0]';
FETCH 2 FROM c;
INSERT INTO filter_t (id, v, i4) SELECT 5000 + i, '[1,0,0]', 5 FROM generate_series(1, 300) i;
FETCH 3 FROM c;
FETCH BACKWARD 2 FROM c;
MOVE FORWARD ALL IN c;
FETCH BACKWARD 1 FROM c;
ROLLBACK;
RESET enable_sort;
DROP TABLE filter_q, filter_k;

-- ---------------------------------------------------------------------------------------------- distance limits

SELECT rows, verdict FROM filtered('filter_t', $$v <-> '[0,0,0]' < 50$$, $$v <-> '[0,0,0]' <= 50$$, $$50 > v <-> '[0,0,0]'$$, $$50 >= v <-> '[0,0,0]'$$, $$1 - (v <-> '[0,0,0]') > -49$$,
    $$1 - (v <-> '[0,0,0]') >= -49$$, $$-49 < 1 - (v <-> '[0,0,0]')$$, $$v <-> '[0,0,0]' < 50 AND i4 = 5$$, $$v <-> '[0,0,0]' < 50 AND v <-> '[0,0,0]' <= 20$$,
    $$v <-> '[0,0,0]' < 50 AND id % 2 = 0$$, $$v <-> '[0,0,0]' < NULL$$, $$v <-> '[0,0,0]' < 'NaN'$$, $$v <-> '[0,0,0]' < 'infinity'$$, $$v <-> '[0,0,0]' < -1$$,
    $$v <-> '[0,0,0]' BETWEEN 20 AND 50$$, $$v <-> '[0,0,0]' < 1 OR i4 = 3$$, $$l2_distance(v, '[0,0,0]') < 50$$);
SELECT * FROM all_filtered('filter_t', ARRAY[$$v <-> '[0,0,0]' < (SELECT 50)$$, $$v <-> '[0,0,0]' < (SELECT NULL::float8)$$]);
-- not a limit: below, of another vector, not known before the scan
SELECT rows, verdict FROM filtered('filter_t', $$v <-> '[0,0,0]' > 50$$, $$v <-> '[1,1,1]' < 50$$, $$v <-> '[0,0,0]' < i4 * 10$$, $$(v <-> '[0,0,0]') * 2 < 50$$);
-- without LIMIT: all of them
EXPLAIN (COSTS OFF) SELECT id FROM filter_t WHERE v <-> '[0,0,0]' < 150 ORDER BY v <-> '[0,0,0]';
EXPLAIN (COSTS OFF) SELECT id FROM filter_t WHERE v <-> '[0,0,0]' <= 150 AND i4 = 5 ORDER BY v <-> '[0,0,0]' LIMIT 10;
SET hnsw.ef_search = 1;
SELECT * FROM compared($$SELECT id FROM filter_t WHERE v <-> '[0,0,0]' < 150 ORDER BY v <-> '[0,0,0]'$$);
SELECT * FROM compared($$SELECT id FROM filter_t WHERE v <-> '[0,0,0]' < 150 AND i4 IN (3, 4) ORDER BY v <-> '[0,0,0]'$$);
SET hnsw.iterative_scan = off;
SELECT * FROM compared($$SELECT id FROM filter_t WHERE v <-> '[0,0,0]' < 150 ORDER BY v <-> '[0,0,0]'$$);
RESET hnsw.ef_search;
RESET hnsw.iterative_scan;
-- the other metrics, and limits at which a row is
CREATE TABLE filter_m (id int, v vector(3));
INSERT INTO filter_m SELECT i, ARRAY[1, i / 10.0, 0]::vector(3) FROM generate_series(0, 60) i;
CREATE INDEX ON filter_m USING hnsw (v vector_cosine_ops);
CREATE INDEX ON filter_m USING hnsw (v vector_ip_ops);
CREATE INDEX ON filter_m USING hnsw (v vector_l1_ops);
CREATE INDEX ON filter_m USING hnsw (v vector_l2_ops);
SELECT op, limits, x.* FROM (VALUES ('<=>', '[1,0,0]', '{0,0.3,0.5}'::float8[]), ('<#>', '[1,1,0]', '{-4,-1,0}'), ('<+>', '[1,0,0]', '{0,1,3}'), ('<->', '[1,0,0]', '{0,1,3}')) m (op, q, limits),
LATERAL (SELECT sum(c.rows) AS rows, array_agg(DISTINCT c.verdict) AS verdicts, count(index_cond(query)) = count(*) AS in_index
    FROM unnest(limits) lim, unnest('{<,<=}'::text[]) less, unnest(ARRAY['', 'LIMIT 5', 'LIMIT 100']) lmt,
        LATERAL (SELECT format($$SELECT id FROM filter_m WHERE v %1$s %5$L %2$s %3$s ORDER BY v %1$s %5$L %4$s$$, op, less, lim, lmt, q)) y (query), compared(query) c) x;
-- every row lies within its own distance
SELECT count(*), count(*) FILTER (WHERE n.id = m.id) FROM filter_m m, LATERAL (SELECT id FROM filter_m o WHERE o.v <-> m.v <= 0 ORDER BY o.v <-> m.v LIMIT 1) n;
SELECT count(*), count(*) FILTER (WHERE n.id = m.id) FROM filter_m m, LATERAL (SELECT id FROM filter_m o WHERE o.v <=> m.v <= m.v <=> m.v ORDER BY o.v <=> m.v LIMIT 1) n;
DROP TABLE filter_m;

-- -------------------------------------------------------------------------------------------- kinds of tables

CREATE TABLE filter_part (id int, v vector(3), tenant int, day date) PARTITION BY LIST (tenant);
CREATE TABLE filter_part_a PARTITION OF filter_part FOR VALUES IN (0, 1, 2);
CREATE TABLE filter_part_b PARTITION OF filter_part FOR VALUES IN (3, 4);
CREATE INDEX ON filter_part USING hnsw (v vector_l2_ops, tenant, day);
INSERT INTO filter_part SELECT i, ARRAY[i * 37 % 211, 0, 0]::vector(3), i % 5, date '2024-01-01' + i % 9 FROM generate_series(1, 200) i;
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT id FROM filter_part WHERE tenant IN (1, 3) AND day < '2024-01-04' ORDER BY v <-> '[0,0,0]' LIMIT 5;
RESET enable_sort;
-- (Two partitions: of one, PostgreSQL 18 forgets that its index scan is switched off.)
SELECT * FROM all_filtered('filter_part', ARRAY['tenant IN (1, 3) AND day < ''2024-01-04''', 'tenant IN (0, 4)', 'day = ''2024-01-04''', $$day = '2024-01-04' AND v <-> '[0,0,0]' < 90$$]);
DROP TABLE filter_part;

CREATE UNLOGGED TABLE filter_unlogged (id int, v vector(3), tenant int);
CREATE TEMP TABLE filter_temp (id int, v vector(3), tenant int);
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY '{filter_unlogged,filter_temp}'::text[] LOOP
        EXECUTE format('CREATE INDEX ON %s USING hnsw (v vector_l2_ops, tenant)', t);   -- empty
        EXECUTE format('INSERT INTO %s SELECT i, ARRAY[i * 37 %% 211, 0, 0]::vector(3), i %% 7 FROM generate_series(1, 200) i', t);
    END LOOP;
END $$;
SELECT rows, verdict FROM filtered('filter_unlogged', 'tenant = 3', 'tenant IN (3, 4)');
SELECT rows, verdict FROM filtered('filter_temp', 'tenant = 3', 'tenant IN (3, 4)');
SELECT * FROM vecstore_check('filter_unlogged_v_tenant_idx', true);
SELECT * FROM vecstore_check('filter_temp_v_tenant_idx', true);
TRUNCATE filter_unlogged;
SELECT rows, verdict FROM filtered('filter_unlogged', 'tenant = 3');
DROP TABLE filter_unlogged, filter_temp;

-- row-level security
CREATE ROLE filter_user;
CREATE TABLE filter_rls (id int, v vector(3), tenant int, secret text);
INSERT INTO filter_rls SELECT i, ARRAY[i * 37 % 211, 0, 0]::vector(3), i % 5, 's' || i % 2 FROM generate_series(1, 200) i;
CREATE INDEX ON filter_rls USING hnsw (v vector_l2_ops, tenant, secret);
ALTER TABLE filter_rls ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON filter_rls USING (tenant = current_setting('filter.tenant')::int);
GRANT SELECT ON filter_rls TO filter_user;
SET filter.tenant = 3;
SET ROLE filter_user;
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT id FROM filter_rls WHERE secret = 's1' ORDER BY v <-> '[0,0,0]' LIMIT 4;
SELECT id, tenant, secret FROM filter_rls WHERE secret = 's1' ORDER BY v <-> '[0,0,0]' LIMIT 4;
SELECT count(*) FROM (SELECT * FROM filter_rls WHERE tenant IN (1, 2, 3) ORDER BY v <-> '[0,0,0]') s;
SELECT id, tenant FROM filter_rls WHERE v <-> '[0,0,0]' < 20 ORDER BY v <-> '[0,0,0]' LIMIT 10;
RESET enable_sort;
RESET ROLE;
-- of a joined table, whose conditions the index is asked to test
CREATE TABLE filter_owned (k int PRIMARY KEY, name text, owner name);
INSERT INTO filter_owned SELECT i, 'n' || i % 2, CASE WHEN i < 3 THEN 'filter_user' ELSE 'another' END FROM generate_series(0, 4) i;
ALTER TABLE filter_owned ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON filter_owned USING (owner = current_user AND EXISTS (SELECT FROM filter_rls r WHERE r.tenant = k));
CREATE POLICY every ON filter_rls USING (true);
GRANT SELECT ON filter_owned TO filter_user;
SET ROLE filter_user;
SELECT x.* FROM unnest(ARRAY['JOIN', 'LEFT JOIN']) kind, compared(format($$SELECT r.id FROM filter_rls r %s filter_owned o ON o.k = r.tenant WHERE o.name = 'n0' ORDER BY r.v <-> '[0,0,0]' LIMIT 7$$, kind)) x;
RESET ROLE;
DROP TABLE filter_owned;
DROP TABLE filter_rls;
DROP ROLE filter_user;

-- ------------------------------------------------------------------------- what is no use of the index, and errors

RESET enable_seqscan;
EXPLAIN (COSTS OFF) SELECT id FROM filter_t WHERE i4 = 5;
EXPLAIN (COSTS OFF) SELECT count(*) FROM filter_t WHERE i4 = 5 AND v <-> '[0,0,0]' < 10;
CREATE TABLE filter_err (id int, v vector(3), w vector(3), p point, tenant int);
CREATE INDEX ON filter_err USING hnsw (v vector_l2_ops, w vector_l2_ops);
CREATE INDEX ON filter_err USING hnsw (tenant, v vector_l2_ops);
CREATE INDEX ON filter_err USING hnsw (tenant);
CREATE INDEX ON filter_err USING hnsw (v vector_l2_ops, p);
CREATE INDEX ON filter_err USING hnsw (v vector_l2_ops) INCLUDE (tenant);
CREATE UNIQUE INDEX ON filter_err USING hnsw (v vector_l2_ops, tenant);
CREATE INDEX ON filter_err USING hnsw (v vector_l2_ops, tenant DESC);
CREATE INDEX ON filter_err USING ivfflat (v vector_l2_ops, tenant);
SELECT count(*) FROM pg_index WHERE indrelid = 'filter_err'::regclass;
\set SHOW_CONTEXT never
DO $$
BEGIN
    EXECUTE 'CREATE TABLE filter_wide (v vector(3), ' || (SELECT string_agg('c' || i || ' int', ', ') FROM generate_series(1, 31) i) || ')';
    EXECUTE 'CREATE INDEX ON filter_wide USING hnsw (v vector_l2_ops, ' || (SELECT string_agg('c' || i, ', ') FROM generate_series(1, 31) i) || ')';
END $$;
DROP TABLE filter_err, filter_t, filter_s;
DROP TYPE filter_mood;
DROP FUNCTION all_filtered, filtered, nearest, compared, index_cond;
