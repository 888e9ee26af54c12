//! Who asks: the one place where a viewer is made, from the access token that a request or a socket brings.

use std::{collections::HashMap, sync::Arc, time::Instant};

use axum::http::{HeaderMap, header::AUTHORIZATION};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{customers, drivers, refresh_tokens, restaurant_members, sea_orm_active_enums::UserRole, sessions, users};
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, QuerySelect, QueryTrait,
    sea_query::{Alias, Expr, ExprTrait, Order, SelectStatement},
};
use serde_json::Value as Json;

use crate::{
    access_token::Claims,
    app::App,
    clock,
    database::Pool,
    dialect,
    features::account::service::generation_confirm,
    graphql::{
        error::{Code, Error, Result},
        execute::Payer,
        ids::{CustomerId, DriverId, RestaurantId, SessionId, UserId},
    },
    literal,
    viewer::{Origin, Rights, SignedIn, Viewer},
};

/// Who asks, and until when that is certain.
#[derive(Clone, Debug)]
pub struct Authenticated {
    pub viewer: Viewer,
    /// When the access token expires; none for the anonymous.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Who sends a request, by its header `Authorization: Bearer <access token>`; without one, the anonymous. UNAUTHENTICATED where
/// the token is not valid, or its session has ended.
pub async fn from_headers(app: &App, headers: &HeaderMap, origin: &Origin) -> Result<Authenticated> {
    match headers.get(AUTHORIZATION) {
        None => Ok(Authenticated { viewer: Viewer::Anonymous, expires_at: None }),
        Some(value) => authenticate(app, value.to_str().unwrap_or_default(), origin).await,
    }
}

/// Who opens a socket: whoever `connection_init` names as `{"authorization": "Bearer <access token>"}`, or else the handshake's
/// headers.
pub async fn from_connection_init(
    app: &App,
    headers: &HeaderMap,
    payload: Option<&Json>,
    origin: &Origin,
) -> Result<Authenticated> {
    match authorization(payload) {
        None => from_headers(app, headers, origin).await,
        Some(value) => authenticate(app, value, origin).await,
    }
}

/// What a message's payload says of who sends it. Clients write the name as headers are written, in either case.
pub fn authorization(payload: Option<&Json>) -> Option<&str> {
    let payload = payload?.as_object()?;
    let value = payload.get("authorization").or_else(|| payload.get("Authorization"))?;
    // What is there and no text is no token.
    (!value.is_null()).then(|| value.as_str().unwrap_or_default())
}

/// Reads the viewer's rights anew, for whatever acts for it: a socket lives long, and rights come and go meanwhile.
/// UNAUTHENTICATED where its session has ended.
pub async fn renew_rights(app: &App, viewer: &Viewer) -> Result<()> {
    let Viewer::User(user) = viewer else { return Ok(()) };
    let Some(session) = user.session else { return Ok(()) };
    let began = Instant::now();
    // Whatever opened a connection was used by it, and is not replaced any more.
    user.renew(find_rights(&app.db, user.id, session, None).await?.ok_or_else(session_ended)?.rights, began);
    Ok(())
}

/// What the users of these sessions may act as, in one statement. A session that has ended is left out.
pub async fn rights_of(db: &Pool, sessions: &[SessionId]) -> Result<HashMap<SessionId, Rights>> {
    let backend = db.get_database_backend();
    let mut select = select_rights();
    select
        .and_where(dialect::any_of(backend, sessions::Column::Id, sessions.iter().map(|session| session.0)))
        .expr_as(Expr::val(false), Alias::new("is_unused"))
        .order_by(sessions::Column::Id.as_column_ref(), Order::Asc);
    let rows = RightsRow::find_by_statement(backend.build(&select)).all(db).await?;
    let found = rows.chunk_by(|row, other| row.session_id == other.session_id);
    Ok(found.filter_map(|rows| Some((SessionId(rows.first()?.session_id), rights(rows)?))).collect())
}

/// Reads the viewer's rights anew for a newer access token of its session; gives when that one expires. FORBIDDEN for a token of
/// anybody else, and of another session.
pub async fn renew(app: &App, viewer: &Viewer, authorization: &str) -> Result<DateTime<Utc>> {
    let claims = app.access_tokens.verify(bearer_token(authorization)?)?;
    let is_same = |user: &SignedIn| user.id == claims.user && user.session == Some(claims.session);
    let Some(user) = viewer.user().filter(|user| is_same(user)) else {
        return Err(Error::forbidden("This access token is not of the session that the connection was opened with."));
    };
    let began = Instant::now();
    user.renew(use_token(app, &claims).await?, began);
    Ok(claims.expires_at)
}

async fn authenticate(app: &App, authorization: &str, origin: &Origin) -> Result<Authenticated> {
    let claims = app.access_tokens.verify(bearer_token(authorization)?)?;
    let rights = use_token(app, &claims).await?;
    let user = SignedIn::new(claims.user, Some(claims.session), Some(origin.clone()), rights);
    Ok(Authenticated { viewer: Viewer::User(Arc::new(user)), expires_at: Some(claims.expires_at) })
}

/// What a token's user may act as. The first use of the tokens that were given out together is written down: from then on nothing
/// replaces them. RATE_LIMITED, without a statement, for a user whose window is used up.
async fn use_token(app: &App, claims: &Claims) -> Result<Rights> {
    Payer::named(claims.user).charge_token_check(app).await?;
    let find = async || {
        find_rights(&app.db, claims.user, claims.session, claims.generation.map(|number| (number, claims.issued_at)))
            .await
    };
    let Found { rights, is_unused } = find().await?.ok_or_else(session_ended)?;
    if let Some(generation) = claims.generation.filter(|_| is_unused)
        && !generation_confirm(&app.db, claims.session, generation).await?
    {
        // Somebody else was using them, or a refresh was replacing them, at the same moment.
        return Ok(find().await?.ok_or_else(session_ended)?.rights);
    }
    Ok(rights)
}

fn bearer_token(authorization: &str) -> Result<&str> {
    let (scheme, token) = authorization.split_once(' ').unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Error::new(Code::Unauthenticated, "Authorization is written: Bearer <access token>."));
    }
    Ok(token.trim())
}

fn session_ended() -> Error {
    Error::new(Code::Unauthenticated, "The session has ended, or a newer token has replaced this one: sign in again.")
}

/// What is known of whoever brings a token.
struct Found {
    rights: Rights,
    /// Whether no token of its generation was used before.
    is_unused: bool,
}

#[derive(FromQueryResult)]
struct RightsRow {
    session_id: i32,
    is_unused: bool,
    role: UserRole,
    customer_id: Option<i32>,
    driver_id: Option<i32>,
    restaurant_id: Option<i32>,
}

/// What the rows of one user say.
fn rights(rows: &[RightsRow]) -> Option<Rights> {
    let first = rows.first()?;
    let restaurants = rows.iter().filter_map(|row| row.restaurant_id.map(RestaurantId)).collect();
    let (customer, driver) = (first.customer_id.map(CustomerId), first.driver_id.map(DriverId));
    Some(Rights::new(first.role, customer, driver, restaurants))
}

/// What one user may act as. None where the session has ended or the user may not sign in any more, and for tokens of a generation that
/// was replaced. A generation is its number, and when the token of it was issued.
async fn find_rights(
    db: &Pool,
    user: UserId,
    session: SessionId,
    generation: Option<(i32, DateTime<Utc>)>,
) -> Result<Option<Found>> {
    let mut select = select_rights();
    select.and_where(users::Column::Id.eq(user.0)).and_where(sessions::Column::Id.eq(session.0));
    join_generation(&mut select, generation);
    let rows = RightsRow::find_by_statement(db.get_database_backend().build(&select)).all(db).await?;
    let is_unused = rows.first().is_some_and(|row| row.is_unused);
    Ok(rights(&rows).map(|rights| Found { rights, is_unused }))
}

/// Everything that rights depend on, of all sessions that go on: a row for each restaurant the user is staff of.
fn select_rights() -> SelectStatement {
    let user_id = || users::Column::Id.as_column_ref();
    let mut select = users::Entity::find().select_only().column(users::Column::Role).into_query();
    select
        .inner_join(sessions::Entity, Expr::col(sessions::Column::UserId.as_column_ref()).equals(user_id()))
        .left_join(customers::Entity, Expr::col(customers::Column::UserId.as_column_ref()).equals(user_id()))
        .left_join(drivers::Entity, Expr::col(drivers::Column::UserId.as_column_ref()).equals(user_id()))
        .left_join(
            restaurant_members::Entity,
            Expr::col(restaurant_members::Column::UserId.as_column_ref()).equals(user_id()),
        )
        .expr_as(Expr::col(sessions::Column::Id.as_column_ref()), Alias::new("session_id"))
        .expr_as(Expr::col(customers::Column::Id.as_column_ref()), Alias::new("customer_id"))
        .expr_as(Expr::col(drivers::Column::Id.as_column_ref()), Alias::new("driver_id"))
        .expr_as(Expr::col(restaurant_members::Column::RestaurantId.as_column_ref()), Alias::new("restaurant_id"))
        .and_where(literal::eq(users::Column::IsActive, true))
        .and_where(sessions::Column::EndedAt.is_null())
        .and_where(sessions::Column::ExpiresAt.gt(clock::now()));
    select
}

/// Leaves nothing of a session whose tokens of this generation were replaced, and tells whether they were used before.
///
/// A token that is older than its generation is none of it: after a backup was restored, the numbers of users and sessions that were lost are
/// given to others.
fn join_generation(select: &mut SelectStatement, generation: Option<(i32, DateTime<Utc>)>) {
    use refresh_tokens::Column;
    let column = |column: Column| Expr::col(column.as_column_ref());
    let is_unused = match generation {
        Some((generation, issued_at)) => {
            // The token says it in whole seconds.
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
