//! Memory bounds: what one operation can make the server hold is limited, however much there is in the database.

use std::sync::atomic::{AtomicBool, Ordering};

use entity::sea_orm_active_enums::OrderStatus;
use futures_util::future::{join, join_all};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait};
use serde_json::{Value, json};
use tiffin_tests::{City, Person, both_databases};

/// Points of a driver's route: ten days, one every five seconds.
const POINTS: u32 = 172_800;
const MEGABYTE: u64 = 1024 * 1024;

/// The most memory that the server has as its own while this is done, above what it had before.
async fn growth(city: &City, work: impl Future<Output = ()>) -> u64 {
    let before = city.server().usage().memory;
    let done = AtomicBool::new(false);
    let watch = async {
        let mut most = before;
        while !done.load(Ordering::Relaxed) {
            most = most.max(city.server().usage().memory);
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        most
    };
    let work = async {
        work.await;
        done.store(true, Ordering::Relaxed);
    };
    let ((), most) = join(work, watch).await;
    most.saturating_sub(before)
}

/// Writes as many points into the order's route as there can be, one a second until now.
async fn fill_route(city: &City, order: i32, driver: i32) {
    let statement = match city.db().get_database_backend() {
        DbBackend::Sqlite => format!(
            "insert into driver_locations (order_id, slot, driver_id, recorded_at, lat, lng, heading, speed) \
             with recursive numbers(number) as (select 1 union all select number + 1 from numbers where number < {POINTS}) \
             select {order}, number, {driver}, strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', '-' || number || ' seconds'), \
             21.5, 105.25, 90.5, 4.25 from numbers"
        ),
        _ => format!(
            "insert into driver_locations (order_id, slot, driver_id, recorded_at, lat, lng, heading, speed) \
             select {order}, number, {driver}, date_trunc('second', now()) - number * interval '1 second', 21.5, 105.25, 90.5, 4.25 \
             from generate_series(1, {POINTS}) as number"
        ),
    };
    city.db().execute_unprepared(&statement).await.unwrap();
}

const WALK: &str = "query($first: Int, $after: String) { personalData { routes(first: $first, after: $after) {
    nodes { orderId lat lng heading speed recordedAt } pageInfo { hasNextPage endCursor } } } }";

/// Reads so many pages, from the beginning, and gives the times of their points.
async fn walk(driver: &Person, first: u32, pages: usize) -> Vec<String> {
    let (mut times, mut after) = (Vec::new(), Value::Null);
    for _ in 0..pages {
        let page = driver.query(WALK, json!({"first": first, "after": after})).await;
        let points = page.list("/personalData/routes/nodes");
        times.extend(points.iter().map(|point| point["recordedAt"].as_str().unwrap().to_owned()));
        after = page.at("/personalData/routes/pageInfo/endCursor").clone();
        if page.at("/personalData/routes/pageInfo/hasNextPage") == &json!(false) {
            break;
        }
    }
    times
}

both_databases! {
    async fn a_long_route_is_taken_along_in_little_memory(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        let order = city.order(&ann, &restaurant).status(OrderStatus::PickedUp).driver(&duy).create().await;
        fill_route(city, order.row.id, duy.driver().id).await;
        assert_eq!(entity::driver_locations::Entity::find().count(city.db()).await.unwrap(), u64::from(POINTS));

        let everything = async |pages: usize| {
            let document = "query($order: ID!) { personalData { document routes { totalCount } } order(id: $order) { route { lat } } }";
            let answer = duy.query(document, json!({"order": order.id()})).await;
            assert_eq!(answer.get::<u32>("/personalData/routes/totalCount"), POINTS);
            assert_eq!(answer.list("/order/route").len(), 200);
            let times = walk(&duy, 1000, pages).await;
            assert_eq!(times.len(), pages * 1000);
            assert!(times.is_sorted(), "the oldest come first, and none twice");
        };
        // What comes with the first of everything stays.
        everything(2).await;
        let grown = growth(city, async {
            join_all((0..6).map(|_| everything(8))).await;
        })
        .await;
        println!("six at once: {} KB more", grown / 1024);
        assert!(grown < 128 * MEGABYTE, "{grown} bytes more for six who read their routes");
    }

    async fn the_last_page_of_a_long_route_is_read_like_the_first(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        city.order(&ann, &restaurant).status(OrderStatus::PickedUp).driver(&duy).route(25).create().await;
        let (all, in_parts) = (walk(&duy, 1000, 1).await, walk(&duy, 7, 10).await);
        assert_eq!(all.len(), 25);
        assert_eq!(in_parts, all);
        let (page, statements) = city.server().statements_during(walk(&duy, 7, 1)).await;
        assert_eq!(page.len(), 7);
        let rows = statements.rows();
        // Who asks, the driver, and the page with one more.
        assert!(rows <= 11, "{rows} rows for 7 points: {statements}");
    }

    async fn the_dearest_operation_takes_little_memory(city: &City) {
        // Somebody who means harm: as many addresses as there can be, as long as they can be, and orders to such addresses.
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let long = |length: usize| "🍜".repeat(length);
        let address = json!({
            "label": long(50), "line1": long(255), "line2": long(255), "city": long(100), "postalCode": long(20), "country": long(100),
            "instructions": long(500),
        });
        let change = "mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { id } } }";
        let input = json!({"id": ann.customer_id(), "addresses": vec![&address; 20]});
        ann.query(change, json!({"input": input})).await.expect_success();
        for _ in 0..100 {
            city.order(&ann, &restaurant).create().await;
        }
        entity::orders::Entity::update_many()
            .col_expr(entity::orders::Column::DeliveryAddress, sea_orm::sea_query::Expr::val(address.clone()))
            .exec(city.db())
            .await
            .unwrap();
        let aliases = |count: usize, asked: &str| (0..count).map(|number| format!("a{number}: {asked} ")).collect::<String>();
        let operations = [
            // Copies of one heavy row; of a hundred; and as much text as there can be.
            format!("{{ orders(first: 100) {{ nodes {{ {} }} }} }}", aliases(200, "customer { id }")),
            format!("{{ me {{ customer {{ {} }} }} }}", aliases(190, "orders(first: 100) { nodes { id } }")),
            format!("{{ orders(first: 100) {{ nodes {{ {} }} }} }}", aliases(100, "deliveryAddress { instructions }")),
            format!("{{ orders(first: 100) {{ nodes {{ {} }} }} }}", aliases(200, "deliveryAddress { line1 }")),
        ];
        for operation in &operations {
            let mut bytes = 0;
            let grown = growth(city, async {
                bytes = ann.query(operation, json!({})).await.expect_success().body.to_string().len();
            })
            .await;
            println!("{} KB for an answer of {} KB: {operation:.70}", grown / 1024, bytes / 1024);
            assert!(grown < 200 * MEGABYTE, "{grown} bytes more for {operation:.200}");
        }
    }
}
