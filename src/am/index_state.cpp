#include "am/index_state.hpp"

#include "am/index_meta.hpp"
#include "core/storage/mean_pages.hpp"

#include <unordered_map>

namespace vecstore::am {

namespace {

using Cache = std::unordered_map<Oid, std::shared_ptr<IndexState>>;

constexpr size_t max_cached = 256;

Cache& cache() {
    static Cache states;
    return states;
}

}  // namespace

void forget_index_state(Relation index) { cache().erase(RelationGetRelid(index)); }

std::shared_ptr<IndexState> index_state(Relation index) {
    auto found = cache().find(RelationGetRelid(index));
    if (found != cache().end() && found->second->storage == pg::storage_number(index)) {
        IndexState& state = *found->second;
        if (unlikely(state.recent.used_up())) {
            const BlockNumber blocks = pg::pg_call([&] { return RelationGetNumberOfBlocks(index); });
            state.recent.resize_for(blocks);
        }
        return found->second;
    }
    pg::BufmgrStore store(index, nullptr);
    const core::MetaData meta = read_index_meta(index, store);
    auto state = std::make_shared<IndexState>(pg::storage_number(index), meta, core::read_mean(store, meta),
                                              store.page_count());
    if (cache().size() >= max_cached) cache().clear();
    cache()[RelationGetRelid(index)] = state;
    return state;
}

}  // namespace vecstore::am
