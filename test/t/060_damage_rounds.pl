# Files of indexes damaged at random, of every kind of index, on a server without checksums: every statement ends, with an answer
# or with an error that says so (index_corrupted), and the server stays up. (055 damages one field at a time and knows what is to
# be found; test/unit/hnsw_damage_test.cpp does far more rounds.)
#
#   VECSTORE_DAMAGE_ROUNDS   how many rounds, each of which damages one index of each kind
#   VECSTORE_DAMAGE_SEED     the first round's number
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

plan skip_all => 'pages of vecstore are meant' if extension() ne 'vecstore';

my $rounds = $ENV{VECSTORE_DAMAGE_ROUNDS} // scale(5, 400);
my $first = $ENV{VECSTORE_DAMAGE_SEED} // 1;
my $node = new_node('rounds', 'shared_buffers = 64MB', 'autovacuum = off', 'fsync = off', "statement_timeout = '20s'",
    'full_page_writes = off', 'max_wal_size = 4GB', 'restart_after_crash = on');
without_checksums($node);

# Rows of equal vectors, rows without one, nodes of several levels; with codes, filter columns, and as lists.
my %tables = (
    plain => { type => 'vector(6)', index => 'hnsw (v vector_l2_ops) WITH (m = 4)', op => '<->', where => 'true' },
    coded => { type => 'vector(128)', index => 'hnsw (v vector_l2_ops, tenant) WITH (m = 6)', op => '<->', where => 'tenant < 2' },
    product => { type => 'halfvec(6)', index => 'hnsw (v halfvec_ip_ops, tenant) WITH (m = 4)', op => '<#>', where => 'tenant = 1' },
    sparse => { type => 'sparsevec(6)', index => 'hnsw (v sparsevec_l2_ops) WITH (m = 4)', op => '<->', where => 'v IS NOT NULL' },
    lists => { type => 'vector(128)', index => 'ivfflat (v vector_cosine_ops) WITH (lists = 10)', op => '<=>', where => 'true' });
my @names = sort keys %tables;
$node->safe_psql('postgres', 'CREATE DATABASE sound');
$node->safe_psql('sound', 'CREATE EXTENSION vecstore; SELECT setseed(.5)');
my %file;
for my $name (@names) {
    my $t = $tables{$name};
    my ($dims) = $t->{type} =~ /(\d+)/;
    $node->safe_psql('sound', "
        CREATE TABLE $name (id int, v $t->{type}, tenant int) WITH (autovacuum_enabled = off);
        INSERT INTO $name SELECT i, CASE WHEN i % 50 = 7 THEN NULL WHEN i <= 450
            THEN (SELECT array_agg(random()) FROM generate_series(i, i + $dims - 1))::vector::$t->{type}
            ELSE (SELECT array_agg(d) FROM generate_series(1, $dims) d)::vector::$t->{type} END, i % 4 FROM generate_series(1, 550) i;
        CREATE INDEX ${name}_v_idx ON $name USING $t->{index}");
    $file{$name} = $node->safe_psql('sound', "SELECT pg_relation_filepath('${name}_v_idx')") =~ s{.*/}{}r;
}
$node->safe_psql('sound', 'CHECKPOINT');
my ($major) = $node->safe_psql('postgres', 'SHOW server_version_num') =~ /^(\d\d)/;
my $strategy = $major >= 15 ? 'STRATEGY file_copy' : '';

# ------------------------------------------------------------------------------------------------------- damage

my ($PAGE, $HEADER, $PAGE_HEAD) = (8192, 24, 8);
sub any { my ($n) = @_; return int(rand($n)) }

# Words that may be taken for something: a block, a number of something, a float that is none.
sub any_word {
    my ($pages) = @_;
    my @words = (0, 1, any($pages), any($pages), $pages, 0xFFFFFFFF, 0xFFFFFFFE, 0x7FC00000, 0xFF800000, any(65536), any(2**32));
    return pack 'V', $words[any(scalar @words)];
}

sub damage {
    my ($bytes) = @_;
    my $pages = length($$bytes) / $PAGE;
    for (1 .. 1 + any(6)) {
        my $page = (any(10) == 0 ? 0 : any($pages)) * $PAGE;
        my $at = $page + $HEADER + (any(2) ? any(256) : any($PAGE - $HEADER - 4));
        my $how = any(11);
        if ($how == 0) {
            substr($$bytes, $page, $PAGE) = "\0" x $PAGE;
        } elsif ($how == 1) {
            substr($$bytes, $page, $PAGE) = substr($$bytes, any($pages) * $PAGE, $PAGE);
        } elsif ($how == 2) {
            substr($$bytes, $page + $HEADER, 2) = pack 'v', any(15);   # what the page is for
        } elsif ($how < 6) {
            substr($$bytes, $at, 1) = chr any(256);
        } elsif ($how < 9) {
            substr($$bytes, $at, 4) = any_word($pages);
        } elsif ($how == 9) {
            substr($$bytes, $page + 12, 2) = pack 'v', any($PAGE + 1);   # up to where the page is in use
        } else {
            # The same thing all over the page.
            my ($word, $step) = (any_word($pages), 4 + 2 * any(60));
            for (my $i = $page + $HEADER + $PAGE_HEAD + any(64); $i + 4 <= $page + $PAGE; $i += $step) { substr($$bytes, $i, 4) = $word }
        }
    }
    return;
}

# ------------------------------------------------------------------------------------------------------- rounds

sub statements {
    my ($name) = @_;
    my ($t, $index) = ($tables{$name}, "${name}_v_idx");
    my $near = "ORDER BY v $t->{op} (SELECT v FROM $name WHERE id = 8)";
    return (
        ["$name select", "SELECT count(*) FROM (SELECT id FROM $name $near LIMIT 20) s"],
        ["$name filtered", "SELECT count(*) FROM (SELECT id FROM $name WHERE $t->{where} $near LIMIT 30) s"],
        ["$name all", "SELECT count(*) FROM (SELECT id FROM $name $near) s"],
        ["$name insert", "INSERT INTO $name SELECT id + 10000, v, tenant FROM $name WHERE id BETWEEN 1 AND 20 OR id BETWEEN 540 AND 560"],
        ["$name update", "UPDATE $name SET tenant = tenant + 1 WHERE id BETWEEN 440 AND 460"],
        ["$name check", "SELECT count(*) FROM vecstore_check('$index', true)"],
        ["$name info", "SELECT count(*) FROM vecstore_index_info('$index')"],
        ["$name vacuum", "DELETE FROM $name WHERE id % 7 = 0; VACUUM (INDEX_CLEANUP on) $name"],
        ["$name again", "SELECT count(*) FROM (SELECT id FROM $name $near LIMIT 100) s"]);
}

# All statements in one session, on a database whose indexes change(NAME, BYTES) has damaged. Returns what went wrong.
sub try_all {
    my ($change) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE damaged TEMPLATE sound $strategy");
    my $folder = $node->data_dir . '/base/' . $node->safe_psql('postgres', "SELECT oid FROM pg_database WHERE datname = 'damaged'");
    for my $name (@names) {
        my $bytes = slurp_file("$folder/$file{$name}");
        $change->($name, \$bytes);
        write_bytes("$folder/$file{$name}", $bytes);
    }
    my ($out, $err) = ('', '');
    my @all = map { statements($_) } @names;
    my $script = join '', map { "\\warn == $_->[0]\n$_->[1];\n" } ([ 'settings', 'SET enable_seqscan = off; SET hnsw.iterative_scan = relaxed_order' ], @all, [ 'end', 'SELECT 1' ]);
    IPC::Run::run([ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('damaged') ], '<', \$script, '>', \$out, '2>', \$err);
    my (%wrong, $damaged);
    for my $what (map { $_->[0] } @all) {
        my ($said) = $err =~ /^== \Q$what\E\n(.*?)(?=^== )/ms;
        $damaged += () = ($said // '') =~ /ERROR:  XX002/g;
        # The server itself has a message of its own for a page's header.
        my @errors = grep { !/^(?:ERROR:  XX002|ERROR:  XX001: invalid page)/ } ($said // 'no answer') =~ /^((?:ERROR|FATAL|PANIC|no answer|.*connection).*)$/mg;
        $wrong{$what} = $said if @errors;
    }
    wait_until_up($node);
    $node->safe_psql('postgres', 'DROP DATABASE damaged');
    return (\%wrong, $damaged);
}

my ($wrong) = try_all(sub { });
is_deeply($wrong, {}, 'sound as they are');

# Rows that the table cannot have: none may be asked for, least of all that of no block, by which tables grow.
for my $tid ([ 0xFFFFFFFF, 1 ], [ 100000, 1 ], [ 0, 0 ], [ 0, 60000 ]) {
    my ($failed, $damaged) = try_all(sub {
        my ($name, $bytes) = @_;
        # (What is looked for is where all of a page's nodes have their first row.)
        my ($slots, $size) = (unpack('C', substr($$bytes, 58, 1)), unpack('v', substr($$bytes, 63, 2)));
        for my $page (1 .. length($$bytes) / $PAGE - 1) {
            my $at = $page * $PAGE + $HEADER;
            next if unpack('v', substr($$bytes, $at, 2)) != 3;
            for my $slot (0 .. $slots - 1) {
                my $head = $at + $PAGE_HEAD + $slot * $size;
                substr($$bytes, $head + 40, 6) = pack 'Vv', @$tid if unpack('C', substr($$bytes, $head, 1)) == 1;
            }
        }
    });
    is_deeply($failed, {}, "rows ($tid->[0],$tid->[1])") or diag explain $failed;
    cmp_ok($damaged, '>=', scalar @names, "rows ($tid->[0],$tid->[1]) are told");
}

my $crashes = crashes($node);
my $told = 0;
for my $round ($first .. $first + $rounds - 1) {
    srand($round);
    my ($failed, $damaged) = try_all(sub { damage($_[1]) });
    $told += $damaged;
    is_deeply($failed, {}, "round $round") or diag explain $failed;
    is(crashes($node), $crashes, "round $round: the server is up");
    $crashes = crashes($node);
}
cmp_ok($told, '>', $rounds, 'damage is told of');

done_testing();
