//! Search in text, in any case and any script.

use migration::search_text::fold;
use sea_orm::{
    ColumnTrait,
    sea_query::{Expr, ExprTrait, LikeExpr, SimpleExpr},
};

use super::{error::Result, input};

/// What was searched for, folded like the columns it is looked for in; `None` when blank. BAD_USER_INPUT when over-long.
pub fn term(field: &str, text: Option<&str>) -> Result<Option<String>> {
    let text = input::optional_text(field, text, 100)?;
    Ok(text.map(|text| fold(&text)).filter(|folded| !folded.is_empty()))
}

/// The folded column contains the term.
pub fn contains<C: ColumnTrait>(column: C, term: &str) -> SimpleExpr {
    Expr::col(column.as_column_ref()).like(pattern(term))
}

/// Matches what contains the term, whatever characters it has.
pub fn pattern(term: &str) -> LikeExpr {
    let escaped = term.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    LikeExpr::new(format!("%{escaped}%")).escape('\\')
}
