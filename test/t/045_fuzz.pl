# A short run of the fuzzer over all file readers, under ASan and UBSan. test/fuzz/run SECONDS runs it longer.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $seconds = scale(20, 600);
$ENV{FUZZ_WORK} = PostgreSQL::Test::Utils::tempdir();
my $output = '';
IPC::Run::run([ "$FindBin::Bin/../fuzz/run", $seconds ], '<', \undef, '>', \$output, '2>&1');
my $status = $?;
if ($output =~ /^skipped: (.*)/m) {
    diag("SKIPPED, loudly: $1");
    plan skip_all => $1;
}
is($status, 0, "nothing found in $seconds s") or diag(substr $output, -5000);
my ($runs) = $output =~ /number_of_executed_units: (\d+)/;
cmp_ok($runs // 0, '>', 500, ($runs // 0) . ' inputs tried');
done_testing();
