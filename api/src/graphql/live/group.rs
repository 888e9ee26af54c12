//! Those who follow the same.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::broadcast::{self, Receiver};

use super::{Selection, Told, progress::Waiting};
use crate::{graphql::ids::UserId, viewer::Rights};

/// Responses that are kept for members that do not read them at once. Who is further behind leaves.
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
    /// The group is where it is, and will tell what it would have told.
    Member(Receiver<Arc<Told>>),
    /// There is none but the one that it is the first of from now on.
    First(Lead, Receiver<Arc<Told>>),
    /// They are apart.
    No,
}

/// The one stream that a group follows. The group ends when this is dropped.
pub(super) struct Lead {
    key: GroupKey,
    group: Arc<Group>,
    groups: Groups,
}

impl Groups {
    /// Lets a stream that waits join those who follow the same.
    pub(super) fn join(&self, key: GroupKey, rights: &Arc<Rights>, waiting: Waiting) -> Joined {
        let mut groups = self.all();
        if let Some(group) = groups.get(&key).filter(|group| group.rights == *rights) {
            // A member hears all from the moment that they are at the same place.
            let waits = group.waits();
            return if *waits == Some(waiting) { Joined::Member(group.told.subscribe()) } else { Joined::No };
        }
        let (told, receiver) = broadcast::channel(KEPT);
        let group = Arc::new(Group { rights: rights.clone(), told, waits: Mutex::new(Some(waiting)) });
        // Who had other rights when it began goes on without being found.
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

    /// Waits until every member has left, as far as that can be said without [`ends`](Self::ends).
    pub async fn left_alone(&self) {
        self.group.told.closed().await;
    }

    /// Whether nobody follows it, and nobody can from now on.
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
