-- ============================================================================================ types

--@ for T in vector, halfvec, sparsevec
CREATE TYPE @T@;

CREATE FUNCTION @T@_in(cstring, oid, integer) RETURNS @T@
    AS 'MODULE_PATHNAME', 'vecstore_@T@_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_out(@T@) RETURNS cstring
    AS 'MODULE_PATHNAME', 'vecstore_@T@_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME', 'vecstore_@T@_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_recv(internal, oid, integer) RETURNS @T@
    AS 'MODULE_PATHNAME', 'vecstore_@T@_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_send(@T@) RETURNS bytea
    AS 'MODULE_PATHNAME', 'vecstore_@T@_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- External storage: numbers hardly compress, and uncompressed values can be fetched in part.
CREATE TYPE @T@ (
    INPUT = @T@_in, OUTPUT = @T@_out, TYPMOD_IN = @T@_typmod_in,
    RECEIVE = @T@_recv, SEND = @T@_send,
    STORAGE = external
);

--@ end
-- distances and functions

-- The cost of a distance depends on the number of dimensions.
CREATE FUNCTION vecstore_distance_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_distance_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

--@ for T NORM in vector vector_norm, halfvec l2_norm, sparsevec l2_norm
CREATE FUNCTION l2_distance(@T@, @T@) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_@T@_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION inner_product(@T@, @T@) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_@T@_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION cosine_distance(@T@, @T@) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_@T@_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION l1_distance(@T@, @T@) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_@T@_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION @T@_l2_squared_distance(@T@, @T@) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_@T@_l2_squared_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_negative_inner_product(@T@, @T@) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_@T@_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION @NORM@(@T@) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_@T@_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l2_normalize(@T@) RETURNS @T@
    AS 'MODULE_PATHNAME', 'vecstore_@T@_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

--@ end
--@ for T in vector, halfvec
CREATE FUNCTION @T@_spherical_distance(@T@, @T@) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_@T@_spherical_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_dims(@T@) RETURNS integer
    AS 'MODULE_PATHNAME', 'vecstore_@T@_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION binary_quantize(@T@) RETURNS bit
    AS 'MODULE_PATHNAME', 'vecstore_@T@_binary_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION subvector(@T@, integer, integer) RETURNS @T@
    AS 'MODULE_PATHNAME', 'vecstore_@T@_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_add(@T@, @T@) RETURNS @T@
    AS 'MODULE_PATHNAME', 'vecstore_@T@_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_sub(@T@, @T@) RETURNS @T@
    AS 'MODULE_PATHNAME', 'vecstore_@T@_sub' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_mul(@T@, @T@) RETURNS @T@
    AS 'MODULE_PATHNAME', 'vecstore_@T@_mul' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_concat(@T@, @T@) RETURNS @T@
    AS 'MODULE_PATHNAME', 'vecstore_@T@_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

--@ end
-- aggregates

--@ for T in vector, halfvec
CREATE FUNCTION @T@_accum(double precision[], @T@) RETURNS double precision[]
    AS 'MODULE_PATHNAME', 'vecstore_@T@_accum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_combine(double precision[], double precision[]) RETURNS double precision[]
    AS 'MODULE_PATHNAME', 'vecstore_@T@_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_avg(double precision[]) RETURNS @T@
    AS 'MODULE_PATHNAME', 'vecstore_@T@_avg' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE AGGREGATE avg(@T@) (
    SFUNC = @T@_accum, STYPE = double precision[], INITCOND = '{0}',
    FINALFUNC = @T@_avg, COMBINEFUNC = @T@_combine, PARALLEL = SAFE
);

CREATE AGGREGATE sum(@T@) (
    SFUNC = @T@_add, STYPE = @T@, COMBINEFUNC = @T@_add, PARALLEL = SAFE
);

--@ end
-- comparisons

--@ for T in vector, halfvec, sparsevec
CREATE FUNCTION @T@_lt(@T@, @T@) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_@T@_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_le(@T@, @T@) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_@T@_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_eq(@T@, @T@) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_@T@_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_ne(@T@, @T@) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_@T@_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_ge(@T@, @T@) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_@T@_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_gt(@T@, @T@) RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_@T@_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_cmp(@T@, @T@) RETURNS integer
    AS 'MODULE_PATHNAME', 'vecstore_@T@_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR < (
    LEFTARG = @T@, RIGHTARG = @T@, FUNCTION = @T@_lt,
    COMMUTATOR = >, NEGATOR = >=,
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);

CREATE OPERATOR <= (
    LEFTARG = @T@, RIGHTARG = @T@, FUNCTION = @T@_le,
    COMMUTATOR = >=, NEGATOR = >,
    RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);

CREATE OPERATOR = (
    LEFTARG = @T@, RIGHTARG = @T@, FUNCTION = @T@_eq,
    COMMUTATOR = =, NEGATOR = <>,
    RESTRICT = eqsel, JOIN = eqjoinsel
);

CREATE OPERATOR <> (
    LEFTARG = @T@, RIGHTARG = @T@, FUNCTION = @T@_ne,
    COMMUTATOR = <>, NEGATOR = =,
    RESTRICT = eqsel, JOIN = eqjoinsel
);

CREATE OPERATOR >= (
    LEFTARG = @T@, RIGHTARG = @T@, FUNCTION = @T@_ge,
    COMMUTATOR = <=, NEGATOR = <,
    RESTRICT = scalargesel, JOIN = scalargejoinsel
);

CREATE OPERATOR > (
    LEFTARG = @T@, RIGHTARG = @T@, FUNCTION = @T@_gt,
    COMMUTATOR = <, NEGATOR = <=,
    RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);

CREATE OPERATOR CLASS @T@_ops DEFAULT FOR TYPE @T@ USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 @T@_cmp(@T@, @T@);

--@ end
-- operators

--@ for T in vector, halfvec, sparsevec
CREATE OPERATOR <-> (
    LEFTARG = @T@, RIGHTARG = @T@, FUNCTION = l2_distance,
    COMMUTATOR = <->
);

CREATE OPERATOR <#> (
    LEFTARG = @T@, RIGHTARG = @T@, FUNCTION = @T@_negative_inner_product,
    COMMUTATOR = <#>
);

CREATE OPERATOR <=> (
    LEFTARG = @T@, RIGHTARG = @T@, FUNCTION = cosine_distance,
    COMMUTATOR = <=>
);

CREATE OPERATOR <+> (
    LEFTARG = @T@, RIGHTARG = @T@, FUNCTION = l1_distance,
    COMMUTATOR = <+>
);

--@ end
--@ for T in vector, halfvec
CREATE OPERATOR + (
    LEFTARG = @T@, RIGHTARG = @T@, FUNCTION = @T@_add,
    COMMUTATOR = +
);

CREATE OPERATOR - (
    LEFTARG = @T@, RIGHTARG = @T@, FUNCTION = @T@_sub
);

CREATE OPERATOR * (
    LEFTARG = @T@, RIGHTARG = @T@, FUNCTION = @T@_mul,
    COMMUTATOR = *
);

CREATE OPERATOR || (
    LEFTARG = @T@, RIGHTARG = @T@, FUNCTION = @T@_concat
);

--@ end
-- casts

-- Spares the checks of dimensions that are known to be right.
CREATE FUNCTION vecstore_coerce_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_coerce_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

--@ for T in vector, halfvec, sparsevec
CREATE FUNCTION @T@(@T@, integer, boolean) RETURNS @T@
    AS 'MODULE_PATHNAME', 'vecstore_@T@_coerce' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_coerce_support;

CREATE FUNCTION array_to_@T@(integer[], integer, boolean) RETURNS @T@
    AS 'MODULE_PATHNAME', 'vecstore_@T@_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_@T@(real[], integer, boolean) RETURNS @T@
    AS 'MODULE_PATHNAME', 'vecstore_@T@_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_@T@(double precision[], integer, boolean) RETURNS @T@
    AS 'MODULE_PATHNAME', 'vecstore_@T@_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_@T@(numeric[], integer, boolean) RETURNS @T@
    AS 'MODULE_PATHNAME', 'vecstore_@T@_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (@T@ AS @T@) WITH FUNCTION @T@(@T@, integer, boolean) AS IMPLICIT;
CREATE CAST (integer[] AS @T@) WITH FUNCTION array_to_@T@(integer[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (real[] AS @T@) WITH FUNCTION array_to_@T@(real[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (double precision[] AS @T@) WITH FUNCTION array_to_@T@(double precision[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (numeric[] AS @T@) WITH FUNCTION array_to_@T@(numeric[], integer, boolean) AS ASSIGNMENT;

--@ end
--@ for T CONTEXT in vector IMPLICIT, halfvec ASSIGNMENT
CREATE FUNCTION @T@_to_float4(@T@, integer, boolean) RETURNS real[]
    AS 'MODULE_PATHNAME', 'vecstore_@T@_to_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (@T@ AS real[]) WITH FUNCTION @T@_to_float4(@T@, integer, boolean) AS @CONTEXT@;

--@ end
--@ for FROM TO CONTEXT in vector halfvec IMPLICIT, halfvec vector ASSIGNMENT, vector sparsevec IMPLICIT, sparsevec vector ASSIGNMENT, halfvec sparsevec IMPLICIT, sparsevec halfvec ASSIGNMENT
CREATE FUNCTION @FROM@_to_@TO@(@FROM@, integer, boolean) RETURNS @TO@
    AS 'MODULE_PATHNAME', 'vecstore_@FROM@_to_@TO@' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (@FROM@ AS @TO@) WITH FUNCTION @FROM@_to_@TO@(@FROM@, integer, boolean) AS @CONTEXT@;

--@ end
-- Casts that pgvector does not have, for vectors that come from other stores; explicit only. bytea: the elements, one after
-- the other, as little-endian float32 (vector) or float16 (halfvec). jsonb: an array of numbers.

--@ for T in vector, halfvec
CREATE FUNCTION bytea_to_@T@(bytea, integer, boolean) RETURNS @T@
    AS 'MODULE_PATHNAME', 'vecstore_@T@_from_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_to_bytea(@T@) RETURNS bytea
    AS 'MODULE_PATHNAME', 'vecstore_@T@_to_bytea' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION jsonb_to_@T@(jsonb, integer, boolean) RETURNS @T@
    AS 'MODULE_PATHNAME', 'vecstore_@T@_from_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION @T@_to_jsonb(@T@) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'vecstore_@T@_to_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (bytea AS @T@) WITH FUNCTION bytea_to_@T@(bytea, integer, boolean);
CREATE CAST (@T@ AS bytea) WITH FUNCTION @T@_to_bytea(@T@);
CREATE CAST (jsonb AS @T@) WITH FUNCTION jsonb_to_@T@(jsonb, integer, boolean);
CREATE CAST (@T@ AS jsonb) WITH FUNCTION @T@_to_jsonb(@T@);

--@ end
-- bit, a type of PostgreSQL's own

--@ for NAME OPERATOR in hamming <~>, jaccard <%>
CREATE FUNCTION @NAME@_distance(bit, bit) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_bit_@NAME@_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR @OPERATOR@ (
    LEFTARG = bit, RIGHTARG = bit, FUNCTION = @NAME@_distance,
    COMMUTATOR = @OPERATOR@
);

--@ end
