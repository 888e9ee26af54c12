//! The GraphQL types of dishes.

use std::sync::Arc;

use async_graphql::{Enum, ID, InputObject, MaybeUndefined, SimpleObject};
use rust_decimal::Decimal as Exact;

use crate::{
    domain::{
        error::Result,
        ids::{DishId, GlobalId, MenuId},
        viewer::Viewer,
    },
    features::{
        dish::finder::{DishConditions, DishRow},
        favourite::{
            finder::{KeptByViewer, kept_by},
            types::FavouriteId,
        },
        menu::Menu,
    },
    graphql::{
        decimal::Decimal,
        input, limits,
        plan::{Load, One, object},
        search,
    },
};

#[derive(Clone, Debug)]
pub struct Dish(pub Arc<DishRow>);

/// Something to eat or drink on a menu.
#[object(row = DishRow)]
impl Dish {
    /// Opaque, and unique over all types.
    fn id(id: &i32) -> ID {
        DishId(*id).to_global()
    }

    /// What it is called on the menu.
    fn name(name: &str) -> &str {
        name
    }

    /// Null when there is none.
    #[graphql(complexity = "limits::text(5000)")]
    fn description(description: &Option<String>) -> Option<&str> {
        description.as_deref()
    }

    /// What one costs now, without tax, in `currency`.
    fn price(price: &Exact, currency: &str) -> Decimal {
        Decimal::money(*price, currency)
    }

    /// ISO 4217: its restaurant's.
    fn currency(currency: &str) -> &str {
        currency
    }

    /// Null when there is no picture.
    fn image_url(image_url: &Option<String>) -> Option<&str> {
        image_url.as_deref()
    }

    /// Whether it can be ordered now.
    fn is_available(is_available: &bool) -> bool {
        *is_available
    }

    /// Its part of the menu, such as `Soups`.
    fn category(category: &str) -> &str {
        category
    }

    /// Whether it is among the viewer's favourites; null for who is not signed in.
    fn is_favourite(viewer: &Viewer, id: &i32) -> Option<Load<KeptByViewer, Result<bool>>> {
        kept_by(viewer, FavouriteId::Dish(DishId(*id)))
    }

    /// The menu that it is on.
    fn menu(menu_id: &i32) -> One<Menu> {
        One(MenuId(*menu_id))
    }
}

/// How a list of dishes is sorted; ties by id, so that pages are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
pub enum DishOrderBy {
    /// By category, and A to Z within each.
    Category,
    /// Cheapest first.
    Price,
    /// A to Z, in any case and any script.
    Name,
}

/// Which dishes a list holds; all conditions together.
#[derive(Clone, Debug, Default, InputObject)]
pub struct DishFilter {
    /// Only those that can be ordered now, or only those that cannot.
    pub is_available: Option<bool>,
    /// Exactly this category.
    pub category: Option<String>,
    /// Part of the name, category or description, in any case and script, with or without accents. At most 100 characters;
    /// blank finds all.
    pub search: Option<String>,
}

impl DishFilter {
    pub fn decode(&self) -> Result<DishConditions> {
        Ok(DishConditions {
            is_available: self.is_available,
            category: input::optional_text("filter.category", self.category.as_deref(), 50)?,
            search: search::term("filter.search", self.search.as_deref())?,
        })
    }
}

/// What `createDish` is given.
#[derive(Clone, Debug, InputObject)]
pub struct CreateDishInput {
    /// The menu that it is put on, of one's own restaurant; admins name any.
    pub menu_id: ID,
    /// At most 100 characters.
    pub name: String,
    /// At most 5000 characters.
    pub description: Option<String>,
    /// In the restaurant's currency, with no more digits than it has; less than 1000000.
    pub price: Decimal,
    /// At most 50 characters.
    pub category: String,
    /// An http or https URL of at most 255 characters.
    pub image_url: Option<String>,
    /// True when left out.
    pub is_available: Option<bool>,
}

/// What `updateDish` is given.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateDishInput {
    /// A dish of one's own restaurant; admins name any.
    pub id: ID,
    /// At most 100 characters. Required, so null is refused.
    pub name: MaybeUndefined<String>,
    /// At most 5000 characters. Null clears it.
    pub description: MaybeUndefined<String>,
    /// In the restaurant's currency, with no more digits than it has; less than 1000000. Required, so null is refused.
    pub price: MaybeUndefined<Decimal>,
    /// At most 50 characters. Required, so null is refused.
    pub category: MaybeUndefined<String>,
    /// An http or https URL of at most 255 characters. Null clears it.
    pub image_url: MaybeUndefined<String>,
    /// Required, so null is refused.
    pub is_available: MaybeUndefined<bool>,
}

/// What `deleteDish` is given.
#[derive(Clone, Debug, InputObject)]
pub struct DeleteDishInput {
    /// A dish of one's own restaurant; admins name any.
    pub id: ID,
}

/// What `createDish` gives back.
#[derive(SimpleObject)]
pub struct CreateDishPayload {
    /// As it is on the menu.
    pub dish: Dish,
}

/// What `updateDish` gives back.
#[derive(SimpleObject)]
pub struct UpdateDishPayload {
    /// As it is now.
    pub dish: Dish,
}

/// What `deleteDish` gives back.
#[derive(SimpleObject)]
pub struct DeleteDishPayload {
    /// The id that the dish had: drop it from caches.
    pub deleted_dish_id: ID,
    /// The menu that it was on.
    pub menu: Menu,
}
