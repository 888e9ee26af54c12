//! Money to the digit: what the server answers is what exact sums give, on both databases.
//!
//! The test reckons in whole numbers of the smallest unit (cents, đồng), which cannot be wrong in the way that decimals or floats
//! can.

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, TimeDelta};
use entity::{order_items, orders, sea_orm_active_enums::OrderStatus};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rust_decimal::Decimal;
use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tiffin_tests::{City, Person, both_databases, builders::Restaurant, global_id};

/// As many as the random orders are.
const ORDERS: usize = 10_000;
const ORDERS_PLACED: usize = 150;

/// A restaurant's money, in the smallest unit of its currency.
#[derive(Clone, Debug)]
struct Tariff {
    digits: u32,
    /// In ten thousandths.
    tax_rate: i128,
    fee: i128,
    /// Of each dish.
    prices: Vec<i128>,
}

/// What an order costs, in the smallest unit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bill {
    lines: Vec<i128>,
    subtotal: i128,
    tax: i128,
    total: i128,
}

impl Tariff {
    fn random(random: &mut ChaCha8Rng, digits: u32) -> Self {
        let prices = (0..6).map(|_| random.random_range(0..=if digits == 0 { 999_999 } else { 9_999_999 }));
        Tariff {
            digits,
            prices: prices.collect(),
            tax_rate: random.random_range(0..=2_500),
            fee: random.random_range(0..=99_999),
        }
    }

    /// Half-up, once for the tax.
    fn bill(&self, items: &[(usize, i32)]) -> Bill {
        let lines: Vec<_> = items.iter().map(|&(dish, quantity)| self.prices[dish] * i128::from(quantity)).collect();
        let subtotal: i128 = lines.iter().sum();
        let tax = (2 * subtotal * self.tax_rate + 10_000) / 20_000;
        Bill { lines, subtotal, tax, total: subtotal + tax + self.fee }
    }

    fn text(&self, amount: i128) -> String {
        match self.digits {
            0 => amount.to_string(),
            digits => {
                let unit = 10_i128.pow(digits);
                format!("{}.{:0width$}", amount / unit, amount % unit, width = digits as usize)
            }
        }
    }

    fn decimal(&self, amount: i128) -> Decimal {
        Decimal::from_i128_with_scale(amount, self.digits)
    }

    async fn open(&self, city: &City, currency: &str) -> Restaurant {
        let rate = Decimal::from_i128_with_scale(self.tax_rate, 4).to_string();
        let restaurant = city.restaurant().charging(currency, &self.text(self.fee), &rate);
        let dishes = self.prices.iter().enumerate();
        dishes.fold(restaurant, |it, (dish, price)| it.dish(&format!("Dish {dish}"), &self.text(*price))).create().await
    }

    fn order_answer(&self, bill: &Bill) -> Value {
        let lines: Vec<_> = bill.lines.iter().map(|line| json!({"lineTotal": self.text(*line)})).collect();
        json!({"subtotal": self.text(bill.subtotal), "tax": self.text(bill.tax), "deliveryFee": self.text(self.fee),
            "totalAmount": self.text(bill.total), "items": lines})
    }
}

/// One to four lines of different dishes.
fn random_items(random: &mut ChaCha8Rng) -> Vec<(usize, i32)> {
    let chosen: Vec<_> = (0..6).filter(|_| random.random_bool(0.4)).take(4).collect();
    let chosen = if chosen.is_empty() { vec![0] } else { chosen };
    chosen.into_iter().map(|dish| (dish, random.random_range(1..=9))).collect()
}

both_databases! {
    async fn ten_thousand_orders_and_their_revenue_are_exact(city: &City) {
        let mut random = ChaCha8Rng::seed_from_u64(20_261_120);
        let admin = city.admin().await;
        let ann = city.customer("Ann").await;
        for (currency, digits) in [("USD", 2), ("VND", 0), ("EUR", 2), ("JPY", 0)] {
            let tariff = Tariff::random(&mut random, digits);
            let restaurant = tariff.open(city, currency).await;
            let placed: Vec<_> = (0..ORDERS / 4)
                .map(|_| {
                    let minutes = random.random_range(0..60 * 24 * 90);
                    let time = first_moment() + TimeDelta::minutes(minutes);
                    let status = if random.random_bool(0.9) { OrderStatus::Delivered } else { OrderStatus::Cancelled };
                    (time, status, random_items(&mut random))
                })
                .collect();
            write_orders(city, &ann, &restaurant, &tariff, currency, &placed).await;
            let mut expected: Vec<_> =
                placed.iter().map(|(_, _, items)| tariff.order_answer(&tariff.bill(items)).to_string()).collect();
            let mut answered = all_orders(&admin, &restaurant).await;
            expected.sort();
            answered.sort();
            assert_eq!(answered.len(), expected.len());
            for (answered, expected) in answered.iter().zip(&expected) {
                assert_eq!(answered, expected, "{currency}");
            }
            for period in ["DAY", "WEEK", "MONTH"] {
                revenue_is_exact(&admin, &restaurant, &tariff, &placed, period).await;
            }
        }
    }

    async fn what_is_quoted_is_what_is_charged_and_both_are_exact(city: &City) {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let ann = city.customer("Ann").await;
        for round in 0..ORDERS_PLACED / 10 {
            let (currency, digits) = [("USD", 2), ("VND", 0), ("EUR", 2), ("JPY", 0)][round % 4];
            let tariff = Tariff::random(&mut random, digits);
            let restaurant = tariff.open(city, currency).await;
            for _ in 0..10 {
                let items = random_items(&mut random);
                let lines: Vec<_> = items
                    .iter()
                    .map(|&(dish, quantity)| json!({"dishId": restaurant.dish_id(dish), "quantity": quantity}))
                    .collect();
                let input = json!({"restaurantId": restaurant.id(), "items": lines,
                    "deliveryAddress": {"line1": "1 Lake Road", "city": "Hà Nội"}});
                let amounts = "subtotal tax deliveryFee totalAmount";
                let quote = format!("query($input: PlaceOrderInput!) {{ orderQuote(input: $input) {{ {amounts} }} }}");
                let place = format!(
                    "mutation($input: PlaceOrderInput!) {{ placeOrder(input: $input) {{ order {{ id {amounts} items {{ lineTotal }} }} }} }}"
                );
                let mut expected = tariff.order_answer(&tariff.bill(&items));
                let placed = ann.query(&place, json!({"input": input})).await;
                let id = placed.at("/placeOrder/order/id").clone();
                expected["id"] = id.clone();
                assert_eq!(placed.at("/placeOrder/order"), &expected, "{tariff:?} {items:?}");
                let again = format!("query($id: ID!) {{ order(id: $id) {{ id {amounts} items {{ lineTotal }} }} }}");
                assert_eq!(ann.query(&again, json!({"id": id})).await.at("/order"), &expected, "as it is stored");
                let quoted = ann.query(&quote, json!({"input": input})).await;
                for amount in amounts.split(' ') {
                    assert_eq!(quoted.at("/orderQuote")[amount], expected[amount], "{amount}");
                }
            }
        }
    }

    async fn amounts_have_the_digits_of_their_currency(city: &City) {
        let dollars = city.restaurant().charging("USD", "3", "0.0800").dish("Tea", "2").create().await;
        let dong = city.restaurant().charging("VND", "15000", "0").dish("Trà", "20000").create().await;
        let admin = city.admin().await;
        let document = "query($id: ID!) { restaurant(id: $id) { deliveryFee taxRate avgRating
            menu { dishes { nodes { price currency } } }
            revenue(since: \"2026-11-02\", until: \"2026-11-02\") { totalRevenue avgOrderValue } } }";
        let shown = async |restaurant: &Restaurant| {
            admin.query(document, json!({"id": restaurant.id()})).await.at("/restaurant").clone()
        };
        assert_eq!(shown(&dollars).await, json!({"deliveryFee": "3.00", "taxRate": "0.08", "avgRating": "0.0",
            "menu": {"dishes": {"nodes": [{"price": "2.00", "currency": "USD"}]}},
            "revenue": [{"totalRevenue": "0.00", "avgOrderValue": "0.00"}]}));
        assert_eq!(shown(&dong).await, json!({"deliveryFee": "15000", "taxRate": "0", "avgRating": "0.0",
            "menu": {"dishes": {"nodes": [{"price": "20000", "currency": "VND"}]}},
            "revenue": [{"totalRevenue": "0", "avgOrderValue": "0"}]}));
        city.review(&city.customer("Ann").await, &dong).rating(4).create().await;
        assert_eq!(shown(&dong).await["avgRating"], "4.0");
    }

    async fn a_decimal_is_taken_as_text_or_whole_number_and_never_as_a_fraction(city: &City) {
        let restaurant = city.restaurant().create().await;
        let merchant = city.merchant_of(&restaurant).await;
        let create = async |price: Value| {
            let document = "mutation($input: CreateDishInput!) { createDish(input: $input) { dish { price } } }";
            let input = json!({"menuId": restaurant.menu_id(), "name": "Tea", "category": "Drinks", "price": price});
            merchant.query(document, json!({"input": input})).await
        };
        for (price, shown) in [(json!("12.50"), "12.50"), (json!("12.5"), "12.50"), (json!(7), "7.00"), (json!("0"), "0.00"),
            (json!("007.10"), "7.10"), (json!("999999.99"), "999999.99"), (json!("1.1000"), "1.10"), (json!(1.0e3), "1000.00")] {
            assert_eq!(create(price).await.text("/createDish/dish/price"), shown);
        }
        for price in [json!(12.5), json!("1e3"), json!("12,50"), json!(""), json!(true), json!("NaN"), json!("-1"),
            json!("1.001"), json!("1000000"), json!(null), json!("99999999999999999999999999999999999")] {
            let refused = create(price.clone()).await;
            let field = refused.expect_code("BAD_USER_INPUT").field.unwrap_or_default();
            assert!(field.ends_with("price"), "{price}: {refused}");
        }
        let inline = async |price: &str| {
            let document = format!(r#"mutation {{ createDish(input: {{menuId: "{}", name: "Tea", category: "Drinks", price: {price}}})
                {{ dish {{ price }} }} }}"#, restaurant.menu_id());
            merchant.query(&document, json!({})).await
        };
        assert_eq!(inline("8").await.text("/createDish/dish/price"), "8.00");
        assert_eq!(inline("\"8.2\"").await.text("/createDish/dish/price"), "8.20");
        assert_eq!(inline("8.2").await.problems().len(), 1);
    }
}

fn first_moment() -> DateTime<FixedOffset> {
    "2026-02-01T00:00:00Z".parse().expect("a time")
}

type Placed = (DateTime<FixedOffset>, OrderStatus, Vec<(usize, i32)>);

/// Writes them in bulk, with the amounts that the server would have written.
async fn write_orders(
    city: &City,
    customer: &Person,
    restaurant: &Restaurant,
    tariff: &Tariff,
    currency: &str,
    placed: &[Placed],
) {
    for part in placed.chunks(500) {
        let rows = part.iter().map(|(time, status, items)| {
            let bill = tariff.bill(items);
            orders::ActiveModel {
                customer_id: Set(customer.customer().id),
                restaurant_id: Set(restaurant.row.id),
                order_time: Set(*time),
                status: Set(*status),
                subtotal: Set(tariff.decimal(bill.subtotal)),
                tax: Set(tariff.decimal(bill.tax)),
                delivery_fee: Set(tariff.decimal(tariff.fee)),
                total_amount: Set(tariff.decimal(bill.total)),
                currency: Set(currency.to_owned()),
                delivery_address: Set(json!({"line1": "1 Lake Road", "city": "Hà Nội"})),
                ..Default::default()
            }
        });
        let written = orders::Entity::insert_many(rows).exec_with_returning(city.db()).await;
        let written = written.expect("orders can be written");
        let items = written.iter().zip(part).flat_map(|(order, (_, _, items))| {
            items.iter().map(|&(dish, quantity)| order_items::ActiveModel {
                order_id: Set(order.id),
                dish_id: Set(restaurant.dishes[dish].id),
                quantity: Set(quantity),
                unit_price: Set(tariff.decimal(tariff.prices[dish])),
                dish_name: Set(restaurant.dishes[dish].name.clone()),
            })
        });
        order_items::Entity::insert_many(items).exec_without_returning(city.db()).await.expect("items can be written");
    }
}

/// The amounts of all orders of the restaurant, page by page.
async fn all_orders(admin: &Person, restaurant: &Restaurant) -> Vec<String> {
    let document = "query($id: ID!, $after: String) { restaurant(id: $id) { orders(first: 100, after: $after) {
        nodes { subtotal tax deliveryFee totalAmount items { lineTotal } } pageInfo { hasNextPage endCursor } } } }";
    let (mut all, mut after) = (Vec::new(), Value::Null);
    loop {
        let answer = admin.query(document, json!({"id": restaurant.id(), "after": after})).await;
        all.extend(answer.list("/restaurant/orders/nodes").iter().map(Value::to_string));
        if answer.at("/restaurant/orders/pageInfo/hasNextPage") == false {
            return all;
        }
        after = answer.at("/restaurant/orders/pageInfo/endCursor").clone();
    }
}

async fn revenue_is_exact(admin: &Person, restaurant: &Restaurant, tariff: &Tariff, placed: &[Placed], period: &str) {
    let document = "query($id: ID!, $period: RevenuePeriod!) { restaurant(id: $id) {
        revenue(period: $period, since: \"2026-02-01\", until: \"2026-05-31\") {
            periodStart totalOrders totalRevenue avgOrderValue } } }";
    let answer =
        admin.query(document, json!({"id": global_id("Restaurant", restaurant.row.id), "period": period})).await;
    let points: Vec<_> =
        answer.list("/restaurant/revenue").iter().filter(|point| point["totalOrders"] != 0).cloned().collect();
    let mut sums: BTreeMap<NaiveDate, (i128, i128)> = BTreeMap::new();
    for (time, status, items) in placed {
        if *status == OrderStatus::Delivered {
            let sum = sums.entry(start_of(period, time.date_naive())).or_default();
            *sum = (sum.0 + 1, sum.1 + tariff.bill(items).total);
        }
    }
    let expected: Vec<_> = sums
        .into_iter()
        .map(|(start, (count, sum))| {
            json!({"periodStart": start.to_string(), "totalOrders": count as u64, "totalRevenue": tariff.text(sum),
                "avgOrderValue": tariff.text((2 * sum + count) / (2 * count))})
        })
        .collect();
    assert_eq!(points, expected, "{period}");
}

fn start_of(period: &str, day: NaiveDate) -> NaiveDate {
    let days = match period {
        "DAY" => 0,
        "WEEK" => day.weekday().num_days_from_monday(),
        _ => day.day0(),
    };
    day - Days::new(days.into())
}
