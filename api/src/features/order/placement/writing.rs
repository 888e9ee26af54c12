//! Writes an order: the chain of statements that inserts the order, its items and its first event, and counts it at its restaurant.

use entity::{order_items, orders, restaurants, sea_orm_active_enums::OrderStatus, users};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set, Unchanged},
    ColumnTrait, Condition, DbBackend, EntityTrait, Iterable, QuerySelect,
    sea_query::{Expr, ExprTrait, InsertStatement, Query, UpdateStatement},
};
use serde_json::{Value as Json, json};

use super::{
    draft::{DishToOrder, Draft, OrderingCustomer},
    request::Request,
};
use crate::{
    database::{Chain, dialect, is_there, literal, number_of},
    domain::{clock, error::Result, viewer::Viewer},
    features::{
        account::service::user_held,
        order::{
            history::{self, OrderStep},
            lifecycle::Parties,
        },
    },
    jobs::NewJob,
};

/// The row of the order, but for its number.
pub fn order(customer: &OrderingCustomer, draft: &Draft, request: &Request) -> orders::ActiveModel {
    orders::ActiveModel {
        customer_id: Set(customer.id),
        restaurant_id: Set(draft.restaurant.id),
        driver_id: Set(None),
        order_time: Set(clock::now().into()),
        subtotal: Set(draft.charge.subtotal),
        tax: Set(draft.charge.tax),
        delivery_fee: Set(draft.charge.delivery_fee),
        total_amount: Set(draft.charge.total),
        currency: Set(draft.restaurant.currency.clone()),
        status: Set(OrderStatus::Pending),
        delivery_address: Set(request.address.to_json()),
        customer_name: Set(Some(customer.name.clone())),
        restaurant_name: Set(Some(draft.restaurant.name.clone())),
        idempotency_key: Set(request.idempotency_key.clone()),
        request_hash: Set(request.idempotency_key.as_ref().map(|_| request.hash())),
        ..Default::default()
    }
}

/// The rows of the order's items, by their dishes.
pub fn items(order: i32, draft: Draft) -> Vec<order_items::Model> {
    let item = |(dish, quantity): (DishToOrder, i32)| order_items::Model {
        order_id: order,
        dish_id: dish.id,
        quantity,
        unit_price: dish.price,
        dish_name: dish.name,
    };
    draft.dishes.into_iter().map(item).collect()
}

pub const ACCOUNT: &str = "account";
pub const COUNTED: &str = "counted";
pub const PLACED: &str = "placed";

/// The chain that writes an order. Its conditions make it write nothing where the account has been closed, or the restaurant deactivated.
pub fn chain(
    backend: DbBackend,
    viewer: &Viewer,
    customer: &OrderingCustomer,
    draft: &Draft,
    order: &orders::ActiveModel,
    timeout: Option<NewJob>,
) -> Result<Chain> {
    let account = users::Entity::find().select_only().column(users::Column::Id);
    let account = user_held(backend, account, viewer.signed_in()?.id);
    let step = OrderStep {
        order: number_of(PLACED),
        parties: Parties::new(customer.id, draft.restaurant.id, None),
        status: OrderStatus::Pending,
        previous_status: None,
        previous_driver: None,
        note: None,
    };
    let chain = Chain::new(backend)
        .giving(ACCOUNT, account)
        .giving(COUNTED, count(draft))
        .giving(PLACED, order_insert(order)?)
        .and("items", items_insert(backend, draft)?);
    let chain = history::step_append(chain, step, viewer)?;
    Ok(match timeout {
        Some(timeout) => chain.and("timeout", timeout.insert(Condition::all().add(is_there(PLACED)))?),
        None => chain,
    })
}

/// Counts the order at its restaurant, unless the restaurant takes none.
fn count(draft: &Draft) -> UpdateStatement {
    use restaurants::Column;
    Query::update()
        .table(restaurants::Entity)
        .value(Column::TotalOrders, Expr::col(Column::TotalOrders).add(1))
        .and_where(Column::Id.eq(draft.restaurant.id))
        .and_where(literal::eq(Column::IsActive, true))
        .and_where(is_there(ACCOUNT))
        .returning_col(Column::Id)
        .to_owned()
}

fn order_insert(order: &orders::ActiveModel) -> Result<InsertStatement> {
    let mut row = Query::select();
    let mut columns = Vec::new();
    for column in orders::Column::iter() {
        match order.get(column) {
            Set(value) | Unchanged(value) => {
                row.expr(column.save_as(Expr::val(value)));
                columns.push(column);
            }
            NotSet => {}
        }
    }
    row.and_where(is_there(COUNTED));
    let mut insert = Query::insert();
    insert.into_table(orders::Entity).columns(columns).select_from(row)?;
    Ok(insert.returning_col(orders::Column::Id).to_owned())
}

/// The items travel as one JSON parameter, so that one prepared statement serves any number of them.
fn items_insert(backend: DbBackend, draft: &Draft) -> Result<InsertStatement> {
    use order_items::Column;
    let lines = draft.dishes.iter().map(|(dish, quantity)| {
        json!({ "dish": dish.id, "quantity": quantity, "price": dish.price.to_string(), "name": dish.name })
    });
    let mut rows = Query::select();
    rows.expr(number_of(PLACED))
        .expr(Expr::cust("cast(value ->> 'dish' as integer)"))
        .expr(Expr::cust("cast(value ->> 'quantity' as integer)"))
        .expr(Expr::cust("cast(value ->> 'price' as numeric)"))
        .expr(Expr::cust("value ->> 'name'"))
        .from_function(dialect::elements(backend, &lines.collect::<Json>()), "lines")
        .and_where(is_there(PLACED));
    let mut insert = Query::insert();
    insert
        .into_table(order_items::Entity)
        .columns([Column::OrderId, Column::DishId, Column::Quantity, Column::UnitPrice, Column::DishName])
        .select_from(rows)?;
    Ok(insert)
}
