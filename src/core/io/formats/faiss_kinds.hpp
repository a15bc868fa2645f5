// The kinds of FAISS index files, by the four characters that they begin with.
#pragma once

#include "core/io/source/byte_source.hpp"

#include <string>

namespace vecstore::core::io {

enum class FaissKind {
    unknown,
    flat,
    id_map,
    hnsw,
    hnsw_cagra,   // fields of its own before the graph
    hnsw_cagra2,  // and one more
    ivf_flat,
    ivf_scalar,
    ivf_scalar_old,  // does not say whether codes are of residuals: they are
    ivf_product,
    product,
    product_old,  // without the last three fields
    scalar,
    two_level,
    product_centers,  // the quantizer of a two-level index
    pre_transform,
    refine,
    binary_flat,
    binary_id_map,
    binary_hnsw,
    binary_hnsw_cagra,
    binary_ivf,
    missing,     // "null"
    not_read,    // holds vectors that cannot be read here
    no_vectors,  // does not hold vectors
};

struct FaissCode {
    const char* code;
    FaissKind kind;
    const char* description;
};

// The entry of a code, or one of kind `unknown`.
const FaissCode& faiss_code(const std::string& code);

// A kind that cannot be read: the error says what it is and what to do.
[[noreturn]] void refuse_faiss_kind(const Cursor& cursor, const std::string& code);

}  // namespace vecstore::core::io
