// npm's pgvector with pg: registered types, every operator, prepared statements, errors.
const assert = require('node:assert');
const { Client } = require('pg');
const pgvector = require('pgvector/pg');
const { SparseVector, toSql } = require('pgvector');
const { vectorType, halfvecType, sparsevecType, bitType } = require('pgvector/utils');

const ITEMS = [
  [1, [1, 0, 0], '100'],
  [2, [0, 2, 0], '110'],
  [3, [3, 4, 0], '111'],
  [4, [-1, 0.5, 2.5], '001'],
];
const QUERY = [1, 1, 0.5];
const QUERY_BITS = '101';

const zip = (a, b, f) => Array.from(a, (x, i) => f(x, b[i]));
const sum = (a) => a.reduce((x, y) => x + y, 0);
const inner = (a, b) => sum(zip(a, b, (x, y) => x * y));
const both = (a, b) => sum(zip(a, b, (x, y) => +(x === '1' && y === '1')));
const DISTANCES = {
  '<->': (a, b) => Math.sqrt(sum(zip(a, b, (x, y) => (x - y) ** 2))),
  '<#>': (a, b) => -inner(a, b),
  '<=>': (a, b) => 1 - inner(a, b) / Math.sqrt(inner(a, a) * inner(b, b)),
  '<+>': (a, b) => sum(zip(a, b, (x, y) => Math.abs(x - y))),
};
const BIT_DISTANCES = {
  '<~>': (a, b) => sum(zip(a, b, (x, y) => +(x !== y))),
  '<%>': (a, b) => 1 - both(a, b) / sum(zip(a, b, (x, y) => +(x === '1' || y === '1'))),
};

function check(name, good, ...why) {
  console.log(`${good ? 'ok' : 'not ok'} - ${name}`);
  if (!good) why.forEach((w) => console.log('# ' + JSON.stringify(w)));
}

function checkSame(name, got, expected) {
  let good = true;
  try { assert.deepStrictEqual(got, expected); } catch { good = false; }
  check(name, good, { got }, { expected });
}

function checkNearest(name, rows, expected) {
  expected.sort((a, b) => a[1] - b[1] || a[0] - b[0]);
  const good = rows.length === expected.length &&
    rows.every((r, i) => r.id === expected[i][0] && Math.abs(r.d - expected[i][1]) <= 1e-6 * (1 + Math.abs(r.d)));
  check(name, good, { rows }, { expected });
}

async function fails(name, state, promise) {
  try {
    await promise;
    check(name, false, 'no error');
  } catch (error) {
    check(name, error.code === state, { code: error.code, message: error.message });
  }
}

async function main() {
  const client = new Client({ host: process.env.PGHOST, port: +process.env.PGPORT, user: process.env.PGUSER, database: 'clients' });
  await client.connect();
  await pgvector.registerTypes(client);

  // store and read
  await client.query('DROP TABLE IF EXISTS items6');
  await client.query(`CREATE TABLE items6 (id int PRIMARY KEY, v ${vectorType(3)}, h ${halfvecType(3)}, s ${sparsevecType(3)}, b ${bitType(3)})`);
  for (const [id, v, b] of ITEMS)
    await client.query('INSERT INTO items6 VALUES ($1, $2, $3, $4, $5)', [id, pgvector.toSql(v), toSql(v), toSql(new SparseVector(v)), b]);
  const { rows } = await client.query('SELECT * FROM items6 ORDER BY id');
  checkSame('rows come back', rows.map((r) => [r.id, r.v, r.h, r.s.toArray(), r.b]), ITEMS.map(([id, v, b]) => [id, v, v, v, b]));
  const nothing = await client.query('INSERT INTO items6 (id, v) VALUES (9, $1) RETURNING v', [toSql(null)]);
  checkSame('NULL', nothing.rows[0].v, null);
  await client.query('DELETE FROM items6 WHERE id = 9');

  // every operator; a name makes it a prepared statement, the sixth execution a generic plan
  const columns = { v: toSql(QUERY), h: toSql(QUERY), s: toSql(new SparseVector(QUERY)) };
  for (const [operator, distance] of Object.entries(DISTANCES))
    for (const [column, query] of Object.entries(columns)) {
      let result;
      for (let i = 0; i < 6; i++)
        result = await client.query({
          name: column + operator,
          text: `SELECT id, ${column} ${operator} $1 AS d FROM items6 ORDER BY ${column} ${operator} $1, id`,
          values: [query],
        });
      checkNearest(`${column} ${operator}`, result.rows, ITEMS.map(([id, v]) => [id, distance(v, QUERY)]));
    }
  for (const [operator, distance] of Object.entries(BIT_DISTANCES)) {
    const result = await client.query(`SELECT id, b ${operator} $1 AS d FROM items6 ORDER BY 2, id`, [QUERY_BITS]);
    checkNearest(`b ${operator}`, result.rows, ITEMS.map(([id, , b]) => [id, distance(b, QUERY_BITS)]));
  }

  // an index
  await client.query('CREATE INDEX ON items6 USING hnsw (v vector_ip_ops)');
  await client.query('SET enable_seqscan = off');
  const nearest = await client.query('SELECT id, v <#> $1 AS d FROM items6 ORDER BY v <#> $1 LIMIT 5', [toSql(QUERY)]);
  checkNearest('by the index', nearest.rows, ITEMS.map(([id, v]) => [id, DISTANCES['<#>'](v, QUERY)]));
  const { rows: plan } = await client.query('EXPLAIN SELECT id FROM items6 ORDER BY v <#> $1 LIMIT 5', [toSql(QUERY)]);
  check('the index is used', plan.some((r) => r['QUERY PLAN'].includes('items6_v_idx')), plan);

  // errors
  await fails('typmod of vector', '22000', client.query('INSERT INTO items6 (id, v) VALUES (10, $1)', [toSql([1, 2])]));
  await fails('typmod of halfvec', '22000', client.query('INSERT INTO items6 (id, h) VALUES (10, $1)', [toSql([1, 2])]));
  await fails('typmod of sparsevec', '22000', client.query('INSERT INTO items6 (id, s) VALUES (10, $1)', [toSql(new SparseVector([1, 2]))]));
  await fails('different dimensions', '22000', client.query('SELECT v <-> $1 FROM items6', [toSql([1, 2])]));
  await fails('not a vector', '22P02', client.query('SELECT $1::vector', ['[1,a]']));
  await client.end();
  console.log('# finished');
}

// An open connection would keep the process alive.
main().catch((error) => {
  console.log('not ok - ' + error.stack.replace(/\n/g, '\n# '));
  process.exit(1);
});
