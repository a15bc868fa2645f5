// The files that CALL vecstore_import reads, opened, checked and matched with the table they go into.
#pragma once

#include "import/import_session.hpp"
#include "import/metadata.hpp"
#include "import/options.hpp"
#include "import/target.hpp"

namespace vecstore::import {

class ImportInput {
  public:
    ImportInput(ImportOptions options, const ImportSession& session);

    // Finds the table or creates it, opens the files, and decides where the ids come from. Privileges are
    // checked first: nothing is opened for those who may not.
    void open();

    // The question to the target, once the files are open.
    TargetRequest request() const;
    FileIdentity identity() const;

    const ImportOptions& options() const { return options_; }
    const std::string& shown_path() const { return shown_path_; }
    const core::io::VectorFileInfo& info() const { return reader_->info(); }
    core::io::VectorReader& reader() { return *reader_; }
    const Metadata* metadata() const { return metadata_.get(); }  // null where there is none
    // The statement that has created the table; empty where it was there.
    const std::string& created() const { return created_; }

    void check_fits(const Target& target) const;
    // A NOTICE with the fields of the metadata that go nowhere.
    void report_unused_fields(const Target& target) const;

  private:
    void find_target_table();
    void open_files();
    void check_metadata_fits() const;
    void choose_ids();
    TargetRequest request_without_metadata() const;

    ImportOptions options_;
    const ImportSession& session_;
    const std::string shown_path_;
    std::unique_ptr<core::io::ByteSource> source_;
    std::unique_ptr<core::io::VectorReader> reader_;
    std::unique_ptr<Metadata> metadata_;
    std::vector<const char*> keys_;  // of the metadata
    int64 fingerprint_ = 0;
    std::string created_;
};

}  // namespace vecstore::import
