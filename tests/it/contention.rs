//! Races of two requests: 200 rounds of each, on PostgreSQL between two server processes.
//!
//! A round is prepared, two requests are sent at once, and what came of them is compared with the rows.

use std::sync::atomic::{AtomicUsize, Ordering};

use entity::{
    orders,
    sea_orm_active_enums::{DriverStatus, OrderStatus},
};
use futures_util::{
    StreamExt,
    future::{join, join_all},
    stream,
};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;
use tiffin_tests::{
    Answer, City, Database, Person, Server,
    acts::status_name,
    both_databases,
    builders::{Order, Restaurant, decimal},
};

use OrderStatus::{Cancelled, Confirmed, Delivered, Pending, Preparing, Ready};

const ROUNDS: usize = 200;
/// How many rounds are under way at the same time.
const AT_ONCE: usize = 8;

both_databases! {
    async fn two_requests_with_one_key_place_one_order(database: Database) {
        let arena = Arena::new(database).await;
        let ann = arena.city.customer("Ann").await;
        arena.rounds(async |round| {
            let mut basket = arena.restaurant.basket(&[(0, 2)]);
            basket["idempotencyKey"] = json!(format!("round {round}"));
            let (one, other) = join(ann.place_order(&basket), arena.there(&ann).place_order(&basket)).await;
            assert_eq!(one.at("/placeOrder/order"), other.at("/placeOrder/order"));
            assert_eq!(city_events(&arena.city, one.text("/placeOrder/order/id")).await, 1);
        }).await;
        let placed = orders::Entity::find().filter(orders::Column::CustomerId.eq(ann.customer().id));
        assert_eq!(placed.count(arena.city.db()).await.unwrap(), ROUNDS as u64);
        arena.expect_total_orders(ROUNDS).await;
    }

    async fn of_two_drivers_who_claim_an_order_one_wins(database: Database) {
        let arena = Arena::new(database).await;
        arena.rounds(async |_| {
            let (duy, ivo) = (arena.city.driver("Duy").await, arena.city.driver("Ivo").await);
            let order = arena.order(Ready).await;
            let (one, other) =
                join(duy.assign_driver(&order.id(), &duy), arena.there(&ivo).assign_driver(&order.id(), &ivo)).await;
            let (winner, loser) = if expect_one_winner(&one, &other, &["CONFLICT", "NOT_FOUND"]) { (&duy, &ivo) } else { (&ivo, &duy) };
            assert_eq!(arena.city.order_row(&order.id()).await.driver_id, Some(winner.driver().id));
            assert_eq!(arena.city.driver_status(winner).await, DriverStatus::Busy);
            assert_eq!(arena.city.driver_status(loser).await, DriverStatus::Available);
            assert_eq!(city_events(&arena.city, &order.id()).await, order.events.len() + 1);
        }).await;
    }

    async fn a_driver_who_claims_two_orders_gets_one(database: Database) {
        let arena = Arena::new(database).await;
        arena.rounds(async |_| {
            let duy = arena.city.driver("Duy").await;
            let (first, second) = (arena.order(Ready).await, arena.order(Ready).await);
            let (one, other) =
                join(duy.assign_driver(&first.id(), &duy), arena.there(&duy).assign_driver(&second.id(), &duy)).await;
            let (won, lost) = if expect_one_winner(&one, &other, &["CONFLICT"]) { (first, second) } else { (second, first) };
            assert_eq!(arena.city.order_row(&won.id()).await.driver_id, Some(duy.driver().id));
            assert_eq!(arena.city.order_row(&lost.id()).await, lost.row);
            assert_eq!(arena.city.driver_status(&duy).await, DriverStatus::Busy);
            assert_eq!(city_events(&arena.city, &won.id()).await, won.events.len() + 1);
            assert_eq!(arena.city.order_events(&lost.id()).await, lost.events);
        }).await;
    }

    async fn of_two_steps_of_an_order_one_is_taken(database: Database) {
        let arena = Arena::new(database).await;
        let staff = arena.city.merchant_of(&arena.restaurant).await;
        arena.rounds(async |round| {
            // The same step twice, and two different ones.
            let (from, to, rival) = [(Pending, Confirmed, Confirmed), (Confirmed, Preparing, Cancelled)][round % 2];
            let order = arena.order(from).await;
            let (one, other) = join(
                staff.update_order_status(&order.id(), to),
                arena.there(&staff).update_order_status(&order.id(), rival),
            )
            .await;
            // PREPARING can still be cancelled: when that comes second, both steps are taken, one after the other.
            let both = to != rival && one.problems().is_empty() && other.problems().is_empty();
            let taken = if both { vec![to, rival] } else if expect_one_winner(&one, &other, &["CONFLICT"]) { vec![to] } else { vec![rival] };
            let told: Vec<_> = arena.city.order_events(&order.id()).await;
            let told: Vec<_> = told[order.events.len()..].iter().map(|event| (event.sequence, event.status)).collect();
            let expected: Vec<_> = (order.events.len() as i32 + 1..).zip(taken.iter().copied()).collect();
            assert_eq!(told, expected, "{}", status_name(from));
            assert_eq!(arena.city.order_row(&order.id()).await.status, *taken.last().unwrap());
        }).await;
    }

    async fn the_end_of_an_order_and_a_claim_never_leave_a_driver_busy(database: Database) {
        let arena = Arena::new(database).await;
        let staff = arena.city.merchant_of(&arena.restaurant).await;
        arena.rounds(async |_| {
            let duy = arena.city.driver("Duy").await;
            let order = arena.order(Ready).await;
            let (claim, end) = join(duy.assign_driver(&order.id(), &duy), arena.there(&staff).cancel_order(&order.id())).await;
            let row = arena.city.order_row(&order.id()).await;
            let busy = arena.city.driver_status(&duy).await == DriverStatus::Busy;
            assert_eq!(busy, row.status == Ready, "{claim}\n{end}");
            assert_eq!(row.driver_id.is_some(), claim.problems().is_empty(), "{claim}");
            assert_eq!(row.status == Cancelled, end.problems().is_empty(), "{end}");
        }).await;
    }

    async fn of_two_reviews_of_a_customer_one_is_written(database: Database) {
        let arena = Arena::new(database).await;
        arena.rounds(async |_| {
            let (restaurant, ann) = (arena.city.restaurant().with_dishes(1).create().await, arena.city.customer("Ann").await);
            arena.city.order(&ann, &restaurant).status(Delivered).driver(&arena.courier).create().await;
            let (one, other) = join(ann.post_review(&restaurant, 2), arena.there(&ann).post_review(&restaurant, 5)).await;
            let rating = if expect_one_winner(&one, &other, &["CONFLICT"]) { "2.0" } else { "5.0" };
            let row = arena.city.restaurant_row(&restaurant).await;
            assert_eq!((row.review_count, row.avg_rating), (1, decimal(rating)));
        }).await;
    }

    async fn two_customers_reviews_both_count(database: Database) {
        let arena = Arena::new(database).await;
        arena.rounds(async |_| {
            let restaurant = arena.city.restaurant().with_dishes(1).create().await;
            let (ann, ben) = (arena.city.customer("Ann").await, arena.city.customer("Ben").await);
            for customer in [&ann, &ben] {
                arena.city.order(customer, &restaurant).status(Delivered).driver(&arena.courier).create().await;
            }
            let (one, other) = join(ann.post_review(&restaurant, 2), arena.there(&ben).post_review(&restaurant, 5)).await;
            one.expect_success();
            other.expect_success();
            let row = arena.city.restaurant_row(&restaurant).await;
            assert_eq!((row.review_count, row.avg_rating), (2, decimal("3.5")));
        }).await;
    }

    async fn concurrent_orders_are_all_counted(database: Database) {
        let arena = Arena::new(database).await;
        let (ann, ben) = (arena.city.customer("Ann").await, arena.city.customer("Ben").await);
        let basket = arena.restaurant.basket(&[(0, 1)]);
        arena.rounds(async |_| {
            let (one, other) = join(ann.place_order(&basket), arena.there(&ben).place_order(&basket)).await;
            one.expect_success();
            other.expect_success();
        }).await;
        arena.expect_total_orders(2 * ROUNDS).await;
    }

    async fn many_who_order_at_one_restaurant_at_once_are_all_counted(database: Database) {
        let arena = Arena::new(database).await;
        let crowd = match database {
            Database::Postgres => 24,
            Database::Sqlite => 6,
        };
        let mut people = Vec::new();
        for number in 0..crowd {
            people.push(arena.city.customer(&format!("Customer {number}")).await);
        }
        let basket = arena.restaurant.basket(&[(0, 1)]);
        let placing = people.iter().enumerate().map(|(number, person)| {
            let person = if number % 2 == 0 { person.clone() } else { arena.there(person) };
            let basket = &basket;
            async move {
                for _ in 0..5 {
                    person.has_ordered(basket).await;
                }
            }
        });
        join_all(placing).await;
        arena.expect_total_orders(5 * crowd).await;
        assert_eq!(orders::Entity::find().count(arena.city.db()).await.unwrap(), 5 * crowd as u64);
    }
}

/// Where contests take place.
pub struct Arena {
    pub city: City,
    /// A second process, where the database can be shared with one.
    other_server: Option<Server>,
    pub restaurant: Restaurant,
    pub customer: Person,
    /// Whoever delivered what was delivered before.
    courier: Person,
}

impl Arena {
    pub async fn new(database: Database) -> Self {
        let city = City::new(database).await;
        let other_server = match database {
            Database::Postgres => Some(city.another_server().await),
            Database::Sqlite => None,
        };
        Arena {
            other_server,
            restaurant: city.restaurant().with_dishes(1).create().await,
            customer: city.customer("Cam").await,
            courier: city.driver("Tam").await,
            city,
        }
    }

    /// The same person, at the other server if there is one.
    pub fn there(&self, person: &Person) -> Person {
        self.other_server.as_ref().map_or_else(|| person.clone(), |server| person.at(server))
    }

    pub async fn order(&self, status: OrderStatus) -> Order {
        self.city.order(&self.customer, &self.restaurant).status(status).create().await
    }

    /// Runs all rounds, some at a time.
    async fn rounds(&self, round: impl AsyncFn(usize)) {
        self.rounds_of(ROUNDS, round).await;
    }

    /// The same with so many rounds, of contests between rarer things.
    pub async fn rounds_of(&self, rounds: usize, round: impl AsyncFn(usize)) {
        let finished = AtomicUsize::new(0);
        // SQLite's writers wait for each other without a queue: on a busy machine many at once wait longer than the server lets them.
        let at_once = if self.other_server.is_some() { AT_ONCE } else { 2 };
        stream::iter(0..rounds)
            .for_each_concurrent(at_once, async |number| {
                round(number).await;
                finished.fetch_add(1, Ordering::Relaxed);
            })
            .await;
        assert_eq!(finished.into_inner(), rounds);
    }

    async fn expect_total_orders(&self, count: usize) {
        let row = self.city.restaurant_row(&self.restaurant).await;
        assert_eq!(row.total_orders, i32::try_from(count).unwrap());
    }
}

/// One of the two succeeded, and the other was refused for one of these reasons. Whether it was the first.
#[track_caller]
fn expect_one_winner(one: &Answer, other: &Answer, refusals: &[&str]) -> bool {
    let first_won = one.problems().is_empty();
    let loser = if first_won { other } else { one };
    assert_ne!(first_won, other.problems().is_empty(), "expected one winner, got {one}\n{other}");
    let codes: Vec<_> = loser.problems().into_iter().map(|problem| problem.code).collect();
    assert!(codes.len() == 1 && refusals.contains(&codes[0].as_str()), "{loser}");
    first_won
}

async fn city_events(city: &City, order: &str) -> usize {
    city.order_events(order).await.len()
}
