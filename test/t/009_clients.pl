# Client libraries as they are published, against a running server: store, read, every distance operator, binary
# COPY in and out, errors. The scripts are in test/clients and write TAP.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $clients = "$FindBin::Bin/../clients";
my $node = new_node('clients', 'synchronous_commit = off');
$node->safe_psql('postgres', "CREATE DATABASE clients ENCODING 'UTF8' TEMPLATE template0");
$node->safe_psql('clients', 'CREATE EXTENSION ' . extension());
@ENV{qw(PGHOST PGPORT PGUSER PYTHONDONTWRITEBYTECODE)} =
  ($node->host, $node->port, $node->safe_psql('postgres', 'SELECT current_user'), 1);

# run_client(NAME, COMMAND...): each line "ok" or "not ok" of the script is a test here.
sub run_client {
    my ($name, @command) = @_;
    my ($out, $err) = ('', '');
    my $rc = eval { IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(120)); $? };
    $rc //= "too slow: $@";
    my $good = 1;
    for (split /\n/, $out) {
        if (/^(not )?ok - (.*)/) { $good &= ok(!$1, "$name: $2") }
        elsif (!$good) { diag($_) }
    }
    ok($rc eq '0' && $out =~ /^# finished$/m, "$name: ran to its end") or diag("$rc\n$err");
    return;
}

for my $module (qw(psycopg2 psycopg asyncpg sqlalchemy)) {
    my @python = ('/usr/bin/python3');
    SKIP: {
        my $found = IPC::Run::run([ @python, '-c', "import $module" ], '>', \my $out, '2>', \my $err);
        skip "python3-$module is not installed", 1 if !$found;
        run_client($module, @python, "$clients/${module}_client.py");
    }
}

# npm's packages go into a folder of their own. Without a registry at hand this is skipped.
SKIP: {
    my $folder = PostgreSQL::Test::Utils::tempdir();
    for my $program (qw(node npm)) {
        skip "there is no $program", 1 if !grep { -x "$_/$program" } split /:/, $ENV{PATH};
    }
    system('cp', "$clients/package.json", "$clients/node_client.js", $folder) == 0 or die 'cp failed';
    my $installed = eval {
        IPC::Run::run([ 'npm', 'install', '--prefix', $folder, '--cache', "$folder/cache", '--no-audit', '--no-fund',
                '--no-package-lock', '--ignore-scripts', '--fetch-retries=1', '--fetch-timeout=20000' ],
            '<', \undef, '>', \my $out, '2>&1', IPC::Run::timeout(60));
    };
    skip 'npm cannot reach its registry', 1 if !$installed;
    run_client('node', 'node', "$folder/node_client.js");
}

done_testing();
