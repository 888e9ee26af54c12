//! Simulates demand: who orders, and when.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use entity::{dishes, menus, orders, sea_orm_active_enums::OrderStatus};
use rand::{
    Rng,
    seq::{IndexedRandom, IteratorRandom},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{cast::Guest, town::Town};
use tiffin::{
    app::App,
    domain::{
        error::{Code, Result},
        ids::{CustomerId, DishId, GlobalId, RestaurantId},
    },
    features::{
        address::{Address, AddressInput, LatLngInput},
        order::{
            placement::order_place,
            types::{OrderItemInput, PlaceOrderInput},
        },
    },
};

/// Orders under way in the played kitchens at most.
const COOKING: usize = 8;
/// Orders that wait for the demo merchant at most.
const WAITING: usize = 4;
/// Seconds between two orders, ranges to draw from. It comes to some hundreds of orders a day: those that a merchant does not
/// accept wait until the server cancels them, and make room for others only then.
const BETWEEN_ORDERS: (u64, u64) = (240, 420);
const BETWEEN_ORDERS_FOR_MERCHANT: (u64, u64) = (60, 150);
const BETWEEN_ORDERS_OF_DEMO_GUEST: (u64, u64) = (3, 8);
/// Orders that are on their way to the demo's customer at most, so that the next ones wait.
const RIDES: usize = 2;

/// When somebody orders next.
pub struct Appetite {
    at_played_kitchens: Instant,
    at_demo_restaurants: Instant,
    /// `None` while the demo's customer has an order that is not on its way yet.
    of_demo_guest: Option<Instant>,
}

impl Appetite {
    pub fn new(now: Instant) -> Self {
        Appetite {
            at_played_kitchens: now + Duration::from_secs(5),
            at_demo_restaurants: now + Duration::from_secs(15),
            of_demo_guest: None,
        }
    }
}

impl Town {
    /// Places the orders that are due, as long as not too many are open.
    pub(super) async fn place_orders(&mut self, app: &App, open: &[orders::Model]) -> Result<()> {
        let now = self.now;
        let cooking = open.iter().filter(|order| self.cast.kitchens.contains_key(&order.restaurant_id)).count();
        if now >= self.appetite.at_played_kitchens && cooking < COOKING {
            self.appetite.at_played_kitchens = now + self.between(BETWEEN_ORDERS);
            let guest = self.cast.guests.choose(&mut self.rng).cloned();
            let restaurant = self.cast.kitchens.keys().copied().choose(&mut self.rng);
            self.place_order(app, guest, restaurant).await?;
        }
        let waits = |order: &&orders::Model| {
            order.status == OrderStatus::Pending && self.cast.demo_restaurants.contains(&order.restaurant_id)
        };
        let waiting = open.iter().filter(waits).count();
        if now >= self.appetite.at_demo_restaurants && waiting < WAITING {
            self.appetite.at_demo_restaurants = now + self.between(BETWEEN_ORDERS_FOR_MERCHANT);
            let guest = self.cast.guests.choose(&mut self.rng).cloned();
            let restaurant = self.cast.demo_restaurants.iter().copied().choose(&mut self.rng);
            self.place_order(app, guest, restaurant).await?;
        }
        if self.demo_guest_is_due(open, now) {
            let restaurant = self.cast.kitchens.keys().copied().choose(&mut self.rng);
            self.place_order(app, self.cast.demo_guest.clone(), restaurant).await?;
        }
        Ok(())
    }

    /// A moment after the last order of the demo's customer was picked up: the next one is cooked while that one is on its way.
    fn demo_guest_is_due(&mut self, open: &[orders::Model], now: Instant) -> bool {
        let own = |order: &&orders::Model| {
            self.cast.is_demo_guest(order.customer_id) && self.cast.kitchens.contains_key(&order.restaurant_id)
        };
        let is_cooked = open.iter().filter(own).any(|order| order.status != OrderStatus::PickedUp);
        if is_cooked || self.rides_to_demo_guest(open).count() >= RIDES {
            self.appetite.of_demo_guest = None;
            return false;
        }
        let pause = self.between(BETWEEN_ORDERS_OF_DEMO_GUEST);
        let due = *self.appetite.of_demo_guest.get_or_insert(now + pause);
        if now >= due {
            self.appetite.of_demo_guest = None;
        }
        now >= due
    }

    /// Orders some available dishes to one of the customer's addresses. A refusal is ignored.
    async fn place_order(&mut self, app: &App, guest: Option<Arc<Guest>>, restaurant: Option<i32>) -> Result<()> {
        let (Some(guest), Some(restaurant)) = (guest, restaurant) else { return Ok(()) };
        let menu = dishes::Entity::find()
            .inner_join(menus::Entity)
            .filter(menus::Column::RestaurantId.eq(restaurant))
            .filter(dishes::Column::IsAvailable.eq(true))
            .all(&app.db)
            .await?;
        let lines = self.rng.random_range(1..=3);
        let items: Vec<_> = menu
            .choose_multiple(&mut self.rng, lines)
            .map(|dish| OrderItemInput { dish_id: DishId(dish.id).to_global(), quantity: 1 })
            .collect();
        let addresses = guest.customer.addresses.as_ref().and_then(|addresses| addresses.as_array());
        let Some(address) = addresses.and_then(|addresses| addresses.choose(&mut self.rng)) else { return Ok(()) };
        let wanted = PlaceOrderInput {
            restaurant_id: RestaurantId(restaurant).to_global(),
            items,
            delivery_address: address_input(Address::from_json(address)),
            idempotency_key: None,
            expected_total_amount: None,
        };
        match order_place(app, &guest.viewer, wanted).await {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.code, Code::Conflict | Code::NotFound | Code::BadUserInput) => {
                tracing::debug!(restaurant, message = error.message, "nobody orders here just now");
                Ok(())
            }
            Err(error) => {
                let guest = CustomerId(guest.customer.id).to_global().0;
                self.setbacks.note(&app.db, guest, Err(error)).await
            }
        }
    }
}

fn address_input(address: Address) -> AddressInput {
    AddressInput {
        label: address.label,
        line1: address.line1,
        line2: address.line2,
        city: address.city,
        postal_code: address.postal_code,
        country: address.country,
        location: address.location.map(|place| LatLngInput { lat: place.lat, lng: place.lng }),
        instructions: address.instructions,
    }
}
