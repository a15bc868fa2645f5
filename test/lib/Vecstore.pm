# Functions that the tests share: servers, data, brute-force oracles, crashes.
#
# The tests use pgvector's SQL surface, so most of them also run on pgvector, which is how their own logic was
# checked: VECSTORE_TEST_EXTENSION=vector. Functions that only vecstore has (vecstore_check) are skipped there.
package Vecstore;

use strict;
use warnings;

use Exporter 'import';
use File::Basename;
use File::Spec;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(extension scale is_full new_node without_checksums crashes new_standby load_vectors add_queries recall check_clean
  exhaustive_scan_is_right found_by_own_vector largest_ef_search kill_server kill_backend start_clients stop_clients
  load_library write_script shared_file ask_quietly data_file shim_settings
  copied_stage pgvector_settings unstaged_settings run_make write_bytes npy wait_until_up
  answer quoted copy_folder change_sqlite make_stores);

sub extension { return $ENV{VECSTORE_TEST_EXTENSION} // 'vecstore' }

# A statement that loads the library, which defines its settings. (LOAD needs the library's path, which is not the same
# for a staging folder in every version of PostgreSQL.)
sub load_library { return "DO \$\$ BEGIN PERFORM '[1]'::vector; END \$\$; " }

# Sizes and durations: small ones always, those of the acceptance figures with VECSTORE_TEST_SCALE=full.
sub is_full { return ($ENV{VECSTORE_TEST_SCALE} // '1') eq 'full' }
sub scale { my ($small, $full) = @_; return is_full() ? $full : $small }

# A file of test/data.
sub data_file { return File::Spec->rel2abs(dirname(__FILE__) . "/../data/$_[0]") }

# (settings, folder): those of a server that looks for extensions in a copy of the staging folder, for tests that put
# something beside vecstore. Empty where the tests run on what is installed for real (see common.sh).
sub copied_stage {
    my $stage = $ENV{VECSTORE_STAGE} or return;
    my $settings = staged_settings();
    return if index($settings, $stage) < 0;
    my $copy = PostgreSQL::Test::Utils::tempdir() . '/stage';
    system('cp', '-r', $stage, $copy) == 0 or die 'cp failed';
    $settings =~ s/\Q$stage\E/$copy/g;
    return ($settings, $copy);
}

# Settings for a server that also finds the shim, the extension named vector; undef without a staging folder.
sub shim_settings {
    my ($settings, $copy) = copied_stage() or return undef;
    run_make('install-shim', "DESTDIR=$copy") == 0 or die 'make install-shim failed';
    return $settings;
}

# (settings, library of vecstore, library of pgvector) for a server that finds both. pgvector is the one installed for
# this server, or lies in the folder VECSTORE_PGVECTOR, filled by its `make install DESTDIR=...`. Empty where it is not.
sub pgvector_settings {
    my ($share, $lib) = map { chomp(my $path = `$ENV{PG_CONFIG} $_`); $path } '--sharedir', '--pkglibdir';
    my ($settings, $stage) = copied_stage();
    if (my $folder = $ENV{VECSTORE_PGVECTOR}) {
        return if !defined $stage;
        system('cp', '-r', glob("$folder/*"), $stage) == 0 or die 'cp failed';
        return ($settings, "$stage$lib/vecstore", "$stage$lib/vector");
    }
    my $control = "$share/extension/vector.control";
    return if !-e $control || slurp_file($control) =~ /vecstore/;
    return ($settings // staged_settings(), ($stage // '') . "$lib/vecstore", "$lib/vector");
}

# Settings for a server that finds what is installed for real, not what is staged.
sub unstaged_settings {
    my @names = staged_settings() =~ /^(\w+) *=/mg;
    return join '', map { "$_ = " . ($_ eq 'extension_destdir' ? "''" : $_ eq 'dynamic_library_path' ? "'\$libdir'" : "'\$system'") . "\n" } @names;
}

sub staged_settings { return $ENV{TEMP_CONFIG} ? slurp_file($ENV{TEMP_CONFIG}) : '' }

# run_make(ARGUMENT...): make in the copy of the sources; its exit status, and in list context its output too.
sub run_make {
    my $folder = File::Spec->rel2abs(dirname(__FILE__) . '/../..');
    my $output = '';
    my @pg_config = $ENV{PG_CONFIG} ? ("PG_CONFIG=$ENV{PG_CONFIG}") : ();
    IPC::Run::run([ 'make', '-s', '-C', $folder, @pg_config, @_ ], '>', \$output, '2>&1');
    my $rc = $? >> 8;
    return wantarray ? ($rc, $output) : $rc;
}

# A file of the shared material, or undef where there is none.
sub shared_file {
    my ($name) = @_;
    my $folder = $ENV{VECSTORE_SHARED} // File::Spec->catdir(dirname(__FILE__), '..', '..', '..', 'shared');
    my $path = File::Spec->rel2abs("$folder/$name");
    return -e $path ? $path : undef;
}

# new_node(NAME, SETTING...): a running primary with the extension.
sub new_node {
    my ($name, @settings) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);
    # Texts are UTF-8, whatever the environment says.
    $node->init(allows_streaming => 1, extra => [ '-E', 'UTF8', '--no-locale' ]);
    $node->append_conf('postgresql.conf', join("\n", 'log_statement = none', @settings, ''));
    $node->start;
    $node->safe_psql('postgres', 'CREATE EXTENSION ' . extension());
    return $node;
}

# Pages of this server have no checksums from now on: damage is vecstore's to find. (From 18 on a new cluster has them.)
sub without_checksums {
    my ($node) = @_;
    return if $node->safe_psql('postgres', 'SHOW data_checksums') eq 'off';
    $node->stop;
    PostgreSQL::Test::Utils::system_or_bail('pg_checksums', '--disable', '-D', $node->data_dir);
    $node->start;
    return;
}

# A streaming standby made from a base backup of the primary.
sub new_standby {
    my ($primary, $name, @settings) = @_;
    $primary->backup("for_$name");
    my $standby = PostgreSQL::Test::Cluster->new($name);
    $standby->init_from_backup($primary, "for_$name", has_streaming => 1);
    $standby->append_conf('postgresql.conf', join("\n", 'wal_retrieve_retry_interval = 100ms', @settings, ''));
    $standby->start;
    return $standby;
}

# Both streams of psql, whether the statement fails or not. Options are those of PostgreSQL::Test::Cluster's psql().
sub answer {
    my ($node, $sql, @options) = @_;
    my (undef, $out, $err) = $node->psql('postgres', $sql, @options);
    return "$out$err";
}

# A text as a literal of SQL.
sub quoted { my ($text) = @_; return "'" . ($text =~ s/'/''/gr) . "'" }

# ------------------------------------------------------------------------------------------------------- data

# Appends ROWS vectors of a KIND (see vectors.py) to a table whose first columns are (id int, v vector).
sub load_vectors {
    my ($node, %a) = @_;
    my $file = $node->basedir . "/$a{table}.$a{seed}.copy";
    my $script = File::Spec->rel2abs(dirname(__FILE__) . '/vectors.py');
    system('/usr/bin/python3', $script, $a{kind} // 'embeddings', $a{rows}, $a{dims}, $a{seed}, $file,
        $a{first_id} // 0) == 0
      or die "vectors.py failed";
    my $format = ($a{kind} // '') eq 'documents' ? 'text' : 'binary';
    $node->safe_psql('postgres', "COPY $a{table} (id, v) FROM '$file' (FORMAT $format)");
    unlink $file;
    return;
}

# Makes ${table}_queries from rows of another table (or a condition on it): vectors drawn like the indexed ones.
sub add_queries {
    my ($node, $table, $source, $type) = @_;
    $type //= 'vector';
    $node->safe_psql('postgres', "DROP TABLE IF EXISTS ${table}_queries;
        CREATE TABLE ${table}_queries (q serial PRIMARY KEY, v $type);
        INSERT INTO ${table}_queries (v) SELECT v FROM $source");
    return;
}

# -------------------------------------------------------------------------------------------- brute force oracle

# Share of the true K nearest rows that the index returns, over all queries of ${table}_queries. Compared by
# distance, so that among ties every choice is right. Fails loudly when a plan is not the one meant.
# Options: op (default <->), k (10), ef (server default), settings (SQL, before the index is asked), where (a
# condition), dbname.
sub recall {
    my ($node, $table, %a) = @_;
    my ($op, $k, $where) = ($a{op} // '<->', $a{k} // 10, $a{where} ? "WHERE $a{where}" : '');
    my $sql = "SELECT q.q, n.d FROM ${table}_queries q CROSS JOIN LATERAL "
      . "(SELECT t.v $op q.v AS d FROM $table t $where ORDER BY t.v $op q.v LIMIT $k) n";
    my $settings = ($a{ef} ? "SET hnsw.ef_search = $a{ef};" : '') . ($a{settings} // '');
    my $exact = answers($node, "SET enable_indexscan = off; SET jit = off;", $sql, 'Seq Scan on', $a{dbname});
    my $found = answers($node, load_library() . "SET enable_seqscan = off; SET jit = off; $settings",
        $sql, 'Order By:', $a{dbname});
    my ($hits, $all) = (0, 0);
    for my $q (keys %$exact) {
        my @true = sort { $a <=> $b } @{ $exact->{$q} };
        my $limit = $true[-1] + 1e-5 * abs($true[-1]) + 1e-9;
        my $good = grep { $_ <= $limit } @{ $found->{$q} // [] };
        $hits += $good < @true ? $good : @true;
        $all += @true;
    }
    die "no rows to compare in $table" if $all == 0;
    return $hits / $all;
}

# {query => [distances]} of a statement, whose plan must match a pattern.
sub answers {
    my ($node, $settings, $sql, $plan, $dbname) = @_;
    $dbname //= 'postgres';
    my $explained = $node->safe_psql($dbname, "$settings EXPLAIN $sql");
    die "unexpected plan:\n$explained" if index($explained, $plan) < 0;
    my %answers;
    for (split /\n/, $node->safe_psql($dbname, "$settings $sql")) {
        my ($q, $d) = split /\|/;
        push @{ $answers{$q} }, $d;
    }
    return \%answers;
}

sub largest_ef_search {
    my ($node, $wanted) = @_;
    my $most = $node->safe_psql('postgres',
        load_library() . "SELECT max(max_val::int) FROM pg_settings WHERE name IN ('hnsw.ef_search', 'vecstore.hnsw_ef_search')");
    return $wanted < $most ? $wanted : $most;
}

# --------------------------------------------------------------------------------------------------- invariants

# vecstore_check finds nothing.
sub check_clean {
    my ($node, $index, $name, %o) = @_;
    return 1 if extension() ne 'vecstore';
    my $deep = $o{deep} ? ', true' : '';
    return is($node->safe_psql($o{dbname} // 'postgres', "SELECT * FROM vecstore_check('$index'$deep) LIMIT 20"), '', $name);
}

# An ordered scan of the whole table with the largest ef_search: no row twice, no row that a sequential scan does
# not see, distances (computed anew from the row) ascending, and no more than a thousandth of the rows missing as far
# as ef_search reaches. One snapshot for both.
sub exhaustive_scan_is_right {
    my ($node, $table, $op, $name) = @_;
    my $rows = $node->safe_psql('postgres', "SELECT count(*) FROM $table WHERE v IS NOT NULL");
    # dead rows that are not vacuumed away yet count too
    my $wanted = 4 * $rows + 1000;
    my $ef = largest_ef_search($node, $wanted);
    my $query = "(SELECT v FROM $table WHERE v IS NOT NULL ORDER BY id LIMIT 1)";
    my $settings = load_library() . "SET hnsw.ef_search = $ef; SET jit = off; SET enable_seqscan = off;";
    my $scan = "SELECT id, v FROM $table ORDER BY v $op $query";
    my $plan = $node->safe_psql('postgres', "$settings EXPLAIN $scan");
    die "unexpected plan:\n$plan" if $plan !~ /Order By:/;
    my $result = $node->safe_psql(
        'postgres', "$settings
        WITH scanned AS MATERIALIZED (SELECT s.*, row_number() OVER () AS n, v $op $query AS d FROM ($scan) s),
             compared AS (SELECT s.*, lag(d) OVER (ORDER BY n) AS before,
                                 EXISTS (SELECT FROM $table t WHERE t.id = s.id AND t.v IS NOT DISTINCT FROM s.v) AS there FROM scanned s)
        SELECT count(*), count(*) - count(DISTINCT id), count(*) FILTER (WHERE NOT there),
               count(*) FILTER (WHERE before > d + 1e-6 * abs(d) + 1e-6) FROM compared");
    my ($scanned, $twice, $strangers, $descents) = split /\|/, $result;
    my $right = $twice == 0 && $strangers == 0 && $descents == 0 && ($ef < $wanted || $scanned >= 0.999 * $rows);
    ok($right, $name)
      or diag("$scanned of $rows rows scanned, $twice twice, $strangers not in the table, $descents out of order");
    return $right;
}

# At least 99.9% (or another share) of the rows, or all but one, are the nearest to their own vector (or tie with an
# equal one) for a search of default width.
sub found_by_own_vector {
    my ($node, $table, $op, $name, $share) = @_;
    $share //= 0.999;
    my $result = $node->safe_psql(
        'postgres', load_library() . "SET enable_seqscan = off; SET jit = off;
        SELECT count(*), count(*) FILTER (WHERE n.v = t.v) FROM $table t
        LEFT JOIN LATERAL (SELECT v FROM $table o ORDER BY o.v $op t.v LIMIT 1) n ON true WHERE t.v IS NOT NULL");
    my ($rows, $found) = split /\|/, $result;
    note("$name: $found of $rows rows found by their own vector");
    ok($found >= $share * $rows - 1, $name) or diag("$found of $rows rows found by their own vector");
    return;
}

# --------------------------------------------------------------------------------------------------------- files

sub write_bytes {
    my ($path, $content) = @_;
    open my $f, '>:raw', $path or die "$path: $!";
    print $f $content;
    close $f;
    return $path;
}

# A copy of a folder, with all that is in it; its path.
sub copy_folder {
    my ($source, $copy) = @_;
    system('cp', '-r', $source, $copy) == 0 or die 'cp failed';
    return $copy;
}

# Runs statements on a database of SQLite.
sub change_sqlite {
    my ($path, $sql) = @_;
    my $script = 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.executescript(sys.argv[2]); db.commit()';
    IPC::Run::run([ $ENV{PYTHON} // '/usr/bin/python3', '-c', $script, $path, $sql ]) or die 'sqlite3 failed';
    return;
}

# Folders of stores as the real programs make them, a line for each (t/store_files.py); undef without NumPy and FAISS.
sub make_stores {
    my ($folder) = @_;
    my $python = $ENV{PYTHON} // '/usr/bin/python3';
    return if system("$python -c 'import numpy, faiss' 2>/dev/null") != 0;
    my $made = `$python '@{[ dirname(__FILE__) ]}/../t/store_files.py' '$folder'`;
    die 'store_files.py failed' if $? != 0;
    return $made;
}

# The content of an .npy file of float32; the values as numbers, or a reference to their bytes.
sub npy {
    my ($rows, $dims, @values) = @_;
    my $dict = "{'descr': '<f4', 'fortran_order': False, 'shape': ($rows, $dims), }\n";
    return "\x93NUMPY\1\0" . pack('v', length $dict) . $dict . (ref $values[0] ? ${ $values[0] } : pack 'f<*', @values);
}

# ---------------------------------------------------------------------------------------------- load and crashes

sub write_script {
    my ($node, $name, $text) = @_;
    return write_bytes($node->basedir . "/$name.sql", $text);
}

# Starts pgbench in the background; arguments as on its command line.
sub start_clients {
    my ($node, @arguments) = @_;
    my %run = (out => '', err => '');
    $run{handle} = IPC::Run::start(
        [ 'pgbench', '-n', '-h', $node->host, '-p', $node->port, @arguments, 'postgres' ],
        '<', \undef, '>', \$run{out}, '2>', \$run{err});
    return \%run;
}

# The answer of a server that may not be there: '' then.
sub ask_quietly {
    my ($node, $sql) = @_;
    my $answer = '';
    IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $sql ],
        '<', \undef, '>', \$answer, '2>', \my $ignored);
    chomp $answer;
    return $answer;
}

# Waits for them, or ends them when told to; returns their exit status.
sub stop_clients {
    my ($run, $how) = @_;
    eval {
        if (($how // 'wait') eq 'kill') { $run->{handle}->kill_kill(grace => 2) }
        else { $run->{handle}->finish }
        1;
    } or do { my $e = $@; eval { $run->{handle}->kill_kill }; die $e if ($how // 'wait') ne 'kill' };
    return eval { $run->{handle}->result(0) } // -1;
}

# (state, parent) of a process, from /proc: ps is not installed everywhere.
sub process_status {
    my ($pid) = @_;
    open my $f, '<', "/proc/$pid/stat" or return;
    my $stat = <$f> // '';
    return $stat =~ /.*\) (\S) (\d+)/s;
}

# How many times a process of this server is seen in its log to have crashed.
sub crashes {
    my ($node) = @_;
    return scalar(() = PostgreSQL::Test::Utils::slurp_file($node->logfile) =~
        /was terminated by signal|server process .* exited with exit code|PANIC|TRAP/g);
}

# Until the server takes connections again. (poll_query_until writes to psql, which may have given up by then.)
sub wait_until_up {
    my ($node) = @_;
    for (1 .. 1800) {
        my ($out, $errors);
        return 1 if IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SELECT 1' ], '<', \undef, '>', \$out, '2>', \$errors);
        select undef, undef, undef, 0.1;
    }
    return 0;
}

# kill -9 of one backend, after which the server restarts all of them; waits until it has. (Before it knows that one is gone
# it would still answer, for a moment.) False: the backend was gone already.
sub kill_backend {
    my ($node, $pid) = @_;
    my $logged = -s $node->logfile;
    kill 'KILL', $pid or return 0;
    for my $tenths (1 .. 1800) {
        my $log = slurp_file($node->logfile, $logged);
        return 1 if $log =~ /was terminated by signal 9.*database system is ready to accept connections/s;
        return 0 if $tenths > 100 && $log !~ /was terminated by signal 9/;
        select undef, undef, undef, 0.1;
    }
    die "the server is not back after a backend's death\n";
}

sub is_running {
    my ($state) = process_status($_[0]);
    return defined $state && $state !~ /[ZX]/;
}

# kill -9 of the whole server, children included, at one moment: a crash without any goodbye.
sub kill_server {
    my ($node) = @_;
    my $pid_file = $node->data_dir . '/postmaster.pid';
    my ($postmaster) = split /\n/, slurp_file($pid_file);
    kill 'STOP', $postmaster;    # so that it starts no more children while they are listed
    my @children = grep { ((process_status($_))[1] // 0) == $postmaster } map { m{(\d+)$} } glob '/proc/[0-9]*';
    kill 'KILL', @children, $postmaster;
    for (1 .. 200) {
        last unless grep { is_running($_) } @children, $postmaster;
        select undef, undef, undef, 0.05;
    }
    # A zombie nobody has reaped yet looks like a running server.
    unlink $pid_file, $node->host . '/.s.PGSQL.' . $node->port . '.lock' if defined process_status($postmaster);
    $node->{_pid} = undef;
    return;
}

1;
