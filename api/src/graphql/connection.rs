//! Relay connections: pages of a list with cursors, and a total count where it is asked for.

use std::{borrow::Cow, sync::Arc};

use async_graphql::{Object, OutputType, ServerResult, TypeName, connection::PageInfo};
use entity::columns::Columns;
use futures_util::future::{BoxFuture, join_all};

use super::{
    page::{self, Slice},
    plan::{Answer, Level, Output, ResponseKey, Scope, Selected, Violation, write_text},
    sort::Sort,
};
use crate::domain::error::Result;

/// Counts the whole list, when and only when `totalCount` is selected.
pub type TotalCount = Box<dyn Fn() -> BoxFuture<'static, Result<u64>> + Send + Sync>;

/// One page of a list of `T`.
pub struct Connection<T> {
    edges: Vec<Edge<T>>,
    page_info: (bool, bool),
    count: TotalCount,
}

/// One entry of a list with its place in it.
#[derive(Clone)]
pub struct Edge<T> {
    node: T,
    cursor: String,
}

impl<T> Connection<T> {
    /// The page's rows, each wrapped by `wrap`.
    pub fn new<R, S: Sort<R>>(sort: S, slice: Slice<Arc<R>>, wrap: impl Fn(Arc<R>) -> T, count: TotalCount) -> Self {
        let edges = slice.rows.into_iter().map(|row| {
            let cursor = page::cursor(sort, &*row);
            Edge { node: wrap(row), cursor }
        });
        Connection { edges: edges.collect(), page_info: (slice.has_previous, slice.has_next), count }
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
    /// The entry itself.
    async fn node(&self) -> &T {
        &self.node
    }

    /// The entry's place in the list, for `after` and `before`. Opaque.
    async fn cursor(&self) -> &str {
        &self.cursor
    }
}

/// What is selected of a connection: how its pages are read and written.
pub struct ConnectionPlan<T: Output> {
    parts: Vec<(ResponseKey, ConnectionPart<T>)>,
    name: String,
}

enum ConnectionPart<T: Output> {
    TypeName,
    Nodes(T::Plan),
    Edges(Vec<(ResponseKey, EdgePart<T>)>, String),
    PageInfo(Vec<(ResponseKey, InfoPart)>),
    TotalCount,
}

enum EdgePart<T: Output> {
    TypeName,
    Node(T::Plan),
    Cursor,
}

#[derive(Clone, Copy)]
enum InfoPart {
    TypeName,
    HasPreviousPage,
    HasNextPage,
    StartCursor,
    EndCursor,
}

/// The answers for the rows of all pages of a level, one level for each plan that they are written by.
type WrittenLevels<'a> = std::slice::Iter<'a, Level>;

impl<T: Output> ConnectionPlan<T> {
    /// # Errors
    /// An argument of a field below cannot be read.
    pub fn of(selected: &Selected<'_>) -> ServerResult<Self> {
        let name = format!("{}Connection", T::type_name());
        let parts = ResponseKey::each(selected.fields(&name), |field| {
            Ok(match field.name() {
                "nodes" => ConnectionPart::Nodes(T::plan(field)?),
                "edges" => {
                    let name = format!("{}Edge", T::type_name());
                    let parts = ResponseKey::each(field.fields(&name), |field| {
                        Ok(match field.name() {
                            "node" => EdgePart::Node(T::plan(field)?),
                            "cursor" => EdgePart::Cursor,
                            _ => EdgePart::TypeName,
                        })
                    });
                    ConnectionPart::Edges(parts?, name)
                }
                "pageInfo" => ConnectionPart::PageInfo(ResponseKey::each(field.fields("PageInfo"), |field| {
                    Ok(match field.name() {
                        "hasPreviousPage" => InfoPart::HasPreviousPage,
                        "hasNextPage" => InfoPart::HasNextPage,
                        "startCursor" => InfoPart::StartCursor,
                        "endCursor" => InfoPart::EndCursor,
                        _ => InfoPart::TypeName,
                    })
                })?),
                "totalCount" => ConnectionPart::TotalCount,
                _ => ConnectionPart::TypeName,
            })
        });
        Ok(ConnectionPlan { parts: parts?, name })
    }

    /// Whether the whole list is counted.
    pub fn counts(&self) -> bool {
        self.parts.iter().any(|(_, part)| matches!(part, ConnectionPart::TotalCount))
    }

    /// Whether the page's rows are read.
    pub fn reads_rows(&self) -> bool {
        self.parts.iter().any(|(_, part)| !matches!(part, ConnectionPart::TotalCount | ConnectionPart::TypeName))
    }

    /// Whether there are cursors to be made of rows.
    pub fn has_cursors(&self) -> bool {
        self.parts.iter().any(|(_, part)| match part {
            ConnectionPart::Edges(parts, _) => parts.iter().any(|(_, part)| matches!(part, EdgePart::Cursor)),
            ConnectionPart::PageInfo(parts) => {
                parts.iter().any(|(_, part)| matches!(part, InfoPart::StartCursor | InfoPart::EndCursor))
            }
            ConnectionPart::Nodes(_) | ConnectionPart::TotalCount | ConnectionPart::TypeName => false,
        })
    }

    /// The columns that are written of the rows.
    pub fn columns(&self) -> Columns {
        self.plans().fold(Columns::NONE, |columns, (_, plan)| columns.and(T::columns(plan)))
    }

    /// The plans that rows are written by, in the order of the answer.
    fn plans(&self) -> impl Iterator<Item = (&ResponseKey, &T::Plan)> {
        self.parts.iter().flat_map(|(key, part)| {
            let (own, edges) = match part {
                ConnectionPart::Nodes(plan) => (Some((key, plan)), &[] as &[_]),
                ConnectionPart::Edges(parts, _) => (None, parts.as_slice()),
                ConnectionPart::PageInfo(_) | ConnectionPart::TotalCount | ConnectionPart::TypeName => {
                    (None, &[] as &[_])
                }
            };
            own.into_iter().chain(edges.iter().filter_map(|(key, part)| match part {
                EdgePart::Node(plan) => Some((key, plan)),
                EdgePart::Cursor | EdgePart::TypeName => None,
            }))
        })
    }

    /// Answers with these pages, each with its list's order and length.
    pub async fn answer<R, S: Sort<R>>(
        &self,
        pages: impl Iterator<Item = ((S, Slice<Arc<R>>), u64)>,
        scope: Scope<'_>,
    ) -> Level
    where
        T: From<Arc<R>>,
    {
        let pages: Vec<_> = pages.collect();
        let rows = || pages.iter().flat_map(|((_, slice), _)| slice.rows.iter().cloned().map(T::from)).collect();
        let answering = self.plans().map(|(key, plan)| T::answer(rows(), plan, scope.at(key.position)));
        // Collected first: of an iterator whose length it does not know, `join_all` makes a queue with a waker for each.
        let written = join_all(answering.collect::<Vec<_>>()).await;
        let mut level = Level::with_capacity(pages.len(), written.iter().map(Level::length).sum());
        let mut first = 0;
        for ((sort, slice), count) in &pages {
            level.piece(|answer| self.write(*sort, slice, *count, first, written.iter(), answer));
            first += slice.rows.len();
        }
        level
    }

    /// Writes one page; `first` is the index of its first row among the rows of all pages.
    fn write<R, S: Sort<R>>(
        &self,
        sort: S,
        slice: &Slice<Arc<R>>,
        count: u64,
        first: usize,
        mut written: WrittenLevels<'_>,
        answer: &mut Answer,
    ) -> Result<(), Violation> {
        ResponseKey::write_object(&self.parts, answer, |_, part, answer| {
            match part {
                ConnectionPart::TypeName => write_text(&self.name, &mut answer.bytes),
                ConnectionPart::TotalCount => {
                    let count = i32::try_from(count).unwrap_or(i32::MAX);
                    answer.bytes.extend_from_slice(count.to_string().as_bytes());
                }
                ConnectionPart::Nodes(_) => {
                    let nodes = written.next();
                    return answer.list(slice.rows.len(), |answer, row| write_node(nodes, first + row, answer));
                }
                ConnectionPart::Edges(parts, name) => {
                    let plans = parts.iter().filter(|(_, part)| matches!(part, EdgePart::Node(_))).count();
                    let nodes = written.clone();
                    _ = written.by_ref().take(plans).count();
                    return answer.list(slice.rows.len(), |answer, row| {
                        let mut nodes = nodes.clone();
                        ResponseKey::write_object(parts, answer, |_, part, answer| {
                            match part {
                                EdgePart::TypeName => write_text(name, &mut answer.bytes),
                                EdgePart::Node(_) => return write_node(nodes.next(), first + row, answer),
                                EdgePart::Cursor => {
                                    write_text(&page::cursor(sort, &*slice.rows[row]), &mut answer.bytes);
                                }
                            }
                            Ok(())
                        })
                    });
                }
                ConnectionPart::PageInfo(parts) => {
                    return ResponseKey::write_object(parts, answer, |_, part, answer| {
                        write_info(*part, sort, slice, answer);
                        Ok(())
                    });
                }
            }
            Ok(())
        })
    }
}

fn write_node(nodes: Option<&Level>, row: usize, answer: &mut Answer) -> Result<(), Violation> {
    // There is a level for each plan.
    nodes.map_or(Err(Violation), |nodes| nodes.write(row, answer))
}

fn write_info<R, S: Sort<R>>(part: InfoPart, sort: S, slice: &Slice<Arc<R>>, answer: &mut Answer) {
    let flag = |flag: bool| if flag { &b"true"[..] } else { b"false" };
    let cursor = match part {
        InfoPart::TypeName => return write_text("PageInfo", &mut answer.bytes),
        InfoPart::HasPreviousPage => return answer.bytes.extend_from_slice(flag(slice.has_previous)),
        InfoPart::HasNextPage => return answer.bytes.extend_from_slice(flag(slice.has_next)),
        InfoPart::StartCursor => slice.rows.first(),
        InfoPart::EndCursor => slice.rows.last(),
    };
    match cursor {
        Some(row) => write_text(&page::cursor(sort, &**row), &mut answer.bytes),
        None => answer.null(),
    }
}
