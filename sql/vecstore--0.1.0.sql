-- vecstore 0.1.0: install script. Sections: types, access method, import, maintenance.
\echo Use "CREATE EXTENSION vecstore" to load this file. \quit

-- This script also is that of the shim, the same extension under the name `vector` (see Makefile).
DO LANGUAGE plpgsql $$ BEGIN
    IF (SELECT count(*) FROM pg_catalog.pg_extension WHERE extname IN ('vecstore', 'vector')) > 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
            MESSAGE = 'extensions "vecstore" and "vector" cannot be in one database',
            DETAIL = 'Both define the types vector, halfvec and sparsevec and the access methods hnsw and ivfflat.',
            HINT = 'To change from one to the other, dump the database, change the CREATE EXTENSION line and restore.';
    END IF;
END $$;

-- ============================================================================================ types

-- vector

CREATE TYPE vector;

CREATE FUNCTION vector_in(cstring, oid, integer) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_out(vector) RETURNS cstring
    AS 'MODULE_PATHNAME', 'vecstore_vector_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME', 'vecstore_vector_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_recv(internal, oid, integer) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_send(vector) RETURNS bytea
    AS 'MODULE_PATHNAME', 'vecstore_vector_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- External storage: floats hardly compress, and uncompressed values can be fetched in part.
CREATE TYPE vector (
    INPUT = vector_in, OUTPUT = vector_out, TYPMOD_IN = vector_typmod_in,
    RECEIVE = vector_recv, SEND = vector_send,
    STORAGE = external
);

-- vector: distances and functions

CREATE FUNCTION l2_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_vector_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION inner_product(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_vector_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION cosine_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_vector_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l1_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_vector_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_l2_squared_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_vector_l2_squared_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_negative_inner_product(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_vector_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_spherical_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_vector_spherical_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_dims(vector) RETURNS integer
    AS 'MODULE_PATHNAME', 'vecstore_vector_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_norm(vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_vector_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l2_normalize(vector) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION binary_quantize(vector) RETURNS bit
    AS 'MODULE_PATHNAME', 'vecstore_vector_binary_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION subvector(vector, integer, integer) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- vector: functions of the operators

CREATE FUNCTION vector_add(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_sub(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_sub' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_mul(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_mul' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_concat(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_lt(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_vector_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_le(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_vector_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_eq(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_vector_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_ne(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_vector_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_ge(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_vector_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_gt(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_vector_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_cmp(vector, vector) RETURNS integer
    AS 'MODULE_PATHNAME', 'vecstore_vector_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- vector: aggregates

CREATE FUNCTION vector_accum(double precision[], vector) RETURNS double precision[]
    AS 'MODULE_PATHNAME', 'vecstore_vector_accum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_combine(double precision[], double precision[]) RETURNS double precision[]
    AS 'MODULE_PATHNAME', 'vecstore_vector_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_avg(double precision[]) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_avg' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE AGGREGATE avg(vector) (
    SFUNC = vector_accum, STYPE = double precision[], INITCOND = '{0}',
    FINALFUNC = vector_avg, COMBINEFUNC = vector_combine, PARALLEL = SAFE
);

CREATE AGGREGATE sum(vector) (
    SFUNC = vector_add, STYPE = vector, COMBINEFUNC = vector_add, PARALLEL = SAFE
);

-- vector: casts

CREATE FUNCTION vector(vector, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_coerce' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_vector(integer[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_vector(real[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_vector(double precision[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_vector(numeric[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_to_float4(vector, integer, boolean) RETURNS real[]
    AS 'MODULE_PATHNAME', 'vecstore_vector_to_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (vector AS vector) WITH FUNCTION vector(vector, integer, boolean) AS IMPLICIT;
CREATE CAST (vector AS real[]) WITH FUNCTION vector_to_float4(vector, integer, boolean) AS IMPLICIT;
CREATE CAST (integer[] AS vector) WITH FUNCTION array_to_vector(integer[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (real[] AS vector) WITH FUNCTION array_to_vector(real[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (double precision[] AS vector) WITH FUNCTION array_to_vector(double precision[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (numeric[] AS vector) WITH FUNCTION array_to_vector(numeric[], integer, boolean) AS ASSIGNMENT;

-- vector: casts that are not pgvector's, for vectors that come from other stores; explicit only. bytea: the elements
-- as little-endian float32, one after the other. jsonb: an array of numbers.

CREATE FUNCTION bytea_to_vector(bytea, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_from_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_to_bytea(vector) RETURNS bytea
    AS 'MODULE_PATHNAME', 'vecstore_vector_to_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION jsonb_to_vector(jsonb, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_from_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_to_jsonb(vector) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'vecstore_vector_to_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (bytea AS vector) WITH FUNCTION bytea_to_vector(bytea, integer, boolean);
CREATE CAST (vector AS bytea) WITH FUNCTION vector_to_bytea(vector);
CREATE CAST (jsonb AS vector) WITH FUNCTION jsonb_to_vector(jsonb, integer, boolean);
CREATE CAST (vector AS jsonb) WITH FUNCTION vector_to_jsonb(vector);

-- vector: operators

CREATE OPERATOR <-> (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = l2_distance,
    COMMUTATOR = <->
);

CREATE OPERATOR <#> (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_negative_inner_product,
    COMMUTATOR = <#>
);

CREATE OPERATOR <=> (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = cosine_distance,
    COMMUTATOR = <=>
);

CREATE OPERATOR <+> (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = l1_distance,
    COMMUTATOR = <+>
);

CREATE OPERATOR + (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_add,
    COMMUTATOR = +
);

CREATE OPERATOR - (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_sub
);

CREATE OPERATOR * (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_mul,
    COMMUTATOR = *
);

CREATE OPERATOR || (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_concat
);

CREATE OPERATOR < (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_lt,
    COMMUTATOR = >, NEGATOR = >=,
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);

CREATE OPERATOR <= (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_le,
    COMMUTATOR = >=, NEGATOR = >,
    RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);

CREATE OPERATOR = (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_eq,
    COMMUTATOR = =, NEGATOR = <>,
    RESTRICT = eqsel, JOIN = eqjoinsel
);

CREATE OPERATOR <> (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_ne,
    COMMUTATOR = <>, NEGATOR = =,
    RESTRICT = eqsel, JOIN = eqjoinsel
);

CREATE OPERATOR >= (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_ge,
    COMMUTATOR = <=, NEGATOR = <,
    RESTRICT = scalargesel, JOIN = scalargejoinsel
);

CREATE OPERATOR > (
    LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_gt,
    COMMUTATOR = <, NEGATOR = <=,
    RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);

CREATE OPERATOR CLASS vector_ops DEFAULT FOR TYPE vector USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 vector_cmp(vector, vector);

-- halfvec

CREATE TYPE halfvec;

CREATE FUNCTION halfvec_in(cstring, oid, integer) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_out(halfvec) RETURNS cstring
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_recv(internal, oid, integer) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_send(halfvec) RETURNS bytea
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- External storage: numbers hardly compress, and uncompressed values can be fetched in part.
CREATE TYPE halfvec (
    INPUT = halfvec_in, OUTPUT = halfvec_out, TYPMOD_IN = halfvec_typmod_in,
    RECEIVE = halfvec_recv, SEND = halfvec_send,
    STORAGE = external
);

-- halfvec: distances and functions

CREATE FUNCTION l2_distance(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION inner_product(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION cosine_distance(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l1_distance(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_l2_squared_distance(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_l2_squared_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_negative_inner_product(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_spherical_distance(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_spherical_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_dims(halfvec) RETURNS integer
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l2_norm(halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l2_normalize(halfvec) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION binary_quantize(halfvec) RETURNS bit
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_binary_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION subvector(halfvec, integer, integer) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- halfvec: functions of the operators

CREATE FUNCTION halfvec_add(halfvec, halfvec) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_sub(halfvec, halfvec) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_sub' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_mul(halfvec, halfvec) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_mul' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_concat(halfvec, halfvec) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_lt(halfvec, halfvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_le(halfvec, halfvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_eq(halfvec, halfvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_ne(halfvec, halfvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_ge(halfvec, halfvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_gt(halfvec, halfvec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_cmp(halfvec, halfvec) RETURNS integer
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- halfvec: aggregates

CREATE FUNCTION halfvec_accum(double precision[], halfvec) RETURNS double precision[]
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_accum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_combine(double precision[], double precision[]) RETURNS double precision[]
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_avg(double precision[]) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_avg' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE AGGREGATE avg(halfvec) (
    SFUNC = halfvec_accum, STYPE = double precision[], INITCOND = '{0}',
    FINALFUNC = halfvec_avg, COMBINEFUNC = halfvec_combine, PARALLEL = SAFE
);

CREATE AGGREGATE sum(halfvec) (
    SFUNC = halfvec_add, STYPE = halfvec, COMBINEFUNC = halfvec_add, PARALLEL = SAFE
);

-- halfvec: casts

CREATE FUNCTION halfvec(halfvec, integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_coerce' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_halfvec(integer[], integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_halfvec(real[], integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_halfvec(double precision[], integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_halfvec(numeric[], integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_to_float4(halfvec, integer, boolean) RETURNS real[]
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_to_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (halfvec AS halfvec) WITH FUNCTION halfvec(halfvec, integer, boolean) AS IMPLICIT;
CREATE CAST (halfvec AS real[]) WITH FUNCTION halfvec_to_float4(halfvec, integer, boolean) AS ASSIGNMENT;
CREATE CAST (integer[] AS halfvec) WITH FUNCTION array_to_halfvec(integer[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (real[] AS halfvec) WITH FUNCTION array_to_halfvec(real[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (double precision[] AS halfvec) WITH FUNCTION array_to_halfvec(double precision[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (numeric[] AS halfvec) WITH FUNCTION array_to_halfvec(numeric[], integer, boolean) AS ASSIGNMENT;

-- halfvec: casts to and from vector

CREATE FUNCTION vector_to_halfvec(vector, integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_vector_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_to_vector(halfvec, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (vector AS halfvec) WITH FUNCTION vector_to_halfvec(vector, integer, boolean) AS IMPLICIT;
CREATE CAST (halfvec AS vector) WITH FUNCTION halfvec_to_vector(halfvec, integer, boolean) AS ASSIGNMENT;

-- halfvec: casts that are not pgvector's, for vectors that come from other stores; explicit only. bytea: the elements
-- as little-endian float16, one after the other. jsonb: an array of numbers.

CREATE FUNCTION bytea_to_halfvec(bytea, integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_from_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_to_bytea(halfvec) RETURNS bytea
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_to_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION jsonb_to_halfvec(jsonb, integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_from_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_to_jsonb(halfvec) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_to_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (bytea AS halfvec) WITH FUNCTION bytea_to_halfvec(bytea, integer, boolean);
CREATE CAST (halfvec AS bytea) WITH FUNCTION halfvec_to_bytea(halfvec);
CREATE CAST (jsonb AS halfvec) WITH FUNCTION jsonb_to_halfvec(jsonb, integer, boolean);
CREATE CAST (halfvec AS jsonb) WITH FUNCTION halfvec_to_jsonb(halfvec);

-- halfvec: operators

CREATE OPERATOR <-> (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = l2_distance,
    COMMUTATOR = <->
);

CREATE OPERATOR <#> (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_negative_inner_product,
    COMMUTATOR = <#>
);

CREATE OPERATOR <=> (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = cosine_distance,
    COMMUTATOR = <=>
);

CREATE OPERATOR <+> (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = l1_distance,
    COMMUTATOR = <+>
);

CREATE OPERATOR + (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_add,
    COMMUTATOR = +
);

CREATE OPERATOR - (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_sub
);

CREATE OPERATOR * (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_mul,
    COMMUTATOR = *
);

CREATE OPERATOR || (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_concat
);

CREATE OPERATOR < (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_lt,
    COMMUTATOR = >, NEGATOR = >=,
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);

CREATE OPERATOR <= (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_le,
    COMMUTATOR = >=, NEGATOR = >,
    RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);

CREATE OPERATOR = (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_eq,
    COMMUTATOR = =, NEGATOR = <>,
    RESTRICT = eqsel, JOIN = eqjoinsel
);

CREATE OPERATOR <> (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_ne,
    COMMUTATOR = <>, NEGATOR = =,
    RESTRICT = eqsel, JOIN = eqjoinsel
);

CREATE OPERATOR >= (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_ge,
    COMMUTATOR = <=, NEGATOR = <,
    RESTRICT = scalargesel, JOIN = scalargejoinsel
);

CREATE OPERATOR > (
    LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = halfvec_gt,
    COMMUTATOR = <, NEGATOR = <=,
    RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);

CREATE OPERATOR CLASS halfvec_ops DEFAULT FOR TYPE halfvec USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 halfvec_cmp(halfvec, halfvec);

-- sparsevec

CREATE TYPE sparsevec;

CREATE FUNCTION sparsevec_in(cstring, oid, integer) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sparsevec_out(sparsevec) RETURNS cstring
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sparsevec_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sparsevec_recv(internal, oid, integer) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sparsevec_send(sparsevec) RETURNS bytea
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE sparsevec (
    INPUT = sparsevec_in, OUTPUT = sparsevec_out, TYPMOD_IN = sparsevec_typmod_in,
    RECEIVE = sparsevec_recv, SEND = sparsevec_send,
    STORAGE = external
);

-- sparsevec: distances and functions

CREATE FUNCTION l2_distance(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION inner_product(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION cosine_distance(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l1_distance(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sparsevec_l2_squared_distance(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_l2_squared_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sparsevec_negative_inner_product(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l2_norm(sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l2_normalize(sparsevec) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- sparsevec: functions of the operators

CREATE FUNCTION sparsevec_lt(sparsevec, sparsevec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sparsevec_le(sparsevec, sparsevec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sparsevec_eq(sparsevec, sparsevec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sparsevec_ne(sparsevec, sparsevec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sparsevec_ge(sparsevec, sparsevec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sparsevec_gt(sparsevec, sparsevec) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sparsevec_cmp(sparsevec, sparsevec) RETURNS integer
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- sparsevec: casts

CREATE FUNCTION sparsevec(sparsevec, integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_coerce' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_to_sparsevec(vector, integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_vector_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sparsevec_to_vector(sparsevec, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_to_sparsevec(halfvec, integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sparsevec_to_halfvec(sparsevec, integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_sparsevec(integer[], integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_sparsevec(real[], integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_sparsevec(double precision[], integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_sparsevec(numeric[], integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (sparsevec AS sparsevec) WITH FUNCTION sparsevec(sparsevec, integer, boolean) AS IMPLICIT;
CREATE CAST (vector AS sparsevec) WITH FUNCTION vector_to_sparsevec(vector, integer, boolean) AS IMPLICIT;
CREATE CAST (sparsevec AS vector) WITH FUNCTION sparsevec_to_vector(sparsevec, integer, boolean) AS ASSIGNMENT;
CREATE CAST (halfvec AS sparsevec) WITH FUNCTION halfvec_to_sparsevec(halfvec, integer, boolean) AS IMPLICIT;
CREATE CAST (sparsevec AS halfvec) WITH FUNCTION sparsevec_to_halfvec(sparsevec, integer, boolean) AS ASSIGNMENT;
CREATE CAST (integer[] AS sparsevec) WITH FUNCTION array_to_sparsevec(integer[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (real[] AS sparsevec) WITH FUNCTION array_to_sparsevec(real[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (double precision[] AS sparsevec) WITH FUNCTION array_to_sparsevec(double precision[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (numeric[] AS sparsevec) WITH FUNCTION array_to_sparsevec(numeric[], integer, boolean) AS ASSIGNMENT;

-- sparsevec: operators

CREATE OPERATOR <-> (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = l2_distance,
    COMMUTATOR = <->
);

CREATE OPERATOR <#> (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_negative_inner_product,
    COMMUTATOR = <#>
);

CREATE OPERATOR <=> (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = cosine_distance,
    COMMUTATOR = <=>
);

CREATE OPERATOR <+> (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = l1_distance,
    COMMUTATOR = <+>
);

CREATE OPERATOR < (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_lt,
    COMMUTATOR = >, NEGATOR = >=,
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);

CREATE OPERATOR <= (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_le,
    COMMUTATOR = >=, NEGATOR = >,
    RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);

CREATE OPERATOR = (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_eq,
    COMMUTATOR = =, NEGATOR = <>,
    RESTRICT = eqsel, JOIN = eqjoinsel
);

CREATE OPERATOR <> (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_ne,
    COMMUTATOR = <>, NEGATOR = =,
    RESTRICT = eqsel, JOIN = eqjoinsel
);

CREATE OPERATOR >= (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_ge,
    COMMUTATOR = <=, NEGATOR = <,
    RESTRICT = scalargesel, JOIN = scalargejoinsel
);

CREATE OPERATOR > (
    LEFTARG = sparsevec, RIGHTARG = sparsevec, FUNCTION = sparsevec_gt,
    COMMUTATOR = <, NEGATOR = <=,
    RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);

CREATE OPERATOR CLASS sparsevec_ops DEFAULT FOR TYPE sparsevec USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 sparsevec_cmp(sparsevec, sparsevec);

-- bit: PostgreSQL's own type

CREATE FUNCTION hamming_distance(bit, bit) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_bit_hamming_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION jaccard_distance(bit, bit) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_bit_jaccard_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR <~> (
    LEFTARG = bit, RIGHTARG = bit, FUNCTION = hamming_distance,
    COMMUTATOR = <~>
);

CREATE OPERATOR <%> (
    LEFTARG = bit, RIGHTARG = bit, FUNCTION = jaccard_distance,
    COMMUTATOR = <%>
);

-- ==================================================================================== access method

CREATE FUNCTION hnswhandler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME', 'vecstore_hnswhandler' LANGUAGE C;

CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER hnswhandler;

COMMENT ON ACCESS METHOD hnsw IS 'hnsw index access method';

CREATE OPERATOR CLASS vector_l2_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_l2_squared_distance(vector, vector);

CREATE OPERATOR CLASS vector_ip_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector);

CREATE OPERATOR CLASS vector_cosine_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 2 vector_norm(vector);

CREATE OPERATOR CLASS vector_l1_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <+> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 l1_distance(vector, vector);

-- Function 3 tells the access method which type it is about.

CREATE FUNCTION hnsw_halfvec_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecstore_hnsw_halfvec_support' LANGUAGE C;

CREATE OPERATOR CLASS halfvec_l2_ops
	FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
	FUNCTION 3 hnsw_halfvec_support(internal);

CREATE OPERATOR CLASS halfvec_ip_ops
	FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
	FUNCTION 3 hnsw_halfvec_support(internal);

CREATE OPERATOR CLASS halfvec_cosine_ops
	FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
	FUNCTION 2 l2_norm(halfvec),
	FUNCTION 3 hnsw_halfvec_support(internal);

CREATE OPERATOR CLASS halfvec_l1_ops
	FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <+> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 l1_distance(halfvec, halfvec),
	FUNCTION 3 hnsw_halfvec_support(internal);

CREATE FUNCTION hnsw_bit_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecstore_hnsw_bit_support' LANGUAGE C;

CREATE OPERATOR CLASS bit_hamming_ops
	FOR TYPE bit USING hnsw AS
	OPERATOR 1 <~> (bit, bit) FOR ORDER BY float_ops,
	FUNCTION 1 hamming_distance(bit, bit),
	FUNCTION 3 hnsw_bit_support(internal);

CREATE OPERATOR CLASS bit_jaccard_ops
	FOR TYPE bit USING hnsw AS
	OPERATOR 1 <%> (bit, bit) FOR ORDER BY float_ops,
	FUNCTION 1 jaccard_distance(bit, bit),
	FUNCTION 3 hnsw_bit_support(internal);

CREATE FUNCTION hnsw_sparsevec_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecstore_hnsw_sparsevec_support' LANGUAGE C;

CREATE OPERATOR CLASS sparsevec_l2_ops
	FOR TYPE sparsevec USING hnsw AS
	OPERATOR 1 <-> (sparsevec, sparsevec) FOR ORDER BY float_ops,
	FUNCTION 1 sparsevec_l2_squared_distance(sparsevec, sparsevec),
	FUNCTION 3 hnsw_sparsevec_support(internal);

CREATE OPERATOR CLASS sparsevec_ip_ops
	FOR TYPE sparsevec USING hnsw AS
	OPERATOR 1 <#> (sparsevec, sparsevec) FOR ORDER BY float_ops,
	FUNCTION 1 sparsevec_negative_inner_product(sparsevec, sparsevec),
	FUNCTION 3 hnsw_sparsevec_support(internal);

CREATE OPERATOR CLASS sparsevec_cosine_ops
	FOR TYPE sparsevec USING hnsw AS
	OPERATOR 1 <=> (sparsevec, sparsevec) FOR ORDER BY float_ops,
	FUNCTION 1 sparsevec_negative_inner_product(sparsevec, sparsevec),
	FUNCTION 2 l2_norm(sparsevec),
	FUNCTION 3 hnsw_sparsevec_support(internal);

CREATE OPERATOR CLASS sparsevec_l1_ops
	FOR TYPE sparsevec USING hnsw AS
	OPERATOR 1 <+> (sparsevec, sparsevec) FOR ORDER BY float_ops,
	FUNCTION 1 l1_distance(sparsevec, sparsevec),
	FUNCTION 3 hnsw_sparsevec_support(internal);

CREATE FUNCTION ivfflathandler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME', 'vecstore_ivfflathandler' LANGUAGE C;

CREATE ACCESS METHOD ivfflat TYPE INDEX HANDLER ivfflathandler;

COMMENT ON ACCESS METHOD ivfflat IS 'ivfflat index access method';

-- Functions 3 and 4 are what pgvector finds the centers of its lists with. They are not called here, but dumps and
-- tools that compare catalogs should see no difference. Function 5 is what hnsw has as 3.

CREATE OPERATOR CLASS vector_l2_ops
	DEFAULT FOR TYPE vector USING ivfflat AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_l2_squared_distance(vector, vector),
	FUNCTION 3 l2_distance(vector, vector);

CREATE OPERATOR CLASS vector_ip_ops
	FOR TYPE vector USING ivfflat AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 3 vector_spherical_distance(vector, vector),
	FUNCTION 4 vector_norm(vector);

CREATE OPERATOR CLASS vector_cosine_ops
	FOR TYPE vector USING ivfflat AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 2 vector_norm(vector),
	FUNCTION 3 vector_spherical_distance(vector, vector),
	FUNCTION 4 vector_norm(vector);

CREATE FUNCTION ivfflat_halfvec_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecstore_hnsw_halfvec_support' LANGUAGE C;

CREATE OPERATOR CLASS halfvec_l2_ops
	FOR TYPE halfvec USING ivfflat AS
	OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
	FUNCTION 3 l2_distance(halfvec, halfvec),
	FUNCTION 5 ivfflat_halfvec_support(internal);

CREATE OPERATOR CLASS halfvec_ip_ops
	FOR TYPE halfvec USING ivfflat AS
	OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
	FUNCTION 3 halfvec_spherical_distance(halfvec, halfvec),
	FUNCTION 4 l2_norm(halfvec),
	FUNCTION 5 ivfflat_halfvec_support(internal);

CREATE OPERATOR CLASS halfvec_cosine_ops
	FOR TYPE halfvec USING ivfflat AS
	OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
	FUNCTION 2 l2_norm(halfvec),
	FUNCTION 3 halfvec_spherical_distance(halfvec, halfvec),
	FUNCTION 4 l2_norm(halfvec),
	FUNCTION 5 ivfflat_halfvec_support(internal);

CREATE FUNCTION ivfflat_bit_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecstore_hnsw_bit_support' LANGUAGE C;

CREATE OPERATOR CLASS bit_hamming_ops
	FOR TYPE bit USING ivfflat AS
	OPERATOR 1 <~> (bit, bit) FOR ORDER BY float_ops,
	FUNCTION 1 hamming_distance(bit, bit),
	FUNCTION 3 hamming_distance(bit, bit),
	FUNCTION 5 ivfflat_bit_support(internal);

-- =========================================================================================== import

-- Reading vector files. Those with a path read files of the server and need the privileges of
-- pg_read_server_files; those with bytea take the file's content as a value.

CREATE FUNCTION vecstore_inspect(
    path text, member text DEFAULT NULL, flatten boolean DEFAULT false,
    OUT format text, OUT element_type text, OUT dims bigint, OUT "rows" bigint, OUT has_ids boolean,
    OUT metric text, OUT lossy boolean, OUT size bigint, OUT warnings text[], OUT details jsonb)
    AS 'MODULE_PATHNAME', 'vecstore_inspect_file' LANGUAGE C VOLATILE PARALLEL SAFE;

CREATE FUNCTION vecstore_inspect(
    data bytea, member text DEFAULT NULL, flatten boolean DEFAULT false,
    OUT format text, OUT element_type text, OUT dims bigint, OUT "rows" bigint, OUT has_ids boolean,
    OUT metric text, OUT lossy boolean, OUT size bigint, OUT warnings text[], OUT details jsonb)
    AS 'MODULE_PATHNAME', 'vecstore_inspect_bytea' LANGUAGE C IMMUTABLE PARALLEL SAFE;

-- id is the file's own id, or the row's position from 0 where the file has none. first and count are
-- positions too, whatever the ids. member: the array of an .npz archive; flatten: arrays of 3 and more dimensions
-- give a row for each first index; skip_not_finite: rows with NaN or infinity are left out.

CREATE FUNCTION vecstore_read_npy(path text, first bigint DEFAULT 0, count bigint DEFAULT NULL, member text DEFAULT NULL, flatten boolean DEFAULT false,
    skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_npy_file' LANGUAGE C VOLATILE PARALLEL SAFE;

CREATE FUNCTION vecstore_read_npy(data bytea, first bigint DEFAULT 0, count bigint DEFAULT NULL, member text DEFAULT NULL, flatten boolean DEFAULT false,
    skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_npy_bytea' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION vecstore_read_faiss(path text, first bigint DEFAULT 0, count bigint DEFAULT NULL,
    skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_faiss_file' LANGUAGE C VOLATILE PARALLEL SAFE;

CREATE FUNCTION vecstore_read_faiss(data bytea, first bigint DEFAULT 0, count bigint DEFAULT NULL,
    skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_faiss_bytea' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION vecstore_read_hnswlib(path text, first bigint DEFAULT 0, count bigint DEFAULT NULL,
    skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_hnswlib_file' LANGUAGE C VOLATILE PARALLEL SAFE;

CREATE FUNCTION vecstore_read_hnswlib(data bytea, first bigint DEFAULT 0, count bigint DEFAULT NULL,
    skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_hnswlib_bytea' LANGUAGE C IMMUTABLE PARALLEL SAFE;

-- fvecs, bvecs and ivecs, told apart by the file's extension, or else by its content.

CREATE FUNCTION vecstore_read_fvecs(path text, first bigint DEFAULT 0, count bigint DEFAULT NULL,
    skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_fvecs_file' LANGUAGE C VOLATILE PARALLEL SAFE;

CREATE FUNCTION vecstore_read_fvecs(data bytea, first bigint DEFAULT 0, count bigint DEFAULT NULL,
    skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_fvecs_bytea' LANGUAGE C IMMUTABLE PARALLEL SAFE;

-- Files of bits (binary indexes of FAISS), or of zeros and ones.

CREATE FUNCTION vecstore_read_bits(path text, first bigint DEFAULT 0, count bigint DEFAULT NULL)
    RETURNS TABLE (id bigint, embedding bit varying)
    AS 'MODULE_PATHNAME', 'vecstore_read_bits_file' LANGUAGE C VOLATILE PARALLEL SAFE;

CREATE FUNCTION vecstore_read_bits(data bytea, first bigint DEFAULT 0, count bigint DEFAULT NULL)
    RETURNS TABLE (id bigint, embedding bit varying)
    AS 'MODULE_PATHNAME', 'vecstore_read_bits_bytea' LANGUAGE C IMMUTABLE PARALLEL SAFE;

-- A hash of a row's content. The sum over rows, which does not depend on their order, is what imports
-- compare to verify that the table holds what the file does.
CREATE FUNCTION vecstore_row_hash(embedding vector, id bigint DEFAULT 0) RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecstore_row_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- The same with more columns of a row, of any types, in the order of the arguments.
CREATE FUNCTION vecstore_row_hash(embedding vector, id bigint, VARIADIC fields "any") RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecstore_row_hash_fields' LANGUAGE C STABLE PARALLEL SAFE;

-- Imports. One row for each CALL of vecstore_import that was not a resumption, and one for each batch of rows that
-- it has committed (written in the batch's own transaction). Both survive dump and restore.

CREATE SEQUENCE vecstore_import_id_seq;

CREATE TABLE vecstore_import_state (
    import_id bigint PRIMARY KEY DEFAULT nextval('vecstore_import_id_seq'),
    target text NOT NULL,
    vector_column text NOT NULL,
    id_column text,
    path text NOT NULL,
    member text,
    format text NOT NULL,
    file_size bigint NOT NULL,
    file_fingerprint bigint NOT NULL,
    rows_total bigint NOT NULL,
    dims bigint NOT NULL,
    table_was_empty boolean NOT NULL,
    metadata_path text,
    metadata_fingerprint bigint NOT NULL DEFAULT 0,
    status text NOT NULL DEFAULT 'loading' CHECK (status IN ('loading', 'complete', 'mismatch')),
    role text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz
);

CREATE TABLE vecstore_import_batch (
    import_id bigint NOT NULL,
    first_row bigint NOT NULL,
    rows bigint NOT NULL,
    content_sum bigint NOT NULL,
    rows_written bigint NOT NULL,
    written_sum bigint NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (import_id, first_row)
);

SELECT pg_catalog.pg_extension_config_dump('vecstore_import_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('vecstore_import_state', '');
SELECT pg_catalog.pg_extension_config_dump('vecstore_import_batch', '');

-- How far imports are: those of the user's own roles. (pg_stat_progress_copy starts anew with each batch.)
-- rows_done counts places in the file; rows_written is less where rows were left out, or were in the table already.
-- The rate is that of the last 20 batches, and so are the seconds that are left.
CREATE VIEW vecstore_import_progress WITH (security_barrier) AS
    SELECT s.import_id, s.target, s.vector_column, s.path, s.format, s.status, s.role,
           coalesce(b.rows, 0) AS rows_done, s.rows_total,
           CASE WHEN s.rows_total > 0 THEN round(100.0 * coalesce(b.rows, 0) / s.rows_total, 1) ELSE 100 END AS percent,
           coalesce(b.rows_written, 0) AS rows_written, r.rows_per_second,
           CASE WHEN s.status = 'loading' AND r.rows_per_second > 0
                THEN round((s.rows_total - coalesce(b.rows, 0)) / r.rows_per_second) END AS seconds_left,
           s.started_at, b.written_at AS last_batch_at, s.finished_at
    FROM vecstore_import_state s
    LEFT JOIN (SELECT import_id, sum(rows)::bigint AS rows, sum(rows_written)::bigint AS rows_written,
                      max(written_at) AS written_at
               FROM vecstore_import_batch GROUP BY import_id) b USING (import_id)
    LEFT JOIN LATERAL (
        SELECT round((sum(l.rows) FILTER (WHERE l.n < l.last) / nullif(extract(epoch FROM max(l.written_at) - min(l.written_at)), 0))::numeric, 1)
               AS rows_per_second
        FROM (SELECT rows, written_at, row_number() OVER (ORDER BY first_row DESC) AS n, count(*) OVER () AS last
              FROM (SELECT * FROM vecstore_import_batch i WHERE i.import_id = s.import_id
                    ORDER BY i.first_row DESC LIMIT 21) newest) l) r ON true
    WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = s.role AND pg_catalog.pg_has_role(r.oid, 'MEMBER'));

GRANT SELECT ON vecstore_import_progress TO PUBLIC;

-- Loads the vectors of a file into a table through COPY, in committed batches of batch_size rows: CALL it outside
-- of transaction blocks. "column" names a column of type vector, halfvec, bit, real[] or double precision[], and may
-- be left out where the table has only one vector column; id_column gets the ids.
--   resume           goes on where an earlier import of the same file into the same column stopped
--   metadata         a JSON file beside the vectors, whose fields go into columns of their names, or whole into
--                    metadata_column
--   ids              auto, file, row (positions from 0), metadata or metadata.FIELD
--   on_conflict      error, skip or update (of rows that are in the table already, by id_column)
--   dry_run          reads and converts everything, and writes nothing
CREATE PROCEDURE vecstore_import(
    target regclass, path text, "column" name DEFAULT NULL, id_column name DEFAULT NULL,
    batch_size integer DEFAULT 10000, format text DEFAULT 'auto', resume boolean DEFAULT false,
    verify boolean DEFAULT true, metadata text DEFAULT NULL, metadata_column name DEFAULT NULL,
    ids text DEFAULT 'auto', on_conflict text DEFAULT 'error', member text DEFAULT NULL, flatten boolean DEFAULT false,
    skip_not_finite boolean DEFAULT false, dry_run boolean DEFAULT false)
    AS 'MODULE_PATHNAME', 'vecstore_import' LANGUAGE C;

-- The same by the table's name: with create_table => true it is made where there is none, with a vector column of
-- type vector, halfvec or bit as fits the file, or of vector_type.
CREATE PROCEDURE vecstore_import(
    target text, path text, "column" name DEFAULT NULL, id_column name DEFAULT NULL,
    batch_size integer DEFAULT 10000, format text DEFAULT 'auto', resume boolean DEFAULT false,
    verify boolean DEFAULT true, metadata text DEFAULT NULL, metadata_column name DEFAULT NULL,
    ids text DEFAULT 'auto', on_conflict text DEFAULT 'error', member text DEFAULT NULL, flatten boolean DEFAULT false,
    skip_not_finite boolean DEFAULT false, dry_run boolean DEFAULT false,
    create_table boolean DEFAULT false, vector_type text DEFAULT 'auto')
    AS 'MODULE_PATHNAME', 'vecstore_import_by_name' LANGUAGE C;

-- =========================================================================================== stores

-- Folders of stores that keep documents beside their vectors: LangChain's FAISS folders (index.faiss and index.pkl)
-- and Chroma's (chroma.sqlite3 and its segments). Pickles are read as plain data, never executed. All need the
-- privileges of pg_read_server_files.

-- What a folder holds: a row for each of its collections.
CREATE FUNCTION vecstore_inspect_store(
    path text, index_name text DEFAULT 'index',
    OUT kind text, OUT collection text, OUT "rows" bigint, OUT dims bigint, OUT metric text, OUT warnings text[],
    OUT details jsonb)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'vecstore_inspect_store' LANGUAGE C VOLATILE PARALLEL SAFE;

CREATE FUNCTION vecstore_read_langchain(path text, index_name text DEFAULT 'index')
    RETURNS TABLE (id text, document text, metadata jsonb, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_langchain' LANGUAGE C VOLATILE PARALLEL SAFE;

-- collection, by name or id, may be left out where there is only one.
CREATE FUNCTION vecstore_read_chroma(path text, collection text DEFAULT NULL)
    RETURNS TABLE (id text, document text, metadata jsonb, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_chroma' LANGUAGE C VOLATILE PARALLEL SAFE;

-- Brings a store's rows into a table, in committed batches; makes the table where there is none of this name.
-- A column whose name is null is left out. on_conflict: error, skip or update (by a unique index on the ids).
CREATE PROCEDURE vecstore_import_store(
    target text, path text, collection text DEFAULT NULL, index_name text DEFAULT 'index',
    id_column name DEFAULT 'id', document_column name DEFAULT 'document', metadata_column name DEFAULT 'metadata',
    "column" name DEFAULT 'embedding', batch_size integer DEFAULT 10000, on_conflict text DEFAULT 'error',
    resume boolean DEFAULT false, verify boolean DEFAULT true)
    AS 'MODULE_PATHNAME', 'vecstore_import_store' LANGUAGE C;

-- For the program vecstore-load, which streams a client's file over the wire: the same state, one row for each
-- import and one for each batch, in the batch's own transaction. The rows come by COPY, with the user's privileges.
CREATE FUNCTION vecstore_load_begin(
    target regclass, source text, "column" name, id_column name, format text, file_size bigint, fingerprint bigint,
    "rows" bigint, dims bigint, resume boolean,
    OUT load_id bigint, OUT rows_done bigint, OUT content_sum bigint, OUT earlier_size bigint,
    OUT earlier_fingerprint bigint, OUT status text, OUT target_name text, OUT vector_column text, OUT vector_type text,
    OUT id_type text)
    AS 'MODULE_PATHNAME', 'vecstore_load_begin' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION vecstore_load_batch(load_id bigint, first_row bigint, "rows" bigint, content_sum bigint) RETURNS void
    AS 'MODULE_PATHNAME', 'vecstore_load_batch' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

-- equal, different, not allowed (SELECT on the table is needed), not asked for
CREATE FUNCTION vecstore_load_finish(load_id bigint, verify boolean) RETURNS text
    AS 'MODULE_PATHNAME', 'vecstore_load_finish' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

-- =========================================================================================== export

-- Vectors into files on the server's disk, as NumPy, FAISS and hnswlib read them; for members of
-- pg_write_server_files. source is the name of a table, or a query. "column" is of type vector or halfvec, and may be
-- left out where there is only one; id_column is an integer. A NULL vector is an error unless skip_nulls. The file is
-- complete and on disk when it gets its name. All return the number of rows.

-- .npy: float32, or float16 of a halfvec column.
CREATE FUNCTION vecstore_export_npy(
    source text, path text, "column" name DEFAULT NULL, overwrite boolean DEFAULT false, skip_nulls boolean DEFAULT false)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecstore_export_npy' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION vecstore_export_fvecs(
    source text, path text, "column" name DEFAULT NULL, overwrite boolean DEFAULT false, skip_nulls boolean DEFAULT false)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecstore_export_fvecs' LANGUAGE C VOLATILE PARALLEL UNSAFE;

-- A flat FAISS index, with an id map where id_column is given; metric is l2 (the default), inner_product or cosine
-- (unit vectors and their inner product). Where "index" names an hnsw index of the table, an HNSW index with that
-- index's graph and metric.
CREATE FUNCTION vecstore_export_faiss(
    source text, path text, "column" name DEFAULT NULL, id_column name DEFAULT NULL, metric text DEFAULT NULL,
    index regclass DEFAULT NULL, overwrite boolean DEFAULT false, skip_nulls boolean DEFAULT false)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecstore_export_faiss' LANGUAGE C VOLATILE PARALLEL UNSAFE;

-- An hnswlib index, built by the library in memory (maintenance_work_mem must hold it), with ids as labels.
CREATE FUNCTION vecstore_export_hnswlib(
    source text, path text, "column" name DEFAULT NULL, id_column name DEFAULT NULL, metric text DEFAULT NULL,
    m integer DEFAULT 16, ef_construction integer DEFAULT 200,
    overwrite boolean DEFAULT false, skip_nulls boolean DEFAULT false)
    RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecstore_export_hnswlib' LANGUAGE C VOLATILE PARALLEL UNSAFE;

-- ====================================================================================== maintenance

-- What is wrong with an hnsw or ivfflat index: no row, nothing. The table can be read and written meanwhile; vacuum waits.
-- deep: all stored vectors are decoded, and compared with the table's and with the codes made from them.
-- For the table's owner, and roles that may maintain it.
CREATE FUNCTION vecstore_check(index regclass, deep boolean DEFAULT false)
    RETURNS TABLE (block bigint, slot integer, problem text)
    AS 'MODULE_PATHNAME', 'vecstore_check' LANGUAGE C VOLATILE PARALLEL UNSAFE;

-- How an hnsw or ivfflat index is laid out, and what is in it (which is counted: reads the whole index).
-- storage: what the option chose ("compact" also where high dimensions left no choice); code_dims: dimensions that
-- neighbors are ranked by; max_neighbors: links that a node has room for; rows: entries, those of deleted rows
-- included until they are vacuumed; nodes: different vectors; upper_nodes: their copies on higher levels.
CREATE FUNCTION vecstore_index_info(
    index regclass,
    OUT metric text, OUT dims integer, OUT m integer, OUT ef_construction integer,
    OUT storage text, OUT vector_format text, OUT code_dims integer, OUT max_neighbors integer,
    OUT nodes_per_page integer, OUT mean_subtracted boolean, OUT levels integer, OUT pages bigint,
    OUT "rows" bigint, OUT nodes bigint, OUT upper_nodes bigint, OUT dead_nodes bigint, OUT free_slots bigint,
    OUT links_per_node double precision, OUT bytes_per_row double precision,
    OUT format_version integer, OUT vacuum_pending boolean)
    AS 'MODULE_PATHNAME', 'vecstore_index_info' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
