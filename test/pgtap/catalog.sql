-- The SQL surface against what pgvector 0.8.6 has in its system catalogs: names, signatures, properties,
-- operators with their partners and estimators, casts with their contexts, operator classes, settings. Clients,
-- ORMs and dumps rely on every line.
--
-- catalog.facts holds the lines that are kept. The whole list is part of the shared material; where that is
-- here, each of its lines must be kept or be one of the exceptions below.
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS vecstore;
DO $$ BEGIN PERFORM '[1]'::vector; END $$;  -- loads the library, which defines the settings

\set facts `cat test/pgtap/catalog.facts`
\set shared `cat "$VECSTORE_SHARED/reference/pgvector-0.8.6-catalogue.txt" 2>/dev/null`

-- The subject of a line (its kind and name), so that a failure shows both lines.
CREATE FUNCTION pg_temp.subject(line text) RETURNS text LANGUAGE sql AS
$$ SELECT concat_ws(' | ', f[1], f[2], CASE WHEN f[1] = 'opclass' THEN f[3] END) FROM regexp_split_to_array($1, ' [|] ') f $$;
-- regproc writes overloaded functions with their schema, which is no part of the fact.
CREATE FUNCTION pg_temp.plain(line text) RETURNS text LANGUAGE sql AS
$$ SELECT regexp_replace(rtrim($1), '\mpublic\.', '', 'g') $$;
CREATE FUNCTION pg_temp.lines(content text) RETURNS TABLE (subject text, line text) LANGUAGE sql AS
$$ SELECT pg_temp.subject(pg_temp.plain(l)), pg_temp.plain(l) FROM regexp_split_to_table($1, E'\n') l WHERE l ~ '^[a-z]+ [|] ' $$;

CREATE TEMP TABLE facts AS SELECT * FROM pg_temp.lines(:'facts');
CREATE TEMP TABLE shared AS SELECT * FROM pg_temp.lines(:'shared');

-- The exceptions, all of them: lines of pgvector's that are not kept, and what there is instead (NULL: nothing).
-- An exception that no longer is one fails: take it out here, and its line into catalog.facts.
CREATE TEMP TABLE exceptions (subject text, instead text, reason text);
-- Different on purpose, so that a filtered query is complete by default, and as docs/pgvector.md says.
INSERT INTO exceptions VALUES
    ('setting | hnsw.ef_search', 'setting | hnsw.ef_search | integer | 40 | 1 | 1000000 |  | Sets the size of the dynamic candidate list for search', 'may be larger'),
    ('setting | hnsw.iterative_scan', 'setting | hnsw.iterative_scan | enum | strict_order |  |  | {off,relaxed_order,strict_order} | Sets the mode for iterative scans', 'on by default'),
    ('setting | hnsw.max_scan_tuples', 'setting | hnsw.max_scan_tuples | integer | 2147483647 | 1 | 2147483647 |  | Sets the max number of tuples to visit for iterative scans', 'no limit by default');

-- Where pgvector is installed on the same server, settings are strings that it may replace: src/am/settings.hpp.
-- test/t/012_side_by_side.pl is about their values and limits then.
CREATE TEMP TABLE kept_facts AS SELECT count(*)::int FROM facts;
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'hnsw.ef_search' AND vartype = 'string') THEN
        DELETE FROM facts WHERE subject LIKE 'setting | %';
        DELETE FROM exceptions WHERE subject LIKE 'setting | %';
        DELETE FROM shared WHERE subject LIKE 'setting | %';
    END IF;
END $$;

-- Everything that belongs to the extension, written as the facts are.
CREATE TEMP VIEW members AS
SELECT classid, objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
WHERE e.extname = 'vecstore' AND d.deptype = 'e';

CREATE TEMP VIEW actual AS
SELECT 'function | ' || p.oid::regprocedure || ' | returns ' || p.prorettype::regtype || ' | '
       || CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END || ' | '
       || CASE WHEN p.proisstrict THEN 'strict' ELSE 'not strict' END || ' | parallel=' || p.proparallel::text || ' |'
       || CASE p.prokind WHEN 'a' THEN ' aggregate' ELSE '' END AS line
FROM pg_proc p JOIN members m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass
UNION ALL
SELECT format('type | %s | %s | %s | %s | in/out/recv/send/typmodin: %s %s %s %s %s', t.oid::regtype, typlen, typalign,
              typstorage, typinput, typoutput, typreceive, typsend, typmodin)
FROM pg_type t JOIN members m ON m.objid = t.oid AND m.classid = 'pg_type'::regclass
UNION ALL
SELECT format('operator | %s | %s | commutator %s | negator %s | %s | %s', o.oid::regoperator, oprcode,
              oprcom::regoperator, oprnegate::regoperator, oprrest, oprjoin)
FROM pg_operator o JOIN members m ON m.objid = o.oid AND m.classid = 'pg_operator'::regclass
UNION ALL
SELECT format('cast | %s -> %s | %s | %s', castsource::regtype, casttarget::regtype, castfunc::regprocedure,
              CASE castcontext WHEN 'i' THEN 'implicit' WHEN 'a' THEN 'assignment' ELSE 'explicit' END)
FROM pg_cast c JOIN members m ON m.objid = c.oid AND m.classid = 'pg_cast'::regclass
UNION ALL
SELECT format('opclass | %s | %s | %s | %s | %s | %s', amname, opcname, opcintype::regtype,
              CASE WHEN opcdefault THEN 'default' END,
              (SELECT string_agg(format('%s (strategy %s%s)', amopopr::regoperator, amopstrategy,
                                        CASE amoppurpose WHEN 'o' THEN ', order by' END), ', ' ORDER BY amopstrategy)
               FROM pg_amop WHERE amopfamily = opcfamily AND amoplefttype = opcintype AND amoprighttype = opcintype),
              (SELECT string_agg(format('%s=%s', amproc, amprocnum), ', ' ORDER BY amprocnum)
               FROM pg_amproc WHERE amprocfamily = opcfamily AND amproclefttype = opcintype))
FROM pg_opclass c JOIN members m ON m.objid = c.oid AND m.classid = 'pg_opclass'::regclass JOIN pg_am a ON a.oid = opcmethod
UNION ALL
SELECT format('setting | %s | %s | %s | %s | %s | %s | %s', name, vartype, boot_val, min_val, max_val,
              (SELECT array_agg(v ORDER BY v) FROM unnest(enumvals) v), short_desc)
FROM pg_settings WHERE name ~ '^(hnsw|ivfflat)[.]';

CREATE TEMP TABLE found AS SELECT pg_temp.subject(pg_temp.plain(line)) AS subject, pg_temp.plain(line) AS line FROM actual;

-- pgTAP counts: facts, exceptions, the shared list, and what follows it.
SELECT plan((SELECT count(*)::int FROM facts) + (SELECT count(*)::int FROM exceptions)
            + greatest(1, (SELECT count(*)::int FROM shared)) + 13);

SELECT is(a.line, f.line, f.subject) FROM facts f LEFT JOIN found a USING (subject) ORDER BY f.subject COLLATE "C";
SELECT is(a.line, e.instead, e.subject || ': ' || e.reason) FROM exceptions e LEFT JOIN found a USING (subject) ORDER BY e.subject COLLATE "C";

SELECT ok(EXISTS (SELECT FROM facts f WHERE f.line = s.line) OR EXISTS (SELECT FROM exceptions e WHERE e.subject = s.subject),
          'kept or an exception: ' || s.line)
FROM shared s ORDER BY s.line COLLATE "C";
SELECT skip('the shared list of pgvector''s catalog is not here') WHERE NOT EXISTS (SELECT FROM shared);

-- Facts that the lines do not say.
SELECT is(count, 205, 'no fact went missing') FROM kept_facts;
SELECT is(format('%s%s%s', typcategory, typdelim, typtype), 'U,b', typname || ' is a base type without category')
FROM pg_type WHERE oid IN ('vector'::regtype, 'halfvec'::regtype, 'sparsevec'::regtype) ORDER BY typname;
SELECT is(typelem::regtype::text || '[]', oid::regtype::text, 'there is an array type')
FROM pg_type WHERE oid IN ('vector[]'::regtype, 'halfvec[]'::regtype, 'sparsevec[]'::regtype) ORDER BY typname;
SELECT is(format('%s %s %s %s %s', aggtransfn, aggfinalfn, aggcombinefn, aggtranstype::regtype, agginitval),
          CASE WHEN proname = 'avg' THEN format('%1$s_accum %1$s_avg %1$s_combine double precision[] {0}', proargtypes[0]::regtype)
               ELSE format('%1$s_add - %1$s_add %1$s ', proargtypes[0]::regtype) END,
          aggfnoid::regprocedure || ' can be computed in parallel')
FROM pg_aggregate JOIN pg_proc p ON p.oid = aggfnoid JOIN members m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass
ORDER BY aggfnoid::regprocedure::text;
SELECT is_empty($$ SELECT p.oid::regprocedure FROM pg_proc p JOIN members m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass
                   WHERE prosecdef $$, 'no function runs with its owner''s rights');
SELECT is_empty($$ SELECT p.oid::regprocedure FROM pg_proc p JOIN members m ON m.objid = p.oid AND m.classid = 'pg_proc'::regclass
                   WHERE prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') AND prosrc NOT LIKE 'vecstore\_%' $$,
                'every exported symbol has our prefix: pgvector''s may be loaded beside them');

SELECT finish();
ROLLBACK;
