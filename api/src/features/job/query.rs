use entity::jobs;

use super::{Job, service, types::JobFilter};
use crate::{
    domain::{error::Result, viewer::Viewer},
    features::job::finder::Jobs,
    graphql::{
        list::{self, PageOfAll},
        page::PageArguments,
        plan::object,
        sort::IdOrder,
    },
};

#[derive(Clone, Default)]
pub struct JobQuery;

#[object]
impl JobQuery {
    /// What is to be done later and what has failed for good, by id: the oldest first. What is done is in no list. For admins; null with
    /// UNAUTHENTICATED for the anonymous and FORBIDDEN for anybody else. A page has 20 entries unless asked otherwise, and at most 100.
    fn jobs(
        viewer: &Viewer,
        #[page] page: PageArguments,
        #[arg] filter: Option<JobFilter>,
    ) -> Option<Result<PageOfAll<Jobs, Job>>> {
        Some(page_of_jobs(viewer, &page, filter))
    }
}

fn page_of_jobs(viewer: &Viewer, page: &PageArguments, filter: Option<JobFilter>) -> Result<PageOfAll<Jobs, Job>> {
    service::operates(viewer)?;
    let page = page.in_order::<jobs::Model, _>(IdOrder)?;
    Ok(list::page_of_all(filter.unwrap_or_default().decode()?, page))
}
