//! Connections: pages of a list with cursors, and a count where it is asked for.

use std::{borrow::Cow, sync::Arc};

use async_graphql::{Object, OutputType, TypeName, connection::PageInfo};
use futures_util::future::BoxFuture;

use super::{
    error::Result,
    page::{self, Slice},
    sort::Sort,
};

/// Counts the whole list, when and only when `totalCount` is selected.
pub type Count = Box<dyn Fn() -> BoxFuture<'static, Result<u64>> + Send + Sync>;

/// One page of a list of `T`.
pub struct Connection<T> {
    edges: Vec<Edge<T>>,
    page_info: (bool, bool),
    count: Count,
}

/// One entry of a list with its place in it.
#[derive(Clone)]
pub struct Edge<T> {
    node: T,
    cursor: String,
}

impl<T> Connection<T> {
    /// The page's rows, each wrapped by `wrap`.
    pub fn new<R, S: Sort<R>>(sort: S, slice: Slice<Arc<R>>, wrap: impl Fn(Arc<R>) -> T, count: Count) -> Self {
        let edges = slice.rows.into_iter().map(|row| {
            let cursor = page::cursor(sort, &*row);
            Edge { node: wrap(row), cursor }
        });
        Connection { edges: edges.collect(), page_info: (slice.has_previous, slice.has_next), count }
    }

    /// A list of nothing.
    pub fn empty() -> Self {
        let count = || -> BoxFuture<'static, Result<u64>> { Box::pin(std::future::ready(Ok(0))) };
        Connection { edges: Vec::new(), page_info: (false, false), count: Box::new(count) }
    }
}

impl<T: OutputType> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", T::type_name()).into()
    }
}

impl<T: OutputType> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", T::type_name()).into()
    }
}

/// One page of a list, with what is needed to get the pages around it.
#[Object(name_type)]
impl<T: OutputType> Connection<T> {
    /// The page's entries with their cursors.
    async fn edges(&self) -> &[Edge<T>] {
        &self.edges
    }

    /// The page's entries without cursors.
    async fn nodes(&self) -> Vec<&T> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// Where the page lies in the list.
    async fn page_info(&self) -> PageInfo {
        let (has_previous_page, has_next_page) = self.page_info;
        PageInfo {
            has_previous_page,
            has_next_page,
            start_cursor: self.edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: self.edges.last().map(|edge| edge.cursor.clone()),
        }
    }

    /// How many entries the whole list has, over all pages. Counted only where it is asked for: leave it out of queries that
    /// do not show it.
    async fn total_count(&self) -> Result<i32> {
        Ok(i32::try_from((self.count)().await?).unwrap_or(i32::MAX))
    }
}

/// One entry of a list.
#[Object(name_type)]
impl<T: OutputType> Edge<T> {
    async fn node(&self) -> &T {
        &self.node
    }

    /// The entry's place in the list, for `after` and `before`. Opaque.
    async fn cursor(&self) -> &str {
        &self.cursor
    }
}
