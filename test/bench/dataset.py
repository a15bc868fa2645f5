"""Data sets of the bench: base vectors, queries and the distance of each query's k-th nearest base vector."""
import os
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from vectors import KINDS, CopyStream, embeddings, wire  # noqa: E402,F401 (for the users of this module)

SHARED = os.environ.get("VECSTORE_SHARED", os.path.join(HERE, "..", "..", "..", "shared"))

OPERATORS = {"l2": "<->", "ip": "<#>", "cosine": "<=>", "hamming": "<~>"}
OF_SIGNS = {"hamming"}  # of bit strings: a bit is set where a component is above 0


def with_mean(rows, dims, random):
    """Embeddings beside a common mean that is five times as long as what tells them apart."""
    return embeddings(rows, dims, random) + np.float32(5) * embeddings(1, dims, random)


def with_duplicates(rows, dims, random):
    """Some twenty rows of each vector."""
    pool = embeddings(max(10, rows // 20), dims, random)
    return pool[random.choice(len(pool), rows)]


def of_all_lengths(rows, dims, random):
    """Embeddings, each of a length between 0.001 and 1,000."""
    return embeddings(rows, dims, random) * (10 ** random.uniform(-3, 3, (rows, 1))).astype(np.float32)


def times(factor):
    return lambda rows, dims, random: embeddings(rows, dims, random) * np.float32(factor)


# Made on the spot, for load(). On top of the kinds of test data: what is hard for an index.
MADE = {**KINDS, "mean": with_mean, "duplicates": with_duplicates, "lengths": of_all_lengths,
        "tiny": times(1e-6), "large": times(1e3), "huge": times(1e6)}


class Dataset:
    """base: n x d, queries: q x d (float32); metric: a key of OPERATORS; name: for reports."""

    def __init__(self, name, base, queries, metric, neighbors=None, files=None):
        self.name, self.base, self.queries, self.metric = name, base, queries, metric
        self.neighbors, self.files = neighbors, files

    @property
    def dims(self):
        return self.base.shape[1]

    def distances(self, query, ids):
        """Exact distances (float64) of one query to the base vectors ids, in the data set's metric."""
        x = self.base[ids].astype(np.float64)
        q = query.astype(np.float64)
        if self.metric == "l2":
            return np.sqrt(((x - q) ** 2).sum(axis=1))
        if self.metric in OF_SIGNS:
            return ((x > 0) != (q > 0)).sum(axis=1).astype(np.float64)
        dots = x @ q
        if self.metric == "ip":
            return -dots
        return 1 - dots / (np.linalg.norm(x, axis=1) * np.linalg.norm(q))

    def exact_neighbors(self, k):
        if self.neighbors is None:
            self.neighbors = brute_force(self.base, self.queries, self.metric, max(k, 10))
        return self.neighbors[:, :k]

    def recall(self, answers, k):
        """Share of the k nearest that were returned. By distance, not by id: with ties every choice is right."""
        exact = self.exact_neighbors(k)
        found = 0
        for q, got in zip(range(len(self.queries)), answers):
            limit = self.distances(self.queries[q], exact[q]).max()
            slack = 1e-6 * abs(limit) + 1e-9 * (1 if self.metric == "cosine" else np.abs(self.queries[q]).max())
            ids = np.unique(got[got >= 0])
            ids = ids[ids < len(self.base)]
            found += min(k, int((self.distances(self.queries[q], ids) <= limit + slack).sum()))
        return found / (k * len(self.queries))

    def export(self, folder):
        """base.npy, query.npy and gt.npy in the folder, as hnswlib_bench.cpp reads them, unit vectors for cosine;
        returns their paths. Unit vectors that lie in such files already stay there."""
        if self.files:
            return self.files
        paths = [os.path.join(folder, name) for name in ("base.npy", "query.npy", "gt.npy")]
        for path, x in zip(paths, (self.base, self.queries)):
            if self.metric == "cosine":
                x = x / np.linalg.norm(x, axis=1, keepdims=True)
            np.save(path, np.ascontiguousarray(x, dtype=np.float32))
        np.save(paths[2], self.exact_neighbors(10).astype(np.int32))
        return paths


def brute_force(base, queries, metric, k):
    """Ids of the k nearest base vectors of each query. The nearest by float32 in blocks, so that memory stays small,
    and of some more than k of them the exact order."""
    rough = Dataset("", base, queries, metric, nearest_by_float32(base, queries, metric, 3 * k + 20))
    ids = np.empty((len(queries), min(k, rough.neighbors.shape[1])), dtype=np.int64)
    for q, candidates in enumerate(rough.neighbors):
        order = np.argsort(rough.distances(queries[q], candidates), kind="stable")
        ids[q] = candidates[order[:k]]
    return ids


def nearest_by_float32(base, queries, metric, k):
    best_d = np.full((len(queries), 0), 0, dtype=np.float32)
    best_i = np.full((len(queries), 0), 0, dtype=np.int64)
    # A common mean would cost float32 its precision.
    mean = np.asarray(base[:20000], dtype=np.float32).mean(axis=0) if metric == "l2" else np.float32(0)
    signs = metric in OF_SIGNS
    queries = np.where(queries > 0, np.float32(1), np.float32(-1)) if signs else queries - mean
    for first in range(0, len(base), 20000):
        x = np.asarray(base[first:first + 20000], dtype=np.float32) - mean
        if signs:
            x = np.where(x > 0, np.float32(1), np.float32(-1))
        dots = queries @ x.T
        if metric == "l2":
            d = (x * x).sum(axis=1)[None, :] - 2 * dots
        elif metric == "ip" or signs:
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
         PREFIX          PREFIX_base.npy, PREFIX_query.npy and, if there, PREFIX_gt.npy
         ROWSxDIMS       made by shared/bench/gen.py into the folder of VECSTORE_BENCH_DATA (default: build/bench)
         KIND:ROWSxDIMS  made in memory: a key of MADE
         mnist           the digits in shared/bench, as FILE.npy
         FILE.npy        one array: its last 1,000 rows are the queries
       metric: default l2, for PREFIX and ROWSxDIMS cosine; spec may end in :METRIC too.
       rows: use only the first so many base vectors."""
    spec, given = split_metric(spec)
    metric = metric or given
    if spec == "mnist":
        spec = os.path.join(SHARED, "bench", "mnist_63000x784_u8.npy")
    if spec.endswith(".npy"):
        base, queries = last_are_queries(np.load(spec, mmap_mode="r"), 1000)
        name, gt = os.path.basename(spec)[:-4], None
        metric = metric or "l2"
    elif spec.partition(":")[0] in MADE:
        base, queries = made(spec)
        name, gt, metric = spec, None, metric or "l2"
    else:
        prefix = generated(spec)
        files = [prefix + end for end in ("_base.npy", "_query.npy", "_gt.npy")]
        base = np.load(files[0], mmap_mode="r")
        queries = np.load(files[1])
        # gen.py's vectors have unit length: one order for all three metrics
        gt = np.load(files[2]) if os.path.exists(files[2]) and metric not in OF_SIGNS else None
        name, metric = os.path.basename(prefix), metric or "cosine"
    if rows and rows < len(base):
        base, gt = base[:rows], None
    if gt is None:
        files = None
    if base.dtype != np.float32:
        base = base.astype(np.float32)
    return Dataset(name, base, queries, metric, gt, files)


def split_metric(spec):
    """(spec, metric) of SPEC:METRIC; None where it names no metric."""
    head, _, last = spec.rpartition(":")
    return (head, last) if last in OPERATORS else (spec, None)


def rows_and_dims(text):
    rows, _, dims = text.partition("x")
    return (int(rows), int(dims)) if rows.isdigit() and dims.isdigit() else None


def last_are_queries(a, count):
    return a[:-count], np.asarray(a[-count:], dtype=np.float32)


def made(spec):
    kind, _, size = spec.partition(":")
    shape = rows_and_dims(size)
    if shape is None:
        sys.exit(f"{spec}: not KIND:ROWSxDIMS")
    queries = min(500, max(20, shape[0] // 10))
    return last_are_queries(MADE[kind](shape[0] + queries, shape[1], np.random.default_rng(1)), queries)


def generated(spec):
    if os.path.exists(spec + "_base.npy"):
        return spec
    if rows_and_dims(spec) is None:
        sys.exit(f"{spec}: neither a prefix of _base.npy and _query.npy, nor ROWSxDIMS, KIND:ROWSxDIMS "
                 f"({', '.join(sorted(MADE))}), mnist, nor an .npy file")
    rows, _, dims = spec.partition("x")
    folder = os.environ.get("VECSTORE_BENCH_DATA", os.path.join(HERE, "..", "..", "build", "bench"))
    os.makedirs(folder, exist_ok=True)
    prefix = os.path.join(folder, spec)
    if not os.path.exists(prefix + "_gt.npy"):
        generator = os.path.join(SHARED, "bench", "gen.py")
        if not os.path.exists(generator):
            sys.exit(f"{generator} is needed to make {spec}; give a prefix or an .npy file instead")
        subprocess.run([sys.executable, generator, rows, dims, prefix], check=True, stdout=subprocess.DEVNULL)
    return prefix
