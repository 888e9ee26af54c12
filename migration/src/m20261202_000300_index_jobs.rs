//! Builds the indexes that admins look at jobs by.
//!
//! Why: a page of the jobs of a kind, of dead letters of all kinds, or of what runs would pass over all that rest, which may be a million. What is
//! ready has no index by its state, for it is nearly everything. Lock: none that stops a writer. Reversal: the indexes go.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const INDEXES: [(&str, &str); 3] = [
    ("idx_jobs_kind", "jobs (kind, id)"),
    // SQLite uses it for either state because both are named here.
    ("idx_jobs_aside", "jobs (state, id) where state = 'DEAD' or state = 'BLOCKED'"),
    ("idx_jobs_held", "jobs (id) where holder is not null"),
];

dialect::replaces_indexes!(|manager| dialect::NONE => INDEXES);
