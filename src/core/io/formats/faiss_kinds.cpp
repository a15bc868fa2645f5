#include "core/io/formats/faiss_kinds.hpp"

namespace vecstore::core::io {

namespace {

const FaissCode codes[] = {
    {"IxF2", FaissKind::flat, "a flat index"},
    {"IxFI", FaissKind::flat, "a flat index"},
    {"IxFl", FaissKind::flat, "a flat index"},
    {"IxMp", FaissKind::id_map, "an id map"},
    {"IxM2", FaissKind::id_map, "an id map"},
    {"IHNf", FaissKind::hnsw, "an HNSW index with flat storage"},
    {"IHNs", FaissKind::hnsw, "an HNSW index with scalar-quantized storage"},
    {"IHNp", FaissKind::hnsw, "an HNSW index with product-quantized storage"},
    {"IHN2", FaissKind::hnsw, "an HNSW index with two-level storage"},
    {"IHNc", FaissKind::hnsw_cagra, "an HNSW index built by CAGRA"},
    {"IHc2", FaissKind::hnsw_cagra2, "an HNSW index built by CAGRA"},
    {"IwFl", FaissKind::ivf_flat, "an inverted-file index of flat vectors (IVFFlat)"},
    {"IwSq", FaissKind::ivf_scalar, "an inverted-file index with a scalar quantizer"},
    {"IwSQ", FaissKind::ivf_scalar_old, "an inverted-file index with a scalar quantizer (old)"},
    {"IwPQ", FaissKind::ivf_product, "an inverted-file index with a product quantizer (IVFPQ)"},
    {"IxSQ", FaissKind::scalar, "a scalar-quantized index"},
    {"IxPq", FaissKind::product, "a product-quantized index"},
    {"IxPo", FaissKind::product, "a product-quantized index (old)"},
    {"IxPQ", FaissKind::product_old, "a product-quantized index (old)"},
    {"Ix2L", FaissKind::two_level, "two-level storage"},
    {"Imiq", FaissKind::product_centers, "a multi-index quantizer"},
    {"IxPT", FaissKind::pre_transform, "an index behind vector transforms"},
    {"IxRF", FaissKind::refine, "a refined index"},
    {"IBxF", FaissKind::binary_flat, "a flat index of binary vectors"},
    {"IBMp", FaissKind::binary_id_map, "an id-mapped index of binary vectors"},
    {"IBM2", FaissKind::binary_id_map, "an id-mapped index of binary vectors"},
    {"IBHf", FaissKind::binary_hnsw, "an HNSW index of binary vectors"},
    {"IBHc", FaissKind::binary_hnsw_cagra, "an HNSW index of binary vectors built by CAGRA"},
    {"IBwF", FaissKind::binary_ivf, "an inverted-file index of binary vectors"},
    {"INSf", FaissKind::not_read, "an NSG index with flat storage"},
    {"INSp", FaissKind::not_read, "an NSG index with product-quantized storage"},
    {"INSs", FaissKind::not_read, "an NSG index with scalar-quantized storage"},
    {"INNf", FaissKind::not_read, "an NN-descent index"},
    {"IvFl", FaissKind::not_read, "an inverted-file index of flat vectors (IVFFlat, old)"},
    {"IvFL", FaissKind::not_read, "an inverted-file index of flat vectors (IVFFlat, old)"},
    {"IwFd", FaissKind::not_read, "an inverted-file index of flat vectors without duplicates"},
    {"IvSQ", FaissKind::not_read, "an inverted-file index with a scalar quantizer (old)"},
    {"IvPQ", FaissKind::not_read, "an inverted-file index with a product quantizer (IVFPQ, old)"},
    {"IwQR", FaissKind::not_read, "an inverted-file index with two product quantizers (IVFPQR)"},
    {"IvQR", FaissKind::not_read, "an inverted-file index with two product quantizers (IVFPQR, old)"},
    {"IwPf", FaissKind::not_read, "an inverted-file index with a fast-scan product quantizer"},
    {"IPfs", FaissKind::not_read, "a fast-scan product-quantized index"},
    {"IxRq", FaissKind::not_read, "a residual-quantized index"},
    {"IxLS", FaissKind::not_read, "a local-search-quantized index"},
    {"IBFf", FaissKind::no_vectors, "binary vectors turned into floats"},
    {"IBHh", FaissKind::no_vectors, "a hash index of binary vectors"},
    {"IBHm", FaissKind::no_vectors, "a multi-hash index of binary vectors"},
    {"IxHe", FaissKind::no_vectors, "a locality-sensitive hash"},
    {"IxHE", FaissKind::no_vectors, "a locality-sensitive hash"},
    {"IwSh", FaissKind::no_vectors, "an inverted file of spectral hashes"},
    {"null", FaissKind::missing, "an empty placeholder whose storage was not saved"},
};

const FaissCode no_code = {"", FaissKind::unknown, ""};

}  // namespace

const FaissCode& faiss_code(const std::string& code) {
    for (const FaissCode& entry : codes) {
        if (code == entry.code) return entry;
    }
    return no_code;
}

void refuse_faiss_kind(const Cursor& cursor, const std::string& code) {
    const FaissCode& entry = faiss_code(code);
    const std::string shown = printable(code.data(), code.size());
    if (entry.kind == FaissKind::unknown) {
        cursor.fail("\"" + shown + "\" is not the code of any FAISS index that is known here", code.size());
    }
    const std::string what = std::string("it holds ") + entry.description + " (FAISS \"" + shown + "\")";
    if (entry.kind == FaissKind::not_read) {
        throw_not_supported(
            cursor.source(), what + ", which is not supported",
            "In Python, index.reconstruct_n(0, index.ntotal) gives its vectors; save them with "
            "numpy.save and import the .npy file.");
    }
    throw_not_supported(cursor.source(),
                        what + (entry.kind == FaissKind::missing || entry.kind == FaissKind::no_vectors
                                    ? ", which keeps no vectors"
                                    : " where other vectors are expected"),
                        "Import the vectors that the index was made of.");
}

}  // namespace vecstore::core::io
