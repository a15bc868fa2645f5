-- A database as applications of pgvector have it: every type, every kind of index, and what else can depend on the
-- types. Made in a real pgvector and dumped (see test/t/010_pgvector_dump.pl).
CREATE EXTENSION vector;

CREATE FUNCTION numbers(i int, dims int) RETURNS real[] LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(round(sin(i * k + k)::numeric, 3)::real ORDER BY k) FROM generate_series(1, dims) k $$;

CREATE TABLE items (
    id int PRIMARY KEY,
    v vector(6) NOT NULL DEFAULT '[0,0,0,0,0,1]',
    any_dims vector,
    h halfvec(6),
    s sparsevec(12),
    b bit(16),
    near_unit boolean GENERATED ALWAYS AS (vector_norm(v) < 2) STORED,
    history vector(2)[],
    CONSTRAINT not_null_vector CHECK (v <> '[9,9,9,9,9,9]'::vector)
);
INSERT INTO items (id, v, any_dims, h, s, b, history)
SELECT i, numbers(i, 6)::vector, numbers(i, 1 + i % 4)::vector, numbers(i, 6)::halfvec,
       ('{' || 1 + i % 12 || ':' || i * 0.25 || CASE WHEN i % 12 < 11 THEN ',12:1.5' ELSE '' END || '}/12')::sparsevec,
       (i * 1031)::bit(16), CASE WHEN i % 5 = 0 THEN ARRAY[numbers(i, 2)::vector(2), '[1,2]'] END
FROM generate_series(1, 60) i;
INSERT INTO items (id) VALUES (100);
UPDATE items SET h = NULL, s = NULL WHERE id IN (7, 8);

CREATE INDEX items_v_l2 ON items USING hnsw (v vector_l2_ops);
CREATE INDEX items_v_ip ON items USING hnsw (v vector_ip_ops) WITH (m = 8, ef_construction = 32);
CREATE INDEX items_v_cosine ON items USING hnsw (v vector_cosine_ops) WHERE id > 10;
CREATE INDEX items_v_l1 ON items USING hnsw (v vector_l1_ops);
CREATE INDEX items_h ON items USING hnsw (h halfvec_cosine_ops);
CREATE INDEX items_s ON items USING hnsw (s sparsevec_ip_ops);
CREATE INDEX items_b ON items USING hnsw (b bit_hamming_ops);
CREATE INDEX items_b_jaccard ON items USING hnsw (b bit_jaccard_ops);
CREATE INDEX items_half ON items USING hnsw ((v::halfvec(6)) halfvec_l2_ops);
CREATE INDEX items_bits ON items USING hnsw ((binary_quantize(v)::bit(6)) bit_hamming_ops);
CREATE INDEX items_lists ON items USING ivfflat (v vector_cosine_ops) WITH (lists = 3);
CREATE INDEX items_btree ON items (v);
CREATE UNIQUE INDEX items_unique ON items (v, id);

CREATE TABLE parts (id int, kind text, v vector(6)) PARTITION BY LIST (kind);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
CREATE TABLE parts_b PARTITION OF parts FOR VALUES IN ('b');
CREATE INDEX parts_v ON parts USING hnsw (v vector_l2_ops);
INSERT INTO parts SELECT id, CASE id % 2 WHEN 0 THEN 'a' ELSE 'b' END, v FROM items;

CREATE VIEW distances AS SELECT a.id AS a, b.id AS b, a.v <-> b.v AS l2, a.v <=> b.v AS cosine FROM items a JOIN items b ON a.id < b.id;
CREATE MATERIALIZED VIEW average AS SELECT id % 3 AS class, avg(v) AS center, sum(h) AS total FROM items GROUP BY 1;
CREATE DOMAIN unit AS vector(3) CHECK (abs(vector_norm(VALUE) - 1) < 0.001);
CREATE TABLE units (u unit);
INSERT INTO units VALUES ('[1,0,0]'), ('[0,0.6,0.8]');
CREATE FUNCTION nearest(query vector, n int) RETURNS SETOF int LANGUAGE sql STABLE AS
$$ SELECT id FROM items ORDER BY v <-> query LIMIT n $$;
CREATE AGGREGATE total(vector) (SFUNC = vector_add, STYPE = vector);
CREATE STATISTICS items_statistics ON id, v FROM items;
