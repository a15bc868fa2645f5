-- The schema of a typical application written for pgvector, as it is: tables, indexes, upserts, filtered queries,
-- settings. Small tables: every answer is exact.
SET client_min_messages = warning;

CREATE TABLE documents (
    document_id text PRIMARY KEY,
    collection text NOT NULL,
    content text,
    metadata jsonb NOT NULL DEFAULT '{}',
    embedding vector(384),
    embedding_1536 vector(1536),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT one_embedding CHECK (embedding IS NOT NULL OR embedding_1536 IS NOT NULL)
);
CREATE INDEX documents_metadata_idx ON documents USING gin (metadata);
CREATE INDEX documents_collection_idx ON documents (collection);
CREATE INDEX documents_embedding_idx ON documents USING hnsw (embedding vector_cosine_ops) WITH (m = 16, ef_construction = 64);
CREATE INDEX IF NOT EXISTS documents_embedding_1536_idx ON documents USING hnsw (embedding_1536 vector_cosine_ops) WITH (m = 16, ef_construction = 64);

-- A vector that turns with i: neighbors in number are neighbors in angle.
-- (Indexes of different dimensions in one session share the memory of inserts, which must have room for the longer.)
CREATE FUNCTION turned(i float8, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(CASE k % 2 WHEN 0 THEN cos(i * 0.01) ELSE sin(i * 0.01) END ORDER BY k)::vector FROM generate_series(1, dims) k $$;

PREPARE upsert (text, text, text, jsonb, vector) AS
INSERT INTO documents (document_id, collection, content, metadata, embedding) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (document_id) DO UPDATE SET content = EXCLUDED.content, metadata = EXCLUDED.metadata, embedding = EXCLUDED.embedding
RETURNING document_id, content;
EXECUTE upsert ('doc-0', 'notes', 'first', '{"lang": "en"}', turned(222, 384));
EXECUTE upsert ('doc-0', 'notes', 'second', '{"lang": "de"}', turned(0, 384));
INSERT INTO documents (document_id, collection, content, metadata, embedding, embedding_1536)
SELECT 'doc-' || i, CASE WHEN i % 10 = 0 THEN 'notes' ELSE 'mail' END, 'text ' || i,
       jsonb_build_object('lang', CASE WHEN i % 2 = 0 THEN 'en' ELSE 'de' END, 'page', i), turned(i, 384), turned(i, 1536)
FROM generate_series(1, 300) i
ON CONFLICT (document_id) DO UPDATE SET embedding = EXCLUDED.embedding;
-- the whole again: every row is moved, none is twice
INSERT INTO documents (document_id, collection, embedding) SELECT 'doc-' || i, 'lost', turned(i, 384) FROM generate_series(1, 300) i
ON CONFLICT (document_id) DO UPDATE SET embedding = EXCLUDED.embedding, metadata = documents.metadata || '{"moved": true}';
SELECT count(*), count(DISTINCT document_id), count(*) FILTER (WHERE metadata @> '{"moved": true}') AS moved FROM documents;
ANALYZE documents;

SET hnsw.ef_search = 100;
SET hnsw.iterative_scan = relaxed_order;
PREPARE nearest (vector, text, int) AS
SELECT document_id, round((1 - (embedding <=> $1))::numeric, 4) AS similarity FROM documents
WHERE collection = $2 ORDER BY embedding <=> $1 LIMIT $3;
EXECUTE nearest (turned(42.3, 384), 'notes', 5);
-- by the index: the same, also with a generic plan
SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) EXECUTE nearest ('[1]', 'notes', 5);
EXECUTE nearest (turned(42.3, 384), 'notes', 5);
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE nearest (NULL, 'notes', 5);
EXECUTE nearest (turned(42.3, 384), 'notes', 5);
RESET plan_cache_mode;

SELECT document_id, round((1 - (embedding_1536 <=> turned(151.3, 1536)))::numeric, 4) AS similarity FROM documents
WHERE metadata @> '{"lang": "en"}' ORDER BY embedding_1536 <=> turned(151.3, 1536) LIMIT 3;
SELECT d.document_id, n.document_id AS nearest FROM documents d, LATERAL (
    SELECT o.document_id FROM documents o WHERE o.document_id <> d.document_id ORDER BY o.embedding <=> d.embedding LIMIT 1) n
WHERE d.document_id IN ('doc-0', 'doc-300') ORDER BY 1;
-- a threshold, as an application writes it
SELECT count(*) FROM (SELECT 1 - (embedding <=> turned(0, 384)) AS similarity FROM documents) s WHERE similarity > cos(0.105);
RESET enable_sort; RESET enable_seqscan; RESET enable_bitmapscan;

-- similarity in descending order is a sort of all rows, here as in pgvector
EXPLAIN (COSTS OFF) SELECT document_id FROM documents ORDER BY 1 - (embedding <=> '[1]') DESC LIMIT 5;

DELETE FROM documents WHERE collection = 'mail';
VACUUM documents;
EXECUTE nearest (turned(42.3, 384), 'notes', 2);
INSERT INTO documents (document_id, collection, embedding) VALUES ('wrong', 'notes', '[1,2,3]');

-- Settings that are made before the library is loaded count once it is: nothing below is lost.
\c -
SET client_min_messages = warning;
SET hnsw.ef_search = 123;
SET hnsw.iterative_scan = relaxed_order;
SET hnsw.max_scan_tuples = 5000;
SET hnsw.scan_mem_multiplier = 2;
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT document_id FROM documents ORDER BY embedding <=> turned(1.2, 384) LIMIT 3) s;
SELECT name, setting, source FROM pg_settings WHERE name LIKE 'hnsw.%' ORDER BY name;
-- it does have its effect: a scan that does not go on ends after ef_search rows, without the setting it would find more
\c -
SET client_min_messages = warning;
SET hnsw.iterative_scan = off;
SET hnsw.ef_search = 1;
SET enable_seqscan = off; SET enable_sort = off;
SELECT count(*) < 31 AS ends_early FROM (SELECT document_id FROM documents ORDER BY embedding <=> turned(1.2, 384)) s;
RESET hnsw.iterative_scan;
SELECT count(*) FROM (SELECT document_id FROM documents ORDER BY embedding <=> turned(1.2, 384)) s;
-- SET LOCAL, and one that is rolled back
\c -
BEGIN;
SET LOCAL hnsw.ef_search = 55;
SELECT '[1]'::vector;
SHOW hnsw.ef_search;
COMMIT;
SHOW hnsw.ef_search;
\c -
BEGIN;
SET hnsw.ef_search = 55;
ROLLBACK;
SELECT '[1]'::vector;
SHOW hnsw.ef_search;
-- a value that is none says so when the library comes, and the default counts
\c -
SET hnsw.ef_search = 0;
SET hnsw.iterative_scan = sideways;
SELECT '[1]'::vector;
SHOW hnsw.ef_search;
SHOW hnsw.iterative_scan;
SET hnsw.ef_search = 0;
SET hnsw.iterative_scan = sideways;

DROP TABLE documents;
DROP FUNCTION turned;
