"""asyncpg: everything is prepared and binary; codecs in both formats; copy_records_to_table."""
import asyncio
import io
import os

import asyncpg

from checks import *


async def register(connection, binary):
    """pgvector's library takes text codecs, or binary ones for NumPy."""
    if binary:
        codecs = {'vector': (to_binary, from_binary), 'halfvec': (lambda v: to_binary(v, 'e'), lambda d: from_binary(d, 'e')),
                  'sparsevec': (sparse_to_binary, sparse_from_binary)}
    else:
        codecs = {'vector': (to_text, from_text), 'halfvec': (to_text, from_text), 'sparsevec': (sparse_text, from_sparse_text)}
    for name, (encoder, decoder) in codecs.items():
        await connection.set_type_codec(name, schema='public', encoder=encoder, decoder=decoder, format='binary' if binary else 'text')


async def fails(name, state, awaitable):
    try:
        await awaitable
        report(False, name, 'no error')
    except asyncpg.PostgresError as error:
        check(name, error.sqlstate, state)


def rows_of(records):
    return [tuple(record) for record in records]


async def work(connection, how):
    await connection.execute('DROP TABLE IF EXISTS items4')
    await connection.execute('CREATE TABLE items4 (id int PRIMARY KEY, v vector(3), h halfvec(3), s sparsevec(3), b bit(3))')
    await connection.executemany('INSERT INTO items4 VALUES ($1, $2, $3, $4, $5)',
                                 [(i, v, v, v, asyncpg.BitString(b)) for i, v, b in ITEMS])
    got = rows_of(await connection.fetch('SELECT id, v, h, s, b::text FROM items4 ORDER BY id'))
    check(f'rows come back, {how}', got, [(i, v, v, v, b) for i, v, b in ITEMS])
    got = await connection.fetchval('SELECT array_agg(v ORDER BY id) FROM items4')
    check(f'an array of vectors, {how}', got, [v for _, v, _ in ITEMS])

    for operator in DISTANCES:
        for column in 'vhs':
            got = await connection.fetch(f'SELECT id, {column} {operator} $1 FROM items4 ORDER BY 2, id', QUERY)
            check(f'{column} {operator}, {how}', rows_of(got), nearest(operator))
    for operator in BIT_DISTANCES:
        got = await connection.fetch(f'SELECT id, b {operator} $1 FROM items4 ORDER BY 2, id', asyncpg.BitString(QUERY_BITS))
        check(f'b {operator}, {how}', rows_of(got), nearest(operator))

    await fails(f'typmod of vector, {how}', '22000', connection.execute('INSERT INTO items4 (id, v) VALUES (10, $1)', [1, 2]))
    await fails(f'typmod of halfvec, {how}', '22000', connection.execute('INSERT INTO items4 (id, h) VALUES (10, $1)', [1, 2]))
    await fails(f'typmod of sparsevec, {how}', '22000', connection.execute('INSERT INTO items4 (id, s) VALUES (10, $1)', [1, 2]))
    await fails(f'different dimensions, {how}', '22000', connection.fetch('SELECT v <-> $1 FROM items4', [1, 2]))


async def copy(connection):
    """COPY is always binary here."""
    await connection.execute('CREATE TEMP TABLE copied (id int, v vector(3), h halfvec(3), s sparsevec(3))')
    await connection.copy_records_to_table('copied', records=[(i, v, v, v) for i, v, _ in ITEMS])
    got = await connection.fetchval('SELECT count(*) FROM copied c JOIN items4 i USING (id) WHERE c.v = i.v AND c.h = i.h AND c.s = i.s')
    check('binary COPY in', got, len(ITEMS))
    out = io.BytesIO()
    await connection.copy_from_query('SELECT * FROM items4 ORDER BY id', output=out, format='binary')
    await connection.execute('CREATE TABLE IF NOT EXISTS items4_again (LIKE items4)')
    out.seek(0)
    await connection.copy_to_table('items4_again', source=out, format='binary')
    got = await connection.fetchval('SELECT count(*) FROM (TABLE items4 INTERSECT TABLE items4_again) s')
    check('binary COPY out and in again', got, len(ITEMS))
    await fails('typmod in binary COPY', '22000', connection.copy_records_to_table('copied', records=[(1, [1.0, 2.0], None, None)]))


async def index(connection):
    """A cursor over an index scan inside a transaction."""
    await connection.execute('CREATE INDEX ON items4 USING hnsw (v vector_cosine_ops)')
    async with connection.transaction():
        await connection.execute('SET LOCAL enable_seqscan = off')
        plan = await connection.fetch('EXPLAIN SELECT id FROM items4 ORDER BY v <=> $1 LIMIT 4', QUERY)
        report(any('items4_v_idx' in line[0] for line in plan), 'the index is used', plan)
        got = [tuple(r) async for r in connection.cursor('SELECT id, v <=> $1 FROM items4 ORDER BY v <=> $1', QUERY, prefetch=1)]
    check('a cursor over the index', sorted(got, key=lambda r: (round(r[1], 6), r[0])), nearest('<=>'))


async def main():
    for binary in False, True:
        connection = await asyncpg.connect(database=DATABASE, host=os.environ['PGHOST'], port=os.environ['PGPORT'], user=os.environ['PGUSER'])
        await register(connection, binary)
        await work(connection, 'binary' if binary else 'text')
        if binary:
            await copy(connection)
            await index(connection)
        await connection.close()


asyncio.run(main())
finish()
