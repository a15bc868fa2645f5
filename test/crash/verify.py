"""What must hold on a server at rest: its indexes are sound, and give the rows that a sequential scan gives, in order."""
import psycopg2

from clients import is_none, problems_of

CONFLICTS = 20   # with recovery, for one table; a busy machine has more of them


def verify(server, state, random, name):
    """Reports to the state; returns {table: ids}."""
    for attempt in range(1, CONFLICTS + 1):
        try:
            return verify_all(server, state, random, name)
        except psycopg2.Error as e:
            # A standby may end a connection for replay, and the client may not hear why; a crash is in the log.
            if e.pgcode is None and server.ends_connections and attempt < CONFLICTS:
                state.done["again after a lost connection"] += 1
                continue
            state.find(f"{name}: {e.pgcode} {e}")
            return {}


def verify_all(server, state, random, name):
    connection = server.connect()
    cursor = connection.cursor()
    on_standby = ask(cursor, "SELECT pg_is_in_recovery()")[0][0]
    prepared = {int(r[0][1:]) for r in ask(cursor, "SELECT gid FROM pg_prepared_xacts")}
    if on_standby:   # which does not show them before it is promoted
        prepared = set(state.prepared)
    for tag in state.prepared:
        if tag not in prepared:
            state.find(f"{name}: prepared transaction {tag} is lost")
    cursor.execute(f"SET lock_timeout = {1000 if on_standby else 0}")
    contents = {}
    for table in state.tables:
        if table.unlogged and on_standby:
            continue
        for attempt in range(1, CONFLICTS + 1):
            try:
                contents[table.name] = verify_table(cursor, state, table, prepared, random, name)
                break
            except psycopg2.errors.LockNotAvailable:   # see Reader
                cursor.execute("ROLLBACK")
                state.done["table left out on the standby"] += 1
                break
            except psycopg2.errors.SerializationFailure:   # replay of a vacuum ends queries that hold it up
                if not on_standby or attempt == CONFLICTS:
                    raise
                cursor.execute("ROLLBACK")
                state.done["again after a conflict with recovery"] += 1
    connection.close()
    return contents


def verify_table(cursor, state, table, prepared, random, name):
    rows = dict(ask(cursor, f"SELECT id, tag FROM {table.name}"))
    for problem in wrong_rows(table, rows, state, prepared):
        state.find(f"{name}: {table.name}: {problem}")
    verify_indexes(cursor, state, table, random, name)
    return rows.keys()


def ask(cursor, text, values=None):
    cursor.execute(text, values)
    return cursor.fetchall()


def wrong_rows(table, rows, state, prepared):
    if any(i < 0 for i in rows):
        yield f"rows that were rolled back: {[i for i in rows if i < 0][:5]}"
    shown = set(rows.values()) - {0}
    if shown & prepared:
        yield f"rows of transactions that are only prepared: {sorted(shown & prepared)}"
    if shown & state.rolled_back:
        yield f"rows of prepared transactions that were rolled back: {sorted(shown & state.rolled_back)}"
    if table.ledger and not state.acknowledged[table.name] <= rows.keys():
        yield f"committed rows are lost: {sorted(state.acknowledged[table.name] - rows.keys())[:10]}"


def verify_indexes(cursor, state, table, random, name):
    # An index that was built over broken HOT chains (indcheckxmin) is not for every snapshot.
    valid = dict(ask(cursor, "SELECT c.relname, NOT indcheckxmin FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = relam "
                                       "WHERE indrelid = %s::regclass AND indisvalid AND amname IN ('hnsw', 'ivfflat')", (table.name,)))
    for index in valid:
        problems = ask(cursor, "SELECT * FROM vecstore_check(%s::regclass, true) LIMIT 5", (index,))
        state.done["check"] += 1
        if problems:
            state.find(f"{name}: check of {index}: {problems}")
    for index in table.indexes:
        if valid.get(index.name):
            scan_all(cursor, state, table, index, "", random, name)
            if "tenant" in index.definition:
                scan_all(cursor, state, table, index, random.choice(["tenant = 1", "tenant IS NULL", "tenant >= 1"]), random, name)


def scan_all(cursor, state, table, index, condition, random, name):
    """An ordered scan without a limit returns all rows. One snapshot for both scans."""
    where = f"WHERE {condition}" if condition else ""
    query = random.choice(table.vectors)
    distance = f"v {index.operator} %s::{table.type}"
    ordered = f"SELECT id, {distance} FROM {table.name} {where} ORDER BY {distance}"
    settings = {"ivfflat.iterative_scan": "relaxed_order", "ivfflat.probes": "5", "enable_sort": "off",
                "hnsw.iterative_scan": random.choice(["strict_order", "relaxed_order"])}
    cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    cursor.execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off")
    rows = dict(ask(cursor, f"SELECT id, {distance} FROM {table.name} {where}", (query,)))
    cursor.execute("SET LOCAL enable_indexscan = on; SET LOCAL enable_seqscan = off;" + "".join(f"SET LOCAL {k} = {v};" for k, v in settings.items()))
    plan = "\n".join(r[0] for r in ask(cursor, "EXPLAIN " + ordered, (query, query)))
    found = ask(cursor, ordered, (query, query))
    cursor.execute("COMMIT")
    what = f"{name}: all of {index.name} {where}"
    if f"Index Scan using {table.name}_" not in plan or "Order By:" not in plan or "Sort" in plan:
        state.find(f"{what}: unexpected plan: {plan}")
    for problem in problems_of(found if settings["hnsw.iterative_scan"] == "strict_order" and index.method == "hnsw" else sorted(found, key=by_distance)):
        state.find(f"{what}: {problem}")
    missing, extra = rows.keys() - dict(found).keys(), dict(found).keys() - rows.keys()
    if missing or extra or any(not same(d, rows.get(i, d)) for i, d in found):
        state.find(f"{what}: {len(missing)} of {len(rows)} rows missing ({sorted(missing)[:5]}), {len(extra)} too many ({sorted(extra)[:5]}), or other distances; query {query}")
    state.done["scan"] += 1
    share = recall(rows, found)
    state.recall.setdefault(index.name, []).append(share)


def by_distance(row):
    return (True, 0) if is_none(row[1]) else (False, row[1])


def same(a, b):
    if is_none(a) or is_none(b):
        return is_none(a) and is_none(b)
    return a == b or abs(a - b) <= 1e-6 * abs(a) + 1e-6


def recall(rows, found):
    """The share of the ten nearest that are among the first ten."""
    true = sorted(d for d in rows.values() if not is_none(d))[:10]
    first = [d for _, d in found[:10] if not is_none(d)]
    return sum(d <= true[-1] + 1e-6 * abs(true[-1]) + 1e-6 for d in first) / len(true) if true else 1.0
