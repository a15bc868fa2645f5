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
my @versions = sort map { m{indexes-([\d.]+)\.tar} } glob "$folder/indexes-*.tar.xz";

# The server looks in a copy of the staging folder, in which the shim of an earlier version can be put.
my ($settings, $stage) = copied_stage();
my $extensions;
if (defined $stage) {
    is(run_make('install-shim', "DESTDIR=$stage"), 0, 'make install-shim');
    chomp($extensions = $stage . `$ENV{PG_CONFIG} --sharedir`);
    $extensions .= '/extension';
}

my $node = PostgreSQL::Test::Cluster->new('upgrade');
$node->init(extra => [ '-E', 'UTF8', '--no-locale' ]);
$node->append_conf('postgresql.conf', $settings) if defined $settings;
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;
without_checksums($node);   # the kept files have none

sub sql { my ($database, @statements) = @_; return $node->safe_psql($database, join ";\n", @statements) }

# The output of pg_dump for a database with nothing but the extension, whose members it describes one by one only for pg_upgrade.
# Their OIDs differ, and so may their order.
sub dump_of {
    my ($database) = @_;
    my ($dump, $errors) = ('', '');
    IPC::Run::run([ 'pg_dump', '--schema-only', '--binary-upgrade', '-d', $node->connstr($database) ], '>', \$dump, '2>', \$errors)
      or die $errors;
    $dump =~ s/^SELECT pg_catalog\.binary_upgrade_.*\n(?:.*\);\n)?//mg;
    $dump =~ s/^--.*\n//mg;
    $dump =~ s/^\\(?:un)?restrict .*\n//mg;
    $dump =~ s/\d+::pg_catalog\.oid/OID/g;
    $dump =~ s/^UPDATE pg_catalog\.pg_class\nSET relfrozenxid .*\n.*\n//mg;
    return [ split /\n{2,}/, $dump ];
}

# Every row of every catalog that belongs to an extension: see catalog.sql.
sub catalog_of {
    my ($database, $extension) = @_;
    $node->safe_psql($database, slurp_file("$folder/catalog.sql"));
    return [ split /\n(?=pg_)/, sql($database, "SELECT * FROM extension_catalog('$extension')") ];
}

# Whether two lists are of the same lines, in any order.
sub are_the_same {
    my ($got, $wanted, $name) = @_;
    my %seen;
    $seen{$_}++ for @$wanted;
    $seen{$_}-- for @$got;
    my @wrong = map { ($seen{$_} > 0 ? 'missing: ' : 'too much: ') . $_ } grep { $seen{$_} } sort keys %seen;
    return is(scalar(@wrong), 0, $name) || diag(join "\n", map { substr $_, 0, 3000 } @wrong[ 0 .. ($#wrong < 20 ? $#wrong : 20) ]);
}

sub fresh {
    my ($database, @statements) = @_;
    sql('postgres', "CREATE DATABASE $database");
    sql($database, @statements);
    return $database;
}

my $fresh = fresh('fresh', 'CREATE EXTENSION vecstore');
my $wanted_dump = dump_of($fresh);
cmp_ok(scalar(@$wanted_dump), '>', 200, 'the dump has ' . @$wanted_dump . ' parts');
my $wanted = catalog_of($fresh, 'vecstore');
cmp_ok(scalar(@$wanted), '>', 2500, 'the catalog has ' . @$wanted . ' rows');

# --- each version before, upgraded
for my $version (@versions) {
    my $database = fresh('from_' . ($version =~ s/\W/_/gr), "CREATE EXTENSION vecstore VERSION '$version'", 'ALTER EXTENSION vecstore UPDATE');
    are_the_same(dump_of($database), $wanted_dump, "$version: an upgrade comes to the dump of a new installation");
    are_the_same(catalog_of($database, 'vecstore'), $wanted, "$version: and to its catalog");
    use_files($database, $version);
}

# --- the shim of 0.1.0, upgraded. It is of version 0.8.6 as every other.
SKIP: {
    skip 'there is no staging folder to put an earlier shim into', 7 if !defined $stage;
    my $script = "$extensions/vector--0.8.6.sql";
    my $today = slurp_file($script);
    my $new = catalog_of(fresh('shim', 'CREATE EXTENSION vector'), 'vector');
    my $rewrite = sub { unlink $script; append_to_file($script, $_[0]) };
    $rewrite->(slurp_file("$extensions/vecstore--0.1.0.sql") =~ s/"CREATE EXTENSION vecstore"/"CREATE EXTENSION vector"/r);
    my $old = fresh('old_shim', 'CREATE EXTENSION vector', "CREATE TABLE t (id int, v vector(3))", "INSERT INTO t SELECT i, ARRAY[i, 1, 0]::vector FROM generate_series(1, 300) i",
        'CREATE INDEX t_v ON t USING hnsw (v vector_cosine_ops)');
    $rewrite->($today);
    my @update = ("ALTER EXTENSION vector UPDATE TO 'vecstore-0.2.0'", 'ALTER EXTENSION vector UPDATE');
    is(sql($old, "SELECT count(*) FROM pg_proc WHERE proname = 'vecstore_import_graph'"), 0, 'the shim is that of 0.1.0');
    is(sql($old, "SELECT storage || ' ' || nodes FROM vecstore_index_info('t_v')"), 'default 300', 'and is told of an index in its own columns');
    sql($old, @update);
    are_the_same(catalog_of($old, 'vector'), $new, 'the shim of 0.1.0: an upgrade comes to the catalog of a new installation');
    sql($old, @update);
    are_the_same([ split /\n(?=pg_)/, sql($old, "SELECT * FROM extension_catalog('vector')") ], $new, 'once more: nothing changes');
    sql('shim', @update);
    are_the_same([ split /\n(?=pg_)/, sql('shim', "SELECT * FROM extension_catalog('vector')") ], $new, 'a new shim: nothing changes');
    is(sql($old, "SELECT extversion FROM pg_extension WHERE extname = 'vector'"), '0.8.6', 'its version is the one that clients know');
    is(sql($old, load_library() . 'SET enable_seqscan = off', "SELECT string_agg(id::text, ' ') FROM (SELECT id FROM t ORDER BY v <=> '[1,100,0]' LIMIT 3) s",
        "SELECT * FROM vecstore_check('t_v', true)"), '1 2 3', 'its index answers, and the check finds nothing');
}

# Makes the tables, and puts the files of the earlier version in the place of their indexes'.
sub use_files {
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
    return check_clean($node, $index, $name, dbname => $database, deep => 1);
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
        "INSERT INTO ${table}_queries (v) SELECT v FROM $table ORDER BY id % 13, id LIMIT 200");
    return;
}

# --- an index of a version to come: with a feature that this one does not know

# Adds bits to the metapage's features, as a later library does, while nothing of the index is in memory.
sub add_features {
    my ($database, $index, %features) = @_;
    my $path = $node->data_dir . '/' . sql($database, "SELECT pg_relation_filepath('$index')");
    my %at = (read => 156, write => 158);
    $node->stop;
    my $bytes = slurp_file($path);
    substr($bytes, $at{$_}, 2) |= pack 'v', $features{$_} for keys %features;
    write_bytes($path, $bytes);
    $node->start;
    return;
}

sub is_refused {
    my ($database, $statement, $detail, $name) = @_;
    my (undef, undef, $error) = $node->psql($database, "\\set VERBOSITY verbose\nSET enable_seqscan = off;\n$statement");
    like($error, qr/^(?:psql:.*: )?ERROR:  0A000: (?:vector index|index "later_v") is of a later version of vecstore\nDETAIL:  .*$detail/m, $name);
    like($error, qr/index "later_v"/, "$name, with the index's name");
    return;
}

my $nearest = "SELECT string_agg(id::text, ' ') FROM (SELECT id FROM later ORDER BY v <-> '[70.2,1,0]' LIMIT 3) s";
sql($fresh, 'CREATE TABLE later (id int, v vector(3)) WITH (autovacuum_enabled = off)',
    'INSERT INTO later SELECT i, ARRAY[i, 1, 0]::vector FROM generate_series(1, 300) i', 'CREATE INDEX later_v ON later USING hnsw (v vector_l2_ops)');
add_features($fresh, 'later_v', write => 0x8000);
is(sql($fresh, load_library() . 'SET enable_seqscan = off', $nearest), '70 71 69', 'a feature that matters to changes: queries are answered');
my %change = (insert => "INSERT INTO later VALUES (301, '[1,2,3]')", null => 'INSERT INTO later VALUES (302, NULL)',
    vacuum => 'DELETE FROM later WHERE id = 7; VACUUM later', check => "SELECT * FROM vecstore_check('later_v')");
is_refused($fresh, $change{$_}, 'features 0x8000, which a library must know to change it', "$_ is refused") for sort keys %change;
is(sql($fresh, 'SELECT count(*) FROM later WHERE id > 300'), 0, 'and no row came of it');
add_features($fresh, 'later_v', read => 0x4000);
is_refused($fresh, $_, 'features 0x4000, which a library must know to read it', "a feature that matters to answers: $_")
  for $nearest, values %change, "SELECT * FROM vecstore_index_info('later_v')";
sql($fresh, 'REINDEX INDEX later_v', values %change);
is(sql($fresh, load_library() . 'SET enable_seqscan = off', $nearest), '70 71 69', 'REINDEX makes it one of this version');

$node->stop;
done_testing();
