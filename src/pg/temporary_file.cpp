#include "pg/temporary_file.hpp"

namespace vecstore::pg {

namespace {

class TemporaryFile final : public core::SpillFile {
  public:
    TemporaryFile(BufFile* file, const TemporaryFiles& all) : file_(file), all_(all) {}
    ~TemporaryFile() override {
        if (!all_.are_gone()) close_quietly(file_);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    void write(const void* bytes, size_t size) override {
        pg_call([&] { BufFileWrite(file_, const_cast<void*>(bytes), size); });
    }
    void rewind() override {
        pg_call([&] {
            if (BufFileSeek(file_, 0, 0, SEEK_SET) != 0)
                ereport(ERROR, (errcode_for_file_access(),
                                errmsg("could not rewind a temporary file of an index scan")));
        });
    }
    void read(void* bytes, size_t size) override {
        pg_call([&] {
            const size_t got = BufFileRead(file_, bytes, size);
            if (got != size)
                ereport(ERROR, (errcode_for_file_access(),
                                errmsg("could not read from a temporary file of an index scan: "
                                       "read only %zu of %zu bytes",
                                       got, size)));
        });
    }

  private:
    BufFile* file_;
    const TemporaryFiles& all_;
};

}  // namespace

void close_quietly(BufFile* file) noexcept {
    try {
        pg_call([&] { BufFileClose(file); });
    } catch (const PgError&) {
    }
}

std::unique_ptr<core::SpillFile> TemporaryFiles::make() {
    BufFile* const file = pg_call([&] {
        const MemoryContext old = MemoryContextSwitchTo(memory_);
        BufFile* const made = BufFileCreateTemp(false);
        MemoryContextSwitchTo(old);
        return made;
    });
    return std::make_unique<TemporaryFile>(file, *this);
}

}  // namespace vecstore::pg
