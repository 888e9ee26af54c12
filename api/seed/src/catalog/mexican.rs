use super::{CatalogRestaurant, category, dish, sold_out};

pub const CASA_MAIZ: CatalogRestaurant = CatalogRestaurant {
    name: "Casa Maíz",
    address: "64 Monroe Street, Tiffin",
    cuisine: "Mexican",
    currency: "USD",
    delivery_fee: 299,
    tax_rate: 725,
    place: (340.0, -1120.0),
    quality: 4.5,
    is_active: true,
    menu: "Cocina oaxaqueña",
    categories: &[
        category(
            "Antojitos",
            &[
                dish("Guacamole y totopos", 995, "Mashed to order, with warm corn chips"),
                dish("Elote", 650, "Grilled corn, cotija, chilli, lime"),
                dish("Tlayuda", 1495, "Crisp tortilla, black beans, quesillo, chorizo"),
            ],
        ),
        category(
            "Platos fuertes",
            &[
                dish("Mole negro", 1895, "Chicken in a sauce of thirty ingredients, with rice"),
                dish("Cochinita pibil", 1750, "Pork in achiote and orange, pickled onion"),
                dish("Enchiladas verdes", 1450, "Chicken, tomatillo, crema, rice and beans"),
                sold_out("Chiles en nogada", 1995, "Poblano, walnut cream, pomegranate, in autumn"),
            ],
        ),
        category(
            "Postres y bebidas",
            &[dish("Churros", 725, "With cinnamon chocolate"), dish("Agua de jamaica", 395, "Hibiscus, barely sweet")],
        ),
    ],
};

pub const EL_FARO: CatalogRestaurant = CatalogRestaurant {
    name: "Taquería El Faro",
    address: "211 Circular Street, Tiffin",
    cuisine: "Mexican",
    currency: "USD",
    delivery_fee: 199,
    tax_rate: 725,
    place: (-1180.0, -90.0),
    quality: 4.2,
    is_active: true,
    menu: "Tacos until midnight",
    categories: &[
        category(
            "Tacos",
            &[
                dish("Al pastor (3)", 1095, "Pork from the trompo, pineapple, onion"),
                dish("Carne asada (3)", 1195, "Skirt steak, salsa roja"),
                dish("Baja fish (3)", 1250, "Beer-battered cod, cabbage, chipotle"),
                dish("Hongos (3)", 995, "Oyster mushroom, epazote, queso fresco"),
                sold_out("Lengua (3)", 1295, "Braised tongue, salsa verde"),
            ],
        ),
        category(
            "Burritos",
            &[
                dish("Mission burrito", 1350, "Rice, beans, carnitas, guacamole, crema"),
                dish("Bean and rice burrito", 995, "Pinto beans, rice, cheese, pico de gallo"),
            ],
        ),
        category(
            "Sides and drinks",
            &[
                dish("Esquites", 595, "Corn off the cob with lime and chilli"),
                dish("Horchata", 425, "Rice, cinnamon, vanilla"),
                dish("Mexican cola", 395, "Cane sugar, glass bottle"),
            ],
        ),
    ],
};
