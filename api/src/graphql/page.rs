//! Keyset pagination: the four arguments of cursor connections, `offset` for tables with page numbers, and the rows that they cut out.

use std::{hash::Hash, sync::Arc};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use entity::columns::{Columns, Partial};
use sea_orm::{
    ColumnTrait, ConnectionTrait,
    sea_query::{BinOper, ExprTrait, SelectStatement},
};
use serde_json::Value as Json;

use super::sort::{self, Sort, SortPosition};
use crate::{
    database::{
        columns::{read_selected, select_columns},
        dialect, literal,
    },
    domain::error::{Error, Result},
};

/// How many rows a page has when the client names no number.
pub const DEFAULT_SIZE: u32 = 20;
/// How many rows a page can have.
pub const MAXIMUM_SIZE: u32 = 100;

/// The page arguments of a list field as they were sent.
#[derive(Clone, Debug)]
pub struct PageArguments {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
    pub offset: Option<i32>,
    /// How many rows a page of this list can have.
    maximum: u32,
}

/// A page to cut from a list in the order `S`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Page<S> {
    pub sort: S,
    size: u32,
    /// Counted from the end of the list (`last`), though answered in the list's order.
    backwards: bool,
    after: Option<SortPosition>,
    before: Option<SortPosition>,
    offset: u32,
}

/// The rows of one page, in the list's order, and whether there are more.
#[derive(Clone, Debug)]
pub struct Slice<R> {
    pub rows: Vec<R>,
    pub has_previous: bool,
    pub has_next: bool,
}

impl<R> Default for Slice<R> {
    fn default() -> Self {
        Slice { rows: Vec::new(), has_previous: false, has_next: false }
    }
}

impl<R> Slice<R> {
    /// The same rows, each to be held by many at once.
    pub fn shared(self) -> Slice<Arc<R>> {
        let Slice { rows, has_previous, has_next } = self;
        Slice { rows: rows.into_iter().map(Arc::new).collect(), has_previous, has_next }
    }
}

impl PageArguments {
    /// The arguments of a list without page numbers. An empty cursor is none, as clients write it for the first page.
    pub fn new(first: Option<i32>, after: Option<String>, last: Option<i32>, before: Option<String>) -> Self {
        let [after, before] = [after, before].map(|cursor| cursor.filter(|cursor| !cursor.is_empty()));
        PageArguments { first, after, last, before, offset: None, maximum: MAXIMUM_SIZE }
    }

    /// The arguments of a list whose pages can have another number of rows than [`MAXIMUM_SIZE`].
    pub fn of_at_most(self, maximum: u32) -> Self {
        PageArguments { maximum, ..self }
    }

    pub fn with_offset(mut self, offset: Option<i32>) -> Self {
        self.offset = offset;
        self
    }

    /// BAD_USER_INPUT with the argument's name for what makes no page.
    pub fn in_order<R, S: Sort<R>>(&self, sort: S) -> Result<Page<S>> {
        let (size, backwards) = match (self.first, self.last) {
            (Some(_), Some(_)) => return Err(Error::bad_input("last", "Name `first` or `last`, not both.")),
            (None, Some(last)) => (page_size("last", last, self.maximum)?, true),
            (first, None) => (first.map_or(Ok(DEFAULT_SIZE), |first| page_size("first", first, self.maximum))?, false),
        };
        let offset = self.offset.unwrap_or(0);
        let offset = u32::try_from(offset).map_err(|_| Error::bad_input("offset", "This must not be negative."))?;
        if self.offset.is_some() && (backwards || self.after.is_some() || self.before.is_some()) {
            return Err(Error::bad_input("offset", "`offset` goes with `first` alone, not with cursors."));
        }
        let position = |cursor: &Option<String>, field: &str| {
            cursor.as_deref().map(|cursor| parse_cursor::<R, S>(sort, cursor, field)).transpose()
        };
        Ok(Page {
            sort,
            size,
            backwards,
            after: position(&self.after, "after")?,
            before: position(&self.before, "before")?,
            offset,
        })
    }
}

/// A number of rows that a client asks for.
///
/// # Errors
/// BAD_USER_INPUT on `field` for a negative number, and for one above the maximum.
pub fn page_size(field: &str, size: i32, maximum: u32) -> Result<u32> {
    let size = u32::try_from(size).map_err(|_| Error::bad_input(field, "This must not be negative."))?;
    if size > maximum {
        return Err(Error::bad_input(field, format!("At most {maximum} entries can be asked for at once.")));
    }
    Ok(size)
}

fn parse_cursor<R, S: Sort<R>>(sort: S, cursor: &str, field: &str) -> Result<SortPosition> {
    let json =
        BASE64_URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| serde_json::from_slice::<Vec<Json>>(&bytes).ok());
    match json.as_deref() {
        Some([Json::String(name), values @ ..]) => sort::parse_position::<R, S>(sort, name, values, field),
        _ => Err(Error::bad_input(field, "This is not a cursor that this server gave out.")),
    }
}

/// The opaque cursor of a row: its values of the sort keys (keyset), so that it stays good when rows come and go around it.
pub fn cursor<R, S: Sort<R>>(sort: S, row: &R) -> String {
    let values = sort.position(row).0.iter().map(|value| value.to_json()).collect::<Vec<_>>();
    let json = Json::Array([vec![Json::from(sort.name())], values].concat());
    BASE64_URL_SAFE_NO_PAD.encode(json.to_string())
}

impl<S: Copy> Page<S> {
    /// The first rows of a list without pages: at most `maximum` of them.
    pub fn beginning(sort: S, first: i32, maximum: u32) -> Result<Self> {
        let size = page_size("first", first, maximum)?;
        Ok(Page { sort, size, backwards: false, after: None, before: None, offset: 0 })
    }

    /// The columns that the list is sorted by.
    pub fn columns<R: Partial>(&self) -> Columns
    where
        S: Sort<R>,
    {
        sort::columns::<R, S>(self.sort)
    }

    /// Cuts the page from the rows of `select`, which selects nothing yet: one statement. It fetches one row more than the page has, which tells
    /// whether there are more.
    pub async fn load<R: Partial>(
        &self,
        db: &impl ConnectionTrait,
        mut select: SelectStatement,
        columns: Columns,
    ) -> Result<Slice<R>>
    where
        S: Sort<R>,
    {
        let backend = db.get_database_backend();
        select_columns::<R>(&mut select, columns);
        self.keep_between::<R>(&mut select, backend);
        let keys: Vec<_> = sort::expressions::<R, S>(self.sort, backend).collect();
        for key in &keys {
            select.order_by_expr(key.clone(), sort::direction::<R, S>(self.sort, self.backwards));
        }
        if let Some(unique) = keys.last().filter(|_| self.offset > 0) {
            // Deferred join: rows that the offset skips are counted in the index alone; only the page's rows are fetched.
            let page = backend.build(select.clone().clear_selects().expr(unique.clone()));
            let page = dialect::limited_after(page, u64::from(self.offset), u64::from(self.size) + 1);
            select.and_where(unique.clone().binary(BinOper::In, page));
        }
        let statement = literal::limited(backend.build(&select), u64::from(self.size) + 1);
        Ok(self.slice(read_selected(db, statement, columns).await?))
    }

    /// Cuts this page from each of many lists, one for each number that `parent` has, in one statement (a lateral join, or a window function on
    /// SQLite): no more than a page and one row of each list leaves the database. The caller tells the lists apart by their parents.
    pub async fn load_each<R: Partial>(
        &self,
        db: &impl ConnectionTrait,
        mut select: SelectStatement,
        parent: impl ColumnTrait,
        parents: &[i32],
        columns: Columns,
    ) -> Result<Vec<R>>
    where
        S: Sort<R>,
    {
        let backend = db.get_database_backend();
        select_columns::<R>(&mut select, columns);
        self.keep_between::<R>(&mut select, backend);
        let direction = sort::direction::<R, S>(self.sort, self.backwards);
        let keys = sort::expressions::<R, S>(self.sort, backend).map(|key| (key, direction.clone()));
        let limit = u64::from(self.size) + 1;
        let statement = dialect::first_of_each(backend, select, parent, parents, keys, limit);
        read_selected(db, statement, columns).await
    }

    fn keep_between<R>(&self, select: &mut SelectStatement, backend: sea_orm::DbBackend)
    where
        S: Sort<R>,
    {
        if let Some(after) = &self.after {
            select.and_where(sort::beyond::<R, S>(self.sort, after, false, backend));
        }
        if let Some(before) = &self.before {
            select.and_where(sort::beyond::<R, S>(self.sort, before, true, backend));
        }
    }

    /// Makes the page of the rows fetched for it, of which there may be one too many.
    pub fn slice<R>(&self, mut rows: Vec<R>) -> Slice<R> {
        let more = rows.len() > self.size as usize;
        rows.truncate(self.size as usize);
        if self.backwards {
            rows.reverse();
            Slice { rows, has_previous: more, has_next: self.before.is_some() }
        } else {
            Slice { rows, has_previous: self.after.is_some() || self.offset > 0, has_next: more }
        }
    }
}
