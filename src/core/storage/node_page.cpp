#include "core/storage/node_page.hpp"

#include <string>

#include "core/base/error.hpp"
#include "core/storage/damage.hpp"

namespace vecstore::core {

void throw_bad_node(const NodeLayout& layout, const NodeHead& head, const Link& at) {
    throw_damaged(at.block, "the node in slot " + std::to_string(int(at.slot)) + " has " +
                                std::to_string(int(head.degree)) + " neighbors, room for " +
                                std::to_string(layout.max_neighbors()) + ", " +
                                std::to_string(int(head.tid_count)) + " rows, and level " +
                                std::to_string(int(head.level)));
}

}  // namespace vecstore::core
