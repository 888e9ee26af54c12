use async_graphql::Context;
use declare::mutations;

use super::{
    Job, service,
    types::{DiscardJobInput, DiscardJobPayload, RetryJobInput, RetryJobPayload},
};
use crate::{
    domain::{error::Result, ids::GlobalId},
    graphql::{context::OperationContext, row::Row},
};

#[derive(Default)]
pub struct JobMutation;

#[mutations]
impl JobMutation {
    /// Runs a job at once, as if it had never been tried: a dead letter, when what was wrong is mended, or one that waits for its time.
    /// CONFLICT for one that runs already or waits in its lane, NOT_FOUND for one that is done or discarded. Null where it fails. For
    /// admins.
    async fn retry_job(&self, ctx: &Context<'_>, input: RetryJobInput) -> Option<Result<RetryJobPayload>> {
        let retried = service::job_retry(ctx.app(), ctx.viewer(), &input).await;
        Some(retried.map(|job| RetryJobPayload { job: Job(job.into()) }))
    }

    /// Deletes a job undone, for good. CONFLICT for one that runs, and for one that recurs, which would come again; NOT_FOUND for one that
    /// is done or discarded. Null where it fails. For admins.
    async fn discard_job(&self, ctx: &Context<'_>, input: DiscardJobInput) -> Option<Result<DiscardJobPayload>> {
        let discarded = service::job_discard(ctx.app(), ctx.viewer(), &input).await;
        Some(discarded.map(|job| DiscardJobPayload { discarded_job_id: job.id().to_global() }))
    }
}
