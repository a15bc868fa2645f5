// The interface between a scan and the sources of its candidates.
//
//   GraphBeam      walks the graph from its entry points         graph_beam.hpp
//   FilteredBeam   the same under conditions                     filtered_beam.hpp
//   MatchingRows   ranks the rows that match by their codes      matching_rows.hpp
//   Sweep          reads the index page by page                  sweep.hpp
//
// A scan has one source at a time; candidate_sources.hpp chooses it and says which one follows. A new source
// derives from CandidateSource, hides the answers that are different for it, and is named there.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vecstore::core {

// How far a source is to look: as far as so many nodes. The first `sure` of them are to be told from the
// rest; those farther off may be missed.
struct SourceReach {
    size_t width;
    size_t sure = SIZE_MAX;
};

class CandidateSource {
  public:
    // Every source has this. Looks at one more candidate, or a few: visitor(node, link, distance) runs for
    // each node whose rows the scan may hand out, under the lock of its page. False: there is none within
    // reach.
    //
    //   template <class Visitor> bool step(Visitor&& visitor);

    // Has everything near enough been found, when the rows of `taken` nodes are out and the scan would look
    // ahead as far as `wanted` nodes? Then the nearest row that waits may be handed out.
    bool covers(size_t /*taken*/, size_t wanted) const { return wanted <= width_; }
    // From now on its reach is this. No less than before.
    void widen(const SourceReach& reach) { width_ = reach.width; }
    size_t width() const { return width_; }

    // Does it look less far than it was asked to, as most queries need no more? fill(): it no longer does.
    bool ends_early() const { return false; }
    void fill() {}
    // Are there rows that it has not looked at, although nothing was left within reach?
    bool has_more() const { return false; }
    // Were there fewer nodes than it was asked for?
    bool fell_short() const { return false; }
    // Has it turned out that the source that follows is cheaper?
    bool is_outdone() const { return false; }
    // Nodes of level 0 looked at.
    uint64_t visits() const { return 0; }

  protected:
    explicit CandidateSource(size_t width = 0) : width_(width) {}

    size_t width_;
};

// A source without candidates: before a scan begins, and of an index without rows.
class NoCandidates : public CandidateSource {
  public:
    explicit NoCandidates(size_t width) : CandidateSource(width) {}
    template <class Visitor>
    bool step(Visitor&&) {
        return false;
    }
};

}  // namespace vecstore::core
