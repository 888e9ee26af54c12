//! Query complexity: how much a list or a long text adds to an operation's.

use super::page::{DEFAULT_SIZE, MAXIMUM_SIZE};

/// The highest complexity of one field. No operation comes near it, and a sum over all selections of a document fits into a `usize`.
const CEILING: usize = 1 << 32;

/// Characters of a text that cost as much as one field.
const CHARACTERS_A_FIELD: usize = 250;

/// What it costs to check an access token: a statement that reads one's rights.
pub const TOKEN_CHECK: usize = 1;

/// The complexity of a list with pages: `#[graphql(complexity = "limits::list(first, last, child_complexity)")]`.
pub fn list(first: Option<i32>, last: Option<i32>, child_complexity: usize) -> usize {
    list_of(MAXIMUM_SIZE, first, last, child_complexity)
}

/// The complexity of a list whose pages have at most so many entries.
pub fn list_of(maximum: u32, first: Option<i32>, last: Option<i32>, child_complexity: usize) -> usize {
    first_of(maximum, first.or(last).unwrap_or(DEFAULT_SIZE as i32), child_complexity)
}

/// The complexity of the first entries of a list, of which there are at most so many.
///
/// What the client asks for is clamped to what it can get; what is negative or above is refused by the field itself.
pub fn first_of(maximum: u32, first: i32, child_complexity: usize) -> usize {
    entries(u32::try_from(first).unwrap_or(0).min(maximum) as usize, child_complexity)
}

/// The complexity of a list of at most so many entries. An entry without fields of its own costs as much as a field.
pub fn entries(length: usize, child_complexity: usize) -> usize {
    length.max(1).saturating_mul(child_complexity.max(1)).saturating_add(1).min(CEILING)
}

/// The complexity of a text of at most so many characters.
pub fn text(maximum: usize) -> usize {
    1 + maximum / CHARACTERS_A_FIELD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_counts_its_entries() {
        assert_eq!(list(None, None, 3), 61);
        assert_eq!(list(Some(5), None, 3), 16);
        assert_eq!(list(None, Some(2), 3), 7);
    }

    #[test]
    fn no_argument_makes_a_list_cheap_or_overflows() {
        assert_eq!(list(Some(-1), None, 3), 4);
        assert_eq!(list(Some(0), None, 3), 4);
        assert_eq!(list(Some(i32::MAX), None, 3), 301);
        assert_eq!(list(Some(100), None, usize::MAX), CEILING);
        assert_eq!(first_of(500, i32::MAX, 3), 1501);
        assert_eq!(first_of(500, i32::MIN, 3), 4);
        assert_eq!(entries(7, 0), 8, "a list of names");
    }
}
