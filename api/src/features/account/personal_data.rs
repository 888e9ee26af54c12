//! Everything that is held on oneself, but for what is kept only as a hash.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, Utc};
use entity::{
    audit_events, customers, driver_locations, drivers, identities, order_items, orders, restaurant_members, reviews,
    sessions, users,
};
use rust_decimal::prelude::ToPrimitive;
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, ModelTrait, QueryFilter, QueryOrder, QuerySelect,
    prelude::DateTimeWithTimeZone,
};
use serde_json::{Value as Json, json};

use super::types::{PersonalData, Role};
use crate::{
    app::App,
    clock,
    database::Pool,
    dialect,
    features::{driver::types::DriverLocation, order::types::OrderStatus},
    graphql::{
        enumeration,
        error::{Error, Result},
        ids::{DishId, GlobalId, OrderId, RestaurantId},
        row::Row,
    },
    viewer::Viewer,
};

/// Reads all that is held on the viewer.
pub async fn collect(app: &App, viewer: &Viewer) -> Result<PersonalData> {
    let id = viewer.signed_in()?.id;
    let db = &app.db;
    let user = users::Entity::find_by_id(id.0).one(db).await?.ok_or_else(Error::unauthenticated)?;
    let customer = customers::Entity::find().filter(customers::Column::UserId.eq(id.0)).one(db).await?;
    let driver = drivers::Entity::find().filter(drivers::Column::UserId.eq(id.0)).one(db).await?;
    let (orders, reviews) = match &customer {
        Some(customer) => (orders_of(db, customer).await?, reviews_of(db, customer).await?),
        None => (Json::Array(Vec::new()), Json::Array(Vec::new())),
    };
    let driver = match driver {
        Some(driver) => Some(of_driver(db, driver).await?),
        None => None,
    };
    let document = json!({
        "user": of_user(&user),
        "identities": identities_of(db, &user).await?,
        "sessions": sessions_of(db, &user).await?,
        "customer": customer.as_ref().map(of_customer),
        "orders": orders,
        "reviews": reviews,
        "driver": driver,
        "restaurants": restaurants_of(db, &user).await?,
        "acts": acts_of(db, &user).await?,
    });
    Ok(PersonalData { collected_at: clock::now().into(), document: async_graphql::Json(document) })
}

fn of_user(user: &users::Model) -> Json {
    json!({
        "id": global(user.id()),
        "email": user.email,
        "emailVerifiedAt": user.email_verified_at.map(time),
        "name": user.name,
        "role": enumeration::name(Role::from(user.role)),
        "createdAt": time(user.created_at),
    })
}

fn of_customer(customer: &customers::Model) -> Json {
    json!({
        "id": global(customer.id()),
        "name": customer.name,
        "email": customer.email,
        "phone": customer.phone,
        "addresses": customer.addresses,
        "createdAt": time(customer.created_at),
        "updatedAt": time(customer.updated_at),
    })
}

/// A point of a route, and whose the order is now.
#[derive(FromQueryResult)]
struct RoutePoint {
    #[sea_orm(nested)]
    point: driver_locations::Model,
    carrier: Option<i32>,
}

async fn of_driver(db: &Pool, driver: drivers::Model) -> Result<Json> {
    let id = driver.id;
    let routes = driver_locations::Entity::find()
        .column_as(orders::Column::DriverId, "carrier")
        .inner_join(orders::Entity)
        .filter(driver_locations::Column::DriverId.eq(driver.id))
        .order_by_asc(driver_locations::Column::RecordedAt)
        .into_model::<RoutePoint>()
        .all(db)
        .await?;
    let mut document = json!({
        "id": global(driver.id()),
        "name": driver.name,
        "phone": driver.phone,
        "licenseNumber": driver.license_number,
        "vehicleType": driver.vehicle_type,
    });
    document["lastKnownPlace"] = DriverLocation::written(driver).map_or(Json::Null, |place| {
        let position = place.position;
        json!({ "lat": position.lat, "lng": position.lng, "recordedAt": utc(position.recorded_at) })
    });
    // Which order it was is the driver's to know for as long as that is its own: one that was released may be anybody's.
    let point = |RoutePoint { point, carrier }: &RoutePoint| {
        json!({
            "orderId": (*carrier == Some(id)).then(|| global(OrderId(point.order_id))),
            "lat": point.lat.to_f64(),
            "lng": point.lng.to_f64(),
            "recordedAt": time(point.recorded_at),
        })
    };
    document["routes"] = routes.iter().map(point).collect();
    Ok(document)
}

async fn identities_of(db: &Pool, user: &users::Model) -> Result<Json> {
    let identities = user.find_related(identities::Entity).order_by_asc(identities::Column::Issuer).all(db).await?;
    let document = |identity: &identities::Model| json!({ "issuer": identity.issuer, "subject": identity.subject, "createdAt": time(identity.created_at) });
    Ok(identities.iter().map(document).collect())
}

async fn sessions_of(db: &Pool, user: &users::Model) -> Result<Json> {
    let sessions = user.find_related(sessions::Entity).order_by_asc(sessions::Column::Id).all(db).await?;
    let document = |session: &sessions::Model| {
        json!({
            "id": global(session.id()),
            "createdAt": time(session.created_at),
            "lastUsedAt": time(session.last_used_at),
            "expiresAt": time(session.expires_at),
            "endedAt": session.ended_at.map(time),
            "address": session.address,
            "userAgent": session.user_agent,
        })
    };
    Ok(sessions.iter().map(document).collect())
}

async fn orders_of(db: &Pool, customer: &customers::Model) -> Result<Json> {
    let orders = customer.find_related(orders::Entity).order_by_asc(orders::Column::Id);
    let orders = orders.all(db).await?;
    let numbers = orders.iter().map(|order| order.id);
    let items = order_items::Entity::find()
        .filter(dialect::any_of(db.get_database_backend(), order_items::Column::OrderId, numbers))
        .order_by_asc(order_items::Column::DishId)
        .all(db)
        .await?;
    let mut items_of: HashMap<i32, Vec<&order_items::Model>> = HashMap::new();
    for item in &items {
        items_of.entry(item.order_id).or_default().push(item);
    }
    let item = |item: &order_items::Model| {
        json!({
            "dishId": global(DishId(item.dish_id)),
            "dishName": item.dish_name,
            "quantity": item.quantity,
            "unitPrice": item.unit_price.to_string(),
        })
    };
    let document = |order: &orders::Model| {
        json!({
            "id": global(OrderId(order.id)),
            "orderTime": time(order.order_time),
            "status": enumeration::name(OrderStatus::from(order.status)),
            "restaurantId": global(RestaurantId(order.restaurant_id)),
            "restaurantName": order.restaurant_name,
            "customerName": order.customer_name,
            "deliveryAddress": order.delivery_address,
            "items": items_of.get(&order.id).into_iter().flatten().map(|row| item(row)).collect::<Json>(),
            "subtotal": order.subtotal.to_string(),
            "tax": order.tax.to_string(),
            "deliveryFee": order.delivery_fee.to_string(),
            "totalAmount": order.total_amount.to_string(),
            "currency": order.currency,
        })
    };
    Ok(orders.iter().map(document).collect())
}

async fn reviews_of(db: &Pool, customer: &customers::Model) -> Result<Json> {
    let reviews = customer.find_related(reviews::Entity).order_by_asc(reviews::Column::Id).all(db).await?;
    let document = |review: &reviews::Model| {
        json!({
            "id": global(review.id()),
            "restaurantId": global(RestaurantId(review.restaurant_id)),
            "rating": review.rating,
            "comment": review.comment,
            "createdAt": time(review.created_at),
            "updatedAt": time(review.updated_at),
        })
    };
    Ok(reviews.iter().map(document).collect())
}

async fn restaurants_of(db: &Pool, user: &users::Model) -> Result<Json> {
    let members = restaurant_members::Entity::find()
        .filter(restaurant_members::Column::UserId.eq(user.id))
        .order_by_asc(restaurant_members::Column::RestaurantId)
        .all(db)
        .await?;
    let document = |member: &restaurant_members::Model| json!({ "id": global(RestaurantId(member.restaurant_id)), "memberSince": time(member.created_at) });
    Ok(members.iter().map(document).collect())
}

async fn acts_of(db: &Pool, user: &users::Model) -> Result<Json> {
    let acts = audit_events::Entity::find()
        .filter(audit_events::Column::ActorId.eq(user.id))
        .order_by_asc(audit_events::Column::Id)
        .all(db)
        .await?;
    let document = |act: &audit_events::Model| {
        json!({
            "at": time(act.at),
            "action": act.action,
            "subject": act.subject,
            "address": act.address,
            "userAgent": act.user_agent,
        })
    };
    Ok(acts.iter().map(document).collect())
}

fn global(id: impl GlobalId) -> String {
    id.to_global().0
}

fn time(time: DateTimeWithTimeZone) -> String {
    utc(time.to_utc())
}

fn utc(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
