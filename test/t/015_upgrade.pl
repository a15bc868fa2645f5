# An upgrade from the versions before: ALTER EXTENSION UPDATE comes to the catalog of a new installation, and indexes whose
# pages an earlier version wrote are searched, changed, vacuumed and checked as they are: nobody has to REINDEX.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $folder = "$FindBin::Bin/../data/upgrade";
my @versions = sort map { m{vecstore--([\d.]+)\.sql$} } glob "$folder/vecstore--*.sql";
my ($settings, $stage) = copied_stage();
plan skip_all => 'the server has no staging folder' if !defined $stage;
chomp(my $extensions = $stage . `$ENV{PG_CONFIG} --sharedir` . '/extension');
$extensions =~ s/\n//;

my $node = PostgreSQL::Test::Cluster->new('upgrade');
$node->init(extra => [ '-E', 'UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf', $settings);
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;
without_checksums($node);   # the kept files have none

sub sql { my ($database, @statements) = @_; return $node->safe_psql($database, join ";\n", @statements) }

# What the extension consists of: pg_dump describes an extension's members one by one only for pg_upgrade. Their OIDs
# differ, and so may their order.
sub catalog {
    my ($database) = @_;
    my ($dump, $errors) = ('', '');
    IPC::Run::run([ 'pg_dump', '--schema-only', '--binary-upgrade', '-d', $node->connstr($database) ], '>', \$dump, '2>', \$errors)
      or die $errors;
    $dump =~ s/^SELECT pg_catalog\.binary_upgrade_.*\n(?:.*\);\n)?//mg;
    $dump =~ s/^--.*\n//mg;
    $dump =~ s/^\\(?:un)?restrict .*\n//mg;
    $dump =~ s/\d+::pg_catalog\.oid/OID/g;
    $dump =~ s/^UPDATE pg_catalog\.pg_class\nSET relfrozenxid .*\n.*\n//mg;
    return [ sort split /\n{2,}/, $dump ];
}

# Lines only one of two lists has.
sub differences {
    my ($got, $wanted) = @_;
    my %seen;
    $seen{$_}++ for @$wanted;
    $seen{$_}-- for @$got;
    return map { ($seen{$_} > 0 ? 'missing: ' : 'too much: ') . $_ } grep { $seen{$_} } sort keys %seen;
}

sql('postgres', 'CREATE DATABASE fresh');
sql('fresh', 'CREATE EXTENSION vecstore');
my $wanted = catalog('fresh');
cmp_ok(scalar(@$wanted), '>', 200, 'the catalog has ' . @$wanted . ' parts');

# --- each version before, upgraded
for my $version (@versions) {
    (my $database = "from_$version") =~ s/\W/_/g;
    system('cp', "$folder/vecstore--$version.sql", $extensions) == 0 or die 'cp failed';
    sql('postgres', "CREATE DATABASE $database");
    sql($database, "CREATE EXTENSION vecstore VERSION '$version'", 'ALTER EXTENSION vecstore UPDATE');
    my @wrong = differences(catalog($database), $wanted);
    is(scalar(@wrong), 0, "$version: an upgrade comes to the catalog of a new installation")
      or diag(join "\n", map { substr $_, 0, 400 } @wrong[ 0 .. ($#wrong < 20 ? $#wrong : 20) ]);
    graph_files($database, $version);
}

# Makes the tables, and puts the files of the earlier version in the place of their indexes'.
sub graph_files {
    my ($database, $version) = @_;
    my $files = PostgreSQL::Test::Utils::tempdir();
    system('tar', '-C', $files, '-xJf', "$folder/indexes-$version.tar.xz") == 0 or die 'tar failed';
    $node->safe_psql($database, slurp_file("$folder/indexes.sql"));
    my %path = map { m{.*/(.*)} ; ($1 => $node->data_dir . '/' . sql($database, "SELECT pg_relation_filepath('$1')")) } glob "$files/*";
    cmp_ok(scalar(keys %path), '>=', 6, "$version: files of " . keys(%path) . ' indexes');
    $node->stop;
    system('cp', "$files/$_", $path{$_}) == 0 or die 'cp failed' for keys %path;
    $node->start;
    for my $index (sort keys %path) {
        my ($table, $column_type) = split /\|/, sql($database, "SELECT indrelid::regclass, atttypid::regtype FROM pg_index
            JOIN pg_attribute ON attrelid = indrelid AND attname = 'v' WHERE indexrelid = '$index'::regclass");
        my $op = sql($database, "SELECT (SELECT oprname FROM pg_amop JOIN pg_operator p ON p.oid = amopopr WHERE amopfamily = opcfamily AND amoppurpose = 'o' LIMIT 1)
            FROM pg_index JOIN pg_opclass o ON o.oid = indclass[0] WHERE indexrelid = '$index'::regclass");
        # Only this index is there to be chosen.
        my $others = join ';', map { "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '$_'::regclass" } grep { $_ ne $index } keys %path;
        sql($database, $others, "UPDATE pg_index SET indisvalid = true WHERE indexrelid = '$index'::regclass");
        use_index($database, "$version, $index", $index, $table, $op);
    }
    return;
}

sub use_index {
    my ($database, $name, $index, $table, $op) = @_;
    check_in($database, $index, "$name: check is clean");
    searches_find($database, $table, $op, "$name: as it was");
    sql($database, "INSERT INTO $table SELECT id + 10000, v FROM $table WHERE id % 4 = 1", "UPDATE $table SET id = id + 20000 WHERE id % 4 = 2",
        "DELETE FROM $table WHERE id % 7 = 3");
    searches_find($database, $table, $op, "$name: changed");
    sql($database, "VACUUM $table");
    check_in($database, $index, "$name: check is clean after vacuum");
    searches_find($database, $table, $op, "$name: vacuumed");
    return;
}

sub check_in {
    my ($database, $index, $name) = @_;
    return is(sql($database, "SELECT * FROM vecstore_check('$index') LIMIT 20"), '', $name);
}

sub searches_find {
    my ($database, $table, $op, $name) = @_;
    add_queries_to($database, $table);
    my $recall = recall($node, $table, op => $op, dbname => $database, ef => 100);
    cmp_ok($recall, '>=', 0.95, "$name: recall@10 " . sprintf '%.4f', $recall);
    return if $table ne 'coded';
    my $all = "SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM coded WHERE tenant = 3 AND lang = 'en'
        ORDER BY v $op (SELECT v FROM coded_queries WHERE q = 1) LIMIT 1000) s";
    is(sql($database, load_library() . 'SET enable_seqscan = off', $all), sql($database, 'SET enable_indexscan = off', $all),
        "$name: all rows that meet conditions on its columns");
    return;
}

sub add_queries_to {
    my ($database, $table) = @_;
    my $type = sql($database, "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '$table'::regclass AND attname = 'v'");
    sql($database, "DROP TABLE IF EXISTS ${table}_queries", "CREATE TABLE ${table}_queries (q serial PRIMARY KEY, v $type)",
        "INSERT INTO ${table}_queries (v) SELECT v FROM $table ORDER BY id % 13, id LIMIT 40");
    return;
}

$node->stop;
done_testing();
