# Rows without a place in the graph (NULL, and zero vectors for cosine distance) in an index: after a crash, on a standby,
# while several clients write and vacuum runs, and in a build that does not fit memory.
use strict;
use warnings;

use File::Basename;
use lib dirname(__FILE__) . '/../lib';
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

plan skip_all => 'pgvector does not keep such rows' if extension() ne 'vecstore';

my $primary = new_node('primary', 'autovacuum = off', 'max_wal_senders = 5', 'wal_level = replica', 'checkpoint_timeout = 1h');
$primary->safe_psql('postgres', q{
    CREATE TABLE t (id int, k int, v vector(3));
    CREATE INDEX t_i ON t USING hnsw (v vector_cosine_ops, k);
    CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql AS
        $$ SELECT CASE WHEN i % 3 = 0 THEN NULL WHEN i % 7 = 0 THEN '[0,0,0]' ELSE ARRAY[i % 11, i % 5 + 1, i % 13]::vector(3) END $$;
});

# Are the rows that the index has those of the table, in each kind of query?
sub same_rows {
    my ($node, $name) = @_;
    my @different = grep {
        my $query = "SELECT md5(coalesce(string_agg(id::text, ',' ORDER BY id), '')) || ' ' || count(*) FROM (SELECT id FROM t WHERE $_ ORDER BY v <=> '[1,2,3]' LIMIT 1000000) s";
        my $indexed = $node->safe_psql('postgres', "SET enable_seqscan = off; $query");
        my $plain = $node->safe_psql('postgres', "SET enable_indexscan = off; $query");
        diag("$_: $indexed, not $plain") if $indexed ne $plain;
        $indexed ne $plain;
    } ('true', 'v IS NULL', 'v IS NOT NULL', 'k = 3', 'k = 3 AND v IS NULL', 'k IN (1, 5)');
    is(scalar(@different), 0, "$name: all rows");
    return;
}

$primary->safe_psql('postgres', 'INSERT INTO t SELECT i, i % 10, vec(i) FROM generate_series(1, 6000) i');
same_rows($primary, 'inserted');
my $standby = new_standby($primary, 'standby');

# A crash, without a checkpoint since.
$primary->safe_psql('postgres', 'CHECKPOINT; INSERT INTO t SELECT i, i % 10, vec(i) FROM generate_series(6001, 9000) i; DELETE FROM t WHERE id % 4 = 0');
$primary->safe_psql('postgres', 'VACUUM t; INSERT INTO t SELECT i, i % 10, vec(i) FROM generate_series(9001, 9500) i');
$primary->stop('immediate');
$primary->start;
same_rows($primary, 'after a crash');
is($primary->safe_psql('postgres', q{SELECT count(*) FROM vecstore_check('t_i')}), '0', 'after a crash: nothing wrong');
$primary->wait_for_catchup($standby);
same_rows($standby, 'on a standby');

# Clients that write at a time, while vacuum goes on.
my $script = $primary->basedir . '/write.sql';
append_to_file($script, q{
    \set i random(1, 1000000)
    INSERT INTO t SELECT i, i % 10, vec(i) FROM generate_series(:i, :i + 20) i;
    UPDATE t SET v = vec(id + 1) WHERE id BETWEEN :i AND :i + 5;
    DELETE FROM t WHERE id BETWEEN :i + 3 AND :i + 12;
});
my $vacuum = $primary->basedir . '/vacuum.sql';
append_to_file($vacuum, "VACUUM t;\n");
$primary->command_ok([ 'pgbench', '-n', '-c', '4', '-t', '40', '-f', "$script\@20", '-f', "$vacuum\@1", '-h', $primary->host, '-p', $primary->port, 'postgres' ],
    'clients write, vacuum removes');
same_rows($primary, 'after many writes');
is($primary->safe_psql('postgres', q{SELECT count(*) FROM vecstore_check('t_i')}), '0', 'after many writes: nothing wrong');

# Rows that come and go take no more and more pages.
$primary->safe_psql('postgres', 'TRUNCATE t');
my @pages;
for my $round (1 .. 8) {
    $primary->safe_psql('postgres', 'INSERT INTO t SELECT i, i % 10, NULL FROM generate_series(1, 5000) i');
    push @pages, $primary->safe_psql('postgres', q{SELECT pg_relation_size('t_i') / 8192});
    $primary->safe_psql('postgres', 'DELETE FROM t; ');
    $primary->safe_psql('postgres', 'VACUUM t');
}
cmp_ok($pages[7], '<=', $pages[0] + 1, "pages: @pages");

# Builds: in memory, beyond it, and beside writers.
$primary->safe_psql('postgres', 'INSERT INTO t SELECT i, i % 10, vec(i) FROM generate_series(1, 20000) i');
$primary->safe_psql('postgres', 'REINDEX INDEX t_i');
same_rows($primary, 'built in memory');
$primary->safe_psql('postgres', q{SET maintenance_work_mem = '1MB'; SET client_min_messages = warning; REINDEX INDEX t_i});
same_rows($primary, 'built beyond memory');
$primary->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY t_i');
same_rows($primary, 'built concurrently');
$primary->safe_psql('postgres', 'CHECKPOINT; REINDEX INDEX t_i');
$primary->stop('immediate');
$primary->start;
same_rows($primary, 'built before a crash');
is($primary->safe_psql('postgres', q{SELECT count(*) FROM vecstore_check('t_i')}), '0', 'built before a crash: nothing wrong');

# The content of a table without a log after a crash.
$primary->safe_psql('postgres', q{CREATE UNLOGGED TABLE u (id int, v vector(3)); CREATE INDEX ON u USING hnsw (v vector_l2_ops); INSERT INTO u VALUES (1, NULL)});
$primary->stop('immediate');
$primary->start;
is($primary->safe_psql('postgres', q{INSERT INTO u VALUES (2, NULL), (3, '[1,2,3]'); SET enable_seqscan = off; SELECT string_agg(id::text, ',') FROM (SELECT id FROM u ORDER BY v <-> '[1,1,1]') s}),
    '3,2', 'a table without a log');

done_testing();
