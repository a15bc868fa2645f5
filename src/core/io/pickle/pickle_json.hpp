// Values of a pickle as JSON, for metadata.
#pragma once

#include "core/io/pickle/pickle.hpp"

#include <string>

namespace vecstore::core::io {

struct JsonText {
    std::string json;
    bool altered = false;  // a text had to be changed to be storable (utf8.hpp)
};

// Tuples and sets become arrays, bytes hex text, dates and times ISO text, other records objects of their
// attributes. Throws limit_exceeded where values are nested too deeply (or contain themselves) or the text
// gets too long: sharing can make it far longer than the pickle.
JsonText json_text(const PickleData& data, PickleData::Id id);

// A text that can be stored; other scalars as JSON has them.
JsonText plain_text(const PickleData& data, PickleData::Id id);

}  // namespace vecstore::core::io
