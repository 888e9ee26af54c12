//! How much a list adds to an operation's complexity, and what its document costs besides.

use super::page::{DEFAULT_SIZE, MAXIMUM_SIZE};

/// Entries that a list is taken to have where the client cannot say how many.
pub const DEFAULT_LENGTH: usize = DEFAULT_SIZE as usize;
/// Entries that a list without pages is taken to have, which is short by nature: what an order consists of, its history.
pub const SHORT_LENGTH: usize = 5;

/// No operation comes near; and no sum of such numbers, of which there are as many as selections, leaves a `usize`.
const CEILING: usize = 1 << 32;

/// Bytes of a document that cost as much as one field.
const BYTES_A_FIELD: usize = 100;

/// What it costs to check an access token: a statement that reads one's rights.
pub const TOKEN_CHECK: usize = 1;

/// What it costs to read and check a document of so many bytes, also when it is refused.
pub fn document(bytes: usize) -> usize {
    1 + bytes / BYTES_A_FIELD
}

/// The complexity of a list with pages: `#[graphql(complexity = "limits::list(first, last, child_complexity)")]`.
///
/// What the client asks for is clamped to what it can get; what is negative or above is refused by the field itself.
pub fn list(first: Option<i32>, last: Option<i32>, child_complexity: usize) -> usize {
    let length = match first.or(last) {
        Some(length) => u32::try_from(length).unwrap_or(0).min(MAXIMUM_SIZE),
        None => DEFAULT_SIZE,
    };
    entries(length as usize, child_complexity)
}

/// The complexity of a list of so many entries.
pub fn entries(length: usize, child_complexity: usize) -> usize {
    length.max(1).saturating_mul(child_complexity).saturating_add(1).min(CEILING)
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
    }
}
