-- ========================================================================================== filters

-- Operator classes for filter columns: the further columns of an hnsw index, whose conditions are tested while the graph
-- is searched. Function 4 tells the access method how a value becomes a filter key.

--@ for KIND in integer, float, numeric, boolean, timestamp, time, uuid, enum, hash, text, inet, array, jsonb
CREATE FUNCTION vecstore_filter_@KIND@(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_filter_@KIND@' LANGUAGE C;

--@ end
-- Types whose values are compared with those of another type.

--@ for FAMILY in integer, float, timestamp
CREATE OPERATOR FAMILY @FAMILY@_filter_ops USING vecstore_hnsw;

--@ end
--@ for T FAMILY in int2 integer, int4 integer, int8 integer, float4 float, float8 float, date timestamp, timestamp timestamp
CREATE OPERATOR CLASS @T@_filter_ops
    DEFAULT FOR TYPE @T@ USING vecstore_hnsw FAMILY @FAMILY@_filter_ops AS
    OPERATOR 1 < (@T@, @T@),
    OPERATOR 2 <= (@T@, @T@),
    OPERATOR 3 = (@T@, @T@),
    OPERATOR 4 >= (@T@, @T@),
    OPERATOR 5 > (@T@, @T@),
    FUNCTION 4 vecstore_filter_@FAMILY@(internal);

--@ end
--@ for L R FAMILY in int2 int4 integer, int2 int8 integer, int4 int2 integer, int4 int8 integer, int8 int2 integer, int8 int4 integer, float4 float8 float, float8 float4 float, date timestamp timestamp, timestamp date timestamp
ALTER OPERATOR FAMILY @FAMILY@_filter_ops USING vecstore_hnsw ADD
    OPERATOR 1 < (@L@, @R@),
    OPERATOR 2 <= (@L@, @R@),
    OPERATOR 3 = (@L@, @R@),
    OPERATOR 4 >= (@L@, @R@),
    OPERATOR 5 > (@L@, @R@);

--@ end
-- Types that stand alone.

--@ for NAME T KIND in timestamptz timestamptz timestamp, time time time, numeric numeric numeric, bool bool boolean, uuid uuid uuid, enum anyenum enum, bpchar bpchar text
CREATE OPERATOR CLASS @NAME@_filter_ops
    DEFAULT FOR TYPE @T@ USING vecstore_hnsw AS
    OPERATOR 1 < (@T@, @T@),
    OPERATOR 2 <= (@T@, @T@),
    OPERATOR 3 = (@T@, @T@),
    OPERATOR 4 >= (@T@, @T@),
    OPERATOR 5 > (@T@, @T@),
    FUNCTION 4 vecstore_filter_@KIND@(internal);

--@ end
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

--@ for NAME T in name name, oid oid, char "char", bytea bytea, macaddr macaddr, timetz timetz, interval interval
CREATE OPERATOR CLASS @NAME@_filter_ops
    DEFAULT FOR TYPE @T@ USING vecstore_hnsw AS
    OPERATOR 3 = (@T@, @T@),
    FUNCTION 4 vecstore_filter_hash(internal);

--@ end
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

