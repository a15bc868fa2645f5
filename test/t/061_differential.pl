# Random schemas and statements: the index answers as PostgreSQL does without it (test/differential). Some minutes of it; a
# longer round is test/differential/run --seconds N. Levels of nodes are drawn by chance, so that a single answer may miss much of
# the five nearest: here only averages have a floor, and rows, counts and order must be right.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Vecstore;

my $node = new_node('differential', 'shared_buffers = 256MB', 'fsync = off', 'log_statement = none');
$node->safe_psql('postgres', "CREATE DATABASE differential ENCODING 'UTF8' TEMPLATE template0");
$node->safe_psql('differential', 'CREATE EXTENSION ' . extension());
my $dsn = 'host=' . $node->host . ' port=' . $node->port . ' dbname=differential';
for my $run ([ 1, scale(40, 300) ], [ 2, scale(80, 3300) ]) {
    my ($with, $seconds) = @$run;
    my @command = ('/usr/bin/python3', "$FindBin::Bin/../differential/differ.py", '--dsn', $dsn, '--seed', $with, '--seconds', $seconds);
    my $rc = IPC::Run::run(\@command, '>&', \my $said);
    note($said);
    is($rc, 1, "seed $with: " . ($said =~ /^(\d+ schemas, .*)$/m ? $1 : 'no answer')) or diag($said);
    cmp_ok($said =~ /plans with the index: (\d+) of/ ? $1 : 0, '>', 0, 'some plans have the index');
}
is(crashes($node), 0, 'no process crashed');
done_testing();
