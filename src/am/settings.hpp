// Settings of the access methods, of which pgvector has the same names: hnsw.ef_search and so on.
//
// Two libraries cannot define a setting of one name: where pgvector's comes into a backend second, it would
// fail. So each setting has two names. The plain one is in force for indexes whose access method has its
// plain name (hnsw), the other (vecstore.hnsw_ef_search) for those of an access method that gave its name to
// pgvector's (vecstore_hnsw). How the plain one is defined depends on whether pgvector may come:
//
//  * Its library is not on this server: as what it is, a number or a choice.
//  * It is: as a string with the checks of a number or choice, and flagged as a placeholder. Postgres lets
//    a library put a setting of its own in the place of one that is flagged so, and carries over what was
//    SET.
//  * It is loaded already, and the setting is pgvector's: not at all. The value that is SET is read from
//    there.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "utils/guc.h"
#include "utils/rel.h"
}

namespace vecstore::am {

struct Setting {
    const char* name;      // hnsw.ef_search
    const char* own_name;  // vecstore.hnsw_ef_search
    const char* short_desc;
    const char* long_desc;
    int initial, min, max;
    const config_enum_entry* choices;  // null: a number
    bool fractional;                   // a number with a fraction

    int value;      // of the plain name, where pgvector may not come
    char* text;     // of the plain name, where it may; null: not set, or the setting is pgvector's
    int own_value;  // of the other name
    double fraction[2];

    // The value in force for an index of the access method of the plain name, or of the other name.
    int read(bool has_plain_name) const;
    // The same of a number with a fraction, if something has set it; else `otherwise`. Takes a while to find
    // out.
    double read_if_set(bool has_plain_name, double otherwise) const;
};

// Defines both names. Called when the library is loaded.
template <Setting& setting>
void define_setting();

// Settings of these plain names that do not exist are errors from here on: hnsw.ef_serch. (Not where pgvector
// may come, a later one of which may have more settings than are known here; placeholders of those, too,
// would be thrown away.)
void reserve_plain_names();

// Does the index's access method have its plain name, or had that to be left to pgvector?
bool has_plain_name(Relation index);

// ------------------------------------------------------------------------------------------ implementation

bool pgvector_may_come();
bool is_defined(const char* name);
void define_number_or_choice(const Setting& setting, const char* name, int* value, double* fraction);
void define_replaceable(const Setting& setting, char** text, GucStringCheckHook check, GucShowHook show);
bool check_text(const Setting& setting, const char* text);
const char* initial_text(const Setting& setting);

// A check hook is not told which setting it is called for.
template <Setting& setting>
bool check_hook(char** value, void**, GucSource) {
    return *value == nullptr || check_text(setting, *value);
}

template <Setting& setting>
const char* show_hook() {
    return setting.text != nullptr ? setting.text : initial_text(setting);
}

template <Setting& setting>
void define_setting() {
    define_number_or_choice(setting, setting.own_name, &setting.own_value, &setting.fraction[1]);
    if (is_defined(setting.name)) return;
    if (pgvector_may_come())
        define_replaceable(setting, &setting.text, check_hook<setting>, show_hook<setting>);
    else
        define_number_or_choice(setting, setting.name, &setting.value, &setting.fraction[0]);
}

}  // namespace vecstore::am
