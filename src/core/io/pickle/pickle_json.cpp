#include "core/io/pickle/pickle_json.hpp"

#include "core/base/half.hpp"
#include "core/io/json/json_writer.hpp"
#include "core/io/json/utf8.hpp"

#include <cstdio>
#include <cstring>

namespace vecstore::core::io {

namespace {

using Id = PickleData::Id;
using Kind = PickleKind;

// jsonb itself ends at 256 MB, and far earlier with many small values.
constexpr size_t longest_json = size_t{64} << 20;
constexpr int deepest = 200;

std::string hex_text(const std::string& bytes) {
    static constexpr char hex[] = "0123456789abcdef";
    std::string out = "\\x";
    for (const char c : bytes) {
        out += hex[static_cast<uint8_t>(c) >> 4];
        out += hex[static_cast<uint8_t>(c) & 15];
    }
    return out;
}

// Decimal digits of a little-endian two's complement number.
std::string decimal_digits(std::string bytes) {
    const bool negative = !bytes.empty() && (bytes.back() & 0x80) != 0;
    if (negative) {
        bool carry = true;
        for (char& c : bytes) {
            c = static_cast<char>(~c);
            if (carry) carry = ++c == 0;
        }
    }
    std::string digits;
    while (!bytes.empty()) {
        uint32_t remainder = 0;
        for (size_t i = bytes.size(); i > 0; i--) {
            const uint32_t value = remainder << 8 | static_cast<uint8_t>(bytes[i - 1]);
            bytes[i - 1] = static_cast<char>(value / 10);
            remainder = value % 10;
        }
        digits.insert(digits.begin(), static_cast<char>('0' + remainder));
        while (!bytes.empty() && bytes.back() == 0) bytes.pop_back();
    }
    if (digits.empty()) digits = "0";
    return (negative ? "-" : "") + digits;
}

std::string hex_digits_of_uuid(std::string bytes) {
    bytes.resize(16, '\0');
    std::string out;
    for (size_t i = 16; i > 0; i--) {
        char pair[3];
        std::snprintf(pair, sizeof(pair), "%02x", static_cast<uint8_t>(bytes[i - 1]));
        out += pair;
        if (i == 13 || i == 11 || i == 9 || i == 7) out += '-';
    }
    return out;
}

class JsonBuilder {
  public:
    explicit JsonBuilder(const PickleData& data) : data_(data) {}

    JsonText finish() { return {std::move(out_), altered_}; }

    void add(Id id, int depth) {
        if (depth > deepest) {
            throw Error(ErrorCode::limit_exceeded, "values in " + data_.source_name() +
                                                       " are nested more than " + std::to_string(deepest) +
                                                       " deep, or contain themselves");
        }
        if (out_.size() > longest_json) {
            throw Error(ErrorCode::limit_exceeded, "metadata in " + data_.source_name() + " has more than " +
                                                       std::to_string(longest_json >> 20) + " MB as JSON");
        }
        switch (data_.kind(id)) {
            case Kind::none: out_ += "null"; break;
            case Kind::boolean: out_ += data_.boolean(id) ? "true" : "false"; break;
            case Kind::integer: append_json_number(out_, data_.integer(id)); break;
            case Kind::big_integer: add_big_integer(id); break;
            case Kind::real: append_json_number(out_, data_.real(id)); break;
            case Kind::text: append_json_text(out_, storable(data_.bytes(id))); break;
            case Kind::bytes: append_json_text(out_, hex_text(data_.bytes(id))); break;
            case Kind::list:
            case Kind::tuple:
            case Kind::set: add_array(id, depth); break;
            case Kind::dict: add_object(id, depth); break;
            case Kind::type: append_json_text(out_, data_.class_name(id)); break;
            case Kind::record: add_record(id, depth); break;
        }
    }

    std::string storable(std::string text) {
        altered_ |= make_storable(text);
        return text;
    }

  private:
    void add_big_integer(Id id) {
        if (data_.length(id) > 64) {
            throw Error(ErrorCode::limit_exceeded, "an integer of " + std::to_string(data_.length(id)) +
                                                       " bytes in " + data_.source_name());
        }
        out_ += decimal_digits(data_.bytes(id));
    }

    void add_array(Id id, int depth) {
        out_ += '[';
        const char* separator = "";
        for (const Id item : data_.items(id)) {
            out_ += separator;
            separator = ", ";
            add(item, depth + 1);
        }
        out_ += ']';
    }

    // (jsonb keeps the last of equal keys, as dicts do.)
    void add_object(Id id, int depth) {
        out_ += '{';
        const std::vector<Id>& pairs = data_.items(id);
        for (size_t i = 0; i < pairs.size(); i += 2) {
            if (i > 0) out_ += ", ";
            add_key(pairs[i], depth);
            out_ += ": ";
            add(pairs[i + 1], depth + 1);
        }
        out_ += '}';
    }

    // Keys that are no texts become the text of their JSON, as in Python's json.dumps.
    void add_key(Id key, int depth) {
        if (data_.is(key, Kind::text)) return add(key, depth + 1);
        JsonBuilder text(data_);
        text.add(key, depth + 1);
        altered_ |= text.altered_;
        if (!text.out_.empty() && text.out_[0] == '"') {
            out_ += text.out_;
        } else {
            append_json_text(out_, text.out_);
        }
    }

    void add_record(Id id, int depth) {
        std::string text;
        switch (data_.class_of(id).meaning) {
            case PickleMeaning::date_time: text = date_time(id, true); break;
            case PickleMeaning::date: text = date_time(id, false); break;
            case PickleMeaning::time: text = time_of_day(id); break;
            case PickleMeaning::uuid: text = uuid(id); break;
            case PickleMeaning::decimal: text = first_argument_text(id); break;
            case PickleMeaning::path: text = path(id); break;
            case PickleMeaning::numpy_scalar:
                if (add_numpy(id)) return;
                break;
            default: break;
        }
        if (!text.empty()) return append_json_text(out_, storable(text));
        add_attributes(id, depth);
    }

    void add_attributes(Id id, int depth) {
        Id state = data_.state(id);
        if (data_.is(state, Kind::tuple) && !data_.items(state).empty()) state = data_.items(state)[0];
        const Id inner = data_.find(state, "__dict__");
        if (inner != PickleData::no_value) state = inner;
        if (state != PickleData::no_value && !data_.is(state, Kind::none)) return add(state, depth + 1);
        add(data_.arguments(id), depth + 1);
    }

    Id argument(Id record, size_t index) const {
        const std::vector<Id>& arguments = data_.items(data_.arguments(record));
        return index < arguments.size() ? arguments[index] : PickleData::no_value;
    }

    std::string bytes_argument(Id record) const {
        const Id first = argument(record, 0);
        return data_.is(first, Kind::bytes) || data_.is(first, Kind::text) ? data_.bytes(first)
                                                                           : std::string();
    }

    std::string first_argument_text(Id record) const {
        const Id first = argument(record, 0);
        return data_.is(first, Kind::text) ? data_.bytes(first) : std::string();
    }

    // Python packs a datetime into 10 bytes (year, month, day, hour, minute, second, microseconds), a date
    // into the first four; bit 7 of the month is the fold.
    std::string date_time(Id record, bool with_time) const {
        const std::string b = bytes_argument(record);
        if (b.size() != (with_time ? 10u : 4u)) return {};
        const auto at = [&](size_t i) { return static_cast<unsigned>(static_cast<uint8_t>(b[i])); };
        char text[64];
        std::snprintf(text, sizeof(text), "%04u-%02u-%02u", at(0) << 8 | at(1), at(2) & 0x7f, at(3));
        return with_time ? text + ("T" + clock_text(b.substr(4))) + offset_text(argument(record, 1)) : text;
    }

    std::string time_of_day(Id record) const {
        std::string b = bytes_argument(record);
        if (b.size() != 6) return {};
        b[0] = static_cast<char>(b[0] & 0x7f);
        return clock_text(b) + offset_text(argument(record, 1));
    }

    static std::string clock_text(const std::string& b) {
        const auto at = [&](size_t i) { return static_cast<unsigned>(static_cast<uint8_t>(b[i])); };
        char text[64];
        std::snprintf(text, sizeof(text), "%02u:%02u:%02u", at(0), at(1), at(2));
        std::string out = text;
        const unsigned micro = at(3) << 16 | at(4) << 8 | at(5);
        if (micro != 0) {
            std::snprintf(text, sizeof(text), ".%06u", micro);
            out += text;
        }
        return out;
    }

    // Of a datetime.timezone, which holds a timedelta of days and seconds.
    std::string offset_text(Id zone) const {
        if (!data_.is(zone, Kind::record) || data_.class_of(zone).meaning != PickleMeaning::time_zone)
            return {};
        const Id delta = argument(zone, 0);
        if (!data_.is(delta, Kind::record)) return {};
        const Id days = argument(delta, 0);
        const Id seconds = argument(delta, 1);
        if (!data_.is(days, Kind::integer) || !data_.is(seconds, Kind::integer)) return {};
        const int64_t day = data_.integer(days);
        const int64_t rest = data_.integer(seconds);
        if (day < -1 || day > 1 || rest < 0 || rest >= 86400) return {};
        const auto total = static_cast<int>(day * 86400 + rest);
        char text[32];
        std::snprintf(text, sizeof(text), "%c%02d:%02d", total < 0 ? '-' : '+', std::abs(total) / 3600,
                      std::abs(total) / 60 % 60);
        return text;
    }

    std::string uuid(Id record) const {
        const Id number = data_.attribute(record, "int");
        if (data_.is(number, Kind::big_integer) && data_.length(number) <= 17)
            return hex_digits_of_uuid(data_.bytes(number));
        if (!data_.is(number, Kind::integer)) return {};
        const int64_t value = data_.integer(number);
        std::string bytes(8, '\0');
        std::memcpy(bytes.data(), &value, sizeof(value));
        return hex_digits_of_uuid(bytes);
    }

    std::string path(Id record) const {
        std::string out;
        for (const Id part : data_.items(data_.arguments(record))) {
            if (!data_.is(part, Kind::text)) return {};
            if (!out.empty() && out.back() != '/' && out.back() != '\\') out += '/';
            out += data_.bytes(part);
        }
        return out;
    }

    // numpy.core.multiarray.scalar(dtype('<f4'), bytes)
    bool add_numpy(Id record) {
        const Id dtype = argument(record, 0);
        const Id value = argument(record, 1);
        if (!data_.is(dtype, Kind::record) || !data_.is(value, Kind::bytes)) return false;
        const std::string code = first_argument_text(dtype);
        const std::string bytes = data_.bytes(value);
        const auto is = [&](const char* name, size_t size) { return code == name && bytes.size() == size; };
        const char* const from = bytes.data();
        if (is("f2", 2)) {
            append_json_number(out_, static_cast<double>(f16_to_float(load_little_endian<uint16_t>(from))));
        } else if (is("f4", 4)) {
            append_json_number(out_, static_cast<double>(load_little_endian<float>(from)));
        } else if (is("f8", 8)) {
            append_json_number(out_, load_little_endian<double>(from));
        } else if (is("i1", 1)) {
            append_json_number(out_, static_cast<int64_t>(static_cast<int8_t>(*from)));
        } else if (is("u1", 1)) {
            append_json_number(out_, static_cast<int64_t>(static_cast<uint8_t>(*from)));
        } else if (is("i2", 2)) {
            append_json_number(out_, static_cast<int64_t>(load_little_endian<int16_t>(from)));
        } else if (is("u2", 2)) {
            append_json_number(out_, static_cast<int64_t>(load_little_endian<uint16_t>(from)));
        } else if (is("i4", 4)) {
            append_json_number(out_, static_cast<int64_t>(load_little_endian<int32_t>(from)));
        } else if (is("u4", 4)) {
            append_json_number(out_, static_cast<int64_t>(load_little_endian<uint32_t>(from)));
        } else if (is("i8", 8)) {
            append_json_number(out_, load_little_endian<int64_t>(from));
        } else if (is("b1", 1)) {
            out_ += *from != 0 ? "true" : "false";
        } else {
            return false;
        }
        return true;
    }

    const PickleData& data_;
    std::string out_;
    bool altered_ = false;
};

}  // namespace

JsonText json_text(const PickleData& data, Id id) {
    JsonBuilder builder(data);
    builder.add(id, 0);
    return builder.finish();
}

JsonText plain_text(const PickleData& data, Id id) {
    if (!data.is(id, Kind::text)) return json_text(data, id);
    JsonBuilder builder(data);
    std::string text = builder.storable(data.bytes(id));
    return {std::move(text), builder.finish().altered};
}

}  // namespace vecstore::core::io
