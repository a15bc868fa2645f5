#include "core/io/json/json_records.hpp"

#include <algorithm>

namespace vecstore::core::io {

namespace {

constexpr char space[] = " ";
constexpr size_t max_depth = 1000;
constexpr size_t max_fields = 1000;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

bool ends_scalar(char c) {
    return is_space(c) || c == ',' || c == ']' || c == '}' || c == '\0' || c == ':' || c == '"' || c == '[' ||
           c == '{';
}

}  // namespace

std::string kind_names(int kinds) {
    static constexpr std::pair<int, const char*> names[] = {
        {json_string, "strings"},   {json_integer | json_real, "numbers"},
        {json_boolean, "booleans"}, {json_array, "arrays"},
        {json_object, "objects"},   {json_null, "nulls"}};
    std::string text;
    for (const auto& [kind, name] : names)
        if ((kinds & kind) != 0) text += (text.empty() ? "" : " and ") + std::string(name);
    return text;
}

// --- scanning ---------------------------------------------------------------------------------------------

bool JsonScanner::fill() {
    const uint64_t left = source_->size() - std::min(next_block_, source_->size());
    if (left == 0) return false;
    block_.resize(static_cast<size_t>(std::min<uint64_t>(left, block_bytes_)));
    source_->read(next_block_, block_.data(), block_.size());
    next_block_ += block_.size();
    at_ = 0;
    end_ = block_.size();
    return true;
}

void JsonScanner::jump(uint64_t offset) {
    const uint64_t start = next_block_ - end_;
    if (offset >= start && offset < next_block_) {
        at_ = static_cast<size_t>(offset - start);
        return;
    }
    block_bytes_ = 4096;
    next_block_ = offset;
    at_ = end_ = 0;
}

void JsonScanner::fail(const std::string& reason) const { throw_bad_file(*source_, offset(), reason); }

char JsonScanner::peek() {
    while (is_space(current())) at_++;
    // A byte order mark, which some editors write.
    if (offset() == 0 && current() == '\xef' && end_ >= 3 && block_[1] == '\xbb' && block_[2] == '\xbf') {
        at_ += 3;
        return peek();
    }
    return current();
}

bool JsonScanner::accept(char c) {
    if (peek() != c) return false;
    at_++;
    return true;
}

void JsonScanner::expect(char c, const char* where) {
    if (!accept(c)) {
        fail(std::string("expected \"") + c + "\" " + where +
             (current() == '\0' ? ", but the file ends"
                                : ", but there is \"" + printable(&block_[at_], 1) + "\""));
    }
}

void JsonScanner::append(std::string* text, size_t from, size_t to) const {
    if (text == nullptr) return;
    if (text->size() + (to - from) > max_value_bytes) {
        throw Error(ErrorCode::limit_exceeded, "a value in " + source_->name() + ", near byte " +
                                                   std::to_string(offset()) + ", has more than " +
                                                   std::to_string(max_value_bytes) + " bytes");
    }
    text->append(block_.data() + from, to - from);
}

JsonKind JsonScanner::take_value(std::string* text) {
    switch (peek()) {
        case '"': take_string(text); return json_string;
        case '{': take_nested(text); return json_object;
        case '[': take_nested(text); return json_array;
        default: return take_scalar(text);
    }
}

void JsonScanner::take_string(std::string* text) {
    size_t start = at_++;
    bool escaped = false;
    for (;;) {
        while (at_ < end_) {
            if (escaped) {
                escaped = false;
                at_++;
                continue;
            }
            at_ = find_special(at_);
            if (at_ == end_) break;
            if (block_[at_++] == '"') {
                append(text, start, at_);
                return;
            }
            escaped = true;
        }
        append(text, start, end_);
        if (!fill()) fail("the file ends inside a string");
        start = 0;
    }
}

// The next quote or backslash, or the block's end. Eight characters at a time: most of a file is strings.
size_t JsonScanner::find_special(size_t at) const {
    constexpr uint64_t ones = 0x0101010101010101;
    // The highest bit of each byte that is zero; perhaps also of one above such a byte.
    const auto zeros = [](uint64_t word) { return (word - ones) & ~word & ones << 7; };
    for (; at + sizeof(uint64_t) <= end_; at += sizeof(uint64_t)) {
        uint64_t word;
        std::memcpy(&word, &block_[at], sizeof(word));
        if ((zeros(word ^ ones * '"') | zeros(word ^ ones * '\\')) != 0) break;
    }
    while (at < end_ && block_[at] != '"' && block_[at] != '\\') at++;
    return at;
}

// An object or array with all that is in it: brackets are matched, and nothing else.
void JsonScanner::take_nested(std::string* text) {
    std::string open;  // the closing brackets that are due
    do {
        // White space is shortened, never removed: it may stand between two values.
        if (is_space(current()) && text != nullptr) *text += space;
        const char c = peek();
        if (c == '"') {
            take_string(text);
            continue;
        }
        if (c == '\0') fail("the file ends inside an object or an array");
        if (c == '{' || c == '[') {
            if (open.size() == max_depth)
                fail("values are nested more than " + std::to_string(max_depth) + " deep");
            open += c == '{' ? '}' : ']';
        } else if (c == '}' || c == ']') {
            if (open.back() != c)
                fail(std::string("expected \"") + open.back() + "\", but there is \"" + c + "\"");
            open.pop_back();
        } else if (c != ',' && c != ':') {
            take_scalar(text);
            continue;
        }
        append(text, at_, at_ + 1);
        at_++;
    } while (!open.empty());
}

JsonKind JsonScanner::take_scalar(std::string* text) {
    std::string word;
    while (!ends_scalar(current())) {
        if (word.size() > 1000) fail("a number or word of more than 1000 characters");
        word += block_[at_++];
    }
    if (word.empty()) {
        fail(current() == '\0' ? "the file ends where a value is expected"
                               : "expected a value, but there is \"" + printable(&block_[at_], 1) + "\"");
    }
    if (text != nullptr) *text += word;
    if (word == "null") return json_null;
    if (word == "true" || word == "false") return json_boolean;
    return word.find_first_of(".eE") == std::string::npos ? json_integer : json_real;
}

// --- surveying
// ----------------------------------------------------------------------------------------------

namespace {

class Surveyor {
  public:
    Surveyor(ByteSource& source, uint64_t rows) : source_(source), rows_(rows), length_(rows) {}

    JsonSurvey run() {
        JsonScanner scanner(source_);
        const char first = scanner.peek();
        survey_.offset = scanner.offset();
        if (first == '[') {
            survey_.layout = JsonSurvey::Layout::array;
            take_array(scanner);
        } else if (first == '{') {
            // One object may be a line, or hold arrays: only its end tells.
            take_columns(scanner);
            if (scanner.peek() != '\0' || !has_columns()) {
                reset();
                scanner = JsonScanner(source_);
                survey_.layout = JsonSurvey::Layout::lines;
                while (scanner.peek() != '\0') take_record(scanner);
            } else {
                use_columns();
            }
        } else {
            scanner.fail("metadata must be a JSON array, JSON Lines, or an object with arrays");
        }
        if (scanner.peek() != '\0') scanner.fail("there is something behind the end of the JSON value");
        return std::move(survey_);
    }

  private:
    void reset() {
        const uint64_t offset = survey_.offset;
        survey_ = {};
        survey_.offset = offset;
        numbers_.clear();
        columns_.clear();
    }

    JsonField& field(JsonScanner& scanner, const std::string& name) {
        const auto found = numbers_.find(name);
        if (found != numbers_.end()) return survey_.fields[found->second];
        if (survey_.fields.size() == max_fields) {
            scanner.fail("there are more than " + std::to_string(max_fields) + " different fields");
        }
        numbers_[name] = survey_.fields.size();
        survey_.fields.push_back({name, 0, 0, 0});
        return survey_.fields.back();
    }

    // The members of an object; f(name) takes each value.
    template <class F>
    void take_members(JsonScanner& scanner, F&& f) {
        scanner.expect('{', "at the beginning of an object");
        if (scanner.accept('}')) return;
        do {
            name_.clear();
            if (scanner.peek() != '"') scanner.fail("expected a name in quotes");
            scanner.take_value(&name_);
            scanner.expect(':', "behind a name");
            f();
        } while (scanner.accept(','));
        scanner.expect('}', "at the end of an object");
    }

    void take_record(JsonScanner& scanner) {
        survey_.records++;
        if (scanner.peek() != '{') {
            if (survey_.layout == JsonSurvey::Layout::lines) scanner.fail("expected an object in each line");
            survey_.kinds = static_cast<uint8_t>(survey_.kinds | scanner.take_value(nullptr));
            return;
        }
        survey_.kinds |= json_object;
        take_members(scanner, [&] {
            JsonField& found = field(scanner, name_);
            found.kinds = static_cast<uint8_t>(found.kinds | scanner.take_value(nullptr));
            found.count++;
        });
    }

    void take_array(JsonScanner& scanner) {
        scanner.expect('[', "at the beginning of the array");
        if (scanner.accept(']')) return;
        do {
            take_record(scanner);
        } while (scanner.accept(','));
        scanner.expect(']', "at the end of the array");
    }

    struct Column {
        std::string name;
        bool is_array = false;
        uint64_t offset = 0;
        uint64_t count = 0;
        uint8_t kinds = 0;
    };

    void take_columns(JsonScanner& scanner) {
        take_members(scanner, [&] {
            Column column;
            column.name = name_;
            column.is_array = scanner.peek() == '[';
            column.offset = scanner.offset();
            if (column.is_array) {
                scanner.expect('[', "at the beginning of an array");
                if (!scanner.accept(']')) {
                    do {
                        column.kinds = static_cast<uint8_t>(column.kinds | scanner.take_value(nullptr));
                        column.count++;
                    } while (scanner.accept(','));
                    scanner.expect(']', "at the end of an array");
                }
            } else {
                scanner.take_value(nullptr);
            }
            if (columns_.size() == max_fields) {
                scanner.fail("an object of more than " + std::to_string(max_fields) +
                             " members where one with arrays, "
                             "one for each field, is expected");
            }
            columns_.push_back(std::move(column));
        });
    }

    bool is_for_rows(const Column& column) const { return column.is_array && column.count == length_; }

    // Where no array is as long as expected, those of one length are for so many rows: found by ids they fit,
    // and where they do not, the caller reports the number.
    void choose_length() {
        if (has_array_for_rows()) return;
        const auto first = std::find_if(columns_.begin(), columns_.end(),
                                        [](const Column& c) { return c.is_array; });
        if (std::all_of(first, columns_.end(),
                        [&](const Column& c) { return !c.is_array || c.count == first->count; }))
            length_ = first->count;
    }

    bool has_array_for_rows() const {
        return std::any_of(columns_.begin(), columns_.end(), [&](const Column& c) { return is_for_rows(c); });
    }

    // A record of one row may have arrays of one element: then it is a record.
    bool has_columns() const {
        const bool all_arrays = std::all_of(columns_.begin(), columns_.end(),
                                            [](const Column& c) { return c.is_array; });
        const bool some = has_array_for_rows();
        return rows_ == 1 ? some && all_arrays : some || (all_arrays && !columns_.empty());
    }

    void use_columns() {
        choose_length();
        std::vector<Column> used;
        for (const Column& column : columns_) {
            if (is_for_rows(column)) {
                used.push_back(column);
            } else {
                survey_.ignored.push_back(column.name);
                survey_.records = std::max(survey_.records, column.count);
            }
        }
        if (used.size() == 1 && used[0].kinds == json_object) {
            survey_.ignored.clear();
            for (const Column& column : columns_) {
                if (column.name != used[0].name) survey_.ignored.push_back(column.name);
            }
            survey_.layout = JsonSurvey::Layout::array;
            survey_.records = 0;
            survey_.offset = used[0].offset;
            JsonScanner scanner(source_, survey_.offset);
            take_array(scanner);
            return;
        }
        survey_.layout = JsonSurvey::Layout::columns;
        survey_.kinds = json_object;
        if (!used.empty()) survey_.records = length_;
        for (const Column& column : used)
            survey_.fields.push_back({column.name, column.kinds, column.count, column.offset});
    }

    ByteSource& source_;
    const uint64_t rows_;
    uint64_t length_;  // of arrays for rows
    JsonSurvey survey_;
    std::map<std::string, size_t> numbers_;  // of fields, by name
    std::vector<Column> columns_;
    std::string name_;
};

}  // namespace

JsonSurvey survey_json(ByteSource& source, uint64_t rows) {
    if (source.size() == 0) throw_bad_file(source, 0, "the file is empty");
    return Surveyor(source, rows).run();
}

// --- reading
// -------------------------------------------------------------------------------------------------

JsonRecords::JsonRecords(ByteSource& source, const JsonSurvey& survey)
    : source_(source), lines_(survey.layout == JsonSurvey::Layout::lines), records_(survey.records) {
    if (survey.layout == JsonSurvey::Layout::columns) {
        for (const JsonField& field : survey.fields) scanners_.emplace_back(source, field.offset);
    } else {
        scanners_.emplace_back(source, survey.offset);
    }
}

void JsonRecords::take(size_t part, std::string* text) {
    JsonScanner& scanner = scanners_[part];
    if (!lines_) {
        scanner.expect(position_ == 0 ? '[' : ',',
                       position_ == 0 ? "at the beginning of the array" : "between values");
    }
    scanner.take_value(text);
}

void JsonRecords::skip(uint64_t count) {
    for (; count > 0; count--, position_++) {
        for (size_t part = 0; part < scanners_.size(); part++) take(part, nullptr);
    }
}

void JsonRecords::next(std::vector<std::string>& texts) {
    texts.resize(scanners_.size());
    size_t bytes = 0;
    for (size_t part = 0; part < scanners_.size(); part++) {
        texts[part].clear();
        take(part, &texts[part]);
        bytes += texts[part].size();
        if (bytes > JsonScanner::max_value_bytes) scanners_[part].fail("the fields of one row are too long");
    }
    position_++;
}

void JsonRecords::index() {
    if (records_ > max_places / scanners_.size()) {
        throw Error(
            ErrorCode::limit_exceeded,
            source_.name() + " has " + std::to_string(records_) + " records, too many to be found by id",
            "Places of up to " + std::to_string(max_places) + " values are kept in memory.",
            "Import the vectors and the metadata into two tables and join them.");
    }
    places_.reserve(static_cast<size_t>(records_) * scanners_.size());
    for (uint64_t record = 0; record < records_; record++) {
        for (size_t part = 0; part < scanners_.size(); part++) {
            JsonScanner& scanner = scanners_[part];
            if (!lines_) scanner.expect(record == 0 ? '[' : ',', "in the array");
            scanner.peek();
            places_.push_back(scanner.offset());
            scanner.take_value(nullptr);
        }
    }
}

void JsonRecords::get(uint64_t record, std::vector<std::string>& texts) {
    if (record >= records_) {
        throw Error(ErrorCode::out_of_range, source_.name() + " has no record " + std::to_string(record),
                    "It has " + std::to_string(records_) +
                        " records, which are found by the ids of the vectors, from 0 on.");
    }
    texts.resize(scanners_.size());
    if (scanners_.empty()) return;  // no array is for rows
    if (places_.empty()) index();
    for (size_t part = 0; part < scanners_.size(); part++) {
        texts[part].clear();
        scanners_[part].jump(places_[static_cast<size_t>(record) * scanners_.size() + part]);
        scanners_[part].take_value(&texts[part]);
    }
}

}  // namespace vecstore::core::io
