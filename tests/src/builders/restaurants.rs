//! Builds restaurants with their menus and dishes.

use entity::{dishes, menus, restaurants};
use migration::search_text::fold_lines;
use rust_decimal::Decimal;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{decimal, now};
use crate::{City, global_id};

/// A restaurant with its menu and dishes, as they were written.
#[derive(Clone, Debug)]
pub struct Restaurant {
    pub row: restaurants::Model,
    pub menu: menus::Model,
    pub dishes: Vec<dishes::Model>,
}

impl Restaurant {
    /// `Restaurant:…`
    pub fn id(&self) -> String {
        global_id("Restaurant", self.row.id)
    }

    /// `Menu:…`
    pub fn menu_id(&self) -> String {
        global_id("Menu", self.menu.id)
    }

    /// `Dish:…` of the dish with this index.
    #[track_caller]
    pub fn dish_id(&self, index: usize) -> String {
        global_id("Dish", self.dishes[index].id)
    }
}

impl City {
    /// An active restaurant with no dishes, in US dollars with a fee of 2.99 and no tax, unless it is described further.
    pub fn restaurant(&self) -> RestaurantBuilder<'_> {
        let row = restaurants::ActiveModel {
            name: Set(format!("Restaurant {}", self.number())),
            address: Set("12 Market Street".to_owned()),
            phone: Set("+1 555 0100".to_owned()),
            cuisine_type: Set("Vietnamese".to_owned()),
            avg_rating: Set(Decimal::ZERO),
            total_orders: Set(0),
            is_active: Set(true),
            created_at: Set(now()),
            currency: Set("USD".to_owned()),
            delivery_fee: Set(decimal("2.99")),
            tax_rate: Set(Decimal::ZERO),
            review_count: Set(0),
            ..Default::default()
        };
        RestaurantBuilder { city: self, row, dishes: Vec::new() }
    }
}

/// A restaurant on the way into the database.
pub struct RestaurantBuilder<'a> {
    city: &'a City,
    row: restaurants::ActiveModel,
    dishes: Vec<dishes::ActiveModel>,
}

impl RestaurantBuilder<'_> {
    pub fn named(mut self, name: &str) -> Self {
        self.row.name = Set(name.to_owned());
        self
    }

    pub fn cuisine(mut self, cuisine: &str) -> Self {
        self.row.cuisine_type = Set(cuisine.to_owned());
        self
    }

    pub fn inactive(mut self) -> Self {
        self.row.is_active = Set(false);
        self
    }

    /// The currency (ISO 4217), the delivery fee and the tax rate: `charging("VND", "15000", "0.08")`.
    pub fn charging(mut self, currency: &str, delivery_fee: &str, tax_rate: &str) -> Self {
        self.row.currency = Set(currency.to_owned());
        self.row.delivery_fee = Set(decimal(delivery_fee));
        self.row.tax_rate = Set(decimal(tax_rate));
        self
    }

    pub fn located_at(mut self, lat: f64, lng: f64) -> Self {
        self.row.lat = Set(Some(lat));
        self.row.lng = Set(Some(lng));
        self
    }

    /// Changes the row itself, for what has no method here.
    pub fn with(mut self, change: impl FnOnce(&mut restaurants::ActiveModel)) -> Self {
        change(&mut self.row);
        self
    }

    /// An available dish at a price: `dish("Phở bò", "9.50")`.
    pub fn dish(self, name: &str, price: &str) -> Self {
        self.dish_with(name, price, |_| {})
    }

    /// A dish with changes to its row: `dish_with("Bún chả", "8.00", |dish| dish.is_available = Set(false))`.
    pub fn dish_with(mut self, name: &str, price: &str, change: impl FnOnce(&mut dishes::ActiveModel)) -> Self {
        let mut dish = dishes::ActiveModel {
            name: Set(name.to_owned()),
            description: Set(None),
            price: Set(decimal(price)),
            image_url: Set(None),
            is_available: Set(true),
            category: Set("Mains".to_owned()),
            ..Default::default()
        };
        change(&mut dish);
        self.dishes.push(dish);
        self
    }

    /// So many dishes more: `Dish 1` at 5.00, `Dish 2` at 6.00, …
    pub fn with_dishes(mut self, count: usize) -> Self {
        for number in 1..=count {
            self = self.dish(&format!("Dish {number}"), &format!("{}.00", number + 4));
        }
        self
    }

    pub async fn create(mut self) -> Restaurant {
        let db = self.city.db();
        self.row.search_text = Set(fold_lines([self.row.name.as_ref().as_str(), self.row.address.as_ref()]));
        let row = self.row.insert(db).await.expect("a restaurant can be written");
        let menu =
            menus::ActiveModel { restaurant_id: Set(row.id), name: Set("Menu".to_owned()), ..Default::default() };
        let menu = menu.insert(db).await.expect("a menu can be written");
        for dish in &mut self.dishes {
            let description = dish.description.as_ref().as_deref().unwrap_or_default();
            let text = fold_lines([dish.name.as_ref().as_str(), dish.category.as_ref(), description]);
            dish.search_text = Set(text);
            dish.menu_id = Set(menu.id);
        }
        if !self.dishes.is_empty() {
            dishes::Entity::insert_many(self.dishes).exec(db).await.expect("dishes can be written");
        }
        let dishes = dishes::Entity::find().filter(dishes::Column::MenuId.eq(menu.id)).order_by_asc(dishes::Column::Id);
        Restaurant { dishes: dishes.all(db).await.expect("dishes can be read"), row, menu }
    }
}
