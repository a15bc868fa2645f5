#!/usr/bin/python3
"""The files that README.md and docs/ work with, as they lie in /data there.

    docs_files.py --check      an error without NumPy, FAISS or hnswlib
    docs_files.py FOLDER

writes into FOLDER
    articles.npy, .index, .tsv, authors.tsv, questions.npy, .tsv   those of the demo (test/demo/make_files.py)
    articles.hnsw           the articles' vectors as an HNSW index of FAISS, with their ids
    articles.bin            the same as an index of hnswlib
    binary.index            their signs, as a binary index of FAISS
    embeddings.npy, chunks.json, chunks.jsonl     300 vectors, and a record of metadata for each
    faiss_index/            a store of LangChain
    chroma/                 a store of Chroma, with the collections notes and drafts
    dump.sql                a dump of a database with pgvector
"""
import contextlib
import json
import os
import sys

import faiss
import hnswlib
import numpy as np

TEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path += [os.path.join(TEST, "demo"), os.path.join(TEST, "t")]

import make_files    # noqa: E402
import store_files   # noqa: E402

ROWS = 3000


def write_graphs(folder):
    x = np.load(f"{folder}/articles.npy")
    rows, dims = x.shape
    graph = faiss.IndexHNSWFlat(dims, 16, faiss.METRIC_INNER_PRODUCT)
    index = faiss.IndexIDMap(graph)
    index.add_with_ids(x, np.arange(rows, dtype=np.int64))
    faiss.write_index(index, f"{folder}/articles.hnsw")
    other = hnswlib.Index(space="cosine", dim=dims)
    other.init_index(rows, M=16, ef_construction=64)
    other.add_items(x, np.arange(rows))
    other.save_index(f"{folder}/articles.bin")
    bits = faiss.IndexBinaryFlat(dims)
    bits.add(np.packbits(x > 0, axis=1))
    faiss.write_index_binary(bits, f"{folder}/binary.index")


def write_chunks(folder, rows=300):
    np.save(f"{folder}/embeddings.npy", np.load(f"{folder}/articles.npy")[:rows])
    records = [{"text": f"chunk {i}", "file_path": f"docs/{i // 10}.md", "chunk_hash": 1000 + i} for i in range(rows)]
    with open(f"{folder}/chunks.json", "w") as f:
        json.dump(records, f)
    with open(f"{folder}/chunks.jsonl", "w") as f:
        f.writelines(json.dumps(r) + "\n" for r in records)


def write_stores(folder):
    with contextlib.redirect_stdout(sys.stderr):
        store_files.langchain_store(f"{folder}/faiss_index", "v2", 4)
        chroma = store_files.Chroma(f"{folder}/chroma", "new")
        random = np.random.default_rng(1)
        chroma.collection("notes", 8, "cosine", store_files.script(random, 8, True), persist_at=50)
        chroma.collection("drafts", 8, "l2", store_files.script(random, 8, False))
        chroma.db.close()


def write_dump(folder):
    """Without the lines that only some versions of psql and the server know."""
    with open(os.path.join(TEST, "data", "pgvector_dump.sql")) as f, open(f"{folder}/dump.sql", "w") as out:
        out.writelines(line for line in f if not line.startswith(("SET transaction_timeout", "\\restrict", "\\unrestrict")))


def main():
    folder = sys.argv[1]
    if folder == "--check":
        return
    sys.argv[2:] = [str(ROWS)]
    make_files.main()
    write_graphs(folder)
    write_chunks(folder)
    write_stores(folder)
    write_dump(folder)


if __name__ == "__main__":
    main()
