# Files of indexes that were damaged, on a server without checksums: every statement ends, with an answer or with an error that
# says so (index_corrupted), the server stays up, and vecstore_check finds what can be found.
#
# Every damage is done to a copy of a database, before anybody has connected to it: so that nothing of it is in memory yet.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

plan skip_all => 'pages of vecstore are meant' if extension() ne 'vecstore';

my $node = new_node('damage', 'shared_buffers = 64MB', 'autovacuum = off', 'fsync = off', "statement_timeout = '10s'",
    'full_page_writes = off', 'max_wal_size = 4GB', 'restart_after_crash = on');
without_checksums($node);

# One index that searches in codes, with a filter column and entry points; one that does not, with chains of rows of equal
# vectors.
my %tables = (
    coded => { dims => 200, query => "(SELECT v FROM coded WHERE id = 7)", op => '<->', where => 'WHERE tenant < 3',
        insert => 'INSERT INTO coded SELECT id + 100000, v, tenant FROM coded WHERE id BETWEEN 10 AND 40' },
    plain => { dims => 8, query => "(SELECT v FROM plain WHERE id = 7)", op => '<->', where => '',
        insert => 'INSERT INTO plain SELECT id + 100000, v FROM plain WHERE id BETWEEN 10 AND 40 OR id > 690' });
$node->safe_psql('postgres', 'CREATE DATABASE sound');
$node->safe_psql('sound', "
    CREATE EXTENSION vecstore;
    SELECT setseed(.5);
    CREATE TABLE coded (id int, v vector(200), tenant int) WITH (autovacuum_enabled = off);
    INSERT INTO coded SELECT i, (SELECT array_agg(random()) FROM generate_series(i, i + 199))::vector, i % 5 FROM generate_series(1, 300) i;
    CREATE INDEX coded_v_idx ON coded USING hnsw (v vector_l2_ops, tenant) WITH (m = 8);
    CREATE TABLE plain (id int, v vector(8)) WITH (autovacuum_enabled = off);
    INSERT INTO plain SELECT i, CASE WHEN i <= 600 THEN (SELECT array_agg(random()) FROM generate_series(i, i + 7))::vector
                                     ELSE '[1,2,3,4,5,6,7,8]' END FROM generate_series(1, 800) i;
    CREATE INDEX plain_v_idx ON plain USING hnsw (v vector_l2_ops) WITH (m = 4);
    CHECKPOINT");
my %file = map { $_ => $node->safe_psql('sound', "SELECT pg_relation_filepath('${_}_v_idx')") =~ s{.*/}{}r } keys %tables;
my ($major) = $node->safe_psql('postgres', 'SHOW server_version_num') =~ /^(\d\d)/;
my $strategy = $major >= 15 ? 'STRATEGY file_copy' : '';

# ------------------------------------------------------------------------------------------------ what is on a page

# Of the metapage: (offset, format)
my %meta = (magic => [ 32, 'V' ], version => [ 36, 'V' ], dims => [ 40, 'V' ], stored_dims => [ 44, 'V' ], code_dims => [ 48, 'V' ],
    metric => [ 52, 'C' ], mode => [ 53, 'C' ], own_format => [ 54, 'C' ], vector_kind => [ 55, 'C' ], own_bits => [ 56, 'C' ],
    rotated => [ 57, 'C' ], slots_per_page => [ 58, 'C' ], m => [ 59, 'v' ], max_neighbors => [ 61, 'v' ], slot_size => [ 63, 'v' ],
    filter_columns => [ 65, 'v' ], entry_block => [ 77, 'V' ], entry_slot => [ 81, 'C' ], entry_level => [ 83, 'C' ],
    mean_block => [ 85, 'V' ], mean_pages => [ 89, 'V' ], tid_page => [ 93, 'V' ], cluster_map => [ 97, 'V' ],
    calibration => [ 105, 'f<' ], entry_map => [ 125, 'V' ]);

my ($PAGE, $HEADER) = (8192, 24);
my %kind = (nodes => 3, tids => 4);
sub get { my ($bytes, $at, $format) = @_; return unpack $format, substr $$bytes, $at, 8 }
sub put { my ($bytes, $at, $format, $value) = @_; my $new = pack $format, $value; substr($$bytes, $at, length $new) = $new; return }
sub meta { my ($bytes, $field) = @_; return get($bytes, @{ $meta{$field} }) }
sub pages_of {
    my ($bytes, $wanted) = @_;
    return grep { get($bytes, $_ * $PAGE + $HEADER, 'v') == $kind{$wanted} } 0 .. length($$bytes) / $PAGE - 1;
}
# Where the heads of all nodes in use begin.
sub nodes_of {
    my ($bytes) = @_;
    my @nodes;
    for my $block (pages_of($bytes, 'nodes')) {
        for my $slot (0 .. meta($bytes, 'slots_per_page') - 1) {
            my $at = $block * $PAGE + $HEADER + 8 + $slot * meta($bytes, 'slot_size');
            push @nodes, $at if get($bytes, $at, 'C') == 1;
        }
    }
    return @nodes;
}
my %head = (degree => [ 3, 'C' ], level => [ 2, 'C' ], tid_count => [ 4, 'C' ], overflow => [ 26, 'V' ]);
sub damage_nodes {
    my ($field, $value) = @_;
    return sub { my ($bytes) = @_; put($bytes, $_ + $head{$field}[0], $head{$field}[1], $value) for nodes_of($bytes) };
}
sub damage_meta {
    my ($field, $value) = @_;
    return sub { put($_[0], @{ $meta{$field} }, $value) };
}
# Chunks: next at 0, used at 6, count at 7, of 98 bytes each.
sub damage_chunks {
    my ($change) = @_;
    return sub {
        my ($bytes) = @_;
        for my $block (pages_of($bytes, 'tids')) {
            for my $chunk (0 .. 82) {
                my $at = $block * $PAGE + $HEADER + 8 + $chunk * 98;
                $change->($bytes, $at, $block, $chunk) if get($bytes, $at + 6, 'C') == 1;
            }
        }
    };
}

# ---------------------------------------------------------------------------------------------------------- trials

# trial(TABLE, NAME, CHANGE, FOUND): FOUND: vecstore_check must find something.
sub trial {
    my ($table, $name, $change, $found) = @_;
    my $t = $tables{$table};
    $node->safe_psql('postgres', "CREATE DATABASE damaged TEMPLATE sound $strategy");
    my $folder = $node->data_dir . '/base/' . $node->safe_psql('postgres', "SELECT oid FROM pg_database WHERE datname = 'damaged'");
    my $bytes = slurp_file("$folder/$file{$table}");
    $change->(\$bytes, $folder);
    write_bytes("$folder/$file{$table}", $bytes);
    my $crashes = crashes($node);
    my $search = "SELECT id FROM $table $t->{where} ORDER BY v $t->{op} $t->{query}";
    # (The table is read to the end where the index gives no answer: for the row to search for.)
    my %errors;
    my %statements = (select => "SET enable_seqscan = off; SELECT count(*) FROM ($search LIMIT 20) s",
        all => "SET enable_seqscan = off; SELECT count(*) FROM ($search) s", insert => $t->{insert},
        check => "SELECT * FROM vecstore_check('${table}_v_idx', true)", info => "SELECT * FROM vecstore_index_info('${table}_v_idx')",
        vacuum => "DELETE FROM $table WHERE id % 7 = 0; VACUUM $table", end => 'SELECT 1');
    my @order = qw(check select all info insert vacuum);
    my ($out, $err) = ('', '');
    my $script = join '', map { "\\echo == $_\n\\warn == $_\n$statements{$_};\n" } @order, 'end';
    IPC::Run::run([ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('damaged') ], '<', \$script, '>', \$out, '2>', \$err);
    my @nameless;   # errors that do not say which index it is
    my ($problems) = $out =~ /^== check\n(.*?)^== /ms;
    for my $what (@order) {
        my ($said) = $err =~ /^== $what\n(.*?)(?=^== )/ms;
        push @nameless, "$what: $said" if ($said // '') =~ /ERROR:  XX002/ && $said !~ /"${table}_v_idx"/;
        # The server itself has a message of its own for a page's header.
        next if defined $said && ($said !~ /ERROR|FATAL|connection/ || $said =~ /ERROR:  XX002/ || $said =~ /ERROR:  XX001: invalid page/);
        $errors{$what} = $said // "no answer: $err";
    }
    is_deeply(\%errors, {}, "$table: $name") or diag explain \%errors;
    is_deeply(\@nameless, [], "$table: $name: errors name the index") or diag explain \@nameless;
    is(crashes($node), $crashes, "$table: $name: the server is up");
    isnt($problems // '', '', "$table: $name: vecstore_check finds it") if $found;
    $node->safe_psql('postgres', 'DROP DATABASE damaged');
    return;
}

for my $table (sort keys %tables) {
    is($node->safe_psql('sound', "SELECT * FROM vecstore_check('${table}_v_idx', true)"), '', "$table: sound as it is");
}

# One field at a time.
trial('coded', "$_->[0] is $_->[1]", damage_meta(@$_), 1)
  for [ stored_dims => 0 ], [ own_format => 9 ], [ vector_kind => 4 ], [ max_neighbors => 65535 ], [ slot_size => 65535 ],
  [ filter_columns => 65535 ], [ filter_columns => 30 ], [ entry_block => 4_000_000_000 ], [ entry_block => 0 ], [ tid_page => 4_000_000_000 ];
trial('plain', "$_->[0] is $_->[1]", damage_meta(@$_), 1) for [ stored_dims => 0 ], [ filter_columns => 30 ], [ dims => 7 ];
for my $table (qw(coded plain)) {
    trial($table, 'nodes with 200 neighbors', damage_nodes(degree => 200), 1);
    trial($table, 'nodes with 77 rows', damage_nodes(tid_count => 77), 1);
}
trial('plain', 'nodes of level 200', damage_nodes(level => 200), 1);
trial('plain', 'chains that begin beyond the end', damage_nodes(overflow => 4_000_000), 1);
trial('plain', 'a chain in a circle', damage_chunks(sub { my ($bytes, $at, $block, $chunk) = @_; put($bytes, $at, 'V', $block); put($bytes, $at + 4, 'v', $chunk) }), 1);
trial('plain', 'chunks with 200 rows', damage_chunks(sub { my ($bytes, $at) = @_; put($bytes, $at + 7, 'C', 200) }), 1);
# Another index's file, sound in itself.
trial('plain', 'the file of another index', sub { my ($bytes, $folder) = @_; $$bytes = slurp_file("$folder/$file{coded}") }, 1);
trial('plain', 'a file of zeros', sub { ${ $_[0] } = "\0" x 8192 }, 1);

done_testing();
