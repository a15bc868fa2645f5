"""Crash rounds: eight clients change tables and their indexes, the server dies, and after recovery everything must be right.

    rounds.py --bindir FOLDER --folder FOLDER [--settings FILE] [--rounds N] [--seconds N] [--seed N]

A round: the clients of clients.py work for a moment; then kill -9 of the whole server, a stop at once, or kill -9 of a single
backend, and now and then a second crash in the middle of recovery. After the restart some prepared transactions are committed
or rolled back, and verify.py looks at every table and index, on the server and on a streaming standby that has caught up.
Clients ask the standby all the while, and it crashes too. At the end it is promoted and goes on.

A seed gives the same actions, as far as the moments allow. Ends with a line "N rounds, N findings, N seconds"; status 1 with
findings, and the servers' folders stay as they are.
"""
import argparse
import os
import random
import signal
import sys
import time
from collections import Counter

import psycopg2

from clients import Reader, State, Writer, resolve
from servers import Server
from tables import all_tables
from verify import ask, verify

CLIENTS, READERS = 8, 2
LARGEST_LEDGER = 2500


class Rounds:
    def __init__(self, options):
        self.options, self.seed = options, options.seed
        self.state = State(all_tables(random.Random(self.seed)))
        self.state.recall = {}
        settings = open(options.settings).read() if options.settings else ""
        self.primary = Server(options.bindir, options.folder + "/primary")
        self.standby = Server(options.bindir, options.folder + "/standby")
        self.primary.make(settings)
        self.crashes = Counter()
        self.told = 0

    def random_for(self, *what):
        return random.Random(f"{self.seed} {what}")

    def set_up(self):
        self.primary.start()
        with self.primary.connect() as c, c.cursor() as cursor:
            cursor.execute("CREATE EXTENSION vecstore")
            for table in self.state.tables:
                cursor.execute(table.create())
                for index in table.indexes:
                    cursor.execute(index.create())
        c.close()
        self.standby.copy_from(self.primary)
        self.standby.start()

    # --- a round

    def play(self, number):
        r = self.random_for(number)
        clients = [Writer(self.state, self.primary, self.random_for(number, i)) for i in range(CLIENTS)]
        clients += [Reader(self.state, self.standby, self.random_for(number, "reader", i)) for i in range(READERS)]
        for client in clients:
            client.start()
        time.sleep(r.uniform(0.2, self.options.longest))
        how = self.crash(r)
        standby_too = r.random() < 0.2
        if standby_too:
            r.choice([self.standby.kill, self.standby.stop])()
        for client in clients:
            client.ended.set()
        if how != "backend":
            self.start_again(r)
        if standby_too:
            self.standby.start()
        for client in clients:
            client.join(60)
            if client.is_alive():
                self.state.find(f"a client waits for ever: {client.what}; {what_goes_on(client.server)}")
        self.primary.is_going_down = self.standby.is_going_down = False
        self.crashes[how] += 1
        self.tidy(r)
        self.compare(r, f"round {number} ({how}{', standby too' if standby_too else ''})")

    def crash(self, r):
        how = r.choices(["kill", "stop", "backend"], [5, 3, 2])[0]
        if how == "backend" and not self.kill_one_backend(r):
            how = "kill"
        if how == "kill":
            self.primary.kill()
        elif how == "stop":
            self.primary.stop()
        return how

    def kill_one_backend(self, r):
        """Of a client in the middle of something, or a process of the server's own."""
        with self.primary.connect() as c, c.cursor() as cursor:
            pids = [p[0] for p in ask(cursor, "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (state = 'active' "
                                              "OR backend_type IN ('autovacuum worker', 'checkpointer', 'background writer')) ORDER BY pid")]
        c.close()
        return bool(pids) and self.primary.kill_backend(r.choice(pids))

    def start_again(self, r):
        # wal_consistency_checking makes replay compare every page it has changed with the primary's image of it.
        options = ["-c", "wal_consistency_checking=generic"] if r.random() < 0.25 else []
        if r.random() < 0.15:
            self.primary.begin_start(*options)
            time.sleep(r.uniform(0.02, 0.4))
            self.primary.kill()
            self.crashes["in recovery"] += 1
        self.primary.start(*options)

    def tidy(self, r):
        """Prepared transactions are resolved, but for some that go on; what is left of a ledger that is full starts anew."""
        connection = self.primary.connect()
        cursor = connection.cursor()
        cursor.execute("SET lock_timeout = 2000")
        for _ in range(r.choice([0, 2, 100])):
            if not resolve(self.state, r, cursor.execute):
                break
            self.state.done["resolve after crash"] += 1
        self.forget_lost_ones(cursor)
        for table in self.state.tables:
            if table.unlogged and ask(cursor, f"SELECT count(*) FROM {table.name}")[0][0]:
                self.state.find(f"{table.name} has rows after a crash")
            if table.ledger and len(self.state.acknowledged[table.name]) > LARGEST_LEDGER:
                self.empty(cursor, table)
            for index in table.indexes:
                if r.random() < 0.6:
                    self.create_again(cursor, index)
        connection.close()

    def forget_lost_ones(self, cursor):
        """Prepared transactions that no client knows to be so, as the server died in the moment: they are rolled back."""
        for (gid,) in ask(cursor, "SELECT gid FROM pg_prepared_xacts"):
            if int(gid[1:]) not in self.state.prepared:
                cursor.execute(f"ROLLBACK PREPARED '{gid}'")

    def empty(self, cursor, table):
        for tag, (of, _) in list(self.state.prepared.items()):
            if of is table:
                cursor.execute(f"ROLLBACK PREPARED 'p{tag}'")
                del self.state.prepared[tag]
                self.state.rolled_back.add(tag)
        cursor.execute(f"DELETE FROM {table.name} WHERE id % 10 > 0")
        self.state.acknowledged[table.name] = {r[0] for r in ask(cursor, f"SELECT id FROM {table.name}")}

    def create_again(self, cursor, index):
        found = ask(cursor, "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", (index.name,))
        if not found:
            try:
                cursor.execute(index.create())
            except Exception as e:   # a prepared transaction may hold the table
                self.state.judge(e, self.primary, f"create {index.name}")

    def compare(self, r, name):
        readers = [Reader(self.state, self.standby, self.random_for(name, i)) for i in range(READERS)]
        for reader in readers:
            reader.start()
        here = verify(self.primary, self.state, r, name)
        self.catch_up(name)
        there = verify(self.standby, self.state, r, name + ", standby")
        for reader in readers:
            reader.ended.set()
            reader.join(60)
        for table, ids in there.items():
            if ids != here.get(table, ids):
                self.state.find(f"{name}: {table} on the standby has {len(ids)} rows, not {len(here[table])}")
        self.look_at_logs(name)

    def catch_up(self, name):
        with self.primary.connect() as c, c.cursor() as cursor:
            (target,) = ask(cursor, "SELECT pg_current_wal_insert_lsn()")[0]
            # WAL that was not flushed yet (synchronous_commit = off) is sent once it is.
            cursor.execute("SELECT txid_current()")
        c.close()
        until = time.time() + 120
        while not self.has_replayed(target):
            if time.time() > until:
                self.state.find(f"{name}: the standby does not catch up")
                break
            time.sleep(0.02)

    def has_replayed(self, target):
        """On the standby, which may end the connection; if it is down, for ever, the caller's time runs out."""
        try:
            s = self.standby.connect()
            try:
                return ask(s.cursor(), "SELECT pg_last_wal_replay_lsn() >= %s", (target,))[0][0]
            finally:
                s.close()
        except psycopg2.OperationalError:
            return False

    def look_at_logs(self, name):
        for server in self.primary, self.standby:
            for line in server.alarms():
                self.state.find(f"{name}: {server.log}: {line}")

    # --- the end

    def promote(self):
        """The standby takes over, with the prepared transactions, and is written to, vacuumed and rebuilt."""
        self.primary.kill()
        self.standby.run("pg_ctl", "promote", "-D", self.standby.data, "-w")
        server, r = self.standby, self.random_for("promoted")
        server.ends_connections = False
        verify(server, self.state, r, "promoted")
        connection = server.connect()
        cursor = connection.cursor()
        while resolve(self.state, r, cursor.execute):
            pass
        connection.close()
        clients = [Writer(self.state, server, self.random_for("promoted", i)) for i in range(CLIENTS)]
        for client in clients:
            client.start()
        time.sleep(2)
        for client in clients:
            client.ended.set()
        for client in clients:
            client.join(60)
        connection = server.connect()
        cursor = connection.cursor()
        self.forget_lost_ones(cursor)
        while resolve(self.state, r, cursor.execute):
            pass
        for table in self.state.tables:
            cursor.execute(f"VACUUM (INDEX_CLEANUP on) {table.name}")
            cursor.execute(f"REINDEX TABLE CONCURRENTLY {table.name}")
        connection.close()
        verify(server, self.state, r, "promoted, written to")
        self.look_at_logs("promoted")

    def tell(self):
        for finding in self.state.findings[self.told:]:
            print(f"FOUND: {finding}", flush=True)
        self.told = len(self.state.findings)

    def run(self):
        began, number = time.time(), 0
        try:
            self.set_up()
            while number < self.options.rounds and time.time() - began < self.options.seconds:
                if self.state.findings and not self.options.go_on:
                    break
                number += 1
                self.play(number)
                self.tell()
                if number % 50 == 0:
                    print(f"# {number} rounds, {len(self.state.findings)} findings, {time.time() - began:.0f} seconds", flush=True)
            if not self.state.findings or self.options.go_on:
                self.promote()
        finally:
            self.tell()
            for server in self.primary, self.standby:
                server.stop()
        print("crashes:", dict(self.crashes))
        print("done:", dict(self.state.done))
        print("refused:", sum(self.state.refused.values()))
        print("recall of the first ten:", {k: round(sum(v) / len(v), 3) for k, v in sorted(self.state.recall.items())})
        print(f"{number} rounds, {len(self.state.findings)} findings, {time.time() - began:.0f} seconds")
        return bool(self.state.findings)


def what_goes_on(server):
    with server.connect() as c, c.cursor() as cursor:
        found = ask(cursor, "SELECT pid, state, wait_event_type, wait_event, left(query, 80), now() - query_start FROM pg_stat_activity WHERE state IS NOT NULL")
    c.close()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bindir", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--settings")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=float, default=1.5, help="seconds that clients work, at most")
    parser.add_argument("--go-on", action="store_true", help="after findings")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    os.makedirs(options.folder, exist_ok=True)
    sys.exit(Rounds(options).run())


if __name__ == "__main__":
    main()
