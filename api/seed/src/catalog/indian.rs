use super::{CatalogRestaurant, category, dish, sold_out};

pub const SAFFRON_ROUTE: CatalogRestaurant = CatalogRestaurant {
    name: "Saffron Route",
    address: "12 Market Street, Tiffin",
    cuisine: "Indian",
    currency: "USD",
    delivery_fee: 299,
    tax_rate: 725,
    place: (180.0, -240.0),
    quality: 4.6,
    is_active: true,
    menu: "North Indian kitchen",
    categories: &[
        category(
            "Curries",
            &[
                dish("Butter chicken", 1450, "Tandoori chicken in a tomato and fenugreek sauce, finished with cream"),
                dish("Lamb rogan josh", 1650, "Slow-cooked lamb with Kashmiri chilli, cardamom and clove"),
                dish("Palak paneer", 1295, "Fresh cheese in spinach with garlic and cumin"),
                dish("Chana masala", 1150, "Chickpeas simmered with tomato, ginger and dried mango"),
                sold_out("Goan fish curry", 1695, "Halibut in coconut and kokum, hot and sour"),
            ],
        ),
        category(
            "Tandoor",
            &[
                dish("Chicken tikka", 1350, "Yoghurt-marinated thigh from the clay oven, with mint chutney"),
                dish("Seekh kebab", 1395, "Minced lamb skewers with green chilli and coriander"),
                dish("Garlic naan", 395, "Blistered flatbread with garlic butter"),
            ],
        ),
        category(
            "Rice",
            &[
                dish("Hyderabadi chicken biryani", 1575, "Basmati rice steamed over spiced chicken, with raita"),
                dish("Jeera rice", 450, "Basmati rice tempered with cumin and ghee"),
            ],
        ),
        category(
            "Sweets and drinks",
            &[
                dish("Gulab jamun", 595, "Two warm milk dumplings in rose syrup"),
                dish("Mango lassi", 495, "Alphonso mango and yoghurt"),
            ],
        ),
    ],
};

pub const BUKHARA_CLUB: CatalogRestaurant = CatalogRestaurant {
    name: "Bukhara Tandoor Club",
    address: "88 Sandusky Street, Tiffin",
    cuisine: "Indian",
    currency: "USD",
    delivery_fee: 349,
    tax_rate: 725,
    place: (-950.0, 620.0),
    quality: 3.4,
    is_active: false,
    menu: "From the clay oven",
    categories: &[
        category(
            "Tandoor",
            &[
                dish("Tandoori half chicken", 1395, "On the bone, with lemon and onion"),
                dish("Paneer tikka", 1250, "Fresh cheese with peppers and carom"),
                dish("Malai kebab", 1450, "Chicken in cream, cheese and cardamom"),
                dish("Butter naan", 325, "Leavened flatbread"),
            ],
        ),
        category(
            "Curries",
            &[
                dish("Dal bukhara", 1095, "Black lentils cooked overnight"),
                dish("Mutton korma", 1595, "Goat in cashew and yoghurt"),
                dish("Aloo gobi", 1050, "Potato and cauliflower with turmeric"),
            ],
        ),
        category("Sweets", &[dish("Kulfi", 550, "Pistachio ice on a stick")]),
    ],
};
