-- Tables of a pgvector database that test/t/012_side_by_side.pl moves to vecstore: all that a migration has to keep, and
-- what only a person can change.
CREATE FUNCTION mk(i int, d int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$ SELECT array_agg(sin(i*j*0.7+j))::vector FROM generate_series(1,d) j $$;
CREATE TABLE items (
    id int PRIMARY KEY, embedding vector(48) NOT NULL DEFAULT array_fill(0.5::real, ARRAY[48])::vector, half halfvec(3) DEFAULT '[1,2,3]',
    sp sparsevec(4), b bit(8), n int DEFAULT vector_dims('[1,2]'::vector), free vector,
    CHECK (vector_norm(embedding) > 0), CONSTRAINT named CHECK (l2_norm(half) < 100), CHECK (sp IS NOT NULL));
CREATE TABLE arrays (id int, arr vector(3)[], w vector(2) UNIQUE);
ALTER TABLE items ALTER embedding SET STORAGE plain;
COMMENT ON CONSTRAINT named ON items IS 'norms';
COMMENT ON COLUMN items.embedding IS 'a column';
INSERT INTO items (id, embedding, half, sp, b) SELECT i, mk(i, 48), mk(i, 3)::halfvec, format('{1:%s}/4', i)::sparsevec, (i % 256)::bit(8) FROM generate_series(1, 1500) i;
INSERT INTO arrays SELECT i, ARRAY[mk(i, 3), mk(i + 1, 3)], ARRAY[i, 1]::vector FROM generate_series(1, 100) i;
CREATE INDEX items_emb ON items USING hnsw (embedding vector_cosine_ops) WITH (m = 8, ef_construction = 32);
COMMENT ON INDEX items_emb IS 'an index';
CREATE INDEX items_part ON items USING hnsw (embedding vector_l2_ops) WHERE id < 1000 AND vector_dims(embedding) > 3;
CREATE INDEX items_expr ON items USING hnsw ((embedding::halfvec(48)) halfvec_l2_ops);
CREATE INDEX items_bin ON items USING hnsw ((binary_quantize(embedding)::bit(48)) bit_hamming_ops);
CREATE INDEX items_free ON items USING hnsw ((free::vector(3)) vector_l2_ops) WHERE vector_dims(free) = 3;
CREATE INDEX items_b ON items USING hnsw (b bit_jaccard_ops);
CREATE INDEX items_ivf ON items USING ivfflat (half halfvec_cosine_ops) WITH (lists = 7);
CREATE INDEX items_sp ON items USING hnsw (sp sparsevec_l1_ops);
CREATE INDEX items_bt ON items (embedding);
CREATE UNIQUE INDEX items_dims ON items ((vector_dims(embedding)), id);
CREATE TABLE parts (id int, v vector(3)) PARTITION BY RANGE (id);
CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE TABLE parts2 PARTITION OF parts FOR VALUES FROM (100) TO (200) PARTITION BY RANGE (id);
CREATE TABLE parts2a PARTITION OF parts2 FOR VALUES FROM (100) TO (150);
INSERT INTO parts SELECT i, mk(i, 3) FROM generate_series(0, 149) i;
CREATE INDEX parts_v ON parts USING hnsw (v vector_l2_ops);
CREATE TABLE base (v vector(2) DEFAULT '[1,2]');
CREATE TABLE derived (w halfvec(2)) INHERITS (base);
ALTER TABLE derived ALTER v SET DEFAULT '[3,4]';
CREATE INDEX derived_v ON derived USING hnsw (v vector_ip_ops);
CREATE SCHEMA "Odd.Schema";
CREATE TABLE "Odd.Schema"."My ""Table" (id int, "A Col" vector(3) DEFAULT '[1,2,3]', t text DEFAULT 'public.vector', CHECK ("A Col" <-> '[0,0,0]' >= 0));
INSERT INTO "Odd.Schema"."My ""Table" SELECT i, mk(i, 3) FROM generate_series(1, 20) i;
CREATE INDEX "My ""Index" ON "Odd.Schema"."My ""Table" USING hnsw ("A Col" vector_l2_ops) WITH (m = 5, ef_construction = 20) WHERE t <> 'o''x';
CREATE UNLOGGED TABLE unlogged (v vector(2));
CREATE INDEX unlogged_v ON unlogged USING ivfflat (v vector_l2_ops);
-- for a person
CREATE TABLE watched (v vector(2) PRIMARY KEY, w vector(2) REFERENCES watched);
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER watch BEFORE UPDATE OF v ON watched FOR EACH ROW EXECUTE FUNCTION watch();
CREATE POLICY few ON watched USING (v = '[1,2]');
CREATE TABLE mother (v vector(2));
CREATE TABLE father (v vector(2));
CREATE TABLE child () INHERITS (mother, father);
CREATE TABLE blocked (v vector(2), g bit(2) GENERATED ALWAYS AS (binary_quantize(v)) STORED);
CREATE TABLE viewed (v vector(2));
CREATE VIEW shown AS SELECT v FROM viewed;
CREATE FUNCTION match(q vector) RETURNS SETOF items LANGUAGE sql AS 'SELECT * FROM items';
CREATE DOMAIN dom AS vector(2);
CREATE TYPE comp AS (v vector);
CREATE MATERIALIZED VIEW mv AS SELECT v FROM parts;
