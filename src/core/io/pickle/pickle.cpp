#include "core/io/pickle/pickle.hpp"

#include <cstring>

namespace vecstore::core::io {

// --- access --------------------------------------------------------------------------------------------

double PickleData::real(Id id) const {
    double value;
    std::memcpy(&value, &values_[id].payload, sizeof(value));
    return value;
}

std::string PickleData::bytes(Id id) const {
    const Value& value = values_[id];
    if (value.owned) return strings_[value.payload];
    if (value.length > limits_.longest_text) {
        throw Error(ErrorCode::limit_exceeded,
                    "a text of " + std::to_string(value.length) + " bytes in " + source_->name() +
                        " is longer than the " + std::to_string(limits_.longest_text) + " that can be read");
    }
    std::string out(value.length, '\0');
    source_->read(value.payload, out.data(), out.size());
    return out;
}

const PickleClass& PickleData::class_of(Id id) const {
    const Id type = values_[id].kind == PickleKind::record ? items(id)[0] : id;
    return pickle_class(values_[type].payload);
}

std::string PickleData::class_name(Id id) const {
    const PickleClass& c = class_of(id);
    return std::string(c.module) + (c.module.back() == '.' ? "" : ".") + std::string(c.name);
}

bool PickleData::text_equals(Id id, std::string_view text) const {
    return (is(id, PickleKind::text) || is(id, PickleKind::bytes)) && values_[id].length == text.size() &&
           bytes(id) == text;
}

PickleData::Id PickleData::find(Id dict, std::string_view key) const {
    if (!is(dict, PickleKind::dict)) return no_value;
    const std::vector<Id>& pairs = items(dict);
    for (size_t i = pairs.size(); i >= 2; i -= 2) {
        if (text_equals(pairs[i - 2], key)) return pairs[i - 1];
    }
    return no_value;
}

PickleData::Id PickleData::attribute(Id record, std::string_view name) const {
    if (!is(record, PickleKind::record)) return no_value;
    Id own = state(record);
    // An object with slots has (its dict, its slots) as state.
    if (is(own, PickleKind::tuple) && !items(own).empty()) own = items(own)[0];
    const Id inner = find(own, "__dict__");
    return find(inner != no_value ? inner : own, name);
}

// --- making values -------------------------------------------------------------------------------------

void PickleData::charge(size_t bytes) {
    memory_ += bytes;
    if (memory_ <= limits_.memory) return;
    throw Error(ErrorCode::limit_exceeded, "the pickle in " + source_->name() + " needs more than the " +
                                               std::to_string(limits_.memory >> 20) +
                                               " MB that it may take in memory");
}

PickleData::Id PickleData::add(PickleKind kind, uint64_t payload, uint32_t length, bool owned) {
    charge(sizeof(Value));
    values_.push_back({kind, owned, length, payload});
    return static_cast<Id>(values_.size() - 1);
}

PickleData::Id PickleData::add_container(PickleKind kind, std::vector<Id> items) {
    charge(sizeof(items) + items.size() * sizeof(Id));
    containers_.push_back(std::move(items));
    return add(kind, containers_.size() - 1);
}

PickleData::Id PickleData::add_owned(PickleKind kind, std::string bytes) {
    charge(sizeof(bytes) + bytes.size());
    const auto length = static_cast<uint32_t>(bytes.size());
    strings_.push_back(std::move(bytes));
    return add(kind, strings_.size() - 1, length, true);
}

void PickleData::append(Id container, Id item) {
    charge(2 * sizeof(Id));  // vectors grow by doubling
    containers_[values_[container].payload].push_back(item);
}

}  // namespace vecstore::core::io
