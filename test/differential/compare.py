"""What an answer must be, against the whole answer of the same statement without indexes.

Rows are (g, id, k, d, ...): g the query they belong to, k the second key of the order, d the distance. Each row of the answer
must be one of the whole answer, with the same distance to the last bit; there must be as many as the limit and the
offset leave; they must be in order, but for those that an approximate scan met too late, which come last. How many of the nearest are among them is the recall, which has a floor.
"""
import math
from collections import Counter

MOST_IN_ORDER = 100      # rows of a limit: scans that go on for longer may hand out some late
LEAST_FOR_RECALL = 5     # rows: fewer tell nothing
FLOOR_OF_ONE = 0.3       # of a single answer; averages have their own


def rank(distance):
    """Distances as ORDER BY has them: NaN after all numbers, NULL last."""
    if distance is None:
        return (2, 0.0)
    if math.isnan(distance):
        return (1, 0.0)
    return (0, distance)


def printable(row):
    """NaN equals itself, and -0 is 0 (which one an index computes is not promised)."""
    return tuple("NaN" if isinstance(x, float) and math.isnan(x) else x + 0.0 if isinstance(x, float) else x for x in row)


class Verdict:
    def __init__(self, problem=None, recall=None):
        self.problem, self.recall = problem, recall


def by_group(rows):
    groups = {}
    for row in rows:
        groups.setdefault(row[0], []).append(row)
    return groups


def check_group(rows, whole, statement, complete):
    left = Counter(printable(row) for row in whole)
    for row in rows:
        left[printable(row)] -= 1
        if left[printable(row)] < 0:
            return Verdict(f"row {row} is not one of the answer, or comes too often")
    begin = statement.offset
    end = len(whole) if statement.limit is None else begin + statement.limit
    wanted = max(0, min(end, len(whole)) - begin)
    if len(rows) > wanted or (complete and len(rows) != wanted):
        return Verdict(f"{len(rows)} rows instead of {wanted}")
    ordered = [rank(row[3]) for row in rows]
    if not any("relaxed_order" in s for s in statement.settings):
        late = 0   # Rows that a scan finds too late come after all others, in order among themselves.
        for before, after in zip(rows, rows[1:]):
            if rank(before[3]) > rank(after[3]):
                late += 1
                # Where a scan goes on for long over a sparse graph (m = 2), rows are late at several of its widths.
                if late > 1 and statement.limit is not None and statement.limit <= MOST_IN_ORDER:
                    return Verdict(f"row {after} comes after {before}")
            if statement.second_key and rank(before[3]) == rank(after[3]) and out_of_order(before[2], after[2], statement.descending):
                return Verdict(f"row {after} comes after {before}, at the same distance")
    if wanted < LEAST_FOR_RECALL:
        return Verdict()
    last = rank(whole[begin + wanted - 1][3])
    recall = sum(1 for d in ordered if d <= last) / wanted
    return Verdict(f"recall {recall:.2f}" if recall < FLOOR_OF_ONE and complete else None, recall)


def out_of_order(a, b, descending):
    if a is None or b is None:
        return False
    return a < b if descending else a > b


def check(rows, whole, statement, complete):
    """complete: as many rows as there are may be expected."""
    found, expected = by_group(rows), by_group(whole)
    extra = set(found) - set(expected)
    if extra:
        return Verdict(f"rows of query {extra.pop()}, which has none")
    recalls = []
    for group, of_group in expected.items():
        verdict = check_group(found.get(group, []), of_group, statement, complete)
        if verdict.problem:
            return verdict
        if verdict.recall is not None:
            recalls.append(verdict.recall)
    return Verdict(recall=sum(recalls) / len(recalls) if recalls else None)
