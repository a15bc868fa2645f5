// Distances of PostgreSQL's own bit strings.
#include "core/distance/kernels.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "utils/varbit.h"
}

namespace {

// The first two arguments, which must have the same length. Bits beyond the length are zero in both.
struct BitPair {
    VarBit* a;
    VarBit* b;

    explicit BitPair(FunctionCallInfo fcinfo) : a(PG_GETARG_VARBIT_P(0)), b(PG_GETARG_VARBIT_P(1)) {
        if (likely(VARBITLEN(a) == VARBITLEN(b))) return;
        ereport(ERROR,
                (errcode(ERRCODE_DATA_EXCEPTION),
                 errmsg("different bit lengths %u and %u", static_cast<unsigned>(VARBITLEN(a)),
                        static_cast<unsigned>(VARBITLEN(b))),
                 errhint("Both sides must have the same number of bits: cast to bit(n) where they came "
                         "from binary_quantize.")));
    }

    size_t bytes() const { return VARBITBYTES(a); }
};

}  // namespace

// Number of bits that differ.
VECSTORE_FUNCTION(bit_hamming_distance) {
    const BitPair p(fcinfo);
    PG_RETURN_FLOAT8(vecstore::core::kernels().hamming(VARBITS(p.a), VARBITS(p.b), p.bytes()));
}

// 1 minus the share that the bits set in both have of those set in either; 1 where none is set in both, also
// where none is set at all.
VECSTORE_FUNCTION(bit_jaccard_distance) {
    const BitPair p(fcinfo);
    const vecstore::core::BitOverlap overlap = vecstore::core::kernels().bit_overlap(VARBITS(p.a),
                                                                                     VARBITS(p.b), p.bytes());
    if (overlap.both == 0) PG_RETURN_FLOAT8(1);
    PG_RETURN_FLOAT8(1 - overlap.both / static_cast<double>(overlap.either));
}
