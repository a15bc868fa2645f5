// hnsw and ivfflat are two access methods over one graph: built, filled, vacuumed, searched and checked by
// the same code. This is what differs between them.
#pragma once

#include "pg/guard.hpp"

#include "core/hnsw/scan/ordered_scan.hpp"

#include <functional>

extern "C" {
#include "access/amapi.h"
#include "utils/rel.h"
}

namespace vecstore::am {

enum StorageOption { storage_auto, storage_default, storage_compact, storage_plain };

// How the graph is built.
struct GraphOptions {
    int m;
    int ef_construction;
    int storage;  // StorageOption
    // The same for vectors of few dimensions, and without codes, where each neighbor has to be read to know
    // how far it is; 0: as for others. And the most bits that a code is to have there.
    int light_m = 0;
    int light_ef_construction = 0;
    uint32_t light_code_bits = 0;

    bool is_light(core::StorageMode mode, uint32_t dims) const {
        const bool of_floats = mode != core::StorageMode::plain && mode != core::StorageMode::coded_bits;
        return light_m > 0 && (!of_floats || dims <= core::most_dims_of_wide_codes);
    }
    int m_for(core::StorageMode mode, uint32_t dims) const { return is_light(mode, dims) ? light_m : m; }
    int ef_construction_for(core::StorageMode mode, uint32_t dims) const {
        return is_light(mode, dims) ? light_ef_construction : ef_construction;
    }
    uint32_t code_bits_for(core::StorageMode mode, uint32_t dims, bool compact) const {
        const uint32_t bits = core::code_bits_for(mode, dims, compact);
        return is_light(mode, dims) ? std::min(bits, light_code_bits) : bits;
    }
};

struct AccessMethod {
    const char* name;
    int support_procs;  // how many support functions its operator classes may have
    int type_proc;      // the one with type information (column_type.hpp); 0: vector, when a class has none
    bool filters;       // may indexes have columns to filter by (filter_type.hpp)?

    // The options of WITH (...).
    bytea* (*parse_options)(Datum reloptions, bool validate);
    GraphOptions (*graph_options)(Relation index);

    // How a scan that begins now searches an index: the options' and settings' part of it. rows(): about how
    // many rows the index has; a scan of a method that does not ask is spared finding out. May raise.
    core::ScanOptions (*scan_options)(Relation index, const std::function<uint64_t()>& rows);
};

extern const AccessMethod hnsw_method;
extern const AccessMethod ivfflat_method;

// Null when the routine is of none of them.
const AccessMethod* find_method(const IndexAmRoutine* routine);
const AccessMethod& method_of(Relation index);

// The name of the access method in this database now (names.cpp). May raise.
const char* current_name(const AccessMethod& method);

// Called when the library is loaded.
void define_hnsw();
void define_ivfflat();

// The options of a scan under the session's settings, as far as the planner knows.
core::ScanOptions planned_scan(const IndexOptInfo* index);

}  // namespace vecstore::am
