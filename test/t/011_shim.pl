# The shim: all of vecstore as an extension named vector, for clients that insist on that name.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $settings = shim_settings();
plan skip_all => 'the server has no staging folder' if !defined $settings;

# --- installing: an older shim is replaced, a real pgvector is not touched
my $stage = PostgreSQL::Test::Utils::tempdir();
chomp(my $folder = $stage . `$ENV{PG_CONFIG} --sharedir` . '/extension');
$folder =~ s/\n//;
is(run_make('install-shim', "DESTDIR=$stage"), 0, 'make install-shim');
is(run_make('install-shim', "DESTDIR=$stage"), 0, 'make install-shim again');
is_deeply([ sort map { s,.*/,,r } glob("$folder/*") ],
    [ 'vector--0.8.6--vecstore-0.2.0.sql', 'vector--0.8.6.sql', 'vector--vecstore-0.2.0--0.8.6.sql', 'vector.control' ],
    'the script, the updates and the control file, no more');
like(slurp_file("$folder/vector.control"), qr{^module_pathname = '\$libdir/vecstore'$}m, 'the library is vecstore');
my ($shim, $own) = map { slurp_file($_) } "$folder/vector--0.8.6.sql",
  glob("$FindBin::Bin/../../sql/vecstore--0.2.0.sql");
like($shim, qr/^\\echo Use "CREATE EXTENSION vector" /m, 'the script names the extension it makes');
s/\A.*\n\\echo .*\n// for $shim, $own;
$own =~ s/^.*pg_extension_config_dump.*\n//mg;
is($shim, $own, 'the script is the one of vecstore');
is(run_make('uninstall-shim', "DESTDIR=$stage"), 0, 'make uninstall-shim');
is_deeply([ glob("$folder/*") ], [], 'nothing is left');

for my $file ('vector.control', 'vector--0.8.0.sql') {
    append_to_file("$folder/$file", "comment = 'of another'\n");
    my ($rc, $output) = run_make('install-shim', "DESTDIR=$stage");
    isnt($rc, 0, "refused where pgvector's $file is");
    like($output, qr/\Q$file\E is pgvector's/, 'the message names the file');
    is_deeply([ map { s,.*/,,r } glob("$folder/*") ], [$file], 'nothing was written');
    isnt(run_make('uninstall-shim', "DESTDIR=$stage"), 0, 'and not uninstalled') if $file eq 'vector.control';
    is(slurp_file("$folder/$file"), "comment = 'of another'\n", 'the file is as it was');
    unlink "$folder/$file";
}

# --- the extension
my $node = PostgreSQL::Test::Cluster->new('shim');
$node->init;
$node->append_conf('postgresql.conf', $settings);
$node->start;
sub sql { return $node->safe_psql('postgres', join ";\n", @_) }

is(sql('CREATE EXTENSION IF NOT EXISTS vector', 'CREATE EXTENSION IF NOT EXISTS vector',
        "SELECT extversion FROM pg_extension WHERE extname = 'vector'"), '0.8.6', 'CREATE EXTENSION IF NOT EXISTS vector');
# Extensions of a staging folder are not always listed; where this one is, it is under its own version.
is(sql("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector' AND installed_version <> '0.8.6'"), 0,
    'pg_available_extensions');
is(sql("SELECT DISTINCT probin FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass
        JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'vector' WHERE probin IS NOT NULL"),
    '$libdir/vecstore', 'all its functions are in vecstore');
sql('CREATE TABLE items (id int PRIMARY KEY, v vector(3), h halfvec(3), s sparsevec(3), b bit(3))',
    "INSERT INTO items SELECT i, ARRAY[i, 1, 0]::vector, ARRAY[i, 1, 0]::halfvec, ARRAY[i, 1, 0]::vector::sparsevec, (i % 8)::bit(3)
     FROM generate_series(1, 100) i",
    'CREATE INDEX items_v ON items USING hnsw (v vector_cosine_ops) WITH (m = 16, ef_construction = 64)',
    'CREATE INDEX ON items USING hnsw (h halfvec_l2_ops)', 'CREATE INDEX ON items USING hnsw (s sparsevec_ip_ops)',
    'CREATE INDEX ON items USING hnsw (b bit_hamming_ops)');
is(sql('SET enable_seqscan = off', "SELECT string_agg(id::text, ' ') FROM (SELECT id FROM items ORDER BY v <=> '[1,100,0]' LIMIT 3) s"),
    '1 2 3', 'an index scan');
is(sql("SELECT * FROM vecstore_check('items_v', true)"), '', 'vecstore_check is there and finds nothing');

# --- one of the two in a database, whichever is first and in whatever schema
for my $case ([ 'postgres', 'vecstore' ], [ 'other', 'vector' ]) {
    my ($database, $second) = @$case;
    $node->safe_psql('postgres', 'CREATE DATABASE other') if $database eq 'other';
    $node->safe_psql($database, 'CREATE EXTENSION vecstore') if $database eq 'other';
    $node->safe_psql($database, 'CREATE SCHEMA apart');
    for my $where ('', ' SCHEMA apart') {
        my ($rc, $out, $err) = $node->psql($database, "\\set VERBOSITY verbose\nCREATE EXTENSION $second$where");
        like($err, qr/ERROR:  42710: extensions "vecstore" and "vector" cannot be in one database/, "no $second beside the other$where");
    }
}

# --- a dump of such a database goes back into one, and with the usual two lines changed into vecstore
my $dump = PostgreSQL::Test::Utils::tempdir() . '/shim.sql';
$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', $dump ], 'pg_dump');
like(slurp_file($dump), qr/^CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;$/m, 'the dump asks for vector');
unlike(slurp_file($dump), qr/vecstore_/, 'and for nothing that pgvector does not have');
my $as_vecstore = "$dump.vecstore";
append_to_file($as_vecstore, slurp_file($dump) =~ s/^(CREATE EXTENSION IF NOT EXISTS|COMMENT ON EXTENSION) vector\b/$1 vecstore/gmr);
for my $case ([ 'again', $dump ], [ 'moved', $as_vecstore ]) {
    my ($database, $file) = @$case;
    $node->safe_psql('postgres', "CREATE DATABASE $database");
    $node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', $file ], "restored: $database");
    is($node->safe_psql($database, "SELECT count(*), sum(v <-> '[0,0,0]') = (SELECT sum(v <-> '[0,0,0]') FROM items) FROM items"),
        '100|t', "$database: all rows");
    is($node->safe_psql($database, 'SELECT count(*) FROM pg_index WHERE indrelid = \'items\'::regclass'), 5, "$database: all indexes");
}
is($node->safe_psql('moved', "SELECT extname FROM pg_extension WHERE extname LIKE 've%'"), 'vecstore', 'moved: the extension');

done_testing();
