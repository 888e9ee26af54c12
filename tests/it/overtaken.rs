//! Races between a mutation's read and its write: the mutation is held up there by a lock, and then let go.

use entity::{
    dishes, order_events, orders, restaurants,
    sea_orm_active_enums::{OrderStatus, UserRole},
    users,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    PaginatorTrait, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use serde_json::json;
use tiffin_tests::{Answer, City, Database, Person, both_databases};

use crate::process::eventually;
use OrderStatus::{Confirmed, Preparing};

/// What the statement that reads what is known of a new order has in it, and no other.
const READ_FOR_ORDER: &str = "placed_request_hash";
/// What the statement that reads an order before a step has in it: what the viewer may know of comes first. In the writing the id does.
const READ_FOR_STEP: &str = r#"AND \"orders\".\"id\" ="#;

both_databases! {
    async fn a_restaurant_that_is_deactivated_takes_no_order(city: &City) {
        let restaurant = city.restaurant().named("Phở Thìn").with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let basket = restaurant.basket(&[(0, 1)]);
        let closing = restaurants::ActiveModel { is_active: Set(false), ..restaurant.row.clone().into_active_model() };
        let answer = overtaken(city, &ann, READ_FOR_ORDER, ann.place_order(&basket), async |transaction| {
            closing.clone().update(transaction).await.unwrap();
        })
        .await;
        let problem = answer.expect_error("CONFLICT", "restaurantId");
        assert!(problem.message.contains("Phở Thìn takes no orders"), "{}", problem.message);
        expect_nothing_written(city, restaurant.row.id).await;
    }

    async fn a_dish_that_is_deleted_is_named(city: &City) {
        let restaurant = city.restaurant().with_dishes(2).create().await;
        let ann = city.customer("Ann").await;
        let basket = restaurant.basket(&[(0, 1), (1, 1)]);
        let gone = restaurant.dishes[1].id;
        let answer = overtaken(city, &ann, READ_FOR_ORDER, ann.place_order(&basket), async |transaction| {
            dishes::Entity::delete_by_id(gone).exec(transaction).await.unwrap();
        })
        .await;
        answer.expect_error("NOT_FOUND", "items.1.dishId");
        expect_nothing_written(city, restaurant.row.id).await;
    }

    async fn an_account_that_is_closed_orders_nothing(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let basket = restaurant.basket(&[(0, 1)]);
        let answer = overtaken(city, &ann, READ_FOR_ORDER, ann.place_order(&basket), async |transaction| {
            let closed = users::ActiveModel { is_active: Set(false), ..ann.user().clone().into_active_model() };
            closed.update(transaction).await.unwrap();
        })
        .await;
        answer.expect_code("UNAUTHENTICATED");
        expect_nothing_written(city, restaurant.row.id).await;
    }

    async fn whoever_becomes_a_customer_with_an_order_is_none_without_it(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let nia = city.newcomer("Nia", UserRole::Customer).await;
        let mut basket = restaurant.basket(&[(0, 1)]);
        basket["items"][0]["dishId"] = json!("Dish:999999");
        nia.place_order(&basket).await.expect_error("NOT_FOUND", "items.0.dishId");
        assert_eq!(entity::customers::Entity::find().count(city.db()).await.unwrap(), 0);
    }
}

/// A step of a single statement does not see the events of steps that were taken while it waited, and must not take their numbers.
#[test]
fn a_step_that_waited_for_other_steps_is_a_conflict() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let order = city.order(&ann, &restaurant).status(Confirmed).create().await;
        let id = order.id();
        let last = order.events.last().unwrap().clone();
        let step = staff.update_order_status(&id, Preparing);
        let answer = overtaken(&city, &ann, READ_FOR_STEP, step, async |transaction| {
            // A driver was assigned and released: the order is as it was, and its history is not.
            for sequence in [last.sequence + 1, last.sequence + 2] {
                let position = last.position + i64::from(sequence) + 1_000;
                let event =
                    order_events::Model { sequence, position, previous_status: Some(Confirmed), ..last.clone() };
                event.into_active_model().reset_all().insert(transaction).await.unwrap();
            }
        })
        .await;
        answer.expect_code("CONFLICT");
        assert_eq!(city.order_row(&id).await.status, Confirmed);
        assert_eq!(city.order_events(&id).await.len(), order.events.len() + 2);
    });
}

/// The answer to a mutation that has read and cannot write while something changes. On PostgreSQL it waits for the account of its customer or
/// for an order of theirs, on SQLite for the transaction.
async fn overtaken(
    city: &City,
    customer: &Person,
    read: &str,
    mutation: impl Future<Output = Answer>,
    change: impl AsyncFn(&DatabaseTransaction),
) -> Answer {
    let options =
        TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
    let lock = city.db().begin_with_options(options).await.expect("a transaction begins");
    if city.database() == Database::Postgres {
        let (user, customer) = (customer.user().id, customer.customer().id);
        for sql in [
            format!("select 1 from users where id = {user} for update"),
            format!("select 1 from orders where customer_id = {customer} for update"),
        ] {
            lock.execute_unprepared(&sql).await.expect("rows can be locked");
        }
    }
    let times_read = || city.server().log().matches(read).count();
    let before = times_read();
    let changing = async {
        eventually("what is known is read", async || times_read() > before).await;
        if city.database() == Database::Postgres {
            eventually("the writing waits", async || city.statements_that_wait_for_locks().await > 0).await;
        }
        change(&lock).await;
        lock.commit().await.expect("the change is committed");
    };
    tokio::join!(mutation, changing).0
}

async fn expect_nothing_written(city: &City, restaurant: i32) {
    assert_eq!(orders::Entity::find().count(city.db()).await.unwrap(), 0);
    assert_eq!(order_events::Entity::find().count(city.db()).await.unwrap(), 0);
    let row = restaurants::Entity::find_by_id(restaurant).one(city.db()).await.unwrap().unwrap();
    assert_eq!(row.total_orders, 0);
}
