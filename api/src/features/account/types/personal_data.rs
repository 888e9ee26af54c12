//! What is held on somebody, to take away.

use std::sync::Arc;

use async_graphql::{Context, Json, Object};
use chrono::Utc;
use entity::{customers, drivers};

use crate::{
    features::{
        account::{
            loader::{Membership, OwnSessions, RestaurantsOfUser, SessionOrder},
            personal_data::{self, DOCUMENT_FIELDS},
            types::ActiveSession,
        },
        audit::{
            AuditEvent,
            loader::{AuditEvents, NewestFirst},
            types::Decoded,
        },
        customer::loader::CustomerOfUser,
        driver::{
            loader::{DriverOfUser, OrderRecorded, ROUTE_PAGE, RoutesOfDriver},
            types::RoutePoint,
        },
        order::{
            Order,
            loader::{OrderConditions, OrdersOfCustomer},
            types::OrderOrder,
        },
        restaurant::Restaurant,
        review::{Review, loader::ReviewsOfCustomer, types::ReviewOrder},
    },
    graphql::{
        connection::Connection, context::OperationContext, date_time::DateTime, error::Result, ids::UserId, limits,
        list, page::PageArguments, row::Row, sort::IdOrder,
    },
};

pub struct PersonalData {
    pub user: UserId,
    pub collected_at: chrono::DateTime<Utc>,
}

/// Everything that is held on the viewer. What grows comes in pages; who walks through all of them has everything.
#[Object]
impl PersonalData {
    /// When it was read.
    async fn collected_at(&self) -> DateTime {
        self.collected_at.into()
    }

    /// One object with `user`, `identities`, `customer` and `driver`. Times are RFC 3339 in UTC, ids those of the API; `customer` and
    /// `driver` are null for who is none.
    #[graphql(complexity = "limits::entries(DOCUMENT_FIELDS, child_complexity)")]
    async fn document(&self, ctx: &Context<'_>) -> Result<Json<serde_json::Value>> {
        personal_data::document(ctx.app(), ctx.loaders(), self.user).await.map(Json)
    }

    /// The viewer's own orders as a customer, newest first. A page has 20 entries unless asked otherwise, and at most 100.
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Order>> {
        let page = PageArguments::new(first, after, last, before).in_order(OrderOrder::NewestFirst)?;
        match self.customer(ctx).await? {
            Some(customer) => {
                let list = OrdersOfCustomer(OrderConditions::default());
                list::page_of_parent(ctx, customer.id(), list, page, Order).await
            }
            None => Ok(Connection::empty()),
        }
    }

    /// The reviews that the viewer wrote, newest first. A page has 20 entries unless asked otherwise, and at most 100.
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn reviews(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Review>> {
        let page = PageArguments::new(first, after, last, before).in_order(ReviewOrder::NewestFirst)?;
        match self.customer(ctx).await? {
            Some(customer) => list::page_of_parent(ctx, customer.id(), ReviewsOfCustomer, page, Review).await,
            None => Ok(Connection::empty()),
        }
    }

    /// Where the viewer is and was signed in, oldest first; sessions are kept for a time after they have ended. A page has 20 entries
    /// unless asked otherwise, and at most 100.
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<ActiveSession>> {
        let page = PageArguments::new(first, after, last, before).in_order(SessionOrder::OldestFirst)?;
        list::page_of_all(ctx, OwnSessions::All, page, ActiveSession).await
    }

    /// What the viewer did, newest first. A page has 20 entries unless asked otherwise, and at most 100.
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn audit_events(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<AuditEvent>> {
        let page = PageArguments::new(first, after, last, before).in_order(NewestFirst)?;
        let own = AuditEvents(Decoded { actor: Some(self.user.0), ..Decoded::default() });
        list::page_of_all(ctx, own, page, AuditEvent).await
    }

    /// The restaurants whose staff the viewer is, by id. A page has 20 entries unless asked otherwise, and at most 100.
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn memberships(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<RestaurantMembership>> {
        let page = PageArguments::new(first, after, last, before).in_order::<Membership, _>(IdOrder)?;
        list::page_of_parent(ctx, self.user, RestaurantsOfUser, page, RestaurantMembership).await
    }

    /// Where the viewer was as a driver, while it carried orders, oldest first: every point that is kept. A page has 20 entries unless
    /// asked otherwise, and at most 1,000.
    #[graphql(complexity = "limits::list_of(ROUTE_PAGE, first, last, child_complexity)")]
    async fn routes(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<RoutePoint>> {
        let page = PageArguments::new(first, after, last, before).of_at_most(ROUTE_PAGE).in_order(OrderRecorded)?;
        let driver: Option<Arc<drivers::Model>> = ctx.loaders().load(DriverOfUser(self.user)).await?;
        match driver {
            Some(driver) => list::page_of_parent(ctx, driver.id(), RoutesOfDriver, page, RoutePoint).await,
            None => Ok(Connection::empty()),
        }
    }
}

impl PersonalData {
    async fn customer(&self, ctx: &Context<'_>) -> Result<Option<Arc<customers::Model>>> {
        ctx.loaders().load(CustomerOfUser(self.user)).await
    }
}

pub struct RestaurantMembership(Arc<Membership>);

/// That somebody is on the staff of a restaurant.
#[Object]
impl RestaurantMembership {
    async fn restaurant(&self) -> Restaurant {
        Restaurant(self.0.restaurant.clone().into())
    }

    /// Since when.
    async fn added_at(&self) -> DateTime {
        self.0.member_since.into()
    }
}
