#!/usr/bin/python3
"""Random schemas and statements: does the index answer as PostgreSQL does without it?

    test/differential/run                          on a throw-away server, for a minute
    test/differential/run --seconds 600 --seed 7
    test/differential/differ.py --dsn 'host=/tmp dbname=x user=postgres' --schema 12345      one schema again

Each schema, which its seed alone makes, is asked some statements. Each is compared with the same statement where indexes
are disabled (compare.py). A statement that differs is made smaller, part by part and row by row, and printed as a script.
Ends with the count, the recall by operator class and storage, and status 1 where a statement differed or a recall is
below its floor. Drops and makes the schema "differential" in the database that it is given, which has the
extension, and sets no rights. Needs a superuser, and Debian's python3-psycopg2.
"""
import argparse
import random
import sys
import time

import psycopg2

from compare import Promise, Verdict, check
from schema import Schema
from statements import Maker

WITHOUT_INDEXES = ("enable_indexscan = off", "enable_bitmapscan = off", "enable_indexonlyscan = off")
JOIN_FILTERS = "vecstore.join_filters"   # which older versions of the extension do not have
STATEMENTS_OF_SCHEMA = 40
TIMEOUT = "20s"
# PostgreSQL notices that a comparison has no collation when it makes one, so that it depends on the plan.
UNKNOWN_COLLATION = "42P22"
# Of an operator class and storage, over all its statements: few rows, hard distributions (ties, clusters, outliers).
FLOOR = 0.85
LEAST_FOR_FLOOR = 100


class Failure(Exception):
    """SQLSTATE and message of a statement."""

    def __init__(self, error):
        super().__init__(str(error).strip())
        self.code = error.pgcode
        self.lost = error.pgcode is None or error.pgcode.startswith(("57P", "08"))


class Session:
    def __init__(self, dsn, least_recall):
        self.dsn, self.least_recall, self.agreed = dsn, least_recall, {}
        self.connect()

    def connect(self):
        self.connection = psycopg2.connect(self.dsn)
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.cursor.execute("SET client_min_messages = error")
        self.cursor.execute("SET statement_timeout = %s", (TIMEOUT,))
        # (The library's settings exist when it is loaded.)
        self.cursor.execute("SELECT '[1]'::vector")
        self.cursor.execute("SELECT 1 FROM pg_settings WHERE name = %s", (JOIN_FILTERS,))
        self.without_indexes = list(WITHOUT_INDEXES) + [f"{JOIN_FILTERS} = off"] * len(self.cursor.fetchall())
        self.cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = 'differential_reader'")
        if self.cursor.fetchone() is None:
            self.cursor.execute("CREATE ROLE differential_reader")

    def run(self, sql):
        try:
            self.cursor.execute(sql)
        except psycopg2.Error as error:
            raise Failure(error) from None

    def make(self, steps):
        """Makes the schema of these steps. A statement that PostgreSQL refuses is left out: its code is returned."""
        self.cursor.execute("DROP SCHEMA IF EXISTS differential CASCADE")
        self.cursor.execute("CREATE SCHEMA differential")
        self.cursor.execute("SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname IN ('vecstore', 'vector')")
        self.cursor.execute("SET search_path = differential, " + self.cursor.fetchone()[0])
        refused = []
        rows = []
        for step in steps:
            if step.kind == "row":
                rows.append(step)
                continue
            refused += self.insert(rows) + self.try_step(step)
            rows = []
        refused += self.insert(rows)
        self.cursor.execute("GRANT USAGE ON SCHEMA differential TO differential_reader")
        self.cursor.execute("GRANT SELECT ON ALL TABLES IN SCHEMA differential TO differential_reader")
        return refused

    def insert(self, rows):
        if not rows:
            return []
        try:
            self.run("; ".join(r.sql for r in rows))
            return []
        except Failure:
            return [f for row in rows for f in self.try_step(row)]

    def try_step(self, step):
        try:
            self.run(step.sql)
            return []
        except Failure as failure:
            if failure.lost:
                raise
            return [(step, failure)]

    def answer(self, texts, settings):
        """The rows of the last of these statements, in a transaction of their own."""
        try:
            self.cursor.execute("BEGIN")
            for text in [f"SET LOCAL {setting}" for setting in settings] + texts:
                self.cursor.execute(text)
            return self.cursor.fetchall()
        except psycopg2.Error as error:
            raise Failure(error) from None
        finally:
            if not self.connection.closed:
                self.cursor.execute("ROLLBACK")

    def plan(self, statement, settings):
        try:
            return [line for (line,) in self.answer(["EXPLAIN (COSTS off) " + statement.sql()], settings)]
        except Failure:
            return []

    def uses_index(self, statement, settings):
        """Does the plan have the index of vectors, or one of its partitions'?"""
        return any("Order By: (v " in line or "Order By: ((v)" in line for line in self.plan(statement, settings))


def in_role(settings, schema):
    return settings + (["role = differential_reader"] if schema.row_security else [])


def judge(session, schema, statement):
    """Compares a statement's answer with that without indexes. A Failure of both is an agreement where the codes are equal."""
    whole = rows = refusal = None
    try:
        whole = session.answer(statement.statements(limited=False), in_role(session.without_indexes, schema))
    except Failure as failure:
        refusal = failure
    try:
        rows = session.answer(statement.statements(), in_role(statement.settings, schema))
    except Failure as failure:
        if failure.lost:
            return Verdict(f"the server or the connection ended: {failure}", lost=True)
        if (refusal is not None and refusal.code == failure.code) or failure.code == UNKNOWN_COLLATION:
            session.agreed[failure.code] = session.agreed.get(failure.code, 0) + 1
            return Verdict()
        if failure.code == "57014" and refusal is None:
            return Verdict(f"no answer within {TIMEOUT}")
        return Verdict(f"error {failure.code}: {failure}")
    if refusal is not None:   # fewer rows may be looked at by an index, so that an error is never met
        no_matter = statement.limit is not None or refusal.code == UNKNOWN_COLLATION
        return Verdict() if no_matter else Verdict(f"no error, {refusal.code} without indexes")
    # The operator's result for a vector whose squares no float holds may be 0 in whatever direction it points. Rows that a
    # condition on the distance lets in for that alone are not looked for.
    not_found = statement.ranged() and "cosine" in schema.opclass and schema.vectors.odd_share > 0
    # (Of ivfflat with probes a scan may end early, as pgvector's does.)
    complete = schema.method == "hnsw" and not not_found
    return check(rows, whole, statement, Promise(complete, not schema.partitioned, session.least_recall))


class Shrinker:
    """Leaves out what a difference does not need."""

    def __init__(self, session, schema, statement, seconds):
        self.session, self.schema, self.statement, self.end = session, schema, statement, time.time() + seconds

    def fails(self, steps, statement, remake):
        if time.time() > self.end:
            return False
        try:
            if remake:
                self.session.make(steps)
            return judge(self.session, self.schema, statement).problem is not None
        except (Failure, psycopg2.Error):
            self.session.connect()
            self.session.make(steps)
            return False

    def statement_parts(self, steps):
        again = True
        while again:
            again = False
            for smaller in self.statement.smaller():
                if self.fails(steps, smaller, False):
                    self.statement, again = smaller, True
                    break

    def rows(self, steps):
        """Halves, quarters, ... of the rows are left out as long as it fails."""
        share = 2
        while share <= 64:
            rows = [i for i, s in enumerate(steps) if s.kind == "row"]
            if len(rows) < share:
                break
            size = max(1, len(rows) // share)
            for begin in range(0, len(rows), size):
                leave = set(rows[begin:begin + size])
                fewer = [s for i, s in enumerate(steps) if i not in leave]
                if self.fails(fewer, self.statement, True):
                    steps = fewer
                    break
            else:
                share *= 2
        return steps

    def run(self):
        steps = self.schema.steps
        self.statement_parts(steps)
        steps = self.rows(steps)
        self.session.make(steps)
        self.statement_parts(steps)
        return steps, self.statement


def print_smaller(session, schema, statement, seconds):
    """As a script."""
    steps, smaller = Shrinker(session, schema, statement, seconds).run()
    print(f"-- smaller: {judge(session, schema, smaller).problem}")
    print("CREATE SCHEMA differential; SET search_path = differential, public;")
    for step in steps:
        print(step.sql + ";")
    for text in ["BEGIN"] + [f"SET LOCAL {x}" for x in in_role(smaller.settings, schema)] + smaller.statements() + ["ROLLBACK"]:
        print(text + ";")
    sys.stdout.flush()
    session.make(schema.steps)


class Run:
    def __init__(self, args):
        self.args, self.session = args, Session(args.dsn, args.least_recall)
        self.schemas = self.statements = self.asked = self.with_index = 0
        self.differences, self.recalls, self.refused = 0, {}, {}

    def schema(self, seed):
        schema = Schema(random.Random(seed))
        for step, failure in self.session.make(schema.steps):
            self.refused.setdefault((failure.code, str(failure).split("\n")[0][:90]), step.sql[:160])
        self.schemas += 1
        maker = Maker(schema.random, schema)
        for _ in range(STATEMENTS_OF_SCHEMA):
            if self.differences >= self.args.most:
                return
            self.statement(seed, schema, maker.make())

    def statement(self, seed, schema, statement):
        self.statements += 1
        if self.statements % 8 == 0:
            self.asked += 1
            self.with_index += self.session.uses_index(statement, in_role(statement.settings, schema))
        verdict = judge(self.session, schema, statement)
        if verdict.recall is not None:
            self.recalls.setdefault((schema.method, schema.opclass, schema.storage), []).append(verdict.recall)
        if verdict.problem is None:
            return
        self.differences += 1
        print(f"\nschema {seed}: {verdict.problem}\n-- {statement.sql()};  -- with {statement.settings}", flush=True)
        if not verdict.lost:
            print("\n".join("--   " + line for line in self.session.plan(statement, in_role(statement.settings, schema))), flush=True)
        if verdict.lost:
            time.sleep(5)
            self.session.connect()
            self.session.make(schema.steps)
        elif self.args.shrink > 0:
            print_smaller(self.session, schema, statement, self.args.shrink)

    def floors(self):
        low = 0
        for key, recalls in sorted(self.recalls.items()):
            mean = sum(recalls) / len(recalls)
            judged = len(recalls) >= LEAST_FOR_FLOOR
            low += judged and mean < FLOOR
            print(f"recall of {' '.join(key):40s} {mean:.3f} of {len(recalls)} statements{'' if mean >= FLOOR else ' BELOW THE FLOOR' if judged else ' (few)'}")
        return low

    def all(self):
        if self.args.schema is not None:
            self.schema(self.args.schema)
        else:
            end, seed = time.time() + self.args.seconds, self.args.seed * 1000000
            while time.time() < end and self.differences < self.args.most:
                self.schema(seed)
                seed += 1
        for (code, message), sql in sorted(self.refused.items(), key=str):
            print(f"refused, {code}: {message}: {sql}")
        low = self.floors()
        agreed = ", ".join(f"{code} {count}" for code, count in sorted(self.session.agreed.items()))
        print(f"errors of both: {agreed or 'none'}; plans with the index: {self.with_index} of {self.asked} looked at")
        print(f"{self.schemas} schemas, {self.statements} statements, {self.differences} differ")
        return 1 if self.differences or low else 0


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--dsn", default="")
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--seed", type=int, default=int(time.time()) % 1000)
    p.add_argument("--schema", type=int, help="the seed of one schema")
    p.add_argument("--most", type=int, default=10, help="differences after which to end")
    p.add_argument("--shrink", type=float, default=60, help="seconds for making a difference smaller")
    p.add_argument("--least-recall", type=float, default=0, help="of a single answer: a sparse graph (m = 2) may miss most of few rows")
    args = p.parse_args()
    print(f"seed {args.seed}", flush=True)
    sys.exit(Run(args).all())


if __name__ == "__main__":
    main()
