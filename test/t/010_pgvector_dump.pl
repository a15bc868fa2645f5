# A dump of a real pgvector goes into vecstore with the two lines changed that name the extension, and unchanged into
# the shim; the answers are the same.
#
# test/data/pgvector_dump.sql and pgvector_answers.txt were made once by pgvector 0.8.0 (Debian's, PostgreSQL 17) and
# are restored everywhere. Where pgvector is installed, a new dump is made of test/data/pgvector_source.sql and goes the
# same way; VECSTORE_NEW_DUMP=folder keeps that one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $node = PostgreSQL::Test::Cluster->new('restored');
$node->init;
my $shim = shim_settings();
$node->append_conf('postgresql.conf', $shim) if defined $shim;
$node->start;

sub answers { my ($server, $database) = @_; return $server->safe_psql($database, slurp_file(data_file('pgvector_queries.sql'))) . "\n" }

# Lines that are about the version of PostgreSQL, not of the extension.
sub for_this_server {
    my ($dump) = @_;
    $dump =~ s/^SET transaction_timeout = 0;\n//m if $node->pg_version < 17;
    $dump =~ s/^\\(un)?restrict .*\n//mg;
    return $dump;
}

# The change that the documentation asks for.
sub as_vecstore { my ($dump) = @_; return $dump =~ s/^(CREATE EXTENSION IF NOT EXISTS|COMMENT ON EXTENSION) vector\b/$1 vecstore/gmr }

sub restore {
    my ($database, $dump, $expected, $name) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE $database");
    my $file = PostgreSQL::Test::Utils::tempdir() . "/$database.sql";
    append_to_file($file, for_this_server($dump));
    $node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', $file ], "$name: restored");
    my $answers = answers($node, $database);
    ok($answers eq $expected, "$name: the answers are pgvector's") or diag(difference($answers, $expected));
    is($node->safe_psql($database, "SELECT string_agg(problem, '; ') FROM (SELECT i.indexrelid::regclass || ': ' || c::text AS problem
            FROM pg_index i JOIN pg_class r ON r.oid = i.indexrelid AND r.relkind = 'i' JOIN pg_am a ON a.oid = r.relam AND a.amname IN ('hnsw', 'ivfflat'),
            LATERAL vecstore_check(i.indexrelid::regclass, true) c) s"), '', "$name: vecstore_check of all indexes");
    return;
}

# The first lines that are not the same.
sub difference {
    my ($got, $expected) = map { [ split /\n/, $_ ] } @_;
    my @lines;
    for my $i (0 .. ($#$got > $#$expected ? $#$got : $#$expected)) {
        my ($g, $e) = ($got->[$i] // '', $expected->[$i] // '');
        push @lines, "got:      $g", "expected: $e" if $g ne $e;
        last if @lines >= 10;
    }
    return join "\n", @lines;
}

my ($dump, $expected) = map { -e data_file($_) ? slurp_file(data_file($_)) : '' } 'pgvector_dump.sql', 'pgvector_answers.txt';
restore('kept', as_vecstore($dump), $expected, 'the dump of test/data') if $dump;
restore('kept_shim', $dump, $expected, 'the dump of test/data, into the shim') if $dump && defined $shim;

SKIP: {
    my $real = PostgreSQL::Test::Cluster->new('pgvector');
    $real->init;
    $real->append_conf('postgresql.conf', unstaged_settings());
    $real->start;
    my $version = $real->safe_psql('postgres', "SELECT default_version FROM pg_available_extensions
        WHERE name = 'vector' AND comment NOT LIKE '%vecstore%'");
    skip 'pgvector is not installed', 1 if $version eq '';
    note("pgvector $version");
    $real->safe_psql('postgres', 'CREATE DATABASE source');
    $real->safe_psql('source', slurp_file(data_file('pgvector_source.sql')));
    is($real->safe_psql('source', "SELECT DISTINCT probin FROM pg_proc WHERE proname = 'vector_in'"), '$libdir/vector', 'a real pgvector');
    my $file = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
    $real->command_ok([ 'pg_dump', '--no-owner', '-d', $real->connstr('source'), '-f', $file ], 'pg_dump');
    my ($new_dump, $new_answers) = (slurp_file($file), answers($real, 'source'));
    restore('made', as_vecstore($new_dump), $new_answers, 'a dump made now');
    restore('made_shim', $new_dump, $new_answers, 'a dump made now, into the shim') if defined $shim;
    if (my $folder = $ENV{VECSTORE_NEW_DUMP}) {
        $new_dump =~ s/^\\(un)?restrict .*\n\n?//mg;
        append_to_file("$folder/pgvector_dump.sql", $new_dump);
        append_to_file("$folder/pgvector_answers.txt", $new_answers);
    }
}

done_testing();
