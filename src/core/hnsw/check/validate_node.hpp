// The part of the check (validate.hpp) that looks at one metapage, one page or one node.
#pragma once

#include <string>
#include <vector>

#include "core/hnsw/space/encoder.hpp"

namespace vecstore::core {

// The problem with a metapage's content; empty: there is none, and an encoder may be made from it.
std::string meta_problem(const MetaData& meta);
// The same of an index that has so many pages.
std::string meta_problem(const MetaData& meta, uint32_t pages);

// The content of an index, counted.
struct PageCounts {
    uint64_t node_pages = 0;
    uint64_t tid_pages = 0;
    uint64_t mean_pages = 0;
    uint64_t filter_pages = 0;
    uint64_t entry_pages = 0;
    uint64_t unused_pages = 0;  // never written: the index was being extended when the server crashed
    uint64_t nodes = 0;         // live ones of level 0
    uint64_t upper_nodes = 0;   // live ones above
    uint64_t dead_nodes = 0;    // of all levels
    uint64_t free_slots = 0;
    uint64_t inline_rows = 0;  // TIDs in live nodes
    uint64_t chunks = 0;       // TidChunks in use
    uint64_t chunk_rows = 0;   // TIDs in them
    uint64_t long_rows = 0;    // beside the graph
    uint64_t links = 0;        // of live nodes of level 0
};

// Adds the page to the counts. Looks at nothing that a broken page might have wrong.
void count_page(const uint8_t* payload, const NodeLayout& layout, PageCounts& counts);

std::string to_text(const Link& link);    // (block,slot)
std::string to_text(const HeapTid& tid);  // (block,offset)

class NodeInspector {
  public:
    // deep: own vectors are decoded.
    NodeInspector(const VectorEncoder& encoder, bool deep);

    // The problems of the node at `self`, as far as it alone can tell. The node is in use.
    std::vector<std::string> inspect(const ConstNode& node, const Link& self);

    // Is so little of the vector's place stored that the node can hardly be told from its neighbors? As where
    // an index was made of rows that lay elsewhere.
    bool is_rough(const ConstNode& node);

    // The node whose links link_problem() is to be asked about; copied but for its list, so it must stay.
    void set_center(const ConstNode& node);
    // Do code and factor of neighbor i of the center fit the two stored vectors? Empty: yes.
    std::string link_problem(size_t i, const ConstNode& neighbor);

    // Does the node hold this vector (internal)? Empty: yes.
    std::string vector_problem(const ConstNode& node, const float* internal);

  private:
    void inspect_head(const NodeHead& head, std::vector<std::string>& problems) const;
    void inspect_links(const ConstNode& node, const Link& self, std::vector<std::string>& problems) const;
    void inspect_vector(const ConstNode& node, std::vector<std::string>& problems);
    float rounding_of(float component, float scale) const;
    std::string code_problem(size_t i, double error) const;
    std::string factor_problem(size_t i, double error) const;
    std::string plain_problem(size_t i, double error) const;
    // By how much the distance stored with a neighbor may be wrong when it should be `distance`.
    double distance_tolerance(double distance, double error) const;
    std::string sparse_problem(const ConstNode& node) const;
    // Sum of squares of a decoded vector's components, the mean added again; in `mean2` of the mean's.
    double stored_norm2(const float* internal, double& mean2) const;

    const VectorEncoder& encoder_;
    const NodeLayout& layout_;
    bool deep_;
    std::vector<float> mean_internal_;  // where the mean lies, seen from internal vectors' origin
    ConstNode center_;
    std::vector<float> center_vector_, neighbor_vector_;
    float center_scale_ = 1, neighbor_scale_ = 1;
};

}  // namespace vecstore::core
