# Exports: the real NumPy, FAISS and hnswlib read the files, and find the table in them bit by bit. FAISS finds its way
# in the graph of an index. Files are there as a whole or not at all.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $python = $ENV{PYTHON} // '/usr/bin/python3';
my $node = new_node('export', 'autovacuum = off', 'maintenance_work_mem = 256MB');
my $folder = PostgreSQL::Test::Utils::tempdir();
chmod 0777, $folder;

sub sql { return $node->safe_psql('postgres', $_[0]) }

my %has = map { my $module = $_; $module => system("$python -c 'import numpy, $module' 2>/dev/null") == 0 } qw(numpy faiss hnswlib);

# The file as the library sees it: a list of columns (export_check.py), or undef without it.
sub seen {
    my ($name) = @_;
    my $library = $name =~ /faiss$/ ? 'faiss' : $name =~ /hnswlib$/ ? 'hnswlib' : 'numpy';
    return undef if !$has{$library};
    my $line = `$python $FindBin::Bin/export_check.py $folder/$name`;
    die "export_check.py failed for $name" if $? != 0;
    chomp $line;
    return [ split /\t/, $line ];
}

# The table as it must be in the file: rows, dims, md5 of vectors and of ids.
sub expected {
    my ($from, $id) = @_;
    $id //= 'id';
    return [ split /\|/, sql("SELECT count(*), min(vector_dims(v)), md5(string_agg(vector_send(v::vector), '' ORDER BY $id)),
        md5(string_agg(($id)::text, ',' ORDER BY $id)) FROM $from") ];
}

# Exports and compares; returns the further columns of export_check.py.
sub same {
    my ($call, $name, $from, $what, $id) = @_;
    my $expected = expected($from, $id);
    is(sql("SELECT vecstore_export_$call"), $expected->[0], "$what: rows");
    my $seen = seen($name);
  SKIP: {
        skip "$python has no library for $name", 1 if !$seen;
        is_deeply([ @$seen[ 1 .. 4 ] ], $expected, "$what: read by the library, equal bit by bit");
    }
    return $seen ? @$seen[ 5 .. $#$seen ] : ();
}

# ----------------------------------------------------------------------------------------------------- flat files

sql('CREATE TABLE t (id int, v vector(200))');
load_vectors($node, table => 't', rows => 3000, dims => 200, seed => 1);
sql('UPDATE t SET id = (id * 7919) % 3000 + 5');
my $ordered = '(SELECT v, row_number() OVER (ORDER BY id) - 1 AS n FROM t) r';
same("npy('SELECT v FROM t ORDER BY id', '$folder/t.npy')", 't.npy', $ordered, 'npy of a query', 'n');
same("fvecs('SELECT v FROM t ORDER BY id', '$folder/t.fvecs')", 't.fvecs', $ordered, 'fvecs', 'n');
same("faiss('SELECT v FROM t ORDER BY id', '$folder/t.faiss')", 't.faiss', $ordered, 'FAISS without ids', 'n');
is((same("faiss('t', '$folder/ids.faiss', id_column => 'id')", 'ids.faiss', 't', 'FAISS with ids'))[0] // 'l2', 'l2', 'of L2');
is((same("faiss('public.t', '$folder/ip.faiss', id_column => 'id', metric => 'inner_product')", 'ip.faiss', 't', 'FAISS by inner product'))[0] // 'ip', 'ip', 'its metric');
my ($found) = same("hnswlib('t', '$folder/t.200.hnswlib', id_column => 'id')", 't.200.hnswlib', 't', 'hnswlib');
cmp_ok($found // 1, '>=', 0.98, 'hnswlib finds vectors by themselves');
same("hnswlib('SELECT id, v FROM t', '$folder/t.ip.200.hnswlib', id_column => 'id', metric => 'ip', m => 8, ef_construction => 40)",
    't.ip.200.hnswlib', 't', 'hnswlib by inner product');

# Cosine: unit vectors, and those that are of unit length already as they are.
sql('CREATE TABLE unit AS SELECT id, l2_normalize(v)::vector(200) AS v FROM t');
same("hnswlib('unit', '$folder/unit.cosine.200.hnswlib', id_column => 'id', metric => 'cosine')", 'unit.cosine.200.hnswlib', 'unit', 'unit vectors, cosine');
unlike(answer($node, "SELECT vecstore_export_faiss('unit', '$folder/unit.faiss', metric => 'cosine')"), qr/scaled/, 'unit vectors stay');
like(answer($node, "SELECT vecstore_export_faiss('SELECT v + v AS v FROM t', '$folder/scaled.faiss', metric => 'cosine')"), qr/NOTICE: +3000 vectors were scaled to unit length/, 'others are scaled, and it is said');

# Types and columns
sql('CREATE TABLE half AS SELECT id::bigint AS id, v::halfvec(200) AS v FROM t');
my $half = '(SELECT v, row_number() OVER (ORDER BY id) - 1 AS n FROM half) r';
is((same("npy('SELECT v FROM half ORDER BY id', '$folder/half.npy')", 'half.npy', $half, 'halfvec', 'n'))[0] // '<f2', '<f2', 'as float16');
same("faiss('half', '$folder/half.faiss', id_column => 'id')", 'half.faiss', 'half', 'halfvec in FAISS');
sql('CREATE TABLE two (id smallint, "My V" vector(3), w vector, other text)');
sql(q{INSERT INTO two VALUES (-3, '[1,2,3]', '[1,2]', 'x'), (4, NULL, '[1,2,3]', 'y'), (NULL, '[3e38,-1e-45,-0]', '[1,2]', 'z')});
like(answer($node, "SELECT vecstore_export_npy('two', '$folder/two.npy')"), qr/ERROR: .*several columns of vectors.*\n.*"column" =>/, 'which column?');
like(answer($node, "SELECT vecstore_export_npy('two', '$folder/two.npy', 'other')"), qr/ERROR: +column "other" is of type text/, 'a column of texts');
like(answer($node, "SELECT vecstore_export_npy('two', '$folder/two.npy', 'none')"), qr/ERROR: +there is no column "none"/, 'no column');
like(answer($node, "SELECT vecstore_export_npy('two', '$folder/two.npy', 'My V')"), qr/ERROR: +row 2 has a NULL vector/, 'a NULL vector');
like(answer($node, "SELECT vecstore_export_npy('two', '$folder/two.npy', 'w')"), qr/ERROR: +row 2 has 3 dimensions, those before it have 2/, 'unequal dimensions');
like(answer($node, "SELECT vecstore_export_faiss('two', '$folder/two.faiss', 'My V', 'id', skip_nulls => true)"), qr/ERROR: +row 2 has a NULL id/, 'a NULL id');
like(answer($node, "SELECT vecstore_export_faiss('two', '$folder/two.faiss', 'My V', 'other')"), qr/ERROR: +column "other" is of type text/, 'ids that are texts');
like(answer($node, "SELECT vecstore_export_hnswlib('SELECT * FROM two WHERE id = -3', '$folder/x', 'My V', 'id')"), qr/ERROR: +id -3 cannot be a label/, 'a negative label');
like(answer($node, "SELECT vecstore_export_hnswlib('SELECT 1 AS id, v FROM t LIMIT 5', '$folder/x', id_column => 'id')"), qr/ERROR: +an id is there twice/, 'labels are unique');
is(sql("SELECT vecstore_export_hnswlib('SELECT v FROM t WHERE id < 0', '$folder/none.200.hnswlib')"), 0, 'no rows for hnswlib');
like(answer($node, "SELECT vecstore_export_hnswlib('SELECT v::vector FROM t WHERE id < 0', '$folder/x')"), qr/ERROR: +there are no rows to export/, 'nor dimensions');
like(answer($node, "SET maintenance_work_mem = '1MB'; SELECT vecstore_export_hnswlib('t', '$folder/x')"), qr/ERROR: +hnswlib would need more than the 1 MB/, 'a bound on its memory');
like(answer($node, "SELECT vecstore_export_npy('two', '$folder/skipped.npy', 'My V', skip_nulls => true)"), qr/\A2NOTICE|\A2.*NOTICE: +1 rows without a vector were left out/s, 'NULLs are left out on request');
same("npy('SELECT \"My V\" FROM two WHERE \"My V\" IS NOT NULL ORDER BY id', '$folder/extreme.npy')", 'extreme.npy',
    '(SELECT "My V" AS v, row_number() OVER (ORDER BY id) - 1 AS n FROM two WHERE "My V" IS NOT NULL) r', 'extreme values', 'n');
is(sql("SELECT vecstore_export_npy('SELECT v FROM t WHERE id < 0', '$folder/empty.npy')"), 0, 'no rows');
is(sql("SELECT vecstore_export_faiss('SELECT v FROM t WHERE id < 0', '$folder/empty.faiss')"), 0, 'none in FAISS');
is_deeply([ @{ seen('empty.npy') // [ 0, 0, 200 ] }[ 1, 2 ] ], [ 0, 200 ], 'as the libraries see them');
is_deeply([ @{ seen('empty.faiss') // [ 0, 0, 200 ] }[ 1, 2 ] ], [ 0, 200 ], 'FAISS too');
sql('CREATE TABLE parts (id int, v vector(200)) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF parts FOR VALUES FROM (0) TO (1000);
     CREATE TABLE p2 PARTITION OF parts FOR VALUES FROM (1000) TO (9999); INSERT INTO parts SELECT * FROM t');
same("faiss('parts', '$folder/parts.faiss', id_column => 'id')", 'parts.faiss', 'parts', 'a partitioned table');

# Our own readers agree.
is(sql("SELECT count(*) FROM vecstore_read_faiss('$folder/ids.faiss') r JOIN t USING (id) WHERE vector_send(r.embedding) = vector_send(t.v)"), 3000, 'read back');
is(sql("SELECT count(*) FROM vecstore_read_npy('$folder/t.npy')"), 3000, 'the .npy too');

# --------------------------------------------------------------------------------------------------------- graphs

# The recall of FAISS's own search, and how many nodes can be reached.
sub graph {
    my ($table, $index, $name, $what, $from, $least) = @_;
    my ($recall, $reached) = same("faiss('$table', '$folder/$name', id_column => 'id', index => '$index')", $name, $from // $table, $what);
  SKIP: {
        skip "$python has no faiss", 2 if !defined $recall;
        my $rows = sql("SELECT count(*) FROM " . ($from // $table));
        note("$what: recall $recall, $reached of $rows nodes reached");
        cmp_ok($recall, '>=', $least // 0.95, "$what: recall of FAISS's search");
        is($reached, $rows, "$what: every row can be reached");
    }
}

sql('CREATE INDEX t_l2 ON t USING hnsw (v vector_l2_ops); CREATE INDEX t_ip ON t USING hnsw (v vector_ip_ops);
     CREATE INDEX unit_cosine ON unit USING hnsw (v vector_cosine_ops); CREATE INDEX half_l2 ON half USING hnsw (v halfvec_l2_ops);
     CREATE INDEX t_l1 ON t USING hnsw (v vector_l1_ops); CREATE INDEX t_compact ON t USING hnsw (v vector_l2_ops) WITH (storage = compact);
     CREATE INDEX t_half ON t USING hnsw ((v::halfvec(200)) halfvec_l2_ops)');
graph('t', 't_l2', 'l2.hnsw.faiss', 'L2');
graph('t', 't_compact', 'compact.hnsw.faiss', 'compact');
graph('unit', 'unit_cosine', 'cosine.hnsw.faiss', 'cosine');
graph('half', 'half_l2', 'halfvec.hnsw.faiss', 'halfvec');
graph('t', 't_half', 'expression.hnsw.faiss', 'an expression', '(SELECT id, v::halfvec(200) AS v FROM t) r');
is(sql("SELECT vecstore_export_faiss('t', '$folder/ip.hnsw.faiss', id_column => 'id', index => 't_ip')"), 3000, 'inner product');
is(sql("SELECT vecstore_export_faiss('t', '$folder/l1.hnsw.faiss', id_column => 'id', index => 't_l1')"), 3000, 'L1');
cmp_ok((seen('ip.hnsw.faiss') // [ (1) x 7 ])->[5], '>=', 0.9, "inner product: recall of FAISS's search");

# Equal rows, rows deleted and inserted, not vacuumed yet; another transaction's rows.
sql('CREATE TABLE c (id serial, v vector(64))');
load_vectors($node, table => 'c', rows => 4000, dims => 64, seed => 2);
sql('CREATE INDEX c_l2 ON c USING hnsw (v vector_l2_ops)');
sql('INSERT INTO c (id, v) SELECT 10000 + id * 40 + i, v FROM c, generate_series(1, 25) i WHERE id < 20');
graph('c', 'c_l2', 'equal.hnsw.faiss', 'equal rows');
sql('DELETE FROM c WHERE id % 3 = 0 AND id < 10000');
sql("UPDATE c SET v = v WHERE id % 50 = 1");
graph('c', 'c_l2', 'deleted.hnsw.faiss', 'a third of the rows deleted');
sql('VACUUM c');
graph('c', 'c_l2', 'vacuumed.hnsw.faiss', 'vacuumed');
{
    like(answer($node, "BEGIN; INSERT INTO c SELECT 90000 + id, v FROM c WHERE id < 30; SAVEPOINT s; DELETE FROM c WHERE id > 80000; ROLLBACK TO s;
        DELETE FROM c WHERE id < 10; SELECT vecstore_export_faiss('c', '$folder/own.hnsw.faiss', id_column => 'id', index => 'c_l2') - count(*) FROM c; ROLLBACK"),
        qr/^0$/m, 'a transaction sees its own rows');
    # While rows come and go.
    my $script = write_script($node, 'churn', "\\set r random(200000, 900000)\nINSERT INTO c SELECT :r, v FROM c ORDER BY id LIMIT 3;\nDELETE FROM c WHERE id = :r;\n");
    my $clients = start_clients($node, '-c', 2, '-T', 4, '-f', $script);
    for my $round (1 .. 5) {
        my $exported = sql("SELECT vecstore_export_faiss('c', '$folder/churn$round.hnsw.faiss', id_column => 'id', index => 'c_l2')");
        cmp_ok($exported, '>', 2000, "while rows come and go, round $round");
        my $seen = seen("churn$round.hnsw.faiss");
        cmp_ok($seen->[5], '>=', 0.95, "its recall, round $round") if $seen;
    }
    stop_clients($clients);
}
sql('CREATE TABLE few (id int, v vector(3)); CREATE INDEX few_l2 ON few USING hnsw (v vector_l2_ops)');
is(sql("SELECT vecstore_export_faiss('few', '$folder/none.hnsw.faiss', id_column => 'id', index => 'few_l2')"), 0, 'an empty index');
sql(q{INSERT INTO few VALUES (7, '[1,2,3]')});
graph('few', 'few_l2', 'one.hnsw.faiss', 'one row', undef, 0);
sql(q{INSERT INTO few SELECT i, '[1,2,3]' FROM generate_series(8, 107) i});
is(sql("SELECT vecstore_export_faiss('few', '$folder/same.hnsw.faiss', id_column => 'id', index => 'few_l2')"), 101, 'a hundred equal rows');
is((seen('same.hnsw.faiss') // [ (101) x 7 ])->[6], 101, 'all can be reached');
sql('CREATE TABLE bits (id int, v bit(64)); CREATE INDEX bits_h ON bits USING hnsw (v bit_hamming_ops); INSERT INTO bits SELECT i, i::bit(64) FROM generate_series(1, 9) i');
for (
    [ "'bits', '$folder/x', id_column => 'id', index => 'bits_h'", qr/FAISS has no HNSW index for what this index holds/, 'bits' ],
    [ "'unit', '$folder/x', id_column => 'id', index => 't_l2'", qr/"t_l2" is an index of table "t"/, 'another table' ],
    [ "'SELECT * FROM t', '$folder/x', id_column => 'id', index => 't_l2'", qr/"t_l2" is an index of table "t"/, 'a query' ],
    [ "'t', '$folder/x', index => 't_l2'", qr/exported with ids/, 'no ids' ],
    [ "'t', '$folder/x', id_column => 'v', index => 't_l2'", qr/column "v" is of type (?:public\.)?vector/, 'ids that are vectors' ],
    [ "'t', '$folder/x', id_column => 'id', index => 't_l2', metric => 'l2'", qr/the metric is the index's/, 'a metric' ],
    [ "'t', '$folder/x', id_column => 'id', index => 't'", qr/"t" is not an index/, 'a table as index' ]) {
    my ($arguments, $error, $what) = @$_;
    like(answer($node, "SELECT vecstore_export_faiss($arguments)"), qr/ERROR: .*$error/, "a graph with $what is refused");
}

# ------------------------------------------------------------------------------------------------ files and rights

like(answer($node, "SELECT vecstore_export_npy('t', '$folder/t.npy')"), qr/ERROR: .*already exists\nHINT: +Say overwrite => true/, 'nothing is overwritten');
is(sql("SELECT vecstore_export_npy('unit', '$folder/t.npy', overwrite => true)"), 3000, 'but on request');
symlink "$folder/t.npy", "$folder/link.npy" or die;
mkdir "$folder/sub";
like(answer($node, "SELECT vecstore_export_npy('t', '$folder/sub', overwrite => true)"), qr/ERROR: .*is not a regular file/, 'a folder');
like(answer($node, "SELECT vecstore_export_npy('t', 'relative.npy')"), qr/ERROR: .*is not an absolute path/, 'a relative path');
like(answer($node, "SELECT vecstore_export_npy('t', '$folder/nowhere/x.npy')"), qr/ERROR: +could not create .*No such file or directory\nHINT/, 'no such folder');
like(answer($node, "SELECT vecstore_export_npy('nowhere', '$folder/x')"), qr/ERROR: +relation "nowhere" does not exist/, 'no such table');
like(answer($node, "SELECT vecstore_export_npy('SELEC v', '$folder/x')"), qr/ERROR: +syntax error/, 'no such query');
like(answer($node, "SELECT vecstore_export_npy('DELETE FROM t RETURNING v', '$folder/x')"), qr/ERROR: /, 'a query that changes something');
is(sql('SELECT count(*) FROM t'), 3000, 'has changed nothing');
like(answer($node, "SELECT vecstore_export_npy(NULL, '$folder/x')"), qr/ERROR: +source must not be null/, 'no source');
like(answer($node, "SELECT vecstore_export_faiss('t', '$folder/x', metric => 'hamming')"), qr/ERROR: +metric cannot be "hamming"/, 'an unknown metric');
like(answer($node, "SELECT vecstore_export_hnswlib('t', '$folder/x', m => 1)"), qr/ERROR: +m must be from 2 to 1000, not 1/, 'm');
sql('CREATE FUNCTION slow(vector) RETURNS vector LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.005); RETURN $1; END $$');
like(answer($node, "SET statement_timeout = '300ms'; SELECT vecstore_export_npy('SELECT slow(v) AS v FROM t', '$folder/x')"), qr/ERROR: +canceling statement due to statement timeout/, 'canceled');
{
    my ($out, $err) = ('', '');
    my $h = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "SELECT vecstore_export_npy('SELECT slow(v) AS v FROM t', '$folder/x')" ],
        '<', \undef, '>', \$out, '2>', \$err);
    $node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'SELECT vecstore_export%' AND pid <> pg_backend_pid()");
    for (1 .. 100) { last if glob "$folder/x.tmp.*"; select undef, undef, undef, 0.05 }
    ok(scalar(glob "$folder/x.tmp.*"), 'the file grows under a temporary name');
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT vecstore_export%' AND pid <> pg_backend_pid()");
    eval { $h->finish };
    for (1 .. 100) { last if !glob "$folder/x.tmp.*"; select undef, undef, undef, 0.05 }
}
is(join(' ', glob "$folder/*.tmp.*"), '', 'nothing is left of what failed, was canceled or terminated');
ok(!-e "$folder/x", 'and nothing has its name');

sql('CREATE ROLE writer LOGIN; GRANT pg_write_server_files TO writer; CREATE ROLE reader LOGIN; GRANT SELECT ON t TO reader; GRANT SELECT (v) ON unit TO writer;
     CREATE ROLE owner LOGIN; GRANT pg_write_server_files TO owner; CREATE TABLE own AS TABLE t; ALTER TABLE own OWNER TO owner; CREATE INDEX own_l2 ON own USING hnsw (v vector_l2_ops)');
my $as = sub { my ($role, $sql) = @_; return answer($node, $sql, extra_params => [ '-U', $role ]) };
for my $call ("npy('t', '$folder/r')", "fvecs('t', '/root/r')", "faiss('t', '')", "hnswlib('nowhere', '$folder/r')") {
    like($as->('reader', "SELECT vecstore_export_$call"), qr/ERROR: +permission denied to write files on the server/, "without pg_write_server_files: $call");
}
like($as->('writer', "SELECT vecstore_export_npy('t', '$folder/w')"), qr/ERROR: +permission denied for table t/, 'without SELECT');
is($as->('writer', "SELECT vecstore_export_npy('unit', '$folder/w')"), '3000', 'a column is enough');
like($as->('writer', "SELECT vecstore_export_faiss('own', '$folder/w2', id_column => 'id', index => 'own_l2')"), qr/ERROR: +permission denied/, 'a graph is for those who may see the table');
is($as->('owner', "SELECT vecstore_export_faiss('own', '$folder/w2', id_column => 'id', index => 'own_l2')"), '3000', 'such as its owner');
sql('ALTER TABLE own ENABLE ROW LEVEL SECURITY; ALTER TABLE own FORCE ROW LEVEL SECURITY');
is($as->('owner', "SELECT vecstore_export_npy('own', '$folder/w3')"), '0', 'policies are applied to rows');
like($as->('owner', "SELECT vecstore_export_faiss('own', '$folder/w4', id_column => 'id', index => 'own_l2')"), qr/ERROR: .*row-level security/, 'a graph has none');

done_testing();
