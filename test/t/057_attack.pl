# Attacks by roles that are not superusers. mallory may create objects in the schema of the extension, in pgvector's
# and in her own, and owns tables; then a superuser installs, upgrades and calls everything. All that mallory planted
# writes into the server's log whose rights it has: nobody's but hers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my ($settings, undef, $their_library) = pgvector_settings();
my $has_pgvector = defined $settings;
my $stage_settings = $settings;
my ($own_settings, $copy) = copied_stage();
$stage_settings //= $own_settings // '';
my $node = PostgreSQL::Test::Cluster->new('attack');
$node->init(extra => [ '-E', 'UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf', "$stage_settings\nlog_statement = none\n");
$node->start;

sub sql { my ($database, @statements) = @_; return $node->safe_psql($database, join ";\n", @statements) }

sub as {
    my ($role, $database, $sql) = @_;
    my ($rc, $out, $err) = $node->psql($database, $sql, extra_params => [ '-U', $role ]);
    die "as $role: $err" if $rc != 0;
    return $out;
}

# The messages of traps since the last call, each line once.
my $read_to = 0;
sub sprung {
    my $log = slurp_file($node->logfile, $read_to);
    $read_to = -s $node->logfile;
    my %lines = map { s/ at character \d+$//r => 1 } $log =~ /LOG:  (sprung: .*)/g;
    return join "\n", sort keys %lines;
}

# None of it with other rights than mallory's, nor out of the restricted operation.
sub nobody_else {
    my ($name) = @_;
    my $all = sprung();
    my @others = grep { !/ as mallory$/ || /escaped/ } split /\n/, $all;
    is(join("\n", @others), '', $name);
    return $all;
}

# spy(what): says who runs it, and tries to get out.
my $spy = <<'SQL';
CREATE SCHEMA mal;
GRANT ALL ON SCHEMA mal TO PUBLIC;
CREATE FUNCTION mal.spy(what text) RETURNS boolean LANGUAGE plpgsql SET client_min_messages = 'error' AS $$ BEGIN
    RAISE LOG 'sprung: % as %', what, current_user;
    IF session_user <> 'mallory' THEN
        BEGIN
            EXECUTE 'RESET SESSION AUTHORIZATION'; EXECUTE 'ALTER ROLE mallory SUPERUSER';
            RAISE LOG 'sprung: escaped to % from %', current_user, what;
        EXCEPTION WHEN OTHERS THEN NULL; END;
        BEGIN
            EXECUTE 'RESET ROLE'; EXECUTE 'ALTER ROLE mallory SUPERUSER';
            RAISE LOG 'sprung: escaped to % from %', current_user, what;
        EXCEPTION WHEN OTHERS THEN NULL; END;
        PERFORM set_config('mal.was_here', 'true', false);
    END IF;
    RETURN true;
END $$;
SQL

# Operators of all names that pg_catalog has for two of the usual types, where it lacks them for these two: whatever
# names an operator for values of two types between which pg_catalog would have to convert finds mallory's.
my $plant_operators = <<'SQL';
DO $plant$ DECLARE o record; BEGIN
    FOR o IN
        WITH usual(type) AS (SELECT unnest('{oid,regclass,regtype,regproc,regnamespace,name,text,varchar,"char",int2,int4,int8,float8,numeric,timestamptz,interval,xid,"oid[]"}'::regtype[])),
        names(name) AS (SELECT unnest('{=,<>,<,>,<=,||,+,-,*,/}'::text[]))
        SELECT n.name, l.type AS l, r.type AS r FROM names n, usual l, usual r
        WHERE NOT EXISTS (SELECT FROM pg_operator WHERE oprname = n.name AND oprleft = l.type AND oprright = r.type) LOOP
        EXECUTE format('CREATE OR REPLACE FUNCTION %1$s.%2$I(%3$s, %4$s) RETURNS %5$s LANGUAGE plpgsql AS $f$ BEGIN PERFORM mal.spy(%6$L); RETURN %7$s; END $f$',
            current_schema(), 'trap_' || CASE WHEN o.name IN ('+', '-', '*', '/') THEN 'numeric' WHEN o.name = '||' THEN 'text' ELSE 'boolean' END, o.l, o.r,
            CASE WHEN o.name IN ('+', '-', '*', '/') THEN 'numeric' WHEN o.name = '||' THEN 'text' ELSE 'boolean' END, format('operator (%s, %s)', o.l, o.r),
            CASE WHEN o.name IN ('+', '-', '*', '/') THEN '0' WHEN o.name = '||' THEN '''x''' ELSE 'true' END);
        EXECUTE format('CREATE OPERATOR %1$s.%2$s (LEFTARG = %3$s, RIGHTARG = %4$s, FUNCTION = %1$s.%5$I)', current_schema(), o.name, o.l, o.r,
            'trap_' || CASE WHEN o.name IN ('+', '-', '*', '/') THEN 'numeric' WHEN o.name = '||' THEN 'text' ELSE 'boolean' END);
    END LOOP;
END $plant$;
SQL

# Functions that fit literals better than pg_catalog's do.
sub plant_functions {
    my ($schema) = @_;
    my @traps = ([ 'nextval', 'text', 'bigint', '0' ], [ 'min', 'name', 'name', q('x') ], [ 'format', 'text, text', 'text', q('x') ], [ 'format', 'text, name', 'text', q('x') ],
        [ 'format', 'text, name, name', 'text', q('x') ], [ 'round', 'numeric, bigint', 'numeric', '0' ], [ 'pg_get_indexdef', 'oid, bigint, boolean', 'text', q('x') ],
        [ 'obj_description', 'oid, text', 'text', q('x') ], [ 'pg_extension_config_dump', 'text, text', 'void', 'NULL' ], [ 'current_schema', 'text', 'name', q('x') ],
        [ 'split_part', 'text, text, bigint', 'text', q('x') ], [ 'array_agg', 'oid', 'oid[]', 'NULL' ]);
    return join ";\n", map { my ($name, $arguments, $type, $value) = @$_;
        "CREATE FUNCTION $schema.$name($arguments) RETURNS $type LANGUAGE plpgsql AS \$\$ BEGIN PERFORM mal.spy('$name($arguments)'); RETURN"
          . ($type eq 'void' ? '' : " $value") . "; END \$\$" } @traps;
}

# Objects that are not mallory's, and use something of hers.
my $uses_of_traps = q(SELECT string_agg(DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid), ', ') FROM pg_depend d
    WHERE (d.refclassid = 'pg_proc'::regclass AND d.refobjid IN (SELECT oid FROM pg_proc WHERE proowner = 'mallory'::regrole)
           OR d.refclassid = 'pg_operator'::regclass AND d.refobjid IN (SELECT oid FROM pg_operator WHERE oprowner = 'mallory'::regrole))
      AND NOT (d.classid = 'pg_operator'::regclass AND d.objid IN (SELECT oid FROM pg_operator WHERE oprowner = 'mallory'::regrole))
      AND NOT (d.classid = 'pg_constraint'::regclass AND d.objid IN (SELECT oid FROM pg_constraint WHERE contypid <> 0)));

# Everything that reads catalogs or state.
sub use_everything {
    my ($schema) = @_;
    return (map { "SELECT count(*) FROM $schema.$_" } 'vecstore_pgvector_members', 'vecstore_pgvector_types', 'vecstore_pgvector_columns', 'vecstore_pgvector_indexes',
        'vecstore_pgvector_obstacles', 'vecstore_import_progress'),
        "SELECT * FROM $schema.vecstore_migrate_from_pgvector(NULL, true)", "SELECT * FROM $schema.vecstore_migrate_online()";
}

sql('postgres', 'CREATE ROLE mallory LOGIN', 'CREATE ROLE victim LOGIN', 'GRANT pg_read_server_files TO victim');

# --- the extension comes into a schema full of traps, and is used there
my $npy = write_bytes($node->basedir . '/three.npy', npy(3, 2, 1 .. 6));
my $metadata = write_bytes($node->basedir . '/three.json', '[{"t": "a"}, {"t": "b"}, {"t": "c"}]');
chomp(my $bindir = `$ENV{PG_CONFIG} --bindir`);
my ($program) = grep { -x } map { "$_/vecstore-load" } ($ENV{VECSTORE_STAGE} // '') . $bindir, $bindir;
my $search_path = 'SET search_path = app, pg_catalog, pg_temp';
for my $how ('new', 'upgraded') {
    sql('postgres', "CREATE DATABASE $how");
    sql($how, 'GRANT CREATE ON DATABASE ' . $how . ' TO mallory', 'CREATE SCHEMA app', 'GRANT ALL ON SCHEMA app TO PUBLIC');
    sql($how, "CREATE EXTENSION vecstore SCHEMA app VERSION '0.1.0'") if $how eq 'upgraded';
    as('mallory', $how, $spy);
    as('mallory', $how, "SET search_path = app; $plant_operators");
    as('mallory', $how, plant_functions('app'));
    as('mallory', $how, 'CREATE TYPE mal.vector AS (x int); CREATE DOMAIN app.text AS pg_catalog.text CHECK (mal.spy(\'domain text\'));
        CREATE DOMAIN app.jsonb AS pg_catalog.jsonb CHECK (mal.spy(\'domain jsonb\')); CREATE DOMAIN app.int8 AS pg_catalog.int8 CHECK (mal.spy(\'domain int8\'))');
    # named as the C function behind a type
    as('mallory', $how, q(SET check_function_bodies = off; CREATE FUNCTION mal.named() RETURNS int LANGUAGE sql AS 'vecstore_vector_in'));
    sprung();
    sql($how, $how eq 'new' ? 'CREATE EXTENSION vecstore SCHEMA app' : 'ALTER EXTENSION vecstore UPDATE');
    is(sprung(), '', "$how: nothing of mallory's is run when the extension comes");
    is(sql($how, $uses_of_traps), '', "$how: and nothing has come to use it");
    # names that mallory puts in front afterwards
    as('mallory', $how, "CREATE FUNCTION app.vecstore_row_hash(app.vector, bigint, text) RETURNS bigint LANGUAGE plpgsql AS \$\$ BEGIN PERFORM mal.spy('row_hash'); RETURN 0; END \$\$;
        CREATE FUNCTION app.vecstore_migration_steps(oid) RETURNS int LANGUAGE plpgsql AS \$\$ BEGIN PERFORM mal.spy('steps'); RETURN 0; END \$\$;
        CREATE FUNCTION app.vecstore_top_table(regclass) RETURNS oid LANGUAGE plpgsql AS \$\$ BEGIN PERFORM mal.spy('top_table'); RETURN 0; END \$\$;
        CREATE FUNCTION app.vecstore_load_begin(text, text, text, text, text, text, text, text, text, text, OUT load_id bigint, OUT b bigint) LANGUAGE plpgsql AS
            \$\$ BEGIN PERFORM mal.spy('load_begin'); END \$\$;
        CREATE FUNCTION app.vecstore_load_batch(text, text, text, text) RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN PERFORM mal.spy('load_batch'); END \$\$;
        CREATE FUNCTION app.vecstore_load_finish(text, text) RETURNS text LANGUAGE plpgsql AS \$\$ BEGIN PERFORM mal.spy('load_finish'); RETURN 'equal'; END \$\$");
    # Without pgvector the migration only says so.
    for my $statement (use_everything('app')) {
        my ($rc, $out, $err) = $node->psql($how, "$search_path; $statement");
        ok($rc == 0 || $err =~ /pgvector is not in this database/, "$how: $statement") or diag($err);
    }
    sql($how, 'CREATE TABLE public.t (id int PRIMARY KEY, t text, embedding app.vector)', 'CREATE TABLE public.u (id varchar(9) PRIMARY KEY, t text, embedding app.vector)');
    for my $call ("'public.t', '$npy', id_column => 'id', metadata => '$metadata'", "'public.t', '$npy', id_column => 'id', metadata => '$metadata', on_conflict => 'update'",
        "'public.u', '$npy', id_column => 'id', metadata => '$metadata', on_conflict => 'update'", "'public.u', '$npy', id_column => 'id', metadata => '$metadata', on_conflict => 'skip', resume => true",
        "'public.made', '$npy', metadata => '$metadata', create_table => true, create_index => true") {
        my ($rc, $out, $err) = $node->psql($how, "$search_path; CALL app.vecstore_import($call)");
        is($rc, 0, "$how: import into $call") or diag($err);
    }
    is(sql($how, 'SELECT count(*), count(DISTINCT t) FROM public.t'), '3|3', "$how: rows came");
    $node->command_ok([ 'env', "PGOPTIONS=-c search_path=app,pg_catalog,public", $program, '-d', $node->connstr($how), '-i', 'id', '--create', $npy, 'public.loaded' ], "$how: vecstore-load")
      if $program;
    sql($how, "$search_path; SELECT app.vecstore_export_faiss('public.made', '" . $node->basedir . "/$how.faiss', id_column => 'id')",
        "$search_path; SELECT app.vecstore_check('public.made_embedding_idx', true)");
    is(sprung(), '', "$how: nothing of mallory's is run by a superuser who uses it");
}

# --- what the scripts store or run names pg_catalog for every function that pg_catalog has
my %known = map { $_ => 1 } split /\n/, sql('postgres', 'SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = \'pg_catalog\'::regnamespace');
delete @known{ 'extract', 'coalesce' };   # syntax
for my $script (map { "$FindBin::Bin/../../sql/$_" } 'vecstore--0.2.0.sql', 'vecstore--0.1.0--0.2.0.sql') {
    my %bare;
    my $text = slurp_file($script) =~ s/--.*//gr;
    my @statements = $text =~ /^((?:CREATE (?:OR REPLACE )?(?:VIEW|FUNCTION|TABLE)|DO|SELECT|ALTER TABLE)\b.*?(?:;\n\n|\z))/msg;
    for my $statement (grep { !/LANGUAGE C\b/ && !/^CREATE.*LANGUAGE plpgsql/s } @statements) {
        $known{$1} && $bare{$1}++ while $statement =~ /(?<![.\w])([a-z_0-9]+)\(/g;
    }
    cmp_ok(scalar(@statements), '>', 20, 'statements are found');
    is(join(' ', sort keys %bare), '', $script =~ s{.*/}{}r . ': no function of pg_catalog by its bare name');
}

# --- the state of imports: nobody goes on with what another has written into it, or with rows that are gone
sql('postgres', 'CREATE DATABASE state', 'GRANT pg_read_server_files TO victim');
sql('state', 'CREATE EXTENSION vecstore', 'GRANT CREATE ON SCHEMA public TO victim');
my $load = "SELECT load_id FROM vecstore_load_begin('public.theirs', '%s', NULL, 'id', 'npy', %d, %d, %d, 2, false) \\gset\n";
as('victim', 'state', 'CREATE TABLE theirs (id int, embedding vector); GRANT INSERT ON theirs TO mallory');

sub state_of { my ($sql, $role) = @_; my ($rc, $out, $err) = $node->psql('state', $sql, extra_params => [ '-U', $role // 'victim' ]); return "$out$err" }
my $theirs = "CALL vecstore_import('theirs', '$npy', id_column => 'id'";

# The messages of the victim's own import about the file, in mallory's name.
as('victim', 'state', 'CREATE TABLE look (id int, embedding vector)');
state_of("CALL vecstore_import('look', '$npy', id_column => 'id')");
my ($size, $fingerprint) = split /\|/, sql('state', "SELECT file_size, file_fingerprint FROM vecstore_import_state WHERE target = 'public.look'");
my $sum = sql('state', 'SELECT sum(content_sum) FROM vecstore_import_batch');
my $forged = state_of(sprintf($load, $npy, $size, $fingerprint, 3) . "SELECT vecstore_load_batch(:load_id, 0, 3, $sum); SELECT vecstore_load_finish(:load_id, false)", 'mallory');
like($forged, qr/not asked for/, 'mallory writes a complete import of a file into a table where she may insert');
like(state_of("$theirs, resume => true)"), qr/there is no earlier import to resume.*imported 3 vectors.*verified/s, 'the owner, who resumes, does not take it for theirs');
is(sql('state', 'SELECT count(*) FROM theirs'), 3, 'and has the rows');
# absurd numbers
my $most = '9223372036854775807';
for my $wrong ([ 5, 0, $most ], [ $most, 7, 1 ], [ 5, 0, -1 ], [ 5, 0, 6 ]) {
    my ($total, $first, $rows) = @$wrong;
    like(state_of(sprintf($load, 'absurd', 1, 1, $total) =~ s/, 1, 1, -?\d+,/, 1, 1, $total,/r . "SELECT vecstore_load_batch(:load_id, $first, $rows, 0)", 'mallory'),
        qr/a batch of $rows rows from row $first is not what comes next/, "a batch of $rows rows from $first of $total");
}
like(state_of(sprintf($load, 'absurd', 1, 1, 1) =~ s/, 1, 1, 1,/, 1, 1, -5,/r, 'mallory'), qr/must not be negative, but one is -5/, 'a negative size');
like(state_of(sprintf($load, 'absurd', 1, 1, 9) . 'SELECT vecstore_load_finish(:load_id, false)', 'mallory'), qr/has 0 of 9 rows/, 'what is not complete does not end');
# what 0.1.0 took
sql('state', "INSERT INTO vecstore_import_batch (import_id, first_row, rows, content_sum, rows_written, written_sum)
    SELECT s.id, n, $most, 0, $most, 0 FROM (SELECT max(import_id) AS id FROM vecstore_import_state) s, generate_series(100, 101) n");
like(sql('state', 'SELECT count(*), max(rows_done) FROM vecstore_import_progress'), qr/\|$most$/, 'and absurd batches do not spoil the view');

# rows that are gone: empty tables are filled again, others are left alone
my $resume = "$theirs, resume => true";
like(state_of("$resume)"), qr/already in public\.theirs: nothing to import/, 'a complete import is not done again');
for my $how ('TRUNCATE theirs', 'DELETE FROM theirs', 'DROP TABLE theirs; CREATE TABLE theirs (id int, embedding vector)') {
    for my $verify ('true', 'false') {
        state_of($how);
        like(state_of("$resume, verify => $verify)"), qr/public\.theirs is empty: the rows of the earlier import are gone; starting at the first row.*imported 3 vectors/s,
            "$how, verify => $verify");
        is(sql('state', 'SELECT count(*) FROM theirs'), 3, 'the rows are back');
        state_of("TRUNCATE theirs; $theirs)") if $verify eq 'false';   # one that was verified
    }
}
state_of('DELETE FROM theirs WHERE id = 1');
like(state_of("\\set VERBOSITY verbose\n$resume)"), qr/55000: cannot resume: public\.theirs does not hold what the earlier import wrote\nDETAIL:  Of its 3 rows 2 are there/, 'one row is missing');
state_of('UPDATE theirs SET id = id; INSERT INTO theirs SELECT * FROM theirs LIMIT 1');
like(state_of("$resume)"), qr/cannot resume: .*Of its 3 rows 0 are there as they were written/s, 'rows were changed');
state_of("TRUNCATE theirs; $theirs); ALTER TABLE theirs RENAME TO renamed; CREATE TABLE theirs (id int, embedding vector); INSERT INTO theirs VALUES (1, '[1,2]')");
like(state_of("$resume, verify => false)"), qr/It is another table of the same name/, 'another table of the same name, with rows of its own');
like(state_of("CALL vecstore_import('renamed', '$npy', id_column => 'id', resume => true)"), qr/already in public\.renamed/, 'the table is known by another name');
state_of('VACUUM FULL renamed');
like(state_of("CALL vecstore_import('renamed', '$npy', id_column => 'id', resume => true)"), qr/already in public\.renamed/, 'and in another file');
sql('state', "UPDATE vecstore_import_state SET status = 'loading'", "DELETE FROM renamed WHERE id = 2");
like(state_of("CALL vecstore_import('renamed', '$npy', id_column => 'id', resume => true)"), qr/cannot resume.*Of its 3 rows 2 are there/s, 'an unfinished import whose rows are missing');
state_of('CREATE FUNCTION same() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$; CREATE TRIGGER same BEFORE INSERT ON renamed FOR EACH ROW EXECUTE FUNCTION same(); TRUNCATE renamed');
like(state_of("CALL vecstore_import('renamed', '$npy', id_column => 'id', resume => true)"), qr/cannot resume.*unless a trigger puts its rows elsewhere/s, 'triggers may put rows elsewhere: nobody can tell');
# without SELECT
as('victim', 'state', 'CREATE TABLE blind (id int, embedding vector); GRANT INSERT ON blind TO mallory; ALTER TABLE blind ENABLE TRIGGER ALL');
sql('state', 'GRANT pg_read_server_files TO mallory');
my $blind = "CALL vecstore_import('blind', '$npy', id_column => 'id', resume => true)";
state_of($blind, 'mallory');
like(state_of($blind, 'mallory'), qr/already in public\.blind/, 'who may not read the table: nothing tells that it has changed');
state_of('TRUNCATE blind');
like(state_of($blind, 'mallory'), qr/cannot resume: whether public\.blind still holds.*needs SELECT/s, 'it has been truncated');
# a client's loads
if ($program) {
    my @load = ($program, '-d', $node->connstr('state') . ' user=victim', '-i', 'id', '--create', '--resume', $npy, 'loaded');
    my ($out, $err);
    for my $how ('SELECT', 'TRUNCATE loaded', 'DELETE FROM loaded', 'DROP TABLE loaded') {
        state_of($how);
        IPC::Run::run(\@load, '>', \$out, '2>', \$err);
        is(sql('state', 'SELECT count(*) FROM loaded'), 3, "vecstore-load --resume after $how") or diag($err);
    }
    IPC::Run::run(\@load, '>', \$out, '2>', \$err);
    like($err, qr/already in public\.loaded: nothing to load/, 'and once only');
    state_of('DELETE FROM loaded WHERE id = 1');
    IPC::Run::run(\@load, '>', \$out, '2>', \$err);
    like($err, qr/cannot resume: .*Of its 3 rows 2 are there/s, 'nor where rows are missing');
}

# --- mallory's tables are moved from pgvector by a superuser
SKIP: {
    skip 'pgvector is not installed for this server', 1 if !$has_pgvector;
    sql('postgres', 'CREATE DATABASE moved', 'CREATE ROLE owner_too LOGIN');
    sql('moved', 'GRANT CREATE ON DATABASE moved TO mallory', 'GRANT ALL ON SCHEMA public TO mallory', 'CREATE EXTENSION vector');
    as('mallory', 'moved', $spy);
    as('mallory', 'moved', "SET search_path = public; $plant_operators");
    as('mallory', 'moved', plant_functions('public'));
    as('mallory', 'moved', q(
        CREATE FUNCTION mal.one(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM mal.spy('index expression'); RETURN 1; END $$;
        CREATE FUNCTION mal.constant(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM mal.spy('constant of an index expression'); RETURN 1; END $$;
        CREATE DOMAIN mal.dom AS int CHECK (mal.spy('domain'));
        CREATE TYPE mal.comp AS (x mal.dom);
        CREATE TABLE mal.items (id int PRIMARY KEY, v public.vector(3) DEFAULT public.l2_normalize('[1,2,3]'::public.vector), w public.vector[], t text,
            d float8 DEFAULT public.vector_norm('[3,4]'::public.vector) + (('(1)'::mal.comp)::text = 'x')::int,
            CONSTRAINT looked_at CHECK (mal.spy('check') AND public.vector_dims(v) = 3),
            CONSTRAINT read_again CHECK (public.vector_dims(v) = 3 OR t = ('(1)'::mal.comp)::text));
        INSERT INTO mal.items (id, v, w) SELECT i, ARRAY[i, 1, 2]::public.vector(3), ARRAY[ARRAY[i, 1, 2]::public.vector] FROM generate_series(1, 20) i;
        CREATE INDEX items_plain ON mal.items USING hnsw (v public.vector_l2_ops);
        CREATE INDEX items_expr ON mal.items USING hnsw ((public.subvector(v, mal.one(id), mal.constant(7) + 1)::public.vector(2)) public.vector_l2_ops);
        CREATE INDEX items_part ON mal.items USING hnsw (v public.vector_cosine_ops) WHERE mal.one(id) = 1 AND '(1)'::mal.comp <> '(2)'::mal.comp;
        CREATE INDEX items_tree ON mal.items (mal.one(public.vector_dims(v)));
        CREATE TABLE mal.parts (id int, v public.vector(2), CONSTRAINT looked_at CHECK (mal.spy('check of partitions') AND public.vector_dims(v) = 2)) PARTITION BY RANGE (id);
        CREATE TABLE mal.parts1 PARTITION OF mal.parts FOR VALUES FROM (0) TO (100);
        INSERT INTO mal.parts SELECT i, ARRAY[i, 1]::public.vector FROM generate_series(1, 20) i;
        CREATE INDEX ON mal.parts USING hnsw (v public.vector_l2_ops)));
    sql('moved', 'CREATE SCHEMA vs', 'CREATE EXTENSION vecstore SCHEMA vs');
    sprung();
    my $migrate = 'SELECT object, action, command FROM vs.vecstore_migrate_from_pgvector';
    my $plan = sql('moved', "$migrate(dry_run => true)");
    is(sprung(), '', 'a dry run runs nothing of the owner\'s');
    like($plan, qr/^role mallory\|needs you\|GRANT USAGE ON SCHEMA vs TO mallory$/m, 'it says what the owner lacks');
    my ($rc, $out, $err) = $node->psql('moved', "\\set VERBOSITY verbose\n$migrate()");
    like($err, qr/42501: owners of the tables lack privileges.*HINT:  GRANT USAGE ON SCHEMA vs TO mallory\n/s, 'and without it nothing is moved');
    sql('moved', 'GRANT USAGE ON SCHEMA vs TO PUBLIC');
    my @online = split /\n/, sql('moved', 'SELECT * FROM vs.vecstore_migrate_online()');
    is(scalar(grep { /^CREATE INDEX CONCURRENTLY/ } @online), 2, 'indexes that can be built online');
    for (@online) { my ($rc, $out, $err) = $node->psql('moved', $_); is($rc, 0, $_) or diag($err) }
    is(sprung(), '', 'they run nothing of the owner\'s');
    ($rc, $out, $err) = $node->psql('moved', "$migrate(); SELECT current_user, session_user, current_setting('mal.was_here', true), current_setting('search_path'); SELECT 1 WHERE pg_catalog.current_setting('is_superuser') = 'on'");
    is($rc, 0, 'the move') or diag($err);
    like($out, qr/\npostgres\|postgres\|\|"\$user", public\n1$/, 'nothing is left of it in the session');
    my $all = nobody_else('all of it with the rights of the owner');
    like($all, qr/^sprung: \Q$_\E as mallory$/m, "$_: was run") for 'check', 'index expression', 'domain', 'check of partitions';
    is(sql('moved', "SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'"), 'f', 'mallory is what she was');
    is(sql('moved', "SELECT string_agg(DISTINCT atttypid::regtype::text, ' ') FROM pg_attribute WHERE attrelid IN ('mal.items'::regclass, 'mal.parts1'::regclass) AND attname IN ('v', 'w')"),
        'vs.vector vs.vector[]', 'her tables are moved');

    # what else looks into a table's index, or runs what belongs to its owner
    sql('moved', "SELECT count(*) FROM vs.vecstore_check('mal.items_expr', true)", "SELECT count(*) FROM vs.vecstore_check('mal.items_part', true)", 'SELECT * FROM vs.vecstore_index_info(\'mal.items_expr\')',
        "SELECT vs.vecstore_export_faiss('mal.items', '" . $node->basedir . "/graph.faiss', id_column => 'id', index => 'mal.items_expr')");
    sql('moved', 'VACUUM mal.items', 'REINDEX TABLE mal.items');
    $all = nobody_else('vecstore_check, vecstore_export_faiss, VACUUM and REINDEX run an index\'s expressions as the owner');
    like($all, qr/^sprung: constant of an index expression as mallory$/m, 'constants in them as well');

    # partitions of another owner; a schema where the owner may not create
    sql('moved', 'CREATE SCHEMA closed', 'GRANT USAGE ON SCHEMA closed TO mallory', 'CREATE TABLE closed.p (id int, v public.vector(2)) PARTITION BY RANGE (id)',
        'CREATE TABLE closed.p1 PARTITION OF closed.p FOR VALUES FROM (0) TO (100)', 'CREATE INDEX ON closed.p USING hnsw (v public.vector_l2_ops)',
        'CREATE TABLE closed.t (id int, v public.vector(2))', 'CREATE INDEX ON closed.t USING hnsw (v public.vector_l2_ops)', 'INSERT INTO closed.t VALUES (1, \'[1,2]\')',
        'CREATE TABLE closed.e (id int, v public.vector(2))', 'CREATE INDEX ON closed.e USING hnsw ((v + v) public.vector_l2_ops)' =~ s/\(v \+ v\)/((v OPERATOR(public.+) v)::public.vector(2))/r,
        'ALTER TABLE closed.p OWNER TO mallory', 'ALTER TABLE closed.t OWNER TO mallory', 'ALTER TABLE closed.e OWNER TO mallory');
    ($rc, $out, $err) = $node->psql('moved', "$migrate('closed.p')");
    like($err, qr/HINT:  ALTER TABLE closed\.p1 OWNER TO mallory/, 'a partition of another owner');
    is(sql('moved', "$migrate('closed.t')") =~ tr/\n//, 2, 'an index of a plain column is built where the owner may not create');
    is(sql('moved', "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 't_v_idx'"), 'mallory', 'and is the owner\'s');
    ($rc, $out, $err) = $node->psql('moved', "$migrate('closed.e')");
    like($err, qr/HINT:  GRANT CREATE ON SCHEMA closed TO mallory/, 'that of an expression is not');

    # for those only who may become the owner
    ($rc, $out, $err) = $node->psql('moved', "SELECT vs.vecstore_run_as_owner('mal.items', 'SELECT 1', 'pg_catalog')", extra_params => [ '-U', 'owner_too' ]);
    like($err, qr/permission denied to act as owner of relation items/, 'vecstore_run_as_owner by another role');
    sql('moved', 'GRANT mallory TO owner_too');
    is(as('owner_too', 'moved', "SELECT 'x' || vs.vecstore_run_as_owner('mal.items', 'CREATE TABLE mal.hers ()', 'pg_catalog')"), 'x', 'by a member');
    is(sql('moved', "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'hers'"), 'mallory', 'the owner has run it');
    ($rc, $out, $err) = $node->psql('moved', "SELECT vs.vecstore_run_as_owner('mal.items', 'SET ROLE postgres', 'pg_catalog')");
    like($err, qr/cannot set parameter "role" within security-restricted operation/, 'and cannot become another');
}

done_testing();
