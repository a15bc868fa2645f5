#!/usr/bin/python3
"""Packs the folders of stores below a folder into inputs of stores_fuzz.cpp, which describes them.

    pack_store.py FOLDER OUT
"""
import os
import sqlite3
import sys
import tempfile

FILES = ["chroma.sqlite3", "header.bin", "data_level0.bin", "length.bin", "index_metadata.pickle", "index.faiss", "index.pkl"]


def content(path):
    """A file's bytes; a database's with pages as small as there are, so that there is little to mutate in vain."""
    if not path.endswith(".sqlite3"):
        with open(path, "rb") as f:
            return f.read()
    with tempfile.TemporaryDirectory() as folder:
        small = os.path.join(folder, "small")
        database = sqlite3.connect(path)
        database.execute("PRAGMA page_size = 512")
        database.execute("VACUUM INTO ?", (small,))
        database.close()
        return content(small)


def packed(folder):
    out, seen = b"", set()
    for place, _, names in sorted(os.walk(folder)):
        for name in sorted(set(names) & set(FILES) - seen):   # of several segments the first
            data = content(os.path.join(place, name))
            out += bytes([FILES.index(name)]) + len(data).to_bytes(4, "little") + data
            seen.add(name)
    return out


root, target = sys.argv[1:]
for place, _, names in os.walk(root):
    if {"chroma.sqlite3", "index.pkl"} & set(names):
        with open(os.path.join(target, os.path.relpath(place, root).replace("/", "_") + ".store"), "wb") as f:
            f.write(packed(place))
