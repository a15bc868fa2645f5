#include "pg/guard.hpp"

#include "core/base/library_error.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace vecstore::pg {

namespace {

// Copies text into a buffer of `size` bytes, cut between characters and valid in the database's encoding:
// file names and bytes of files need not be.
void copy_text(char* buffer, size_t size, const char* text) {
    const int length = static_cast<int>(strlen(text));
    const int clipped = pg_mbcliplen(text, length, static_cast<int>(size) - 1);
    memcpy(buffer, text, clipped);
    buffer[clipped] = '\0';
    if (!pg_verifymbstr(buffer, clipped, true))
        for (int i = 0; i < clipped; ++i)
            if (IS_HIGHBIT_SET(buffer[i])) buffer[i] = '?';
}

// The exception that guarded() is handling, where it is a library's, in our words. Without memory there is
// none for them.
void translate(PendingError& pending) noexcept {
    try {
        try {
            throw;
        } catch (const core::Error&) {
        } catch (const std::exception& exception) {
            const core::Error error = core::error_of_library(exception);
            pending.sqlstate = sqlstate_of(error.code());
            copy_text(pending.message, sizeof(pending.message), error.message().c_str());
            copy_text(pending.detail, sizeof(pending.detail), error.detail().c_str());
        }
    } catch (...) {
    }
}

}  // namespace

int sqlstate_of(core::ErrorCode code) {
    using core::ErrorCode;
    switch (code) {
        case ErrorCode::invalid_parameter: return ERRCODE_INVALID_PARAMETER_VALUE;
        case ErrorCode::data_exception: return ERRCODE_DATA_EXCEPTION;
        case ErrorCode::out_of_range: return ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
        case ErrorCode::limit_exceeded: return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
        case ErrorCode::bad_file: return ERRCODE_BAD_COPY_FILE_FORMAT;
        case ErrorCode::file_not_supported: return ERRCODE_FEATURE_NOT_SUPPORTED;
        case ErrorCode::io: return ERRCODE_IO_ERROR;
        case ErrorCode::out_of_memory: return ERRCODE_OUT_OF_MEMORY;
        case ErrorCode::corrupted_index: return ERRCODE_INDEX_CORRUPTED;
        case ErrorCode::newer_format: return ERRCODE_FEATURE_NOT_SUPPORTED;
        case ErrorCode::not_now: return ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
        case ErrorCode::internal: return ERRCODE_INTERNAL_ERROR;
    }
    return ERRCODE_INTERNAL_ERROR;
}

void PendingError::set(int state, const char* message_text, const char* detail_text, const char* hint_text) {
    pg_error = nullptr;
    sqlstate = state;
    copy_text(message, sizeof(message), message_text);
    copy_text(detail, sizeof(detail), detail_text);
    copy_text(hint, sizeof(hint), hint_text);
    if (state == ERRCODE_INTERNAL_ERROR && std::current_exception() != nullptr) translate(*this);
}

void PendingError::set(const core::Error& error) {
    of_index = error.code() == core::ErrorCode::corrupted_index ||
               error.code() == core::ErrorCode::newer_format || error.code() == core::ErrorCode::not_now;
    set(sqlstate_of(error.code()), error.message().c_str(), error.detail().c_str(), error.hint().c_str());
}

// In the place of an error of which there is no memory for a copy.
static ErrorData* error_of_no_memory() {
    static char message[] = "out of memory";
    static ErrorData data;
    data = ErrorData{};
    data.elevel = ERROR;
    data.output_to_server = data.output_to_client = true;
    data.sqlerrcode = ERRCODE_OUT_OF_MEMORY;
    data.message = message;
    return &data;
}

ErrorData* take_error() {
    MemoryContextSwitchTo(CurTransactionContext != nullptr ? CurTransactionContext : TopMemoryContext);
    const HandlerStacks stacks;
    ErrorData* volatile data = nullptr;
    sigjmp_buf local;
    // An error of the copy itself must not leave C++ frames behind either.
    if (sigsetjmp(local, 0) == 0) {
        PG_exception_stack = &local;
        data = CopyErrorData();
    }
    stacks.restore();
    FlushErrorState();
    return data != nullptr ? data : error_of_no_memory();
}

void PendingError::raise(Relation index) const {
    if (pg_error != nullptr) ReThrowError(pg_error);
    ereport(
        ERROR,
        (errcode(sqlstate), errmsg_internal("%s", message),
         detail[0] != '\0' ? errdetail_internal("%s", detail) : 0, hint[0] != '\0' ? errhint("%s", hint) : 0,
         of_index && index != nullptr ? errcontext("index \"%s\"", RelationGetRelationName(index)) : 0));
    pg_unreachable();
}

}  // namespace vecstore::pg
