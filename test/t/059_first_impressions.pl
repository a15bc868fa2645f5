# First impressions: progress that is true, advice that helps, types that are refused before there are rows, tests that run
# in a cluster of any encoding.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $node = new_node('first', 'autovacuum = off');
my $folder = PostgreSQL::Test::Utils::tempdir();
chmod 0755, $folder;

sub sql { return $node->safe_psql('postgres', $_[0]) }

# --- a build beyond its memory shows how far it is, of a table that was never analyzed, and of one that has grown since
my $ROWS = scale(1500, 40000);
sql('CREATE TABLE t (id int, v vector(256))');
load_vectors($node, table => 't', rows => $ROWS, dims => 256, seed => 59);
# The progress of a build, as it was seen.
sub watch_build {
    my ($out, $err) = ('', '');
    my $build = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), map { ('-c', $_) } "SET maintenance_work_mem = '1MB'",
        'DROP INDEX IF EXISTS t_v_idx', 'CREATE INDEX t_v_idx ON t USING hnsw (v vector_l2_ops)' ], '<', \undef, '>', \$out, '2>', \$err);
    my (%phases, @beyond, $least);
    while ($build->pumpable) {
        $build->pump_nb;
        for (split /\n/, ask_quietly($node, "SELECT phase, tuples_done, tuples_total FROM pg_stat_progress_create_index WHERE phase LIKE '%inserting%'")) {
            my ($phase, $done, $total) = split /\|/;
            $phases{$phase}++;
            push @beyond, "$done of $total" if $done > $total;
            $least = $total if !defined $least || $total < $least;
        }
        select undef, undef, undef, 0.02;
    }
    $build->finish;
    return { said => $err, phases => scalar(keys %phases), beyond => "@beyond", least => $least // 0 };
}
for my $known ('never analyzed', 'known to be smaller') {
    # (A busy machine may not get to look before the build is over: then once more.)
    my $build;
    for (1 .. 10) {
        sql("UPDATE pg_class SET reltuples = " . ($known eq 'never analyzed' ? '-1' : 'relpages') . " WHERE oid = 't'::regclass");
        $build = watch_build();
        last if $build->{phases} > 0;
    }
    like($build->{said}, qr/no longer fits into maintenance_work_mem/, "$known: the build goes beyond its memory");
    cmp_ok($build->{phases}, '>', 0, "$known: progress was seen");
    is($build->{beyond}, '', "$known: never more than all");
    cmp_ok($build->{least}, '>', $known eq 'never analyzed' ? $ROWS / 3 : 0, "$known: of about as many rows as there are");
}

# --- strings of bits whose length is not fixed
sql("CREATE TABLE b (v varbit(3)); INSERT INTO b VALUES ('101'), ('11')");
for my $method ('hnsw', 'ivfflat') {
    like(answer($node, "CREATE INDEX ON b USING $method (v bit_hamming_ops)"), qr/ERROR: +type not supported for $method index\n.*HINT: .*bit\(3\)/s, "$method of varbit is refused");
}
sql("CREATE INDEX ON b USING hnsw ((v::bit(3)) bit_hamming_ops)");
is(sql("SET enable_seqscan = off; SELECT v FROM b ORDER BY v::bit(3) <~> B'101' LIMIT 1"), '101', 'an expression of a fixed length is not');

# --- the same file once more
my $file = write_bytes("$folder/two.npy", npy(2, 2, 1, 2, 3, 4));
my $call = "CALL vecstore_import('twice', '$file', create_table => true";
like(answer($node, "$call)"), qr/imported 2 vectors/, 'an import');
my $again = answer($node, "$call)");
like($again, qr/ERROR: +duplicate key.*on_conflict => 'skip' leaves out rows that are there already/s, 'the same again: what helps');
unlike($again, qr/resume => true goes on/, 'and not what does not');
like(answer($node, "$call, on_conflict => 'skip')"), qr/2 whose rows were there already/, 'it does');
$node->stop;

# --- the tests in a cluster of another encoding
SKIP: {
    my $pg_regress = $ENV{PG_REGRESS};
    skip 'there is no pg_regress', 1 if !defined $pg_regress || !-x $pg_regress;
    my $latin = PostgreSQL::Test::Cluster->new('latin');
    $latin->init(extra => [ '-E', 'LATIN1', '--no-locale' ]);
    $latin->start;
    local ($ENV{PGHOST}, $ENV{PGPORT}) = ($latin->host, $latin->port);
    delete local $ENV{PGDATABASE};
    my ($rc, $output) = run_make('installcheck', 'REGRESS=type_vector_io type_exchange', 'ISOLATION=');
    is($rc, 0, 'make installcheck in a cluster of LATIN1') or diag($output);
    $latin->stop;
}

done_testing();
