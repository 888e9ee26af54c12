//! Names for a thousand restaurants and forty dishes each.

use crate::catalog::{CatalogRestaurant, RESTAURANTS};

const FIRST: [&str; 26] = [
    "Golden",
    "Blue Door",
    "Riverside",
    "Old Mill",
    "Lantern",
    "Corner",
    "Harvest",
    "Silver",
    "Copper",
    "Garden",
    "Harbor",
    "Sunrise",
    "Maple",
    "Station",
    "Red Brick",
    "Market",
    "Willow",
    "Hilltop",
    "Lucky",
    "Orchard",
    "Twin Bridges",
    "Northside",
    "Southside",
    "Union",
    "Depot",
    "Canal",
];

fn second(cuisine: &str) -> [&'static str; 6] {
    match cuisine {
        "Indian" => ["Tandoor", "Spice House", "Curry Club", "Dhaba", "Masala Kitchen", "Thali House"],
        "Japanese" => ["Sushi", "Ramen", "Izakaya", "Bento", "Noodle Bar", "Donburi"],
        "Vietnamese" => ["Phở", "Bánh Mì", "Bún Chả", "Noodle House", "Cơm Tấm", "Cà Phê"],
        "Italian" => ["Trattoria", "Pizzeria", "Osteria", "Forno", "Cucina", "Pizza Bar"],
        "Mexican" => ["Cantina", "Taquería", "Cocina", "Tacos", "Antojitos", "Burritos"],
        "Chinese" => ["Wok", "Dumplings", "Palace", "Dim Sum", "Noodles", "Hot Pot"],
        "Lebanese" => ["Grill", "Mezze", "Kitchen", "Bakery", "Garden", "Falafel"],
        _ => ["Diner", "Smokehouse", "Burgers", "Barbecue", "Sandwiches", "Grill"],
    }
}

/// The name of the city's `number`-th restaurant: the first are those of the demo.
pub fn restaurant(number: usize, facts: &CatalogRestaurant) -> String {
    let models = RESTAURANTS.iter().filter(|restaurant| restaurant.is_active).count();
    let (round, model) = (number / models, number % models);
    if round == 0 {
        return facts.name.to_owned();
    }
    // Two models of one cuisine follow one another: one takes the even names, the other the odd.
    let second = second(facts.cuisine)[(round / FIRST.len() * 2 + model % 2) % 6];
    format!("{} {second}", FIRST[round % FIRST.len()])
}

/// A dish's variant: its name, and its price in percent of the plain one's.
pub fn variant(name: &str, variant: usize, currency: &str) -> (String, i64) {
    let (english, vietnamese, percent) = match variant {
        0 => return (name.to_owned(), 100),
        1 => ("House", "nhà làm", 115),
        2 => ("Spicy", "cay", 105),
        3 => ("Small", "nhỏ", 75),
        4 => ("Double", "gấp đôi", 180),
        _ => ("Family-size", "gia đình", 320),
    };
    match currency {
        "VND" => (format!("{name} ({vietnamese})"), percent),
        _ => (format!("{english} {name}"), percent),
    }
}
