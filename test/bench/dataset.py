"""Data sets of the bench: base vectors, queries and the distance of each query's k-th nearest base vector."""
import os
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from vectors import CopyStream, wire  # noqa: E402,F401 (for the users of this module)

SHARED = os.environ.get("VECSTORE_SHARED", os.path.join(HERE, "..", "..", "..", "shared"))

OPERATORS = {"l2": "<->", "ip": "<#>", "cosine": "<=>"}


class Dataset:
    """base: n x d, queries: q x d (float32); metric: a key of OPERATORS; name: for reports."""

    def __init__(self, name, base, queries, metric, neighbours=None):
        self.name, self.base, self.queries, self.metric = name, base, queries, metric
        self.neighbours = neighbours

    @property
    def dims(self):
        return self.base.shape[1]

    def distances(self, query, ids):
        """Exact distances (float64) of one query to the base vectors ids, in the data set's metric."""
        x = self.base[ids].astype(np.float64)
        q = query.astype(np.float64)
        if self.metric == "l2":
            return np.sqrt(((x - q) ** 2).sum(axis=1))
        dots = x @ q
        if self.metric == "ip":
            return -dots
        return 1 - dots / (np.linalg.norm(x, axis=1) * np.linalg.norm(q))

    def exact_neighbours(self, k):
        if self.neighbours is None:
            self.neighbours = brute_force(self.base, self.queries, self.metric, max(k, 10))
        return self.neighbours[:, :k]

    def recall(self, answers, k):
        """Share of the k nearest that were returned. By distance, not by id: with ties every choice is right."""
        exact = self.exact_neighbours(k)
        found = 0
        for q, got in zip(range(len(self.queries)), answers):
            limit = self.distances(self.queries[q], exact[q]).max()
            ids = np.unique(got[got >= 0])
            ids = ids[ids < len(self.base)]
            found += min(k, int((self.distances(self.queries[q], ids) <= limit + 1e-6 * abs(limit) + 1e-9).sum()))
        return found / (k * len(self.queries))


def brute_force(base, queries, metric, k):
    """Ids of the k nearest base vectors of each query, exactly; in blocks, so that memory stays small."""
    best_d = np.full((len(queries), 0), 0, dtype=np.float32)
    best_i = np.full((len(queries), 0), 0, dtype=np.int64)
    for first in range(0, len(base), 20000):
        x = np.asarray(base[first:first + 20000], dtype=np.float32)
        dots = queries @ x.T
        if metric == "l2":
            d = (x * x).sum(axis=1)[None, :] - 2 * dots
        elif metric == "ip":
            d = -dots
        else:
            d = -dots / np.linalg.norm(x, axis=1)[None, :]
        ids = np.broadcast_to(np.arange(first, first + len(x)), d.shape)
        d = np.concatenate([best_d, d], axis=1)
        ids = np.concatenate([best_i, ids], axis=1)
        keep = np.argpartition(d, min(k, d.shape[1]) - 1, axis=1)[:, :k]
        best_d, best_i = np.take_along_axis(d, keep, axis=1), np.take_along_axis(ids, keep, axis=1)
    order = np.argsort(best_d, axis=1, kind="stable")
    return np.take_along_axis(best_i, order, axis=1)


def load(spec, metric=None, rows=None):
    """spec is one of
         PREFIX      PREFIX_base.npy, PREFIX_query.npy and, if there, PREFIX_gt.npy
         ROWSxDIMS   made by shared/bench/gen.py into the folder of VECSTORE_BENCH_DATA (default: build/bench)
         FILE.npy    one array: its last 1,000 rows are the queries
       rows: use only the first so many base vectors."""
    if spec.endswith(".npy"):
        a = np.load(spec, mmap_mode="r")
        base, queries = a[:-1000], np.asarray(a[-1000:], dtype=np.float32)
        name, gt, metric = os.path.basename(spec)[:-4], None, metric or "l2"
    else:
        prefix = generated(spec)
        base = np.load(prefix + "_base.npy", mmap_mode="r")
        queries = np.load(prefix + "_query.npy")
        gt_path = prefix + "_gt.npy"
        # gen.py's vectors have unit length: one order for all three metrics
        gt = np.load(gt_path) if os.path.exists(gt_path) else None
        name, metric = os.path.basename(prefix), metric or "cosine"
    if rows and rows < len(base):
        base, gt = base[:rows], None
    if base.dtype != np.float32:
        base = base.astype(np.float32)
    return Dataset(name, base, queries, metric, gt)


def generated(spec):
    if os.path.exists(spec + "_base.npy"):
        return spec
    rows, _, dims = spec.partition("x")
    if not (rows.isdigit() and dims.isdigit()):
        sys.exit(f"{spec}: neither a prefix of _base.npy and _query.npy, nor ROWSxDIMS, nor an .npy file")
    folder = os.environ.get("VECSTORE_BENCH_DATA", os.path.join(HERE, "..", "..", "build", "bench"))
    os.makedirs(folder, exist_ok=True)
    prefix = os.path.join(folder, spec)
    if not os.path.exists(prefix + "_gt.npy"):
        generator = os.path.join(SHARED, "bench", "gen.py")
        if not os.path.exists(generator):
            sys.exit(f"{generator} is needed to make {spec}; give a prefix or an .npy file instead")
        subprocess.run([sys.executable, generator, rows, dims, prefix], check=True, stdout=subprocess.DEVNULL)
    return prefix
