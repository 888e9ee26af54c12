//! Pagination: forward, back and by number, each row is met once, whatever ties and whatever happens in between.

use std::collections::BTreeSet;

use entity::sea_orm_active_enums::{DriverStatus, OrderStatus, UserRole};
use proptest::{
    prelude::{Strategy, any},
    sample::select,
    test_runner::{Config, TestRunner},
};
use sea_orm::ActiveValue::Set;
use serde_json::{Value, json};
use tiffin_tests::{Answer, City, Person, both_databases, builders::decimal};

/// One list field: what leads to it, its arguments besides those of the page, and who reads it.
#[derive(Clone, Debug)]
struct List {
    /// The fields above it, such as `restaurant(id: "Restaurant:1")`.
    parents: Vec<String>,
    field: &'static str,
    arguments: String,
    viewer: Person,
    has_offset: bool,
}

/// One page as the client sees it.
#[derive(Debug)]
struct Page {
    ids: Vec<String>,
    cursors: Vec<String>,
    has_previous: bool,
    has_next: bool,
    total: u64,
}

impl List {
    async fn ask(&self, page: Value) -> Answer {
        let offset = if self.has_offset { ("$offset: Int", "offset: $offset") } else { ("", "") };
        let (above, below) = (self.parents.join(" { "), " }".repeat(self.parents.len()));
        let open = if self.parents.is_empty() { "" } else { " { " };
        let document = format!(
            "query($first: Int, $after: String, $last: Int, $before: String, {}) {{ {above}{open}
                {}(first: $first, after: $after, last: $last, before: $before, {} {}) {{
                    totalCount edges {{ cursor node {{ id }} }} nodes {{ id }}
                    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
                }}{below} }}",
            offset.0, self.field, offset.1, self.arguments,
        );
        self.viewer.query(&document, page).await
    }

    async fn page(&self, page: Value) -> Page {
        let answer = self.ask(page).await;
        let name = |field: &str| field.split('(').next().unwrap_or_default().to_owned();
        let path: Vec<_> = self.parents.iter().map(|parent| name(parent)).chain([self.field.to_owned()]).collect();
        let at = |pointer: &str| answer.at(&format!("/{}{pointer}", path.join("/"))).clone();
        let texts = |list: Value, pointer: &str| -> Vec<String> {
            let items = list.as_array().expect("a list").iter();
            items.map(|item| item.pointer(pointer).and_then(Value::as_str).expect("a text").to_owned()).collect()
        };
        let (ids, cursors) = (texts(at("/edges"), "/node/id"), texts(at("/edges"), "/cursor"));
        assert_eq!(texts(at("/nodes"), "/id"), ids, "nodes are the edges' nodes");
        assert_eq!(at("/pageInfo/startCursor").as_str(), cursors.first().map(String::as_str));
        assert_eq!(at("/pageInfo/endCursor").as_str(), cursors.last().map(String::as_str));
        Page {
            ids,
            cursors,
            has_previous: at("/pageInfo/hasPreviousPage") == true,
            has_next: at("/pageInfo/hasNextPage") == true,
            total: at("/totalCount").as_u64().expect("a count"),
        }
    }

    async fn whole(&self) -> Vec<String> {
        let whole = self.page(json!({"first": 100})).await;
        assert!(
            !whole.has_next && !whole.has_previous && whole.total as usize == whole.ids.len(),
            "{self:?} {whole:?}"
        );
        whole.ids
    }

    async fn forward_meets_each_once(&self, size: usize) {
        let whole = self.whole().await;
        let mut met = Vec::new();
        let mut after = Value::Null;
        loop {
            let page = self.page(json!({"first": size, "after": after})).await;
            assert_eq!(page.has_previous, !met.is_empty(), "{self:?} {page:?}");
            met.extend(page.ids);
            assert_eq!(page.has_next, met.len() < whole.len(), "{self:?}");
            assert_eq!(page.total as usize, whole.len());
            if !page.has_next {
                break;
            }
            after = json!(page.cursors.last());
        }
        assert_eq!(met, whole, "{self:?} by {size}");
    }

    async fn back_meets_each_once(&self, size: usize) {
        let whole = self.whole().await;
        let mut met: Vec<String> = Vec::new();
        let mut before = Value::Null;
        loop {
            let page = self.page(json!({"last": size, "before": before})).await;
            assert_eq!(page.has_next, !met.is_empty(), "{self:?} {page:?}");
            met.splice(0..0, page.ids);
            assert_eq!(page.has_previous, met.len() < whole.len(), "{self:?}");
            if !page.has_previous {
                break;
            }
            before = json!(page.cursors.first());
        }
        assert_eq!(met, whole, "{self:?} by {size} from the end");
    }

    /// Between two cursors there is what lies between them, from either side.
    async fn between_cursors(&self, one: usize, other: usize) {
        let whole = self.page(json!({"first": 100})).await;
        if whole.ids.is_empty() {
            return;
        }
        let (one, other) = (one % whole.ids.len(), other % whole.ids.len());
        let (from, to) = (one.min(other), one.max(other));
        let between = whole.ids.get(from + 1..to).unwrap_or_default();
        for size in ["first", "last"] {
            let page = self.page(json!({size: 100, "after": whole.cursors[from], "before": whole.cursors[to]})).await;
            assert_eq!(page.ids, between, "{self:?} between {from} and {to}");
            assert_eq!(page.total as usize, whole.ids.len(), "the whole is counted, not the page");
        }
    }

    async fn pages_by_number(&self, size: usize) {
        let whole = self.whole().await;
        for (number, expected) in whole.chunks(size).enumerate() {
            let offset = number * size;
            let page = self.page(json!({"first": size, "offset": offset})).await;
            assert_eq!(page.ids, expected, "{self:?} from {offset}");
            assert_eq!((page.has_previous, page.has_next), (offset > 0, offset + size < whole.len()), "{self:?}");
        }
        let beyond = self.page(json!({"first": size, "offset": whole.len() + 1})).await;
        assert!(beyond.ids.is_empty() && !beyond.has_next && beyond.has_previous, "{self:?} {beyond:?}");
    }
}

/// Rows of every kind that tie in whatever they are sorted by, and every list of them.
async fn lists(city: &City) -> Vec<List> {
    let mut restaurants = Vec::new();
    for number in 0..17 {
        let mut restaurant = city.restaurant().named(["Phở", "Bún"][number % 2]).cuisine(["Thai", "Greek"][number % 2]);
        restaurant = restaurant.with(|row| {
            row.avg_rating = Set(decimal(["0.0", "4.1", "4.3"][number % 3]));
            row.total_orders = Set((number % 3) as i32);
            row.is_active = Set(number % 5 != 4);
        });
        for dish in 0..(if number == 0 { 18 } else { 1 }) {
            restaurant = restaurant.dish_with(["Cơm", "Chả"][dish % 2], ["0.10", "4.35"][dish % 2], |row| {
                row.category = Set(["Mains", "sides"][dish % 2].to_owned());
                row.is_available = Set(dish % 3 != 0);
            });
        }
        restaurants.push(restaurant.create().await);
    }
    let merchant = city.merchant_of(&restaurants[0]).await;
    let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
    for number in 0..12 {
        let ben = city.customer(["Ben", "Bea"][number % 2]).await;
        let driver = city.new_driver("Dan").status([DriverStatus::Available, DriverStatus::Offline][number % 2]);
        driver.create().await;
        let time = ["2026-05-04T12:00:00.000001Z", "2026-05-04T12:00:00Z"][number % 2].parse().expect("a time");
        let placed = |status| city.order(&ann, &restaurants[0]).placed_at(time).status(status);
        placed(OrderStatus::Delivered).driver(&duy).create().await;
        placed([OrderStatus::Confirmed, OrderStatus::Ready][number % 2]).create().await;
        city.review(&ben, &restaurants[0]).with(|row| row.created_at = Set(time)).create().await;
        city.review(&ann, &restaurants[number]).with(|row| row.created_at = Set(time)).create().await;
    }
    every_list(city.anonymous(), city.admin().await, [ann, merchant, duy], &restaurants[0].id())
}

fn every_list(anonymous: Person, admin: Person, [ann, merchant, duy]: [Person; 3], restaurant: &str) -> Vec<List> {
    let mut lists = Vec::new();
    let mut add = |parents: &[&str], field, has_offset: bool, viewer: &Person, filters: &[&str], orders: &[&str]| {
        for filter in filters {
            for order in orders {
                let parents = parents.iter().map(|&parent| parent.to_owned()).collect();
                let arguments = format!("{filter} {order}");
                lists.push(List { parents, field, arguments, viewer: viewer.clone(), has_offset });
            }
        }
    };
    let restaurant_orders = ["", "orderBy: AVG_RATING", "orderBy: TOTAL_ORDERS", "orderBy: NAME"];
    let restaurant_filters =
        ["", "filter: {cuisineType: \"Thai\"}", "filter: {search: \"PHO\"}", "filter: {includeInactive: true}"];
    add(&[], "restaurants", true, &admin, &restaurant_filters, &restaurant_orders);
    add(&[], "restaurants", true, &anonymous, &[""], &restaurant_orders);
    let dish_orders = ["", "orderBy: CATEGORY", "orderBy: PRICE", "orderBy: NAME"];
    let dish_filters =
        ["", "filter: {isAvailable: false}", "filter: {category: \"Mains\"}", "filter: {search: \"com\"}"];
    add(&[], "dishes", true, &anonymous, &dish_filters, &dish_orders);
    let (of_restaurant, of_customer, of_driver) = (
        format!("restaurant(id: \"{restaurant}\")"),
        format!("customer(id: \"{}\")", ann.customer_id()),
        format!("driver(id: \"{}\")", duy.driver_id()),
    );
    add(&[&of_restaurant, "menu"], "dishes", false, &anonymous, &dish_filters, &dish_orders);
    let order_filters = [
        "",
        "filter: {status: [READY, DELIVERED]}",
        "filter: {placedSince: \"2026-05-04T12:00:00.000001Z\"}",
        "filter: {placedUntil: \"2026-05-04T12:00:00.000001Z\"}",
        "filter: {status: []}",
    ];
    for viewer in [&admin, &ann, &merchant, &duy] {
        add(&[], "orders", true, viewer, &order_filters, &[""]);
    }
    add(&[&of_restaurant], "orders", false, &merchant, &order_filters, &[""]);
    add(&[&of_customer], "orders", false, &ann, &order_filters, &[""]);
    add(&[&of_driver], "orders", false, &duy, &order_filters, &[""]);
    add(&[], "claimableOrders", false, &duy, &[""], &[""]);
    add(&[&of_restaurant], "reviews", false, &anonymous, &[""], &[""]);
    add(&[&of_customer], "reviews", false, &ann, &[""], &[""]);
    add(&[], "customers", true, &admin, &["", "search: \"BEN\""], &[""]);
    add(&[], "drivers", true, &admin, &["", "status: OFFLINE"], &[""]);
    add(&[], "users", true, &admin, &["", "role: DRIVER", "search: \"b\""], &[""]);
    lists
}

both_databases! {
    async fn a_time_that_two_lists_share_is_the_later_one_s(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let times = ["2026-05-04T11:59:59.999999Z", "2026-05-04T12:00:00Z", "2026-05-04T12:00:00.000001Z"];
        for time in times {
            city.order(&ann, &restaurant).placed_at(time.parse().expect("a time")).create().await;
        }
        let placed = async |filter: Value| -> Vec<Value> {
            let query = "query($filter: OrderFilter) { orders(filter: $filter) { nodes { orderTime } } }";
            let answer = ann.query(query, json!({"filter": filter})).await;
            let mut times: Vec<_> = answer.list("/orders/nodes").iter().map(|order| order["orderTime"].clone()).collect();
            times.reverse();
            times
        };
        assert_eq!(placed(json!({"placedUntil": times[1]})).await, times[..1]);
        assert_eq!(placed(json!({"placedSince": times[1]})).await, times[1..]);
        assert_eq!(placed(json!({"placedSince": times[1], "placedUntil": times[1]})).await, times[..0]);
    }

    async fn forward_and_back_meet_each_row_once(city: &City) {
        let lists = lists(city).await;
        // Every list once with a small page, which cuts through ties.
        for list in &lists {
            list.forward_meets_each_once(5).await;
            list.back_meets_each_once(5).await;
            if list.has_offset {
                list.pages_by_number(5).await;
            }
        }
        let long = lists.iter().map(|list| list.whole());
        let lengths: Vec<_> = futures_util::future::join_all(long).await.iter().map(Vec::len).collect();
        let empty = lengths.iter().filter(|length| **length == 0).count();
        let named_so = lists.iter().filter(|list| list.arguments.contains("status: []")).count();
        assert_eq!(empty, named_so, "only lists without a status are empty: {lengths:?}");
        assert!(lengths.iter().all(|length| *length == 0 || *length > 5), "each list has several pages: {lengths:?}");
        // And at random: any list, any size, any two cursors.
        let case = (select(lists), 1_usize..30, any::<usize>(), any::<usize>());
        at_random(48, case, async |(list, size, one, other)| {
            list.forward_meets_each_once(size).await;
            list.back_meets_each_once(size).await;
            list.between_cursors(one, other).await;
        });
    }

    async fn rows_that_come_and_go_neither_double_nor_lose_others(city: &City) {
        let restaurant = city.restaurant().create().await;
        let merchant = city.merchant_of(&restaurant).await;
        let list = List {
            parents: vec![format!("restaurant(id: \"{}\")", restaurant.id()), "menu".to_owned()],
            field: "dishes",
            arguments: "orderBy: PRICE".to_owned(),
            viewer: merchant.clone(),
            has_offset: false,
        };
        let add = async |price: u32| {
            let document = r#"mutation($menu: ID!, $price: Decimal!) {
                createDish(input: {menuId: $menu, name: "Dish", category: "Mains", price: $price}) { dish { id } } }"#;
            let answer = merchant.query(document, json!({"menu": restaurant.menu_id(), "price": price})).await;
            answer.text("/createDish/dish/id").to_owned()
        };
        let remove = async |dish: &str| {
            let document = "mutation($dish: ID!) { deleteDish(input: {id: $dish}) { deletedDishId } }";
            merchant.query(document, json!({"dish": dish})).await.expect_success();
        };
        for number in 0..9 {
            add(number % 3).await;
        }
        let change = (1_usize..5, any::<bool>(), proptest::collection::vec((any::<bool>(), any::<usize>(), 0_u32..3), 0..4));
        at_random(16, change, async |(size, backwards, changes)| {
            let mut lasting: BTreeSet<_> = list.whole().await.into_iter().collect();
            let mut changes = changes.into_iter();
            let (mut met, mut cursor) = (Vec::new(), Value::Null);
            loop {
                let page = if backwards { json!({"last": size, "before": cursor}) } else { json!({"first": size, "after": cursor}) };
                let page = list.page(page).await;
                let (edge, more) = if backwards {
                    (page.cursors.first(), page.has_previous)
                } else {
                    (page.cursors.last(), page.has_next)
                };
                cursor = json!(edge);
                met.extend(page.ids);
                if !more {
                    break;
                }
                match changes.next() {
                    Some((true, which, _)) if lasting.len() > 6 => {
                        let gone = lasting.iter().nth(which % lasting.len()).expect("one of them").clone();
                        remove(&gone).await;
                        lasting.remove(&gone);
                    }
                    Some((_, _, price)) => {
                        add(price).await;
                    }
                    None => {}
                }
            }
            let once: BTreeSet<_> = met.iter().cloned().collect();
            assert_eq!(once.len(), met.len(), "a row was met twice: {met:?}");
            assert!(lasting.is_subset(&once), "rows that stayed were not met: {:?}", lasting.difference(&once));
        });
    }

    async fn a_page_has_20_entries_unless_asked_otherwise_and_at_most_100(city: &City) {
        city.restaurant().with_dishes(101).create().await;
        let dishes = list_of(city, "dishes", "");
        assert_eq!(dishes.page(json!({})).await.ids.len(), 20);
        assert_eq!(dishes.page(json!({"first": 100})).await.ids.len(), 100);
        assert_eq!(dishes.page(json!({"offset": 95})).await.ids.len(), 6);
        let none = dishes.page(json!({"first": 0})).await;
        assert_eq!((none.ids.len(), none.total, none.has_next, none.has_previous), (0, 101, true, false));
        let none = dishes.page(json!({"last": 0})).await;
        assert_eq!((none.ids.len(), none.total, none.has_next, none.has_previous), (0, 101, false, true));
        dishes.ask(json!({"first": 101})).await.expect_error("BAD_USER_INPUT", "first");
        dishes.ask(json!({"last": 101})).await.expect_error("BAD_USER_INPUT", "last");
    }

    async fn arguments_that_make_no_page_are_refused_by_name(city: &City) {
        let restaurant = city.restaurant().with_dishes(3).create().await;
        let (dishes, by_price) = (list_of(city, "dishes", "orderBy: NAME"), list_of(city, "dishes", "orderBy: PRICE"));
        let mut nested = list_of(city, "dishes", "orderBy: NAME");
        nested.parents = vec![format!("restaurant(id: \"{}\")", restaurant.id()), "menu".to_owned()];
        nested.has_offset = false;
        let cursor = dishes.page(json!({})).await.cursors[0].clone();
        let of_price = by_price.page(json!({})).await.cursors[0].clone();
        let of_restaurants = list_of(city, "restaurants", "").page(json!({})).await.cursors[0].clone();
        let broken = cursor[1..].to_owned();
        let refused = [
            (json!({"first": -1}), "first"),
            (json!({"last": -1}), "last"),
            (json!({"first": 2, "last": 2}), "last"),
            (json!({"first": i32::MAX}), "first"),
            (json!({"after": "garbage"}), "after"),
            (json!({"before": "💥"}), "before"),
            (json!({"before": broken}), "before"),
            (json!({"after": "WyJkaXNoZXMgYnkgbmFtZSJd"}), "after"),
            (json!({"after": of_price}), "after"),
            (json!({"last": 1, "before": of_restaurants}), "before"),
        ];
        for (page, field) in &refused {
            dishes.ask(page.clone()).await.expect_error("BAD_USER_INPUT", field);
            nested.ask(page.clone()).await.expect_error("BAD_USER_INPUT", field);
        }
        // Clients write it for the first page.
        for page in [json!({"after": ""}), json!({"before": ""}), json!({"after": "", "before": "", "offset": 0})] {
            assert_eq!(dishes.page(page).await.cursors[0], cursor);
        }
        for page in [json!({"offset": -1}), json!({"offset": 1, "after": cursor}), json!({"offset": 1, "before": cursor}),
            json!({"offset": 1, "last": 1})] {
            dishes.ask(page).await.expect_error("BAD_USER_INPUT", "offset");
        }
    }

    async fn nodes_keep_their_order_and_hide_without_an_error(city: &City) {
        let open = city.restaurant().with_dishes(1).create().await;
        let closed = city.restaurant().inactive().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let document = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
        let ids = [open.dish_id(0), closed.dish_id(0), ann.customer_id(), "Dish:99999".to_owned(), open.id(), open.dish_id(0)];
        let seen = |id: String| json!({"id": id});
        let answer = city.anonymous().query(document, json!({"ids": ids})).await;
        let hidden = Value::Null;
        let expected =
            json!([seen(open.dish_id(0)), hidden, hidden, hidden, seen(open.id()), seen(open.dish_id(0))]);
        assert_eq!(answer.at("/nodes"), &expected);
        let newcomer = city.newcomer("Nam", UserRole::Customer).await;
        let node = "query($id: ID!) { node(id: $id) { id } }";
        assert_eq!(newcomer.query(node, json!({"id": ann.customer_id()})).await.at("/node"), &Value::Null);
        assert_eq!(newcomer.query(node, json!({"id": newcomer.user_id()})).await.text("/node/id"), newcomer.user_id());
        newcomer.query(document, json!({"ids": ["Dish:1", "dish"]})).await.expect_error("BAD_USER_INPUT", "ids.1");
        let many: Vec<_> = (1..=101).map(|number| format!("Dish:{number}")).collect();
        newcomer.query(document, json!({"ids": &many[..100]})).await.expect_success();
        newcomer.query(document, json!({"ids": many})).await.expect_error("BAD_USER_INPUT", "ids");
    }
}

fn list_of(city: &City, field: &'static str, arguments: &str) -> List {
    List { parents: Vec::new(), field, arguments: arguments.to_owned(), viewer: city.anonymous(), has_offset: true }
}

/// Tries so many random cases; what fails is shown in its smallest form.
fn at_random<S: Strategy>(cases: u32, strategy: S, holds: impl AsyncFn(S::Value)) {
    let config = Config { cases, max_shrink_iters: 20, failure_persistence: None, ..Config::default() };
    let tried = TestRunner::new(config).run(&strategy, |case| {
        let runtime = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| runtime.block_on(holds(case)));
        Ok(())
    });
    tried.unwrap_or_else(|failure| panic!("{failure}"));
}
