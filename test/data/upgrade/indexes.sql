-- Tables whose rows come out the same on every machine, and indexes of every kind on them: what lies on an index page is
-- kept from one version to the next (test/t/015_upgrade.pl, test/upgrade-fixtures). Run in an empty database.
SET max_parallel_maintenance_workers = 0;
SET maintenance_work_mem = '64MB';

-- Numbers from 0 to 1 without a pattern that matters. Nothing but integers and one division: every CPU agrees.
CREATE FUNCTION number_at(i bigint, d bigint) RETURNS real LANGUAGE sql IMMUTABLE AS
$$ SELECT (((i * 2654435761 + d * 40503 + 12345) % 1000003 * (d + 17) + i * i * 31 + d * d * i) % 10007 / 10007.0)::real $$;
CREATE FUNCTION vector_at(i bigint, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(number_at(i, d) - 0.5::real ORDER BY d)::vector FROM generate_series(1, dims) d $$;

CREATE TABLE coded (id int, v vector(256), tenant int, lang text);
INSERT INTO coded SELECT i, vector_at(i, 256), i % 7, CASE WHEN i % 3 = 0 THEN 'en' WHEN i % 11 > 0 THEN 'de' END
FROM generate_series(1, 400) i;
CREATE INDEX coded_filtered ON coded USING hnsw (v vector_cosine_ops, tenant, lang) WITH (m = 8, ef_construction = 40);

-- Duplicates have more heap TIDs than a node holds.
CREATE TABLE small (id int, v vector(3));
INSERT INTO small SELECT i, CASE WHEN i % 4 = 0 THEN '[1,2,3]' ELSE vector_at(i, 3) END FROM generate_series(1, 600) i;
CREATE INDEX small_l2 ON small USING hnsw (v vector_l2_ops);
CREATE INDEX small_ip ON small USING hnsw (v vector_ip_ops);
CREATE INDEX small_lists ON small USING ivfflat (v vector_l2_ops) WITH (lists = 10);

CREATE TABLE halves (id int, v halfvec(200));
INSERT INTO halves SELECT i, vector_at(i, 200)::halfvec FROM generate_series(1, 150) i;
CREATE INDEX halves_compact ON halves USING hnsw (v halfvec_l2_ops) WITH (m = 8, storage = compact);

CREATE TABLE bits (id int, v bit(64));
INSERT INTO bits SELECT i, binary_quantize(vector_at(i, 64))::bit(64) FROM generate_series(1, 300) i;
CREATE INDEX bits_hamming ON bits USING hnsw (v bit_hamming_ops);

CREATE TABLE sparse (id int, v sparsevec(50));
INSERT INTO sparse SELECT i, (SELECT array_agg(CASE WHEN (i + d) % 9 = 0 THEN number_at(i, d) ELSE 0 END ORDER BY d)
                              FROM generate_series(1, 50) d)::vector::sparsevec FROM generate_series(1, 200) i;
CREATE INDEX sparse_ip ON sparse USING hnsw (v sparsevec_ip_ops);

-- Rows that came and went: free slots, free chunks of TIDs, nodes that vacuum repaired.
DELETE FROM coded WHERE id % 10 = 1;
DELETE FROM small WHERE id % 5 = 2;
VACUUM coded, small;
INSERT INTO coded SELECT i, vector_at(i, 256), i % 7, 'fr' FROM generate_series(401, 420) i;
INSERT INTO small SELECT i, vector_at(i, 3) FROM generate_series(601, 650) i;
