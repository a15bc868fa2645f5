# Writes a table (NAME.copy: id, vector) and index files of hnswlib and FAISS over it, for 049_import_graph.pl.
#
#   graph_files.py FOLDER
#   graph_files.py --check      an error without numpy, FAISS or hnswlib

import os
import sys

try:
    import faiss
    import hnswlib
    import numpy as np
except ImportError as missing:
    print(missing)
    sys.exit(1)
if "--check" in sys.argv:
    sys.exit(0)

FOLDER = sys.argv[1]
DIMS, ROWS, M, EF = 256, 3000, 16, 64
random = np.random.default_rng(5)
CENTERS = random.standard_normal((30, DIMS))


def path(name):
    return os.path.join(FOLDER, name)


def vectors(rows):
    return (CENTERS[random.integers(0, 30, rows)] + 0.7 * random.standard_normal((rows, DIMS))).astype(np.float32)


def unit(x):
    return (x / np.linalg.norm(x, axis=1)[:, None]).astype(np.float32)


def write_table(name, ids, x):
    with open(path(name + ".copy"), "w") as out:
        for i, row in zip(ids, x):
            out.write(f"{i}\t[{','.join(format(float(v), '.9g') for v in row)}]\n")


def write_hnswlib(name, ids, x, space, deleted=()):
    index = hnswlib.Index(space=space, dim=DIMS)
    index.init_index(len(x), M=M, ef_construction=EF)
    index.add_items(x, ids)
    for i in deleted:
        index.mark_deleted(int(i))
    index.save_index(path(name))


def write_faiss(name, index, x, ids=None):
    if not index.is_trained:
        index.train(x)
    index.hnsw.efConstruction = EF
    if ids is not None:
        index = faiss.IndexIDMap(index)
        index.add_with_ids(x, ids)
    else:
        index.add(x)
    faiss.write_index(index, path(name))


x = vectors(ROWS + 200)
write_table("queries", range(200), x[ROWS:])
x = x[:ROWS]
ids = np.arange(ROWS) * 3 + 10
shuffled = random.permutation(ROWS)
write_table("t", ids, x)
write_table("u", ids, unit(x))
write_hnswlib("l2.hnswlib", ids[shuffled], x[shuffled], "l2", deleted=ids[:30])
write_hnswlib("cosine.hnswlib", ids[shuffled], x[shuffled], "cosine")
write_hnswlib("other.hnswlib", ids, vectors(ROWS), "l2")
write_faiss("l2.faiss", faiss.IndexHNSWFlat(DIMS, M), x)
write_faiss("ids.faiss", faiss.IndexHNSWFlat(DIMS, M), x[shuffled], ids[shuffled])
write_faiss("ip.faiss", faiss.IndexHNSWFlat(DIMS, M, faiss.METRIC_INNER_PRODUCT), unit(x)[shuffled], ids[shuffled])
write_faiss("sq.faiss", faiss.IndexHNSWSQ(DIMS, faiss.ScalarQuantizer.QT_8bit, M), x)
write_faiss("ip_of_t.faiss", faiss.IndexHNSWFlat(DIMS, M, faiss.METRIC_INNER_PRODUCT), x * (1 + np.arange(ROWS) % 5)[:, None].astype(np.float32))
write_table("long", range(ROWS), x * (1 + np.arange(ROWS) % 5)[:, None].astype(np.float32))
# Enough that an import can be interrupted.
many = vectors(6 * ROWS)
write_table("many", range(len(many)), many)
write_hnswlib("many.hnswlib", np.arange(len(many)), many, "l2")
flat = faiss.IndexFlatL2(DIMS)
flat.add(x)
faiss.write_index(flat, path("flat.faiss"))
with open(path("l2.hnswlib"), "rb") as whole, open(path("cut.hnswlib"), "wb") as cut:
    cut.write(whole.read()[:-4])
# Links that lead nowhere: the opening does not read them.
with open(path("l2.hnswlib"), "rb") as whole, open(path("damaged.hnswlib"), "wb") as damaged:
    content = bytearray(whole.read())
    content[96 + 4:96 + 8] = b"\xff\xff\xff\x7f"
    damaged.write(content)
os.system(f"chmod -R a+rX {FOLDER}")
