#include "pg/scratch_memory.hpp"

#include "core/base/scratch.hpp"

#include <fcntl.h>
#include <sys/mman.h>

extern "C" {
#include "commands/tablespace.h"
#include "storage/fd.h"
}

namespace vecstore::pg {

namespace {

// Room for so many bytes on the disk: a page of a mapped file that finds none would be a SIGBUS. May raise.
void reserve(File file, size_t bytes) {
    for (;;) {
        const int error = posix_fallocate(FileGetRawDesc(file), 0, static_cast<off_t>(bytes));
        if (error == 0) return;
        errno = error;
        if (error != EINTR)
            ereport(ERROR, (errcode_for_file_access(),
                            errmsg("could not reserve %zu bytes for a temporary file: %m", bytes)));
        CHECK_FOR_INTERRUPTS();
    }
}

// May raise.
void* map_file(size_t bytes) {
    PrepareTempTablespaces();
    const File file = OpenTemporaryFile(false);
    reserve(file, bytes);
    void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, FileGetRawDesc(file), 0);
    if (memory == MAP_FAILED)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("could not map a temporary file: %m")));
    FileClose(file);  // and its name is gone; what is mapped stays
    return memory;
}

}  // namespace

std::shared_ptr<void> ScratchMemory::take(size_t bytes) {
    if (bytes <= left_) {
        left_ -= bytes;
        std::shared_ptr<void> memory = core::Scratch::on_heap(bytes);
        return {memory.get(), [this, memory, bytes](void*) { left_ += bytes; }};
    }
    void* const memory = pg_call([&] { return map_file(bytes); });
    return {memory, [bytes](void* at) { munmap(at, bytes); }};
}

}  // namespace vecstore::pg
