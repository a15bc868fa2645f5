#include "am/settings.hpp"

#include "am/access_method.hpp"

#include <dlfcn.h>
#include <unistd.h>

extern "C" {
#include "catalog/pg_am.h"
#include "utils/guc_tables.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace vecstore::am {

namespace {

const config_enum_entry* find_choice(const Setting& setting, const char* text) {
    for (const config_enum_entry* c = setting.choices; c->name != nullptr; c++)
        if (pg_strcasecmp(c->name, text) == 0) return c;
    return nullptr;
}

// Without checks of the range.
bool parse(const Setting& setting, const char* text, int* value) {
    if (setting.choices == nullptr) return parse_int(text, value, 0, nullptr);
    const config_enum_entry* const choice = find_choice(setting, text);
    if (choice != nullptr) *value = choice->val;
    return choice != nullptr;
}

// The setting's text if something has set it, whosoever's the setting is.
const char* text_when_set(const char* name) {
    const config_generic* const found = pg::find_setting(name);
    return found != nullptr && found->source != PGC_S_DEFAULT ? GetConfigOption(name, true, false) : nullptr;
}

bool has_library(const std::string& folder) {
    return !folder.empty() && access((folder + "/vector" DLSUFFIX).c_str(), F_OK) == 0;
}

// The folder that this library was loaded from: neighbors of one installation are found there, also in a
// staging folder.
std::string own_folder() {
    Dl_info info;
    if (dladdr(reinterpret_cast<const void*>(&own_folder), &info) == 0 || info.dli_fname == nullptr)
        return "";
    const std::string path = info.dli_fname;
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}

// Wherever Postgres might find it: $libdir, dynamic_library_path, and Debian's extension_destdir.
bool find_pgvector() {
    if (has_library(pkglib_path) || has_library(own_folder())) return true;
    const char* const destination = GetConfigOption("extension_destdir", true, false);
    if (destination != nullptr && *destination != '\0' && has_library(std::string(destination) + pkglib_path))
        return true;
    const std::string folders = Dynamic_library_path != nullptr ? Dynamic_library_path : "";
    for (size_t begin = 0; begin < folders.size();) {
        const size_t end = Min(folders.find(':', begin), folders.size());
        if (has_library(folders.substr(begin, end - begin))) return true;
        begin = end + 1;
    }
    return false;
}

}  // namespace

int Setting::read(bool has_plain_name) const {
    if (!has_plain_name) return own_value;
    if (text == nullptr && !pgvector_may_come()) return value;
    const char* const found = text != nullptr ? text : text_when_set(name);
    int result = initial;
    return found != nullptr && parse(*this, found, &result) ? result : initial;
}

double Setting::read_if_set(bool has_plain_name, double otherwise) const {
    const char* const found = text_when_set(has_plain_name ? name : own_name);
    double result;
    return found != nullptr && parse_real(found, &result, 0, nullptr) ? result : otherwise;
}

bool has_plain_name(Relation index) {
    HeapTuple tuple = SearchSysCache1(AMOID, ObjectIdGetDatum(index->rd_rel->relam));
    if (!HeapTupleIsValid(tuple)) return true;
    const bool result = strcmp(NameStr(reinterpret_cast<Form_pg_am>(GETSTRUCT(tuple))->amname),
                               method_of(index).name) == 0;
    ReleaseSysCache(tuple);
    return result;
}

void reserve_plain_names() {
    if (pgvector_may_come()) return;
    for (const char* const prefix : {"hnsw", "ivfflat"}) pg::reserve_settings(prefix);
}

// A library that is installed later than this is looked for comes too late for this backend; so does one that
// Postgres is told to load from elsewhere.
bool pgvector_may_come() {
    static const bool found = is_defined("hnsw.ef_search") || find_pgvector();
    return found;
}

// Placeholders that a SET leaves before the library is loaded do not count.
bool is_defined(const char* name) {
    const config_generic* const found = pg::find_setting(name);
    return found != nullptr && (found->flags & GUC_CUSTOM_PLACEHOLDER) == 0;
}

void define_number_or_choice(const Setting& setting, const char* name, int* value, double* fraction) {
    if (setting.choices != nullptr)
        DefineCustomEnumVariable(name, setting.short_desc, setting.long_desc, value, setting.initial,
                                 setting.choices, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    else if (setting.fractional)
        DefineCustomRealVariable(name, setting.short_desc, setting.long_desc, fraction, setting.initial,
                                 setting.min, setting.max, PGC_USERSET, 0, nullptr, nullptr, nullptr);
    else
        DefineCustomIntVariable(name, setting.short_desc, setting.long_desc, value, setting.initial,
                                setting.min, setting.max, PGC_USERSET, 0, nullptr, nullptr, nullptr);
}

// The value when nothing was set is null, so that there is nothing to carry over to pgvector's, whose
// defaults differ.
void define_replaceable(const Setting& setting, char** text, GucStringCheckHook check, GucShowHook show) {
    DefineCustomStringVariable(setting.name, setting.short_desc, setting.long_desc, text, nullptr,
                               PGC_USERSET, GUC_CUSTOM_PLACEHOLDER, check, nullptr, show);
}

// As Postgres checks numbers and choices, and with its words.
bool check_text(const Setting& setting, const char* text) {
    if (setting.choices != nullptr) {
        if (find_choice(setting, text) != nullptr) return true;
        std::string names;
        for (const config_enum_entry* c = setting.choices; c->name != nullptr; c++)
            names += (names.empty() ? "" : ", ") + std::string(c->name);
        GUC_check_errhint("Available values: %s.", names.c_str());
        return false;
    }
    double number = 0;
    int whole = 0;
    if (setting.fractional ? !parse_real(text, &number, 0, nullptr) : !parse_int(text, &whole, 0, nullptr))
        return false;
    if (!setting.fractional) number = whole;
    if (number >= setting.min && number <= setting.max) return true;
    GUC_check_errcode(ERRCODE_INVALID_PARAMETER_VALUE);
    GUC_check_errmsg("%s is outside the valid range for parameter \"%s\" (%d .. %d)", text, setting.name,
                     setting.min, setting.max);
    return false;
}

const char* initial_text(const Setting& setting) {
    if (setting.choices == nullptr) {
        static char number[16];
        snprintf(number, sizeof(number), "%d", setting.initial);
        return number;
    }
    const config_enum_entry* choice = setting.choices;
    while (choice->val != setting.initial) choice++;
    return choice->name;
}

}  // namespace vecstore::am
