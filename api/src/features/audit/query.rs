use super::{AuditEvent, types::AuditEventFilter};
use crate::{
    domain::{error::Result, viewer::Viewer},
    features::audit::finder::{AuditEvents, NewestFirst},
    graphql::{
        list::{self, PageOfAll},
        page::PageArguments,
        plan::object,
    },
};

#[derive(Clone, Default)]
pub struct AuditQuery;

#[object]
impl AuditQuery {
    /// What was done, newest first: everything for admins, what oneself did for anybody else; UNAUTHENTICATED for the anonymous.
    /// A page has 20 entries unless asked otherwise, and at most 100; `offset` skips entries.
    fn audit_events(
        viewer: &Viewer,
        #[page(offset)] page: PageArguments,
        #[arg] filter: Option<AuditEventFilter>,
    ) -> Result<PageOfAll<AuditEvents, AuditEvent>> {
        viewer.signed_in()?;
        let page = page.in_order(NewestFirst)?;
        Ok(list::page_of_all(AuditEvents(filter.unwrap_or_default().decode()?), page))
    }
}
