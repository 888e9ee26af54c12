//! Builds the index that restaurants are read by, best first, anew, with whether they are active as its last column.
//!
//! Why: a page by its number passed over the restaurants before it by reading their rows, to leave out those that are not active; 900 were as many
//! pages of the table. Lock: none that stops a writer. Reversal: the former index comes back.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const INDEXES: [(&str, &str); 1] =
    [("idx_restaurants_avg_rating_id_is_active", "restaurants (avg_rating, id, is_active)")];

const FORMER: [(&str, &str); 1] = [("idx_restaurants_avg_rating_id", "restaurants (avg_rating, id)")];

dialect::replaces_indexes!(|manager| FORMER => INDEXES);
