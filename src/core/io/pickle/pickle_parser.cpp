// The machine that a pickle's opcodes are written for: a stack of values, marks on it, and a memo. It is
// recursive in nothing, as Python's own is not. So no pickle is too deep to be read, and its size is bounded
// by the charges for values, stack and memo.
#include "core/io/pickle/pickle.hpp"
#include "core/io/pickle/pickle_text.hpp"

#include <algorithm>
#include <cstring>

namespace vecstore::core::io {

namespace {

// Long enough for every name and number of a real pickle.
constexpr size_t longest_line = 4096;
constexpr size_t longest_name = 200;
constexpr size_t longest_memo_key = 20;
constexpr uint8_t newest_protocol = 5;

}  // namespace

class PickleParser {
  public:
    PickleParser(ByteSource& source, PickleLimits limits) : bytes_(source), data_(source, limits) {}

    PickleData parse() {
        while (!stopped_) step(bytes_.next_opcode());
        return std::move(data_);
    }

  private:
    using Id = PickleData::Id;
    using Kind = PickleKind;

    // --- the bytes ---

    [[noreturn]] void fail(const std::string& reason) const { bytes_.fail(reason); }
    [[noreturn]] void refuse(const std::string& what) const { bytes_.refuse(what); }

    template <class T>
    T number() {
        return bytes_.number<T>();
    }

    std::string line() { return bytes_.line(longest_line); }

    std::string text_line() {
        return bytes_.line(
            static_cast<size_t>(std::min<uint64_t>(bytes_.left(), data_.limits_.longest_text)));
    }

    // --- the stack ---

    size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

    void push(Id id) {
        if (stack_.size() == stack_.capacity())
            data_.charge(std::max<size_t>(stack_.size(), 64) * sizeof(Id));
        stack_.push_back(id);
    }

    Id pop() {
        if (stack_.size() <= floor()) fail("an opcode needs a value that is not there");
        const Id id = stack_.back();
        stack_.pop_back();
        return id;
    }

    Id top() const {
        if (stack_.size() <= floor()) fail("an opcode needs a value that is not there");
        return stack_.back();
    }

    void mark() {
        data_.charge(sizeof(size_t));
        marks_.push_back(stack_.size());
    }

    // The values above the last mark, which are taken off with it.
    std::vector<Id> pop_to_mark() {
        if (marks_.empty()) fail("an opcode needs a mark that is not there");
        const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
        std::vector<Id> items(first, stack_.end());
        stack_.erase(first, stack_.end());
        marks_.pop_back();
        return items;
    }

    std::vector<Id> pop_several(size_t count) {
        std::vector<Id> items(count);
        for (size_t i = count; i > 0; i--) items[i - 1] = pop();
        return items;
    }

    // --- the memo ---

    void remember(uint64_t key) {
        const Id id = top();
        if (key < memo_.size()) {
            memo_[key] = id;
        } else if (key == memo_.size()) {
            data_.charge(2 * sizeof(Id));
            memo_.push_back(id);
        } else {
            data_.charge(48);
            sparse_memo_[key] = id;
        }
    }

    void recall(uint64_t key) {
        if (key < memo_.size()) return push(memo_[key]);
        const auto found = sparse_memo_.find(key);
        if (found == sparse_memo_.end()) fail("memo entry " + std::to_string(key) + " is not there");
        push(found->second);
    }

    uint64_t memo_key_line() { return parse_memo_key(bytes_, bytes_.line(longest_memo_key)); }

    // --- scalars ---

    void push_bytes(Kind kind, uint64_t length) {
        const uint64_t start = bytes_.skip(length);
        push(data_.add(kind, start, static_cast<uint32_t>(length)));
    }

    void push_text(std::string text) { push(data_.add_owned(Kind::text, std::move(text))); }

    void push_integer(int64_t value) { push(data_.add(Kind::integer, static_cast<uint64_t>(value))); }

    void push_real(double value) {
        uint64_t bits;
        std::memcpy(&bits, &value, sizeof(bits));
        push(data_.add(Kind::real, bits));
    }

    // Two's complement of any length.
    void push_long(uint64_t length) {
        if (length > 8) return push_bytes(Kind::big_integer, length);
        uint8_t bytes[8] = {};
        bytes_.take(bytes, static_cast<size_t>(length));
        if (length > 0 && (bytes[length - 1] & 0x80) != 0)
            std::memset(bytes + length, 0xff, 8 - static_cast<size_t>(length));
        push_integer(load_little_endian<int64_t>(bytes));
    }

    void push_integer_line(bool is_long) {
        const std::string digits = line();
        if (!is_long && (digits == "00" || digits == "01")) {
            return push(data_.add(Kind::boolean, digits == "01" ? 1 : 0));
        }
        PickleInteger integer = parse_pickle_integer(bytes_, digits);
        if (integer.big.empty()) return push_integer(integer.value);
        push(data_.add_owned(Kind::big_integer, std::move(integer.big)));
    }

    void push_real_big_endian() {
        uint8_t bytes[8];
        bytes_.take(bytes, 8);
        std::reverse(bytes, bytes + 8);
        push_real(load_little_endian<double>(bytes));
    }

    // --- containers ---

    void append_items(const std::vector<Id>& items, Kind kind, const char* what) {
        const Id container = top();
        if (!data_.is(container, kind)) refuse(std::string("adds ") + what + " to what is none");
        for (const Id item : items) data_.append(container, item);
    }

    void set_items(const std::vector<Id>& items) {
        if (items.size() % 2 != 0) fail("a dict has a key without a value");
        append_items(items, Kind::dict, "the entries of a dict");
    }

    // --- classes ---

    void push_class(const std::string& module, const std::string& name) {
        const int index = find_pickle_class(module, name);
        if (index < 0) {
            refuse("names " + printable(module.data(), std::min(module.size(), longest_name)) + "." +
                   printable(name.data(), std::min(name.size(), longest_name)) +
                   ", which is none of the classes that are read");
        }
        push(data_.add(Kind::type, static_cast<uint64_t>(index)));
    }

    void push_class_of_stack() {
        const Id name = pop();
        const Id module = pop();
        for (const Id id : {name, module}) {
            if (!data_.is(id, Kind::text) || data_.length(id) > longest_line)
                fail("the name of a class is no text");
        }
        push_class(data_.bytes(module), data_.bytes(name));
    }

    Id make_record(Id type, Id arguments) {
        return data_.add_container(Kind::record, {type, arguments, PickleData::no_value});
    }

    const std::vector<Id>& arguments_of(Id tuple) const {
        if (!data_.is(tuple, Kind::tuple)) fail("the arguments of a class are no tuple");
        return data_.items(tuple);
    }

    // The items that an object of a container's class is made of.
    std::vector<Id> initial_items(Id from, Kind kind) {
        if (from == PickleData::no_value) return {};
        const Kind given = data_.kind(from);
        const bool sequence = given == Kind::list || given == Kind::tuple || given == Kind::set;
        if (kind != Kind::dict && sequence) return data_.items(from);
        if (kind == Kind::dict && given == Kind::dict) return data_.items(from);
        if (kind != Kind::dict || !sequence) refuse("makes a container of what is none");
        std::vector<Id> pairs;
        for (const Id pair : data_.items(from)) {
            if ((!data_.is(pair, Kind::list) && !data_.is(pair, Kind::tuple)) ||
                data_.items(pair).size() != 2) {
                fail("a dict is made of something else than pairs");
            }
            pairs.insert(pairs.end(), data_.items(pair).begin(), data_.items(pair).end());
        }
        return pairs;
    }

    // Protocols below 3 write bytes as a text.
    Id decode_bytes(Id from) {
        if (from == PickleData::no_value) return data_.add_owned(Kind::bytes, {});
        if (data_.is(from, Kind::bytes)) return from;
        if (!data_.is(from, Kind::text)) refuse("makes bytes of what is no text");
        return data_.add_owned(Kind::bytes, decode_latin1(bytes_, data_.bytes(from)));
    }

    // The result of a call of a class or function, without calling it.
    Id instantiate(Id callable, Id arguments_tuple) {
        if (!data_.is(callable, Kind::type)) refuse("calls something that is no class");
        // (The vector moves when values are added.)
        const std::vector<Id>& arguments = arguments_of(arguments_tuple);
        const Id first = arguments.empty() ? PickleData::no_value : arguments[0];
        switch (data_.class_of(callable).use) {
            case PickleUse::record: return make_record(callable, arguments_tuple);
            case PickleUse::list: return data_.add_container(Kind::list, initial_items(first, Kind::list));
            case PickleUse::tuple: return data_.add_container(Kind::tuple, initial_items(first, Kind::tuple));
            case PickleUse::set: return data_.add_container(Kind::set, initial_items(first, Kind::set));
            case PickleUse::dict: return data_.add_container(Kind::dict, initial_items(first, Kind::dict));
            case PickleUse::default_dict: return data_.add_container(Kind::dict, {});
            case PickleUse::bytes:
            case PickleUse::encoded_bytes: return decode_bytes(first);
            case PickleUse::reconstructor:
            case PickleUse::new_object:
                if (!data_.is(first, Kind::type) || data_.class_of(first).use != PickleUse::record) {
                    refuse("makes an object of what is no class");
                }
                return make_record(first, data_.add_container(Kind::tuple, {}));
            case PickleUse::inert: break;
        }
        refuse("calls " + data_.class_name(callable));
    }

    // NEWOBJ_EX passes named arguments as well: no class of ours takes any.
    void check_no_named_arguments(Id dict) {
        if (!data_.is(dict, Kind::dict) || !data_.items(dict).empty())
            refuse("makes an object with named arguments");
    }

    void build() {
        const Id state = pop();
        const Id record = top();
        if (!data_.is(record, Kind::record))
            refuse("sets the state of what is no object of a class that is read");
        data_.containers_[data_.values_[record].payload][2] = state;
    }

    // INST and OBJ: arguments above a mark.
    void push_instance(Id type, std::vector<Id> arguments) {
        push(instantiate(type, data_.add_container(Kind::tuple, std::move(arguments))));
    }

    // --- opcodes ---

    void step(uint8_t opcode) {
        if (step_scalar(opcode) || step_container(opcode) || step_stack(opcode) || step_class(opcode)) return;
        switch (opcode) {
            case 'P':
            case 'Q': refuse("refers to an object outside of it");
            case 0x82:
            case 0x83:
            case 0x84: refuse("names a class by a number of the program that wrote it");
            case 0x97:
            case 0x98: refuse("keeps data outside of it");
            default: fail("\"" + printable(&opcode, 1) + "\" is no opcode of a pickle");
        }
    }

    bool step_scalar(uint8_t opcode) {
        switch (opcode) {
            case 'N': push(data_.add(Kind::none, 0)); return true;
            case 0x88: push(data_.add(Kind::boolean, 1)); return true;
            case 0x89: push(data_.add(Kind::boolean, 0)); return true;
            case 'I': push_integer_line(false); return true;
            case 'L': push_integer_line(true); return true;
            case 'J': push_integer(number<int32_t>()); return true;
            case 'K': push_integer(number<uint8_t>()); return true;
            case 'M': push_integer(number<uint16_t>()); return true;
            case 0x8a: push_long(number<uint8_t>()); return true;
            case 0x8b: push_long(number<uint32_t>()); return true;
            case 'F': push_real(parse_pickle_real(bytes_, line())); return true;
            case 'G': push_real_big_endian(); return true;
            case 'S': push_text(decode_string_line(bytes_, text_line())); return true;
            case 'V': push_text(decode_unicode_line(bytes_, text_line())); return true;
            case 'U': push_bytes(Kind::text, number<uint8_t>()); return true;
            case 'T': push_bytes(Kind::text, number<uint32_t>()); return true;
            case 0x8c: push_bytes(Kind::text, number<uint8_t>()); return true;
            case 'X': push_bytes(Kind::text, number<uint32_t>()); return true;
            case 0x8d: push_bytes(Kind::text, number<uint64_t>()); return true;
            case 'C': push_bytes(Kind::bytes, number<uint8_t>()); return true;
            case 'B': push_bytes(Kind::bytes, number<uint32_t>()); return true;
            case 0x8e:
            case 0x96: push_bytes(Kind::bytes, number<uint64_t>()); return true;
            default: return false;
        }
    }

    bool step_container(uint8_t opcode) {
        switch (opcode) {
            case ']': push(data_.add_container(Kind::list, {})); return true;
            case 'l': push(data_.add_container(Kind::list, pop_to_mark())); return true;
            case 'a': {
                const Id item = pop();
                append_items({item}, Kind::list, "an item of a list");
                return true;
            }
            case 'e': append_items(pop_to_mark(), Kind::list, "the items of a list"); return true;
            case ')': push(data_.add_container(Kind::tuple, {})); return true;
            case 't': push(data_.add_container(Kind::tuple, pop_to_mark())); return true;
            case 0x85:
            case 0x86:
            case 0x87: push(data_.add_container(Kind::tuple, pop_several(opcode - 0x84))); return true;
            case '}': push(data_.add_container(Kind::dict, {})); return true;
            case 'd': {
                const std::vector<Id> items = pop_to_mark();
                push(data_.add_container(Kind::dict, {}));
                set_items(items);
                return true;
            }
            case 's': set_items(pop_several(2)); return true;
            case 'u': set_items(pop_to_mark()); return true;
            case 0x8f: push(data_.add_container(Kind::set, {})); return true;
            case 0x90: append_items(pop_to_mark(), Kind::set, "the items of a set"); return true;
            case 0x91: push(data_.add_container(Kind::set, pop_to_mark())); return true;
            default: return false;
        }
    }

    bool step_stack(uint8_t opcode) {
        switch (opcode) {
            case 0x80:
                if (const uint8_t protocol = bytes_.next_byte(); protocol > newest_protocol) {
                    refuse("is of protocol " + std::to_string(protocol) + ", which is newer than 5");
                }
                return true;
            case 0x95: number<uint64_t>(); return true;  // the length of a frame: the opcodes say the same
            case '.':
                data_.root_ = pop();
                stopped_ = true;
                return true;
            case '(': mark(); return true;
            case '0':
                if (!marks_.empty() && stack_.size() == marks_.back()) {
                    marks_.pop_back();
                } else {
                    pop();
                }
                return true;
            case '1': pop_to_mark(); return true;
            case '2': push(top()); return true;
            case 'p': remember(memo_key_line()); return true;
            case 'q': remember(number<uint8_t>()); return true;
            case 'r': remember(number<uint32_t>()); return true;
            case 0x94: remember(memo_.size() + sparse_memo_.size()); return true;
            case 'g': recall(memo_key_line()); return true;
            case 'h': recall(number<uint8_t>()); return true;
            case 'j': recall(number<uint32_t>()); return true;
            default: return false;
        }
    }

    bool step_class(uint8_t opcode) {
        switch (opcode) {
            case 'c': {
                const std::string module = line();
                push_class(module, line());
                return true;
            }
            case 0x93: push_class_of_stack(); return true;
            case 'i': {
                const std::string module = line();
                push_class(module, line());
                const Id type = pop();
                push_instance(type, pop_to_mark());
                return true;
            }
            case 'o': {
                std::vector<Id> items = pop_to_mark();
                if (items.empty()) fail("an object has no class");
                push_instance(items[0], {items.begin() + 1, items.end()});
                return true;
            }
            case 0x92: check_no_named_arguments(pop()); [[fallthrough]];
            case 0x81:
            case 'R': {
                const Id arguments = pop();
                const Id callable = pop();
                push(instantiate(callable, arguments));
                return true;
            }
            case 'b': build(); return true;
            default: return false;
        }
    }

    PickleBytes bytes_;
    PickleData data_;
    std::vector<Id> stack_;
    std::vector<size_t> marks_;
    std::vector<Id> memo_;  // keys from 0 on without a gap
    std::unordered_map<uint64_t, Id> sparse_memo_;
    bool stopped_ = false;
};

PickleData read_pickle(ByteSource& source, PickleLimits limits) {
    return PickleParser(source, limits).parse();
}

}  // namespace vecstore::core::io
