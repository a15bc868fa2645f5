// The steps that every import takes in the state tables: it begins a job, notes each batch, and ends the job
// with a verification. BatchDriver takes them for the files and stores of the server, client_load.cpp for a
// program on the client's side.
//
// Everything here is plain data and calls Postgres only (inside an SPI connection): use it in pg_call().
#pragma once

#include "import/import_state.hpp"
#include "import/target.hpp"
#include "import/verify.hpp"

namespace vecstore::import {

// The source of an import, and the columns it goes into. The strings belong to the caller.
struct JobDescription {
    ImportSubject subject;
    FileIdentity file;
    TargetRequest target;
};

// Looks the target up as it is now. The lock on it stays until the transaction ends.
Target look_up_target(const TargetRequest& request);

// The row of a new job. With `verify` it notes whether the table is empty, which a verification may use.
ImportJob begin_job(const StateTables& tables, const JobDescription& description, const Target& target,
                    bool verify);

// Records a batch in the transaction that inserted its rows, and adds it to the job's sums.
void note_batch(const StateTables& tables, const ImportBatch& batch, ImportJob* job);

// Compares the table with the rows that were read, if asked to, and sets the job's status by the outcome. The
// table is locked until the transaction ends.
Verification end_job(const StateTables& tables, const TargetRequest& target, const ImportJob& job,
                     bool verify);

}  // namespace vecstore::import
