# Logical replication: rows of every type go to a subscriber that has indexes of its own, with other options: a first copy (as
# text and binary), then inserts, updates, deletes, prepared and large transactions and TRUNCATE, for each kind of replica
# identity; the subscriber crashes in between. Both sides have the same rows, and their indexes find the same ones.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

plan skip_all => 'vecstore_check is meant' if extension() ne 'vecstore';

my $ROWS = 600;
my @settings = ('shared_buffers = 64MB', 'autovacuum = off', 'fsync = off', 'jit = off', 'max_prepared_transactions = 40', 'wal_level = logical',
    'logical_decoding_work_mem = 64kB', 'restart_after_crash = on', 'max_logical_replication_workers = 10', 'max_worker_processes = 20',
    'wal_retrieve_retry_interval = 100ms');
my $publisher = new_node('publisher', @settings);
my $subscriber = new_node('subscriber', @settings);
my ($major) = $publisher->safe_psql('postgres', 'SHOW server_version_num') =~ /^(\d\d)/;

# Identity: by key, by another unique index, by whole rows: the latter are looked up by the equality of their types, and from
# PostgreSQL 16 on by an index of the subscriber, which must not be one of these.
my %tables = (
    whole => { type => 'vector(20)', here => 'hnsw (v vector_l2_ops)',
        there => 'hnsw (v vector_l2_ops, tenant) WITH (m = 8)', op => '<->', key => '', identity => 'FULL' },
    keyed => { type => 'vector(200)', here => 'hnsw (v vector_cosine_ops, tenant)', there => 'hnsw (v vector_cosine_ops) WITH (storage = compact)',
        op => '<=>', key => ', PRIMARY KEY (id)', identity => 'DEFAULT' },
    unique_one => { type => 'halfvec(30)', here => 'hnsw (v halfvec_l2_ops)', there => 'ivfflat (v halfvec_l2_ops) WITH (lists = 5)', op => '<->',
        key => ', CONSTRAINT one UNIQUE (id)', identity => 'USING INDEX one' },
    sparse => { type => 'sparsevec(40)', here => 'hnsw (v sparsevec_l2_ops)', there => 'hnsw (v sparsevec_l2_ops, tenant)', op => '<->',
        key => '', identity => 'FULL' },
    bits => { type => 'bit(64)', here => 'hnsw (v bit_hamming_ops)', there => 'hnsw (v bit_hamming_ops, tenant)', op => '<~>',
        key => ', PRIMARY KEY (id)', identity => 'FULL' });
my @names = sort keys %tables;

sub sql { return $publisher->safe_psql('postgres', join ";\n", @_) }

# A vector of a type, made of that of the pool's row i.
sub vector_of {
    my ($t, $row) = @_;
    my ($type, $dims) = $t->{type} =~ /(\w+)\((\d+)\)/;
    return "binary_quantize($row.v)::bit(200)::bit($dims)" if $type eq 'bit';
    return "subvector($row.v, 1, $dims)::$t->{type}" if $type ne 'vector';
    return "subvector($row.v, 1, $dims)";
}

# Rows FIRST to LAST of the pool; one in 25 has no vector, and 20 are equal.
sub insert {
    my ($name, $first, $last) = @_;
    my $vector = vector_of($tables{$name}, 'p');
    return "INSERT INTO $name SELECT i, CASE WHEN i % 25 > 0 THEN $vector END, i % 4, 'text ' || i FROM generate_series($first, $last) i
        JOIN pool p ON p.id = CASE WHEN i % 30 = 1 THEN 1 ELSE i END";
}

sub update {
    my ($name, $condition) = @_;
    return "UPDATE $name t SET v = " . vector_of($tables{$name}, 'p') . ", tenant = tenant + 1 FROM pool p WHERE p.id = t.id + 1 AND $condition";
}

# Everything has arrived.
sub is_same {
    my ($when) = @_;
    $publisher->wait_for_catchup('by_text');
    $publisher->wait_for_catchup('by_bytes');
    for my $name (@names) {
        my $op = $tables{$name}{op};
        my $rows = "SELECT count(*), md5(string_agg(id || ' ' || coalesce(v::text, '-') || ' ' || tenant || about, ',' ORDER BY id)) FROM $name";
        is($subscriber->safe_psql('postgres', $rows), sql($rows), "$when: the rows of $name");
        # All rows in order: index scans of both sides. Rows at the same distance may come in any order.
        my $ordered = load_library() . "SET enable_seqscan = off; SET ivfflat.iterative_scan = relaxed_order;
            SELECT count(*), md5(string_agg(id || ' ' || coalesce(round(d::numeric, 4)::text, '-'), ',' ORDER BY id))
            FROM (SELECT id, v $op (SELECT v FROM $name WHERE v IS NOT NULL ORDER BY id LIMIT 1) AS d FROM $name
                  ORDER BY v $op (SELECT v FROM $name WHERE v IS NOT NULL ORDER BY id LIMIT 1)) s";
        my ($there, $here) = map { $_->safe_psql('postgres', $ordered) } $subscriber, $publisher;
        is($there, $here, "$when: the indexes of $name give the same rows");
        is($here =~ s/\|.*//sr, sql("SELECT count(*) FROM $name"), "$when: all of them");
        check_clean($_, "${name}_v_idx", "$when: check of $name on the " . $_->name) for $publisher, $subscriber;
    }
    return;
}

sub nearest_are_same {
    my ($when) = @_;
    for my $name (@names) {
        for my $node ($publisher, $subscriber) {
            add_queries($node, $name, "$name WHERE id % 40 = 3 AND v IS NOT NULL ORDER BY id", $tables{$name}{type});
            my $recall = recall($node, $name, op => $tables{$name}{op}, where => 't.v IS NOT NULL');
            cmp_ok($recall, '>=', 0.95, "$when: recall\@10 of $name on the " . $node->name . sprintf ': %.3f', $recall);
        }
    }
    return;
}

sql('CREATE TABLE pool (id int PRIMARY KEY, v vector(200))');
load_vectors($publisher, table => 'pool', rows => 6 * $ROWS, dims => 200, seed => 68, first_id => 1);
for my $name (@names) {
    my $t = $tables{$name};
    my $table = "CREATE TABLE $name (id int NOT NULL, v $t->{type}, tenant int, about text$t->{key}); ALTER TABLE $name REPLICA IDENTITY $t->{identity}";
    sql($table, insert($name, 1, $ROWS), "CREATE INDEX ${name}_v_idx ON $name USING $t->{here}");
    $subscriber->safe_psql('postgres', "$table; CREATE INDEX ${name}_v_idx ON $name USING $t->{there}");
}

# Half of the tables as text, half as bytes; large transactions are streamed while they go on.
my $two_phase = $major >= 15 ? ', two_phase = true' : '';
sql('CREATE PUBLICATION some_text FOR TABLE whole, keyed', 'CREATE PUBLICATION some_bytes FOR TABLE unique_one, sparse, bits');
my $from = $publisher->connstr('postgres') =~ s/'/''/gr;
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION by_text CONNECTION '$from application_name=by_text' PUBLICATION some_text WITH (streaming = true$two_phase)");
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION by_bytes CONNECTION '$from application_name=by_bytes' PUBLICATION some_bytes WITH (binary = true, streaming = true$two_phase)");
$subscriber->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's')") or die 'the first copy does not end';
is_same('copied');

for my $name (@names) {
    sql(insert($name, $ROWS + 1, $ROWS + 200));
    sql(update($name, 't.id % 5 = 2'));
    sql("UPDATE $name SET about = about || '.' WHERE id % 7 = 1");
    sql("DELETE FROM $name WHERE id % 6 = 5");
}
is_same('changed');
$subscriber->safe_psql('postgres', "VACUUM (INDEX_CLEANUP on) $_") for @names;

# Transactions that go wrong, are large, or are prepared.
for my $name (@names) {
    sql('BEGIN', insert($name, 2001, 2050), 'SAVEPOINT s', insert($name, 2051, 2100), update($name, 't.id % 3 = 0'), 'ROLLBACK TO SAVEPOINT s', 'COMMIT');
    sql('BEGIN', insert($name, 2101, 2200), 'ROLLBACK');
    sql('BEGIN', insert($name, 2201, 2900), update($name, 't.id > 2200'), "DELETE FROM $name WHERE id % 9 = 8", 'COMMIT');
}
is_same('large and partly rolled back');
for my $name (@names) {
    sql('BEGIN', insert($name, 3001, 3040), "DELETE FROM $name WHERE id % 13 = 5", "PREPARE TRANSACTION 'yes_$name'");
    sql('BEGIN', insert($name, 3101, 3140), "PREPARE TRANSACTION 'no_$name'");
}
$publisher->wait_for_catchup($_) for 'by_text', 'by_bytes';
if ($two_phase) {
    # (each subscription hears of all of them)
    cmp_ok($subscriber->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'), '>=', 2 * @names, 'prepared transactions are prepared on the subscriber');
    kill_server($subscriber);
    $subscriber->start;
}
sql("COMMIT PREPARED 'yes_$_'") for @names;
sql("ROLLBACK PREPARED 'no_$_'") for @names;
is_same('prepared');
is(sql("SELECT count(*) FROM $_ WHERE id BETWEEN 3101 AND 3140"), 0, "nothing of $_ that was rolled back") for @names;

# The subscriber dies while it applies.
for my $name (@names) {
    my $load = start_clients($publisher, '-c', 2, '-T', 30, '-f', write_script($publisher, "change_$name",
        "\\set i random(1, 3000)\n" . update($name, 't.id = :i') . ";\n"), '-f', write_script($publisher, "delete_$name", "\\set i random(1, 3000)\nDELETE FROM $name WHERE id = :i;\n"));
    select undef, undef, undef, 0.3;
    kill_server($subscriber);
    $subscriber->start;
    stop_clients($load, 'kill');
}
is_same('after crashes of the subscriber');
nearest_are_same('after crashes of the subscriber');

sql("TRUNCATE $_", insert($_, 1, 100)) for @names;
is_same('truncated');
my @errors = grep { /ERROR:|PANIC:/ && !/could not (connect|receive|send)|terminating|replication slot|already active|does not exist/ } split /\n/, slurp_file($subscriber->logfile);
is(join("\n", @errors[ 0 .. ($#errors < 5 ? $#errors : 5) ]), '', 'the subscriber met no error');
$subscriber->stop;
$publisher->stop;
done_testing();
