//! The statements behind menus.

use std::{collections::HashMap, sync::Arc};

use async_graphql::dataloader::Loader;
use entity::{menus, restaurants};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, QueryFilter, QueryTrait,
    sea_query::{Expr, ExprTrait, SelectStatement},
};

use crate::{
    dialect,
    graphql::{
        error::{Error, Result},
        ids::{MenuId, RestaurantId},
        loaders::Reader,
        row::Row,
    },
    viewer::Viewer,
};

impl Row for menus::Model {
    type Id = MenuId;
    type IdColumn = menus::Column;
    const ID_COLUMN: menus::Column = menus::Column::Id;

    fn id(&self) -> MenuId {
        MenuId(self.id)
    }

    fn select() -> SelectStatement {
        let mut select = menus::Entity::find().into_query();
        select.inner_join(
            restaurants::Entity,
            Expr::col(restaurants::Column::Id.as_column_ref()).equals(menus::Column::RestaurantId.as_column_ref()),
        );
        select
    }

    /// Those of the restaurants that the viewer may know of.
    fn visible_to(viewer: &Viewer, backend: DbBackend) -> Condition {
        restaurants::Model::visible_to(viewer, backend)
    }
}

/// Loader key: a restaurant's menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MenuOfRestaurant(pub RestaurantId);

impl Loader<MenuOfRestaurant> for Reader {
    type Value = Arc<menus::Model>;
    type Error = Error;

    async fn load(&self, keys: &[MenuOfRestaurant]) -> Result<HashMap<MenuOfRestaurant, Arc<menus::Model>>> {
        let db = &self.app.db;
        let of_these =
            dialect::any_of(db.get_database_backend(), menus::Column::RestaurantId, keys.iter().map(|key| key.0.0));
        let menus = menus::Entity::find().filter(of_these).all(db).await?;
        Ok(menus.into_iter().map(|menu| (MenuOfRestaurant(RestaurantId(menu.restaurant_id)), Arc::new(menu))).collect())
    }
}
