-- SQLSTATEs of the types, which programs tell errors apart by, and that no error leaves the session
-- in another state than before.
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS vecstore;

CREATE TEMP TABLE cases (number serial, expression text, state text, message text);
INSERT INTO cases (expression, state, message) VALUES
    ($$'1,2'::vector$$, '22P02', 'invalid input syntax for type vector: "1,2"'),
    ($$'[1,2'::vector$$, '22P02', 'invalid input syntax for type vector: "[1,2"'),
    ($$'[1,x]'::vector$$, '22P02', 'invalid input syntax for type vector: "[1,x]"'),
    ($$'[1]2'::vector$$, '22P02', 'invalid input syntax for type vector: "[1]2"'),
    ($$'[1e40]'::vector$$, '22003', '"1e40" is out of range for type vector'),
    ($$'[NaN]'::vector$$, '22000', 'NaN not allowed in vector'),
    ($$'[Infinity]'::vector$$, '22000', 'infinite value not allowed in vector'),
    ($$'[]'::vector$$, '22000', 'vector must have at least 1 dimension'),
    ($$('[' || repeat('1,', 16000) || '1]')::vector$$, '54000', 'vector cannot have more than 16000 dimensions'),
    ($$'[1,2]'::vector(3)$$, '22000', 'expected 3 dimensions, not 2'),
    ($$'[1]'::vector(0)$$, '22023', 'dimensions for type vector must be at least 1'),
    ($$'[1]'::vector(16001)$$, '22023', 'dimensions for type vector cannot exceed 16000'),
    ($$'[1]'::vector(1,1)$$, '22023', 'invalid type modifier'),
    ($$'{}'::real[]::vector$$, '22000', 'vector must have at least 1 dimension'),
    ($$'{{1}}'::real[]::vector$$, '22000', 'array must be 1-D'),
    ($$'{NULL}'::real[]::vector$$, '22004', 'array must not contain nulls'),
    ($$'{NaN}'::real[]::vector$$, '22000', 'NaN not allowed in vector'),
    ($$'{4e38}'::double precision[]::vector$$, '22000', 'infinite value not allowed in vector'),
    ($$array_fill(0, ARRAY[16001])::vector$$, '54000', 'vector cannot have more than 16000 dimensions'),
    ($$'[1,2]'::vector <-> '[1]'$$, '22000', 'different vector dimensions 2 and 1'),
    ($$'[1,2]'::vector <#> '[1]'$$, '22000', 'different vector dimensions 2 and 1'),
    ($$'[1,2]'::vector <=> '[1]'$$, '22000', 'different vector dimensions 2 and 1'),
    ($$'[1,2]'::vector <+> '[1]'$$, '22000', 'different vector dimensions 2 and 1'),
    ($$'[1,2]'::vector + '[1]'$$, '22000', 'different vector dimensions 2 and 1'),
    ($$'[3e38]'::vector + '[3e38]'$$, '22003', 'value out of range: overflow'),
    ($$'[-3e38]'::vector - '[3e38]'$$, '22003', 'value out of range: overflow'),
    ($$'[1e30]'::vector * '[1e30]'$$, '22003', 'value out of range: overflow'),
    ($$'[1e-30]'::vector * '[1e-30]'$$, '22003', 'value out of range: underflow'),
    ($$array_fill(0, ARRAY[9000])::vector || array_fill(0, ARRAY[9000])::vector$$, '54000', 'vector cannot have more than 16000 dimensions'),
    ($$subvector('[1,2]'::vector, 3, 1)$$, '22000', 'vector must have at least 1 dimension'),
    ($$vector_avg('{1,NULL}')$$, '22023', 'vector_avg: expected state array'),
    ($$vector_accum('{1,2}', '[1,2]')$$, '22000', 'expected 1 dimensions, not 2'),
    ($$vector_combine('{1,1e308}', '{1,1e308}')$$, '22003', 'value out of range: overflow');
INSERT INTO cases (expression, state, message) VALUES
    ($$'1,2'::halfvec$$, '22P02', 'invalid input syntax for type halfvec: "1,2"'),
    ($$'[1,x]'::halfvec$$, '22P02', 'invalid input syntax for type halfvec: "[1,x]"'),
    ($$'[65520]'::halfvec$$, '22003', '"65520" is out of range for type halfvec'),
    ($$'[1e40]'::halfvec$$, '22003', '"1e40" is out of range for type halfvec'),
    ($$'[NaN]'::halfvec$$, '22000', 'NaN not allowed in halfvec'),
    ($$'[-Infinity]'::halfvec$$, '22000', 'infinite value not allowed in halfvec'),
    ($$'[]'::halfvec$$, '22000', 'halfvec must have at least 1 dimension'),
    ($$array_fill(0, ARRAY[16001])::halfvec$$, '54000', 'halfvec cannot have more than 16000 dimensions'),
    ($$'[1,2]'::halfvec(3)$$, '22000', 'expected 3 dimensions, not 2'),
    ($$'[1]'::halfvec(0)$$, '22023', 'dimensions for type halfvec must be at least 1'),
    ($$'[1]'::halfvec(16001)$$, '22023', 'dimensions for type halfvec cannot exceed 16000'),
    ($$'[1e5]'::vector::halfvec$$, '22003', '"100000" is out of range for type halfvec'),
    ($$'{4e38}'::double precision[]::halfvec$$, '22000', 'infinite value not allowed in halfvec'),
    ($$'{NULL}'::real[]::halfvec$$, '22004', 'array must not contain nulls'),
    ($$'[1,2]'::halfvec <-> '[1]'$$, '22000', 'different halfvec dimensions 2 and 1'),
    ($$'[1,2]'::halfvec <=> '[1]'$$, '22000', 'different halfvec dimensions 2 and 1'),
    ($$'[60000]'::halfvec + '[60000]'$$, '22003', 'value out of range: overflow'),
    ($$'[1e-4]'::halfvec * '[1e-4]'$$, '22003', 'value out of range: underflow'),
    ($$subvector('[1,2]'::halfvec, 3, 1)$$, '22000', 'halfvec must have at least 1 dimension'),
    ($$halfvec_avg('{1,NULL}')$$, '22023', 'halfvec_avg: expected state array'),
    ($$'1:1'::sparsevec$$, '22P02', 'invalid input syntax for type sparsevec: "1:1"'),
    ($$'{1:1}'::sparsevec$$, '22P02', 'invalid input syntax for type sparsevec: "{1:1}"'),
    ($$'{1:1}/1x'::sparsevec$$, '22P02', 'invalid input syntax for type sparsevec: "{1:1}/1x"'),
    ($$'{1:4e38}/1'::sparsevec$$, '22003', '"4e38" is out of range for type sparsevec'),
    ($$'{1:1e-46}/1'::sparsevec$$, '22003', '"1e-46" is out of range for type sparsevec'),
    ($$'{1:NaN}/1'::sparsevec$$, '22000', 'NaN not allowed in sparsevec'),
    ($$'{1:inf}/1'::sparsevec$$, '22000', 'infinite value not allowed in sparsevec'),
    ($$'{2:1}/1'::sparsevec$$, '22000', 'sparsevec index out of bounds'),
    ($$'{1:1,1:1}/1'::sparsevec$$, '22000', 'sparsevec indices must not contain duplicates'),
    ($$'{}/0'::sparsevec$$, '22000', 'sparsevec must have at least 1 dimension'),
    ($$'{}/1000000001'::sparsevec$$, '54000', 'sparsevec cannot have more than 1000000000 dimensions'),
    ($$array_fill(1, ARRAY[16001])::sparsevec$$, '54000', 'sparsevec cannot have more than 16000 non-zero elements'),
    ($$'{}/1'::sparsevec(2)$$, '22000', 'expected 2 dimensions, not 1'),
    ($$'{}/1'::sparsevec(0)$$, '22023', 'dimensions for type sparsevec must be at least 1'),
    ($$'{}/1'::sparsevec(1000000001)$$, '22023', 'dimensions for type sparsevec cannot exceed 1000000000'),
    ($$'{}/1'::sparsevec <-> '{}/2'$$, '22000', 'different sparsevec dimensions 1 and 2'),
    ($$'{}/16001'::sparsevec::vector$$, '54000', 'vector cannot have more than 16000 dimensions'),
    ($$'{1:1e5}/1'::sparsevec::halfvec$$, '22003', '"100000" is out of range for type halfvec'),
    ($$B'11' <~> B'1'$$, '22000', 'different bit lengths 2 and 1'),
    ($$B'11' <%> B'1'$$, '22000', 'different bit lengths 2 and 1'),
    ($$'\x00'::bytea::vector$$, '22P03', 'bytea of 1 bytes cannot be cast to type vector'),
    ($$'\x0000c07f'::bytea::vector$$, '22000', 'NaN not allowed in vector'),
    ($$'[1,"a"]'::jsonb::vector$$, '22023', 'cannot cast this jsonb to type vector'),
    ($$'{}'::jsonb::vector$$, '22023', 'cannot cast this jsonb to type vector'),
    ($$'[null]'::jsonb::halfvec$$, '22004', 'array must not contain nulls'),
    ($$'[1e39]'::jsonb::vector$$, '22003', '"1000000000000000000000000000000000000000" is out of range for type vector');

SELECT plan((SELECT count(*)::int FROM cases) + 1);
SELECT throws_ok('SELECT ' || expression, state::char(5), message, state || ' from ' || expression) FROM cases ORDER BY number;

-- An error inside an aggregate, caught, and the same aggregate again.
CREATE FUNCTION pg_temp.try_avg(v vector[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN avg(x)::text FROM unnest(v) x;
EXCEPTION WHEN data_exception THEN
    RETURN 'caught';
END $$;
SELECT results_eq($$ SELECT pg_temp.try_avg(CASE WHEN i % 2 = 0 THEN ARRAY['[1]', '[3]']::vector[] ELSE ARRAY['[1]', '[1,2]']::vector[] END)
                     FROM generate_series(1, 200) i $$,
                  $$ SELECT CASE WHEN i % 2 = 0 THEN '[2]' ELSE 'caught' END FROM generate_series(1, 200) i $$,
                  'errors caught in between do not disturb');

SELECT finish();
ROLLBACK;
