// vecstore_inspect and the vecstore_read functions, over files of the server and over bytea values.
#include "import/functions.hpp"

#include "core/io/formats/xvecs.hpp"
#include "core/io/source/content_hash.hpp"
#include "import/field_value.hpp"
#include "import/server_file.hpp"
#include "types/vector.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"
#include "utils/varbit.h"
}

namespace vecstore::import {

using core::io::ByteSource;
using core::io::VectorBatch;
using core::io::VectorFileInfo;
using core::io::VectorReader;

std::string text_to_string(Datum text_datum) {
    // The copy is freed with the memory context of the call.
    const char* const copy = pg::pg_call([&] { return TextDatumGetCString(text_datum); });
    return copy;
}

std::unique_ptr<ByteSource> source_of_path(Datum path) {
    pg::pg_call([] { require_server_file_privilege(); });
    return open_server_file(text_to_string(path));
}

std::unique_ptr<ByteSource> source_of_bytea(Datum bytes) {
    const bytea* const value = pg::pg_call([&] { return DatumGetByteaPP(bytes); });
    return std::make_unique<core::io::MemorySource>("the bytea value", VARDATA_ANY(value),
                                                    VARSIZE_ANY_EXHDR(value));
}

void check_vector_limit(const char* source, uint64 dims) {
    constexpr uint64 limit = types::VectorFormat::max_dims;
    if (dims <= limit) return;
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("the vectors in %s have " UINT64_FORMAT " dimensions, more than the " UINT64_FORMAT
                           " that type vector can have",
                           source, dims, limit)));
}

namespace {

// --- vecstore_inspect ------------------------------------------------------------------------------

Datum make_warnings(const VectorFileInfo& info) {
    const int count = static_cast<int>(info.warnings.size());
    auto* const elements = static_cast<Datum*>(palloc(sizeof(Datum) * std::max(count, 1)));
    for (int i = 0; i < count; i++)
        elements[i] = CStringGetTextDatum(info.warnings[static_cast<size_t>(i)].c_str());
    return PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum make_details(const VectorFileInfo& info) {
    StringInfoData json;
    initStringInfo(&json);
    for (const core::io::FileDetail& detail : info.details) {
        appendStringInfoString(&json, json.len == 0 ? "{" : ", ");
        escape_json(&json, detail.key.c_str());
        appendStringInfoString(&json, ": ");
        if (detail.is_number) {
            appendStringInfoString(&json, detail.value.c_str());
        } else {
            escape_json(&json, detail.value.c_str());
        }
    }
    appendStringInfoString(&json, json.len == 0 ? "{}" : "}");
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

Datum text_datum(const char* text) { return CStringGetTextDatum(text); }

// Where a function gets its bytes from: its first argument, which is a path or the bytes themselves.
enum class Origin { path, bytea };

struct Input {
    std::unique_ptr<ByteSource> source;
    core::io::ReadOptions options;
};

Input open_input(FunctionCallInfo fcinfo, Origin origin) {
    Input input;
    if (origin == Origin::bytea) {
        input.source = source_of_bytea(PG_GETARG_DATUM(0));
        return input;
    }
    input.source = source_of_path(PG_GETARG_DATUM(0));
    input.options.file_name = text_to_string(PG_GETARG_DATUM(0));
    input.options.open_sibling = siblings_of(input.options.file_name);
    return input;
}

std::string optional_text(FunctionCallInfo fcinfo, int argument) {
    return PG_ARGISNULL(argument) ? std::string() : text_to_string(PG_GETARG_DATUM(argument));
}

bool optional_flag(FunctionCallInfo fcinfo, int argument) {
    return !PG_ARGISNULL(argument) && PG_GETARG_BOOL(argument);
}

Datum inspect(FunctionCallInfo fcinfo, Origin origin) {
    if (PG_ARGISNULL(0)) PG_RETURN_NULL();
    Input input = open_input(fcinfo, origin);
    input.options.member = optional_text(fcinfo, 1);
    input.options.flatten = optional_flag(fcinfo, 2);
    const auto& source = input.source;
    const auto reader = core::io::open_vectors(*source, input.options);
    VectorFileInfo info = reader->info();
    if (const uint64_t deleted = reader->count_deleted()) {
        info.rows -= deleted;
        info.warnings.push_back(std::to_string(deleted) + " vectors are marked as deleted and are left out");
    }
    return pg::pg_call([&] {
        TupleDesc descriptor;
        if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE) {
            elog(ERROR, "vecstore_inspect must return a row");
        }
        Datum values[] = {text_datum(info.format.c_str()),
                          text_datum(core::io::element_name(info.element)),
                          Int64GetDatum(static_cast<int64>(info.dims)),
                          Int64GetDatum(static_cast<int64>(info.rows)),
                          BoolGetDatum(info.has_ids),
                          text_datum(info.metric.name()),
                          BoolGetDatum(info.lossy),
                          Int64GetDatum(static_cast<int64>(source->size())),
                          make_warnings(info),
                          make_details(info)};
        bool nulls[lengthof(values)] = {};
        if (descriptor->natts != lengthof(values)) elog(ERROR, "vecstore_inspect has unexpected columns");
        return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
    });
}

// --- vecstore_read_* -------------------------------------------------------------------------------

// The rows of a set-returning function, spooled (to disk beyond work_mem).
struct RowSpool {
    Tuplestorestate* store;
    TupleDesc descriptor;
    MemoryContext row_context;  // reset after each batch
};

RowSpool start_spool(FunctionCallInfo fcinfo) {
    auto* const result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
    if (result == nullptr || !IsA(result, ReturnSetInfo) || (result->allowedModes & SFRM_Materialize) == 0) {
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("set-valued function called in context that cannot accept a set")));
    }
    RowSpool spool;
    const MemoryContext old = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
    if (get_call_result_type(fcinfo, nullptr, &spool.descriptor) != TYPEFUNC_COMPOSITE) {
        elog(ERROR, "a function that reads vectors must return rows");
    }
    const bool random_access = (result->allowedModes & SFRM_Materialize_Random) != 0;
    spool.store = tuplestore_begin_heap(random_access, false, work_mem);
    MemoryContextSwitchTo(old);
    spool.row_context = AllocSetContextCreate(CurrentMemoryContext, "vecstore rows", ALLOCSET_DEFAULT_SIZES);
    result->returnMode = SFRM_Materialize;
    result->setResult = spool.store;
    result->setDesc = spool.descriptor;
    return spool;
}

// 0 is 0, anything else 1.
Datum make_bits_datum(const float* values, int dims) {
    auto* const bits = static_cast<VarBit*>(palloc0(VARBITTOTALLEN(dims)));
    SET_VARSIZE(bits, VARBITTOTALLEN(dims));
    VARBITLEN(bits) = dims;
    for (int i = 0; i < dims; i++) {
        if (values[i] != 0.0f) VARBITS(bits)[i / 8] |= static_cast<bits8>(0x80 >> i % 8);
    }
    return VarBitPGetDatum(bits);
}

using MakeDatum = Datum (*)(const float* values, int dims);

void spool_batch(const RowSpool& spool, const VectorBatch& batch, int dims, MakeDatum make) {
    const MemoryContext old = MemoryContextSwitchTo(spool.row_context);
    for (size_t row = 0; row < batch.rows; row++) {
        CHECK_FOR_INTERRUPTS();
        Datum values[2] = {Int64GetDatum(batch.ids[row]),
                           make(batch.values.data() + row * static_cast<size_t>(dims), dims)};
        bool nulls[2] = {false, false};
        tuplestore_putvalues(spool.store, spool.descriptor, values, nulls);
    }
    MemoryContextSwitchTo(old);
    MemoryContextReset(spool.row_context);
}

// Arguments 1 and 2 of a reading function: the first row and the number of rows (null: all the rest).
struct RowRange {
    int64 first;
    int64 count;
};

RowRange range_arguments(FunctionCallInfo fcinfo) {
    const RowRange range = {PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1),
                            PG_ARGISNULL(2) ? PG_INT64_MAX : PG_GETARG_INT64(2)};
    for (const int64 number : {range.first, range.count}) {
        if (number < 0) {
            throw core::Error(core::ErrorCode::invalid_parameter,
                              "first and count must not be negative, but one is " + std::to_string(number));
        }
    }
    return range;
}

Datum make_vector(const float* values, int dims) { return types::make_vector_datum(values, dims); }

// All rows of a range, spooled.
Datum read_rows(FunctionCallInfo fcinfo, const Input& input, MakeDatum make) {
    const RowSpool spool = pg::pg_call([&] { return start_spool(fcinfo); });
    const RowRange range = range_arguments(fcinfo);
    const auto reader = core::io::open_vectors(*input.source, input.options);
    const VectorFileInfo& info = reader->info();
    if (info.rows > 0 && make == make_vector) {
        pg::pg_call([&] { check_vector_limit(input.source->name().c_str(), info.dims); });
    }
    if (make == make_bits_datum && info.element != core::io::ElementType::bit &&
        info.element != core::io::ElementType::boolean) {
        throw core::Error(
            core::ErrorCode::file_not_supported,
            input.source->name() + " holds " + core::io::element_name(info.element) + " vectors, not bits");
    }
    reader->seek(std::min<uint64_t>(static_cast<uint64_t>(range.first), info.rows));
    const uint64_t end = reader->position() + std::min<uint64_t>(static_cast<uint64_t>(range.count),
                                                                 info.rows - reader->position());
    VectorBatch batch;
    while (reader->position() < end) {
        reader->read_block(batch, static_cast<size_t>(end - reader->position()));
        pg::pg_call([&] { spool_batch(spool, batch, static_cast<int>(info.dims), make); });
    }
    return Datum{0};
}

// Where the file is null, no rows.
Datum empty_set(FunctionCallInfo fcinfo) {
    pg::pg_call([&] { (void)start_spool(fcinfo); });
    return Datum{0};
}

// npy, and npz where the bytes are those of an archive. Arguments: file, first, count, member, flatten,
// skip_not_finite.
Datum read_npy(FunctionCallInfo fcinfo, Origin origin) {
    if (PG_ARGISNULL(0)) return empty_set(fcinfo);
    Input input = open_input(fcinfo, origin);
    input.options.format = "npy";
    uint8_t head[4] = {};
    if (input.source->size() >= sizeof(head)) input.source->read(0, head, sizeof(head));
    if (memcmp(head, "PK\x03\x04", sizeof(head)) == 0) input.options.format = "npz";
    input.options.member = optional_text(fcinfo, 3);
    input.options.flatten = optional_flag(fcinfo, 4);
    input.options.skip_not_finite = optional_flag(fcinfo, 5);
    return read_rows(fcinfo, input, make_vector);
}

// Arguments: file, first, count, skip_not_finite.
Datum read_format(FunctionCallInfo fcinfo, Origin origin, const char* format) {
    if (PG_ARGISNULL(0)) return empty_set(fcinfo);
    Input input = open_input(fcinfo, origin);
    input.options.format = format;
    input.options.skip_not_finite = optional_flag(fcinfo, 3);
    return read_rows(fcinfo, input, make_vector);
}

// fvecs, or the format of its kind that fits better.
Datum read_fvecs(FunctionCallInfo fcinfo, Origin origin) {
    if (PG_ARGISNULL(0)) return empty_set(fcinfo);
    Input input = open_input(fcinfo, origin);
    input.options.format = core::io::guess_xvecs(*input.source, input.options.file_name);
    input.options.skip_not_finite = optional_flag(fcinfo, 3);
    return read_rows(fcinfo, input, make_vector);
}

Datum read_bits(FunctionCallInfo fcinfo, Origin origin) {
    if (PG_ARGISNULL(0)) return empty_set(fcinfo);
    return read_rows(fcinfo, open_input(fcinfo, origin), make_bits_datum);
}

}  // namespace
}  // namespace vecstore::import

using namespace vecstore::import;

VECSTORE_FUNCTION(inspect_file) { return inspect(fcinfo, Origin::path); }
VECSTORE_FUNCTION(inspect_bytea) { return inspect(fcinfo, Origin::bytea); }
VECSTORE_FUNCTION(read_npy_file) { return read_npy(fcinfo, Origin::path); }
VECSTORE_FUNCTION(read_npy_bytea) { return read_npy(fcinfo, Origin::bytea); }
VECSTORE_FUNCTION(read_fvecs_file) { return read_fvecs(fcinfo, Origin::path); }
VECSTORE_FUNCTION(read_fvecs_bytea) { return read_fvecs(fcinfo, Origin::bytea); }

// vecstore_read_NAME of a format that needs no more options.
#define VECSTORE_READ_FORMAT(name)                                                             \
    VECSTORE_FUNCTION(read_##name##_file) { return read_format(fcinfo, Origin::path, #name); } \
    VECSTORE_FUNCTION(read_##name##_bytea) { return read_format(fcinfo, Origin::bytea, #name); }

VECSTORE_READ_FORMAT(faiss)
VECSTORE_READ_FORMAT(hnswlib)

VECSTORE_FUNCTION(read_bits_file) { return read_bits(fcinfo, Origin::path); }
VECSTORE_FUNCTION(read_bits_bytea) { return read_bits(fcinfo, Origin::bytea); }

namespace {

// Of vector (may be null) and id, the first two arguments.
uint64_t hash_of_row(FunctionCallInfo fcinfo) {
    namespace types = vecstore::types;
    const int64 id = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1);
    if (PG_ARGISNULL(0)) return vecstore::core::io::hash_row(id, nullptr, 0);
    const types::Vector* const vector = types::datum_get_vector(PG_GETARG_DATUM(0));
    return vecstore::core::io::hash_row(id, vector->data(), static_cast<size_t>(vector->dims()));
}

// How a row's further columns are hashed: kept from call to call.
struct FieldHashers {
    Oid row_type;  // of the record, where they are one
    int32 row_typmod;
    int count;
    FieldHasher of[FLEXIBLE_ARRAY_MEMBER];
};

FieldHashers* new_hashers(FunctionCallInfo fcinfo, int count) {
    auto* const hashers = static_cast<FieldHashers*>(
        MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
                               offsetof(FieldHashers, of) + sizeof(FieldHasher) * static_cast<Size>(count)));
    hashers->count = count;
    fcinfo->flinfo->fn_extra = hashers;
    return hashers;
}

}  // namespace

// The same with further columns: any number of values of any types.
VECSTORE_FUNCTION(row_hash_fields) {
    uint64_t hash = hash_of_row(fcinfo);
    auto* hashers = static_cast<FieldHashers*>(fcinfo->flinfo->fn_extra);
    if (hashers == nullptr) {
        hashers = new_hashers(fcinfo, PG_NARGS() - 2);
        for (int i = 0; i < hashers->count; i++)
            hashers->of[i] = make_field_hasher(get_fn_expr_argtype(fcinfo->flinfo, i + 2),
                                               fcinfo->flinfo->fn_mcxt);
    }
    for (int i = 0; i < hashers->count; i++) {
        const bool is_null = PG_ARGISNULL(i + 2);
        hash = hash_datum(hashers->of[i], hash, is_null ? Datum{0} : PG_GETARG_DATUM(i + 2), is_null);
    }
    PG_RETURN_INT64(static_cast<int64>(hash));
}

// The same with the further columns as a record.
VECSTORE_FUNCTION(row_hash_record) {
    uint64_t hash = hash_of_row(fcinfo);
    if (PG_ARGISNULL(2)) PG_RETURN_INT64(static_cast<int64>(hash));
    const HeapTupleHeader record = PG_GETARG_HEAPTUPLEHEADER(2);
    HeapTupleData tuple = {};
    tuple.t_len = HeapTupleHeaderGetDatumLength(record);
    tuple.t_data = record;
    const Oid type = HeapTupleHeaderGetTypeId(record);
    const int32 typmod = HeapTupleHeaderGetTypMod(record);
    const TupleDesc descriptor = lookup_rowtype_tupdesc(type, typmod);
    auto* hashers = static_cast<FieldHashers*>(fcinfo->flinfo->fn_extra);
    if (hashers == nullptr || hashers->row_type != type || hashers->row_typmod != typmod) {
        hashers = new_hashers(fcinfo, descriptor->natts);
        hashers->row_type = type;
        hashers->row_typmod = typmod;
        for (int i = 0; i < hashers->count; i++)
            hashers->of[i] = make_field_hasher(TupleDescAttr(descriptor, i)->atttypid,
                                               fcinfo->flinfo->fn_mcxt);
    }
    for (int i = 0; i < hashers->count; i++) {
        if (TupleDescAttr(descriptor, i)->attisdropped) continue;
        bool is_null;
        const Datum value = heap_getattr(&tuple, i + 1, descriptor, &is_null);
        hash = hash_datum(hashers->of[i], hash, value, is_null);
    }
    ReleaseTupleDesc(descriptor);
    PG_RETURN_INT64(static_cast<int64>(hash));
}

// Arguments: vector, id. Never null (the SQL function is strict).
VECSTORE_FUNCTION(row_hash) {
    namespace types = vecstore::types;
    const types::Vector* const vector = types::datum_get_vector(PG_GETARG_DATUM(0));
    const uint64_t hash = vecstore::core::io::hash_row(PG_GETARG_INT64(1), vector->data(),
                                                       static_cast<size_t>(vector->dims()));
    PG_RETURN_INT64(static_cast<int64>(hash));
}
