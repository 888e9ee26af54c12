//! The SQL behind menus.

use std::{collections::HashMap, sync::Arc};

use entity::{columns::Columns, menus, restaurants};
use sea_orm::{
    ColumnTrait, Condition, DbBackend,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};

use crate::{
    database::{
        columns::{column_of, read},
        dialect,
    },
    domain::{
        error::Result,
        ids::{MenuId, RestaurantId},
        viewer::Viewer,
    },
    graphql::{loaders::Reader, plan::Batch, row::Row},
};

impl Row for menus::Model {
    type Id = MenuId;
    type IdColumn = menus::Column;
    const ID_COLUMN: menus::Column = menus::Column::Id;

    fn id(&self) -> MenuId {
        MenuId(self.id)
    }

    fn source() -> SelectStatement {
        let mut select = Query::select().from(menus::Entity).to_owned();
        select.inner_join(
            restaurants::Entity,
            Expr::col(restaurants::Column::Id.as_column_ref()).equals(menus::Column::RestaurantId.as_column_ref()),
        );
        select
    }

    /// Joined with the restaurant, which decides the visibility.
    fn source_of(_: Columns) -> SelectStatement {
        Query::select().from(menus::Entity).to_owned()
    }

    /// Those of the restaurants that the viewer may know of.
    fn visible_to(viewer: &Viewer, backend: DbBackend) -> Condition {
        restaurants::Model::visible_to(viewer, backend)
    }
}

/// Loader key: a restaurant's menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MenuOfRestaurant(pub RestaurantId);

impl Batch for MenuOfRestaurant {
    type Value = Arc<menus::Model>;

    async fn load(reader: &Reader, keys: &[Self], columns: Columns) -> Result<HashMap<Self, Arc<menus::Model>>> {
        let db = &reader.app.db;
        let restaurants = keys.iter().map(|key| key.0.0);
        let mut select = menus::Model::source_of(columns);
        select.and_where(dialect::any_of(db.get_database_backend(), menus::Column::RestaurantId, restaurants));
        let columns = columns
            .and(column_of::<menus::Model>(&menus::Column::Id))
            .and(column_of::<menus::Model>(&menus::Column::RestaurantId));
        let menus: Vec<menus::Model> = read(db, select, columns).await?;
        Ok(menus.into_iter().map(|menu| (MenuOfRestaurant(RestaurantId(menu.restaurant_id)), Arc::new(menu))).collect())
    }
}
