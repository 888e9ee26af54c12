//! Rows of which only some columns are read: a statement names the columns that an answer needs, and no others are decoded.

mod cell;

use sea_orm::{DbErr, QueryResult, sea_query::SimpleExpr};

pub use self::cell::Cell;

/// Some of a row's columns, by their places among [`Partial::NAMES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Columns(u64);

impl Columns {
    /// None of them.
    pub const NONE: Columns = Columns(0);
    /// All that there are.
    pub const ALL: Columns = Columns(u64::MAX);

    /// The columns of these names, out of all `names` of a row. Evaluated in a constant, a wrong name is an error of the compiler.
    ///
    /// # Panics
    /// A name is not among them, is there twice, or stands beyond the 64th place.
    pub const fn named(names: &[&str], these: &[&str]) -> Columns {
        let columns = Columns::among(names, these);
        assert!(
            columns.0.count_ones() as usize == these.len(),
            "the row has no column of this name, or it is named twice"
        );
        columns
    }

    /// Those of these names that are among all `names` of a row.
    ///
    /// # Panics
    /// One stands beyond the 64th place.
    pub const fn among(names: &[&str], these: &[&str]) -> Columns {
        let mut columns = 0;
        let mut next = 0;
        while next < these.len() {
            if let Some(place) = place(names, these[next]) {
                columns |= 1 << place;
            }
            next += 1;
        }
        Columns(columns)
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Columns) -> Columns {
        Columns(self.0 | others.0)
    }

    /// Whether the column of this place is one of them.
    pub const fn contains(self, place: usize) -> bool {
        place < 64 && self.0 & (1 << place) != 0
    }
}

/// The names of a row's columns: its own first, then others that a join gives it. `N` is how many there are in all.
///
/// # Panics
/// `N` is not how many there are in all.
pub const fn joined<const N: usize>(own: &[&'static str], others: &[&'static str]) -> [&'static str; N] {
    assert!(own.len() + others.len() == N, "the number of names is wrong");
    let mut names = [""; N];
    let mut next = 0;
    while next < N {
        names[next] = if next < own.len() { own[next] } else { others[next - own.len()] };
        next += 1;
    }
    names
}

const fn place(names: &[&str], name: &str) -> Option<usize> {
    let mut place = 0;
    while place < names.len() {
        if is_same(names[place].as_bytes(), name.as_bytes()) {
            assert!(place < 64, "a row has more than 64 columns");
            return Some(place);
        }
        place += 1;
    }
    None
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// A row that can be read in part. What was not asked for holds its type's default, and is not to be looked at: who asks for columns
/// reads these and no others.
pub trait Partial: Sized + Send + Sync + 'static {
    /// The names of its columns; a column's place is that of its name, and there are at most 64.
    const NAMES: &'static [&'static str];

    /// What a statement selects for the column of this place.
    fn expression(place: usize) -> SimpleExpr;

    /// Reads its columns, in the order of their places.
    ///
    /// # Errors
    /// A value is not of its column's type.
    fn read(cells: &mut Cells<'_>) -> Result<Self, DbErr>;
}

/// The values of one row that a statement gave, in the order of their columns' places.
pub struct Cells<'a> {
    row: &'a QueryResult,
    asked: Columns,
    /// The place of the column to come, and the index of its value in the row.
    place: usize,
    index: usize,
}

impl<'a> Cells<'a> {
    /// Those of a row of a statement that selected these columns first, in the order of their places.
    pub fn new(row: &'a QueryResult, asked: Columns) -> Self {
        Cells { row, asked, place: 0, index: 0 }
    }

    /// The value of the next column; its type's default where it was not asked for.
    ///
    /// # Errors
    /// It is not of this type.
    pub fn cell<T: Cell + Default>(&mut self) -> Result<T, DbErr> {
        let is_asked = self.asked.contains(self.place);
        self.place += 1;
        if !is_asked {
            return Ok(T::default());
        }
        self.besides()
    }

    /// The next value of what the statement selected besides the row's columns.
    ///
    /// # Errors
    /// It is not of this type.
    pub fn besides<T: Cell>(&mut self) -> Result<T, DbErr> {
        self.index += 1;
        cell::read(self.row, self.index - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &["id", "name", "price"];

    #[test]
    fn columns_are_known_by_their_names() {
        const PRICE: Columns = Columns::named(NAMES, &["price"]);
        let (name, all) = (Columns::named(NAMES, &["name"]), Columns::named(NAMES, NAMES));
        assert!(PRICE.contains(2) && !PRICE.contains(1) && !PRICE.contains(64));
        assert!(Columns::ALL.contains(63) && !Columns::NONE.contains(0));
        assert_eq!(Columns::among(NAMES, &["nothing", "price"]), PRICE);
        assert_eq!(Columns::NONE.and(name).and(PRICE), Columns::named(NAMES, &["price", "name"]));
        assert!(all.contains(2) && !name.contains(2));
    }
}
