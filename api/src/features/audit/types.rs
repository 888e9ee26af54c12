//! The GraphQL types of the audit record.

use std::sync::Arc;

use async_graphql::{Enum, ID, InputObject, Json};
use chrono::Utc;
use entity::audit_events;
use sea_orm::prelude::{DateTimeWithTimeZone, Json as JsonValue};

use crate::{
    domain::{
        error::{Error, Result},
        ids::{self, AuditEventId, GlobalId, UserId},
    },
    features::account::User,
    graphql::{
        date_time::DateTime,
        enumeration, input,
        plan::{One, object, output_of_enums},
    },
};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
pub enum AuditAction {
    /// An account was made.
    SignedUp,
    /// A session was opened.
    SignedIn,
    /// With a wrong password, or to an account that is not active; by nobody, where there is no such account.
    SignInFailed,
    /// A session was ended by its own client.
    SignedOut,
    /// A refresh token came again after the tokens that it had given were used, which ended its session.
    RefreshTokenReused,
    /// One session was ended from elsewhere.
    SessionRevoked,
    /// All sessions of a user.
    SessionsRevoked,
    /// By whoever knew the present one.
    PasswordChanged,
    /// By a link that was sent to the address.
    PasswordReset,
    /// By a link that was sent to the address.
    EmailVerified,
    /// By its user, of its own account: a link was sent to the new address.
    EmailChangeRequested,
    /// By the link that was sent to the new address, which the account has from then on.
    EmailChanged,
    /// The account can be entered through the OpenID provider from now on.
    IdentityAdded,
    /// By its user, for good.
    AccountDeleted,
    /// At the command line of the server.
    AdminMade,
    /// At the command line of the server: the account has another e-mail address, or one that several shared was given to it or to
    /// another of them.
    UserEmailSet,
    /// Somebody got another role.
    UserRoleSet,
    /// Somebody may sign in again.
    UserActivated,
    /// Somebody may not sign in any more.
    UserDeactivated,
    /// Somebody was made a driver.
    DriverCreated,
    /// By an admin, of somebody else.
    DriverUpdated,
    /// By an admin: a driver was put to work or sent home.
    DriverStatusSet,
    /// A restaurant was opened.
    RestaurantCreated,
    /// What is known of a restaurant was changed.
    RestaurantUpdated,
    /// A restaurant takes no orders any more.
    RestaurantDeactivated,
    /// Somebody is on the staff from now on.
    RestaurantMemberAdded,
    /// Somebody is on the staff no more.
    RestaurantMemberRemoved,
    /// The name or description of a menu was changed.
    MenuUpdated,
    /// A dish is on a menu from now on.
    DishCreated,
    /// What is known of a dish was changed, its price included.
    DishUpdated,
    /// A dish is on no menu any more.
    DishDeleted,
    /// By an admin, of somebody else.
    CustomerUpdated,
    /// By staff or an admin.
    OrderStatusUpdated,
    /// By staff or an admin.
    DriverAssigned,
    /// By staff or an admin.
    DriverReleased,
    /// By an admin, of somebody else.
    ReviewUpdated,
    /// By an admin, of somebody else.
    ReviewDeleted,
    /// By an admin: what is to be done later was made due at once.
    JobRetried,
    /// By an admin: what was to be done later was deleted undone.
    JobDiscarded,
}

output_of_enums!(AuditAction);

#[derive(Clone, Debug)]
pub struct AuditEvent(pub Arc<audit_events::Model>);

/// One thing that was done: by whom, to what, when, and from where.
#[object(row = audit_events::Model)]
impl AuditEvent {
    /// Opaque, and unique over all types.
    fn id(id: &i32) -> ID {
        AuditEventId(*id).to_global()
    }

    /// When it was done.
    fn at(at: &DateTimeWithTimeZone) -> DateTime {
        (*at).into()
    }

    /// What was done.
    fn action(action: &str) -> Result<AuditAction> {
        enumeration::value(action).ok_or_else(|| Error::internal(anyhow::anyhow!("{action} is no action")))
    }

    /// Who did it; null where it was the server itself, or nobody could tell.
    fn actor(actor_id: &Option<i32>) -> Option<One<User>> {
        actor_id.map(UserId).map(One)
    }

    /// The id of what it was done to; null where the act says it all. What it names may be gone.
    fn subject(subject: &Option<String>) -> Option<ID> {
        subject.as_ref().map(Into::into)
    }

    /// The network address that the request came from; null for the server itself.
    fn address(address: &Option<String>) -> Option<&str> {
        address.as_deref()
    }

    /// What the client called itself; null where it did not.
    fn user_agent(user_agent: &Option<String>) -> Option<&str> {
        user_agent.as_deref()
    }

    /// What else there is to tell, such as the role before and after; null where there is nothing.
    fn details(details: &Option<JsonValue>) -> Option<Json<&JsonValue>> {
        details.as_ref().map(Json)
    }
}

/// How many actions can be looked for at once: more than there are.
const MAXIMUM_ACTIONS: usize = 50;

/// All that is named must fit.
#[derive(Clone, Debug, Default, InputObject)]
pub struct AuditEventFilter {
    /// Who did it.
    pub actor_id: Option<ID>,
    /// Any of these, at most 50; an empty list finds none.
    pub actions: Option<Vec<AuditAction>>,
    /// What it was done to.
    pub subject: Option<ID>,
    /// At this time or later.
    pub since: Option<DateTime>,
    /// Before this time.
    pub until: Option<DateTime>,
}

/// Which entries a list holds, decoded from the client's filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AuditConditions {
    pub actor: Option<i32>,
    pub actions: Option<Vec<&'static str>>,
    pub subject: Option<String>,
    pub since: Option<chrono::DateTime<Utc>>,
    pub until: Option<chrono::DateTime<Utc>>,
}

impl AuditEventFilter {
    pub fn decode(self) -> Result<AuditConditions> {
        if let Some(actions) = &self.actions {
            input::length("filter.actions", actions, 0, MAXIMUM_ACTIONS)?;
        }
        Ok(AuditConditions {
            actor: self.actor_id.map(|id| UserId::parse(&id, "filter.actorId")).transpose()?.map(|id| id.0),
            actions: self.actions.map(|actions| actions.into_iter().map(enumeration::name).collect()),
            subject: self.subject.map(|id| ids::split(&id, "filter.subject").map(|_| id.0.clone())).transpose()?,
            since: self.since.map(|time| time.0),
            until: self.until.map(|time| time.0),
        })
    }
}
