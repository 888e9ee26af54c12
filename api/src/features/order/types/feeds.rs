//! What the feeds over many orders are asked for, and what they tell besides steps.

use std::sync::Arc;

use async_graphql::{Enum, ID, InputObject};
use entity::{columns::Columns, order_events, orders, sea_orm_active_enums::OrderStatus as Status};

use super::{Order, OrderStatus, STATUSES};
use crate::{
    domain::{
        error::Result,
        ids::{DriverId, GlobalId, OrderId, RestaurantId},
    },
    features::order::{finder::ClaimableOrder, lifecycle},
    graphql::{
        input,
        loaders::Reader,
        plan::{Load, object, output_of_enums},
    },
    journal::Cursor,
};

/// How many restaurants are followed at once.
const MAXIMUM_RESTAURANTS: usize = 100;

/// Which steps a feed tells; all conditions together.
#[derive(Clone, Debug, Default, InputObject)]
pub struct OrdersChangedFilter {
    /// Those of the orders of these restaurants, 1 to 100; one that is named twice counts once. Null is all restaurants, for admins.
    pub restaurant_ids: Option<Vec<ID>>,
    /// Those after which the order has any of these statuses, at most 7; an empty list finds none. Null is any.
    pub status: Option<Vec<OrderStatus>>,
}

/// Which steps a feed tells, decoded from the client's filter.
#[derive(Clone, Debug)]
pub struct OrdersFollowed {
    /// In the client's order; all restaurants where none are named.
    pub restaurants: Option<Vec<RestaurantId>>,
    pub status: Option<Vec<Status>>,
}

impl OrdersChangedFilter {
    pub fn decode(self) -> Result<OrdersFollowed> {
        if let Some(ids) = &self.restaurant_ids {
            input::length("filter.restaurantIds", ids, 1, MAXIMUM_RESTAURANTS)?;
        }
        if let Some(status) = &self.status {
            input::length("filter.status", status, 0, STATUSES)?;
        }
        let parse = |(place, id): (usize, ID)| RestaurantId::parse(&id, &format!("filter.restaurantIds.{place}"));
        Ok(OrdersFollowed {
            restaurants: self.restaurant_ids.map(|ids| ids.into_iter().enumerate().map(parse).collect()).transpose()?,
            status: self.status.map(|status| status.into_iter().map(Into::into).collect()),
        })
    }
}

/// What became of an order, for drivers who look for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
pub enum ClaimableOrderChangeKind {
    /// It can be claimed from now on: the restaurant accepted it, or its driver was released.
    Added,
    /// It cannot be claimed any more: it has a driver, or was cancelled.
    Removed,
}

output_of_enums!(ClaimableOrderChangeKind);

/// Made of the step that changed whether the order can be claimed.
#[derive(Clone, Debug)]
pub struct ClaimableOrderChange(pub Arc<order_events::Model>);

/// One change of which orders drivers can claim.
#[object(row = order_events::Model)]
impl ClaimableOrderChange {
    /// The change's place in the feed, for `after`. Opaque, and kept as long as `OrderEvent.cursor`, which it is of the order's step.
    fn cursor(reader: &Reader, feed_transaction: &i64, position: &i64) -> String {
        Cursor::of(*position).to_text(*feed_transaction, reader.app.lives.present())
    }

    /// Whether it came or went.
    fn kind(status: &Status, driver_id: &Option<i32>) -> ClaimableOrderChangeKind {
        if lifecycle::is_claimable(*status, driver_id.map(DriverId)) {
            ClaimableOrderChangeKind::Added
        } else {
            ClaimableOrderChangeKind::Removed
        }
    }

    /// The order's id, also where it is gone.
    fn order_id(order_id: &i32) -> ID {
        OrderId(*order_id).to_global()
    }

    /// The order as it is now, as long as it can be claimed; null when it is gone.
    fn order(order_id: &i32) -> Load<ClaimableOrder, Result<Option<Order>>> {
        Load::new(ClaimableOrder(OrderId(*order_id)), |order: Result<Option<Arc<orders::Model>>>| Ok(order?.map(Order)))
            .reading(Columns::NONE)
    }
}
