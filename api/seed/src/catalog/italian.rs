use super::{CatalogRestaurant, category, dish, sold_out};

pub const TRATTORIA_LUCIA: CatalogRestaurant = CatalogRestaurant {
    name: "Trattoria Lucia",
    address: "130 Melmore Street, Tiffin",
    cuisine: "Italian",
    currency: "USD",
    delivery_fee: 349,
    tax_rate: 725,
    place: (-720.0, -380.0),
    quality: 4.5,
    is_active: true,
    menu: "Cucina di casa",
    categories: &[
        category(
            "Antipasti",
            &[
                dish("Burrata with roast peppers", 1350, "Puglian burrata, sweet peppers, basil oil"),
                dish("Arancini (3)", 995, "Crisp risotto rice with ragù and provola"),
                dish("Focaccia al rosmarino", 650, "Baked this morning, with sea salt"),
            ],
        ),
        category(
            "Pasta",
            &[
                dish("Cacio e pepe", 1495, "Tonnarelli, pecorino romano, black pepper"),
                dish("Tagliatelle al ragù", 1695, "Beef and pork cooked for six hours"),
                dish("Lasagne verdi", 1750, "Spinach pasta, ragù, béchamel"),
                sold_out("Ravioli di zucca", 1650, "Pumpkin and amaretti, sage butter, in season"),
            ],
        ),
        category(
            "Mains",
            &[
                dish("Chicken milanese", 1895, "Breaded breast, rocket, lemon"),
                dish("Melanzane alla parmigiana", 1575, "Aubergine, tomato, mozzarella"),
            ],
        ),
        category("Dolci", &[dish("Tiramisù", 850, "Mascarpone, espresso, cocoa")]),
    ],
};

pub const FORNO_NERO: CatalogRestaurant = CatalogRestaurant {
    name: "Forno Nero",
    address: "9 Railroad Street, Tiffin",
    cuisine: "Italian",
    currency: "USD",
    delivery_fee: 249,
    tax_rate: 725,
    place: (1040.0, -520.0),
    quality: 4.3,
    is_active: true,
    menu: "Wood-fired pizza",
    categories: &[
        category(
            "Pizze rosse",
            &[
                dish("Margherita", 1295, "San Marzano tomato, fior di latte, basil"),
                dish("Diavola", 1495, "Spicy salami, chilli honey"),
                dish("Quattro stagioni", 1595, "Artichoke, ham, mushroom, olive"),
                dish("Marinara", 1095, "Tomato, garlic, oregano, no cheese"),
            ],
        ),
        category(
            "Pizze bianche",
            &[
                dish("Quattro formaggi", 1550, "Mozzarella, gorgonzola, fontina, parmesan"),
                dish("Patate e salsiccia", 1575, "Potato, fennel sausage, rosemary"),
                sold_out("Tartufo", 1995, "Black truffle and mushroom cream"),
            ],
        ),
        category(
            "Salads and drinks",
            &[
                dish("Rocket and parmesan", 895, "With lemon and olive oil"),
                dish("Caprese", 1095, "Tomato, mozzarella, basil"),
                dish("Chinotto", 395, "Bitter orange soda"),
            ],
        ),
    ],
};
