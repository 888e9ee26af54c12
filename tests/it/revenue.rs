//! Revenue: which periods there are, which orders count in them, and who may know.

use chrono::{Days, Utc};
use entity::sea_orm_active_enums::OrderStatus;
use serde_json::{Value, json};
use tiffin_tests::{Answer, City, Person, both_databases, builders::Restaurant};

async fn revenue(viewer: &Person, restaurant: &Restaurant, arguments: &str) -> Answer {
    let document = format!(
        "query($id: ID!) {{ restaurant(id: $id) {{ name revenue{arguments} {{ periodStart totalOrders totalRevenue avgOrderValue }} }} }}"
    );
    viewer.query(&document, json!({"id": restaurant.id()})).await
}

/// A delivered order of one dish of 10.00 with a fee of 2.00.
async fn delivered(city: &City, restaurant: &Restaurant, ann: &Person, duy: &Person, time: &str) {
    let order = city.order(ann, restaurant).status(OrderStatus::Delivered).driver(duy);
    order.placed_at(time.parse().expect("a time")).create().await;
}

fn point(start: &str, orders: u32, revenue: &str, average: &str) -> Value {
    json!({"periodStart": start, "totalOrders": orders, "totalRevenue": revenue, "avgOrderValue": average})
}

both_databases! {
    async fn days_are_those_of_utc_and_until_is_inclusive(city: &City) {
        let restaurant = city.restaurant().charging("USD", "2.00", "0").dish("Pie", "10.00").create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        let merchant = city.merchant_of(&restaurant).await;
        for time in [
            "2026-03-01T23:59:59.999999Z",
            "2026-03-02T00:00:00Z",
            // In UTC still the second.
            "2026-03-03T06:59:59+07:00",
            "2026-03-04T23:59:59.999999Z",
            "2026-03-05T00:00:00Z",
        ] {
            delivered(city, &restaurant, &ann, &duy, time).await;
        }
        let answer = revenue(&merchant, &restaurant, "(since: \"2026-03-02\", until: \"2026-03-04\")").await;
        let expected = json!([
            point("2026-03-02", 2, "24.00", "12.00"),
            point("2026-03-03", 0, "0.00", "0.00"),
            point("2026-03-04", 1, "12.00", "12.00"),
        ]);
        assert_eq!(answer.at("/restaurant/revenue"), &expected);
    }

    async fn weeks_start_on_monday_and_months_on_the_first(city: &City) {
        let restaurant = city.restaurant().charging("USD", "2.00", "0").dish("Pie", "10.00").create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        let admin = city.admin().await;
        // A Sunday, the Monday after it, the last moment of that week; over the turn of the year.
        for time in ["2025-12-28T23:59:59Z", "2025-12-29T00:00:00Z", "2026-01-01T12:00:00Z", "2026-01-04T23:59:59Z", "2026-01-05T00:00:00Z"] {
            delivered(city, &restaurant, &ann, &duy, time).await;
        }
        let weeks = revenue(&admin, &restaurant, "(period: WEEK, since: \"2025-12-22\", until: \"2026-01-05\")").await;
        let expected = json!([
            point("2025-12-22", 1, "12.00", "12.00"),
            point("2025-12-29", 3, "36.00", "12.00"),
            point("2026-01-05", 1, "12.00", "12.00"),
        ]);
        assert_eq!(weeks.at("/restaurant/revenue"), &expected);
        let months = revenue(&admin, &restaurant, "(period: MONTH, since: \"2025-11-01\", until: \"2026-01-31\")").await;
        let expected = json!([
            point("2025-11-01", 0, "0.00", "0.00"),
            point("2025-12-01", 2, "24.00", "12.00"),
            point("2026-01-01", 3, "36.00", "12.00"),
        ]);
        assert_eq!(months.at("/restaurant/revenue"), &expected);
        let part = revenue(&admin, &restaurant, "(period: WEEK, since: \"2026-01-01\", until: \"2026-01-04\")").await;
        let within = json!([point("2025-12-29", 2, "24.00", "12.00")]);
        assert_eq!(part.at("/restaurant/revenue"), &within, "only from `since` on, in the week that holds it");
    }

    async fn only_delivered_orders_of_this_restaurant_count(city: &City) {
        let restaurant = city.restaurant().charging("USD", "0", "0").dish("Pie", "10.00").create().await;
        let other = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        let admin = city.admin().await;
        let time = "2026-03-02T12:00:00Z";
        delivered(city, &restaurant, &ann, &duy, time).await;
        delivered(city, &other, &ann, &duy, time).await;
        use OrderStatus::{Cancelled, Confirmed, Pending, PickedUp, Preparing, Ready};
        for status in [Pending, Confirmed, Preparing, Ready, PickedUp, Cancelled] {
            city.order(&ann, &restaurant).status(status).placed_at(time.parse().expect("a time")).create().await;
        }
        let answer = revenue(&admin, &restaurant, "(since: \"2026-03-02\", until: \"2026-03-02\")").await;
        assert_eq!(answer.at("/restaurant/revenue"), &json!([point("2026-03-02", 1, "10.00", "10.00")]));
    }

    async fn the_average_is_rounded_half_up(city: &City) {
        let restaurant = city.restaurant().charging("USD", "0", "0").dish("Tea", "0.01").dish("Bun", "0.02").create().await;
        let (ann, duy) = (city.customer("Ann").await, city.driver("Duy").await);
        for dish in [0, 1] {
            let order = city.order(&ann, &restaurant).items(&[(dish, 1)]).status(OrderStatus::Delivered).driver(&duy);
            order.placed_at("2026-03-02T12:00:00Z".parse().expect("a time")).create().await;
        }
        let answer = revenue(&city.admin().await, &restaurant, "(since: \"2026-03-02\", until: \"2026-03-02\")").await;
        assert_eq!(answer.at("/restaurant/revenue/0"), &point("2026-03-02", 2, "0.03", "0.02"));
    }

    async fn without_since_there_are_the_last_30_periods(city: &City) {
        let restaurant = city.restaurant().create().await;
        let admin = city.admin().await;
        let today = Utc::now().date_naive();
        let days = revenue(&admin, &restaurant, "").await;
        let days = days.list("/restaurant/revenue");
        let last: chrono::NaiveDate = days[29]["periodStart"].as_str().expect("a day").parse().expect("a day");
        // Midnight may pass during the test.
        assert!(days.len() == 30 && (last - today).num_days() <= 1 && last >= today, "{days:?}");
        assert_eq!(days[0]["periodStart"], (last - Days::new(29)).to_string());
        let months = revenue(&admin, &restaurant, "(period: MONTH, until: \"2026-03-15\")").await;
        assert_eq!(months.list("/restaurant/revenue").len(), 30);
        assert_eq!(months.text("/restaurant/revenue/0/periodStart"), "2023-10-01");
        assert_eq!(months.text("/restaurant/revenue/29/periodStart"), "2026-03-01");
        let weeks = revenue(&admin, &restaurant, "(period: WEEK, until: \"2026-03-15\")").await;
        assert_eq!(weeks.text("/restaurant/revenue/0/periodStart"), "2025-08-18");
        assert_eq!(weeks.text("/restaurant/revenue/29/periodStart"), "2026-03-09");
    }

    async fn there_are_at_most_400_periods_and_none_backwards(city: &City) {
        let restaurant = city.restaurant().create().await;
        let admin = city.admin().await;
        let most = revenue(&admin, &restaurant, "(since: \"2025-01-01\", until: \"2026-02-04\")").await;
        assert_eq!(most.list("/restaurant/revenue").len(), 400);
        for (arguments, field) in [
            ("(since: \"2025-01-01\", until: \"2026-02-05\")", "since"),
            ("(since: \"0001-01-01\")", "since"),
            ("(period: MONTH, since: \"1900-01-01\", until: \"9999-12-31\")", "since"),
            ("(since: \"2026-02-05\", until: \"2026-02-04\")", "since"),
        ] {
            let refused = revenue(&admin, &restaurant, arguments).await;
            refused.expect_error("BAD_USER_INPUT", field);
            assert_eq!(refused.partial("/restaurant/revenue"), &Value::Null, "the restaurant itself is there");
        }
        for no_day in ["2026-02-30", "yesterday", "2026-2-3", "2026-02-03T00:00:00Z"] {
            let refused = revenue(&admin, &restaurant, &format!("(since: \"{no_day}\")")).await;
            assert_eq!(refused.problems().len(), 1, "{no_day}: {refused}");
        }
        // The ends of the calendar neither crash nor hang.
        for edge in ["(until: \"0001-01-01\")", "(period: MONTH, until: \"9999-12-31\")", "(since: \"9999-12-31\", until: \"9999-12-31\")"] {
            let answer = revenue(&admin, &restaurant, edge).await;
            assert!(answer.problems().iter().all(|problem| problem.code == "BAD_USER_INPUT"), "{edge}: {answer}");
        }
    }

    async fn only_staff_and_admins_see_it(city: &City) {
        let (restaurant, other) = (city.restaurant().create().await, city.restaurant().create().await);
        let arguments = "(since: \"2026-03-02\", until: \"2026-03-02\")";
        for viewer in [city.merchant_of(&restaurant).await, city.admin().await] {
            assert_eq!(revenue(&viewer, &restaurant, arguments).await.list("/restaurant/revenue").len(), 1);
        }
        for viewer in
            [city.anonymous(), city.customer("Ann").await, city.driver("Duy").await, city.merchant_of(&other).await]
        {
            let answer = revenue(&viewer, &restaurant, arguments).await;
            assert_eq!(answer.at("/restaurant/revenue"), &json!(null));
            assert_eq!(answer.at("/restaurant/name"), &json!(restaurant.row.name), "the rest is there");
        }
    }
}
