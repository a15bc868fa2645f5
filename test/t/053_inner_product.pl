# Inner products of vectors that are not equally long, in few dimensions and with both signs: as many of the nearest are found
# as pgvector finds, however the index came about. With a real pgvector (see Vecstore.pm) its answers are measured beside.
# Then: settings of hnsw and ivfflat that do not exist.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $k = 20;
# Of 20 queries; pgvector builds with random levels, and differs by this much from one time to the next.
my $luck = 0.005;

my ($settings) = pgvector_settings();
my $node = PostgreSQL::Test::Cluster->new('products');
$node->init;
$node->append_conf('postgresql.conf', $settings) if defined $settings;
$node->start;
my %extensions = (ours => 'vecstore', (defined $settings ? (theirs => 'vector') : ()));
for my $database (keys %extensions) {
    $node->safe_psql('postgres', "CREATE DATABASE $database");
    $node->safe_psql($database, "CREATE EXTENSION $extensions{$database}");
}

sub everywhere { my (@sql) = @_; $node->safe_psql($_, join ";\n", @sql) for keys %extensions; return }

sub compare {
    my ($how) = @_;
    my %found = map { $_ => recall($node, 'items', op => '<#>', k => $k, ef => 40, dbname => $_) } keys %extensions;
    my $theirs = $found{theirs} // 0;
    note sprintf('%s: %.4f%s', $how, $found{ours}, defined $found{theirs} ? sprintf(', pgvector %.4f', $theirs) : '');
    cmp_ok($found{ours}, '>=', 0.985, "$how: nearly all are found");
    cmp_ok($found{ours}, '>=', $theirs - $luck, "$how: as many as pgvector finds") if defined $found{theirs};
    return;
}

sub array { my ($component, $dims) = @_; return 'ARRAY[' . join(', ', ($component) x $dims) . ']' }

for my $set (
    [ 'vector(3)', array('random()', 3), '::vector' ],
    [ 'vector(3)', array('random() * random()', 3), '::vector' ],
    [ 'vector(5)', array('random()', 5), '::vector' ],
    [ 'vector(8)', array('random() - 0.5', 8), '::vector' ],
    [ 'halfvec(10)', array('2 * random() * random()', 10), '::halfvec' ],
    [ 'sparsevec(3)', array('random() * random()', 3), '::vector::sparsevec' ],
  )
{
    my ($type, $values, $cast) = @$set;
    my ($component) = $values =~ /\[(.*?)(?:,|\])/;
    my $name = "$type of $component";
    my $ops = $type =~ s/\(.*/_ip_ops/r;
    my $queries = array($component =~ /-/ ? $component : 'random()', $type =~ /(\d+)/);
    everywhere('DROP TABLE IF EXISTS items, items_queries', "CREATE TABLE items (id int, v $type)",
        "SELECT setseed(.5); INSERT INTO items SELECT i, $values$cast FROM generate_series(1, 10000) i",
        "CREATE TABLE items_queries (q serial PRIMARY KEY, v $type)",
        "INSERT INTO items_queries (v) SELECT $queries$cast FROM generate_series(1, 20)",
        "CREATE INDEX items_v ON items USING hnsw (v $ops)");
    compare("$name, built");
    next if $type !~ /\(3\)/;

    everywhere('DROP INDEX items_v',
        "SET client_min_messages = warning; SET maintenance_work_mem = '1MB'; CREATE INDEX items_v ON items USING hnsw (v $ops)");
    compare("$name, built beyond maintenance_work_mem");
    everywhere('DELETE FROM items WHERE id % 2 = 0', 'VACUUM items');
    compare("$name, half of it deleted");
    everywhere('CREATE TEMP TABLE same AS TABLE items', 'TRUNCATE items', "INSERT INTO items SELECT * FROM same");
    compare("$name, inserted");
}

is($node->safe_psql('ours', "SELECT count(*) FROM vecstore_check('items_v')"), 0, 'and the index is as it should be');
$node->stop;

# --- a setting that does not exist
SKIP: {
    chomp(my $lib = `$ENV{PG_CONFIG} --pkglibdir`);
    skip "pgvector's library may come, and its settings", 1 if -e "$lib/vector.so";
    $node = new_node('settings');
    skip 'before 15 prefixes cannot be reserved', 1 if $node->pg_version < 15;
    for my $name ('hnsw.ef_serch', 'ivfflat.probe') {
        my ($rc, $out, $err) = $node->psql('postgres', load_library() . "SET $name = 100");
        isnt($rc, 0, "SET $name is refused");
        like($err, qr/invalid configuration parameter name "\Q$name\E"/, 'and the message names it');
        ($rc, $out, $err) = $node->psql('postgres', "SET $name = 100;" . load_library() . 'SET hnsw.ef_search = 50; SHOW hnsw.ef_search');
        is($out, '50', "$name that was set before the library came does no harm");
        like($err, qr/WARNING: +invalid configuration parameter name "\Q$name\E", removing it/, 'and is complained about');
    }
}

done_testing();
