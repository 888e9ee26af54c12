use super::{CatalogRestaurant, category, dish, sold_out};

pub const CEDAR_AND_SUMAC: CatalogRestaurant = CatalogRestaurant {
    name: "Cedar & Sumac",
    address: "150 Clay Street, Tiffin",
    cuisine: "Lebanese",
    currency: "USD",
    delivery_fee: 299,
    tax_rate: 725,
    place: (-60.0, 1290.0),
    quality: 4.7,
    is_active: true,
    menu: "Mezze and charcoal grill",
    categories: &[
        category(
            "Mezze",
            &[
                dish("Hummus", 750, "Chickpea, tahini, lemon, warm pita"),
                dish("Baba ghanoush", 795, "Smoked aubergine, pomegranate"),
                dish("Tabbouleh", 825, "Parsley, bulgur, tomato, mint"),
                dish("Falafel (6)", 850, "Green inside, with tarator"),
                dish("Batata harra", 725, "Potatoes with chilli, garlic and coriander"),
            ],
        ),
        category(
            "Grill",
            &[
                dish("Shish taouk", 1495, "Chicken skewers, garlic sauce, pickles"),
                dish("Lamb kafta", 1575, "Minced lamb, parsley, onion, vermicelli rice"),
                dish("Mixed grill", 2250, "Taouk, kafta and lamb, for the hungry"),
                sold_out("Sea bass with sumac", 2195, "Whole fish, when the boats go out"),
            ],
        ),
        category(
            "Sweets",
            &[dish("Baklava (4)", 695, "Pistachio and orange blossom"), dish("Knafeh", 825, "Warm cheese, syrup")],
        ),
    ],
};
