//! Drafts an order: the request is checked against what is on sale, and priced.

use std::collections::HashMap;

use entity::{customers, dishes, menus, orders, restaurants, users};
use rust_decimal::Decimal;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QuerySelect,
    QueryTrait,
    sea_query::{Expr, ExprTrait, SelectStatement, SimpleExpr},
};

use super::request::Request;
use crate::{
    database::{dialect, literal},
    domain::{
        error::{Code, Error, Result},
        ids::{DishId, GlobalId, UserId},
        money::Charge,
        viewer::Viewer,
    },
    features::{account::service::account_closed, dish::finder::DishRow},
    graphql::row::Row,
};

/// The facts that a request is checked against.
pub struct DraftFacts {
    /// The viewer's customer record; none before the first order.
    pub customer: Option<OrderingCustomer>,
    /// The order that was placed with the same idempotency key.
    pub placed: Option<Placed>,
    restaurant: Option<Seller>,
    dishes: HashMap<DishId, DishToOrder>,
}

#[derive(FromQueryResult)]
pub struct OrderingCustomer {
    pub id: i32,
    pub name: String,
}

#[derive(FromQueryResult)]
pub struct Placed {
    pub id: i32,
    pub request_hash: Option<String>,
}

/// The restaurant that the request names.
#[derive(FromQueryResult)]
pub struct Seller {
    pub id: i32,
    pub name: String,
    /// ISO 4217; every price is in it.
    pub currency: String,
    tax_rate: Decimal,
    delivery_fee: Decimal,
    is_active: bool,
}

/// A dish of that restaurant.
#[derive(FromQueryResult)]
pub struct DishToOrder {
    pub id: i32,
    pub name: String,
    pub price: Decimal,
    is_available: bool,
}

/// An order that can be placed, with its prices.
pub struct Draft {
    pub restaurant: Seller,
    pub dishes: Vec<(DishToOrder, i32)>,
    pub charge: Charge,
}

impl DraftFacts {
    /// Reads the facts in one statement, a row for each dish of the restaurant that the request names. UNAUTHENTICATED where the account
    /// has been closed.
    pub async fn read(db: &impl ConnectionTrait, viewer: &Viewer, request: &Request) -> Result<Self> {
        let backend = db.get_database_backend();
        let select = select(backend, viewer, viewer.signed_in()?.id, request);
        let rows = db.query_all_raw(backend.build(&select)).await?;
        let first = rows.first().ok_or_else(account_closed)?;
        let mut dishes = HashMap::with_capacity(rows.len());
        for row in &rows {
            if let Some(dish) = Option::<DishToOrder>::from_query_result(row, "dish_")? {
                dishes.insert(DishId(dish.id), dish);
            }
        }
        Ok(DraftFacts {
            customer: Option::from_query_result(first, "customer_")?,
            placed: Option::from_query_result(first, "placed_")?,
            restaurant: Option::from_query_result(first, "restaurant_")?,
            dishes,
        })
    }

    /// Checks the request against the facts. A refusal says which dish and why.
    pub async fn draft(mut self, db: &impl ConnectionTrait, viewer: &Viewer, request: &Request) -> Result<Draft> {
        let restaurant = self.restaurant.ok_or_else(|| restaurants::Model::not_found().with_field("restaurantId"))?;
        if !restaurant.is_active {
            return Err(restaurant.closed());
        }
        let mut dishes = Vec::with_capacity(request.quantities.len());
        for (id, quantity) in &request.quantities {
            let field = request.field(*id);
            let dish = match self.dishes.remove(id) {
                Some(dish) => dish,
                None => return Err(not_on_the_menu(db, viewer, *id).await.with_field(field)),
            };
            if !dish.is_available {
                let message = format!("{} is not available at the moment.", dish.name);
                return Err(Error::conflict(message).with_field(field));
            }
            dishes.push((dish, *quantity));
        }
        let prices = dishes.iter().map(|(dish, quantity)| (dish.price, *quantity));
        let charge = Charge::of(prices, restaurant.tax_rate, restaurant.delivery_fee, &restaurant.currency);
        if charge.total >= Decimal::from(100_000_000) {
            return Err(Error::bad_input("items", "The order is too expensive to be one order."));
        }
        Ok(Draft { restaurant, dishes, charge })
    }
}

impl Seller {
    /// CONFLICT: the restaurant takes no orders.
    pub fn closed(&self) -> Error {
        Error::conflict(format!("{} takes no orders at the moment.", self.name)).with_field("restaurantId")
    }
}

/// The reason why a dish cannot be ordered here.
async fn not_on_the_menu(db: &impl ConnectionTrait, viewer: &Viewer, id: DishId) -> Error {
    match DishRow::find_visible(db, viewer, id).await {
        Ok(row) => Error::new(Code::BadUserInput, format!("{} is a dish of another restaurant.", row.dish.name)),
        Err(error) if error.code == Code::NotFound => {
            Error::new(Code::NotFound, format!("There is no dish {}.", id.to_global().0))
        }
        Err(error) => error,
    }
}

fn select(backend: DbBackend, viewer: &Viewer, user: UserId, request: &Request) -> SelectStatement {
    let mut select = users::Entity::find()
        .select_only()
        .column_as(customers::Column::Id, "customer_id")
        .column_as(customers::Column::Name, "customer_name")
        .column_as(orders::Column::Id, "placed_id")
        .column_as(orders::Column::RequestHash, "placed_request_hash")
        .column_as(restaurants::Column::Id, "restaurant_id")
        .column_as(restaurants::Column::Name, "restaurant_name")
        .column_as(restaurants::Column::Currency, "restaurant_currency")
        .column_as(restaurants::Column::TaxRate, "restaurant_tax_rate")
        .column_as(restaurants::Column::DeliveryFee, "restaurant_delivery_fee")
        .column_as(restaurants::Column::IsActive, "restaurant_is_active")
        .column_as(dishes::Column::Id, "dish_id")
        .column_as(dishes::Column::Name, "dish_name")
        .column_as(dishes::Column::Price, "dish_price")
        .column_as(dishes::Column::IsAvailable, "dish_is_available")
        .filter(users::Column::Id.eq(user.0))
        .filter(literal::eq(users::Column::IsActive, true))
        .into_query();
    let dishes = request.quantities.keys().map(|dish| dish.0);
    let with_key = match &request.idempotency_key {
        Some(key) => orders::Column::IdempotencyKey.eq(key),
        // No key matches no order.
        None => literal::never(),
    };
    select
        .left_join(customers::Entity, same(customers::Column::UserId, users::Column::Id))
        .left_join(orders::Entity, same(orders::Column::CustomerId, customers::Column::Id).and(with_key))
        .left_join(
            restaurants::Entity,
            Condition::all()
                .add(restaurants::Column::Id.eq(request.restaurant.0))
                .add(restaurants::Model::visible_to(viewer, backend)),
        )
        .left_join(menus::Entity, same(menus::Column::RestaurantId, restaurants::Column::Id))
        .left_join(
            dishes::Entity,
            same(dishes::Column::MenuId, menus::Column::Id).and(dialect::any_of(backend, dishes::Column::Id, dishes)),
        );
    select
}

/// Whether two columns hold the same.
fn same(one: impl ColumnTrait, other: impl ColumnTrait) -> SimpleExpr {
    Expr::col(one.as_column_ref()).equals(other.as_column_ref())
}
