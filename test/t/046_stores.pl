# Stores with documents: LangChain's FAISS folders and Chroma's come in row for row; hostile and damaged ones give one
# error each, and nothing in a pickle is ever executed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

my $node = new_node('stores');
my $folder = PostgreSQL::Test::Utils::tempdir();
chmod 0755, $folder;

sub sql { return $node->safe_psql('postgres', $_[0]) }

# How many of the expected rows a FROM item gives, in their order (a table has none: by their ids); and how many rows
# there are on either side.
sub compare {
    my ($from, $expected) = @_;
    my $is_table = $from =~ /^\w+$/;
    my $e = 'jsonb_array_elements(pg_read_file(' . quoted($expected) . ')::jsonb) WITH ORDINALITY e(j, n)';
    return sql("SELECT count(*) FILTER (WHERE r.id = e.j->>'id' AND r.document IS NOT DISTINCT FROM e.j->>'document'
          AND r.metadata IS NOT DISTINCT FROM nullif(e.j->'metadata', 'null')
          AND vector_send(r.embedding) IS NOT DISTINCT FROM vector_send(decode(e.j->>'vector', 'hex')::vector)) || ' of ' || count(*)
        FROM (SELECT row_number() OVER () AS n, s.* FROM $from s) r FULL JOIN $e ON "
          . ($is_table ? "r.id = e.j->>'id'" : 'r.n = e.n'));
}

# ------------------------------------------------------------------------------- files as the real programs make them

SKIP: {
    my $made = make_stores($folder);
    skip 'Python has no numpy or no faiss', 1 if !defined $made;
    my @stores = split /\n/, $made;
    cmp_ok(scalar @stores, '>=', 40, 'stores to read');
    for (@stores) {
        my ($kind, $path, $collection, $expected) = split /\t/;
        my ($name) = $path =~ m{([^/]+)$};
        $name .= " ($collection)" if $collection ne '-';
        my $rows = sql('SELECT jsonb_array_length(pg_read_file(' . quoted($expected) . ')::jsonb)');
        my $option = $collection eq '-' ? '' : ", collection => " . quoted($collection);
        is(compare("vecstore_read_$kind(" . quoted($path) . "$option)", $expected), "$rows of $rows", "$name: read equal");
        sql('DROP TABLE IF EXISTS t');
        my $call = "CALL vecstore_import_store('t', " . quoted($path) . "$option, batch_size => 7)";
        like(answer($node, $call), qr/created table public\.t.*imported $rows rows .*count and content verified/s, "$name: imported and verified");
        is(compare('t', $expected), "$rows of $rows", "$name: in the table");
        is(sql('SELECT count(*) FROM vecstore_inspect_store(' . quoted($path) . ") WHERE kind = '$kind' AND rows = $rows AND coalesce(collection, '-') = " . quoted($collection)),
            1, "$name: inspected");
    }
    stores_in_use();
    stores_interrupted();
}

# Signals that end nothing do not end a read, and those that do are told of as everywhere.
sub stores_interrupted {
    my $long = "$folder/chroma long";
    copy_folder("$folder/chroma single", $long);
    change_sqlite("$long/chroma.sqlite3", 'CREATE TABLE e AS SELECT * FROM embeddings; DROP TABLE embeddings;
        ALTER TABLE e RENAME TO embeddings;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500000)
        INSERT INTO embeddings (id, segment_id) SELECT i + 1000000, 0 FROM n');
    my $read = 'SELECT count(*) FROM vecstore_read_chroma(' . quoted($long) . ')';
    my ($out, $err) = ('', '');
    my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SELECT pg_backend_pid()', '-c', "$read; $read" ], '<', \undef, '>', \$out, '2>', \$err);
    $run->pump until $out =~ /(\d+)\n/;
    my $sent = sql("DO \$\$ BEGIN FOR i IN 1 .. 200 LOOP PERFORM pg_log_backend_memory_contexts($1); PERFORM pg_sleep(0.002); END LOOP; END \$\$; SELECT 'sent'");
    $run->finish;
    is($err, '', 'a read goes on after interrupts');
    like($out, qr/\n79\n79\n$/, 'to its end');
    like(answer($node, "\\set VERBOSITY verbose\nSET statement_timeout = 40; $read"), qr/57014: canceling statement due to statement timeout/, 'a timeout is told of as one');
    return;
}

# Stores are read, imported and resumed, and refused to those who may not.
sub stores_in_use {
    my $lc = quoted("$folder/langchain v2 4");
    my $chroma = quoted("$folder/chroma new?%41#");
    like(answer($node, "SELECT * FROM vecstore_read_langchain($lc)"), qr/NOTICE: +4 texts were changed so that PostgreSQL can store them/, 'U+0000 is left out, and said');
    like(answer($node, "SELECT * FROM vecstore_inspect($lc)"), qr/ERROR: .*is a directory\nHINT: .*vecstore_inspect_store/, 'vecstore_inspect knows who can help');
    like(answer($node, "SELECT * FROM vecstore_read_chroma($chroma)"),
        qr/ERROR: .* has 4 collections\nHINT: .*collection => .*"empty", "persisted", "purged", "queue only"/, 'several collections: which one?');
    like(answer($node, "SELECT * FROM vecstore_read_chroma($chroma, 'none')"), qr/ERROR: .*has no collection "none"\nHINT: +It has: "empty"/, 'a collection that is not there');
    is(sql("SELECT metric FROM vecstore_inspect_store($chroma) ORDER BY collection"), "inner_product\nl2\ncosine\nl2", 'their metrics');
    like(answer($node, "CALL vecstore_import_store('lossy', $chroma, 'purged')"), qr/holds approximations of the vectors/, 'persisted cosine vectors were divided by their length: said');
    is(sql("SELECT count(*) FROM vecstore_read_chroma(" . quoted("$folder/chroma single") . ")"), 79, 'one collection needs no name');

    # Into a table that is there: other names, types, defaults, left out columns.
    sql('CREATE TABLE mine (n serial, key varchar(50) UNIQUE, meta jsonb, v vector(12), body text, at timestamptz DEFAULT now())');
    like(answer($node, "CALL vecstore_import_store('mine', $lc, id_column => 'key', document_column => 'body', metadata_column => NULL, \"column\" => 'v')"),
        qr/imported 40 rows .*verified/s, 'columns of other names');
    is(sql('SELECT count(*), count(body), count(meta), count(at), max(n) FROM mine'), '40|39|0|40|40', 'what they hold');
    my $again = "CALL vecstore_import_store('mine', $lc, id_column => 'key', document_column => 'body', metadata_column => 'meta', \"column\" => 'v'";
    like(answer($node, "$again)"), qr/ERROR: +duplicate key value/, 'the same ids again');
    like(answer($node, "$again, on_conflict => 'skip')"), qr/imported 0 rows .*40 more rows were in the table already/s, 'skipped');
    like(answer($node, "$again, on_conflict => 'update')"), qr/imported 40 rows/, 'or updated');
    is(sql('SELECT count(*), count(meta) FROM mine'), '40|39', 'with what was left out before');
    like(answer($node, "$again, on_conflict => 'replace')"), qr/ERROR: +on_conflict cannot be "replace"/, 'no other choice');
    like(answer($node, "CALL vecstore_import_store('mine', $lc, \"column\" => 'body')"), qr/ERROR: +column "body" is of type text/, 'a column that holds no vectors');
    like(answer($node, "BEGIN; CALL vecstore_import_store('mine', $lc)"), qr/cannot run inside a transaction block/, 'batches need their own transactions');

    # An import that stops goes on where it stopped.
    sql("CREATE TABLE r (id text PRIMARY KEY, document text, metadata jsonb, embedding vector(12));
         CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF (SELECT count(*) FROM r) >= 25 THEN RAISE ''stop''; END IF; RETURN NEW; END';
         CREATE TRIGGER stop BEFORE INSERT ON r FOR EACH ROW EXECUTE FUNCTION stop()");
    like(answer($node, "CALL vecstore_import_store('r', $lc, batch_size => 10)"), qr/ERROR: +stop/, 'an import that fails');
    is(sql('SELECT count(*) FROM r'), 20, 'keeps its batches');
    sql('DROP TRIGGER stop ON r');
    like(answer($node, "CALL vecstore_import_store('r', $lc, batch_size => 10, resume => true)"), qr/imported 20 rows .*verified/s, 'and is resumed');
    is(compare('r', "$folder/langchain v2 4.expected.json"), '40 of 40', 'to the end');
    like(answer($node, "CALL vecstore_import_store('r', $lc, resume => true)"), qr/already in public\.r: nothing to import/, 'once');
    is(sql("SELECT rows_done, status FROM vecstore_import_progress WHERE target = 'public.r'"), '40|complete', 'the view shows it');

    # Privileges
    sql('CREATE ROLE nofiles LOGIN; CREATE ROLE files LOGIN; GRANT pg_read_server_files TO files; CREATE TABLE theirs (LIKE r)');
    my $as = sub {
        my ($role, $statement) = @_;
        my (undef, undef, $err) = $node->psql('postgres', $statement, extra_params => [ '-U', $role ]);
        return $err;
    };
    for my $statement ("SELECT * FROM vecstore_read_langchain($lc)", "SELECT * FROM vecstore_read_chroma('/nowhere')",
        "SELECT * FROM vecstore_inspect_store($lc)", "CALL vecstore_import_store('theirs', $lc)") {
        like($as->('nofiles', $statement), qr/permission denied to read the server's files/, "without pg_read_server_files: $statement");
    }
    like($as->('files', "CALL vecstore_import_store('theirs', $lc)"), qr/permission denied for table theirs/, 'without INSERT');
    like($as->('files', "CALL vecstore_import_store('newtable', $lc)"), qr/permission denied for schema public/, 'without CREATE')
      if $node->pg_version >= 15;
    unlike($as->('files', "SELECT count(*) FROM vecstore_read_langchain($lc)"), qr/ERROR/, 'with it one may read');

    # Damaged ones: each one error, the backend lives.
    damaged();
    hostile("$folder/langchain v2 4/index.faiss");
}

sub copy_of { my ($name, $source) = @_; return copy_folder($source, "$folder/$name") }

my (@names, @statements);

sub must_fail {
    my ($name, $function, $path) = @_;
    push @names, $name;
    push @statements, "SELECT count(*) FROM $function(" . quoted($path) . ')';
}

# Runs all of them in one session: one error each, of a right kind.
sub check_failures {
    my $script = "\\set VERBOSITY verbose\n" . join('', map { "\\warn === $_\n$statements[$_];\n" } 0 .. $#statements) . "\\warn === end\nSELECT 'alive';\n";
    my ($out, $err) = ('', '');
    IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', '-' ], '<', \$script, '>', \$out, '2>', \$err);
    like($out, qr/\Aalive\n\z/, 'the backend lives, and no statement gave a row');
    my @answers = split /^=== \w+\n/m, $err;
    shift @answers;
    for my $i (0 .. $#names) {
        my @errors = $answers[$i] =~ /^psql:.*(?:ERROR|FATAL|PANIC): +(\w+)/mg;
        ok(@errors == 1 && $errors[0] =~ /^(22P04|0A000|54000|22023|58030|58P01|42809|22000)$/, "$names[$i]: one error") or diag($answers[$i]);
    }
    @names = @statements = ();
}

sub damaged {
    my $lc = "$folder/langchain v2 4";
    my $pickle = slurp_file("$lc/index.pkl");
    for my $cut (0, 1, 10, 1000, length($pickle) - 1) {
        write_bytes(copy_of("lc_cut$cut", $lc) . '/index.pkl', substr $pickle, 0, $cut);
        must_fail("a pickle of $cut bytes", 'vecstore_read_langchain', "$folder/lc_cut$cut");
    }
    unlink copy_of('lc_no_pickle', $lc) . '/index.pkl';
    must_fail('no pickle', 'vecstore_read_langchain', "$folder/lc_no_pickle");
    unlink copy_of('lc_no_index', $lc) . '/index.faiss';
    must_fail('no index', 'vecstore_read_langchain', "$folder/lc_no_index");
    must_fail('no folder', 'vecstore_read_langchain', "$folder/nowhere");
    must_fail('a file', 'vecstore_inspect_store', "$lc/index.pkl");
    must_fail('a folder that is no store', 'vecstore_inspect_store', $folder);

    my $chroma = "$folder/chroma single";
    my $database = slurp_file("$chroma/chroma.sqlite3");
    for my $cut (0, 100, 5000, length($database) / 2) {
        write_bytes(copy_of("ch_cut$cut", $chroma) . '/chroma.sqlite3', substr $database, 0, $cut);
        must_fail("a database of $cut bytes", 'vecstore_read_chroma', "$folder/ch_cut$cut");
    }
    my $zeros = $database;
    substr($zeros, 4096, 12000) = "\0" x 12000;
    write_bytes(copy_of('ch_zeros', $chroma) . '/chroma.sqlite3', $zeros);
    must_fail('a database with zeros in it', 'vecstore_read_chroma', "$folder/ch_zeros");
    my %changes = (
        'a view in place of a table' => 'ALTER TABLE embeddings RENAME TO e; CREATE VIEW embeddings AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i AS id FROM n',
        'no queue' => 'DROP TABLE embeddings_queue',
        'vectors cut short' => "UPDATE embeddings_queue SET vector = x'0011' WHERE id = 'id30'",
        'vectors of other dimensions' => "UPDATE embeddings_queue SET vector = zeroblob(12) WHERE id = 'id30'",
        'NaN' => "UPDATE embeddings_queue SET vector = x'0000c07f00000000000000000000000000000000' WHERE id = 'id30'",
        'an encoding' => "UPDATE embeddings_queue SET encoding = 'ZIP' WHERE id = 'id30'",
        'an operation' => "UPDATE embeddings_queue SET operation = 9 WHERE id = 'id30'",
        'no collection' => 'DELETE FROM collections');
    my $n = 0;
    for my $what (sort keys %changes) {
        my $path = copy_of('ch_' . $n++, $chroma);
        change_sqlite("$path/chroma.sqlite3", $changes{$what});
        must_fail($what, 'vecstore_read_chroma', $path);
    }
    write_bytes(copy_of('ch_journal', $chroma) . '/chroma.sqlite3-wal', 'x' x 100);
    must_fail('a database in use', 'vecstore_read_chroma', "$folder/ch_journal");
    check_failures();
}

# -------------------------------------------------------------------------------------------- pickles that attack

sub hostile {
    my ($index) = @_;
    my $marker = "$folder/executed";
    my $command = "touch $marker";
    my $u = sub { my ($text) = @_; return "X" . pack('V', length $text) . $text };
    my $short = sub { my ($text) = @_; return "\x8c" . chr(length $text) . $text };
    my %attacks = (
        'GLOBAL and REDUCE' => "cos\nsystem\n(V$command\ntR.",
        'posix' => "cposix\nsystem\n(V$command\ntR.",
        'in protocol 2' => "\x80\x02cos\nsystem\n" . $u->($command) . "\x85R.",
        'STACK_GLOBAL' => "\x80\x04" . $short->('os') . $short->('system') . "\x93" . $short->($command) . "\x85R.",
        'STACK_GLOBAL by memo' => "\x80\x04" . $short->('os') . "\x94" . $short->('system') . "\x94h\x00h\x01\x93" . $short->($command) . "\x85R.",
        'INST' => "(V$command\nios\nsystem\n.",
        'OBJ' => "(cos\nsystem\nV$command\no.",
        'BUILD' => "ccollections\nOrderedDict\n)R}V__setstate__\ncos\nsystem\nsb.",
        'BUILD on a class' => "clangchain.schema\nDocument\n}b.",
        'NEWOBJ' => "\x80\x02cos\nsystem\n" . $u->($command) . "\x85\x81.",
        'NEWOBJ_EX' => "\x80\x04" . $short->('os') . $short->('system') . "\x93" . $short->($command) . "\x85}\x92.",
        'named arguments' => "\x80\x04" . $short->('langchain.schema') . $short->('Document') . "\x93)}" . $short->('a') . "Ks\x92.",
        'eval' => "c__builtin__\neval\n(Vopen('$marker', 'w')\ntR.",
        'builtins.exec' => "cbuiltins\nexec\n(Vopen('$marker', 'w')\ntR.",
        'getattr' => "cbuiltins\ngetattr\n(cbuiltins\nobject\nV__subclasses__\ntR.",
        'a nested name' => "\x80\x04" . $short->('langchain.schema') . $short->('Document.__init__.__globals__') . "\x93.",
        'subprocess' => "csubprocess\nPopen\n((lV$command\natR.",
        'a call of what is no class' => "(lV$command\ntR.",
        'a call of a record' => "clangchain.schema\nDocument\n)R)R.",
        'object called' => "c__builtin__\nobject\n)R.",
        '_reconstructor of another class' => "ccopyreg\n_reconstructor\n(cbuiltins\nobject\ncbuiltins\nobject\nNtR.",
        'a module of a similar name' => "clangchain_evil.schema\nDocument\n)R.",
        'a persistent id' => "P1\n.",
        'a binary persistent id' => "K\x01Q.",
        'an extension code' => "\x82\x01.",
        'out-of-band data' => "\x80\x05\x97.",
        'protocol 6' => "\x80\x06N.",
        'no opcode' => "\xff.",
        'an empty stack' => '0.',
        'an unset memo' => "h\x05.",
        'no mark' => 't.',
        'below a mark' => 'N(0' . 'R.',
        'a huge text' => "\x8d" . pack('Q<', 1 << 62) . 'x.',
        'a text of 4 GB' => 'X' . pack('V', 0xffffffff) . 'x.',
        'huge bytes' => "\x8e" . pack('Q<', 0xffffffffffffffff) . 'x.',
        'a huge integer' => "\x8b" . pack('V', 0x7fffffff) . 'x.',
        'a negative integer length' => "\x8b" . pack('V', 0xffffffff) . 'x.',
        'a line without end' => 'I' . '1' x 100000,
        'deep nesting' => '(' x 300000 . 'l' . 'a' x 10,
        'nested lists in metadata' => "(c" . "langchain.docstore.in_memory\nInMemoryDocstore\n)R}V_dict\n}Va\n}Vpage_content\nVx\nsVmetadata\n}Vk\n"
          . ']' x 5000 . 'a' x 4999 . 'ssssb}I0\nVa\nst.' =~ s/\\n/\n/gr,
        'a list in itself' => "(c" . "langchain.docstore.in_memory\nInMemoryDocstore\n)R}V_dict\n}Va\n}Vpage_content\nVx\nsVmetadata\n}Vk\n"
          . "]p0\ng0\nassssb}I0\nVa\nst.",
        'a memo bomb' => "(c" . "langchain.docstore.in_memory\nInMemoryDocstore\n)R}V_dict\n}Va\n}Vpage_content\nVx\nsVmetadata\n}Vk\n"
          . "]p0\n" . join('', map { "0](" . "g" . ($_ - 1) . "\n" x 1 . ("g" . ($_ - 1) . "\n") x 15 . "ep$_\n" } 1 .. 40) . "ssssb}I0\nVa\nst.",
        'a bomb of copies' => "]q\x00(" . 'N' x 60000 . 'e' . "(c__builtin__\nset\nq\x01" . "h\x01h\x00\x85R" x 60000 . 'l.',
        'a bomb of memo keys' => 'N' . join('', map { 'r' . pack('V', 4000000000 + $_) } 1 .. 200) . "\x86.",
        'a docstore of another kind' => "(NNt.",
        'one value' => 'N.',
        'a position that is none' => "(c" . "langchain.docstore.in_memory\nInMemoryDocstore\n)R}V_dict\n}sb}Va\nVb\nst.");
    my $n = 0;
    for my $what (sort keys %attacks) {
        my $path = "$folder/attack" . $n++;
        mkdir $path;
        system('cp', $index, "$path/index.faiss") == 0 or die 'cp';
        write_bytes("$path/index.pkl", $attacks{$what});
        must_fail($what, 'vecstore_read_langchain', $path);
    }
    check_failures();
    ok(!-e $marker, 'nothing was executed');
}

done_testing();
