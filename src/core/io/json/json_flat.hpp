// JSON values that need no parser of Postgres: strings, plain numbers, booleans and null, alone or as the
// members of an object. A value that is accepted here is accepted by jsonb too, and means the same. For all
// others (nested values, exponents, U+0000, bytes that are no UTF-8, errors of any kind) the answer is no,
// and the text is left to Postgres.
#pragma once

#include "core/io/json/json_records.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace vecstore::core::io {

struct FlatValue {
    JsonKind kind = json_null;  // never an object or array
    // The content of a string; any other value as it stands in the file.
    std::string_view text;
};

class FlatJson {
  public:
    // Names of the members that are wanted, as they stand in the file, with their quotes.
    explicit FlatJson(const std::vector<JsonField>& fields);

    // The values of the wanted members, null where they are missing; they live until the next call, as long
    // as `text` does. False: Postgres must see to it.
    bool parse_object(std::string_view text, std::vector<FlatValue>& values);
    // A value on its own, which is given the number of a field.
    bool parse_value(std::string_view text, size_t field, FlatValue& value);

  private:
    bool take_value(size_t slot, FlatValue& value);
    bool take_string(size_t slot, std::string_view& content);
    bool take_escaped(std::string& content);
    bool take_escape(std::string& content);
    bool take_code_unit(unsigned& unit);
    bool take_number(FlatValue& value);
    bool take_word(std::string_view word, JsonKind kind, FlatValue& value);
    size_t find_field(std::string_view name);
    void skip_space();
    bool accept(char c);

    std::vector<std::string> names_;  // without quotes
    std::vector<std::string>
        unescaped_;        // contents of strings with escapes, by field; one more for unwanted ones
    size_t expected_ = 0;  // the field that probably comes next
    const char* at_ = nullptr;
    const char* end_ = nullptr;
};

}  // namespace vecstore::core::io
