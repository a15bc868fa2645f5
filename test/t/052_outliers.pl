# Rows that are unlike all others: garbage, markers of missing values, norms that a float's squares do not hold. Searches
# find the same among the other rows as without them, and read as much.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

plan skip_all => 'of vecstore\'s storage' if extension() ne 'vecstore';

my $node = new_node('outliers', 'autovacuum = off', 'jit = off', "maintenance_work_mem = '128MB'", 'synchronous_commit = off');
sub sql { return $node->safe_psql('postgres', join ";\n", @_) }

my $ROWS = 2500;
# Every index is rotated otherwise, and finds a little more or less. (The unit tests, whose rotation is fixed, have a closer look.)
my $MARGIN = 0.03;
sql('CREATE TABLE clean (id int, v vector(256))', 'CREATE TABLE one_query (id int, v vector(256))');
load_vectors($node, table => 'clean', rows => $ROWS, dims => 256, seed => 52, first_id => 1);
load_vectors($node, table => 'one_query', rows => 40, dims => 256, seed => 53, first_id => 1);
sql('UPDATE clean SET v = l2_normalize(v)', 'UPDATE one_query SET v = l2_normalize(v)');

sub filled { my ($value) = @_; return "array_fill(($value)::real, ARRAY[256])::vector(256)" }

# (recall, the most pages that a query reads) of a table's index.
sub look {
    my ($table, $op) = @_;
    my $recall = recall($node, $table, op => $op);
    my $most = sql("DO \$\$ DECLARE plan json; n int; most int := 0; q record; BEGIN
            SET LOCAL enable_seqscan = off;
            FOR q IN SELECT v FROM ${table}_queries LOOP
                EXECUTE format('EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) SELECT id FROM $table ORDER BY v $op %L LIMIT 10', q.v) INTO plan;
                n := (plan -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::int + (plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::int;
                most := greatest(most, n);
            END LOOP;
            PERFORM set_config('test.most', most::text, false);
        END \$\$", "SELECT current_setting('test.most')");
    return ($recall, $most);
}

sub make_table {
    my ($type, $ops, @changes) = @_;
    sql('DROP TABLE IF EXISTS t', "CREATE TABLE t (id int, v $type(256)) WITH (fillfactor = 50)",
        "INSERT INTO t SELECT id, v FROM clean ORDER BY id", @changes, "CREATE INDEX ON t USING hnsw (v $ops)");
    add_queries($node, 't', 'one_query', $type);
    return;
}

my @every = ('id % 100 = 3');
my %garbage = (
    'one row of 1e6' => 'UPDATE t SET v = ' . filled('1e6') . ' WHERE id = 1200',
    'one row of 1e30' => 'UPDATE t SET v = ' . filled('1e30') . ' WHERE id = 1200',
    '25 rows of -9999' => 'UPDATE t SET v = ' . filled(-9999) . " WHERE @every",
    '25 rows of up to 5e5' => 'UPDATE t SET v = ' . filled('id * 200') . " WHERE @every",
);
make_table('vector', 'vector_l2_ops');
my ($clean_recall, $clean_pages) = look('t', '<->');
note("clean: recall $clean_recall, at most $clean_pages pages");
cmp_ok($clean_recall, '>', 0.9, 'clean rows are found');
for my $name (sort keys %garbage) {
    make_table('vector', 'vector_l2_ops', $garbage{$name});
    my ($recall, $pages) = look('t', '<->');
    cmp_ok($recall, '>=', $clean_recall - $MARGIN, "$name: recall");
    cmp_ok($pages, '<=', 2 * $clean_pages, "$name: pages");
    is(sql("SELECT count(*) FROM vecstore_check('t_v_idx', true)"), '0', "$name: the index is sound");
}

make_table('halfvec', 'halfvec_l2_ops');
($clean_recall, $clean_pages) = look('t', '<->');
make_table('halfvec', 'halfvec_l2_ops', 'UPDATE t SET v = array_fill(60000::real, ARRAY[256])::halfvec(256) WHERE id = 7');
my ($recall, $pages) = look('t', '<->');
cmp_ok($recall, '>=', $clean_recall - $MARGIN, 'halfvec, one row of 60000: recall');
cmp_ok($pages, '<=', 2 * $clean_pages, 'halfvec, one row of 60000: pages');

# An index of clean rows, and garbage that comes later, is changed, and goes.
make_table('vector', 'vector_l2_ops');
($clean_recall, $clean_pages) = look('t', '<->');
sql('INSERT INTO t SELECT 10000 + i, ' . filled('(random() - 0.5) * 1e6') . ' FROM generate_series(1, 20) i',
    'INSERT INTO t SELECT 11000 + i, ' . filled("('1e' || 17 + i)::real") . ' FROM generate_series(1, 20) i',
    'UPDATE t SET v = ' . filled(-999) . ' WHERE id % 500 = 1');
($recall, $pages) = look('t', '<->');
cmp_ok($recall, '>=', $clean_recall - $MARGIN, 'later rows: recall');
cmp_ok($pages, '<=', 2 * $clean_pages, 'later rows: pages');
is(sql("SELECT count(*) FROM vecstore_check('t_v_idx', true)"), '0', 'later rows: the index is sound');
sql('DELETE FROM t WHERE id >= 10000', 'VACUUM t');
($recall, $pages) = look('t', '<->');
cmp_ok($recall, '>=', $clean_recall - $MARGIN, 'when they are gone: recall');
is(sql("SELECT count(*) FROM vecstore_check('t_v_idx', true)"), '0', 'when they are gone: the index is sound');

# By inner products such a row is the nearest to half of all queries, or nearly: it is found there, and the others elsewhere.
# Stored by codes, as the others' lengths are equal; then in plain storage, as they would be if they were not.
sub storage { return sql("SELECT storage FROM vecstore_index_info('t_v_idx')") }
sub sound {
    my ($name) = @_;
    is(sql("SELECT count(*) FROM vecstore_check('t_v_idx', true)"), '0', "$name: the index is sound");
    is(sql("SELECT count(*) - (SELECT rows FROM vecstore_index_info('t_v_idx')) FROM t"), '0', "$name: has all rows");
}
$garbage{'25 rows of 99'} = 'UPDATE t SET v = ' . filled(99) . " WHERE @every";
for my $storage ('auto', 'plain') {
    make_table('vector', "vector_ip_ops) WITH (storage = $storage");
    my $of_clean = storage();
    ($clean_recall, $clean_pages) = look('t', '<#>');
    note("inner products, $storage: recall $clean_recall, at most $clean_pages pages");
    for my $name ($storage eq 'auto' ? ('25 rows of 99', '25 rows of up to 5e5', 'one row of 1e6') : '25 rows of -9999') {
        make_table('vector', "vector_ip_ops) WITH (storage = $storage", $garbage{$name});
        ($recall, $pages) = look('t', '<#>');
        note("$name: recall $recall, at most $pages pages");
        cmp_ok($recall, '>=', $clean_recall - $MARGIN, "inner products, $storage, $name: recall");
        cmp_ok($pages, '<=', 2 * $clean_pages, "inner products, $storage, $name: pages");
        is(storage(), $of_clean, "inner products, $storage, $name: stored as before");
        sound("inner products, $storage, $name");
    }

    # Later, through a crash, and gone.
    next if $storage eq 'plain';
    make_table('vector', "vector_ip_ops) WITH (storage = $storage");
    sql('CHECKPOINT', 'INSERT INTO t SELECT 10000 + i, ' . filled('(random() - 0.5) * 1e6') . ' FROM generate_series(1, 20) i',
        'INSERT INTO t SELECT 11000 + i, ' . filled("('1e' || 17 + i)::real") . ' FROM generate_series(1, 20) i',
        'UPDATE t SET v = ' . filled(-999) . ' WHERE id % 500 = 1', 'SET synchronous_commit = on; INSERT INTO t VALUES (12000, NULL)');
    $node->stop('immediate');
    $node->start;
    ($recall, $pages) = look('t', '<#>');
    cmp_ok($recall, '>=', $clean_recall - $MARGIN, "inner products, $storage, later rows: recall");
    cmp_ok($pages, '<=', 2 * $clean_pages, "inner products, $storage, later rows: pages");
    is(sql("SELECT count(*) FROM vecstore_check('t_v_idx', true)"), '0', "inner products, $storage, later rows: the index is sound");
    # All rows, in order, from an index that says that there are as many.
    is(sql('SET enable_seqscan = off', 'SET hnsw.iterative_scan = strict_order',
           'SET hnsw.max_scan_tuples = 2147483647', "SELECT count(*) || ' ' || count(*) FILTER (WHERE d < before) || ' ' || count(DISTINCT id) FROM
                (SELECT *, lag(d) OVER () AS before FROM (SELECT id, v <#> (SELECT v FROM one_query LIMIT 1) AS d FROM t
                    ORDER BY v <#> (SELECT v FROM one_query LIMIT 1)) a) b"), '2541 0 2541', "inner products, $storage: all rows, once, in order");
    sql('DELETE FROM t WHERE id >= 10000 OR v = ' . filled(-999), 'VACUUM t');
    ($recall, $pages) = look('t', '<#>');
    cmp_ok($recall, '>=', $clean_recall - $MARGIN, "inner products, $storage, when they are gone: recall");
    sound("inner products, $storage, when they are gone");
}

# In the order of an application: an index, then rows, with garbage between them.
sql('DROP TABLE t', 'CREATE TABLE t (id int, v vector(256)) WITH (fillfactor = 50)', 'CREATE INDEX ON t USING hnsw (v vector_ip_ops)',
    'INSERT INTO t SELECT id, CASE WHEN id > 700 AND id % 100 = 3 THEN ' . filled('id * 200') . ' ELSE v END FROM clean ORDER BY id');
add_queries($node, 't', 'one_query', 'vector');
($recall, $pages) = look('t', '<#>');
cmp_ok($recall, '>=', 0.95, 'inner products, garbage between rows: recall');
sound('inner products, garbage between rows');

# Lengths at the ends of what a float holds, by L2 distances and inner products.
for my $case ([ 'vector_l2_ops', 1e-17, 1e25 ], [ 'vector_ip_ops', 1e-17, 1e17 ]) {
    my ($ops, @factors) = @$case;
    for my $factor (@factors) {
        make_table('vector', $ops,
            "UPDATE t SET v = (SELECT array_agg((x * $factor)::real ORDER BY n)::vector FROM unnest(v::real[]) WITH ORDINALITY u (x, n))");
        is(sql('INSERT INTO t SELECT 5000 + id, v FROM t WHERE id <= 20', 'SELECT count(*) FROM t'), $ROWS + 20, "$ops, $factor: rows come in");
        is(sql("SELECT count(*) FROM vecstore_check('t_v_idx', true)"), '0', "$ops, $factor: the index is sound");
    }
}

done_testing();
