// vecstore-load: the readers of vecstore on the client's side, for servers whose disk one cannot reach.
#include "client/loader.hpp"
#include "client/server.hpp"
#include "core/base/library_error.hpp"
#include "core/base/option_text.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include <getopt.h>

namespace {

using vecstore::client::LoadOptions;

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;

const char usage[] =
    R"(vecstore-load loads a file of vectors, or the folder of a store, into a table of a PostgreSQL server.

Usage: vecstore-load [OPTION]... FILE TABLE

FILE is of any format that vecstore reads, or a folder of LangChain (index.faiss, index.pkl) or Chroma. It is
read here and sent over the wire: the server needs the extension vecstore, not the file.

  -d, --dbname=CONNECTION   database, connection string or URI (default: libpq's environment variables)
  -c, --column=NAME         column for the vectors (default: the table's only one; embedding in a new table)
  -i, --id-column=NAME      column for the ids, or the rows' positions from 0 (default: none; a store's: id)
      --create              create the table where there is none
      --format=NAME         the file's format (default: recognized)
      --member=NAME         which array of an .npz
      --flatten             arrays of more than two dimensions: a row for each first index
      --skip-not-finite     leave out rows with NaN or infinity
      --collection=NAME     which collection of a Chroma store
      --index-name=NAME     what the names of LangChain's files begin with (default: index)
      --batch-size=ROWS     rows committed together (default: 10000)
      --resume              go on where an earlier load of this file into this table stopped
      --no-verify           do not compare the table with what was read, at the end
  -q, --quiet               show errors only
  -V, --version             show the version
  -h, --help                show this

Exit status: 0 when all is loaded, 1 after an error (committed rows stay, and --resume goes on behind them), 2
for wrong arguments.
)";

enum LongOption {
    option_create = 256,
    option_format,
    option_member,
    option_flatten,
    option_skip,
    option_collection,
    option_index_name,
    option_batch,
    option_resume,
    option_no_verify
};

const option long_options[] = {{"dbname", required_argument, nullptr, 'd'},
                               {"column", required_argument, nullptr, 'c'},
                               {"id-column", required_argument, nullptr, 'i'},
                               {"create", no_argument, nullptr, option_create},
                               {"format", required_argument, nullptr, option_format},
                               {"member", required_argument, nullptr, option_member},
                               {"flatten", no_argument, nullptr, option_flatten},
                               {"skip-not-finite", no_argument, nullptr, option_skip},
                               {"collection", required_argument, nullptr, option_collection},
                               {"index-name", required_argument, nullptr, option_index_name},
                               {"batch-size", required_argument, nullptr, option_batch},
                               {"resume", no_argument, nullptr, option_resume},
                               {"no-verify", no_argument, nullptr, option_no_verify},
                               {"quiet", no_argument, nullptr, 'q'},
                               {"version", no_argument, nullptr, 'V'},
                               {"help", no_argument, nullptr, 'h'},
                               {nullptr, 0, nullptr, 0}};

[[noreturn]] void wrong_usage(const std::string& message) {
    std::cerr << "vecstore-load: " << message << "\nTry vecstore-load --help.\n";
    std::exit(exit_usage);
}

uint64_t parse_batch_size(const char* text) {
    errno = 0;
    char* end = nullptr;
    const long long rows = std::strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0' || errno != 0 || rows < 1 || rows > INT32_MAX)
        wrong_usage(std::string("--batch-size must be a number from 1 to 2147483647, not \"") + text + "\"");
    return static_cast<uint64_t>(rows);
}

LoadOptions parse_arguments(int argc, char** argv) {
    LoadOptions options;
    for (int code; (code = getopt_long(argc, argv, "d:c:i:qVh", long_options, nullptr)) != -1;) {
        switch (code) {
            case 'd': options.connection = optarg; break;
            case 'c': options.vector_column = optarg; break;
            case 'i': options.feed.id_column = optarg; break;
            case option_create: options.create = true; break;
            case option_format: options.feed.format = optarg; break;
            case option_member: options.feed.member = optarg; break;
            case option_flatten: options.feed.flatten = true; break;
            case option_skip: options.feed.skip_not_finite = true; break;
            case option_collection: options.feed.store.collection = optarg; break;
            case option_index_name: options.feed.store.index_name = optarg; break;
            case option_batch: options.batch_rows = parse_batch_size(optarg); break;
            case option_resume: options.resume = true; break;
            case option_no_verify: options.verify = false; break;
            case 'q': options.quiet = true; break;
            case 'V': std::cout << "vecstore-load " VECSTORE_VERSION "\n"; std::exit(0);
            case 'h': std::cout << usage; std::exit(0);
            default: wrong_usage("unknown or incomplete option");
        }
    }
    if (argc - optind != 2) wrong_usage("a file and a table are needed");
    options.feed.path = argv[optind];
    options.table = argv[optind + 1];
    return options;
}

int report(const std::string& message, const std::string& detail = {}, const std::string& hint = {}) {
    std::cerr << "vecstore-load: error: " << message << '\n';
    if (!detail.empty()) std::cerr << "DETAIL: " << detail << '\n';
    if (!hint.empty()) std::cerr << "HINT: " << hint << '\n';
    return exit_failure;
}

}  // namespace

int main(int argc, char** argv) {
    vecstore::core::option_style = vecstore::core::OptionStyle::command_line;
    const LoadOptions options = parse_arguments(argc, argv);
    try {
        vecstore::client::load_file(options);
        return 0;
    } catch (const vecstore::core::Error& error) {
        return report(error.message(), error.detail(), error.hint());
    } catch (const vecstore::client::ServerError& error) {
        return report(error.what());
    } catch (const std::exception& exception) {
        const vecstore::core::Error error = vecstore::core::error_of_library(exception);
        return report(error.message(), error.detail());
    }
}
