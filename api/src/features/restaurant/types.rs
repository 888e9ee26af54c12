//! The GraphQL types of restaurants.

use std::sync::Arc;

use async_graphql::{Enum, ID, InputObject, MaybeUndefined, SimpleObject};
use entity::{columns::Columns, restaurants};
use rust_decimal::Decimal as Exact;
use sea_orm::prelude::DateTimeWithTimeZone;

use crate::{
    domain::{
        error::Result,
        ids::{GlobalId, RestaurantId, UserId},
        viewer::Viewer,
    },
    features::{
        address::{LatLng, LatLngInput},
        driver::{
            Driver,
            finder::{AvailableNearby, MAXIMUM_AVAILABLE},
            service::nearest_first,
        },
        favourite::{
            finder::{KeptByViewer, kept_by},
            types::FavouriteId,
        },
        menu::{Menu, finder::MenuOfRestaurant},
        order::{
            Order,
            finder::OrdersOfRestaurant,
            types::{OrderFilter, OrderOrder},
        },
        restaurant::finder::{MAXIMUM_MEMBERS, Member, MembersOfRestaurant, OrderAdded},
        revenue::{
            RevenuePeriod,
            service::{self as revenue, Revenue},
        },
        review::{Review, finder::ReviewsOfRestaurant, types::ReviewOrder},
    },
    graphql::{
        date::Date,
        date_time::DateTime,
        decimal::Decimal,
        limits,
        list::{self, FirstOfParent, PageOfParent},
        page::{Page, PageArguments, page_size},
        plan::{Load, object},
    },
};

#[derive(Clone, Debug)]
pub struct Restaurant(pub Arc<restaurants::Model>);

/// A place that cooks. It has one menu, and customers order from it.
#[object(row = restaurants::Model)]
impl Restaurant {
    /// Opaque, and unique over all types.
    fn id(id: &i32) -> ID {
        RestaurantId(*id).to_global()
    }

    /// What it is called.
    fn name(name: &str) -> &str {
        name
    }

    /// The street address, as one line.
    fn address(address: &str) -> &str {
        address
    }

    /// Where it is called by its guests and drivers.
    fn phone(phone: &str) -> &str {
        phone
    }

    /// What it cooks, such as `Vietnamese`.
    fn cuisine_type(cuisine_type: &str) -> &str {
        cuisine_type
    }

    /// ISO 4217, such as `USD`. Every amount of this restaurant's dishes and orders is in it.
    fn currency(currency: &str) -> &str {
        currency
    }

    /// What one delivery costs the customer.
    fn delivery_fee(delivery_fee: &Exact, currency: &str) -> Decimal {
        Decimal::money(*delivery_fee, currency)
    }

    /// The tax on the subtotal of an order, as a fraction: `"0.08"` is 8 %.
    fn tax_rate(tax_rate: &Exact) -> Decimal {
        Decimal::rate(*tax_rate)
    }

    /// Where it is on the map; null when not known.
    fn location(lat: &Option<f64>, lng: &Option<f64>) -> Option<LatLng> {
        Some(LatLng { lat: (*lat)?, lng: (*lng)? })
    }

    /// The mean of its reviews' ratings with one decimal, 1.0 to 5.0; `"0.0"` when there is none.
    fn avg_rating(avg_rating: &Exact) -> Decimal {
        Decimal::rating(*avg_rating)
    }

    /// How many orders were ever placed here.
    fn total_orders(total_orders: &i32) -> i32 {
        *total_orders
    }

    /// How many reviews it has.
    fn review_count(review_count: &i32) -> i32 {
        *review_count
    }

    /// Whether it takes orders. Inactive restaurants are shown only to their staff and admins, and from past orders.
    fn is_active(is_active: &bool) -> bool {
        *is_active
    }

    /// When it was opened here.
    fn created_at(created_at: &DateTimeWithTimeZone) -> DateTime {
        (*created_at).into()
    }

    /// Whether it is among the viewer's favourites; null for who is not signed in.
    fn is_favourite(viewer: &Viewer, id: &i32) -> Option<Load<KeptByViewer, Result<bool>>> {
        kept_by(viewer, FavouriteId::Restaurant(RestaurantId(*id)))
    }

    /// Its menu; null only for a restaurant that never had one.
    fn menu(id: &i32) -> Load<MenuOfRestaurant, Option<Result<Menu>>> {
        let menu = Load::new(MenuOfRestaurant(RestaurantId(*id)), |menu| menu.map(|menu| menu.map(Menu)).transpose());
        menu.reading(Columns::NONE)
    }

    /// Its reviews, newest first. A page has 20 entries unless asked otherwise, and at most 100.
    fn reviews(id: &i32, #[page] page: PageArguments) -> Result<PageOfParent<ReviewsOfRestaurant, Review>> {
        let page = page.in_order(ReviewOrder::NewestFirst)?;
        Ok(list::page_of_parent(RestaurantId(*id), ReviewsOfRestaurant, page))
    }

    /// Its orders that the viewer may see, newest first: all of them for its staff and admins, one's own for a customer.
    fn orders(
        id: &i32,
        #[page] page: PageArguments,
        #[arg] filter: Option<OrderFilter>,
    ) -> Result<PageOfParent<OrdersOfRestaurant, Order>> {
        let page = page.in_order(OrderOrder::NewestFirst)?;
        let orders = OrdersOfRestaurant(filter.unwrap_or_default().decode()?);
        Ok(list::page_of_parent(RestaurantId(*id), orders, page))
    }

    /// What it earned with DELIVERED orders, by day, week (from Monday) or month of their `orderTime` in UTC, oldest first.
    /// Periods without an order are there, with zeros. Without `since` the last 30 periods until `until` (inclusive; today when
    /// left out); at most 400. Null for anybody but its staff and admins.
    #[graphql(complexity = "limits::entries(revenue::length(period, since, until), child_complexity)")]
    fn revenue(
        viewer: &Viewer,
        id: &i32,
        currency: &str,
        /// What each point sums up.
        #[arg(default = RevenuePeriod::Day)]
        period: RevenuePeriod,
        /// A day of the first period; null is 30 periods before `until`.
        #[arg]
        since: Option<Date>,
        /// A day of the last period; null is today.
        #[arg]
        until: Option<Date>,
    ) -> Option<Result<Revenue>> {
        revenue::revenue_of_restaurant(viewer, RestaurantId(*id), currency, period, since, until)
    }

    /// The drivers who are AVAILABLE now, nearest first, those whose place is not known last: the first 100 unless asked otherwise, and
    /// at most 500. Null for anybody but its staff and admins.
    #[graphql(complexity = "limits::first_of(MAXIMUM_AVAILABLE, first, child_complexity)")]
    fn available_drivers(
        viewer: &Viewer,
        id: &i32,
        lat: &Option<f64>,
        lng: &Option<f64>,
        #[arg(default = 100)] first: i32,
    ) -> Option<Result<Load<AvailableNearby, Result<Vec<Driver>>>>> {
        let (restaurant, place) = (RestaurantId(*id), lat.zip(*lng));
        if !viewer.manages(restaurant) {
            return None;
        }
        let nearby = page_size("first", first, MAXIMUM_AVAILABLE).map(|first| {
            Load::new(AvailableNearby { restaurant, first }, move |drivers| {
                let drivers = nearest_first(drivers?.unwrap_or_default(), place);
                Ok(drivers.into_iter().map(Arc::new).map(Driver).collect())
            })
            .reading(Columns::NONE)
        });
        Some(nearby)
    }

    /// Its staff, in the order they were added: the first 100 unless asked otherwise, and at most 500. Null for anybody but its staff
    /// and admins.
    #[graphql(complexity = "limits::first_of(MAXIMUM_MEMBERS, first, child_complexity)")]
    fn members(
        viewer: &Viewer,
        id: &i32,
        #[arg(default = 100)] first: i32,
    ) -> Option<Result<FirstOfParent<MembersOfRestaurant, RestaurantMember>>> {
        let restaurant = RestaurantId(*id);
        if !viewer.manages(restaurant) {
            return None;
        }
        let page = Page::beginning(OrderAdded, first, MAXIMUM_MEMBERS);
        Some(page.map(|page| list::first_of_parent(restaurant, MembersOfRestaurant, page)))
    }
}

#[derive(Clone, Debug)]
pub struct RestaurantMember(pub Arc<Member>);

/// Somebody who runs a restaurant.
#[object(row = Member)]
impl RestaurantMember {
    /// The id of the user.
    fn user_id(user_id: &i32) -> ID {
        UserId(*user_id).to_global()
    }

    /// What the user signs in with.
    fn email(email: &str) -> &str {
        email
    }

    /// Since when.
    fn added_at(created_at: &DateTimeWithTimeZone) -> DateTime {
        (*created_at).into()
    }
}

/// How a list of restaurants is sorted; ties by id, so that pages are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
pub enum RestaurantOrderBy {
    /// Best first.
    AvgRating,
    /// Most orders first.
    TotalOrders,
    /// A to Z, in any case and any script.
    Name,
}

/// Which restaurants a list holds; all conditions together.
#[derive(Clone, Debug, Default, InputObject)]
pub struct RestaurantFilter {
    /// Exactly this cuisine.
    pub cuisine_type: Option<String>,
    /// Part of the name or address, in any case and script, with or without accents. At most 100 characters; blank finds all.
    pub search: Option<String>,
    /// Also those that are not active: one's own for staff, all for admins; nothing more for anybody else.
    pub include_inactive: Option<bool>,
}

/// What `createRestaurant` is given.
#[derive(Clone, Debug, InputObject)]
pub struct CreateRestaurantInput {
    /// At most 100 characters.
    pub name: String,
    /// At most 255 characters.
    pub address: String,
    /// At most 20 characters.
    pub phone: String,
    /// At most 50 characters.
    pub cuisine_type: String,
    /// The ISO 4217 code of a currency in use that has at most 2 digits; `USD` when left out. It cannot be changed later.
    pub currency: Option<String>,
    /// What one delivery costs; when left out 2.99 in USD, and 0 in any other currency.
    pub delivery_fee: Option<Decimal>,
    /// A fraction from 0 to 1 with at most 4 digits; 0 when left out.
    pub tax_rate: Option<Decimal>,
    /// Where it is on the map; null when not known: then no driver is near or far.
    pub location: Option<LatLngInput>,
    /// At most 100 characters; `Menu` when left out.
    pub menu_name: Option<String>,
    /// At most 5000 characters.
    pub menu_description: Option<String>,
}

/// What `updateRestaurant` is given.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateRestaurantInput {
    /// One whose staff one is; admins name any.
    pub id: ID,
    /// At most 100 characters. Required, so null is refused.
    pub name: MaybeUndefined<String>,
    /// At most 255 characters. Required, so null is refused.
    pub address: MaybeUndefined<String>,
    /// At most 20 characters. Required, so null is refused.
    pub phone: MaybeUndefined<String>,
    /// At most 50 characters. Required, so null is refused.
    pub cuisine_type: MaybeUndefined<String>,
    /// Required, so null is refused.
    pub delivery_fee: MaybeUndefined<Decimal>,
    /// A fraction from 0 to 1 with at most 4 digits. Required, so null is refused.
    pub tax_rate: MaybeUndefined<Decimal>,
    /// Null clears it.
    pub location: MaybeUndefined<LatLngInput>,
    /// Required, so null is refused.
    pub is_active: MaybeUndefined<bool>,
}

/// What `deactivateRestaurant` is given.
#[derive(Clone, Debug, InputObject)]
pub struct DeactivateRestaurantInput {
    /// One whose staff one is; admins name any.
    pub id: ID,
}

/// What `addRestaurantMember` is given.
#[derive(Clone, Debug, InputObject)]
pub struct AddRestaurantMemberInput {
    /// One whose staff one is; admins name any.
    pub restaurant_id: ID,
    /// Somebody without an account is invited to make one.
    pub email: String,
}

/// What `removeRestaurantMember` is given.
#[derive(Clone, Debug, InputObject)]
pub struct RemoveRestaurantMemberInput {
    /// One whose staff one is; admins name any.
    pub restaurant_id: ID,
    /// Who leaves its staff.
    pub user_id: ID,
}

/// What `addRestaurantMember` gives back.
#[derive(SimpleObject)]
pub struct AddRestaurantMemberPayload {
    /// With its new `members`.
    pub restaurant: Restaurant,
}

/// What `removeRestaurantMember` gives back.
#[derive(SimpleObject)]
pub struct RemoveRestaurantMemberPayload {
    /// With the `members` that are left.
    pub restaurant: Restaurant,
}

/// What `createRestaurant` gives back.
#[derive(SimpleObject)]
pub struct CreateRestaurantPayload {
    /// With its menu; who has asked is its staff.
    pub restaurant: Restaurant,
}

/// What `updateRestaurant` gives back.
#[derive(SimpleObject)]
pub struct UpdateRestaurantPayload {
    /// As it is now.
    pub restaurant: Restaurant,
}

/// What `deactivateRestaurant` gives back.
#[derive(SimpleObject)]
pub struct DeactivateRestaurantPayload {
    /// As it is now: inactive.
    pub restaurant: Restaurant,
}
