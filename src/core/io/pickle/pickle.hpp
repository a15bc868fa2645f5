// Python pickles as plain data. Nothing is ever executed: an opcode that would call something makes an inert
// record of the class's name and its arguments, and only for classes of a fixed list (pickle_classes.cpp);
// any other name, and every opcode that is not known, is an error. Protocols 0 to 5.
//
// Texts and bytes stay in the file and are read when they are asked for. Memory keeps the structure alone,
// and PickleLimits bound it. A value may be shared or, through the memo, contain itself: a walk through
// values must bound its depth and its output (json_text()).
#pragma once

#include "core/io/pickle/pickle_classes.hpp"
#include "core/io/source/byte_source.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace vecstore::core::io {

enum class PickleKind : uint8_t {
    none,
    boolean,
    integer,
    big_integer,  // more than 64 bits; bytes() gives them, little-endian two's complement
    real,
    text,
    bytes,
    list,
    tuple,
    set,
    dict,
    type,    // the name of a class
    record,  // an object of a class: its arguments, its state
};

struct PickleLimits {
    size_t memory = size_t{512} << 20;  // bytes of structure
    size_t longest_text = size_t{128} << 20;
};

class PickleData {
  public:
    using Id = uint32_t;
    static constexpr Id no_value = UINT32_MAX;

    explicit PickleData(ByteSource& source, PickleLimits limits) : source_(&source), limits_(limits) {}

    Id root() const { return root_; }
    PickleKind kind(Id id) const { return values_[id].kind; }
    bool is(Id id, PickleKind kind) const { return id != no_value && values_[id].kind == kind; }
    bool boolean(Id id) const { return values_[id].payload != 0; }
    int64_t integer(Id id) const { return static_cast<int64_t>(values_[id].payload); }
    double real(Id id) const;
    // The bytes of a text (UTF-8 as the file has it, unchecked), of bytes, of a big integer. Throws
    // limit_exceeded when they are longer than allowed.
    std::string bytes(Id id) const;
    size_t length(Id id) const { return values_[id].length; }
    // Elements of a list, tuple or set; keys and values of a dict, in turns.
    const std::vector<Id>& items(Id id) const { return containers_[values_[id].payload]; }
    // Of a type, or of a record.
    const PickleClass& class_of(Id id) const;
    // "module.name"
    std::string class_name(Id id) const;
    // A record's arguments (a tuple) and state; no_value where there are none.
    Id arguments(Id record) const { return items(record)[1]; }
    Id state(Id record) const { return items(record)[2]; }
    // A dict's value at this text; no_value where there is none. Looks at all keys.
    Id find(Id dict, std::string_view key) const;
    // A record's attribute: in its state, or in the state's __dict__.
    Id attribute(Id record, std::string_view name) const;
    bool text_equals(Id id, std::string_view text) const;

    const std::string& source_name() const { return source_->name(); }
    size_t memory_used() const { return memory_; }

  private:
    friend class PickleParser;

    struct Value {
        PickleKind kind;
        bool owned;       // the bytes are in strings_[payload], not at this offset of the file
        uint32_t length;  // of bytes
        uint64_t payload;
    };
    static_assert(sizeof(Value) == 16);

    void charge(size_t bytes);
    Id add(PickleKind kind, uint64_t payload, uint32_t length = 0, bool owned = false);
    Id add_container(PickleKind kind, std::vector<Id> items);
    Id add_owned(PickleKind kind, std::string bytes);
    void append(Id container, Id item);

    ByteSource* source_;
    PickleLimits limits_;
    size_t memory_ = 0;
    Id root_ = no_value;
    std::vector<Value> values_;
    std::vector<std::vector<Id>> containers_;
    std::vector<std::string> strings_;
};

// Reads the pickle that begins at the source's first byte. Bytes behind it are not looked at. Throws bad_file
// for a damaged one, file_not_supported for one that asks for more than plain data, limit_exceeded for one
// that is too large. The source must outlive the data.
PickleData read_pickle(ByteSource& source, PickleLimits limits = {});

}  // namespace vecstore::core::io
