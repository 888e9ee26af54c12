//! Global ids: `Restaurant:42`. Opaque to clients, unique over all types.

use async_graphql::ID;

use crate::domain::error::{Error, Result};

/// An id of one table's rows, with the name of the GraphQL type it belongs to.
pub trait GlobalId: Copy + From<i32> + Into<i32> {
    const TYPE_NAME: &'static str;

    /// As clients see it.
    fn to_global(self) -> ID {
        let number: i32 = self.into();
        ID([Self::TYPE_NAME, ":", &number.to_string()].concat())
    }

    /// Reads what a client sent as `field`. BAD_USER_INPUT when it is malformed or of another type.
    fn parse(id: &ID, field: &str) -> Result<Self> {
        let (type_name, number) = split(id, field)?;
        if type_name != Self::TYPE_NAME {
            return Err(of_another_type(field, type_name, Self::TYPE_NAME));
        }
        Ok(Self::from(number))
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
fn canonical(number: &str) -> Option<i32> {
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
pub fn split<'a>(id: &'a ID, field: &str) -> Result<(&'a str, i32)> {
    let malformed = || malformed(field);
    let (type_name, number) = id.0.split_once(':').ok_or_else(malformed)?;
    let known = [
        RestaurantId::TYPE_NAME,
        MenuId::TYPE_NAME,
        DishId::TYPE_NAME,
        CustomerId::TYPE_NAME,
        DriverId::TYPE_NAME,
        OrderId::TYPE_NAME,
        ReviewId::TYPE_NAME,
        UserId::TYPE_NAME,
        SessionId::TYPE_NAME,
        AuditEventId::TYPE_NAME,
    ];
    if !known.contains(&type_name) {
        return Err(malformed());
    }
    Ok((type_name, canonical(number).ok_or_else(malformed)?))
}

macro_rules! global_ids {
    ($($(#[$doc:meta])* $name:ident = $type_name:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub i32);

        impl From<i32> for $name {
            fn from(number: i32) -> Self {
                $name(number)
            }
        }

        impl From<$name> for i32 {
            fn from(id: $name) -> i32 {
                id.0
            }
        }

        impl GlobalId for $name {
            const TYPE_NAME: &'static str = $type_name;
        }
    )*};
}

global_ids! {
    RestaurantId = "Restaurant";
    MenuId = "Menu";
    DishId = "Dish";
    CustomerId = "Customer";
    DriverId = "Driver";
    OrderId = "Order";
    ReviewId = "Review";
    UserId = "User";
    SessionId = "ActiveSession";
    AuditEventId = "AuditEvent";
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
