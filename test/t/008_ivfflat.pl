# ivfflat: at every number of probes at least the recall that an inverted file has, and all of it where the lists are
# all probed; after a build, deletes, vacuum, churn and crashes; exact scans beside inserts and vacuum.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Basename;
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

plan skip_all => 'tests what pgvector does not promise' if extension() ne 'vecstore';

my $node = new_node('ivfflat', 'shared_buffers = 512MB', "maintenance_work_mem = '1GB'", 'max_wal_size = 4GB',
    'synchronous_commit = off', 'autovacuum = off');

my $rows = scale(4000, 50000);
my $lists = scale(50, 200);
my $queries = 100;
my $seed = 31;

sub sql { return $node->safe_psql('postgres', join ';', @_) }

sub recall_of {
    my ($table, $op, $probes) = @_;
    return recall($node, $table, op => $op, settings => "SET ivfflat.probes = $probes;");
}

# {probes => recall} of an inverted file of the same vectors.
sub inverted_file {
    my ($kind, $dims, $metric, @probes) = @_;
    my $script = dirname(__FILE__) . '/../lib/inverted_file.py';
    my ($out, $err) = run_command([ '/usr/bin/python3', $script, $kind, $rows, $queries, $dims, $seed, $metric, $lists, @probes ]);
    my %recall = map { split } split /\n/, $out;
    die "inverted_file.py failed: $err" if keys %recall != @probes;
    return \%recall;
}

# The rows changed, the data did not: what lists would find is about the same.
sub is_as_good {
    my ($table, $op, $lists_find, $name) = @_;
    for my $probes (sort { $a <=> $b } keys %$lists_find) {
        my $least = $lists_find->{$probes} < 0.95 ? $lists_find->{$probes} : 0.95;
        my $recall = recall_of($table, $op, $probes);
        ok($recall >= $least, sprintf '%s: recall@10 %.4f with %d probes', $name, $recall, $probes);
    }
    is(recall_of($table, $op, $lists), 1, "$name: exact with as many probes as lists");
    check_clean($node, "${table}_v_idx", "$name: check is clean");
    return;
}

# ---------------------------------------------------------------------------------------- recall, vacuum, churn

my @cases = (
    # opclass, operator, type, kind, dims, metric, the vector as that type
    [ 'vector_l2_ops', '<->', 'vector(384)', 'embeddings', 384, 'l2', 'v' ],
    [ 'vector_ip_ops', '<#>', 'vector(256)', 'scaled', 256, 'ip', 'v' ],
    [ 'vector_cosine_ops', '<=>', 'vector(64)', 'uniform', 64, 'cosine', 'v' ],    # there is nothing harder
    [ 'halfvec_l2_ops', '<->', 'halfvec(48)', 'uniform', 48, 'l2', 'v::halfvec' ],
    [ 'halfvec_ip_ops', '<#>', 'halfvec(384)', 'embeddings', 384, 'ip', 'v::halfvec' ],
    [ 'halfvec_cosine_ops', '<=>', 'halfvec(256)', 'scaled', 256, 'cosine', 'v::halfvec' ],
    [ 'bit_hamming_ops', '<~>', 'bit(768)', 'embeddings', 768, 'hamming', 'binary_quantize(v)::bit(768)' ],
);

sql('CREATE SEQUENCE again START 1000000');

for my $case (@cases) {
    my ($table, $op, $type, $kind, $dims, $metric, $vector) = @$case;
    sql("CREATE TABLE ${table}_pool (id int PRIMARY KEY, v vector($dims))");
    load_vectors($node, table => "${table}_pool", kind => $kind, rows => $rows + $queries, dims => $dims, seed => $seed,
        first_id => 1);
    sql("CREATE TABLE $table (id int PRIMARY KEY, v $type)",
        "INSERT INTO $table SELECT id, $vector FROM ${table}_pool WHERE id <= $rows",
        "CREATE INDEX ON $table USING ivfflat (v $table) WITH (lists = $lists)", "ANALYZE $table");
    add_queries($node, $table, "(SELECT $vector AS v FROM ${table}_pool WHERE id > $rows) s", $type);

    my $lists_find = inverted_file($kind, $dims, $metric, 1, 2, 5, 10, $lists / 2 - 1);
    my $before = 0;
    for my $probes (sort { $a <=> $b } keys %$lists_find) {
        my $recall = recall_of($table, $op, $probes);
        # one row in a thousand, of a thousand, may be luck
        ok($recall >= $lists_find->{$probes} - 0.001,
            sprintf '%s: recall@10 %.4f with %d probes, where lists have %.4f', $table, $recall, $probes, $lists_find->{$probes});
        ok($recall >= $before - 0.005, "$table: more probes find as much, $probes");
        $before = $recall;
    }
    delete $lists_find->{ $lists / 2 - 1 };
    is_as_good($table, $op, $lists_find, "$table, built");

    sql("DELETE FROM $table WHERE hashint4(id) % 2 = 0");
    is(recall_of($table, $op, $lists), 1, "$table, half deleted, not vacuumed: exact");
    sql("VACUUM $table");
    is_as_good($table, $op, $lists_find, "$table, half deleted");

    # rows come back one by one, others change
    my $script = write_script($node, "churn_$table",
        "\\set i random(1, $rows)\n\\set j random(1, $rows)\n"
          . "INSERT INTO $table SELECT nextval('again'), $vector FROM ${table}_pool WHERE id = :i;\n"
          . "UPDATE $table SET v = (SELECT $vector FROM ${table}_pool WHERE id = :j) WHERE id = :i;\n");
    my $run = start_clients($node, '-M', 'prepared', '-f', $script, '-c', 2, '-t', scale(300, 3000));
    is(stop_clients($run), 0, "$table: churn") or diag($run->{err});
    is_as_good($table, $op, $lists_find, "$table, after churn");
    sql("VACUUM $table");
    is_as_good($table, $op, $lists_find, "$table, after churn and vacuum");
}

# ------------------------------------------------------------------------- filters, and scans that go on for them

my $few = "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off;";
my $rare = "FROM (SELECT id FROM vector_l2_ops WHERE id % 400 = 1 ORDER BY v <-> (SELECT v FROM vector_l2_ops_queries LIMIT 1) LIMIT 1000) s";
my $all = sql("SELECT count(*) FROM vector_l2_ops WHERE id % 400 = 1");
cmp_ok(sql("$few SELECT count(*) $rare"), '<', $all, 'rows that are rare: not all of them within one probe');
is(sql("$few SET ivfflat.iterative_scan = relaxed_order; SELECT count(*) $rare"), $all, 'an iterative scan finds them all');
is(sql("$few SET ivfflat.probes = $lists; SELECT count(*) $rare"), $all, 'so does one that probes all lists');
cmp_ok(sql("$few SET ivfflat.iterative_scan = relaxed_order; SET ivfflat.max_probes = 2; SELECT count(*) $rare"), '<', $all,
    'one that may probe but two does not');

# ------------------------------------------------------------- vectors of few dimensions are linked more sparsely

sql('CREATE TABLE short (id int PRIMARY KEY, v vector(32))');
load_vectors($node, table => 'short', kind => 'embeddings', rows => 4200, dims => 32, seed => $seed, first_id => 1);
sql('CREATE TABLE short_later AS SELECT * FROM short WHERE id > 4000', 'DELETE FROM short WHERE id > 4000', 'VACUUM FULL short',
    'CREATE INDEX ON short USING ivfflat (v vector_l2_ops) WITH (lists = 50)');
my $bytes = sql("SELECT pg_relation_size('short_v_idx') / 4000");
cmp_ok($bytes, '<=', 520, "an index of 32 dimensions takes $bytes bytes for a row");    # with the links of hnsw 910
my $plan = sql('EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) INSERT INTO short SELECT * FROM short_later');
my ($hits) = $plan =~ /Buffers: shared hit=(\d+)/ or die "no buffers in $plan";
cmp_ok($hits / 200, '<=', 850, sprintf 'an insert looks at %d pages', $hits / 200);       # 1,100

# ----------------------------------------------------------------------- exact scans beside inserts and vacuum

# Index and table are counted by one statement, so from one snapshot.
sub exact_scans_miss_nothing {
    my ($times, $name) = @_;
    my $wrong = '';
    for (1 .. $times) {
        my $counts = sql("$few SET ivfflat.probes = $lists",
            'SELECT (SELECT count(*) FROM (SELECT FROM vector_l2_ops ORDER BY v <-> (SELECT v FROM vector_l2_ops_queries LIMIT 1)) s),
                    (SELECT count(DISTINCT id) FROM (SELECT id FROM vector_l2_ops ORDER BY v <-> (SELECT v FROM vector_l2_ops_queries LIMIT 1)) s),
                    (SELECT count(v) FROM vector_l2_ops)');
        my ($scanned, $different, $there) = split /\|/, $counts;
        $wrong = $counts if $scanned != $there || $different != $there;
    }
    is($wrong, '', $name);
    return;
}

my $load = write_script($node, 'load',
    "\\set i random(1, $rows)\n"
      . "INSERT INTO vector_l2_ops SELECT nextval('again'), v FROM vector_l2_ops_pool WHERE id = :i;\n"
      . "DELETE FROM vector_l2_ops WHERE id = (SELECT id FROM vector_l2_ops WHERE id >= :i ORDER BY id LIMIT 1);\n");
my $vacuum = write_script($node, 'vacuum', "VACUUM vector_l2_ops;\n\\sleep 20 ms\n");
my @runs = (start_clients($node, '-M', 'prepared', '-f', $load, '-c', 2, '-T', 300),
    start_clients($node, '-f', $vacuum, '-c', 1, '-T', 300));
exact_scans_miss_nothing(scale(25, 200), 'exact scans miss no row and return none twice while rows come and go');
stop_clients($_, 'kill') for @runs;

# ------------------------------------------------------------------------------------------------------- crashes

for my $round (1 .. scale(3, 10)) {
    my $run = start_clients($node, '-M', 'prepared', '-f', $load, '-c', 4, '-T', 60);
    my $sweep = start_clients($node, '-f', $vacuum, '-c', 1, '-T', 60);
    select undef, undef, undef, 1 + rand 1;
    kill_server($node);
    stop_clients($_, 'kill') for $run, $sweep;
    $node->start;
    check_clean($node, 'vector_l2_ops_v_idx', "check after crash $round");
    exact_scans_miss_nothing(1, "exact scan after crash $round");
}
sql('VACUUM vector_l2_ops');
is_as_good('vector_l2_ops', '<->', { 1 => 0.95, 10 => 0.95 }, 'after crashes');

$node->stop;
done_testing();
