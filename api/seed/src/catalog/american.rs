use super::{CatalogRestaurant, category, dish, sold_out};

pub const CORNER_GRIDDLE: CatalogRestaurant = CatalogRestaurant {
    name: "The Corner Griddle",
    address: "301 Main Street, Tiffin",
    cuisine: "American",
    currency: "USD",
    delivery_fee: 199,
    tax_rate: 725,
    place: (450.0, 540.0),
    quality: 4.1,
    is_active: true,
    menu: "Burgers and breakfast all day",
    categories: &[
        category(
            "Burgers",
            &[
                dish("Double smash burger", 1195, "Two patties, American cheese, pickles, house sauce"),
                dish("Mushroom swiss burger", 1250, "Griddled mushrooms, thyme mayonnaise"),
                dish("Black bean burger", 1095, "Avocado, chipotle, brioche"),
                dish("Fried chicken sandwich", 1195, "Buttermilk thigh, slaw, hot honey"),
            ],
        ),
        category(
            "Breakfast",
            &[
                dish("Buttermilk pancakes", 995, "Three, with maple syrup and butter"),
                dish("Two eggs any style", 895, "With hash browns and toast"),
                dish("Breakfast burrito", 1050, "Egg, potato, cheddar, salsa"),
                sold_out("Cinnamon roll", 595, "Gone by ten"),
            ],
        ),
        category(
            "Sides and shakes",
            &[
                dish("Fries", 450, "Twice fried, sea salt"),
                dish("Onion rings", 550, "Beer batter"),
                dish("Vanilla milkshake", 695, "With real custard"),
            ],
        ),
    ],
};

pub const BLUE_RIBBON: CatalogRestaurant = CatalogRestaurant {
    name: "Blue Ribbon Smokehouse",
    address: "402 Hopewell Avenue, Tiffin",
    cuisine: "American",
    currency: "USD",
    delivery_fee: 449,
    tax_rate: 725,
    place: (-1310.0, -870.0),
    quality: 4.4,
    is_active: true,
    menu: "Low and slow",
    categories: &[
        category(
            "From the pit",
            &[
                dish("Beef brisket", 1995, "Fourteen hours over oak, half a pound"),
                dish("Pulled pork", 1495, "Shoulder, vinegar sauce"),
                dish("St. Louis ribs", 2195, "Half a rack, dry rub"),
                dish("Smoked turkey", 1550, "Breast, black pepper"),
                sold_out("Burnt ends", 1795, "Saturday only, while they last"),
            ],
        ),
        category(
            "Sides",
            &[
                dish("Mac and cheese", 650, "Three cheeses, crumbs"),
                dish("Collard greens", 550, "With smoked hock"),
                dish("Dirty rice", 575, "Rice with chicken livers and peppers"),
                dish("Cornbread", 395, "Honey butter"),
            ],
        ),
        category("Sweets", &[dish("Pecan pie", 750, "A slice, with whipped cream")]),
    ],
};
