// vecstore_inspect and the vecstore_read functions, over files of the server and over bytea values.
#include "import/functions.hpp"

#include "core/io/content_hash.hpp"
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

Datum text_datum(const char* text) {
    return CStringGetTextDatum(text);
}

// How a function gets its bytes from its first argument.
using SourceOfArgument = std::unique_ptr<ByteSource> (*)(Datum);

Datum inspect(FunctionCallInfo fcinfo, SourceOfArgument source_of) {
    const auto source = source_of(PG_GETARG_DATUM(0));
    const auto reader = core::io::open_vectors(*source);
    const VectorFileInfo& info = reader->info();
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
                          text_datum(core::io::metric_name(info.metric)),
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

void spool_batch(const RowSpool& spool, const VectorBatch& batch, int dims) {
    const MemoryContext old = MemoryContextSwitchTo(spool.row_context);
    for (size_t row = 0; row < batch.rows; row++) {
        CHECK_FOR_INTERRUPTS();
        Datum values[2] = {
            Int64GetDatum(batch.ids[row]),
            types::make_vector_datum(batch.values.data() + row * static_cast<size_t>(dims), dims)};
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

Datum read_vectors(FunctionCallInfo fcinfo, SourceOfArgument source_of, const char* format) {
    const RowSpool spool = pg::pg_call([&] { return start_spool(fcinfo); });
    if (PG_ARGISNULL(0)) return Datum{0};
    const RowRange range = range_arguments(fcinfo);
    const auto source = source_of(PG_GETARG_DATUM(0));
    const auto reader = core::io::open_vectors(*source, format);
    const VectorFileInfo& info = reader->info();
    if (info.rows > 0) pg::pg_call([&] { check_vector_limit(source->name().c_str(), info.dims); });
    reader->seek(std::min<uint64_t>(static_cast<uint64_t>(range.first), info.rows));
    uint64_t left = static_cast<uint64_t>(range.count);
    VectorBatch batch;
    while (reader->read(batch, static_cast<size_t>(left))) {
        pg::pg_call([&] { spool_batch(spool, batch, static_cast<int>(info.dims)); });
        left -= batch.rows;
    }
    return Datum{0};
}

}  // namespace
}  // namespace vecstore::import

using namespace vecstore::import;

VECSTORE_FUNCTION(inspect_file) {
    return inspect(fcinfo, source_of_path);
}
VECSTORE_FUNCTION(inspect_bytea) {
    return inspect(fcinfo, source_of_bytea);
}
VECSTORE_FUNCTION(read_npy_file) {
    return read_vectors(fcinfo, source_of_path, "npy");
}
VECSTORE_FUNCTION(read_npy_bytea) {
    return read_vectors(fcinfo, source_of_bytea, "npy");
}
VECSTORE_FUNCTION(read_faiss_file) {
    return read_vectors(fcinfo, source_of_path, "faiss");
}
VECSTORE_FUNCTION(read_faiss_bytea) {
    return read_vectors(fcinfo, source_of_bytea, "faiss");
}

// Arguments: vector, id. Never null (the SQL function is strict).
VECSTORE_FUNCTION(row_hash) {
    namespace types = vecstore::types;
    const types::Vector* const vector = types::datum_get_vector(PG_GETARG_DATUM(0));
    const uint64_t hash =
        vecstore::core::io::hash_row(PG_GETARG_INT64(1), vector->data(), static_cast<size_t>(vector->dims()));
    PG_RETURN_INT64(static_cast<int64>(hash));
}
