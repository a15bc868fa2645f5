# kill -9 during inserts, deletes, updates and vacuum, over and over; after each restart, and on a standby that has
# caught up, the index must be sound, return only what is committed, and find every row.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $ROUNDS = scale(20, 60);
my $POOL = 20000;
srand($ENV{VECSTORE_TEST_SEED} // 20);

my @settings = (
    'shared_buffers = 64MB', 'max_wal_size = 64MB', 'checkpoint_timeout = 30s', 'autovacuum_naptime = 1s',
    'autovacuum_vacuum_threshold = 50', 'autovacuum_vacuum_scale_factor = 0.02', 'autovacuum_vacuum_cost_delay = 0',
    'wal_keep_size = 256MB', 'restart_after_crash = on', 'max_connections = 30');
my $primary = new_node('primary', @settings);

# One table whose index searches in codes, one too small for that. Few, short rows: what counts is the traffic.
my @tables = (
    { name => 'wide', dims => 384, opclass => 'vector_cosine_ops', op => '<=>', kind => 'embeddings' },
    { name => 'narrow', dims => 24, opclass => 'vector_l2_ops', op => '<->', kind => 'uniform' },
);
for my $t (@tables) {
    $primary->safe_psql('postgres', "
        CREATE TABLE $t->{name}_pool (id int PRIMARY KEY, v vector($t->{dims}));
        CREATE TABLE $t->{name} (id int PRIMARY KEY, v vector($t->{dims}));
        CREATE SEQUENCE $t->{name}_ids;");
    load_vectors($primary, table => "$t->{name}_pool", kind => $t->{kind}, rows => $POOL, dims => $t->{dims},
        seed => 3, first_id => 1);
    # The first rounds begin with an empty index: the first insert and the first entry points crash too.
    $primary->safe_psql('postgres', "CREATE INDEX ON $t->{name} USING hnsw (v $t->{opclass})");
}
my $standby = new_standby($primary, 'standby', 'hot_standby = on');

my @scripts;
for my $t (@tables) {
    my $n = $t->{name};
    # Rows are drawn from the pool with repetition: equal vectors happen.
    my $insert = "\\set i random(1, $POOL)\nINSERT INTO $n SELECT nextval('${n}_ids'), v FROM ${n}_pool WHERE id = :i;\n";
    my $victim = "SELECT id FROM $n WHERE id >= (SELECT floor(random() * last_value) FROM ${n}_ids) ORDER BY id LIMIT 1";
    my %script = (
        "${n}_insert" => [ 12, $insert ],
        "${n}_batch" => [ 1, "INSERT INTO $n SELECT nextval('${n}_ids'), v FROM ${n}_pool ORDER BY random() LIMIT 20;\n" ],
        "${n}_delete" => [ 7, "DELETE FROM $n WHERE id = ($victim);\n" ],
        "${n}_update" => [ 2, "\\set i random(1, $POOL)\nUPDATE $n SET v = (SELECT v FROM ${n}_pool WHERE id = :i) WHERE id = ($victim);\n" ],
        "${n}_rollback" => [ 1, "BEGIN;\n${insert}ROLLBACK;\n" ],
    );
    push @scripts, map { ('-f', write_script($primary, $_, $script{$_}[1]) . "\@$script{$_}[0]") } sort keys %script;
}
my $vacuum = write_script($primary, 'vacuum', join '', map { "VACUUM $_->{name};\n\\sleep 50 ms\n" } @tables);

# This must hold, no matter what happened before. Everything at rest, or on a standby, or both.
sub is_sound {
    my ($node, $when) = @_;
    for my $t (@tables) {
        my $n = $t->{name};
        check_clean($node, "${n}_v_idx", "$when: $n checked");
        exhaustive_scan_is_right($node, $n, $t->{op}, "$when: $n scanned to the end");
        found_by_own_vector($node, $n, $t->{op}, "$when: $n found by own vector");
    }
    return;
}

# One backend, chosen while it works on one of the tables: the postmaster then ends all others and recovers.
sub kill_one_backend {
    my $pid = $primary->safe_psql('postgres', "SELECT pid FROM pg_stat_activity
        WHERE state = 'active' AND pid <> pg_backend_pid() AND query ~ '^(INSERT|DELETE|UPDATE|VACUUM)'
        ORDER BY random() LIMIT 1");
    return $pid ne '' && kill_backend($primary, $pid);
}

for my $round (1 .. $ROUNDS) {
    my $load = start_clients($primary, '-M', 'prepared', '-c', 6, '-T', 60, @scripts);
    my $sweep = start_clients($primary, '-c', 1, '-T', 60, '-f', $vacuum);
    select undef, undef, undef, 0.3 + rand(1.2);

    my $what = 'server';
    if ($round % 4 == 0 && kill_one_backend()) {
        $what = 'backend';
        stop_clients($_, 'kill') for $load, $sweep;
    } else {
        kill_server($primary);
        stop_clients($_, 'kill') for $load, $sweep;
        $primary->start;
    }
    # the standby crashes too, now and then, and replays again
    if ($round % 5 == 0) {
        kill_server($standby);
        $standby->start;
    }
    my $rows = join ', ', map { $primary->safe_psql('postgres', "SELECT count(*) FROM $_->{name}") . " $_->{name}" } @tables;
    note("round $round: killed the $what; rows: $rows");
    is_sound($primary, "round $round");
    $primary->wait_for_catchup($standby, 'replay');
    is_sound($standby, "round $round, standby");
}

for my $t (@tables) {
    my $rows = $primary->safe_psql('postgres', "SELECT count(*) FROM $t->{name}");
    ok($rows > 500, "there was something to break in $t->{name}: $rows rows at the end");
    add_queries($primary, $t->{name}, "$t->{name}_pool WHERE id <= 200");
    $primary->wait_for_catchup($standby, 'replay');
    for my $node ($primary, $standby) {
        my $recall = recall($node, $t->{name}, op => $t->{op});
        ok($recall >= 0.95, "$t->{name}: recall@10 after all on the " . $node->name . sprintf ': %.4f', $recall);
    }
}
$standby->stop;
$primary->stop;
done_testing();
