-- Kinds of tables and indexes of ivfflat: options, columns, temporary, unlogged and partitioned tables, rebuilding.
CREATE TABLE ivf_o (id int, v vector(3), a vector, h halfvec(4001), w vector(2001), b bit(3), s sparsevec(3));
-- on an empty table, as migrations do
CREATE INDEX ivf_o_v ON ivf_o USING ivfflat (v vector_l2_ops) WITH (lists = 100);
-- vector_l2_ops is the default
CREATE INDEX ivf_o_default ON ivf_o USING ivfflat (v);
SELECT indexdef FROM pg_indexes WHERE indexname LIKE 'ivf_o%' ORDER BY indexname;
-- options and their limits
CREATE INDEX ON ivf_o USING ivfflat (v vector_l2_ops) WITH (lists = 0);
CREATE INDEX ON ivf_o USING ivfflat (v vector_l2_ops) WITH (lists = 32769);
CREATE INDEX ON ivf_o USING ivfflat (v vector_l2_ops) WITH (m = 16);
ALTER INDEX ivf_o_v SET (lists = 32768);
ALTER INDEX ivf_o_v SET (lists = 40000);
SELECT reloptions FROM pg_class WHERE relname = 'ivf_o_v';
CREATE UNIQUE INDEX ON ivf_o USING ivfflat (v vector_l2_ops);
CREATE INDEX ON ivf_o USING ivfflat (v vector_l2_ops, id);
CREATE INDEX ON ivf_o USING ivfflat (v vector_l1_ops);
CREATE INDEX ON ivf_o USING ivfflat (b bit_jaccard_ops);
CREATE INDEX ON ivf_o USING ivfflat (s sparsevec_l2_ops);
CREATE INDEX ON ivf_o USING ivfflat (a vector_l2_ops);
-- more dimensions than pgvector's lists take
CREATE INDEX ON ivf_o USING ivfflat (w vector_cosine_ops);
CREATE INDEX ON ivf_o USING ivfflat (h halfvec_cosine_ops);
-- expressions, and a condition
CREATE INDEX ON ivf_o USING ivfflat ((v::halfvec(3)) halfvec_l2_ops);
CREATE INDEX ON ivf_o USING ivfflat ((binary_quantize(v)::bit(3)) bit_hamming_ops);
CREATE INDEX ivf_o_partial ON ivf_o USING ivfflat ((a::vector(3)) vector_ip_ops) WHERE id > 10;
INSERT INTO ivf_o (id, v, a) SELECT i, ARRAY[i, i % 5, 1]::vector, ARRAY[i, 1, 1]::vector FROM generate_series(1, 50) i;
SET enable_seqscan = off;
SELECT id FROM ivf_o ORDER BY v <-> '[20.1,0,1]' LIMIT 3;
SELECT id FROM ivf_o ORDER BY v::halfvec(3) <-> '[20.1,0,1]' LIMIT 3;
SELECT id FROM ivf_o WHERE id > 10 ORDER BY a::vector(3) <#> '[-1,1,1]' LIMIT 3;

-- REINDEX, CONCURRENTLY too; looking inside
REINDEX INDEX ivf_o_v;
REINDEX INDEX CONCURRENTLY ivf_o_v;
CREATE INDEX CONCURRENTLY ivf_o_later ON ivf_o USING ivfflat (v vector_cosine_ops) WITH (lists = 10);
SELECT id FROM ivf_o ORDER BY v <=> '[20,0,1]' LIMIT 1;
SELECT metric, dims, rows FROM vecstore_index_info('ivf_o_later');
SELECT * FROM vecstore_check('ivf_o_v', true);
SELECT * FROM vecstore_check('ivf_o_partial', true);
-- hnsw on the same column: the planner may take either
CREATE INDEX ON ivf_o USING hnsw (v vector_l2_ops);
SELECT id FROM ivf_o ORDER BY v <-> '[20.1,0,1]' LIMIT 3;
DROP TABLE ivf_o;

-- temporary, unlogged and partitioned
CREATE TEMPORARY TABLE ivf_temp (id int, v vector(3));
CREATE INDEX ON ivf_temp USING ivfflat (v vector_l2_ops);
INSERT INTO ivf_temp SELECT i, ARRAY[i, i, i]::vector FROM generate_series(1, 300) i;
SELECT id FROM ivf_temp ORDER BY v <-> '[7,7,7]' LIMIT 1;
CREATE UNLOGGED TABLE ivf_unlogged (id int, v vector(3));
CREATE INDEX ON ivf_unlogged USING ivfflat (v vector_l2_ops);
INSERT INTO ivf_unlogged SELECT i, ARRAY[i, i, i]::vector FROM generate_series(1, 300) i;
SELECT id FROM ivf_unlogged ORDER BY v <-> '[7,7,7]' LIMIT 1;
CREATE TABLE ivf_part (id int, v vector(3)) PARTITION BY RANGE (id);
CREATE TABLE ivf_part_1 PARTITION OF ivf_part FOR VALUES FROM (0) TO (100);
CREATE TABLE ivf_part_2 PARTITION OF ivf_part FOR VALUES FROM (100) TO (1000);
CREATE INDEX ON ivf_part USING ivfflat (v vector_l2_ops) WITH (lists = 5);
INSERT INTO ivf_part SELECT i, ARRAY[i, i, i]::vector FROM generate_series(1, 300) i;
EXPLAIN (COSTS OFF) SELECT id FROM ivf_part ORDER BY v <-> '[99.4,99.4,99.4]' LIMIT 3;
SELECT id FROM ivf_part ORDER BY v <-> '[99.4,99.4,99.4]' LIMIT 3;
DROP TABLE ivf_temp, ivf_unlogged, ivf_part;
