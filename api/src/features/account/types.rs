//! What clients see of users.

mod administration;
mod openid;
mod personal_data;
mod session;
mod sign_in;

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};
use entity::users;

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
    ChangePasswordInput, ChangePasswordPayload, RequestEmailVerificationInput, RequestEmailVerificationPayload,
    RequestPasswordResetInput, RequestPasswordResetPayload, ResetPasswordInput, ResetPasswordPayload, SignInInput,
    SignInPayload, SignUpInput, SignUpPayload, VerifyEmailInput, VerifyEmailPayload,
};

use super::loader::{MAXIMUM_RESTAURANTS, RestaurantsOfUser};
use crate::{
    features::{
        customer::{Customer, loader::CustomerOfUser},
        driver::{Driver, loader::DriverOfUser},
        restaurant::Restaurant,
    },
    graphql::{
        context::OperationContext, date_time::DateTime, error::Result, ids::GlobalId, limits, list, page::Page,
        row::Row, sort::IdOrder,
    },
};

/// What somebody is to the service, which is worth something with a record only: a driver's work needs the role DRIVER and a driver's record,
/// and running a restaurant a place on its staff and any role but CUSTOMER. Whatever the role, anybody signed in may order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "entity::sea_orm_active_enums::UserRole")]
pub enum Role {
    Customer,
    /// Opens restaurants, and runs those it is a member of.
    Merchant,
    /// Carries orders.
    Driver,
    /// Sees and does everything.
    Admin,
}

#[derive(Clone, Debug)]
pub struct User(pub Arc<users::Model>);

/// Somebody who signs in. Users see themselves; admins see all.
#[Object]
impl User {
    pub async fn id(&self) -> ID {
        self.0.id().to_global()
    }

    async fn email(&self) -> &str {
        &self.0.email
    }

    /// Null when none was given.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    async fn role(&self) -> Role {
        self.0.role.into()
    }

    /// Whether the user may sign in.
    async fn is_active(&self) -> bool {
        self.0.is_active
    }

    async fn email_verified(&self) -> bool {
        self.0.email_verified_at.is_some()
    }

    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// The user as a customer; null before the first order.
    async fn customer(&self, ctx: &Context<'_>) -> Option<Result<Customer>> {
        ctx.loaders().load(CustomerOfUser(self.0.id())).await.map(|row| row.map(Customer)).transpose()
    }

    /// The user's record as a driver, which outlives the role of one; null for anybody else.
    async fn driver(&self, ctx: &Context<'_>) -> Option<Result<Driver>> {
        ctx.loaders().load(DriverOfUser(self.0.id())).await.map(|row| row.map(Driver)).transpose()
    }

    /// The restaurants whose staff the user is, also inactive ones, by id: the first 100 unless asked otherwise, and at most 500. One's
    /// own are all in `personalData.memberships`.
    #[graphql(complexity = "limits::first_of(MAXIMUM_RESTAURANTS, first, child_complexity)")]
    async fn restaurants(&self, ctx: &Context<'_>, #[graphql(default = 100)] first: i32) -> Result<Vec<Restaurant>> {
        let page = Page::beginning(IdOrder, first, MAXIMUM_RESTAURANTS)?;
        let memberships = list::first_of_parent(ctx, self.0.id(), RestaurantsOfUser, page).await?;
        Ok(memberships.into_iter().map(|membership| Restaurant(membership.restaurant.clone().into())).collect())
    }
}
