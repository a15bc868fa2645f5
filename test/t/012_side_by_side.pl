# vecstore and a real pgvector in one database: whichever comes first does no harm, neither takes the other's settings,
# types or access methods, dumps restore, and a database moves from one to the other.
#
# Needs pgvector for this server: Debian's package, or VECSTORE_PGVECTOR=folder (see Vecstore.pm). Without it, only what
# vecstore does where pgvector's library lies beside it is tested, with a file of that name.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $tables = slurp_file("$FindBin::Bin/../data/side_by_side.sql");
my $node;

sub start_node {
    my ($name, $settings) = @_;
    $node = PostgreSQL::Test::Cluster->new($name);
    $node->init;
    $node->append_conf('postgresql.conf', $settings);
    $node->start;
    return;
}

# Answer and complaints of a session; the answer of each statement on a line.
sub session {
    my ($database, $sql, %options) = @_;
    my ($out, $err) = ('', '');
    local $ENV{PGOPTIONS} = $options{options} // '';
    IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr($database), '-f', '-' ], '<', \$sql, '>', \$out, '2>', \$err);
    chomp $out;
    return ($out, $err);
}

sub sql { my ($database, @statements) = @_; return $node->safe_psql($database, join ";\n", @statements) }

sub access_methods {
    return sql($_[0], "SELECT string_agg(amname || ' ' || amhandler::regproc, ', ' ORDER BY amname COLLATE \"C\") FROM pg_am WHERE amname ~ 'hnsw|ivfflat'");
}

# --- where pgvector's library may come, settings can be replaced, and are as good as others until then
SKIP: {
    my ($settings, $stage) = copied_stage();
    skip 'the server has no staging folder', 1 if !defined $stage;
    chomp(my $lib = `$ENV{PG_CONFIG} --pkglibdir`);
    append_to_file("$stage$lib/vector.so", '');
    start_node('waiting', $settings);
    sql('postgres', 'CREATE EXTENSION vecstore', 'CREATE TABLE t (id int, v vector(1))',
        'INSERT INTO t SELECT i, ARRAY[i]::vector FROM generate_series(1, 100) i', 'CREATE INDEX ON t USING hnsw (v vector_l2_ops)');
    my ($out, $err) = session('postgres', "\\set VERBOSITY terse
        SET hnsw.ef_search = 77; SET hnsw.max_scan_tuples = none; SELECT '[1]'::vector;
        SHOW hnsw.ef_search; SHOW hnsw.iterative_scan; SHOW hnsw.max_scan_tuples; SHOW hnsw.scan_mem_multiplier;
        SHOW ivfflat.probes; SHOW ivfflat.iterative_scan; SHOW ivfflat.max_probes;
        SET hnsw.ef_search = 0; SET hnsw.ef_search = 1000001; SET hnsw.ef_search = many; SET hnsw.iterative_scan = on;
        SET ivfflat.iterative_scan = strict_order; SET hnsw.scan_mem_multiplier = 1.5; SHOW hnsw.scan_mem_multiplier;
        SET hnsw.iterative_scan = OFF; SET hnsw.ef_search = 1; SET enable_seqscan = off;
        SELECT count(*) < 100 FROM (SELECT FROM t ORDER BY v <-> '[1]' LIMIT 100) s;
        RESET ALL; SET enable_seqscan = off; SHOW hnsw.ef_search; SELECT count(*) FROM (SELECT FROM t ORDER BY v <-> '[1]' LIMIT 100) s;
        BEGIN; SET LOCAL hnsw.ef_search = 5; SHOW hnsw.ef_search; ROLLBACK; SHOW hnsw.ef_search;");
    is($out, join("\n", '[1]', 77, 'strict_order', 2147483647, 1, 1, 'off', 32768, 1.5, 't', 40, 100, 5, 40),
        'settings that pgvector may replace: values, defaults and effect');
    my @errors = map { s/^.*?(WARNING|ERROR): +//r =~ s/ at character \d+$//r } split /\n/, $err =~ s/^HINT.*\n//mgr;
    is_deeply(\@errors, [
            'invalid value for parameter "hnsw.max_scan_tuples": "none"',
            '0 is outside the valid range for parameter "hnsw.ef_search" (1 .. 1000000)',
            '1000001 is outside the valid range for parameter "hnsw.ef_search" (1 .. 1000000)',
            'invalid value for parameter "hnsw.ef_search": "many"', 'invalid value for parameter "hnsw.iterative_scan": "on"',
            'invalid value for parameter "ivfflat.iterative_scan": "strict_order"' ], 'and their limits');
    $node->stop;
}

my ($settings, $our_library, $their_library) = pgvector_settings();
if (!defined $settings) {
    SKIP: { skip 'pgvector is not installed for this server', 1 }
    done_testing();
    exit;
}
start_node('both', $settings);

# --- extensions in both orders
my $theirs_first = 'hnsw hnswhandler, ivfflat ivfflathandler, vecstore_hnsw vs.hnswhandler, vecstore_ivfflat vs.ivfflathandler';
sql('postgres', 'CREATE DATABASE first', 'CREATE DATABASE second', 'CREATE DATABASE moved', 'CREATE DATABASE restored');
sql('first', 'CREATE EXTENSION vector', 'CREATE SCHEMA vs', 'CREATE EXTENSION vecstore SCHEMA vs');
is(access_methods('first'), $theirs_first, 'pgvector, then vecstore');
note('pgvector ' . sql('first', "SELECT extversion FROM pg_extension WHERE extname = 'vector'"));
is(sql('first', "SELECT DISTINCT probin FROM pg_proc WHERE oid = 'public.vector_in'::regproc"), '$libdir/vector', 'a real pgvector');
sql('second', 'CREATE SCHEMA vs', 'CREATE EXTENSION vecstore SCHEMA vs', 'CREATE TABLE t (v vs.vector(2))', 'CREATE INDEX t_v ON t USING hnsw (v vs.vector_l2_ops)');
my ($rc, $out, $err) = $node->psql('second', 'CREATE EXTENSION vector');
is($rc, 0, 'vecstore, then pgvector, also in one session');
like($err, qr/WARNING:  access method "hnsw" of vecstore is "vecstore_hnsw" now/, 'that the index goes by another name now, is said');
is(access_methods('second'), $theirs_first, 'and in the same names');
like(sql('second', "SELECT pg_get_indexdef('t_v'::regclass)"), qr/USING vecstore_hnsw \(v vs\.vector_l2_ops\)/, 'the index follows');
sql('second', 'DROP EXTENSION vector');
is(access_methods('second'), 'hnsw vs.hnswhandler, ivfflat vs.ivfflathandler', 'pgvector goes, the names come back');
($rc, $out, $err) = $node->psql('second', 'CREATE EXTENSION vector; DROP EXTENSION vecstore CASCADE');
is(access_methods('second'), 'hnsw hnswhandler, ivfflat ivfflathandler', 'vecstore goes');
($rc, $out, $err) = $node->psql('second', "\\set VERBOSITY verbose\nCREATE EXTENSION vecstore");
like($err, qr/42710: schema "public" has a type "vector" already.*CREATE EXTENSION vecstore SCHEMA/s, 'not in one schema');

# --- libraries in both orders: loaded by a query, by session_preload_libraries, by shared_preload_libraries
my %touch = (vecstore => "SELECT '[1]'::vs.vector;", vector => "SELECT '[1]'::public.vector;");
my %library = (vecstore => $our_library, vector => $their_library);
my $show = 'SHOW hnsw.ef_search; SHOW hnsw.iterative_scan; SHOW hnsw.max_scan_tuples; SHOW ivfflat.probes; SHOW vecstore.hnsw_ef_search;
    SHOW vecstore.hnsw_iterative_scan; SHOW vecstore.ivfflat_probes;';
my $before = 'SET hnsw.ef_search = 123; SET vecstore.hnsw_ef_search = 5000; SET ivfflat.probes = 3;';
my $expected = join "\n", 123, 'off', 20000, 3, 5000, 'strict_order', 1;
for my $order ([ 'vecstore', 'vector' ], [ 'vector', 'vecstore' ]) {
    my ($one, $two) = @$order;
    ($out, $err) = session('first', "$before $touch{$one} $touch{$two} $show");
    is($out, "[1]\n[1]\n$expected", "$one, then $two: settings of both, and what was SET before");
    is($err, '', "$one, then $two: no complaint");
    ($out, $err) = session('first', "$touch{$one} $before $touch{$two} $show");
    is($out, "[1]\n[1]\n$expected", "$one, then $two: what was SET between");
    is($err, '', "$one, then $two: no complaint");
    ($out, $err) = session('first', "$touch{$one} BEGIN; $before $touch{$two} SAVEPOINT s; SET LOCAL hnsw.ef_search = 7; SHOW hnsw.ef_search; ROLLBACK TO s; COMMIT; $show");
    is($out, "[1]\n[1]\n7\n$expected", "$one, then $two: what was SET in a transaction");
    my $options = "-c session_preload_libraries=$library{$one},$library{$two} -c hnsw.ef_search=123 -c vecstore.hnsw_ef_search=5000 -c ivfflat.probes=3";
    ($out, $err) = session('first', $show, options => $options);
    is($out, $expected, "session_preload_libraries = $one, $two");
    is($err, '', 'no complaint');
    $node->append_conf('postgresql.conf', "shared_preload_libraries = '$library{$one},$library{$two}'\nhnsw.ef_search = 123\nvecstore.hnsw_ef_search = 5000\nivfflat.probes = 3\n");
    $node->restart;
    ($out, $err) = session('first', $show);
    is($out, $expected, "shared_preload_libraries = $one, $two, and values of postgresql.conf");
    is($err, '', 'no complaint');
    is(sql('first', 'SET hnsw.ef_search = 1', 'RESET hnsw.ef_search', 'SHOW hnsw.ef_search'), 123, 'RESET goes back to the file');
    $node->adjust_conf('postgresql.conf', $_, undef) for 'shared_preload_libraries', 'hnsw.ef_search', 'vecstore.hnsw_ef_search', 'ivfflat.probes';
    $node->restart;
}
# one of them alone, preloaded for the whole server
for my $one ('vecstore', 'vector') {
    $node->append_conf('postgresql.conf', "shared_preload_libraries = '$library{$one}'\n");
    $node->restart;
    ($out, $err) = session('first', "$before $touch{vecstore} $touch{vector} $show");
    is($out, "[1]\n[1]\n$expected", "shared_preload_libraries = $one, the other by a query");
    is($err, '', 'no complaint');
    $node->adjust_conf('postgresql.conf', 'shared_preload_libraries', undef);
    $node->restart;
}

# --- each has its settings, and its types; workers of a parallel query have them too
sql('first', "CREATE TABLE two (id int, a public.vector(1), b vs.vector(1))",
    "INSERT INTO two SELECT i, ARRAY[i]::public.vector, ARRAY[i]::vs.vector FROM generate_series(1, 2000) i",
    'CREATE INDEX two_a ON two USING hnsw (a public.vector_l2_ops)', 'CREATE INDEX two_b ON two USING vecstore_hnsw (b vs.vector_l2_ops)');
my $parallel = 'SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;';
my $counting = "SELECT count(*) FROM two WHERE a <-> '[1]' < 10 AND b OPERATOR(vs.<->) '[1]' < 10;";
for my $order ([ 'vecstore', 'vector' ], [ 'vector', 'vecstore' ]) {
    ($out, $err) = session('first', "$before $touch{$order->[0]} $touch{$order->[1]} SET hnsw.ef_search = 9; $parallel EXPLAIN $counting $counting");
    like($out, qr/Gather.*\n10$/s, "a parallel query, @$order");
    is($err, '', 'no complaint');
}
sub rows_of { my ($column, $schema, $settings) = @_;
    return sql('first', $touch{vector}, $touch{vecstore}, 'SET enable_seqscan = off', $settings,
        "SELECT count(*) FROM (SELECT FROM two ORDER BY $column OPERATOR($schema.<->) '[1]') s") =~ s/.*\n//sr; }
is(rows_of('b', 'vs', 'SET hnsw.ef_search = 5; SET hnsw.iterative_scan = off'), 2000, "pgvector's settings are not vecstore's");
cmp_ok(rows_of('b', 'vs', 'SET vecstore.hnsw_ef_search = 5; SET vecstore.hnsw_iterative_scan = off'), '<', 2000, "vecstore's are");
is(rows_of('a', 'public', 'SET hnsw.ef_search = 50'), rows_of('a', 'public', 'SET hnsw.ef_search = 50; SET vecstore.hnsw_ef_search = 7'), "nor the other way round");
is(sql('first', 'SET search_path = public', "SELECT pg_typeof(embedding) FROM vs.vecstore_read_npy('x'::bytea) LIMIT 0"), '', 'functions of vecstore: declared types');
is(sql('first', "SELECT string_agg(DISTINCT t.typnamespace::regnamespace::text, ' ') FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
        JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'vecstore' JOIN pg_type t ON t.oid = ANY (p.proargtypes::oid[] || p.prorettype || coalesce(p.proallargtypes, '{}'))
        WHERE t.typname IN ('vector', 'halfvec', 'sparsevec')"), 'vs', 'all functions of vecstore are about its own types');
my $npy = write_bytes($node->basedir . '/three.npy', npy(3, 1, 1, 2, 3));
sql('first', 'CREATE TABLE imported (id int, a public.vector(1), b vs.vector(1))');
sql('first', "CALL vs.vecstore_import('imported', '$npy', id_column => 'id')");
is(sql('first', 'SELECT count(a), count(b) FROM imported'), '0|3', 'an import finds the column of its own type');
($rc, $out, $err) = $node->psql('first', "CALL vs.vecstore_import('imported', '$npy', \"column\" => 'a')");
like($err, qr/column "a" is of type vector/, "and does not take pgvector's for it");

# --- a dump of such a database, whose extensions are restored in the order of their names
my $file = $node->basedir . '/first.dump';
$node->command_ok([ 'pg_dump', '-Fc', '-d', $node->connstr('first'), '-f', $file ], 'pg_dump');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $file ], 'pg_restore');
is(access_methods('restored'), $theirs_first, 'restored: the access methods');
is(sql('restored', "SELECT string_agg(amname || ' ' || relname, ', ' ORDER BY relname) FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE relname LIKE 'two_%'"),
    'hnsw two_a, vecstore_hnsw two_b', 'restored: the indexes');
is(sql('restored', 'SELECT count(*), sum(a <-> \'[3]\'), sum(b OPERATOR(vs.<->) \'[3]\') FROM two'),
    sql('first', 'SELECT count(*), sum(a <-> \'[3]\'), sum(b OPERATOR(vs.<->) \'[3]\') FROM two'), 'restored: the rows');

# --- migration: what a dump says of the database afterwards is what it said before
sub schema_of {
    my ($database) = @_;
    my $to = $node->basedir . "/schema";
    IPC::Run::run([ 'pg_dump', '-s', '-d', $node->connstr($database), '-f', $to ]) or die 'pg_dump failed';
    my $dump = slurp_file($to);
    $dump =~ s/^--.*\n//mg;
    $dump =~ s/^\\(un)?restrict .*\n//mg;
    $dump =~ s/^(CREATE|COMMENT ON) (EXTENSION|SCHEMA) .*\n//mg;
    $dump =~ s/\n\n+/\n/g;
    return $dump;
}
my $questions = "SELECT 'cosine', id, round((embedding <=> (SELECT embedding FROM items WHERE id = 7))::numeric, 5) FROM items ORDER BY 3, 2 LIMIT 5;
    SELECT 'half', id, round((half <-> '[1,2,3]')::numeric, 5) FROM items ORDER BY 3, 2 LIMIT 5; SELECT sum(n), max(sp::text), max(half::text) FROM items; SELECT sum(id), max(arr[1]::text), max(w) FROM arrays;
    SELECT 'parts', id, round((v <-> '[0.1,0.2,0.3]')::numeric, 5) FROM parts ORDER BY 3, 2 LIMIT 5;";
sql('moved', 'CREATE EXTENSION vector', $tables);
my ($schema_before, $answers_before) = (schema_of('moved'), (session('moved', $questions))[0]);
my $files = "SELECT string_agg(relname || ' ' || pg_relation_filenode(oid), ', ' ORDER BY relname) FROM pg_class
    WHERE relname IN ('items', 'parts1', 'parts2a')";
my $files_before = sql('moved', $files);
sql('moved', 'CREATE SCHEMA vs', 'CREATE EXTENSION vecstore SCHEMA vs');
my $schema_beside = schema_of('moved');
my $plan = sql('moved', 'SELECT object, action, command FROM vs.vecstore_migrate_from_pgvector(dry_run => true)');
is(schema_of('moved'), $schema_beside, 'a dry run changes nothing');
for my $object ('column g of table blocked', 'view shown', 'function match(vector)', 'type dom', 'column v of composite type comp', 'materialized view mv',
    'trigger watch on table watched', 'policy few on table watched', 'constraint watched_w_fkey on table watched', 'column v of table child') {
    like($plan, qr/^\Q$object\E\|needs you\|/m, "needs you: $object");
}
unlike($plan, qr/ALTER TABLE public\.(blocked|viewed|watched|mother|father) /, 'tables that must wait are not in the plan');
like($plan, qr/ALTER TABLE public\.items ALTER COLUMN embedding TYPE vs\.vector\(48\), ALTER COLUMN half TYPE/, 'the others are');

# indexes beforehand, while rows come and go
my @online = split /\n/, sql('moved', 'SELECT * FROM vs.vecstore_migrate_online()');
is(scalar(grep { /^CREATE INDEX CONCURRENTLY / } @online), 8, 'indexes that can be built online');
for (@online) { my ($rc, $out, $err) = $node->psql('moved', $_); is($rc, 0, $_) or diag($err) }
is(sql('moved', 'SELECT * FROM vs.vecstore_migrate_online()'), '', 'once they are built, there is nothing left to do');
sql('moved', 'DELETE FROM items WHERE id % 10 = 3', "INSERT INTO items (id, embedding, half, sp, b) SELECT id + 10000, embedding, half, sp, b FROM items WHERE id % 10 = 4");
$answers_before = (session('moved', $questions))[0];
my $built = "SELECT string_agg(pg_relation_filenode(oid)::text, ' ' ORDER BY pg_relation_filenode(oid)) FROM pg_class WHERE relname";
my $in_parts = "oid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN ('parts1'::regclass, 'parts2a'::regclass))";
my $built_before = sql('moved', "$built LIKE 'vecstore_for_%' AND NOT $in_parts");
my $parts_before = sql('moved', "$built LIKE 'vecstore_for_%' AND $in_parts");
($rc, $out, $err) = $node->psql('moved', "SELECT vs.vecstore_migrate_from_pgvector('parts1')");
like($err, qr/public\.parts1 is a partition or child of public\.parts/, 'a partition alone');
my $done = sql('moved', 'SELECT object, action FROM vs.vecstore_migrate_from_pgvector()');
like($done, qr/^public\.items\|type changed$/m, 'moved, without a rewrite');
is(sql('moved', $files), $files_before, 'the tables lie in the same files');
is(sql('moved', "$built IN ('items_b', 'items_emb', 'items_ivf', 'items_sp', 'derived_v', 'unlogged_v')"), $built_before, 'and so do the indexes that were built before');
like($done, qr/^public\.items_part\|index built$/m, 'the others were built now');
is(sql('moved', "SELECT string_agg(DISTINCT atttypid::regtype::text, ' ') FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid AND relkind IN ('r', 'p')
        WHERE atttypid::regtype::text ~ 'vec' AND relname NOT IN ('blocked', 'viewed', 'watched', 'mother', 'father', 'child', 'parts', 'parts1', 'parts2', 'parts2a') AND c.relnamespace = 'public'::regnamespace"),
    'vs.halfvec vs.sparsevec vs.vector vs.vector[]', "no column of pgvector's is left in tables that could be moved");
is(sql('moved', "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam AND a.amname LIKE 'vecstore%' AND c.relkind = 'i',
        LATERAL vs.vecstore_check(c.oid, true)"), 0, 'vecstore_check of all indexes');
($rc, $out, $err) = $node->psql('moved', 'DROP EXTENSION vector');
like($err, qr/other objects depend on it/, 'what needs a person still needs pgvector');

# a person's part, then the rest
sql('moved', 'DROP VIEW shown', 'DROP MATERIALIZED VIEW mv', 'DROP FUNCTION match(public.vector)', 'DROP DOMAIN dom', 'DROP TYPE comp', 'ALTER TABLE blocked DROP COLUMN g',
    'DROP FUNCTION mk', 'DROP TRIGGER watch ON watched', 'DROP POLICY few ON watched', 'ALTER TABLE watched DROP CONSTRAINT watched_w_fkey', 'ALTER TABLE child NO INHERIT father');
$done = sql('moved', 'SELECT object, action, command FROM vs.vecstore_migrate_from_pgvector()');
like($done, qr/^public\.parts\|type changed\|/m, 'the partitioned table');
is(sql('moved', $files), $files_before, 'it lies in the same files');
is(sql('moved', "$built IN ('parts1_v_idx', 'parts2a_v_idx')"), $parts_before, 'and so do its indexes that were built before');
like($done, qr/^extension vector\|no longer used\|DROP EXTENSION vector; ALTER EXTENSION vecstore SET SCHEMA public$/m, 'the end of it');
my ($commands) = $done =~ /^extension vector\|no longer used\|(.*)$/m;
sql('moved', split /; /, $commands);
is(access_methods('moved'), 'hnsw hnswhandler, ivfflat ivfflathandler', 'vecstore has the names');
sql('moved', 'DROP SCHEMA vs', 'CREATE FUNCTION mk(i int, d int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$ SELECT array_agg(sin(i*j*0.7+j))::vector FROM generate_series(1,d) j $$',
    "ALTER TABLE blocked ADD COLUMN g bit(2) GENERATED ALWAYS AS (binary_quantize(v)) STORED", 'CREATE VIEW shown AS SELECT v FROM viewed', 'CREATE MATERIALIZED VIEW mv AS SELECT v FROM parts',
    "CREATE FUNCTION match(q vector) RETURNS SETOF items LANGUAGE sql AS 'SELECT * FROM items'", 'CREATE DOMAIN dom AS vector(2)', 'CREATE TYPE comp AS (v vector)',
    'CREATE TRIGGER watch BEFORE UPDATE OF v ON watched FOR EACH ROW EXECUTE FUNCTION watch()', "CREATE POLICY few ON watched USING (v = '[1,2]')",
    'ALTER TABLE watched ADD FOREIGN KEY (w) REFERENCES watched', 'ALTER TABLE child INHERIT father');
is(schema_of('moved'), $schema_before, 'a dump says the same of the database as when it had pgvector');
is((session('moved', $questions))[0], $answers_before, 'the answers are the same');
is(sql('moved', "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam AND a.amname IN ('hnsw', 'ivfflat') AND c.relkind = 'i',
        LATERAL vecstore_check(c.oid, true)"), 0, 'vecstore_check of all indexes');
like(sql('moved', 'SET enable_seqscan = off', "EXPLAIN SELECT id FROM items ORDER BY embedding <=> (SELECT embedding FROM items WHERE id = 7) LIMIT 5"),
    qr/Index Scan using items_emb/, 'queries use the indexes');
sql('moved', 'SET hnsw.ef_search = 2000', 'CREATE INDEX ON items USING hnsw (half halfvec_l2_ops) WITH (m = 16, ef_construction = 64)');
is(sql('moved', "SET hnsw.ef_search = 2000", "SELECT '[1]'::vector", 'SHOW hnsw.ef_search'), "[1]\n2000", 'and SQL for pgvector runs');
$node->command_ok([ 'pg_dump', '-Fc', '-d', $node->connstr('moved'), '-f', "$file.2" ], 'pg_dump');
sql('postgres', 'CREATE DATABASE moved_restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('moved_restored'), "$file.2" ], 'and its dump restores without pgvector');

$node->stop;
done_testing();
