# vecstore-load: files and stores of the client come over the wire, and are bit by bit those that vecstore_import reads on
# the server's disk. Bad ones give one error. A load that was killed goes on where it stopped.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use Vecstore;

my $pg_config = $ENV{PG_CONFIG} // 'pg_config';
chomp(my $bindir = `$pg_config --bindir`);
my ($program) = grep { -x } map { "$_/vecstore-load" } ($ENV{VECSTORE_STAGE} // '') . $bindir, $bindir;
plan skip_all => 'vecstore-load is not installed (make install-client)' if !$program;

my $python = $ENV{PYTHON} // '/usr/bin/python3';
my $node = new_node('client', 'max_wal_size = 2GB');
my $folder = PostgreSQL::Test::Utils::tempdir();

sub sql { return $node->safe_psql('postgres', $_[0]) }

# Runs the program; its exit status and its messages.
sub run_load {
    my (@arguments) = @_;
    my ($out, $err) = ('', '');
    IPC::Run::run([ $program, '-d', $node->connstr('postgres'), @arguments ], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(120));
    return ($? >> 8, $out . $err);
}

sub loads {
    my ($what, $pattern, @arguments) = @_;
    my ($status, $said) = run_load(@arguments);
    ok($status == 0 && $said =~ $pattern, $what) or diag("status $status: $said");
}

# Fails with status 1 and one error.
sub fails {
    my ($what, $pattern, @arguments) = @_;
    my ($status, $said) = run_load(@arguments);
    my $errors = () = $said =~ /error: /g;
    ok($status == 1 && $errors == 1 && $said =~ $pattern, $what) or diag("status $status: $said");
}

sub write_file { my ($name, $content) = @_; return write_bytes("$folder/$name", $content) }

my $digest = "count(*) || ' ' || md5(coalesce(string_agg(vector_send(embedding::vector), '' ORDER BY id), '')) || ' ' || md5(coalesce(string_agg(id::text, ',' ORDER BY id), ''))";

# -------------------------------------------------------------------------------------- the files of the importer

SKIP: {
    skip "$python has no numpy or no faiss", 1 if system("$python $FindBin::Bin/import_files.py $folder --check 2>/dev/null") != 0;
    chmod 0755, $folder;
    my $made = `$python $FindBin::Bin/import_files.py $folder`;
    die 'import_files.py failed' if $? != 0;
    for (split /\n/, $made) {
        my ($path, undef, $rows, $dims) = split /\t/;
        my ($name) = $path =~ m{([^/]+)$};
        sql('DROP TABLE IF EXISTS here, there; CREATE TABLE there (id bigint, embedding vector)');
        sql("CALL vecstore_import('there', '$path', id_column => 'id')");
        loads("$name: loaded", qr/loaded $rows rows of $dims dimensions from client .* into public\.here in .*; count and content verified/,
            '--create', '-i', 'id', '--batch-size', 999, $path, 'here');
        is(sql("SELECT $digest FROM here"), sql("SELECT $digest FROM there"), "$name: bit-equal to what the server imports");
    }
    my $shared = shared_file('testdata/faiss/txtai_idmap_flatip_d768_chooyee');
    if ($shared) {
        loads('a real file', qr/loaded 327 rows of 768/, '--create', '-i', 'id', $shared, 'txtai');
        is(sql('SELECT min(id), max(id), count(*) FROM txtai'), '0|326|327', 'with its ids');
    }

    # Stores
    my $stores = "$folder/stores";
    mkdir $stores;
    chmod 0755, $stores;
    my $listed = make_stores($stores);
    for (grep { /langchain v2 [25]|langchain v1 0|chroma/ } split /\n/, $listed) {
        my ($kind, $path, $collection) = split /\t/;
        my ($name) = $path =~ m{([^/]+)$};
        my @option = $collection eq '-' ? () : ('--collection', $collection);
        my $argument = $collection eq '-' ? '' : ", '$collection'";
        sql('DROP TABLE IF EXISTS s');
        loads("$name ($collection): loaded", qr/into public\.s in .*; count and vectors verified, but not documents and metadata/, '--create', '--batch-size', 17, @option, $path, 's');
        is(sql("SELECT count(*) FROM (SELECT * FROM s EXCEPT ALL SELECT * FROM vecstore_read_$kind('$path'$argument)) d")
              . ' of ' . sql('SELECT count(*) FROM s'),
            '0 of ' . sql("SELECT count(*) FROM vecstore_read_$kind('$path'$argument)"), "$name ($collection): equal to what the server reads");
    }
}

# ------------------------------------------------------------------------------------------------- tables, columns

my $ten = write_file('ten.npy', npy(10, 3, map { $_ * 0.5 } 0 .. 29));
sql('CREATE TABLE arrays (id smallint, f real[], d double precision[], x int DEFAULT 7)');
loads('into real[]', qr/loaded 10 rows/, '-c', 'f', '-i', 'id', $ten, 'arrays');
loads('into double precision[]', qr/loaded 10 rows/, '-c', 'd', $ten, 'arrays');
is(sql('SELECT count(*), min(f::text), max(id), min(x), sum(d[3])::text FROM arrays'), '20|{0,0.5,1}|9|7|77.5', 'as they are');
sql('CREATE SCHEMA "My S"; CREATE TABLE "My S"."T" ("Id" text, v vector(3))');
loads('quoted names', qr/into "My S"\."T" in .*verified/, '-i', 'Id', $ten, '"My S"."T"');
is(sql('SELECT string_agg("Id", \',\' ORDER BY "Id"), min(v::text) FROM "My S"."T"'), '0,1,2,3,4,5,6,7,8,9|[0,0.5,1]', 'their rows');
loads('no ids', qr/loaded 10 rows/, '--create', '-c', 'vectors', $ten, 'noids');
is(sql("SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ',') FROM pg_attribute WHERE attrelid = 'noids'::regclass AND attnum > 0"),
    'vectors vector(3)', 'a table of vectors alone');
is(sql("SELECT count(*) FROM vecstore_import_progress WHERE path LIKE 'client %ten.npy' AND status = 'complete'"), 4, 'the view shows loads');
my ($status, $said) = run_load('-q', $ten, 'noids');
is("$status$said", '0', '--quiet says nothing');
# Columns of other types hold what the server's import would put there.
my $halves = write_file('halves.npy', npy(10, 3, map { 0.1 * $_ } 0 .. 29));
my $bits = write_file('bits.npy', npy(5, 9, map { $_ % 7 % 2 } 0 .. 44));
for ([ 'halfvec(3)', $halves ], [ 'bit(9)', $bits ], [ 'varbit(9)', $bits ]) {
    my ($type, $file) = @$_;
    sql("DROP TABLE IF EXISTS here, there; CREATE TABLE here (v $type); CREATE TABLE there (v $type)");
    loads("into $type", qr/; count and content verified/, '-c', 'v', $file, 'here');
    sql("CALL vecstore_import('there', '$file', \"column\" => 'v')");
    is(sql('SELECT count(*) FROM (SELECT v::text FROM here EXCEPT ALL SELECT v::text FROM there) d'), 0, "into $type: equal to what the server imports");
}
sql('CREATE TABLE nobits (v bit(3))');
fails('vectors that are no bits', qr/is not a bit/, '-c', 'v', $ten, 'nobits');
SKIP: {
    my $binary = shared_file('testdata/faiss/opensearch_faiss_binary_50_vectors_512_dim.bin') or skip 'the shared files are not here', 2;
    loads('a file of bits', qr/loaded 50 rows of 512 dimensions/, '--create', '-i', 'id', $binary, 'ofbits');
    is(sql("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'ofbits'::regclass AND attname = 'embedding'"), 'bit(512)', 'makes a column of bits');
}

# Hints name the program's options, not those of SQL, also where the server gives them.
fails('NaN', qr/HINT: .*--skip-not-finite/, '--create', write_file('nan.npy', npy(2, 2, 1, 'nan', 3, 4)), 'nans');
sql('CREATE TABLE two (a vector, b vector)');
fails('two columns', qr/HINT: +Say which one: --column=a\./, $ten, 'two');
like((run_load('--version'))[1], qr/^vecstore-load \d+\.\d+\.\d+$/m, '--version');

fails('no such column', qr/column "nothing" of relation "noids" does not exist/, '-c', 'nothing', $ten, 'noids');
fails('a column of other dimensions', qr/have 3 dimensions, but column "v" is vector\(4\)/, $ten, (sql('CREATE TABLE four (v vector(4))'), 'four')[-1]);
fails('ids that do not fit', qr/id 32768 does not fit/, '-i', 'id', write_file('many.npy', npy(40001, 1, (1) x 40001)),
    (sql('CREATE TABLE small (id smallint, v vector)'), 'small')[-1]);
fails('no such table', qr/relation "nowhere" does not exist/, $ten, 'nowhere');
fails('no such file', qr/No such file/, "$folder/nowhere.npy", 'noids');
fails('a constraint', qr/duplicate key value violates.*\nDETAIL/, '-i', 'id', $ten, (sql('CREATE TABLE uniq (id int UNIQUE, v vector); INSERT INTO uniq VALUES (5)'), 'uniq')[-1]);
fails('no server', qr/error: /, '-d', "host=$folder port=1", $ten, 'noids');
fails('no extension', qr/lacks the extension vecstore.*\nHINT: CREATE EXTENSION/s, '-d', (sql('CREATE DATABASE bare'), $node->connstr('bare'))[-1], $ten, 'noids');
sql('CREATE TABLE dropping (v vector); CREATE FUNCTION drop_some() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF random() < 0.5 THEN RETURN NULL; END IF; RETURN NEW; END $$;
     CREATE TRIGGER t BEFORE INSERT ON dropping FOR EACH ROW EXECUTE FUNCTION drop_some()');
fails('rows that a trigger drops are missed', qr/does not hold what was read.*--no-verify/s, write_file('fifty.npy', npy(50, 1, 1 .. 50)), 'dropping');
loads('unless that is not looked at', qr/; not verified/, '--no-verify', "$folder/fifty.npy", 'dropping');
for ([ 'no arguments' ], [ 'one argument', $ten ], [ 'an unknown option', '--nothing', $ten, 't' ], [ 'no batch', '--batch-size', 0, $ten, 't' ]) {
    my ($what, @arguments) = @$_;
    my ($exit, $text) = run_load(@arguments);
    ok($exit == 2 && $text =~ /--help/, "$what: status 2") or diag("$exit $text");
}

# Bad files: one error, and nothing comes in.
sql('CREATE TABLE bad (id bigint, embedding vector)');
my $good = npy(10, 3, 0 .. 29);
my %bad = ('cut off' => substr($good, 0, -7), 'empty' => '', 'a text' => "1,2,3\n" x 100, 'NaN' => npy(10, 3, (1) x 29, "nan"),
    'an object array' => $good =~ s/<f4/|O8/r, 'too many rows' => npy(1 << 40, 3, 1 .. 25), 'no FAISS index' => 'IxF2' . 'x' x 100);
for (sort keys %bad) {
    fails("a bad file: $_", qr/bad_file\.npy/, '-i', 'id', '--batch-size', 3, write_file('bad_file.npy', $bad{$_}), 'bad');
}
is(sql('SELECT count(*) FROM bad'), 0, 'nothing has come in');

# Rights: those of COPY, no more.
sql('CREATE ROLE loader LOGIN; CREATE ROLE nobody LOGIN; CREATE TABLE open_table (id bigint, embedding vector); GRANT INSERT ON open_table TO loader');
my $as = sub { return ('-d', $node->connstr('postgres') . " user=$_[0]") };
loads('INSERT is enough', qr/not verified, which needs SELECT/, $as->('loader'), '-i', 'id', $ten, 'open_table');
fails('and needed', qr/permission denied for table open_table/, $as->('nobody'), $ten, 'open_table');
like(sql(q{SELECT 1}) && do { my (undef, undef, $err) = $node->psql('postgres', 'SELECT vecstore_load_batch(1, 0, 5, 5)'); $err },
    qr/this session has not begun import 1/, 'no one writes into the state of others');

# ---------------------------------------------------------------------------------------------- killed and resumed

my $rows = scale(60000, 500000);
my $big = write_file('big.npy', npy($rows, 32, \(pack('f<*', map { sin $_ } 1 .. 32 * 1000) x ($rows / 1000))));
sql('CREATE TABLE killed (id bigint, embedding vector(32)); CREATE TABLE whole (id bigint, embedding vector(32))');
sql("CALL vecstore_import('whole', '$big', id_column => 'id')") if chmod 0755, $folder;
# Slow enough to be caught in the middle, however fast the machine.
sql('CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.003); RETURN NEW; END $$;
     CREATE TRIGGER slow BEFORE INSERT ON killed FOR EACH ROW WHEN (NEW.id % 100 = 0) EXECUTE FUNCTION slow()');
my $kills = 0;
for my $round (1 .. 8) {
    my $log = '';
    my $run = IPC::Run::start([ $program, '-d', $node->connstr('postgres'), '-i', 'id', '--batch-size', 500, '--resume', $big, 'killed' ],
        '<', \undef, '>', \$log, '2>', \$log);
    my $before = sql("SELECT count(*) FROM killed");
    for (1 .. 400) { last if sql("SELECT count(*) FROM killed") > $before; sleep 0.01 }
    sleep rand 0.15;
    if ($round == 1) {
        my (undef, $second) = run_load('-i', 'id', '--resume', $big, 'killed');
        like($second, qr/this import is being run by another session|already in/, 'two loads of one file do not mix');
    }
    $run->kill_kill(grace => 0);
    $kills++ if $log !~ /loaded/;
    # The server notices when it writes or reads next.
    $node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'vecstore-load'");
    my $there = sql('SELECT count(*) FROM killed');
    ok($there % 500 == 0, "killed after $there rows: whole batches");
    is($there, sql("SELECT rows_done FROM vecstore_import_progress WHERE target = 'public.killed' ORDER BY import_id DESC LIMIT 1"), 'as the state says');
    last if $there >= $rows - 1000;
}
cmp_ok($kills, '>=', 1, "killed $kills times");
loads('the last one ends', qr/verified|already in/, '-i', 'id', '--batch-size', 500, '--resume', $big, 'killed');
is(sql("SELECT $digest FROM killed"), sql("SELECT $digest FROM whole"), 'the table equals the file');
loads('once complete, it stays so', qr/already in public\.killed: nothing to load/, '-i', 'id', '--resume', $big, 'killed');
write_file('big.npy', npy($rows, 32, \(pack('f<*', map { cos $_ } 1 .. 32 * 1000) x ($rows / 1000))));
sql("UPDATE vecstore_import_state SET status = 'loading' WHERE target = 'public.killed'");
fails('another file of the same name', qr/cannot resume: .*is not what the earlier load read/, '-i', 'id', '--resume', $big, 'killed');

# ------------------------------------------------------------------------------------------------- the progress bar

SKIP: {
    skip "no $python", 2 if system("$python -c 'import pty' 2>/dev/null") != 0;
    sql('TRUNCATE whole; CREATE TRIGGER slow BEFORE INSERT ON whole FOR EACH ROW WHEN (NEW.id % 100 = 0) EXECUTE FUNCTION slow()');
    my $script = 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)';
    my ($out, $err) = ('', '');
    IPC::Run::run([ $python, '-c', $script, $program, '-d', $node->connstr('postgres'), '-i', 'id', $big, 'whole' ], '<', \undef, '>', \$out, '2>', \$err);
    like($out, qr/\r\[#+ +\] \d+ of $rows rows \(\d+%\), \d+ rows\/s, about [\d:]+ (s|min) left/, 'a bar on a terminal, with rate and time left');
    like($out, qr/\r\[#+\] $rows of $rows rows \(100%\)/, 'up to its end');
}

done_testing();
