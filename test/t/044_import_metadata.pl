# Metadata beside vectors, tables that the import makes, ids, conflicts, dry runs; and kill -9 at random moments of an
# import with metadata: resumed each time, the table ends equal to the files.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $node = new_node('metadata', 'max_wal_size = 2GB', 'restart_after_crash = on');
my $folder = PostgreSQL::Test::Utils::tempdir();
chmod 0755, $folder;

sub sql { return $node->safe_psql('postgres', $_[0]) }
sub attempt { my ($sql) = @_; my ($status, $out, $err) = $node->psql('postgres', $sql); return $err }

sub write_file { my ($name, $content) = @_; return write_bytes("$folder/$name", $content) }

sub bring { my ($table, $more) = @_; return attempt("CALL vecstore_import('$table', '$folder/v.npy'$more)") }

my $rows = 60;
write_file('v.npy', npy($rows, 4, map { sin $_ } 1 .. $rows * 4));
sub record {
    my ($i) = @_;
    my $maybe = $i % 3 ? 'null' : '"x"';
    my $ok = $i % 2 ? 'true' : 'false';
    return qq~{"chunk_hash": "h$i", "text": "line one\\nline \\"$i\\" \xc3\xa4 \\u00e4", "file_path": "/src/$i.py", "start_offset": $i,~
      . qq~ "score": $i.25, "ok": $ok, "tags": ["a,b", "t$i", null], "nested": {"k": [$i, 12345678901234567890]}, "maybe": $maybe}~;
}
my @records = map { record($_) } 0 .. $rows - 1;
my %files = (
    array => write_file('array.json', '[' . join(",\n", @records) . ']'),
    lines => write_file('lines.jsonl', join("\n", @records) . "\n"),
    within => write_file('within.json', '{"model": "m", "chunks": [' . join(', ', @records) . '], "dims": [4]}'),
);
my @names = qw(chunk_hash text file_path start_offset score ok tags nested maybe);
{
    my @parts;
    for my $name (@names) {
        push @parts, qq~"$name": [~ . join(', ', map { $_ =~ /"$name": (\[.*?\]|\{.*?\]\}|"(?:[^"\\]|\\.)*"|[^,}]+)/ or die $name; $1 } @records) . ']';
    }
    $files{columns} = write_file('columns.json', '{' . join(', ', @parts) . ', "version": 3}');
}

# the reference: Postgres's own JSON
sql("CREATE TABLE reference AS SELECT n - 1 AS id, r.* FROM jsonb_array_elements(pg_read_file('$files{array}')::jsonb) WITH ORDINALITY e(j, n),
     jsonb_to_record(j) r(chunk_hash text, text text, file_path text, start_offset bigint, score float8, ok boolean, tags jsonb, nested jsonb, maybe text)");
my $all = join ', ', @names;

for my $layout (sort keys %files) {
    my $err = bring("t_$layout", ", metadata => '$files{$layout}', create_table => true, batch_size => 7");
    like($err, qr/imported $rows vectors of 4 dimensions.*count and content verified/, "$layout: imported into a new table");
    is(sql("SELECT count(*) FROM (SELECT id, $all FROM t_$layout INTERSECT SELECT id, $all FROM reference) x"), $rows, "$layout: all fields of all rows");
    is(sql("SELECT count(*) FROM t_$layout t JOIN vecstore_read_npy('$folder/v.npy') r USING (id) WHERE t.embedding = r.embedding"), $rows, "$layout: beside their vectors");
    is(sql("SELECT string_agg(format_type(atttypid, atttypmod), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 't_$layout'::regclass AND attnum > 0"),
        'bigint,vector(4),text,text,text,bigint,double precision,boolean,jsonb,jsonb,text', "$layout: types that fit");
    bring("w_$layout", ", metadata => '$files{$layout}', create_table => true, metadata_column => 'metadata'");
    is(sql("SELECT count(*) FROM w_$layout w JOIN reference r USING (id) WHERE w.metadata = to_jsonb(r) - 'id'"), $rows, "$layout: whole records in one column");
}
like(bring('t_within', ", metadata => '$files{within}', dry_run => true"), qr/these fields are left out: "model", "dims"/, 'what is left out is said');

# columns of other types, in an existing table
sql('CREATE DOMAIN source_path AS text CHECK (VALUE LIKE \'/%\'); CREATE TABLE typed (chunk_hash varchar(5), tags text[], start_offset smallint, score numeric(5,1),
     nested json, file_path source_path, ok text, embedding halfvec(4), made int DEFAULT 7, n serial)');
my $err = bring('typed', ", metadata => '$files{lines}'");
like($err, qr/left out: "text", "maybe"/, 'fields without a column');
like($err, qr/count and content verified/, 'halfvec, arrays, domains, json: verified');
is(sql("SELECT count(*) FROM typed t JOIN reference r USING (chunk_hash) WHERE to_jsonb(t.tags) = r.tags AND t.start_offset = r.start_offset
        AND t.score = round(r.score::numeric, 1) AND t.nested::jsonb = r.nested AND t.file_path = r.file_path AND t.ok::bool = r.ok AND made = 7"), $rows, 'with the values');
sql('ALTER TABLE typed ALTER start_offset TYPE inet USING NULL');
like(bring('typed', ", metadata => '$files{lines}'"), qr/ERROR:.*invalid input syntax for type inet.*record 0 of the metadata in file/s, 'a value that does not fit: the record is named');

# content is verified with the metadata
sql(q{CREATE TABLE spoilt (LIKE t_array); CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = 5 THEN NEW.text = ''other''; END IF; RETURN NEW; END';
      CREATE TRIGGER spoil BEFORE INSERT ON spoilt FOR EACH ROW EXECUTE FUNCTION spoil()});
like(bring('spoilt', ", id_column => 'id', metadata => '$files{array}'"), qr/ERROR:.*does not hold what was read.*their content differs/s, 'a changed text is noticed');

# ids
bring('by_hash', ", metadata => '$files{array}', create_table => true, id_column => 'chunk_hash'");
is(sql('SELECT count(*) FROM by_hash b JOIN reference r USING (chunk_hash, text)'), $rows, 'ids of the metadata, into the column of that name');
bring('by_key', ", metadata => '$files{columns}', create_table => true, ids => 'metadata.chunk_hash', metadata_column => 'm'");
is(sql("SELECT count(*) FROM by_key WHERE id = m->>'chunk_hash'"), $rows, 'into another');
like(bring('by_key', ", metadata => '$files{array}', id_column => 'id', ids => 'metadata.nothing'"), qr/has no field "nothing"/, 'a field that does not exist');
like(bring('by_key', ", id_column => 'id', ids => 'file'"), qr/holds no ids/, 'ids that the file does not have');
like(bring('by_key', ", ids => 'x'"), qr/ids cannot be "x"/, 'no such origin of ids');

# Where rows are in an order of their own, the record of a row is that of its id: an hnswlib index of labels 2, 0, 1.
write_file('labels.bin', pack('Q<6l<VQ<3d<Q<', 0, 3, 3, 12 + 8 + 8, 20, 12, 0, 0, 2, 2, 2, 1, 10)
      . join('', map { pack('V3f<2Q<', 0, 0, 0, $_, $_ ? -$_ : 0, $_) } 2, 0, 1) . pack('V3', 0, 0, 0));
write_file('labels.json', '[{"n": 0}, {"n": 1}, {"n": 2}]');
attempt("CALL vecstore_import('labeled', '$folder/labels.bin', metadata => '$folder/labels.json', create_table => true)");
is(sql("SELECT string_agg(id || ':' || n || ':' || embedding, ' ' ORDER BY id) FROM labeled"), '0:0:[0,0] 1:1:[1,-1] 2:2:[2,-2]', 'metadata by label');
write_file('few.json', '[{"n": 0}, {"n": 1}]');
like(attempt("CALL vecstore_import('labeled', '$folder/labels.bin', metadata => '$folder/few.json', id_column => 'id')"), qr/has no record 2/, 'a label without a record');
# There may be more records than vectors, in arrays too; but not more in one array than in another.
write_file('arrays.json', '{"n": [0, 10, 20, 30], "w": ["a", "b", "c", "d"]}');
attempt("CALL vecstore_import('more', '$folder/labels.bin', metadata => '$folder/arrays.json', create_table => true)");
is(sql("SELECT string_agg(id || ':' || n || ':' || w, ' ' ORDER BY id) FROM more"), '0:0:a 1:10:b 2:20:c', 'arrays by label');
write_file('lengths.json', '{"n": [0, 10, 20, 30], "w": ["a", "b"]}');
like(attempt("CALL vecstore_import('lengths', '$folder/labels.bin', metadata => '$folder/lengths.json', create_table => true, metadata_column => 'm')"),
    qr/ERROR: .*lengths.json" has arrays of different lengths/, 'arrays of different lengths');

# conflicts
like(bring('t_array', ", id_column => 'id'"), qr/ERROR:.*duplicate key/, 'on_conflict => error');
sql("DELETE FROM t_array WHERE id < 10; UPDATE t_array SET text = 'mine', embedding = '[0,0,0,0]' WHERE id >= 50");
$err = bring('t_array', ", id_column => 'id', metadata => '$files{array}', on_conflict => 'skip', batch_size => 9");
like($err, qr/imported 10 vectors.*count and content verified.*50 whose rows were there already/s, 'skip: what is missing comes in');
is(sql("SELECT count(*), count(*) FILTER (WHERE text = 'mine') FROM t_array"), "$rows|10", 'skip: the others stay');
$err = bring('t_array', ", id_column => 'id', metadata => '$files{array}', on_conflict => 'update', batch_size => 9");
like($err, qr/imported $rows vectors.*count and content verified/, 'update');
is(sql("SELECT count(*) FROM (SELECT id, $all FROM t_array INTERSECT SELECT id, $all FROM reference) x"), $rows, 'update: all as in the file');
# One id many times: the last one counts, within a batch and over batches.
write_file('same.json', '[' . join(', ', map { sprintf '{"k": %d, "n": %d}', $_ % 5, $_ } 0 .. $rows - 1) . ']');
sql('CREATE TABLE same (k int PRIMARY KEY, n int, embedding vector)');
like(bring('same', ", id_column => 'k', metadata => '$folder/same.json', on_conflict => 'update', batch_size => 13"), qr/count and content verified/, 'ids that come again');
is(sql('SELECT string_agg(n::text, \',\' ORDER BY k) FROM same'), '55,56,57,58,59', 'the last one counts');
like(bring('same', ", on_conflict => 'update'"), qr/needs an argument that is missing: id_column/, 'update needs ids');

# dry runs, and calls that are refused
$err = bring('dry', ", metadata => '$files{array}', create_table => true, dry_run => true");
like($err, qr/dry run: $rows vectors.*CREATE TABLE dry \(id bigint PRIMARY KEY, embedding public.vector\(4\), chunk_hash pg_catalog\.text/s, 'a dry run says what it would do');
is(sql("SELECT to_regclass('dry') IS NULL, (SELECT count(*) FROM vecstore_import_state WHERE target = 'public.dry')"), 't|0', 'and does nothing');
like(bring('dry', ''), qr/ERROR:.*relation "dry" does not exist.*create_table/s, 'no table is made unasked');
write_file('short.json', '[' . join(',', @records[ 1 .. $rows - 1 ]) . ']');
like(bring('t_array', ", metadata => '$folder/short.json'"), qr/metadata of 59 rows, but .* has 60 vectors/, 'one record too few');
write_file('cut.json', substr(slurp_file($files{array}), 0, -20));
like(bring('t_array', ", metadata => '$folder/cut.json'"), qr/invalid data in file .*cut.json" at byte \d+: the file ends/, 'a file that is cut off');
write_file('zero.json', slurp_file($files{array}) =~ s/"h40"/"h\\u0000"/r);
sql('CREATE TABLE zero (chunk_hash text, embedding vector(4))');
like(bring('zero', ", metadata => '$folder/zero.json', batch_size => 10"), qr/ERROR:.*record 40 of the metadata.*40 of 60 rows are committed/s, 'JSON that Postgres refuses');
for my $type ('vector', 'halfvec') {
    bring("as_$type", ", create_table => true, vector_type => '$type'");
    is(sql("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'as_$type'::regclass AND attname = 'embedding'"), "$type(4)", "vector_type => $type");
}
like(bring('as_bit', ", create_table => true, vector_type => 'bit'"), qr/is not a bit/, 'numbers are not made bits');

# the state: progress, with a rate
is(sql("SELECT rows_done, rows_total, percent, rows_written, rows_per_second > 0, status FROM vecstore_import_progress WHERE target = 'public.same'"),
    '60|60|100.0|5|t|complete', 'vecstore_import_progress');

# ------------------------------------------------------------------------------------------- kill -9, ten times

my $many = 6000;
write_file('v.npy', npy($many, 8, map { sin $_ } 1 .. $many * 8));
write_file('many.jsonl', join "\n", map { sprintf '{"id": %d, "text": "text of %d"}', $_ * 3, $_ } 0 .. $many - 1);
for my $mode ('error', 'skip', 'update') {
    sql("CREATE TABLE slow_$mode (id bigint PRIMARY KEY, text text, embedding vector(8))");
    sql(q{CREATE OR REPLACE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.0003); RETURN NEW; END'});
    sql("CREATE TRIGGER dawdle BEFORE INSERT ON slow_$mode FOR EACH ROW EXECUTE FUNCTION dawdle()");
    my $call = "CALL vecstore_import('slow_$mode', '$folder/v.npy', id_column => 'id', metadata => '$folder/many.jsonl', batch_size => 150, resume => true, on_conflict => '$mode')";
    my ($stopped, $kills) = (0, $mode eq 'error' ? 10 : 3);
    for my $kill (1 .. $kills) {
        my ($out, $errors) = ('', '');
        my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SELECT pg_backend_pid()', '-c', $call ], '<', \undef, '>', \$out, '2>', \$errors);
        $run->pump until $out =~ /(\d+)\n/;
        my $pid = $1;
        # Every other time only when this run has committed something; at a random moment in any case.
        my $done = "SELECT coalesce(max(rows_done), 0) FROM vecstore_import_progress WHERE target = 'public.slow_$mode'";
        if ($kill % 2) {
            my $before = sql($done);
            for (1 .. 200) { last if ask_quietly($node, $done) > $before || ask_quietly($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid") == 0 }
        }
        select undef, undef, undef, rand 0.15;
        kill_backend($node, $pid);
        eval { $run->finish };
        my $count = sql("SELECT count(*) FROM slow_$mode");
        is(sql("SELECT coalesce(max(rows_written), 0) FROM vecstore_import_progress WHERE target = 'public.slow_$mode'"), $count, "$mode, kill $kill: the state says the $count rows of the table");
        $stopped++ if $count > 0 && $count < $many;
    }
    cmp_ok($stopped, '>', 0, "$mode: some kills came in the middle ($stopped)");
    like(attempt($call), qr/count and content verified|nothing to import/, "$mode: the last resumption finishes");
    is(sql("SELECT count(*), count(*) FILTER (WHERE t.text = 'text of ' || r.id AND t.embedding = r.embedding) FROM slow_$mode t FULL JOIN vecstore_read_npy('$folder/v.npy') r ON t.id = 3 * r.id"),
        "$many|$many", "$mode: the table is equal to the files");
}
write_file('many.jsonl', slurp_file("$folder/many.jsonl") =~ s/text of 5999/text of 599x/r);
sql("UPDATE vecstore_import_state SET status = 'loading' WHERE target = 'public.slow_error'");
like(attempt("CALL vecstore_import('slow_error', '$folder/v.npy', id_column => 'id', metadata => '$folder/many.jsonl', resume => true)"),
    qr/cannot resume: .*with its metadata is not the file/, 'changed metadata are not resumed');

done_testing();
