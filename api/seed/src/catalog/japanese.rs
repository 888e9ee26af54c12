use super::{CatalogRestaurant, category, dish, sold_out};

pub const SAKURA_COUNTER: CatalogRestaurant = CatalogRestaurant {
    name: "Sakura Counter",
    address: "41 Washington Street, Tiffin",
    cuisine: "Japanese",
    currency: "USD",
    delivery_fee: 399,
    tax_rate: 725,
    place: (620.0, 310.0),
    quality: 4.7,
    is_active: true,
    menu: "Sushi, ramen and rice bowls",
    categories: &[
        category(
            "Sushi",
            &[
                dish("Salmon nigiri (6)", 1495, "Scottish salmon over seasoned rice"),
                dish("Spicy tuna roll", 1195, "Bigeye tuna, chilli mayonnaise, sesame, cucumber"),
                dish("Dragon roll", 1595, "Prawn tempura under avocado and eel sauce"),
                dish("Avocado maki", 795, "Eight pieces, with toasted sesame"),
                sold_out("Chef's omakase box", 3850, "Twelve pieces of what came in this morning"),
            ],
        ),
        category(
            "Ramen",
            &[
                dish("Tonkotsu ramen", 1550, "Eighteen-hour pork broth, chashu, soft egg"),
                dish("Miso corn ramen", 1450, "Red miso, sweet corn, butter, bean sprouts"),
                dish("Shoyu ramen", 1425, "Clear chicken broth with soy and bamboo"),
            ],
        ),
        category(
            "Rice bowls",
            &[
                dish("Chicken katsu curry", 1475, "Panko cutlet with mild curry over rice"),
                dish("Unagi don", 1995, "Grilled eel over rice with sansho pepper"),
                dish("Gyudon", 1350, "Beef and onion simmered in dashi, over rice"),
            ],
        ),
        category(
            "Small plates",
            &[
                dish("Edamame", 595, "Steamed, with sea salt"),
                dish("Pork gyoza (6)", 895, "Pan-fried dumplings with vinegar and soy"),
                dish("Matcha mochi (2)", 650, "Rice cakes around green-tea ice cream"),
            ],
        ),
    ],
};
