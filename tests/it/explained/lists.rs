//! Every list at the roots, by each viewer who has one, in each order and by each filter; and the dishes of menus in each order.

use chrono::{SecondsFormat, TimeDelta, Utc};

use crate::statements::town::Viewer::{self, Admin, Ann, Anonymous, Driver, Merchant};

/// Who asks, for what, in which orders and by which filters.
const LISTS: [(&[Viewer], &str, &[&str]); 9] = [
    (
        &[Anonymous, Admin, Merchant],
        "restaurants",
        &[
            "orderBy: AVG_RATING",
            "orderBy: TOTAL_ORDERS",
            "orderBy: NAME",
            "filter: {cuisineType: \"Cuisine 7\"}",
            "filter: {search: \"2999\"}",
            "orderBy: NAME, filter: {search: \"1999\"}",
            "filter: {includeInactive: true}",
        ],
    ),
    (
        &[Anonymous],
        "dishes",
        &[
            "orderBy: CATEGORY",
            "orderBy: PRICE",
            "orderBy: NAME",
            "filter: {isAvailable: true}",
            "filter: {category: \"Curries\"}",
            "orderBy: PRICE, filter: {category: \"Curries\"}",
            "orderBy: NAME, filter: {search: \"paneer\"}",
            "orderBy: PRICE, filter: {search: \"pork\"}",
        ],
    ),
    (
        &[Admin, Ann, Merchant, Driver],
        "orders",
        &[
            "",
            "filter: {status: [PENDING]}",
            "filter: {status: [PENDING, CONFIRMED, PREPARING, READY, PICKED_UP]}",
            "filter: {status: [DELIVERED]}",
            "filter: {placedSince: \"$recently\"}",
        ],
    ),
    (&[Admin, Driver], "claimableOrders", &[""]),
    (&[Admin, Merchant, Driver], "customers", &["", "search: \"anna\""]),
    (&[Admin, Merchant, Driver], "drivers", &["", "status: AVAILABLE", "status: BUSY"]),
    (&[Admin], "users", &["", "role: DRIVER", "search: \"2001\""]),
    (
        &[Admin, Merchant],
        "auditEvents",
        &[
            "",
            "filter: {actions: [USER_ROLE_SET]}",
            "filter: {subject: \"Order:7\"}",
            "filter: {since: \"$recently\"}",
            "filter: {until: \"$long_ago\"}",
        ],
    ),
    (
        &[Admin],
        "jobs",
        &[
            "",
            "filter: {kind: \"account_letter\"}",
            "filter: {state: WAITING}",
            "filter: {state: RUNNING}",
            "filter: {state: BLOCKED}",
            "filter: {state: DEAD}",
            "filter: {kind: \"acceptance_timeout\", state: WAITING}",
            "filter: {kind: \"account_letter\", state: RUNNING}",
            "filter: {kind: \"account_letter\", state: DEAD}",
        ],
    ),
];

/// The first page of each with all that connections tell, and the second one by its number where there are numbers.
pub fn documents() -> Vec<(Viewer, String)> {
    let ago = |days: i64| (Utc::now() - TimeDelta::days(days)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let times = [("$recently", ago(3)), ("$long_ago", ago(135))];
    let in_menus = |order: &str| {
        let of_one = format!("dishes(first: 5, orderBy: {order}) {{ totalCount nodes {{ id }} }}");
        (
            Anonymous,
            format!(
                "{{ restaurants(first: 5) {{ nodes {{ menu {{ {of_one} }} reviews(first: 5) {{ totalCount }} }} }} }}"
            ),
        )
    };
    let mut documents: Vec<_> = ["CATEGORY", "PRICE", "NAME"].map(in_menus).to_vec();
    for (viewers, field, choices) in LISTS {
        for (viewer, choice) in viewers.iter().flat_map(|viewer| choices.iter().map(move |choice| (*viewer, choice))) {
            let choice = times.iter().fold((*choice).to_owned(), |choice, (name, time)| choice.replace(name, time));
            let page = |size: &str| {
                format!("{{ {field}({choice}, {size}) {{ totalCount nodes {{ id }} }} }}").replace("(, ", "(")
            };
            documents.extend([page("first: 10"), page("last: 10")].map(|document| (viewer, document)));
            if matches!(field, "restaurants" | "dishes" | "orders") {
                documents.push((viewer, page("first: 10, offset: 10")));
            }
        }
    }
    documents
}
