// The border between C++ exceptions and PostgreSQL's longjmp, in both directions.
//
//  * guarded(f) is called from Postgres. An exception of C++ inside f becomes an ereport(ERROR). It is raised
//    after the catch block is left, so no exception object and no destructor is skipped.
//  * pg_call(f) is called from C++ that has destructors on the stack. A Postgres error inside f is copied and
//    thrown on as PgError. guarded() raises it again, with its SQLSTATE and all else.
//
// Code that has nothing with a destructor on the stack may call Postgres directly: a longjmp over it loses
// nothing.
#pragma once

#include "pg/postgres.hpp"

#include "core/base/error.hpp"

#include <type_traits>

extern "C" {
#include "utils/rel.h"
}

namespace vecstore::pg {

// A Postgres error on its way through C++ frames.
// Not a std::exception: no catch of those may swallow a canceled query.
class PgError {
  public:
    explicit PgError(ErrorData* data) : data_(data) {}
    ErrorData* data() const noexcept { return data_; }

  private:
    ErrorData* data_;  // lives as long as the transaction
};

int sqlstate_of(core::ErrorCode code);

// The error that guarded() carries out of the catch block: plain memory, nothing to destroy.
struct PendingError {
    ErrorData* pg_error;
    int sqlstate;
    bool of_index;  // it is about the pages of an index: the user has to know which one it is
    char message[1024];
    char detail[1024];
    char hint[1024];

    void set(int state, const char* message_text, const char* detail_text = "", const char* hint_text = "");
    void set(const core::Error& error);
    // index: that which the code works on, or null.
    [[noreturn]] void raise(Relation index) const;
};

// Postgres's stacks of handlers and contexts as they were when C++ code was entered. They are put back when
// that code is left, by return or by exception: entries that were pushed meanwhile lie in dead frames.
class HandlerStacks {
  public:
    HandlerStacks() : exception_(PG_exception_stack), context_(error_context_stack) {}
    ~HandlerStacks() { restore(); }
    HandlerStacks(const HandlerStacks&) = delete;
    HandlerStacks& operator=(const HandlerStacks&) = delete;
    void restore() const {
        PG_exception_stack = exception_;
        error_context_stack = context_;
    }

  private:
    sigjmp_buf* exception_;
    ErrorContextCallback* context_;
};

template <class F>
std::invoke_result_t<F> guarded(F&& f, Relation index = nullptr) {
    PendingError pending;
    pending.pg_error = nullptr;
    pending.of_index = false;
    const MemoryContext memory = CurrentMemoryContext;
    sigjmp_buf* const exception_stack = PG_exception_stack;
    ErrorContextCallback* const context_stack = error_context_stack;
    try {
        return f();
    } catch (const PgError& e) {
        pending.pg_error = e.data();
    } catch (const core::Error& e) {
        pending.set(e);
    } catch (const std::bad_alloc&) {
        pending.set(ERRCODE_OUT_OF_MEMORY, "out of memory");
    } catch (const std::exception& e) {
        pending.set(ERRCODE_INTERNAL_ERROR, e.what());
    } catch (...) {
        pending.set(ERRCODE_INTERNAL_ERROR, "unrecognized C++ exception");
    }
    MemoryContextSwitchTo(memory);
    PG_exception_stack = exception_stack;
    error_context_stack = context_stack;
    pending.raise(index);
}

// State that errfinish() resets. It is put back after an error is caught: the code that goes on still holds
// its locks, and their release counts InterruptHoldoffCount down.
class InterruptState {
  public:
    InterruptState() : holdoff_(InterruptHoldoffCount), cancel_holdoff_(QueryCancelHoldoffCount) {}
    void restore() const {
        InterruptHoldoffCount = holdoff_;
        QueryCancelHoldoffCount = cancel_holdoff_;
    }

  private:
    uint32 holdoff_;
    uint32 cancel_holdoff_;
};

// Takes the error being raised off Postgres's error stack, as a copy that lives as long as the transaction.
ErrorData* take_error();

// Runs f, which may raise Postgres errors but must itself have nothing to destroy when one is raised.
template <class F>
std::invoke_result_t<F> pg_call(F&& f) {
    const HandlerStacks stacks;
    const MemoryContext memory = CurrentMemoryContext;
    const InterruptState interrupts;
    sigjmp_buf local;
    if (sigsetjmp(local, 0) == 0) {
        PG_exception_stack = &local;
        return f();
    }
    stacks.restore();
    ErrorData* const data = take_error();
    MemoryContextSwitchTo(memory);
    interrupts.restore();
    throw PgError(data);
}

// To be called in loops of C++ code: costs one load when nothing is pending.
inline void check_interrupts() {
    if (unlikely(InterruptPending)) pg_call([] { ProcessInterrupts(); });
}

// As long as it lives, add(arg) adds to the context of errors. For frames that no longjmp passes over: around
// pg_call.
class ErrorContext {
  public:
    ErrorContext(void (*add)(void*), void* arg) : callback_{error_context_stack, add, arg} {
        error_context_stack = &callback_;
    }
    ~ErrorContext() { error_context_stack = callback_.previous; }
    ErrorContext(const ErrorContext&) = delete;
    ErrorContext& operator=(const ErrorContext&) = delete;

  private:
    ErrorContextCallback callback_;
};

}  // namespace vecstore::pg

// Defines an SQL-callable function. The exported symbol is vecstore_<name>; the body runs guarded.
//     VECSTORE_FUNCTION(vector_dims) { ... PG_RETURN_INT32(n); }
#define VECSTORE_FUNCTION(name)                                              \
    static Datum name##_body(FunctionCallInfo fcinfo);                       \
    extern "C" {                                                             \
    VECSTORE_EXPORT Datum vecstore_##name(PG_FUNCTION_ARGS);                 \
    PG_FUNCTION_INFO_V1(vecstore_##name);                                    \
    Datum vecstore_##name(PG_FUNCTION_ARGS) {                                \
        return ::vecstore::pg::guarded([&] { return name##_body(fcinfo); }); \
    }                                                                        \
    }                                                                        \
    static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)
