"""Writes vector files with the real numpy and FAISS, and says which rows must come out of each.

    import_files.py FOLDER [--check]

For each file a line: path, reader (npy or faiss), rows, dims, element type, metric, md5 of the rows, md5 of the ids,
separated by tabs. The rows' md5 is that of their binary wire form (vector_send), one after the other in the order
of the file; the ids' that of their decimal form, separated by commas. With --check only says whether both modules
are there, by its exit status.
"""

import hashlib
import os
import sys

import faiss
import numpy as np


def digest(vectors, ids):
    n, d = vectors.shape
    wire = np.zeros(n, dtype=np.dtype([("dim", ">i2"), ("unused", ">i2"), ("x", ">f4", (d,))]))
    wire["dim"], wire["x"] = d, vectors
    text = ",".join(str(i) for i in ids)
    return hashlib.md5(wire.tobytes()).hexdigest(), hashlib.md5(text.encode()).hexdigest()


def report(path, reader, vectors, ids, element, metric):
    print(path, reader, *vectors.shape, element, metric, *digest(vectors, ids), sep="\t")


def write_npy(folder, name, array, version=None):
    path = os.path.join(folder, name + ".npy")
    with open(path, "wb") as f:
        np.lib.format.write_array(f, array, version=version)
    rows = array.reshape(1, -1) if array.ndim == 1 else array
    element = array.dtype.newbyteorder("=").name
    report(path, "npy", rows.astype(np.float32), range(len(rows)), element, "unknown")


def npy_files(folder, random):
    normal = random.standard_normal
    rows = normal((1000, 33)).astype(np.float32)
    for major in (1, 2, 3):
        write_npy(folder, f"version{major}", rows, (major, 0))
    write_npy(folder, "many_blocks", normal((5003, 257)).astype(np.float32))
    write_npy(folder, "fortran", np.asfortranarray(rows))
    write_npy(folder, "fortran_float64", np.asfortranarray(normal((3001, 130))))
    write_npy(folder, "slice", rows[::3, ::2])
    write_npy(folder, "one_vector", normal(512).astype(np.float32))
    write_npy(folder, "one_column", normal((77, 1)).astype(np.float32))
    write_npy(folder, "longest", normal((3, 16000)).astype(np.float32))
    write_npy(folder, "extreme", np.array([[np.finfo("f4").max, np.finfo("f4").tiny, 1e-45, -0.0]], dtype=np.float32))
    for order in "<>":
        for kind in ("f2", "f4", "f8"):
            write_npy(folder, f"{kind}_{'little' if order == '<' else 'big'}", (normal((50, 7)) * 10).astype(order + kind))
        for kind in ("i2", "i4", "i8", "u2", "u4", "u8"):
            limits = np.iinfo(kind)
            values = random.integers(limits.min, limits.max, (50, 7), dtype=kind, endpoint=True)
            write_npy(folder, f"{kind}_{'little' if order == '<' else 'big'}", values.astype(order + kind))
    for kind in ("i1", "u1"):
        values = random.integers(np.iinfo(kind).min, np.iinfo(kind).max, (300, 784), dtype=kind, endpoint=True)
        write_npy(folder, kind, values)
    write_npy(folder, "bool", random.integers(0, 2, (40, 9)).astype(bool))


def write_index(folder, name, index, vectors, ids, metric):
    path = os.path.join(folder, name + ".faiss")
    faiss.write_index(index, path)
    report(path, "faiss", vectors, ids, "float32", metric)


def faiss_files(folder, random):
    for name, rows, dims in (("small", 10, 3), ("blocks", 3000, 384), ("high", 5, 16000), ("empty", 0, 8)):
        x = random.standard_normal((rows, dims)).astype(np.float32)
        for kind, metric, label in (("l2", faiss.METRIC_L2, "l2"), ("ip", faiss.METRIC_INNER_PRODUCT, "inner_product"),
                                    ("l1", faiss.METRIC_L1, "l1"), ("canberra", faiss.METRIC_Canberra, "other")):
            flat = faiss.IndexFlat(dims, metric)
            flat.add(x)
            write_index(folder, f"{name}_{kind}", flat, x, range(rows), label)
        ids = random.integers(-2**62, 2**62, rows, dtype=np.int64)
        for kind, id_map in (("idmap", faiss.IndexIDMap), ("idmap2", faiss.IndexIDMap2)):
            mapped = id_map(faiss.IndexFlatIP(dims))
            mapped.add_with_ids(x, ids)
            write_index(folder, f"{name}_{kind}", mapped, x, ids, "inner_product")


if __name__ == "__main__":
    if "--check" not in sys.argv:
        generator = np.random.default_rng(7)
        npy_files(sys.argv[1], generator)
        faiss_files(sys.argv[1], generator)
