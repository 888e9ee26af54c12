//! The SQL behind restaurants, their lists and their staff.

use entity::{
    columns::{Cells, Columns, Partial},
    restaurant_members, restaurants, users,
};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, DbErr,
    prelude::DateTimeWithTimeZone,
    sea_query::{Expr, ExprTrait, Query, SelectStatement, SimpleExpr},
};

use crate::{
    database::{dialect, literal},
    domain::{ids::RestaurantId, viewer::Viewer},
    features::restaurant::types::RestaurantOrderBy,
    graphql::{
        list::{Children, List},
        row::Row,
        search,
        sort::{KeyKind, KeyValue, Sort, SortKey, SortPosition},
    },
};

impl Row for restaurants::Model {
    type Id = RestaurantId;
    type IdColumn = restaurants::Column;
    const ID_COLUMN: restaurants::Column = restaurants::Column::Id;

    fn id(&self) -> RestaurantId {
        RestaurantId(self.id)
    }

    fn source() -> SelectStatement {
        Query::select().from(restaurants::Entity).to_owned()
    }

    /// Active restaurants, one's own, and all for admins.
    fn visible_to(viewer: &Viewer, backend: DbBackend) -> Condition {
        if viewer.is_admin() {
            return Condition::all();
        }
        Condition::any().add(literal::eq(restaurants::Column::IsActive, true)).add(dialect::any_of(
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

    fn select(&self, viewer: &Viewer, backend: DbBackend, _: Columns) -> SelectStatement {
        let mut select = restaurants::Model::source();
        if self.include_inactive {
            select.cond_where(restaurants::Model::visible_to(viewer, backend));
        } else {
            select.and_where(literal::eq(restaurants::Column::IsActive, true));
        }
        if let Some(cuisine_type) = &self.cuisine_type {
            select.and_where(restaurants::Column::CuisineType.eq(cuisine_type));
        }
        if let Some(term) = &self.search {
            let found = Condition::all().add(search::contains(restaurants::Column::SearchText, term));
            search::keep_found::<restaurants::Model>(backend, &mut select, term, found);
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

    fn position(self, row: &restaurants::Model) -> SortPosition {
        let first = match self {
            RestaurantOrderBy::AvgRating => KeyValue::Decimal(row.avg_rating),
            RestaurantOrderBy::TotalOrders => KeyValue::Integer(row.total_orders.into()),
            RestaurantOrderBy::Name => KeyValue::text(&row.search_text),
        };
        SortPosition(vec![first, KeyValue::Integer(row.id.into())])
    }
}

/// How many of a restaurant's staff are given at once.
pub const MAXIMUM_MEMBERS: u32 = 500;

/// The staff of a restaurant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MembersOfRestaurant;

/// Somebody on the staff of a restaurant.
#[derive(Clone, Debug)]
pub struct Member {
    pub restaurant_id: i32,
    pub user_id: i32,
    pub created_at: DateTimeWithTimeZone,
    pub email: String,
}

impl Partial for Member {
    const NAMES: &'static [&'static str] = &["restaurant_id", "user_id", "created_at", "email"];

    fn expression(place: usize) -> SimpleExpr {
        let columns = [
            restaurant_members::Column::RestaurantId.as_column_ref(),
            restaurant_members::Column::UserId.as_column_ref(),
            restaurant_members::Column::CreatedAt.as_column_ref(),
            users::Column::Email.as_column_ref(),
        ];
        Expr::col(columns[place].clone())
    }

    fn read(cells: &mut Cells<'_>) -> Result<Self, DbErr> {
        Ok(Member {
            restaurant_id: cells.cell()?,
            user_id: cells.cell()?,
            created_at: cells.cell()?,
            email: cells.cell()?,
        })
    }
}

impl List for MembersOfRestaurant {
    type Row = Member;
    type Sort = OrderAdded;

    fn select(&self, _: &Viewer, _: DbBackend, _: Columns) -> SelectStatement {
        let user = |column: users::Column| Expr::col(column.as_column_ref());
        let mut select = Query::select().from(restaurant_members::Entity).to_owned();
        select.inner_join(
            users::Entity,
            user(users::Column::Id).equals(restaurant_members::Column::UserId.as_column_ref()),
        );
        select
    }
}

impl Children for MembersOfRestaurant {
    type Parent = RestaurantId;
    type ParentColumn = restaurant_members::Column;
    const PARENT_COLUMN: restaurant_members::Column = restaurant_members::Column::RestaurantId;

    fn parent(row: &Member) -> RestaurantId {
        RestaurantId(row.restaurant_id)
    }
}

/// The order in which the staff of a restaurant was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OrderAdded;

impl Sort<Member> for OrderAdded {
    fn name(self) -> &'static str {
        "staff"
    }

    fn descending(self) -> bool {
        false
    }

    fn keys(self) -> Vec<SortKey> {
        vec![
            SortKey::new(restaurant_members::Column::CreatedAt, KeyKind::Time),
            SortKey::new(restaurant_members::Column::UserId, KeyKind::Integer),
        ]
    }

    fn position(self, row: &Member) -> SortPosition {
        SortPosition(vec![KeyValue::Time(row.created_at.to_utc()), KeyValue::Integer(row.user_id.into())])
    }
}
