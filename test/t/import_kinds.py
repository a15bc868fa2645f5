# Writes files of every kind that the real libraries make, and beside each (NAME.expected, for COPY) the rows that the
# library itself reads from it. One line for each on standard output, separated by tabs: path, reader, rows, dims, whether the
# values are exact (1 or empty), whether the file is lossy (t or f), further arguments of the reader.
#
#   import_kinds.py FOLDER
#   import_kinds.py --check      what is missing: an error without numpy and FAISS, a line without hnswlib

import os
import sys

try:
    import faiss
    import numpy as np
except ImportError as missing:
    print(missing)
    sys.exit(1)
try:
    import hnswlib
except ImportError as missing:
    hnswlib = None
    if "--check" in sys.argv:
        print(missing)
if "--check" in sys.argv:
    sys.exit(0)

FOLDER = sys.argv[1]
DIMS = 32
random = np.random.default_rng(11)
X = random.standard_normal((300, DIMS)).astype(np.float32)
TRAIN = random.standard_normal((1200, DIMS)).astype(np.float32)


def report(path, reader, values, ids=None, exact=True, lossy=False, arguments=""):
    values = np.asarray(values, dtype=np.float32)
    ids = range(len(values)) if ids is None else ids
    with open(path + ".expected", "w") as out:
        for i, row in zip(ids, values):
            out.write(f"{i}\t[{','.join(format(float(v), '.9g') for v in row)}]\n")
    print(path, reader, len(values), values.shape[1], "1" if exact else "", "t" if lossy else "f", arguments, sep="\t")


def path_of(name, extension):
    return os.path.join(FOLDER, f"{name}.{extension}".replace(",", "_").replace("(", "_").replace(")", ""))


# ------------------------------------------------------------------------------------------------------------- numpy

def numpy_files():
    shapes = {"c": X[:40, :7], "f": np.asfortranarray(X[:40, :7])}
    for order, base in shapes.items():
        for kind in ("f2", "f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "b1"):
            for byte_order in "<>":
                array = (base * 50).astype(kind) if kind[0] == "f" or kind == "b1" else (base * 20 + 60).astype("i8").astype(kind)
                array = array.astype(array.dtype.newbyteorder(byte_order), order=order.upper())
                name = path_of(f"{kind}_{order}_{'little' if byte_order == '<' else 'big'}", "npy")
                np.save(name, array)
                report(name, "npy", array.astype(np.float32))
    large = np.asfortranarray(random.standard_normal((9000, 600)).astype(np.float32))   # more than one window
    name = path_of("large_fortran", "npy")
    np.save(name, large)
    report(name, "npy", large)
    name = path_of("vector", "npy")
    np.save(name, X[0])
    report(name, "npy", X[:1])
    for order in "CF":
        cube = np.asarray(random.standard_normal((5, 4, 3)).astype(np.float32), order=order)
        name = path_of(f"cube_{order}", "npy")
        np.save(name, cube)
        report(name, "npy", cube.reshape(5, 12), arguments="flatten => true")
    holes = X[:6].copy()
    holes[1, 3], holes[4, 0] = np.nan, -np.inf
    name = path_of("holes", "npy")
    np.save(name, holes)
    report(name, "npy", holes[[0, 2, 3, 5]], ids=[0, 2, 3, 5], arguments="skip_not_finite => true")
    for save, label in ((np.savez, "stored"), (np.savez_compressed, "deflated")):
        for order in "CF":
            name = path_of(f"{label}_{order}", "npz")
            save(name, emb=np.asarray(X, order=order), other=X[:3], names=np.array(["a", "b"]))
            report(name, "npy", X, arguments="member => 'emb'")
            os.link(name, name + "2")
            report(name + "2", "npy", X[:3], arguments="member => 'other'")
        name = path_of(f"{label}_single", "npz")
        save(name, X)
        os.rename(name, name[:-1] + "y")
        report(name[:-1] + "y", "npy", X)


# ------------------------------------------------------------------------------------------------------------- FAISS

def faiss_file(name, index, values, ids=None, exact=True, lossy=False):
    name = path_of(name, "faiss")
    faiss.write_index(index, name)
    report(name, "faiss", values, ids, exact, lossy)


def make_index(spec):
    index = faiss.index_factory(DIMS, spec)
    # These take long and change nothing here.
    if spec == "HNSW8_PQ8":
        faiss.downcast_index(index.storage).do_polysemous_training = False
    if spec.startswith("OPQ"):
        rotation = faiss.downcast_VectorTransform(index.chain.at(0))
        rotation.niter, rotation.niter_pq, rotation.niter_pq_0 = 2, 2, 2
    index.train(TRAIN)
    return index


EXACT = ["Flat", "HNSW8,Flat", "IVF10,Flat", "IVF10_HNSW8,Flat", "PQ8x4np,RFlat", "IVF10,Flat,RFlat", "IVF10,PQ8x4np,RFlat"]
LOSSY = ["HNSW8_SQ8", "HNSW8_SQfp16", "HNSW8_PQ8", "HNSW8_10+PQ4", "SQ8", "SQ4", "SQ6", "SQfp16", "PQ8np", "PQ8x4np", "PQ4x6np",
         "IVF10,SQ8", "IVF10,SQ4", "IVF10,SQ6", "IVF10,SQfp16", "IVF10,PQ8x4np", "IVF10,PQ4x6np", "IMI2x3,PQ8x4np", "PCA16,Flat",
         "PCAR16,SQ8", "OPQ8,PQ8x4np", "OPQ8_16,IVF10,PQ8x4np", "RR32,Flat", "L2norm,Flat", "Pad40,Flat", "IVF10,Flat,Refine(SQ8)"]


def faiss_files():
    for spec in EXACT + LOSSY:
        index = make_index(spec)
        index.add(X)
        inner = faiss.try_extract_index_ivf(index)
        if inner:
            inner.make_direct_map()
        exact = spec in EXACT
        faiss_file(spec, index, X if exact else index.reconstruct_n(0, index.ntotal), exact=exact, lossy=not exact)
    ids = random.integers(-2**62, 2**62, len(X), dtype=np.int64)
    for name, make in (("idmap", faiss.IndexIDMap), ("idmap2", faiss.IndexIDMap2)):
        for spec in ("Flat", "HNSW8,Flat", "IVF10,Flat"):
            index = faiss.index_factory(DIMS, spec)
            index.train(TRAIN)
            mapped = make(index)
            mapped.add_with_ids(X, ids)
            faiss_file(f"{name}_{spec}", mapped, X, ids)
    index = faiss.index_factory(DIMS, "IVF10,Flat")
    index.train(TRAIN)
    index.add_with_ids(X, ids)
    faiss_file("ivf_ids", index, X, ids)
    index.set_direct_map_type(faiss.DirectMap.Hashtable)
    faiss_file("ivf_hashtable", index, X, ids)
    for residual in (False, True):
        index = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatL2(DIMS), DIMS, 10, faiss.ScalarQuantizer.QT_8bit_uniform,
                                              faiss.METRIC_L2, residual)
        index.train(TRAIN)
        index.add(X)
        index.make_direct_map()
        faiss_file(f"ivf_uniform_{residual}", index, index.reconstruct_n(0, index.ntotal), exact=False, lossy=True)
    bytes_like = random.integers(0, 256, X.shape).astype(np.float32)
    index = faiss.IndexScalarQuantizer(DIMS, faiss.ScalarQuantizer.QT_8bit_direct)
    index.train(bytes_like)
    index.add(bytes_like)
    faiss_file("sq_direct", index, bytes_like, lossy=True)
    on_disk_lists()
    binary_files(ids)


def on_disk_lists():
    index = faiss.index_factory(DIMS, "IVF10,PQ8x4np")
    index.train(TRAIN)
    # The stored path leads nowhere afterwards: the lists are looked for beside the index.
    os.mkdir(os.path.join(FOLDER, "away"))
    away = os.path.join(FOLDER, "away", "lists.ivfdata")
    lists = faiss.OnDiskInvertedLists(10, index.code_size, away)   # which Python must not free before its time
    index.replace_invlists(lists, False)
    index.add(X)
    index.make_direct_map()
    faiss_file("on_disk", index, index.reconstruct_n(0, index.ntotal), exact=False, lossy=True)
    os.rename(away, os.path.join(FOLDER, "lists.ivfdata"))


def binary_files(ids):
    packed = random.integers(0, 256, (300, 8)).astype(np.uint8)
    bits = np.unpackbits(packed, axis=1).astype(np.float32)
    flat, hnsw = faiss.IndexBinaryFlat(64), faiss.IndexBinaryHNSW(64, 8)
    lists = faiss.IndexBinaryIVF(faiss.IndexBinaryFlat(64), 64, 10)
    lists.train(packed)
    mapped = faiss.IndexBinaryIDMap(faiss.IndexBinaryFlat(64))
    for name, index in (("flat", flat), ("hnsw", hnsw), ("ivf", lists), ("idmap", mapped)):
        if index is mapped:
            index.add_with_ids(packed, ids)
        else:
            index.add(packed)
        path = path_of(f"binary_{name}", "faiss")
        faiss.write_index_binary(index, path)
        report(path, "faiss", bits, ids if index is mapped else None)


# --------------------------------------------------------------------------------------------------- hnswlib, TEXMEX

def hnswlib_files():
    for name, deleted in (("labels", []), ("deleted", [3, 100, 299])):
        labels = random.permutation(10 * len(X))[:len(X)]
        index = hnswlib.Index(space="l2", dim=DIMS)
        index.init_index(max_elements=500, ef_construction=40, M=6)
        index.add_items(X, labels)
        for i in deleted:
            index.mark_deleted(labels[i])
        path = path_of(name, "hnswlib")
        index.save_index(path)
        kept = [i for i in range(len(X)) if i not in deleted]
        report(path, "hnswlib", X[kept], labels[kept])


def texmex_files():
    for kind, dtype, scale in (("fvecs", "<f4", 1), ("bvecs", "u1", 50), ("ivecs", "<i4", 100)):
        values = (np.abs(X) * scale).astype(dtype)
        header = np.full((len(X), 1), DIMS, "<i4").view("u1")
        path = path_of("texmex", kind)
        np.hstack([header, values.view("u1").reshape(len(X), -1)]).tofile(path)
        report(path, "fvecs", values.astype(np.float32))


numpy_files()
faiss_files()
if hnswlib is not None:
    hnswlib_files()
texmex_files()
