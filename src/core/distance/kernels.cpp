#include "core/distance/kernels.hpp"

#include <atomic>
#include <cstring>

#include "core/distance/tables.hpp"

namespace vecstore::core {

namespace {

const std::vector<const Kernels*>& tables() {
    static const std::vector<const Kernels*> all = [] {
        std::vector<const Kernels*> found{&scalar_kernels()};
        append_simd_kernels(found);
        append_vpopcnt_kernels(found);
        return found;
    }();
    return all;
}

// Null until first asked for. Relaxed order is enough: what it points to never changes.
std::atomic<const Kernels*> in_use{nullptr};

}  // namespace

const Kernels& kernels() {
    const Kernels* table = in_use.load(std::memory_order_relaxed);
    if (table != nullptr) return *table;
    table = tables().back();
    const Kernels* expected = nullptr;
    // A concurrent force_kernels must not be undone.
    return in_use.compare_exchange_strong(expected, table) ? *table : *expected;
}

std::vector<const Kernels*> available_kernels() { return tables(); }

bool force_kernels(const char* name) {
    if (std::strcmp(name, "auto") == 0) {
        in_use.store(tables().back());
        return true;
    }
    for (const Kernels* table : tables()) {
        if (std::strcmp(table->name, name) == 0) {
            in_use.store(table);
            return true;
        }
    }
    return false;
}

}  // namespace vecstore::core
