//! Builds favourites of customers.

use entity::favourites;
use sea_orm::{ActiveModelTrait, ActiveValue::Set};

use super::now;
use crate::{City, Person, rows::row_number};

impl City {
    /// Keeps the restaurant or the dish of this id for the customer.
    pub async fn favourite(&self, customer: &Person, id: &str) -> favourites::Model {
        let number = Some(row_number(id));
        let (restaurant, dish) = if id.starts_with("Dish:") { (None, number) } else { (number, None) };
        let row = favourites::ActiveModel {
            customer_id: Set(customer.customer().id),
            restaurant_id: Set(restaurant),
            dish_id: Set(dish),
            created_at: Set(now()),
            ..Default::default()
        };
        row.insert(self.db()).await.expect("a favourite can be written")
    }
}
