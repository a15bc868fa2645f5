// As much of a server as src/types needs: memory, errors, messages. Every palloc() is a malloc() of its own,
// so that the address sanitizer sees each byte beyond one; all is freed by free_memory(). An error is a
// longjmp to PG_exception_stack, as there.
#include "server_stubs.hpp"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <unordered_set>

namespace vecstore::fuzz {

int raised_state;
bool in_aggregate;

namespace {

std::unordered_set<void*>& blocks() {
    static std::unordered_set<void*> all;
    return all;
}

void* allocate(size_t size) {
    if (size > MaxAllocSize) abort();  // The server raises XX000 of it: nobody may ask for this.
    void* const block = malloc(size == 0 ? 1 : size);
    blocks().insert(block);
    return block;
}

}  // namespace

void free_memory() {
    for (void* block : blocks()) free(block);
    blocks().clear();
}

}  // namespace vecstore::fuzz

using namespace vecstore::fuzz;

namespace vecstore::pg {

void PendingError::set(int state, const char*, const char*, const char*) { sqlstate = state; }
void PendingError::set(const core::Error&) { sqlstate = ERRCODE_INTERNAL_ERROR; }
void PendingError::raise() const {
    raised_state = sqlstate;
    siglongjmp(*PG_exception_stack, 1);
}

}  // namespace vecstore::pg

extern "C" {

sigjmp_buf* PG_exception_stack;
ErrorContextCallback* error_context_stack;
MemoryContext CurrentMemoryContext;

void* palloc(Size size) { return allocate(size); }
void* palloc0(Size size) { return memset(allocate(size), 0, size); }
void* repalloc(void* block, Size size) {
    blocks().erase(block);
    block = realloc(block, size);
    blocks().insert(block);
    return block;
}
void pfree(void* block) {
    if (blocks().erase(block) != 1) abort();
    free(block);
}

bool errstart(int, const char*) {
    raised_state = ERRCODE_INTERNAL_ERROR;
    return true;
}
bool errstart_cold(int level, const char* domain) { return errstart(level, domain); }
int errcode(int state) { return raised_state = state; }
// The texts are made, as the server makes them: arguments that do not fit their formats show.
static int said(const char* format, va_list arguments) {
    char text[2048];
    vsnprintf(text, sizeof(text), format, arguments);
    return 0;
}
#define SAYS(name)                             \
    int name(const char* format, ...) {        \
        va_list arguments;                     \
        va_start(arguments, format);           \
        const int r = said(format, arguments); \
        va_end(arguments);                     \
        return r;                              \
    }
SAYS(errmsg)
SAYS(errmsg_internal)
SAYS(errdetail)
SAYS(errdetail_internal)
SAYS(errhint)
void errfinish(const char*, int, const char*) { siglongjmp(*PG_exception_stack, 1); }
void float_overflow_error() {
    raised_state = ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
    siglongjmp(*PG_exception_stack, 1);
}

struct varlena* pg_detoast_datum(struct varlena* datum) {
    return datum;
}
struct varlena* pg_detoast_datum_packed(struct varlena* datum) {
    return datum;
}
struct varlena* pg_detoast_datum_slice(struct varlena* datum, int32 first, int32 count) {
    auto* const slice = static_cast<struct varlena*>(allocate(VARHDRSZ + count));
    SET_VARSIZE(slice, VARHDRSZ + count);
    memcpy(VARDATA(slice), VARDATA(datum) + first, count);
    return slice;
}

static void need(StringInfo message, int bytes) {
    if (bytes >= 0 && bytes <= message->len - message->cursor) return;
    raised_state = ERRCODE_PROTOCOL_VIOLATION;
    siglongjmp(*PG_exception_stack, 1);
}
const char* pq_getmsgbytes(StringInfo message, int bytes) {
    need(message, bytes);
    const char* const at = message->data + message->cursor;
    message->cursor += bytes;
    return at;
}
unsigned int pq_getmsgint(StringInfo message, int bytes) {
    const auto* const at = reinterpret_cast<const unsigned char*>(pq_getmsgbytes(message, bytes));
    unsigned int value = 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | at[i];
    return value;
}
void pq_begintypsend(StringInfo message) {
    message->maxlen = 16;
    message->data = static_cast<char*>(allocate(message->maxlen));
    message->len = VARHDRSZ;
    message->cursor = 0;
}
void enlargeStringInfo(StringInfo message, int more) {
    message->maxlen = message->len + more + 1;
    message->data = static_cast<char*>(repalloc(message->data, message->maxlen));
}
bytea* pq_endtypsend(StringInfo message) {
    SET_VARSIZE(message->data, message->len);
    return reinterpret_cast<bytea*>(message->data);
}

int pg_ltoa(int32 value, char* to) { return sprintf(to, "%d", value); }
char* text_to_cstring(const text*) { abort(); }
char* format_type_be(Oid) { return const_cast<char*>("another type"); }
bool array_contains_nulls(ArrayType* array) { return ARR_HASNULL(array); }
int ArrayGetNItems(int ndim, const int* dims) { return ndim == 0 ? 0 : dims[0]; }
int AggCheckCallContext(FunctionCallInfo, MemoryContext*) { return in_aggregate ? 1 : 0; }

// Not asked for: JSON, numerics and what a planner asks, which need the rest of the server.
#define NOT_HERE(declaration) \
    declaration { abort(); }
NOT_HERE(Datum DirectFunctionCall1Coll(PGFunction, Oid, Datum))
NOT_HERE(void deconstruct_array(ArrayType*, Oid, int, bool, char, Datum**, bool**, int*))
NOT_HERE(int32* ArrayGetIntegerTypmods(ArrayType*, int*))
NOT_HERE(Datum numeric_float4(PG_FUNCTION_ARGS))
NOT_HERE(Datum numeric_out(PG_FUNCTION_ARGS))
NOT_HERE(Datum jsonb_in(PG_FUNCTION_ARGS))
NOT_HERE(JsonbIterator* JsonbIteratorInit(JsonbContainer*))
NOT_HERE(JsonbIteratorToken JsonbIteratorNext(JsonbIterator**, JsonbValue*, bool))
NOT_HERE(bool JsonbExtractScalar(JsonbContainer*, JsonbValue*))
}
