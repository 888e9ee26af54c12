//! Search in text, in any case and any script.

use migration::search_text::fold;
use sea_orm::{
    ColumnTrait, Condition, DbBackend,
    sea_query::{Expr, ExprTrait, LikeExpr, SelectStatement, SimpleExpr},
};

use super::{error::Result, input, row::Row};
use crate::dialect;

/// What was searched for, folded like the columns it is looked for in; `None` when blank. BAD_USER_INPUT when over-long.
pub fn term(field: &str, text: Option<&str>) -> Result<Option<String>> {
    let text = input::optional_text(field, text, 100)?;
    Ok(text.map(|text| fold(&text)).filter(|folded| !folded.is_empty()))
}

/// The folded column contains the term.
pub fn contains<C: ColumnTrait>(column: C, term: &str) -> SimpleExpr {
    Expr::col(column.as_column_ref()).like(pattern(term))
}

/// Keeps the rows that the term is found in, by a condition over columns of the rows' own table. What an index finds, which knows three
/// characters at a time, is all found before anything is sorted and cut: words are so unlike in how often they come, and where, that going
/// along the list takes longer as a rule.
pub fn keep_found<R: Row>(backend: DbBackend, select: &mut SelectStatement, term: &str, found: Condition) {
    if term.chars().nth(2).is_some() {
        dialect::keep_found_first(backend, select, R::table(), found);
    } else {
        select.cond_where(found);
    }
}

/// Matches what contains the term, whatever characters it has.
pub fn pattern(term: &str) -> LikeExpr {
    let escaped = term.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    LikeExpr::new(format!("%{escaped}%")).escape('\\')
}
