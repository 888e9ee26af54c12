//! Global ids: `Restaurant:42`. Opaque to clients, unique over all types.

use std::str::FromStr;

use async_graphql::ID;
use sea_orm::sea_query::{Value, postgres_array::NotU8};
use serde_json::Value as Json;

use crate::domain::error::{Error, Result};

/// An id of one table's rows, with the name of the GraphQL type it belongs to.
pub trait GlobalId: Copy + From<<Self as GlobalId>::Number> {
    /// What the table's column holds: `i32`, or `i64` where there may be more rows.
    type Number: Copy + Send + Into<i64> + TryFrom<i64> + Into<Value> + Into<Json> + NotU8;

    const TYPE_NAME: &'static str;

    fn number(self) -> Self::Number;

    /// The id with this number; `None` where the column does not hold it.
    fn of(number: i64) -> Option<Self> {
        Self::Number::try_from(number).ok().map(Self::from)
    }

    /// As clients see it.
    fn to_global(self) -> ID {
        let number: i64 = self.number().into();
        ID([Self::TYPE_NAME, ":", &number.to_string()].concat())
    }

    /// Reads what a client sent as `field`. BAD_USER_INPUT when it is malformed or of another type.
    fn parse(id: &ID, field: &str) -> Result<Self> {
        let (type_name, number) = split(id, field)?;
        if type_name != Self::TYPE_NAME {
            return Err(of_another_type(field, type_name, Self::TYPE_NAME));
        }
        Self::of(number).ok_or_else(|| malformed(field))
    }
}

/// A part of an order that has an id: of the dish 7 of the order 42 it is `OrderItem:42:7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PartId {
    pub order: OrderId,
    pub number: i32,
}

impl PartId {
    /// As clients see it.
    pub fn to_global(self, type_name: &str) -> ID {
        ID(format!("{type_name}:{}:{}", self.order.0, self.number))
    }

    /// The type's name and the part, if it is the id of a part.
    pub fn split(id: &ID) -> Option<(&str, Self)> {
        let (type_name, numbers) = id.0.split_once(':')?;
        let (order, number) = numbers.split_once(':')?;
        Some((type_name, PartId { order: OrderId(canonical(order)?), number: canonical(number)? }))
    }
}

/// A number in its one form: `Order:042` and `Order:+42` would make two ids of one thing.
fn canonical<N: FromStr>(number: &str) -> Option<N> {
    let is_canonical = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    number.parse().ok().filter(|_| is_canonical)
}

/// The error for an id that is malformed or of no known type.
pub fn malformed(field: &str) -> Error {
    Error::bad_input(field, "This is not the id of anything that can be asked for.")
}

/// What is said of an id that is of another type than the one, or the ones, that are wanted.
pub fn of_another_type(field: &str, given: &str, wanted: &str) -> Error {
    Error::bad_input(field, format!("This is an id of type {given}; one of {wanted} is wanted."))
}

/// The type's name and the row's number of a global id.
pub fn split<'a>(id: &'a ID, field: &str) -> Result<(&'a str, i64)> {
    let read = || {
        let (type_name, number) = id.0.split_once(':')?;
        let (largest, number) = (largest_number(type_name)?, canonical(number)?);
        (number <= largest).then_some((type_name, number))
    };
    read().ok_or_else(|| malformed(field))
}

macro_rules! global_ids {
    ($($name:ident($number:ty) = $type_name:literal;)*) => {
        $(
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub struct $name(pub $number);

            impl From<$number> for $name {
                fn from(number: $number) -> Self {
                    $name(number)
                }
            }

            impl GlobalId for $name {
                type Number = $number;
                const TYPE_NAME: &'static str = $type_name;

                fn number(self) -> $number {
                    self.0
                }
            }
        )*

        /// The largest number that an id of this type may have; `None` where there is no such type.
        fn largest_number(type_name: &str) -> Option<i64> {
            match type_name {
                $($type_name => Some(<$number>::MAX.into()),)*
                _ => None,
            }
        }
    };
}

global_ids! {
    RestaurantId(i32) = "Restaurant";
    MenuId(i32) = "Menu";
    DishId(i32) = "Dish";
    CustomerId(i32) = "Customer";
    DriverId(i32) = "Driver";
    OrderId(i32) = "Order";
    ReviewId(i32) = "Review";
    UserId(i32) = "User";
    SessionId(i32) = "ActiveSession";
    AuditEventId(i32) = "AuditEvent";
    JobId(i64) = "Job";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_one_id() {
        let part = PartId { order: OrderId(42), number: 7 };
        assert_eq!(PartId::split(&part.to_global("OrderItem")), Some(("OrderItem", part)));
        for none in
            ["OrderItem:42", "OrderItem:42:", "OrderItem:042:7", "OrderItem:42:07", "OrderItem:42:7:1", "OrderItem::7"]
        {
            assert_eq!(PartId::split(&ID(none.into())), None, "{none}");
        }
    }

    #[test]
    fn a_number_is_as_large_as_its_column_holds() {
        assert_eq!(JobId::parse(&ID("Job:2147483648".into()), "id").ok(), Some(JobId(2_147_483_648)));
        assert_eq!(JobId(i64::MAX).to_global().as_str(), "Job:9223372036854775807");
        assert!(JobId::parse(&ID("Job:9223372036854775808".into()), "id").is_err());
        assert_eq!((OrderId::of(2_147_483_647), OrderId::of(2_147_483_648)), (Some(OrderId(i32::MAX)), None));
    }

    #[test]
    fn only_the_canonical_form_is_an_id() {
        assert_eq!(OrderId::parse(&ID("Order:42".into()), "id").ok(), Some(OrderId(42)));
        assert_eq!(OrderId(42).to_global().as_str(), "Order:42");
        for malformed in [
            "",
            "42",
            "Order",
            "Order:",
            "Order:0",
            "Order:-1",
            "Order:042",
            "Order:+4",
            "Order:4 ",
            "Order:4:2",
            "order:42",
            "Order:2147483648",
            "Order:99999999999999999999",
            "Orders:1",
            "Dish:1",
            "Order:٤",
        ] {
            let error = OrderId::parse(&ID(malformed.into()), "orderId").expect_err(malformed);
            assert_eq!(
                (error.code.as_str(), error.field.as_deref()),
                ("BAD_USER_INPUT", Some("orderId")),
                "{malformed}"
            );
        }
    }
}
