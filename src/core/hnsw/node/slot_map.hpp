// The map of all slots that vacuum keeps: which hold a node that lives, which one that is dead.
#pragma once

#include "core/base/scratch.hpp"
#include "core/storage/format.hpp"

namespace vecstore::core {

// Which nodes lived when vacuum passed them.
class SlotMap {
  public:
    enum State : uint8_t { free = 0, live = 1, dead = 2 };

    // All free.
    void reset(size_t slots, const Scratch& scratch = {}) {
        state_.reset(slots, scratch);
        generation_.reset(slots, scratch);
    }
    // To more, which are free.
    void grow(size_t slots, const Scratch& scratch = {}) {
        state_.grow(slots, scratch);
        generation_.grow(slots, scratch);
    }
    size_t size() const { return state_.size(); }
    void set(uint64_t id, State state, uint8_t generation) {
        state_[id] = state;
        generation_[id] = generation;
    }
    State state(uint64_t id) const { return static_cast<State>(state_[id]); }
    bool is_dead(uint64_t id, const Link& link) const {
        return id < state_.size() && state_[id] == dead && generation_[id] == link.generation;
    }
    bool is_live(uint64_t id, const Link& link) const {
        return id < state_.size() && state_[id] == live && generation_[id] == link.generation;
    }
    // A link to a slot that has long been another node's: dangling.
    bool is_stale(uint64_t id, const Link& link) const {
        return id < state_.size() && generation_[id] != link.generation;
    }
    // One that no live node should keep.
    bool is_unwanted(uint64_t id, const Link& link) const { return is_dead(id, link) || is_stale(id, link); }

  private:
    ScratchArray<uint8_t> state_;
    ScratchArray<uint8_t> generation_;
};

}  // namespace vecstore::core
