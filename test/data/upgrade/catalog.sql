-- extension_catalog(NAME): every catalog row that an extension consists of, a line for each, such that two databases can be
-- compared. A reference to another object is written as its name, an expression as its text. Values that no script decides are
-- left out: object ids, files, statistics. test/t/015_upgrade.pl compares the lines.

-- The objects of an extension, and those that come and go with one of them: array types, rules of views, TOAST tables.
CREATE FUNCTION extension_objects(extension name) RETURNS TABLE (class oid, object oid) LANGUAGE sql STABLE AS $$
    WITH RECURSIVE members(class, object) AS (
        SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = extension
        UNION
        SELECT d.classid, d.objid FROM members m JOIN pg_depend d ON d.refclassid = m.class AND d.refobjid = m.object
        WHERE d.deptype IN ('i', 'a', 'P', 'S'))
    SELECT 'pg_extension'::regclass::oid, oid FROM pg_extension WHERE extname = extension UNION SELECT * FROM members $$;

CREATE FUNCTION object_name(class oid, object oid, part integer DEFAULT 0) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN object <> 0 THEN (SELECT type || ' ' || identity FROM pg_identify_object(class, object, part)) END $$;

-- The columns of a catalog as a list for SELECT from it as r.
CREATE FUNCTION catalog_columns(catalog regclass) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(
        CASE WHEN k.is_array THEN format('ARRAY(SELECT object_name(%s, o) FROM unnest(r.%I::oid[]) WITH ORDINALITY u(o, n) ORDER BY n) AS %2$I',
                                         k.pktable::oid, a.attname)
             WHEN k.pktable IS NOT NULL THEN format('object_name(%s, r.%I) AS %2$I', k.pktable::oid, a.attname)
             ELSE format('r.%I', a.attname) END, ', ' ORDER BY a.attnum)
    FROM pg_attribute a LEFT JOIN pg_get_catalog_foreign_keys() k ON k.fktable = a.attrelid AND k.fkcols = ARRAY[a.attname::text] AND k.pkcols = '{oid}'
    WHERE a.attrelid = catalog AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid <> 'pg_node_tree'::regtype
      AND a.attname NOT IN ('oid', 'relfilenode', 'relpages', 'reltuples', 'relallvisible', 'relallfrozen', 'relfrozenxid', 'relminmxid')
      -- a column that came with ALTER TABLE has its default for the rows that were there; some servers count changes in attoptions
      AND a.attname NOT IN ('atthasmissing', 'attmissingval', 'attoptions') $$;

CREATE FUNCTION extension_catalog(extension name) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    -- catalogs whose rows are parts of an object that is in another one: that one, and the column that says of which
    part_of constant text[] := ARRAY['pg_aggregate pg_proc aggfnoid', 'pg_attribute pg_class attrelid', 'pg_index pg_class indexrelid',
                                     'pg_sequence pg_class seqrelid', 'pg_inherits pg_class inhrelid', 'pg_enum pg_type enumtypid'];
    -- what pg_node_tree columns say
    text_of constant jsonb := '{"pg_proc": "CASE WHEN r.prokind <> ''a'' THEN pg_get_functiondef(r.oid) END",
                                "pg_attrdef": "pg_get_expr(r.adbin, r.adrelid)", "pg_constraint": "pg_get_constraintdef(r.oid)",
                                "pg_index": "pg_get_indexdef(r.indexrelid)", "pg_rewrite": "pg_get_ruledef(r.oid)"}';
    c record;
BEGIN
    FOR c IN SELECT DISTINCT o.class::regclass::text AS catalog, o.class::regclass::text AS class, 'oid' AS key FROM extension_objects(extension) o
             UNION ALL SELECT split_part(p, ' ', 1), split_part(p, ' ', 2), split_part(p, ' ', 3) FROM unnest(part_of) p ORDER BY 1 LOOP
        RETURN QUERY EXECUTE format(
            'SELECT regexp_replace(%2$L || '' '' || object_name(o.class, o.object) || '' '' ||
                    (SELECT to_jsonb(s)::text FROM (SELECT %1$s) s), ''pg_toast_\d+'', ''pg_toast_N'', ''g'')
             FROM extension_objects(%5$L) o JOIN %2$s r ON r.%4$I = o.object WHERE o.class = %3$L::regclass',
            catalog_columns(c.catalog::regclass) || coalesce(', ' || (text_of ->> c.catalog) || ' AS text', ''),
            c.catalog, c.class, c.key, extension);
    END LOOP;
    RETURN QUERY SELECT regexp_replace(concat_ws(' ', l.catalog, object_name(l.class, l.object, l.part), l.says), 'pg_toast_\d+', 'pg_toast_N', 'g') FROM (
        SELECT 'pg_depend' AS catalog, d.classid AS class, d.objid AS object, d.objsubid AS part,
               concat_ws(' ', 'depends on', object_name(d.refclassid, d.refobjid, d.refobjsubid), d.deptype) AS says
        FROM pg_depend d JOIN extension_objects(extension) o ON d.classid = o.class AND d.objid = o.object
        UNION ALL
        SELECT 'pg_description', d.classoid, d.objoid, d.objsubid, d.description
        FROM pg_description d JOIN extension_objects(extension) o ON d.classoid = o.class AND d.objoid = o.object
        UNION ALL
        SELECT 'pg_init_privs', p.classoid, p.objoid, p.objsubid, concat_ws(' ', p.privtype, p.initprivs)
        FROM pg_init_privs p JOIN extension_objects(extension) o ON p.classoid = o.class AND p.objoid = o.object) l;
END $$;
