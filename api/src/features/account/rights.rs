//! Reads the rights of users from the database: for an access token, for those who are connected, and for a user who has just signed in.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{customers, drivers, refresh_tokens, restaurant_members, sea_orm_active_enums::UserRole, sessions, users};
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, QuerySelect, QueryTrait,
    sea_query::{Alias, Expr, ExprTrait, Order, SelectStatement},
};

use super::User;
use crate::{
    database::{Pool, dialect, literal},
    domain::{
        clock,
        error::Result,
        ids::{CustomerId, DriverId, RestaurantId, SessionId, UserId},
        viewer::{Rights, SignedIn, Viewer},
    },
    graphql::{loaders::Reader, plan::SeenBy},
};

/// The rights of a session's user.
pub struct RightsInSession {
    pub rights: Rights,
    /// Whether no token of the generation was used before now.
    pub is_unused: bool,
}

#[derive(FromQueryResult)]
struct RightsRow {
    role: UserRole,
    customer_id: Option<i32>,
    driver_id: Option<i32>,
    restaurant_id: Option<i32>,
}

#[derive(FromQueryResult)]
struct SessionRow {
    session_id: i32,
    is_unused: bool,
    #[sea_orm(nested)]
    rights: RightsRow,
}

/// The rights of a session's user. None where the session has ended or the user is inactive, and for tokens of a generation that was
/// replaced. A generation is given as its number and when the token was issued.
pub async fn rights_in_session(
    db: &Pool,
    user: UserId,
    session: SessionId,
    generation: Option<(i32, DateTime<Utc>)>,
) -> Result<Option<RightsInSession>> {
    let mut select = select_rights(users_in_sessions());
    join_generation(&mut select, generation);
    select.and_where(users::Column::Id.eq(user.0)).and_where(sessions::Column::Id.eq(session.0));
    let rows = SessionRow::find_by_statement(db.get_database_backend().build(&select)).all(db).await?;
    let is_unused = rows.first().is_some_and(|row| row.is_unused);
    Ok(rights(rows.iter().map(|row| &row.rights)).map(|rights| RightsInSession { rights, is_unused }))
}

/// The rights of the users of these sessions, in one statement for the whole batch. A session that has ended is left out.
pub async fn rights_in_sessions(db: &Pool, sessions: &[SessionId]) -> Result<HashMap<SessionId, Rights>> {
    let backend = db.get_database_backend();
    let mut select = select_rights(users_in_sessions());
    select
        .and_where(dialect::any_of(backend, sessions::Column::Id, sessions.iter().map(|session| session.0)))
        .expr_as(Expr::val(false), Alias::new("is_unused"))
        .order_by(sessions::Column::Id.as_column_ref(), Order::Asc);
    let rows = SessionRow::find_by_statement(backend.build(&select)).all(db).await?;
    let found = rows.chunk_by(|row, other| row.session_id == other.session_id);
    let found = found.filter_map(|rows| {
        let rights = rights(rows.iter().map(|row| &row.rights))?;
        Some((SessionId(rows.first()?.session_id), rights))
    });
    Ok(found.collect())
}

/// The user, shown with the user's own rights, for a caller that has just proved to be this user but was anonymous or somebody else when it
/// asked. An inactive user sees what the anonymous see.
pub fn seen_by_user(user: users::Model, session: Option<SessionId>) -> SeenBy<User> {
    let id = UserId(user.id);
    SeenBy::new(User(user.into()), move |reader| async move { viewer(&reader, id, session).await })
}

/// The same without such a proof: shown with the rights of the caller.
pub fn seen_by_asker(user: users::Model) -> SeenBy<User> {
    SeenBy::new(User(user.into()), |reader| async move { Ok(reader.viewer) })
}

async fn viewer(reader: &Reader, user: UserId, session: Option<SessionId>) -> Result<Viewer> {
    let db = &reader.app.db;
    let mut select = select_rights(users());
    select.and_where(users::Column::Id.eq(user.0));
    let rows = RightsRow::find_by_statement(db.get_database_backend().build(&select)).all(db).await?;
    Ok(match rights(rows.iter()) {
        Some(rights) => Viewer::User(Arc::new(SignedIn::new(user, session, None, rights))),
        None => Viewer::Anonymous,
    })
}

/// The rights that the rows of one user add up to.
fn rights<'a>(mut rows: impl Iterator<Item = &'a RightsRow>) -> Option<Rights> {
    let first = rows.next()?;
    let restaurants =
        std::iter::once(first).chain(rows).filter_map(|row| row.restaurant_id.map(RestaurantId)).collect();
    let (customer, driver) = (first.customer_id.map(CustomerId), first.driver_id.map(DriverId));
    Some(Rights::new(first.role, customer, driver, restaurants))
}

/// The active users with their roles.
fn users() -> SelectStatement {
    let mut select = users::Entity::find().select_only().column(users::Column::Role).into_query();
    select.and_where(literal::eq(users::Column::IsActive, true));
    select
}

/// The active users, a row for each of their open sessions.
fn users_in_sessions() -> SelectStatement {
    let mut select = users();
    let of_user = Expr::col(sessions::Column::UserId.as_column_ref()).equals(users::Column::Id.as_column_ref());
    select
        .inner_join(sessions::Entity, of_user)
        .expr_as(Expr::col(sessions::Column::Id.as_column_ref()), Alias::new("session_id"))
        .and_where(sessions::Column::EndedAt.is_null())
        .and_where(sessions::Column::ExpiresAt.gt(clock::now()));
    select
}

/// Everything that rights depend on: a row for each restaurant whose staff the user is.
fn select_rights(mut users: SelectStatement) -> SelectStatement {
    let user_id = || users::Column::Id.as_column_ref();
    users
        .left_join(customers::Entity, Expr::col(customers::Column::UserId.as_column_ref()).equals(user_id()))
        .left_join(drivers::Entity, Expr::col(drivers::Column::UserId.as_column_ref()).equals(user_id()))
        .left_join(
            restaurant_members::Entity,
            Expr::col(restaurant_members::Column::UserId.as_column_ref()).equals(user_id()),
        )
        .expr_as(Expr::col(customers::Column::Id.as_column_ref()), Alias::new("customer_id"))
        .expr_as(Expr::col(drivers::Column::Id.as_column_ref()), Alias::new("driver_id"))
        .expr_as(Expr::col(restaurant_members::Column::RestaurantId.as_column_ref()), Alias::new("restaurant_id"));
    users
}

/// Leaves out a session whose tokens of this generation were replaced, and tells whether they were used before.
///
/// A token that was issued before its generation does not belong to it: after a restore from a backup, the numbers of lost users and
/// sessions are given out again.
fn join_generation(select: &mut SelectStatement, generation: Option<(i32, DateTime<Utc>)>) {
    use refresh_tokens::Column;
    let column = |column: Column| Expr::col(column.as_column_ref());
    let is_unused = match generation {
        Some((generation, issued_at)) => {
            // Tokens carry whole seconds.
            let issued_before = issued_at + TimeDelta::seconds(1);
            let of_session = column(Column::SessionId).equals(sessions::Column::Id.as_column_ref());
            select
                .inner_join(refresh_tokens::Entity, of_session.and(column(Column::Generation).eq(generation)))
                .and_where(Column::CreatedAt.lt(issued_before))
                .and_where(Column::ReplacedAt.is_null());
            column(Column::ConfirmedAt).is_null()
        }
        // From before generations, or of a connection that has used its token.
        None => Expr::val(false),
    };
    select.expr_as(is_unused, Alias::new("is_unused"));
}
