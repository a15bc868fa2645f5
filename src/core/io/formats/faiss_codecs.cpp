#include "core/io/formats/faiss_codecs.hpp"

#include "core/base/checked.hpp"
#include "core/base/half.hpp"

namespace vecstore::core::io {

namespace {

class FloatCodec : public Codec {
  public:
    explicit FloatCodec(uint64_t dims) : Codec(dims, dims * sizeof(float)) {}
    void decode(const uint8_t* code, float* out) const override {
        to_float32(ElementType::float32, false, code, static_cast<size_t>(dims()), out);
    }
};

class BitCodec : public Codec {
  public:
    explicit BitCodec(uint64_t dims) : Codec(dims, dims / 8) {}
    void decode(const uint8_t* code, float* out) const override {
        bits_to_float32(code, static_cast<size_t>(dims()), out);
    }
};

// --- scalar quantizers: each component by itself ---------------------------------------------------------

// The number of component i, of those that are packed in this many bits, from the lowest bit of the first
// byte on.
template <unsigned Bits>
uint32_t packed_number(const uint8_t* code, size_t i) {
    if constexpr (Bits == 8) return code[i];
    if constexpr (Bits == 4) return code[i / 2] >> (i % 2 * 4) & 15;
    const size_t bit = i * Bits;
    uint32_t window = code[bit / 8];
    if (bit % 8 + Bits > 8) window |= static_cast<uint32_t>(code[bit / 8 + 1]) << 8;
    return window >> bit % 8 & ((1u << Bits) - 1);
}

// Components spread evenly over a range: one for all of them (uniform), or one for each.
template <unsigned Bits, bool Uniform>
class RangeCodec : public Codec {
  public:
    RangeCodec(uint64_t dims, std::vector<float> trained)
        : Codec(dims, (dims * Bits + 7) / 8), trained_(std::move(trained)) {}
    void decode(const uint8_t* code, float* out) const override {
        const auto n = static_cast<size_t>(dims());
        const float* const minimum = trained_.data();
        const float* const extent = minimum + (Uniform ? 1 : n);
        constexpr float steps = static_cast<float>((1u << Bits) - 1);
        for (size_t i = 0; i < n; i++) {
            const float share = (static_cast<float>(packed_number<Bits>(code, i)) + 0.5f) / steps;
            out[i] = minimum[Uniform ? 0 : i] + share * extent[Uniform ? 0 : i];
        }
    }

  private:
    std::vector<float> trained_;  // the ranges' beginnings, then their extents
};

float widen_fp16(const uint8_t* at) { return f16_to_float(load_little_endian<uint16_t>(at)); }
float widen_bf16(const uint8_t* at) { return bf16_to_float(load_little_endian<uint16_t>(at)); }
float widen_byte(const uint8_t* at) { return static_cast<float>(*at); }
float widen_shifted_byte(const uint8_t* at) { return static_cast<float>(*at) - 128.0f; }

// Components as numbers of their own.
template <size_t Bytes, float (*Widen)(const uint8_t*)>
class DirectCodec : public Codec {
  public:
    DirectCodec(uint64_t dims, const std::vector<float>&) : Codec(dims, dims * Bytes) {}
    void decode(const uint8_t* code, float* out) const override {
        for (size_t i = 0; i < dims(); i++) out[i] = Widen(code + i * Bytes);
    }
};

template <class T>
std::shared_ptr<const Codec> make_codec(uint64_t dims, std::vector<float>&& trained) {
    return std::make_shared<T>(dims, std::move(trained));
}

struct ScalarKind {
    const char* name;
    ElementType element;
    enum { none, one, each } ranges;  // of which `trained` holds the beginnings and extents
    std::shared_ptr<const Codec> (*make)(uint64_t dims, std::vector<float>&& trained);
};

// By FAISS's number of the quantizer's type.
const ScalarKind scalar_kinds[] = {
    {"SQ 8bit", ElementType::float32, ScalarKind::each, make_codec<RangeCodec<8, false>>},
    {"SQ 4bit", ElementType::float32, ScalarKind::each, make_codec<RangeCodec<4, false>>},
    {"SQ 8bit uniform", ElementType::float32, ScalarKind::one, make_codec<RangeCodec<8, true>>},
    {"SQ 4bit uniform", ElementType::float32, ScalarKind::one, make_codec<RangeCodec<4, true>>},
    {"SQ fp16", ElementType::float16, ScalarKind::none, make_codec<DirectCodec<2, widen_fp16>>},
    {"SQ 8bit direct", ElementType::uint8, ScalarKind::none, make_codec<DirectCodec<1, widen_byte>>},
    {"SQ 6bit", ElementType::float32, ScalarKind::each, make_codec<RangeCodec<6, false>>},
    {"SQ bf16", ElementType::float32, ScalarKind::none, make_codec<DirectCodec<2, widen_bf16>>},
    {"SQ 8bit direct signed", ElementType::int8, ScalarKind::none,
     make_codec<DirectCodec<1, widen_shifted_byte>>},
};

// --- product quantizers: a codebook for each part of the vector -------------------------------------------

class ProductCodec : public Codec {
  public:
    ProductCodec(uint64_t dims, uint64_t parts, unsigned bits, std::vector<float> centroids)
        : Codec(dims, (parts * bits + 7) / 8),
          parts_(static_cast<size_t>(parts)),
          bits_(bits),
          centroids_(std::move(centroids)) {}

    void decode(const uint8_t* code, float* out) const override {
        const size_t part_dims = static_cast<size_t>(dims()) / parts_;
        for (size_t part = 0; part < parts_; part++) {
            const size_t centroid = part << bits_ | number(code, part);
            std::memcpy(out + part * part_dims, centroids_.data() + centroid * part_dims,
                        part_dims * sizeof(float));
        }
    }

  private:
    // Numbers of bits_ bits one after the other, from the lowest bit of the first byte on.
    size_t number(const uint8_t* code, size_t part) const {
        if (bits_ == 8) return code[part];
        size_t value = 0;
        for (unsigned bit = 0; bit < bits_; bit++) {
            const size_t at = part * bits_ + bit;
            value |= static_cast<size_t>(code[at / 8] >> at % 8 & 1) << bit;
        }
        return value;
    }

    size_t parts_;
    unsigned bits_;
    std::vector<float> centroids_;  // parts x 2^bits x dims of a part
};

}  // namespace

CodecInfo float_codec(uint64_t dims) {
    return {std::make_shared<FloatCodec>(dims), "flat", ElementType::float32};
}

CodecInfo bit_codec(uint64_t dims) { return {std::make_shared<BitCodec>(dims), "bits", ElementType::bit}; }

CodecInfo read_scalar_quantizer(Cursor& cursor, uint64_t dims) {
    const auto type = cursor.read<int32_t>("the scalar quantizer's type");
    constexpr auto known = static_cast<int32_t>(sizeof(scalar_kinds) / sizeof(scalar_kinds[0]));
    if (type < 0 || type >= known) {
        throw_not_supported(cursor.source(), "its scalar quantizer is of type " + std::to_string(type) +
                                                 ", which is not known here");
    }
    const ScalarKind& kind = scalar_kinds[type];
    cursor.skip(8, "the scalar quantizer");  // how the ranges were found
    const auto own_dims = cursor.read<uint64_t>("the scalar quantizer's dimensions");
    if (own_dims != dims) {
        cursor.fail("a scalar quantizer of " + std::to_string(own_dims) + " dimensions in an index of " +
                        std::to_string(dims),
                    8);
    }
    const auto code_size = cursor.read<uint64_t>("the scalar quantizer's code size");
    const uint64_t place = cursor.offset();
    std::vector<float> trained = read_floats(cursor, "the scalar quantizer's ranges");
    const uint64_t needed = kind.ranges == ScalarKind::none  ? 0
                            : kind.ranges == ScalarKind::one ? 2
                                                             : 2 * dims;
    // An index that was never trained has none, and no vectors either.
    if (trained.size() < needed) {
        if (!trained.empty()) {
            throw_bad_file(cursor.source(), place,
                           std::to_string(trained.size()) + " numbers for the ranges of " +
                               std::to_string(dims) + " dimensions");
        }
        const auto bytes = checked_mul(needed, sizeof(float));
        if (!bytes || *bytes > max_resident_bytes)
            throw_bad_file(cursor.source(), place, "the ranges are missing");
        trained.resize(static_cast<size_t>(needed));
    }
    CodecInfo info = {kind.make(dims, std::move(trained)), kind.name, kind.element};
    if (code_size != info.codec->code_size()) {
        throw_bad_file(cursor.source(), place - 8,
                       "codes of " + std::to_string(code_size) + " bytes, where " + kind.name + " makes " +
                           std::to_string(info.codec->code_size()));
    }
    return info;
}

CodecInfo read_product_quantizer(Cursor& cursor, uint64_t dims) {
    const auto own_dims = cursor.read<uint64_t>("the product quantizer's dimensions");
    const auto parts = cursor.read<uint64_t>("the product quantizer's parts");
    const auto bits = cursor.read<uint64_t>("the product quantizer's bits");
    if (own_dims != dims) {
        cursor.fail("a product quantizer of " + std::to_string(own_dims) + " dimensions in an index of " +
                        std::to_string(dims),
                    24);
    }
    if (parts < 1 || dims % parts != 0) {
        cursor.fail(std::to_string(dims) + " dimensions in " + std::to_string(parts) + " equal parts", 16);
    }
    if (bits < 1 || bits > 24) cursor.fail("codes of " + std::to_string(bits) + " bits", 8);
    const uint64_t place = cursor.offset();
    std::vector<float> centroids = read_floats(cursor, "the product quantizer's centroids");
    if (centroids.size() != dims << bits) {
        throw_bad_file(cursor.source(), place,
                       std::to_string(centroids.size()) + " numbers in codebooks of 2^" +
                           std::to_string(bits) + " vectors of " + std::to_string(dims) + " dimensions");
    }
    const std::string name = "PQ " + std::to_string(parts) + "x" + std::to_string(bits);
    return {std::make_shared<ProductCodec>(dims, parts, static_cast<unsigned>(bits), std::move(centroids)),
            name, ElementType::float32};
}

Extent read_extent(Cursor& cursor, size_t element_size, const char* what) {
    const auto count = cursor.read<uint64_t>(what);
    const auto bytes = checked_mul(count, element_size);
    if (!bytes) cursor.fail(std::string("the length of ") + what + " overflows", 8);
    const Extent extent = {cursor.offset(), count};
    cursor.skip(*bytes, what);
    return extent;
}

std::vector<float> read_floats(Cursor& cursor, const char* what) {
    const Extent extent = read_extent(cursor, sizeof(float), what);
    if (extent.count > max_resident_bytes / sizeof(float)) {
        throw Error(ErrorCode::limit_exceeded,
                    std::string(what) + " in " + cursor.source().name() + " take " +
                        std::to_string(extent.count * sizeof(float)) + " bytes, more than the " +
                        std::to_string(max_resident_bytes) + " that are kept in memory");
    }
    std::vector<float> values(static_cast<size_t>(extent.count));
    cursor.source().read(extent.offset, values.data(), values.size() * sizeof(float));
    for (float& value : values) value = load_little_endian<float>(&value);
    return values;
}

}  // namespace vecstore::core::io
