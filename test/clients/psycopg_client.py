"""psycopg 3: types in text and binary, prepared statements, server-side cursors, pipelines, COPY in both formats."""
import psycopg
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format
from psycopg.types import TypeInfo

from checks import *

connection = psycopg.connect(dbname=DATABASE, autocommit=True)


class Vector(tuple):
    pass


class HalfVector(tuple):
    pass


class SparseVector(tuple):
    pass


def register(name, kind, to_text, from_text, to_binary, from_binary):
    """Text and binary dumpers and loaders of a type, and of its arrays."""
    info = TypeInfo.fetch(connection, name)
    info.register(connection)

    class TextDumper(Dumper):
        oid = info.oid

        def dump(self, value):
            return to_text(value).encode()

    class BinaryDumper(TextDumper):
        format = Format.BINARY

        def dump(self, value):
            return to_binary(value)

    class TextLoader(Loader):
        def load(self, data):
            return from_text(bytes(data).decode())

    class BinaryLoader(Loader):
        format = Format.BINARY

        def load(self, data):
            return from_binary(bytes(data))

    # the one registered last is what is taken where nothing is said
    connection.adapters.register_dumper(kind, BinaryDumper)
    connection.adapters.register_dumper(kind, TextDumper)
    connection.adapters.register_loader(info.oid, BinaryLoader)
    connection.adapters.register_loader(info.oid, TextLoader)


register('vector', Vector, to_text, from_text, to_binary, from_binary)
register('halfvec', HalfVector, to_text, from_text, lambda v: to_binary(v, 'e'), lambda d: from_binary(d, 'e'))
register('sparsevec', SparseVector, sparse_text, from_sparse_text, sparse_to_binary, sparse_from_binary)

# --- store and read
connection.execute('DROP TABLE IF EXISTS items3')
connection.execute('CREATE TABLE items3 (id int PRIMARY KEY, v vector(3), h halfvec(3), s sparsevec(3), b bit(3))')
with connection.cursor() as cursor:
    rows = [(i, Vector(v), HalfVector(v), SparseVector(v), b) for i, v, b in ITEMS]
    cursor.executemany('INSERT INTO items3 VALUES (%t, %t, %t, %t, %t)', rows[:2])
    cursor.executemany('INSERT INTO items3 VALUES (%b, %b, %b, %b, %s::bit(3))', rows[2:])
expected = [(i, v, v, v, b) for i, v, b in ITEMS]
for binary in False, True:
    how = 'binary' if binary else 'text'
    with connection.cursor(binary=binary) as cursor:
        got = cursor.execute('SELECT id, v, h, s, b::text FROM items3 ORDER BY id').fetchall()
        check(f'rows come back in {how}', got, expected)
        got = cursor.execute('SELECT array_agg(v ORDER BY id) FROM items3').fetchone()
        check(f'an array of vectors in {how}', got[0], [v for _, v, _ in ITEMS])
got = connection.execute('SELECT v FROM items3 WHERE v = ANY(%s) ORDER BY id', ([Vector(ITEMS[0][1]), Vector(ITEMS[2][1])],)).fetchall()
check('an array as parameter', [v for v, in got], [ITEMS[0][1], ITEMS[2][1]])

# --- every operator, the sixth time with a generic plan
for operator in DISTANCES:
    for column, query in (('v', Vector(QUERY)), ('h', HalfVector(QUERY)), ('s', SparseVector(QUERY))):
        for mark in '%t', '%b':
            for _ in range(6):
                got = connection.execute(f'SELECT id, {column} {operator} {mark} FROM items3 ORDER BY 2, id', (query,), prepare=True).fetchall()
            check(f'{column} {operator} {mark}', got, nearest(operator))
for operator in BIT_DISTANCES:
    percent = operator.replace('%', '%%')
    got = connection.execute(f'SELECT id, b {percent} %s::bit(3) FROM items3 ORDER BY 2, id', (QUERY_BITS,)).fetchall()
    check(f'b {operator}', got, nearest(operator))

# --- an index behind a server-side cursor, and a setting made before anything else
other = psycopg.connect(dbname=DATABASE)
other.execute('SET hnsw.ef_search = 77')
other.execute('CREATE INDEX ON items3 USING hnsw (v vector_l2_ops)')
other.execute('SET LOCAL enable_seqscan = off')
with other.cursor(name='nearest') as cursor:
    cursor.itersize = 1
    cursor.execute('SELECT id, v <-> %s::vector FROM items3 ORDER BY v <-> %s::vector', (to_text(QUERY), to_text(QUERY)))
    check('a server-side cursor over the index', list(cursor), nearest('<->'))
check('the setting is kept', other.execute('SHOW hnsw.ef_search').fetchone()[0], '77')
other.rollback()
other.close()

# --- COPY
connection.execute('CREATE TEMP TABLE copied (id int, v vector(3), h halfvec(3), s sparsevec(3))')
with connection.cursor() as cursor:
    with cursor.copy('COPY copied FROM STDIN (FORMAT BINARY)') as copy:
        copy.set_types(['int4', 'vector', 'halfvec', 'sparsevec'])
        for i, v, _ in ITEMS:
            copy.write_row((i, Vector(v), HalfVector(v), SparseVector(v)))
    same_rows = 'SELECT count(*) FROM copied c JOIN items3 i USING (id) WHERE c.v = i.v AND c.h = i.h AND c.s = i.s'
    check('binary COPY in', cursor.execute(same_rows).fetchone()[0], len(ITEMS))
    for binary in True, False:
        with cursor.copy('COPY (SELECT id, v, h, s FROM items3 ORDER BY id) TO STDOUT' + (' (FORMAT BINARY)' if binary else '')) as copy:
            copy.set_types(['int4', 'vector', 'halfvec', 'sparsevec'])
            check('binary COPY out' if binary else 'text COPY out', list(copy.rows()), [(i, v, v, v) for i, v, _ in ITEMS])


# --- errors
def fails(name, kind, *arguments):
    try:
        connection.execute(*arguments)
        report(False, name, 'no error')
    except psycopg.Error as error:
        check(name, type(error), kind)


for mark in '%t', '%b':
    fails(f'typmod of vector {mark}', psycopg.errors.DataException, f'INSERT INTO items3 (id, v) VALUES (10, {mark})', (Vector([1, 2]),))
    fails(f'typmod of halfvec {mark}', psycopg.errors.DataException, f'INSERT INTO items3 (id, h) VALUES (10, {mark})', (HalfVector([1, 2]),))
    fails(f'typmod of sparsevec {mark}', psycopg.errors.DataException, f'INSERT INTO items3 (id, s) VALUES (10, {mark})', (SparseVector([1, 2]),))
    fails(f'different dimensions {mark}', psycopg.errors.DataException, f'SELECT v <-> {mark} FROM items3', (Vector([1, 2]),))
fails('not a number', psycopg.errors.DataException, 'SELECT %b', (Vector([float('nan')]),))
fails('a typmod too large', psycopg.errors.InvalidParameterValue, 'CREATE TABLE wrong (v vector(16001))')
with connection.pipeline():
    got = connection.execute('SELECT v FROM items3 WHERE id = %s', (1,))
    also = connection.execute('SELECT v <-> v FROM items3 WHERE id = 1')
check('a pipeline', (got.fetchone()[0], also.fetchone()[0]), (ITEMS[0][1], 0.0))
finish()
