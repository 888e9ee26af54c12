//! The statements behind users.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use entity::{restaurant_members, restaurants, sessions, users};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, FromQueryResult, QueryTrait,
    sea_query::{Alias, Expr, ExprTrait, SelectStatement},
};

use super::types::Role;
use crate::{
    dialect,
    graphql::{
        error::{Error, Result},
        ids::{SessionId, UserId},
        list::List,
        loaders::{Reader, grouped},
        row::Row,
        search,
        sort::{IdOrder, KeyKind, KeyValue, Position, Sort, SortKey},
    },
    viewer::Viewer,
};

impl Row for users::Model {
    type Id = UserId;
    type IdColumn = users::Column;
    const ID_COLUMN: users::Column = users::Column::Id;

    fn id(&self) -> UserId {
        UserId(self.id)
    }

    fn select() -> SelectStatement {
        users::Entity::find().into_query()
    }

    /// Oneself, and all for admins.
    fn visible_to(viewer: &Viewer, _: DbBackend) -> Condition {
        if viewer.is_admin() {
            return Condition::all();
        }
        match viewer.user() {
            Some(user) => Condition::all().add(users::Column::Id.eq(user.id.0)),
            None => Condition::all().add(Expr::val(false)),
        }
    }
}

impl Row for sessions::Model {
    type Id = SessionId;
    type IdColumn = sessions::Column;
    const ID_COLUMN: sessions::Column = sessions::Column::Id;

    fn id(&self) -> SessionId {
        SessionId(self.id)
    }

    fn select() -> SelectStatement {
        sessions::Entity::find().into_query()
    }

    /// One's own, and all for admins.
    fn visible_to(viewer: &Viewer, _: DbBackend) -> Condition {
        if viewer.is_admin() {
            return Condition::all();
        }
        match viewer.user() {
            Some(user) => Condition::all().add(sessions::Column::UserId.eq(user.id.0)),
            None => Condition::all().add(Expr::val(false)),
        }
    }
}

/// The users that the viewer may know of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Users {
    /// Folded; see [`search::term`].
    pub search: Option<String>,
    pub role: Option<Role>,
}

impl List for Users {
    type Row = users::Model;
    type Sort = IdOrder;

    fn select(&self, viewer: &Viewer, backend: DbBackend) -> SelectStatement {
        let mut select = users::Model::select();
        select.cond_where(users::Model::visible_to(viewer, backend));
        if let Some(term) = &self.search {
            select.and_where(search::contains(users::Column::SearchText, term));
        }
        if let Some(role) = self.role {
            select.and_where(users::Column::Role.eq(entity::sea_orm_active_enums::UserRole::from(role)));
        }
        select
    }
}

impl Sort<users::Model> for IdOrder {
    fn name(self) -> &'static str {
        "users"
    }

    fn descending(self) -> bool {
        false
    }

    fn keys(self) -> Vec<SortKey> {
        vec![SortKey::new(users::Column::Id, KeyKind::Integer)]
    }

    fn position(self, row: &users::Model) -> Position {
        Position(vec![KeyValue::Integer(row.id.into())])
    }
}

/// Loader key: the restaurants whose staff the user is, by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RestaurantsOfUser(pub UserId);

#[derive(FromQueryResult)]
struct Membership {
    #[sea_orm(nested)]
    restaurant: restaurants::Model,
    user_id: i32,
}

impl Loader<RestaurantsOfUser> for Reader {
    type Value = Vec<restaurants::Model>;
    type Error = Error;

    async fn load(&self, keys: &[RestaurantsOfUser]) -> Result<HashMap<RestaurantsOfUser, Vec<restaurants::Model>>> {
        let db = &self.app.db;
        let backend = db.get_database_backend();
        let member = |column: restaurant_members::Column| Expr::col(column.as_column_ref());
        let mut select = restaurants::Entity::find().into_query();
        select
            .inner_join(
                restaurant_members::Entity,
                member(restaurant_members::Column::RestaurantId).equals(restaurants::Column::Id.as_column_ref()),
            )
            .expr_as(member(restaurant_members::Column::UserId), Alias::new("user_id"))
            .and_where(dialect::any_of(backend, restaurant_members::Column::UserId, keys.iter().map(|key| key.0.0)))
            .order_by(restaurants::Column::Id.as_column_ref(), sea_orm::Order::Asc);
        let memberships = Membership::find_by_statement(backend.build(&select)).all(db).await?;
        Ok(grouped(keys, memberships.into_iter().map(|row| (RestaurantsOfUser(UserId(row.user_id)), row.restaurant))))
    }
}
