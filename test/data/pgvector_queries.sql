-- Queries of the database of pgvector_source.sql, in pgvector and in vecstore: the answers must be the same.
-- Tables are small enough for an approximate index to be exact. Distances are rounded: sums differ in the last bit.
SELECT 'items', i.id, i.v, i.any_dims, i.h, i.s, i.b, i.near_unit, i.history FROM items i ORDER BY id;
SELECT 'column', attrelid::regclass, attname, format_type(atttypid, atttypmod), attstorage FROM pg_attribute
WHERE attrelid IN ('items'::regclass, 'parts'::regclass, 'units'::regclass) AND attnum > 0 ORDER BY attrelid::regclass::text, attnum;
SELECT 'index', pg_get_indexdef(indexrelid), indisvalid FROM pg_index
WHERE indrelid IN ('items'::regclass, 'parts'::regclass, 'parts_a'::regclass) ORDER BY indexrelid::regclass::text;
SELECT 'constraint', pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'not_null_vector';
SELECT 'view', pg_get_viewdef('distances'::regclass);
SELECT 'distances', a, b, round(l2::numeric, 4), round(cosine::numeric, 4) FROM distances WHERE a % 10 = 0 ORDER BY a, b;
SELECT 'average', class, center, total FROM average ORDER BY class;
SELECT 'units', u, round(vector_norm(u)::numeric, 4) FROM units ORDER BY u;
SELECT 'total', total(v) FROM items WHERE id <= 4;
SELECT 'sorted', id FROM items ORDER BY v LIMIT 20;
SELECT 'distinct', count(DISTINCT v) FROM (SELECT v FROM items UNION ALL SELECT v FROM parts) s;
SELECT 'joined', count(*) FROM items JOIN parts USING (v);

SET enable_seqscan = off;
SET enable_sort = off;
SELECT 'l2', round((v <-> '[0.5,0.1,-0.2,0.3,0,0]')::numeric, 4) FROM items ORDER BY v <-> '[0.5,0.1,-0.2,0.3,0,0]' LIMIT 15;
SELECT 'ip', round((v <#> '[0.5,0.1,-0.2,0.3,0,0]')::numeric, 4) FROM items ORDER BY v <#> '[0.5,0.1,-0.2,0.3,0,0]' LIMIT 15;
SELECT 'cosine', round((v <=> '[0.5,0.1,-0.2,0.3,0,0]')::numeric, 4) FROM items WHERE id > 10 ORDER BY v <=> '[0.5,0.1,-0.2,0.3,0,0]' LIMIT 15;
SELECT 'l1', round((v <+> '[0.5,0.1,-0.2,0.3,0,0]')::numeric, 4) FROM items ORDER BY v <+> '[0.5,0.1,-0.2,0.3,0,0]' LIMIT 15;
SELECT 'halfvec', round((h <=> '[0.5,0.1,-0.2,0.3,0,0]')::numeric, 4) FROM items ORDER BY h <=> '[0.5,0.1,-0.2,0.3,0,0]' LIMIT 15;
SELECT 'sparsevec', round((s <#> '{1:1,3:2,12:1}/12')::numeric, 4) FROM items ORDER BY s <#> '{1:1,3:2,12:1}/12' LIMIT 15;
SELECT 'hamming', b <~> '1010101010101010' FROM items ORDER BY b <~> '1010101010101010' LIMIT 15;
SELECT 'jaccard', round((b <%> '1010101010101010')::numeric, 4) FROM items ORDER BY b <%> '1010101010101010' LIMIT 15;
SELECT 'as halfvec', round((v::halfvec(6) <-> '[0.5,0.1,-0.2,0.3,0,0]')::numeric, 3) FROM items ORDER BY v::halfvec(6) <-> '[0.5,0.1,-0.2,0.3,0,0]' LIMIT 15;
SELECT 'quantized', binary_quantize(v)::bit(6) <~> '101010' FROM items ORDER BY binary_quantize(v)::bit(6) <~> '101010' LIMIT 15;
SELECT 'partitions', id, kind FROM parts ORDER BY v <-> '[0.5,0.1,-0.2,0.3,0,0]' LIMIT 10;
SELECT 'function', nearest('[0.5,0.1,-0.2,0.3,0,0]', 5);
SELECT 'lateral', q.id, n.id FROM items q, LATERAL (SELECT id FROM items i WHERE i.id <> q.id ORDER BY i.v <-> q.v LIMIT 2) n
WHERE q.id <= 10 ORDER BY 2, 3;
