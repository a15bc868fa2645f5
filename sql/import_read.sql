-- Reading vector files: what the functions give for values of type bytea. (Files are for the TAP tests.)
\set VERBOSITY default
CREATE FUNCTION npy(descr text, shape text, data bytea, fortran text DEFAULT 'False') RETURNS bytea LANGUAGE sql AS $$
    SELECT '\x934e554d50590100'::bytea || set_byte(set_byte('\x0000', 0, length(dict) % 256), 1, length(dict) / 256) || dict || data
    FROM convert_to(format(E'{''descr'': ''%s'', ''fortran_order'': %s, ''shape'': %s, }\n', descr, fortran, shape), 'UTF8') dict
$$;
-- an IndexFlatL2 of dims and rows, and an id map around it
CREATE FUNCTION flat(dims int, rows int, data bytea) RETURNS bytea LANGUAGE sql AS $$
    SELECT convert_to('IxF2', 'UTF8') || set_byte('\x00000000', 0, dims) || set_byte('\x0000000000000000', 0, rows)
        || '\x00001000000000000000100000000000' || '\x01' || '\x01000000' || set_byte('\x0000000000000000', 0, dims * rows) || data
$$;
CREATE FUNCTION mapped(inner_index bytea, rows int, ids bytea) RETURNS bytea LANGUAGE sql AS $$
    SELECT convert_to('IxMp', 'UTF8') || '\x00000000' || set_byte('\x0000000000000000', 0, rows)
        || '\x00001000000000000000100000000000' || '\x01' || '\x01000000' || inner_index
        || set_byte('\x0000000000000000', 0, length(ids) / 8) || ids
$$;
\set six '\'\\x0000803f000000400000404000008040000000c0000000be\''

SELECT * FROM vecstore_read_npy(npy('<f4', '(2, 3)', :six));
SELECT * FROM vecstore_read_npy(npy('<f4', '(3, 2)', :six, 'True'));
SELECT * FROM vecstore_read_npy(npy('|u1', '(2, 3)', '\x000102fdfeff'));
SELECT * FROM vecstore_read_npy(npy('|i1', '(2, 3)', '\x000102fdfeff'));
SELECT * FROM vecstore_read_npy(npy('>i2', '(1, 3)', '\x00010002fffe'));
SELECT * FROM vecstore_read_npy(npy('<f2', '(3,)', '\x003c00c0ff7b'));
SELECT * FROM vecstore_read_npy(npy('<f4', '(0, 3)', ''));

-- first and count are positions
SELECT * FROM vecstore_read_npy(npy('|u1', '(6, 1)', '\x000102030405'), 4);
SELECT * FROM vecstore_read_npy(npy('|u1', '(6, 1)', '\x000102030405'), first => 2, count => 2);
SELECT * FROM vecstore_read_npy(npy('|u1', '(6, 1)', '\x000102030405'), count => 0);
SELECT * FROM vecstore_read_npy(npy('|u1', '(6, 1)', '\x000102030405'), first => 6);
SELECT * FROM vecstore_read_npy(npy('|u1', '(6, 1)', '\x000102030405'), first => NULL, count => 1);
SELECT * FROM vecstore_read_npy(npy('|u1', '(6, 1)', '\x000102030405'), first => -1);
SELECT * FROM vecstore_read_npy(npy('|u1', '(6, 1)', '\x000102030405'), count => -1);
SELECT * FROM vecstore_read_npy(NULL::bytea);

SELECT * FROM vecstore_read_faiss(flat(3, 2, :six));
SELECT * FROM vecstore_read_faiss(mapped(flat(3, 2, :six), 2, '\x0700000000000000ffffffffffffffff'));
SELECT * FROM vecstore_read_faiss(mapped(flat(3, 2, :six), 2, '\x0700000000000000ffffffffffffffff'), first => 1);

-- as part of a query
CREATE TEMP TABLE docs (id bigint, embedding vector(3));
INSERT INTO docs SELECT * FROM vecstore_read_npy(npy('<f4', '(2, 3)', :six));
SELECT d.id, f.embedding = d.embedding AS equal FROM docs d
    JOIN vecstore_read_faiss(mapped(flat(3, 2, :six), 2, '\x01000000000000000000000000000000')) f ON f.id = 1 - d.id ORDER BY 1;

\x on
SELECT * FROM vecstore_inspect(npy('<f4', '(2, 3)', :six));
SELECT * FROM vecstore_inspect(npy('<f8', '(1,)', '\x000000000000f03f0000'));
SELECT * FROM vecstore_inspect(mapped(flat(3, 2, :six), 2, '\x0700000000000000ffffffffffffffff'));
\x off

-- errors name the place and the reason
SELECT vecstore_inspect(''::bytea);
SELECT vecstore_inspect('hello'::bytea);
SELECT vecstore_inspect('version https://git-lfs.github.com/spec/v1'::bytea);
SELECT vecstore_inspect(npy('<f4', '(2, 4)', :six));
SELECT vecstore_inspect(npy('<f4', '(9223372036854775807, 9223372036854775807)', :six));
SELECT vecstore_inspect(npy('|O', '(2, 3)', :six));
SELECT vecstore_inspect(npy('<U3', '(2, 3)', :six));
SELECT vecstore_inspect(npy('<f4', '(1, 2, 3)', :six));
SELECT vecstore_inspect(npy('<f4', '()', :six));
SELECT vecstore_inspect(npy('<f4', '(-2, 3)', :six));
SELECT * FROM vecstore_read_npy(npy('<f4', '(2, 3)', '\x0000803f000000400000404000008040000000000000c07f'));
SELECT * FROM vecstore_read_npy(npy('<f4', '(2, 3)', '\x0000803f000000400000404000008040000000000000807f'));
SELECT * FROM vecstore_read_npy(npy('|u1', '(1, 16001)', decode(repeat('01', 16001), 'hex')));
SELECT * FROM vecstore_read_faiss(npy('<f4', '(2, 3)', :six));
SELECT * FROM vecstore_read_npy(flat(3, 2, :six));
SELECT vecstore_inspect(flat(3, 3, :six));
SELECT vecstore_inspect(mapped(flat(3, 2, :six), 2, '\x0700000000000000'));
SELECT vecstore_inspect(mapped(mapped(flat(3, 2, :six), 2, '\x0700000000000000'), 2, ''));
SELECT vecstore_inspect('IHNf'::bytea);
SELECT vecstore_inspect('IxHe'::bytea);

-- hashes of rows: order does not matter, everything else does
SELECT sum(vecstore_row_hash(e, i)) = (SELECT sum(vecstore_row_hash(e, i)) FROM (VALUES (2, '[3,4]'::vector), (1, '[1,2]')) r(i, e)) AS equal,
       sum(vecstore_row_hash(e, i)) = sum(vecstore_row_hash(e, 3 - i)) AS other_ids,
       sum(vecstore_row_hash(e)) = sum(vecstore_row_hash(e + e)) AS other_values
FROM (VALUES (1, '[1,2]'::vector), (2, '[3,4]')) r(i, e);
SELECT vecstore_row_hash(NULL), vecstore_row_hash('[1]', NULL);

DROP FUNCTION npy, flat, mapped;
