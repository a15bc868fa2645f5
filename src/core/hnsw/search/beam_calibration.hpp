// How many nodes a search visits that goes so many times as far as its tenth nearest: measured on the index's
// own nodes, so that ef_search can stand for an average: .85 (of codes of several bits, .95) of what
// beams of the ef_search nearest would visit. (Those visit some more than ef_search, and many more where
// codes tell little of distances, as among vectors that are random in many dimensions.)
//
// Measured on 200,000 x 768, 1,000 queries: a beam of the 40 nearest visits 47 nodes and finds .980 of the
// ten nearest; one of 1.14 times the distance of the tenth visits 39 and finds .985. For .990 it takes 46
// visits instead of 68, for .995 59 instead of 134, for .998 89 instead of 253. (1,000,000 x 768: .976 with
// 97 visits, .981 with 79; .989 with 189, .994 with 156. MNIST: .998 with 59 instead of 147.)
#pragma once

#include <cmath>

#include "core/hnsw/search/search.hpp"
#include "core/hnsw/space/lengths.hpp"
#include "core/storage/features.hpp"

namespace vecstore::core {

// The node whose distance is the measure, by rank: what most queries ask for. (Of 7, 10, 15 and 20 the best
// at every recall from .95 to .998 on six sets of data.)
constexpr size_t calibration_rank = 10;
// The widths measured; between and beyond them the logarithm of the factor goes with that of the width.
constexpr size_t calibration_widths[calibration_points] = {20, 40, 80};

// Of how many times the distance of the tenth nearest searches of this width go, as a logarithm; negative
// below ten.
inline double log_factor_of(const BeamCalibration& calibration, double width) {
    double from = calibration_rank, log_from = 0, to = 0, log_to = 0;
    for (size_t i = 0; i < calibration_points; ++i) {
        if (i > 0) from = to, log_from = log_to;
        to = static_cast<double>(calibration_widths[i]);
        log_to = static_cast<double>(calibration.log_factor[i]);
        if (width <= to) break;
    }
    // Between two points a line; beyond the last one as from ten to there.
    if (width > to) return log_to * std::log(width / calibration_rank) / std::log(to / calibration_rank);
    return log_from + (log_to - log_from) * std::log(width / from) / std::log(to / from);
}

// (As seen from far away all rows are about as far.)
inline bool is_known(const BeamCalibration& calibration) {
    return calibration.pages > 0 && calibration.log_factor[calibration_points - 1] > 0 &&
           !(calibration.length < 0);
}

// Of a search of this width whose first `sure` rows are asked for.
inline BeamExtent extent_of(const BeamCalibration& calibration, size_t width, size_t sure) {
    if (!is_known(calibration) || sure >= width) return BeamExtent{width};
    const double factor = std::exp(log_factor_of(calibration, static_cast<double>(width)) -
                                   log_factor_of(calibration, static_cast<double>(sure)));
    return {width, sure, std::max(static_cast<float>(factor), 1.0f)};
}

// Searches that measure the calibration, of which there may be some at a time.
struct CalibrationSamples {
    struct Visit {
        float estimate;  // by which it was chosen
        float distance;
    };
    uint32_t pages = 0;           // of the index at the first one
    size_t wanted = 0, done = 0;  // nodes to search from; 0: none are wanted
    bool of_distances = true;     // else only their lengths matter
    std::vector<float> lengths;   // of their vectors
    size_t misfits = 0;
    std::vector<std::vector<Visit>> searches;
};

template <class Store>
class CalibrationMeter {
  public:
    CalibrationMeter(Store& store, const VectorEncoder& encoder, SearchMemory& memory,
                     CalibrationSamples& samples)
        : store_(store), encoder_(encoder), layout_(encoder.layout()), memory_(memory), samples_(samples) {}

    // Nothing where there are too few nodes for it to matter. No factors of inner products that may be
    // negative, and where nodes hold so little of their vectors that they seem nearer to each other than to a
    // query.
    void measure() {
        begin();
        while (search_next()) store_.pause_point();
    }

    void begin() {
        samples_ = {};
        samples_.pages = store_.page_count();
        const size_t slots = samples_.pages * layout_.slots_per_page();
        samples_.of_distances = slots >= least_nodes && has_distances();
        const bool of_lengths = slots >= least_lengths &&
                                (keeps_long_rows(layout_.geometry()) || may_misfit());
        if (!samples_.of_distances && !of_lengths) return;
        // Each takes as long as one or two inserts.
        samples_.wanted = std::clamp<size_t>(slots / slots_for_sample, least_samples, most_samples);
    }

    // Searches from one more of the nodes. False: that was done from as many as are wanted.
    bool search_next() {
        if (samples_.done >= samples_.wanted) return false;
        const uint32_t pages = samples_.pages;
        const size_t i = samples_.done++;
        const auto block = static_cast<uint32_t>(1 +
                                                 (pages - 1) * (2 * uint64_t{i} + 1) / (2 * samples_.wanted));
        const Link link = node_near(block, pages);
        if (!link.valid()) return true;
        samples_.lengths.push_back(std::sqrt(norm2_));
        samples_.misfits += misfits_;
        if (samples_.of_distances) search_from(link);
        return true;
    }

    BeamCalibration result() {
        BeamCalibration calibration{};
        if (samples_.lengths.empty() || samples_.lengths.size() * 2 < samples_.wanted) return calibration;
        if (samples_.of_distances) {
            leave_out_lonely();
            for (size_t i = 0; i < calibration_points; ++i)
                calibration.log_factor[i] = find_factor(calibration_widths[i]);
        }
        // The median: one row of 1e6 says nothing about the others.
        std::vector<float>& lengths = samples_.lengths;
        const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 2);
        std::nth_element(lengths.begin(), middle, lengths.end(), nearer);
        calibration.length = *middle;
        // (Where distances will be measured when there are more nodes, that is not put off.)
        if (samples_.of_distances || !has_distances()) calibration.pages = samples_.pages;
        return calibration;
    }

    // By the same nodes: MetaData::long_from; 0: not known.
    float find_long_from() {
        std::vector<float> lengths = samples_.lengths;
        return long_from(high_length(lengths), layout_.geometry());
    }

    // Of an index that was made of rows around a center from which most others are far: they are stored as
    // exactly as their distance from it allows, and cannot be told apart, so that no search finds its way
    // among them. (200 rows of about 5e5 in each component, then 2,300 of length 1: .36 of the ten nearest
    // were found.)
    bool misfits() const {
        constexpr size_t share = 4;
        return samples_.misfits * share > samples_.lengths.size();
    }

  private:
    static constexpr size_t least_nodes = 1000, least_lengths = 128;
    static constexpr size_t slots_for_sample = 400, least_samples = 64, most_samples = 256;
    static constexpr size_t width = calibration_widths[calibration_points - 1] * BeamBound::most_widths;

    using Visit = CalibrationSamples::Visit;

    // Where more is lost of a vector than a tenth of its length, little is left. (Of those around the center,
    // and where there is none, it is .0005, of int8 .01.)
    bool may_misfit() const {
        return layout_.coded() && !encoder_.mean().empty() &&
               layout_.geometry().own_format != OwnFormat::planes;
    }
    static bool is_misfit(const NodeHead& head) { return head.error > 0.1f * std::sqrt(head.norm2); }
    bool has_distances() const {
        return !encoder_.space().is_product() && layout_.geometry().own_format != OwnFormat::planes;
    }

    // A live node of level 0 on this page or one of the next; its vector is decoded.
    Link node_near(uint32_t block, uint32_t pages) {
        constexpr uint32_t tries = 16;
        vector_.resize(encoder_.geometry().stored_dims);
        Link found;
        for (const uint32_t end = std::min(pages, block + tries); block < end && !found.valid(); ++block)
            for_each_live_node(store_, layout_, block, [&](const Link& link, const ConstNode& node) {
                if (found.valid()) return;
                found = link;
                norm2_ = node.head().norm2;
                misfits_ = may_misfit() && is_misfit(node.head());
                encoder_.decode(node, vector_.data());
            });
        return found;
    }

    void search_from(const Link& self) {
        query_.prepare_internal(encoder_, vector_.data(), norm2_);
        Beam<Store> beam(store_, layout_, query_, memory_);
        const std::vector<EntryCandidate>& entry_candidates = descend(beam, read_entry_point(store_), 0);
        beam.start(0, BeamExtent{width});
        for (const EntryCandidate& candidate : entry_candidates) beam.seed(candidate);
        auto& visits = samples_.searches.emplace_back();
        beam.run([&](const ConstNode&, const Link& link, float distance) {
            if (link != self) visits.push_back({beam.estimate(), distance});
        });
    }

    // Queries are not like rows that are far from all others, of which there may be some: from those all rows
    // are about as far, and a few such searches, which go on for as long as they may, are most of what all of
    // them visit. (25 among 2,500: factors a third less, and .92 found instead of .95.)
    void leave_out_lonely() {
        constexpr float many_times = 2;  // squares, mostly
        constexpr size_t share_left_out = 8;
        std::vector<std::pair<float, size_t>> reach;  // the distance of the node of calibration_rank
        std::vector<float> distances;
        for (size_t i = 0; i < samples_.searches.size(); ++i) {
            distances.clear();
            for (const Visit& visit : samples_.searches[i]) distances.push_back(visit.distance);
            if (distances.size() < calibration_rank) continue;
            std::nth_element(distances.begin(), distances.begin() + (calibration_rank - 1), distances.end());
            reach.push_back({distances[calibration_rank - 1], i});
        }
        std::sort(reach.begin(), reach.end());
        const float usual = reach.empty() ? 0 : reach[reach.size() / 2].first;
        for (size_t left = reach.size() / share_left_out; left > 0 && reach.back().first > many_times * usual;
             --left) {
            samples_.searches[reach.back().second].clear();
            reach.pop_back();
        }
    }

    // Where codes have several bits, so that there are few dimensions, a search misses more of what it does
    // not visit: of 50,000 word vectors x 100 it finds .883 at 40 with .85, .904 with .95 for 6 more visits
    // in a hundred, and .889 where neighbors' distances are exact and a beam is as wide as ef_search.
    double share_of_rank() const { return layout_.geometry().code_bits() > 1 ? 0.95 : 0.85; }

    // With which the searches visit as many nodes, on average, as beams of this width are to.
    float find_factor(size_t wanted) {
        const double target = share_of_rank() * visits_of_all(BeamExtent{wanted});
        double low = 0, high = highest_log_factor;
        for (int i = 0; i < 14; ++i) {
            const double middle = (low + high) / 2;
            const BeamExtent extent{wanted, calibration_rank, static_cast<float>(std::exp(middle))};
            (visits_of_all(extent) < target ? low : high) = middle;
        }
        return static_cast<float>(low);
    }

    double visits_of_all(const BeamExtent& extent) {
        double visits = 0;
        for (const std::vector<Visit>& search : samples_.searches)
            visits += static_cast<double>(visits_of(search, extent));
        return visits;
    }

    // Where a search would have ended.
    size_t visits_of(const std::vector<Visit>& search, const BeamExtent& extent) {
        bound_.clear(extent);
        size_t visits = 0;
        for (; visits < search.size() && !(search[visits].estimate > bound_.get()); ++visits)
            bound_.add(search[visits].distance);
        return visits;
    }

    Store& store_;
    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    SearchMemory& memory_;
    Query query_;
    BeamBound bound_;
    std::vector<float> vector_;
    float norm2_ = 0;
    bool misfits_ = false;
    CalibrationSamples& samples_;
};

template <class Store>
void write_calibration(Store& store, const VectorEncoder& encoder, CalibrationMeter<Store>& meter) {
    BeamCalibration calibration = meter.result();
    const float from = meter.find_long_from();
    const uint8_t misfits = meter.misfits();
    auto page = store.write(meta_block);
    // Lengths are noted row by row where they matter.
    if (encoder.length_matters()) calibration.length = meta_of(page.peek()).calibration.length;
    const bool measured = calibration.pages > 0 || meta_of(page.peek()).calibration.pages > 0;
    const bool news = (from > 0 && from != meta_of(page.peek()).long_from) ||
                      misfits != meta_of(page.peek()).misfits;
    if (!measured && !news) return;
    MetaData& meta = meta_of(page.modify());
    if (measured) meta.calibration = calibration;
    if (from > 0) meta.long_from = from;
    meta.misfits = misfits;
    page.commit();
}

// Measures, and writes down what was found.
template <class Store>
void note_calibration(Store& store, const VectorEncoder& encoder, SearchMemory& memory) {
    CalibrationSamples samples;
    CalibrationMeter<Store> meter(store, encoder, memory, samples);
    meter.measure();
    write_calibration(store, encoder, meter);
}

// Has the index grown by half since that was measured?
template <class Store>
bool is_calibration_old(Store& store) {
    constexpr uint32_t least_pages = 64;
    const uint32_t pages = store.page_count();
    auto page = store.read(meta_block);
    return pages >= least_pages && knows_features(meta_of(page.payload()), Access::change) &&
           pages * uint64_t{2} > uint64_t{meta_of(page.payload()).calibration.pages} * 3;
}

// After inserts: again whenever the index has grown by half, by no more than one search for each of the rows
// that come then. placed: where the last row's node is. samples: what this way of inserting has got so far.
template <class Store>
void keep_calibration(Store& store, const VectorEncoder& encoder, SearchMemory& memory, const Link& placed,
                      CalibrationSamples& samples) {
    constexpr uint32_t pages_between_looks = 64;
    CalibrationMeter<Store> meter(store, encoder, memory, samples);
    if (samples.wanted == 0) {
        if (placed.block % pages_between_looks == 0 && is_calibration_old(store)) meter.begin();
        return;
    }
    if (meter.search_next()) return;
    // (Another backend may have been faster.)
    if (is_calibration_old(store)) write_calibration(store, encoder, meter);
    samples = {};
}

}  // namespace vecstore::core
