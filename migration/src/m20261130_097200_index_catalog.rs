//! Builds the indexes that lists of dishes, restaurants, drivers and users are read by, each in the order of the list.
//!
//! Why: a page of all dishes read and sorted every dish, for anybody; one of a menu read all of the menu. There is none for restaurants by their
//! orders: that number changes with each order that is placed, and an index over it would make each of these rewrite all indexes of the
//! restaurant. Lock: none that stops a writer. Reversal: the former indexes come back.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const FORMER: [(&str, &str); 4] = [
    ("idx_dishes_menu_id_is_available", "dishes (menu_id, is_available)"),
    ("idx_dishes_category", "dishes (category)"),
    ("idx_restaurants_avg_rating", "restaurants (avg_rating)"),
    ("idx_drivers_status", "drivers (status)"),
];

/// A name is the beginning of the text that is searched in.
fn indexes(manager: &SchemaManager<'_>) -> [(&'static str, String); 10] {
    let name = dialect::text_key(manager, "search_text");
    let category = dialect::by_code_point(manager, "category");
    [
        ("idx_dishes_name", format!("dishes ({name}, id)")),
        ("idx_dishes_category_name", format!("dishes ({category}, {name}, id)")),
        ("idx_dishes_price", "dishes (price, id)".to_owned()),
        ("idx_dishes_menu_id_name", format!("dishes (menu_id, {name}, id)")),
        ("idx_dishes_menu_id_category_name", format!("dishes (menu_id, {category}, {name}, id)")),
        ("idx_dishes_menu_id_price", "dishes (menu_id, price, id)".to_owned()),
        ("idx_restaurants_name", format!("restaurants ({name}, id)")),
        ("idx_restaurants_avg_rating_id", "restaurants (avg_rating, id)".to_owned()),
        ("idx_drivers_status_id", "drivers (status, id)".to_owned()),
        ("idx_users_role_id", "users (role, id)".to_owned()),
    ]
}

dialect::replaces_indexes!(|manager| FORMER => indexes(manager));
