//! Text search by substring, in any case and any script.

use migration::search_text::fold;
use sea_orm::{
    ColumnTrait, Condition, DbBackend,
    sea_query::{Expr, ExprTrait, LikeExpr, SelectStatement, SimpleExpr},
};

use super::{input, row::Row};
use crate::{database::dialect, domain::error::Result};

/// What was searched for, folded like the columns it is looked for in; `None` when blank. BAD_USER_INPUT when over-long.
pub fn term(field: &str, text: Option<&str>) -> Result<Option<String>> {
    let text = input::optional_text(field, text, 100)?;
    Ok(text.map(|text| fold(&text)).filter(|folded| !folded.is_empty()))
}

/// The folded column contains the term.
pub fn contains<C: ColumnTrait>(column: C, term: &str) -> SimpleExpr {
    Expr::col(column.as_column_ref()).like(pattern(term))
}

/// Keeps the rows in which the term is found, by a condition over columns of the rows' own table. A trigram index answers from three
/// characters on; its matches are all found before anything is sorted and cut. To go along the sorted list until the page is full takes
/// longer as a rule: words differ too much in how often they come, and where.
pub fn keep_found<R: Row>(backend: DbBackend, select: &mut SelectStatement, term: &str, found: Condition) {
    if term.chars().nth(2).is_some() {
        dialect::keep_found_first(backend, select, R::table(), found);
    } else {
        select.cond_where(found);
    }
}

/// Matches what contains the term, with the wildcards of `LIKE` escaped.
pub fn pattern(term: &str) -> LikeExpr {
    let escaped = term.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    LikeExpr::new(format!("%{escaped}%")).escape('\\')
}
