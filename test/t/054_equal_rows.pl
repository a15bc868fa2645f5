# Many rows of one vector: vacuum leaves no more pages behind however often they are replaced, a scan reads no more of them than
# it is asked for, and neither a crash nor a standby that replays vacuum loses any. And rows whose filter columns change.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $node = new_node('primary', 'shared_buffers = 256MB', 'autovacuum = off', 'max_wal_size = 4GB', 'synchronous_commit = off',
    'wal_keep_size = 1GB');
our $SETTINGS = load_library() . 'SET enable_seqscan = off; SET jit = off; ';

sub sql { return $node->safe_psql('postgres', join ";\n", @_) }
sub pages { return sql("SELECT pg_relation_size('$_[0]') / 8192") }

# Buffers that a query reads, those of planning aside: of a second run.
sub buffers {
    my ($query) = @_;
    my $explain = "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, FORMAT JSON) $query";
    my $plan = sql($SETTINGS . $query, $explain);
    $plan =~ s/\A.*?(?=^\[)//ms;
    my ($hit, $read) = ($plan =~ /"Shared Hit Blocks": (\d+).*?"Shared Read Blocks": (\d+)/s);
    like($plan, qr/Index Scan/, "by the index: $query");
    return $hit + $read;
}

# ------------------------------------------------------------------------------------------------ updates and vacuum

sql('CREATE TABLE t (id int, n int, kind int, v vector(64))', 'CREATE INDEX t_n ON t (n)',
    "INSERT INTO t SELECT i, 0, i % 3, array_fill(1, ARRAY[64])::vector FROM generate_series(1, 1500) i",
    "INSERT INTO t SELECT 1500 + i, 0, i % 3, (SELECT array_agg(sin(i * 64 + j)) FROM generate_series(1, 64) j)::vector FROM generate_series(1, 100) i",
    'CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops)', 'VACUUM t');
my $standby = new_standby($node, 'standby', 'hot_standby = on', 'max_standby_streaming_delay = -1');
my $ONES = "array_fill(1, ARRAY[64])::vector";
my $FIRST = "SELECT id FROM t ORDER BY v <-> $ONES LIMIT 5";
my ($pages, $buffers);
for my $round (1 .. 40) {
    # (Index t_n keeps them from being heap-only.)
    sql('UPDATE t SET n = n + 1', 'VACUUM t');
    ($pages, $buffers) = (pages('t_v'), buffers($FIRST)) if $round == 2;
}
cmp_ok(pages('t_v'), '<=', $pages + 1, "40 rounds of updates and vacuum: " . pages('t_v') . " pages, $pages after two");
cmp_ok(buffers($FIRST), '<=', $buffers + 20, 'as many buffers for five rows: ' . buffers($FIRST) . ", $buffers after two rounds");
cmp_ok(buffers($FIRST), '<=', 200, 'which are few');
check_clean($node, 't_v', 'check is clean');

# Some of the rows each time.
sql("UPDATE t SET n = n + 1 WHERE (id + $_) % 5 = 0", 'VACUUM t') for 1 .. 10;
$pages = pages('t_v');
sql("UPDATE t SET n = n + 1 WHERE (id + $_) % 5 = 0", 'VACUUM t') for 1 .. 20;
cmp_ok(pages('t_v'), '<=', $pages + 1, 'a fifth of the rows at a time: ' . pages('t_v') . " pages, $pages before");
is(sql($SETTINGS . "SELECT count(DISTINCT id), count(*) FROM (SELECT id FROM t ORDER BY v <-> $ONES LIMIT 100000) r"), '1600|1600',
    'all rows come once');

# -------------------------------------------------------------------------------------------------- what scans read

sql('CREATE TABLE wide (id int, n int, kind int, v vector(768))',
    "INSERT INTO wide SELECT i, i % 10, i % 4, array_fill(0.5, ARRAY[768])::vector FROM generate_series(1, 10000) i",
    'CREATE INDEX ON wide USING hnsw (v vector_l2_ops, kind)');
my $WIDE = 'array_fill(0.25, ARRAY[768])::vector';
for my $order ('strict_order', 'relaxed_order') {
    my $set = "SET hnsw.iterative_scan = $order; ";
    for my $query ("SELECT id FROM wide ORDER BY v <-> $WIDE LIMIT 10",
        "SELECT id FROM wide WHERE kind = 2 ORDER BY v <-> $WIDE LIMIT 10",
        "SELECT id FROM wide WHERE n = 3 ORDER BY v <-> $WIDE LIMIT 10") {
        local $SETTINGS = $SETTINGS . $set;
        my $read = buffers($query);
        cmp_ok($read, '<', 500, "$order: $read buffers for ten of 10,000 equal rows");
    }
}

# A few vectors many times: as without the index.
sql('CREATE TABLE few (id int, kind int, v vector(16))',
    "INSERT INTO few SELECT i, i % 7, (SELECT array_agg(cos(i % 30 * 16 + j)) FROM generate_series(1, 16) j)::vector FROM generate_series(1, 6000) i",
    'CREATE INDEX ON few USING hnsw (v vector_l2_ops, kind)');
for my $where ('true', 'kind = 3', 'id % 11 = 5', 'kind = 3 AND id % 11 = 5') {
    my $query = "SELECT md5(string_agg(id::text, ',' ORDER BY d, id)), bool_and(d >= before) FROM (SELECT id, d, lag(d, 1, 0) OVER () AS before FROM
        (SELECT id, v <-> array_fill(0.1, ARRAY[16])::vector AS d FROM few WHERE $where ORDER BY v <-> array_fill(0.1, ARRAY[16])::vector LIMIT 100000) a) b";
    my $without = sql("SET enable_indexscan = off; $query");
    like($without, qr/\|t$/, "few vectors, $where: in order");
    is(sql($SETTINGS . $query), $without, "few vectors, $where: the same rows in the same order");
}

# ------------------------------------------------------------------------------------ columns to filter by that change

sql('CREATE TABLE jobs (id int PRIMARY KEY, status int, v vector(32)) WITH (fillfactor = 90)',
    "INSERT INTO jobs SELECT i, 0, (SELECT array_agg(sin(i * 32 + j)) FROM generate_series(1, 32) j)::vector FROM generate_series(1, 600) i",
    'CREATE INDEX jobs_v ON jobs USING hnsw (v vector_l2_ops, status)');
my $before = pages('jobs_v');
my $script = write_script($node, 'jobs', "\\set id random(1, 600)\nUPDATE jobs SET status = status + 1 WHERE id = :id;\n");
my $clients = start_clients($node, '-c', '2', '-t', '3000', '-f', $script);
is(stop_clients($clients), 0, '6,000 changes of a filter column');
my $after = pages('jobs_v');
cmp_ok($after, '<=', 4 * $before, "ten changes of every row: $after pages, $before before");
check_clean($node, 'jobs_v', 'changed columns: check is clean');
my $by_status = "SELECT string_agg(s || ':' || n, ',' ORDER BY s) FROM (SELECT s, (SELECT count(*) FROM
    (SELECT FROM jobs WHERE status = s ORDER BY v <-> array_fill(0, ARRAY[32])::vector LIMIT 1000) r) AS n FROM generate_series(0, 30) s) x";
is(sql($SETTINGS . $by_status), sql("SET enable_indexscan = off; $by_status"), 'changed columns: every row is found by its status');

# ------------------------------------------------------------------------------------------------------- a standby

# Scans read the chain, here and on a standby that replays vacuum and inserts, while most of it goes and comes.
my $reads = write_script($node, 'reads', "SET enable_seqscan = off;
    SELECT 1 / (count(*) = 1600 AND count(DISTINCT id) = 1600)::int FROM (SELECT id FROM t ORDER BY v <-> $ONES LIMIT 100000) r;\n");
$node->wait_for_catchup($standby, 'replay');
my @readers = map { start_clients($_, '-c', '1', '-T', '5', '-f', $reads) } $node, $standby;
sql("SET wal_consistency_checking = 'generic'", 'UPDATE t SET n = n + 1', 'VACUUM t') for 1 .. 4;
is(stop_clients($_), 0, 'every scan returns all rows once, beside updates and vacuum') or diag($_->{err}) for @readers;
$node->wait_for_catchup($standby, 'replay');
my $all = "SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY v <-> $ONES LIMIT 100000) r";
is($standby->safe_psql('postgres', $SETTINGS . $all), sql($SETTINGS . $all), 'the standby has the same rows');
check_clean($standby, 't_v', 'check is clean on the standby');

# -------------------------------------------------------------------------------------------------------- crashes

sql('CREATE TABLE churn (id int, n int, v vector(64))', 'CREATE INDEX churn_n ON churn (n)',
    "INSERT INTO churn SELECT i, 0, $ONES FROM generate_series(1, 2000) i", 'CREATE INDEX churn_v ON churn USING hnsw (v vector_l2_ops)');
my $churn = write_script($node, 'churn', "UPDATE churn SET n = n + 1 WHERE id % 7 = (random() * 6)::int;\nVACUUM churn;\n");
for my $crash (1 .. 3) {
    my $load = start_clients($node, '-c', '2', '-T', '30', '-f', $churn);
    select undef, undef, undef, 0.7 + 0.4 * $crash;
    kill_server($node);
    stop_clients($load, 'kill');
    $node->start;
    check_clean($node, 'churn_v', "crash $crash: check is clean");
    is(sql($SETTINGS . "SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM churn ORDER BY v <-> $ONES LIMIT 100000) r"), '2000|2000',
        "crash $crash: all rows come once");
    sql('VACUUM churn');
    $node->psql('postgres', "SELECT vecstore_check('churn_v')", stderr => \my $notes);
    is($notes, '', "crash $crash: after vacuum no chunk is lost");
}
my $end = pages('churn_v');
sql('UPDATE churn SET n = n + 1', 'VACUUM churn') for 1 .. 5;
cmp_ok(pages('churn_v'), '<=', $end + 4, 'after crashes: ' . pages('churn_v') . " pages, $end before");

$standby->stop;
$node->stop;
done_testing();
