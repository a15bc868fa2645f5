"""What the server's log says of a run of sqlsmith, and whether its indexes are sound. Status 1 where something is wrong."""
import argparse
import collections
import csv
import re
import sys

import psycopg2

# Columns of csvlog.
SEVERITY, STATE, MESSAGE, QUERY, LOCATION = 11, 12, 13, 19, 21


def rows_of_log(path):
    csv.field_size_limit(1 << 30)
    with open(path, newline="", encoding="utf-8", errors="replace") as log:
        yield from (row for row in csv.reader(line.replace("\0", "") for line in log) if len(row) > LOCATION)


def shape(message):
    """The message without its values, so that equal faults count as one."""
    message = re.sub(r'"[^"]*"', '"…"', message)
    return re.sub(r"\d+(\.\d+)?", "N", message)[:110]


def is_ours(location):
    """PostgreSQL's sources are .c, ours are .cpp."""
    return bool(re.search(r"\.[ch]pp:", location))


def read_log(path):
    """(errors by state, whose they are and shape, what is wrong)."""
    counts, wrong = collections.Counter(), []
    for row in rows_of_log(path):
        severity, state, message, location = row[SEVERITY], row[STATE], row[MESSAGE], row[LOCATION]
        if severity in ("ERROR", "FATAL"):
            counts[state, is_ours(location), shape(message)] += 1
        slow = severity == "LOG" and message.startswith("duration:")
        crash = severity == "PANIC" or re.search(r"was terminated by signal|exited with exit code [2-9]|TRAP", message)
        # The class of internal errors. PostgreSQL's own have their say about random statements; damage is never theirs.
        internal = state.startswith("XX") and (is_ours(location) or state != "XX000")
        if slow or crash or internal:
            wrong.append(f"{severity} {state} {message} ({location})\n{row[QUERY]}")
    return counts, wrong


def faults_of_indexes(dsn):
    connection = psycopg2.connect(dsn)
    cursor = connection.cursor()
    cursor.execute("""SELECT c.oid::regclass::text FROM pg_class c JOIN pg_am a ON a.oid = c.relam
                      WHERE c.relkind = 'i' AND a.amname IN ('hnsw', 'ivfflat') ORDER BY 1""")
    indexes = [name for (name,) in cursor.fetchall()]
    for name in indexes:
        cursor.execute("SELECT block, slot, problem FROM vecstore_check(%s, true) LIMIT 5", (name,))
        for fault in cursor.fetchall():
            yield f"index {name}: {fault}"
    print(f"{len(indexes)} indexes checked")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--late", type=int, default=0)
    parser.add_argument("--statements", type=int, required=True)
    args = parser.parse_args()
    counts, wrong = read_log(args.log)
    for (state, ours, message), number in sorted(counts.items(), key=lambda item: (not item[0][1], -item[1])):
        if ours or number >= 20 or state.startswith("XX"):
            print(f"{number:8} {state} {'vecstore' if ours else '        '} {message}")
    if args.statements < 20:
        wrong.append("sqlsmith has made next to no statements")
    if args.late:
        wrong.append(f"{args.late} statements run on after their timeout")
    wrong.extend(faults_of_indexes(args.dsn))
    for fault in wrong[:40]:
        print("WRONG:", fault)
    print(f"{args.statements} statements, of which {sum(counts.values())} ended with an error; {len(wrong)} things wrong")
    sys.exit(1 if wrong else 0)


main()
