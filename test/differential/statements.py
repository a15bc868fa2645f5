"""Random statements over a Schema: an order by distance under every form of condition, join and wrapper.

A Statement is made of parts, so that a failing one can be made smaller by leaving parts out. compare.py says how its answer is
compared with that of the same statement without indexes and without a limit.
"""
from values import COLLATIONS


class Statement:
    """select g, id, k, d FROM ... : g the group (the query's row in a LATERAL join), k the second key of the order, d the distance."""

    def __init__(self):
        self.source = "t"          # what is read as t: the table, a view, a sub-select
        self.joins = []            # text of joins
        self.conditions = []       # joined by AND
        self.second_key = None     # of the order: a column, or the distance from another vector
        self.descending = False
        self.limit = None
        self.offset = 0
        self.settings = []
        self.wrapper = "plain"     # plain, cte, subselect, cursor, prepared, lateral, distinct, union, counted, row_lock
        self.query = None          # SQL of the query vector
        self.operator = None
        self.shown = []            # columns that are returned beside

    def copy(self):
        other = Statement()
        for name, value in vars(self).items():
            setattr(other, name, list(value) if isinstance(value, list) else value)
        return other

    def ordered(self):
        """Does SQL promise an order of the rows, and the settings leave it?"""
        return self.wrapper != "union" and not any("relaxed_order" in s for s in self.settings)

    def distance(self):
        return f"t.v {self.operator} {self.query}"

    def ranged(self):
        """Has it a condition on the distance?"""
        return any(self.distance() in c for c in self.conditions)

    def body(self, limited):
        key = self.second_key or "0"
        group = "q.id" if self.wrapper == "lateral" else "0"
        text = f"SELECT {group} AS g, t.id AS id, {key} AS k, {self.distance()} AS d"
        text += "".join(f", t.{c}::text" for c in self.shown)
        text += f" FROM {self.source}" + "".join(" " + j for j in self.joins)
        if self.conditions:
            text += " WHERE " + " AND ".join(f"({c})" for c in self.conditions)
        text += f" ORDER BY {self.distance()}"
        if self.second_key:
            text += f", {self.second_key}" + (" DESC" if self.descending else "")
        if limited and self.limit is not None:
            text += f" LIMIT {self.limit}"
        if limited and self.offset:
            text += f" OFFSET {self.offset}"
        return text

    def sql(self, limited=True):
        body = self.body(limited)
        if self.wrapper == "cte":
            return f"WITH found AS MATERIALIZED ({body}) SELECT * FROM found"
        if self.wrapper == "subselect":
            return f"SELECT * FROM ({body}) found"
        if self.wrapper == "lateral":
            return f"SELECT found.* FROM q CROSS JOIN LATERAL ({body}) found"
        if self.wrapper == "distinct":   # one row of each distance, as the whole answer has it
            return body.replace("SELECT ", f"SELECT DISTINCT ON ({self.distance()}) ", 1)
        if self.wrapper == "union":
            return f"({body}) UNION ALL (SELECT 1, -1, 0, NULL::float8{', NULL' * len(self.shown)})"
        if self.wrapper == "counted":    # all rows of it, with no order
            return f"SELECT 0 AS g, count(*)::int AS id, coalesce(sum(id), 0)::int AS k, 0::float8 AS d FROM ({body}) found"
        if self.wrapper == "row_lock":
            return f"{body} FOR UPDATE OF t"
        return body

    def statements(self, limited=True):
        """What is sent, the last of which gives rows."""
        text = self.sql(limited)
        if self.wrapper == "cursor":
            return [f"DECLARE c NO SCROLL CURSOR FOR {text}", "FETCH ALL FROM c"]
        if self.wrapper == "prepared":
            return ["DEALLOCATE ALL", "SET LOCAL plan_cache_mode = force_generic_plan", f"PREPARE p AS {text}", "EXECUTE p"]
        return [text]

    def smaller(self):
        """Statements with a part less."""
        for name in ("conditions", "joins", "settings", "shown"):
            for i in range(len(getattr(self, name))):
                other = self.copy()
                del getattr(other, name)[i]
                yield other
        for name, value in (("second_key", None), ("offset", 0), ("wrapper", "plain"), ("source", "t")):
            needed = name == "wrapper" and self.wrapper == "lateral" or name == "second_key" and self.wrapper == "distinct"
            if getattr(self, name) != value and not needed:
                other = self.copy()
                setattr(other, name, value)
                yield other
        if self.limit is not None and self.limit > 1:
            other = self.copy()
            other.limit = max(1, self.limit // 2)
            yield other


class Maker:
    def __init__(self, random, schema):
        self.random, self.schema = random, schema

    def make(self):
        r, s = self.random, self.schema
        x = Statement()
        x.operator = s.operator
        x.query = self.query_vector()
        x.limit = r.choice([None, 0, 1, 3, 5, 10, 10, 10, 30, 100, 5000])
        x.offset = r.choice([0, 0, 0, 0, 1, 7, 50]) if x.limit is not None else 0
        x.wrapper = r.choice(["plain", "plain", "plain", "cte", "subselect", "cursor", "prepared", "lateral", "distinct", "union",
                              "counted", "row_lock"])
        if x.wrapper == "lateral":
            x.query = "q.v"
        x.source = r.choice(["t", "t", "t", "w AS t", "(SELECT * FROM t WHERE n < 15) AS t"])
        for _ in range(r.choice([0, 0, 0, 1, 1, 1, 2, 3])):   # (Most leave few rows.)
            x.conditions.append(self.condition(x, 2))
        if r.random() < 0.35:
            self.join(x)
        if x.wrapper == "distinct":
            x.second_key = "t.id"   # which of equally far rows it is
        elif r.random() < 0.25:
            another = f"t.v {x.operator} {self.query_vector()}"
            x.second_key, x.descending = r.choice(["t.id", "t.n", another, another]), r.random() < 0.3
        if r.random() < 0.3:
            x.shown = [c.name for c in s.columns]
        self.fit(x)
        self.settings(x)
        return x

    def fit(self, x):
        """Some wrappers cannot be put around everything, or tell of all rows alone."""
        if x.wrapper in ("union", "counted"):
            x.limit, x.offset = None, 0
        if x.wrapper == "counted" and self.schema.method != "hnsw":
            x.wrapper = "plain"
        if x.wrapper == "row_lock" and (self.schema.row_security or x.joins):
            x.wrapper = "plain"
        if x.wrapper == "distinct" and (x.joins or self.schema.method != "hnsw"):   # (settings(): relaxed order)
            x.wrapper = "plain"

    def query_vector(self):
        r, s = self.random, self.schema
        literal = s.vectors.literal(may_be_null=False)
        kind = f"bit({s.dims})" if s.kind == "bit" else s.kind
        if r.random() < 0.03:
            return f"NULL::{kind}"
        if r.random() < 0.3:
            return "(SELECT v FROM q ORDER BY id LIMIT 1)"
        return f"{literal}::{kind}"

    def settings(self, x):
        r = self.random
        if r.random() < 0.3:
            x.settings.append(f"hnsw.ef_search = {r.choice([1, 5, 20, 200])}")
        if r.random() < 0.25 and x.wrapper != "distinct":   # (Groups need an order, which is not promised then.)
            x.settings.append("hnsw.iterative_scan = " + r.choice(["relaxed_order", "strict_order"]))
        if self.schema.method == "ivfflat":
            x.settings.append("ivfflat.iterative_scan = relaxed_order")
        if r.random() < 0.6:
            x.settings.append("enable_seqscan = off")
        joins = x.joins or any("FROM j" in c for c in x.conditions)
        if r.random() < (0.6 if joins else 0.2):   # (Small tables are sorted rather than joined in the index.)
            x.settings.append("enable_sort = off")
        for name in ("enable_hashjoin", "enable_mergejoin", "enable_nestloop", "enable_material", "enable_memoize",
                     "enable_bitmapscan", "enable_partitionwise_join", "vecstore.join_filters"):
            if r.random() < 0.07:
                x.settings.append(f"{name} = " + ("on" if name.endswith("wise_join") else "off"))
        if joins and "any_case" in self.schema.key.collation + self.schema.joined_collation:
            # Memoize takes values for the same that are so under the column's collation, not the comparison's.
            x.settings.append("enable_memoize = off")
        if r.random() < 0.1:
            x.settings.append("random_page_cost = 1000")
        if r.random() < 0.1:
            x.settings.append("work_mem = '64kB'")

    # -------------------------------------------------------------------------------------------- conditions

    def condition(self, x, depth):
        r = self.random
        if depth > 0 and r.random() < 0.25:
            inner = [self.condition(x, depth - 1) for _ in range(r.randint(1, 3))]
            choice = r.randrange(3)
            if choice == 0:
                return "NOT (" + inner[0] + ")"
            return (" OR " if choice == 1 else " AND ").join(f"({c})" for c in inner)
        choice = r.random()
        if choice < 0.55:
            return self.on_column(r.choice(self.schema.columns))
        if choice < 0.7:
            return self.on_vector(x)
        if choice < 0.85:
            return self.on_number()
        return self.by_sub_select()

    def literal(self, column):
        r = self.random
        text = r.choice(column.values) if column.values and r.random() < 0.7 else self.schema.value(column, may_be_null=False)
        return f"{text}::{column.kind.name}"

    def array(self, column):
        r = self.random
        elements = [self.literal(column) for _ in range(r.choice([0, 1, 2, 5]))]
        if r.random() < 0.1:
            elements.append("NULL")
        return f"ARRAY[{', '.join(elements)}]::{column.kind.name}[]"

    def on_column(self, column):
        r, kind = self.random, column.kind
        name, collate = f"t.{column.name}", ""
        if kind.text and r.random() < 0.15:
            collate = r.choice([c for c in COLLATIONS if c])
        forms = ["null", "distinct"]
        if kind.operators:
            forms += ["own"] * 6
        is_array = kind.name.endswith("[]") or kind.name == "jsonb"
        forms += ["equal"] * 3
        if not is_array:
            forms += ["order"] * 3 + ["between", "in", "any", "any", "all", "case"]
        if kind.text:
            forms += ["like", "like", "starts"]
        if kind.name == "boolean":
            forms += ["bare", "bare"]
        if kind.name in ("inet", "cidr"):
            forms += ["within"] * 3
        form = r.choice(forms)
        value = self.literal(column)
        if form == "null":
            return f"{name} IS " + r.choice(["NULL", "NOT NULL"])
        if form == "distinct":
            return f"{name} IS " + r.choice(["", "NOT "]) + f"DISTINCT FROM {r.choice([value, 'NULL'])}"
        if form == "own":
            return f"{name} {r.choice(kind.operators)} {value}"
        if form == "equal":
            return f"{name}{collate} {r.choice(['=', '=', '=', '<>'])} {value}" if r.random() < 0.8 else f"{value} = {name}"
        if form == "order":
            op = r.choice(["<", "<=", ">", ">="])
            return f"{name}{collate} {op} {value}" if r.random() < 0.8 else f"{value} {op} {name}"
        if form == "between":
            return f"{name} BETWEEN {value} AND {self.literal(column)}"
        if form == "in":
            values = ", ".join(self.literal(column) for _ in range(r.choice([1, 2, 6])))
            return f"{name} {r.choice(['', '', 'NOT '])}IN ({values})"
        if form == "any":
            return f"{name} {r.choice(['=', '=', '=', '<', '>=', '<>'])} ANY ({self.array(column)})"
        if form == "all":
            return f"{name} {r.choice(['=', '<>', '<', '>='])} ALL ({self.array(column)})"
        if form == "case":
            return f"CASE WHEN t.n > 5 THEN {name} = {value} ELSE {name} IS NOT NULL END"
        if form == "like":
            # PostgreSQL has no LIKE under a nondeterministic collation.
            under = ' COLLATE "C"' if "any_case" in collate + column.collation else collate
            return f"{name}{under} {r.choice(['', 'NOT '])}LIKE " + r.choice(
                ["'a%'", "'abc%'", "''", "'%'", "'a\\_b'", "'https://example.org/%'", "'é%'", "'a%b'"])
        if form == "starts":
            c = " COLLATE \"C\"" if "any_case" in column.collation else ""
            return r.choice([f"starts_with({name}{c}, 'a')", f"{name}::text{c} ^@ 'ab'"])
        if form == "bare":
            return r.choice([name, f"NOT {name}", f"{name} IS TRUE", f"{name} IS NOT FALSE", f"{name} IS UNKNOWN", f"{name} = true"])
        return f"{name} {r.choice(['<<', '<<=', '>>', '&&'])} {value}"

    def on_vector(self, x):
        r = self.random
        distance = x.distance()
        limit = r.choice(["0", "0.5", "1", "2", "5", "-1", "1e9", "'Infinity'::float8", "'NaN'::float8", "NULL"])
        return r.choice([
            "t.v IS NOT NULL", "t.v IS NULL", "NOT (t.v IS NULL)", "t.v IS DISTINCT FROM NULL", "t.v IS NOT DISTINCT FROM NULL",
            f"{distance} < {limit}", f"{distance} <= {limit}", f"{distance} > {limit}", f"{limit} >= {distance}",
            f"1 - ({distance}) >= {limit}", f"{distance} BETWEEN 0 AND {limit}", f"({distance}) IS NOT NULL",
            f"{distance} <> {limit}", f"({distance} < {limit}) IS NOT TRUE"])

    def on_number(self):
        r = self.random
        return r.choice([
            f"t.n = {r.randint(0, 20)}", f"t.n < {r.randint(0, 20)}", f"t.n % 3 = {r.randint(0, 2)}", f"t.id < {r.choice([5, 50, 500])}",
            "(t.n, t.id) > (5, 10)", "(t.n, t.id) = (3, 4)", "t.n IN (SELECT n FROM q)", "t.part <> 1", "t.id BETWEEN 5 AND 50", "false", "true",
            "NULL::boolean", "t.n::bigint = 4", "t.n = 4.0", "random() < 2", "coalesce(t.n, 1) > 3"])

    def by_sub_select(self):
        r, key = self.random, self.schema.key
        if key.kind.name in ("jsonb",) or key.kind.name.endswith("[]"):
            return f"t.n > {r.randint(0, 10)}"
        own, other = self.either_side(self.schema_collation())
        where = r.choice(["", f" WHERE rank < {r.randint(0, 9)}", f" WHERE rank = {r.randint(0, 9)}"])
        inner = where[7:] or "true"
        name, k = f"t.{key.name}{own}", f"k{other}"
        return r.choice([
            f"{name} IN (SELECT {k} FROM j{where})",
            f"{name} NOT IN (SELECT {k} FROM j WHERE k IS NOT NULL AND {inner})",
            f"EXISTS (SELECT 1 FROM j WHERE j.{k} = {name} AND {inner})",
            f"NOT EXISTS (SELECT 1 FROM j WHERE j.{k} = {name} AND {inner})",
            f"{name} = (SELECT {k} FROM j{where} ORDER BY about LIMIT 1)",
            f"{name} = ANY (ARRAY(SELECT {k} FROM j{where}))",
            f"t.n > (SELECT count(*) FROM j{where})"])

    def schema_collation(self):
        """Two columns of different collations cannot be compared without one named; others can."""
        s = self.schema
        if not s.key.kind.text or (s.joined_collation == s.key.collation and self.random.random() < 0.7):
            return ""
        return s.joined_collation or s.key.collation or ' COLLATE "C"'

    def either_side(self, collate):
        """The column of t stands bare, or that of j does."""
        return (collate, "") if self.random.random() < 0.5 else ("", collate)

    def join(self, x):
        r, s = self.random, self.schema
        if s.key.kind.name in ("jsonb",) or s.key.kind.name.endswith("[]"):
            return
        own, other = self.either_side(self.schema_collation())
        equal = f"j.k{other} = t.{s.key.name}{own}"
        kind = r.choice(["JOIN", "JOIN", "JOIN", "LEFT JOIN"])
        x.joins.append(f"{kind} j ON {equal}" + r.choice(["", "", f" AND j.rank < {r.randint(0, 9)}"]))
        if r.random() < 0.7:
            x.conditions.append(f"j.rank {r.choice(['<', '=', '>='])} {r.randint(0, 9)}")
