#include "am/index_state.hpp"

#include <unordered_map>

namespace vecstore::am {

namespace {

using Cache = std::unordered_map<Oid, std::shared_ptr<IndexState>>;

constexpr size_t max_cached = 256;

Cache& cache() {
    static Cache states;
    return states;
}

std::vector<float> read_mean(pg::BufmgrStore& store, const core::MetaData& meta) {
    std::vector<float> mean;
    if (meta.mean_block == core::invalid_block) return mean;
    mean.resize(meta.geometry.dims);
    size_t done = 0;
    for (uint32_t i = 0; i < meta.mean_pages && done < mean.size(); ++i) {
        auto page = store.read(meta.mean_block + i);
        const size_t n = std::min(core::floats_per_mean_page, mean.size() - done);
        std::memcpy(&mean[done], page.payload() + sizeof(core::PageHead), n * sizeof(float));
        done += n;
    }
    return mean;
}

void check_meta(Relation index, const core::MetaData& meta) {
    const std::string name = RelationGetRelationName(index);
    if (meta.magic != core::format_magic)
        throw core::Error(core::ErrorCode::corrupted_index, "index \"" + name + "\" is not a vecstore index",
                          "Its first page is no metapage of vecstore's.", "REINDEX it.");
    if (meta.version != core::format_version)
        throw core::Error(core::ErrorCode::corrupted_index,
                          "index \"" + name + "\" has format version " + std::to_string(meta.version) +
                              ", this vecstore reads version " + std::to_string(core::format_version),
                          {}, "REINDEX it.");
}

}  // namespace

void forget_index_state(Relation index) {
    cache().erase(RelationGetRelid(index));
}

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
    core::MetaData meta;
    {
        auto page = store.read(core::meta_block);
        meta = core::meta_of(page.payload());
    }
    check_meta(index, meta);
    auto state = std::make_shared<IndexState>(pg::storage_number(index), meta, read_mean(store, meta),
                                              store.page_count());
    if (cache().size() >= max_cached) cache().clear();
    cache()[RelationGetRelid(index)] = state;
    return state;
}

}  // namespace vecstore::am
