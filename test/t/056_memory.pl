# Resources that an index takes of the server: pages that are used stay in shared buffers and are counted, vacuum passes
# over pages a few times and through its ring, large scans spill, and nothing that works with threads of its own outlives its
# backend or holds up whoever ends it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time sleep);
use Vecstore;

plan skip_all => 'about vecstore alone' if extension() ne 'vecstore';

my $node = new_node('memory', 'shared_buffers = 8MB', 'autovacuum = off', 'max_parallel_maintenance_workers = 1',
    'fsync = off', 'log_error_verbosity = terse');
sub sql { return $node->safe_psql('postgres', "SET enable_seqscan = off; SET jit = off; $_[0]") }

# -------------------------------------------------------------------------------------------- shared buffers

$node->safe_psql('postgres', 'CREATE EXTENSION pg_buffercache; CREATE TABLE t (id int PRIMARY KEY, v vector(32))');
load_vectors($node, table => 't', rows => 6000, dims => 32, seed => 1);
sql('CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops) WITH (storage = plain); ANALYZE t');
my $pages = sql("SELECT pg_relation_size('t_v') / 8192");

# In one session, as each has guesses of its own where pages are.
sub queries {
    my ($count, $between) = @_;
    return "DO \$\$ DECLARE q vector; BEGIN FOR i IN 1 .. $count LOOP
        SELECT v INTO q FROM t WHERE id = (i * 7919) % 6000;
        PERFORM id FROM t ORDER BY v <-> q LIMIT 10; $between END LOOP; END \$\$;";
}

$node->restart;
sql(queries(300, ''));
my ($hot, $known) = split /\|/, sql("SELECT count(*) FILTER (WHERE usagecount >= 4), count(*) FROM pg_buffercache
    WHERE relfilenode = pg_relation_filenode('t_v')");
cmp_ok($hot, '>', 0.7 * $known, 'pages that all queries use are hot') or diag("$hot of $known");

my $statio = "SELECT sum(heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read) FROM pg_statio_user_tables WHERE relname = 't'";
my $query = "SELECT id FROM t ORDER BY v <-> (SELECT v FROM t WHERE id = 5) LIMIT 100";
my @lines = split /\n/, sql("$query; SELECT pg_stat_force_next_flush(); $statio; EXPLAIN (ANALYZE, BUFFERS, SUMMARY off, TIMING off) $query;
    SELECT pg_stat_force_next_flush(); $statio");
my @counts = grep { /^\d+$/ } @lines;
my ($explained) = join("\n", @lines) =~ /Buffers: shared hit=(\d+)/;
my $counted = $counts[-1] - $counts[-2];
cmp_ok($explained, '>', 100, 'EXPLAIN counts buffers');
cmp_ok(abs($counted - $explained), '<=', 0.1 * $explained, 'and pg_statio the same') or diag("$counted, $explained");

# Traffic of twice the shared buffers' size, between the queries.
sql("CREATE TABLE traffic (id int PRIMARY KEY, payload text);
    INSERT INTO traffic SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) i; VACUUM ANALYZE traffic");
my $read = "SELECT idx_blks_read FROM pg_statio_user_indexes WHERE indexrelname = 't_v'";
my $traffic = 'PERFORM sum(length(payload)) FROM traffic WHERE id = ANY (ARRAY(SELECT (random() * 19999)::int + 1 FROM generate_series(1, 30)));';
sql(queries(200, $traffic));
my $before = sql($read);
sql(queries(400, $traffic));
my $again = sql($read) - $before;
note("400 queries beside traffic read $again blocks of an index of $pages pages");
cmp_ok($again, '<', $pages, 'traffic does not push the index out') or diag("$again");

# ---------------------------------------------------------------------------------------------------- vacuum

sub blocks {
    my ($index) = @_;
    return split /\|/, sql("SELECT idx_blks_hit, idx_blks_read FROM pg_statio_user_indexes WHERE indexrelname = '$index'");
}
my @was = blocks('t_v');
sql('DELETE FROM t WHERE id = 17; VACUUM t');
my @is = blocks('t_v');
my $touched = $is[0] + $is[1] - $was[0] - $was[1];
note("vacuum of one row looks at $touched pages of $pages");
cmp_ok($touched, '<', 14 * $pages + 1000, 'vacuum of one row passes over the index a few times');
check_clean($node, 't_v', 'the index after it');

SKIP: {
    skip 'the ring of a vacuum has another size', 1 if $node->pg_version >= 16;
    # Its ring has 32 pages.
    $node->restart;
    sql('DELETE FROM t WHERE id = 18; VACUUM t');
    my $left = sql("SELECT count(*) FROM pg_buffercache WHERE relfilenode = pg_relation_filenode('t_v')");
    cmp_ok($left, '<', $pages / 2, 'vacuum does not fill shared buffers with the index') or diag("$left of $pages");
}

# Rows that do not fit into maintenance_work_mem lie in files.
sql("CREATE TABLE small (id int, v vector(3)); INSERT INTO small SELECT i, ARRAY[random(), random(), random()]::vector FROM generate_series(1, 120000) i;
    SET maintenance_work_mem = '500MB'; CREATE INDEX small_v ON small USING hnsw (v vector_l2_ops) WITH (m = 4, ef_construction = 16)");
my $log = -s $node->logfile;
sql("DELETE FROM small WHERE id % 40 = 0; SET maintenance_work_mem = '1MB'; SET log_temp_files = 0; VACUUM small");
like(slurp_file($node->logfile, $log), qr/temporary file.*size [1-9]\d{5}/, 'vacuum beyond maintenance_work_mem');
check_clean($node, 'small_v', 'and the index after that');
is(sql('SELECT count(*) FROM (SELECT FROM small ORDER BY v <-> \'[0,0,0]\') s'), 117000, 'and its rows');

# ----------------------------------------------------------------------------------------------------- scans

my $all = "SELECT id, v <-> '[0.5,0.5,0.5]' AS d FROM small ORDER BY v <-> '[0.5,0.5,0.5]'";
my $plan = sql("SET work_mem = '64kB'; EXPLAIN (ANALYZE, BUFFERS, SUMMARY off, TIMING off) $all");
like($plan, qr/Index Scan using small_v.*temp read=\d+ written=\d+/s, 'a scan of all rows spills');
my $compared = "SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE before > d) FROM (SELECT id, d, lag(d) OVER () AS before FROM ($all) s) c";
is(sql("SET work_mem = '64kB'; $compared"), '117000|117000|0', 'and gives all rows in order');
unlike(sql("SET work_mem = '100MB'; EXPLAIN (ANALYZE, BUFFERS, SUMMARY off, TIMING off) $all"), qr/temp read/, 'with enough memory it does not');
# Files of scans that do not come to an end by themselves.
sql("SET work_mem = '64kB'; BEGIN; DECLARE c CURSOR FOR $all; FETCH 10 FROM c; SAVEPOINT s; FETCH 10 FROM c; ROLLBACK TO s; FETCH 10 FROM c; CLOSE c;
    DECLARE d CURSOR FOR $all; FETCH 10 FROM d; COMMIT");
$node->psql('postgres', "SET enable_seqscan = off; SET work_mem = '64kB'; BEGIN; DECLARE c CURSOR FOR $all; FETCH 10 FROM c; SELECT 1 / 0");
$node->psql('postgres', "SET enable_seqscan = off; SET work_mem = '64kB'; SELECT 1 / (id - id) FROM ($all) s OFFSET 1000");
my $full = $node->psql('postgres', "SET enable_seqscan = off; SET work_mem = '64kB'; SET temp_file_limit = '1MB'; SELECT count(*) FROM ($all) s");
isnt($full, 0, 'temp_file_limit holds');
is(sql("SELECT count(*) FROM pg_ls_tmpdir()"), 0, 'no file is left');

# A scan that goes on ends where it is told to.
my $on = "SELECT count(*) FROM (SELECT FROM small ORDER BY v <-> '[0.5,0.5,0.5]' LIMIT 3000) s";
is(sql("SET work_mem = '64kB'; $on"), 3000, 'a scan goes on as long as there are rows');
cmp_ok(sql("SET work_mem = '64kB'; SET hnsw.scan_mem_multiplier = 2; $on"), '<', 2500, 'but not beyond the memory that is set for it');

# ----------------------------------------------------------------------------------------- ends of backends

my $dir = $node->basedir;
sql("CREATE TABLE big (id int, v vector(96))");
load_vectors($node, table => 'big', rows => 12000, dims => 96, seed => 3);
sql("SELECT vecstore_export_hnswlib('big', '$dir/big.hnswlib', id_column => 'id'); SELECT vecstore_export_npy('big', '$dir/big.npy', 'v');
    CREATE TABLE imported (id bigserial, v vector(96))");
my $started = sql('SELECT pg_postmaster_start_time()');
my %work = (
    build => [ 'CREATE INDEX ON big USING hnsw (v vector_l2_ops)' ],
    insert => [ "SET maintenance_work_mem = '2MB'", 'CREATE INDEX ON big USING hnsw (v vector_l2_ops)' ],
    graph => [ "SELECT vecstore_import_graph('big', '$dir/big.hnswlib', id_column => 'id')" ],
    import => [ "CALL vecstore_import('imported', '$dir/big.npy', resume => true)", "CALL vecstore_import('imported', '$dir/big.npy')" ],
    export => [ "SELECT vecstore_export_hnswlib('big', '$dir/other.hnswlib', id_column => 'id', overwrite => true)" ],
    vacuum => [ 'UPDATE big SET id = id WHERE id % 3 = 0', 'VACUUM big' ]);
my @setup = ('SET max_parallel_maintenance_workers = 3', 'SET client_connection_check_interval = 20');
my $slowest = 0;

# Runs some work, ends it at a moment of its own, and waits until its backend is gone or has answered.
sub end_work {
    my ($name, $how) = @_;
    my $after = rand(0.9);
    my @statements = (@setup, $how eq 'timeout' ? 'SET statement_timeout = ' . int(1 + 1000 * $after) : (), @{ $work{$name} });
    my ($out, $err) = ('', '');
    my $client = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') . " application_name=$name", map { ('-c', $_) } @statements ],
        '<', \undef, '>', \$out, '2>', \$err);
    sleep $after;
    my $pid = ask_quietly($node, "SELECT pid FROM pg_stat_activity WHERE application_name = '$name' AND backend_type = 'client backend' ORDER BY backend_start DESC LIMIT 1");
    my $began = time;
    if ($how eq 'disconnect') { eval { $client->kill_kill(grace => 0) } }
    elsif ($how ne 'timeout' && $pid) { ask_quietly($node, "SELECT pg_${how}_backend($pid)") }
    for (1 .. 2000) {
        last if $how ne 'disconnect' && !$client->pumpable;
        last if !$pid || !kill(0, $pid) || !Vecstore::is_running($pid);
        last if ask_quietly($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND state = 'active'") eq '0';
        sleep 0.01;
    }
    my $took = time - $began;
    # (A timeout may be yet to come.)
    $slowest = $took if $how ne 'timeout' && $took > $slowest;
    note(sprintf '%s: %s after %.2f s answered in %.2f s', $name, $how, $after, $took);
    eval { $client->kill_kill(grace => 0) };
    eval { $client->finish };
}
for my $round (1 .. scale(2, 20)) {
    for my $name (sort keys %work) { end_work($name, $_) for 'terminate', 'cancel', 'disconnect', 'timeout' }
}
cmp_ok($slowest, '<', 3, 'whoever ends a backend is answered') or diag("$slowest s");
is(sql('SELECT pg_postmaster_start_time()'), $started, 'the server is the same');
$log = slurp_file($node->logfile);
unlike($log, qr/was terminated by signal|PANIC|server process|terminating connection because of crash/, 'no backend has crashed');
like($log, qr/FATAL:  terminating connection due to administrator command/, 'some were terminated');
like($log, qr/FATAL:  connection to client lost/, 'some found their client gone');
is(sql("SELECT count(*) FROM pg_index WHERE indrelid = 'big'::regclass AND NOT indisvalid"), 0, 'and left nothing behind');

done_testing();
