# Every function of the extension, as the catalogs list them, and every setting, used by roles without rights: with values of all
# kinds for each argument, NULL among them, and what is others'. Operators, functions, types and casts of mallory's lie before all in
# the search path, and write into the server's log whose rights they are run with. Nothing of others' may come to light, nothing be
# written; no call may crash, or end with an internal error. (057 has single attacks; 042 the privileges of imports.)
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

plan skip_all => 'functions of vecstore are meant' if extension() ne 'vecstore';

my $SEED = $ENV{VECSTORE_TEST_SEED} // 1;
my $RANDOM_CALLS = scale(2, 150);   # of each function, beside those with one unusual argument each

my $node = new_node('functions', 'fsync = off', 'shared_buffers = 64MB', 'jit = off');
my $files = PostgreSQL::Test::Utils::tempdir();
my ($closed, $open) = ("$files/closed", "$files/open");
mkdir $_ or die for $closed, $open;
chmod 0777, $open;

sub sql { return $node->safe_psql('postgres', join ";\n", @_) }

# Secrets that must not come to light, in rows (14711081, kanari) and in a file (12345678).
my $SECRET = qr/1\.?4711081|kanari/;
my $SECRET_FILE = qr/1\.?2345678/;
my $file = write_bytes("$closed/vectors.npy", npy(3, 3, 12345678, 2 .. 9));
write_bytes("$open/mine.npy", npy(3, 3, 1 .. 9));
write_bytes("$open/mine.json", '[{"note": "a"}, {"note": "b"}, {"note": "c"}]');
my $bytes = unpack 'H*', slurp_file("$open/mine.npy");

# ------------------------------------------------------------------------------------------------------- the world

# Told on every call: who runs it.
my $spy = q(CREATE FUNCTION mal.spy(what text) RETURNS boolean LANGUAGE plpgsql SET client_min_messages = error AS
    $$ BEGIN RAISE LOG 'sprung: % as %', what, current_user; RETURN true; END $$);

# Operators of the names that catalogs and types use, between types for which they are no worse than the right ones.
my $traps = <<'SQL';
DO $plant$ DECLARE o record; BEGIN
    FOR o IN WITH types(t) AS (SELECT unnest('{oid,regclass,name,text,"char",int2,int4,int8,float8,numeric,timestamptz,"oid[]"}'::regtype[]
                                   || '{public.vector,public.halfvec,public.sparsevec}'::regtype[])),
        names(n) AS (SELECT unnest('{=,<>,<,>,||,+,-,*,/,<->,<=>,<#>,<+>}'::text[]))
        SELECT n, l.t AS l, r.t AS r FROM names, types l, types r
        WHERE l.t = r.t OR n IN ('=', '<>', '||', '+') AND r.t::text !~ 'vec' AND l.t::text !~ 'vec' LOOP
        EXECUTE format('CREATE OR REPLACE FUNCTION mal.trap(%1$s, %2$s) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN RETURN mal.spy(%3$L); END $f$',
            o.l, o.r, format('operator (%s, %s)', o.l, o.r));
        EXECUTE format('CREATE OPERATOR mal.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = mal.trap)', o.n, o.l, o.r);
    END LOOP;
    FOR o IN SELECT DISTINCT proname AS n FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
             AND proname IN ('format', 'nextval', 'min', 'max', 'sum', 'count', 'round', 'current_setting', 'set_config', 'unnest', 'generate_series', 'lower', 'upper',
                 'length', 'concat', 'quote_ident', 'row_number', 'array_length', 'pg_relation_size', 'clock_timestamp', 'has_table_privilege', 'mod', 'abs') LOOP
        EXECUTE format('CREATE FUNCTION mal.%I() RETURNS text LANGUAGE plpgsql AS $f$ BEGIN PERFORM mal.spy(%L); RETURN 1; END $f$', o.n, o.n || '()');
        EXECUTE format('CREATE FUNCTION mal.%I(text) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN PERFORM mal.spy(%L); RETURN 1; END $f$', o.n, o.n || '(text)');
        EXECUTE format('CREATE FUNCTION mal.%I(bigint) RETURNS bigint LANGUAGE plpgsql AS $f$ BEGIN PERFORM mal.spy(%L); RETURN 1; END $f$', o.n, o.n || '(bigint)');
    END LOOP;
    FOR o IN SELECT p.proname AS n, count(*) FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.proname ~ '^vecstore_(row_hash|within)' GROUP BY 1 LOOP
        EXECUTE format('CREATE FUNCTION mal.%I(public.vector, bigint) RETURNS bigint LANGUAGE plpgsql AS $f$ BEGIN PERFORM mal.spy(%L); RETURN 0; END $f$', o.n, o.n);
        EXECUTE format('CREATE FUNCTION mal.%I(public.vector, bigint, record) RETURNS bigint LANGUAGE plpgsql AS $f$ BEGIN PERFORM mal.spy(%L); RETURN 0; END $f$', o.n, o.n);
    END LOOP;
    CREATE DOMAIN mal.text AS pg_catalog.text CHECK (mal.spy('domain text'));
    CREATE DOMAIN mal.int8 AS pg_catalog.int8 CHECK (mal.spy('domain int8'));
    CREATE DOMAIN mal.jsonb AS pg_catalog.jsonb CHECK (mal.spy('domain jsonb'));
    CREATE TYPE mal.vector AS (x int);
    CREATE TABLE mal.vecstore_import_state (LIKE public.vecstore_import_progress);
    CREATE TABLE mal.pg_class (relname name);
END $plant$;
SQL

sql(q(CREATE ROLE mallory LOGIN; CREATE ROLE victim LOGIN; CREATE ROLE worker LOGIN; GRANT pg_read_server_files, pg_write_server_files TO worker;
    CREATE SCHEMA mal AUTHORIZATION mallory; GRANT USAGE ON SCHEMA mal TO PUBLIC; GRANT CREATE ON SCHEMA mal TO worker;
    CREATE SCHEMA theirs AUTHORIZATION victim; GRANT USAGE ON SCHEMA theirs TO mallory, worker));
sub as_role { my ($role, @statements) = @_; my ($rc, $out, $err) = $node->psql('postgres', join(";\n", @statements), extra_params => [ '-U', $role ]); die "$role: $err" if $rc; return $out }
as_role('victim', q(
    CREATE TABLE theirs.secret (id int PRIMARY KEY, note text, embedding public.vector(3));
    INSERT INTO theirs.secret SELECT i, 'kanari', ARRAY[14711081, i, 1]::public.vector FROM generate_series(1, 50) i;
    CREATE INDEX secret_index ON theirs.secret USING hnsw (embedding public.vector_l2_ops);
    CREATE TABLE theirs.rls (id int, note text, owner name, embedding public.vector);
    INSERT INTO theirs.rls SELECT i, CASE WHEN i % 2 = 0 THEN 'yours' ELSE 'kanari' END, CASE WHEN i % 2 = 0 THEN 'mallory' ELSE 'victim' END,
        CASE WHEN i % 2 = 0 THEN ARRAY[i, 2, 1] ELSE ARRAY[14711081, i, 1] END::public.vector FROM generate_series(1, 100) i;
    INSERT INTO theirs.rls VALUES (1, 'kanari', 'victim', NULL);
    CREATE INDEX rls_index ON theirs.rls USING hnsw ((embedding::public.vector(3)) public.vector_l2_ops, note);
    ALTER TABLE theirs.rls ENABLE ROW LEVEL SECURITY;
    CREATE POLICY p ON theirs.rls USING (owner = current_user);
    GRANT SELECT, INSERT ON theirs.rls TO mallory, worker;
    CREATE VIEW theirs.view WITH (security_barrier) AS SELECT id, note, embedding FROM theirs.rls WHERE owner <> 'victim';
    GRANT SELECT ON theirs.view TO mallory, worker;
    CREATE SEQUENCE theirs.numbers;
    CREATE MATERIALIZED VIEW theirs.kept AS SELECT * FROM theirs.secret;
    CREATE TABLE theirs.parts (id int, embedding public.vector(3)) PARTITION BY RANGE (id);
    CREATE TABLE theirs.parts_1 PARTITION OF theirs.parts DEFAULT;
    CREATE INDEX parts_index ON theirs.parts USING hnsw (embedding public.vector_l2_ops);
    SELECT load_id FROM public.vecstore_load_begin('theirs.secret', 'kanari.npy', 'embedding', 'id', 'npy', 100, 1, 10, 3, false)));
as_role('mallory', $spy, $traps, q(
    CREATE TABLE mal.own (id int, note text, embedding public.vector(3));
    INSERT INTO mal.own SELECT i, 'mine', ARRAY[i, 2, 1]::public.vector FROM generate_series(1, 60) i;
    CREATE INDEX own_index ON mal.own USING hnsw (embedding public.vector_l2_ops, id);
    CREATE INDEX own_lists ON mal.own USING ivfflat (embedding public.vector_l2_ops) WITH (lists = 3);
    CREATE INDEX own_tree ON mal.own (id);
    GRANT ALL ON mal.own TO PUBLIC;
    CREATE FUNCTION mal.leaky(pg_catalog.text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'seen: %', $1; RETURN true; END $$;
    CREATE FUNCTION mal.leaky(public.vector) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'seen: %', $1; RETURN true; END $$));
# Commands that functions run on their own: whose are they?
sql(q(CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$ BEGIN
          RAISE LOG 'command: % as % for %', tg_tag, current_user, session_user; END $$),
    'CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION public.watch()');

# All that is there of others, and how it is; files too.
sub state {
    my $rows = sql(q(SELECT 'secret', md5(string_agg(s::text, ',' ORDER BY id)) FROM theirs.secret s
        UNION ALL SELECT 'rls', md5(string_agg(r::text, ',' ORDER BY id, r::text)) FROM theirs.rls r WHERE owner = 'victim'
        UNION ALL SELECT 'parts', count(*)::text FROM theirs.parts
        UNION ALL SELECT 'imports', md5(string_agg(s::text, ',' ORDER BY import_id)) FROM public.vecstore_import_state s WHERE role = 'victim'
        UNION ALL SELECT 'batches', count(*)::text FROM public.vecstore_import_batch b JOIN public.vecstore_import_state USING (import_id) WHERE role = 'victim'
        UNION ALL SELECT 'relations', md5(string_agg(concat_ws(' ', oid, relname, relowner, relfilenode, relacl), ',' ORDER BY oid)) FROM pg_class
            WHERE relowner NOT IN ('mallory'::regrole, 'worker'::regrole) AND relnamespace::regnamespace::text !~ '^pg_t'
        UNION ALL SELECT 'functions', md5(string_agg(concat_ws(' ', oid, proname, proowner, proacl), ',' ORDER BY oid)) FROM pg_proc
            WHERE proowner NOT IN ('mallory'::regrole, 'worker'::regrole)
        UNION ALL SELECT 'methods', string_agg(amname, ',' ORDER BY oid) FROM pg_am
        UNION ALL SELECT 'roles', string_agg(concat_ws(' ', rolname, rolsuper, rolcreaterole), ',' ORDER BY oid) FROM pg_roles));
    return $rows . join '', map { "\n$_ " . -s $_ } sort glob("$closed/*"), glob("$files/*");
}

# --------------------------------------------------------------------------------------------------- the arguments

my @names = map { quoted($_) . '::pg_catalog.name' } 'embedding', 'id', 'note', '', 'mal', 'no such', 'theirs';
my @relations = map { quoted($_) . '::pg_catalog.regclass' } 'mal.own', 'mal.own_index', 'mal.own_lists', 'mal.own_tree', 'theirs.secret', 'theirs.secret_index', 'theirs.rls',
    'theirs.rls_index', 'theirs.view', 'theirs.numbers', 'theirs.kept', 'theirs.parts', 'theirs.parts_1', 'theirs.parts_index', 'pg_catalog.pg_authid', 'public.vecstore_import_state', '4294967295', '0';
my @commands = ('SELECT note FROM theirs.secret', 'SELECT embedding FROM theirs.secret', 'SELECT embedding FROM theirs.rls', 'TABLE theirs.rls', 'SELECT embedding FROM mal.own', 'BEGIN',
    'RESET ROLE', 'COPY (SELECT 1) TO STDOUT', 'COPY mal.own FROM STDIN', 'CREATE TABLE mal.made_by_call ()', 'DROP TABLE theirs.secret', 'SELECT 1; SELECT 2', '', ';', 'CREATE');
my %POOL = (
    vector => [ "'[1,2,3]'::public.vector", "'[3e38,-3e38,1e-45]'::public.vector", "pg_catalog.array_fill(1::real, ARRAY[16000])::public.vector" ],
    halfvec => [ "'[1,2,3]'::public.halfvec", "'[65504,-65504,6e-8]'::public.halfvec", "pg_catalog.array_fill(1::real, ARRAY[16000])::public.halfvec" ],
    sparsevec => [ "'{1:1,3:2}/3'::public.sparsevec", "'{}/1000000000'::public.sparsevec", "'{1000000000:1}/1000000000'::public.sparsevec", "'{1:3e38,2:3e38}/3'::public.sparsevec" ],
    integer => [ 1, 0, -1, 3, 100, 2147483647, -2147483648 ],
    bigint => [ 0, 1, 2, 3, -1, '9223372036854775807', '(-9223372036854775808)' ],
    oid => [ 0, 1, "'theirs.secret'::pg_catalog.regclass::pg_catalog.oid", '4294967295' ],
    boolean => [ 'false', 'true' ],
    'double precision' => [ 1.5, 0, -1, "'NaN'::float8", "'inf'::float8", '1e308' ],
    'double precision[]' => [ "'{1,1,2,3}'::float8[]", "'{}'::float8[]", "'{NaN,1}'::float8[]", "'{-1,inf,1e308,1}'::float8[]", "'{0}'::float8[]", "'{1,NULL}'::float8[]", "'{{1,2},{3,4}}'::float8[]", "'[5:6]={1,2}'::float8[]" ],
    'real[]' => [ "'{1,2,3}'::real[]", "'{}'::real[]", "'{1,NULL}'::real[]", "'{{1},{2}}'::real[]", "'{inf,NaN}'::real[]" ],
    'integer[]' => [ "'{1,2,3}'::int[]", "'{}'::int[]", "'{2147483647,NULL}'::int[]", "'{{1},{2}}'::int[]" ],
    'numeric[]' => [ "'{1,2,3}'::numeric[]", "'{1e400,1}'::numeric[]", "'{NaN}'::numeric[]", "'{1e-400}'::numeric[]", "ARRAY[NULL::numeric]" ],
    bit => [ "B'101'", "B''::bit varying::bit", "pg_catalog.repeat('1', 100000)::bit varying" ],
    jsonb => [ "'[1,2,3]'::pg_catalog.jsonb", "'[]'::pg_catalog.jsonb", "'null'::pg_catalog.jsonb", "'[1e400]'::pg_catalog.jsonb", "'{\"a\": [1]}'::pg_catalog.jsonb", "'[[1]]'::pg_catalog.jsonb", "'\"x\"'::pg_catalog.jsonb" ],
    bytea => [ "'\\x$bytes'::bytea", "''::bytea", "'\\x00'::bytea", "'\\x" . unpack('H*', "\x93NUMPY\x01\x00\xff\xff{'descr'") . "'::bytea", "'\\x" . unpack('H*', 'IxF2' . "\xff" x 60) . "'::bytea",
        "'\\x" . unpack('H*', pack('l<', 3) x 8) . "'::bytea", "pg_catalog.decode(pg_catalog.repeat('ff', 4000), 'hex')" ],
    cstring => [ "'[1,2,3]'::cstring", "''::cstring", "'{1:1}/2'::cstring", "'['::cstring", "'[1e999]'::cstring" ],
    'cstring[]' => [ "'{3}'::cstring[]", "'{}'::cstring[]", "'{-1}'::cstring[]", "'{99999999999}'::cstring[]", "'{x}'::cstring[]", "'{1,2}'::cstring[]", "'{NULL}'::cstring[]" ],
    record => [ "ROW(1, 'x'::pg_catalog.text)", 'ROW()', "ROW(NULL, ARRAY[1, NULL], '{}'::pg_catalog.jsonb)", "ROW('x'::mal.text)" ],
    '"any"' => [ '1', "'x'::pg_catalog.text", 'ARRAY[1, NULL]', "'1'::mal.int8", 'ROW(1)', "'x'" ],
    internal => [ 'NULL' ],
    name => [ 'NULL', @names ],
    regclass => \@relations,
);
my %TEXT = (source => 'commands', command => 'commands', target => 'tables', format => 'formats', search_path => 'paths_of_search', metric => 'metrics');
my %FIRST_NULL = map { $_ => 1 } 'member', 'metadata', 'collection';   # which ordinary calls leave out
my @tables = ('mal.own', 'mal.unmade', 'theirs.secret', 'theirs.rls', 'theirs.view', 'theirs.numbers', 'pg_catalog.pg_authid', 'theirs.kept', 'no.such.thing', '"', '');
my %words = (commands => [ @tables, @commands ], tables => \@tables, formats => [ 'auto', 'npy', 'faiss', 'hnswlib', 'nonsense' ],
    paths_of_search => [ 'mal, pg_catalog', 'public', '', '"', 'theirs' ], metrics => [ 'l2', 'cosine', 'nonsense' ],
    words => [ 'auto', 'error', 'update', 'row', 'index', '../closed/vectors', '', 'x' x 3000, "a\tb" ]);

# Paths: others' files, and the caller's own.
sub paths_of {
    my ($role) = @_;
    return [ "$open/mine.npy", "$open/new.bin", "$open/mine.json", "$open/missing", $open, '' ] if $role ne 'mallory';
    return [ $file, "$closed/missing", "$open/new.bin", '/etc/passwd', 'PG_VERSION', 'postgresql.conf', '../../x', '/dev/zero', '/proc/self/environ', '' ];
}

sub values_for {
    my ($type, $name, $role) = @_;
    $type =~ s/^public\.//;
    if ($type eq 'text') {
        my $words = $name =~ /^(path|metadata)$/ ? paths_of($role) : $words{ $TEXT{$name} // 'words' };
        return ($FIRST_NULL{$name} ? 'NULL' : ()), map { quoted($_) . '::pg_catalog.text' } @$words;
    }
    my $pool = $POOL{$type} or die "no values of type $type: add them to this test";
    return @$pool;
}

# The functions, from the catalogs: none is forgotten.
my @functions = map { my ($name, $kind, $set, $types, $arguments) = split /\|/; { name => $name, kind => $kind, set => $set eq 't', types => [ split /;/, $types // '' ], names => [ split /;/, $arguments // '' ] } }
  split /\n/, sql(q(SELECT p.proname, p.prokind, p.proretset OR p.prorettype = 'record'::regtype AND p.prokind = 'f',
        (SELECT string_agg(format_type(t, NULL), ';' ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY u(t, n)),
        array_to_string(p.proargnames, ';', '') FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
    WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vecstore') ORDER BY p.oid));
cmp_ok(scalar(@functions), '>', 180, scalar(@functions) . ' functions');

sub call_of {
    my ($f, @arguments) = @_;
    my $list = join ', ', @arguments;
    return "CALL public.$f->{name}($list)" if $f->{kind} eq 'p';
    return "SELECT public.$f->{name}(x) FROM (VALUES ($arguments[0]), ($arguments[0])) v(x)" if $f->{kind} eq 'a';
    return $f->{set} ? "SELECT * FROM public.$f->{name}($list)" : "SELECT public.$f->{name}($list)";
}

# All arguments NULL; the first of each; one after another everything else; and some by chance.
sub calls_of {
    my ($f, $role) = @_;
    my $i = 0;
    my @pools = map { [ values_for($_, $f->{names}[ $i++ ] // '', $role) ] } @{ $f->{types} };
    my @first = map { $_->[0] } @pools;
    my @calls = ([@first], [ map { 'NULL' } @pools ]);
    for my $at (0 .. $#pools) {
        push @calls, map { my @a = @first; $a[$at] = $_; \@a } 'NULL', @{ $pools[$at] }[ 1 .. $#{ $pools[$at] } ];
    }
    push @calls, map { [ map { rand() < .1 ? 'NULL' : $_->[ rand @$_ ] } @pools ] } 1 .. $RANDOM_CALLS if @pools > 1;
    return map { call_of($f, @$_) } @calls;
}

# ------------------------------------------------------------------------------------------------------- the calls

# Runs statements, one a line, in one session after another for as long as it takes. Returns (output, [[statement, state, message]...]).
sub run_all {
    my ($role, $settings, @statements) = @_;
    @statements = map { s/\n/' || E'\\n' || '/gr } @statements;
    my $script = join '', map { "$_;\n" } $settings, @statements;
    my ($out, $err) = ('', '');
    IPC::Run::run([ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres'), '-U', $role, '-f', '-' ], '<', \$script, '>', \$out, '2>', \$err);
    my @errors = map { [ $statements[ $1 - 2 ] // '', $2, $3 ] if /^psql:<stdin>:(\d+): ERROR:  (\w{5}): (.*)/ } grep { /^psql:<stdin>:\d+: ERROR/ } split /\n/, $err;
    return ("$out$err", \@errors, $err =~ /connection to server was lost|server closed the connection/);
}

# The messages of traps and the event trigger since the last call.
my $read_to = 0;
sub told {
    my $log = slurp_file($node->logfile, $read_to);
    $read_to = -s $node->logfile;
    my %lines = map { $_ => 1 } $log =~ /LOG:  ((?:sprung|command): .*)/g;
    return sort keys %lines;
}

# %how: role, secrets (what must not be in the output), path (the schemas, before which mallory's are).
sub try_calls {
    my ($what, $how, @statements) = @_;
    my ($role, $path) = ($how->{role}, $how->{path} // 'mal, pg_catalog, public, theirs');
    my ($before, $began) = (state(), time);
    told();
    my ($said, $errors, $lost) = run_all($role, "SET statement_timeout = '20s'; SET search_path = $path", @statements);
    ok(!$lost, "$what: the session lasts") or diag($said =~ /(.{0,2000})\z/s);
    my @leaks = grep { $_ =~ $how->{secrets} } split /\n/, $said;
    is(join("\n", @leaks[ 0 .. ($#leaks > 9 ? 9 : $#leaks) ]), '', "$what: nothing of others' comes to light");
    my @internal = map { "$_->[0]: $_->[1] $_->[2]" } grep { $_->[1] =~ /^XX/ } @$errors;
    is(join("\n", @internal), '', "$what: no internal error");
    # Objects that mallory has planted may run as her only, and a command runs as its caller.
    my @others = grep { !/^sprung: .* as mallory$/ && !/^command: .* as (\w+) for \1$/ } told();
    is(join("\n", @others), '', "$what: nothing is run with the rights of another");
    is(state(), $before, "$what: what is others' is as it was") if $role ne 'postgres';
    note(scalar(@statements) . ' statements, ' . scalar(@$errors) . ' errors, ' . (time - $began) . ' s');
    return ($said, $errors);
}

srand($SEED);
my @statements = map { calls_of($_, 'mallory') } @functions;
my ($said, $errors) = try_calls('functions', { role => 'mallory', secrets => qr/$SECRET|$SECRET_FILE|root:x:|PATH=/ }, @statements);
cmp_ok(scalar(@statements), '>', 2000, scalar(@statements) . ' calls');
cmp_ok(scalar(@$errors), '<', 0.8 * @statements, 'many of them end well');
is(join(' ', map { s/.*\///r } sort glob("$open/*")), 'mine.json mine.npy', 'no file is written');

# Whether a file is there, nobody is told who may not read it.
my %by_call;
for my $error (@$errors) {
    my ($statement, $state, $message) = @$error;
    push @{ $by_call{$1} }, "$state $message" if $statement =~ s/\Q$file\E|\Q$closed\E\/missing/PATH/gr =~ /^(.*PATH.*)$/;
}
my @telling = grep { my %answers = map { s/\Q$file\E|\Q$closed\E\/missing/PATH/gr => 1 } @{ $by_call{$_} }; keys %answers > 1 } sort keys %by_call;
is(join("\n", @telling), '', 'errors do not tell which files there are');

# With the rights to read and write files: deeper into imports and exports, and still nobody else's rows.
@statements = map { calls_of($_, 'worker') } grep { join(' ', @{ $_->{names} }) =~ /\b(path|source|target|relation|index|load_id)\b/ } @functions;
($said, $errors) = try_calls('files', { role => 'worker', secrets => $SECRET }, @statements);
cmp_ok(scalar(@statements), '>', 300, scalar(@statements) . ' calls');
cmp_ok(scalar(@$errors), '<', 0.95 * @statements, 'some of them end well');
for my $written (glob "$open/*") { unlike(slurp_file($written), qr/kanari|\Q${\pack('f<', 14711081)}\E/, 'nothing of others\' is in ' . ($written =~ s/.*\///r)) if -f $written }

# ------------------------------------------------------------------------------------- rows that are not to be seen

# Policies and barriers, alone and joined, with functions that tell what they are given, and distances to what is hidden.
my @queries;
my $q = "vector '[14711080,5,1]'";
for my $table ('theirs.rls', 'theirs.view') {
    for my $condition ('mal.leaky(t.note)', 'mal.leaky(t.embedding)', "t.note > 'k' AND mal.leaky(t.note)", "(t.embedding::vector(3) <-> $q) < 1",
        "(t.embedding::vector(3) <-> $q) < 1 AND mal.leaky(t.note)", "t.note LIKE 'kan%'", '1 / (length(t.note) - 6) <> 0', 't.note::int > 0', '(t.embedding <-> vector \'[1,2]\') < 9') {
        my $order = "ORDER BY t.embedding::vector(3) <-> $q";
        push @queries, "SELECT t.id, t.note FROM $table t WHERE $condition $order LIMIT 5", "SELECT t.note FROM $table t WHERE $condition $order",
          "SELECT o.id, t.note FROM mal.own o JOIN $table t ON o.id = t.id WHERE $condition ORDER BY o.embedding <-> $q LIMIT 5",
          "SELECT o.id, t.note FROM mal.own o JOIN $table t ON o.id = t.id AND mal.leaky(o.note || t.note) WHERE $condition $order LIMIT 5",
          "SELECT o.id FROM mal.own o WHERE EXISTS (SELECT FROM $table t WHERE t.id = o.id AND $condition) ORDER BY o.embedding <-> $q LIMIT 5",
          "SELECT o.id, n.note FROM mal.own o, LATERAL (SELECT * FROM $table t WHERE $condition AND t.id > o.id ORDER BY t.embedding::vector(3) <-> o.embedding LIMIT 2) n LIMIT 9";
    }
    push @queries, "SELECT t.id FROM $table t JOIN mal.own o ON o.note = t.note OR o.id = t.id WHERE mal.leaky(o.note || t.note) ORDER BY t.embedding::vector(3) <-> $q LIMIT 5";
}
sql('ANALYZE');
for my $settings ('', 'SET enable_seqscan = off; SET hnsw.iterative_scan = relaxed_order', 'SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_sort = off') {
    (undef, $errors) = try_calls("queries ($settings)", { role => 'mallory', secrets => $SECRET, path => 'pg_catalog, public, theirs' }, (map { split /; / } $settings), @queries);
    # An error tells only of rows that are to be seen.
    is(join("\n", map { "$_->[0]: $_->[2]" } grep { $_->[2] !~ /"yours"|different vector dimensions 3 and 2/ } @$errors), '', 'no error is about a hidden row');
}
# The traps work: the same as the owner.
(undef, undef, $said) = $node->psql('postgres', 'SELECT count(*) FROM theirs.rls t WHERE mal.leaky(t.note)', extra_params => [ '-U', 'postgres' ]);
like($said, qr/seen: kanari/, 'who may see the rows sees them');

# ------------------------------------------------------------------------------------------------- settings, commands

my @settings = map { [ split /\|/ ] } split /\n/, sql(load_library() . q(SELECT name, coalesce(min_val, ''), coalesce(max_val, ''), coalesce(boot_val, ''), coalesce(array_to_string(enumvals, ' '), ''), context
    FROM pg_settings WHERE name ~ '^(vecstore|hnsw|ivfflat)\.' ORDER BY 1));
cmp_ok(scalar(@settings), '>', 5, scalar(@settings) . ' settings');
my $ask = "SELECT count(*) FROM (SELECT id FROM mal.own WHERE id > 3 ORDER BY embedding <-> '[1,2,3]' LIMIT 5) s";
@statements = (load_library() =~ s/; $//r, 'SET enable_seqscan = off');
for my $setting (@settings) {
    my ($name, $low, $high, $default, $words, $context) = @$setting;
    for my $value ($low, $high, $default, (split / /, $words), 'on', 'off', '-1', '99999999999', 'nan', "'; DROP TABLE theirs.secret; --", '') {
        push @statements, "SET $name = " . quoted($value), $ask, "UPDATE mal.own SET embedding = embedding WHERE id = 7";
    }
    push @statements, 'REINDEX INDEX mal.own_index', 'REINDEX INDEX mal.own_lists', "RESET $name";
}
($said, $errors) = try_calls('settings', { role => 'mallory', secrets => $SECRET, path => 'pg_catalog, public, theirs' }, @statements);
my ($failed) = grep { $_->[0] !~ /^SET / } @$errors;
ok(!$failed, 'no value of a setting makes a statement fail') or diag explain $failed;

# The event triggers of the extension, when others' commands set them off.
try_calls('event triggers', { role => 'mallory', secrets => $SECRET }, 'CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER public.hnswhandler', 'CREATE ACCESS METHOD ivfflat TYPE INDEX HANDLER public.ivfflathandler',
    'DROP EXTENSION vecstore', 'DROP ACCESS METHOD hnsw', 'CREATE TABLE mal.gone (v public.vector)', 'DROP TABLE mal.gone', 'DROP SCHEMA theirs');

write_bytes("$open/mine.npy", npy(3, 3, 1 .. 9));
# A superuser, whose search path has mallory's schema in front. (A command or a query that is told to be run is the caller's.)
my @theirs = grep { $_->{name} !~ /^vecstore_(run_as_owner|migrate)$/ && "@{ $_->{names} }" !~ /\bsource\b/ && ($_->{name} =~ /^vecstore_/ || is_full()) } @functions;
srand($SEED);
try_calls('superuser', { role => 'postgres', secrets => qr/root:x:/ }, grep { !/\bmal\.(text|int8)\b/ } map { calls_of($_, 'postgres') } @theirs);

is(crashes($node), 0, 'no process crashed');
done_testing();
