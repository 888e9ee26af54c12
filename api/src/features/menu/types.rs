//! What clients see of menus.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use entity::{menus, restaurants};

use crate::{
    features::{
        dish::{
            Dish,
            loader::DishesOfMenu,
            types::{DishFilter, DishOrderBy},
        },
        restaurant::Restaurant,
    },
    graphql::{
        connection::Connection,
        context::OperationContext,
        error::Result,
        ids::{GlobalId, RestaurantId},
        limits, list,
        page::PageArguments,
        row::{ById, Row},
    },
};

#[derive(Clone, Debug)]
pub struct Menu(pub Arc<menus::Model>);

/// What a restaurant offers.
#[Object]
impl Menu {
    pub async fn id(&self) -> ID {
        self.0.id().to_global()
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Null when there is none.
    #[graphql(complexity = "limits::text(5000)")]
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    async fn restaurant(&self, ctx: &Context<'_>) -> Result<Restaurant> {
        let key = ById::<restaurants::Model>(RestaurantId(self.0.restaurant_id));
        ctx.loaders().load_existing(key).await.map(Restaurant)
    }

    /// Its dishes, also those that are not available now. A page has 20 entries unless asked otherwise, and at most 100.
    #[expect(clippy::too_many_arguments, reason = "the contract's arguments")]
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn dishes(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<DishFilter>,
        #[graphql(default_with = "DishOrderBy::Category")] order_by: DishOrderBy,
    ) -> Result<Connection<Dish>> {
        let page = PageArguments::new(first, after, last, before).in_order(order_by)?;
        let dishes = DishesOfMenu(filter.unwrap_or_default().decode()?);
        list::page_of_parent(ctx, self.0.id(), dishes, page, Dish).await
    }
}

#[derive(Clone, Debug, InputObject)]
pub struct UpdateMenuInput {
    pub id: ID,
    /// At most 100 characters. Required, so null is refused.
    pub name: MaybeUndefined<String>,
    /// At most 5000 characters. Null clears it.
    pub description: MaybeUndefined<String>,
}

#[derive(SimpleObject)]
pub struct UpdateMenuPayload {
    pub menu: Menu,
}
