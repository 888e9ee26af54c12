//! Generates reviews: ratings and comments of guests.

use chrono::{DateTime, Utc};
use entity::reviews;
use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use rust_decimal::Decimal;

use tiffin::domain::money;

const PRAISE: [&str; 8] = [
    "Arrived hot and exactly as ordered.",
    "The best in town, and the portions are generous.",
    "We order here every Friday. Never disappointed.",
    "Fresh, quick, and the driver was lovely.",
    "Everything tasted home-made.",
    "Great value, and well packed.",
    "My new favourite.",
    "Worth every penny.",
];
const MIXED: [&str; 5] = [
    "Good food, though it took a while.",
    "Tasty, a bit too salty for me.",
    "Decent. The rice was cold.",
    "Fine, but they forgot the sauce.",
    "Nice flavours, small portion.",
];
const COMPLAINTS: [&str; 4] = [
    "Arrived cold and late.",
    "Half of the order was missing.",
    "Not what it used to be.",
    "Soggy, and nobody picked up the phone.",
];

/// What a guest writes of a restaurant of this quality (in stars).
pub fn review(
    rng: &mut ChaCha8Rng,
    id: i32,
    (customer_id, restaurant_id): (i32, i32),
    quality: f64,
    at: DateTime<Utc>,
) -> reviews::Model {
    let mood = 2.1 * (rng.random::<f64>() + rng.random::<f64>() - 1.0);
    let stars = (quality - 0.1 + mood).round().clamp(1.0, 5.0) as i32;
    let comments: &[&str] = match stars {
        1 | 2 => &COMPLAINTS,
        3 => &MIXED,
        _ => &PRAISE,
    };
    reviews::Model {
        id,
        customer_id,
        restaurant_id,
        rating: stars,
        comment: rng.random_bool(0.8).then(|| comments.choose(rng).copied().unwrap_or_default().to_owned()),
        created_at: at.into(),
        updated_at: at.into(),
    }
}

/// The average of so many ratings, as reviews keep it.
pub fn average(sum: i64, count: i64) -> Decimal {
    match count {
        0 => Decimal::new(0, 1),
        _ => money::rounded(Decimal::from(sum) / Decimal::from(count), 1),
    }
}
