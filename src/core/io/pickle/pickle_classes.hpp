// The classes that a pickle may name. All others are refused, for any use.
#pragma once

#include <cstddef>
#include <string_view>

namespace vecstore::core::io {

// The use of a class or function: how its objects, or its calls, are read.
enum class PickleUse {
    record,  // an inert record
    list,    // a list, tuple, set or dict, as if the pickle had said so itself
    tuple,
    set,
    dict,
    default_dict,
    bytes,
    encoded_bytes,  // _codecs.encode: how protocols below 3 write bytes
    reconstructor,  // copyreg's: how protocols below 2 make an object
    new_object,     // copyreg's
    inert,          // may be named, not called: object, the factory of a defaultdict
};

// How a record is shown as a value of JSON.
enum class PickleMeaning {
    object,
    date_time,
    date,
    time,
    time_delta,
    time_zone,
    uuid,
    decimal,
    path,
    numpy_scalar,
    other
};

struct PickleClass {
    std::string_view module;  // ends with '.' where it is the first part of modules' names
    std::string_view name;
    PickleUse use;
    PickleMeaning meaning = PickleMeaning::other;
};

// Index into the list, or -1.
int find_pickle_class(std::string_view module, std::string_view name);
const PickleClass& pickle_class(size_t index);

}  // namespace vecstore::core::io
