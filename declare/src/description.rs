//! The descriptions, in the schema, of arguments that many fields have.

pub const FIRST: &str = "At most so many entries, from the first one on or from `after` on: 20 when left out, and at most 100 unless the field \
                         says otherwise. Not beside `last`.";
pub const AFTER: &str =
    "The `cursor` of an edge, or the page's `endCursor`: what comes after it. Null begins at the beginning.";
pub const LAST: &str =
    "At most so many entries, from the last one back or from `before` back, in the list's own order all the same.";
pub const BEFORE: &str =
    "The `cursor` of an edge, or the page's `startCursor`: what comes before it. Null begins at the end.";
pub const OFFSET: &str = "How many entries to leave out at the beginning, for tables with page numbers; beside `first` alone. Cursors are \
                          steadier where entries come and go.";

/// The description of an argument of this name that has no doc comment of its own.
pub fn of_any(name: &str) -> Option<&'static str> {
    Some(match name {
        "id" => "The object's id. BAD_USER_INPUT for what is no id of one.",
        "first" => "At most so many entries, from the first one on. BAD_USER_INPUT for more than the field says.",
        "filter" => "Only entries that fit all that is said here; null is every one that the viewer may see.",
        "order_by" => "What the entries are sorted by.",
        "search" => {
            "Only entries in which this text stands, in any case and with or without accents: at most 100 characters. Null or blank is all."
        }
        _ => return None,
    })
}

/// The description of the one argument of a mutation.
pub fn of_input(mutation: &str) -> String {
    format!("What `{mutation}` is given.")
}
