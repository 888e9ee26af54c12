//! The GraphQL types of menus.

use std::sync::Arc;

use async_graphql::{ID, InputObject, MaybeUndefined, SimpleObject};
use entity::menus;

use crate::{
    domain::{
        error::Result,
        ids::{GlobalId, MenuId, RestaurantId},
    },
    features::{
        dish::{
            Dish,
            finder::DishesOfMenu,
            types::{DishFilter, DishOrderBy},
        },
        restaurant::Restaurant,
    },
    graphql::{
        limits,
        list::{self, PageOfParent},
        page::PageArguments,
        plan::{One, object},
    },
};

#[derive(Clone, Debug)]
pub struct Menu(pub Arc<menus::Model>);

/// What a restaurant offers.
#[object(row = menus::Model)]
impl Menu {
    /// Opaque, and unique over all types.
    fn id(id: &i32) -> ID {
        MenuId(*id).to_global()
    }

    /// What it is called.
    fn name(name: &str) -> &str {
        name
    }

    /// Null when there is none.
    #[graphql(complexity = "limits::text(5000)")]
    fn description(description: &Option<String>) -> Option<&str> {
        description.as_deref()
    }

    /// Whose menu it is.
    fn restaurant(restaurant_id: &i32) -> One<Restaurant> {
        One(RestaurantId(*restaurant_id))
    }

    /// Its dishes, also those that are not available now. A page has 20 entries unless asked otherwise, and at most 100.
    fn dishes(
        id: &i32,
        #[page] page: PageArguments,
        #[arg] filter: Option<DishFilter>,
        #[arg(default = DishOrderBy::Category)] order_by: DishOrderBy,
    ) -> Result<PageOfParent<DishesOfMenu, Dish>> {
        let page = page.in_order(order_by)?;
        Ok(list::page_of_parent(MenuId(*id), DishesOfMenu(filter.unwrap_or_default().decode()?), page))
    }
}

/// What `updateMenu` is given.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateMenuInput {
    /// The menu of one's own restaurant; admins name any.
    pub id: ID,
    /// At most 100 characters. Required, so null is refused.
    pub name: MaybeUndefined<String>,
    /// At most 5000 characters. Null clears it.
    pub description: MaybeUndefined<String>,
}

/// What `updateMenu` gives back.
#[derive(SimpleObject)]
pub struct UpdateMenuPayload {
    /// As it is now.
    pub menu: Menu,
}
