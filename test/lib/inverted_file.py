#!/usr/bin/python3
"""What an inverted file finds: the recall@10 that a table of pgvector's lists would have.

    inverted_file.py KIND ROWS QUERIES DIMS SEED METRIC LISTS PROBES...

The vectors are those that vectors.py makes of KIND, ROWS + QUERIES, DIMS and SEED; the last QUERIES of them ask. METRIC
is l2, ip, cosine or hamming (of their signs). Prints one line for each number of PROBES: it, and the recall.
"""
import sys

import numpy as np

import vectors

ROUNDS = 15     # of k-means, which hardly moves any more after that
NEAREST = 10


def unit(x):
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(length == 0, 1, length)


def distances(metric, a, b):
    """By which pairs of a and b are compared, rows to centers and rows to rows alike: smaller is nearer."""
    products = a @ b.T
    if metric in ("ip", "cosine"):
        return -products
    return (a * a).sum(1)[:, None] - 2 * products + (b * b).sum(1)[None, :]


def centers_of(metric, sample, lists, random):
    """k-means; of directions where only those count, of bits where the vectors are bits."""
    spherical = metric in ("ip", "cosine")
    sample = unit(sample) if spherical else sample
    centers = sample[random.choice(len(sample), lists, replace=False)]
    for _ in range(ROUNDS):
        nearest = distances(metric, sample, centers).argmin(1)
        for i in range(lists):
            mine = sample[nearest == i]
            centers[i] = mine.mean(0) if len(mine) else sample[random.integers(len(sample))]
        centers = unit(centers) if spherical else centers
    return np.round(centers) if metric == "hamming" else centers


def main():
    kind, (rows, queries, dims, seed), metric = sys.argv[1], (int(x) for x in sys.argv[2:6]), sys.argv[6]
    lists, *probes = (int(x) for x in sys.argv[7:])
    x = vectors.KINDS[kind](rows + queries, dims, np.random.default_rng(seed)).astype(np.float64)
    x = (x > 0).astype(np.float64) if metric == "hamming" else unit(x) if metric == "cosine" else x
    base, asked = x[:rows], x[rows:]
    random = np.random.default_rng(seed + 1)
    sample = base[random.permutation(rows)[:max(10000, 50 * lists)]]
    centers = centers_of(metric, sample, lists, random)
    list_of = distances(metric, base, centers).argmin(1)
    nearest_lists = distances(metric, asked, centers).argsort(1)
    exact = distances(metric, asked, base)
    # by distance, so that among ties every choice is right
    bound = np.sort(exact, 1)[:, NEAREST - 1, None] + 1e-9
    for count in probes:
        inside = (list_of[None, None, :] == nearest_lists[:, :count, None]).any(1)
        found = np.minimum(((exact <= bound) & inside).sum(1), NEAREST)
        print(count, found.mean() / NEAREST)


if __name__ == "__main__":
    main()
