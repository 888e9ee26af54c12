//! Simulates a tick: drivers move, and kitchens and customers act.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use entity::{
    drivers, orders, restaurants,
    sea_orm_active_enums::{DriverStatus, OrderStatus},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};

use super::{
    appetite::Appetite,
    cast::Cast,
    road::{self, Degrees},
};
use crate::people;
use tiffin::{
    app::App,
    domain::{
        error::{Code, Result},
        ids::{DriverId, GlobalId, OrderId},
    },
    features::{
        address::Address,
        driver::{
            location::{driver_move, last_position, position_of_row},
            service::{metres, nearest_first},
            types::UpdateDriverLocationInput,
        },
        order::{assignment::driver_assign, lifecycle, service::order_step, types::AssignDriverInput},
    },
    tasks::Setbacks,
};

use OrderStatus::{Cancelled, Confirmed, Delivered, Pending, PickedUp, Preparing, Ready};

/// Seconds that a played kitchen takes for a step, a range to draw from: for the demo's customer and for others.
const STEP_FOR_DEMO_GUEST: (u64, u64) = (5, 9);
const STEP: (u64, u64) = (20, 60);
/// Seconds that an order of the demo merchant is left READY for a person to find a driver.
const LEFT_TO_PEOPLE: Duration = Duration::from_secs(120);
/// Metres that count as being there.
const THERE: f64 = 5.0;

/// Since when an order has been as it is.
struct WatchedOrder {
    status: OrderStatus,
    driver: Option<i32>,
    since: Instant,
    /// How long its kitchen takes.
    patience: Duration,
}

/// The demo city while it is served.
pub struct Town {
    pub(super) cast: Cast,
    pub(super) rng: ChaCha8Rng,
    pub(super) appetite: Appetite,
    /// The time of the present tick.
    pub(super) now: Instant,
    /// Orders and customers that failed lately, with their back-off.
    pub(super) setbacks: Setbacks<String>,
    watched: HashMap<i32, WatchedOrder>,
    /// Where restaurants are that orders under way come from.
    places: HashMap<i32, Degrees>,
}

impl Town {
    pub async fn load(app: &App, now: Instant) -> Result<Self> {
        Ok(Town {
            cast: Cast::load(&app.db).await?,
            rng: ChaCha8Rng::from_os_rng(),
            appetite: Appetite::new(now),
            now,
            setbacks: Setbacks::new("demo_life"),
            watched: HashMap::new(),
            places: HashMap::new(),
        })
    }

    /// Whether there is nobody to play.
    pub fn is_deserted(&self) -> bool {
        self.cast.couriers.is_empty() && self.cast.kitchens.is_empty()
    }

    /// Advances the simulation to now: drivers move, and at most one kitchen, one driver and one customer of each kind act.
    pub async fn tick(&mut self, app: &App, now: Instant) -> Result<()> {
        let seconds = now.duration_since(self.now).as_secs_f64();
        self.now = now;
        let open = self.open_orders(app).await?;
        self.locate_restaurants(app, &open).await?;
        self.watch(&open);
        let drivers = drivers::Entity::find()
            .filter(drivers::Column::Id.is_in(self.cast.couriers.keys().copied()))
            .all(&app.db)
            .await?;
        for driver in drivers.iter().filter(|driver| driver.status == DriverStatus::Busy) {
            if let Some(order) = open.iter().find(|order| order.driver_id == Some(driver.id)) {
                let waits = self.rides_to_demo_guest(&open).map(|ride| ride.id).max() == Some(order.id);
                let outcome = self.drive(app, driver, order, seconds, waits).await;
                self.tolerate(app, order, outcome).await?;
            }
        }
        self.cook(app, &open).await?;
        self.claim(app, &open, drivers).await?;
        self.place_orders(app, &open).await
    }

    /// What is on its way to the demo's customer by those who are played.
    pub(super) fn rides_to_demo_guest<'a>(
        &'a self,
        open: &'a [orders::Model],
    ) -> impl Iterator<Item = &'a orders::Model> {
        open.iter().filter(|order| {
            let is_played = order.driver_id.is_some_and(|driver| self.cast.couriers.contains_key(&driver));
            order.status == PickedUp && is_played && self.cast.is_demo_guest(order.customer_id)
        })
    }

    /// The orders under way in which a simulated person has a part.
    async fn open_orders(&self, app: &App) -> Result<Vec<orders::Model>> {
        let restaurants = self.cast.kitchens.keys().chain(self.cast.demo_restaurants.iter()).copied();
        let mut concerned = Condition::any()
            .add(orders::Column::RestaurantId.is_in(restaurants))
            .add(orders::Column::DriverId.is_in(self.cast.couriers.keys().copied()));
        if let Some(guest) = &self.cast.demo_guest {
            concerned = concerned.add(orders::Column::CustomerId.eq(guest.customer.id));
        }
        let mut open = orders::Entity::find()
            .filter(orders::Column::Status.is_in(lifecycle::UNDER_WAY))
            .filter(concerned)
            .all(&app.db)
            .await?;
        let resting = self.setbacks.resting();
        open.retain(|order| !resting.contains(&OrderId(order.id).to_global().0));
        Ok(open)
    }

    async fn locate_restaurants(&mut self, app: &App, open: &[orders::Model]) -> Result<()> {
        let unknown: HashSet<_> =
            open.iter().map(|order| order.restaurant_id).filter(|id| !self.places.contains_key(id)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let rows = restaurants::Entity::find().filter(restaurants::Column::Id.is_in(unknown)).all(&app.db).await?;
        self.places.extend(rows.iter().map(|row| (row.id, row.lat.zip(row.lng).unwrap_or_else(centre))));
        Ok(())
    }

    fn place_of(&self, restaurant: i32) -> Degrees {
        self.places.get(&restaurant).copied().unwrap_or_else(centre)
    }

    /// Records since when each order has been as it is.
    fn watch(&mut self, open: &[orders::Model]) {
        let mut before = std::mem::take(&mut self.watched);
        for order in open {
            let same = before
                .remove(&order.id)
                .filter(|watched| watched.status == order.status && watched.driver == order.driver_id);
            let watched = same.unwrap_or_else(|| self.newly_watched(order));
            self.watched.insert(order.id, watched);
        }
    }

    fn newly_watched(&mut self, order: &orders::Model) -> WatchedOrder {
        let range = if self.cast.is_demo_guest(order.customer_id) { STEP_FOR_DEMO_GUEST } else { STEP };
        let patience = self.between(range);
        WatchedOrder { status: order.status, driver: order.driver_id, since: self.now, patience }
    }

    /// A time of that many seconds.
    pub(super) fn between(&mut self, (least, most): (u64, u64)) -> Duration {
        Duration::from_millis(self.rng.random_range(least * 1000..most * 1000))
    }

    /// A lost race or a changed price is no failure, but is not tried again at once. Other failures are logged, and hold up no other order.
    async fn tolerate(&mut self, app: &App, order: &orders::Model, outcome: Result<()>) -> Result<()> {
        let Err(error) = outcome else { return Ok(()) };
        let watched = self.newly_watched(order);
        self.watched.insert(order.id, watched);
        match error.code {
            Code::Conflict | Code::NotFound | Code::Forbidden | Code::BadUserInput => {
                tracing::debug!(order = order.id, message = error.message, "the demo's life gives way");
                Ok(())
            }
            _ => self.setbacks.note(&app.db, OrderId(order.id).to_global().0, Err(error)).await,
        }
    }

    /// A driver goes on for some seconds toward the restaurant or the door, and hands over there. One that `waits` looks for the door, round
    /// the block: there is always something that comes to the demo's customer.
    async fn drive(
        &self,
        app: &App,
        driver: &drivers::Model,
        order: &orders::Model,
        seconds: f64,
        waits: bool,
    ) -> Result<()> {
        let Some(viewer) = self.cast.couriers.get(&driver.id) else { return Ok(()) };
        let restaurant = self.place_of(order.restaurant_id);
        let there = if order.status == PickedUp { door(order, restaurant) } else { restaurant };
        let remembered = app.events.last_positions(&[DriverId(driver.id)]).await.remove(&DriverId(driver.id));
        let last = last_position(position_of_row(driver), remembered);
        let here = last.map_or(restaurant, |position| (position.lat, position.lng));
        let mut stretch = road::drive(here, there, seconds);
        if waits && metres(stretch.place, there) <= road::BLOCK {
            stretch = road::round(here, there, seconds);
        }
        if !stretch.arrived || metres(here, there) > THERE {
            let position = UpdateDriverLocationInput {
                lat: stretch.place.0,
                lng: stretch.place.1,
                heading: Some(stretch.heading),
                speed: (stretch.speed <= 150.0).then_some(stretch.speed),
                recorded_at: None,
            };
            driver_move(app, viewer, position).await?;
        }
        let next = match order.status {
            _ if !stretch.arrived => return Ok(()),
            Ready => PickedUp,
            PickedUp => Delivered,
            // The kitchen is not ready yet.
            Pending | Confirmed | Preparing | Delivered | Cancelled => return Ok(()),
        };
        order_step(app, viewer, OrderId(order.id), next, None).await.map(|_| ())
    }

    /// One kitchen takes the step that has been due for longest.
    async fn cook(&mut self, app: &App, open: &[orders::Model]) -> Result<()> {
        let due = open.iter().filter(|order| self.is_due(order)).min_by_key(|order| self.watched[&order.id].since);
        let Some(order) = due else { return Ok(()) };
        let next = match order.status {
            Pending => Confirmed,
            Confirmed => Preparing,
            Preparing => Ready,
            Ready | PickedUp | Delivered | Cancelled => return Ok(()),
        };
        let Some(staff) = self.cast.kitchens.get(&order.restaurant_id) else { return Ok(()) };
        let outcome = order_step(app, staff, OrderId(order.id), next, None).await.map(|_| ());
        self.tolerate(app, order, outcome).await
    }

    fn is_due(&self, order: &orders::Model) -> bool {
        let cooks = matches!(order.status, Pending | Confirmed | Preparing);
        let watched = &self.watched[&order.id];
        cooks
            && self.cast.kitchens.contains_key(&order.restaurant_id)
            && self.now.duration_since(watched.since) >= watched.patience
    }

    /// The nearest driver who is free takes an order that needs one.
    async fn claim(&mut self, app: &App, open: &[orders::Model], drivers: Vec<drivers::Model>) -> Result<()> {
        let needy = open.iter().filter(|order| self.needs_driver(order));
        let first = needy.min_by_key(|order| !self.cast.is_demo_guest(order.customer_id));
        let Some(order) = first else { return Ok(()) };
        let free = drivers.into_iter().filter(|driver| driver.status == DriverStatus::Available).collect();
        let nearest = nearest_first(free, Some(self.place_of(order.restaurant_id))).into_iter().next();
        let Some(driver) = nearest else { return Ok(()) };
        let Some(viewer) = self.cast.couriers.get(&driver.id) else { return Ok(()) };
        let wanted =
            AssignDriverInput { order_id: OrderId(order.id).to_global(), driver_id: DriverId(driver.id).to_global() };
        let outcome = driver_assign(app, viewer, wanted).await.map(|_| ());
        self.tolerate(app, order, outcome).await
    }

    /// While the kitchen works. The demo merchant's orders, and for a while all others, are left for people to claim.
    fn needs_driver(&self, order: &orders::Model) -> bool {
        let waits = self.now.duration_since(self.watched[&order.id].since);
        let kitchen_is_played = self.cast.kitchens.contains_key(&order.restaurant_id);
        let enough = match order.status {
            Preparing | Ready if self.cast.is_demo_guest(order.customer_id) => Duration::from_secs(2),
            Preparing | Ready if kitchen_is_played => Duration::from_secs(15),
            Preparing | Ready | Confirmed | Pending | PickedUp | Delivered | Cancelled => LEFT_TO_PEOPLE,
        };
        let is_wanted = match order.status {
            Preparing => kitchen_is_played,
            Ready => true,
            Pending | Confirmed | PickedUp | Delivered | Cancelled => false,
        };
        order.driver_id.is_none() && is_wanted && waits >= enough
    }
}

fn centre() -> Degrees {
    let centre = people::place((0.0, 0.0));
    (centre.lat, centre.lng)
}

/// Where an order goes: what its address says, or else a place near the restaurant.
fn door(order: &orders::Model, restaurant: Degrees) -> Degrees {
    match Address::from_json(&order.delivery_address).location {
        Some(location) => (location.lat, location.lng),
        None => road::somewhere_near(restaurant, order.id),
    }
}
