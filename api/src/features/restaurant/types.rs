//! What clients see of restaurants.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use entity::{menus, restaurants};

use super::loader::{MAXIMUM_MEMBERS, Member, MembersOfRestaurant, OrderAdded};
use crate::{
    features::{
        address::{LatLng, LatLngInput},
        driver::{
            Driver,
            loader::{AvailableNearby, MAXIMUM_AVAILABLE},
            service::nearest_first,
        },
        menu::{Menu, loader::MenuOfRestaurant},
        order::{
            Order,
            loader::OrdersOfRestaurant,
            types::{OrderFilter, OrderOrder},
        },
        revenue::{RevenuePeriod, RevenuePoint, service as revenue},
        review::{Review, loader::ReviewsOfRestaurant, types::ReviewOrder},
    },
    graphql::{
        connection::Connection,
        context::OperationContext,
        date::Date,
        date_time::DateTime,
        decimal::Decimal,
        error::{Error, Result},
        ids::{GlobalId, UserId},
        limits, list,
        page::{Page, PageArguments, page_size},
        row::Row,
    },
};

#[derive(Clone, Debug)]
pub struct Restaurant(pub Arc<restaurants::Model>);

/// A place that cooks. It has one menu, and customers order from it.
#[Object]
impl Restaurant {
    pub async fn id(&self) -> ID {
        self.0.id().to_global()
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The street address, as one line.
    async fn address(&self) -> &str {
        &self.0.address
    }

    async fn phone(&self) -> &str {
        &self.0.phone
    }

    /// What it cooks, such as `Vietnamese`.
    async fn cuisine_type(&self) -> &str {
        &self.0.cuisine_type
    }

    /// ISO 4217, such as `USD`. Every amount of this restaurant's dishes and orders is in it.
    async fn currency(&self) -> &str {
        &self.0.currency
    }

    /// What one delivery costs the customer.
    async fn delivery_fee(&self) -> Decimal {
        Decimal::money(self.0.delivery_fee, &self.0.currency)
    }

    /// The tax on the subtotal of an order, as a fraction: `"0.08"` is 8 %.
    async fn tax_rate(&self) -> Decimal {
        Decimal::rate(self.0.tax_rate)
    }

    /// Where it is on the map; null when not known.
    async fn location(&self) -> Option<LatLng> {
        Some(LatLng { lat: self.0.lat?, lng: self.0.lng? })
    }

    /// The mean of its reviews' ratings with one decimal, 1.0 to 5.0; `"0.0"` when there is none.
    async fn avg_rating(&self) -> Decimal {
        Decimal::rating(self.0.avg_rating)
    }

    /// How many orders were ever placed here.
    async fn total_orders(&self) -> i32 {
        self.0.total_orders
    }

    /// How many reviews it has.
    async fn review_count(&self) -> i32 {
        self.0.review_count
    }

    /// Whether it takes orders. Inactive restaurants are shown only to their staff and admins, and from past orders.
    async fn is_active(&self) -> bool {
        self.0.is_active
    }

    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Its menu; null only for a restaurant that never had one.
    async fn menu(&self, ctx: &Context<'_>) -> Option<Result<Menu>> {
        let menu: Result<Option<Arc<menus::Model>>> = ctx.loaders().load(MenuOfRestaurant(self.0.id())).await;
        menu.map(|menu| menu.map(Menu)).transpose()
    }

    /// Its reviews, newest first. A page has 20 entries unless asked otherwise, and at most 100.
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
        list::page_of_parent(ctx, self.0.id(), ReviewsOfRestaurant, page, Review).await
    }

    /// Its orders that the viewer may see, newest first: all of them for its staff and admins, one's own for a customer.
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<OrderFilter>,
    ) -> Result<Connection<Order>> {
        let page = PageArguments::new(first, after, last, before).in_order(OrderOrder::NewestFirst)?;
        list::page_of_parent(ctx, self.0.id(), OrdersOfRestaurant(filter.unwrap_or_default().decode()?), page, Order)
            .await
    }

    /// What it earned with DELIVERED orders, by day, week (from Monday) or month of their `orderTime` in UTC, oldest first.
    /// Periods without an order are there, with zeros. Without `since` the last 30 periods until `until` (inclusive; today when
    /// left out); at most 400. Null with FORBIDDEN for anybody but its staff and admins.
    #[graphql(complexity = "limits::entries(revenue::length(period, since, until), child_complexity)")]
    async fn revenue(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "RevenuePeriod::Day")] period: RevenuePeriod,
        since: Option<Date>,
        until: Option<Date>,
    ) -> Option<Result<Vec<RevenuePoint>>> {
        Some(revenue::revenue_of_restaurant(ctx.loaders(), ctx.viewer(), &self.0, period, since, until).await)
    }

    /// The drivers who are AVAILABLE now, nearest first, those whose place is not known last: the first 100 unless asked otherwise, and
    /// at most 500. Null with FORBIDDEN for anybody but its staff and admins.
    #[graphql(complexity = "limits::first_of(MAXIMUM_AVAILABLE, first, child_complexity)")]
    async fn available_drivers(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 100)] first: i32,
    ) -> Option<Result<Vec<Driver>>> {
        if !ctx.viewer().manages(self.0.id()) {
            return Some(Err(Error::forbidden("Only the restaurant's staff and admins see the drivers nearby.")));
        }
        Some(self.drivers_nearby(ctx, first).await)
    }

    /// Its staff, in the order they were added: the first 100 unless asked otherwise, and at most 500. Null with FORBIDDEN for anybody
    /// but its staff and admins.
    #[graphql(complexity = "limits::first_of(MAXIMUM_MEMBERS, first, child_complexity)")]
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 100)] first: i32,
    ) -> Option<Result<Vec<RestaurantMember>>> {
        if !ctx.viewer().manages(self.0.id()) {
            return Some(Err(Error::forbidden("Only the restaurant's staff and admins see who is on it.")));
        }
        Some(self.staff(ctx, first).await)
    }
}

impl Restaurant {
    async fn drivers_nearby(&self, ctx: &Context<'_>, first: i32) -> Result<Vec<Driver>> {
        let first = page_size("first", first, MAXIMUM_AVAILABLE)?;
        let drivers = ctx.loaders().load(AvailableNearby { restaurant: self.0.id(), first }).await?.unwrap_or_default();
        let place = self.0.lat.zip(self.0.lng);
        Ok(nearest_first(drivers, place).into_iter().map(|driver| Driver(driver.into())).collect())
    }

    async fn staff(&self, ctx: &Context<'_>, first: i32) -> Result<Vec<RestaurantMember>> {
        let page = Page::beginning(OrderAdded, first, MAXIMUM_MEMBERS)?;
        let members = list::first_of_parent(ctx, self.0.id(), MembersOfRestaurant, page).await?;
        Ok(members.iter().map(|member| RestaurantMember::from(&**member)).collect())
    }
}

/// Somebody who runs a restaurant.
#[derive(Clone, Debug, SimpleObject)]
pub struct RestaurantMember {
    pub user_id: ID,
    pub email: String,
    /// Since when.
    pub added_at: DateTime,
}

impl From<&Member> for RestaurantMember {
    fn from(member: &Member) -> Self {
        RestaurantMember {
            user_id: UserId(member.user_id).to_global(),
            email: member.email.clone(),
            added_at: member.created_at.into(),
        }
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
    /// ISO 4217 with at most 2 digits; `USD` when left out. It cannot be changed later.
    pub currency: Option<String>,
    /// What one delivery costs; 2.99 when left out, or 0 in a currency without digits after the point.
    pub delivery_fee: Option<Decimal>,
    /// A fraction from 0 to 1 with at most 4 digits; 0 when left out.
    pub tax_rate: Option<Decimal>,
    pub location: Option<LatLngInput>,
    /// At most 100 characters; `Menu` when left out.
    pub menu_name: Option<String>,
    /// At most 5000 characters.
    pub menu_description: Option<String>,
}

#[derive(Clone, Debug, InputObject)]
pub struct UpdateRestaurantInput {
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

#[derive(Clone, Debug, InputObject)]
pub struct DeactivateRestaurantInput {
    pub id: ID,
}

#[derive(Clone, Debug, InputObject)]
pub struct AddRestaurantMemberInput {
    pub restaurant_id: ID,
    /// Somebody without an account is invited to make one.
    pub email: String,
}

#[derive(Clone, Debug, InputObject)]
pub struct RemoveRestaurantMemberInput {
    pub restaurant_id: ID,
    pub user_id: ID,
}

#[derive(SimpleObject)]
pub struct AddRestaurantMemberPayload {
    pub restaurant: Restaurant,
}

#[derive(SimpleObject)]
pub struct RemoveRestaurantMemberPayload {
    pub restaurant: Restaurant,
}

#[derive(SimpleObject)]
pub struct CreateRestaurantPayload {
    pub restaurant: Restaurant,
}

#[derive(SimpleObject)]
pub struct UpdateRestaurantPayload {
    pub restaurant: Restaurant,
}

#[derive(SimpleObject)]
pub struct DeactivateRestaurantPayload {
    pub restaurant: Restaurant,
}
