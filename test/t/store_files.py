"""Makes folders of LangChain and Chroma, and the rows that must come out of each.

    store_files.py FOLDER

LangChain and Chroma themselves are not needed: classes of the same module names are made on the fly, so that the
pickles have the same class paths, and SQLite databases and HNSW files are written byte by byte. index.faiss is by the
real FAISS. For each store a line: kind, folder, collection (or -), path of the expected rows: a JSON array of
{id, document, metadata, vector}, vector being the hex of its float32 values.
"""

import datetime
import decimal
import json
import os
import pathlib
import pickle
import sqlite3
import struct
import sys
import types
import uuid

import faiss
import numpy as np


def hex_of(vector):
    return None if vector is None else np.asarray(vector, dtype="<f4").tobytes().hex()


def report(kind, folder, collection, rows):
    path = folder + (f".{collection}" if collection else "") + ".expected.json"
    with open(path, "w") as f:
        json.dump(rows, f)
    print(kind, folder, collection or "-", path, sep="\t")


# -------------------------------------------------------------------------------------------------- LangChain

def make_class(module, name, getstate=None):
    """A class that pickles as module.name."""
    cls = type(name, (), {} if getstate is None else {"__getstate__": getstate})
    cls.__module__ = module
    parts = module.split(".")
    for i in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:i]), types.ModuleType(".".join(parts[:i])))
    setattr(sys.modules[module], name, cls)
    return cls


def pydantic1(self):
    return {"__dict__": self.__dict__, "__fields_set__": set(self.__dict__), "__private_attribute_values__": {}}


def pydantic2(self):
    return {"__dict__": self.__dict__, "__pydantic_extra__": None, "__pydantic_fields_set__": set(self.__dict__),
            "__pydantic_private__": None}


def only_arguments(self):
    return {"__dict__": {"lc_kwargs": self.__dict__}, "__fields_set__": set(), "__private_attribute_values__": {}}


SHAPES = {
    "v1": ("langchain.docstore.in_memory", "langchain.schema.document", pydantic1),
    "v1_arguments": ("langchain.docstore.in_memory", "langchain.schema", only_arguments),
    "v1_core": ("langchain_community.docstore.in_memory", "langchain_core.documents.base", pydantic1),
    "v2": ("langchain_community.docstore.in_memory", "langchain_core.documents.base", pydantic2),
    "plain": ("langchain.docstore.in_memory", "langchain.docstore.document", None),
}

METADATA = [
    ({"source": "a.pdf", "page": 3}, None),
    ({"nested": {"list": [1, 2.5, None, True, "x"], "tuple": (1, 2)}},
     {"nested": {"list": [1, 2.5, None, True, "x"], "tuple": [1, 2]}}),
    ({}, None),
    ({"große": "Überschrift \U0001F600", "quote\"": "back\\slash\n"}, None),
    ({"big": 2**80, "negative": -(2**70), "small": -1, "long": 2**40, "float": 1e300},
     None),
    ({"when": datetime.datetime(2024, 5, 6, 7, 8, 9, 120), "day": datetime.date(2024, 2, 29),
      "zone": datetime.datetime(2024, 5, 6, tzinfo=datetime.timezone(datetime.timedelta(hours=-3, minutes=-30)))},
     {"when": "2024-05-06T07:08:09.000120", "day": "2024-02-29", "zone": "2024-05-06T00:00:00-03:30"}),
    ({"uuid": uuid.UUID("12345678-1234-5678-9abc-def012345678"), "path": pathlib.PurePosixPath("/a/b.txt"),
      "price": decimal.Decimal("1.50"), "bytes": b"\x00\xff"},
     {"uuid": "12345678-1234-5678-9abc-def012345678", "path": "/a/b.txt", "price": "1.50", "bytes": "\\x00ff"}),
    ({"score": np.float32(0.5), "count": np.int64(7), "set": {5}, "frozen": frozenset(["y"]), 1: "one"},
     {"score": 0.5, "count": 7, "set": [5], "frozen": ["y"], "1": "one"}),
    ({"nul": "a\0b"}, {"nul": "ab"}),
]


def langchain_store(folder, shape, protocol, rows=40, dims=12):
    os.mkdir(folder)
    store_module, document_module, getstate = SHAPES[shape]
    docstore_class = make_class(store_module, "InMemoryDocstore")
    document_class = make_class(document_module, "Document", getstate)
    random = np.random.default_rng(protocol)
    vectors = random.standard_normal((rows, dims)).astype("f4")
    docstore, positions, expected = docstore_class(), {}, []
    docstore._dict = {}
    for i in range(rows):
        metadata, shown = METADATA[i % len(METADATA)]
        document = document_class()
        document.page_content = f"text {i}: naïve café" + "." * (300 if i == 5 else i)
        document.metadata = metadata
        document.type = "Document"
        name = str(uuid.UUID(int=i))
        docstore._dict[name] = document
        positions[i] = name
        expected.append({"id": name, "document": document.page_content,
                         "metadata": metadata if shown is None else shown, "vector": hex_of(vectors[i])})
    del docstore._dict[positions[1]]  # a document that is gone
    expected[1]["document"] = expected[1]["metadata"] = None
    index = faiss.IndexFlatL2(dims)
    index.add(vectors)
    faiss.write_index(index, folder + "/index.faiss")
    with open(folder + "/index.pkl", "wb") as f:
        pickle.dump((docstore, positions), f, protocol=protocol)
    report("langchain", folder, None, expected)


# ----------------------------------------------------------------------------------------------------- Chroma

SCHEMA = {
    "old": """
        CREATE TABLE collections (id TEXT PRIMARY KEY, name TEXT NOT NULL, topic TEXT NOT NULL, dimension INTEGER, database_id TEXT);
        CREATE TABLE segments (id TEXT PRIMARY KEY, type TEXT NOT NULL, scope TEXT NOT NULL, topic TEXT, collection TEXT);
        CREATE TABLE embeddings (id INTEGER PRIMARY KEY, segment_id TEXT NOT NULL, embedding_id TEXT NOT NULL,
            seq_id BLOB NOT NULL, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, UNIQUE (segment_id, embedding_id));
        CREATE TABLE embedding_metadata (id INTEGER REFERENCES embeddings(id), key TEXT NOT NULL, string_value TEXT,
            int_value INTEGER, float_value REAL, PRIMARY KEY (id, key));
        CREATE TABLE max_seq_id (segment_id TEXT PRIMARY KEY, seq_id BLOB NOT NULL);""",
    "mid": """
        CREATE TABLE collections (id TEXT PRIMARY KEY, name TEXT NOT NULL, dimension INTEGER, database_id TEXT, config_json_str TEXT);
        CREATE TABLE segments (id TEXT PRIMARY KEY, type TEXT NOT NULL, scope TEXT NOT NULL, collection TEXT);
        CREATE TABLE embeddings (id INTEGER PRIMARY KEY, segment_id TEXT NOT NULL, embedding_id TEXT NOT NULL,
            seq_id BLOB NOT NULL, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, UNIQUE (segment_id, embedding_id));
        CREATE TABLE embedding_metadata (id INTEGER REFERENCES embeddings(id), key TEXT NOT NULL, string_value TEXT,
            int_value INTEGER, float_value REAL, bool_value INTEGER, PRIMARY KEY (id, key));
        CREATE TABLE max_seq_id (segment_id TEXT PRIMARY KEY, seq_id BLOB NOT NULL);""",
    "new": """
        CREATE TABLE collections (id TEXT PRIMARY KEY, name TEXT NOT NULL, dimension INTEGER, database_id TEXT,
            config_json_str TEXT, schema_str TEXT);
        CREATE TABLE segments (id TEXT PRIMARY KEY, type TEXT NOT NULL, scope TEXT NOT NULL, collection TEXT);
        CREATE TABLE embeddings (id INTEGER PRIMARY KEY, segment_id TEXT NOT NULL, embedding_id TEXT NOT NULL,
            seq_id INTEGER NOT NULL, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, UNIQUE (segment_id, embedding_id));
        CREATE TABLE embedding_metadata (id INTEGER REFERENCES embeddings(id), key TEXT NOT NULL, string_value TEXT,
            int_value INTEGER, float_value REAL, bool_value INTEGER, PRIMARY KEY (id, key));
        CREATE TABLE embedding_metadata_lists (id INTEGER, key TEXT NOT NULL, list_index INTEGER NOT NULL, string_value TEXT,
            float_value REAL, int_value INTEGER, bool_value BOOLEAN, PRIMARY KEY (id, key, list_index));
        CREATE TABLE max_seq_id (segment_id TEXT PRIMARY KEY, seq_id INTEGER NOT NULL);""",
}
# Later releases keep lists elsewhere, and their keys only there.
SCHEMA["arrays"] = SCHEMA["new"].replace("embedding_metadata_lists (id INTEGER, key TEXT NOT NULL, list_index INTEGER NOT NULL,",
                                         "embedding_metadata_array (id INTEGER, key TEXT NOT NULL,").replace(", PRIMARY KEY (id, key, list_index))", ")")
COMMON = """
    CREATE TABLE embeddings_queue (seq_id INTEGER PRIMARY KEY, created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
        operation INTEGER NOT NULL, topic TEXT NOT NULL, id TEXT NOT NULL, vector BLOB, encoding TEXT, metadata TEXT);
    CREATE TABLE collection_metadata (collection_id TEXT, key TEXT NOT NULL, str_value TEXT, int_value INTEGER,
        float_value REAL, PRIMARY KEY (collection_id, key));"""
NEWEST = ("new", "arrays")
ADD, UPDATE, UPSERT, DELETE = range(4)


class Segment:
    """The files of Chroma's HNSW library: what has been persisted."""

    def __init__(self, dims, cosine):
        self.dims, self.cosine, self.labels, self.rows, self.next = dims, cosine, {}, [], 1

    def apply(self, state):
        for name in [n for n in self.labels if n not in state]:
            self.rows[self.labels.pop(name)[1]][2] = True
        for name, vector in state.items():
            if name not in self.labels:
                self.labels[name] = (self.next, len(self.rows))
                self.rows.append([self.next, vector, False])
                self.next += 1
            else:
                self.rows[self.labels[name][1]][1] = vector

    def stored(self, vector):
        """As the library stores it, and as it gives it back."""
        if not self.cosine:
            return vector, np.float32(0), vector
        length = np.float32(np.sqrt(np.float32(np.dot(vector, vector))))
        unit = (vector * (np.float32(1) / length)).astype("f4")
        return unit, length, (unit * length).astype("f4")

    def write(self, folder, header_file, with_class):
        os.mkdir(folder)
        m0, size = 32, 4 + 32 * 4 + self.dims * 4 + 8
        room = len(self.rows) + 50
        header = struct.pack("<iQQQQQQiIQQQdQ", 1, 0, room, len(self.rows), size, size - 8, 4 + m0 * 4, 0, 0, 16, m0, 16, 0.36, 100)
        assert len(header) == 100
        data, lengths = b"", b""
        for label, vector, deleted in self.rows:
            unit, length, _ = self.stored(vector)
            data += bytes([0, 0, 1 if deleted else 0, 0]) + b"\x07" * (m0 * 4) + unit.astype("<f4").tobytes() + struct.pack("<Q", label)
            lengths += struct.pack("<f", length)
        data += b"\xa5" * (50 * size)  # memory that was never written
        with open(folder + "/data_level0.bin", "wb") as f:
            f.write(data if header_file else header + data)
        if header_file:
            with open(folder + "/header.bin", "wb") as f:
                f.write(header)
        with open(folder + "/length.bin", "wb") as f:
            f.write(lengths + b"\xa5" * 200)
        id_to_label = {name: label for name, (label, _) in self.labels.items()}
        fields = {"dimensionality": self.dims, "total_elements_added": self.next - 1, "max_seq_id": None,
                  "id_to_label": id_to_label, "label_to_id": {v: k for k, v in id_to_label.items()}, "id_to_seq_id": {}}
        what = fields
        if with_class:
            what = make_class("chromadb.segment.impl.vector.local_persistent_hnsw", "PersistentData")()
            what.__dict__.update(fields)
        with open(folder + "/index_metadata.pickle", "wb") as f:
            pickle.dump(what, f, protocol=5 if with_class else 2)


class Chroma:
    def __init__(self, folder, release):
        os.mkdir(folder)
        self.folder, self.release, self.seq = folder, release, 0
        self.db = sqlite3.connect(folder + "/chroma.sqlite3")
        self.db.executescript(SCHEMA[release] + COMMON)

    def seq_id(self):
        return self.seq if self.release in NEWEST else self.seq.to_bytes(8, "big")

    def collection(self, name, dims, space, script, persist_at=None, purge=False):
        """script: (operation, id, vector, document, metadata); after persist_at of them the vectors are persisted."""
        cid, vector_segment, metadata_segment = (str(uuid.uuid5(uuid.NAMESPACE_URL, name + x)) for x in "cvm")
        topic = "persistent://default/default/" + cid
        if self.release == "old":
            self.db.execute("INSERT INTO collections VALUES (?,?,?,?,'d')", (cid, name, topic, dims))
            for s, scope in ((vector_segment, "VECTOR"), (metadata_segment, "METADATA")):
                self.db.execute("INSERT INTO segments VALUES (?,'t',?,?,?)", (s, scope, topic, cid))
        else:
            config = json.dumps({"hnsw_configuration": {"space": space}}) if self.release == "mid" else json.dumps({"hnsw": {"space": space}})
            row = (cid, name, dims, "d", config) + (("{}",) if self.release in NEWEST else ())
            self.db.execute(f"INSERT INTO collections VALUES ({','.join('?' * len(row))})", row)
            for s, scope in ((vector_segment, "VECTOR"), (metadata_segment, "METADATA")):
                self.db.execute("INSERT INTO segments VALUES (?,'t',?,?)", (s, scope, cid))
        if self.release == "old" and space != "l2":
            self.db.execute("INSERT INTO collection_metadata VALUES (?,'hnsw:space',?,NULL,NULL)", (cid, space))
        segment, vectors, rows, from_segment = Segment(dims, space == "cosine"), {}, {}, set()
        for step, (operation, name_, vector, document, metadata) in enumerate(script):
            if step == persist_at:
                segment.apply(vectors)
                from_segment = set(vectors)
                segment.write(f"{self.folder}/{vector_segment}", self.release != "mid", self.release not in NEWEST)
                if purge:
                    self.db.execute("DELETE FROM embeddings_queue WHERE topic = ?", (topic,))
            self.seq += 1
            blob = None if vector is None else vector.astype("<f4").tobytes()
            self.db.execute("INSERT INTO embeddings_queue (seq_id, operation, topic, id, vector, encoding, metadata) VALUES (?,?,?,?,?,?,?)",
                            (self.seq, operation, topic, name_, blob, "FLOAT32" if blob else None, None))
            exists = name_ in rows
            if operation == DELETE:
                rows.pop(name_, None), vectors.pop(name_, None), from_segment.discard(name_)
                self.db.execute("DELETE FROM embedding_metadata WHERE id IN (SELECT id FROM embeddings WHERE segment_id=? AND embedding_id=?)", (metadata_segment, name_))
                self.db.execute("DELETE FROM embeddings WHERE segment_id=? AND embedding_id=?", (metadata_segment, name_))
                continue
            if (operation == ADD and exists) or (operation == UPDATE and not exists):
                continue
            if vector is not None:
                vectors[name_] = vector
                from_segment.discard(name_)
            old = rows.get(name_, [None, {}])
            rows[name_] = [document if document is not None else old[0], {**old[1], **(metadata or {})}]
            self.write_metadata(metadata_segment, name_, *rows[name_])
        self.db.commit()
        expected = []
        for (name_,) in self.db.execute("SELECT embedding_id FROM embeddings WHERE segment_id=? ORDER BY id", (metadata_segment,)):
            vector = vectors.get(name_)
            if name_ in from_segment and purge:
                vector = segment.stored(vector)[2]
            document, metadata = rows[name_]
            shown = {k: int(v) if isinstance(v, bool) and self.release == "old" else v for k, v in metadata.items()}
            expected.append({"id": name_, "document": document, "metadata": shown, "vector": hex_of(vector)})
        report("chroma", self.folder, name, expected)

    def write_metadata(self, segment, name, document, metadata):
        self.db.execute("INSERT OR IGNORE INTO embeddings (segment_id, embedding_id, seq_id) VALUES (?,?,?)", (segment, name, self.seq_id()))
        (number,) = self.db.execute("SELECT id FROM embeddings WHERE segment_id=? AND embedding_id=?", (segment, name)).fetchone()
        self.db.execute("DELETE FROM embedding_metadata WHERE id=?", (number,))
        entries = dict(metadata)
        if document is not None:
            entries["chroma:document"] = document
        for key, value in entries.items():
            columns = {"string_value": None, "int_value": None, "float_value": None, "bool_value": None}
            if isinstance(value, list) and self.release == "arrays":
                self.db.execute("DELETE FROM embedding_metadata_array WHERE id=? AND key=?", (number, key))
                self.db.executemany("INSERT INTO embedding_metadata_array (id, key, string_value) VALUES (?,?,?)", [(number, key, item) for item in value])
                continue
            elif isinstance(value, list):
                for i, item in enumerate(value):
                    self.db.execute("INSERT OR REPLACE INTO embedding_metadata_lists (id, key, list_index, string_value) VALUES (?,?,?,?)", (number, key, i, item))
            elif isinstance(value, bool):
                columns["int_value" if self.release == "old" else "bool_value"] = int(value)
            elif isinstance(value, int):
                columns["int_value"] = value
            elif isinstance(value, float):
                columns["float_value"] = value
            else:
                columns["string_value"] = value
            if self.release == "old":
                del columns["bool_value"]
            self.db.execute(f"INSERT INTO embedding_metadata (id, key, {', '.join(columns)}) VALUES (?,?{',?' * len(columns)})",
                            (number, key, *columns.values()))


def script(random, dims, lists):
    vector = lambda: random.standard_normal(dims).astype("f4")
    steps = []
    for i in range(60):
        metadata = {"page": i, "score": i / 8, "title": f"Tïtle {i}", "draft": i % 2 == 0}
        if lists and i % 5 == 0:
            metadata["tags"] = ["a", f"b{i}"]
        steps.append((ADD, f"id{i}", vector(), None if i == 7 else f"document {i} \"quoted\"", metadata))
    steps += [(ADD, "id3", vector(), "ignored", {}), (UPDATE, "id4", vector(), "changed", {"page": -4}),
              (UPDATE, "id5", None, None, {"page": -5}), (UPDATE, "nobody", vector(), "ignored", {}),
              (UPSERT, "id6", vector(), None, {}), (UPSERT, "new", vector(), "new", {"page": 1000}),
              (DELETE, "id8", None, None, None), (DELETE, "id9", None, None, None), (ADD, "id9", vector(), "again", {"page": 9}),
              (DELETE, "nobody", None, None, None)]
    for i in range(60, 80):
        steps.append((ADD, f"id{i}", vector(), f"document {i}", {"page": i}))
    steps += [(DELETE, "id20", None, None, None), (UPDATE, "id21", vector(), None, None), (UPSERT, "id22", vector(), None, None)]
    return steps


def chroma_stores(folder):
    random = np.random.default_rng(3)
    for release in SCHEMA:
        store = Chroma(f"{folder}/chroma {release}?%41#", release)
        lists = release in NEWEST
        store.collection("queue only", 16, "l2", script(random, 16, lists))
        store.collection("persisted", 24, "l2", script(random, 24, lists), persist_at=65)
        store.collection("purged", 8, "cosine", script(random, 8, lists), persist_at=72, purge=True)
        store.collection("empty", 4, "ip", [])
        store.db.close()
    single = Chroma(f"{folder}/chroma single", "mid")
    single.collection("one", 5, "l2", script(random, 5, False))
    single.db.close()


if __name__ == "__main__":
    for shape_ in SHAPES:
        for protocol_ in range(6):
            langchain_store(f"{sys.argv[1]}/langchain {shape_} {protocol_}", shape_, protocol_)
    chroma_stores(sys.argv[1])
