# Nothing gets lost on the way in without a message: metadata of every shape, folders that are not whole, files that only
# stand for others, collections of one name, ids that come twice, tables that are made for rows that do not come. Columns that
# are reported as verified were compared.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $python = $ENV{PYTHON} // '/usr/bin/python3';
my $node = new_node('losses');
my $folder = PostgreSQL::Test::Utils::tempdir();
chmod 0755, $folder;

sub sql { return $node->safe_psql('postgres', $_[0]) }

sub copy_of { my ($name, $source) = @_; return copy_folder($source, "$folder/$name") }
sub there_is { return sql("SELECT to_regclass('$_[0]') IS NOT NULL") eq 't' }

my $pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" . '0' x 64 . "\nsize 407515264\n";

SKIP: {
    skip 'Python has no numpy or no faiss', 1 if !defined make_stores($folder);
    stores("$folder/chroma new?%41#", "$folder/langchain v2 4");
}

sub stores {
    my ($chroma, $langchain) = @_;
    my ($segment) = grep { -d } glob '"' . $chroma . '/*-*"';

    # --- folders that are not whole
    my $n = 0;
    for my $lost ('data_level0.bin', 'index_metadata.pickle', 'header.bin', '.') {
        my $path = copy_of('part' . $n++, $chroma);
        for (grep { -d } glob qq("$path/*-*")) { $lost eq '.' ? system('rm', '-r', $_) : unlink "$_/$lost" }
        my $what = $lost eq '.' ? 'without its segments' : "without $lost";
        my $file = $lost eq '.' ? 'data_level0.bin' : $lost;
        like(answer($node, "CALL vecstore_import_store('gone', " . quoted($path) . ", 'purged')"), qr/ERROR: .*\Q$file\E/, "a folder $what: the file is named");
        ok(!there_is('gone'), "a folder $what: no table");
        like(answer($node, "SELECT count(*) FROM vecstore_read_chroma(" . quoted($path) . ", 'queue only')"), qr/^7\d$/, "a folder $what: what is in the queue can be read");
    }

    # --- files that stand for others
    for my $file ('chroma.sqlite3', map { s{^\Q$chroma\E/}{}r } grep { -f } glob qq("$segment/{data_level0.bin,index_metadata.pickle,header.bin,length.bin}")) {
        my $path = copy_of('pointer' . $n++, $chroma);
        write_bytes("$path/$file", $pointer);
        my @answers = map { answer($node, "SELECT count(*) FROM vecstore_read_chroma(" . quoted($path) . ", '$_')") } 'persisted', 'purged';
        like(join('', @answers), qr/ERROR: .*\Q$file\E.*Git LFS pointer/, "a pointer for $file");
    }
    for my $file ('index.pkl', 'index.faiss') {
        my $path = copy_of('pointer' . $n++, $langchain);
        write_bytes("$path/$file", $pointer);
        like(answer($node, 'SELECT count(*) FROM vecstore_read_langchain(' . quoted($path) . ')'), qr/ERROR: .*\Q$file\E.*Git LFS pointer/, "a pointer for $file");
    }

    # --- half a folder of LangChain
    my $alone = copy_of('alone', $langchain);
    unlink "$alone/index.pkl";
    like(answer($node, "CALL vecstore_import_store('gone', " . quoted($alone) . ')'), qr/ERROR: .*index\.faiss, but not index\.pkl.*HINT: .*vecstore_import/s, 'index.faiss alone: who reads it');
    my $texts = copy_of('texts', $langchain);
    unlink "$texts/index.faiss";
    like(answer($node, "CALL vecstore_import_store('gone', " . quoted($texts) . ')'), qr/ERROR: .*index\.pkl, but not index\.faiss/, 'index.pkl alone');

    # --- collections of one name, and all at once
    my $twins = copy_of('twins', $chroma);
    change_sqlite("$twins/chroma.sqlite3", "UPDATE collections SET name = 'twin' WHERE name IN ('persisted', 'queue only')");
    my ($first, $second) = split /\n/, sql('SELECT details->>\'collection_id\' FROM vecstore_inspect_store(' . quoted($twins) . ") WHERE collection = 'twin' ORDER BY dims");
    like(answer($node, "CALL vecstore_import_store('one', " . quoted($twins) . ", 'twin')"), qr/ERROR: .*2 collections named "twin"\nHINT: .*$first|$second/, 'two collections of one name');
    like(answer($node, "CALL vecstore_import_store('one', " . quoted($twins) . ", '$first', \"column\" => 'v')"), qr/imported 7\d rows/, 'one of them by its id');
    sql('TRUNCATE one; ALTER TABLE one ALTER v TYPE vector');
    like(answer($node, "CALL vecstore_import_store('one', " . quoted($twins) . ", '$second', \"column\" => 'v', resume => true)"), qr/imported 7\d rows/, 'the other one is not taken for it');
    my $all = 'vecstore_inspect_store(' . quoted($chroma) . ') s, vecstore_read_chroma(' . quoted($chroma) . ", s.details->>'collection_id') r";
    is(sql("SELECT count(*), count(DISTINCT s.collection), sum(vector_dims(r.embedding)) > 0 FROM $all"),
        sql('SELECT sum(rows), count(*) FILTER (WHERE rows > 0), true FROM vecstore_inspect_store(' . quoted($chroma) . ')'), 'all collections in one statement');

    # --- metadata that nobody knows
    my $later = copy_of('later', $chroma);
    change_sqlite("$later/chroma.sqlite3", "CREATE TABLE embedding_metadata_maps (id INTEGER, key TEXT, value TEXT); INSERT INTO embedding_metadata_maps SELECT id, 'k', 'v' FROM embeddings");
    like(answer($node, "CALL vecstore_import_store('later', " . quoted($later) . ", 'persisted')"), qr/embedding_metadata_maps.*is not read/, 'a table of metadata of a later release is told of');

    # --- columns that are reported as verified were compared
    for my $column ('document', 'metadata', 'id') {
        sql("CREATE TABLE changed (id text PRIMARY KEY, document text, metadata jsonb, embedding vector(12));
             CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.$column IS NOT NULL AND random() >= 0 THEN NEW.$column := "
              . ($column eq 'metadata' ? q(''{"k": 1}'') : "NEW.$column || ''x''") . "; END IF; RETURN NEW; END';
             CREATE TRIGGER change BEFORE INSERT ON changed FOR EACH ROW EXECUTE FUNCTION change()");
        like(answer($node, "CALL vecstore_import_store('changed', " . quoted($langchain) . ')'), qr/ERROR: .*does not hold what was read.*\nDETAIL: +All 40 rows are there, but their content differs/, "a trigger that changes $column is noticed");
        sql('DROP TABLE changed; DROP FUNCTION change()');
    }
    sql('CREATE TABLE spaced (id text, document char(500), metadata json, embedding vector(12))');
    like(answer($node, "CALL vecstore_import_store('spaced', " . quoted($langchain) . ')'), qr/imported 40 rows .*count and content verified, but for "document", "metadata"/, 'what is not compared is said');

    # --- a table is made with its first rows, or not at all
    sql("CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN
           IF (SELECT count(*) FROM pg_event_trigger_ddl_commands() WHERE object_type = ''table'' AND object_identity LIKE ''%made%'') > 0 THEN
             EXECUTE (SELECT ''ALTER TABLE '' || object_identity || '' ADD CHECK (id <> ''''id33'''')'' FROM pg_event_trigger_ddl_commands() WHERE object_type = ''table''); END IF; END';
         CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION refuse()");
    like(answer($node, "CALL vecstore_import_store('made', " . quoted($chroma) . ", 'queue only')"), qr/ERROR: .*violates check constraint/, 'a row that cannot be, in the first batch');
    ok(!there_is('made'), 'no table is left');
    is(sql("SELECT count(*) FROM vecstore_import_progress WHERE target LIKE '%made%'"), 0, 'nor a trace in the view');
    like(answer($node, "CALL vecstore_import_store('made', " . quoted($chroma) . ", 'queue only', batch_size => 20)"), qr/ERROR: .*violates check constraint/, 'in a later one');
    is(sql('SELECT count(*) FROM made'), 20, 'what was committed is there');
    sql('DROP EVENT TRIGGER refuse');
    return;
}

# --- vectors with metadata beside them
my $vectors = write_bytes("$folder/three.npy", npy(3, 2, 1, 2, 3, 4, 5, 6));
my %shapes = (strings => '["text one", "text two", "text three"]', numbers => '[1, 2, 3]', arrays => '[["a", {"x": 1}], ["b", {}], ["c", null]]',
    mixed => '[{"a": 1}, "b", {"a": 2}]');
for my $shape (sort keys %shapes) {
    my $json = write_bytes("$folder/$shape.json", $shapes{$shape});
    my $call = "CALL vecstore_import('$shape', '$vectors', create_table => true, metadata => '$json'";
    like(answer($node, "$call)"), qr/ERROR: .*not all objects.*HINT: .*metadata_column/s, "metadata of $shape: nothing is dropped in silence");
    ok(!there_is($shape), "metadata of $shape: no table");
    like(answer($node, "$call, metadata_column => 'meta')"), qr/imported 3 vectors .*count and content verified/, "metadata of $shape: in one column");
    is(sql("SELECT jsonb_agg(meta ORDER BY id) = " . quoted($shapes{$shape}) . "::jsonb FROM $shape"), 't', "metadata of $shape: whole");
}
write_bytes("$folder/pointer.json", $pointer);
like(answer($node, "CALL vecstore_import('p', '$vectors', create_table => true, metadata => '$folder/pointer.json')"), qr/ERROR: .*Git LFS pointer/, 'metadata that are a pointer');

SKIP: {
    skip "$python has no numpy", 1 if system("$python -c 'import numpy' 2>/dev/null") != 0;
    system($python, '-c', 'import numpy as np, sys; np.savez(sys.argv[1], embeddings=np.ones((3, 2), "f4"), texts=np.array(["a", "b", "c"]))', "$folder/texts.npz") == 0 or die;
    like(answer($node, "CALL vecstore_import('npz', '$folder/texts.npz', create_table => true)"), qr/only "embeddings" is read; left out: "texts".*imported 3/s, 'members of an archive that are not read are named');
}

# --- a table is made with its first rows, or not at all
my $bad = write_bytes("$folder/bad.npy", npy(3, 2, 1, 2, 3, 'nan', 5, 6));
like(answer($node, "CALL vecstore_import('nan', '$bad', create_table => true)"), qr/ERROR: .*NaN/, 'a row with NaN');
ok(!there_is('nan'), 'leaves no table behind');
like(answer($node, "CALL vecstore_import('nan', '$bad', create_table => true, batch_size => 1)"), qr/ERROR: .*NaN/, 'in the second batch');
is(sql('SELECT count(*) FROM nan'), 1, 'the first is there');
like(answer($node, "CALL vecstore_import('nan', '$bad', create_table => true, resume => true, skip_not_finite => true)"), qr/imported 1 vectors/, 'and can be gone on from');

# --- ids that come twice
my $twice = write_bytes("$folder/twice.json", '[{"id": 1}, {"id": 2}, {"id": 1}]');
for ([ 'skip', 'first', '[1,2]' ], [ 'update', 'last', '[5,6]' ]) {
    my ($how, $which, $vector) = @$_;
    for my $batch (1, 10) {
        sql("DROP TABLE IF EXISTS twice; CREATE TABLE twice (id int PRIMARY KEY, v vector(2)); INSERT INTO twice VALUES (2, '[0,0]')");
        my $answer = answer($node, "CALL vecstore_import('twice', '$vectors', metadata => '$twice', id_column => 'id', ids => 'metadata', on_conflict => '$how', batch_size => $batch)");
        like($answer, qr/left out: 1 vectors whose id another vector of the file has\nDETAIL: +Of those with the same id, the $which one/, "$how, batches of $batch: ids that come twice are told of");
        like($answer, qr/0 with NaN or infinity, 1 whose rows were there already/, "$how, batches of $batch: and not taken for rows that were there") if $how eq 'skip';
        is(sql('SELECT v FROM twice WHERE id = 1'), $vector, "$how, batches of $batch: the $which one is there");
    }
}

# --- an index that cannot be is told of before the rows come
sql('CREATE TABLE reals (id bigint, v real[]); CREATE TABLE free (id bigint, v vector); CREATE TABLE wrong (id bigint, v vector(2))');
for ([ 'reals', qr/no such column of type vector/ ], [ 'free', qr/has no dimensions/ ]) {
    my ($table, $error) = @$_;
    like(answer($node, "CALL vecstore_import('$table', '$vectors', \"column\" => 'v', create_index => true)"), qr/ERROR: .*$error/, "$table: no index is possible");
    is(sql("SELECT count(*) FROM $table"), 0, "$table: no rows");
}
like(answer($node, "CALL vecstore_import('wrong', '$vectors', create_index => true, index_opclass => 'halfvec_l2_ops')"), qr/ERROR: .*does not accept data type/, 'an operator class of another type');
is(sql('SELECT count(*) FROM wrong'), 0, 'no rows');

# --- tables of Citus: its metadata are all that is asked
sql("SET allow_system_table_mods = on; CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass); CREATE TABLE spread (id bigint, v vector(2));
     INSERT INTO pg_catalog.pg_dist_partition VALUES ('spread')");
like(answer($node, "CALL vecstore_import('spread', '$vectors')"), qr/ERROR: .*cannot fill "spread", a table of Citus\nHINT: .*vecstore-load/, 'a distributed table is refused');
like(answer($node, "CALL vecstore_import('wrong', '$vectors')"), qr/imported 3 vectors/, 'others are not');
sql('SET allow_system_table_mods = on; DROP TABLE pg_catalog.pg_dist_partition');

$node->stop;
done_testing();
