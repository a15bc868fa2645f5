# Conditions on joined tables that are tested in the index: whatever the query joins by, and however it says so, the rows
# are those of the same statement without join filters and of the same without indexes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Vecstore;

plan skip_all => 'join filters are vecstore\'s' if extension() ne 'vecstore';

my $SEED = $ENV{VECSTORE_TEST_SEED} // 1;
my $CASES = scale(260, 3000);

my $node = new_node('joins', 'shared_buffers = 128MB', 'synchronous_commit = off', 'autovacuum = off', 'jit = off',
    'client_min_messages = warning', 'max_parallel_workers_per_gather = 0', 'default_statistics_target = 100',
    "shared_preload_libraries = 'pg_stat_statements'");

sub sql { return $node->safe_psql('postgres', join ";\n", @_) }

# ------------------------------------------------------------------------------------------------- the tables

# ICU has collations in which texts of other bytes are equal. A server without has none.
my $icu = sql(<<'SQL');
DO $$
BEGIN
    CREATE COLLATION no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE COLLATION by_icu (provider = icu, locale = 'en-US');
EXCEPTION WHEN OTHERS THEN
    CREATE COLLATION no_case FROM "C";
    CREATE COLLATION by_icu FROM "C";
END $$;
SELECT bool_and(collprovider = 'i') FROM pg_collation WHERE collname IN ('no_case', 'by_icu');
SQL
note("collations of ICU: $icu");

my %TYPES = (i2 => 'int2', i4 => 'int4', i8 => 'int8', f4 => 'float4', f8 => 'float8', num => 'numeric', d => 'date',
    ts => 'timestamp', tz => 'timestamptz', tx => 'text COLLATE "C"', td => 'text', ti => 'text COLLATE by_icu',
    nc => 'text COLLATE no_case', vc => 'varchar(9)', bp => 'char(9)', nm => 'name', u => 'uuid', e => 'mood', di => 'few',
    dt => 'word', b => 'bool');
my @COLUMNS = sort keys %TYPES;

# The n-th value of a type: of a few, some of which differ by case only.
my $WORD = q{(CASE n % 3 WHEN 0 THEN 'w' WHEN 1 THEN 'W' ELSE 'wo' END || n / 3)};
my %VALUE = ((map { $_ => 'n' } qw(i2 i4 i8 f4 f8 num di)), d => "date '2024-01-01' + n", ts => "date '2024-01-01' + n",
    tz => "date '2024-01-01' + n", (map { $_ => $WORD } qw(tx td ti nc vc bp nm dt)),
    u => q{lpad(n::text, 32, '0')::uuid}, e => q{('{sad,ok,glad}'::mood[])[1 + n % 3]}, b => 'n % 2 = 0');

my $columns = join ', ', map { "$_ $TYPES{$_}" } @COLUMNS;
my $values = join ', ', map { "CASE WHEN random() > .07 THEN $VALUE{$_} END" } @COLUMNS;
# Each has at most 20 columns beside the vector of eight dimensions.
my @half = ([grep { $_ lt 'i' } @COLUMNS], [grep { $_ ge 'i' } @COLUMNS]);
sql(<<"SQL");
CREATE EXTENSION pg_stat_statements;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad');
CREATE DOMAIN few AS int CHECK (VALUE < 1000);
CREATE DOMAIN word AS text;
SELECT setseed(0.$SEED);
CREATE TABLE t (id int PRIMARY KEY, v vector(8), $columns);
INSERT INTO t SELECT i, (SELECT array_agg(random())::vector(8) FROM generate_series(1, 8) WHERE i > 0), $values
    FROM generate_series(1, 900) i, LATERAL (SELECT floor(random() * 90)::int AS n WHERE i > 0) x;
CREATE TABLE g (id int PRIMARY KEY, name text, top int, zero int, $columns);
INSERT INTO g SELECT i, 'n' || i % 5, i % 7, i % 2, $values
    FROM generate_series(1, 120) i, LATERAL (SELECT floor(random() * 110)::int AS n WHERE i > 0) x;
CREATE TABLE h (LIKE g);
INSERT INTO h SELECT * FROM g ORDER BY random() LIMIT 60;
CREATE TABLE gp (LIKE g) PARTITION BY LIST (top);
CREATE TABLE gp_0 PARTITION OF gp FOR VALUES IN (0, 1, 2);
CREATE TABLE gp_1 PARTITION OF gp DEFAULT;
INSERT INTO gp SELECT * FROM g;
CREATE TABLE gi (LIKE g);
CREATE TABLE gi_child () INHERITS (gi);
INSERT INTO gi SELECT * FROM g WHERE id < 50;
INSERT INTO gi_child SELECT * FROM g WHERE id >= 50;
CREATE TABLE tp (LIKE t) PARTITION BY RANGE (id);
CREATE TABLE tp_0 PARTITION OF tp FOR VALUES FROM (0) TO (300);
CREATE TABLE tp_1 PARTITION OF tp DEFAULT;
INSERT INTO tp SELECT * FROM t;
CREATE VIEW tv AS SELECT * FROM t WHERE id > 20;
CREATE VIEW gv AS SELECT * FROM g WHERE top < 6;
CREATE VIEW gb WITH (security_barrier) AS SELECT * FROM g WHERE top < 6;
CREATE INDEX ON g (top);
CREATE INDEX ON t (i4);
SQL
for my $table (qw(t tp)) {
    sql("CREATE INDEX ON $table USING hnsw (v vector_l2_ops, " . join(', ', @$_) . ')') for @half;
    sql("CREATE INDEX ON $table USING hnsw (v vector_l2_ops, (tx || 'x'))");
}
sql('ANALYZE');

# Runs a query as ways have it, and says what differs; and whether a join filter was in the index. All settings but those are
# such that the index finds everything.
sql(<<'SQL');
CREATE FUNCTION rows_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE rows text;
BEGIN
    EXECUTE format('SELECT coalesce(string_agg(x::text, '' '' ORDER BY place), ''none'') FROM (SELECT row_number() OVER () AS place, * FROM (%s) y) x', query) INTO rows;
    RETURN rows;
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; plan text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP plan := plan || line || E'\n'; END LOOP;
    RETURN plan;
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION differs(query text, OUT filtered bool, OUT difference text) LANGUAGE plpgsql AS $$
DECLARE given text; by_index text; unfiltered text; exact text;
BEGIN
    SET LOCAL hnsw.ef_search = 2000;
    given := rows_of(query);
    SET LOCAL enable_sort = off;
    by_index := rows_of(query);
    filtered := plan_of(query) ~ 'Index Cond: .* = ANY \(.*(\$[0-9]|InitPlan)';
    SET LOCAL vecstore.join_filters = off;
    unfiltered := rows_of(query);
    SET LOCAL enable_indexscan = off;
    SET LOCAL enable_sort = on;
    exact := rows_of(query);
    SET LOCAL enable_indexscan = on;
    SET LOCAL vecstore.join_filters = on;
    IF given <> exact OR by_index <> exact OR unfiltered <> exact THEN
        difference := format(E'%s\n  exact: %s\n  given: %s\n  index: %s\n  unfiltered: %s', query, exact, given, by_index, unfiltered);
    END IF;
END $$;
SQL

# ------------------------------------------------------------------------------------------------- the queries

srand($SEED);
sub any { return $_[rand @_] }

# An equality of two tables' columns. Some are of no type that the index knows together, some of no class of the planner's.
sub equality {
    my ($t, $g) = @_;
    my @texts = qw(tx td ti nc vc dt);
    my @pairs = ([any(qw(i2 i4 i8 di)), any(qw(i2 i4 i8 di))], [any(qw(f4 f8)), any(qw(f4 f8))], [any(qw(num i4)), 'num'],
        [any(qw(d ts)), any(qw(d ts))], ['tz', any(qw(tz d))], [any(@texts), any(@texts)], [any(@texts), any(@texts)],
        [any(@texts), any(@texts)], ['bp', any('bp', 'tx')], [any('nm', 'tx'), any('nm', 'tx')], ['u', 'u'], ['e', 'e'], ['b', 'b'],
        ['i4', any('f8', 'num')]);
    my ($a, $b) = @{any(@pairs)};
    my $text = "$a$b" =~ /^(tx|td|ti|nc|vc|dt|nm)(tx|td|ti|nc|vc|dt|nm)$/;
    # Two collations of columns are none: the query has to say which.
    # (Of names PostgreSQL's own hash joins do not know of such a collation.)
    my $collate = !$text ? '' : ' COLLATE ' . any('"C"', 'by_icu', '"default"', "$a$b" =~ /nm/ ? () : ('no_case') x 3);
    my ($left, $right) = ("$t.$a", "$g.$b");
    return any("$left = $right$collate", "$right$collate = $left", "$left$collate = $right",
        "$left = $right$collate" . any('', '', " AND $t.i4 = $g.i8"));
}

sub condition {
    my ($g) = @_;
    return any("$g.name = 'n2'", "$g.top = 3", "$g.top < 1", "$g.name = 'n1' AND $g.top > 3", "$g.id < 12", "$g.name IN ('n1', 'n4') AND $g.top = 2",
        "$g.id IN (SELECT id FROM h WHERE top = 2)", "$g.name = (SELECT 'n' || 3)", "$g.top = 2 AND random() < 2", "$g.nc = 'W1'", "$g.name IS NULL",
        "$g.tx > 'w1' AND $g.top = 4", "$g.zero = 0 AND 10 / ($g.zero + 1) > 5 AND $g.top = 1", "false", "$g.top = 3 AND $g.i4 IS NULL");
}

my $ORDER = "ORDER BY t.v <-> '[.5,.4,.3,.5,.4,.3,.2,.9]'";
sub query {
    my $limit = 'LIMIT ' . any(1, 5, 5, 20, 200, 2000);
    my $t = any(('t') x 6, 'tv', 'tp', '(SELECT * FROM t WHERE id % 3 > 0 OFFSET 0)');
    my $g = any(('g') x 5, 'gv', 'gb', 'gp', 'gi', '(SELECT * FROM g WHERE top < 6)', '(SELECT * FROM g ORDER BY id LIMIT 80)',
        '(SELECT * FROM g UNION ALL SELECT * FROM h)', '(SELECT DISTINCT ON (name, i4) * FROM g ORDER BY name, i4, id)');
    my $own = any('', '', '', ' AND t.id < 400', ' AND t.i8 > 20', ' AND t.tx > \'w\'');
    my ($on, $where, $again) = (equality('t', 'g'), condition('g'), equality('g', 'h'));
    my $from = any(
        ("$t t JOIN $g g ON $on WHERE $where$own") x 3,
        "$t t, $g g WHERE $on AND $where$own",
        "$g g JOIN $t t ON $on AND $where WHERE true$own",
        "$t t LEFT JOIN $g g ON $on WHERE $where$own",
        "$t t LEFT JOIN $g g ON $on AND $where WHERE true$own",
        "$t t LEFT JOIN $g g ON $on WHERE ($where) IS NOT FALSE$own",
        "$g g RIGHT JOIN $t t ON $on WHERE $where$own",
        "$g g LEFT JOIN $t t ON $on WHERE $where$own",
        "$t t RIGHT JOIN $g g ON $on AND $where WHERE true$own",
        "$t t FULL JOIN $g g ON t.i4 = g.i4 WHERE $where$own",
        "$t t FULL JOIN $g g ON t.i4 = g.i8 WHERE true$own",
        "$t t WHERE EXISTS (SELECT 1 FROM $g g WHERE $on AND $where)$own",
        "$t t WHERE NOT EXISTS (SELECT 1 FROM $g g WHERE $on AND $where)$own",
        "$t t WHERE t.i4 IN (SELECT g.i8 FROM $g g WHERE $where)$own",
        "$t t WHERE t.i4 NOT IN (SELECT g.i4 FROM $g g WHERE g.i4 IS NOT NULL AND $where)$own",
        "$t t WHERE (t.i4 IN (SELECT g.i4 FROM $g g WHERE $where) OR t.id < 9)$own",
        "$t t JOIN $g g ON $on JOIN h ON $again WHERE $where AND " . condition('h') . $own,
        "$t t JOIN $g g ON $on LEFT JOIN h ON $again AND " . condition('h') . " WHERE $where$own",
        "$t t LEFT JOIN ($g g JOIN h ON $again AND " . condition('h') . ") ON $on WHERE $where$own",
        "$t t LEFT JOIN $g g ON $on LEFT JOIN h ON $again WHERE " . condition('h') . $own,
        "($t t LEFT JOIN $g g ON $on) JOIN h ON t.i4 = h.i8 WHERE " . condition('h') . $own,
        "$t t JOIN LATERAL (SELECT * FROM $g g WHERE $on) g ON $where WHERE true$own",
        "$t t JOIN t g ON $on WHERE g.i8 IN (3, 4, 60)$own",
        "$t t JOIN $g g ON " . equality('t', 'g') . " AND $on WHERE $where$own",
        "$t t JOIN $g g ON $on WHERE t.i4 = 17 AND $where",
        "$t t JOIN $g g ON t.i4 + 0 = g.i4 WHERE $where$own",
        "$t t JOIN $g g ON t.tx || 'x' = g.tx || 'x' WHERE $where$own");
    my $kind = any(('plain') x 5, 'distinct', 'cte', 'lateral', 'outer lateral', 'sub', 'materialized');
    return "WITH c AS (SELECT t.id, t.v FROM $from $ORDER $limit) SELECT id FROM c ORDER BY v <-> '[.5,.4,.3,.5,.4,.3,.2,.9]'" if $kind eq 'cte';
    return "WITH g AS MATERIALIZED (SELECT * FROM g WHERE top < 5) SELECT t.id FROM t JOIN g ON $on WHERE $where$own $ORDER $limit" if $kind eq 'materialized';
    return "SELECT (SELECT t.id FROM $from $ORDER LIMIT 1)" if $kind eq 'sub';
    return "SELECT id FROM (SELECT DISTINCT t.id, t.v <-> '[.5,.4,.3,.5,.4,.3,.2,.9]' AS d FROM $from ORDER BY d $limit) x ORDER BY d" if $kind eq 'distinct';
    return "SELECT q.id AS q, n.id FROM (SELECT id, tx AS word FROM h WHERE id % 8 = 0) q "
        . ($kind eq 'lateral' ? 'CROSS JOIN' : 'LEFT JOIN')
        . " LATERAL (SELECT t.id, t.v <-> '[.5,.4,.3,.5,.4,.3,.2,.9]' AS d FROM $t t JOIN $g g ON $on WHERE g.id > q.id AND g.top = q.id % 7$own ORDER BY d LIMIT 3) n "
        . ($kind eq 'lateral' ? '' : 'ON true ') . 'ORDER BY q.id, n.d' if $kind =~ /lateral/;
    return "SELECT t.id FROM $from $ORDER $limit";
}

my ($filtered, @differences) = (0);
my @queries = map { query() } 1 .. $CASES;
while (my @some = splice @queries, 0, 50) {
    my $out = sql(load_library() . join ";\n", map { "SELECT * FROM differs(\$query\$$_\$query\$)" } @some);
    for my $row (split /^(?=[tf]?\|)/m, $out) {
        my ($used, $difference) = split /\|/, $row, 2;
        ++$filtered if $used eq 't';
        push @differences, $difference if $difference =~ /\S/;
    }
}
is(join("\n", @differences), '', "$CASES joins: the rows of the same statement without join filters and without indexes");
cmp_ok($filtered, '>', $CASES / 12, "$filtered of them were filtered in the index");


# By every collation of a column, an index and a join: texts that are equal under one are not under another.
sql('CREATE TABLE words AS SELECT id, v, tx, td, ti, nc, vc, dt FROM t', 'ANALYZE words');
my @equalities = map { "t.$_ = g.$_" } qw(tx td ti nc vc dt);
for my $left (qw(tx td nc dt)) {
    for my $right (qw(td nc)) { push @equalities, map { "t.$left = g.$right COLLATE $_" } '"C"', 'no_case', 'by_icu' }
}
my $by_collation = 0;
for my $index ('', ' COLLATE "C"', ' COLLATE no_case') {
    sql('DROP INDEX IF EXISTS words_idx', 'CREATE INDEX words_idx ON words USING hnsw (v vector_l2_ops, ' . join(', ', map { "$_$index" } qw(tx td ti nc vc dt)) . ')');
    my @told = split /^(?=[tf]\|)/m, sql(load_library() . join ";\n",
        map { "SELECT * FROM differs(\$query\$SELECT t.id FROM words t JOIN g ON $_ WHERE g.top = 3 AND g.id < 50 $ORDER LIMIT 300\$query\$)" } @equalities);
    is(join('', grep { /^[tf]\|\S/ } @told), '', "index$index: equal is what the join takes for it");
    $by_collation += grep { /^t/ } @told;
}
cmp_ok($by_collation, '>', 20, "$by_collation of them filtered in the index");

# --------------------------------------------------------------------------------- what is asked, by whom and how often

my $BY_INDEX = 'SET enable_sort = off';
my $JOIN = "SELECT t.id FROM t JOIN g ON g.i4 = t.i4 WHERE g.top = 3 $ORDER LIMIT 5";

# The library comes with the first look at the index, which is in the planning of this very statement.
like(sql($BY_INDEX, "EXPLAIN (COSTS OFF) SELECT t.id FROM t JOIN g ON g.i4 = t.i4 WHERE g.top = 3 ORDER BY t.v <-> (SELECT v FROM t WHERE id = 3) LIMIT 5"),
    qr/Index Cond: \(i4 = ANY/, 'the first query of a session is filtered, too');

# A plan that has no use for the keys does not name them; nor one that has no index.
unlike(sql(load_library() . "EXPLAIN $JOIN" =~ s/t\.id FROM/t.id + 0 FROM/r =~ s/top = 3/top = 3 AND t.id < 3/r), qr/InitPlan/,
    'keys that nothing asks for are not in the plan');

sql('SELECT pg_stat_statements_reset()');
sql("$BY_INDEX; SET pg_stat_statements.track_planning = on; $JOIN");
is(sql("SELECT plans || ' ' || calls FROM pg_stat_statements WHERE query LIKE 'SELECT t.id FROM t JOIN g ON%'"), '1 1',
    'a statement is planned once');

# The conditions of a joined table are tested in the order that its own scan tests them in.
is(sql($BY_INDEX, "SELECT count(*) FROM (SELECT t.id FROM t JOIN g ON g.i4 = t.i4 WHERE g.zero <> 0 AND 10 / g.zero > 1 AND g.top < 2 $ORDER LIMIT 900) x"),
    sql("SET enable_indexscan = off", "SELECT count(*) FROM t JOIN g ON g.i4 = t.i4 WHERE g.zero <> 0 AND 10 / g.zero > 1 AND g.top < 2"), 'no division by zero');

# Nobody needs a right that the statement itself does not need.
sql('CREATE ROLE reader', 'GRANT SELECT ON t, g TO reader', 'REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC',
    q{DO $$ DECLARE f regprocedure; BEGIN
        FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname IN ('l2_distance', 'vector_in', 'vector') LOOP
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO reader', f); END LOOP; END $$});
my $as_reader = 'SET ROLE reader; ' . $BY_INDEX;
is(sql($as_reader, $JOIN), sql('SET enable_indexscan = off', $JOIN), 'without EXECUTE: a join');
for my $query ("SELECT id FROM t WHERE v <-> '[.5,.4,.3,.5,.4,.3,.2,.9]' < .6 $ORDER LIMIT 8", "SELECT id FROM t WHERE v <-> '[.5,.4,.3,.5,.4,.3,.2,.9]' < .6 $ORDER",
    "SELECT id FROM t WHERE i4 < 4 $ORDER") {
    is(sql($as_reader, $query), sql('SET enable_indexscan = off', $query), "without EXECUTE: $query");
}

# A condition of the reader's sees no row of the joined table that its policies hide, though the index is asked first.
sql('CREATE TABLE seen (id int)', 'GRANT INSERT ON seen TO reader', 'ALTER TABLE g ENABLE ROW LEVEL SECURITY',
    'CREATE POLICY shown ON g TO reader USING (top > 2 AND id <> 7)',
    q{CREATE FUNCTION peek(id int) RETURNS bool LANGUAGE plpgsql STABLE COST .0001 AS $$ BEGIN RAISE WARNING 'saw %', id; RETURN id % 2 = 0; END $$},
    'GRANT EXECUTE ON FUNCTION peek(int) TO reader');
my ($rows, $seen) = ('', '');
$node->psql('postgres', "SET client_min_messages = warning; $as_reader; SELECT t.id FROM t JOIN g ON g.i4 = t.i4 WHERE peek(g.id) AND g.name = 'n2' $ORDER LIMIT 5",
    stdout => \$rows, stderr => \$seen);
my %hidden = map { $_ => 1 } split /\n/, sql('SELECT id FROM g WHERE NOT (top > 2 AND id <> 7)');
is(join(' ', grep { $hidden{$_} } $seen =~ /saw (\d+)/g), '', 'rows that a policy hides are not shown to a condition');
like($seen, qr/saw \d/, 'others are');
is($rows, sql("SET enable_indexscan = off; SELECT t.id FROM t JOIN g ON g.i4 = t.i4 WHERE g.top > 2 AND g.id <> 7 AND g.id % 2 = 0 AND g.name = 'n2' $ORDER LIMIT 5"),
    'and the rows are those');
sql('ALTER TABLE g DISABLE ROW LEVEL SECURITY');

# ------------------------------------------------------------------------------- plans that must not be, whatever they cost

# By any settings, an index is not scanned without order: a join that is not about vectors, of tables with and without rows.
sql('CREATE TABLE bare (id int, v vector(3), k int, w text)', 'CREATE INDEX ON bare USING hnsw (v vector_l2_ops, k, w)');
my @methods = qw(hashjoin mergejoin nestloop material memoize seqscan indexscan bitmapscan sort);
my @failed;
for my $fill (0, 1, 300) {
    sql("INSERT INTO bare SELECT i, ARRAY[i, 1, 2]::vector(3), i % 20, 'w' || i FROM generate_series(1, $fill) i");
    sql('ANALYZE bare') if $fill > 1;
    for my $round (1 .. 20) {
        my @off = map { "SET enable_$_ = off" } grep { rand() < .5 } @methods;
        my $query = any('SELECT count(*) FROM bare b JOIN g ON b.k = g.i4', 'SELECT count(*) FROM bare b JOIN g ON b.k = g.i4 AND b.w = g.td',
            'SELECT count(*) FROM bare b JOIN t ON t.i4 = b.k JOIN g ON g.i4 = t.i4', 'SELECT count(*) FROM bare b WHERE b.k = 3',
            'SELECT count(*) FROM t WHERE EXISTS (SELECT 1 FROM bare b WHERE b.k = t.i4)', 'SELECT count(*) FROM t LEFT JOIN bare b ON b.k = t.i4 WHERE b.k IS NULL',
            'SELECT count(*) FROM bare b WHERE b.k IN (SELECT i4 FROM g)', 'SELECT count(*) FROM bare b, LATERAL (SELECT 1 FROM t WHERE t.i4 = b.k LIMIT 1) x',
            q{SELECT count(*) FROM bare b WHERE b.v IS NOT NULL AND b.k IS NULL}, 'SELECT count(*) FROM bare a JOIN bare b USING (k)',
            (map { "SELECT sum(x) FROM (SELECT b.k AS x FROM g JOIN bare b ON b.k = g.i4 ORDER BY g.id LIMIT $_) y" } 20, 100) x 3);
        my ($plan, $error) = ('', '');
        $node->psql('postgres', join('; ', @off, any('SET random_page_cost = 4', 'SET random_page_cost = 0', 'SET cpu_operator_cost = 1e6'), "EXPLAIN $query"), stdout => \$plan, stderr => \$error);
        my $told = ask_quietly($node, join '; ', @off, $query);
        my $exact = sql($query);
        push @failed, "@off; $query: $told, not $exact; $plan $error" if $told ne $exact || $plan =~ /NaN|Infinity|using bare_v/ || $error =~ /\S/;
    }
}
is(join("\n", @failed), '', 'no scan without order, no cost that is no number');

# The cost of a search under conditions depends on what the index has to help it: plain ones have no origin codes, and those
# that were empty when they were created no clusters.
sql('CREATE TABLE helped (v vector(192), k int)', 'CREATE INDEX empty_first ON helped USING hnsw (v vector_l2_ops, k)',
    'INSERT INTO helped SELECT (SELECT array_agg(random())::vector(192) FROM generate_series(1, 192) WHERE i > 0), i FROM generate_series(1, 3000) i',
    'ANALYZE helped');
sub expected_cost {
    my ($limit) = sql(load_library() . 'SET enable_sort = off; EXPLAIN SELECT * FROM helped WHERE k < 1000 ORDER BY v <-> (SELECT v FROM helped WHERE k = 1) LIMIT 10')
        =~ /Index Scan using .*?cost=(\d+\.\d+)/;
    return $limit;
}
my $empty = expected_cost();
sql('REINDEX INDEX empty_first');
my $coded = expected_cost();
sql('DROP INDEX empty_first', 'CREATE INDEX plain ON helped USING hnsw (v vector_l2_ops, k) WITH (storage = plain)');
my $plain = expected_cost();
cmp_ok($plain, '>', 1.1 * $coded, "a search in a plain index costs more: $plain, not $coded");
cmp_ok($empty, '>', $coded, "and so does one without clusters: $empty");

done_testing();
