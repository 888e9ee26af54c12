//! The viewer: who asks, and with which rights. Made in one place (`features::account::authentication`), and carried by every operation.

use std::{collections::HashSet, net::IpAddr, sync::Arc, time::Instant};

use entity::sea_orm_active_enums::UserRole;
use ipnet::IpNet;
use tokio::sync::watch;

use crate::domain::{
    error::{Error, Result},
    ids::{CustomerId, DriverId, GlobalId, RestaurantId, SessionId, UserId},
};

/// Who asks, with all that rights depend on.
#[derive(Clone, Debug)]
pub enum Viewer {
    Anonymous,
    User(Arc<SignedIn>),
    /// The server itself, in tasks of its own.
    System,
}

/// A user who is signed in.
#[derive(Debug)]
pub struct SignedIn {
    pub id: UserId,
    /// None for people whom the server plays.
    pub session: Option<SessionId>,
    pub origin: Option<Origin>,
    known: watch::Sender<KnownRights>,
}

/// Rights as they were when they were last read.
#[derive(Debug)]
struct KnownRights {
    rights: Rights,
    /// When that reading began: it has found whatever was changed before.
    as_of: Instant,
}

/// What somebody who is signed in may act as, as it was when it was last read. Whatever runs for one socket shares it, so that it
/// can be read anew for all of it. A record alone is not enough: see [`Rights::new`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    pub role: UserRole,
    /// None until the user orders for the first time, which may be in this very operation.
    pub customer: Option<CustomerId>,
    /// None unless the user works as one.
    pub driver: Option<DriverId>,
    /// The restaurants whose staff the user is, those founded in this very operation included.
    pub restaurants: HashSet<RestaurantId>,
}

impl Rights {
    /// Those of a role with the records of its user: a driver's record needs the role DRIVER, and a place on the staff any role but
    /// CUSTOMER. Who has lost the role may still have the record.
    pub fn new(
        role: UserRole,
        customer: Option<CustomerId>,
        driver: Option<DriverId>,
        restaurants: HashSet<RestaurantId>,
    ) -> Self {
        let is_driver = role == UserRole::Driver;
        let is_customer_alone = role == UserRole::Customer;
        Rights {
            role,
            customer,
            driver: driver.filter(|_| is_driver),
            restaurants: if is_customer_alone { HashSet::new() } else { restaurants },
        }
    }

    /// Those of a role alone.
    pub fn of(role: UserRole) -> Self {
        Rights { role, customer: None, driver: None, restaurants: HashSet::new() }
    }
}

/// Where a request comes from. Made in one place (`http::origin`), and carried by every operation; of a socket, it is where its
/// handshake came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The client's, as far as proxies that are trusted say so.
    pub address: IpAddr,
    /// What the client says it is, 255 characters at most.
    pub user_agent: Option<String>,
}

impl Origin {
    /// What one client has for itself, for limits by address: an address of IPv4, or a network of 64 bits of IPv6, in which every
    /// client can take as many addresses as it likes.
    pub fn network(&self) -> IpNet {
        let bits = if self.address.is_ipv4() { 32 } else { 64 };
        IpNet::new(self.address, bits).map_or_else(|_| self.address.into(), |network| network.trunc())
    }
}

impl SignedIn {
    pub fn new(id: UserId, session: Option<SessionId>, origin: Option<Origin>, rights: Rights) -> Self {
        SignedIn { id, session, origin, known: watch::Sender::new(KnownRights { rights, as_of: Instant::now() }) }
    }

    pub fn role(&self) -> UserRole {
        self.known.borrow().rights.role
    }

    /// What the user may act as now.
    pub fn rights(&self) -> Rights {
        self.known.borrow().rights.clone()
    }

    /// Whether these are what the user may act as now.
    pub fn has(&self, rights: &Rights) -> bool {
        self.known.borrow().rights == *rights
    }

    /// Lets the user know itself as staff of the restaurant, once that is certain.
    pub fn is_staff_now(&self, restaurant: RestaurantId) {
        self.add(|rights| {
            rights.restaurants.insert(restaurant);
        });
    }

    /// Lets the user know itself as this customer, once that is certain.
    pub fn is_customer_now(&self, customer: CustomerId) {
        self.add(|rights| rights.customer = Some(customer));
    }

    /// A reading that began before does not know of it yet, and will not take it away again.
    fn add(&self, add: impl FnOnce(&mut Rights)) {
        self.known.send_modify(|known| {
            add(&mut known.rights);
            known.as_of = Instant::now();
        });
    }

    /// Replaces the rights by those of a reading that began at this moment, unless a later one was faster. Who follows them wakes if they
    /// have changed.
    pub fn renew(&self, rights: Rights, as_of: Instant) {
        self.known.send_if_modified(|known| {
            if as_of < known.as_of {
                return false;
            }
            let has_changed = known.rights != rights;
            *known = KnownRights { rights, as_of };
            has_changed
        });
    }
}

/// Wakes whoever acts for a viewer over a long time when the viewer's rights have changed.
pub struct RightsWatch(Option<watch::Receiver<KnownRights>>);

impl RightsWatch {
    /// Waits for the next change; for ever where there is nothing that could change.
    pub async fn changed(&mut self) {
        if let Some(known) = &mut self.0
            && known.changed().await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }
}

impl Viewer {
    /// The user, or UNAUTHENTICATED.
    pub fn signed_in(&self) -> Result<&SignedIn> {
        self.user().ok_or_else(Error::unauthenticated)
    }

    pub fn user(&self) -> Option<&SignedIn> {
        match self {
            Viewer::User(user) => Some(user),
            Viewer::Anonymous | Viewer::System => None,
        }
    }

    /// Whether everything is open to the viewer.
    pub fn is_admin(&self) -> bool {
        match self {
            Viewer::System => true,
            Viewer::User(user) => user.role() == UserRole::Admin,
            Viewer::Anonymous => false,
        }
    }

    /// Whether it is the server itself.
    pub fn is_system(&self) -> bool {
        match self {
            Viewer::System => true,
            Viewer::User(_) | Viewer::Anonymous => false,
        }
    }

    pub fn is_staff_of(&self, restaurant: RestaurantId) -> bool {
        self.user().is_some_and(|user| user.known.borrow().rights.restaurants.contains(&restaurant))
    }

    /// Whether the viewer runs the restaurant: its staff, and admins.
    pub fn manages(&self, restaurant: RestaurantId) -> bool {
        self.is_admin() || self.is_staff_of(restaurant)
    }

    pub fn customer(&self) -> Option<CustomerId> {
        self.user().and_then(|user| user.known.borrow().rights.customer)
    }

    pub fn driver(&self) -> Option<DriverId> {
        self.user().and_then(|user| user.known.borrow().rights.driver)
    }

    /// Whether the viewer is this customer.
    pub fn is_customer(&self, customer: CustomerId) -> bool {
        self.customer() == Some(customer)
    }

    pub fn is_driver(&self, driver: DriverId) -> bool {
        self.driver() == Some(driver)
    }

    /// The numbers of the restaurants whose staff the viewer is, for statements.
    pub fn restaurants(&self) -> Vec<i32> {
        self.user()
            .map(|user| user.known.borrow().rights.restaurants.iter().map(|id| id.0).collect())
            .unwrap_or_default()
    }

    /// The same with these rights, of which nobody hears when they change.
    #[must_use]
    pub fn with_rights(&self, rights: Option<&Rights>) -> Viewer {
        match (self, rights) {
            (Viewer::User(user), Some(rights)) => {
                Viewer::User(Arc::new(SignedIn::new(user.id, user.session, user.origin.clone(), rights.clone())))
            }
            (viewer, _) => viewer.clone(),
        }
    }

    /// Wakes at every change of the viewer's rights from now on.
    pub fn watch_rights(&self) -> RightsWatch {
        RightsWatch(self.user().map(|user| user.known.subscribe()))
    }

    /// Who did it, as histories record it: a user's global id, or `SYSTEM`.
    pub fn actor(&self) -> String {
        self.user().map_or_else(|| "SYSTEM".to_owned(), |user| user.id.to_global().0)
    }
}
