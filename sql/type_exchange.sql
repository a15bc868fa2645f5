-- Casts to and from the forms in which vectors lie in other stores: packed numbers and JSON arrays.

-- bytea: little-endian float32, as numpy.array([1, -2.5, 0.1], dtype='<f4').tobytes() gives
SELECT '\x0000803f000020c0cdcccc3d'::bytea::vector, '[1,-2.5,0.1]'::vector::bytea;
-- little-endian float16 for halfvec
SELECT '\x003c00c1662e'::bytea::halfvec, '[1,-2.5,0.1]'::halfvec::bytea;
-- there and back, every length
SELECT bool_and(v::bytea::vector = v AND length(v::bytea) = 4 * n) AS vector, bool_and(v::halfvec::bytea::halfvec = v::halfvec AND length(v::halfvec::bytea) = 2 * n) AS halfvec
FROM (SELECT n, array_agg(sin(i * n))::vector v FROM generate_series(1, 70) n, generate_series(1, n) i GROUP BY n) x;
SELECT '\x0000803f000020c0'::bytea::vector(2), '\x003c'::bytea::halfvec(1);
SELECT '\x0000803f000020c0'::bytea::vector(3);
SELECT '\x0000803f00'::bytea::vector;
SELECT '\x0000803f00'::bytea::halfvec;
SELECT '\x'::bytea::vector;
SELECT '\x0000803f0000c07f'::bytea::vector;
SELECT '\x000080ff'::bytea::vector;
SELECT '\x003c007e'::bytea::halfvec;
SELECT '\x007c'::bytea::halfvec;
SELECT decode(repeat('0000803f', 16001), 'hex')::vector;
SELECT vector_dims(decode(repeat('0000803f', 16000), 'hex')::vector);

-- jsonb: an array of numbers
SELECT '[1, -2.5, 1e-1, 1e30]'::jsonb::vector, '[1, -2.5, 0.1]'::jsonb::halfvec, '[1,2]'::jsonb::vector(2);
SELECT '[1,-2.5,0.1,1e30,1e-07]'::vector::jsonb, '[1,-2.5,0.1]'::halfvec::jsonb;
SELECT '[16777217, 0.1000000014901161193847656250001]'::jsonb::vector;
SELECT bool_and(v::jsonb::vector = v) AS vector, bool_and(v::halfvec::jsonb::halfvec = v::halfvec) AS halfvec, bool_and(v::jsonb = to_jsonb(v::real[])) AS as_array
FROM (SELECT n, array_agg(sin(i * n) / n ^ 3)::vector v FROM generate_series(1, 70) n, generate_series(1, n) i GROUP BY n) x;
-- from a document; null is no vector
SELECT id, (doc->'embedding')::vector(2) FROM (VALUES (1, '{"embedding": [1, 2]}'::jsonb), (2, '{"embedding": null}'), (3, '{}')) d(id, doc);
SELECT '[1,2]'::jsonb::vector(3);
SELECT '[]'::jsonb::vector;
SELECT '[1,null]'::jsonb::vector;
SELECT '[1,"2"]'::jsonb::vector;
SELECT '[1,"NaN"]'::jsonb::vector;
SELECT '[1,true]'::jsonb::halfvec;
SELECT '[[1,2],[3,4]]'::jsonb::vector;
SELECT '[1,{"a":2}]'::jsonb::vector;
SELECT '{"a":[1,2]}'::jsonb::vector;
SELECT '"[1,2]"'::jsonb::vector;
SELECT '1'::jsonb::vector;
SELECT 'true'::jsonb::halfvec;
SELECT '[1e39]'::jsonb::vector;
SELECT '[1e-50, -1e-50]'::jsonb::vector, '[1e-8]'::jsonb::halfvec;
SELECT '[65520]'::jsonb::halfvec;
SELECT jsonb_agg(i)::vector FROM generate_series(1, 16001) i;
SELECT vector_dims(jsonb_agg(i)::vector) FROM generate_series(1, 16000) i;

-- only where they are asked for
CREATE TABLE targets (v vector(1), h halfvec(1), b bytea, j jsonb);
INSERT INTO targets (v) VALUES ('\x0000803f'::bytea);
INSERT INTO targets (h) VALUES ('[1]'::jsonb);
INSERT INTO targets (b) VALUES ('[1]'::vector);
INSERT INTO targets (j) VALUES ('[1]'::halfvec);
INSERT INTO targets VALUES ('\x0000803f'::bytea::vector, '[1]'::jsonb::halfvec, '[1]'::vector::bytea, '[1]'::halfvec::jsonb);
SELECT * FROM targets;
SELECT '\x00'::bytea || '\x01'::bytea AS bytes_still_concatenate, '{"a":1}'::jsonb || '[1]'::jsonb AS and_json;
DROP TABLE targets;
