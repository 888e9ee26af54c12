//! Builds the index that the dishes of a category are read by, cheapest first.
//!
//! Why: by the index over all prices, a page of one category passed over the dishes of all others. Lock: none that stops a writer. Reversal: the
//! index goes.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

fn indexes(manager: &SchemaManager<'_>) -> [(&'static str, String); 1] {
    let category = dialect::by_code_point(manager, "category");
    [("idx_dishes_category_price", format!("dishes ({category}, price, id)"))]
}

dialect::replaces_indexes!(|manager| dialect::NONE => indexes(manager));
