//! The request to place an order, validated in form, with the hash that recognises a repeated request.

use std::collections::{BTreeMap, HashMap};

use rust_decimal::Decimal;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    domain::{
        error::{Error, Result},
        ids::{DishId, GlobalId, RestaurantId},
    },
    features::{
        address::Address,
        order::types::{OrderItemInput, PlaceOrderInput},
    },
    graphql::input,
};

/// How many lines an order can have.
pub const MAXIMUM_LINES: usize = 100;
/// How many of one dish.
const MAXIMUM_QUANTITY: i32 = 99;

/// What a customer asks for, well-formed but not yet compared with what is on sale.
pub struct Request {
    pub restaurant: RestaurantId,
    /// Quantity by dish, each dish once.
    pub quantities: BTreeMap<DishId, i32>,
    /// The line of the input that first named the dish.
    lines: HashMap<DishId, usize>,
    pub address: Address,
    pub idempotency_key: Option<String>,
    /// What the customer agreed to pay, if that is said.
    pub expected_total: Option<Decimal>,
}

impl Request {
    pub fn decode(wanted: PlaceOrderInput) -> Result<Self> {
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
            expected_total: wanted.expected_total_amount.map(|total| total.0.normalize()),
        })
    }

    /// A hash that is the same for the same order at the same expected total, however its lines and amounts are written.
    pub fn hash(&self) -> String {
        let quantities = self.quantities.iter().map(|(dish, quantity)| (dish.0, quantity)).collect::<Vec<_>>();
        let order = json!([self.restaurant.0, quantities, self.address.to_json()]);
        // Without an expected total, the form from before there were any: a client may retry across a deployment.
        let canonical = match self.expected_total {
            Some(total) => json!([order, total.to_string()]).to_string(),
            None => order.to_string(),
        };
        Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// CONFLICT where the order costs something else than the customer agreed to.
    pub fn check_total(&self, total: Decimal, currency: &str) -> Result<()> {
        match self.expected_total {
            Some(expected) if expected != total => Err(Error::price_changed(total, currency)),
            Some(_) | None => Ok(()),
        }
    }

    /// The field of the input that named the dish.
    pub fn field(&self, dish: DishId) -> String {
        format!("items.{}.dishId", self.lines.get(&dish).copied().unwrap_or_default())
    }
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
