# The end of a long operation is prompt: cancel, termination, a client that is gone, and timeouts, at random moments of every
# operation that takes long. No thread and no temporary file is left, and the indexes are sound afterwards. The worst of each
# operation is printed.
#
#   VECSTORE_ENDS_ROUNDS   how many rounds, each of which ends every operation once in some way (VECSTORE_TEST_SCALE=full: 20)
#   VECSTORE_ENDS_ROWS     rows of the table (6000)
#   VECSTORE_ENDS_LIMIT    seconds until the answer at most (5; 1 on a machine that does nothing else)
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

my $rounds = $ENV{VECSTORE_ENDS_ROUNDS} // scale(1, 20);
my $rows = $ENV{VECSTORE_ENDS_ROWS} // 6000;
my $limit = $ENV{VECSTORE_ENDS_LIMIT} // 5;
my $seed = $ENV{VECSTORE_ENDS_SEED} // int(rand(1e6));
srand($seed);
note("VECSTORE_ENDS_SEED=$seed");

my $node = new_node('ends', 'shared_buffers = 64MB', 'autovacuum = off', 'fsync = off', 'log_error_verbosity = terse', 'restart_after_crash = on',
    'max_parallel_maintenance_workers = 3', 'client_connection_check_interval = 20');
sub sql { return $node->safe_psql('postgres', $_[0]) }

# ---------------------------------------------------------------------------------------------- operations

my $dir = $node->basedir;
sql('CREATE TABLE big (id int, v vector(64), c int)');
load_vectors($node, table => 'big', rows => $rows, dims => 64, seed => 3);
sql("UPDATE big SET c = id % 7; CREATE TABLE grown (id int, v vector(64), c int);
    CREATE INDEX grown_v ON grown USING hnsw (v vector_l2_ops, c);
    CREATE TABLE old AS SELECT * FROM big; CREATE INDEX old_v ON old USING hnsw (v vector_l2_ops, c);
    CREATE TABLE lists AS SELECT * FROM big; CREATE INDEX lists_v ON lists USING ivfflat (v vector_l2_ops) WITH (lists = 50);
    CREATE TABLE imported (id bigserial, v vector(64)); CREATE TABLE graph AS SELECT id, v FROM big;
    SELECT vecstore_export_npy('big', '$dir/big.npy', 'v');
    SELECT vecstore_export_npy('SELECT v FROM big, generate_series(1, 10)', '$dir/many.npy');
    SELECT vecstore_export_faiss('SELECT row_number() OVER () AS id, v FROM big, generate_series(1, 10)', '$dir/many.faiss', id_column => 'id');
    SELECT vecstore_export_hnswlib('big', '$dir/big.hnswlib', id_column => 'id', ef_construction => 20);
    ANALYZE");
my $stores = defined make_stores($dir) ? "$dir/chroma single" : '';

# Of each: settings, statements before it, and the one that is ended. Short ones are repeated, so that they are cut short.
my $again = 'FROM generate_series(1, 200) g';
my $nearest = 'ORDER BY v <-> (SELECT v FROM big LIMIT 1)';
my $indexed = "SET enable_seqscan = off; SET jit = off; SET work_mem = '64kB'";
my $of_each = 'FROM big b, LATERAL';
my %work = (
    'build with threads'    => { run => 'CREATE INDEX new ON big USING hnsw (v vector_l2_ops) WITH (ef_construction = 200)' },
    'build alone'           => { set => 'SET max_parallel_maintenance_workers = 0', run => 'CREATE INDEX new ON big USING hnsw (v vector_l2_ops, c)' },
    'build beyond memory'   => { set => "SET maintenance_work_mem = '1MB'", run => 'CREATE INDEX new ON big USING hnsw (v vector_l2_ops)' },
    'build of lists'        => { run => 'CREATE INDEX new ON big USING ivfflat (v vector_l2_ops) WITH (lists = 400)' },
    'concurrent build'      => { run => 'CREATE INDEX CONCURRENTLY new ON big USING hnsw (v vector_l2_ops)' },
    'scan of all rows'      => { set => $indexed, run => "SELECT sum(n.id) $again, LATERAL (SELECT id FROM old $nearest OFFSET g) n" },
    'scan with conditions'  => { set => $indexed, run => "SELECT count(*) $of_each (SELECT id FROM old WHERE c = b.c ORDER BY v <-> b.v LIMIT 10) n" },
    'scan that goes on'     => { set => "$indexed; SET hnsw.iterative_scan = relaxed_order",
                                 run => "SELECT count(*) $of_each (SELECT id FROM old WHERE id % 50 = 7 ORDER BY v <-> b.v LIMIT 10) n" },
    'scan of lists'         => { set => "$indexed; SET ivfflat.probes = 50", run => "SELECT count(*) $of_each (SELECT id FROM lists ORDER BY v <-> b.v LIMIT 10) n" },
    'insert of many rows'   => { run => 'INSERT INTO grown SELECT id, v, c FROM big' },
    'update of a condition' => { run => 'UPDATE old SET c = c + 1' },
    'vacuum'                => { before => 'DELETE FROM old WHERE id % 3 = 0; INSERT INTO old SELECT * FROM big WHERE id % 3 = 0', run => 'VACUUM old' },
    'deep check'            => { run => "SELECT count(*) $again, LATERAL vecstore_check('old_v', deep => true)" },
    'import of npy'         => { before => 'TRUNCATE imported, vecstore_import_state, vecstore_import_batch', run => "CALL vecstore_import('imported', '$dir/many.npy')" },
    'import of FAISS'       => { before => 'TRUNCATE imported, vecstore_import_state, vecstore_import_batch', run => "CALL vecstore_import('imported', '$dir/many.faiss', id_column => 'id')" },
    'import of hnswlib'     => { before => 'TRUNCATE imported, vecstore_import_state, vecstore_import_batch', run => "CALL vecstore_import('imported', '$dir/big.hnswlib', id_column => 'id')" },
    'import of a graph'     => { run => "SELECT vecstore_import_graph('graph', '$dir/big.hnswlib', id_column => 'id')" },
    'reading a file'        => { run => "SELECT count(*) $again, LATERAL vecstore_read_npy('$dir/big.npy')" },
    'export to npy'         => { run => "SELECT sum(vecstore_export_npy('big', '$dir/out.npy', 'v', overwrite => true)) $again" },
    'export to FAISS'       => { run => "SELECT sum(vecstore_export_faiss('old', '$dir/out.faiss', id_column => 'id', index => 'old_v', overwrite => true)) $again" },
    'export to hnswlib'     => { run => "SELECT sum(vecstore_export_hnswlib('big', '$dir/out.hnswlib', id_column => 'id', ef_construction => 400, overwrite => true)) $again" });
$work{'reading a store'} = { run => "SELECT count(*) FROM generate_series(1, 20000) g, LATERAL vecstore_read_chroma('$stores')" } if $stores;

# ------------------------------------------------------------------------------------------------- an end

# The state of the session after the operation: threads of its process, its temporary files.
my $left = q{SELECT 'left: ' || (SELECT count(*) FROM pg_ls_dir('/proc/' || pg_backend_pid() || '/task')) - 1 || ' threads, '
    || (SELECT count(*) FROM pg_ls_tmpdir() WHERE name LIKE 'pgsql_tmp' || pg_backend_pid() || '.%') || ' files'};

# The backend of a session, once it runs the statement: an end that came before would end nothing.
sub pid_of {
    my ($name, $statement) = @_;
    my $runs = $statement ? 'AND query = ' . quoted($statement) : '';
    my $pid = '';
    for (1 .. 100) {
        $pid = ask_quietly($node, "SELECT pid FROM pg_stat_activity WHERE application_name = '$name' AND backend_type = 'client backend' $runs");
        return $pid if $pid;
        sleep 0.02;
    }
    return 0;    # it is over
}

sub wait_for { my ($done) = @_; for (1 .. 6000) { return 1 if $done->(); sleep 0.01 } return 0 }

my (%worst, %ended, @leftovers);
my $number = 0;

# Begins an operation, ends it at a moment of its own, and returns after how many seconds it was over.
sub end_work {
    my ($name, $how) = @_;
    my $after = rand(0.7);
    my $application = 'work' . ++$number;
    my $work = $work{$name};
    sql($work->{before}) if $work->{before};
    my @setup = ($work->{set} // (), $how =~ /timeout/ ? "SET $how = " . int(1 + 1000 * $after) : ());
    my ($out, $err) = ('', '');
    my $client = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') . " application_name=$application",
            map { ('-c', $_) } @setup, '\timing on', $work->{run}, '\timing off', 'RESET ALL', $left ],
        '<', \undef, '>', \$out, '2>', \$err);
    my $pid = pid_of($application, $work->{run});
    sleep $after if $how !~ /timeout/;
    my $began = time;
    if ($how eq 'disconnect') {
        eval { $client->kill_kill(grace => 0) };
        wait_for(sub { !Vecstore::is_running($pid) });
    } elsif ($how eq 'terminate') {
        ask_quietly($node, "SELECT pg_terminate_backend($pid)");
        wait_for(sub { !Vecstore::is_running($pid) });
    } else {
        ask_quietly($node, "SELECT pg_cancel_backend($pid)") if $how eq 'cancel';
        wait_for(sub { $client->pump_nb; $out =~ /^left:/m || !Vecstore::is_running($pid) });
    }
    my $took = time - $began;
    eval { $client->finish } if $how ne 'disconnect';
    # Of a timeout the statements tell themselves by how much they went beyond it.
    ($took) = sort { $b <=> $a } 0, map { $_ / 1000 - $after } $out =~ /^Time: ([\d.]+) ms/mg if $how =~ /timeout/;
    push @leftovers, "$name, $how: $1" if $out =~ /^(left: .*)/m && $1 ne 'left: 0 threads, 0 files';
    $ended{$how}++ if $err =~ /canceling statement due to|terminating connection/ || $how eq 'disconnect';
    my @unexpected = grep { /ERROR|FATAL|PANIC|WARNING/ && !/canceling statement due to|terminating connection/ } split /\n/, $err;
    push @leftovers, "$name, $how: @unexpected" if @unexpected;
    $worst{$name} = $took if $took > ($worst{$name} // 0);
    note(sprintf '%s: %s after %.2f s, over in %.2f s', $name, $how, $after, $took);
    sql('DROP INDEX IF EXISTS new; DROP INDEX IF EXISTS graph_v_idx; TRUNCATE grown');
    return;
}

# ------------------------------------------------------------------------------------------------- rounds

my $started = sql('SELECT pg_postmaster_start_time()');
my @ways = ('cancel', 'terminate', 'disconnect', 'statement_timeout', $node->pg_version >= 17 ? 'transaction_timeout' : ());
for my $round (1 .. $rounds) {
    end_work($_, $ways[rand @ways]) for sort keys %work;
}
note(sprintf '%-24s %.2f s at worst', $_, $worst{$_}) for sort { $worst{$b} <=> $worst{$a} } keys %worst;
my ($slowest) = sort { $worst{$b} <=> $worst{$a} } keys %worst;
cmp_ok($worst{$slowest}, '<', $limit, "whoever ends an operation is answered in less than $limit s") or diag("$slowest: $worst{$slowest} s");
is(join("\n", @leftovers), '', 'nothing is left behind, and no other error comes');
cmp_ok($ended{$_} // 0, '>', 0, "$_: " . ($ended{$_} // 0) . ' operations ended') for grep { $rounds > 1 } @ways;

# --- a transaction that does nothing, with a scan that has spilled

my ($out, $err) = ('', '');
my $idle = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres') . ' application_name=idle', '-c', 'SET idle_in_transaction_session_timeout = 300',
        '-c', $indexed, '-c', "BEGIN", '-c', "DECLARE c CURSOR FOR SELECT id FROM old $nearest", '-c', 'FETCH 5 FROM c', '-c', '\! sleep 2', '-c', 'FETCH 5 FROM c' ],
    '<', \undef, '>', \$out, '2>', \$err);
my $pid = pid_of('idle');
my $began = time;
wait_for(sub { !Vecstore::is_running($pid) });
cmp_ok(time - $began, '<', 2, 'a transaction that does nothing is ended');
eval { $idle->finish };
like($err, qr/terminating connection due to idle-in-transaction timeout/, 'and told so');

# ---------------------------------------------------------------------------------------------- afterwards

is(sql('SELECT pg_postmaster_start_time()'), $started, 'the server is the same');
is(crashes($node), 0, 'no backend has crashed');
is(sql('SELECT count(*) FROM pg_ls_tmpdir()'), 0, 'no temporary file is left');
is(join(' ', glob "'$dir/*.tmp.*'"), '', 'no part of a file is left');
is(sql("SELECT count(*) FROM pg_locks WHERE pid <> pg_backend_pid()"), 0, 'no lock is left');
for my $index (qw(old_v grown_v lists_v)) {
    check_clean($node, $index, "$index is sound", deep => 1);
}
sql('VACUUM old; VACUUM grown; INSERT INTO grown SELECT * FROM big LIMIT 500');
for my $index (qw(old_v grown_v)) {
    check_clean($node, $index, "$index is sound after a vacuum", deep => 1);
}
is(sql("SET work_mem = '64kB'; SET enable_seqscan = off; SELECT count(*) FROM (SELECT FROM old $nearest) s"), sql('SELECT count(*) FROM old'), 'and has all rows');
done_testing();
