#!/usr/bin/python3
"""Files of the kind people have, written by the real numpy and FAISS: article titles with embeddings.

    make_files.py FOLDER ROWS

writes, for ROWS articles with 384-dimensional float32 embeddings,
    articles.npy            the embeddings, row n for article n
    articles.index          the same as a FAISS index with ids (IndexIDMap over IndexFlatIP)
    articles.tsv            id, author id, year, title
    authors.tsv             id, name, country
    questions.npy, .tsv     200 questions to ask, with embeddings
The embeddings come from no neural network: each word has a fixed vector, near to those of the words of its subject,
and a title's embedding is the normalized sum. That is enough for titles on one subject to lie together.
"""
import sys

import faiss
import numpy as np

DIMS = 384
SUBJECTS = {
    "bread": ("sourdough bread", "rye bread", "pizza dough", "croissants", "a bread oven", "wild yeast"),
    "garden": ("tomatoes on a balcony", "an apple tree", "roses", "a compost heap", "raised beds", "hens in a garden"),
    "bicycle": ("a city bicycle", "bicycle brakes", "a cargo bike", "spoked wheels", "a bicycle chain", "commuting by bike"),
    "stars": ("a small telescope", "the moons of Jupiter", "a meteor shower", "a lunar eclipse", "double stars", "the Milky EntryCandidate"),
    "databases": ("a slow query", "database backups", "a replica", "an index on three columns", "table partitions", "bloated tables"),
    "sewing": ("a linen shirt", "a sewing machine", "patched jeans", "a woollen coat", "buttonholes", "a quilt"),
    "sailing": ("a small sailing boat", "knots", "harbour manoeuvres", "a spinnaker", "tides and charts", "night watches"),
    "music": ("an old guitar", "a string quartet", "choir rehearsals", "a piano sonata", "jazz chords", "a church organ"),
    "walking": ("a mountain hut", "a long-distance path", "walking boots", "a snow-covered pass", "maps and a compass", "a river walk"),
    "coffee": ("espresso", "a coffee grinder", "filter coffee", "roasting beans", "milk foam", "a moka pot"),
}
PATTERNS = ("How to begin with {}", "What I learned about {} in {} years", "The history of {}", "{}: a guide for winter",
            "Seven mistakes with {}", "Why {} takes {} days", "A cheap way to {}", "Caring for {}", "{} for children",
            "{} in a small flat", "Notes on {}, part {}", "An evening with {}", "All about {}", "{} explained in {} pictures")
QUESTIONS = ("which {} should I buy", "help with {}", "{} for beginners", "what goes wrong with {}", "is {} worth it")
NAMES = ("Ada", "Bruno", "Chiara", "Dieter", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kaja", "Luca",
         "Mina", "Nils", "Olga", "Pavel", "Rosa", "Sven", "Tilda", "Viktor")
COUNTRIES = ("Italy", "Germany", "Norway", "Poland", "Spain")


class Words:
    """A vector for every word: the subject's direction, if the word belongs to one, and the word's own."""

    def __init__(self, random):
        self.random = random
        self.vectors = {}
        basis = random.standard_normal((48, DIMS)) / np.sqrt(48)
        self.own = lambda: random.standard_normal(48) @ basis
        for phrases in SUBJECTS.values():
            subject = self.own()
            for word in " ".join(phrases).lower().split():
                if word not in ("a", "an", "the", "in", "on", "of", "by", "and", "with"):
                    self.vectors.setdefault(word, 1.2 * subject + 0.8 * self.own())

    def embed(self, text):
        total = np.zeros(DIMS)
        for word in text.lower().replace(",", "").replace(":", "").split():
            if word not in self.vectors:
                self.vectors[word] = 0.25 * self.own()
            total += self.vectors[word]
        # what the body of the text adds
        total += 0.35 * self.own() + 0.05 * self.random.standard_normal(DIMS)
        return (total / np.linalg.norm(total)).astype(np.float32)


def main():
    folder, rows = sys.argv[1], int(sys.argv[2])
    random = np.random.default_rng(2024)
    words = Words(random)
    phrases = [p for group in SUBJECTS.values() for p in group]

    with open(f"{folder}/authors.tsv", "w") as f:
        for i in range(200):
            f.write(f"{i}\t{NAMES[i % 20]} {chr(65 + i // 20)}.\t{COUNTRIES[random.integers(len(COUNTRIES))]}\n")

    vectors = np.empty((rows, DIMS), np.float32)
    with open(f"{folder}/articles.tsv", "w") as f:
        for i in range(rows):
            pattern = PATTERNS[random.integers(len(PATTERNS))]
            title = pattern.format(phrases[random.integers(len(phrases))], random.integers(2, 30))
            title = title[0].upper() + title[1:]
            vectors[i] = words.embed(title)
            f.write(f"{i}\t{random.integers(200)}\t{random.integers(2005, 2026)}\t{title}\n")
    np.save(f"{folder}/articles.npy", vectors)

    index = faiss.IndexIDMap(faiss.IndexFlatIP(DIMS))
    index.add_with_ids(vectors, np.arange(rows, dtype=np.int64))
    faiss.write_index(index, f"{folder}/articles.index")

    asked = [q.format(p) for p in phrases for q in QUESTIONS][:200]
    with open(f"{folder}/questions.tsv", "w") as f:
        for i, question in enumerate(asked):
            f.write(f"{i}\t{question}\n")
    np.save(f"{folder}/questions.npy", np.array([words.embed(q) for q in asked]))


if __name__ == "__main__":
    main()
