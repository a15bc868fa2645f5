"""Random values: vectors of every type with the oddities that real data have, and values of filter columns.

Everything is SQL text, so that a case is a script that anybody can run.
"""
VECTOR_TYPES = ("vector", "vector", "vector", "halfvec", "sparsevec", "bit")

# type -> (operator, operator class) pairs.
DISTANCES = {
    "vector": [("<->", "vector_l2_ops"), ("<=>", "vector_cosine_ops"), ("<#>", "vector_ip_ops"), ("<+>", "vector_l1_ops")],
    "halfvec": [("<->", "halfvec_l2_ops"), ("<=>", "halfvec_cosine_ops"), ("<#>", "halfvec_ip_ops"), ("<+>", "halfvec_l1_ops")],
    "sparsevec": [("<->", "sparsevec_l2_ops"), ("<=>", "sparsevec_cosine_ops"), ("<#>", "sparsevec_ip_ops"), ("<+>", "sparsevec_l1_ops")],
    "bit": [("<~>", "bit_hamming_ops"), ("<%>", "bit_jaccard_ops")],
}


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


class VectorMaker:
    """Vectors of one column: clusters, ties, repeats, zeros, denormals and outliers, in shares drawn once."""

    def __init__(self, random, kind, dims):
        self.random, self.kind, self.dims = random, kind, dims
        self.style = random.choice(["normal", "clusters", "grid", "positive"])
        self.centers = [[random.gauss(0, 1) for _ in range(dims)] for _ in range(random.choice([2, 5, 20]))]
        self.null_share = random.choice([0, 0, 0.02, 0.2])
        self.repeat_share = random.choice([0, 0, 0.05, 0.5])
        self.odd_share = random.choice([0, 0, 0.01, 0.05])
        self.seen = []

    def numbers(self):
        r = self.random
        if self.style == "clusters":
            return [x + r.gauss(0, 0.2) for x in r.choice(self.centers)]
        if self.style == "grid":   # many ties
            return [float(r.randint(-2, 2)) for _ in range(self.dims)]
        if self.style == "positive":
            return [r.random() for _ in range(self.dims)]
        return [r.gauss(0, 1) for _ in range(self.dims)]

    def odd_numbers(self):
        r = self.random
        choice = r.randrange(6)
        if choice == 0:
            return [0.0] * self.dims
        large = 60000.0 if self.kind == "halfvec" else r.choice([1e6, 1e18, 3e37])
        tiny = 6e-8 if self.kind == "halfvec" else r.choice([1e-30, 1e-40, 1e-45])
        if choice == 1:
            return [r.choice([-1, 1]) * tiny for _ in range(self.dims)]
        if choice == 2:
            return [-9999.0] * self.dims
        if choice == 3:
            return [large if i == 0 else 0.0 for i in range(self.dims)]
        if choice == 4:
            return [x * 100 for x in self.numbers()]
        return [1.0] * self.dims

    def text_of(self, x):
        if self.kind == "bit":
            return "".join("1" if v > 0 else "0" for v in x)
        if self.kind == "sparsevec":
            items = [f"{i + 1}:{v:.6g}" for i, v in enumerate(x) if v != 0 and (i * 7919 + len(self.seen)) % 3 == 0]
            return "{" + ",".join(items) + "}/" + str(self.dims)
        return "[" + ",".join(f"{v:.6g}" for v in x) + "]"

    def literal(self, may_be_null=True):
        """A row's vector, as an SQL literal."""
        r = self.random
        if may_be_null and r.random() < self.null_share:
            return "NULL"
        if self.seen and r.random() < self.repeat_share:
            return r.choice(self.seen)
        x = self.odd_numbers() if r.random() < self.odd_share else self.numbers()
        text = quoted(self.text_of(x))
        if len(self.seen) < 50:
            self.seen.append(text)
        return text

    def type_name(self):
        return f"{self.kind}({self.dims})"


class ColumnType:
    """A filter column's type: how to declare it, and how to draw values of it."""

    def __init__(self, name, draw, text=False, operators=()):
        self.name, self.draw, self.text, self.operators = name, draw, text, operators


def words(r):
    return r.choice(["", "a", "A", "ab", "abc", "abcdefgh", "abcdefghijk", "abcdefghijz", "b", "B", "ba", "é", "éa", "e", "zz", "Zz",
                     "https://example.org/" + str(r.randrange(6)), "%", "a_b", "a%"])


def whole(r, bits):
    limit = 2 ** (bits - 1) - 1
    return r.choice([r.randint(0, 9), r.randint(-5, 50), r.choice([-limit - 1, limit, 0])])


def real(r, tiny):
    return r.choice([str(r.randint(-3, 3)), f"{r.gauss(0, 10):.3f}", r.choice(["NaN", "Infinity", "-Infinity", "-0", tiny])])


COLUMN_TYPES = [
    ColumnType("smallint", lambda r: str(whole(r, 16))),
    ColumnType("integer", lambda r: str(whole(r, 32))),
    ColumnType("integer", lambda r: str(r.randint(0, 9))),
    ColumnType("bigint", lambda r: str(whole(r, 64))),
    ColumnType("real", lambda r: real(r, "1e-40")),
    ColumnType("double precision", lambda r: real(r, "1e-310")),
    ColumnType("numeric", lambda r: r.choice([str(r.randint(-5, 5)), f"{r.gauss(0, 100):.4f}", "NaN", "1e100", "-1e100", "0.10"])),
    ColumnType("boolean", lambda r: r.choice(["true", "false"])),
    ColumnType("date", lambda r: r.choice([f"2024-{r.randint(1, 12):02d}-{r.randint(1, 28):02d}", "infinity", "-infinity", "4713-01-01 BC"])),
    ColumnType("timestamp", lambda r: r.choice([f"2024-01-{r.randint(1, 28):02d} 0{r.randint(0, 9)}:00", "infinity", "-infinity"])),
    ColumnType("timestamptz", lambda r: r.choice([f"2024-01-{r.randint(1, 28):02d} 0{r.randint(0, 9)}:00+02", "infinity"])),
    ColumnType("time", lambda r: f"{r.randint(0, 23):02d}:{r.randint(0, 59):02d}"),
    ColumnType("uuid", lambda r: f"0000000{r.randint(0, 9)}-0000-4000-8000-00000000000{r.randint(0, 9)}"),
    ColumnType("text", words, text=True),
    ColumnType("text", words, text=True),
    ColumnType("varchar(30)", words, text=True),
    ColumnType("char(12)", lambda r: words(r)[:12], text=True),
    ColumnType("name", words),
    ColumnType("inet", lambda r: r.choice([f"10.0.{r.randint(0, 3)}.{r.randint(0, 9)}", f"10.0.{r.randint(0, 3)}.0/24", "::1", "fe80::/16"])),
    ColumnType("cidr", lambda r: r.choice([f"10.0.{r.randint(0, 3)}.0/24", "10.0.0.0/8", "::/0"])),
    ColumnType("mood", lambda r: r.choice(["sad", "ok", "happy"])),
    ColumnType("small_number", lambda r: str(r.randint(0, 9))),
    ColumnType("bytea", lambda r: "\\x" + r.choice(["", "00", "ff", "00ff", "616263"])),
    ColumnType("oid", lambda r: str(r.randint(0, 9))),
    ColumnType("interval", lambda r: r.choice(["1 month", "30 days", "720 hours", "1 day", "-1 day"])),
    ColumnType("integer[]", lambda r: "{" + ",".join(str(r.randint(0, 5)) for _ in range(r.randint(0, 3))) + "}", operators=("&&", "@>")),
    ColumnType("text[]", lambda r: "{" + ",".join('"' + words(r) + '"' for _ in range(r.randint(0, 3))) + "}", operators=("&&", "@>")),
    ColumnType("jsonb", lambda r: r.choice(['{}', '{"a": 1}', '{"a": 1, "b": [1, 2]}', '{"b": [2]}', '[1]', '"a"', '1', '{"a": {"c": null}}']),
               operators=("@>",)),
]
COLLATIONS = ["", "", ' COLLATE "C"', ' COLLATE "en-x-icu"', " COLLATE any_case", ' COLLATE "POSIX"']
