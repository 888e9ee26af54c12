//! The SQL behind users, their sessions and their restaurants.

use std::ops::Deref;

use entity::{
    columns::{Cells, Columns, Partial, joined},
    restaurant_members, restaurants, sessions, users,
};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, DbErr,
    prelude::DateTimeWithTimeZone,
    sea_query::{Expr, ExprTrait, Query, SelectStatement, SimpleExpr},
};

use crate::{
    database::literal,
    domain::{
        ids::{SessionId, UserId},
        viewer::Viewer,
    },
    features::account::types::Role,
    graphql::{
        list::{Children, List},
        row::Row,
        search,
        sort::{IdOrder, KeyKind, KeyValue, Sort, SortKey, SortPosition},
    },
};

impl Row for users::Model {
    type Id = UserId;
    type IdColumn = users::Column;
    const ID_COLUMN: users::Column = users::Column::Id;

    fn id(&self) -> UserId {
        UserId(self.id)
    }

    fn source() -> SelectStatement {
        Query::select().from(users::Entity).to_owned()
    }

    /// Oneself, and all for admins.
    fn visible_to(viewer: &Viewer, _: DbBackend) -> Condition {
        if viewer.is_admin() {
            return Condition::all();
        }
        match viewer.user() {
            Some(user) => Condition::all().add(users::Column::Id.eq(user.id.0)),
            None => Condition::all().add(literal::never()),
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

    fn source() -> SelectStatement {
        Query::select().from(sessions::Entity).to_owned()
    }

    /// One's own, and all for admins.
    fn visible_to(viewer: &Viewer, _: DbBackend) -> Condition {
        if viewer.is_admin() {
            return Condition::all();
        }
        match viewer.user() {
            Some(user) => Condition::all().add(sessions::Column::UserId.eq(user.id.0)),
            None => Condition::all().add(literal::never()),
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

    fn select(&self, viewer: &Viewer, backend: DbBackend, _: Columns) -> SelectStatement {
        let mut select = users::Model::source();
        select.cond_where(users::Model::visible_to(viewer, backend));
        if let Some(term) = &self.search {
            let found = Condition::all().add(search::contains(users::Column::SearchText, term));
            search::keep_found::<users::Model>(backend, &mut select, term, found);
        }
        if let Some(role) = self.role {
            select.and_where(literal::eq(users::Column::Role, entity::sea_orm_active_enums::UserRole::from(role)));
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

    fn position(self, row: &users::Model) -> SortPosition {
        SortPosition(vec![KeyValue::Integer(row.id.into())])
    }
}

/// How many of the restaurants whose staff a user is are given at once.
pub const MAXIMUM_RESTAURANTS: u32 = 500;
/// How many open sessions are given at once.
pub const MAXIMUM_SESSIONS: u32 = 500;

/// The restaurants whose staff a user is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RestaurantsOfUser;

/// A restaurant, and since when a user is on its staff.
#[derive(Clone, Debug)]
pub struct Membership {
    pub restaurant: restaurants::Model,
    pub user_id: i32,
    pub member_since: DateTimeWithTimeZone,
}

impl Deref for Membership {
    type Target = restaurants::Model;

    fn deref(&self) -> &restaurants::Model {
        &self.restaurant
    }
}

/// How many columns a restaurant has of its own.
const OWN: usize = restaurants::Model::NAMES.len();

/// The restaurant's columns first, in their places there: whoever asks for a restaurant's columns gets them.
impl Partial for Membership {
    const NAMES: &'static [&'static str] =
        &joined::<{ OWN + 2 }>(restaurants::Model::NAMES, &["user_id", "member_since"]);

    fn expression(place: usize) -> SimpleExpr {
        const OF_MEMBER: [restaurant_members::Column; 2] =
            [restaurant_members::Column::UserId, restaurant_members::Column::CreatedAt];
        match place.checked_sub(OWN) {
            None => restaurants::Model::expression(place),
            Some(place) => Expr::col(OF_MEMBER[place].as_column_ref()),
        }
    }

    fn read(cells: &mut Cells<'_>) -> Result<Self, DbErr> {
        Ok(Membership {
            restaurant: restaurants::Model::read(cells)?,
            user_id: cells.cell()?,
            member_since: cells.cell()?,
        })
    }
}

impl List for RestaurantsOfUser {
    type Row = Membership;
    type Sort = IdOrder;

    fn select(&self, _: &Viewer, _: DbBackend, _: Columns) -> SelectStatement {
        let member = |column: restaurant_members::Column| Expr::col(column.as_column_ref());
        let mut select = Query::select().from(restaurants::Entity).to_owned();
        select.inner_join(
            restaurant_members::Entity,
            member(restaurant_members::Column::RestaurantId).equals(restaurants::Column::Id.as_column_ref()),
        );
        select
    }
}

impl Children for RestaurantsOfUser {
    type Parent = UserId;
    type ParentColumn = restaurant_members::Column;
    const PARENT_COLUMN: restaurant_members::Column = restaurant_members::Column::UserId;

    fn parent(row: &Membership) -> UserId {
        UserId(row.user_id)
    }
}

impl Sort<Membership> for IdOrder {
    fn name(self) -> &'static str {
        "restaurants of a user"
    }

    fn descending(self) -> bool {
        false
    }

    fn keys(self) -> Vec<SortKey> {
        vec![SortKey::new(restaurants::Column::Id, KeyKind::Integer)]
    }

    fn position(self, row: &Membership) -> SortPosition {
        SortPosition(vec![KeyValue::Integer(row.restaurant.id.into())])
    }
}

/// The viewer's own sessions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OwnSessions {
    /// Also those that have ended and are kept for a time.
    All,
    /// Those that have neither ended nor expired at this moment.
    Open(chrono::DateTime<chrono::Utc>),
}

impl List for OwnSessions {
    type Row = sessions::Model;
    type Sort = SessionOrder;

    fn select(&self, viewer: &Viewer, _: DbBackend, _: Columns) -> SelectStatement {
        let mut select = sessions::Model::source();
        select.and_where(sessions::Column::UserId.eq(viewer.user().map(|user| user.id.0)));
        if let OwnSessions::Open(now) = self {
            select.and_where(sessions::Column::EndedAt.is_null()).and_where(sessions::Column::ExpiresAt.gt(*now));
        }
        select
    }
}

/// How lists of sessions are sorted; ties by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionOrder {
    LastUsedFirst,
    /// The order in which they were opened.
    OldestFirst,
}

impl Sort<sessions::Model> for SessionOrder {
    fn name(self) -> &'static str {
        match self {
            SessionOrder::LastUsedFirst => "sessions, last used first",
            SessionOrder::OldestFirst => "sessions, oldest first",
        }
    }

    fn descending(self) -> bool {
        match self {
            SessionOrder::LastUsedFirst => true,
            SessionOrder::OldestFirst => false,
        }
    }

    fn keys(self) -> Vec<SortKey> {
        let id = SortKey::new(sessions::Column::Id, KeyKind::Integer);
        match self {
            SessionOrder::LastUsedFirst => vec![SortKey::new(sessions::Column::LastUsedAt, KeyKind::Time), id],
            SessionOrder::OldestFirst => vec![id],
        }
    }

    fn position(self, row: &sessions::Model) -> SortPosition {
        let id = KeyValue::Integer(row.id.into());
        match self {
            SessionOrder::LastUsedFirst => SortPosition(vec![KeyValue::Time(row.last_used_at.to_utc()), id]),
            SessionOrder::OldestFirst => SortPosition(vec![id]),
        }
    }
}
