-- Which columns may be indexed, and how far a scan of ivfflat goes: as in pgvector.
CREATE TABLE limits_varbit (v varbit(3));
CREATE INDEX ON limits_varbit USING hnsw (v bit_hamming_ops);
CREATE INDEX ON limits_varbit USING ivfflat (v bit_hamming_ops);
CREATE DOMAIN limits_bits AS varbit(3);
ALTER TABLE limits_varbit ADD d limits_bits;
CREATE INDEX ON limits_varbit USING hnsw (d bit_hamming_ops);
CREATE INDEX ON limits_varbit USING hnsw ((v::bit(3)) bit_hamming_ops);
INSERT INTO limits_varbit (v) VALUES ('11'), ('1'), ('101');
SELECT v FROM limits_varbit ORDER BY v::bit(3) <~> '101' LIMIT 2;

-- max_probes: no more rows than so many lists hold.
CREATE TABLE limits_lists (id int, v vector(2));
INSERT INTO limits_lists SELECT i, ARRAY[i, 1]::vector FROM generate_series(1, 60) i;
CREATE INDEX ON limits_lists USING ivfflat (v vector_l2_ops) WITH (lists = 10);
SET enable_seqscan = off;
SET ivfflat.iterative_scan = relaxed_order;
SET ivfflat.max_probes = 1;
SELECT count(*), max(id) FROM (SELECT id FROM limits_lists ORDER BY v <-> '[0,1]' LIMIT 60) s;
SET ivfflat.max_probes = 3;
SELECT count(*), max(id) FROM (SELECT id FROM limits_lists ORDER BY v <-> '[0,1]' LIMIT 60) s;
SELECT count(*), max(id) FROM (SELECT id FROM limits_lists ORDER BY v <-> '[0,1]' LIMIT 5) s;
SET ivfflat.max_probes = 10;
SELECT count(*), max(id) FROM (SELECT id FROM limits_lists ORDER BY v <-> '[0,1]' LIMIT 60) s;
RESET ivfflat.max_probes;
SELECT count(*), max(id) FROM (SELECT id FROM limits_lists ORDER BY v <-> '[0,1]' LIMIT 60) s;
DROP TABLE limits_varbit, limits_lists;
DROP DOMAIN limits_bits;
