# Files come in equal: real files, and files made by the real numpy and FAISS; through the reading functions and
# through vecstore_import, with its batches, ids, column types, triggers, partitions, and dump and restore.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $python = $ENV{PYTHON} // '/usr/bin/python3';
my $node = new_node('import', 'max_wal_size = 2GB');
my $folder = PostgreSQL::Test::Utils::tempdir();
chmod 0755, $folder;

sub sql { return $node->safe_psql('postgres', $_[0]) }

# Both streams of psql, and its status.
sub attempt {
    my ($sql) = @_;
    my ($status, $out, $err) = $node->psql('postgres', $sql);
    return ($status, $err);
}

my $digest = q{md5(coalesce(string_agg(vector_send(embedding), '' ORDER BY n), '')) || ' ' ||
    md5(coalesce(string_agg(id::text, ',' ORDER BY n), ''))};

sub file_digest {
    my ($reader, $path) = @_;
    return sql("SELECT count(*) || ' ' || $digest FROM vecstore_read_$reader('$path') WITH ORDINALITY r(id, embedding, n)");
}

# ------------------------------------------------------------------------------------------------ real files

SKIP: {
    my $npy = shared_file('testdata/npy/kloros_1893x384.npy');
    my $index = shared_file('testdata/faiss/flat_ip_d384_kloros.index');
    my $mapped = shared_file('testdata/faiss/txtai_idmap_flatip_d768_chooyee');
    skip 'no shared testdata', 1 unless $npy && $index && $mapped;

    sql('CREATE TABLE a (id bigint, embedding vector(384)); CREATE TABLE b (LIKE a)');
    sql("CALL vecstore_import('a', '$npy', id_column => 'id', batch_size => 100)");
    sql("CALL vecstore_import('b', '$index', id_column => 'id')");
    my $rows = "SELECT count(*) || ' ' || md5(string_agg(vector_send(embedding), '' ORDER BY id)) FROM";
    like(sql("$rows a"), qr/^1893 /, 'kloros .npy: 1893 rows');
    is(sql("$rows a"), sql("$rows b"), 'kloros: .npy and FAISS file import to identical rows');
    is(sql('SELECT count(*) FROM a JOIN b USING (id) WHERE vector_send(a.embedding) = vector_send(b.embedding)'), 1893,
        'each row with its position');
    is(sql("SELECT embedding[1:4] FROM (SELECT embedding::real[] FROM a WHERE id = 0) r"),
        '{0.01182471,-0.005438497,-0.038252275,0.027202858}', 'the values that a reference reader sees');

    sql('CREATE TABLE c (id bigint PRIMARY KEY, embedding vector)');
    sql("CALL vecstore_import('c', '$mapped', id_column => 'id')");
    is(sql('SELECT count(*), min(id), max(id) FROM c'), '327|0|326', 'txtai id map keeps its ids');
    is(sql("SELECT vecstore_inspect('$mapped')"),
        '(faiss,float32,768,327,t,inner_product,f,1007250,{},"{""index"": ""IxMp(IxFI)"", ""metric"": ""inner product"", '
          . '""data_offset"": 82, ""metric_code"": 0}")',
        'what vecstore_inspect says of it');
}

SKIP: {
    my $mnist = shared_file('bench/mnist_63000x784_u8.npy');
    skip 'no MNIST', 1 unless $mnist;
    sql('CREATE TABLE mnist (id int, embedding vector(784))');
    my ($status, $err) = attempt("CALL vecstore_import('mnist', '$mnist', id_column => 'id')");
    like($err, qr/imported 63000 vectors of 784 dimensions from .* in [\d.]+ s \(\d+ rows\/s\); count and content verified/,
        'MNIST imports from uint8');
    is(sql('SELECT count(*), count(DISTINCT id) FROM mnist'), '63000|63000', 'all of its rows');
    is(sql("SELECT count(*) FROM vecstore_read_npy('$mnist', 62000) r JOIN mnist m USING (id) WHERE r.embedding = m.embedding"),
        1000, 'the last 1000 equal those of the file');
    sql('DROP TABLE mnist');
}

# ------------------------------------------------------------------------------- files by numpy and by FAISS

SKIP: {
    skip "$python has no numpy or no faiss", 1
      if system("$python $FindBin::Bin/import_files.py $folder --check 2>/dev/null") != 0;
    my $made = `$python $FindBin::Bin/import_files.py $folder`;
    die 'import_files.py failed' if $? != 0;
    for (split /\n/, $made) {
        my ($path, $reader, $rows, $dims, $element, $metric, $md5, $ids_md5) = split /\t/;
        my ($name) = $path =~ m{([^/]+)$};
        is(file_digest($reader, $path), "$rows $md5 $ids_md5", "$name: vecstore_read_$reader is bit-equal");
        is(sql("SELECT format, rows, dims, element_type, metric FROM vecstore_inspect('$path')"),
            "$reader|$rows|$dims|$element|$metric", "$name: vecstore_inspect");
        sql('DROP TABLE IF EXISTS t; CREATE TABLE t (n serial, embedding vector, id bigint)');
        sql("CALL vecstore_import('t', '$path', id_column => 'id', batch_size => 999)");
        is(sql("SELECT count(*) || ' ' || $digest FROM t"), "$rows $md5 $ids_md5", "$name: vecstore_import is bit-equal");
    }
}

# --------------------------------------------------------------------------------------------- small files

sub write_file { my ($name, $content) = @_; return write_bytes("$folder/$name", $content) }

my $ten = write_file('ten.npy', npy(10, 3, map { $_ * 0.5 } 0 .. 29));
my $many = write_file('many.npy', npy(4000, 8, map { sin $_ } 0 .. 31999));
my $footer = write_file('footer.npy', npy(2, 2, 1 .. 4) . 'x' x 16);
my $sums = 'SELECT count(*), sum(vecstore_row_hash(embedding, id)) FROM';

is(sql("SELECT id, embedding FROM vecstore_read_npy('$ten', 8)"), "8|[12,12.5,13]\n9|[13.5,14,14.5]", 'first');
is(sql("SELECT id FROM vecstore_read_npy('$ten', 3, 2)"), "3\n4", 'first and count');
is(sql("SELECT count(*) FROM vecstore_read_npy('$ten', 100)"), 0, 'first beyond the end');
is(sql("SELECT count(*) FROM vecstore_read_npy(NULL::text)"), 0, 'no file, no rows');
is(sql("SELECT count(*) FROM vecstore_read_npy(pg_read_binary_file('$ten'))"), 10, 'the bytea variant');

# column types
for my $type ('vector', 'vector(3)', 'real[]', 'double precision[]') {
    sql("DROP TABLE IF EXISTS t; CREATE TABLE t (embedding $type)");
    my ($status, $err) = attempt("CALL vecstore_import('t', '$ten', \"column\" => 'embedding')");
    like($err, qr/imported 10 vectors.*verified/, "into $type");
    is(sql('SELECT count(*), sum(vecstore_row_hash(embedding::vector, 0)) FROM t'),
        sql("SELECT count(*), sum(vecstore_row_hash(embedding, 0)) FROM vecstore_read_npy('$ten')"), "equal in $type");
}
sql('CREATE DOMAIN unit AS vector(3) CHECK (vector_norm(VALUE) < 100); CREATE DOMAIN key AS int');
sql('DROP TABLE t; CREATE TABLE t (embedding unit, id key)');
sql("CALL vecstore_import('t', '$ten', id_column => 'id')");
is(sql("$sums t"), sql("$sums vecstore_read_npy('$ten')"), 'into domains');
for my $type ('smallint', 'integer', 'bigint', 'text', 'varchar(5)') {
    sql("DROP TABLE t; CREATE TABLE t (embedding vector, id $type)");
    sql("CALL vecstore_import('t', '$ten', id_column => 'id')");
    is(sql('SELECT count(*), sum(vecstore_row_hash(embedding, id::bigint)) FROM t'), sql("$sums vecstore_read_npy('$ten')"),
        "ids into $type");
}

# a table is filled as COPY fills it
sql(q{CREATE TABLE p (id bigint, embedding vector, made int DEFAULT 7, norm float8 GENERATED ALWAYS AS (vector_norm(embedding)) STORED)
      PARTITION BY RANGE (id);
      CREATE TABLE p0 PARTITION OF p FOR VALUES FROM (0) TO (5); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (5) TO (10)});
sql("CALL vecstore_import('p', '$ten', id_column => 'id', batch_size => 4)");
is(sql('SELECT count(*), sum(made), bool_and(norm = vector_norm(embedding)), (SELECT count(*) FROM p1) FROM p'),
    '10|70|t|5', 'partitions, defaults, generated columns');
sql(q{CREATE TABLE log (n int); CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN INSERT INTO log VALUES ((SELECT count(*) FROM inserted)); RETURN NULL; END';
      DROP TABLE t; CREATE TABLE t (id int, embedding vector);
      CREATE TRIGGER note AFTER INSERT ON t REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION note()});
sql("CALL vecstore_import('t', '$ten', id_column => 'id', batch_size => 4)");
is(sql('SELECT n FROM log ORDER BY n DESC'), "4\n4\n2", 'triggers, once for each batch');
is(sql('SELECT count(DISTINCT xmin::text) FROM t'), 3, 'batches are committed one by one');

# messages
my ($status, $err) = attempt("CALL vecstore_import('t', '$footer', batch_size => 1)");
like($err, qr/NOTICE: .*16 bytes after the array are ignored/, 'warnings are said');
like($err, qr/NOTICE: .*imported 2 vectors of 2 dimensions/, 'and the rows imported');

# one error where something does not fit
my @misfits = (
    [ 'dimensions', 'CREATE TABLE t (e vector(4))', '', qr/have 3 dimensions, but column "e" is vector\(4\)/ ],
    [ 'no vector column', 'CREATE TABLE t (e int)', '', qr/no column of type vector/ ],
    [ 'two vector columns', 'CREATE TABLE t (e vector, f vector)', '', qr/several columns of type vector/ ],
    [ 'missing column', 'CREATE TABLE t (e vector)', q{, "column" => 'x'}, qr/column "x" of relation "t" does not exist/ ],
    [ 'wrong type', 'CREATE TABLE t (e text)', q{, "column" => 'e'}, qr/column "e" is of type text/ ],
    [ 'wrong id type', 'CREATE TABLE t (e vector, i date)', q{, id_column => 'i'}, qr/column "i" is of type date/ ],
    [ 'one column twice', 'CREATE TABLE t (e real[], i int)', q{, "column" => 'e', id_column => 'e'}, qr/is of type real\[\]/ ],
    [ 'a view', 'CREATE VIEW t AS SELECT NULL::vector AS e', '', qr/cannot import into "t"/ ],
    [ 'an index', 'CREATE TABLE x (i int); CREATE INDEX t ON x (i)', '', qr/cannot import into "t"/ ],
    [ 'a generated column', 'CREATE TABLE t (a vector, e vector GENERATED ALWAYS AS (a) STORED)', q{, "column" => 'e'},
        qr/column "e" is a generated column/ ],
    [ 'batch_size', 'CREATE TABLE t (e vector)', ', batch_size => 0', qr/batch_size must be at least 1, not 0/ ],
    [ 'format', 'CREATE TABLE t (e vector)', q{, format => 'x'}, qr/unknown file format "x"/ ],
    [ 'wrong format', 'CREATE TABLE t (e vector)', q{, format => 'faiss'}, qr/is not the code of any FAISS index/ ],
    [ 'null', 'CREATE TABLE t (e vector)', ', resume => NULL', qr/may be null/ ],
    [ 'check', 'CREATE TABLE t (e vector CHECK (vector_norm(e) < 1))', '', qr/violates check constraint/ ],
);
for my $case (@misfits) {
    my ($name, $create, $arguments, $expected) = @$case;
    sql("SET client_min_messages = warning; DROP SCHEMA IF EXISTS misfit CASCADE; CREATE SCHEMA misfit;
         SET search_path = misfit, public; $create");
    ($status, $err) = attempt("CALL vecstore_import('misfit.t', '$ten'$arguments)");
    like($err, $expected, "$name: its error");
    is(() = $err =~ /^.*ERROR:/mg, 1, "$name: one error");
}

sql('DROP TABLE IF EXISTS t; CREATE TABLE t (e vector, i smallint)');
my $large = write_file('large.faiss', 'IxM2' . pack('l<q<q<q<Cl<', 2, 1, 0, 0, 1, 1) . 'IxF2' . pack('l<q<q<q<Cl<', 2, 1, 0, 0, 1, 1)
      . pack('Q<f<2Q<q<', 2, 1, 2, 1, 40000));
($status, $err) = attempt("CALL vecstore_import('t', '$large', id_column => 'i')");
like($err, qr/id 40000 does not fit into column "i"/, 'ids that are too large');

# where it cannot commit
my $block = qr/cannot run inside a transaction block or a function/;
($status, $err) = attempt("BEGIN; CALL vecstore_import('t', '$ten'); COMMIT");
like($err, $block, 'not in a transaction block');
sql("CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN CALL vecstore_import('t', '$ten'); END \$\$");
($status, $err) = attempt('SELECT f()');
like($err, $block, 'not in a function');
($status, $err) = attempt("DO \$\$ BEGIN CALL vecstore_import('t', '$ten'); EXCEPTION WHEN division_by_zero THEN END \$\$");
like($err, $block, 'not in a subtransaction');
is(sql('SELECT count(*) FROM t'), 0, 'nothing has come in');
sql("DO \$\$ BEGIN CALL vecstore_import('t', '$ten', batch_size => 3); END \$\$");
is(sql('SELECT count(*) FROM t'), 10, 'but in a DO block that may commit');

# ------------------------------------------------------------------------------------------------- verification

sql(q{DROP TABLE t; CREATE TABLE t (id int, embedding vector);
      CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN IF NEW.id = 5 THEN NEW.embedding = ''[0,0,1]''; END IF; RETURN NEW; END';
      CREATE TRIGGER spoil BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION spoil()});
($status, $err) = attempt("CALL vecstore_import('t', '$ten', id_column => 'id')");
like($err, qr/ERROR:.*does not hold what was read.*All 10 rows are there, but their content differs/s, 'one changed row is noticed');
is(sql("SELECT status FROM vecstore_import_state ORDER BY import_id DESC LIMIT 1"), 'mismatch', 'and remembered');
sql(q{CREATE OR REPLACE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN IF NEW.id = 5 THEN RETURN NULL; END IF; RETURN NEW; END'});
($status, $err) = attempt("CALL vecstore_import('t', '$ten', id_column => 'id')");
like($err, qr/ERROR:.*10 rows were read, 9 of them are in the table/s, 'one missing row is noticed, among rows that were there');
($status, $err) = attempt("CALL vecstore_import('t', '$ten', id_column => 'id', verify => false)");
like($err, qr/NOTICE:.*not verified/, 'verify => false');
sql('DROP TRIGGER spoil ON t');
my $others = sql('SELECT count(*) FROM t');
sql("CALL vecstore_import('t', '$ten', id_column => 'id')");
cmp_ok($others, '>', 0, 'there are other rows in the table');
is(sql('SELECT count(*) FROM t'), $others + 10, 'and all rows of the file come in beside them');
is(sql('SELECT status FROM vecstore_import_state ORDER BY import_id DESC LIMIT 1'), 'complete',
    'other rows in the table do not matter to the verification');

# ------------------------------------------------------------------------------- interrupted imports, resume

# Slow enough to be interrupted anywhere, and stopped before the row that the gate names.
sql(q{CREATE TABLE gate (at int);
      CREATE TABLE slow (id int, embedding vector(8));
      CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
        WHILE EXISTS (SELECT FROM gate WHERE at = NEW.id) LOOP
          PERFORM set_config(''application_name'', ''at the gate'', false), pg_sleep(0.01);
        END LOOP;
        PERFORM pg_sleep(0.0003); RETURN NEW; END';
      CREATE TRIGGER dawdle BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION dawdle()});
$node->append_conf('postgresql.conf', 'restart_after_crash = on');
$node->reload;
my $start_over = "CALL vecstore_import('slow', '$many', id_column => 'id', batch_size => 200)";
my $call = $start_over =~ s/\)$/, resume => true)/r;

# Starts an import in a session of its own.
sub start_import {
    my ($statement) = @_;
    my %import = (out => '', err => '');
    $import{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SELECT pg_backend_pid()', '-c', $statement ],
        '<', \undef, '>', \$import{out}, '2>', \$import{err});
    $import{run}->pump until $import{out} =~ /(\d+)\n/;
    $import{pid} = $1;
    return \%import;
}

# The same, and waits until it stands before a row.
sub start_import_up_to {
    my ($row, $statement) = @_;
    sql("INSERT INTO gate VALUES ($row)");
    my $import = start_import($statement);
    $node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = $import->{pid} AND application_name = 'at the gate'")
      or die "the import does not come to row $row";
    sql('INSERT INTO gate VALUES (-1)');    # a commit that is on disk, and with it all commits before it
    return $import;
}

# Starts the import and ends it from outside, by a function of its backend's pid: before a row, or after a random time.
sub interrupt {
    my ($how, $row) = @_;
    my $import = defined $row ? start_import_up_to($row, $call) : start_import($call);
    select undef, undef, undef, rand 0.4 if !defined $row;
    $how->($import->{pid});
    eval { $import->{run}->finish };
    wait_until_up($node) or die 'the server is not back';
    sql('DELETE FROM gate');
    return;
}

my $there = 0;
for my $round (1 .. 8) {
    my $row = $round <= 4 ? $there + 250 + int rand 400 : undef;
    interrupt(
        $round % 2
        ? sub { kill_backend($node, $_[0]) }
        : $round % 4 ? sub { sql("SELECT pg_terminate_backend($_[0])") }
        :              sub { sql("SELECT pg_cancel_backend($_[0])") },
        $row);
    $there = sql('SELECT count(*) FROM slow');
    is($there, $row - $row % 200, "interruption $round, before row $row: the batches before it are kept") if defined $row;
    is(sql("SELECT sum(rows_done) FROM vecstore_import_progress WHERE target = 'public.slow'"), $there,
        "interruption $round: the state says the $there rows that the table has");
}
($status, $err) = attempt($call);
like($err, qr/count and content verified|nothing to import/, 'the last resumption finishes and verifies');
is(sql("$sums slow"), sql("$sums vecstore_read_npy('$many')"), 'no row twice, none missing');
($status, $err) = attempt($call);
like($err, qr/nothing to import/, 'resuming a complete import does nothing');
is(sql('SELECT count(*) FROM slow'), 4000, 'really');

sub half_import {
    sql('TRUNCATE slow');
    my $import = start_import_up_to(1100, $start_over);
    sql("SELECT pg_cancel_backend($import->{pid})");
    $import->{run}->finish;
    sql('DELETE FROM gate');
    like($import->{err}, qr/canceling statement.*1000 of 4000 rows are committed, resume => true goes on/s, 'an error says what is kept');
    return;
}
half_import();
my $original = slurp_file($many);
write_file('many.npy', substr($original, 0, -1) . 'x');
($status, $err) = attempt($call);
like($err, qr/ERROR:.*cannot resume: .* is not the file that the earlier import read/, 'a changed file is not resumed');
write_file('many.npy', $original);
($status, $err) = attempt("CALL vecstore_import('slow', '$many', id_column => 'id', verify => false)");
like($err, qr/NOTICE:.*an unfinished import left 1000 rows/, 'starting anew mentions the unfinished import');
half_import();

# A dump carries the state along, to wherever the extension is then.
sql('CREATE DATABASE copy');
my $dump = "$folder/dump.sql";
command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', $dump, '-t', 'slow', '-t', 'vecstore_import_*', '-e', 'vecstore' ],
    'dump with an unfinished import');
$node->safe_psql('copy', q{CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'});
command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy'), '-f', $dump ], 'restore');
$node->safe_psql('copy', 'CREATE SCHEMA elsewhere; ALTER EXTENSION vecstore SET SCHEMA elsewhere');
my $moved = $call =~ s/CALL /CALL elsewhere./r;
my (undef, undef, $resumed) = $node->psql('copy', $moved);
like($resumed, qr/imported \d+ vectors.*count and content verified/, 'the import goes on in the restored database');
is($node->safe_psql('copy', 'SELECT count(*), count(DISTINCT id) FROM slow'), '4000|4000', 'with every row once');

$node->safe_psql('copy', "CREATE TABLE fresh (id int, embedding elsewhere.vector); CALL elsewhere.vecstore_import('fresh', '$ten', id_column => 'id')");
is($node->safe_psql('copy', q{SELECT rows_done, status FROM elsewhere.vecstore_import_progress WHERE target = 'public.fresh'}), '10|complete',
    'and new ones are made there');

# Two sessions cannot resume the same import.
{
    half_import();
    my $first = start_import_up_to(2100, $call);
    ($status, $err) = attempt($call);
    like($err, qr/ERROR:.*being run by another session/, 'the same import is not run twice at a time');
    sql('DELETE FROM gate');
    $first->{run}->finish;
    is(sql('SELECT count(*), count(DISTINCT id) FROM slow'), '4000|4000', 'and the first one finishes');
}

is(sql('SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.classid WHERE c.relname = $$vecstore_import_state$$'), 0,
    'no lock is left');

# ---------------------------------------------------------------------------------------------- reading ahead

# A file of holes, whose rows are read more slowly than nothing is done with them: the session waits for the thread
# that reads. It can be canceled and terminated there, and goes without taking the server with it.
{
    my ($rows, $dims) = (1 << 25, 8);
    my $vast = write_file('vast.npy', npy($rows, $dims, \''));
    truncate $vast, (-s $vast) + $rows * $dims * 4 or die "truncate: $!";
    sql('CREATE TABLE vast (id bigint, embedding vector)');
    my $dry = "CALL vecstore_import('vast', '$vast', id_column => 'id', dry_run => true)";
    my $began = time;
    ($status, $err) = attempt("SET statement_timeout = '300ms'; $dry");
    like($err, qr/ERROR:.*canceling statement due to statement timeout/, 'an import is canceled while it waits for its file');
    cmp_ok(time - $began, '<', 5, 'at once');
    my $logged = -s $node->logfile;
    my ($out, $errors) = ('', '');
    my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $dry ], '<', \undef, '>', \$out, '2>', \$errors);
    my $at_work = q{pg_stat_activity WHERE state = 'active' AND query LIKE 'CALL vecstore_import%vast%' AND pid <> pg_backend_pid()};
    $node->poll_query_until('postgres', "SELECT count(*) = 1 FROM $at_work");
    my $pid = sql("SELECT pid FROM $at_work");
    is(scalar(() = glob "/proc/$pid/task/*"), 2, 'a thread reads') if -d "/proc/$pid/task";
    is(sql("SELECT pg_terminate_backend($pid, 5000)"), 't', 'and terminated');
    $run->finish;
    like($errors, qr/terminating connection due to administrator command/, 'as it says');
    unlike(slurp_file($node->logfile, $logged), qr/was terminated by signal/, 'without a crash');
    unlink $vast;
}

# Another session changes the table between two batches: rows that were read ahead are read again for the table as it
# is then. And a failure comes when its rows would.
{
    sql(q{CREATE TABLE changed (id int, embedding vector(8));
          CREATE OR REPLACE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.0005); RETURN NEW; END';
          CREATE TRIGGER dawdle BEFORE INSERT ON changed FOR EACH ROW EXECUTE FUNCTION dawdle()});
    my ($out, $errors) = ('', '');
    my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
        "CALL vecstore_import('changed', '$many', id_column => 'id', batch_size => 200)" ], '<', \undef, '>', \$out, '2>', \$errors);
    $node->poll_query_until('postgres', 'SELECT count(*) > 0 FROM changed');
    sql('ALTER TABLE changed ALTER id TYPE text');
    $run->finish;
    like($errors, qr/imported 4000 vectors.*count and content verified/, 'a column whose type changes meanwhile');
    is(sql('SELECT count(*), count(DISTINCT id), max(id::int) FROM changed'), '4000|4000|3999', 'every row once');

    my $late = write_file('late.npy', npy(3000, 2, (1) x 4999, 'nan', (1) x 1000));
    sql('CREATE TABLE late (embedding vector)');
    ($status, $err) = attempt("CALL vecstore_import('late', '$late', batch_size => 1000)");
    like($err, qr/ERROR:.*row 2499 of .* has NaN in component 1.*2000 of 3000 rows are committed/s, 'an error far behind');
    is(sql('SELECT count(*) FROM late'), 2000, 'what was before it is there');
}

done_testing();
