//! Generates what SeaORM's generator does not: reading a projection of a row (some of its columns) by column index.

use std::fmt::Write;

/// Implements `Partial` for the model that the source of an entity declares; `None` where it declares none.
pub fn of_entity(source: &str) -> Option<String> {
    let fields = fields(source)?;
    let (mut names, mut columns, mut cells) = (String::new(), String::new(), String::new());
    for field in fields {
        // Writing to a `String` cannot fail.
        _ = write!(names, "{field:?}, ");
        _ = write!(columns, "Column::{}, ", pascal(field));
        _ = write!(cells, "{field}: cells.cell()?, ");
    }
    Some(format!(
        "impl crate::columns::Partial for Model {{\n\
         const NAMES: &'static [&'static str] = &[{names}];\n\n\
         fn expression(place: usize) -> sea_orm::sea_query::SimpleExpr {{\n\
         const COLUMNS: &[Column] = &[{columns}];\n\
         COLUMNS[place].select_as(sea_orm::sea_query::Expr::col(COLUMNS[place].as_column_ref()))\n}}\n\n\
         fn read(cells: &mut crate::columns::Cells<'_>) -> Result<Self, DbErr> {{\n\
         Ok(Model {{ {cells} }})\n}}\n}}\n"
    ))
}

/// The names of the model's columns: its fields but for the relations, which stand last.
fn fields(source: &str) -> Option<Vec<&str>> {
    let (_, model) = source.split_once("pub struct Model {")?;
    let (model, _) = model.split_once("\n}")?;
    let declared = model.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(": "));
    let is_relation = |ty: &str| ["BelongsTo<", "HasMany<", "HasOne<"].iter().any(|relation| ty.starts_with(relation));
    Some(declared.filter(|(_, ty)| !is_relation(ty)).map(|(name, _)| name).collect())
}

fn pascal(name: &str) -> String {
    let words = name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
    words.collect()
}

/// Gives every enum a default, its first value, for columns that are not read.
pub fn with_defaults(source: &str) -> String {
    let mut with_defaults = String::new();
    let mut is_first = false;
    for line in source.lines() {
        if line.starts_with("#[derive(") && line.contains("DeriveActiveEnum") {
            is_first = true;
            with_defaults.push_str(&line.replace("Debug,", "Debug, Default,"));
        } else if is_first && line.trim_start().starts_with("#[sea_orm(string_value") {
            is_first = false;
            with_defaults.push_str("#[default]\n");
            with_defaults.push_str(line);
        } else {
            with_defaults.push_str(line);
        }
        with_defaults.push('\n');
    }
    with_defaults
}
