use async_graphql::{Context, Object};

use super::{
    AuditEvent,
    loader::{AuditEvents, NewestFirst},
    types::AuditEventFilter,
};
use crate::graphql::{
    context::OperationContext,
    error::Result,
    limits,
    list::{self, PageOfAll},
    page::PageArguments,
};

#[derive(Default)]
pub struct AuditQuery;

#[Object]
impl AuditQuery {
    /// What was done, newest first: everything for admins, what oneself did for anybody else; UNAUTHENTICATED for the anonymous.
    /// A page has 20 entries unless asked otherwise, and at most 100; `offset` skips entries.
    #[expect(clippy::too_many_arguments, reason = "the arguments of every list")]
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn audit_events(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        offset: Option<i32>,
        filter: Option<AuditEventFilter>,
    ) -> Result<PageOfAll<AuditEvents, AuditEvent>> {
        ctx.viewer().signed_in()?;
        let page = PageArguments::new(first, after, last, before).with_offset(offset).in_order(NewestFirst)?;
        Ok(list::page_of_all(AuditEvents(filter.unwrap_or_default().decode()?), page))
    }
}
