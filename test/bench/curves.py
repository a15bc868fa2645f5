"""What test/bench/run measured of queries, as curves of a figure against recall."""
import math


def value_at(points, recall, clients, what="per_second"):
    """A figure of the queries at a recall, or None where the measured points do not reach it; points is a result's list
    "queries". Interpolated between them: linear in log(1 - recall) against the figure's logarithm, along which the
    curves are nearly straight. Where even the fastest setting is better than asked for, that setting's."""
    points = [(math.log(max(1 - q["recall"], 1e-6)), math.log(q[clients][what])) for q in points
              if what in q.get(clients, {})]
    points.sort(reverse=True)
    x = math.log(max(1 - recall, 1e-6))
    if points and points[0][0] < x:
        return math.exp(points[0][1])
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        if x0 >= x >= x1:
            return math.exp(y0 if x0 == x1 else y0 + (y1 - y0) * (x - x0) / (x1 - x0))
    return None


def key_of_clients(clients):
    """Where a point keeps the figures of a number of clients, or of one-cpu."""
    return "one_cpu" if clients == "one-cpu" else f"clients_{clients}"


def text_of_clients(key):
    return "1 on one CPU" if key == "one_cpu" else f"{key.split('_')[1]} client(s)"


def one_client(points):
    """The figures of one client: on one CPU with its server process (client.c says why), where that was measured."""
    return "one_cpu" if points and "one_cpu" in points[0] else "clients_1"


def at_ef(points, ef):
    """The point measured at an ef_search, or None."""
    return next((q for q in points if q["ef_search"] == ef), None)
