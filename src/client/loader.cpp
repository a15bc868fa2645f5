#include "client/loader.hpp"

#include "client/local_files.hpp"
#include "client/progress.hpp"
#include "client/server.hpp"

#include <cstdio>
#include <iostream>

#include <unistd.h>

namespace vecstore::client {

namespace {

using core::Error;
using core::ErrorCode;

// A binary COPY begins with a signature, flags, and the length of the header's extension. It has a trailer.
constexpr char copy_header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
constexpr size_t copy_header_length = 19;
constexpr char copy_trailer[] = "\377\377";
constexpr size_t copy_trailer_length = 2;

constexpr size_t send_bytes = size_t{256} * 1024;

class Loader {
  public:
    explicit Loader(const LoadOptions& options)
        : options_(options),
          feed_(open_feed(options.feed)),
          server_(options.connection),
          source_(source_name()) {}

    void run() {
        for (const std::string& warning : feed_->warnings()) say(warning);
        find_extension();
        if (options_.create) create_table();
        begin();
        if (complete_) {
            say(source_ + " is already in " + table_ +
                ": nothing to load. (Without --resume it is loaded once more.)");
            return;
        }
        skip_done();
        Progress progress(feed_->rows(), done_, options_.quiet);
        const uint64_t before = done_;
        progress.show(done_);
        while (load_batch(progress)) {
        }
        const std::string outcome = finish();
        char rate[40];
        std::snprintf(rate, sizeof(rate), "%.2f s (%.0f rows/s)", progress.seconds(), progress.rate(done_));
        summary_ = "loaded " + std::to_string(done_ - before) + " rows of " + std::to_string(feed_->dims()) +
                   " dimensions from " + source_ + " into " + table_ + " in " + rate + "; " + outcome;
    }

    void tell_summary() const {
        if (!summary_.empty()) say(summary_);
    }

  private:
    void say(const std::string& text) const {
        if (!options_.quiet) std::cerr << "vecstore-load: " << text << '\n';
    }

    // By which the server tells files apart: the machine is part of it.
    std::string source_name() const {
        char host[256] = {};
        gethostname(host, sizeof(host) - 1);
        const std::string& collection = options_.feed.store.collection;
        return std::string("client ") + host + ":" + absolute_path(options_.feed.path) +
               (collection.empty() ? "" : " collection " + collection) +
               (options_.feed.member.empty() ? "" : " member " + options_.feed.member);
    }

    void find_extension() {
        const Answer answer = server_.ask(
            "SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace "
            "n ON n.oid = p.pronamespace "
            "JOIN pg_catalog.pg_depend d ON d.objid = p.oid AND d.deptype = 'e' WHERE p.proname = "
            "'vecstore_load_begin'");
        if (answer.rows() == 0) {
            throw ServerError(
                "the database lacks the extension vecstore, or has a version without vecstore_load_begin\n"
                "HINT: CREATE EXTENSION vecstore, or ALTER EXTENSION vecstore UPDATE.");
        }
        schema_ = answer.text(0);
    }

    void create_table() {
        const std::string id = server_.quoted(options_.feed.id_column.empty() ? "id"
                                                                              : options_.feed.id_column);
        std::string others = feed_->other_columns_definition();
        others.replace(others.find("{}"), 2, id);
        if (feed_->has_number_ids() || !feed_->other_columns().empty())
            others += ", ";
        else
            others.clear();
        const std::string vector = server_.quoted(options_.vector_column.empty() ? "embedding"
                                                                                 : options_.vector_column);
        const std::string dims = feed_->dims() > 0 ? "(" + std::to_string(feed_->dims()) + ")" : "";
        server_.ask("CREATE TABLE IF NOT EXISTS " + options_.table + " (" + others + vector + " " +
                    feed_->vector_type(schema_) + dims + ")");
    }

    void begin() {
        const std::string size = std::to_string(feed_->bytes()),
                          fingerprint = std::to_string(static_cast<int64_t>(feed_->fingerprint())),
                          rows = std::to_string(feed_->rows()), dims = std::to_string(feed_->dims()),
                          format = feed_->format();
        const Answer answer = server_.ask(
            "SELECT * FROM " + schema_ +
                ".vecstore_load_begin($1::pg_catalog.regclass, $2::pg_catalog.text, $3::pg_catalog.name, "
                "$4::pg_catalog.name, $5::pg_catalog.text, $6::pg_catalog.int8, $7::pg_catalog.int8, "
                "$8::pg_catalog.int8, $9::pg_catalog.int8, $10::pg_catalog.bool)",
            {options_.table.c_str(), source_.c_str(),
             options_.vector_column.empty() ? nullptr : options_.vector_column.c_str(),
             feed_->has_number_ids() ? options_.feed.id_column.c_str() : nullptr, format.c_str(),
             size.c_str(), fingerprint.c_str(), rows.c_str(), dims.c_str(),
             options_.resume ? "true" : "false"});
        id_ = answer.text(0);
        earlier_rows_ = static_cast<uint64_t>(answer.number(1));
        earlier_sum_ = static_cast<uint64_t>(answer.number(2));
        same_file_ = answer.text(3) == size && answer.text(4) == fingerprint;
        complete_ = answer.text(5) == "complete";
        table_ = answer.text(6);
        feed_->set_types({answer.text(8), answer.is_null(9) ? "" : answer.text(9)});
        std::string columns = server_.quoted(answer.text(7));
        for (const std::string& column : feed_->other_columns()) columns += ", " + server_.quoted(column);
        copy_ = "COPY " + table_ + " (" + columns + ") FROM STDIN (FORMAT binary)";
    }

    // Reads again the rows that an earlier load has committed. They must be those that it read then.
    void skip_done() {
        bool same = same_file_;
        uint64_t sum = 0;
        std::string ignored;
        while (same && done_ < earlier_rows_) {
            uint64_t hash = 0;
            ignored.clear();
            same = feed_->append_row(ignored, hash);
            sum += hash;
            done_++;
        }
        if (same && sum == earlier_sum_) return;
        throw Error(ErrorCode::invalid_parameter,
                    "cannot resume: " + source_ + " is not what the earlier load read", "It has changed.",
                    "Load it anew without --resume; the rows of the earlier load are still in the table.");
    }

    // One transaction; false when there is nothing more.
    bool load_batch(Progress& progress) {
        if (done_ >= feed_->rows()) return false;
        const uint64_t first = done_;
        uint64_t sum = 0;
        server_.ask("BEGIN");
        server_.begin_copy(copy_);
        std::string data(copy_header, copy_header_length);
        bool more = true;
        while (more && done_ - first < options_.batch_rows) {
            uint64_t hash = 0;
            more = feed_->append_row(data, hash);
            if (!more) break;
            sum += hash;
            done_++;
            if (data.size() < send_bytes) continue;
            server_.send(data.data(), data.size());
            data.clear();
            progress.show(done_);
        }
        data.append(copy_trailer, copy_trailer_length);
        server_.send(data.data(), data.size());
        server_.end_copy();
        const std::string at = std::to_string(first), rows = std::to_string(done_ - first),
                          sum_text = std::to_string(static_cast<int64_t>(sum));
        if (done_ > first)
            server_.ask(
                "SELECT " + schema_ +
                    ".vecstore_load_batch($1::pg_catalog.int8, $2::pg_catalog.int8, $3::pg_catalog.int8, "
                    "$4::pg_catalog.int8)",
                {id_.c_str(), at.c_str(), rows.c_str(), sum_text.c_str()});
        server_.ask("COMMIT");
        progress.show(done_);
        return more;
    }

    std::string finish() {
        if (done_ != feed_->rows()) {
            throw Error(ErrorCode::bad_file,
                        source_ + " announced " + std::to_string(feed_->rows()) + " rows, but held " +
                            std::to_string(done_),
                        "Those are committed.");
        }
        const std::string outcome =
            server_
                .ask("SELECT " + schema_ + ".vecstore_load_finish($1::pg_catalog.int8, $2::pg_catalog.bool)",
                     {id_.c_str(), options_.verify ? "true" : "false"})
                .text(0);
        if (outcome == "different") {
            throw Error(ErrorCode::data_exception, table_ + " does not hold what was read from " + source_,
                        "Its rows of this load differ in count or content.",
                        "Triggers that change or drop rows explain this, and so do other sessions that "
                        "changed them meanwhile; "
                        "in these cases use --no-verify.");
        }
        if (outcome == "equal") return feed_->verified();
        if (outcome == "not comparable") return "not verified, which a table of Citus does not allow";
        return outcome == "not allowed" ? "not verified, which needs SELECT privilege on the table"
                                        : "not verified";
    }

    const LoadOptions options_;
    const std::unique_ptr<Feed> feed_;
    Server server_;
    const std::string source_;
    std::string schema_;  // of the extension, quoted
    std::string table_;
    std::string copy_;
    std::string id_;
    std::string summary_;
    uint64_t earlier_rows_ = 0;
    uint64_t earlier_sum_ = 0;
    bool same_file_ = false;
    bool complete_ = false;
    uint64_t done_ = 0;
};

}  // namespace

void load_file(const LoadOptions& options) {
    Loader loader(options);
    loader.run();
    loader.tell_summary();
}

}  // namespace vecstore::client
