//! Groups of followers: one stream, whose responses are broadcast to all members.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::broadcast::{self, Receiver};

use super::{Selection, Told, progress::Waiting};
use crate::domain::{ids::UserId, viewer::Rights};

/// The bounded queue of a group: responses that are kept for members who do not read at once. A member that is further behind leaves.
const KEPT: usize = 16;

/// What a group follows, but for the rights, which change.
pub(super) type GroupKey = (UserId, Selection);

/// The groups of a process. Cheap to clone; all clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Groups(Arc<Mutex<HashMap<GroupKey, Arc<Group>>>>);

#[derive(Debug)]
struct Group {
    rights: Arc<Rights>,
    told: broadcast::Sender<Arc<Told>>,
    /// Where its stream waits; none while it may be about to tell something.
    waits: Mutex<Option<Waiting>>,
}

/// What becomes of a stream that follows the same as a group.
pub(super) enum Joined {
    /// The group waits at the same position, and will tell what the stream would have told.
    Member(Receiver<Arc<Told>>),
    /// There was no group: the stream leads a new one.
    First(Lead, Receiver<Arc<Told>>),
    /// The group is at another position.
    No,
}

/// The lead of a group, held by its one stream. The group ends when this is dropped.
pub(super) struct Lead {
    key: GroupKey,
    group: Arc<Group>,
    groups: Groups,
}

impl Groups {
    /// Lets a stream that waits join the group of those who follow the same, or lead a new one.
    pub(super) fn join(&self, key: GroupKey, rights: &Arc<Rights>, waiting: Waiting) -> Joined {
        let mut groups = self.all();
        if let Some(group) = groups.get(&key).filter(|group| group.rights == *rights) {
            // Subscribed under the lock that `tell` takes: a member misses nothing after the position that both are at.
            let waits = group.waits();
            return if *waits == Some(waiting) { Joined::Member(group.told.subscribe()) } else { Joined::No };
        }
        let (told, receiver) = broadcast::channel(KEPT);
        let group = Arc::new(Group { rights: rights.clone(), told, waits: Mutex::new(Some(waiting)) });
        // It replaces a group with outdated rights, which goes on for its members and is found by nobody else.
        groups.insert(key, group.clone());
        Joined::First(Lead { key, group, groups: self.clone() }, receiver)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<GroupKey, Arc<Group>>> {
        // Nothing panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
    fn waits(&self) -> MutexGuard<'_, Option<Waiting>> {
        // Nothing panics while it holds the lock.
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lead {
    pub fn tell(&self, told: Arc<Told>) {
        let mut waits = self.group.waits();
        *waits = None;
        // Nobody may be left.
        let _ = self.group.told.send(told);
    }

    /// All has been told up to where the stream waits.
    pub fn waits(&self, waiting: Waiting) {
        *self.group.waits() = Some(waiting);
    }

    /// Waits until every member has left. Another may join at once: only [`ends`](Self::ends) decides.
    pub async fn left_alone(&self) {
        self.group.told.closed().await;
    }

    /// Ends the group if nobody follows it; whether it has. Under the lock, so that nobody joins in between.
    pub fn ends(&self) -> bool {
        let mut groups = self.groups.all();
        let ends = self.group.told.receiver_count() == 0;
        if ends {
            self.leave(&mut groups);
        }
        ends
    }

    fn leave(&self, groups: &mut HashMap<GroupKey, Arc<Group>>) {
        if groups.get(&self.key).is_some_and(|group| Arc::ptr_eq(group, &self.group)) {
            groups.remove(&self.key);
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.leave(&mut self.groups.all());
    }
}
