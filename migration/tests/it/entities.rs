//! The generated entities read back what they wrote, on both databases.

use std::str::FromStr;

use ::entity::{
    customers, dishes, drivers, menus, order_events, order_items, orders, restaurant_members, restaurants, reviews,
    sea_orm_active_enums::{DriverStatus, OrderStatus, UserRole},
    users,
};
use migration::{email, migrate, search_text};
use sea_orm_migration::sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, DatabaseConnection, DbBackend, EntityTrait, Iterable, PaginatorTrait, QueryFilter, QueryOrder,
    prelude::{DateTimeWithTimeZone, Decimal},
};

use crate::scratch::{Scratch, execute, on_both};

fn time(text: &str) -> DateTimeWithTimeZone {
    DateTimeWithTimeZone::from_str(text).unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// A database with one restaurant, menu, dish, user, customer and driver, all with the id 1.
async fn peopled(scratch: &Scratch) -> DatabaseConnection {
    let db = scratch.connect().await;
    migrate(&db).await.unwrap();
    let created_at = time("2020-03-29T01:30:00.123456Z");
    users::ActiveModel {
        id: Set(1),
        email: Set("Đào@example.com".into()),
        name: Set(None),
        role: Set(UserRole::Merchant),
        is_active: Set(true),
        email_verified_at: Set(Some(created_at)),
        created_at: Set(created_at),
        password_hash: Set(None),
        search_text: Set(search_text::fold("Đào@example.com")),
        normalized_email: Set(email::key("Đào@example.com")),
    }
    .insert(&db)
    .await
    .unwrap();
    customers::ActiveModel {
        id: Set(1),
        name: Set("Đào".into()),
        email: Set("đào@example.com".into()),
        normalized_email: Set(email::key("đào@example.com")),
        addresses: Set(Some(addresses())),
        created_at: Set(created_at),
        updated_at: Set(created_at),
        user_id: Set(Some(1)),
        ..Default::default()
    }
    .insert(&db)
    .await
    .unwrap();
    restaurants::ActiveModel {
        id: Set(1),
        name: Set("Phở".into()),
        address: Set("1 Phố Huế".into()),
        phone: Set("+84 1".into()),
        cuisine_type: Set("vietnamese".into()),
        avg_rating: Set(decimal("4.5")),
        tax_rate: Set(decimal("0.0825")),
        lat: Set(Some(21.028511)),
        lng: Set(Some(105.0)),
        created_at: Set(created_at),
        ..Default::default()
    }
    .insert(&db)
    .await
    .unwrap();
    menus::ActiveModel { id: Set(1), restaurant_id: Set(1), name: Set("Menu".into()), description: Set(None) }
        .insert(&db)
        .await
        .unwrap();
    dishes::ActiveModel {
        id: Set(1),
        menu_id: Set(1),
        name: Set("Phở bò".into()),
        price: Set(decimal("999999.99")),
        category: Set("Soup".into()),
        ..Default::default()
    }
    .insert(&db)
    .await
    .unwrap();
    drivers::ActiveModel {
        id: Set(1),
        name: Set("Max".into()),
        phone: Set("1".into()),
        license_number: Set("L".into()),
        vehicle_type: Set("bike".into()),
        status: Set(DriverStatus::Busy),
        current_lat: Set(Some(decimal("-21.02851234"))),
        current_lng: Set(Some(decimal("-105.80481234"))),
        location_heading: Set(Some(359.9)),
        location_speed: Set(Some(12.0)),
        location_recorded_at: Set(Some(created_at)),
        user_id: Set(Some(1)),
    }
    .insert(&db)
    .await
    .unwrap();
    db
}

fn addresses() -> serde_json::Value {
    serde_json::json!([{ "line1": "1 Phố \"Huế\"", "location": { "lat": 21.03, "lng": 105 }, "label": null }])
}

fn order(id: i32) -> orders::ActiveModel {
    orders::ActiveModel {
        id: Set(id),
        customer_id: Set(1),
        restaurant_id: Set(1),
        driver_id: Set(Some(1)),
        order_time: Set(time("2020-10-25T00:59:59.999Z")),
        total_amount: Set(decimal("99999999.99")),
        delivery_fee: Set(decimal("0.10")),
        status: Set(OrderStatus::PickedUp),
        delivery_address: Set(addresses()[0].clone()),
        customer_name: Set(Some("Đào".into())),
        restaurant_name: Set(None),
        subtotal: Set(decimal("99999999.88")),
        tax: Set(decimal("0.01")),
        currency: Set("EUR".into()),
        idempotency_key: Set(Some(format!("key {id}"))),
        request_hash: Set(Some("0".repeat(64))),
    }
}

fn event(db: &DatabaseConnection, sequence: i32, status: OrderStatus) -> order_events::ActiveModel {
    order_events::ActiveModel {
        order_id: Set(1),
        sequence: Set(sequence),
        status: Set(status),
        previous_status: Set(None),
        driver_id: Set(None),
        actor: Set("User:1".into()),
        note: Set(Some("schnell, bitte".into())),
        at: Set(time("2020-10-25T01:00:00Z")),
        published_at: Set(None),
        position: if counts_by_itself(db) { NotSet } else { Set(i64::from(sequence)) },
        feed_transaction: Set(i64::MAX),
    }
}

fn counts_by_itself(db: &DatabaseConnection) -> bool {
    db.get_database_backend() == DbBackend::Postgres
}

on_both!(people_and_catalog_come_back);
async fn people_and_catalog_come_back(scratch: Scratch) {
    let db = peopled(&scratch).await;
    let created_at = time("2020-03-29T01:30:00.123456Z");

    let user = users::Entity::find_by_id(1).one(&db).await.unwrap().unwrap();
    assert_eq!((user.role, user.email_verified_at), (UserRole::Merchant, Some(created_at)));
    let customer = customers::Entity::find_by_id(1).one(&db).await.unwrap().unwrap();
    assert_eq!(customer.addresses, Some(addresses()));
    assert_eq!((customer.phone, customer.user_id), (None, Some(1)));

    let restaurant = restaurants::Entity::find_by_id(1).one(&db).await.unwrap().unwrap();
    assert_eq!(restaurant.avg_rating, decimal("4.5"));
    assert_eq!(restaurant.delivery_fee, decimal("2.99"), "its default");
    assert_eq!(restaurant.tax_rate, decimal("0.0825"));
    assert_eq!((restaurant.lat, restaurant.lng), (Some(21.028511), Some(105.0)));
    assert!(restaurant.is_active && restaurant.created_at == created_at);
    let dish = dishes::Entity::find_by_id(1).one(&db).await.unwrap().unwrap();
    assert_eq!(dish.price, decimal("999999.99"));

    let driver = drivers::Entity::find_by_id(1).one(&db).await.unwrap().unwrap();
    assert_eq!(driver.status, DriverStatus::Busy);
    assert_eq!(driver.current_lat, Some(decimal("-21.02851234")));
    assert_eq!(driver.current_lng, Some(decimal("-105.80481234")));
    assert_eq!((driver.location_heading, driver.location_speed), (Some(359.9), Some(12.0)));
    assert_eq!(driver.location_recorded_at, Some(created_at));
}

on_both!(orders_come_back);
async fn orders_come_back(scratch: Scratch) {
    let db = peopled(&scratch).await;
    let inserted = order(1).insert(&db).await.unwrap();
    let found = orders::Entity::find_by_id(1).one(&db).await.unwrap().unwrap();
    assert_eq!(inserted, found);
    assert_eq!(found.total_amount, decimal("99999999.99"));
    assert_eq!(found.delivery_fee, decimal("0.10"));
    assert_eq!(found.subtotal, decimal("99999999.88"));
    assert_eq!(found.order_time, time("2020-10-25T00:59:59.999Z"));
    assert_eq!(found.delivery_address, addresses()[0]);
    assert_eq!(found.status, OrderStatus::PickedUp);

    let item = order_items::ActiveModel {
        order_id: Set(1),
        dish_id: Set(1),
        quantity: Set(99),
        unit_price: Set(decimal("7")),
        dish_name: Set("Phở bò".into()),
    };
    let item = item.insert(&db).await.unwrap();
    assert_eq!((item.quantity, item.unit_price), (99, decimal("7.00")));

    let member = restaurant_members::ActiveModel {
        restaurant_id: Set(1),
        user_id: Set(1),
        created_at: Set(time("2020-10-25T01:00:00Z")),
    };
    assert_eq!(member.insert(&db).await.unwrap().user_id, 1);

    let review = reviews::ActiveModel {
        customer_id: Set(1),
        restaurant_id: Set(1),
        rating: Set(5),
        comment: Set(Some("ngon".into())),
        created_at: Set(time("2020-10-25T01:00:00Z")),
        updated_at: Set(time("2020-10-25T01:00:00Z")),
        ..Default::default()
    };
    assert_eq!(review.insert(&db).await.unwrap().rating, 5);
}

on_both!(every_status_comes_back_and_can_be_asked_for);
async fn every_status_comes_back_and_can_be_asked_for(scratch: Scratch) {
    let db = peopled(&scratch).await;
    order(1).insert(&db).await.unwrap();
    for (sequence, status) in (1..).zip(OrderStatus::iter()) {
        let mut event = event(&db, sequence, status);
        event.previous_status = Set(Some(status));
        event.driver_id = Set(Some(1));
        let event = event.insert(&db).await.unwrap();
        assert_eq!((event.status, event.previous_status), (status, Some(status)));
        assert_eq!(event.position, i64::from(sequence));
        assert_eq!(event.feed_transaction, i64::MAX);
        let same = order_events::Entity::find().filter(order_events::Column::Status.eq(status));
        assert_eq!(same.count(&db).await.unwrap(), 1);
        let step = orders::Entity::update_many()
            .set(orders::ActiveModel { status: Set(status), ..Default::default() })
            .filter(orders::Column::Status.ne(status));
        assert_eq!(step.exec(&db).await.unwrap().rows_affected, 1, "{status:?}");
    }
    let none = event(&db, 100, OrderStatus::Pending).insert(&db).await.unwrap();
    assert_eq!((none.previous_status, none.driver_id, none.published_at), (None, None, None));
    let several = orders::Column::Status.is_in([OrderStatus::Cancelled, OrderStatus::PickedUp]);
    assert_eq!(orders::Entity::find().filter(several).count(&db).await.unwrap(), 1);
}

on_both!(times_sort_as_they_passed);
async fn times_sort_as_they_passed(scratch: Scratch) {
    let db = peopled(&scratch).await;
    let times = [
        "2020-10-25T01:00:00Z",
        "2020-10-25T01:00:00.001Z",
        "2020-10-25T01:00:00.001001Z",
        "2020-10-25T01:00:00.010Z",
        "2020-10-25T01:00:01Z",
    ];
    for (id, order_time) in (1..).zip(times) {
        let mut order = order(id);
        order.order_time = Set(time(order_time));
        order.driver_id = Set(None);
        order.insert(&db).await.unwrap();
    }
    // This one has the database's own time, which is now.
    execute(
        &db,
        "insert into orders (id, customer_id, restaurant_id, delivery_address, currency, subtotal, tax, \
         delivery_fee, total_amount) values (6, 1, 1, '{}', 'USD', 1, 0, 0, 1)",
    )
    .await
    .unwrap();
    let found = orders::Entity::find().order_by_asc(orders::Column::OrderTime).all(&db).await.unwrap();
    assert_eq!(found.iter().map(|order| order.id).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    let later =
        orders::Entity::find().filter(orders::Column::OrderTime.gt(time("2020-10-25T01:00:00.001Z"))).count(&db);
    assert_eq!(later.await.unwrap(), 4);
}
