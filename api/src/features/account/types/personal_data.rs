//! GraphQL types of the export of personal data.

use std::sync::Arc;

use async_graphql::Json;
use chrono::Utc;
use entity::{columns::Columns, customers, drivers};
use sea_orm::prelude::DateTimeWithTimeZone;

use crate::{
    domain::{
        error::Result,
        ids::{RestaurantId, UserId},
    },
    features::{
        account::{
            finder::{Membership, OwnSessions, RestaurantsOfUser, SessionOrder},
            personal_data::{self, DOCUMENT_FIELDS},
            types::ActiveSession,
        },
        audit::{
            AuditEvent,
            finder::{AuditEvents, NewestFirst},
            types::AuditConditions,
        },
        customer::finder::CustomerOfUser,
        driver::{
            finder::{DriverOfUser, OrderRecorded, ROUTE_PAGE, RoutesOfDriver},
            types::RoutePoint,
        },
        favourite::{
            finder::FavouritesOfCustomer,
            types::{FavouriteOrder, KeptFavourite},
        },
        order::{
            Order,
            finder::{OrderConditions, OrdersOfCustomer},
            types::OrderOrder,
        },
        restaurant::Restaurant,
        review::{Review, finder::ReviewsOfCustomer, types::ReviewOrder},
    },
    graphql::{
        date_time::DateTime,
        limits,
        list::{self, PageOfAll, PageOfParent},
        page::PageArguments,
        plan::{Load, One, object},
        row::Row,
        sort::IdOrder,
    },
};

#[derive(Clone)]
pub struct PersonalData {
    pub user: UserId,
    pub collected_at: chrono::DateTime<Utc>,
}

/// Everything that is held on the viewer. What grows comes in pages; who walks through all of them has everything.
#[object]
impl PersonalData {
    /// When it was read.
    fn collected_at(collected_at: &chrono::DateTime<Utc>) -> DateTime {
        (*collected_at).into()
    }

    /// One object with `user`, `identities`, `customer` and `driver`. Times are RFC 3339 in UTC, ids those of the API; `customer` and
    /// `driver` are null for who is none.
    #[graphql(complexity = "limits::entries(DOCUMENT_FIELDS, child_complexity)")]
    fn document(user: &UserId) -> Load<personal_data::DocumentOf, Result<Json<serde_json::Value>>> {
        Load::new(personal_data::DocumentOf(*user), |document| Ok(Json(document?.unwrap_or_default())))
    }

    /// The viewer's own orders as a customer, newest first. A page has 20 entries unless asked otherwise, and at most 100.
    fn orders(
        user: &UserId,
        #[page] page: PageArguments,
    ) -> Result<Load<CustomerOfUser, Result<PageOfParent<OrdersOfCustomer, Order>>>> {
        let page = page.in_order(OrderOrder::NewestFirst)?;
        let orders = OrdersOfCustomer(OrderConditions::default());
        Ok(Load::new(CustomerOfUser(*user), move |customer| {
            Ok(list::page_of_parent(id_of::<customers::Model>(customer?), orders.clone(), page.clone()))
        })
        .reading(Columns::NONE))
    }

    /// The reviews that the viewer wrote, newest first. A page has 20 entries unless asked otherwise, and at most 100.
    fn reviews(
        user: &UserId,
        #[page] page: PageArguments,
    ) -> Result<Load<CustomerOfUser, Result<PageOfParent<ReviewsOfCustomer, Review>>>> {
        let page = page.in_order(ReviewOrder::NewestFirst)?;
        Ok(Load::new(CustomerOfUser(*user), move |customer| {
            Ok(list::page_of_parent(id_of::<customers::Model>(customer?), ReviewsOfCustomer, page.clone()))
        })
        .reading(Columns::NONE))
    }

    /// The restaurants and dishes that the viewer keeps for later, newest first, also those that are not on sale any more. A page has 20
    /// entries unless asked otherwise, and at most 100.
    fn favourites(
        user: &UserId,
        #[page] page: PageArguments,
    ) -> Result<Load<CustomerOfUser, Result<PageOfParent<FavouritesOfCustomer, KeptFavourite>>>> {
        let page = page.in_order(FavouriteOrder::NewestFirst)?;
        Ok(Load::new(CustomerOfUser(*user), move |customer| {
            Ok(list::page_of_parent(id_of::<customers::Model>(customer?), FavouritesOfCustomer::All, page.clone()))
        })
        .reading(Columns::NONE))
    }

    /// Where the viewer is and was signed in, oldest first; sessions are kept for a time after they have ended. A page has 20 entries
    /// unless asked otherwise, and at most 100.
    fn sessions(#[page] page: PageArguments) -> Result<PageOfAll<OwnSessions, ActiveSession>> {
        Ok(list::page_of_all(OwnSessions::All, page.in_order(SessionOrder::OldestFirst)?))
    }

    /// What the viewer did, newest first. A page has 20 entries unless asked otherwise, and at most 100.
    fn audit_events(user: &UserId, #[page] page: PageArguments) -> Result<PageOfAll<AuditEvents, AuditEvent>> {
        let own = AuditEvents(AuditConditions { actor: Some(user.0), ..AuditConditions::default() });
        Ok(list::page_of_all(own, page.in_order(NewestFirst)?))
    }

    /// The restaurants whose staff the viewer is, by id. A page has 20 entries unless asked otherwise, and at most 100.
    fn memberships(
        user: &UserId,
        #[page] page: PageArguments,
    ) -> Result<PageOfParent<RestaurantsOfUser, RestaurantMembership>> {
        let page = page.in_order::<Membership, _>(IdOrder)?;
        Ok(list::page_of_parent(*user, RestaurantsOfUser, page))
    }

    /// Where the viewer was as a driver, while it carried orders, oldest first: every point that is kept. A page has 20 entries unless
    /// asked otherwise, and at most 1,000.
    #[graphql(complexity = "limits::list_of(ROUTE_PAGE, first, last, child_complexity)")]
    fn routes(
        user: &UserId,
        #[page] page: PageArguments,
    ) -> Result<Load<DriverOfUser, Result<PageOfParent<RoutesOfDriver, RoutePoint>>>> {
        let page = page.of_at_most(ROUTE_PAGE).in_order(OrderRecorded)?;
        Ok(Load::new(DriverOfUser(*user), move |driver| {
            Ok(list::page_of_parent(id_of::<drivers::Model>(driver?), RoutesOfDriver, page.clone()))
        })
        .reading(Columns::NONE))
    }
}

fn id_of<R: Row>(row: Option<Arc<R>>) -> Option<R::Id> {
    row.map(|row| row.id())
}

#[derive(Clone, Debug)]
pub struct RestaurantMembership(pub Arc<Membership>);

/// That somebody is on the staff of a restaurant.
#[object(row = Membership)]
impl RestaurantMembership {
    /// The restaurant, also an inactive one.
    fn restaurant(id: &i32) -> One<Restaurant> {
        One(RestaurantId(*id))
    }

    /// Since when.
    fn added_at(member_since: &DateTimeWithTimeZone) -> DateTime {
        (*member_since).into()
    }
}
