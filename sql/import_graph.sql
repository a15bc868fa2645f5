-- vecstore_import_graph and vecstore_adopt_graph, its name of 0.1.0: one function under two names.
-- Files are tested by test/t.

SELECT p.proname, p.prosrc, pg_get_function_arguments(p.oid) = pg_get_function_arguments(o.oid) AS arguments,
       p.prorettype = o.prorettype AS result, p.provolatile = o.provolatile AS volatility, p.proparallel = o.proparallel AS parallel,
       p.proisstrict = o.proisstrict AS strict, p.procost = o.procost AS cost, p.proacl IS NOT DISTINCT FROM o.proacl AS grants
FROM pg_proc p JOIN pg_proc o ON o.proname = 'vecstore_import_graph'
WHERE p.proname IN ('vecstore_import_graph', 'vecstore_adopt_graph') ORDER BY p.proname COLLATE "C" DESC;
SELECT pg_get_function_arguments('vecstore_import_graph'::regproc);

CREATE TABLE graph_rows (id int PRIMARY KEY, v vector(3), w vector(3));
CREATE TABLE graph_none (id int PRIMARY KEY);
CREATE INDEX graph_rows_v ON graph_rows USING hnsw (v vector_l2_ops);

-- Both do the same with what is wrong.
CREATE FUNCTION pg_temp.error_of(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'SELECT ' || call;
    RETURN 'none';
EXCEPTION WHEN OTHERS THEN
    RETURN format('%s: %s', SQLSTATE, SQLERRM);
END $$;

SELECT arguments, error, error = replace(of_alias, 'vecstore_adopt_graph', 'vecstore_import_graph') AS the_same
FROM unnest(ARRAY[
        'NULL, ''/no/such/file''',
        '''graph_rows'', NULL',
        '''graph_rows'', ''/no/such/file''',
        '''graph_rows_v'', ''/no/such/file''',
        '''graph_rows_pkey'', ''/no/such/file''',
        '''graph_none'', ''/no/such/file''',
        '''graph_rows'', ''/no/such/file'', ''v'', ''none''',
        '''graph_rows'', ''/no/such/file'', ''v'', opclass => ''none''',
        '''graph_rows'', ''/no/such/file'', ''v'', format => ''none''',
        '''graph_gone'', ''/no/such/file''',
        '''graph_rows'', 1']) WITH ORDINALITY AS a(arguments, n),
     pg_temp.error_of('vecstore_import_graph(' || arguments || ')') error,
     pg_temp.error_of('vecstore_adopt_graph(' || arguments || ')') of_alias
ORDER BY n;

DROP TABLE graph_rows, graph_none;
