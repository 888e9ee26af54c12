//! Placing an order: what it consists of and costs is the server's word, and it is written whole or not at all.

use std::collections::{BTreeMap, HashMap};

use entity::{columns::Columns, customers, order_items, orders, restaurants, sea_orm_active_enums::OrderStatus};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, SqlErr,
    sea_query::{Expr, ExprTrait},
};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    history,
    types::{OrderItemInput, OrderQuote, PlaceOrderInput},
};
use crate::{
    app::App,
    clock,
    database::{self, Transaction},
    dialect,
    features::{address::Address, customer, dish::loader::DishRow},
    graphql::{
        error::{Error, Result},
        ids::{DishId, GlobalId, RestaurantId},
        input,
        row::{Row, read},
    },
    literal,
    money::Charge,
    viewer::Viewer,
};

/// How many lines an order can have.
pub const MAXIMUM_LINES: usize = 100;
/// How many of one dish.
const MAXIMUM_QUANTITY: i32 = 99;

/// What a customer asks for, well-formed but not yet compared with what is on sale.
struct Request {
    restaurant: RestaurantId,
    /// Quantity by dish, each dish once.
    quantities: BTreeMap<DishId, i32>,
    /// The line of the input that first named the dish.
    lines: HashMap<DishId, usize>,
    address: Address,
    idempotency_key: Option<String>,
}

/// What the server makes of a request: the rows' contents and the price.
struct Draft {
    restaurant: restaurants::Model,
    dishes: Vec<(DishRow, i32)>,
    charge: Charge,
}

/// What placing the order would cost now; the same checks, nothing written.
pub async fn order_quote(app: &App, viewer: &Viewer, wanted: PlaceOrderInput) -> Result<OrderQuote> {
    viewer.signed_in()?;
    let request = decode(wanted)?;
    let draft = draft(&app.db, viewer, &request).await?;
    Ok(OrderQuote { charge: draft.charge, currency: draft.restaurant.currency })
}

/// Places an order. With an idempotency key that was used before, the same request gives the order it made then, and another
/// request is CONFLICT.
pub async fn order_place(app: &App, viewer: &Viewer, wanted: PlaceOrderInput) -> Result<orders::Model> {
    viewer.signed_in()?;
    let request = decode(wanted)?;
    match place(app, viewer, &request).await {
        Err(PlaceError::KeyTaken) => {
            // The same key was used a moment ago, perhaps by this very request sent twice: the winner's order is the answer.
            let customer = customer::service::customer_of(&app.db, viewer).await?;
            let placed = match customer {
                Some(customer) => placed_before(&app.db, &customer, &request).await?,
                None => None,
            };
            placed.ok_or_else(|| {
                Error::conflict("This was sent twice at the same time. Try again.").with_field("idempotencyKey")
            })
        }
        Err(PlaceError::Other(error)) => Err(error),
        Ok(order) => Ok(order),
    }
}

enum PlaceError {
    KeyTaken,
    Other(Error),
}

impl<E: Into<Error>> From<E> for PlaceError {
    fn from(error: E) -> Self {
        PlaceError::Other(error.into())
    }
}

async fn place(app: &App, viewer: &Viewer, request: &Request) -> Result<orders::Model, PlaceError> {
    let transaction = database::begin(&app.db).await?;
    let customer = customer::service::customer_ensure_in_tx(&transaction, viewer).await?;
    if let Some(order) = placed_before(&transaction, &customer, request).await? {
        return Ok(order);
    }
    let draft = draft(&transaction, viewer, request).await?;
    let row = orders::ActiveModel {
        customer_id: Set(customer.id),
        restaurant_id: Set(draft.restaurant.id),
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
    };
    let order = row.insert(&transaction).await.map_err(|failure| match failure.sql_err() {
        // The customer's key is the only thing unique about an order.
        Some(SqlErr::UniqueConstraintViolation(_)) => PlaceError::KeyTaken,
        Some(_) | None => PlaceError::Other(failure.into()),
    })?;
    let items = draft.dishes.iter().map(|(row, quantity)| order_items::ActiveModel {
        order_id: Set(order.id),
        dish_id: Set(row.dish.id),
        quantity: Set(*quantity),
        unit_price: Set(row.dish.price),
        dish_name: Set(row.dish.name.clone()),
    });
    order_items::Entity::insert_many(items).exec_without_returning(&transaction).await?;
    let event = history::event_record_in_tx(&transaction, &order, None, viewer, None).await?;
    count_order_in_tx(&transaction, &draft.restaurant).await?;
    transaction.commit().await?;
    customer::service::customer_is_known(viewer, &customer);
    history::announce(app, &order, &event, None).await;
    Ok(order)
}

/// Counts the order at its restaurant. It comes last, because every order of the restaurant waits for this row; and it is
/// where a restaurant that was deactivated meanwhile is noticed.
async fn count_order_in_tx(transaction: &Transaction, restaurant: &restaurants::Model) -> Result<()> {
    let counted = restaurants::Entity::update_many()
        .col_expr(restaurants::Column::TotalOrders, Expr::col(restaurants::Column::TotalOrders).add(1))
        .filter(restaurants::Column::Id.eq(restaurant.id))
        .filter(literal::eq(restaurants::Column::IsActive, true))
        .exec(transaction)
        .await?;
    if counted.rows_affected == 0 {
        return Err(closed(restaurant));
    }
    Ok(())
}

fn closed(restaurant: &restaurants::Model) -> Error {
    Error::conflict(format!("{} takes no orders at the moment.", restaurant.name)).with_field("restaurantId")
}

async fn placed_before(
    db: &impl ConnectionTrait,
    customer: &customers::Model,
    request: &Request,
) -> Result<Option<orders::Model>> {
    let Some(key) = &request.idempotency_key else { return Ok(None) };
    let order = orders::Entity::find()
        .filter(orders::Column::CustomerId.eq(customer.id))
        .filter(orders::Column::IdempotencyKey.eq(key))
        .one(db)
        .await?;
    match order {
        Some(order) if order.request_hash.as_deref() != Some(&request.hash()) => {
            Err(Error::conflict("This key was used for another order. Use a new key for each order.")
                .with_field("idempotencyKey"))
        }
        order => Ok(order),
    }
}

fn decode(wanted: PlaceOrderInput) -> Result<Request> {
    let restaurant = RestaurantId::parse(&wanted.restaurant_id, "restaurantId")?;
    let (quantities, lines) = decode_items(&wanted.items)?;
    Ok(Request {
        restaurant,
        quantities,
        lines,
        address: wanted.delivery_address.decode("deliveryAddress")?,
        idempotency_key: match wanted.idempotency_key {
            Some(key) => Some(input::text("idempotencyKey", &key, 255)?),
            None => None,
        },
    })
}

fn decode_items(items: &[OrderItemInput]) -> Result<(BTreeMap<DishId, i32>, HashMap<DishId, usize>)> {
    input::length("items", items, 1, MAXIMUM_LINES)?;
    let (mut quantities, mut lines) = (BTreeMap::new(), HashMap::new());
    for (line, item) in items.iter().enumerate() {
        let dish = DishId::parse(&item.dish_id, &format!("items.{line}.dishId"))?;
        let field = format!("items.{line}.quantity");
        let quantity = quantities.entry(dish).or_insert(0);
        *quantity += input::whole_number(&field, item.quantity, 1, MAXIMUM_QUANTITY)?;
        if *quantity > MAXIMUM_QUANTITY {
            return Err(Error::bad_input(
                field,
                format!("The lines of this dish add up to more than {MAXIMUM_QUANTITY}."),
            ));
        }
        lines.entry(dish).or_insert(line);
    }
    Ok((quantities, lines))
}

impl Request {
    /// The same for the same order, however its lines are written.
    fn hash(&self) -> String {
        let quantities = self.quantities.iter().map(|(dish, quantity)| (dish.0, quantity)).collect::<Vec<_>>();
        let canonical = json!([self.restaurant.0, quantities, self.address.to_json()]).to_string();
        Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The field of the input that named the dish.
    fn field(&self, dish: DishId) -> String {
        format!("items.{}.dishId", self.lines.get(&dish).copied().unwrap_or_default())
    }
}

/// Compares the request with what is on sale. A refusal says which dish and why.
async fn draft(db: &impl ConnectionTrait, viewer: &Viewer, request: &Request) -> Result<Draft> {
    let backend = db.get_database_backend();
    let restaurant = restaurants::Model::find_visible(db, viewer, request.restaurant);
    let restaurant = restaurant.await.map_err(|error| error.with_field("restaurantId"))?;
    if !restaurant.is_active {
        return Err(closed(&restaurant));
    }
    let mut select = DishRow::source();
    select
        .and_where(dialect::any_of(backend, DishRow::ID_COLUMN, request.quantities.keys().map(|dish| dish.0)))
        .cond_where(DishRow::visible_to(viewer, backend));
    let dishes: Vec<DishRow> = read(db, select, Columns::ALL).await?;
    let mut dishes: HashMap<DishId, DishRow> = dishes.into_iter().map(|row| (row.id(), row)).collect();
    let ordered = request
        .quantities
        .iter()
        .map(|(id, quantity)| Ok((on_sale(request, *id, dishes.remove(id))?, *quantity)))
        .collect::<Result<Vec<_>>>()?;
    let prices = ordered.iter().map(|(row, quantity)| (row.dish.price, *quantity));
    let charge = Charge::of(prices, restaurant.tax_rate, restaurant.delivery_fee, &restaurant.currency);
    if charge.total >= Decimal::from(100_000_000) {
        return Err(Error::bad_input("items", "The order is too expensive to be one order."));
    }
    Ok(Draft { restaurant, dishes: ordered, charge })
}

fn on_sale(request: &Request, id: DishId, row: Option<DishRow>) -> Result<DishRow> {
    let field = request.field(id);
    let Some(row) = row else {
        return Err(Error::new(
            crate::graphql::error::Code::NotFound,
            format!("There is no dish {}.", id.to_global().0),
        )
        .with_field(field));
    };
    if row.restaurant() != request.restaurant {
        return Err(Error::bad_input(field, format!("{} is a dish of another restaurant.", row.dish.name)));
    }
    if !row.dish.is_available {
        return Err(Error::conflict(format!("{} is not available at the moment.", row.dish.name)).with_field(field));
    }
    Ok(row)
}
