"""PostgreSQL servers of our own, which crash when told to. They are children of this process, on sockets in their folders."""
import os
import re
import signal
import subprocess
import time

import psycopg2

SETTINGS = """
listen_addresses = ''
fsync = off
jit = off
full_page_writes = on
shared_buffers = 16MB
max_connections = 40
max_prepared_transactions = 40
max_wal_size = 64MB
min_wal_size = 32MB
checkpoint_timeout = 30s
bgwriter_delay = 20ms
wal_level = replica
wal_retrieve_retry_interval = 100ms
max_standby_streaming_delay = 300ms
autovacuum_naptime = 1s
autovacuum_vacuum_threshold = 50
autovacuum_vacuum_scale_factor = 0.05
autovacuum_vacuum_cost_delay = 0
restart_after_crash = on
log_line_prefix = '%m [%p] %e '
"""

# Lines that a log may not have: internal errors and damage, by SQLSTATE, and processes that die unless they were killed.
ALARM = re.compile(r"\] XX\w\w\w (?!WARNING:  cannot reindex invalid index)|PANIC:|TRAP:|terminated by signal (?!9\b)|inconsistent page|page verification failed|"
                   r"exited with exit code (?![0129]\b)")


# Of a standby only: a statement there meets an index that REINDEX CONCURRENTLY has just dropped on the primary, which waits for
# the statements of its own server alone. PostgreSQL 15 says so of indexes of every kind: a btree index that is rebuilt all the
# time gave 107 such errors for 300,879 answers.
DROPPED_MEANWHILE = re.compile(r"could not open relation with OID \d+$")


class Server:
    def __init__(self, bindir, folder):
        self.bindir, self.folder = bindir, folder
        self.data, self.log = f"{folder}/data", f"{folder}/log"
        self.process, self.read_to = None, 0
        self.ends_connections = False   # as a standby does whose replay must not wait; a crash is in the log
        self.is_going_down = False   # until all clients have heard of it, errors of lost connections are ours
        os.makedirs(folder)

    def run(self, program, *arguments):
        done = subprocess.run([f"{self.bindir}/{program}", *arguments], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")

    def make(self, settings):
        self.run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N", "-k")
        with open(f"{self.data}/postgresql.conf", "a") as f:
            f.write(SETTINGS + settings)

    def copy_from(self, primary):
        self.ends_connections = True
        self.run("pg_basebackup", "-D", self.data, "-h", primary.folder, "-U", "postgres", "-R", "-c", "fast", "-C", "-S", "standby")

    def connect(self, **options):
        connection = psycopg2.connect(host=self.folder, port=5432, user="postgres", dbname="postgres", **options)
        connection.autocommit = True
        return connection

    def begin_start(self, *options):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([f"{self.bindir}/postgres", "-D", self.data, "-k", self.folder, *options],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def start(self, *options):
        self.begin_start(*options)
        self.wait_until_up()

    def wait_until_up(self):
        for _ in range(6000):
            if self.process.poll() is not None:
                raise RuntimeError(f"the server does not start: {self.log}")
            try:
                self.connect().close()
                return
            except psycopg2.OperationalError:
                time.sleep(0.02)
        raise RuntimeError(f"the server does not come up: {self.log}")

    def kill(self):
        """kill -9 of all of its processes at one moment."""
        self.is_going_down = True
        postmaster = self.process.pid
        os.kill(postmaster, signal.SIGSTOP)   # so that it starts no more children while they are listed
        children = children_of(postmaster)
        for pid in children + [postmaster]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        while any(state_of(pid)[0] not in "ZX" for pid in children):   # they still hold its memory
            time.sleep(0.01)

    def stop(self, how=signal.SIGQUIT):
        """SIGQUIT: at once, so that recovery follows. SIGINT: in good order."""
        self.is_going_down = True
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
                raise RuntimeError(f"the server does not stop: {self.log}")

    def kill_backend(self, pid):
        """After which the postmaster ends all others and recovers. False: it was gone already."""
        self.is_going_down = True
        logged = os.path.getsize(self.log)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            self.is_going_down = False
            return False
        for _ in range(3000):
            with open(self.log) as f:
                f.seek(logged)
                if re.search("terminated by signal 9.*ready to accept", f.read(), re.S):
                    self.wait_until_up()
                    return True
            time.sleep(0.02)
        raise RuntimeError(f"the server is not back after a backend's death: {self.log}")

    def alarms(self):
        """Lines of the log since the last call that it should not have, each with the one that follows."""
        with open(self.log, errors="replace") as f:
            f.seek(self.read_to)
            lines = f.read().split("\n")
            self.read_to = f.tell()
        alarms, dropped = [], set()
        for line, following in zip(lines, lines[1:] + [""]):
            if not ALARM.search(line):
                continue
            process = line.split("]")[0].split("[")[-1]
            if self.ends_connections and DROPPED_MEANWHILE.search(line):
                dropped.add(process)
            elif process in dropped and "STATEMENT:" in line:
                dropped.remove(process)
            else:
                alarms.append(f"{line} / {following}")
        return alarms


def state_of(pid):
    """(state, parent) of a process, from /proc. That of one that is gone: X."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            state, parent = f.read().rsplit(")", 1)[1].split()[:2]
            return state, int(parent)
    except (FileNotFoundError, ProcessLookupError):
        return "X", 0


def children_of(parent):
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if state_of(pid)[1] == parent]
