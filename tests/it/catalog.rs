//! Restaurants, menus and dishes: found, sorted, shown to whom they should be, and changed by those who may.

use entity::sea_orm_active_enums::{OrderStatus, UserRole};
use sea_orm::ActiveValue::Set;
use serde_json::{Value, json};
use tiffin_tests::{
    Answer, Person, both_databases,
    builders::{Restaurant, decimal},
};

/// The names in the list of restaurants with these arguments.
async fn restaurants(viewer: &Person, arguments: &str) -> Vec<String> {
    let document = format!("{{ restaurants(first: 100 {arguments}) {{ nodes {{ name }} }} }}");
    names(&viewer.query(&document, json!({})).await, "/restaurants/nodes")
}

async fn found(viewer: &Person, filter: Value) -> Vec<String> {
    let document = "query($filter: RestaurantFilter) { restaurants(first: 100, orderBy: NAME, filter: $filter) { nodes { name } } }";
    names(&viewer.query(document, json!({"filter": filter})).await, "/restaurants/nodes")
}

async fn dishes(viewer: &Person, arguments: &str) -> Vec<String> {
    let document = format!("{{ dishes(first: 100 {arguments}) {{ nodes {{ name }} }} }}");
    names(&viewer.query(&document, json!({})).await, "/dishes/nodes")
}

#[track_caller]
fn names(answer: &Answer, list: &str) -> Vec<String> {
    answer.list(list).iter().map(|node| node["name"].as_str().expect("a name").to_owned()).collect()
}

/// Sends a mutation with an input.
async fn change(viewer: &Person, field: &str, payload: &str, input: Value) -> Answer {
    let mut name = field.to_owned();
    name[..1].make_ascii_uppercase();
    let document = format!("mutation($input: {name}Input!) {{ {field}(input: $input) {{ {payload} }} }}");
    viewer.query(&document, json!({"input": input})).await
}

both_databases! {
    async fn search_finds_names_and_addresses_in_any_case_and_script(city: &City) {
        for (name, address) in [
            ("Phở Thìn", "13 Lò Đúc, Hà Nội"),
            ("Weiße Ente", "Große Straße 5, Köln"),
            ("ΟΥΖΕΡΙ", "Αθήνα"),
            ("100 % Taco", "A_B Street"),
            ("1000 Tacos", "AxB Street"),
            ("Back\\slash", "c:\\temp"),
            ("寿司処", "銀座"),
            ("O'Malley's", "\"Quay\" 1"),
            ("Łosoś i śledź", "ulica Długa 7"),
            ("Smørrebrød", "Æblevej ½"),
            ("Le Bœuf", "Þórsgata"),
            ("ハンバーグ", "Ta\u{200b}co\u{ad}ma"),
            ("パン", "दाल"),
        ] {
            city.restaurant().named(name).with(|row| row.address = Set(address.to_owned())).create().await;
        }
        let anonymous = city.anonymous();
        let cases: &[(&str, &[&str])] = &[
            ("PHO", &["Phở Thìn"]),
            ("phở", &["Phở Thìn"]),
            ("Pho", &["Phở Thìn"]),
            ("pho\u{31b}\u{309}", &["Phở Thìn"]),
            ("đúc", &["Phở Thìn"]),
            ("DUC", &["Phở Thìn"]),
            ("hà nội", &["Phở Thìn"]),
            ("  thin  ", &["Phở Thìn"]),
            ("weiß", &["Weiße Ente"]),
            ("GROSSE STRASSE", &["Weiße Ente"]),
            ("losos", &["Łosoś i śledź"]),
            ("DLUGA", &["Łosoś i śledź"]),
            ("smorre", &["Smørrebrød"]),
            ("aeble", &["Smørrebrød"]),
            ("1/2", &["Smørrebrød"]),
            ("½", &["Smørrebrød"]),
            ("boeuf", &["Le Bœuf"]),
            ("thors", &["Le Bœuf"]),
            ("tacoma", &["ハンバーグ"]),
            ("パン", &["パン"]),
            ("ﾊﾟﾝ", &["パン"]),
            ("ハンバ", &["ハンバーグ"]),
            ("दाल", &["パン"]),
            ("दल", &[]),
            ("WEIẞE", &["Weiße Ente"]),
            ("köln", &["Weiße Ente"]),
            ("ουζερι", &["ΟΥΖΕΡΙ"]),
            ("αθηνα", &["ΟΥΖΕΡΙ"]),
            ("%", &["100 % Taco"]),
            ("a_b", &["100 % Taco"]),
            ("taco", &["100 % Taco", "1000 Tacos", "ハンバーグ"]),
            ("\\", &["Back\\slash"]),
            ("c:\\temp", &["Back\\slash"]),
            ("寿司", &["寿司処"]),
            ("銀座", &["寿司処"]),
            ("'", &["O'Malley's"]),
            ("\"quay\"", &["O'Malley's"]),
            ("nothing of the kind", &[]),
            ("_", &["100 % Taco"]),
        ];
        for (search, expected) in cases {
            assert_eq!(found(&anonymous, json!({"search": search})).await, *expected, "{search}");
        }
        for blank in [json!(""), json!("  "), Value::Null] {
            assert_eq!(found(&anonymous, json!({"search": blank})).await.len(), 13, "{blank} finds all");
        }
        let document = "query($filter: RestaurantFilter) { restaurants(filter: $filter) { totalCount } }";
        let long = anonymous.query(document, json!({"filter": {"search": "x".repeat(101)}})).await;
        long.expect_error("BAD_USER_INPUT", "filter.search");
    }

    async fn restaurants_are_filtered_by_cuisine_and_sorted_three_ways(city: &City) {
        for (name, cuisine, rating, orders) in [
            ("bún chả", "Vietnamese", "4.5", 3),
            ("Ăn Ngon", "Vietnamese", "3.9", 9),
            ("Zorba", "Greek", "5.0", 0),
            ("Đà Lạt", "Vietnamese", "4.5", 3),
            ("Écluse", "French", "0.0", 9),
        ] {
            let change = |row: &mut entity::restaurants::ActiveModel| {
                row.avg_rating = Set(decimal(rating));
                row.total_orders = Set(orders);
            };
            city.restaurant().named(name).cuisine(cuisine).with(change).create().await;
        }
        let anonymous = city.anonymous();
        let best_first = ["Zorba", "Đà Lạt", "bún chả", "Ăn Ngon", "Écluse"];
        assert_eq!(restaurants(&anonymous, "").await, best_first);
        assert_eq!(restaurants(&anonymous, ", orderBy: AVG_RATING").await, best_first);
        let most_first = ["Écluse", "Ăn Ngon", "Đà Lạt", "bún chả", "Zorba"];
        assert_eq!(restaurants(&anonymous, ", orderBy: TOTAL_ORDERS").await, most_first);
        let a_to_z = ["Ăn Ngon", "bún chả", "Đà Lạt", "Écluse", "Zorba"];
        assert_eq!(restaurants(&anonymous, ", orderBy: NAME").await, a_to_z);
        assert_eq!(found(&anonymous, json!({"cuisineType": "Vietnamese"})).await, ["Ăn Ngon", "bún chả", "Đà Lạt"]);
        assert_eq!(found(&anonymous, json!({"cuisineType": "Vietnamese", "search": "DA"})).await, ["Đà Lạt"]);
        assert!(found(&anonymous, json!({"cuisineType": "Viet"})).await.is_empty(), "the whole cuisine, not a part");
    }

    async fn a_name_that_begins_another_comes_before_it(city: &City) {
        for (name, address) in [("Pho An", "1 Aa Street"), ("Pho", "9 Zz Street"), ("Pho", "1 Aa Street"), ("Pho-Pho", "1")] {
            city.restaurant().named(name).with(|row| row.address = Set(address.to_owned())).create().await;
        }
        city.restaurant()
            .named("Tea House")
            .dish_with("Tea Cake", "1.00", |dish| dish.category = Set("Aaa".to_owned()))
            .dish_with("Tea", "1.00", |dish| dish.category = Set("Zzz".to_owned()))
            .create()
            .await;
        let anonymous = city.anonymous();
        let a_to_z = ["Pho", "Pho", "Pho An", "Pho-Pho", "Tea House"];
        assert_eq!(restaurants(&anonymous, ", orderBy: NAME").await, a_to_z);
        assert_eq!(dishes(&anonymous, ", orderBy: NAME").await, ["Tea", "Tea Cake"]);
    }

    async fn dishes_are_filtered_searched_and_sorted(city: &City) {
        let restaurant = city.restaurant()
            .dish_with("Trà đá", "0.50", |dish| dish.category = Set("Drinks".to_owned()))
            .dish_with("Phở bò", "9.50", |dish| dish.description = Set(Some("With RIBS".to_owned())))
            .dish_with("Bún chả", "10.00", |dish| dish.is_available = Set(false))
            .dish_with("Cà phê", "2.00", |dish| dish.category = Set("Drinks".to_owned()))
            .create().await;
        city.restaurant().inactive().dish("Hidden", "1.00").create().await;
        let anonymous = city.anonymous();
        assert_eq!(dishes(&anonymous, "").await, ["Bún chả", "Cà phê", "Phở bò", "Trà đá"], "by name, also unavailable ones");
        assert_eq!(dishes(&anonymous, ", orderBy: PRICE").await, ["Trà đá", "Cà phê", "Phở bò", "Bún chả"]);
        assert_eq!(dishes(&anonymous, ", orderBy: CATEGORY").await, ["Cà phê", "Trà đá", "Bún chả", "Phở bò"]);
        assert_eq!(dishes(&anonymous, ", filter: {isAvailable: true, category: \"Mains\"}").await, ["Phở bò"]);
        assert_eq!(dishes(&anonymous, ", filter: {isAvailable: false}").await, ["Bún chả"]);
        assert_eq!(dishes(&anonymous, ", filter: {search: \"CA PHE\"}").await, ["Cà phê"]);
        assert_eq!(dishes(&anonymous, ", filter: {search: \"ribs\"}").await, ["Phở bò"]);
        let on_menu = "query($id: ID!) { restaurant(id: $id) { menu { dishes { nodes { name } } } } }";
        let on_menu = anonymous.query(on_menu, json!({"id": restaurant.id()})).await;
        let by_category = ["Cà phê", "Trà đá", "Bún chả", "Phở bò"];
        assert_eq!(names(&on_menu, "/restaurant/menu/dishes/nodes"), by_category);
    }

    async fn an_inactive_restaurant_is_seen_by_its_staff_and_admins_only(city: &City) {
        let closed = city.restaurant().named("Closed").inactive().with_dishes(1).create().await;
        let open = city.restaurant().named("Open").with_dishes(1).create().await;
        let (ann, other) = (city.customer("Ann").await, city.merchant_of(&open).await);
        let (merchant, admin) = (city.merchant_of(&closed).await, city.admin().await);
        let ids = [("restaurant", closed.id()), ("dish", closed.dish_id(0))];
        let node = "query($id: ID!) { node(id: $id) { id } }";
        for viewer in [city.anonymous(), ann.clone(), other, city.driver("Duy").await] {
            for (field, id) in &ids {
                let document = format!("query($id: ID!) {{ {field}(id: $id) {{ id }} }}");
                let hidden = viewer.query(&document, json!({"id": id})).await;
                let unknown = viewer.query(&document, json!({"id": id.replace(char::is_numeric, "9")})).await;
                assert_eq!(hidden.expect_code("NOT_FOUND"), unknown.expect_code("NOT_FOUND"), "one cannot tell");
                assert_eq!(viewer.query(node, json!({"id": id})).await.at("/node"), &Value::Null);
            }
            assert_eq!(viewer.query(node, json!({"id": closed.menu_id()})).await.at("/node"), &Value::Null);
            assert_eq!(found(&viewer, json!({})).await, ["Open"]);
            assert_eq!(found(&viewer, json!({"includeInactive": true})).await, ["Open"]);
        }
        for viewer in [merchant, admin] {
            for (field, id) in &ids {
                let document = format!("query($id: ID!) {{ {field}(id: $id) {{ id }} }}");
                assert_eq!(viewer.query(&document, json!({"id": id})).await.text(&format!("/{field}/id")), id);
                assert_eq!(viewer.query(node, json!({"id": id})).await.text("/node/id"), id);
            }
            assert_eq!(found(&viewer, json!({})).await, ["Open"], "unless they are asked for");
            assert_eq!(found(&viewer, json!({"includeInactive": true})).await, ["Closed", "Open"]);
            assert_eq!(dishes(&viewer, "").await.len(), 1);
        }
    }

    async fn what_a_past_order_leads_to_stays_visible(city: &City) {
        let restaurant = city.restaurant().named("Phở Thìn").with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let merchant = city.merchant_of(&restaurant).await;
        let order = city.order(&ann, &restaurant).status(OrderStatus::Delivered).create().await;
        let input = json!({"id": restaurant.id()});
        change(&merchant, "deactivateRestaurant", "restaurant { isActive }", input.clone()).await.expect_success();
        change(&merchant, "deactivateRestaurant", "restaurant { isActive }", input).await.expect_success();
        let document = "query($id: ID!) { order(id: $id) {
            restaurant { name isActive menu { dishes { nodes { name } } } } items { dish { name menu { restaurant { name } } } } } }";
        let answer = ann.query(document, json!({"id": order.id()})).await;
        assert_eq!(answer.at("/order/restaurant"), &json!({"name": "Phở Thìn", "isActive": false,
            "menu": {"dishes": {"nodes": [{"name": "Dish 1"}]}}}));
        assert_eq!(answer.text("/order/items/0/dish/menu/restaurant/name"), "Phở Thìn");
        let directly = ann.query("query($id: ID!) { restaurant(id: $id) { id } }", json!({"id": restaurant.id()})).await;
        directly.expect_code("NOT_FOUND");
    }

    async fn a_restaurant_is_opened_with_its_menu_and_its_first_member(city: &City) {
        let input = json!({"name": "Phở Mới", "address": "1 Lake Road", "phone": "+84 24 0000", "cuisineType": "Vietnamese"});
        let payload = "restaurant { id name currency deliveryFee taxRate location { lat } isActive totalOrders avgRating
            menu { name description dishes { totalCount } } }";
        let merchant = city.merchant("Mai").await;
        let created = change(&merchant, "createRestaurant", payload, input.clone()).await;
        let mut expected = json!({"name": "Phở Mới", "currency": "USD", "deliveryFee": "2.99", "taxRate": "0", "location": null,
            "isActive": true, "totalOrders": 0, "avgRating": "0.0",
            "menu": {"name": "Menu", "description": null, "dishes": {"totalCount": 0}}});
        expected["id"] = created.at("/createRestaurant/restaurant/id").clone();
        assert_eq!(created.at("/createRestaurant/restaurant"), &expected);
        let mine = merchant.query("{ me { restaurants { name } } }", json!({})).await;
        assert_eq!(mine.at("/me/restaurants"), &json!([{"name": "Phở Mới"}]));

        let mut full = input.clone();
        let more = json!({"currency": "VND", "deliveryFee": 15000, "taxRate": "0.08", "location": {"lat": 21.03, "lng": 105.85},
            "menuName": "Thực đơn", "menuDescription": "Since 1979"});
        full.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let admin = city.admin().await;
        let created = change(&admin, "createRestaurant", payload, full).await;
        assert_eq!(created.text("/createRestaurant/restaurant/deliveryFee"), "15000");
        assert_eq!(created.text("/createRestaurant/restaurant/taxRate"), "0.08");
        assert_eq!(created.text("/createRestaurant/restaurant/menu/description"), "Since 1979");
        assert_eq!(admin.query("{ me { restaurants { id } } }", json!({})).await.at("/me/restaurants"), &json!([]));

        // No amount of dollars is a fee in another currency.
        let mut in_euros = input.clone();
        in_euros["currency"] = json!("EUR");
        let created = change(&admin, "createRestaurant", payload, in_euros).await;
        assert_eq!(created.text("/createRestaurant/restaurant/deliveryFee"), "0.00");

        change(&city.anonymous(), "createRestaurant", "restaurant { id }", input.clone()).await.expect_code("UNAUTHENTICATED");
        for role in [UserRole::Customer, UserRole::Driver] {
            let newcomer = city.newcomer("Nam", role).await;
            change(&newcomer, "createRestaurant", "restaurant { id }", input.clone()).await.expect_code("FORBIDDEN");
        }
        assert_eq!(found(&city.anonymous(), json!({})).await.len(), 3, "nothing was written where it was refused");
    }

    async fn a_restaurant_keeps_a_currency_that_is_not_in_use_any_more(city: &City) {
        let restaurant = city.restaurant().charging("BGN", "2.50", "0.2").dish("Баница", "1.80").create().await;
        let (ann, staff) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let input = json!({"id": restaurant.id(), "deliveryFee": "3.55", "name": "Баничарница"});
        let changed = change(&staff, "updateRestaurant", "restaurant { currency deliveryFee }", input).await;
        let expected = json!({"currency": "BGN", "deliveryFee": "3.55"});
        assert_eq!(changed.at("/updateRestaurant/restaurant"), &expected);
        let dish = json!({"id": restaurant.dish_id(0), "price": "1.95"});
        change(&staff, "updateDish", "dish { price currency }", dish).await.expect_success();
        let placed = ann.place_order(&restaurant.basket(&[(0, 2)])).await;
        assert_eq!((placed.text("/placeOrder/order/totalAmount"), placed.text("/placeOrder/order/currency")), ("8.23", "BGN"));
    }

    async fn only_staff_and_admins_change_the_catalog(city: &City) {
        let restaurant = city.restaurant().with_dishes(6).create().await;
        let other = city.restaurant().create().await;
        let viewers = [
            (city.anonymous(), Some("UNAUTHENTICATED")),
            (city.customer("Ann").await, Some("FORBIDDEN")),
            (city.driver("Duy").await, Some("FORBIDDEN")),
            (city.merchant_of(&other).await, Some("FORBIDDEN")),
            (city.merchant_of(&restaurant).await, None),
            (city.admin().await, None),
        ];
        for (number, (viewer, refusal)) in viewers.iter().enumerate() {
            for (field, payload, input) in every_change(&restaurant, number) {
                let answer = change(viewer, field, payload, input).await;
                match refusal {
                    Some(code) => {
                        answer.expect_code(code);
                    }
                    None => {
                        answer.expect_success();
                    }
                }
            }
        }
    }

    async fn what_is_hidden_cannot_be_changed_and_is_not_told(city: &City) {
        let closed = city.restaurant().inactive().with_dishes(6).create().await;
        let ann = city.customer("Ann").await;
        for (field, payload, input) in every_change(&closed, 0) {
            change(&ann, field, payload, input).await.expect_code("NOT_FOUND");
        }
        let merchant = city.merchant_of(&closed).await;
        let input = json!({"id": closed.id(), "isActive": true});
        let opened = change(&merchant, "updateRestaurant", "restaurant { isActive }", input).await;
        assert_eq!(opened.at("/updateRestaurant/restaurant/isActive"), true);
        assert_eq!(found(&ann, json!({})).await.len(), 1);
    }

    async fn in_updates_what_is_absent_stays_and_null_clears(city: &City) {
        let restaurant = city.restaurant().located_at(21.0, 105.8).dish_with("Tea", "2.00", |dish| {
            dish.description = Set(Some("Green".to_owned()));
            dish.image_url = Set(Some("https://example.com/tea.jpg".to_owned()));
        }).create().await;
        let merchant = city.merchant_of(&restaurant).await;
        let dish = async |mut input: Value| {
            input["id"] = json!(restaurant.dish_id(0));
            let payload = "dish { name description price imageUrl category isAvailable }";
            change(&merchant, "updateDish", payload, input).await
        };
        let mut now = json!({"name": "Tea", "description": "Green", "price": "2.00", "imageUrl": "https://example.com/tea.jpg",
            "category": "Mains", "isAvailable": true});
        assert_eq!(dish(json!({})).await.at("/updateDish/dish"), &now, "nothing named, nothing changed");
        let changes = [
            ("name", json!("Trà"), json!("Trà")),
            ("description", Value::Null, Value::Null),
            ("price", json!("2.5"), json!("2.50")),
            ("imageUrl", Value::Null, Value::Null),
            ("category", json!("Drinks"), json!("Drinks")),
            ("isAvailable", json!(false), json!(false)),
            ("description", json!("Black"), json!("Black")),
        ];
        for (field, value, shown) in changes {
            now[field] = shown;
            assert_eq!(dish(json!({field: value})).await.at("/updateDish/dish"), &now, "{field}");
        }
        for required in ["name", "price", "category", "isAvailable"] {
            dish(json!({required: null})).await.expect_error("BAD_USER_INPUT", required);
        }
        let document = "query($id: ID!) { dish(id: $id) { name description } }";
        let again = city.anonymous().query(document, json!({"id": restaurant.dish_id(0)})).await;
        assert_eq!(again.at("/dish"), &json!({"name": "Trà", "description": "Black"}));
        assert_eq!(dishes(&city.anonymous(), ", filter: {search: \"tra black\"}").await.len(), 0);
        assert_eq!(dishes(&city.anonymous(), ", filter: {search: \"BLACK\"}").await, ["Trà"], "found as it is called now");

        let place = async |input: Value| {
            let answer = change(&merchant, "updateRestaurant", "restaurant { name location { lat lng } }", input).await;
            answer.at("/updateRestaurant/restaurant/location").clone()
        };
        assert_eq!(place(json!({"id": restaurant.id(), "name": "New"})).await, json!({"lat": 21.0, "lng": 105.8}));
        assert_eq!(place(json!({"id": restaurant.id(), "location": null})).await, Value::Null);
        assert_eq!(found(&city.anonymous(), json!({"search": "new"})).await, ["New"]);
        let menu = json!({"id": restaurant.menu_id(), "description": "Lunch"});
        change(&merchant, "updateMenu", "menu { id }", menu).await.expect_success();
        let menu = json!({"id": restaurant.menu_id(), "name": "Evening"});
        let menu = change(&merchant, "updateMenu", "menu { name description }", menu).await;
        assert_eq!(menu.at("/updateMenu/menu"), &json!({"name": "Evening", "description": "Lunch"}));
    }

    async fn a_dish_that_was_ordered_cannot_be_deleted(city: &City) {
        let restaurant = city.restaurant().with_dishes(2).create().await;
        let merchant = city.merchant_of(&restaurant).await;
        let ann = city.customer("Ann").await;
        city.order(&ann, &restaurant).items(&[(0, 1)]).cancelled_from(OrderStatus::Pending).create().await;
        let delete = async |dish: usize| {
            let payload = "deletedDishId menu { id dishes { nodes { id } } }";
            change(&merchant, "deleteDish", payload, json!({"id": restaurant.dish_id(dish)})).await
        };
        delete(0).await.expect_code("CONFLICT");
        let deleted = delete(1).await;
        assert_eq!(deleted.text("/deleteDish/deletedDishId"), restaurant.dish_id(1));
        let menu = json!({"id": restaurant.menu_id(), "dishes": {"nodes": [{"id": restaurant.dish_id(0)}]}});
        assert_eq!(deleted.at("/deleteDish/menu"), &menu);
        delete(1).await.expect_code("NOT_FOUND");
    }
}

/// Every way to change what a restaurant offers. `number` is the dish that is deleted.
fn every_change(restaurant: &Restaurant, number: usize) -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("updateRestaurant", "restaurant { id }", json!({"id": restaurant.id(), "phone": "+84 1"})),
        ("updateMenu", "menu { id }", json!({"id": restaurant.menu_id(), "name": "Evening"})),
        (
            "createDish",
            "dish { id }",
            json!({"menuId": restaurant.menu_id(), "name": "Tea", "price": "2.00", "category": "Drinks"}),
        ),
        ("updateDish", "dish { id }", json!({"id": restaurant.dish_id(number), "price": "3.00"})),
        ("deleteDish", "deletedDishId", json!({"id": restaurant.dish_id(number)})),
        // Before the last, which hides it from others.
        ("updateRestaurant", "restaurant { id }", json!({"id": restaurant.id(), "isActive": true})),
        ("deactivateRestaurant", "restaurant { id }", json!({"id": restaurant.id()})),
    ]
}
