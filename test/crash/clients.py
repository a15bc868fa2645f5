"""The clients of the crash rounds: eight on the primary, each of which does one random thing after another, and one that asks
the standby. A thread each; one round long."""
import io
import threading
import time
from collections import Counter

import psycopg2

from servers import DROPPED_MEANWHILE

# SQLSTATEs of no fault: locks and deadlocks, time that ran out, an index that another client has made or dropped meanwhile.
EXPECTED = {"55P03", "40P01", "57014", "42P07", "42704", "42P01", "40001", "55000", "23505"}
# SQLSTATEs that a client gets when its server goes down.
GOING_DOWN = {None, "57P01", "57P02", "57P03", "08006", "08003"}


class State:
    """What the clients of all rounds know, and what they found."""

    def __init__(self, tables):
        self.lock = threading.Lock()
        self.tables = tables
        self.next_id = Counter()
        self.next_tag = 0
        self.acknowledged = {t.name: set() for t in tables if t.ledger}   # ids whose transactions have committed
        self.prepared = {}       # tag: (table, ids), of those that are surely prepared and that nobody has begun to resolve
        self.rolled_back = set()   # tags
        self.findings = []
        self.done, self.refused = Counter(), Counter()

    def take_ids(self, table, count):
        with self.lock:
            first = self.next_id[table.name] + 1
            self.next_id[table.name] += count
            return range(first, first + count)

    def take_tag(self):
        with self.lock:
            self.next_tag += 1
            return self.next_tag

    def acknowledge(self, table, ids):
        if table.ledger:
            with self.lock:
                self.acknowledged[table.name].update(ids)

    def take_prepared(self, random):
        """A prepared transaction for one client to resolve."""
        with self.lock:
            if not self.prepared:
                return None
            tag = random.choice(sorted(self.prepared))
            return tag, *self.prepared.pop(tag)

    def find(self, text):
        with self.lock:
            self.findings.append(text)

    def judge(self, error, server, what):
        """Whether an error is a finding."""
        code = error.pgcode
        if server.ends_connections and DROPPED_MEANWHILE.search(str(error).strip()):
            code = "42704"
        if code in EXPECTED or server.is_going_down and code in GOING_DOWN or server.ends_connections and code is None:
            with self.lock:
                self.refused[what] += 1
        else:
            self.find(f"{what}: {code} {error}")


class Client(threading.Thread):
    def __init__(self, state, server, random):
        super().__init__(daemon=True)
        self.state, self.server, self.random = state, server, random
        self.ended = threading.Event()
        self.connection = self.cursor = None

    def run(self):
        while not self.ended.is_set():
            what = "connect"
            try:
                if self.connection is None or self.connection.closed:
                    self.connection = self.server.connect()
                    self.cursor = self.connection.cursor()
                    self.begin_session()
                what = self.act()
                with self.state.lock:
                    self.state.done[what] += 1
            except psycopg2.Error as e:
                self.state.judge(e, self.server, getattr(self, "what", what))
                if not self.leave_transaction():
                    if self.server.is_going_down:
                        break
        if self.connection:
            self.connection.close()

    def leave_transaction(self):
        try:
            self.cursor.execute("ROLLBACK")
            return True
        except (psycopg2.Error, AttributeError):
            return False

    def sql(self, text, values=None):
        self.cursor.execute(text, values)
        return self.cursor.fetchall() if self.cursor.description else []


class Reader(Client):
    """Asks a server: rows in the order of their distances, none twice, none of a transaction that did not commit."""

    def begin_session(self):
        # While there are prepared transactions, a standby keeps the locks of later ones that died with the primary.
        self.sql("SET lock_timeout = 500; SET enable_seqscan = off; SET ivfflat.probes = 5")

    def act(self):
        table = self.random.choice([t for t in self.state.tables if not t.unlogged])
        index = self.random.choice(table.indexes)
        self.what = f"standby: nearest of {index.name}"
        where = "WHERE tenant = 1" if self.random.random() < 0.3 else ""
        query = self.random.choice(table.vectors)
        distance = f"v {index.operator} %s::{table.type}"
        self.sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        rows = self.sql(f"SELECT id, {distance} FROM {table.name} {where} ORDER BY {distance} LIMIT {self.random.choice([1, 10, 200])}", [query] * 2)

        def farthest():
            return self.sql(f"SELECT max({distance}) FROM {table.name} {where} {'AND' if where else 'WHERE'} {distance} < 'Infinity'", [query] * 2)[0][0]
        for problem in problems_of(rows, farthest):
            self.state.find(f"{self.what} {where}: {problem}; query {query}")
        self.sql("COMMIT")
        time.sleep(0.02)
        return "standby: ask"


def problems_of(rows, farthest=None):
    """What is wrong with an ordered answer of (id, distance). farthest: the largest distance of all rows that there are, which a
    scan with a limit may give before rows that it met too late."""
    ids = [r[0] for r in rows]
    if len(set(ids)) != len(ids):
        yield f"{len(ids) - len(set(ids))} rows twice"
    if any(i < 0 for i in ids):
        yield f"rows that were never committed: {[i for i in ids if i < 0][:5]}"
    for (_, before), (_, after) in zip(rows, rows[1:]):
        if goes_down(before, after):
            if is_none(before) or farthest is None or goes_down(farthest(), before):
                yield f"distance {after} after {before}"
            break


def is_none(distance):
    return distance is None or distance != distance


def goes_down(before, after):
    return not is_none(after) and (is_none(before) or after < before - 1e-6 * abs(before) - 1e-6)


class Writer(Client):
    """Does one of ACTIONS after another."""

    def begin_session(self):
        self.sql(f"SET lock_timeout = 300; SET statement_timeout = 3000; SET enable_seqscan = {self.random.choice(['on', 'off'])}")

    def act(self):
        name, _, action = self.random.choices(ACTIONS, [a[1] for a in ACTIONS])[0]
        table = self.random.choice(self.state.tables)
        self.what = f"{name} {table.name}"
        # Rows that the ledger counts on must not be lost by design.
        lazy = not table.ledger and self.random.random() < 0.5
        self.sql(f"SET synchronous_commit = {'off' if lazy else 'on'}")
        action(self, table)
        return name

    def row(self, table, identity, tag=0):
        r = self.random
        vector = None if r.random() < 0.02 else r.choice(table.vectors)
        return (identity, tag, r.randrange(100), vector, r.choice([None, 0, 1, 1, 2]), r.choice([None, "de", "en", "a longer text"]))

    def insert(self, table, ids, tag=0):
        for i in ids:
            self.sql(f"INSERT INTO {table.name} VALUES (%s, %s, %s, %s::{table.type}, %s, %s)", self.row(table, i, tag))

    def some_ids(self, table, count):
        return [r[0] for r in self.sql(f"SELECT id FROM {table.name} ORDER BY random() LIMIT {count}")]

    # --- rows

    def insert_one(self, table):
        ids = self.state.take_ids(table, 1)
        self.insert(table, ids)
        self.state.acknowledge(table, ids)

    def insert_some(self, table):
        ids = self.state.take_ids(table, self.random.randint(2, 20))
        self.sql("BEGIN")
        self.insert(table, ids)
        self.sql("COMMIT")
        self.state.acknowledge(table, ids)

    def insert_equal(self, table):
        ids = self.state.take_ids(table, self.random.choice([5, 50, 200]))
        row = self.row(table, ids[0])
        self.sql(f"INSERT INTO {table.name} SELECT i, 0, %s, %s::{table.type}, %s, %s FROM generate_series(%s, %s) i",
                 (row[2], row[3], row[4], row[5], ids[0], ids[-1]))
        self.state.acknowledge(table, ids)

    def copy(self, table):
        ids = self.state.take_ids(table, self.random.randint(50, 300))
        lines = ("\t".join("\\N" if x is None else str(x) for x in self.row(table, i)) + "\n" for i in ids)
        self.cursor.copy_expert(f"COPY {table.name} FROM STDIN", io.StringIO("".join(lines)))
        self.state.acknowledge(table, ids)

    def update_vector(self, table):
        for i in self.some_ids(table, self.random.choice([1, 1, 5, 30])):
            self.sql(f"UPDATE {table.name} SET v = %s::{table.type} WHERE id = %s", (self.random.choice(table.vectors), i))

    def update_filter(self, table):
        for i in self.some_ids(table, self.random.choice([1, 1, 5, 30])):
            self.sql(f"UPDATE {table.name} SET tenant = %s, lang = %s WHERE id = %s", (*self.row(table, i)[4:], i))

    def update_hot(self, table):
        for i in self.some_ids(table, self.random.choice([1, 5, 30])):
            self.sql(f"UPDATE {table.name} SET n = n + 1 WHERE id = %s", (i,))

    def delete(self, table):
        if table.ledger:
            return self.update_vector(table)
        rows = self.sql(f"SELECT count(*) FROM {table.name}")[0][0]
        if rows > 1200:
            self.sql(f"DELETE FROM {table.name} WHERE random() < 0.4")
        elif rows > 100:
            self.sql(f"DELETE FROM {table.name} WHERE id = ANY(%s)", (self.some_ids(table, self.random.choice([1, 1, 10, 60])),))

    # --- transactions that do not commit, or not yet

    def give_up(self, table):
        """Whatever has a negative id is gone afterwards, whether the server lives or not."""
        self.sql("BEGIN")
        self.insert(table, [-i for i in self.state.take_ids(table, self.random.randint(1, 10))])
        self.sql(f"UPDATE {table.name} SET id = -id, v = %s::{table.type} WHERE id = ANY(%s) AND id > 0",
                 (self.random.choice(table.vectors), self.some_ids(table, 3)))
        time.sleep(self.random.choice([0, 0.05, 0.2]))
        self.sql("ROLLBACK")

    def savepoints(self, table):
        kept = []
        self.sql("BEGIN")
        for _ in range(self.random.randint(1, 4)):
            ids = self.state.take_ids(table, 3)
            self.sql("SAVEPOINT s")
            if self.random.random() < 0.5:
                self.insert(table, [-i for i in ids])
                self.sql("ROLLBACK TO SAVEPOINT s")
            else:
                self.insert(table, ids)
                self.sql("RELEASE SAVEPOINT s")
                kept += ids
        self.sql("COMMIT")
        self.state.acknowledge(table, kept)

    def prepare(self, table):
        with self.state.lock:
            if len(self.state.prepared) > 6 or table.unlogged:
                return
        tag, ids = self.state.take_tag(), self.state.take_ids(table, self.random.randint(1, 20))
        self.sql("BEGIN")
        self.insert(table, ids, tag)
        if not table.ledger:
            self.sql(f"DELETE FROM {table.name} WHERE id = ANY(%s)", (self.some_ids(table, 2),))
        self.sql(f"UPDATE {table.name} SET v = %s::{table.type} WHERE id = ANY(%s)", (self.random.choice(table.vectors), self.some_ids(table, 2)))
        self.sql(f"PREPARE TRANSACTION 'p{tag}'")
        with self.state.lock:
            self.state.prepared[tag] = (table, ids)

    def resolve(self, _):
        resolve(self.state, self.random, self.sql)

    # --- the table and its indexes

    def vacuum(self, table):
        self.sql(f"VACUUM ({self.random.choice(['INDEX_CLEANUP on', 'INDEX_CLEANUP on, PARALLEL 0', 'FREEZE, INDEX_CLEANUP on', 'ANALYZE'])}) {table.name}")

    def rewrite(self, table):
        self.sql(f"VACUUM FULL {table.name}")

    def truncate(self, table):
        if table.ledger:
            return
        self.sql("BEGIN")
        self.sql(f"TRUNCATE {table.name}")
        self.insert(table, self.state.take_ids(table, self.random.randint(0, 20)))
        self.sql(self.random.choice(["COMMIT", "ROLLBACK"]))

    def set_memory(self):
        """A build that does not fit goes on page by page."""
        self.sql(f"SET maintenance_work_mem = '{self.random.choice(['1MB', '64MB'])}'")

    def create_index(self, table):
        self.set_memory()
        self.sql(self.random.choice(table.indexes).create(self.random.random() < 0.5))

    def reindex(self, table):
        self.set_memory()
        how = self.random.choice(["CONCURRENTLY ", "CONCURRENTLY ", ""])
        if self.random.random() < 0.3:
            self.sql(f"REINDEX TABLE {how}{table.name}")
        else:
            self.sql(f"REINDEX INDEX {how}{self.random.choice(table.indexes).name}")

    def drop_index(self, table):
        how = self.random.choice(["CONCURRENTLY ", "CONCURRENTLY ", ""])
        self.sql(f"DROP INDEX {how}IF EXISTS {self.random.choice(table.indexes).name}")

    def drop_invalid(self, _):
        """What is left of builds that failed."""
        for (name,) in self.sql("SELECT c.oid::regclass::text FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE NOT indisvalid AND indexrelid NOT IN "
                                "(SELECT index_relid FROM pg_stat_progress_create_index)"):
            if not name.isdigit():   # gone meanwhile
                self.sql(f"DROP INDEX IF EXISTS {name}")

    def checkpoint(self, _):
        self.sql("CHECKPOINT")


def resolve(state, random, sql):
    """Commits or rolls back one prepared transaction."""
    taken = state.take_prepared(random)
    if taken is None:
        return False
    tag, table, ids = taken
    if random.random() < 0.6:
        sql(f"COMMIT PREPARED 'p{tag}'")
        state.acknowledge(table, ids)
    else:
        sql(f"ROLLBACK PREPARED 'p{tag}'")
        with state.lock:
            state.rolled_back.add(tag)
    return True


ACTIONS = [
    ("insert", 14, Writer.insert_one), ("insert some", 8, Writer.insert_some), ("insert equal", 2, Writer.insert_equal),
    ("copy", 3, Writer.copy), ("update vector", 6, Writer.update_vector), ("update filter", 5, Writer.update_filter),
    ("update hot", 5, Writer.update_hot), ("delete", 8, Writer.delete), ("rollback", 4, Writer.give_up),
    ("savepoint", 4, Writer.savepoints), ("prepare", 2, Writer.prepare), ("resolve", 2, Writer.resolve),
    ("vacuum", 6, Writer.vacuum), ("vacuum full", 0.3, Writer.rewrite), ("truncate", 0.5, Writer.truncate),
    ("create index", 2, Writer.create_index), ("reindex", 1.5, Writer.reindex), ("drop index", 0.7, Writer.drop_index),
    ("drop invalid", 1, Writer.drop_invalid), ("checkpoint", 0.5, Writer.checkpoint),
]
