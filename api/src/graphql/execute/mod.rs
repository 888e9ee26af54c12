//! Execution: the one place where an operation is checked, charged, given its viewer and its loaders, and run, and its errors are collected.

mod charge;
mod errors;
mod verify;

use std::{any::TypeId, panic::AssertUnwindSafe, sync::Arc};

use async_graphql::{ObjectType, Request, Response, SubscriptionType, parser::types::OperationType};
use futures_util::{
    FutureExt, StreamExt,
    stream::{self, BoxStream},
};
use tracing::Instrument;

use self::errors::failed;
pub use self::{
    charge::Payer,
    errors::{Refusal, panicked, refusal},
    verify::VerifyPlans,
};
use super::{
    context::Given,
    document::{Checked, Checks, Prepared, SchemaDescription, Shape, ask_for_kinds, coded, complete},
    live::{self, Groups, LiveSubscription, Progress, Selection, Told},
    loaders::Reader,
    plan::{ExecuteAlone, Queries},
    without_token::WithoutToken,
};
use crate::{
    app::App,
    config::LimitsConfig,
    database::{each_on_one_connection, on_one_connection},
    deadline::Deadline,
    domain::{
        error::{Code, Error, Result},
        viewer::{Origin, Viewer},
    },
    tasks::{panic_message, unwound},
};

/// An operation that has passed every check and has not run.
pub struct Operation<S> {
    prepared: Arc<Prepared>,
    complexity: usize,
    schema: S,
    request: Request,
    /// What a subscription selects, if others can select the same.
    selection: Option<Selection>,
    deadline: Deadline,
    /// Errors returned at most.
    errors: usize,
}

impl<Q, M, S> Operation<async_graphql::Schema<Q, M, S>>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    /// Runs a query or mutation.
    ///
    /// A mutation runs to its end also when the caller is dropped: a client that leaves does not cut it in two.
    ///
    /// # Errors
    /// Nothing ran, for the reasons given. What goes wrong while running is in the response.
    pub async fn execute(
        app: &Arc<App>,
        schema: &async_graphql::Schema<Q, M, S>,
        viewer: Result<Viewer>,
        origin: Origin,
        request: Request,
    ) -> Result<Response, Refusal> {
        let deadline = Deadline::from_now(&app.config.limits);
        Self::prepare(app, schema, viewer, origin, request, deadline).await?.run().await
    }

    /// The responses of a subscription; or of a query or mutation, which has one.
    ///
    /// Dropping the stream ends the subscription. Each event is resolved once for all who follow the same, with loaders that cache nothing, so
    /// that it shows the present and not what an earlier event has read. A follower that reads late is told the present of that moment.
    ///
    /// # Errors
    /// Nothing ran, for the reasons given. What goes wrong while running is in the responses.
    pub async fn subscribe(
        app: &Arc<App>,
        schema: &async_graphql::Schema<Q, M, S>,
        viewer: Viewer,
        origin: Origin,
        request: Request,
    ) -> Result<BoxStream<'static, Arc<Told>>, Refusal> {
        let deadline = Deadline::from_now(&app.config.limits);
        Self::prepare(app, schema, Ok(viewer), origin, request, deadline).await?.stream().await
    }

    /// Checks a request, charges its viewer for it, and gives it what its resolvers need. The deadline is that of a query or mutation; a
    /// subscription lives on.
    ///
    /// Where the viewer's token is not valid, `viewer` is the reason. What proves itself by its input ([`WithoutToken`]) is then prepared for the
    /// anonymous, who pays as without a token; nothing else is.
    ///
    /// # Errors
    /// The request is refused.
    pub async fn prepare(
        app: &Arc<App>,
        schema: &async_graphql::Schema<Q, M, S>,
        viewer: Result<Viewer>,
        origin: Origin,
        request: Request,
        deadline: Deadline,
    ) -> Result<Self, Refusal> {
        let preparing = unwound(Self::prepare_here(app, schema, viewer, origin, request, deadline));
        preparing.await.unwrap_or_else(|panic| Err(refusal(panicked(panic))))
    }

    async fn prepare_here(
        app: &Arc<App>,
        schema: &async_graphql::Schema<Q, M, S>,
        viewer: Result<Viewer>,
        origin: Origin,
        mut request: Request,
        deadline: Deadline,
    ) -> Result<Self, Refusal> {
        // Before the token is held against it: only the document says whether one is needed.
        let registered = checks(schema).find_document(&mut request, viewer.as_ref().ok());
        let registered = registered.map_err(|error| vec![error])?;
        let (viewer, not_valid) = match viewer {
            Ok(viewer) => (viewer, None),
            Err(not_valid) => (Viewer::Anonymous, Some(not_valid)),
        };
        let payer = Payer::of(&viewer, &origin);
        payer.charge_document(app, &request.query).await.map_err(refusal)?;
        let request = request.data(Given { reader: Reader::new(app.clone(), viewer), origin });
        let checked = Self::check(schema, &app.config.limits, request, deadline).await;
        if let Some(not_valid) = not_valid
            && !checked.as_ref().is_ok_and(Self::needs_no_token)
        {
            return Err(refusal(not_valid));
        }
        let operation = checked?;
        payer.charge(app, operation.complexity).await.map_err(refusal)?;
        if let Some(registered) = registered {
            checks(schema).keep_document(registered);
        }
        Ok(operation)
    }

    pub(crate) async fn check(
        schema: &async_graphql::Schema<Q, M, S>,
        limits: &LimitsConfig,
        mut request: Request,
        deadline: Deadline,
    ) -> Result<Self, Refusal> {
        let Checked { prepared, complexity } =
            checks(schema).check(&request, limits).await.map_err(|refusal| errors::capped(refusal, limits.errors))?;
        let is_subscription = prepared.kind() == OperationType::Subscription;
        let selection = is_subscription.then(|| Selection::of(&request)).flatten();
        request.operation_name = None;
        Ok(Self { prepared, complexity, schema: schema.clone(), request, selection, deadline, errors: limits.errors })
    }

    /// Whether the operation's input proves who asks, so that it needs no access token ([`WithoutToken`]).
    fn needs_no_token(&self) -> bool {
        let mutations = self.schema.data::<WithoutToken>();
        mutations.is_some_and(|mutations| mutations.are_all_of(self.prepared.operation()))
    }

    /// What the operation is.
    pub fn kind(&self) -> OperationType {
        self.prepared.kind()
    }

    /// Whether it is a query that shows nothing but public data to whoever is not signed in.
    pub fn shows_public_data(&self) -> bool {
        let shows = |queries: &Queries| queries.show_public_data(self.prepared.operation());
        self.prepared.is_planned() && self.schema.data().is_some_and(shows)
    }

    /// Runs a query or mutation.
    ///
    /// # Errors
    /// Refuses a subscription, which has no one response.
    pub async fn run(self) -> Result<Response, Refusal> {
        match self.kind() {
            OperationType::Query => Ok(on_one_connection(self.run_here()).await),
            OperationType::Mutation => {
                let running = tokio::spawn(on_one_connection(self.run_here()).in_current_span());
                let response = running.await;
                Ok(response.unwrap_or_else(|failure| failed(Error::internal(failure))))
            }
            OperationType::Subscription => Err(vec![coded(
                Code::GraphqlValidationFailed,
                "A subscription needs a websocket with the protocol graphql-transport-ws, Accept: text/event-stream, or Accept: multipart/mixed;subscriptionSpec=1.0.".to_owned(),
                None,
            )]),
        }
    }

    async fn run_here(self) -> Response {
        let Self { prepared, schema, request, deadline, errors, .. } = self;
        let running = async {
            let Some(queries) = schema.data::<Queries>().filter(|_| prepared.is_planned()) else {
                // Boxed: this is the larger by far, and queries do not need it.
                return execute_by_library(&schema, &prepared, request).boxed().await;
            };
            let Some(given) = given(&request) else {
                return failed(Error::internal(anyhow::anyhow!("a query that nobody asks")));
            };
            let planned = || queries.answer(prepared.operation(), &request.variables, &given.reader);
            if schema.data::<VerifyPlans>().is_none() {
                return planned().await;
            }
            let alone = || Request::new("").variables(request.variables.clone()).data(given.clone()).data(ExecuteAlone);
            verify::execute(|| planned().boxed(), || execute_by_library(&schema, &prepared, alone()).boxed()).await
        };
        match deadline.meet(unwound(running)).await {
            Some(Ok(response)) => errors::finished(response, &prepared.outline, shape(&schema), errors),
            Some(Err(panic)) => failed(panicked(panic)),
            None => failed(Error::new(
                Code::Timeout,
                match prepared.kind() {
                    OperationType::Mutation => format!(
                        "This took longer than {} seconds. Look whether it happened before you try again.",
                        deadline.time().as_secs()
                    ),
                    OperationType::Query | OperationType::Subscription => {
                        format!("This took longer than {} seconds and was stopped.", deadline.time().as_secs())
                    }
                },
            )),
        }
    }

    /// The responses of a subscription; or of a query or mutation, which has one.
    ///
    /// # Errors
    /// Nothing ran, for the reasons given.
    pub async fn stream(self) -> Result<BoxStream<'static, Arc<Told>>, Refusal> {
        if self.kind() != OperationType::Subscription {
            let told = Arc::new(Told::new(&self.run().await?));
            return Ok(stream::once(std::future::ready(told)).boxed());
        }
        let Self { prepared, schema, request, selection, errors, .. } = self;
        let given = given(&request).cloned();
        let viewer = given.as_ref().map_or(Viewer::Anonymous, |given| given.reader.viewer.clone());
        let shared = selection.zip(schema.data::<Groups>().cloned());
        let variables = request.variables;
        let begin = Box::new(move |viewer: Viewer, progress: Progress| {
            let mut request = Request::new(String::new()).variables(variables.clone()).data(progress);
            if let Some(given) = &given {
                request = request.data(given.to(viewer));
            }
            request.set_parsed_query(prepared.document.clone());
            let (schema, outline) = (schema.clone(), prepared.outline.clone());
            let events = each_on_one_connection(schema.execute_stream(request));
            let responses = AssertUnwindSafe(events).catch_unwind().map(move |event| match event {
                Ok(response) => errors::finished(response, &outline, shape(&schema), errors),
                Err(panic) => failed(panicked(panic_message(&*panic))),
            });
            responses.boxed()
        });
        Ok(live::follow(LiveSubscription { viewer, shared, begin }))
    }
}

/// Executes the roots one by one, each by its resolver: mutations, and queries for the schema itself.
async fn execute_by_library<Q, M, S>(
    schema: &async_graphql::Schema<Q, M, S>,
    prepared: &Prepared,
    mut request: Request,
) -> Response
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let mut document = prepared.document.clone();
    ask_for_kinds(&mut document);
    request.set_parsed_query(document);
    let mut response = schema.execute(request).await;
    if let Some(SchemaDescription(description)) = schema.data() {
        complete(&prepared.operation().selection_set, &mut response.data, description);
    }
    response
}

/// What the request was given by [`Operation::prepare`].
fn given(request: &Request) -> Option<&Given> {
    request.data.get(&TypeId::of::<Given>())?.downcast_ref()
}

/// Says in the log which of the trusted documents would be refused, and prepares what can be prepared of the others.
pub async fn check_trusted<Q, M, S>(limits: &LimitsConfig, schema: &async_graphql::Schema<Q, M, S>)
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    for (document, problem) in checks(schema).check_trusted(limits).await {
        tracing::warn!(document, problem, "a document of documents.manifests would be refused");
    }
}

fn checks<Q, M, S>(schema: &async_graphql::Schema<Q, M, S>) -> &Checks<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    // A schema made otherwise would run unchecked documents: no operation starts with it.
    #[expect(clippy::expect_used)]
    schema.data().expect("the schema is made by `checked_schema`")
}

fn shape<Q, M, S>(schema: &async_graphql::Schema<Q, M, S>) -> &Shape
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    checks(schema).shape()
}

#[cfg(test)]
mod tests;
