//! The state machine of an order: one table of transitions, which both the guard and `nextStatuses` read.

use entity::{orders, sea_orm_active_enums::OrderStatus};

use crate::domain::{
    error::{Error, Result},
    ids::{CustomerId, DriverId, RestaurantId},
    viewer::Viewer,
};

/// The part that a viewer has in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    Customer,
    /// Of the order's restaurant.
    Staff,
    /// The order's own driver.
    Driver,
    Admin,
    /// The server itself, when nobody accepted in time.
    System,
}

use OrderStatus::{Cancelled, Confirmed, Delivered, Pending, PickedUp, Preparing, Ready};
use Party::{Admin, Customer, Driver, Staff, System};

/// Every transition, and who may take it. What is not listed is impossible.
pub const STEPS: &[(OrderStatus, OrderStatus, &[Party])] = &[
    (Pending, Confirmed, &[Staff, Admin]),
    (Pending, Cancelled, &[Customer, Staff, Admin, System]),
    (Confirmed, Preparing, &[Staff, Admin]),
    (Confirmed, Cancelled, &[Customer, Staff, Admin]),
    (Preparing, Ready, &[Staff, Admin]),
    (Preparing, Cancelled, &[Staff, Admin]),
    (Ready, PickedUp, &[Driver, Admin]),
    (Ready, Cancelled, &[Staff, Admin]),
    (PickedUp, Delivered, &[Driver, Admin]),
    (PickedUp, Cancelled, &[Admin]),
];

/// Whether the order's life is over.
pub fn is_final(status: OrderStatus) -> bool {
    match status {
        Delivered | Cancelled => true,
        Pending | Confirmed | Preparing | Ready | PickedUp => false,
    }
}

/// The statuses in which an order is under way.
pub const UNDER_WAY: [OrderStatus; 5] = [Pending, Confirmed, Preparing, Ready, PickedUp];

/// The statuses in which a driver can be assigned or released.
pub const ASSIGNABLE: [OrderStatus; 3] = [Confirmed, Preparing, Ready];

/// Whether drivers can claim the order: accepted, not yet picked up, and without a driver.
pub fn is_claimable(status: OrderStatus, driver: Option<DriverId>) -> bool {
    ASSIGNABLE.contains(&status) && driver.is_none()
}

/// The customer, restaurant and driver of an order.
#[derive(Clone, Copy, Debug)]
pub struct Parties {
    pub customer: CustomerId,
    pub restaurant: RestaurantId,
    pub driver: Option<DriverId>,
}

impl Parties {
    /// The parties, from an order's columns.
    pub fn new(customer_id: i32, restaurant_id: i32, driver_id: Option<i32>) -> Self {
        Parties {
            customer: CustomerId(customer_id),
            restaurant: RestaurantId(restaurant_id),
            driver: driver_id.map(DriverId),
        }
    }
}

impl From<&orders::Model> for Parties {
    fn from(order: &orders::Model) -> Self {
        Parties::new(order.customer_id, order.restaurant_id, order.driver_id)
    }
}

/// Whether the viewer has this part in the order.
pub fn is_party(viewer: &Viewer, order: impl Into<Parties>, party: Party) -> bool {
    let order = order.into();
    match party {
        Customer => viewer.is_customer(order.customer),
        Staff => viewer.is_staff_of(order.restaurant),
        Driver => order.driver.is_some_and(|driver| viewer.is_driver(driver)),
        Admin => viewer.is_admin() && !viewer.is_system(),
        System => viewer.is_system(),
    }
}

/// The statuses that the viewer may move the order to now, in the order of the table.
pub fn next_statuses(viewer: &Viewer, status: OrderStatus, order: impl Into<Parties>) -> Vec<OrderStatus> {
    let order = order.into();
    let steps = STEPS.iter().filter(|(from, _, _)| *from == status);
    steps.map(|(_, to, _)| *to).filter(|to| check_step(viewer, status, order, *to).is_ok()).collect()
}

/// CONFLICT for a transition that the table does not have, the present status included; FORBIDDEN for one that this viewer may not take;
/// CONFLICT for picking up without a driver.
pub fn check_step(viewer: &Viewer, status: OrderStatus, order: impl Into<Parties>, to: OrderStatus) -> Result<()> {
    let order = order.into();
    let step = STEPS.iter().find(|(from, next, _)| *from == status && *next == to);
    let Some((_, _, parties)) = step else {
        return Err(Error::conflict(format!("The order is {}: it cannot become {}.", name(status), name(to))));
    };
    if !parties.iter().any(|party| is_party(viewer, order, *party)) {
        return Err(Error::forbidden(format!("This step from {} to {} is not yours to take.", name(status), name(to))));
    }
    if to == PickedUp && order.driver.is_none() {
        return Err(Error::conflict("The order has no driver: assign one before it is picked up."));
    }
    Ok(())
}

/// The status as clients know it.
pub fn name(status: OrderStatus) -> &'static str {
    match status {
        Pending => "PENDING",
        Confirmed => "CONFIRMED",
        Preparing => "PREPARING",
        Ready => "READY",
        PickedUp => "PICKED_UP",
        Delivered => "DELIVERED",
        Cancelled => "CANCELLED",
    }
}
