//! Rows as they are now, read past the server.

use entity::{drivers, order_events, orders, restaurants, sea_orm_active_enums::DriverStatus};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::{City, Person, builders::Restaurant};

/// The number in an id such as `Order:42`.
pub fn row_number(id: &str) -> i32 {
    let number = id.split_once(':').and_then(|(_, number)| number.parse().ok());
    number.unwrap_or_else(|| panic!("{id} is not an id"))
}

impl City {
    /// The order with this id (`Order:…`).
    pub async fn order_row(&self, id: &str) -> orders::Model {
        let row = orders::Entity::find_by_id(row_number(id)).one(self.db()).await;
        row.expect("orders can be read").unwrap_or_else(|| panic!("there is no {id}"))
    }

    /// The history of the order with this id, oldest first.
    pub async fn order_events(&self, id: &str) -> Vec<order_events::Model> {
        let events = order_events::Entity::find()
            .filter(order_events::Column::OrderId.eq(row_number(id)))
            .order_by_asc(order_events::Column::Sequence);
        events.all(self.db()).await.expect("events can be read")
    }

    pub async fn driver_status(&self, driver: &Person) -> DriverStatus {
        let row = drivers::Entity::find_by_id(driver.driver().id).one(self.db()).await;
        row.expect("drivers can be read").expect("the driver is there").status
    }

    pub async fn restaurant_row(&self, restaurant: &Restaurant) -> restaurants::Model {
        let row = restaurants::Entity::find_by_id(restaurant.row.id).one(self.db()).await;
        row.expect("restaurants can be read").expect("the restaurant is there")
    }
}
