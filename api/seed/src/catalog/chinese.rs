use super::{CatalogRestaurant, category, dish, sold_out};

pub const GOLDEN_WOK: CatalogRestaurant = CatalogRestaurant {
    name: "Golden Wok House",
    address: "77 Court Street, Tiffin",
    cuisine: "Chinese",
    currency: "USD",
    delivery_fee: 249,
    tax_rate: 725,
    place: (830.0, 980.0),
    quality: 4.0,
    is_active: true,
    menu: "Cantonese and Sichuan",
    categories: &[
        category(
            "Wok",
            &[
                dish("Kung pao chicken", 1350, "Peanuts, dried chilli, Sichuan pepper"),
                dish("Mapo tofu", 1195, "Silken tofu, fermented bean, minced pork"),
                dish("Beef with broccoli", 1450, "Flank steak, oyster sauce"),
                dish("Sweet and sour pork", 1325, "Pineapple, peppers, crisp batter"),
                dish("Dry-fried green beans", 1095, "Blistered beans, preserved mustard greens"),
            ],
        ),
        category(
            "Rice and noodles",
            &[
                dish("Yangzhou fried rice", 1150, "Prawn, char siu, egg, spring onion"),
                dish("Beef chow fun", 1395, "Wide rice noodles, bean sprouts"),
                dish("Dan dan noodles", 1250, "Sesame, chilli oil, minced pork"),
                dish("Steamed rice", 250, "Jasmine rice"),
            ],
        ),
        category(
            "Soups",
            &[
                dish("Hot and sour soup", 650, "Tofu, wood ear, white pepper"),
                sold_out("Winter melon soup", 795, "With dried scallop"),
            ],
        ),
    ],
};

pub const NIGHT_MARKET: CatalogRestaurant = CatalogRestaurant {
    name: "Night Market Dumplings",
    address: "18 Benner Street, Tiffin",
    cuisine: "Chinese",
    currency: "USD",
    delivery_fee: 299,
    tax_rate: 725,
    place: (-260.0, -980.0),
    quality: 4.6,
    is_active: true,
    menu: "Dumplings, buns and tea",
    categories: &[
        category(
            "Dumplings",
            &[
                dish("Xiao long bao (8)", 1295, "Pork and hot broth in thin skins"),
                dish("Pork and chive jiaozi (10)", 1150, "Boiled or pan-fried"),
                dish("Prawn har gow (6)", 1095, "Translucent wrappers, bamboo shoot"),
                dish("Vegetable potstickers (8)", 995, "Cabbage, mushroom, glass noodle"),
                dish("Chilli oil wontons (8)", 1095, "Pork wontons, black vinegar, garlic"),
            ],
        ),
        category(
            "Buns",
            &[
                dish("Char siu bao (3)", 795, "Steamed buns with barbecued pork"),
                dish("Sheng jian bao (4)", 995, "Crisp-bottomed soup buns"),
                sold_out("Custard buns (3)", 750, "Salted egg yolk"),
            ],
        ),
        category(
            "Tea",
            &[dish("Jasmine milk tea", 550, "Half sweet, with boba"), dish("Iced oolong", 450, "Cold-brewed")],
        ),
    ],
};
