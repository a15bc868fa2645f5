-- vecstore 0.1.0 to 0.2.0: the differences between the install scripts of the two. test/t/015_upgrade.pl compares the
-- catalogs of an upgraded database with those of a new one.
\echo Use "ALTER EXTENSION vecstore UPDATE" to load this file. \quit

-- ============================================================================================ import

-- The same with the further columns as a record. Imports call this one: nothing fits a record better.
CREATE FUNCTION vecstore_row_hash_record(embedding vector, id bigint, fields record) RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecstore_row_hash_record' LANGUAGE C STABLE PARALLEL SAFE;

-- Imports a graph. vecstore_adopt_graph, its name of 0.1.0, is an alias that stays.
CREATE FUNCTION vecstore_import_graph(
    relation regclass, path text, "column" name DEFAULT NULL, id_column name DEFAULT NULL,
    index_name name DEFAULT NULL, opclass name DEFAULT NULL, format text DEFAULT 'auto')
    RETURNS regclass
    AS 'MODULE_PATHNAME', 'vecstore_adopt_graph' LANGUAGE C VOLATILE PARALLEL UNSAFE;

-- Names pg_catalog, whatever 0.1.0 found in the extension's schema.
ALTER TABLE vecstore_import_state
    ADD COLUMN relation oid, ADD COLUMN file_node oid, ADD COLUMN verified boolean NOT NULL DEFAULT false,
    ALTER COLUMN import_id SET DEFAULT pg_catalog.nextval('vecstore_import_id_seq'::regclass);

CREATE OR REPLACE VIEW vecstore_import_progress WITH (security_barrier) AS
    SELECT s.import_id, s.target, s.vector_column, s.path, s.format, s.status, s.role,
           coalesce(b.rows, 0) AS rows_done, s.rows_total,
           CASE WHEN s.rows_total > 0 THEN pg_catalog.round(100.0 * coalesce(b.rows, 0)::numeric / s.rows_total::numeric, 1)
                ELSE 100 END AS percent,
           coalesce(b.rows_written, 0) AS rows_written, r.rows_per_second,
           CASE WHEN s.status = 'loading' AND r.rows_per_second > 0::numeric
                THEN pg_catalog.round((s.rows_total::numeric - coalesce(b.rows, 0)::numeric) / r.rows_per_second) END AS seconds_left,
           s.started_at, b.written_at AS last_batch_at, s.finished_at
    FROM vecstore_import_state s
    LEFT JOIN (SELECT import_id, greatest(0, least(pg_catalog.sum(rows), 9223372036854775807))::bigint AS rows,
                      greatest(0, least(pg_catalog.sum(rows_written), 9223372036854775807))::bigint AS rows_written,
                      pg_catalog.max(written_at) AS written_at
               FROM vecstore_import_batch GROUP BY import_id) b USING (import_id)
    LEFT JOIN LATERAL (
        SELECT pg_catalog.round(pg_catalog.sum(l.rows) FILTER (WHERE l.n < l.last)
                   / nullif(extract(epoch FROM pg_catalog.max(l.written_at) - pg_catalog.min(l.written_at)), 0::numeric), 1) AS rows_per_second
        FROM (SELECT rows, written_at, pg_catalog.row_number() OVER (ORDER BY first_row DESC) AS n, pg_catalog.count(*) OVER () AS last
              FROM (SELECT * FROM vecstore_import_batch i WHERE i.import_id = s.import_id
                    ORDER BY i.first_row DESC LIMIT 21) newest) l) r ON true
    WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = s.role AND pg_catalog.pg_has_role(r.oid, 'MEMBER'));

-- ========================================================================================= migration
-- The install script says what these objects are for.

CREATE FUNCTION vecstore_own_schema() RETURNS name LANGUAGE sql STABLE BEGIN ATOMIC
    SELECT n.nspname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE t.oid OPERATOR(pg_catalog.=) 'vector'::regtype;
END;

-- (Where "vector" is the shim, our own type is its member.)
CREATE OR REPLACE VIEW vecstore_pgvector_members AS
    SELECT d.classid, d.objid FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_depend d ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
    WHERE e.extname = 'vector' AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend o
        WHERE o.refclassid = d.refclassid AND o.refobjid = e.oid
          AND o.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::regclass AND o.objid OPERATOR(pg_catalog.=) 'vector'::regtype);

CREATE OR REPLACE VIEW vecstore_pgvector_types AS
    SELECT t.oid AS type, t.typarray AS array_type, n.nspname AS schema, own.oid AS own_type, own.typname AS name, own_n.nspname AS own_schema
    FROM vecstore_pgvector_members m
    JOIN pg_catalog.pg_type t ON m.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::regclass AND t.oid = m.objid AND t.typtype = 'b'
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    JOIN pg_catalog.pg_type own ON own.typname = t.typname
        AND own.oid OPERATOR(pg_catalog.=) ANY (ARRAY['vector'::regtype, 'halfvec'::regtype, 'sparsevec'::regtype]::oid[])
    JOIN pg_catalog.pg_namespace own_n ON own_n.oid = own.typnamespace;

-- The table at the top of partitions and inheritance.
CREATE OR REPLACE FUNCTION vecstore_top_table(relation oid) RETURNS oid LANGUAGE sql STABLE BEGIN ATOMIC
    WITH RECURSIVE up(relid, depth) AS (
        SELECT vecstore_top_table.relation, 0
        UNION ALL
        SELECT i.inhparent, up.depth + 1 FROM up JOIN pg_catalog.pg_inherits i ON i.inhrelid = up.relid AND i.inhseqno = 1)
    SELECT relid FROM up ORDER BY depth DESC LIMIT 1;
END;

-- The files of a table and of its partitions and children.
CREATE OR REPLACE FUNCTION vecstore_files(relation oid) RETURNS oid[] LANGUAGE sql STABLE BEGIN ATOMIC
    WITH RECURSIVE down(relid) AS (
        SELECT vecstore_files.relation UNION SELECT i.inhrelid FROM down JOIN pg_catalog.pg_inherits i ON i.inhparent = down.relid)
    SELECT pg_catalog.array_agg(pg_catalog.pg_relation_filenode(relid::regclass) ORDER BY relid) FROM down;
END;

CREATE OR REPLACE VIEW vecstore_pgvector_columns AS
    SELECT vecstore_top_table(c.oid) AS top, c.oid AS relation, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
           a.attnum, a.attname, a.attinhcount > 0 AS inherited,
           CASE WHEN a.attstorage <> CASE WHEN a.atttypid = y.type THEN 'e'::"char" ELSE 'x'::"char" END THEN a.attstorage END AS storage,
           pg_catalog.format('%I.%I%s%s', y.own_schema, y.name, CASE WHEN a.atttypmod > 0 THEN pg_catalog.format('(%s)', a.atttypmod) END,
                             CASE WHEN a.atttypid = y.array_type THEN '[]'::text END) AS own_type
    FROM pg_catalog.pg_attribute a JOIN vecstore_pgvector_types y ON a.atttypid IN (y.type, y.array_type)
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'f')
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE a.attnum > 0 AND NOT a.attisdropped
      AND (c.relpersistence <> 't' OR c.relnamespace = pg_catalog.pg_my_temp_schema());

-- Indexes that ALTER TABLE cannot carry over by itself: those of pgvector's access methods, and those whose expression
-- or condition calls functions of pgvector's. online: the new one can be built beforehand, beside the old one, and is
-- kept when the column's type changes: indexes of plain columns without a condition.
CREATE OR REPLACE VIEW vecstore_pgvector_indexes AS
    SELECT vecstore_top_table(i.indrelid) AS top, i.indrelid AS relation, i.indexrelid AS index, c.relkind,
           pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, c.relname, n.nspname,
           CASE WHEN m.objid IS NOT NULL THEN pg_catalog.format('vecstore_%s', am.amname) END AS own_method,
           m.objid IS NOT NULL AND c.relkind = 'i' AND i.indkey[0] <> 0 AND i.indpred IS NULL AS online
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am am ON am.oid = c.relam
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN vecstore_pgvector_members m ON m.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_am'::regclass AND m.objid = am.oid
    WHERE (m.objid IS NOT NULL
           OR (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) AND EXISTS (
               SELECT FROM pg_catalog.pg_depend d JOIN vecstore_pgvector_members u ON u.classid = d.refclassid AND u.objid = d.refobjid
               WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid))
      AND (c.relpersistence <> 't' OR c.relnamespace = pg_catalog.pg_my_temp_schema());

-- Objects that are made with pgvector's, or stand in the way of a column. top: the table whose columns must wait.
CREATE OR REPLACE VIEW vecstore_pgvector_obstacles AS
    WITH uses AS (
        SELECT NULL::oid AS top, d.classid, d.objid, d.objsubid FROM pg_catalog.pg_depend d
        JOIN (SELECT classid, objid FROM vecstore_pgvector_members
              UNION SELECT 'pg_catalog.pg_type'::regclass::oid, array_type FROM vecstore_pgvector_types) m
          ON m.classid = d.refclassid AND m.objid = d.refobjid AND d.deptype IN ('n', 'a')
        UNION
        SELECT c.top, d.classid, d.objid, d.objsubid FROM vecstore_pgvector_columns c
        JOIN pg_catalog.pg_depend d ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::regclass AND d.refobjid = c.relation
            AND d.refobjsubid OPERATOR(pg_catalog.=) c.attnum
            AND d.classid OPERATOR(pg_catalog.=) ANY (ARRAY[
                'pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_trigger'::regclass, 'pg_catalog.pg_policy'::regclass,
                'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_publication_rel'::regclass,
                'pg_catalog.pg_constraint'::regclass, 'pg_catalog.pg_statistic_ext'::regclass]::oid[])
        WHERE (d.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_constraint'::regclass OR EXISTS (
                  SELECT FROM pg_catalog.pg_constraint k WHERE k.oid = d.objid AND k.contype IN ('f', 'x')))
          AND (d.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_statistic_ext'::regclass OR EXISTS (
                  SELECT FROM pg_catalog.pg_depend s JOIN vecstore_pgvector_members m ON m.classid = s.refclassid AND m.objid = s.refobjid
                  WHERE s.classid = d.classid AND s.objid = d.objid))
        UNION   -- what several parents have
        SELECT vecstore_top_table(i.inhparent), 'pg_catalog.pg_class'::regclass::oid, a.attrelid, a.attnum
        FROM vecstore_pgvector_columns c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.relation AND a.attnum = c.attnum AND a.attinhcount > 1
        JOIN pg_catalog.pg_inherits i ON i.inhrelid = a.attrelid
        UNION   -- columns generated from one, or generated as one
        SELECT c.top, 'pg_catalog.pg_class'::regclass::oid, g.attrelid, g.attnum FROM vecstore_pgvector_columns c
        JOIN pg_catalog.pg_attribute g ON g.attrelid = c.relation AND g.attgenerated <> ''
        JOIN pg_catalog.pg_attrdef a ON a.adrelid = g.attrelid AND a.adnum = g.attnum
        WHERE g.attnum = c.attnum OR EXISTS (
            SELECT FROM pg_catalog.pg_depend d
            WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::regclass AND d.refobjid = c.relation AND d.refobjsubid OPERATOR(pg_catalog.=) c.attnum
                AND (d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::regclass AND d.objid = a.oid
                     OR d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::regclass AND d.objid = g.attrelid
                        AND d.objsubid OPERATOR(pg_catalog.=) g.attnum)))
    SELECT DISTINCT ON (classid, objid, objsubid, top) u.top,
           pg_catalog.pg_describe_object(CASE WHEN r.oid IS NOT NULL THEN 'pg_catalog.pg_class'::regclass::oid ELSE u.classid END,
                                         coalesce(r.ev_class, u.objid), CASE WHEN r.oid IS NOT NULL THEN 0 ELSE u.objsubid END) AS object
    FROM uses u LEFT JOIN pg_catalog.pg_rewrite r ON u.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::regclass AND r.oid = u.objid
    LEFT JOIN pg_catalog.pg_class c ON u.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::regclass AND c.oid = u.objid
    WHERE NOT EXISTS (SELECT FROM vecstore_pgvector_members m WHERE m.classid = u.classid AND m.objid = u.objid)
      AND (u.top IS NOT NULL OR u.classid OPERATOR(pg_catalog.=) ANY (ARRAY[
               'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_operator'::regclass,
               'pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_trigger'::regclass, 'pg_catalog.pg_statistic_ext'::regclass,
               'pg_catalog.pg_opfamily'::regclass, 'pg_catalog.pg_opclass'::regclass]::oid[])
           OR u.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::regclass AND (SELECT typtype FROM pg_catalog.pg_type WHERE oid = u.objid) <> 'b'
           OR c.relkind IN ('c', 'm'));

-- Until the calling function ends, definitions are written with pgvector's names unqualified, so that they can be read
-- with vecstore's schema first.
CREATE FUNCTION vecstore_write_unqualified() RETURNS text LANGUAGE sql BEGIN ATOMIC
    SELECT pg_catalog.set_config('search_path', pg_catalog.format('pg_catalog, %I, %I, pg_temp', pg_catalog.min(schema), pg_catalog.min(own_schema)), true)
    FROM vecstore_pgvector_types;
END;

-- The statement that makes an index of pgvector's anew, with vecstore's access method. online: beside the old one.
CREATE OR REPLACE FUNCTION vecstore_index_statement(old oid, new_name text, online boolean) RETURNS text LANGUAGE sql STABLE BEGIN ATOMIC
    SELECT pg_catalog.format('CREATE INDEX%s %I ON %s%I.%I USING %I (%s %I.%I)%s%s%s',
               CASE WHEN vecstore_index_statement.online THEN ' CONCURRENTLY'::text END, vecstore_index_statement.new_name,
               CASE WHEN c.relkind = 'I' THEN 'ONLY '::text END, n.nspname, t.relname, pg_catalog.format('vecstore_%s', am.amname),
               pg_catalog.format(CASE WHEN i.indkey[0] <> 0 THEN '%s'::text ELSE '(%s)'::text END, pg_catalog.pg_get_indexdef(i.indexrelid, 1, false)),
               (SELECT own_schema FROM vecstore_pgvector_types LIMIT 1), o.opcname,
               (SELECT pg_catalog.format(' WITH (%s)', pg_catalog.string_agg(pg_catalog.format('%I = %L', pg_catalog.split_part(w, '=', 1),
                           pg_catalog.substr(w, pg_catalog.strpos(w, '=') + 1)), ', '))
                FROM pg_catalog.unnest(c.reloptions) w HAVING pg_catalog.count(*) > 0),
               (SELECT pg_catalog.format(' TABLESPACE %I', spcname) FROM pg_catalog.pg_tablespace WHERE oid = c.reltablespace),
               CASE WHEN i.indpred IS NOT NULL THEN pg_catalog.format(' WHERE %s', pg_catalog.pg_get_expr(i.indpred, i.indrelid)) END)
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am am ON am.oid = c.relam
    JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[0]
    JOIN pg_catalog.pg_class t ON t.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    WHERE i.indexrelid = vecstore_index_statement.old;
END;

-- The steps that move a table (NULL: each table), in order. Definitions are taken down before anything is changed.
-- by_caller: nothing in it is of the table's owner but names, and the owner may lack what it needs (CREATE on the
-- schema or the tablespace). All others are run as the owner.
CREATE FUNCTION vecstore_migration_steps(target regclass)
RETURNS TABLE (top oid, phase integer, relation oid, object text, action text, command text, by_caller boolean)
LANGUAGE sql SET search_path = pg_catalog, pg_temp BEGIN ATOMIC
    SELECT vecstore_write_unqualified();
    WITH tops AS (
        SELECT t.top FROM (SELECT top FROM vecstore_pgvector_columns UNION SELECT top FROM vecstore_pgvector_indexes) t
        WHERE t.top NOT IN (SELECT o.top FROM vecstore_pgvector_obstacles o WHERE o.top IS NOT NULL)
          AND (vecstore_migration_steps.target IS NULL OR t.top OPERATOR(pg_catalog.=) vecstore_migration_steps.target)),
    columns AS (SELECT c.* FROM vecstore_pgvector_columns c JOIN tops USING (top)),
    indexes AS (
        SELECT i.*, c.relispartition, h.inhparent, x.indkey[0] <> 0 AND x.indpred IS NULL AS is_plain,
               CASE WHEN b.oid IS NOT NULL THEN pg_catalog.format('%I.%I', n.nspname, b.relname) END AS built, v.indisvalid AS is_built, i.relname AS old_name
        FROM vecstore_pgvector_indexes i JOIN tops USING (top) JOIN pg_catalog.pg_class c ON c.oid = i.index
        JOIN pg_catalog.pg_index x ON x.indexrelid = i.index
        LEFT JOIN pg_catalog.pg_inherits h ON h.inhrelid = i.index
        LEFT JOIN (pg_catalog.pg_class b JOIN pg_catalog.pg_index v ON v.indexrelid = b.oid JOIN pg_catalog.pg_namespace n ON n.oid = b.relnamespace)
            ON v.indrelid = i.relation AND b.relname = pg_catalog.format('vecstore_for_%s', i.index) AND i.online),
    defaults AS (
        SELECT vecstore_top_table(c.oid) AS top, c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, a.attname,
               pg_catalog.pg_get_expr(f.adbin, f.adrelid) AS expression
        FROM pg_catalog.pg_attrdef f JOIN pg_catalog.pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum AND a.attgenerated = ''
        JOIN pg_catalog.pg_class c ON c.oid = f.adrelid AND c.relkind IN ('r', 'p', 'f') JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN vecstore_pgvector_members m ON m.classid = d.refclassid AND m.objid = d.refobjid
                      WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::regclass AND d.objid = f.oid)),
    constraints AS (
        SELECT vecstore_top_table(k.conrelid) AS top, k.conrelid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, k.conname,
               pg_catalog.pg_get_constraintdef(k.oid) AS definition, pg_catalog.obj_description(k.oid, 'pg_constraint') AS comment
        FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE k.contype = 'c' AND k.coninhcount = 0 AND EXISTS (
            SELECT FROM pg_catalog.pg_depend d JOIN vecstore_pgvector_members m ON m.classid = d.refclassid AND m.objid = d.refobjid
            WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_constraint'::regclass AND d.objid = k.oid))
    SELECT top, 1, relation, name, 'index dropped', pg_catalog.format('DROP INDEX %s', name), false FROM indexes WHERE NOT relispartition
    UNION ALL
    SELECT top, 1, relation, built, 'unfinished index dropped', pg_catalog.format('DROP INDEX %s', built), false FROM indexes WHERE NOT is_built
    UNION ALL
    SELECT top, 2, conrelid, name, 'constraint dropped', pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', name, conname), false
    FROM constraints JOIN tops USING (top)
    UNION ALL
    SELECT top, 3, oid, name, 'default dropped', pg_catalog.format('ALTER TABLE ONLY %s ALTER COLUMN %I DROP DEFAULT', name, attname), false
    FROM defaults JOIN tops USING (top)
    UNION ALL
    SELECT top, 4, relation, name, 'type changed', pg_catalog.format('ALTER TABLE %s %s', name,
               pg_catalog.string_agg(pg_catalog.format('ALTER COLUMN %I TYPE %s', attname, own_type), ', ' ORDER BY attnum)), false
    FROM columns WHERE NOT inherited GROUP BY top, relation, name
    UNION ALL
    SELECT top, 5, relation, name, 'storage kept', pg_catalog.format('ALTER TABLE ONLY %s ALTER COLUMN %I SET STORAGE %s', name, attname,
           CASE storage WHEN 'p' THEN 'PLAIN'::text WHEN 'm' THEN 'MAIN'::text WHEN 'x' THEN 'EXTENDED'::text ELSE 'EXTERNAL'::text END), false
    FROM columns WHERE storage IS NOT NULL
    UNION ALL
    SELECT top, 6, oid, name, 'default set', pg_catalog.format('ALTER TABLE ONLY %s ALTER COLUMN %I SET DEFAULT %s', name, attname, expression), false
    FROM defaults JOIN tops USING (top)
    UNION ALL
    SELECT top, 7, conrelid, name, 'constraint added', pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', name, conname, definition), false
    FROM constraints JOIN tops USING (top)
    UNION ALL
    SELECT top, 8, conrelid, name, 'comment set', pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', conname, name, comment), false
    FROM constraints JOIN tops USING (top) WHERE comment IS NOT NULL
    UNION ALL   -- those of partitioned tables first
    SELECT top, CASE WHEN relkind = 'I' THEN 9 ELSE 10 END, index, name, CASE WHEN is_built THEN 'index built before'::text ELSE 'index built'::text END,
           CASE WHEN is_built THEN pg_catalog.format('ALTER INDEX %s RENAME TO %I', built, old_name)
                WHEN own_method IS NOT NULL THEN vecstore_index_statement(index, old_name::text, false)
                ELSE pg_catalog.pg_get_indexdef(index) END,
           coalesce(is_built, false) OR own_method IS NOT NULL AND is_plain
    FROM indexes
    UNION ALL
    SELECT i.top, 11, i.index, i.name, 'index moved', pg_catalog.format('ALTER INDEX %s SET TABLESPACE %I', i.name, s.spcname), true
    FROM indexes i JOIN pg_catalog.pg_class c ON c.oid = i.index JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace
    WHERE i.own_method IS NULL AND i.relkind = 'i'
    UNION ALL
    SELECT i.top, 12, i.index, i.name, 'index attached', pg_catalog.format('ALTER INDEX %s ATTACH PARTITION %s', p.name, i.name), true
    FROM indexes i JOIN indexes p ON p.index = i.inhparent
    UNION ALL
    SELECT top, 13, index, name, 'comment set', pg_catalog.format('COMMENT ON INDEX %s IS %L', name, pg_catalog.obj_description(index, 'pg_class')), true
    FROM indexes WHERE pg_catalog.obj_description(index, 'pg_class') IS NOT NULL;
END;

-- Objects that only a person can change, for a table or for all of them.
CREATE FUNCTION vecstore_migration_obstacles(target regclass) RETURNS TABLE (object text, command text)
LANGUAGE sql SET search_path = pg_catalog, pg_temp BEGIN ATOMIC
    SELECT vecstore_write_unqualified();
    SELECT o.object, CASE WHEN o.top IS NULL THEN 'make it again with vecstore''s types and functions'::text
               ELSE pg_catalog.format('stands in the way of %s: drop it, and make it again afterwards', o.top::regclass) END
    FROM vecstore_pgvector_obstacles o
    WHERE (vecstore_migration_obstacles.target IS NULL OR o.top OPERATOR(pg_catalog.=) vecstore_migration_obstacles.target)
      AND (o.top IS NOT NULL OR NOT EXISTS (SELECT FROM vecstore_pgvector_obstacles p WHERE p.object = o.object AND p.top IS NOT NULL))
    ORDER BY 2, 1;
END;

-- Casts by which a column of pgvector's type is one of ours as it is: the types lie on disk in the same way.
CREATE OR REPLACE FUNCTION vecstore_migration_casts() RETURNS TABLE (command text, undo text, is_there boolean) LANGUAGE sql STABLE BEGIN ATOMIC
    SELECT pg_catalog.format('CREATE CAST (%s) WITHOUT FUNCTION AS IMPLICIT', pair), pg_catalog.format('DROP CAST (%s)', pair),
           EXISTS (SELECT FROM pg_catalog.pg_cast WHERE castsource = type AND casttarget = own_type)
    FROM (SELECT type, own_type, pg_catalog.format('%I.%I AS %I.%I', schema, name, own_schema, name) AS pair FROM vecstore_pgvector_types) t;
END;

-- Raises where there is no pgvector, or where only a part of partitions or of an inheritance tree was asked for.
CREATE FUNCTION vecstore_migration_refuse(has_pgvector boolean, target regclass, top regclass) RETURNS void LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT has_pgvector THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = 'pgvector is not in this database',
            HINT = 'Call this in the database whose tables are to be moved, beside its extension "vector".';
    END IF;
    IF top <> target THEN
        RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('%s is a partition or child of %s', target, top),
            HINT = format('Both go together: SELECT * FROM vecstore_migrate_from_pgvector(%L).', top);
    END IF;
END $$;

-- Statements, to be run one by one outside of a transaction (\gexec), that build new indexes beside pgvector's while the
-- tables are in use. vecstore_migrate_from_pgvector then only puts them in the place of the old ones. Nothing in them is
-- the tables' owners' but names.
CREATE OR REPLACE FUNCTION vecstore_migrate_online(target regclass DEFAULT NULL) RETURNS TABLE (command text) LANGUAGE sql BEGIN ATOMIC
    SELECT vecstore_migration_refuse(EXISTS (SELECT FROM vecstore_pgvector_types), vecstore_migrate_online.target,
                                     vecstore_top_table(vecstore_migrate_online.target::oid)::regclass);
    SELECT s.command FROM (
        SELECT 1 AS phase, c.command, NULL::text AS name FROM vecstore_migration_casts() c WHERE NOT c.is_there
        UNION ALL
        SELECT 2, pg_catalog.format('DROP INDEX CONCURRENTLY %I.%I', i.nspname, b.relname), i.name FROM vecstore_pgvector_indexes i
        JOIN pg_catalog.pg_class b ON b.relname = pg_catalog.format('vecstore_for_%s', i.index)
        JOIN pg_catalog.pg_index v ON v.indexrelid = b.oid AND v.indrelid = i.relation AND NOT v.indisvalid
        WHERE vecstore_migrate_online.target IS NULL OR i.top OPERATOR(pg_catalog.=) vecstore_migrate_online.target
        UNION ALL
        SELECT 3, vecstore_index_statement(i.index, pg_catalog.format('vecstore_for_%s', i.index), true), i.name FROM vecstore_pgvector_indexes i
        WHERE i.online AND (vecstore_migrate_online.target IS NULL OR i.top OPERATOR(pg_catalog.=) vecstore_migrate_online.target) AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_class b JOIN pg_catalog.pg_index v ON v.indexrelid = b.oid AND v.indrelid = i.relation AND v.indisvalid
            WHERE b.relname = pg_catalog.format('vecstore_for_%s', i.index))) s
    ORDER BY s.phase, s.name;
END;

-- Runs a statement with the rights of a table's owner and no others, as REINDEX and autovacuum run what is in indexes:
-- the statement cannot change the session, nor become another role. For those who may become the owner.
CREATE FUNCTION vecstore_run_as_owner(relation regclass, command text, search_path text) RETURNS void
    AS 'MODULE_PATHNAME', 'vecstore_run_as_owner' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

-- vecstore_migrate_from_pgvector, which tells it the schemas of the two.
CREATE FUNCTION vecstore_migrate(own name, theirs name, target regclass, dry_run boolean)
RETURNS TABLE (object text, action text, command text, "rows" bigint, seconds double precision) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET default_tablespace = '' AS $$
DECLARE
    as_owner constant text := format('SELECT %I.vecstore_run_as_owner($1, $2, $3)', own);
    owners_path constant text := format('%I, %I, pg_temp', own, theirs);
    files_of constant text := format('SELECT %I.vecstore_files($1)', own);
    is_left constant text := format('SELECT EXISTS (SELECT FROM %1$I.vecstore_pgvector_columns) OR EXISTS (SELECT FROM %1$I.vecstore_pgvector_obstacles)', own);
    steps jsonb;
    needs jsonb;
    step record;
    began timestamptz;
    files_before oid[];
    files_now oid[];
    some_left boolean;
BEGIN
    IF NOT dry_run THEN
        FOR step IN EXECUTE format('SELECT DISTINCT s.top::regclass AS top FROM %I.vecstore_migration_steps($1) s JOIN pg_class c ON c.oid = s.top AND c.relkind <> ''f''
                                    ORDER BY 1', own) USING target LOOP
            EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', step.top);
        END LOOP;
    END IF;
    EXECUTE format('SELECT jsonb_agg(s ORDER BY s.top, s.phase, s.object COLLATE "C", s.command) FROM %I.vecstore_migration_steps($1) s', own) INTO steps USING target;
    -- what only a person can change
    RETURN QUERY EXECUTE format('SELECT o.object, ''needs you'', o.command, NULL::bigint, NULL::float8 FROM %I.vecstore_migration_obstacles($1) o', own) USING target;
    -- Commands on an owner's objects are run as the owner, who has to have the rights that it needs.
    WITH RECURSIVE s AS (
        SELECT r.*, c.relowner AS owner FROM jsonb_to_recordset(steps) r(top oid, phase integer, by_caller boolean) JOIN pg_class c ON c.oid = r.top),
    tree AS (
        SELECT DISTINCT s.top AS relid, s.owner FROM s UNION SELECT i.inhrelid, tree.owner FROM tree JOIN pg_inherits i ON i.inhparent = tree.relid),
    needed AS (
        SELECT DISTINCT s.owner, n.nspname, need FROM s JOIN pg_class c ON c.oid = s.top
        CROSS JOIN LATERAL (VALUES (own, 'USAGE', NOT s.by_caller),
            ((SELECT nspname FROM pg_namespace WHERE oid = c.relnamespace), 'USAGE', NOT s.by_caller),
            ((SELECT nspname FROM pg_namespace WHERE oid = c.relnamespace), 'CREATE', s.phase IN (9, 10) AND NOT s.by_caller)) n(nspname, need, is_needed)
        WHERE n.is_needed)
    SELECT jsonb_agg(jsonb_build_object('object', a.object, 'command', a.command) ORDER BY a.object COLLATE "C", a.command COLLATE "C") INTO needs FROM (
        SELECT format('role %I', pg_get_userbyid(n.owner)) AS object, format('GRANT %s ON SCHEMA %I TO %I', n.need, n.nspname, pg_get_userbyid(n.owner)) AS command
        FROM needed n WHERE NOT has_schema_privilege(n.owner, n.nspname::text, n.need)
        UNION ALL
        SELECT format('table %s', t.relid::regclass), format('ALTER TABLE %s OWNER TO %I', t.relid::regclass, pg_get_userbyid(t.owner))
        FROM tree t JOIN pg_class c ON c.oid = t.relid WHERE c.relowner <> t.owner) a;
    IF needs IS NOT NULL AND NOT dry_run THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'owners of the tables lack privileges that the move needs',
            DETAIL = 'What is in a table''s definition is run with the rights of its owner.',
            HINT = (SELECT string_agg(n ->> 'command', '; ' ORDER BY nr) FROM jsonb_array_elements(needs) WITH ORDINALITY AS e(n, nr));
    END IF;
    RETURN QUERY SELECT n ->> 'object', 'needs you', n ->> 'command', NULL::bigint, NULL::float8 FROM jsonb_array_elements(needs) n;
    IF NOT dry_run AND steps IS NOT NULL THEN
        FOR step IN EXECUTE format('SELECT c.command FROM %I.vecstore_migration_casts() c WHERE NOT c.is_there', own) LOOP
            EXECUTE step.command;
        END LOOP;
    END IF;
    FOR step IN SELECT s.* FROM jsonb_to_recordset(steps)
                AS s(top oid, phase integer, relation oid, object text, action text, command text, by_caller boolean) LOOP
        object := step.object; action := step.action; command := step.command; "rows" := NULL; seconds := NULL;
        IF NOT dry_run THEN
            began := clock_timestamp();
            EXECUTE files_of INTO files_before USING step.relation;
            IF step.by_caller THEN EXECUTE step.command;
            ELSE EXECUTE as_owner USING step.top::regclass, step.command, owners_path;
            END IF;
            seconds := extract(epoch FROM clock_timestamp() - began);
            EXECUTE files_of INTO files_now USING step.relation;
            IF step.phase = 4 AND files_now <> files_before THEN action := 'type changed, table rewritten'; END IF;
        END IF;
        IF step.phase = 4 OR step.action = 'index built' THEN
            EXECUTE format('SELECT sum(nullif(reltuples, -1)) FROM pg_class
                            WHERE oid = CASE WHEN $1 <> 4 THEN to_regclass($2) END
                               OR $1 = 4 AND %I.vecstore_top_table(oid) = $3 AND relkind = ''r''', own) INTO "rows" USING step.phase, step.object, step.top;
        END IF;
        RETURN NEXT;
    END LOOP;
    -- the end of it
    IF dry_run THEN RETURN; END IF;
    EXECUTE is_left INTO some_left;
    IF NOT some_left THEN
        FOR step IN EXECUTE format('SELECT c.undo FROM %I.vecstore_migration_casts() c WHERE c.is_there', own) LOOP
            EXECUTE step.undo;
        END LOOP;
        RETURN QUERY SELECT 'extension vector', 'no longer used',
            format('DROP EXTENSION vector; ALTER EXTENSION vecstore SET SCHEMA %I', theirs), NULL::bigint, NULL::float8;
    END IF;
END $$;

-- Moves the columns and indexes of a table, with its partitions and children, or of all tables (NULL) from pgvector to
-- vecstore, in the transaction of the caller: all of it or nothing. One row for each step, with about how many rows the
-- table or index has; and one for each thing that only a person can change ("needs you"). A table that has such a
-- thing on its columns stays as it is. dry_run: what would be done.
--
-- Tables are locked meanwhile, but not rewritten: a column's values stay as they are. Indexes are built under the lock
-- unless vecstore_migrate_online did so before.
CREATE OR REPLACE FUNCTION vecstore_migrate_from_pgvector(target regclass DEFAULT NULL, dry_run boolean DEFAULT false)
RETURNS TABLE (object text, action text, command text, "rows" bigint, seconds double precision) LANGUAGE sql BEGIN ATOMIC
    SELECT vecstore_migration_refuse(EXISTS (SELECT FROM vecstore_pgvector_types), vecstore_migrate_from_pgvector.target,
                                     vecstore_top_table(vecstore_migrate_from_pgvector.target::oid)::regclass);
    SELECT m.object, m.action, m.command, m."rows", m.seconds FROM vecstore_migrate(
        vecstore_own_schema(), (SELECT pg_catalog.min(schema)::name FROM vecstore_pgvector_types), vecstore_migrate_from_pgvector.target,
        vecstore_migrate_from_pgvector.dry_run) m;
END;

DROP FUNCTION vecstore_migration_steps();
DROP FUNCTION vecstore_migration_schemas(regclass);

-- A row without a vector may be one of all rows.
ALTER FUNCTION vecstore_within(vector, float8) CALLED ON NULL INPUT;
ALTER FUNCTION vecstore_within(halfvec, float8) CALLED ON NULL INPUT;
ALTER FUNCTION vecstore_within(sparsevec, float8) CALLED ON NULL INPUT;
ALTER FUNCTION vecstore_within(bit, float8) CALLED ON NULL INPUT;

-- ============================================================================================= information

-- One column more.
DROP FUNCTION vecstore_index_info(regclass);
CREATE FUNCTION vecstore_index_info(
    index regclass,
    OUT metric text, OUT dims integer, OUT m integer, OUT ef_construction integer,
    OUT storage text, OUT vector_format text, OUT code_dims integer, OUT max_neighbors integer,
    OUT nodes_per_page integer, OUT mean_subtracted boolean, OUT levels integer, OUT pages bigint,
    OUT "rows" bigint, OUT nodes bigint, OUT upper_nodes bigint, OUT dead_nodes bigint, OUT free_slots bigint,
    OUT links_per_node double precision, OUT bytes_per_row double precision,
    OUT format_version integer, OUT vacuum_pending boolean, OUT filter_columns integer,
    OUT code_bits integer)
    AS 'MODULE_PATHNAME', 'vecstore_index_info' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

-- ============================================================================================= joins

-- Conditions that follow from joins are now of the planner's paths, and need no function in the query.
DROP FUNCTION vecstore_joined("any", "any");
DROP FUNCTION vecstore_joined_support(internal);
