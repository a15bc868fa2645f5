"""Random schemas: a table of vectors with filter columns and an index, a table to join with, a table of query vectors.

A Schema is a list of steps, in order, that make it. Rows are steps of their own, so that a failing case can be made
smaller by leaving some out.
"""
from values import COLLATIONS, COLUMN_TYPES, DISTANCES, VECTOR_TYPES, VectorMaker, quoted

PRELUDE = [
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
    "CREATE DOMAIN small_number AS integer CHECK (VALUE < 1000)",
    "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
]


class Step:
    """kind: sql, or row (which a smaller case may lack)."""

    def __init__(self, sql, kind="sql"):
        self.sql, self.kind = sql, kind


class Column:
    def __init__(self, name, kind, collation=""):
        self.name, self.kind, self.collation, self.values = name, kind, collation, []

    def declared(self):
        return f"{self.name} {self.kind.name}{self.collation}"


class Schema:
    def __init__(self, random):
        r = self.random = random
        self.kind = r.choice(VECTOR_TYPES)
        self.dims = r.choice([1, 2, 3, 8, 20, 33, 64]) if r.random() < 0.7 else r.choice([192, 256, 300])
        if self.kind == "sparsevec":
            self.dims = max(self.dims, 8)
        self.operator, self.opclass = r.choice(DISTANCES[self.kind])
        self.method = "ivfflat" if self.kind in ("vector", "halfvec") and self.operator != "<+>" and r.random() < 0.12 else "hnsw"
        self.vectors = VectorMaker(r, self.kind, self.dims)
        self.columns = self.draw_columns()
        self.row_count = r.choice([0, 1, 2, 10, 50, 200, 200, 600, 600, 1500])
        if self.dims > 64:
            self.row_count = min(self.row_count, 600)
        self.partitioned = r.random() < 0.15
        self.row_security = r.random() < 0.1
        # Texts of two collations are what joins by an index may get wrong.
        texts = [c for c in self.columns if c.kind.text]
        self.key = r.choice(texts if texts and r.random() < 0.5 else self.columns)
        self.indexed = [c for c in self.columns if r.random() < (0.8 if c is self.key else 0.5)] if self.method == "hnsw" else []
        self.index_first = r.random() < 0.2
        self.steps = []
        self.make()

    def draw_columns(self):
        r, columns = self.random, []
        for i in range(r.randint(1, 4)):
            kind = r.choice(COLUMN_TYPES)
            columns.append(Column(f"c{i}", kind, r.choice(COLLATIONS + [" COLLATE any_case"]) if kind.text else ""))
        return columns

    def value(self, column, may_be_null=True):
        if may_be_null and self.random.random() < 0.1:
            return "NULL"
        text = quoted(column.kind.draw(self.random))
        if len(column.values) < 40:
            column.values.append(text)
        return text

    def sql(self, text):
        self.steps.append(Step(text))

    def make(self):
        r = self.random
        for text in PRELUDE:
            self.sql(text)
        columns = "".join(", " + c.declared() for c in self.columns)
        partition = " PARTITION BY HASH (id)" if self.partitioned else ""
        self.sql(f"CREATE TABLE t (id int NOT NULL, part int, n int, v {self.vectors.type_name()}{columns}){partition}")
        if self.partitioned:
            for i in range(3):
                self.sql(f"CREATE TABLE t_{i} PARTITION OF t FOR VALUES WITH (MODULUS 3, REMAINDER {i})")
        self.joined_collation = r.choice(COLLATIONS + [self.key.collation] * 4) if self.key.kind.text else ""
        self.sql(f"CREATE TABLE j (k {self.key.kind.name}{self.joined_collation}, rank int, about text)")
        self.sql(f"CREATE TABLE q (id int, n int, v {self.vectors.type_name()})")
        index = self.index_statement()
        if self.index_first:
            self.sql(index)
        self.add_rows()
        if not self.index_first:
            self.sql(index)
        if r.random() < 0.5 and self.key.kind.name != "jsonb":
            self.sql("CREATE INDEX j_k ON j (k)")
        if r.random() < 0.4:
            self.sql("CREATE INDEX t_id ON t (id)")
        if r.random() < 0.3:
            self.sql("CREATE INDEX t_n ON t (n)")
        self.change()
        if self.row_security:
            self.sql("ALTER TABLE t ENABLE ROW LEVEL SECURITY")
            self.sql("CREATE POLICY some_rows ON t USING (n % 3 <> 1)")
        self.sql("CREATE VIEW w AS SELECT id, part, n, v" + "".join(", " + c.name for c in self.columns) + " FROM t WHERE n >= 0")
        if r.random() < 0.8:
            self.sql("ANALYZE")

    def index_statement(self):
        r = self.random
        options = []
        if self.method == "hnsw":
            if r.random() < 0.5 and self.kind in ("vector", "halfvec"):
                options.append("storage = " + r.choice(["default", "compact", "plain"]))
            if r.random() < 0.2:
                options.append(f"m = {r.choice([2, 5, 30])}")
        else:
            options.append(f"lists = {r.choice([1, 5, 30])}")
        # Codes take 8 dimensions and more, and an operator class that has them: elsewhere the option is refused.
        self.storage = next((o.split()[-1] for o in options if o.startswith("storage")), "auto")
        collation = r.choice(COLLATIONS)   # an index may have another than its column
        extra = "".join(f", {c.name}" + (collation if c.kind.text else "") for c in self.indexed)
        partial = " WHERE n % 2 = 0" if r.random() < 0.07 else ""
        with_options = f" WITH ({', '.join(options)})" if options else ""
        return f"CREATE INDEX t_v ON t USING {self.method} (v {self.opclass}{extra}){with_options}{partial}"

    def add_rows(self):
        r = self.random
        for i in range(self.row_count):
            values = "".join(", " + self.value(c) for c in self.columns)
            self.steps.append(Step(f"INSERT INTO t VALUES ({i}, {i % 3}, {r.randint(0, 20)}, {self.vectors.literal()}{values})", "row"))
        for i in range(r.choice([0, 1, 5, 20, 100])):
            key = r.choice(self.key.values) if self.key.values and r.random() < 0.8 else self.value(self.key)
            self.steps.append(Step(f"INSERT INTO j VALUES ({key}, {r.randint(0, 9)}, 'about {i}')", "row"))
        for i in range(r.choice([1, 3, 5])):
            self.steps.append(Step(f"INSERT INTO q VALUES ({i}, {r.randint(0, 20)}, {self.vectors.literal()})", "row"))

    def change(self):
        """Updates, deletes and vacuums after the index is there."""
        r = self.random
        if r.random() < 0.3:
            self.sql(f"DELETE FROM t WHERE id % {r.choice([2, 3, 10])} = 0")
        if r.random() < 0.3:
            self.sql(f"UPDATE t SET n = n + 1 WHERE id % {r.choice([2, 5])} = 1")
        if r.random() < 0.2:
            c = r.choice(self.columns)
            self.sql(f"UPDATE t SET {c.name} = {self.value(c)} WHERE id % 4 = 1")
        if r.random() < 0.2:
            self.sql(f"UPDATE t SET v = {self.vectors.literal()} WHERE id % 7 = 1")
        if r.random() < 0.4:
            self.sql("VACUUM t")
        if r.random() < 0.2:
            for i in range(r.choice([1, 20, 100])):
                values = "".join(", " + self.value(c) for c in self.columns)
                self.steps.append(Step(f"INSERT INTO t VALUES ({100000 + i}, 0, {r.randint(0, 20)}, {self.vectors.literal()}{values})", "row"))
