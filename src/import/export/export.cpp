// vecstore_export_npy, _fvecs, _faiss, _hnswlib: a table's or a query's vectors into a file of the server,
// which other programs read. Rows are streamed from a cursor into the writer (core/export).
#include "core/export/hnswlib_writer.hpp"
#include "core/export/vector_writer.hpp"
#include "import/export/export_graph.hpp"
#include "import/export/export_source.hpp"
#include "import/export/output_file.hpp"
#include "import/functions.hpp"
#include "import/server_file.hpp"
#include "pg/guard.hpp"

#include <functional>
#include <thread>

extern "C" {
#include "miscadmin.h"
#include "optimizer/cost.h"
}

namespace vecstore::import {

namespace {

using core::MetricInfo;
using core::exports::NumberFormat;
using core::exports::VectorWriter;

// source, path, column: as the first arguments of every function.
enum Argument { arg_source, arg_path, arg_column };

std::string optional_name(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? std::string() : std::string(NameStr(*PG_GETARG_NAME(n)));
}

std::string required_text(FunctionCallInfo fcinfo, int n, const char* name) {
    if (PG_ARGISNULL(n)) {
        throw core::Error(core::ErrorCode::invalid_parameter, std::string(name) + " must not be null");
    }
    return text_to_string(PG_GETARG_DATUM(n));
}

bool flag(FunctionCallInfo fcinfo, int n) { return !PG_ARGISNULL(n) && PG_GETARG_BOOL(n); }

const MetricInfo& l2 = core::metric_info(core::Metric::l2);

// Of those that hnswlib knows.
const MetricInfo& parse_metric(FunctionCallInfo fcinfo, int n) {
    const std::string text = PG_ARGISNULL(n) ? l2.name : text_to_string(PG_GETARG_DATUM(n));
    std::vector<std::string> names;
    for (const MetricInfo& metric : core::metrics) {
        if (metric.space == nullptr) continue;
        if (text == metric.name || text == metric.space) return metric;
        names.push_back(metric.name);
    }
    std::string hint = "It is " + names[0];
    for (size_t i = 1; i < names.size(); i++) hint += (i + 1 < names.size() ? ", " : " or ") + names[i];
    throw core::Error(core::ErrorCode::invalid_parameter, "metric cannot be \"" + text + "\"", {},
                      hint + ".");
}

// Counts the changes that were made to the rows, and reports them at the end.
struct Report {
    uint64_t rows = 0;
    uint64_t skipped = 0;
    uint64_t made_unit = 0;

    void tell() const {
        pg::pg_call([&] {
            if (skipped > 0)
                ereport(NOTICE, (errmsg(UINT64_FORMAT " rows without a vector were left out", skipped)));
            if (made_unit > 0)
                ereport(NOTICE, (errmsg(UINT64_FORMAT " vectors were scaled to unit length", made_unit),
                                 errdetail("For cosine distance the file holds unit vectors and the inner "
                                           "product as its metric.")));
        });
    }
};

struct RowWriter {
    std::function<void(size_t dims, bool is_half)> start;  // before the first row
    std::function<void(int64_t id, const float* values)> add;
};

Report write_rows(ExportSource& source, const RowWriter& writer, const MetricInfo& metric) {
    Report report;
    bool started = false;
    while (source.next()) {
        if (!started) writer.start(source.dims(), source.is_half());
        started = true;
        if (metric.of_units && core::exports::make_unit(source.values(), source.dims())) report.made_unit++;
        writer.add(source.id(), source.values());
        report.rows++;
    }
    if (!started) writer.start(source.dims(), source.is_half());
    report.skipped = source.skipped();
    source.close();
    return report;
}

struct FileRequest {
    ExportRequest rows;
    std::string path;
    bool overwrite;
};

// id_at: the argument that names the ids' column, or -1; flags_at: overwrite, then skip_nulls.
FileRequest parse_request(FunctionCallInfo fcinfo, int id_at, int flags_at) {
    pg::pg_call([] { require_server_write_privilege(); });
    return {{required_text(fcinfo, arg_source, "source"), optional_name(fcinfo, arg_column),
             id_at < 0 ? std::string() : optional_name(fcinfo, id_at), flag(fcinfo, flags_at + 1)},
            required_text(fcinfo, arg_path, "path"),
            flag(fcinfo, flags_at)};
}

using MakeWriter = std::function<std::unique_ptr<VectorWriter>(OutputFile& file, size_t dims, bool is_half)>;

Datum export_file(FunctionCallInfo fcinfo, const FileRequest& request, const MetricInfo& metric,
                  const MakeWriter& make_writer) {
    const ExportTypes types = pg::pg_call([&] { return export_types_beside(fcinfo->flinfo->fn_oid); });
    OutputFile file(request.path, request.overwrite);
    std::unique_ptr<VectorWriter> writer;
    ExportSource source(request.rows, types);
    const Report report = write_rows(
        source,
        {[&](size_t dims, bool is_half) { writer = make_writer(file, dims, is_half); },
         [&](int64_t id, const float* values) { writer->add(id, values); }},
        metric);
    writer->finish();
    file.commit();
    report.tell();
    return Int64GetDatum(static_cast<int64>(report.rows));
}

Datum export_faiss(FunctionCallInfo fcinfo) {
    enum { arg_id_column = 3, arg_metric, arg_index, arg_flags };
    const FileRequest request = parse_request(fcinfo, arg_id_column, arg_flags);
    if (!PG_ARGISNULL(arg_index)) {
        if (!PG_ARGISNULL(arg_metric)) {
            throw core::Error(core::ErrorCode::invalid_parameter,
                              "the metric is the index's: it cannot be given beside \"index\"");
        }
        OutputFile file(request.path, request.overwrite);
        const GraphReport graph = export_graph(file, {request.rows, PG_GETARG_OID(arg_index)});
        file.commit();
        Report{graph.rows, 0, graph.made_unit}.tell();
        return Int64GetDatum(static_cast<int64>(graph.rows));
    }
    const MetricInfo& metric = parse_metric(fcinfo, arg_metric);
    std::unique_ptr<ServerScratch> ids;
    if (!request.rows.id_column.empty()) ids = std::make_unique<ServerScratch>();
    return export_file(fcinfo, request, metric, [&](OutputFile& file, size_t dims, bool) {
        return core::exports::write_faiss_flat(file, dims, metric, ids.get());
    });
}

int32 positive_argument(FunctionCallInfo fcinfo, int n, const char* name, int32 most) {
    const int32 value = PG_ARGISNULL(n) ? 0 : PG_GETARG_INT32(n);
    if (value >= 2 && value <= most) return value;
    throw core::Error(
        core::ErrorCode::invalid_parameter,
        std::string(name) + " must be from 2 to " + std::to_string(most) + ", not " + std::to_string(value));
}

// As many threads as an index build may use.
size_t build_threads() {
    const size_t cores = std::max(1u, std::thread::hardware_concurrency());
    return std::min(cores, static_cast<size_t>(max_parallel_maintenance_workers) + 1);
}

Datum export_hnswlib(FunctionCallInfo fcinfo) {
    enum { arg_id_column = 3, arg_metric, arg_m, arg_ef_construction, arg_flags };
    const FileRequest request = parse_request(fcinfo, arg_id_column, arg_flags);
    const MetricInfo& metric = parse_metric(fcinfo, arg_metric);
    const core::exports::HnswlibOptions options = {
        metric.metric, static_cast<size_t>(positive_argument(fcinfo, arg_m, "m", 1000)),
        static_cast<size_t>(positive_argument(fcinfo, arg_ef_construction, "ef_construction", 10000)),
        build_threads(), static_cast<size_t>(maintenance_work_mem) * 1024};
    const ExportTypes types = pg::pg_call([&] { return export_types_beside(fcinfo->flinfo->fn_oid); });
    OutputFile file(request.path, request.overwrite);
    std::unique_ptr<core::exports::HnswlibWriter> writer;
    ExportSource source(request.rows, types);
    const auto start = [&](size_t dims, bool) {
        if (dims == 0) throw core::Error(core::ErrorCode::invalid_parameter, "there are no rows to export");
        writer = core::exports::write_hnswlib(
            dims, options, {[] { pg::check_interrupts(); }, [] { return InterruptPending != 0; }});
    };
    const Report report = write_rows(
        source, {start, [&](int64_t id, const float* values) { writer->add(id, values); }}, metric);
    writer->save(file);
    file.commit();
    report.tell();
    return Int64GetDatum(static_cast<int64>(report.rows));
}

}  // namespace
}  // namespace vecstore::import

using namespace vecstore::import;
using vecstore::core::exports::NumberFormat;

VECSTORE_FUNCTION(export_npy) {
    const FileRequest request = parse_request(fcinfo, -1, 3);
    return export_file(fcinfo, request, l2, [](OutputFile& file, size_t dims, bool is_half) {
        return vecstore::core::exports::write_npy(file, dims,
                                                  is_half ? NumberFormat::float16 : NumberFormat::float32);
    });
}

VECSTORE_FUNCTION(export_fvecs) {
    const FileRequest request = parse_request(fcinfo, -1, 3);
    return export_file(fcinfo, request, l2, [](OutputFile& file, size_t dims, bool) {
        return vecstore::core::exports::write_fvecs(file, dims);
    });
}

VECSTORE_FUNCTION(export_faiss) { return export_faiss(fcinfo); }

VECSTORE_FUNCTION(export_hnswlib) { return export_hnswlib(fcinfo); }
