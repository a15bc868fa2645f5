# Every operator class of hnsw beside those of 001: recall@10 with default settings after a build, a vacuum and churn;
# a crash and a standby for each kind of vector; vectors of 2 to 16,000 dimensions.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

plan skip_all => 'pgvector has other limits' if extension() ne 'vecstore';

my $node = new_node('opclasses', 'shared_buffers = 512MB', "maintenance_work_mem = '1GB'", 'max_wal_size = 4GB',
    'synchronous_commit = off', 'autovacuum = off');

my $GOOD = 0.95;
my $rows = scale(4000, 50000);

sub sql { return $node->safe_psql('postgres', join ';', @_) }

sub recall_is_good {
    my ($server, $table, $op, $name) = @_;
    my $recall = recall($server, $table, op => $op);
    ok($recall >= $GOOD, "$name: recall@10 " . sprintf '%.4f', $recall);
    check_clean($server, "${table}_v_idx", "$name: check is clean");
    return;
}

# ---------------------------------------------------------------------------------------- recall, vacuum, churn

# Pools of vectors that the tables are filled from: rows with an id up to $rows are indexed, 100 more are queries.
my %pools = (
    embeddings => [ 'vector(384)', 'embeddings', 384 ],
    small => [ 'vector(128)', 'embeddings', 128 ],
    scaled => [ 'vector(256)', 'scaled', 256 ],
    bits => [ 'vector(768)', 'embeddings', 768 ],
    documents => [ 'sparsevec(1000)', 'documents', 1000 ],
);
for my $pool (sort keys %pools) {
    my ($type, $kind, $dims) = @{ $pools{$pool} };
    sql("CREATE TABLE $pool (id int PRIMARY KEY, v $type)");
    load_vectors($node, table => $pool, kind => $kind, rows => $rows + 100, dims => $dims, seed => 21, first_id => 1);
}

my @cases = (
    # opclass, operator, type, pool, its vector as that type
    [ 'vector_l1_ops', '<+>', 'vector(128)', 'small', 'v' ],
    [ 'halfvec_l2_ops', '<->', 'halfvec(384)', 'embeddings', 'v::halfvec' ],
    [ 'halfvec_ip_ops', '<#>', 'halfvec(256)', 'scaled', 'v::halfvec' ],
    [ 'halfvec_cosine_ops', '<=>', 'halfvec(256)', 'scaled', 'v::halfvec' ],
    [ 'halfvec_l1_ops', '<+>', 'halfvec(128)', 'small', 'v::halfvec' ],
    [ 'sparsevec_l2_ops', '<->', 'sparsevec(1000)', 'documents', 'v' ],
    [ 'sparsevec_ip_ops', '<#>', 'sparsevec(1000)', 'documents', 'v' ],
    [ 'sparsevec_cosine_ops', '<=>', 'sparsevec(1000)', 'documents', 'v' ],
    [ 'sparsevec_l1_ops', '<+>', 'sparsevec(1000)', 'documents', 'v' ],
    [ 'bit_hamming_ops', '<~>', 'bit(768)', 'bits', 'binary_quantize(v)::bit(768)' ],
    [ 'bit_jaccard_ops', '<%>', 'bit(768)', 'bits', 'binary_quantize(v)::bit(768)' ],
);

sql('CREATE SEQUENCE again START 1000000');

for my $case (@cases) {
    my ($opclass, $op, $type, $pool, $vector) = @$case;
    my $table = $opclass;
    sql("CREATE TABLE $table (id int, v $type)",
        "INSERT INTO $table SELECT id, $vector FROM $pool WHERE id <= $rows",
        "ANALYZE $table", "CREATE INDEX ON $table USING hnsw (v $opclass)");
    ($type) = $type =~ /(\w+)/;
    $type = 'bit varying' if $type eq 'bit';
    add_queries($node, $table, "(SELECT $vector AS v FROM $pool WHERE id > $rows) s", $type);
    # (a bit without length is bit(1))
    sql("ALTER TABLE ${table}_queries ALTER v TYPE bit(768)") if $type eq 'bit varying';
    recall_is_good($node, $table, $op, "$opclass, built");

    sql("DELETE FROM $table WHERE hashint4(id) % 2 = 0");
    sql("VACUUM $table");
    recall_is_good($node, $table, $op, "$opclass, half deleted");

    # rows come back one by one, others change
    my $script = write_script($node, "churn_$opclass",
        "\\set i random(1, $rows)\n\\set j random(1, $rows)\n"
          . "INSERT INTO $table SELECT nextval('again'), $vector FROM $pool WHERE id = :i;\n"
          . "UPDATE $table SET v = (SELECT $vector FROM $pool WHERE id = :j) WHERE id = :i;\n");
    my $run = start_clients($node, '-M', 'prepared', '-f', $script, '-c', 2, '-t', scale(200, 2000));
    is(stop_clients($run), 0, "$opclass: churn") or diag($run->{err});
    recall_is_good($node, $table, $op, "$opclass, after churn");
    sql("VACUUM $table");
    recall_is_good($node, $table, $op, "$opclass, after churn and vacuum");
    exhaustive_scan_is_right($node, $table, $op, "$opclass: scan of the whole table");
}

# One of each kind.
my @kinds = grep { $_->[0] =~ /^(vector_l1|halfvec_cosine|sparsevec_ip|bit_jaccard)_ops$/ } @cases;

# A build that does not fit its memory goes on page by page.
for my $kind (@kinds) {
    my ($opclass, $op) = @$kind;
    sql("DROP INDEX ${opclass}_v_idx", "SET maintenance_work_mem = '1MB'", "CREATE INDEX ON $opclass USING hnsw (v $opclass)");
    recall_is_good($node, $opclass, $op, "$opclass, built in little memory");
}

# ----------------------------------------------------------------------------------------- crashes and a standby

# Inserts into and deletes from all of them.

sub load_script {
    my ($name) = @_;
    return write_script($node, $name,
        "\\set i random(1, $rows)\nBEGIN;\n"
          . join('', map { "INSERT INTO $_->[0] SELECT nextval('again'), $_->[4] FROM $_->[3] WHERE id = :i;\n" } @kinds)
          . "COMMIT;\n"
          . join('', map { "DELETE FROM $_->[0] WHERE id = :i;\n" } @kinds));
}

for my $round (1 .. scale(2, 10)) {
    my $run = start_clients($node, '-M', 'prepared', '-f', load_script("crash$round"), '-c', 4, '-T', 60);
    select undef, undef, undef, 1.5 + rand 1.5;
    # into a vacuum, every other time
    my $vacuum = $round % 2 == 0 ? start_clients($node, '-f', write_script($node, 'vacuum', "VACUUM;\n"), '-c', 1, '-t', 1) : undef;
    select undef, undef, undef, 0.3;
    kill_server($node);
    stop_clients($_, 'kill') for grep { defined } $run, $vacuum;
    $node->start;
    check_clean($node, "$_->[0]_v_idx", "$_->[0]: check after crash $round") for @kinds;
}
sql("VACUUM $_->[0]") for @kinds;
recall_is_good($node, $_->[0], $_->[1], "$_->[0], after crashes") for @kinds;

my $standby = new_standby($node, 'opclasses_standby', 'hot_standby_feedback = on');
my $run = start_clients($node, '-M', 'prepared', '-f', load_script('replicated'), '-c', 2, '-t', scale(100, 1000));
is(stop_clients($run), 0, 'load while a standby follows') or diag($run->{err});
sql("VACUUM $_->[0]") for @kinds;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
recall_is_good($standby, $_->[0], $_->[1], "$_->[0], on the standby") for @kinds;
$standby->stop;

# ---------------------------------------------------------------------------------------------------- dimensions

# Vectors of groups of ten: 0.7 of what all of a group share, 0.3 of their own.
sql('CREATE FUNCTION grouped(i int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS
     $$ SELECT array_agg((0.7 * hashint4(i / 10 * 40000 + n) + 0.3 * hashint4(10000000 + i * 40000 + n)) / 2147483648.0
                         ORDER BY n)::vector FROM generate_series(1, dims) n $$');

my @formats;
for my $dims (2, 191, 192, 2000, 2001, 4001, 7600, 12000, 15999, 16000) {
    my $count = $dims > 4000 ? 60 : 200;
    my $half = $count / 2;
    sql("CREATE TABLE d (id int, v vector($dims), h halfvec($dims))",
        "INSERT INTO d SELECT i, g, g FROM generate_series(0, $half - 1) i, grouped(i, $dims) g",
        'CREATE INDEX d_l2 ON d USING hnsw (v vector_l2_ops)',
        'CREATE INDEX d_ip ON d USING hnsw (v vector_ip_ops)',
        'CREATE INDEX d_cosine ON d USING hnsw (h halfvec_cosine_ops)',
        'CREATE INDEX d_l1 ON d USING hnsw (v vector_l1_ops)',
        "INSERT INTO d SELECT i, g, g FROM generate_series($half, $count - 1) i, grouped(i, $dims) g");
    for my $index ([ 'd_l2', 'v', '<->' ], [ 'd_cosine', 'h', '<=>' ], [ 'd_l1', 'v', '<+>' ], [ 'd_ip', 'v', '<#>' ]) {
        my ($name, $column, $op) = @$index;
        # Compared by distance, as among 200 vectors of two dimensions some are equally near.
        my $found = sql("SET enable_seqscan = off",
            "SELECT count(*) FROM d q, LATERAL (SELECT o.$column $op q.$column AS d, row_number() OVER () AS n FROM
                (SELECT * FROM d ORDER BY d.$column $op q.$column LIMIT 5) o) f
             WHERE f.d <= (SELECT d + 1e-6 * abs(d) FROM (SELECT e.$column $op q.$column AS d FROM d e) x
                           ORDER BY d OFFSET 4 LIMIT 1)");
        ok($found >= $GOOD * 5 * $count, "$name of $dims dimensions: $found of @{[5 * $count]} found");
        is(sql("SELECT * FROM vecstore_check('$name', true) LIMIT 5"), '', "$name of $dims dimensions: deep check");
        push @formats, "$name $dims: " . sql("SELECT storage || ' ' || vector_format || ' ' || code_dims FROM vecstore_index_info('$name')");
    }
    sql('DELETE FROM d WHERE id % 3 = 0');
    sql('VACUUM d');
    is(sql("SELECT * FROM vecstore_check('$_', true) LIMIT 5"), '', "$_ of $dims dimensions: deep check after vacuum")
      for qw(d_l2 d_ip d_cosine d_l1);
    sql('DROP TABLE d');
}
note join "\n", @formats;
my $formats = join "\n", @formats;
like($formats, qr/^d_l2 7600: compact int6/m, 'own vectors of six bits from 7,600 dimensions on');
like($formats, qr/^d_l2 16000: compact int3/m, 'own vectors of three bits at 16,000 dimensions');

$node->stop;
done_testing();
