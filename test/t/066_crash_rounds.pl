# Crash rounds with every kind of index and statement (test/crash): eight clients, kill -9 and stops at once, prepared
# transactions, a standby that is asked all the while and promoted at the end. Some rounds of it; a thousand at full scale.
# (002 has fewer kinds and larger indexes, and asks what they still find.)
#
#   VECSTORE_CRASH_ROUNDS   how many
#   VECSTORE_CRASH_SEED     of the clients' actions
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

plan skip_all => 'vecstore_check is meant' if extension() ne 'vecstore';

my $rounds = $ENV{VECSTORE_CRASH_ROUNDS} // scale(30, 1000);
my $seconds = defined $ENV{VECSTORE_CRASH_ROUNDS} ? 1e9 : scale(30, 1e9);
chomp(my $bindir = `$ENV{PG_CONFIG} --bindir`);
my @settings = $ENV{TEMP_CONFIG} ? ('--settings', $ENV{TEMP_CONFIG}) : ();
my $said = '';
my $run = IPC::Run::start(
    [ '/usr/bin/python3', "$FindBin::Bin/../crash/rounds.py", '--bindir', $bindir, '--folder', PostgreSQL::Test::Utils::tempdir_short() . '/rounds',
      '--rounds', $rounds, '--seconds', $seconds, '--seed', $ENV{VECSTORE_CRASH_SEED} // 1, @settings ], '<', \undef, '>&', \$said);
$run->finish;
note($said);
my ($done, $findings) = $said =~ /^(\d+) rounds, (\d+) findings, \d+ seconds$/m;
is($run->result(0), 0, 'the rounds came to their end') or diag($said);
is($findings, 0, ($done // 0) . ' rounds: no findings');
my %count = ($said =~ /^done: (.*)$/m ? $1 : '') =~ /'([\w: ]+)': (\d+)/g;
for my $what ('insert', 'update vector', 'delete', 'vacuum', 'check', 'scan', 'standby: ask', 'prepare') {
    cmp_ok($count{$what} // 0, '>', 0, "$what: " . ($count{$what} // 0));
}
cmp_ok($done // 0, '>', 1, 'the server crashed');
done_testing();
