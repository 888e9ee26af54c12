//! The queries, with the statements and rows that each may take.

use super::town::Viewer::{self, Admin, Ann, Anonymous, Driver, Merchant};

/// One query, and what it takes.
pub struct Reading {
    pub name: &'static str,
    pub viewer: Viewer,
    /// Statements besides those of levels and counts: whether an order under way lets the viewer see a field, the second table that
    /// a quote is made from, each further type that `nodes` asks for, the drivers of a route.
    pub besides: usize,
    pub statements: usize,
    /// With 2 and with 50 parents.
    pub rows: [u64; 2],
    pub query: &'static str,
}

macro_rules! readings {
    ($($name:literal by $viewer:ident $(with $besides:literal besides)?: $statements:literal statements, $rows:expr, $query:literal;)*) => {
        pub const READINGS: &[Reading] = &[$(Reading {
            name: $name,
            viewer: $viewer,
            besides: 0 $(+ $besides)?,
            statements: $statements,
            rows: $rows,
            query: $query,
        }),*];
    };
}

readings! {
    "me" by Ann: 1 statements, [1, 1], "{ me { id email name role } }";
    "me → customer → orders → restaurant" by Ann: 4 statements, [8, 54],
        "{ me { id customer { id orders(first: 50) { nodes { id restaurant { id name } } } } } }";
    "me → driver → orders → customer" by Driver: 4 statements, [6, 54],
        "{ me { id driver { id orders(first: 50) { nodes { id customer { id name } } } } } }";
    "me → restaurants → menu → dishes" by Merchant: 4 statements, [9, 202],
        "{ me { id restaurants { id menu { id dishes(first: 2) { nodes { id name } } } } } }";

    "restaurant → menu → dishes → menu → restaurant" by Anonymous: 5 statements, [6, 54],
        "{ restaurant(id: $restaurant) { id menu { id dishes(first: 50) { nodes { id menu { id restaurant { id } } } } } } }";
    "restaurant → reviews → customer" by Anonymous: 3 statements, [5, 101],
        "{ restaurant(id: $restaurant) { id reviews(first: 50) { nodes { id customer { name } } } } }";
    "restaurant → reviews → restaurant → reviews" by Anonymous: 4 statements, [6, 54],
        "{ restaurant(id: $restaurant) { id reviews(first: 50) { nodes { id restaurant { id reviews(first: 1) { nodes { id } } } } } } }";
    "restaurant → orders → items → dish → menu" by Merchant: 5 statements, [15, 104],
        "{ restaurant(id: $restaurant) { id orders(first: 50) { nodes { id items { id dish { id menu { id } } } } } } }";
    "restaurant → revenue" by Merchant: 2 statements, [2, 2],
        "{ restaurant(id: $restaurant) { id revenue(since: \"2026-03-01\", until: \"2026-03-31\") { periodStart totalRevenue } } }";
    "restaurant → availableDrivers → orders" by Merchant: 3 statements, [3, 51],
        "{ restaurant(id: $restaurant) { id availableDrivers { id name orders(first: 1) { nodes { id } } } } }";

    "restaurants → menu → dishes, all counted" by Anonymous: 5 statements, [11, 260],
        "{ restaurants(first: 50) { totalCount nodes { id menu { id dishes(first: 10) { totalCount nodes { id price } } } } } }";
    "restaurants by name, searched" by Anonymous: 1 statements, [2, 50],
        "{ restaurants(first: 50, orderBy: NAME, filter: {search: \"restaurant\"}) { nodes { id } } }";
    "restaurants → reviews → customer, all counted" by Anonymous: 5 statements, [10, 161],
        "{ restaurants(first: 50) { totalCount nodes { id reviews(first: 5) { totalCount nodes { id customer { name } } } } } }";
    "restaurants → orders → driver → orders, all counted" by Merchant: 7 statements, [19, 303],
        "{ restaurants(first: 50, orderBy: TOTAL_ORDERS) { totalCount nodes { id orders(first: 5) { totalCount nodes { id
            driver { id orders(first: 2) { totalCount nodes { id } } } } } } } }";
    "restaurants → revenue" by Merchant: 2 statements, [3, 51],
        "{ restaurants(first: 50) { nodes { id revenue(period: WEEK, since: \"2026-03-01\", until: \"2026-03-31\") { periodStart totalOrders } } } }";
    "restaurants → availableDrivers" by Merchant: 2 statements, [6, 2550],
        "{ restaurants(first: 50) { nodes { id availableDrivers { id name } } } }";

    "dish → menu → restaurant → menu" by Anonymous: 4 statements, [4, 4],
        "{ dish(id: $dish) { id menu { id restaurant { id menu { id } } } } }";
    "dishes → menu → restaurant, counted" by Anonymous: 4 statements, [9, 152],
        "{ dishes(first: 50) { totalCount nodes { id menu { id restaurant { id name } } } } }";

    "order → customer → reviews → restaurant" by Ann: 4 statements, [6, 102],
        "{ order(id: $order) { id customer { id phone reviews(first: 50) { nodes { id restaurant { id } } } } } }";
    "order → items → dish" by Ann: 3 statements, [5, 101], "{ order(id: $order) { id items { id dish { id name } } } }";
    "order → events → order → driver" by Ann: 4 statements, [9, 9],
        "{ order(id: $order) { id events { id order { id driver { id name } } } } }";
    "order → driver, its phone and place" by Ann with 2 besides: 4 statements, [4, 4],
        "{ order(id: $order) { id driver { id phone location { lat lng driver { id name } } } } }";

    "order → route → driver" by Ann with 1 besides: 3 statements, [4, 4],
        "{ order(id: $order) { id route { lat lng recordedAt driver { id } } } }";
    "orders → route" by Admin: 2 statements, [6, 150],
        "{ orders(first: 50, filter: {status: [PICKED_UP]}) { nodes { id route { lat recordedAt } } } }";

    "orders → customer → reviews → customer" by Merchant: 4 statements, [13, 59],
        "{ orders(first: 50) { nodes { id customer { id reviews(first: 5) { nodes { id customer { name } } } } } } }";
    "orders → customer, their phones" by Merchant with 1 besides: 3 statements, [6, 150],
        "{ orders(first: 50, filter: {status: [PICKED_UP]}) { nodes { id customer { id phone } } } }";
    "orders → driver, their phones and places" by Merchant with 2 besides: 4 statements, [8, 200],
        "{ orders(first: 50, filter: {status: [PICKED_UP]}) { nodes { id driver { id phone location { lat driver { id } } } } } }";
    "orders → restaurant → orders, all counted" by Admin: 5 statements, [15, 57],
        "{ orders(first: 50) { totalCount nodes { id customerName restaurantName nextStatuses
            restaurant { id orders(first: 2) { totalCount nodes { id } } } } } }";
    "orders → items → dish → menu → restaurant" by Admin: 5 statements, [22, 104],
        "{ orders(first: 50) { nodes { id items { id dish { id menu { id restaurant { id } } } } } } }";
    "orders → events → driver → orders" by Admin: 4 statements, [20, 452],
        "{ orders(first: 50, filter: {status: [PICKED_UP]}) { nodes { id events { id driver { id orders(first: 2) { nodes { id } } } } } } }";
    "orders → customer, restaurant, driver, items and events at once" by Admin: 6 statements, [24, 648],
        "{ orders(first: 50, filter: {status: [PICKED_UP]}) { nodes { id customer { id } restaurant { id } driver { id } items { id } events { id } } } }";
    "claimableOrders → restaurant → menu, counted" by Driver: 4 statements, [5, 53],
        "{ claimableOrders(first: 50) { totalCount nodes { id restaurant { id menu { id } } } } }";
    "orderQuote" by Ann: 1 statements, [1, 1],
        "{ orderQuote(input: {restaurantId: $restaurant, items: [{dishId: $dish, quantity: 2}],
            deliveryAddress: {line1: \"1 Lake Road\", city: \"Hà Nội\"}}) { totalAmount } }";

    "customer → orders → driver, counted" by Admin: 4 statements, [5, 53],
        "{ customer(id: $customer) { id orders(first: 50, filter: {status: [DELIVERED]}) { totalCount nodes { id driver { id } } } } }";
    "customers → orders → items, all counted" by Merchant: 5 statements, [13, 253],
        "{ customers(first: 50) { totalCount nodes { id orders(first: 2) { totalCount nodes { id items { id } } } } } }";
    "customers → reviews → restaurant, all counted" by Admin: 5 statements, [10, 155],
        "{ customers(first: 50, search: \"customer\") { totalCount nodes { id email phone addresses { line1 }
            reviews(first: 2) { totalCount nodes { id restaurant { id } } } } } }";

    "driver → orders → customer" by Driver: 3 statements, [5, 53],
        "{ driver(id: $driver) { id phone location { lat } orders(first: 50) { nodes { id customer { id } } } } }";
    "drivers → orders → restaurant, all counted" by Admin: 5 statements, [11, 203],
        "{ drivers(first: 50, status: BUSY) { totalCount nodes { id orders(first: 2) { totalCount nodes { id restaurant { id } } } } } }";
    "users → customer → orders, counted" by Admin: 4 statements, [9, 153],
        "{ users(first: 50, role: CUSTOMER) { totalCount nodes { id customer { id orders(first: 2) { nodes { id } } } } } }";
    "users → driver → orders" by Admin: 3 statements, [12, 128],
        "{ users(first: 50, role: DRIVER) { nodes { id driver { id orders(first: 2) { nodes { id } } } } } }";
    "users → restaurants → menu" by Admin: 3 statements, [5, 101],
        "{ users(first: 50, search: \"mai\") { nodes { id restaurants { id menu { id } } } } }";

    "node → orders → customer" by Merchant: 3 statements, [7, 53],
        "{ node(id: $restaurant) { id ... on Restaurant { orders(first: 50) { nodes { id customer { id } } } } } }";
    "nodes of one type → menu → dishes" by Anonymous: 3 statements, [8, 201],
        "{ nodes(ids: $restaurants) { id ... on Restaurant { menu { id dishes(first: 2) { nodes { id } } } } } }";
    "nodes of one type → items → dish" by Merchant: 3 statements, [10, 346],
        "{ nodes(ids: $orders) { id ... on Order { items { id dish { id } } } } }";
    "personalData → orders → items" by Ann with 1 besides: 3 statements, [12, 251],
        "{ personalData { orders(first: 100) { nodes { id items { id } } } } }";
    "personalData → reviews → restaurant, counted" by Ann with 1 besides: 4 statements, [6, 102],
        "{ personalData { reviews(first: 100) { totalCount nodes { id restaurant { id } } } } }";
    "me → customer → favourites → their menus, counted" by Ann with 2 besides: 8 statements, [14, 254],
        "{ me { id customer { id favourites(first: 100) { totalCount nodes { ... on Restaurant { id menu { id } } ... on Dish { id dishMenu: menu { id } } } } } } }";
    "restaurants → isFavourite → dishes → isFavourite" by Ann with 2 besides: 5 statements, [12, 253],
        "{ restaurants(first: 50) { nodes { id isFavourite menu { id dishes(first: 2) { nodes { id isFavourite } } } } } }";
    "personalData → favourites" by Ann with 1 besides: 2 statements, [5, 101],
        "{ personalData { favourites(first: 100) { nodes { addedAt favouriteId } } } }";
    "personalData → sessions, auditEvents" by Ann: 2 statements, [2, 2],
        "{ personalData { sessions { nodes { id } } auditEvents { nodes { id } } } }";
    "personalData → memberships" by Merchant with 1 besides: 2 statements, [4, 100],
        "{ personalData { memberships(first: 50) { nodes { restaurant { id name } addedAt } } } }";
    "personalData → routes, counted" by Driver with 1 besides: 3 statements, [4, 4],
        "{ personalData { routes(first: 1000) { totalCount nodes { orderId recordedAt } } } }";
    "sessions" by Ann: 1 statements, [1, 1], "{ sessions { id lastUsedAt isCurrent } }";
    "auditEvents → actor → customer, counted" by Admin: 4 statements, [7, 151],
        "{ auditEvents(first: 50) { totalCount nodes { id actor { id customer { id } } } } }";
    "jobs → user, counted" by Admin: 3 statements, [5, 101],
        "{ jobs(first: 50, filter: {state: DEAD}) { totalCount nodes { id state user { id } } } }";
    "restaurants → members" by Merchant: 2 statements, [4, 100],
        "{ restaurants(first: 50) { nodes { id members { userId email } } } }";
    "nodes of each of eleven types" by Admin with 10 besides: 11 statements, [11, 11], "{ nodes(ids: $each) { id } }";
}
