"""psycopg2: text parameters and results, execute_values, binary COPY made by hand, SQLSTATEs."""
import io
import struct

import psycopg2
import psycopg2.extras
from psycopg2 import errorcodes, extensions

from checks import *

connection = psycopg2.connect(dbname=DATABASE)
connection.autocommit = True
cursor = connection.cursor()


class Vector(list):
    """Adapted as pgvector's library does: a quoted literal without a cast, whose type the server finds."""


extensions.register_adapter(Vector, lambda v: extensions.QuotedString(to_text(v)))


def type_oid(name):
    cursor.execute('SELECT oid, typarray FROM pg_type WHERE oid = %s::regtype', (name,))
    return cursor.fetchone()


def register(name, parse):
    oid, array_oid = type_oid(name)
    one = extensions.new_type((oid,), name, lambda text, _: None if text is None else parse(text))
    extensions.register_type(one, connection)
    extensions.register_type(extensions.new_array_type((array_oid,), name + '[]', one), connection)


register('vector', from_text)
register('halfvec', from_text)
register('sparsevec', from_sparse_text)

# --- store and read
cursor.execute('DROP TABLE IF EXISTS items2; CREATE TABLE items2 (id int PRIMARY KEY, v vector(3), h halfvec(3), s sparsevec(3), b bit(3))')
psycopg2.extras.execute_values(cursor, 'INSERT INTO items2 VALUES %s', [(i, Vector(v), Vector(v), sparse_text(v), b) for i, v, b in ITEMS])
cursor.execute('INSERT INTO items2 (id, v) VALUES (%s, %s)', (9, None))
cursor.execute('SELECT id, v, h, s, b FROM items2 ORDER BY id')
check('rows come back', cursor.fetchall(), [(i, v, v, v, b) for i, v, b in ITEMS] + [(9, None, None, None, None)])
cursor.execute('SELECT array_agg(v ORDER BY id) FROM items2')
check('an array of vectors', cursor.fetchone()[0], [v for _, v, _ in ITEMS] + [None])
cursor.execute('DELETE FROM items2 WHERE v IS NULL')
cursor.execute('SELECT avg(v), sum(v) FROM items2')
check('avg and sum', cursor.fetchone(), ([0.75, 1.625, 0.625], [3.0, 6.5, 2.5]))

# --- every operator
for operator in DISTANCES:
    for column, query in (('v', Vector(QUERY)), ('h', Vector(QUERY)), ('s', sparse_text(QUERY))):
        cursor.execute(f'SELECT id, {column} {operator} %s FROM items2 ORDER BY {column} {operator} %s, id', (query, query))
        check(f'{column} {operator}', cursor.fetchall(), nearest(operator))
for operator in BIT_DISTANCES:
    percent = operator.replace('%', '%%')
    cursor.execute(f'SELECT id, b {percent} %s FROM items2 ORDER BY 2, id', (QUERY_BITS,))
    check(f'b {operator}', cursor.fetchall(), nearest(operator))

# --- binary COPY: signature, flags, no header extension; then rows of (count, (length, bytes)...), end mark -1
HEADER = b'PGCOPY\n\xff\r\n\0' + struct.pack('>ii', 0, 0)


def copy_stream(rows):
    stream = HEADER
    for fields in rows:
        stream += struct.pack('>h', len(fields)) + b''.join(struct.pack('>i', len(f)) + f for f in fields)
    return stream + struct.pack('>h', -1)


def fields_of(stream):
    at, rows = len(HEADER), []
    while (count := struct.unpack_from('>h', stream, at)[0]) != -1:
        at, row = at + 2, []
        for _ in range(count):
            length = struct.unpack_from('>i', stream, at)[0]
            row.append(stream[at + 4:at + 4 + length])
            at += 4 + length
        rows.append(row)
    return rows


cursor.execute('CREATE TEMP TABLE copied (id int, v vector(3), h halfvec(3), s sparsevec(3))')
sent = [[struct.pack('>i', i), to_binary(v), to_binary(v, 'e'), sparse_to_binary(v)] for i, v, _ in ITEMS]
cursor.copy_expert('COPY copied FROM STDIN (FORMAT binary)', io.BytesIO(copy_stream(sent)))
cursor.execute('SELECT count(*) FROM copied c JOIN items2 i USING (id) WHERE c.v = i.v AND c.h = i.h AND c.s = i.s')
check('binary COPY in', cursor.fetchone()[0], len(ITEMS))
out = io.BytesIO()
cursor.copy_expert('COPY (SELECT id, v, h, s FROM items2 ORDER BY id) TO STDOUT (FORMAT binary)', out)
check('binary COPY out', fields_of(out.getvalue()), sent)
text = io.StringIO()
cursor.copy_expert('COPY (SELECT id, v, s FROM items2 ORDER BY id LIMIT 1) TO STDOUT', text)
check('text COPY out', text.getvalue(), '1\t[1,0,0]\t{1:1}/3\n')


# --- errors
def fails(name, statement, parameters, state):
    try:
        cursor.execute(statement, parameters)
        report(False, name, 'no error')
    except psycopg2.Error as error:
        check(name, error.pgcode, state)


fails('typmod of vector', 'INSERT INTO items2 (id, v) VALUES (10, %s)', (Vector([1, 2]),), errorcodes.DATA_EXCEPTION)
fails('typmod of halfvec', 'INSERT INTO items2 (id, h) VALUES (10, %s)', (Vector([1, 2]),), errorcodes.DATA_EXCEPTION)
fails('typmod of sparsevec', 'INSERT INTO items2 (id, s) VALUES (10, %s)', (sparse_text([1, 2]),), errorcodes.DATA_EXCEPTION)
fails('different dimensions', 'SELECT v <-> %s FROM items2', (Vector([1, 2]),), errorcodes.DATA_EXCEPTION)
fails('a typmod of 0', 'CREATE TABLE wrong (v vector(0))', (), errorcodes.INVALID_PARAMETER_VALUE)
fails('not a vector', 'SELECT %s::vector', ('[1,a]',), errorcodes.INVALID_TEXT_REPRESENTATION)
try:
    cursor.copy_expert('COPY copied (id, v) FROM STDIN (FORMAT binary)', io.BytesIO(copy_stream([[struct.pack('>i', 1), to_binary([1, 2])]])))
    report(False, 'typmod in binary COPY', 'no error')
except psycopg2.Error as error:
    check('typmod in binary COPY', error.pgcode, errorcodes.DATA_EXCEPTION)
finish()
