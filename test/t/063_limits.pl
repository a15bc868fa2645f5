# No space on the disk, too few file descriptors, too little memory: every long operation ends with an error of the right class,
# the server stays up, nothing is left behind, and the same operation works once there is room.
#
# The full disk is a small file system that test/run mounts (VECSTORE_SMALL_DISK); where it may not, that part is skipped.
#
#   VECSTORE_LIMITS_ROUNDS   how many limits every operation is tried with, for each of memory and descriptors
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

plan skip_all => 'about vecstore alone' if extension() ne 'vecstore';

my $rounds = $ENV{VECSTORE_LIMITS_ROUNDS} // scale(1, 60);
my $seed = $ENV{VECSTORE_LIMITS_SEED} // int(rand(1e6));
srand($seed);
note("VECSTORE_LIMITS_SEED=$seed");

my $node = new_node('limits', 'shared_buffers = 32MB', 'autovacuum = off', 'fsync = off', 'max_parallel_maintenance_workers = 3',
    'log_error_verbosity = verbose', 'restart_after_crash = on', 'jit = off', 'max_files_per_process = 64');
my $dir = $node->basedir;
sub sql { return $node->safe_psql('postgres', $_[0]) }

sql('CREATE TABLE big (id int, v vector(64), c int)');
load_vectors($node, table => 'big', rows => 5000, dims => 64, seed => 5);
sql("UPDATE big SET c = id % 7; VACUUM FULL big; CREATE INDEX big_v ON big USING hnsw (v vector_l2_ops, c);
    CREATE TABLE holes (id int, v vector(64)); INSERT INTO holes SELECT id, CASE WHEN id % 20 = 0 THEN v END FROM big, generate_series(1, 20);
    SELECT vecstore_export_npy('big', '$dir/big.npy', 'v');
    SELECT vecstore_export_hnswlib('big', '$dir/big.hnswlib', id_column => 'id', ef_construction => 20);
    SELECT vecstore_export_faiss('big', '$dir/big.faiss', id_column => 'id')");
my $stores = defined make_stores($dir) ? "$dir/chroma single" : '';
my $started = sql('SELECT pg_postmaster_start_time()');
my $nearest = 'ORDER BY v <-> (SELECT v FROM big LIMIT 1)';

# The SQLSTATEs and messages of a session's errors, in which statements are run one by one.
sub errors_of {
    my (@statements) = @_;
    my (undef, undef, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n" . join(";\n", @statements, ""), on_error_stop => 0);
    return grep { !/ERROR:  25P02/ } $err =~ /(?:ERROR|FATAL|PANIC):  \w{5}: [^\n]*|server closed the connection/g;
}

sub is_alive {
    my ($name) = @_;
    is(ask_quietly($node, 'SELECT pg_postmaster_start_time()'), $started, "$name: the server is up") or BAIL_OUT("$name: the server is down");
    return;
}

# ------------------------------------------------------------------------------------------------ a full disk

my $disk = $ENV{VECSTORE_SMALL_DISK};

sub free_bytes { my (@f) = split ' ', (`df -k --output=avail '$disk'`)[1]; return 1024 * $f[0] }

# Leaves so many kB on the small disk.
sub leave {
    my ($kb) = @_;
    unlink "$disk/filler";
    return if !defined $kb;
    my $bytes = free_bytes() - 1024 * $kb;
    die 'the small disk is too small' if $bytes <= 0;
    system('fallocate', '-l', $bytes, "$disk/filler") == 0 or die 'fallocate failed';
    return;
}

sub files_on_disk { my $files = `cd '$disk' && find . -type f ! -name filler ! -size 0 | sort`; return $files }

# Runs an operation with so many kB on the disk, then with room.
sub on_full_disk {
    my ($name, $kb, %o) = @_;
    sql($o{before}) if $o{before};
    my $was = files_on_disk();
    leave($kb);
    my @errors = errors_of($o{set} // (), $o{run});
    is_alive($name);
    like(join("\n", @errors), qr/^ERROR:  53100: [^\n]*$/, "$name: the disk is full") or diag(join "\n", @errors);
    is(files_on_disk(), $was, "$name: nothing is left on it") if !$o{grows};
    is(sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), 0, "$name: no half index");
    $o{between}->() if $o{between};
    leave();
    is(join("\n", errors_of($o{set} // (), $o{again} // $o{run})), '', "$name: with room it works");
    sql($o{after}) if $o{after};
    return;
}

SKIP: {
    skip 'no small disk to fill', 1 if !$disk || !-w $disk;
    mkdir "$disk/$_" or die "$disk/$_: $!" for 'space', 'files';
    $node->psql('postgres', "CREATE TABLESPACE small LOCATION '$disk/space'");
    my $temporary = "SET temp_tablespaces = small; SET work_mem = '64kB'; SET enable_seqscan = off";
    my $build = "CREATE INDEX new ON big USING hnsw (v vector_l2_ops, c)";
    my $gone = 'DROP INDEX new';
    my %build = (run => "$build TABLESPACE small", after => "DO \$\$ BEGIN IF EXISTS (SELECT FROM vecstore_check('new', true)) THEN RAISE 'damaged'; END IF; END \$\$; $gone");
    on_full_disk('build', 1000, %build, set => 'SET max_parallel_maintenance_workers = 0');
    on_full_disk('build with threads', 1000, %build);
    on_full_disk('build beyond memory', 1000, %build, set => "SET maintenance_work_mem = '1MB'");
    on_full_disk('build with room for nothing', 0, %build);
    on_full_disk('build of rows without a vector', 500, set => $temporary, run => 'CREATE INDEX new ON holes USING hnsw (v vector_l2_ops)', after => $gone);
    on_full_disk('import of a graph', 1000, before => "SET default_tablespace = small; CREATE TABLE g AS SELECT id, v FROM big",
        set => 'SET default_tablespace = small', run => "SELECT vecstore_import_graph('g', '$dir/big.hnswlib', id_column => 'id')", after => 'DROP TABLE g');

    on_full_disk('insert', 1000, grows => 1, before => 'CREATE TABLE grown (LIKE big); CREATE INDEX grown_v ON grown USING hnsw (v vector_l2_ops, c) TABLESPACE small',
        run => 'INSERT INTO grown SELECT * FROM big',
        between => sub {
            check_clean($node, 'grown_v', 'after an insert that found no room');
            is(sql('SET enable_seqscan = off; SELECT count(*) FROM (SELECT FROM grown ORDER BY v <-> (SELECT v FROM big LIMIT 1)) s'), 0, 'and no row');
        });
    check_clean($node, 'grown_v', 'an index that has found room');
    # The pages that the failed insert took are used again.
    my $size = sql("SELECT pg_relation_size('grown_v')");
    sql('DELETE FROM grown WHERE id % 2 = 0; VACUUM grown');
    on_full_disk('update', 0, grows => 1, run => 'UPDATE grown SET v = (SELECT b.v FROM big b WHERE b.id = (grown.id + 2501) % 5000), c = 1 + c', before => 'INSERT INTO grown SELECT * FROM big');
    check_clean($node, 'grown_v', 'the index after an update that found no room');
    sql('VACUUM grown');
    check_clean($node, 'grown_v', 'and after a vacuum');
    sql('DROP TABLE grown');

    # As many nodes as a vacuum does not hold in a megabyte.
    sql("CREATE TABLE many (id int, v vector(3)); INSERT INTO many SELECT i, ARRAY[random(), random(), random()]::vector FROM generate_series(1, 130000) i;
        SET maintenance_work_mem = '500MB'; CREATE INDEX many_v ON many USING hnsw (v vector_l2_ops) WITH (m = 4, ef_construction = 16)");
    on_full_disk('vacuum', 100, before => 'DELETE FROM many WHERE id % 40 = 0', set => "$temporary; SET maintenance_work_mem = '1MB'", run => 'VACUUM many');
    check_clean($node, 'many_v', 'the index after it');
    on_full_disk('scan of all rows', 100, set => $temporary, run => "SELECT count(*) FROM (SELECT FROM many ORDER BY v <-> '[0.5,0.5,0.5]') s");
    on_full_disk('cursor', 100, set => $temporary, run => "BEGIN; DECLARE c CURSOR FOR SELECT FROM many ORDER BY v <-> '[0.5,0.5,0.5]'; MOVE ALL IN c; COMMIT");

    for my $kind (qw(npy fvecs faiss hnswlib)) {
        my $ids = $kind =~ /faiss|hnswlib/ ? ", id_column => 'id'" : '';
        on_full_disk("export to $kind", 400, grows => 0, run => "SELECT vecstore_export_$kind('big', '$disk/files/out.$kind', 'v'$ids, overwrite => true)");
        unlink "$disk/files/out.$kind";
        on_full_disk("export to $kind, no byte", 0, run => "SELECT vecstore_export_$kind('big', '$disk/files/out.$kind', 'v'$ids, overwrite => true)");
        unlink "$disk/files/out.$kind";
    }
    on_full_disk('export with its ids in files', 20, set => $temporary, run => "SELECT vecstore_export_faiss('SELECT id, v FROM big', '$dir/out.faiss', 'v', id_column => 'id', overwrite => true)");
    on_full_disk('export of a graph', 400, set => $temporary, run => "SELECT vecstore_export_faiss('big', '$dir/out.faiss', 'v', id_column => 'id', index => 'big_v', overwrite => true)");
    is(join(' ', glob "'$dir/*.tmp.*'"), '', 'no part of a file is left');

    for my $kind (qw(npy faiss hnswlib)) {
        my $ids = $kind eq 'npy' ? '' : ", id_column => 'id'";
        my $default = $kind eq 'npy' ? 'GENERATED ALWAYS AS IDENTITY' : '';
        on_full_disk("import of $kind", 500, grows => 1, before => "CREATE TABLE imported (id bigint $default, v vector(64)) TABLESPACE small",
            run => "CALL vecstore_import('imported', '$dir/big.$kind'$ids, batch_size => 1000)",
            again => "CALL vecstore_import('imported', '$dir/big.$kind'$ids, resume => true, batch_size => 1000)");
        is(sql('SELECT count(*) FROM imported'), 5000, "import of $kind: it goes on where it stopped");
        sql('DROP TABLE imported');
    }
    on_full_disk('import with conflicts', 300, set => 'SET temp_tablespaces = small', grows => 1, before => 'CREATE TABLE keyed (id bigint PRIMARY KEY, v vector(64)); INSERT INTO keyed SELECT id, v FROM big LIMIT 100',
        run => "CALL vecstore_import('keyed', '$dir/big.faiss', id_column => 'id', on_conflict => 'update')",
        again => "CALL vecstore_import('keyed', '$dir/big.faiss', id_column => 'id', on_conflict => 'update', resume => true)");
    is(sql('SELECT count(*) FROM keyed'), 5000, 'import with conflicts: it goes on where it stopped');
    is(sql('SELECT count(*) FROM pg_ls_tmpdir()') + sql("SELECT count(*) FROM pg_ls_tmpdir((SELECT oid FROM pg_tablespace WHERE spcname = 'small'))"), 0, 'no temporary file is left');
    sql('DROP TABLE keyed, many; DROP TABLESPACE small');
    system('rm', '-rf', "$disk/space", "$disk/files");
}

# ----------------------------------------------------------------------------- limits of a session's process

# Every operation that takes memory or files, in a session of its own.
my $indexed = 'SET enable_seqscan = off';
my %work = (
    'build'               => 'CREATE INDEX new ON big USING hnsw (v vector_l2_ops, c)',
    'build beyond memory' => "SET maintenance_work_mem = '1MB'; CREATE INDEX new ON big USING hnsw (v vector_l2_ops)",
    'build of lists'      => 'CREATE INDEX new ON big USING ivfflat (v vector_l2_ops) WITH (lists = 100)',
    'insert'              => 'INSERT INTO big SELECT id, v, c FROM big LIMIT 300',
    'scan of all rows'    => "$indexed; SET work_mem = '64kB'; SELECT count(*) FROM (SELECT FROM big $nearest) s",
    'scan in memory'      => "$indexed; SET work_mem = '1GB'; SELECT count(*) FROM (SELECT FROM big $nearest) s",
    'filtered scan'       => "$indexed; SELECT count(*) FROM (SELECT FROM big WHERE c = 3 $nearest LIMIT 100) s",
    # (Where PostgreSQL cannot open a table's file to truncate it, it panics by itself.)
    'vacuum'              => 'DELETE FROM big WHERE id % 10 = 3; VACUUM (TRUNCATE off) big',
    'check'               => "SELECT count(*) FROM vecstore_check('big_v', true)",
    'import of npy'       => "CREATE TEMP TABLE t (v vector(64)); CALL vecstore_import('t', '$dir/big.npy')",
    'import of FAISS'     => "CREATE TEMP TABLE t (id bigint PRIMARY KEY, v vector(64)); CALL vecstore_import('t', '$dir/big.faiss', id_column => 'id', on_conflict => 'update')",
    'import of hnswlib'   => "CREATE TEMP TABLE t (id bigint, v vector(64)); CALL vecstore_import('t', '$dir/big.hnswlib', id_column => 'id')",
    'import of a graph'   => "CREATE TEMP TABLE t AS SELECT id, v FROM big; SELECT vecstore_import_graph('t', '$dir/big.hnswlib', id_column => 'id')",
    'reading files'       => join('; ', map { "SELECT count(*) FROM vecstore_read_$_('$dir/big.$_')" } qw(npy faiss hnswlib)),
    'export to npy'       => "SELECT vecstore_export_npy('big', '$dir/out.npy', 'v', overwrite => true)",
    'export to FAISS'     => "SELECT vecstore_export_faiss('big', '$dir/out.faiss', id_column => 'id', index => 'big_v', overwrite => true)",
    'export to hnswlib'   => "SELECT vecstore_export_hnswlib('big', '$dir/out.hnswlib', id_column => 'id', overwrite => true)",
    'many files at once'  => "SELECT count(*) FROM " . join(' JOIN ', map { "vecstore_read_npy('$dir/big.npy') AS t$_" } 1 .. 2) . ' ON false');
$work{'reading a store'} = "SELECT count(*) FROM vecstore_read_chroma('$stores')" if $stores;

# limit.sh PROCESS KIND MORE: limits a process to so much more than it has taken by now.
write_bytes("$dir/limit.sh", <<'END');
cat >/dev/null
case $2 in
    as) prlimit --pid "$1" --as=$(($(awk '/^VmSize/ { print $2 * 1024 }' "/proc/$1/status") + $3)): ;;
    nofile) prlimit --pid "$1" --nofile=$(($(ls "/proc/$1/fd" | wc -l) + $3)): ;;
esac
END
# The stack does not grow any more under a limit of memory, which ends any program: it has grown before.
my $stack = 'DO $$ BEGIN PERFORM ' . '(' x 1500 . '1' . '+1)' x 1500 . '; END $$';

# Runs an operation under a limit; what it fails with must be of one of the classes.
my (%failed, @wrong);
sub under_limit {
    my ($name, $kind, $more, $classes) = @_;
    my @errors = errors_of(load_library(), $stack,
        "DO \$\$ BEGIN EXECUTE format(\$c\$COPY (SELECT) TO PROGRAM 'sh $dir/limit.sh %s $kind $more'\$c\$, pg_backend_pid()); END \$\$",
        split(/; /, $work{$name}), "SELECT 'threads' WHERE (SELECT count(*) FROM pg_ls_dir('/proc/' || pg_backend_pid() || '/task')) > 1");
    $failed{$kind}++ if @errors;
    push @wrong, map { "$name, $kind + $more: $_" } grep { !/^(ERROR|FATAL):  (?:$classes)/ } @errors;
    if (ask_quietly($node, 'SELECT pg_postmaster_start_time()') ne $started) {
        push @wrong, "$name, $kind + $more: the server was down";
        wait_until_up($node);
        $started = sql('SELECT pg_postmaster_start_time()');
    }
    sql('DROP INDEX IF EXISTS new; DELETE FROM big WHERE ctid NOT IN (SELECT min(ctid) FROM big GROUP BY id)') if $name =~ /build|insert/;
    return;
}

# Out of memory; no descriptor (58030: as SQLite says it).
for my $round (1 .. $rounds) {
    for my $name (sort keys %work) {
        under_limit($name, 'as', int(exp(log(50_000) + rand(log(400)))), '53200|42P01|42704');
        under_limit($name, 'nofile', int(rand(16)) - 8, '53000|58030|42P01|42704');
    }
}
is(join("\n", @wrong), '', 'operations without memory or descriptors fail as they should');
cmp_ok($failed{as}, '>', 0, "without memory: $failed{as} operations failed");
# (PostgreSQL closes files that it may open again, and most operations then find one.)
note('without descriptors: ' . ($failed{nofile} // 0) . ' operations failed');

# --- settings of memory, tiny and huge

for my $memory ('64kB', is_full() ? '2GB' : ()) {
    my $maintenance = $memory eq '64kB' ? '1MB' : $memory;
    for my $name (sort keys %work) {
        my @errors = errors_of("SET work_mem = '$memory'; SET maintenance_work_mem = '$maintenance'", split /; /, $work{$name});
        # hnswlib is told how much it may take.
        is(join("\n", grep { !/54000/ } @errors), '', "$name with $memory");
        sql('DROP INDEX IF EXISTS new; DELETE FROM big WHERE ctid NOT IN (SELECT min(ctid) FROM big GROUP BY id)') if $name =~ /build|insert/;
    }
}

# ------------------------------------------------------------------------------------------------- afterwards

is(crashes($node), 0, 'no backend has crashed');
is(sql('SELECT count(*) FROM pg_ls_tmpdir()'), 0, 'no temporary file is left');
is(join(' ', glob "'$dir/*.tmp.*'"), '', 'no part of a file is left');
is(sql('SELECT count(*) FROM pg_index WHERE NOT indisvalid'), 0, 'no half index');
check_clean($node, 'big_v', 'the index is sound');
sql('VACUUM big');
check_clean($node, 'big_v', 'and after a vacuum');
done_testing();
