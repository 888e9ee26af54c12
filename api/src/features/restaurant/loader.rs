//! The statements behind restaurants and their lists.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use entity::{restaurant_members, restaurants, users};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, QueryFilter, QueryOrder, QueryTrait, sea_query::SelectStatement,
};

use crate::{
    dialect,
    graphql::{
        error::{Error, Result},
        ids::{GlobalId, RestaurantId, UserId},
        list::List,
        loaders::{Reader, grouped},
        row::Row,
        search,
        sort::{KeyKind, KeyValue, Position, Sort, SortKey},
    },
    viewer::Viewer,
};

use super::types::{RestaurantMember, RestaurantOrderBy};

impl Row for restaurants::Model {
    type Id = RestaurantId;
    type IdColumn = restaurants::Column;
    const ID_COLUMN: restaurants::Column = restaurants::Column::Id;

    fn id(&self) -> RestaurantId {
        RestaurantId(self.id)
    }

    fn select() -> SelectStatement {
        restaurants::Entity::find().into_query()
    }

    /// The active ones, one's own, and all for admins.
    fn visible_to(viewer: &Viewer, backend: DbBackend) -> Condition {
        if viewer.is_admin() {
            return Condition::all();
        }
        Condition::any().add(restaurants::Column::IsActive.eq(true)).add(dialect::any_of(
            backend,
            restaurants::Column::Id,
            viewer.restaurants(),
        ))
    }
}

/// Restaurants for customers to choose from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Restaurants {
    pub cuisine_type: Option<String>,
    /// Folded; see [`search::term`].
    pub search: Option<String>,
    /// Also those not on sale, as far as the viewer may know of them.
    pub include_inactive: bool,
}

impl List for Restaurants {
    type Row = restaurants::Model;
    type Sort = RestaurantOrderBy;

    fn select(&self, viewer: &Viewer, backend: DbBackend) -> SelectStatement {
        let mut select = restaurants::Model::select();
        if self.include_inactive {
            select.cond_where(restaurants::Model::visible_to(viewer, backend));
        } else {
            select.and_where(restaurants::Column::IsActive.eq(true));
        }
        if let Some(cuisine_type) = &self.cuisine_type {
            select.and_where(restaurants::Column::CuisineType.eq(cuisine_type));
        }
        if let Some(term) = &self.search {
            select.and_where(search::contains(restaurants::Column::SearchText, term));
        }
        select
    }
}

impl Sort<restaurants::Model> for RestaurantOrderBy {
    fn name(self) -> &'static str {
        match self {
            RestaurantOrderBy::AvgRating => "restaurants by rating",
            RestaurantOrderBy::TotalOrders => "restaurants by orders",
            RestaurantOrderBy::Name => "restaurants by name",
        }
    }

    fn descending(self) -> bool {
        match self {
            RestaurantOrderBy::AvgRating | RestaurantOrderBy::TotalOrders => true,
            RestaurantOrderBy::Name => false,
        }
    }

    fn keys(self) -> Vec<SortKey> {
        let first = match self {
            RestaurantOrderBy::AvgRating => SortKey::new(restaurants::Column::AvgRating, KeyKind::Decimal),
            RestaurantOrderBy::TotalOrders => SortKey::new(restaurants::Column::TotalOrders, KeyKind::Integer),
            // The search text starts with the folded name, so that A to Z is the same on both databases and in any script.
            RestaurantOrderBy::Name => SortKey::new(restaurants::Column::SearchText, KeyKind::Text),
        };
        vec![first, SortKey::new(restaurants::Column::Id, KeyKind::Integer)]
    }

    fn position(self, row: &restaurants::Model) -> Position {
        let first = match self {
            RestaurantOrderBy::AvgRating => KeyValue::Decimal(row.avg_rating),
            RestaurantOrderBy::TotalOrders => KeyValue::Integer(row.total_orders.into()),
            RestaurantOrderBy::Name => KeyValue::text(&row.search_text),
        };
        Position(vec![first, KeyValue::Integer(row.id.into())])
    }
}

/// Loader key: a restaurant's staff, in the order they were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MembersOfRestaurant(pub RestaurantId);

impl Loader<MembersOfRestaurant> for Reader {
    type Value = Vec<RestaurantMember>;
    type Error = Error;

    async fn load(&self, keys: &[MembersOfRestaurant]) -> Result<HashMap<MembersOfRestaurant, Vec<RestaurantMember>>> {
        let db = &self.app.db;
        let restaurants = keys.iter().map(|key| key.0.0);
        let members = restaurant_members::Entity::find()
            .filter(dialect::any_of(db.get_database_backend(), restaurant_members::Column::RestaurantId, restaurants))
            .order_by_asc(restaurant_members::Column::CreatedAt)
            .order_by_asc(restaurant_members::Column::UserId)
            .find_also_related(users::Entity)
            .all(db)
            .await?;
        let members = members.into_iter().filter_map(|(member, user)| {
            let shown = RestaurantMember {
                user_id: UserId(member.user_id).to_global(),
                email: user?.email,
                added_at: member.created_at.into(),
            };
            Some((MembersOfRestaurant(RestaurantId(member.restaurant_id)), shown))
        });
        Ok(grouped(keys, members))
    }
}
