"""What an answer must be, against the whole answer of the same statement without indexes.

Rows are (g, id, k, d, ...): g the query they belong to, k the second key of the order, d the distance. Each row of the answer
must be one of the whole answer, with the same distance to the last bit; there must be as many as the limit and the
offset leave; they must be in order, but for those that an approximate scan met too late. Such rows come when all others that
have a distance are out, the farthest of them last: only then may the order go down. How many of the nearest are among the
rows is the recall, which has a floor.
"""
import math
from collections import Counter

LEAST_FOR_RECALL = 5   # rows: fewer tell nothing


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
    """lost: the server ended, or the connection."""

    def __init__(self, problem=None, recall=None, lost=False):
        self.problem, self.recall, self.lost = problem, recall, lost


class Promise:
    """complete: the answer has as many rows as there are. one_index: its order is that of one scan, not merged from several.
    least_recall: of a single answer."""

    def __init__(self, complete, one_index, least_recall):
        self.complete, self.one_index, self.least_recall = complete, one_index, least_recall


def by_group(rows):
    groups = {}
    for row in rows:
        groups.setdefault(row[0], []).append(row)
    return groups


def order_problem(rows, whole, statement, promise):
    farthest = max((rank(row[3]) for row in whole if rank(row[3])[0] == 0), default=None)
    for i, (before, after) in enumerate(zip(rows, rows[1:]), 1):
        if rank(before[3]) > rank(after[3]):
            # (A sort by the second key takes late rows into the last of its groups.)
            sorted_in = statement.second_key and all(rank(a[3]) <= rank(b[3]) for a, b in zip(rows[i:], rows[i + 1:]))
            if promise.one_index and rank(before[3]) < farthest and not sorted_in:
                return f"row {after} comes after {before}"
            return None   # late rows from here on
        if statement.second_key and rank(before[3]) == rank(after[3]) and out_of_order(before[2], after[2], statement.descending):
            return f"row {after} comes after {before}, at the same distance"
    return None


def out_of_order(a, b, descending):
    if a is None or b is None:
        return False
    return a < b if descending else a > b


def check_group(rows, whole, statement, promise):
    left = Counter(printable(row) for row in whole)
    for row in rows:
        left[printable(row)] -= 1
        if left[printable(row)] < 0:
            return Verdict(f"row {row} is not one of the answer, or comes too often")
    begin = statement.offset
    end = len(whole) if statement.limit is None else begin + statement.limit
    wanted = max(0, min(end, len(whole)) - begin)
    if len(rows) > wanted or (promise.complete and len(rows) != wanted):
        return Verdict(f"{len(rows)} rows instead of {wanted}")
    if statement.ordered():
        problem = order_problem(rows, whole, statement, promise)
        if problem is not None:
            return Verdict(problem)
    if wanted < LEAST_FOR_RECALL:
        return Verdict()
    last = rank(whole[begin + wanted - 1][3])
    recall = sum(1 for row in rows if rank(row[3]) <= last) / wanted
    return Verdict(f"recall {recall:.2f}" if recall < promise.least_recall and promise.complete else None, recall)


def check(rows, whole, statement, promise):
    found, expected = by_group(rows), by_group(whole)
    extra = set(found) - set(expected)
    if extra:
        return Verdict(f"rows of query {extra.pop()}, which has none")
    recalls = []
    for group, of_group in expected.items():
        verdict = check_group(found.get(group, []), of_group, statement, promise)
        if verdict.problem:
            return verdict
        if verdict.recall is not None:
            recalls.append(verdict.recall)
    return Verdict(recall=sum(recalls) / len(recalls) if recalls else None)
