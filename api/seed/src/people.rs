//! Raw material for people: names, streets and places.

use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use tiffin::features::address::{Address, LatLng};

/// The middle of the city, in degrees north and east.
const CENTRE: (f64, f64) = (41.1145, -83.1780);
const METRES_PER_DEGREE: f64 = 111_320.0;

pub const FIRST_NAMES: [&str; 48] = [
    "Amara",
    "Benjamin",
    "Chloe",
    "Daniel",
    "Elena",
    "Farid",
    "Grace",
    "Hugo",
    "Ingrid",
    "Jamal",
    "Keiko",
    "Liam",
    "Mai",
    "Noah",
    "Olivia",
    "Pablo",
    "Quynh",
    "Rosa",
    "Samuel",
    "Thảo",
    "Umar",
    "Valentina",
    "Wei",
    "Ximena",
    "Yusuf",
    "Zoë",
    "Aisha",
    "Bruno",
    "Clara",
    "Dmitri",
    "Esther",
    "Felix",
    "Giulia",
    "Hannah",
    "Isaac",
    "Julia",
    "Kwame",
    "Leila",
    "Marcus",
    "Nadia",
    "Oscar",
    "Priya",
    "Rafael",
    "Sofia",
    "Tomás",
    "Uma",
    "Victor",
    "Yuki",
];

pub const LAST_NAMES: [&str; 53] = [
    "Abbott",
    "Bergström",
    "Castillo",
    "Dawson",
    "Eriksen",
    "Fontaine",
    "Gupta",
    "Haddad",
    "Ibrahim",
    "Jensen",
    "Kowalski",
    "Lindqvist",
    "Moreau",
    "Nguyễn",
    "Okafor",
    "Petrov",
    "Quinn",
    "Romano",
    "Schneider",
    "Tanaka",
    "Underwood",
    "Vargas",
    "Whitaker",
    "Xu",
    "Yamamoto",
    "Zhang",
    "Alvarez",
    "Bianchi",
    "Chen",
    "Delgado",
    "Evans",
    "Fischer",
    "Goldberg",
    "Hoffman",
    "Iyer",
    "Johansson",
    "Khan",
    "Larsen",
    "Mbeki",
    "Novak",
    "O'Brien",
    "Patel",
    "Rossi",
    "Silva",
    "Trần",
    "Ueda",
    "Vu",
    "Walsh",
    "Young",
    "Zimmermann",
    "Carter",
    "Diaz",
    "Park",
];

const STREETS: [&str; 14] = [
    "Market Street",
    "Washington Street",
    "Perry Street",
    "Monroe Street",
    "Jefferson Street",
    "Madison Street",
    "Sycamore Street",
    "Coe Street",
    "Riverside Drive",
    "Frost Parkway",
    "Ella Street",
    "Sixth Avenue",
    "Wentz Street",
    "Greenfield Street",
];

const INSTRUCTIONS: [&str; 5] = [
    "Ring twice.",
    "Leave it at the door.",
    "Second floor, the blue door.",
    "Call when you are downstairs.",
    "The gate code is 2580.",
];

pub const VEHICLES: [&str; 4] = ["Bicycle", "Scooter", "Electric bicycle", "Car"];

/// The name of the `number`-th person; a few thousand are different.
pub fn name(number: usize) -> String {
    let first = FIRST_NAMES[number % FIRST_NAMES.len()];
    let last = LAST_NAMES[(number * 7 + number / FIRST_NAMES.len()) % LAST_NAMES.len()];
    format!("{first} {last}")
}

/// The e-mail address that goes with a name: letters, digits and dots.
pub fn email(name: &str, domain: &str) -> String {
    let local: String = migration::search_text::fold(name)
        .chars()
        .filter_map(|letter| match letter {
            ' ' => Some('.'),
            letter => letter.is_ascii_alphanumeric().then_some(letter),
        })
        .collect();
    format!("{local}@{domain}")
}

/// So many metres north and east of the centre.
pub fn place((north, east): (f64, f64)) -> LatLng {
    let degree_of_longitude = METRES_PER_DEGREE * CENTRE.0.to_radians().cos();
    let round = |degrees: f64| (degrees * 1e6).round() / 1e6;
    LatLng { lat: round(CENTRE.0 + north / METRES_PER_DEGREE), lng: round(CENTRE.1 + east / degree_of_longitude) }
}

/// Somewhere at most `radius` metres north, south, east or west of the centre.
pub fn anywhere(rng: &mut ChaCha8Rng, radius: f64) -> LatLng {
    place((rng.random_range(-radius..radius), rng.random_range(-radius..radius)))
}

/// An address in the city.
pub fn address(rng: &mut ChaCha8Rng, label: &str, radius: f64) -> Address {
    let street = STREETS.choose(rng).copied().unwrap_or_default();
    let instructions = rng.random_bool(0.3).then(|| INSTRUCTIONS.choose(rng).copied().unwrap_or_default().to_owned());
    Address {
        id: None,
        label: Some(label.to_owned()),
        line1: format!("{} {street}", rng.random_range(1..400)),
        line2: rng.random_bool(0.25).then(|| format!("Apartment {}", rng.random_range(1..30))),
        city: "Tiffin".to_owned(),
        postal_code: Some("44883".to_owned()),
        country: Some("US".to_owned()),
        location: Some(anywhere(rng, radius)),
        instructions,
    }
}
