-- The answers of the indexes of a database, one line for each index: the same before an upgrade of the server and after it. (Of the
-- nearest rows the sum of their distances, roughly: compilers differ in the last bits, and rows at the same distance may come in any order.)

CREATE OR REPLACE FUNCTION pg_temp.answers() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    i record;
    line record;
    problems bigint;
    vectors text[];
    near text;
    everything text;
    wanted text;
    plan text;
BEGIN
    SET LOCAL enable_seqscan = off;
    SET LOCAL ivfflat.iterative_scan = relaxed_order;
    FOR i IN SELECT x.indexrelid AS oid, c.relname AS name, indrelid::regclass AS tab, pg_get_indexdef(x.indexrelid, 1, true) AS expression,
                    format_type(a.atttypid, a.atttypmod) AS type,
                    (SELECT o.oprname FROM pg_amop JOIN pg_operator o ON o.oid = amopopr WHERE amopfamily = k.opcfamily AND amoppurpose = 'o' LIMIT 1) AS op
             FROM pg_index x JOIN pg_class c ON c.oid = indexrelid JOIN pg_am am ON am.oid = c.relam JOIN pg_attribute a ON attrelid = indexrelid AND attnum = 1
                  JOIN pg_opclass k ON k.oid = indclass[0]
             WHERE amname IN ('hnsw', 'ivfflat') AND c.relkind = 'i' ORDER BY c.relname
    LOOP
        -- Only this index is there to be chosen.
        UPDATE pg_index SET indisvalid = indexrelid = i.oid WHERE indrelid = i.tab AND indexrelid IN (SELECT oid FROM pg_class WHERE relam IN (SELECT oid FROM pg_am WHERE amname IN ('hnsw', 'ivfflat')));
        SELECT count(*) INTO problems FROM vecstore_check(i.oid::regclass, true);
        EXECUTE format('SELECT array_agg(v ORDER BY id) FROM (SELECT id, (%s)::text AS v FROM %s WHERE %s IS NOT NULL ORDER BY id LIMIT 20) s', i.expression, i.tab, i.expression) INTO vectors;
        EXECUTE format('SELECT string_agg(d::text, '' '') FROM unnest($1) q, LATERAL (SELECT to_char(sum(d), ''9.99EEEE'') AS d FROM (SELECT %2$s OPERATOR(public.%3$s) q::%4$s AS d FROM %1$s ORDER BY %2$s OPERATOR(public.%3$s) q::%4$s LIMIT 10) s) n',
            i.tab, i.expression, i.op, i.type) INTO near USING vectors;
        EXECUTE format('SELECT count(*) || '' '' || md5(string_agg(id::text, '','' ORDER BY id)) FROM (SELECT id FROM %s ORDER BY %s OPERATOR(public.%s) $1::%s) s',
            i.tab, i.expression, i.op, i.type) INTO everything USING vectors[1];
        EXECUTE format('SELECT count(*) || '' '' || md5(string_agg(id::text, '','' ORDER BY id)) FROM %s', i.tab) INTO wanted;
        plan := '';
        FOR line IN EXECUTE format('EXPLAIN SELECT id FROM %s ORDER BY %s OPERATOR(public.%s) %L::%s', i.tab, i.expression, i.op, vectors[1], i.type) LOOP
            plan := plan || line."QUERY PLAN";
        END LOOP;
        RETURN NEXT format('%s: %s problems; %s; nearest %s; all %s', i.name, problems,
            CASE WHEN position('Index Scan using ' || i.name IN plan) > 0 THEN 'by index' ELSE 'WITHOUT INDEX ' || plan END, md5(near),
            CASE WHEN everything = wanted THEN everything ELSE 'ROWS ARE MISSING: ' || everything || ', not ' || wanted END);
        UPDATE pg_index SET indisvalid = true WHERE indrelid = i.tab;
    END LOOP;
END $$;

SET jit = off;
SELECT pg_temp.answers();
