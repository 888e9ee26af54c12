//! The catalog of the demo city: its restaurants, their menus and dishes.

mod american;
mod chinese;
mod indian;
mod italian;
mod japanese;
mod lebanese;
mod mexican;
mod vietnamese;

use std::borrow::Cow;

use super::rows::NewDish;

/// A restaurant of the demo city. Amounts are in the smallest unit of its currency.
pub struct CatalogRestaurant {
    pub name: &'static str,
    pub address: &'static str,
    pub cuisine: &'static str,
    pub currency: &'static str,
    pub delivery_fee: i64,
    /// In ten-thousandths: 725 is 7.25 %.
    pub tax_rate: i64,
    /// Metres north and east of the city's centre.
    pub place: (f64, f64),
    /// What its guests give on average, in stars.
    pub quality: f64,
    /// Whether it is still in business.
    pub is_active: bool,
    pub menu: &'static str,
    pub categories: &'static [Category],
}

impl CatalogRestaurant {
    /// All that is on the menu.
    pub fn dishes(&self) -> impl Iterator<Item = NewDish<'static>> + use<> {
        let categories: &'static [Category] = self.categories;
        categories.iter().flat_map(|category| {
            category.dishes.iter().map(|dish| NewDish {
                category: category.name,
                name: Cow::Borrowed(dish.name),
                price: dish.price,
                description: dish.description,
                is_available: dish.is_available,
            })
        })
    }
}

/// One heading of a menu.
pub struct Category {
    pub name: &'static str,
    pub dishes: &'static [CatalogDish],
}

/// A dish of such a menu.
pub struct CatalogDish {
    pub name: &'static str,
    pub price: i64,
    pub description: &'static str,
    pub is_available: bool,
}

const fn category(name: &'static str, dishes: &'static [CatalogDish]) -> Category {
    Category { name, dishes }
}

const fn dish(name: &'static str, price: i64, description: &'static str) -> CatalogDish {
    CatalogDish { name, price, description, is_available: true }
}

const fn sold_out(name: &'static str, price: i64, description: &'static str) -> CatalogDish {
    CatalogDish { name, price, description, is_available: false }
}

/// Every restaurant, in the order of their ids. The first two are those of the demo merchant.
pub const RESTAURANTS: [&CatalogRestaurant; 14] = [
    &indian::SAFFRON_ROUTE,
    &japanese::SAKURA_COUNTER,
    &vietnamese::PHO_BA_TU,
    &vietnamese::LANTERN_STREET,
    &italian::TRATTORIA_LUCIA,
    &italian::FORNO_NERO,
    &mexican::CASA_MAIZ,
    &mexican::EL_FARO,
    &chinese::GOLDEN_WOK,
    &chinese::NIGHT_MARKET,
    &lebanese::CEDAR_AND_SUMAC,
    &american::CORNER_GRIDDLE,
    &american::BLUE_RIBBON,
    &indian::BUKHARA_CLUB,
];
