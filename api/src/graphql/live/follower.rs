//! A follower of a subscription: it has a stream of its own until it has caught up, and is then a member of a group.

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use async_graphql::Response;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::{
    select,
    sync::{
        broadcast::{self, error::RecvError},
        mpsc,
    },
};

use super::{
    Groups, Progress, Selection, StreamPosition, Told,
    group::{GroupKey, Joined, Lead},
    progress::Waiting,
};
use crate::domain::viewer::{Rights, RightsWatch, Viewer};

/// How old a response may be that a member is told. A member that reads more slowly leaves, and is told the present instead.
const STALE: Duration = Duration::from_secs(5);

type ResponseStream = BoxStream<'static, Response>;

/// A subscription that has passed every check. It begins again after a change of rights, and when its follower has fallen behind.
pub struct LiveSubscription {
    pub viewer: Viewer,
    /// None for what is shared with nobody.
    pub shared: Option<(Selection, Groups)>,
    /// Begins its stream for the viewer with the rights of this moment, at the progress's position.
    pub begin: Box<dyn Fn(Viewer, Progress) -> ResponseStream + Send + Sync>,
}

/// The responses that the viewer is told, until the subscription ends.
///
/// A stream resolves with the rights that the viewer has when it begins. When they change, it begins anew after the last response that was
/// told; a response that was resolved with outdated rights is not told.
pub fn follow(subscription: LiveSubscription) -> BoxStream<'static, Arc<Told>> {
    let follower = Follower::new(Arc::new(subscription));
    stream::unfold(follower, |mut follower| async move { Some((follower.next().await?, follower)) }).boxed()
}

struct Follower {
    subscription: Arc<LiveSubscription>,
    /// Tells of changes of the viewer's rights.
    changes: RightsWatch,
    /// The rights that the source resolves with; none for the anonymous.
    rights: Option<Arc<Rights>>,
    source: Source,
    /// The position up to which it has been told.
    place: Option<StreamPosition>,
}

enum Source {
    Own(Own),
    Group(broadcast::Receiver<Arc<Told>>),
}

/// A stream for this follower alone, in a task that waits for the follower (back-pressure) and ends with it.
struct Own {
    said: mpsc::Receiver<Said>,
    progress: Progress,
}

enum Said {
    Told(Arc<Told>),
    /// The group will tell what is after this place.
    Joined(Option<StreamPosition>, broadcast::Receiver<Arc<Told>>),
}

enum Heard {
    Said(Said),
    /// The source lags or has outdated rights: the follower has to begin anew.
    Nothing,
    End,
}

impl Follower {
    fn new(subscription: Arc<LiveSubscription>) -> Self {
        let changes = subscription.viewer.watch_rights();
        let rights = subscription.present_rights();
        let source = Source::Own(Own::begin(&subscription, rights.clone(), Progress::default(), IsAnew(false)));
        Follower { subscription, changes, rights, source, place: None }
    }

    async fn next(&mut self) -> Option<Arc<Told>> {
        loop {
            let heard = select! {
                biased;
                heard = self.source.next() => heard,
                () = self.changes.changed() => Heard::Nothing,
            };
            match heard {
                Heard::Said(Said::Told(told)) if self.has_its_rights() => {
                    self.place = told.place.or(self.place);
                    return Some(told);
                }
                Heard::Said(Said::Joined(place, group)) => {
                    (self.place, self.source) = (place, Source::Group(group));
                }
                Heard::Said(Said::Told(_)) | Heard::Nothing => self.begin_anew(),
                Heard::End => return None,
            }
        }
    }

    /// Whether the viewer has the rights that the source has.
    fn has_its_rights(&self) -> bool {
        self.subscription.viewer.user().is_none_or(|user| self.rights.as_ref().is_some_and(|rights| user.has(rights)))
    }

    /// Leaves its source for a stream of its own, with the present rights, after what it was told last.
    fn begin_anew(&mut self) {
        if let Source::Own(own) = &self.source
            && let Some(waiting) = own.has_told_all()
        {
            self.place = waiting.place;
        }
        self.rights = self.subscription.present_rights();
        let progress = Progress::from(self.place);
        self.source = Source::Own(Own::begin(&self.subscription, self.rights.clone(), progress, IsAnew(true)));
    }
}

impl Source {
    async fn next(&mut self) -> Heard {
        match self {
            Source::Own(own) => own.said.recv().await.map_or(Heard::End, Heard::Said),
            Source::Group(group) => match group.recv().await {
                Ok(told) if told.at.elapsed() < STALE => Heard::Said(Said::Told(told)),
                // It reads so slowly that the group's bounded queue has dropped a response, or holds stale ones.
                Ok(_) | Err(RecvError::Lagged(_)) => Heard::Nothing,
                Err(RecvError::Closed) => Heard::End,
            },
        }
    }
}

/// Whether the follower has followed before.
#[derive(Clone, Copy)]
struct IsAnew(bool);

impl Own {
    fn begin(
        subscription: &Arc<LiveSubscription>,
        rights: Option<Arc<Rights>>,
        progress: Progress,
        is_anew: IsAnew,
    ) -> Self {
        // A bounded queue of one: a stream that reads further ahead of a slow client would tell it older data.
        let (sender, said) = mpsc::channel(1);
        tokio::spawn(run(subscription.clone(), rights, progress.clone(), is_anew, sender));
        Own { said, progress }
    }

    /// Where it waits for events, if its follower has taken everything from the queue.
    fn has_told_all(&self) -> Option<Waiting> {
        self.progress.waits().filter(|_| self.said.is_empty())
    }
}

/// Runs a stream for its follower until they join a group; the stream of the first member goes on as the group's.
async fn run(
    subscription: Arc<LiveSubscription>,
    rights: Option<Arc<Rights>>,
    progress: Progress,
    is_anew: IsAnew,
    follower: mpsc::Sender<Said>,
) {
    let mut events = FollowedEvents::begin(&subscription, rights.as_deref(), progress, is_anew);
    let group = subscription.group().zip(rights);
    drop(subscription);
    loop {
        let event = select! {
            biased;
            () = follower.closed() => return,
            event = events.next() => event,
        };
        match event {
            Event::Told(told) => {
                if follower.send(Said::Told(told)).await.is_err() {
                    return;
                }
            }
            Event::Waits(waiting) => {
                let Some(((key, groups), rights)) = &group else { continue };
                // Room in the queue is reserved before it joins: a group does not wait for a slow member.
                let Ok(place) = follower.reserve().await else { return };
                match groups.join(*key, rights, waiting) {
                    Joined::Member(group) => return place.send(Said::Joined(waiting.place, group)),
                    Joined::First(lead, group) => {
                        place.send(Said::Joined(waiting.place, group));
                        return lead_group(lead, events).await;
                    }
                    Joined::No => {}
                }
            }
            Event::End => return,
        }
    }
}

/// Runs the stream of a group, until its last member has left.
async fn lead_group(lead: Lead, mut events: FollowedEvents) {
    loop {
        let event = select! {
            biased;
            () = lead.left_alone() => {
                if lead.ends() {
                    return;
                }
                continue;
            }
            event = events.next() => event,
        };
        match event {
            Event::Told(told) => {
                lead.tell(told);
                // Lets the members read first: a burst would overflow their bounded queue.
                tokio::task::yield_now().await;
            }
            Event::Waits(waiting) => lead.waits(waiting),
            Event::End => return,
        }
    }
}

/// A stream of responses with its progress.
struct FollowedEvents {
    responses: ResponseStream,
    progress: Progress,
    /// Where it waits, if [`Event::Waits`] has said so.
    waits: Option<Waiting>,
    is_anew: IsAnew,
}

enum Event {
    Told(Arc<Told>),
    Waits(Waiting),
    End,
}

impl FollowedEvents {
    fn begin(subscription: &LiveSubscription, rights: Option<&Rights>, progress: Progress, is_anew: IsAnew) -> Self {
        let responses = (subscription.begin)(subscription.viewer.with_rights(rights), progress.clone());
        FollowedEvents { responses, progress, waits: None, is_anew }
    }

    async fn next(&mut self) -> Event {
        poll_fn(|context| {
            let response = match self.responses.poll_next_unpin(context) {
                Poll::Ready(response) => response,
                Poll::Pending => {
                    let waits = self.progress.waits();
                    return match waits {
                        Some(waiting) if self.waits != waits => {
                            self.waits = waits;
                            Poll::Ready(Event::Waits(waiting))
                        }
                        _ => Poll::Pending,
                    };
                }
            };
            self.waits = None;
            Poll::Ready(match response {
                Some(response) => {
                    let is_anew = std::mem::replace(&mut self.is_anew, IsAnew(false));
                    let told = if is_anew.0 { Told::anew(&response) } else { Told::new(&response) };
                    Event::Told(Arc::new(Told { place: self.progress.place(), ..told }))
                }
                None => Event::End,
            })
        })
        .await
    }
}

impl LiveSubscription {
    fn present_rights(&self) -> Option<Arc<Rights>> {
        self.viewer.user().map(|user| Arc::new(user.rights()))
    }

    /// The key of those who follow the same, without their rights.
    fn group(&self) -> Option<(GroupKey, Groups)> {
        let (selection, groups) = self.shared.as_ref()?;
        Some(((self.viewer.user()?.id, *selection), groups.clone()))
    }
}
