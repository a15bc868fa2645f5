#!/usr/bin/python3
"""Vectors for tests and benches: generators, and PostgreSQL's binary formats of what they make.

    vectors.py KIND ROWS DIMS SEED FILE [FIRST_ID]

writes a binary COPY file of rows (id int4, v vector); KIND is a key of KINDS. "documents" makes a text COPY file of
rows (id int4, v sparsevec).
"""
import sys

import numpy as np


def embeddings(rows, dims, random):
    """Behaves like text embeddings: few intrinsic dimensions, clusters of unequal size, unit length."""
    latent, hidden, clusters = 48, 256, max(10, rows // 100)
    w1 = random.standard_normal((latent, hidden)) / np.sqrt(latent)
    w2 = random.standard_normal((hidden, dims)) / np.sqrt(hidden)
    centers = random.standard_normal((clusters, latent))
    weight = random.pareto(1.5, clusters) + 0.1
    z = centers[random.choice(clusters, rows, p=weight / weight.sum())] + 0.7 * random.standard_normal((rows, latent))
    x = np.tanh(z @ w1) @ w2 + 0.05 * random.standard_normal((rows, dims))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def uniform(rows, dims, random):
    return random.random((rows, dims), dtype=np.float32)


def pixels(rows, dims, random):
    """Integers from 0 to 255, mostly 0, with a common mean, like pictures: large norms, some equal values."""
    x = embeddings(rows, dims, random) * np.sqrt(dims)
    return np.clip(np.round(60 * x + 20), 0, 255).astype(np.float32)


def scaled(rows, dims, random):
    """Embeddings whose lengths differ by a factor of up to ten: for inner product."""
    return embeddings(rows, dims, random) * random.uniform(0.3, 3, (rows, 1)).astype(np.float32)


def documents(rows, dims, random):
    """Mostly zeros: weights of the few words, of a vocabulary, that a text is about."""
    x = embeddings(rows, dims, random) * np.sqrt(dims)
    return np.where(x > 1.5, x * random.uniform(0.5, 1.5, (rows, 1)), 0).astype(np.float32)


def sparse_text(vectors, first_id):
    """Lines of a text COPY file."""
    for i, row in enumerate(vectors):
        words = ",".join(f"{j + 1}:{row[j]:.6g}" for j in np.flatnonzero(row))
        yield f"{first_id + i}\t{{{words}}}/{len(row)}\n".encode()


KINDS = {"embeddings": embeddings, "uniform": uniform, "pixels": pixels, "scaled": scaled}


def wire(vectors):
    """The binary wire format of type vector, one fixed-size record a row: int16 dim, int16 0, float4 values."""
    vectors = np.asarray(vectors)
    n, d = vectors.shape
    out = np.zeros(n, dtype=np.dtype([("dim", ">i2"), ("unused", ">i2"), ("x", ">f4", (d,))]))
    out["dim"], out["x"] = d, vectors
    return out


class CopyStream:
    """A binary COPY stream of rows (id int4, embedding vector), made block by block as it is read."""

    def __init__(self, vectors, block=2000, first_id=0):
        self.parts = self._blocks(vectors, block, first_id)
        self.rest = b""

    @staticmethod
    def _blocks(vectors, block, first_id):
        d = vectors.shape[1]
        record = np.dtype([("fields", ">i2"), ("id_len", ">i4"), ("id", ">i4"), ("len", ">i4"),
                           ("dim", ">i2"), ("unused", ">i2"), ("x", ">f4", (d,))])
        yield b"PGCOPY\n\xff\r\n\0" + bytes(8)
        for first in range(0, len(vectors), block):
            x = np.asarray(vectors[first:first + block])
            a = np.zeros(len(x), dtype=record)
            a["fields"], a["id_len"], a["id"] = 2, 4, first_id + np.arange(first, first + len(x))
            a["len"], a["dim"], a["x"] = 4 + 4 * d, d, x
            yield a.tobytes()
        yield b"\xff\xff"

    def read(self, size=-1):
        while size < 0 or len(self.rest) < size:
            part = next(self.parts, None)
            if part is None:
                break
            self.rest += part
        if size < 0:
            size = len(self.rest)
        out, self.rest = self.rest[:size], self.rest[size:]
        return out


def main():
    kind, rows, dims, seed, path = sys.argv[1], *(int(x) for x in sys.argv[2:5]), sys.argv[5]
    first = int(sys.argv[6]) if len(sys.argv) > 6 else 0
    if kind == "documents":
        with open(path, "wb") as f:
            f.writelines(sparse_text(documents(rows, dims, np.random.default_rng(seed)), first))
        return
    stream = CopyStream(KINDS[kind](rows, dims, np.random.default_rng(seed)), first_id=first)
    with open(path, "wb") as f:
        while True:
            part = stream.read(1 << 20)
            if not part:
                break
            f.write(part)


if __name__ == "__main__":
    main()
