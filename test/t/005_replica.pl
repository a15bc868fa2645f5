# A streaming standby: same answers as the primary while it replays inserts and vacuum, and after promotion.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

# wal_consistency_checking makes replay compare every page it has changed with the primary's image of it.
my $primary = new_node('primary', 'shared_buffers = 128MB', 'autovacuum = off', 'max_wal_size = 4GB',
    'wal_keep_size = 1GB', "wal_consistency_checking = 'generic'");

sub sql { return $primary->safe_psql('postgres', join ";\n", @_) }

sub is_same_on {
    my ($standby, $name) = @_;
    $primary->wait_for_catchup($standby, 'replay');
    my $question = load_library() . "SET enable_seqscan = off;
        SELECT md5(string_agg(q.q || ':' || n.id || ':' || n.d, ',' ORDER BY q.q, n.d, n.id)), count(*)
        FROM items_queries q, LATERAL (SELECT id, i.v <=> q.v AS d FROM items i ORDER BY i.v <=> q.v LIMIT 10) n";
    is($standby->safe_psql('postgres', $question), $primary->safe_psql('postgres', $question), "$name: same answers");
    check_clean($standby, 'items_v_idx', "$name: check is clean on the standby");
    # an ivfflat index: by probes, and (half of the lists are probed) by reading all of it
    for my $probes (10, 50) {
        my $by_lists = load_library() . "SET enable_seqscan = off; SET ivfflat.probes = $probes; SET ivfflat.iterative_scan = relaxed_order;
            SELECT md5(string_agg(q.q || ':' || n.id || ':' || n.d, ',' ORDER BY q.q, n.d, n.id)), count(*)
            FROM items_queries q, LATERAL (SELECT id, i.v <-> q.v AS d FROM items i ORDER BY i.v <-> q.v LIMIT 10) n";
        my ($there, $here) = map { $_->safe_psql('postgres', $by_lists) } $standby, $primary;
        is($there, $here, "$name: same answers of ivfflat with $probes probes");
        like($here, qr/\|2000$/, "$name: ten rows for each of 200 queries");
    }
    check_clean($standby, 'items_ivf', "$name: check of ivfflat is clean on the standby");
    return;
}

sql('CREATE TABLE pool (id int PRIMARY KEY, v vector(384))', 'CREATE TABLE items (id int PRIMARY KEY, v vector(384))');
load_vectors($primary, table => 'pool', rows => 6200, dims => 384, seed => 21, first_id => 1);
add_queries($primary, 'items', 'pool WHERE id > 6000');
my $standby = new_standby($primary, 'standby', 'hot_standby = on');

sql('INSERT INTO items SELECT * FROM pool WHERE id <= 2000', 'CREATE INDEX ON items USING hnsw (v vector_cosine_ops)',
    'CREATE INDEX items_ivf ON items USING ivfflat (v vector_l2_ops)');
is_same_on($standby, 'built');
sql('INSERT INTO items SELECT * FROM pool WHERE id BETWEEN 2001 AND 4000');
is_same_on($standby, 'inserted');
sql('DELETE FROM items WHERE id % 2 = 0', 'VACUUM items');
is_same_on($standby, 'deleted and vacuumed');
sql('INSERT INTO items SELECT * FROM pool WHERE id BETWEEN 4001 AND 5000',
    'UPDATE items SET v = (SELECT v FROM pool p WHERE p.id = items.id + 1) WHERE id % 10 = 1', 'VACUUM items');
is_same_on($standby, 'updated');

# Queries on the standby all the while that it replays inserts and vacuum: no wrong answer, no error but the
# conflicts that recovery is entitled to.
my $script = write_script($primary, 'ask', "\\set i random(1, 200)
WITH found AS MATERIALIZED (SELECT id, v, v <=> (SELECT v FROM items_queries WHERE q = :i) AS d FROM items
    ORDER BY v <=> (SELECT v FROM items_queries WHERE q = :i) LIMIT 10)
SELECT 1 / (CASE WHEN count(*) = count(t.id) AND count(DISTINCT f.id) = count(*) THEN 1 ELSE 0 END)
FROM found f LEFT JOIN items t ON t.id = f.id AND t.v = f.v;\n");
my $readers = start_clients($standby, '-c', 3, '-T', scale(8, 30), '-f', $script);
my $until = time + scale(8, 30);
my $turn = 0;
while (time < $until) {
    $turn++;
    sql("DELETE FROM items WHERE id % 5 = $turn % 5", 'VACUUM items',
        "INSERT INTO items SELECT * FROM pool WHERE id <= 4000 AND id % 5 = $turn % 5 ON CONFLICT DO NOTHING");
}
my $rc = stop_clients($readers);
my @complaints = grep { /ERROR|FATAL/ && !/conflict with recovery/ } split /\n/, $readers->{err};
is(join("\n", @complaints), '', "read during replay of $turn rounds of delete, vacuum and insert: no wrong answer");
cmp_ok($turn, '>', 1, 'there was something to replay');
is_same_on($standby, 'after that');

# The standby restarts in the middle, then takes over.
$standby->restart;
is_same_on($standby, 'restarted');
$primary->stop('immediate');
$standby->promote;
$standby->safe_psql('postgres', 'DELETE FROM items WHERE id % 3 = 0; ');
$standby->safe_psql('postgres', 'VACUUM items');
$standby->safe_psql('postgres', 'INSERT INTO items SELECT * FROM pool WHERE id BETWEEN 5001 AND 6000 ON CONFLICT DO NOTHING');
check_clean($standby, 'items_v_idx', 'promoted: check is clean');
check_clean($standby, 'items_ivf', 'promoted: check of ivfflat is clean');
exhaustive_scan_is_right($standby, 'items', '<=>', 'promoted: scanned to the end');
found_by_own_vector($standby, 'items', '<=>', 'promoted: found by own vector');
my $recall = recall($standby, 'items', op => '<=>');
ok($recall >= 0.95, 'promoted: recall@10 ' . sprintf '%.4f', $recall);
my @errors = grep { /(PANIC|FATAL):/ && /inconsistent|corrupt/ } split /\n/, slurp_file($standby->logfile);
is(join("\n", @errors), '', 'replayed pages equal the originals');

$standby->stop;
done_testing();
