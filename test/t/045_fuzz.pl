# A short run of the fuzzers over all readers of files and stores, under ASan and UBSan. test/fuzz/run SECONDS runs it longer.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $seconds = scale(30, 900);
$ENV{FUZZ_WORK} = PostgreSQL::Test::Utils::tempdir();
my $output = '';
IPC::Run::run([ "$FindBin::Bin/../fuzz/run", $seconds ], '<', \undef, '>', \$output, '2>&1');
my $status = $?;
if ($output =~ /^skipped: (.*)/m) {
    diag("SKIPPED, loudly: $1");
    plan skip_all => $1;
}
is($status, 0, "nothing found in $seconds s") or diag(substr $output, -5000);
my @runs = $output =~ /number_of_executed_units: (\d+)/g;
cmp_ok($runs[$_] // 0, '>', 500, "$_: " . ($runs[$_] // 0) . ' inputs tried') for 0, 1;
done_testing();
