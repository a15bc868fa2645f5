#include "am/column_type.hpp"

#include "am/access_method.hpp"
#include "core/distance/kernels.hpp"
#include "types/halfvec.hpp"
#include "types/sparsevec.hpp"
#include "types/vector.hpp"

extern "C" {
#include "utils/varbit.h"
}

namespace vecstore::am {

namespace {

ColumnValue read_vector(Datum datum) {
    const types::Vector* const value = types::datum_get_vector(datum);
    return {value->data(), static_cast<uint32_t>(value->dims())};
}

// Every half precision number is a float: the index works with those.
ColumnValue read_halfvec(Datum datum) {
    const types::HalfVector* const value = types::datum_get_dense<types::HalfFormat>(datum);
    const auto dims = static_cast<size_t>(value->dims());
    auto* const floats = static_cast<float*>(palloc(dims * sizeof(float)));
    core::kernels().f16_to_f32(value->data(), floats, dims);
    return {floats, static_cast<uint32_t>(dims)};
}

ColumnValue read_bit(Datum datum) {
    const VarBit* const value = DatumGetVarBitP(datum);
    return {core::RawVector::of_bits(VARBITS(value)), static_cast<uint32_t>(VARBITLEN(value))};
}

ColumnValue read_sparsevec(Datum datum) {
    const types::SparseVector* const value = types::datum_get_sparse(datum);
    return {
        core::RawVector::of_sparse(value->indices, value->values(), static_cast<uint32_t>(value->count())),
        static_cast<uint32_t>(value->dims())};
}

constexpr ColumnType vector_type{core::VectorKind::vector, "vector", types::VectorFormat::max_dims,
                                 read_vector};
constexpr ColumnType halfvec_type{core::VectorKind::halfvec, "halfvec", types::HalfFormat::max_dims,
                                  read_halfvec};
constexpr ColumnType bit_type{core::VectorKind::bit, "bit", 64000, read_bit};
constexpr ColumnType sparsevec_type{core::VectorKind::sparsevec, "sparsevec", types::SparseVector::max_dims,
                                    read_sparsevec};

}  // namespace

const ColumnType& column_type(core::VectorKind kind) {
    switch (kind) {
        case core::VectorKind::vector: break;
        case core::VectorKind::halfvec: return halfvec_type;
        case core::VectorKind::bit: return bit_type;
        case core::VectorKind::sparsevec: return sparsevec_type;
    }
    return vector_type;
}

const ColumnType& column_type(Relation index) {
    // Operator classes for vector have no such function, here as in pgvector.
    const auto proc = static_cast<uint16>(method_of(index).type_proc);
    if (!OidIsValid(index_getprocid(index, 1, proc))) return vector_type;
    FmgrInfo* const function = index_getprocinfo(index, 1, proc);
    return *reinterpret_cast<const ColumnType*>(
        DatumGetPointer(FunctionCall1(function, PointerGetDatum(nullptr))));
}

void check_dims(uint32_t expected, uint32_t found) {
    if (expected != found)
        throw core::Error(core::ErrorCode::data_exception, "expected " + std::to_string(expected) +
                                                               " dimensions, not " + std::to_string(found));
}

}  // namespace vecstore::am

using namespace vecstore;

// Support functions of the operator classes, hnsw's and ivfflat's. SQL cannot call them: their argument is
// internal.
VECSTORE_FUNCTION(hnsw_halfvec_support) { PG_RETURN_POINTER(&am::column_type(core::VectorKind::halfvec)); }
VECSTORE_FUNCTION(hnsw_bit_support) { PG_RETURN_POINTER(&am::column_type(core::VectorKind::bit)); }
VECSTORE_FUNCTION(hnsw_sparsevec_support) {
    PG_RETURN_POINTER(&am::column_type(core::VectorKind::sparsevec));
}
