# Vacuum: space is used again, the entry point may go, everything may go, an interrupted vacuum does no harm.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

# A search of default width misses some rows even in a new index of this data, one in some thousands. Others come
# and go between two vacuums, so that there is a margin.
my $CHURNED = 0.998;

my $ROWS = 4000;
my $node = new_node('vacuum', 'shared_buffers = 256MB', 'autovacuum = off', 'max_wal_size = 4GB',
    'synchronous_commit = off', 'max_parallel_maintenance_workers = 2', 'min_parallel_index_scan_size = 0');

sub sql { return $node->safe_psql('postgres', join ";\n", @_) }
sub size { return sql("SELECT pg_relation_size('$_[0]')") }

sub recall_is_good {
    my ($name) = @_;
    my $recall = recall($node, 'items', op => '<=>');
    ok($recall >= 0.95, "$name: recall@10 " . sprintf '%.4f', $recall);
    return;
}

sql('CREATE TABLE pool (id int PRIMARY KEY, v vector(384))', 'CREATE TABLE items (id int PRIMARY KEY, v vector(384))');
load_vectors($node, table => 'pool', kind => 'embeddings', rows => 2 * $ROWS + 100, dims => 384, seed => 8,
    first_id => 1);
sql("INSERT INTO items SELECT * FROM pool WHERE id <= $ROWS", 'CREATE INDEX ON items USING hnsw (v vector_cosine_ops)');
add_queries($node, 'items', 'pool WHERE id > ' . 2 * $ROWS);
recall_is_good('built');

# Churn: a quarter of the rows replaced, six times over. The index must find the freed room.
my $begin = size('items_v_idx');
for my $turn (1 .. 6) {
    sql("DELETE FROM items WHERE id % 4 = $turn % 4",
        'VACUUM items',
        # room is used again when no transaction is left that may still be on its way there: let one pass
        'SELECT pg_current_xact_id()',
        "INSERT INTO items SELECT id, v FROM pool WHERE id <= $ROWS AND id % 4 = $turn % 4");
}
my $end = size('items_v_idx');
cmp_ok($end, '<=', 1.3 * $begin, "six quarters replaced: from $begin to $end bytes");
check_clean($node, 'items_v_idx', 'churned: check is clean');
recall_is_good('churned');
found_by_own_vector($node, 'items', '<=>', 'churned: found by own vector', $CHURNED);

# Deleted but not vacuumed: a dead row is never returned, and does not stand in the way of the living.
sql("DELETE FROM items WHERE id % 2 = 0");
exhaustive_scan_is_right($node, 'items', '<=>', 'half deleted, not vacuumed: scanned to the end');
sql('VACUUM items');
recall_is_good('half deleted');
check_clean($node, 'items_v_idx', 'half deleted: check is clean');

# Whole neighborhoods go: what is nearest to some queries.
sql("DELETE FROM items WHERE id IN (SELECT n.id FROM items_queries q, LATERAL
    (SELECT id FROM items i ORDER BY i.v <=> q.v LIMIT 40) n)", 'VACUUM items');
recall_is_good('neighborhoods deleted');
check_clean($node, 'items_v_idx', 'neighborhoods deleted: check is clean');
found_by_own_vector($node, 'items', '<=>', 'neighborhoods deleted: found by own vector', $CHURNED);

# Everything but one row, then everything, then anew: the entry point goes every time.
sql('DELETE FROM items WHERE id <> (SELECT min(id) FROM items)', 'VACUUM items');
is(sql('SET enable_seqscan = off', 'SELECT count(*) FROM (SELECT id FROM items ORDER BY v <=> (SELECT v FROM pool LIMIT 1)) s'),
    1, 'one row left: found');
check_clean($node, 'items_v_idx', 'one row left: check is clean');
sql('DELETE FROM items', 'VACUUM items');
is(sql('SET enable_seqscan = off', 'SELECT count(*) FROM (SELECT id FROM items ORDER BY v <=> (SELECT v FROM pool LIMIT 1)) s'),
    0, 'no row left: none found');
check_clean($node, 'items_v_idx', 'no row left: check is clean');
sql("INSERT INTO items SELECT * FROM pool WHERE id <= $ROWS");
recall_is_good('filled anew by inserts');
check_clean($node, 'items_v_idx', 'filled anew: check is clean');
cmp_ok(size('items_v_idx'), '<=', 1.5 * $begin, 'filled anew: the old pages are used');

# Vacuums that are interrupted at some moment: the index stays usable, and a later vacuum finishes.
for my $turn (1 .. 8) {
    sql("DELETE FROM items WHERE id % 8 = $turn % 8 AND id % 3 = 0");
    my $ms = 2**$turn;
    my ($rc, $out, $err) = $node->psql('postgres', "SET statement_timeout = $ms; VACUUM items");
    note("vacuum with a time-out of $ms ms: " . ($rc == 0 ? 'finished' : 'interrupted'));
    check_clean($node, 'items_v_idx', "interrupted after $ms ms: check is clean");
    sql("INSERT INTO items SELECT * FROM pool p WHERE id <= $ROWS AND id % 8 = $turn % 8 AND id % 3 = 0
         ON CONFLICT DO NOTHING");
}
sql('VACUUM items');
recall_is_good('after interrupted vacuums');
check_clean($node, 'items_v_idx', 'after interrupted vacuums: check is clean');
exhaustive_scan_is_right($node, 'items', '<=>', 'after interrupted vacuums: scanned to the end');

# Two indexes vacuumed by two processes.
sql('CREATE INDEX items_l2 ON items USING hnsw (v vector_l2_ops)', 'DELETE FROM items WHERE id % 5 = 0',
    'VACUUM (PARALLEL 2) items');
check_clean($node, $_, "parallel vacuum: $_ is clean") for 'items_v_idx', 'items_l2';
is(sql('SET enable_seqscan = off', "SET hnsw.ef_search = 100",
        'SELECT count(*) FROM pool p, LATERAL (SELECT id FROM items i ORDER BY i.v <-> p.v LIMIT 1) n
         WHERE p.id % 5 = 0 AND p.id <= 500 AND n.id % 5 = 0'), 0, 'parallel vacuum: no deleted row comes back');

# A vacuum that is told not to clean indexes leaves dead entries; the next one takes them.
sql('DELETE FROM items WHERE id % 7 = 0', 'VACUUM (INDEX_CLEANUP off) items');
exhaustive_scan_is_right($node, 'items', '<=>', 'index_cleanup off: scanned to the end');
sql('VACUUM items');
check_clean($node, 'items_v_idx', 'cleaned afterwards: check is clean');

# VACUUM FULL and CLUSTER rewrite the table and build the index anew.
sql('VACUUM FULL items');
check_clean($node, 'items_v_idx', 'vacuum full: check is clean');
recall_is_good('vacuum full');
sql('CLUSTER items USING items_pkey');
check_clean($node, 'items_v_idx', 'cluster: check is clean');
recall_is_good('cluster');

$node->stop;
done_testing();
