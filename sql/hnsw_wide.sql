-- Vectors wide enough to be searched by codes. Values come from a hash, so they are the same everywhere.
SET client_min_messages = warning;
CREATE FUNCTION wide_vector(seed int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS
    $$ SELECT array_agg(hashint4(seed / 10 * 4096 + n) / 2147483648.0 + hashint4(seed * 4096 + n) / 4294967296.0
                        ORDER BY n)::vector FROM generate_series(1, dims) n $$;
CREATE TABLE wide (id int, v vector(768), u vector(1000));
INSERT INTO wide SELECT i, wide_vector(i, 768), wide_vector(i, 1000) FROM generate_series(0, 599) i;
CREATE INDEX wide_l2 ON wide USING hnsw (v vector_l2_ops);
CREATE INDEX wide_cos ON wide USING hnsw (v vector_cosine_ops);
CREATE INDEX wide_ip ON wide USING hnsw (u vector_ip_ops);
SET enable_seqscan = off;

-- every row is nearest to itself, and its nine nearest others are those of its group
SELECT count(*) FROM wide w, LATERAL (SELECT id FROM wide o ORDER BY o.v <-> w.v LIMIT 1) n WHERE n.id = w.id;
SELECT count(*) >= 0.98 * 6000 AS enough
FROM wide w, LATERAL (SELECT id FROM wide o ORDER BY o.v <-> w.v LIMIT 10) n WHERE n.id / 10 = w.id / 10;
SELECT count(*) >= 0.98 * 6000 AS enough
FROM wide w, LATERAL (SELECT id FROM wide o ORDER BY o.v <=> w.v LIMIT 10) n WHERE n.id / 10 = w.id / 10;
SELECT count(*) >= 0.98 * 6000 AS enough
FROM wide w, LATERAL (SELECT id FROM wide o ORDER BY o.u <#> w.u LIMIT 10) n WHERE n.id / 10 = w.id / 10;

-- the distances next to the rows never go down, though the index knows the vectors only roughly
WITH found AS MATERIALIZED (
        SELECT w.id AS q, n.d, n.rank FROM wide w, LATERAL
            (SELECT d, row_number() OVER () AS rank
             FROM (SELECT o.v <-> w.v AS d FROM wide o ORDER BY o.v <-> w.v LIMIT 30) s) n WHERE w.id % 6 = 0),
     steps AS (SELECT d, lag(d) OVER (PARTITION BY q ORDER BY rank) AS before FROM found)
SELECT count(*) AS pairs, count(*) FILTER (WHERE before > d) AS descending FROM steps WHERE before IS NOT NULL;

-- inserted rows find their place among the built ones
INSERT INTO wide SELECT 600 + i, wide_vector(i * 10, 768) + wide_vector(7000 + i, 768) * array_fill(0.1::real, ARRAY[768])::vector,
    wide_vector(i * 10, 1000) FROM generate_series(0, 59) i;
SELECT count(*) >= 58 AS enough FROM wide w, LATERAL (SELECT id FROM wide o WHERE o.id < 600 ORDER BY o.v <-> w.v LIMIT 1) n
WHERE w.id >= 600 AND n.id = (w.id - 600) * 10;

-- unit vectors along the axes: every two are equally far apart, so no neighbor is nearer to a third one
CREATE TABLE axes (id int, v vector(512));
INSERT INTO axes SELECT i, (SELECT array_agg((n = i)::int ORDER BY n) FROM generate_series(1, 512) n)::vector FROM generate_series(1, 512) i;
CREATE INDEX ON axes USING hnsw (v vector_l2_ops);
SELECT count(*) >= 0.99 * 512 AS enough FROM axes a, LATERAL (SELECT id FROM axes o ORDER BY o.v <-> a.v LIMIT 1) n WHERE n.id = a.id;

-- huge and tiny values
CREATE TABLE magnitudes (id int, v vector(384));
INSERT INTO magnitudes SELECT i, wide_vector(i, 384) * array_fill(1e6::real, ARRAY[384])::vector FROM generate_series(0, 199) i;
CREATE INDEX magnitudes_idx ON magnitudes USING hnsw (v vector_l2_ops);
SELECT count(*) FROM magnitudes m, LATERAL (SELECT id FROM magnitudes o ORDER BY o.v <-> m.v LIMIT 1) n WHERE n.id = m.id;
UPDATE magnitudes SET v = wide_vector(id, 384) * array_fill(1e-6::real, ARRAY[384])::vector;
REINDEX INDEX magnitudes_idx;
SELECT count(*) FROM magnitudes m, LATERAL (SELECT id FROM magnitudes o ORDER BY o.v <-> m.v LIMIT 1) n WHERE n.id = m.id;
DROP TABLE wide, axes, magnitudes;
DROP FUNCTION wide_vector;
