//! The topics of pub/sub: what can be followed, and under which name.

use std::{fmt, str::FromStr};

use crate::domain::ids::{CustomerId, DriverId, OrderId, RestaurantId, UserId};

/// What somebody can follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// The steps of one order.
    Order(OrderId),
    /// The steps of all orders of one restaurant.
    Restaurant(RestaurantId),
    /// The steps of all orders that one driver carries.
    Driver(DriverId),
    /// The steps of all orders of one customer.
    Customer(CustomerId),
    /// The steps of all orders.
    Orders,
    /// The reviews of one restaurant, as they are posted.
    Reviews(RestaurantId),
    /// Which orders drivers can claim: one that it comes to be, and one that it is no more.
    Claimable,
    /// Where one driver is, and the steps of what it carries: in one topic, so that no place overtakes the step after which it is
    /// not to be told any more.
    DriverLocation(DriverId),
    /// The rights and the sessions of one user.
    User(UserId),
    /// The runs of the journal, whose numbers travel in the message. Every process follows it.
    Journal,
}

impl fmt::Display for Topic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Topic::Order(id) => write!(formatter, "order:{}", id.0),
            Topic::Restaurant(id) => write!(formatter, "restaurant:{}", id.0),
            Topic::Driver(id) => write!(formatter, "driver:{}", id.0),
            Topic::Customer(id) => write!(formatter, "customer:{}", id.0),
            Topic::Reviews(id) => write!(formatter, "reviews:{}", id.0),
            Topic::Orders => formatter.write_str("orders"),
            Topic::Claimable => formatter.write_str("claimable"),
            Topic::DriverLocation(id) => write!(formatter, "driver-location:{}", id.0),
            Topic::User(id) => write!(formatter, "user:{}", id.0),
            Topic::Journal => formatter.write_str("journal"),
        }
    }
}

/// The text names no topic.
#[derive(Debug, PartialEq)]
pub struct NoTopic;

impl FromStr for Topic {
    type Err = NoTopic;

    fn from_str(text: &str) -> Result<Self, NoTopic> {
        match text {
            "orders" => return Ok(Topic::Orders),
            "claimable" => return Ok(Topic::Claimable),
            "journal" => return Ok(Topic::Journal),
            _ => {}
        }
        let (kind, number) = text.split_once(':').ok_or(NoTopic)?;
        let number: i32 = number.parse().map_err(|_| NoTopic)?;
        match kind {
            "order" => Ok(Topic::Order(OrderId(number))),
            "restaurant" => Ok(Topic::Restaurant(RestaurantId(number))),
            "driver" => Ok(Topic::Driver(DriverId(number))),
            "customer" => Ok(Topic::Customer(CustomerId(number))),
            "reviews" => Ok(Topic::Reviews(RestaurantId(number))),
            "driver-location" => Ok(Topic::DriverLocation(DriverId(number))),
            "user" => Ok(Topic::User(UserId(number))),
            _ => Err(NoTopic),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_known_by_its_name() {
        for topic in [
            Topic::Order(OrderId(1)),
            Topic::Restaurant(RestaurantId(2)),
            Topic::Driver(DriverId(3)),
            Topic::DriverLocation(DriverId(4)),
            Topic::User(UserId(5)),
            Topic::Customer(CustomerId(6)),
            Topic::Reviews(RestaurantId(7)),
            Topic::Orders,
            Topic::Claimable,
            Topic::Journal,
        ] {
            assert_eq!(topic.to_string().parse(), Ok(topic));
        }
        for text in ["", "order", "order:", "order:x", "orders:1", "journal:", "order:1:2"] {
            assert_eq!(text.parse::<Topic>(), Err(NoTopic), "{text}");
        }
    }
}
