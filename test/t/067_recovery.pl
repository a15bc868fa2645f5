# Point-in-time recovery from a base backup and archived WAL: to restore points under load, in the middle of a build and of a
# vacuum, and to a time between two commits; with prepared transactions, which are resolved after the restore. Each time the
# indexes must be sound, give exactly the rows that there were, and go on.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use Vecstore;

plan skip_all => 'vecstore_check is meant' if extension() ne 'vecstore';

my $ROWS = 1200;
my @settings = ('shared_buffers = 64MB', 'autovacuum = off', 'fsync = off', 'jit = off', 'max_prepared_transactions = 10', 'archive_timeout = 1h');
my $primary = new_node('primary', @settings);
$primary->enable_archiving;
$primary->restart;

sub sql { return $primary->safe_psql('postgres', join ";\n", @_) }
sub restore_point { return sql("SELECT pg_create_restore_point('$_[0]')") }

# Tables by name: what is in them, and by which operator they are scanned.
my %op = (coded => '<=>', small => '<->');
sql('CREATE TABLE pool (id int PRIMARY KEY, v vector(200))',
    'CREATE TABLE coded (id int PRIMARY KEY, v vector(200), tenant int)', 'CREATE TABLE small (id int PRIMARY KEY, v vector(8))');
load_vectors($primary, table => 'pool', rows => 4 * $ROWS, dims => 200, seed => 67, first_id => 1);
sql("INSERT INTO coded SELECT id, v, id % 5 FROM pool WHERE id <= $ROWS", "INSERT INTO small SELECT id, subvector(v, 1, 8) FROM pool WHERE id <= $ROWS",
    'CREATE INDEX coded_v_idx ON coded USING hnsw (v vector_cosine_ops, tenant) WITH (m = 8)', 'CREATE INDEX small_v_idx ON small USING hnsw (v vector_l2_ops) WITH (m = 8)');

# The backup is taken while rows come and go.
my @load = map { ('-f', write_script($primary, @$_)) } (
    [ 'insert', "\\set i random(1, 1000000000)\nINSERT INTO coded SELECT :i, v, :i % 5 FROM pool WHERE id = 1 + :i % (4 * $ROWS) ON CONFLICT DO NOTHING;\n"
          . "INSERT INTO small SELECT :i, subvector(v, 1, 8) FROM pool WHERE id = 1 + :i % (4 * $ROWS) ON CONFLICT DO NOTHING;\n" ],
    [ 'change', "\\set i random(1, $ROWS)\nUPDATE coded SET tenant = tenant + 1 WHERE id = :i;\nDELETE FROM small WHERE id = :i;\n" ]);
my $load = start_clients($primary, '-c', 3, '-T', 60, @load, '-f', write_script($primary, 'vacuum', "VACUUM small;\n") . '@1');
sleep 0.3;
$primary->backup('base');

# Under load: rows of transactions that go on are in the WAL before the point.
sleep 0.3;
restore_point('under_load');
sleep 0.2;
stop_clients($load, 'kill');

# Between two commits, with a transaction that is prepared.
sql("BEGIN; INSERT INTO coded SELECT -id, v, 99 FROM pool WHERE id <= 50; DELETE FROM small WHERE id % 10 = 3; PREPARE TRANSACTION 'kept'");
sql("BEGIN; INSERT INTO coded SELECT -1000 - id, v, 98 FROM pool WHERE id <= 50; PREPARE TRANSACTION 'dropped'");
sql('INSERT INTO small VALUES (-1, array_fill(7, ARRAY[8])::vector)');
sleep 0.1;
my $time = sql('SELECT clock_timestamp()');
sleep 0.1;
my %then = map { $_ => contents($primary, $_) } keys %op;
sql('INSERT INTO small VALUES (-2, array_fill(7, ARRAY[8])::vector)', "DELETE FROM coded WHERE id % 3 = 0");
sql("COMMIT PREPARED 'kept'");
sql("ROLLBACK PREPARED 'dropped'");

# in_the_middle(NAME, STATEMENT...): restore points all the while that statements run, and the one that is nearest to one half
# of the WAL it writes; nothing else writes any.
sub in_the_middle {
    my ($name, @statements) = @_;
    my ($out, $err) = ('', '');
    my $begin = sql('SELECT pg_current_wal_insert_lsn()');
    my $run = IPC::Run::start([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $primary->connstr('postgres'),
        map { ('-c', $_) } "SET application_name = 'long'", @statements ], '<', \undef, '>', \$out, '2>', \$err);
    my $points = sql("DO \$\$ DECLARE i int := 0; begun bool := false; goes_on bool; BEGIN
        WHILE clock_timestamp() < now() + interval '2 minutes' LOOP
            goes_on := EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'long' AND state = 'active');
            EXIT WHEN begun AND NOT goes_on;
            begun := begun OR goes_on;
            i := i + 1; PERFORM pg_create_restore_point('${name}_' || i); PERFORM set_config('test.p' || i, pg_current_wal_insert_lsn()::text, false);
            PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot();
        END LOOP; PERFORM set_config('test.n', i::text, false); END \$\$",
        "SELECT i || ' ' || (current_setting('test.p' || i)::pg_lsn - '$begin') FROM generate_series(1, current_setting('test.n')::int) i");
    $run->finish;
    unlike($err, qr/ERROR|FATAL/, "$name: the statement is done");
    my %written = map { split / / } split /\n/, $points;
    my $all = sql("SELECT pg_current_wal_insert_lsn() - '$begin'");
    my ($best) = sort { abs($written{$a} - $all / 2) <=> abs($written{$b} - $all / 2) } keys %written;
    my $share = $written{$best} / $all;
    ok($share > 0.05 && $share < 0.95, sprintf '%s: restore point %d of %d, after %.0f of 100 of the WAL', $name, $best, scalar(keys %written), 100 * $share);
    return "${name}_$best";
}
my $built = 'pool_v_idx ON pool USING hnsw ((subvector(v, 1, 32)::vector(32)) vector_cosine_ops) WITH (m = 6) WHERE id <= 1500';
my $of_build = in_the_middle('build', "SET maintenance_work_mem = '1MB'", "CREATE INDEX $built");
my %at_build = map { $_ => contents($primary, $_) } keys %op;
sql("DELETE FROM coded WHERE id % 2 = 1", "DELETE FROM small WHERE id % 2 = 1");
my %at_vacuum = map { $_ => contents($primary, $_) } keys %op;
my $of_vacuum = in_the_middle('vacuum', 'SET vacuum_cost_delay = 2', 'SET vacuum_cost_limit = 400', 'VACUUM (INDEX_CLEANUP on) coded');
sql('SELECT pg_switch_wal()');
$primary->stop;

# ------------------------------------------------------------------------------------------------------ restores

# Which rows a table has, by a sequential scan.
sub contents {
    my ($node, $table) = @_;
    return $node->safe_psql('postgres', "SET enable_indexscan = off; SELECT count(*) || ' ' || md5(string_agg(id || ' ' || v::text, ',' ORDER BY id)) FROM $table");
}

# The server as it was then; the prepared transactions of that time are there.
sub restored {
    my ($name, $target) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init_from_backup($primary, 'base', has_restoring => 1, standby => 0);
    $node->append_conf('postgresql.conf', "$target\nrecovery_target_action = promote\narchive_mode = off");
    $node->start;
    $node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'the restore does not end';
    is_sound($node, $name);
    return $node;
}

sub is_sound {
    my ($node, $when) = @_;
    for my $table (sort keys %op) {
        check_clean($node, "${table}_v_idx", "$when: $table checked", deep => 1);
        my $ids = "SELECT count(*) || ' ' || md5(string_agg(id::text, ',' ORDER BY id)) FROM";
        my $ordered = "(SELECT id FROM $table ORDER BY v $op{$table} (SELECT v FROM $table ORDER BY id LIMIT 1)) s";
        is($node->safe_psql('postgres', load_library() . "SET enable_seqscan = off; $ids $ordered"),
            $node->safe_psql('postgres', "$ids $table"), "$when: $table: the index has its rows");
        exhaustive_scan_is_right($node, $table, $op{$table}, "$when: $table scanned to the end");
        found_by_own_vector($node, $table, $op{$table}, "$when: $table found by own vector", 0.99);
    }
    return;
}

# It is written to and vacuumed as any other.
sub goes_on {
    my ($node, $when) = @_;
    $node->safe_psql('postgres', "INSERT INTO coded SELECT 2000000000 + id, v, 7 FROM pool WHERE id <= 300");
    $node->safe_psql('postgres', "DELETE FROM $_ WHERE id % 4 = 0") for sort keys %op;
    $node->safe_psql('postgres', "VACUUM (INDEX_CLEANUP on) $_") for sort keys %op;
    is_sound($node, "$when, written to");
    $node->stop;
    return;
}

sub has_contents {
    my ($node, $wanted, $name) = @_;
    is(contents($node, $_), $wanted->{$_}, "$name: rows of $_") for sort keys %op;
    return;
}

my $node = restored('under_load', "recovery_target_name = 'under_load'");
goes_on($node, 'under load');

$node = restored('time', "recovery_target_time = '$time'");
has_contents($node, \%then, 'time');
is($node->safe_psql('postgres', 'SELECT id FROM small WHERE id < 0'), '-1', 'time: what was committed before is there, what was after is not');
is($node->safe_psql('postgres', 'SELECT gid FROM pg_prepared_xacts ORDER BY 1'), "dropped\nkept", 'time: prepared transactions are there');
$node->safe_psql('postgres', "COMMIT PREPARED 'kept'");
$node->safe_psql('postgres', "ROLLBACK PREPARED 'dropped'");
my $nearest = load_library() . 'SET enable_seqscan = off; SELECT id FROM coded WHERE tenant = %d ORDER BY v <=> (SELECT v FROM pool WHERE id = 9) LIMIT 1';
is($node->safe_psql('postgres', sprintf $nearest, 99), '-9', 'time: rows of a transaction that is committed after the restore are found');
is($node->safe_psql('postgres', sprintf $nearest, 98), '', 'time: those of one that is rolled back are not');
goes_on($node, 'time');

$node = restored('build', "recovery_target_name = '$of_build'");
has_contents($node, \%at_build, 'build');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relname = 'pool_v_idx'"), 0, 'build: there is no index yet');
$node->safe_psql('postgres', "CREATE INDEX $built");
check_clean($node, 'pool_v_idx', 'build: it is built after the restore', deep => 1);
$node->stop;

$node = restored('vacuum', "recovery_target_name = '$of_vacuum'");
has_contents($node, \%at_vacuum, 'vacuum');
goes_on($node, 'vacuum');

done_testing();
