# Events of a table besides rows coming and going: unlogged tables in a crash, indexes built or rebuilt while
# others write, dump and restore, a database copied, tablespaces.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $ROWS = 3000;
my $node = new_node('life', 'shared_buffers = 128MB', 'autovacuum = off', 'max_wal_size = 4GB',
    'restart_after_crash = on', 'synchronous_commit = off');

sub sql { return $node->safe_psql('postgres', join ";\n", @_) }

sub recall_is_good {
    my ($table, $name) = @_;
    my $recall = recall($node, $table, op => '<->');
    ok($recall >= 0.95, "$name: recall@10 " . sprintf '%.4f', $recall);
    return;
}

sql('CREATE TABLE pool (id int PRIMARY KEY, v vector(256))');
load_vectors($node, table => 'pool', rows => 2 * $ROWS + 100, dims => 256, seed => 31, first_id => 1);

# --- an unlogged table: survives a clean restart, is empty after a crash, and usable again
sql("CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY, v vector(256))",
    'CREATE INDEX ON unlogged USING hnsw (v vector_l2_ops)', "INSERT INTO unlogged SELECT * FROM pool WHERE id <= $ROWS");
add_queries($node, 'unlogged', 'pool WHERE id > ' . 2 * $ROWS);
recall_is_good('unlogged', 'unlogged');
$node->restart;
recall_is_good('unlogged', 'unlogged, restarted');
check_clean($node, 'unlogged_v_idx', 'unlogged, restarted: check is clean');
kill_server($node);
$node->start;
is(sql('SELECT count(*) FROM unlogged'), 0, 'unlogged, crashed: empty');
is(sql('SET enable_seqscan = off', 'SELECT count(*) FROM (SELECT id FROM unlogged ORDER BY v <-> (SELECT v FROM pool LIMIT 1)) s'),
    0, 'unlogged, crashed: the index is empty too');
check_clean($node, 'unlogged_v_idx', 'unlogged, crashed: check is clean');
sql("INSERT INTO unlogged SELECT * FROM pool WHERE id <= $ROWS");
recall_is_good('unlogged', 'unlogged, filled again');
sql('ALTER TABLE unlogged SET LOGGED');
kill_server($node);
$node->start;
is(sql('SELECT count(*) FROM unlogged'), $ROWS, 'made logged, crashed: all there');
recall_is_good('unlogged', 'made logged, crashed');
check_clean($node, 'unlogged_v_idx', 'made logged, crashed: check is clean');

# --- CREATE INDEX and REINDEX CONCURRENTLY while rows come and go
sql('CREATE TABLE busy (id int PRIMARY KEY, v vector(256))', "INSERT INTO busy SELECT * FROM pool WHERE id <= $ROWS",
    'CREATE SEQUENCE busy_ids START 100000');
add_queries($node, 'busy', 'pool WHERE id > ' . 2 * $ROWS);
my @scripts = map { ('-f', write_script($node, @$_)) } (
    [ 'busy_insert', "\\set i random(1, " . 2 * $ROWS . ")\nINSERT INTO busy SELECT nextval('busy_ids'), v FROM pool WHERE id = :i;\n" ],
    [ 'busy_delete', "DELETE FROM busy WHERE id = (SELECT id FROM busy WHERE id >= (SELECT floor(random() * last_value) FROM busy_ids) ORDER BY id LIMIT 1);\n" ],
    [ 'busy_update', "\\set i random(1, " . 2 * $ROWS . ")\nUPDATE busy SET v = (SELECT v FROM pool WHERE id = :i) WHERE id = (SELECT id FROM busy WHERE id >= (SELECT floor(random() * last_value) FROM busy_ids) ORDER BY id LIMIT 1);\n" ]);
for my $command ('CREATE INDEX CONCURRENTLY busy_v_idx ON busy USING hnsw (v vector_l2_ops)',
    'REINDEX INDEX CONCURRENTLY busy_v_idx', 'REINDEX TABLE CONCURRENTLY busy', 'VACUUM busy') {
    my $load = start_clients($node, '-c', 3, '-T', 300, @scripts);
    select undef, undef, undef, 0.5;
    my ($rc, $out, $err) = $node->psql('postgres', $command);
    is($rc, 0, "$command under load") or diag($err);
    select undef, undef, undef, 0.5;
    stop_clients($load, 'kill');
    unlike($load->{err}, qr/ERROR/, "$command: the clients saw no error");
    is(sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), 0, "$command: all indexes are valid");
    check_clean($node, 'busy_v_idx', "$command: check is clean");
    exhaustive_scan_is_right($node, 'busy', '<->', "$command: scanned to the end");
    found_by_own_vector($node, 'busy', '<->', "$command: found by own vector", 0.998);
}
recall_is_good('busy', 'built and rebuilt under load');

# --- dump and restore, and a copied database
my $dump = $node->basedir . '/dump.custom';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('postgres') ], 'pg_dump');
sql('CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ], 'pg_restore');
my $all = 'SELECT count(*), md5(string_agg(id::text || v::text, chr(10) ORDER BY id)) FROM busy';
is($node->safe_psql('restored', $all), sql($all), 'restored: the same rows, bit by bit');
my $recall = recall($node, 'busy', op => '<->', dbname => 'restored');
ok($recall >= 0.95, 'restored: recall@10 ' . sprintf '%.4f', $recall);
sql('CREATE DATABASE copied TEMPLATE restored');
$recall = recall($node, 'busy', op => '<->', dbname => 'copied');
ok($recall >= 0.95, 'copied database: recall@10 ' . sprintf '%.4f', $recall);

# --- another tablespace
my $folder = $node->basedir . '/space';
mkdir $folder or die;
sql("CREATE TABLESPACE space LOCATION '$folder'");
sql('ALTER INDEX busy_v_idx SET TABLESPACE space');
recall_is_good('busy', 'moved to another tablespace');
check_clean($node, 'busy_v_idx', 'moved to another tablespace: check is clean');

# --- a build that is canceled or fails leaves nothing behind
my ($rc, $out, $err) = $node->psql('postgres', "SET statement_timeout = 20; CREATE INDEX canceled ON pool USING hnsw (v vector_l2_ops)");
like($err, qr/canceling statement/, 'a build can be canceled');
is(sql("SELECT count(*) FROM pg_class WHERE relname = 'canceled'"), 0, 'nothing is left of it');
is(sql('SELECT count(*) FROM pool'), 2 * $ROWS + 100, 'and the server lives');

$node->stop;
done_testing();
