"""The tables of the crash rounds: their vectors, and the indexes that clients build, rebuild and drop.

Every table has (id, tag, n, v, tenant, lang). A row's id is its own for good. A negative id marks a row that no transaction
commits. tag is the number of the prepared transaction that inserted the row, or 0.
"""

VECTORS = 400   # different ones in a table: equal rows are many


class Index:
    """name: without the table's. definition: what follows USING. operator: that of its operator class."""

    def __init__(self, table, name, definition, operator):
        self.table, self.name, self.operator = table, f"{table}_{name}", operator
        self.method = definition.split()[0]
        self.definition = f"ON {table} USING {definition}"

    def create(self, concurrently=False):
        return f"CREATE INDEX {'CONCURRENTLY ' if concurrently else ''}IF NOT EXISTS {self.name} {self.definition}"


class Table:
    """ledger: rows are only inserted and updated, and the clients keep a list of what is committed."""

    def __init__(self, random, name, vector_type, dims, indexes, ledger=False, unlogged=False, spread=1.0):
        self.name, self.type, self.dims, self.ledger, self.unlogged = name, f"{vector_type}({dims})", dims, ledger, unlogged
        self.indexes = [Index(name, *i) for i in indexes]
        maker = {"bit": bits, "sparsevec": sparse}.get(vector_type, dense)
        self.vectors = [maker(random, dims, spread) for _ in range(VECTORS)]

    def create(self):
        unlogged = "UNLOGGED " if self.unlogged else ""
        return (f"CREATE {unlogged}TABLE {self.name} (id bigint PRIMARY KEY, tag int NOT NULL DEFAULT 0, n int, v {self.type}, "
                "tenant int, lang text) WITH (fillfactor = 80)")


def dense(random, dims, spread):
    """spread: how much longer the longest vectors are than the others. A few have no direction."""
    if random.random() < 0.01:
        return "[" + ",".join(["0"] * dims) + "]"
    topic = random.randrange(8)
    length = spread if random.random() < 0.02 else random.uniform(0.5, 1.5)
    return "[" + ",".join(f"{length * (random.gauss(0, 0.4) + ((topic >> d % 3) & 1)):.4g}" for d in range(dims)) + "]"


def bits(random, dims, _):
    topic = random.getrandbits(dims)
    return format(topic & random.getrandbits(dims) | random.getrandbits(dims) & random.getrandbits(dims), f"0{dims}b")


def sparse(random, dims, _):
    some = sorted(random.sample(range(1, dims + 1), random.randint(0, 12)))
    return "{" + ",".join(f"{i}:{random.gauss(0, 1):.4g}" for i in some) + f"}}/{dims}"


def all_tables(random):
    return [
        Table(random, "plain", "vector", 12, [
            ("l2", "hnsw (v vector_l2_ops) WITH (m = 4, ef_construction = 16)", "<->"),
            ("lists", "ivfflat (v vector_cosine_ops) WITH (lists = 5)", "<=>")]),
        Table(random, "coded", "vector", 200, [
            ("filtered", "hnsw (v vector_cosine_ops, tenant, lang) WITH (m = 6)", "<=>")]),
        Table(random, "compact", "vector", 64, [("l2", "hnsw (v vector_l2_ops) WITH (m = 6, storage = compact)", "<->")]),
        Table(random, "half", "halfvec", 24, [("filtered", "hnsw (v halfvec_l2_ops, tenant) WITH (m = 6)", "<->")]),
        Table(random, "product", "vector", 48, [("ip", "hnsw (v vector_ip_ops, tenant) WITH (m = 6)", "<#>")], spread=1e4),
        Table(random, "sparse", "sparsevec", 60, [("l1", "hnsw (v sparsevec_l1_ops) WITH (m = 6)", "<+>")]),
        Table(random, "bits", "bit", 80, [("hamming", "hnsw (v bit_hamming_ops) WITH (m = 6)", "<~>")]),
        Table(random, "steady", "vector", 16, [("l2", "hnsw (v vector_l2_ops, tenant) WITH (m = 5)", "<->")], ledger=True),
        Table(random, "fleeting", "vector", 16, [("l2", "hnsw (v vector_l2_ops) WITH (m = 5)", "<->")], unlogged=True),
    ]
