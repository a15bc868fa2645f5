#include "core/io/pickle/pickle_classes.hpp"

#include <iterator>

namespace vecstore::core::io {

namespace {

constexpr PickleClass classes[] = {
    // LangChain, whose modules have moved from release to release
    {"langchain.", "Document", PickleUse::record, PickleMeaning::object},
    {"langchain_core.", "Document", PickleUse::record, PickleMeaning::object},
    {"langchain_community.", "Document", PickleUse::record, PickleMeaning::object},
    {"langchain_classic.", "Document", PickleUse::record, PickleMeaning::object},
    {"langchain.", "InMemoryDocstore", PickleUse::record},
    {"langchain_core.", "InMemoryDocstore", PickleUse::record},
    {"langchain_community.", "InMemoryDocstore", PickleUse::record},
    {"langchain_classic.", "InMemoryDocstore", PickleUse::record},
    // Chroma
    {"chromadb.", "PersistentData", PickleUse::record},
    // Python's containers, as objects
    {"builtins", "object", PickleUse::inert},
    {"builtins", "list", PickleUse::list},
    {"builtins", "tuple", PickleUse::tuple},
    {"builtins", "set", PickleUse::set},
    {"builtins", "frozenset", PickleUse::set},
    {"builtins", "dict", PickleUse::dict},
    {"builtins", "bytes", PickleUse::bytes},
    {"builtins", "bytearray", PickleUse::bytes},
    {"builtins", "str", PickleUse::inert},
    {"builtins", "int", PickleUse::inert},
    {"builtins", "float", PickleUse::inert},
    {"builtins", "bool", PickleUse::inert},
    {"collections", "OrderedDict", PickleUse::dict},
    {"collections", "defaultdict", PickleUse::default_dict},
    {"_codecs", "encode", PickleUse::encoded_bytes},
    {"copyreg", "_reconstructor", PickleUse::reconstructor},
    {"copyreg", "__newobj__", PickleUse::new_object},
    // Values that stand in metadata
    {"datetime", "datetime", PickleUse::record, PickleMeaning::date_time},
    {"datetime", "date", PickleUse::record, PickleMeaning::date},
    {"datetime", "time", PickleUse::record, PickleMeaning::time},
    {"datetime", "timedelta", PickleUse::record, PickleMeaning::time_delta},
    {"datetime", "timezone", PickleUse::record, PickleMeaning::time_zone},
    {"uuid", "UUID", PickleUse::record, PickleMeaning::uuid},
    {"uuid", "SafeUUID", PickleUse::record},
    {"decimal", "Decimal", PickleUse::record, PickleMeaning::decimal},
    {"pathlib", "PosixPath", PickleUse::record, PickleMeaning::path},
    {"pathlib", "PurePosixPath", PickleUse::record, PickleMeaning::path},
    {"pathlib", "WindowsPath", PickleUse::record, PickleMeaning::path},
    {"pathlib", "PureWindowsPath", PickleUse::record, PickleMeaning::path},
    {"pathlib._local", "PosixPath", PickleUse::record, PickleMeaning::path},
    {"pathlib._local", "PurePosixPath", PickleUse::record, PickleMeaning::path},
    {"pathlib._local", "WindowsPath", PickleUse::record, PickleMeaning::path},
    {"pathlib._local", "PureWindowsPath", PickleUse::record, PickleMeaning::path},
    {"numpy.core.multiarray", "scalar", PickleUse::record, PickleMeaning::numpy_scalar},
    {"numpy._core.multiarray", "scalar", PickleUse::record, PickleMeaning::numpy_scalar},
    {"numpy", "dtype", PickleUse::record},
};

// Python 2's names.
std::string_view modern_module(std::string_view module) {
    if (module == "__builtin__") return "builtins";
    if (module == "copy_reg") return "copyreg";
    return module;
}

bool matches(std::string_view pattern, std::string_view module) {
    if (pattern.back() != '.') return pattern == module;
    return module.substr(0, pattern.size()) == pattern || module == pattern.substr(0, pattern.size() - 1);
}

}  // namespace

int find_pickle_class(std::string_view module, std::string_view name) {
    module = modern_module(module);
    for (size_t i = 0; i < std::size(classes); i++) {
        if (classes[i].name == name && matches(classes[i].module, module)) return static_cast<int>(i);
    }
    return -1;
}

const PickleClass& pickle_class(size_t index) { return classes[index]; }

}  // namespace vecstore::core::io
