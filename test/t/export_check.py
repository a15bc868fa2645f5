"""Reads exported files with the real NumPy, FAISS and hnswlib.

    export_check.py FILE...     the name of a file says its kind and the checks:

*.npy, *.fvecs, *.faiss, *.hnswlib (with .cosine or .ip before it for those spaces): a line of
name, rows, dims, md5 of the vectors in the order of their ids, md5 of the ids (see import_files.py).
*.hnsw.faiss: also the recall@10 of the library's own search at efSearch 80, and whether every node can be reached from
the entry point.
"""

import hashlib
import os
import sys

import numpy as np


def digest(vectors, ids):
    order = np.argsort(ids, kind="stable")
    vectors, ids = vectors[order], np.asarray(ids)[order]
    n, d = vectors.shape
    wire = np.zeros(n, dtype=np.dtype([("dim", ">i2"), ("unused", ">i2"), ("x", ">f4", (d,))]))
    wire["dim"], wire["x"] = d, vectors
    return hashlib.md5(wire.tobytes()).hexdigest(), hashlib.md5(",".join(map(str, ids)).encode()).hexdigest()


def recall(index, vectors, ids, inner_product):
    queries = vectors[:: max(1, len(vectors) // 200)] + np.float32(0.01)
    scores = queries @ vectors.T
    if not inner_product:
        scores = 2 * scores - (vectors * vectors).sum(1)
    best = np.sort(scores, axis=1)[:, -10:]
    row_of = {int(i): n for n, i in enumerate(ids)}
    _, found = index.search(queries, 10)
    hits = 0
    for q in range(len(queries)):
        rows = found[q][found[q] >= 0].tolist()
        assert len(set(rows)) == len(rows), "a row twice"
        got = [scores[q, row_of[i]] for i in rows]
        hits += sum(s >= best[q, 0] - 1e-4 * abs(best[q, 0]) - 1e-5 for s in got)
    return hits / (10 * len(queries))


def reachable(hnsw):
    import faiss
    offsets, neighbors = faiss.vector_to_array(hnsw.offsets).astype(int), faiss.vector_to_array(hnsw.neighbors).astype(int)
    levels, widths = faiss.vector_to_array(hnsw.levels), faiss.vector_to_array(hnsw.cum_nneighbor_per_level).astype(int)
    assert len(levels) == len(offsets) - 1 and offsets[-1] == len(neighbors)
    assert all(neighbors < len(levels)) and all(neighbors >= -1)
    assert levels[hnsw.entry_point] == levels.max() == hnsw.max_level + 1
    for level in range(1, hnsw.max_level + 1):  # lists of a level lead to nodes of that level
        for i in np.nonzero(levels > level)[0]:
            row = neighbors[offsets[i] + widths[level]: offsets[i] + widths[level + 1]]
            assert (levels[row[row >= 0]] > level).all() and i not in row
    seen, todo = {hnsw.entry_point}, [hnsw.entry_point]
    while todo:
        i = todo.pop()
        row = neighbors[offsets[i]: offsets[i] + widths[1]]
        used = row[row >= 0].tolist()
        assert len(set(used)) == len(used) and i not in used
        for j in used:
            if j not in seen:
                seen.add(j)
                todo.append(j)
    return len(seen)


def read_faiss(path):
    import faiss
    index = faiss.read_index(path)
    inner, ids = index, np.arange(index.ntotal)
    if hasattr(index, "id_map"):
        inner, ids = faiss.downcast_index(index.index), faiss.vector_to_array(index.id_map)
    vectors = inner.reconstruct_n(0, inner.ntotal) if inner.ntotal else np.zeros((0, inner.d), "f4")
    extra = []
    if ".hnsw." in path:
        inner.hnsw.efSearch = 80
        extra = [recall(index, vectors, ids, inner.metric_type == faiss.METRIC_INNER_PRODUCT), reachable(inner.hnsw)]
    else:
        extra = ["ip" if inner.metric_type == faiss.METRIC_INNER_PRODUCT else "l2"]
    return vectors, ids, extra


def read_hnswlib(path):
    import hnswlib
    space = "cosine" if ".cosine." in path else "ip" if ".ip." in path else "l2"
    dims = int(path.split(".")[-2])
    index = hnswlib.Index(space=space, dim=dims)
    index.load_index(path)
    ids = np.array(sorted(index.get_ids_list()))
    vectors = np.array(index.get_items(ids), dtype="f4")
    index.set_ef(80)
    labels, _ = index.knn_query(vectors[:100], k=1)
    return vectors, ids, [float(np.mean(labels[:, 0] == ids[:100]))]


def read(path):
    if path.endswith(".npy"):
        vectors = np.load(path, allow_pickle=False)
        return vectors, np.arange(len(vectors)), [vectors.dtype.str]
    if path.endswith(".fvecs"):
        raw = np.fromfile(path, dtype="<i4")
        rows = raw.reshape(-1, raw[0] + 1)
        assert (rows[:, 0] == raw[0]).all()
        return rows[:, 1:].copy().view("<f4"), np.arange(len(rows)), []
    return read_faiss(path) if path.endswith(".faiss") else read_hnswlib(path)


for file in sys.argv[1:]:
    vectors, ids, extra = read(file)
    print(os.path.basename(file), *vectors.shape, *digest(np.asarray(vectors, dtype="f4"), ids), *extra, sep="\t")
