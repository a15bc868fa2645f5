-- vecstore 0.2.0: the install script. `make sql` assembled it from the parts in src/sql: change those.
\echo Use "CREATE EXTENSION vecstore" to load this file. \quit

-- The shim, the same extension under the name `vector`, has this script too (see the Makefile). A real pgvector may be in
-- the database, in another schema.
--
-- Everybody who may create objects in the extension's schema can put functions and operators there that fit a call better
-- than pg_catalog's. So everything here that is run or stored names pg_catalog, or fits it exactly: test/t/057_attack.pl.
DO LANGUAGE plpgsql $$ BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname = 'c'
        JOIN pg_catalog.pg_depend d ON d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        WHERE p.prosrc = 'vecstore_vector_in') THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
            MESSAGE = 'extensions "vecstore" and "vector" cannot be in one database where both are vecstore',
            DETAIL = 'The "vector" that is installed on this server is another name of vecstore, not pgvector.',
            HINT = 'To change from one to the other, dump the database, change the CREATE EXTENSION line and restore.';
    END IF;
    IF EXISTS (
        SELECT FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
        WHERE t.typname = 'vector' AND n.nspname = pg_catalog.current_schema()) THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object',
            MESSAGE = pg_catalog.format('schema "%s" has a type "vector" already', pg_catalog.current_schema()),
            HINT = 'If it is pgvector''s, create vecstore in a schema of its own: CREATE SCHEMA vecstore; CREATE EXTENSION vecstore SCHEMA vecstore.';
    END IF;
END $$;

-- ============================================================================================ types

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

-- External storage: numbers hardly compress, and uncompressed values can be fetched in part.
CREATE TYPE vector (
    INPUT = vector_in, OUTPUT = vector_out, TYPMOD_IN = vector_typmod_in,
    RECEIVE = vector_recv, SEND = vector_send,
    STORAGE = external
);

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

-- External storage: numbers hardly compress, and uncompressed values can be fetched in part.
CREATE TYPE sparsevec (
    INPUT = sparsevec_in, OUTPUT = sparsevec_out, TYPMOD_IN = sparsevec_typmod_in,
    RECEIVE = sparsevec_recv, SEND = sparsevec_send,
    STORAGE = external
);

-- distances and functions

-- The cost of a distance depends on the number of dimensions.
CREATE FUNCTION vecstore_distance_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_distance_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l2_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_vector_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION inner_product(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_vector_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION cosine_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_vector_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION l1_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_vector_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION vector_l2_squared_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_vector_l2_squared_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_negative_inner_product(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_vector_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION vector_norm(vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_vector_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l2_normalize(vector) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l2_distance(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION inner_product(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION cosine_distance(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION l1_distance(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION halfvec_l2_squared_distance(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_l2_squared_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_negative_inner_product(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION l2_norm(halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l2_normalize(halfvec) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l2_distance(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION inner_product(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION cosine_distance(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION l1_distance(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION sparsevec_l2_squared_distance(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_l2_squared_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION sparsevec_negative_inner_product(sparsevec, sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_distance_support;

CREATE FUNCTION l2_norm(sparsevec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION l2_normalize(sparsevec) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_spherical_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_vector_spherical_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_dims(vector) RETURNS integer
    AS 'MODULE_PATHNAME', 'vecstore_vector_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION binary_quantize(vector) RETURNS bit
    AS 'MODULE_PATHNAME', 'vecstore_vector_binary_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION subvector(vector, integer, integer) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_add(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_sub(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_sub' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_mul(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_mul' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_concat(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_spherical_distance(halfvec, halfvec) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_spherical_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_dims(halfvec) RETURNS integer
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION binary_quantize(halfvec) RETURNS bit
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_binary_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION subvector(halfvec, integer, integer) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_add(halfvec, halfvec) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_sub(halfvec, halfvec) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_sub' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_mul(halfvec, halfvec) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_mul' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION halfvec_concat(halfvec, halfvec) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- aggregates

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

-- comparisons

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

-- operators

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

-- casts

-- Spares the checks of dimensions that are known to be right.
CREATE FUNCTION vecstore_coerce_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_coerce_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector(vector, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_coerce' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_coerce_support;

CREATE FUNCTION array_to_vector(integer[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_vector(real[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_vector(double precision[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_vector(numeric[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_vector_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (vector AS vector) WITH FUNCTION vector(vector, integer, boolean) AS IMPLICIT;
CREATE CAST (integer[] AS vector) WITH FUNCTION array_to_vector(integer[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (real[] AS vector) WITH FUNCTION array_to_vector(real[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (double precision[] AS vector) WITH FUNCTION array_to_vector(double precision[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (numeric[] AS vector) WITH FUNCTION array_to_vector(numeric[], integer, boolean) AS ASSIGNMENT;

CREATE FUNCTION halfvec(halfvec, integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_coerce' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_coerce_support;

CREATE FUNCTION array_to_halfvec(integer[], integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_halfvec(real[], integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_halfvec(double precision[], integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_halfvec(numeric[], integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (halfvec AS halfvec) WITH FUNCTION halfvec(halfvec, integer, boolean) AS IMPLICIT;
CREATE CAST (integer[] AS halfvec) WITH FUNCTION array_to_halfvec(integer[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (real[] AS halfvec) WITH FUNCTION array_to_halfvec(real[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (double precision[] AS halfvec) WITH FUNCTION array_to_halfvec(double precision[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (numeric[] AS halfvec) WITH FUNCTION array_to_halfvec(numeric[], integer, boolean) AS ASSIGNMENT;

CREATE FUNCTION sparsevec(sparsevec, integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_coerce' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT vecstore_coerce_support;

CREATE FUNCTION array_to_sparsevec(integer[], integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_sparsevec(real[], integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_sparsevec(double precision[], integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION array_to_sparsevec(numeric[], integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (sparsevec AS sparsevec) WITH FUNCTION sparsevec(sparsevec, integer, boolean) AS IMPLICIT;
CREATE CAST (integer[] AS sparsevec) WITH FUNCTION array_to_sparsevec(integer[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (real[] AS sparsevec) WITH FUNCTION array_to_sparsevec(real[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (double precision[] AS sparsevec) WITH FUNCTION array_to_sparsevec(double precision[], integer, boolean) AS ASSIGNMENT;
CREATE CAST (numeric[] AS sparsevec) WITH FUNCTION array_to_sparsevec(numeric[], integer, boolean) AS ASSIGNMENT;

CREATE FUNCTION vector_to_float4(vector, integer, boolean) RETURNS real[]
    AS 'MODULE_PATHNAME', 'vecstore_vector_to_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (vector AS real[]) WITH FUNCTION vector_to_float4(vector, integer, boolean) AS IMPLICIT;

CREATE FUNCTION halfvec_to_float4(halfvec, integer, boolean) RETURNS real[]
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_to_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (halfvec AS real[]) WITH FUNCTION halfvec_to_float4(halfvec, integer, boolean) AS ASSIGNMENT;

CREATE FUNCTION vector_to_halfvec(vector, integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_vector_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (vector AS halfvec) WITH FUNCTION vector_to_halfvec(vector, integer, boolean) AS IMPLICIT;

CREATE FUNCTION halfvec_to_vector(halfvec, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (halfvec AS vector) WITH FUNCTION halfvec_to_vector(halfvec, integer, boolean) AS ASSIGNMENT;

CREATE FUNCTION vector_to_sparsevec(vector, integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_vector_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (vector AS sparsevec) WITH FUNCTION vector_to_sparsevec(vector, integer, boolean) AS IMPLICIT;

CREATE FUNCTION sparsevec_to_vector(sparsevec, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (sparsevec AS vector) WITH FUNCTION sparsevec_to_vector(sparsevec, integer, boolean) AS ASSIGNMENT;

CREATE FUNCTION halfvec_to_sparsevec(halfvec, integer, boolean) RETURNS sparsevec
    AS 'MODULE_PATHNAME', 'vecstore_halfvec_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (halfvec AS sparsevec) WITH FUNCTION halfvec_to_sparsevec(halfvec, integer, boolean) AS IMPLICIT;

CREATE FUNCTION sparsevec_to_halfvec(sparsevec, integer, boolean) RETURNS halfvec
    AS 'MODULE_PATHNAME', 'vecstore_sparsevec_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (sparsevec AS halfvec) WITH FUNCTION sparsevec_to_halfvec(sparsevec, integer, boolean) AS ASSIGNMENT;

-- Casts that pgvector does not have, for vectors that come from other stores; explicit only. bytea: the elements, one after
-- the other, as little-endian float32 (vector) or float16 (halfvec). jsonb: an array of numbers.

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

-- bit, a type of PostgreSQL's own

CREATE FUNCTION hamming_distance(bit, bit) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_bit_hamming_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR <~> (
    LEFTARG = bit, RIGHTARG = bit, FUNCTION = hamming_distance,
    COMMUTATOR = <~>
);

CREATE FUNCTION jaccard_distance(bit, bit) RETURNS double precision
    AS 'MODULE_PATHNAME', 'vecstore_bit_jaccard_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR <%> (
    LEFTARG = bit, RIGHTARG = bit, FUNCTION = jaccard_distance,
    COMMUTATOR = <%>
);

-- =================================================================================== access methods

-- hnsw. The access methods get the names hnsw and ivfflat at the end of this script, unless pgvector has them.

CREATE FUNCTION hnswhandler(internal) RETURNS index_am_handler
    AS 'MODULE_PATHNAME', 'vecstore_hnswhandler' LANGUAGE C;

CREATE ACCESS METHOD vecstore_hnsw TYPE INDEX HANDLER hnswhandler;

COMMENT ON ACCESS METHOD vecstore_hnsw IS 'hnsw index access method';

CREATE OPERATOR CLASS vector_l2_ops
    FOR TYPE vector USING vecstore_hnsw AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_l2_squared_distance(vector, vector);

CREATE OPERATOR CLASS vector_ip_ops
    FOR TYPE vector USING vecstore_hnsw AS
    OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_negative_inner_product(vector, vector);

CREATE OPERATOR CLASS vector_cosine_ops
    FOR TYPE vector USING vecstore_hnsw AS
    OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_negative_inner_product(vector, vector),
    FUNCTION 2 vector_norm(vector);

CREATE OPERATOR CLASS vector_l1_ops
    FOR TYPE vector USING vecstore_hnsw AS
    OPERATOR 1 <+> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 l1_distance(vector, vector);

-- Function 3 tells the access method the type, where it is not vector.

CREATE FUNCTION hnsw_halfvec_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_hnsw_halfvec_support' LANGUAGE C;

CREATE FUNCTION hnsw_bit_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_hnsw_bit_support' LANGUAGE C;

CREATE FUNCTION hnsw_sparsevec_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_hnsw_sparsevec_support' LANGUAGE C;

CREATE OPERATOR CLASS halfvec_l2_ops
    FOR TYPE halfvec USING vecstore_hnsw AS
    OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
    FUNCTION 3 hnsw_halfvec_support(internal);

CREATE OPERATOR CLASS halfvec_ip_ops
    FOR TYPE halfvec USING vecstore_hnsw AS
    OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
    FUNCTION 3 hnsw_halfvec_support(internal);

CREATE OPERATOR CLASS halfvec_cosine_ops
    FOR TYPE halfvec USING vecstore_hnsw AS
    OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
    FUNCTION 2 l2_norm(halfvec),
    FUNCTION 3 hnsw_halfvec_support(internal);

CREATE OPERATOR CLASS halfvec_l1_ops
    FOR TYPE halfvec USING vecstore_hnsw AS
    OPERATOR 1 <+> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 l1_distance(halfvec, halfvec),
    FUNCTION 3 hnsw_halfvec_support(internal);

CREATE OPERATOR CLASS sparsevec_l2_ops
    FOR TYPE sparsevec USING vecstore_hnsw AS
    OPERATOR 1 <-> (sparsevec, sparsevec) FOR ORDER BY float_ops,
    FUNCTION 1 sparsevec_l2_squared_distance(sparsevec, sparsevec),
    FUNCTION 3 hnsw_sparsevec_support(internal);

CREATE OPERATOR CLASS sparsevec_ip_ops
    FOR TYPE sparsevec USING vecstore_hnsw AS
    OPERATOR 1 <#> (sparsevec, sparsevec) FOR ORDER BY float_ops,
    FUNCTION 1 sparsevec_negative_inner_product(sparsevec, sparsevec),
    FUNCTION 3 hnsw_sparsevec_support(internal);

CREATE OPERATOR CLASS sparsevec_cosine_ops
    FOR TYPE sparsevec USING vecstore_hnsw AS
    OPERATOR 1 <=> (sparsevec, sparsevec) FOR ORDER BY float_ops,
    FUNCTION 1 sparsevec_negative_inner_product(sparsevec, sparsevec),
    FUNCTION 2 l2_norm(sparsevec),
    FUNCTION 3 hnsw_sparsevec_support(internal);

CREATE OPERATOR CLASS sparsevec_l1_ops
    FOR TYPE sparsevec USING vecstore_hnsw AS
    OPERATOR 1 <+> (sparsevec, sparsevec) FOR ORDER BY float_ops,
    FUNCTION 1 l1_distance(sparsevec, sparsevec),
    FUNCTION 3 hnsw_sparsevec_support(internal);

CREATE OPERATOR CLASS bit_hamming_ops
    FOR TYPE bit USING vecstore_hnsw AS
    OPERATOR 1 <~> (bit, bit) FOR ORDER BY float_ops,
    FUNCTION 1 hamming_distance(bit, bit),
    FUNCTION 3 hnsw_bit_support(internal);

CREATE OPERATOR CLASS bit_jaccard_ops
    FOR TYPE bit USING vecstore_hnsw AS
    OPERATOR 1 <%> (bit, bit) FOR ORDER BY float_ops,
    FUNCTION 1 jaccard_distance(bit, bit),
    FUNCTION 3 hnsw_bit_support(internal);

-- Conditions on the distance that a scan is ordered by. The planner makes them from `distance < limit`. Only the scan
-- knows the distance; the condition itself is tested again on every row. (A row without a vector may be one of all rows.)

CREATE FUNCTION vecstore_within(vector, float8) RETURNS bool
    AS 'MODULE_PATHNAME', 'vecstore_within' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE OPERATOR <=| (
    LEFTARG = vector, RIGHTARG = float8, FUNCTION = vecstore_within
);
CREATE OPERATOR <==| (
    LEFTARG = vector, RIGHTARG = float8, FUNCTION = vecstore_within
);

CREATE FUNCTION vecstore_within(halfvec, float8) RETURNS bool
    AS 'MODULE_PATHNAME', 'vecstore_within' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE OPERATOR <=| (
    LEFTARG = halfvec, RIGHTARG = float8, FUNCTION = vecstore_within
);
CREATE OPERATOR <==| (
    LEFTARG = halfvec, RIGHTARG = float8, FUNCTION = vecstore_within
);

CREATE FUNCTION vecstore_within(sparsevec, float8) RETURNS bool
    AS 'MODULE_PATHNAME', 'vecstore_within' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE OPERATOR <=| (
    LEFTARG = sparsevec, RIGHTARG = float8, FUNCTION = vecstore_within
);
CREATE OPERATOR <==| (
    LEFTARG = sparsevec, RIGHTARG = float8, FUNCTION = vecstore_within
);

CREATE FUNCTION vecstore_within(bit, float8) RETURNS bool
    AS 'MODULE_PATHNAME', 'vecstore_within' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE OPERATOR <=| (
    LEFTARG = bit, RIGHTARG = float8, FUNCTION = vecstore_within
);
CREATE OPERATOR <==| (
    LEFTARG = bit, RIGHTARG = float8, FUNCTION = vecstore_within
);

ALTER OPERATOR FAMILY vector_l2_ops USING vecstore_hnsw ADD
    OPERATOR 2 <=| (vector, float8), OPERATOR 3 <==| (vector, float8);

ALTER OPERATOR FAMILY vector_ip_ops USING vecstore_hnsw ADD
    OPERATOR 2 <=| (vector, float8), OPERATOR 3 <==| (vector, float8);

ALTER OPERATOR FAMILY vector_cosine_ops USING vecstore_hnsw ADD
    OPERATOR 2 <=| (vector, float8), OPERATOR 3 <==| (vector, float8);

ALTER OPERATOR FAMILY vector_l1_ops USING vecstore_hnsw ADD
    OPERATOR 2 <=| (vector, float8), OPERATOR 3 <==| (vector, float8);

ALTER OPERATOR FAMILY halfvec_l2_ops USING vecstore_hnsw ADD
    OPERATOR 2 <=| (halfvec, float8), OPERATOR 3 <==| (halfvec, float8);

ALTER OPERATOR FAMILY halfvec_ip_ops USING vecstore_hnsw ADD
    OPERATOR 2 <=| (halfvec, float8), OPERATOR 3 <==| (halfvec, float8);

ALTER OPERATOR FAMILY halfvec_cosine_ops USING vecstore_hnsw ADD
    OPERATOR 2 <=| (halfvec, float8), OPERATOR 3 <==| (halfvec, float8);

ALTER OPERATOR FAMILY halfvec_l1_ops USING vecstore_hnsw ADD
    OPERATOR 2 <=| (halfvec, float8), OPERATOR 3 <==| (halfvec, float8);

ALTER OPERATOR FAMILY sparsevec_l2_ops USING vecstore_hnsw ADD
    OPERATOR 2 <=| (sparsevec, float8), OPERATOR 3 <==| (sparsevec, float8);

ALTER OPERATOR FAMILY sparsevec_ip_ops USING vecstore_hnsw ADD
    OPERATOR 2 <=| (sparsevec, float8), OPERATOR 3 <==| (sparsevec, float8);

ALTER OPERATOR FAMILY sparsevec_cosine_ops USING vecstore_hnsw ADD
    OPERATOR 2 <=| (sparsevec, float8), OPERATOR 3 <==| (sparsevec, float8);

ALTER OPERATOR FAMILY sparsevec_l1_ops USING vecstore_hnsw ADD
    OPERATOR 2 <=| (sparsevec, float8), OPERATOR 3 <==| (sparsevec, float8);

ALTER OPERATOR FAMILY bit_hamming_ops USING vecstore_hnsw ADD
    OPERATOR 2 <=| (bit, float8), OPERATOR 3 <==| (bit, float8);

ALTER OPERATOR FAMILY bit_jaccard_ops USING vecstore_hnsw ADD
    OPERATOR 2 <=| (bit, float8), OPERATOR 3 <==| (bit, float8);

-- ivfflat. pgvector finds the centers of its lists with functions 3 and 4. They are not called here, but dumps and tools
-- that compare catalogs should see no difference. Function 5 is function 3 of hnsw.

CREATE FUNCTION ivfflathandler(internal) RETURNS index_am_handler
    AS 'MODULE_PATHNAME', 'vecstore_ivfflathandler' LANGUAGE C;

CREATE ACCESS METHOD vecstore_ivfflat TYPE INDEX HANDLER ivfflathandler;

COMMENT ON ACCESS METHOD vecstore_ivfflat IS 'ivfflat index access method';

CREATE OPERATOR CLASS vector_l2_ops
    DEFAULT FOR TYPE vector USING vecstore_ivfflat AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_l2_squared_distance(vector, vector),
    FUNCTION 3 l2_distance(vector, vector);

CREATE OPERATOR CLASS vector_ip_ops
    FOR TYPE vector USING vecstore_ivfflat AS
    OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_negative_inner_product(vector, vector),
    FUNCTION 3 vector_spherical_distance(vector, vector),
    FUNCTION 4 vector_norm(vector);

CREATE OPERATOR CLASS vector_cosine_ops
    FOR TYPE vector USING vecstore_ivfflat AS
    OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_negative_inner_product(vector, vector),
    FUNCTION 2 vector_norm(vector),
    FUNCTION 3 vector_spherical_distance(vector, vector),
    FUNCTION 4 vector_norm(vector);

CREATE FUNCTION ivfflat_halfvec_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_hnsw_halfvec_support' LANGUAGE C;

CREATE FUNCTION ivfflat_bit_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_hnsw_bit_support' LANGUAGE C;

CREATE OPERATOR CLASS halfvec_l2_ops
    FOR TYPE halfvec USING vecstore_ivfflat AS
    OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
    FUNCTION 3 l2_distance(halfvec, halfvec),
    FUNCTION 5 ivfflat_halfvec_support(internal);

CREATE OPERATOR CLASS halfvec_ip_ops
    FOR TYPE halfvec USING vecstore_ivfflat AS
    OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
    FUNCTION 3 halfvec_spherical_distance(halfvec, halfvec),
    FUNCTION 4 l2_norm(halfvec),
    FUNCTION 5 ivfflat_halfvec_support(internal);

CREATE OPERATOR CLASS halfvec_cosine_ops
    FOR TYPE halfvec USING vecstore_ivfflat AS
    OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
    FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
    FUNCTION 2 l2_norm(halfvec),
    FUNCTION 3 halfvec_spherical_distance(halfvec, halfvec),
    FUNCTION 4 l2_norm(halfvec),
    FUNCTION 5 ivfflat_halfvec_support(internal);

CREATE OPERATOR CLASS bit_hamming_ops
    FOR TYPE bit USING vecstore_ivfflat AS
    OPERATOR 1 <~> (bit, bit) FOR ORDER BY float_ops,
    FUNCTION 1 hamming_distance(bit, bit),
    FUNCTION 3 hamming_distance(bit, bit),
    FUNCTION 5 ivfflat_bit_support(internal);

-- ========================================================================================== filters

-- Operator classes for filter columns: the further columns of an hnsw index, whose conditions are tested while the graph
-- is searched. Function 4 tells the access method how a value becomes a filter key.

CREATE FUNCTION vecstore_filter_integer(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_filter_integer' LANGUAGE C;

CREATE FUNCTION vecstore_filter_float(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_filter_float' LANGUAGE C;

CREATE FUNCTION vecstore_filter_numeric(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_filter_numeric' LANGUAGE C;

CREATE FUNCTION vecstore_filter_boolean(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_filter_boolean' LANGUAGE C;

CREATE FUNCTION vecstore_filter_timestamp(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_filter_timestamp' LANGUAGE C;

CREATE FUNCTION vecstore_filter_time(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_filter_time' LANGUAGE C;

CREATE FUNCTION vecstore_filter_uuid(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_filter_uuid' LANGUAGE C;

CREATE FUNCTION vecstore_filter_enum(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_filter_enum' LANGUAGE C;

CREATE FUNCTION vecstore_filter_hash(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_filter_hash' LANGUAGE C;

CREATE FUNCTION vecstore_filter_text(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_filter_text' LANGUAGE C;

CREATE FUNCTION vecstore_filter_inet(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_filter_inet' LANGUAGE C;

CREATE FUNCTION vecstore_filter_array(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_filter_array' LANGUAGE C;

CREATE FUNCTION vecstore_filter_jsonb(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_filter_jsonb' LANGUAGE C;

-- Types whose values are compared with those of another type.

CREATE OPERATOR FAMILY integer_filter_ops USING vecstore_hnsw;

CREATE OPERATOR FAMILY float_filter_ops USING vecstore_hnsw;

CREATE OPERATOR FAMILY timestamp_filter_ops USING vecstore_hnsw;

CREATE OPERATOR CLASS int2_filter_ops
    DEFAULT FOR TYPE int2 USING vecstore_hnsw FAMILY integer_filter_ops AS
    OPERATOR 1 < (int2, int2),
    OPERATOR 2 <= (int2, int2),
    OPERATOR 3 = (int2, int2),
    OPERATOR 4 >= (int2, int2),
    OPERATOR 5 > (int2, int2),
    FUNCTION 4 vecstore_filter_integer(internal);

CREATE OPERATOR CLASS int4_filter_ops
    DEFAULT FOR TYPE int4 USING vecstore_hnsw FAMILY integer_filter_ops AS
    OPERATOR 1 < (int4, int4),
    OPERATOR 2 <= (int4, int4),
    OPERATOR 3 = (int4, int4),
    OPERATOR 4 >= (int4, int4),
    OPERATOR 5 > (int4, int4),
    FUNCTION 4 vecstore_filter_integer(internal);

CREATE OPERATOR CLASS int8_filter_ops
    DEFAULT FOR TYPE int8 USING vecstore_hnsw FAMILY integer_filter_ops AS
    OPERATOR 1 < (int8, int8),
    OPERATOR 2 <= (int8, int8),
    OPERATOR 3 = (int8, int8),
    OPERATOR 4 >= (int8, int8),
    OPERATOR 5 > (int8, int8),
    FUNCTION 4 vecstore_filter_integer(internal);

CREATE OPERATOR CLASS float4_filter_ops
    DEFAULT FOR TYPE float4 USING vecstore_hnsw FAMILY float_filter_ops AS
    OPERATOR 1 < (float4, float4),
    OPERATOR 2 <= (float4, float4),
    OPERATOR 3 = (float4, float4),
    OPERATOR 4 >= (float4, float4),
    OPERATOR 5 > (float4, float4),
    FUNCTION 4 vecstore_filter_float(internal);

CREATE OPERATOR CLASS float8_filter_ops
    DEFAULT FOR TYPE float8 USING vecstore_hnsw FAMILY float_filter_ops AS
    OPERATOR 1 < (float8, float8),
    OPERATOR 2 <= (float8, float8),
    OPERATOR 3 = (float8, float8),
    OPERATOR 4 >= (float8, float8),
    OPERATOR 5 > (float8, float8),
    FUNCTION 4 vecstore_filter_float(internal);

CREATE OPERATOR CLASS date_filter_ops
    DEFAULT FOR TYPE date USING vecstore_hnsw FAMILY timestamp_filter_ops AS
    OPERATOR 1 < (date, date),
    OPERATOR 2 <= (date, date),
    OPERATOR 3 = (date, date),
    OPERATOR 4 >= (date, date),
    OPERATOR 5 > (date, date),
    FUNCTION 4 vecstore_filter_timestamp(internal);

CREATE OPERATOR CLASS timestamp_filter_ops
    DEFAULT FOR TYPE timestamp USING vecstore_hnsw FAMILY timestamp_filter_ops AS
    OPERATOR 1 < (timestamp, timestamp),
    OPERATOR 2 <= (timestamp, timestamp),
    OPERATOR 3 = (timestamp, timestamp),
    OPERATOR 4 >= (timestamp, timestamp),
    OPERATOR 5 > (timestamp, timestamp),
    FUNCTION 4 vecstore_filter_timestamp(internal);

ALTER OPERATOR FAMILY integer_filter_ops USING vecstore_hnsw ADD
    OPERATOR 1 < (int2, int4),
    OPERATOR 2 <= (int2, int4),
    OPERATOR 3 = (int2, int4),
    OPERATOR 4 >= (int2, int4),
    OPERATOR 5 > (int2, int4);

ALTER OPERATOR FAMILY integer_filter_ops USING vecstore_hnsw ADD
    OPERATOR 1 < (int2, int8),
    OPERATOR 2 <= (int2, int8),
    OPERATOR 3 = (int2, int8),
    OPERATOR 4 >= (int2, int8),
    OPERATOR 5 > (int2, int8);

ALTER OPERATOR FAMILY integer_filter_ops USING vecstore_hnsw ADD
    OPERATOR 1 < (int4, int2),
    OPERATOR 2 <= (int4, int2),
    OPERATOR 3 = (int4, int2),
    OPERATOR 4 >= (int4, int2),
    OPERATOR 5 > (int4, int2);

ALTER OPERATOR FAMILY integer_filter_ops USING vecstore_hnsw ADD
    OPERATOR 1 < (int4, int8),
    OPERATOR 2 <= (int4, int8),
    OPERATOR 3 = (int4, int8),
    OPERATOR 4 >= (int4, int8),
    OPERATOR 5 > (int4, int8);

ALTER OPERATOR FAMILY integer_filter_ops USING vecstore_hnsw ADD
    OPERATOR 1 < (int8, int2),
    OPERATOR 2 <= (int8, int2),
    OPERATOR 3 = (int8, int2),
    OPERATOR 4 >= (int8, int2),
    OPERATOR 5 > (int8, int2);

ALTER OPERATOR FAMILY integer_filter_ops USING vecstore_hnsw ADD
    OPERATOR 1 < (int8, int4),
    OPERATOR 2 <= (int8, int4),
    OPERATOR 3 = (int8, int4),
    OPERATOR 4 >= (int8, int4),
    OPERATOR 5 > (int8, int4);

ALTER OPERATOR FAMILY float_filter_ops USING vecstore_hnsw ADD
    OPERATOR 1 < (float4, float8),
    OPERATOR 2 <= (float4, float8),
    OPERATOR 3 = (float4, float8),
    OPERATOR 4 >= (float4, float8),
    OPERATOR 5 > (float4, float8);

ALTER OPERATOR FAMILY float_filter_ops USING vecstore_hnsw ADD
    OPERATOR 1 < (float8, float4),
    OPERATOR 2 <= (float8, float4),
    OPERATOR 3 = (float8, float4),
    OPERATOR 4 >= (float8, float4),
    OPERATOR 5 > (float8, float4);

ALTER OPERATOR FAMILY timestamp_filter_ops USING vecstore_hnsw ADD
    OPERATOR 1 < (date, timestamp),
    OPERATOR 2 <= (date, timestamp),
    OPERATOR 3 = (date, timestamp),
    OPERATOR 4 >= (date, timestamp),
    OPERATOR 5 > (date, timestamp);

ALTER OPERATOR FAMILY timestamp_filter_ops USING vecstore_hnsw ADD
    OPERATOR 1 < (timestamp, date),
    OPERATOR 2 <= (timestamp, date),
    OPERATOR 3 = (timestamp, date),
    OPERATOR 4 >= (timestamp, date),
    OPERATOR 5 > (timestamp, date);

-- Types that stand alone.

CREATE OPERATOR CLASS timestamptz_filter_ops
    DEFAULT FOR TYPE timestamptz USING vecstore_hnsw AS
    OPERATOR 1 < (timestamptz, timestamptz),
    OPERATOR 2 <= (timestamptz, timestamptz),
    OPERATOR 3 = (timestamptz, timestamptz),
    OPERATOR 4 >= (timestamptz, timestamptz),
    OPERATOR 5 > (timestamptz, timestamptz),
    FUNCTION 4 vecstore_filter_timestamp(internal);

CREATE OPERATOR CLASS time_filter_ops
    DEFAULT FOR TYPE time USING vecstore_hnsw AS
    OPERATOR 1 < (time, time),
    OPERATOR 2 <= (time, time),
    OPERATOR 3 = (time, time),
    OPERATOR 4 >= (time, time),
    OPERATOR 5 > (time, time),
    FUNCTION 4 vecstore_filter_time(internal);

CREATE OPERATOR CLASS numeric_filter_ops
    DEFAULT FOR TYPE numeric USING vecstore_hnsw AS
    OPERATOR 1 < (numeric, numeric),
    OPERATOR 2 <= (numeric, numeric),
    OPERATOR 3 = (numeric, numeric),
    OPERATOR 4 >= (numeric, numeric),
    OPERATOR 5 > (numeric, numeric),
    FUNCTION 4 vecstore_filter_numeric(internal);

CREATE OPERATOR CLASS bool_filter_ops
    DEFAULT FOR TYPE bool USING vecstore_hnsw AS
    OPERATOR 1 < (bool, bool),
    OPERATOR 2 <= (bool, bool),
    OPERATOR 3 = (bool, bool),
    OPERATOR 4 >= (bool, bool),
    OPERATOR 5 > (bool, bool),
    FUNCTION 4 vecstore_filter_boolean(internal);

CREATE OPERATOR CLASS uuid_filter_ops
    DEFAULT FOR TYPE uuid USING vecstore_hnsw AS
    OPERATOR 1 < (uuid, uuid),
    OPERATOR 2 <= (uuid, uuid),
    OPERATOR 3 = (uuid, uuid),
    OPERATOR 4 >= (uuid, uuid),
    OPERATOR 5 > (uuid, uuid),
    FUNCTION 4 vecstore_filter_uuid(internal);

CREATE OPERATOR CLASS enum_filter_ops
    DEFAULT FOR TYPE anyenum USING vecstore_hnsw AS
    OPERATOR 1 < (anyenum, anyenum),
    OPERATOR 2 <= (anyenum, anyenum),
    OPERATOR 3 = (anyenum, anyenum),
    OPERATOR 4 >= (anyenum, anyenum),
    OPERATOR 5 > (anyenum, anyenum),
    FUNCTION 4 vecstore_filter_enum(internal);

CREATE OPERATOR CLASS bpchar_filter_ops
    DEFAULT FOR TYPE bpchar USING vecstore_hnsw AS
    OPERATOR 1 < (bpchar, bpchar),
    OPERATOR 2 <= (bpchar, bpchar),
    OPERATOR 3 = (bpchar, bpchar),
    OPERATOR 4 >= (bpchar, bpchar),
    OPERATOR 5 > (bpchar, bpchar),
    FUNCTION 4 vecstore_filter_text(internal);

CREATE OPERATOR CLASS text_filter_ops
    DEFAULT FOR TYPE text USING vecstore_hnsw AS
    OPERATOR 1 < (text, text),
    OPERATOR 2 <= (text, text),
    OPERATOR 3 = (text, text),
    OPERATOR 4 >= (text, text),
    OPERATOR 5 > (text, text),
    OPERATOR 8 ^@ (text, text),
    FUNCTION 4 vecstore_filter_text(internal);

CREATE OPERATOR CLASS inet_filter_ops
    DEFAULT FOR TYPE inet USING vecstore_hnsw AS
    OPERATOR 1 < (inet, inet),
    OPERATOR 2 <= (inet, inet),
    OPERATOR 3 = (inet, inet),
    OPERATOR 4 >= (inet, inet),
    OPERATOR 5 > (inet, inet),
    OPERATOR 9 << (inet, inet),
    OPERATOR 10 <<= (inet, inet),
    FUNCTION 4 vecstore_filter_inet(internal);

-- The filter keys of these types are in no order: the index tests equality only.

CREATE OPERATOR CLASS name_filter_ops
    DEFAULT FOR TYPE name USING vecstore_hnsw AS
    OPERATOR 3 = (name, name),
    FUNCTION 4 vecstore_filter_hash(internal);

CREATE OPERATOR CLASS oid_filter_ops
    DEFAULT FOR TYPE oid USING vecstore_hnsw AS
    OPERATOR 3 = (oid, oid),
    FUNCTION 4 vecstore_filter_hash(internal);

CREATE OPERATOR CLASS char_filter_ops
    DEFAULT FOR TYPE "char" USING vecstore_hnsw AS
    OPERATOR 3 = ("char", "char"),
    FUNCTION 4 vecstore_filter_hash(internal);

CREATE OPERATOR CLASS bytea_filter_ops
    DEFAULT FOR TYPE bytea USING vecstore_hnsw AS
    OPERATOR 3 = (bytea, bytea),
    FUNCTION 4 vecstore_filter_hash(internal);

CREATE OPERATOR CLASS macaddr_filter_ops
    DEFAULT FOR TYPE macaddr USING vecstore_hnsw AS
    OPERATOR 3 = (macaddr, macaddr),
    FUNCTION 4 vecstore_filter_hash(internal);

CREATE OPERATOR CLASS timetz_filter_ops
    DEFAULT FOR TYPE timetz USING vecstore_hnsw AS
    OPERATOR 3 = (timetz, timetz),
    FUNCTION 4 vecstore_filter_hash(internal);

CREATE OPERATOR CLASS interval_filter_ops
    DEFAULT FOR TYPE interval USING vecstore_hnsw AS
    OPERATOR 3 = (interval, interval),
    FUNCTION 4 vecstore_filter_hash(internal);

-- Sets of values.

CREATE OPERATOR CLASS array_filter_ops
    DEFAULT FOR TYPE anyarray USING vecstore_hnsw AS
    OPERATOR 6 && (anyarray, anyarray),
    OPERATOR 7 @> (anyarray, anyarray),
    FUNCTION 4 vecstore_filter_array(internal);

CREATE OPERATOR CLASS jsonb_filter_ops
    DEFAULT FOR TYPE jsonb USING vecstore_hnsw AS
    OPERATOR 7 @> (jsonb, jsonb),
    FUNCTION 4 vecstore_filter_jsonb(internal);

-- =========================================================================================== import

-- Reading vector files. The functions with a path read files of the server and need the privileges of
-- pg_read_server_files; those with bytea take the file's content as a value.
--
-- id is the file's own id, or the row's position from 0 where the file has none. first and count are positions too,
-- whatever the ids. member: the array of an .npz archive; flatten: arrays of 3 and more dimensions give a row for each
-- first index; skip_not_finite: rows with NaN or infinity are left out.

CREATE FUNCTION vecstore_inspect(
    path text, member text DEFAULT NULL, flatten boolean DEFAULT false,
    OUT format text, OUT element_type text, OUT dims bigint, OUT "rows" bigint, OUT has_ids boolean,
    OUT metric text, OUT lossy boolean, OUT size bigint, OUT warnings text[], OUT details jsonb)
    AS 'MODULE_PATHNAME', 'vecstore_inspect_file' LANGUAGE C VOLATILE PARALLEL SAFE;

CREATE FUNCTION vecstore_read_npy(
    path text, first bigint DEFAULT 0, count bigint DEFAULT NULL, member text DEFAULT NULL,
    flatten boolean DEFAULT false, skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_npy_file' LANGUAGE C VOLATILE PARALLEL SAFE;

CREATE FUNCTION vecstore_read_faiss(
    path text, first bigint DEFAULT 0, count bigint DEFAULT NULL, skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_faiss_file' LANGUAGE C VOLATILE PARALLEL SAFE;

CREATE FUNCTION vecstore_read_hnswlib(
    path text, first bigint DEFAULT 0, count bigint DEFAULT NULL, skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_hnswlib_file' LANGUAGE C VOLATILE PARALLEL SAFE;

-- fvecs, bvecs and ivecs, told apart by the file's extension, or else by its content.
CREATE FUNCTION vecstore_read_fvecs(
    path text, first bigint DEFAULT 0, count bigint DEFAULT NULL, skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_fvecs_file' LANGUAGE C VOLATILE PARALLEL SAFE;

-- Files of bits (binary indexes of FAISS), or of zeros and ones.
CREATE FUNCTION vecstore_read_bits(
    path text, first bigint DEFAULT 0, count bigint DEFAULT NULL)
    RETURNS TABLE (id bigint, embedding bit varying)
    AS 'MODULE_PATHNAME', 'vecstore_read_bits_file' LANGUAGE C VOLATILE PARALLEL SAFE;

CREATE FUNCTION vecstore_inspect(
    data bytea, member text DEFAULT NULL, flatten boolean DEFAULT false,
    OUT format text, OUT element_type text, OUT dims bigint, OUT "rows" bigint, OUT has_ids boolean,
    OUT metric text, OUT lossy boolean, OUT size bigint, OUT warnings text[], OUT details jsonb)
    AS 'MODULE_PATHNAME', 'vecstore_inspect_bytea' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION vecstore_read_npy(
    data bytea, first bigint DEFAULT 0, count bigint DEFAULT NULL, member text DEFAULT NULL,
    flatten boolean DEFAULT false, skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_npy_bytea' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION vecstore_read_faiss(
    data bytea, first bigint DEFAULT 0, count bigint DEFAULT NULL, skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_faiss_bytea' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION vecstore_read_hnswlib(
    data bytea, first bigint DEFAULT 0, count bigint DEFAULT NULL, skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_hnswlib_bytea' LANGUAGE C IMMUTABLE PARALLEL SAFE;

-- fvecs, bvecs and ivecs, told apart by the file's extension, or else by its content.
CREATE FUNCTION vecstore_read_fvecs(
    data bytea, first bigint DEFAULT 0, count bigint DEFAULT NULL, skip_not_finite boolean DEFAULT false)
    RETURNS TABLE (id bigint, embedding vector)
    AS 'MODULE_PATHNAME', 'vecstore_read_fvecs_bytea' LANGUAGE C IMMUTABLE PARALLEL SAFE;

-- Files of bits (binary indexes of FAISS), or of zeros and ones.
CREATE FUNCTION vecstore_read_bits(
    data bytea, first bigint DEFAULT 0, count bigint DEFAULT NULL)
    RETURNS TABLE (id bigint, embedding bit varying)
    AS 'MODULE_PATHNAME', 'vecstore_read_bits_bytea' LANGUAGE C IMMUTABLE PARALLEL SAFE;

-- A hash of a row's content. Imports compare the sum over all rows, which does not depend on their order, with the file's,
-- to verify that the table has the rows of the file.
CREATE FUNCTION vecstore_row_hash(embedding vector, id bigint DEFAULT 0) RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecstore_row_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- The same with more columns of a row, of any types, in the order of the arguments.
CREATE FUNCTION vecstore_row_hash(embedding vector, id bigint, VARIADIC fields "any") RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecstore_row_hash_fields' LANGUAGE C STABLE PARALLEL SAFE;

-- The same with the further columns as a record. Imports call this one: nothing fits a record better.
CREATE FUNCTION vecstore_row_hash_record(embedding vector, id bigint, fields record) RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecstore_row_hash_record' LANGUAGE C STABLE PARALLEL SAFE;

-- Imports. One row for each CALL of vecstore_import that was not a resumption, and one for each batch of rows that
-- it has committed (written in the batch's own transaction). Both survive dump and restore. A role can write any
-- rows as its own, by vecstore_load_begin and the others: an import is resumed by its own role only.

CREATE SEQUENCE vecstore_import_id_seq;

CREATE TABLE vecstore_import_state (
    import_id bigint PRIMARY KEY DEFAULT pg_catalog.nextval('vecstore_import_id_seq'::regclass),
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
    started_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    finished_at timestamptz,
    -- the table and its file, by which one that was made anew or truncated is known; whether the rows were found in it
    relation oid,
    file_node oid,
    verified boolean NOT NULL DEFAULT false
);

CREATE TABLE vecstore_import_batch (
    import_id bigint NOT NULL,
    first_row bigint NOT NULL,
    rows bigint NOT NULL,
    content_sum bigint NOT NULL,
    rows_written bigint NOT NULL,
    written_sum bigint NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    written_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (import_id, first_row)
);

SELECT pg_catalog.pg_extension_config_dump('vecstore_import_id_seq'::regclass, '');
SELECT pg_catalog.pg_extension_config_dump('vecstore_import_state'::regclass, '');
SELECT pg_catalog.pg_extension_config_dump('vecstore_import_batch'::regclass, '');

-- How far imports are: those of the user's own roles. (pg_stat_progress_copy starts anew with each batch.)
-- rows_done counts places in the file; rows_written is less where rows were left out, or were in the table already.
-- The rate is that of the last 20 batches, and so are the seconds that are left.
CREATE VIEW vecstore_import_progress WITH (security_barrier) AS
    SELECT s.import_id, s.target, s.vector_column, s.path, s.format, s.status, s.role,
           coalesce(b.rows, 0) AS rows_done, s.rows_total,
           CASE WHEN s.rows_total > 0 THEN pg_catalog.round(100.0 * coalesce(b.rows, 0)::numeric / s.rows_total::numeric, 1)
                ELSE 100 END AS percent,
           coalesce(b.rows_written, 0) AS rows_written, r.rows_per_second,
           CASE WHEN s.status = 'loading' AND r.rows_per_second > 0::numeric
                THEN pg_catalog.round((s.rows_total::numeric - coalesce(b.rows, 0)::numeric) / r.rows_per_second) END AS seconds_left,
           s.started_at, b.written_at AS last_batch_at, s.finished_at
    FROM vecstore_import_state s
    LEFT JOIN (SELECT import_id, greatest(0, least(pg_catalog.sum(rows), 9223372036854775807))::bigint AS rows,
                      greatest(0, least(pg_catalog.sum(rows_written), 9223372036854775807))::bigint AS rows_written,
                      pg_catalog.max(written_at) AS written_at
               FROM vecstore_import_batch GROUP BY import_id) b USING (import_id)
    LEFT JOIN LATERAL (
        SELECT pg_catalog.round(pg_catalog.sum(l.rows) FILTER (WHERE l.n < l.last)
                   / nullif(extract(epoch FROM pg_catalog.max(l.written_at) - pg_catalog.min(l.written_at)), 0::numeric), 1) AS rows_per_second
        FROM (SELECT rows, written_at, pg_catalog.row_number() OVER (ORDER BY first_row DESC) AS n, pg_catalog.count(*) OVER () AS last
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
--   create_index     makes an hnsw index at the end, where the column has none: with the graph of the file, if that
--                    has one (vecstore_import_graph), for index_opclass or the file's metric
CREATE PROCEDURE vecstore_import(
    target regclass, path text, "column" name DEFAULT NULL, id_column name DEFAULT NULL,
    batch_size integer DEFAULT 10000, format text DEFAULT 'auto', resume boolean DEFAULT false,
    verify boolean DEFAULT true, metadata text DEFAULT NULL, metadata_column name DEFAULT NULL,
    ids text DEFAULT 'auto', on_conflict text DEFAULT 'error', member text DEFAULT NULL, flatten boolean DEFAULT false,
    skip_not_finite boolean DEFAULT false, dry_run boolean DEFAULT false,
    create_index boolean DEFAULT false, index_opclass name DEFAULT NULL)
    AS 'MODULE_PATHNAME', 'vecstore_import' LANGUAGE C;

-- The same by the table's name: with create_table => true it is made where there is none, with a vector column of
-- type vector, halfvec or bit as fits the file, or of vector_type.
CREATE PROCEDURE vecstore_import(
    target text, path text, "column" name DEFAULT NULL, id_column name DEFAULT NULL,
    batch_size integer DEFAULT 10000, format text DEFAULT 'auto', resume boolean DEFAULT false,
    verify boolean DEFAULT true, metadata text DEFAULT NULL, metadata_column name DEFAULT NULL,
    ids text DEFAULT 'auto', on_conflict text DEFAULT 'error', member text DEFAULT NULL, flatten boolean DEFAULT false,
    skip_not_finite boolean DEFAULT false, dry_run boolean DEFAULT false,
    create_index boolean DEFAULT false, index_opclass name DEFAULT NULL,
    create_table boolean DEFAULT false, vector_type text DEFAULT 'auto')
    AS 'MODULE_PATHNAME', 'vecstore_import_by_name' LANGUAGE C;

-- Imports a graph: makes an hnsw index whose graph is the one of an HNSW index file of FAISS or hnswlib. The file's vectors
-- have to be the table's. Where they are not, the index is built, and a notice says why. relation is an index, which is
-- built anew in the place of the old one, or a table, which gets an index: on "column" (which may be left out where there
-- is only one), of the operator class of the file's metric (l2 where it has none) or opclass, with the graph's m. Rows are
-- recognized by id_column (where it is left out: by the primary key, or by their order) and compared with the file's
-- vectors. Needs the privileges of pg_read_server_files, and those of REINDEX or CREATE INDEX.
--
-- vecstore_adopt_graph is its name of 0.1.0, an alias that stays.
CREATE FUNCTION vecstore_import_graph(
    relation regclass, path text, "column" name DEFAULT NULL, id_column name DEFAULT NULL,
    index_name name DEFAULT NULL, opclass name DEFAULT NULL, format text DEFAULT 'auto')
    RETURNS regclass
    AS 'MODULE_PATHNAME', 'vecstore_adopt_graph' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION vecstore_adopt_graph(
    relation regclass, path text, "column" name DEFAULT NULL, id_column name DEFAULT NULL,
    index_name name DEFAULT NULL, opclass name DEFAULT NULL, format text DEFAULT 'auto')
    RETURNS regclass
    AS 'MODULE_PATHNAME', 'vecstore_adopt_graph' LANGUAGE C VOLATILE PARALLEL UNSAFE;

-- =========================================================================================== stores

-- Folders of stores that keep documents beside their vectors: LangChain's FAISS folders (index.faiss and index.pkl)
-- and Chroma's (chroma.sqlite3 and its segments). Pickles are read as plain data, never executed. All need the
-- privileges of pg_read_server_files.

-- The collections of a folder, a row for each.
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

-- Checks an hnsw or ivfflat index: a row for each problem. The table can be read and written meanwhile; vacuum waits.
-- deep: all stored vectors are decoded, and compared with the table's and with the codes made from them.
-- For the table's owner, and roles that may maintain it.
CREATE FUNCTION vecstore_check(index regclass, deep boolean DEFAULT false)
    RETURNS TABLE (block bigint, slot integer, problem text)
    AS 'MODULE_PATHNAME', 'vecstore_check' LANGUAGE C VOLATILE PARALLEL UNSAFE;

-- The layout of an hnsw or ivfflat index, and its contents, which are counted: it reads the whole index.
-- storage: the kind of storage in use ("compact" also where high dimensions left no choice); code_dims: dimensions that
-- neighbors are ranked by; max_neighbors: links that a node has room for; rows: entries, those of deleted rows
-- included until they are vacuumed; nodes: different vectors; upper_nodes: their copies on higher levels.
CREATE FUNCTION vecstore_index_info(
    index regclass,
    OUT metric text, OUT dims integer, OUT m integer, OUT ef_construction integer,
    OUT storage text, OUT vector_format text, OUT code_dims integer, OUT max_neighbors integer,
    OUT nodes_per_page integer, OUT mean_subtracted boolean, OUT levels integer, OUT pages bigint,
    OUT "rows" bigint, OUT nodes bigint, OUT upper_nodes bigint, OUT dead_nodes bigint, OUT free_slots bigint,
    OUT links_per_node double precision, OUT bytes_per_row double precision,
    OUT format_version integer, OUT vacuum_pending boolean, OUT filter_columns integer,
    OUT code_bits integer)
    AS 'MODULE_PATHNAME', 'vecstore_index_info' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

-- ================================================================================ beside pgvector

-- The names of access methods are global. While pgvector is in the database, ours are vecstore_hnsw and
-- vecstore_ivfflat; when it comes they are renamed, and when it goes they get their names back.

CREATE FUNCTION vecstore_follow_names() RETURNS event_trigger
    AS 'MODULE_PATHNAME', 'vecstore_follow_names' LANGUAGE C;

CREATE EVENT TRIGGER vecstore_make_way ON ddl_command_start
    WHEN TAG IN ('CREATE ACCESS METHOD') EXECUTE FUNCTION vecstore_follow_names();

CREATE EVENT TRIGGER vecstore_take_names ON sql_drop
    WHEN TAG IN ('DROP EXTENSION', 'DROP SCHEMA', 'DROP OWNED', 'DROP ACCESS METHOD') EXECUTE FUNCTION vecstore_follow_names();

-- Does the same by hand, where event triggers were switched off. True when a name was changed.
CREATE FUNCTION vecstore_take_names() RETURNS boolean
    AS 'MODULE_PATHNAME', 'vecstore_take_names' LANGUAGE C VOLATILE PARALLEL UNSAFE;

REVOKE ALL ON FUNCTION vecstore_take_names() FROM PUBLIC;

SELECT vecstore_take_names();

-- ======================================================================================== migration

-- Migration of a database from pgvector. The views show what is there of pgvector: its objects, its types beside ours, the
-- columns of those types, its indexes, and the objects that only a person can change. They are empty where pgvector is not
-- in the database.
--
-- The bodies of SQL functions are parsed now, once and for all: neither a search_path nor an object of somebody else can
-- change the functions that they call. Those in PL/pgSQL see nothing but pg_catalog, and are told the extension's schema.

CREATE FUNCTION vecstore_own_schema() RETURNS name LANGUAGE sql STABLE BEGIN ATOMIC
    SELECT n.nspname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE t.oid OPERATOR(pg_catalog.=) 'vector'::regtype;
END;

-- (Where "vector" is the shim, our own type is its member.)
CREATE VIEW vecstore_pgvector_members AS
    SELECT d.classid, d.objid FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_depend d ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
    WHERE e.extname = 'vector' AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend o
        WHERE o.refclassid = d.refclassid AND o.refobjid = e.oid
          AND o.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::regclass AND o.objid OPERATOR(pg_catalog.=) 'vector'::regtype);

CREATE VIEW vecstore_pgvector_types AS
    SELECT t.oid AS type, t.typarray AS array_type, n.nspname AS schema, own.oid AS own_type, own.typname AS name, own_n.nspname AS own_schema
    FROM vecstore_pgvector_members m
    JOIN pg_catalog.pg_type t ON m.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::regclass AND t.oid = m.objid AND t.typtype = 'b'
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    JOIN pg_catalog.pg_type own ON own.typname = t.typname
        AND own.oid OPERATOR(pg_catalog.=) ANY (ARRAY['vector'::regtype, 'halfvec'::regtype, 'sparsevec'::regtype]::oid[])
    JOIN pg_catalog.pg_namespace own_n ON own_n.oid = own.typnamespace;

-- The table at the top of partitions and inheritance.
CREATE FUNCTION vecstore_top_table(relation oid) RETURNS oid LANGUAGE sql STABLE BEGIN ATOMIC
    WITH RECURSIVE up(relid, depth) AS (
        SELECT vecstore_top_table.relation, 0
        UNION ALL
        SELECT i.inhparent, up.depth + 1 FROM up JOIN pg_catalog.pg_inherits i ON i.inhrelid = up.relid AND i.inhseqno = 1)
    SELECT relid FROM up ORDER BY depth DESC LIMIT 1;
END;

-- The files of a table and of its partitions and children.
CREATE FUNCTION vecstore_files(relation oid) RETURNS oid[] LANGUAGE sql STABLE BEGIN ATOMIC
    WITH RECURSIVE down(relid) AS (
        SELECT vecstore_files.relation UNION SELECT i.inhrelid FROM down JOIN pg_catalog.pg_inherits i ON i.inhparent = down.relid)
    SELECT pg_catalog.array_agg(pg_catalog.pg_relation_filenode(relid::regclass) ORDER BY relid) FROM down;
END;

CREATE VIEW vecstore_pgvector_columns AS
    SELECT vecstore_top_table(c.oid) AS top, c.oid AS relation, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
           a.attnum, a.attname, a.attinhcount > 0 AS inherited,
           CASE WHEN a.attstorage <> CASE WHEN a.atttypid = y.type THEN 'e'::"char" ELSE 'x'::"char" END THEN a.attstorage END AS storage,
           pg_catalog.format('%I.%I%s%s', y.own_schema, y.name, CASE WHEN a.atttypmod > 0 THEN pg_catalog.format('(%s)', a.atttypmod) END,
                             CASE WHEN a.atttypid = y.array_type THEN '[]'::text END) AS own_type
    FROM pg_catalog.pg_attribute a JOIN vecstore_pgvector_types y ON a.atttypid IN (y.type, y.array_type)
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'f')
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE a.attnum > 0 AND NOT a.attisdropped
      AND (c.relpersistence <> 't' OR c.relnamespace = pg_catalog.pg_my_temp_schema());

-- Indexes that ALTER TABLE cannot carry over by itself: those of pgvector's access methods, and those whose expression
-- or condition calls functions of pgvector's. online: the new one can be built beforehand, beside the old one, and is
-- kept when the column's type changes: indexes of plain columns without a condition.
CREATE VIEW vecstore_pgvector_indexes AS
    SELECT vecstore_top_table(i.indrelid) AS top, i.indrelid AS relation, i.indexrelid AS index, c.relkind,
           pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, c.relname, n.nspname,
           CASE WHEN m.objid IS NOT NULL THEN pg_catalog.format('vecstore_%s', am.amname) END AS own_method,
           m.objid IS NOT NULL AND c.relkind = 'i' AND i.indkey[0] <> 0 AND i.indpred IS NULL AS online
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am am ON am.oid = c.relam
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN vecstore_pgvector_members m ON m.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_am'::regclass AND m.objid = am.oid
    WHERE (m.objid IS NOT NULL
           OR (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) AND EXISTS (
               SELECT FROM pg_catalog.pg_depend d JOIN vecstore_pgvector_members u ON u.classid = d.refclassid AND u.objid = d.refobjid
               WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid))
      AND (c.relpersistence <> 't' OR c.relnamespace = pg_catalog.pg_my_temp_schema());

-- Objects that are made with pgvector's, or that stand in the way of a column. top: the table whose columns must wait.
CREATE VIEW vecstore_pgvector_obstacles AS
    WITH uses AS (
        SELECT NULL::oid AS top, d.classid, d.objid, d.objsubid FROM pg_catalog.pg_depend d
        JOIN (SELECT classid, objid FROM vecstore_pgvector_members
              UNION SELECT 'pg_catalog.pg_type'::regclass::oid, array_type FROM vecstore_pgvector_types) m
          ON m.classid = d.refclassid AND m.objid = d.refobjid AND d.deptype IN ('n', 'a')
        UNION
        SELECT c.top, d.classid, d.objid, d.objsubid FROM vecstore_pgvector_columns c
        JOIN pg_catalog.pg_depend d ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::regclass AND d.refobjid = c.relation
            AND d.refobjsubid OPERATOR(pg_catalog.=) c.attnum
            AND d.classid OPERATOR(pg_catalog.=) ANY (ARRAY[
                'pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_trigger'::regclass, 'pg_catalog.pg_policy'::regclass,
                'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_publication_rel'::regclass,
                'pg_catalog.pg_constraint'::regclass, 'pg_catalog.pg_statistic_ext'::regclass]::oid[])
        WHERE (d.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_constraint'::regclass OR EXISTS (
                  SELECT FROM pg_catalog.pg_constraint k WHERE k.oid = d.objid AND k.contype IN ('f', 'x')))
          AND (d.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_statistic_ext'::regclass OR EXISTS (
                  SELECT FROM pg_catalog.pg_depend s JOIN vecstore_pgvector_members m ON m.classid = s.refclassid AND m.objid = s.refobjid
                  WHERE s.classid = d.classid AND s.objid = d.objid))
        UNION   -- what several parents have
        SELECT vecstore_top_table(i.inhparent), 'pg_catalog.pg_class'::regclass::oid, a.attrelid, a.attnum
        FROM vecstore_pgvector_columns c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.relation AND a.attnum = c.attnum AND a.attinhcount > 1
        JOIN pg_catalog.pg_inherits i ON i.inhrelid = a.attrelid
        UNION   -- columns generated from one, or generated as one
        SELECT c.top, 'pg_catalog.pg_class'::regclass::oid, g.attrelid, g.attnum FROM vecstore_pgvector_columns c
        JOIN pg_catalog.pg_attribute g ON g.attrelid = c.relation AND g.attgenerated <> ''
        JOIN pg_catalog.pg_attrdef a ON a.adrelid = g.attrelid AND a.adnum = g.attnum
        WHERE g.attnum = c.attnum OR EXISTS (
            SELECT FROM pg_catalog.pg_depend d
            WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::regclass AND d.refobjid = c.relation AND d.refobjsubid OPERATOR(pg_catalog.=) c.attnum
                AND (d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::regclass AND d.objid = a.oid
                     OR d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::regclass AND d.objid = g.attrelid
                        AND d.objsubid OPERATOR(pg_catalog.=) g.attnum)))
    SELECT DISTINCT ON (classid, objid, objsubid, top) u.top,
           pg_catalog.pg_describe_object(CASE WHEN r.oid IS NOT NULL THEN 'pg_catalog.pg_class'::regclass::oid ELSE u.classid END,
                                         coalesce(r.ev_class, u.objid), CASE WHEN r.oid IS NOT NULL THEN 0 ELSE u.objsubid END) AS object
    FROM uses u LEFT JOIN pg_catalog.pg_rewrite r ON u.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::regclass AND r.oid = u.objid
    LEFT JOIN pg_catalog.pg_class c ON u.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::regclass AND c.oid = u.objid
    WHERE NOT EXISTS (SELECT FROM vecstore_pgvector_members m WHERE m.classid = u.classid AND m.objid = u.objid)
      AND (u.top IS NOT NULL OR u.classid OPERATOR(pg_catalog.=) ANY (ARRAY[
               'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_operator'::regclass,
               'pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_trigger'::regclass, 'pg_catalog.pg_statistic_ext'::regclass,
               'pg_catalog.pg_opfamily'::regclass, 'pg_catalog.pg_opclass'::regclass]::oid[])
           OR u.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::regclass AND (SELECT typtype FROM pg_catalog.pg_type WHERE oid = u.objid) <> 'b'
           OR c.relkind IN ('c', 'm'));

GRANT SELECT ON vecstore_pgvector_members, vecstore_pgvector_types, vecstore_pgvector_columns, vecstore_pgvector_indexes,
    vecstore_pgvector_obstacles TO PUBLIC;

-- Until the calling function ends, definitions are written with pgvector's names unqualified, so that they can be read
-- with vecstore's schema first.
CREATE FUNCTION vecstore_write_unqualified() RETURNS text LANGUAGE sql BEGIN ATOMIC
    SELECT pg_catalog.set_config('search_path', pg_catalog.format('pg_catalog, %I, %I, pg_temp', pg_catalog.min(schema), pg_catalog.min(own_schema)), true)
    FROM vecstore_pgvector_types;
END;

-- The statement that makes an index of pgvector's anew, with vecstore's access method. online: beside the old one.
CREATE FUNCTION vecstore_index_statement(old oid, new_name text, online boolean) RETURNS text LANGUAGE sql STABLE BEGIN ATOMIC
    SELECT pg_catalog.format('CREATE INDEX%s %I ON %s%I.%I USING %I (%s %I.%I)%s%s%s',
               CASE WHEN vecstore_index_statement.online THEN ' CONCURRENTLY'::text END, vecstore_index_statement.new_name,
               CASE WHEN c.relkind = 'I' THEN 'ONLY '::text END, n.nspname, t.relname, pg_catalog.format('vecstore_%s', am.amname),
               pg_catalog.format(CASE WHEN i.indkey[0] <> 0 THEN '%s'::text ELSE '(%s)'::text END, pg_catalog.pg_get_indexdef(i.indexrelid, 1, false)),
               (SELECT own_schema FROM vecstore_pgvector_types LIMIT 1), o.opcname,
               (SELECT pg_catalog.format(' WITH (%s)', pg_catalog.string_agg(pg_catalog.format('%I = %L', pg_catalog.split_part(w, '=', 1),
                           pg_catalog.substr(w, pg_catalog.strpos(w, '=') + 1)), ', '))
                FROM pg_catalog.unnest(c.reloptions) w HAVING pg_catalog.count(*) > 0),
               (SELECT pg_catalog.format(' TABLESPACE %I', spcname) FROM pg_catalog.pg_tablespace WHERE oid = c.reltablespace),
               CASE WHEN i.indpred IS NOT NULL THEN pg_catalog.format(' WHERE %s', pg_catalog.pg_get_expr(i.indpred, i.indrelid)) END)
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am am ON am.oid = c.relam
    JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[0]
    JOIN pg_catalog.pg_class t ON t.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
    WHERE i.indexrelid = vecstore_index_statement.old;
END;

-- The steps that move a table (NULL: each table), in order. Definitions are taken down before anything is changed.
-- by_caller: nothing in it is of the table's owner but names, and the owner may lack what it needs (CREATE on the
-- schema or the tablespace). All others are run as the owner.
CREATE FUNCTION vecstore_migration_steps(target regclass)
RETURNS TABLE (top oid, phase integer, relation oid, object text, action text, command text, by_caller boolean)
LANGUAGE sql SET search_path = pg_catalog, pg_temp BEGIN ATOMIC
    SELECT vecstore_write_unqualified();
    WITH tops AS (
        SELECT t.top FROM (SELECT top FROM vecstore_pgvector_columns UNION SELECT top FROM vecstore_pgvector_indexes) t
        WHERE t.top NOT IN (SELECT o.top FROM vecstore_pgvector_obstacles o WHERE o.top IS NOT NULL)
          AND (vecstore_migration_steps.target IS NULL OR t.top OPERATOR(pg_catalog.=) vecstore_migration_steps.target)),
    columns AS (SELECT c.* FROM vecstore_pgvector_columns c JOIN tops USING (top)),
    indexes AS (
        SELECT i.*, c.relispartition, h.inhparent, x.indkey[0] <> 0 AND x.indpred IS NULL AS is_plain,
               CASE WHEN b.oid IS NOT NULL THEN pg_catalog.format('%I.%I', n.nspname, b.relname) END AS built, v.indisvalid AS is_built, i.relname AS old_name
        FROM vecstore_pgvector_indexes i JOIN tops USING (top) JOIN pg_catalog.pg_class c ON c.oid = i.index
        JOIN pg_catalog.pg_index x ON x.indexrelid = i.index
        LEFT JOIN pg_catalog.pg_inherits h ON h.inhrelid = i.index
        LEFT JOIN (pg_catalog.pg_class b JOIN pg_catalog.pg_index v ON v.indexrelid = b.oid JOIN pg_catalog.pg_namespace n ON n.oid = b.relnamespace)
            ON v.indrelid = i.relation AND b.relname = pg_catalog.format('vecstore_for_%s', i.index) AND i.online),
    defaults AS (
        SELECT vecstore_top_table(c.oid) AS top, c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, a.attname,
               pg_catalog.pg_get_expr(f.adbin, f.adrelid) AS expression
        FROM pg_catalog.pg_attrdef f JOIN pg_catalog.pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum AND a.attgenerated = ''
        JOIN pg_catalog.pg_class c ON c.oid = f.adrelid AND c.relkind IN ('r', 'p', 'f') JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN vecstore_pgvector_members m ON m.classid = d.refclassid AND m.objid = d.refobjid
                      WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::regclass AND d.objid = f.oid)),
    constraints AS (
        SELECT vecstore_top_table(k.conrelid) AS top, k.conrelid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, k.conname,
               pg_catalog.pg_get_constraintdef(k.oid) AS definition, pg_catalog.obj_description(k.oid, 'pg_constraint') AS comment
        FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE k.contype = 'c' AND k.coninhcount = 0 AND EXISTS (
            SELECT FROM pg_catalog.pg_depend d JOIN vecstore_pgvector_members m ON m.classid = d.refclassid AND m.objid = d.refobjid
            WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_constraint'::regclass AND d.objid = k.oid))
    SELECT top, 1, relation, name, 'index dropped', pg_catalog.format('DROP INDEX %s', name), false FROM indexes WHERE NOT relispartition
    UNION ALL
    SELECT top, 1, relation, built, 'unfinished index dropped', pg_catalog.format('DROP INDEX %s', built), false FROM indexes WHERE NOT is_built
    UNION ALL
    SELECT top, 2, conrelid, name, 'constraint dropped', pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', name, conname), false
    FROM constraints JOIN tops USING (top)
    UNION ALL
    SELECT top, 3, oid, name, 'default dropped', pg_catalog.format('ALTER TABLE ONLY %s ALTER COLUMN %I DROP DEFAULT', name, attname), false
    FROM defaults JOIN tops USING (top)
    UNION ALL
    SELECT top, 4, relation, name, 'type changed', pg_catalog.format('ALTER TABLE %s %s', name,
               pg_catalog.string_agg(pg_catalog.format('ALTER COLUMN %I TYPE %s', attname, own_type), ', ' ORDER BY attnum)), false
    FROM columns WHERE NOT inherited GROUP BY top, relation, name
    UNION ALL
    SELECT top, 5, relation, name, 'storage kept', pg_catalog.format('ALTER TABLE ONLY %s ALTER COLUMN %I SET STORAGE %s', name, attname,
           CASE storage WHEN 'p' THEN 'PLAIN'::text WHEN 'm' THEN 'MAIN'::text WHEN 'x' THEN 'EXTENDED'::text ELSE 'EXTERNAL'::text END), false
    FROM columns WHERE storage IS NOT NULL
    UNION ALL
    SELECT top, 6, oid, name, 'default set', pg_catalog.format('ALTER TABLE ONLY %s ALTER COLUMN %I SET DEFAULT %s', name, attname, expression), false
    FROM defaults JOIN tops USING (top)
    UNION ALL
    SELECT top, 7, conrelid, name, 'constraint added', pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', name, conname, definition), false
    FROM constraints JOIN tops USING (top)
    UNION ALL
    SELECT top, 8, conrelid, name, 'comment set', pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', conname, name, comment), false
    FROM constraints JOIN tops USING (top) WHERE comment IS NOT NULL
    UNION ALL   -- those of partitioned tables first
    SELECT top, CASE WHEN relkind = 'I' THEN 9 ELSE 10 END, index, name, CASE WHEN is_built THEN 'index built before'::text ELSE 'index built'::text END,
           CASE WHEN is_built THEN pg_catalog.format('ALTER INDEX %s RENAME TO %I', built, old_name)
                WHEN own_method IS NOT NULL THEN vecstore_index_statement(index, old_name::text, false)
                ELSE pg_catalog.pg_get_indexdef(index) END,
           coalesce(is_built, false) OR own_method IS NOT NULL AND is_plain
    FROM indexes
    UNION ALL
    SELECT i.top, 11, i.index, i.name, 'index moved', pg_catalog.format('ALTER INDEX %s SET TABLESPACE %I', i.name, s.spcname), true
    FROM indexes i JOIN pg_catalog.pg_class c ON c.oid = i.index JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace
    WHERE i.own_method IS NULL AND i.relkind = 'i'
    UNION ALL
    SELECT i.top, 12, i.index, i.name, 'index attached', pg_catalog.format('ALTER INDEX %s ATTACH PARTITION %s', p.name, i.name), true
    FROM indexes i JOIN indexes p ON p.index = i.inhparent
    UNION ALL
    SELECT top, 13, index, name, 'comment set', pg_catalog.format('COMMENT ON INDEX %s IS %L', name, pg_catalog.obj_description(index, 'pg_class')), true
    FROM indexes WHERE pg_catalog.obj_description(index, 'pg_class') IS NOT NULL;
END;

-- The objects that only a person can change, for a table or for all of them.
CREATE FUNCTION vecstore_migration_obstacles(target regclass) RETURNS TABLE (object text, command text)
LANGUAGE sql SET search_path = pg_catalog, pg_temp BEGIN ATOMIC
    SELECT vecstore_write_unqualified();
    SELECT o.object, CASE WHEN o.top IS NULL THEN 'make it again with vecstore''s types and functions'::text
               ELSE pg_catalog.format('stands in the way of %s: drop it, and make it again afterwards', o.top::regclass) END
    FROM vecstore_pgvector_obstacles o
    WHERE (vecstore_migration_obstacles.target IS NULL OR o.top OPERATOR(pg_catalog.=) vecstore_migration_obstacles.target)
      AND (o.top IS NOT NULL OR NOT EXISTS (SELECT FROM vecstore_pgvector_obstacles p WHERE p.object = o.object AND p.top IS NOT NULL))
    ORDER BY 2, 1;
END;

-- Casts by which a column of pgvector's type is one of ours as it is: the types lie on disk in the same way.
CREATE FUNCTION vecstore_migration_casts() RETURNS TABLE (command text, undo text, is_there boolean) LANGUAGE sql STABLE BEGIN ATOMIC
    SELECT pg_catalog.format('CREATE CAST (%s) WITHOUT FUNCTION AS IMPLICIT', pair), pg_catalog.format('DROP CAST (%s)', pair),
           EXISTS (SELECT FROM pg_catalog.pg_cast WHERE castsource = type AND casttarget = own_type)
    FROM (SELECT type, own_type, pg_catalog.format('%I.%I AS %I.%I', schema, name, own_schema, name) AS pair FROM vecstore_pgvector_types) t;
END;

-- Raises where there is no pgvector, or where only a part of partitions or of an inheritance tree was asked for.
CREATE FUNCTION vecstore_migration_refuse(has_pgvector boolean, target regclass, top regclass) RETURNS void LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT has_pgvector THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = 'pgvector is not in this database',
            HINT = 'Call this in the database whose tables are to be moved, beside its extension "vector".';
    END IF;
    IF top <> target THEN
        RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('%s is a partition or child of %s', target, top),
            HINT = format('Both go together: SELECT * FROM vecstore_migrate_from_pgvector(%L).', top);
    END IF;
END $$;

-- Statements, to be run one by one outside of a transaction (\gexec), that build new indexes beside pgvector's while the
-- tables are in use. vecstore_migrate_from_pgvector then only puts them in the place of the old ones. Nothing in them is
-- the tables' owners' but names.
CREATE FUNCTION vecstore_migrate_online(target regclass DEFAULT NULL) RETURNS TABLE (command text) LANGUAGE sql BEGIN ATOMIC
    SELECT vecstore_migration_refuse(EXISTS (SELECT FROM vecstore_pgvector_types), vecstore_migrate_online.target,
                                     vecstore_top_table(vecstore_migrate_online.target::oid)::regclass);
    SELECT s.command FROM (
        SELECT 1 AS phase, c.command, NULL::text AS name FROM vecstore_migration_casts() c WHERE NOT c.is_there
        UNION ALL
        SELECT 2, pg_catalog.format('DROP INDEX CONCURRENTLY %I.%I', i.nspname, b.relname), i.name FROM vecstore_pgvector_indexes i
        JOIN pg_catalog.pg_class b ON b.relname = pg_catalog.format('vecstore_for_%s', i.index)
        JOIN pg_catalog.pg_index v ON v.indexrelid = b.oid AND v.indrelid = i.relation AND NOT v.indisvalid
        WHERE vecstore_migrate_online.target IS NULL OR i.top OPERATOR(pg_catalog.=) vecstore_migrate_online.target
        UNION ALL
        SELECT 3, vecstore_index_statement(i.index, pg_catalog.format('vecstore_for_%s', i.index), true), i.name FROM vecstore_pgvector_indexes i
        WHERE i.online AND (vecstore_migrate_online.target IS NULL OR i.top OPERATOR(pg_catalog.=) vecstore_migrate_online.target) AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_class b JOIN pg_catalog.pg_index v ON v.indexrelid = b.oid AND v.indrelid = i.relation AND v.indisvalid
            WHERE b.relname = pg_catalog.format('vecstore_for_%s', i.index))) s
    ORDER BY s.phase, s.name;
END;

-- Runs a statement with the rights of a table's owner and no others, as REINDEX and autovacuum run the functions of indexes:
-- the statement cannot change the session, nor become another role. For those who may become the owner.
CREATE FUNCTION vecstore_run_as_owner(relation regclass, command text, search_path text) RETURNS void
    AS 'MODULE_PATHNAME', 'vecstore_run_as_owner' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

-- vecstore_migrate_from_pgvector, which tells it the schemas of the two.
CREATE FUNCTION vecstore_migrate(own name, theirs name, target regclass, dry_run boolean)
RETURNS TABLE (object text, action text, command text, "rows" bigint, seconds double precision) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET default_tablespace = '' AS $$
DECLARE
    as_owner constant text := format('SELECT %I.vecstore_run_as_owner($1, $2, $3)', own);
    owners_path constant text := format('%I, %I, pg_temp', own, theirs);
    files_of constant text := format('SELECT %I.vecstore_files($1)', own);
    is_left constant text := format('SELECT EXISTS (SELECT FROM %1$I.vecstore_pgvector_columns) OR EXISTS (SELECT FROM %1$I.vecstore_pgvector_obstacles)', own);
    steps jsonb;
    needs jsonb;
    step record;
    began timestamptz;
    files_before oid[];
    files_now oid[];
    some_left boolean;
BEGIN
    IF NOT dry_run THEN
        FOR step IN EXECUTE format('SELECT DISTINCT s.top::regclass AS top FROM %I.vecstore_migration_steps($1) s JOIN pg_class c ON c.oid = s.top AND c.relkind <> ''f''
                                    ORDER BY 1', own) USING target LOOP
            EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', step.top);
        END LOOP;
    END IF;
    EXECUTE format('SELECT jsonb_agg(s ORDER BY s.top, s.phase, s.object COLLATE "C", s.command) FROM %I.vecstore_migration_steps($1) s', own) INTO steps USING target;
    -- what only a person can change
    RETURN QUERY EXECUTE format('SELECT o.object, ''needs you'', o.command, NULL::bigint, NULL::float8 FROM %I.vecstore_migration_obstacles($1) o', own) USING target;
    -- Commands on an owner's objects are run as the owner, who has to have the rights that it needs.
    WITH RECURSIVE s AS (
        SELECT r.*, c.relowner AS owner FROM jsonb_to_recordset(steps) r(top oid, phase integer, by_caller boolean) JOIN pg_class c ON c.oid = r.top),
    tree AS (
        SELECT DISTINCT s.top AS relid, s.owner FROM s UNION SELECT i.inhrelid, tree.owner FROM tree JOIN pg_inherits i ON i.inhparent = tree.relid),
    needed AS (
        SELECT DISTINCT s.owner, n.nspname, need FROM s JOIN pg_class c ON c.oid = s.top
        CROSS JOIN LATERAL (VALUES (own, 'USAGE', NOT s.by_caller),
            ((SELECT nspname FROM pg_namespace WHERE oid = c.relnamespace), 'USAGE', NOT s.by_caller),
            ((SELECT nspname FROM pg_namespace WHERE oid = c.relnamespace), 'CREATE', s.phase IN (9, 10) AND NOT s.by_caller)) n(nspname, need, is_needed)
        WHERE n.is_needed)
    SELECT jsonb_agg(jsonb_build_object('object', a.object, 'command', a.command) ORDER BY a.object COLLATE "C", a.command COLLATE "C") INTO needs FROM (
        SELECT format('role %I', pg_get_userbyid(n.owner)) AS object, format('GRANT %s ON SCHEMA %I TO %I', n.need, n.nspname, pg_get_userbyid(n.owner)) AS command
        FROM needed n WHERE NOT has_schema_privilege(n.owner, n.nspname::text, n.need)
        UNION ALL
        SELECT format('table %s', t.relid::regclass), format('ALTER TABLE %s OWNER TO %I', t.relid::regclass, pg_get_userbyid(t.owner))
        FROM tree t JOIN pg_class c ON c.oid = t.relid WHERE c.relowner <> t.owner) a;
    IF needs IS NOT NULL AND NOT dry_run THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'owners of the tables lack privileges that the move needs',
            DETAIL = 'What is in a table''s definition is run with the rights of its owner.',
            HINT = (SELECT string_agg(n ->> 'command', '; ' ORDER BY nr) FROM jsonb_array_elements(needs) WITH ORDINALITY AS e(n, nr));
    END IF;
    RETURN QUERY SELECT n ->> 'object', 'needs you', n ->> 'command', NULL::bigint, NULL::float8 FROM jsonb_array_elements(needs) n;
    IF NOT dry_run AND steps IS NOT NULL THEN
        FOR step IN EXECUTE format('SELECT c.command FROM %I.vecstore_migration_casts() c WHERE NOT c.is_there', own) LOOP
            EXECUTE step.command;
        END LOOP;
    END IF;
    FOR step IN SELECT s.* FROM jsonb_to_recordset(steps)
                AS s(top oid, phase integer, relation oid, object text, action text, command text, by_caller boolean) LOOP
        object := step.object; action := step.action; command := step.command; "rows" := NULL; seconds := NULL;
        IF NOT dry_run THEN
            began := clock_timestamp();
            EXECUTE files_of INTO files_before USING step.relation;
            IF step.by_caller THEN EXECUTE step.command;
            ELSE EXECUTE as_owner USING step.top::regclass, step.command, owners_path;
            END IF;
            seconds := extract(epoch FROM clock_timestamp() - began);
            EXECUTE files_of INTO files_now USING step.relation;
            IF step.phase = 4 AND files_now <> files_before THEN action := 'type changed, table rewritten'; END IF;
        END IF;
        IF step.phase = 4 OR step.action = 'index built' THEN
            EXECUTE format('SELECT sum(nullif(reltuples, -1)) FROM pg_class
                            WHERE oid = CASE WHEN $1 <> 4 THEN to_regclass($2) END
                               OR $1 = 4 AND %I.vecstore_top_table(oid) = $3 AND relkind = ''r''', own) INTO "rows" USING step.phase, step.object, step.top;
        END IF;
        RETURN NEXT;
    END LOOP;
    -- the end of it
    IF dry_run THEN RETURN; END IF;
    EXECUTE is_left INTO some_left;
    IF NOT some_left THEN
        FOR step IN EXECUTE format('SELECT c.undo FROM %I.vecstore_migration_casts() c WHERE c.is_there', own) LOOP
            EXECUTE step.undo;
        END LOOP;
        RETURN QUERY SELECT 'extension vector', 'no longer used',
            format('DROP EXTENSION vector; ALTER EXTENSION vecstore SET SCHEMA %I', theirs), NULL::bigint, NULL::float8;
    END IF;
END $$;

-- Moves the columns and indexes of a table, with its partitions and children, or of all tables (NULL) from pgvector to
-- vecstore, in the transaction of the caller: all of it or nothing. One row for each step, with about how many rows the
-- table or index has; and one for each thing that only a person can change ("needs you"). A table that has such a
-- thing on its columns stays as it is. dry_run: the steps are listed, and nothing is done.
--
-- Tables are locked meanwhile, but not rewritten: a column's values stay as they are. Indexes are built under the lock
-- unless vecstore_migrate_online did so before.
CREATE FUNCTION vecstore_migrate_from_pgvector(target regclass DEFAULT NULL, dry_run boolean DEFAULT false)
RETURNS TABLE (object text, action text, command text, "rows" bigint, seconds double precision) LANGUAGE sql BEGIN ATOMIC
    SELECT vecstore_migration_refuse(EXISTS (SELECT FROM vecstore_pgvector_types), vecstore_migrate_from_pgvector.target,
                                     vecstore_top_table(vecstore_migrate_from_pgvector.target::oid)::regclass);
    SELECT m.object, m.action, m.command, m."rows", m.seconds FROM vecstore_migrate(
        vecstore_own_schema(), (SELECT pg_catalog.min(schema)::name FROM vecstore_pgvector_types), vecstore_migrate_from_pgvector.target,
        vecstore_migrate_from_pgvector.dry_run) m;
END;
