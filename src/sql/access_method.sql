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

--@ for T in halfvec, bit, sparsevec
CREATE FUNCTION hnsw_@T@_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_hnsw_@T@_support' LANGUAGE C;

--@ end
--@ for T in halfvec, sparsevec
CREATE OPERATOR CLASS @T@_l2_ops
    FOR TYPE @T@ USING vecstore_hnsw AS
    OPERATOR 1 <-> (@T@, @T@) FOR ORDER BY float_ops,
    FUNCTION 1 @T@_l2_squared_distance(@T@, @T@),
    FUNCTION 3 hnsw_@T@_support(internal);

CREATE OPERATOR CLASS @T@_ip_ops
    FOR TYPE @T@ USING vecstore_hnsw AS
    OPERATOR 1 <#> (@T@, @T@) FOR ORDER BY float_ops,
    FUNCTION 1 @T@_negative_inner_product(@T@, @T@),
    FUNCTION 3 hnsw_@T@_support(internal);

CREATE OPERATOR CLASS @T@_cosine_ops
    FOR TYPE @T@ USING vecstore_hnsw AS
    OPERATOR 1 <=> (@T@, @T@) FOR ORDER BY float_ops,
    FUNCTION 1 @T@_negative_inner_product(@T@, @T@),
    FUNCTION 2 l2_norm(@T@),
    FUNCTION 3 hnsw_@T@_support(internal);

CREATE OPERATOR CLASS @T@_l1_ops
    FOR TYPE @T@ USING vecstore_hnsw AS
    OPERATOR 1 <+> (@T@, @T@) FOR ORDER BY float_ops,
    FUNCTION 1 l1_distance(@T@, @T@),
    FUNCTION 3 hnsw_@T@_support(internal);

--@ end
--@ for NAME OPERATOR in hamming <~>, jaccard <%>
CREATE OPERATOR CLASS bit_@NAME@_ops
    FOR TYPE bit USING vecstore_hnsw AS
    OPERATOR 1 @OPERATOR@ (bit, bit) FOR ORDER BY float_ops,
    FUNCTION 1 @NAME@_distance(bit, bit),
    FUNCTION 3 hnsw_bit_support(internal);

--@ end
-- Conditions on the distance that a scan is ordered by. The planner makes them from `distance < limit`. Only the scan
-- knows the distance; the condition itself is tested again on every row. (A row without a vector may be one of all rows.)

--@ for T in vector, halfvec, sparsevec, bit
CREATE FUNCTION vecstore_within(@T@, float8) RETURNS bool
    AS 'MODULE_PATHNAME', 'vecstore_within' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE OPERATOR <=| (
    LEFTARG = @T@, RIGHTARG = float8, FUNCTION = vecstore_within
);
CREATE OPERATOR <==| (
    LEFTARG = @T@, RIGHTARG = float8, FUNCTION = vecstore_within
);

--@ end
--@ for T METRIC in vector l2, vector ip, vector cosine, vector l1, halfvec l2, halfvec ip, halfvec cosine, halfvec l1, sparsevec l2, sparsevec ip, sparsevec cosine, sparsevec l1, bit hamming, bit jaccard
ALTER OPERATOR FAMILY @T@_@METRIC@_ops USING vecstore_hnsw ADD
    OPERATOR 2 <=| (@T@, float8), OPERATOR 3 <==| (@T@, float8);

--@ end
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

--@ for T in halfvec, bit
CREATE FUNCTION ivfflat_@T@_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'vecstore_hnsw_@T@_support' LANGUAGE C;

--@ end
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

