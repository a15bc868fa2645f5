-- Besides those of test/data/upgrade/indexes.sql: an expression, partitions, an unlogged table, rows without
-- a vector and rows beside the graph, a materialized view, and the state of an import.
CREATE TABLE written (id int, v vector, lang text COLLATE "C");
INSERT INTO written SELECT i, CASE WHEN i % 50 > 0 THEN vector_at(i, 24) END, 'text ' || i % 5 FROM generate_series(1, 500) i;
CREATE INDEX written_halves ON written USING hnsw ((v::halfvec(24)) halfvec_cosine_ops, lang);

CREATE TABLE parts (id int, v vector(16)) PARTITION BY HASH (id);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT i, vector_at(i, 16) FROM generate_series(1, 500) i;
CREATE INDEX parts_l1 ON parts USING hnsw (v vector_l1_ops);

CREATE UNLOGGED TABLE fleeting (id int, v vector(8));
INSERT INTO fleeting SELECT i, vector_at(i, 8) FROM generate_series(1, 300) i;
CREATE INDEX fleeting_cosine ON fleeting USING hnsw (v vector_cosine_ops);

CREATE TABLE lengths (id int, v vector(12), at timestamptz, tag uuid, flag boolean, price numeric);
INSERT INTO lengths SELECT i, CASE WHEN i % 100 = 9 THEN vector_at(i, 12) * array_fill(1e6::real, ARRAY[12])::vector ELSE vector_at(i, 12) END,
    '2026-01-01'::timestamptz + i * interval '1 hour', md5(i::text)::uuid, i % 2 = 0, i / 7.0 FROM generate_series(1, 600) i;
CREATE INDEX lengths_ip ON lengths USING hnsw (v vector_ip_ops, at, tag, flag, price);

CREATE MATERIALIZED VIEW seen AS SELECT id, v FROM small WHERE id < 400;
CREATE INDEX seen_l2 ON seen USING hnsw (v vector_l2_ops) WITH (storage = plain);

CREATE TABLE jaccard (id int, v bit(100));
INSERT INTO jaccard SELECT i, binary_quantize(vector_at(i, 100))::bit(100) FROM generate_series(1, 300) i;
CREATE INDEX jaccard_bits ON jaccard USING hnsw (v bit_jaccard_ops);

CREATE TABLE imported (id bigint PRIMARY KEY, v vector(3));
