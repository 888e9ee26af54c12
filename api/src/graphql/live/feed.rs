//! Feeds of the journal: what a subscription tells of the events of some topics, none lost, none twice, in the order of their positions. A signal
//! only says "look"; followers that are woken by one signal coalesce into one read (single-flight).

use std::sync::Arc;

use async_graphql::Context;
use async_stream::try_stream;
use chrono::{DateTime, Utc};
use futures_util::Stream;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, sea_query::SelectStatement};

use super::{Progress, StreamPosition, WakeUps, Woken};
use crate::{
    app::App,
    database::literal,
    domain::{
        error::{Error, Result},
        viewer::Viewer,
    },
    events::{SignalNumber, Topic},
    graphql::{
        context::OperationContext,
        flights::{Flights, SharedReading},
    },
    journal::{self, Cursor, Position},
};

/// Events that one statement reads at most.
pub const BATCH: u64 = 200;

/// A feed: which events it is about, and what it tells of them. The rights to it are the caller's.
pub trait Feed: Send + Sync + 'static {
    /// What is told of an event.
    type Event: Clone + Send + Sync + 'static;

    /// The topics whose events are told.
    fn topics(&self) -> Vec<Topic>;

    /// Joins what is told to the entries ([`journal::ENTRY`]) of a statement, and selects its columns. The same for all feeds with the same topics,
    /// which share reads.
    fn select(&self, entries: &mut SelectStatement);

    /// What is there before anything is told: rows with the columns that [`read`](Self::read) takes and the id of the latest numbered event
    /// ([`journal::is_numbered`]) as [`journal::EVENT_ID`]. None where the feed begins with what comes.
    fn present(&self, backend: DbBackend) -> Option<SelectStatement>;

    /// Reads what is told of an event; none where there is nothing to tell.
    fn read(row: &QueryResult) -> Result<Option<Self::Event>, DbErr>;

    /// When it happened, to measure how late it is told.
    fn at(event: &Self::Event) -> DateTime<Utc>;
}

/// The reads in flight of one kind of feed, shared by all who follow the same. Cheap to clone; all clones are the same.
pub type FeedReadings<F> = Flights<(SignalNumber, Arc<[Topic]>, Position), Page<<F as Feed>::Event>>;

/// A request to follow a feed: for whom, and from where on.
pub struct FeedRequest<F: Feed> {
    pub app: Arc<App>,
    pub viewer: Viewer,
    /// None begins with the present.
    pub after: Option<Cursor>,
    pub progress: Progress,
    readings: FeedReadings<F>,
}

impl<F: Feed> FeedRequest<F> {
    /// That of a subscription with this argument `after`.
    ///
    /// # Errors
    /// Those of [`Cursor::after`].
    pub fn new(ctx: &Context<'_>, readings: &FeedReadings<F>, after: Option<&str>) -> Result<Self> {
        Ok(FeedRequest {
            app: ctx.app().clone(),
            viewer: ctx.viewer().clone(),
            after: Cursor::after(after, ctx.app().lives.present())?,
            progress: ctx.progress().clone(),
            readings: readings.clone(),
        })
    }
}

/// Consecutive events of a feed.
pub struct Page<E> {
    events: Vec<(Position, E)>,
    /// Up to where has been read.
    until: Position,
    /// Whether there may be more.
    is_full: bool,
}

/// The present of the feed first and then all that follows, or all since the event `after`; CURSOR_EXPIRED where the journal does not have
/// that. The caller has subscribed the wake-ups to the feed's topics before it looked at anything else.
pub async fn follow_feed<F: Feed>(
    request: FeedRequest<F>,
    mut wake_ups: WakeUps,
    feed: F,
) -> Result<impl Stream<Item = Result<F::Event>>> {
    let FeedRequest { app, after, progress, readings, .. } = request;
    let (first, start) = match (progress.place(), after) {
        (Some(StreamPosition(_, position)), _) => (Vec::new(), Position(position)),
        (None, Some(cursor)) => (Vec::new(), app.journal.position_of(&app.db, &app.events, cursor).await?),
        (None, None) => present(&app, &feed).await?,
    };
    let topics: Arc<[Topic]> = feed.topics().into();
    Ok(try_stream! {
        let mut seen = start;
        for event in first {
            yield event;
        }
        progress.reach(seen.into());
        let mut woken_by = None;
        loop {
            wake_ups.expect_same_life()?;
            let page = page(&app, &readings, &feed, &topics, seen, woken_by).await?;
            for (position, event) in &page.events {
                wake_ups.measure(F::at(event));
                progress.reach((*position).into());
                yield event.clone();
            }
            seen = page.until;
            progress.reach(seen.into());
            let is_full = page.is_full;
            drop(page);
            woken_by = None;
            if !is_full {
                woken_by = match progress.waiting(wake_ups.wait()).await {
                    Woken::ByAnEvent(signal) => Some(signal),
                    Woken::InAnotherLife => Err(Error::cursor_expired())?,
                    Woken::AtTheEnd => break,
                };
            }
        }
    })
}

impl From<Position> for StreamPosition {
    fn from(position: Position) -> Self {
        StreamPosition(0, position.0)
    }
}

/// The present, and the position up to which it is told. What is committed is numbered first: whoever has done something and then follows is told
/// of it.
async fn present<F: Feed>(app: &App, feed: &F) -> Result<(Vec<F::Event>, Position)> {
    let backend = app.db.get_database_backend();
    let Some(present) = feed.present(backend) else { return Ok((Vec::new(), journal::last_position(&app.db).await?)) };
    let statement = backend.build(&journal::with_last_run(backend, present));
    let mut rows = app.db.query_all_raw(statement.clone()).await?;
    if rows.first().map_or(Ok(false), journal::waits_in)? {
        app.journal.run(&app.db, &app.events).await?;
        rows = app.db.query_all_raw(statement).await?;
    }
    let position = rows.first().map(journal::position_in).transpose()?;
    let position = position.ok_or_else(|| Error::internal(anyhow::anyhow!("the journal has no last run")))?;
    let events = rows.iter().filter_map(|row| F::read(row).transpose()).collect::<Result<_, DbErr>>()?;
    Ok((events, position))
}

/// The feed's next events; followers woken by the same signal share one read.
async fn page<F: Feed>(
    app: &App,
    readings: &FeedReadings<F>,
    feed: &F,
    topics: &Arc<[Topic]>,
    seen: Position,
    signal: Option<SignalNumber>,
) -> Result<SharedReading<Page<F::Event>>> {
    let read = || read_page(app, feed, topics, seen);
    readings.join(signal.map(|signal| (signal, topics.clone(), seen)), read).await
}

async fn read_page<F: Feed>(app: &App, feed: &F, topics: &[Topic], seen: Position) -> Result<Page<F::Event>> {
    let backend = app.db.get_database_backend();
    let mut select = journal::entries_after(backend, topics, seen, BATCH);
    feed.select(&mut select);
    let rows = app.db.query_all_raw(literal::limited(backend.build(&select), BATCH)).await?;
    let mut page = Page { events: Vec::with_capacity(rows.len()), until: seen, is_full: rows.len() as u64 == BATCH };
    for row in &rows {
        page.until = journal::position_in(row)?;
        if let Some(event) = F::read(row)? {
            page.events.push((page.until, event));
        }
    }
    Ok(page)
}
