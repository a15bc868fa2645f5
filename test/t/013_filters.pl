# Filters as a property: random tables, conditions, limits and changes, against the exact answer. Then crashes, a standby
# and damage to an index with filter columns.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

plan skip_all => 'filter columns are vecstore\'s' if extension() ne 'vecstore';

my $SEED = $ENV{VECSTORE_TEST_SEED} // 1;
my $TABLES = scale(12, 150);
my $CASES = scale(75, 200);    # between two changes, of which there are three
my $GOOD = 0.95;

my $node = new_node('filters', 'shared_buffers = 256MB', "maintenance_work_mem = '256MB'", 'max_wal_size = 2GB',
    'synchronous_commit = off', 'autovacuum = off', 'jit = off', 'client_min_messages = warning', 'max_parallel_workers_per_gather = 0');

sub sql { return $node->safe_psql('postgres', join ";\n", @_) }

sql('CREATE TABLE pool (id int PRIMARY KEY, v vector(256))');
load_vectors($node, table => 'pool', kind => 'embeddings', rows => 4000, dims => 256, seed => 31, first_id => 1);

# Collations: by bytes; libc's, of which only equality and beginnings can be told; ICU's, and one of its in which words
# of other bytes are equal. Where a server or its machine has none, another takes its place.
my @names = grep { /\.utf-?8$/i } split /\n/, `locale -a`;
my ($libc) = ((grep { !/^C\./ } @names), @names, 'C');
sql("CREATE COLLATION by_libc (provider = libc, locale = '$libc')", <<'SQL');
DO $$
BEGIN
    CREATE COLLATION by_icu (provider = icu, locale = 'en-US');
    CREATE COLLATION no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
EXCEPTION WHEN OTHERS THEN
    CREATE COLLATION by_icu FROM by_libc;
    CREATE COLLATION no_case FROM "C";
END $$
SQL
note("collation of libc: $libc; of ICU: ", sql("SELECT bool_and(collprovider = 'i') FROM pg_collation WHERE collname IN ('by_icu', 'no_case')"));

# ------------------------------------------------------------------------------------------------- the property

# All that is random follows from setseed(), so that a seed says everything about a case.
sql(<<'SQL');
CREATE FUNCTION upto(n int) RETURNS int LANGUAGE sql VOLATILE AS $$ SELECT floor(random() * n)::int $$;
CREATE FUNCTION one_of(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE AS
    $$ SELECT choices[1 + floor(random() * cardinality(choices))::int] $$;

-- Words that often begin alike, some in letters of other sizes and alphabets; addresses, of which many are of one network.
CREATE FUNCTION any_word() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT one_of('', 'a', 'word', 'Word', 'WORD', 'w', 'über', 'Über', 'ко', 'https://example.com/', '%', '2024-05-', chr(97 + upto(26)), chr(97 + upto(26))) || one_of('', 'a', 'b', ' ', '-', '_', 'é', upto(100)::text, upto(100)::text)
$$;
CREATE FUNCTION any_address() RETURNS inet LANGUAGE sql VOLATILE AS $$
    SELECT (CASE upto(3) WHEN 0 THEN format('2001:db8:%s::%s', to_hex(upto(4)), to_hex(upto(500))) || one_of('', '', '/64', '/48')
            ELSE format('10.%s.%s.%s', upto(4), upto(8), upto(256)) || one_of('', '', '', '/24', '/16', '/8', '/3') END)::inet
$$;

-- The table of the moment.
CREATE TABLE shape (dims int, op text, rows int, columns text, anchor vector);

CREATE FUNCTION one_vector() RETURNS vector LANGUAGE sql VOLATILE AS
    $$ SELECT subvector(v, 1, (SELECT dims FROM shape)) FROM pool WHERE id = (SELECT 1 + upto(4000)) $$;

-- Rows of the pool with values in all columns; "near" goes with the distance from one vector, the others with nothing.
CREATE PROCEDURE add_rows(count int) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format($q$
        WITH picks AS MATERIALIZED (SELECT 1 + upto(4000) AS pick FROM generate_series(1, %2$s))
        INSERT INTO t (v, tenant, price, "near", day, tag, tags, flag, doc, loose, word, libc, icu, nocase, code, ip, net)
        SELECT w, nullif(upto(50), 0), (random() * 1000)::float8, (1000 * (w %1$s s.anchor))::int, date '2024-01-01' + upto(365),
               'tag ' || (random() * random() * 30)::int, ARRAY[upto(20), upto(300)], CASE upto(10) WHEN 0 THEN NULL WHEN 1 THEN true ELSE false END,
               jsonb_build_object('kind', 'k' || upto(12), 'n', upto(1000)), upto(1000), any_word(), nullif(any_word(), ''), any_word(), any_word(), left(any_word(), 12), any_address(), network(any_address())
        FROM shape s, picks, LATERAL (SELECT subvector(v, 1, dims) AS w FROM pool WHERE id = pick) p$q$,
        (SELECT op FROM shape), count);
END $$;

CREATE PROCEDURE make_table(seed float8) LANGUAGE plpgsql AS $$
DECLARE
    metric text; dim int; storage text; cols text; wanted int;
BEGIN
    PERFORM setseed(seed);
    metric := one_of('l2', 'cosine', 'ip', 'cosine');
    dim := one_of('2', '16', '100', '192', '256', '256')::int;
    DROP TABLE IF EXISTS t;
    DELETE FROM shape;
    INSERT INTO shape SELECT dim, CASE metric WHEN 'l2' THEN '<->' WHEN 'cosine' THEN '<=>' ELSE '<#>' END, 300 + upto(1500), '',
        subvector(v, 1, dim) FROM pool WHERE id = (SELECT 1 + upto(4000));
    EXECUTE format('CREATE TABLE t (id serial PRIMARY KEY, v vector(%s), tenant int, price float8, "near" int, day date, tag text, tags int[], flag bool,
        doc jsonb, loose int, word text COLLATE "C", libc varchar COLLATE by_libc, icu text COLLATE by_icu, nocase text COLLATE no_case, code char(12) COLLATE "C", ip inet, net cidr) WITH (autovacuum_enabled = off)', dim);
    -- Some columns, in some order; never all.
    SELECT string_agg(c, ', ') INTO cols
    FROM (SELECT c FROM unnest('{tenant,price,"near",day,tag,tags,flag,doc,(doc->>''kind''),word,libc,icu,nocase,code,ip,net}'::text[]) c ORDER BY random() LIMIT 1 + upto(12)) x;
    storage := one_of('auto', 'auto', 'compact', 'plain');
    UPDATE shape SET columns = format('%s of %s dimensions, %s, by %s', metric, dim, storage, cols);
    wanted := (SELECT rows FROM shape);
    CALL add_rows(wanted * upto(3) / 2);   -- none, half, all
    EXECUTE format('CREATE INDEX t_idx ON t USING hnsw (v vector_%s_ops, %s) WITH (storage = %s)', metric, cols, storage);
    wanted := wanted - (SELECT count(*) FROM t);
    CALL add_rows(wanted);
    CREATE INDEX ON t (tenant);
    ANALYZE t;
END $$;

CREATE PROCEDURE change_table(seed float8) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM setseed(seed);
    UPDATE t SET tenant = upto(50), tag = 'tag ' || upto(30), price = price + 1 WHERE hashint4(id + upto(1000)) % 10 = 0;
    UPDATE t SET word = any_word(), icu = any_word(), ip = any_address() WHERE hashint4(id + upto(1000)) % 10 = 0;
    UPDATE t SET loose = upto(1000) WHERE hashint4(id) % 7 = 0;
    UPDATE t SET v = one_vector() WHERE hashint4(id) % 31 = upto(31);
    DELETE FROM t WHERE hashint4(id) % 12 = upto(12) OR id IN (SELECT id FROM t ORDER BY id LIMIT upto(60));
    CALL add_rows(upto(200));
END $$;

-- A condition. The second part is true of one that limits the distance.
CREATE FUNCTION any_term(limits bool) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    x float8 := random() ^ 3;   -- mostly few
    a text := any_word();
    b text := any_word();
    compares text := one_of('<', '<=', '=', '>=', '>');
    address text := one_of('ip', 'net');
BEGIN
    CASE upto(CASE WHEN limits THEN 33 ELSE 32 END)
        WHEN 0 THEN RETURN format('tenant = %s', upto(55));
        WHEN 1 THEN RETURN format('tenant IN (%s, %s, %s)', upto(55), upto(55), upto(55));
        WHEN 2 THEN RETURN format('tenant = ANY (ARRAY(SELECT generate_series(%s, 60, %s)))', upto(50), 1 + upto(20));
        WHEN 3 THEN RETURN format('tenant %s %s', one_of('<', '<=', '>', '>='), upto(50));
        WHEN 4 THEN RETURN format('tenant IS %s', one_of('NULL', 'NOT NULL'));
        WHEN 5 THEN RETURN format('price < %s', 1000 * x);
        WHEN 6 THEN RETURN format('price BETWEEN %s AND %s', 500 - 500 * x, 500 + 500 * x);
        WHEN 7 THEN RETURN format('"near" <= (SELECT percentile_disc(%s) WITHIN GROUP (ORDER BY "near") FROM t)', x);
        WHEN 8 THEN RETURN format('"near" >= (SELECT percentile_disc(%s) WITHIN GROUP (ORDER BY "near") FROM t)', 1 - x);
        WHEN 9 THEN RETURN format('"near" = %s', (SELECT "near" FROM t OFFSET upto(200) LIMIT 1));
        WHEN 10 THEN RETURN format('day >= date ''2024-12-31'' - %s', (365 * x)::int);
        WHEN 11 THEN RETURN format('day < timestamp ''2024-01-01 12:00'' + interval ''%s days''', (365 * x)::int);
        WHEN 12 THEN RETURN format('tag = ''tag %s''', upto(32));
        WHEN 13 THEN RETURN format('tag IN (''tag %s'', ''tag %s'')', upto(32), upto(32));
        WHEN 14 THEN RETURN format('tags && ''{%s,%s}''', upto(20), upto(300));
        WHEN 15 THEN RETURN format('tags @> ''{%s}''', upto(20));
        WHEN 16 THEN RETURN one_of('flag', 'NOT flag', 'flag IS NULL', 'flag IS TRUE');
        WHEN 17 THEN RETURN format('doc @> ''{"kind": "k%s"}''', upto(13));
        WHEN 18 THEN RETURN format('doc->>''kind'' = ''k%s''', upto(13));
        WHEN 19 THEN RETURN format('loose < %s', 1000 * x);
        WHEN 20 THEN RETURN format('(loose %% 10 = %s OR tenant = %s)', upto(10), upto(55));
        WHEN 21 THEN RETURN one_of('true', 'false', 'loose >= 0', 'tenant = -1');
        WHEN 22 THEN RETURN format('%s %s %L', one_of('word', 'libc', 'icu', 'nocase', 'code'), compares, a);
        WHEN 23 THEN RETURN format('%s %s %L', one_of('word', 'libc', 'icu', 'nocase'), compares, upper(a));
        WHEN 24 THEN RETURN format('%s BETWEEN %L AND %L', one_of('word', 'libc', 'icu', 'nocase', 'code'), least(a COLLATE "C", b), greatest(a COLLATE "C", b));
        WHEN 25 THEN RETURN format('%s IN (%L, %L)', one_of('word', 'libc', 'icu', 'nocase', 'code'), a, b);
        WHEN 26 THEN RETURN format('%s LIKE %L', one_of('word', 'libc', 'icu', 'code'), left(a, 1 + upto(9)) || '%');
        WHEN 27 THEN RETURN format(one_of('%s ^@ %L', 'starts_with(%s, %L)'), one_of('word', 'libc', 'icu'), left(a, 1 + upto(9)));
        WHEN 28 THEN RETURN format('%s %s %L', address, compares, any_address());
        WHEN 29 THEN RETURN format('%s BETWEEN %L AND %L', address, '10.1.0.0', any_address());
        WHEN 30 THEN RETURN format('%s %s %L', address, one_of('<<', '<<='), network(any_address()));
        WHEN 31 THEN RETURN format('%s = %L', address, (SELECT ip FROM t OFFSET upto(200) LIMIT 1));
        ELSE RETURN 'distance';
    END CASE;
END $$;

CREATE TABLE outcome (cases int, in_index int, with_rows int, ten int, hits int, filtered_ten int, filtered_hits int, rows int, late int);
CREATE TABLE failure (seed float8, text text);

-- A case: returns what is wrong with it, or null.
CREATE FUNCTION one_case(seed float8) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    s shape%ROWTYPE; q vector; condition text := ''; term text; k int; ef int; line text; tested bool := false; ordered bool := false;
    limited bool := false; query text; settings text := '';
    ids int[]; d float8[]; found int[]; fd float8[]; wanted int; strangers int; top int; good int; descents int;
BEGIN
    PERFORM setseed(seed);
    SELECT * INTO s FROM shape;
    q := CASE upto(3) WHEN 0 THEN s.anchor WHEN 1 THEN (SELECT v FROM t ORDER BY id OFFSET upto(100) LIMIT 1) END;
    q := coalesce(q, one_vector());
    k := (ARRAY[1, 5, 10, 10, 10, 10, 50, 200, 100000, NULL])[1 + upto(10)];
    ef := (ARRAY[1, 10, 40, 40, 40, 40, 100, 400])[1 + upto(8)];
    FOR i IN 0 .. upto(3) LOOP
        term := any_term(NOT limited);
        IF term = 'distance' THEN
            limited := true;
            EXECUTE format('SELECT v %s $1 FROM t ORDER BY random() LIMIT 1', s.op) INTO term USING q;
            term := format(one_of('v %s $1 < %L::float8', 'v %s $1 <= %L::float8', '%2$L::float8 > v %1$s $1', '1 - (v %s $1) >= 1 - %L::float8'), s.op, coalesce(term, '0')::float8);
        END IF;
        condition := condition || CASE WHEN i > 0 THEN ' AND ' ELSE '' END || term;
    END LOOP;
    query := format('SELECT id, v %1$s $1 AS d FROM t WHERE %2$s ORDER BY v %1$s $1 LIMIT %3$L', s.op, condition, k);

    PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true);
    EXECUTE format('SELECT array_agg(id), array_agg(d) FROM (SELECT id, v %1$s $1 AS d FROM t WHERE %2$s ORDER BY 2) x', s.op, condition) INTO ids, d USING q;
    PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true),
            set_config('hnsw.ef_search', ef::text, true);
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query USING q LOOP
        tested := tested OR line ~ '^ *Index Cond:';
        ordered := ordered OR line ~ '^ *(Order By:|One-Time Filter: false)';
    END LOOP;
    EXECUTE format('SELECT array_agg(id), array_agg(d) FROM (%s) x', query) INTO found, fd USING q;

    ids := coalesce(ids, '{}');
    found := coalesce(found, '{}');
    wanted := least(coalesce(k, cardinality(ids)), cardinality(ids));
    strangers := (SELECT count(*) FROM (SELECT unnest(found) EXCEPT SELECT unnest(ids)) x);
    descents := (SELECT count(*) FROM (SELECT x, lag(x) OVER (ORDER BY n) AS before FROM unnest(fd) WITH ORDINALITY u (x, n)) y
                 WHERE before > x + 1e-6 * abs(x) + 1e-6);
    top := least(10, wanted);
    good := least(top, (SELECT count(*) FROM unnest(fd[1:10]) x WHERE x <= d[top] + 1e-5 * abs(d[top]) + 1e-6));
    UPDATE outcome SET cases = cases + 1, in_index = outcome.in_index + tested::int, with_rows = with_rows + (wanted > 0)::int;
    -- Who asks for all that match gets them in order, as the scan looks at all of them first; where the planner expects
    -- far more than there are it does not, and what it finds too late to be in order comes last.
    IF wanted >= 0.95 * cardinality(ids) THEN
        UPDATE outcome SET rows = rows + wanted, late = late + descents;
        descents := 0;
    END IF;
    -- A beam of less than 40 promises less.
    IF ef >= 40 THEN
        UPDATE outcome SET ten = ten + top, hits = hits + good;
        IF tested THEN UPDATE outcome SET filtered_ten = filtered_ten + top, filtered_hits = filtered_hits + good; END IF;
    END IF;
    -- A limit to the distance ends a search that has looked as far as it should for its LIMIT: recall tells if it is too early.
    IF ordered AND cardinality(found) = (SELECT count(DISTINCT x) FROM unnest(found) x) AND strangers = 0 AND descents = 0 AND
       (cardinality(found) = wanted OR limited AND k IS NOT NULL AND cardinality(found) < wanted) THEN
        RETURN NULL;
    END IF;
    RETURN format('%s: %s; ef_search %s: %s rows, of which %s distinct, should be %s of %s that match; %s do not match, %s descents, in the index: %s, ordered: %s', s.columns,
                  replace(query, '$1', '$q'), ef, cardinality(found), (SELECT count(DISTINCT x) FROM unnest(found) x), wanted, cardinality(ids), strangers, descents, tested, ordered);
END $$;

CREATE PROCEDURE many_cases(seed float8, count int) LANGUAGE plpgsql AS $$
DECLARE said text;
BEGIN
    FOR i IN 1 .. count LOOP
        said := one_case(seed + i * 1e-6);
        IF said IS NOT NULL THEN INSERT INTO failure VALUES (seed + i * 1e-6, said); END IF;
    END LOOP;
END $$;
SQL

# One session for each table; VACUUM cannot be in a function.
sub script_for {
    my ($table) = @_;
    my $seed = (($SEED * 1000 + $table) % 9e6) / 1e7;
    my @script = (load_library() . "CALL make_table($seed)", "CALL many_cases($seed, $CASES)");
    for my $change (1 .. 3) {
        my $next = $seed + $change * 1e-2;
        push @script, "CALL change_table($next)";
        push @script, 'VACUUM t' if ($table + $change) % 2 == 0;
        push @script, "CALL many_cases($next, $CASES)";
    }
    return join(";\n", @script, "SELECT * FROM vecstore_check('t_idx', true) LIMIT 5");
}

my $began = time;
sql('INSERT INTO outcome VALUES (0, 0, 0, 0, 0, 0, 0, 0, 0)');
my ($ended, @shapes, @unsound) = (0);
for my $table (1 .. $TABLES) {
    my $said = eval { $node->safe_psql('postgres', script_for($table)) } // "error: $@";
    push @unsound, "table $table of seed $SEED: $said" if $said ne '';
    push @shapes, sql('SELECT columns FROM shape');
}
my ($cases, $in_index, $with_rows, $ten, $hits, $filtered_ten, $filtered_hits, $rows, $late) = split /\|/, sql('SELECT * FROM outcome');
note('tables: ', join '; ', @shapes);
note(sprintf '%d cases in %d s, %d with conditions in the index, %d with rows that match', $cases, time - $began, $in_index, $with_rows);
is(join("\n", @unsound), '', 'no error, and every index is sound');
is($cases, 4 * $CASES * $TABLES, "$cases cases (seed $SEED)");
cmp_ok($in_index, '>', $cases / 3, 'a good part of the conditions is tested in the index');
cmp_ok($with_rows, '>', $cases / 2, 'most cases have rows that match');
is(sql('SELECT text FROM failure ORDER BY seed LIMIT 10'), '', "rows that match, each once, all that LIMIT asks for, nearest first (seed $SEED)")
  or diag(sql('SELECT count(*) FROM failure'), ' cases failed');
ok($hits >= $GOOD * $ten, sprintf 'recall@10 %.4f', $hits / $ten);
ok($filtered_hits >= $GOOD * $filtered_ten, sprintf 'recall@10 under conditions in the index %.4f', $filtered_hits / $filtered_ten);

cmp_ok($late, '<=', 0.0001 * $rows, "of $rows rows of scans to the end $late came too late to be in order");

# Of texts and networks the index tests more than equality.
sql('DROP INDEX t_idx', 'CREATE INDEX t_idx ON t USING hnsw (v vector_l2_ops, word, libc, icu, nocase, code, ip, net)');
for my $condition ("word BETWEEN 'a' AND 'b'", "libc LIKE 'https://example.com/9%'", "icu < 'b'", "nocase >= 'W'", "code > 'x'", "ip << '10.1.0.0/16'", "net <= '10.1.0.0'") {
    my ($column) = split / /, $condition;
    like(sql(load_library() . 'SET enable_seqscan = off; SET enable_sort = off;' . "EXPLAIN (COSTS OFF) SELECT id FROM t WHERE $condition ORDER BY v <-> (SELECT v FROM t LIMIT 1) LIMIT 5"),
        qr/Index Cond: .*\b$column\b/, "in the index: $condition");
}

# ----------------------------------------------------------------------------------------- crashes and a standby

sql('DROP TABLE t', 'CREATE TABLE items (id serial PRIMARY KEY, v vector(256), tenant int, tags int[], note text)');
my $columns = 'v, id % 20, ARRAY[id % 7, id % 11]';
sql("INSERT INTO items (v, tenant, tags) SELECT $columns FROM pool WHERE id <= 2600",    # enough for clusters
    'CREATE INDEX items_idx ON items USING hnsw (v vector_cosine_ops, tenant, tags)');

# Per query: all rows of a tenant by the index, and whether they are those of the table.
sub filtered_is_complete {
    my ($server, $name) = @_;
    my $wrong = $server->safe_psql(
        'postgres', load_library() . 'SET enable_seqscan = off; SET enable_sort = off;
        SELECT n.tenant, found, there FROM generate_series(0, 21) n (tenant), pool p,
        LATERAL (SELECT count(*) AS found, count(DISTINCT id) AS ids, bool_and(x.tenant = n.tenant) AS matching FROM
            (SELECT * FROM items i WHERE i.tenant = n.tenant ORDER BY i.v <=> p.v LIMIT 100000) x) f,
        LATERAL (SELECT count(*) AS there FROM items i WHERE i.tenant + 0 = n.tenant) e
        WHERE p.id IN (7, 1507) AND (found <> there OR ids <> found OR NOT matching)');
    is($wrong, '', "$name: all rows of each tenant");
    check_clean($server, 'items_idx', "$name: check is clean");
    return;
}

my $load = write_script($node, 'filtered_load', "\\set i random(1, 4000)\n\\set j random(1, 4000)\n"
      . "INSERT INTO items (v, tenant, tags) SELECT $columns FROM pool WHERE id = :i;\n"
      . "UPDATE items SET tenant = :i % 20 WHERE id = :j;\nDELETE FROM items WHERE id = :i;\n");
filtered_is_complete($node, 'built');
for my $round (1 .. scale(3, 15)) {
    my $run = start_clients($node, '-M', 'prepared', '-f', $load, '-c', 4, '-T', 60);
    my $vacuum = $round % 2 == 0 ? start_clients($node, '-f', write_script($node, 'vacuum', "VACUUM items;\n"), '-c', 1, '-T', 60) : undef;
    select undef, undef, undef, 1 + rand 1;
    kill_server($node);
    stop_clients($_, 'kill') for grep { defined } $run, $vacuum;
    $node->start;
    filtered_is_complete($node, "crash $round");
}
sql('VACUUM items');
filtered_is_complete($node, 'vacuumed after crashes');

my $standby = new_standby($node, 'filters_standby', 'hot_standby_feedback = on');
my $answers = load_library() . 'SET enable_seqscan = off; SET enable_sort = off;
    SELECT q.id, n.id, n.d FROM pool q, LATERAL (SELECT i.id, i.v <=> q.v AS d FROM items i
        WHERE i.tenant IN (q.id % 20, 3) AND i.tags && ARRAY[q.id % 7] ORDER BY i.v <=> q.v LIMIT 10) n WHERE q.id % 100 = 0 ORDER BY 1, 3, 2';
for my $round (1 .. 3) {
    my $run = start_clients($node, '-M', 'prepared', '-f', $load, '-c', 2, '-t', scale(150, 1500));
    is(stop_clients($run), 0, "load while a standby follows, $round") or diag($run->{err});
    sql('VACUUM items') if $round > 1;
    $node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
    my $here = sql($answers);
    cmp_ok(scalar(my @lines = split /\n/, $here), '>', 300, 'there are answers');
    is($standby->safe_psql('postgres', $answers), $here, "the standby answers the same, $round");
    filtered_is_complete($standby, "the standby, $round");
}

# ------------------------------------------------------------------------------------------------- clusters

# So many rows that an eighth of them is found through clusters: after the build, and when rows have come and gone. Without
# codes through the graph. (Before a scan that goes on looked as far around the query as it hands out rows, .84 of 300.)
sub fill_many {
    my ($table, $asked, $dims, $with) = @_;
    sql("CREATE TABLE $table (id int PRIMARY KEY, v vector($dims), tenant int)", "CREATE TABLE $asked (id int PRIMARY KEY, v vector($dims))");
    load_vectors($node, table => $table, kind => 'embeddings', rows => 30000, dims => $dims, seed => 32, first_id => 1);
    sql("INSERT INTO $asked SELECT id, v FROM $table WHERE id <= 40", "DELETE FROM $table WHERE id <= 40", "UPDATE $table SET tenant = hashint4(id) & 7",
        "SET maintenance_work_mem = '256MB'", "CREATE INDEX ${table}_idx ON $table USING hnsw (v vector_cosine_ops, tenant) $with", "ANALYZE $table");
    return;
}

sub finds_nearest {
    my ($server, $table, $asked, $name, $limit) = @_;
    my ($rows, $hits) = split /\|/, $server->safe_psql('postgres', load_library() . "
        CREATE TEMP TABLE exact AS SELECT q.id AS q, n.id FROM $asked q, LATERAL
            (SELECT i.id FROM $table i WHERE i.tenant = q.id % 8 ORDER BY (i.v <=> q.v) + 0 LIMIT $limit) n;
        SET enable_seqscan = off; SET enable_sort = off;
        CREATE TEMP TABLE got AS SELECT q.id AS q, n.id FROM $asked q, LATERAL
            (SELECT i.id FROM $table i WHERE i.tenant = q.id % 8 ORDER BY i.v <=> q.v LIMIT $limit) n;
        SELECT count(DISTINCT (q, id)), count(*) FILTER (WHERE (q, id) IN (SELECT q, id FROM exact)) FROM got");
    is($rows, 40 * $limit, "$name: as many rows as asked for");
    cmp_ok($hits, '>=', 0.93 * 40 * $limit, sprintf('%s: recall@%d %.4f', $name, $limit, $hits / 40 / $limit));
    return;
}
sub clusters_are_good { my ($server, $name, $limit) = @_; return finds_nearest($server, 'many', 'asked', $name, $limit) }

fill_many('many', 'asked', 256, '');
fill_many('many_few', 'asked_few', 64, '');
finds_nearest($node, 'many_few', 'asked_few', 'of few dimensions', $_) for 10, 300;
fill_many('many_plain', 'asked_plain', 128, 'WITH (storage = plain)');
finds_nearest($node, 'many_plain', 'asked_plain', 'without codes', $_) for 10, 300;
my $way = sql(load_library() . 'SET enable_seqscan = off; SET enable_sort = off; EXPLAIN (COSTS OFF) '
      . 'SELECT id FROM many WHERE tenant = 3 ORDER BY v <=> (SELECT v FROM asked WHERE id = 1) LIMIT 10');
like($way, qr/Index Cond: \(tenant = 3\)/, 'in the index');
clusters_are_good($node, 'built', $_) for 10, 300;

# Whether a joined table's condition is worth asking the index for: what it leaves over, and what it costs to ask.
sql('CREATE TABLE owners (k int PRIMARY KEY, tenant int, active bool)',
    'INSERT INTO owners SELECT i, i % 8, i % 500 > 0 FROM generate_series(0, 99999) i', 'ANALYZE owners', 'ANALYZE many');
my $joined = load_library() . 'EXPLAIN (COSTS OFF) SELECT m.id FROM many m JOIN owners o ON o.k = m.tenant WHERE %s ORDER BY m.v <=> (SELECT v FROM asked WHERE id = 1) LIMIT 10';
unlike(sql(sprintf $joined, 'o.active'), qr/Index Cond: \(tenant =/, 'most rows of a joined table: no');
like(sql('SET enable_sort = off', sprintf $joined, 'o.tenant = 3 AND o.k < 800'), qr/Index Cond: \(tenant = ANY/, 'few rows of a joined table: yes');
sql('DELETE FROM many WHERE id % 6 = 0');
sql('VACUUM many');
sql('INSERT INTO many SELECT 100000 + id, v, hashint4(id) & 7 FROM (SELECT id, (SELECT array_agg(x + random() / 50)::vector(256) FROM unnest(v::real[]) x) AS v FROM many WHERE id % 10 = 1) x');
$node->stop('immediate');
$node->start;
clusters_are_good($node, 'after a crash', $_) for 10, 300;
check_clean($node, 'many_idx', 'after a crash: check is clean');
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
check_clean($standby, 'many_idx', 'on the standby: check is clean');
$standby->stop;

# ----------------------------------------------------------------------------------------------------- damage

# A key that is not the row's: the check says so, and where. Keys begin after the page's header and head; block 1 has
# those of the first slots.
sql('CREATE TABLE damaged (id int, v vector(256), tenant int)', 'INSERT INTO damaged SELECT id, v, 7 FROM pool WHERE id <= 50',
    'CREATE INDEX damaged_idx ON damaged USING hnsw (v vector_cosine_ops, tenant)');
check_clean($node, 'damaged_idx', 'not damaged yet');
my $file = $node->data_dir . '/' . sql("SELECT pg_relation_filepath('damaged_idx')");
my $count = 'SELECT count(*) FROM (SELECT * FROM damaged WHERE tenant = 7 ORDER BY v <=> (SELECT v FROM pool WHERE id = 1)) s';
my $ordered = load_library() . 'SET enable_seqscan = off; SET enable_sort = off;';
is(sql($ordered . $count), 50, 'all rows pass');
$node->stop;
open my $f, '+<:raw', $file or die "$file: $!";
seek $f, 8192 + 24 + 8, 0;
read $f, my $keys, 8160;
my $right = pack 'Q<', (1 << 63) + 7;
my $at = rindex $keys, $right;
ok($at >= 0 && $at % 8 == 0, 'the keys are where they should be');
seek $f, 8192 + 24 + 8 + $at, 0;
print $f pack 'Q<', (1 << 63) + 8;
close $f;
# From 18 on pages have checksums unless one says otherwise.
$node->append_conf('postgresql.conf', 'ignore_checksum_failure = on');
$node->start;
like(sql("SELECT problem FROM vecstore_check('damaged_idx')"), qr/^row \(\d+,\d+\) has other filter values than its node$/, 'a key that is not its row\'s');
is(sql($ordered . $count), 49, 'and is believed by searches');
sql('REINDEX INDEX damaged_idx');
check_clean($node, 'damaged_idx', 'as good as new');
is(sql($ordered . $count), 50, 'all rows pass again');

# Pages of keys and of origin codes that a crash left as they were added, all zeros: inserts make them what they should be.
for my $block (1, 2) {
    $file = $node->data_dir . '/' . sql("SELECT pg_relation_filepath('damaged_idx')");
    $node->stop;
    open $f, '+<:raw', $file or die "$file: $!";
    seek $f, 8192 * $block, 0;
    print $f "\0" x 8192;
    close $f;
    $node->start;
    my ($rc) = $node->psql('postgres', load_library() . "INSERT INTO damaged SELECT id, v, 8 FROM pool WHERE id BETWEEN 51 AND 80");
    is($rc, 0, "block $block is all zeros: rows are inserted");
    is(sql($ordered . 'SELECT count(*) FROM (SELECT * FROM damaged WHERE tenant = 8 ORDER BY v <=> (SELECT v FROM pool WHERE id = 60)) s'), 30 * $block, 'and found');
    sql('REINDEX INDEX damaged_idx');
    check_clean($node, 'damaged_idx', 'and the index is as good as new');
}

$node->stop;
done_testing();
