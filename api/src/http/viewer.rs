//! Who asks: the one place where a viewer is made, from what a request or a socket brings.
//!
//! Until there are accounts, in development anybody may act as anybody: the header `X-Development-User: <email>`, or
//! `{"developmentUser": "<email>"}` in `connection_init`.

use std::{
    collections::HashSet,
    sync::{Arc, OnceLock, RwLock},
};

use axum::http::HeaderMap;
use entity::{customers, drivers, restaurant_members, sea_orm_active_enums::UserRole, users};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryTrait,
    sea_query::{Alias, Expr, ExprTrait, Func, SimpleExpr},
};
use serde_json::Value as Json;

use crate::{
    app::App,
    config::Environment,
    graphql::{
        error::{Code, Error, Result},
        ids::{CustomerId, DriverId, RestaurantId, UserId},
    },
    viewer::{SignedIn, Viewer},
};

/// The name of the header; see the module.
const DEVELOPMENT_USER: &str = "x-development-user";

/// Who sends a request. UNAUTHENTICATED for a user that does not exist, and for the header in production.
pub async fn from_headers(app: &App, headers: &HeaderMap) -> Result<Viewer> {
    match headers.get(DEVELOPMENT_USER) {
        None => Ok(Viewer::Anonymous),
        Some(email) => development_user(app, email.to_str().unwrap_or_default()).await,
    }
}

/// Who opens a socket: whom `connection_init` names, or else whom the handshake's headers name.
pub async fn from_connection_init(app: &App, headers: &HeaderMap, payload: Option<&Json>) -> Result<Viewer> {
    match payload.and_then(|payload| payload.get("developmentUser")) {
        None | Some(Json::Null) => from_headers(app, headers).await,
        Some(email) => development_user(app, email.as_str().unwrap_or_default()).await,
    }
}

/// The same viewer as it is now: a socket lives long, and rights come and go meanwhile. UNAUTHENTICATED where the user is gone.
pub async fn as_of_now(app: &App, viewer: &Viewer) -> Result<Viewer> {
    let Some(user) = viewer.user() else { return Ok(viewer.clone()) };
    let user = find_active(&app.db, users::Column::Id.eq(user.id.0)).await?;
    Ok(Viewer::User(Arc::new(user.ok_or_else(Error::unauthenticated)?)))
}

async fn development_user(app: &App, email: &str) -> Result<Viewer> {
    if app.config.environment != Environment::Development {
        return Err(Error::new(Code::Unauthenticated, "X-Development-User is for development only."));
    }
    let same_email = Expr::expr(Func::lower(Expr::col(users::Column::Email.as_column_ref()))).eq(email.to_lowercase());
    let user = match email.contains('\0') {
        true => None,
        false => find_active(&app.db, same_email).await?,
    };
    let user = user.ok_or_else(|| Error::new(Code::Unauthenticated, format!("There is no active user {email}.")))?;
    Ok(Viewer::User(Arc::new(user)))
}

#[derive(FromQueryResult)]
struct UserRow {
    id: i32,
    role: UserRole,
    customer_id: Option<i32>,
    driver_id: Option<i32>,
    restaurant_id: Option<i32>,
}

/// The active user who fits the condition, with everything that rights depend on, in one statement: one row for each restaurant
/// the user is staff of.
async fn find_active(db: &impl ConnectionTrait, condition: SimpleExpr) -> Result<Option<SignedIn>> {
    let user_id = || users::Column::Id.as_column_ref();
    let mut select = users::Entity::find().into_query();
    select
        .left_join(customers::Entity, Expr::col(customers::Column::UserId.as_column_ref()).equals(user_id()))
        .left_join(drivers::Entity, Expr::col(drivers::Column::UserId.as_column_ref()).equals(user_id()))
        .left_join(
            restaurant_members::Entity,
            Expr::col(restaurant_members::Column::UserId.as_column_ref()).equals(user_id()),
        )
        .expr_as(Expr::col(customers::Column::Id.as_column_ref()), Alias::new("customer_id"))
        .expr_as(Expr::col(drivers::Column::Id.as_column_ref()), Alias::new("driver_id"))
        .expr_as(Expr::col(restaurant_members::Column::RestaurantId.as_column_ref()), Alias::new("restaurant_id"))
        .and_where(condition)
        .and_where(users::Column::IsActive.eq(true));
    let rows = UserRow::find_by_statement(db.get_database_backend().build(&select)).all(db).await?;
    let restaurants: HashSet<_> = rows.iter().filter_map(|row| row.restaurant_id.map(RestaurantId)).collect();
    Ok(rows.first().map(|row| SignedIn {
        id: UserId(row.id),
        role: row.role,
        customer: row.customer_id.map(|id| OnceLock::from(CustomerId(id))).unwrap_or_default(),
        driver: row.driver_id.map(DriverId),
        restaurants: RwLock::new(restaurants),
    }))
}
