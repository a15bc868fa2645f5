#include "import/resume.hpp"

extern "C" {
#include "access/table.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace vecstore::import {

namespace {

const char* const start_over_hint =
    "Start at the first row instead, without resuming. Rows that are there already can be skipped by their "
    "ids.";

// Triggers can put rows elsewhere. Then an empty table says nothing.
bool has_insert_triggers(const Target& target) {
    const Relation relation = table_open(target.relation, NoLock);
    const bool has = relation->trigdesc != nullptr && relation->trigdesc->trig_insert_before_row;
    table_close(relation, NoLock);
    return has;
}

[[noreturn]] void raise_lost(const Target& target, const char* detail) {
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("cannot resume: %s does not hold what the earlier import wrote", qualified_name(target)),
             errdetail_internal("%s", detail), errhint("%s", start_over_hint)));
    pg_unreachable();
}

// For users who may not read the table: the table and its file must still be the same ones.
void require_same_file(const Target& target, const ImportJob& job) {
    if (job.relation == target.relation && job.file_node == file_node_of(target.relation)) return;
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("cannot resume: whether %s still holds what the earlier import wrote is not known",
                           qualified_name(target)),
                    errdetail("It has been made anew, truncated or rewritten since, and to look needs SELECT "
                              "privilege on it."),
                    errhint("%s", start_over_hint)));
}

void require_rows(const ImportedRows& rows) {
    const ImportJob& job = rows.job;
    const bool ended = job.status == ImportStatus::complete;
    const Verification found = ended ? verify_import(rows) : count_import(rows);
    if (found.outcome != Verification::Outcome::different) return;
    raise_lost(
        rows.target,
        found.rows_found == job.rows_written
            ? psprintf("All " INT64_FORMAT " rows are there, but their content differs.", job.rows_written)
            : psprintf("Of its " INT64_FORMAT " rows " INT64_FORMAT " are there as they were written.",
                       job.rows_written, found.rows_found));
}

}  // namespace

bool may_go_on(const ImportedRows& rows, RowCheck check) {
    const auto& [tables, target, job] = rows;
    if (job.rows_done == 0) return true;
    if (!may_verify(target)) {
        require_same_file(target, job);
        return true;
    }
    if (!has_rows(target)) {
        if (has_insert_triggers(target))
            raise_lost(target, "It is empty, unless a trigger puts its rows elsewhere.");
        ereport(NOTICE,
                (errmsg("%s is empty: the rows of the earlier import are gone; starting at the first row",
                        qualified_name(target))));
        return false;
    }
    const bool another_table = OidIsValid(job.relation) && job.relation != target.relation;
    // A complete import that was not verified then cannot be compared now.
    const bool comparable = check == RowCheck::same_rows &&
                            (job.status != ImportStatus::complete || job.verified);
    if (comparable)
        require_rows(rows);
    else if (another_table)
        raise_lost(target, "It is another table of the same name.");
    set_table(tables, job, target.relation);
    return true;
}

}  // namespace vecstore::import
