// Candidates from the graph: a beam on level 0.
//
// Where the index has a calibration, the first beam ends so many times as far as its tenth nearest node
// (beam_calibration.hpp).
#pragma once

#include "core/hnsw/scan/candidate_source.hpp"
#include "core/hnsw/search/beam_calibration.hpp"

namespace vecstore::core {

template <class Store>
class GraphBeam : public CandidateSource {
  public:
    // beam: that has been used for the descent to these entry candidates.
    GraphBeam(Beam<Store>& beam, const BeamCalibration& calibration, size_t width,
              const std::vector<EntryCandidate>& entry_candidates)
        : CandidateSource(width),
          beam_(beam),
          calibration_(calibration),
          descent_visits_(beam.counts().visits) {
        beam_.start(0, extent());
        for (const EntryCandidate& candidate : entry_candidates) beam_.seed(candidate);
    }

    template <class Visitor>
    bool step(Visitor&& visitor) {
        return beam_.step(visitor);
    }

    // By a factor so many are sure, however wide the beam. By rank the first beam serves as many: it is as
    // wide as ef_search says. (Of 20,000 word vectors x 100 by inner product, at ef_search 20, it finds .92
    // of ten rows with 50 visits; going on for the last of them takes 100 and finds .95, which one of 30 has
    // with 75.)
    bool covers(size_t taken, size_t wanted) const {
        if (goes_by_factor()) return taken < sure_;
        return taken < calibration_rank || CandidateSource::covers(taken, wanted);
    }
    void widen(const SourceReach& reach) {
        width_ = reach.width;
        sure_ = reach.sure;
        beam_.widen(extent());
    }
    bool ends_early() const { return goes_by_factor() && sure_ == calibration_rank; }
    void fill() { widen({width_}); }
    // A beam that is not full has met all that the graph leads to; or vacuum freed what it was on its way
    // through.
    bool fell_short() const { return std::isinf(beam_.memory().bound.get()); }
    uint64_t visits() const { return beam_.counts().visits - descent_visits_; }

  private:
    bool goes_by_factor() const { return is_known(calibration_) && sure_ != SIZE_MAX; }
    BeamExtent extent() const { return extent_of(calibration_, width_, sure_); }

    Beam<Store>& beam_;
    const BeamCalibration calibration_;
    const uint64_t descent_visits_;
    size_t sure_ = calibration_rank;
};

}  // namespace vecstore::core
