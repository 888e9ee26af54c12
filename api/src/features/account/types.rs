//! The GraphQL types of users.

mod administration;
mod openid;
mod personal_data;
mod session;
mod sign_in;

use std::sync::Arc;

use async_graphql::{Enum, ID};
use entity::{columns::Columns, sea_orm_active_enums::UserRole, users};
use sea_orm::prelude::DateTimeWithTimeZone;

pub use administration::{
    DeleteAccountInput, DeleteAccountPayload, SetUserActiveInput, SetUserActivePayload, SetUserRoleInput,
    SetUserRolePayload,
};
pub use openid::{
    CompleteOpenIdSignInInput, CompleteOpenIdSignInPayload, SignInProvider, StartOpenIdSignInInput,
    StartOpenIdSignInPayload,
};
pub use personal_data::{PersonalData, RestaurantMembership};
pub use session::{
    ActiveSession, RefreshSessionInput, RefreshSessionPayload, RevokeAllSessionsInput, RevokeAllSessionsPayload,
    RevokeSessionInput, RevokeSessionPayload, Session, SignOutInput, SignOutPayload,
};
pub use sign_in::{
    ChangeEmailInput, ChangeEmailPayload, ChangePasswordInput, ChangePasswordPayload, RequestEmailVerificationInput,
    RequestEmailVerificationPayload, RequestPasswordResetInput, RequestPasswordResetPayload, ResetPasswordInput,
    ResetPasswordPayload, SignInInput, SignInPayload, SignUpInput, SignUpPayload, VerifyEmailInput, VerifyEmailPayload,
};

use crate::{
    domain::{
        error::Result,
        ids::{GlobalId, UserId},
    },
    features::{
        account::finder::{MAXIMUM_RESTAURANTS, Membership, RestaurantsOfUser},
        customer::{Customer, finder::CustomerOfUser},
        driver::{Driver, finder::DriverOfUser},
        restaurant::Restaurant,
    },
    graphql::{
        date_time::DateTime,
        limits,
        list::{self, FirstOfParent},
        page::Page,
        plan::{Load, object, output_of_enums},
        sort::IdOrder,
    },
};

/// What somebody is to the service, which is worth something with a record only: a driver's work needs the role DRIVER and a driver's record,
/// and running a restaurant a place on its staff and any role but CUSTOMER. Whatever the role, anybody signed in may order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "entity::sea_orm_active_enums::UserRole")]
pub enum Role {
    /// Orders; what everybody is who signs up.
    Customer,
    /// Opens restaurants, and runs those it is a member of.
    Merchant,
    /// Carries orders.
    Driver,
    /// Sees and does everything.
    Admin,
}

output_of_enums!(Role);

#[derive(Clone, Debug)]
pub struct User(pub Arc<users::Model>);

/// Somebody who signs in. Users see themselves; admins see all.
#[object(row = users::Model)]
impl User {
    /// Opaque, and unique over all types.
    fn id(id: &i32) -> ID {
        UserId(*id).to_global()
    }

    /// What the user signs in with.
    fn email(email: &str) -> &str {
        email
    }

    /// Null when none was given.
    fn name(name: &Option<String>) -> Option<&str> {
        name.as_deref()
    }

    /// What the user is to the service.
    fn role(role: &UserRole) -> Role {
        (*role).into()
    }

    /// Whether the user may sign in.
    fn is_active(is_active: &bool) -> bool {
        *is_active
    }

    /// Whether it is certain that the address is theirs.
    fn email_verified(email_verified_at: &Option<DateTimeWithTimeZone>) -> bool {
        email_verified_at.is_some()
    }

    /// When the account was made.
    fn created_at(created_at: &DateTimeWithTimeZone) -> DateTime {
        (*created_at).into()
    }

    /// The user as a customer; null until it is one: by its first order, or the first thing that it keeps for later.
    fn customer(id: &i32) -> Load<CustomerOfUser, Option<Result<Customer>>> {
        let customer = Load::new(CustomerOfUser(UserId(*id)), |row| row.map(|row| row.map(Customer)).transpose());
        customer.reading(Columns::NONE)
    }

    /// The user's record as a driver, which outlives the role of one; null for anybody else.
    fn driver(id: &i32) -> Load<DriverOfUser, Option<Result<Driver>>> {
        let driver = Load::new(DriverOfUser(UserId(*id)), |row| row.map(|row| row.map(Driver)).transpose());
        driver.reading(Columns::NONE)
    }

    /// The restaurants whose staff the user is, also inactive ones, by id: the first 100 unless asked otherwise, and at most 500. One's
    /// own are all in `personalData.memberships`.
    #[graphql(complexity = "limits::first_of(MAXIMUM_RESTAURANTS, first, child_complexity)")]
    fn restaurants(id: &i32, #[arg(default = 100)] first: i32) -> Result<FirstOfParent<RestaurantsOfUser, Restaurant>> {
        let page = Page::beginning(IdOrder, first, MAXIMUM_RESTAURANTS)?;
        Ok(list::first_of_parent(UserId(*id), RestaurantsOfUser, page))
    }
}

impl From<Arc<Membership>> for Restaurant {
    fn from(membership: Arc<Membership>) -> Self {
        Restaurant(Arc::new(Arc::unwrap_or_clone(membership).restaurant))
    }
}
