// The kernels with Google Highway: written once, compiled once per instruction set.
//
// foreach_target.h includes this very file again for every target, each time with other values of HWY_TARGET
// and HWY_NAMESPACE; the part after HWY_ONCE is compiled only in the last round. The *-inl.hpp headers take
// part in this: their include guards are toggled, so that each round sees them anew.
#include <vector>

#include "core/distance/tables.hpp"

// SSSE3 would be for CPUs of 2006; SVE has no code here yet (its vectors have no fixed length), NEON serves.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/distance/kernels_simd.cpp"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"

// The last-resort targets without vectors: the plain C++ table does that work. Defined anew in each round.
#undef VECSTORE_HAVE_VECTORS
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
#define VECSTORE_HAVE_VECTORS 0
#else
#define VECSTORE_HAVE_VECTORS 1
#endif

#if VECSTORE_HAVE_VECTORS
#include "core/distance/codes-inl.hpp"
#include "core/distance/filter_keys-inl.hpp"
#include "core/distance/floats-inl.hpp"
#include "core/distance/levels-inl.hpp"
#include "core/distance/rotation-inl.hpp"
#include "core/distance/sparse-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace vecstore::core {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_SSE4
constexpr const char* kName = "sse4";
#elif HWY_TARGET == HWY_AVX2
constexpr const char* kName = "avx2";
#elif HWY_TARGET == HWY_AVX3
constexpr const char* kName = "avx512";
#elif HWY_TARGET == HWY_NEON
constexpr const char* kName = "neon";
#else
constexpr const char* kName = "simd";
#endif

// Static data and no code: safe to touch before the CPU is known to have the instructions.
constexpr Kernels kTable = {kName, VECSTORE_KERNELS};

}  // namespace HWY_NAMESPACE
}  // namespace vecstore::core
HWY_AFTER_NAMESPACE();
#endif  // VECSTORE_HAVE_VECTORS

#if HWY_ONCE
namespace vecstore::core {

void append_simd_kernels(std::vector<const Kernels*>& tables) {
    const int64_t supported = hwy::SupportedTargets();
    (void)supported;
    (void)tables;
#if HWY_TARGETS & HWY_SSE4
    if (supported & HWY_SSE4) tables.push_back(&N_SSE4::kTable);
#endif
#if HWY_TARGETS & HWY_AVX2
    if (supported & HWY_AVX2) tables.push_back(&N_AVX2::kTable);
#endif
#if HWY_TARGETS & HWY_AVX3
    if (supported & HWY_AVX3) tables.push_back(&N_AVX3::kTable);
#endif
#if HWY_TARGETS & HWY_NEON
    if (supported & HWY_NEON) tables.push_back(&N_NEON::kTable);
#endif
}

}  // namespace vecstore::core
#endif  // HWY_ONCE
