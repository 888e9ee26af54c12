//! Every field of the schema has a row, or stands in the list of those that need none.

use std::collections::BTreeSet;

use super::table::Table;
use crate::introspection::Schema;

const ROOTS: [&str; 3] = ["Query", "Mutation", "Subscription"];

/// What the table lacks, and what it says of fields that are not there.
pub fn gaps(table: &Table, schema: &Schema) -> Vec<String> {
    let rows: BTreeSet<_> = table.rows.iter().map(|row| row.field.as_str()).collect();
    let mut unused: BTreeSet<_> = rows.iter().copied().chain(table.public.iter().map(String::as_str)).collect();
    let mut gaps = Vec::new();
    for object in schema.objects() {
        for field in object.fields() {
            let name = format!("{}.{}", object.name, field.name);
            // Lists are of one shape, whatever is in them.
            let shape = ["Connection", "Edge"].into_iter().find(|shape| object.name.ends_with(shape));
            let in_any_list = shape.map(|shape| format!("*{shape}.{}", field.name)).unwrap_or_default();
            let public = [&name, &in_any_list].into_iter().find(|name| table.public.contains(*name));
            if !rows.contains(name.as_str()) && (public.is_none() || ROOTS.contains(&object.name.as_str())) {
                gaps.push(format!("{name} has no row"));
            }
            unused.remove(name.as_str());
            unused.remove(in_any_list.as_str());
        }
    }
    gaps.extend(unused.into_iter().map(|name| format!("{name} is no field")));
    gaps
}
