// Metadata beside vectors, as JSON files of any size, read in bounded memory. Three forms are read:
//   - an array of values, one for each row: [{"text": …}, {"text": …}, …];
//   - JSON Lines, an object for each row;
//   - an object with arrays, each with a value for each row: {"text": […, …], "page": […, …]}. An object with
//     other things and one array of objects counts as the first form.
// This only finds where values begin and end. The parser of a value checks its inside.
#pragma once

#include "core/io/source/byte_source.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace vecstore::core::io {

// Kinds of JSON values, as bits of a set.
enum JsonKind : uint8_t {
    json_null = 1,
    json_boolean = 2,
    json_integer = 4,
    json_real = 8,
    json_string = 16,
    json_object = 32,
    json_array = 64,
};

// The kinds of a set, in words: "strings and numbers".
std::string kind_names(int kinds);

// Goes through the text of a JSON file.
class JsonScanner {
  public:
    // One value must fit in memory: longer ones are refused.
    static constexpr size_t max_value_bytes = size_t{16} << 20;

    explicit JsonScanner(ByteSource& source, uint64_t offset = 0) : source_(&source), next_block_(offset) {}

    uint64_t offset() const { return next_block_ - (end_ - at_); }
    // Goes on at this place, where single values are wanted.
    void jump(uint64_t offset);
    // The next character that is not white space, without taking it; '\0' at the end.
    char peek();
    void expect(char c, const char* where);
    bool accept(char c);
    // Takes a value. Its text is appended to `text` (if given), as it stands in the file.
    JsonKind take_value(std::string* text);
    [[noreturn]] void fail(const std::string& reason) const;

  private:
    bool fill();
    char current() { return at_ < end_ || fill() ? block_[at_] : '\0'; }
    void take_string(std::string* text);
    size_t find_special(size_t at) const;
    void take_nested(std::string* text);
    JsonKind take_scalar(std::string* text);
    void append(std::string* text, size_t from, size_t to) const;

    ByteSource* source_;
    uint64_t next_block_;  // where the block's successor begins
    std::vector<char> block_;
    size_t at_ = 0;
    size_t end_ = 0;
    size_t block_bytes_ = 64 * 1024;
};

// A field that records have: its name, as a JSON string with quotes and escapes, and the kinds of its values.
struct JsonField {
    std::string name;
    uint8_t kinds = 0;    // a set of JsonKind
    uint64_t count = 0;   // of records that have it
    uint64_t offset = 0;  // of its array, in an object with arrays
};

struct JsonSurvey {
    enum class Layout { array, lines, columns };
    Layout layout = Layout::array;
    uint64_t records = 0;
    uint64_t offset = 0;  // of the array, or of the first line
    uint8_t kinds = 0;    // of the records themselves; json_object in an object with arrays
    std::vector<JsonField> fields;
    std::vector<std::string> ignored;  // names of members of an object with arrays that are not for rows
};

// Reads a metadata file to its end. `rows` is how many records are expected: it tells the arrays of an object
// that are for rows from others. Throws bad_file, and limit_exceeded for records of too many different
// fields.
JsonSurvey survey_json(ByteSource& source, uint64_t rows);

// Gives out the records one by one. The source must outlive it.
class JsonRecords {
  public:
    JsonRecords(ByteSource& source, const JsonSurvey& survey);

    // The number of the record that comes next.
    uint64_t position() const { return position_; }
    void skip(uint64_t count);
    // Array and lines: one text, of the whole record. Object with arrays: the values of all fields, in the
    // survey's order. Replaces the content of `texts`; must not be called behind the last record.
    void next(std::vector<std::string>& texts);
    // The record of this number, in any order; the first call reads the file through and keeps 8 bytes for
    // each value. Throws limit_exceeded for too many, out_of_range for a record that does not exist.
    void get(uint64_t record, std::vector<std::string>& texts);

  private:
    static constexpr size_t max_places = size_t{16} << 20;

    void take(size_t part, std::string* text);
    void index();

    ByteSource& source_;
    const bool lines_;
    const uint64_t records_;
    std::vector<JsonScanner> scanners_;  // one, or one for each field
    uint64_t position_ = 0;
    std::vector<uint64_t> places_;  // for get(): of each record's values
};

}  // namespace vecstore::core::io
