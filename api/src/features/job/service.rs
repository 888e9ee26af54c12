//! What admins do about jobs. Which jobs are left alone is said in [`operators`], for the command line as well.

use entity::jobs;
use serde_json::json;

use super::types::{DiscardJobInput, RetryJobInput};
use crate::{
    app::App,
    database::{self, Transaction},
    domain::{
        error::{Error, Result},
        ids::{GlobalId, JobId},
        viewer::Viewer,
    },
    features::audit::service::{Action, Entry, record_in_tx},
    graphql::row::Row,
    jobs::operators,
};

/// UNAUTHENTICATED or FORBIDDEN for whoever may not look at jobs.
pub fn operates(viewer: &Viewer) -> Result<()> {
    viewer.signed_in()?;
    if !viewer.is_admin() {
        return Err(Error::forbidden("Only admins see and run jobs."));
    }
    Ok(())
}

/// Makes the job due at once, as if it had never been tried.
pub async fn job_retry(app: &App, viewer: &Viewer, wanted: &RetryJobInput) -> Result<jobs::Model> {
    operates(viewer)?;
    let id = JobId::parse(&wanted.id, "id")?;
    let transaction = database::begin(&app.db).await?;
    let job = operators::retry_one_in_tx(&transaction, id).await.map_err(|error| error.with_field("id"))?;
    committed(app, viewer, transaction, Action::JobRetried, job).await
}

/// Deletes the job undone.
pub async fn job_discard(app: &App, viewer: &Viewer, wanted: &DiscardJobInput) -> Result<jobs::Model> {
    operates(viewer)?;
    let id = JobId::parse(&wanted.id, "id")?;
    let transaction = database::begin(&app.db).await?;
    let job = operators::discard_one_in_tx(&transaction, id).await.map_err(|error| error.with_field("id"))?;
    committed(app, viewer, transaction, Action::JobDiscarded, job).await
}

/// Records the act, with the kind of a job that may be gone when somebody reads it, and has the worker of this process look for jobs.
async fn committed(
    app: &App,
    viewer: &Viewer,
    transaction: Transaction,
    action: Action,
    job: jobs::Model,
) -> Result<jobs::Model> {
    let entry = Entry::of(viewer, action).on(job.id()).with(json!({ "kind": job.kind }));
    record_in_tx(&transaction, entry).await?;
    transaction.commit().await?;
    app.jobs.wake();
    Ok(job)
}
