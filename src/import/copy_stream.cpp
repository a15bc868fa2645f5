#include "import/copy_stream.hpp"

#include "pg/guard.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/wait_event.h"
}

namespace vecstore::import {

using core::io::CopyBlock;
using core::io::FieldEncoding;
using core::io::RowLayout;

namespace {

CopyStream* active_stream = nullptr;

// A binary COPY begins with a signature (11 bytes), flags, and the length of the header's extension.
constexpr size_t header_length = 19;
constexpr uint8_t stream_header[header_length] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n', 0};

constexpr uint8_t stream_trailer[] = {0xff, 0xff};

// Blocks that are ready or in use: a megabyte, and four of the longest records.
constexpr size_t blocks_ahead = 4;

FieldEncoding field_encoding(const FieldTarget& field) {
    switch (field.type) {
        case TEXTOID: return FieldEncoding::text;
        case VARCHAROID: return field.typmod == -1 ? FieldEncoding::text : FieldEncoding::other;
        case INT2OID: return FieldEncoding::int2;
        case INT4OID: return FieldEncoding::int4;
        case INT8OID: return FieldEncoding::int8;
        case FLOAT4OID: return FieldEncoding::float4;
        case FLOAT8OID: return FieldEncoding::float8;
        case BOOLOID: return FieldEncoding::boolean;
        default: return FieldEncoding::other;
    }
}

}  // namespace

ActiveCopyStream::ActiveCopyStream(CopyStream& stream) : outer_(active_stream) { active_stream = &stream; }
ActiveCopyStream::~ActiveCopyStream() { active_stream = outer_; }

int copy_stream_callback(void* out, int min_length, int max_length) {
    return pg::guarded(
        [&] { return static_cast<int>(active_stream->take(out, static_cast<size_t>(max_length))); });
}

// --- reading ahead -------------------------------------------------------------------------------------

CopyStream::CopyStream(const CopyRows& rows, MemoryContext row_memory)
    : reader_(rows.reader),
      target_(rows.target),
      metadata_(rows.metadata),
      rules_(rows.rules),
      row_memory_(row_memory),
      position_(reader_.position()) {}

void CopyStream::stop_threads() {
    if (ahead_ != nullptr) ahead_->stop();
}

RowLayout CopyStream::layout() const {
    RowLayout layout;
    layout.vector = target_.vector_encoding;
    layout.id = target_.id_encoding;
    layout.id_column = NameStr(target_.id_column);
    layout.metadata_by_id = rules_.metadata_by_id;
    layout.ids_are_positions = rules_.ids_are_positions;
    layout.texts_are_utf8 = GetDatabaseEncoding() == PG_UTF8 && pg_get_client_encoding() == PG_UTF8;
    for (int i = 0; i < target_.field_count; i++)
        layout.fields.push_back({target_.field_keys[i], field_encoding(target_.fields[i])});
    return layout;
}

void CopyStream::read_ahead(RowLayout layout, const core::io::BlockEnds& ends) {
    block_ = nullptr;
    ahead_.reset();
    encoded_as_ = layout;
    reader_.seek(position_);
    const core::io::RecordSource records = metadata_ == nullptr ? core::io::RecordSource{}
                                                                : metadata_->records();
    encoder_ = std::make_unique<core::io::CopyEncoder>(reader_, std::move(layout), records, ends);
    ahead_ = std::make_unique<Ahead>([this](CopyBlock& block) { return encoder_->fill(block); },
                                     blocks_ahead);
}

void CopyStream::begin(uint64_t end) {
    end_ = end;
    rows_ = 0;
    content_sum_ = 0;
    new_batch_ = true;
    ended_ = false;
    give(stream_header, header_length);
}

bool CopyStream::next_block() {
    block_ = nullptr;
    if (position_ >= end_) return false;
    // The table may have changed since the batch before. Then its rows are read and encoded again.
    if (new_batch_ && (ahead_ == nullptr || !(layout() == encoded_as_)))
        read_ahead(layout(), {end_, rules_.batch_size, reader_.info().rows});
    new_batch_ = false;
    block_ = ahead_->next([] {
        pg::check_interrupts();
        pgstat_report_wait_start(WAIT_EVENT_COPY_FILE_READ);
    });
    pgstat_report_wait_end();
    if (block_ == nullptr) throw core::Error(core::ErrorCode::internal, "the file's rows ended too early");
    at_ = 0;
    gap_ = 0;
    position_ = block_->end;
    rows_ += block_->rows;
    content_sum_ += block_->content_sum;
    skipped_.deleted += block_->skipped.deleted;
    skipped_.not_finite += block_->skipped.not_finite;
    return true;
}

// --- giving out ----------------------------------------------------------------------------------------

void CopyStream::give(const void* bytes, size_t length) {
    given_ = static_cast<const uint8_t*>(bytes);
    given_length_ = length;
}

size_t CopyStream::take(void* out, size_t length) {
    if (given_length_ == 0 && !ended_) advance();
    const size_t taken = std::min(length, given_length_);
    memcpy(out, given_, taken);
    given_ += taken;
    given_length_ -= taken;
    return taken;
}

// Finds the bytes to be given out next. At the end: the trailer, and false.
bool CopyStream::advance() {
    do {
        if (block_ == nullptr) continue;
        const std::vector<CopyBlock::Gap>& gaps = block_->gaps;
        const size_t stop = gap_ < gaps.size() ? gaps[gap_].at : block_->bytes.size();
        if (at_ < stop) {
            give(block_->bytes.data() + at_, stop - at_);
            at_ = stop;
            return true;
        }
        if (gap_ < gaps.size()) {
            encode_gap(gaps[gap_++]);
            return true;
        }
    } while (next_block());
    give(stream_trailer, sizeof(stream_trailer));
    ended_ = true;
    return false;
}

void CopyStream::encode_gap(const CopyBlock::Gap& gap) {
    StringInfoData fields;
    content_sum_ += pg::pg_call([&] {
        const MemoryContext old = MemoryContextSwitchTo(row_memory_);
        initStringInfo(&fields);
        const uint64 hash = metadata_->append_fields(target_, gap, &fields);
        MemoryContextSwitchTo(old);
        return hash;
    });
    fields_.assign(fields.data, fields.data + fields.len);
    MemoryContextReset(row_memory_);
    give(fields_.data(), fields_.size());
}

void CopyStream::read_through(uint64_t end) {
    begin(end);
    while (advance()) pg::check_interrupts();
}

}  // namespace vecstore::import
