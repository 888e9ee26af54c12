use super::{CatalogRestaurant, category, dish, sold_out};

pub const PHO_BA_TU: CatalogRestaurant = CatalogRestaurant {
    name: "Phở Gia Truyền Bà Tư",
    address: "27 Phố Hàng Đồng, Tiffin",
    cuisine: "Vietnamese",
    currency: "VND",
    delivery_fee: 18_000,
    tax_rate: 800,
    place: (-410.0, 730.0),
    quality: 4.8,
    is_active: true,
    menu: "Thực đơn",
    categories: &[
        category(
            "Phở",
            &[
                dish("Phở bò tái chín", 65_000, "Bò tái và nạm, nước dùng hầm mười hai tiếng"),
                dish("Phở bò đặc biệt", 85_000, "Đủ tái, nạm, gầu, gân, sách"),
                dish("Phở gà ta", 60_000, "Gà ta xé, lá chanh, nước trong"),
            ],
        ),
        category(
            "Bún",
            &[
                dish("Bún chả Hà Nội", 70_000, "Chả nướng than hoa, nước mắm chua ngọt, rau sống"),
                dish("Bún bò Huế", 72_000, "Giò heo, chả cua, sả và mắm ruốc"),
                sold_out("Bún đậu mắm tôm", 58_000, "Đậu rán, chả cốm, mắm tôm pha chanh ớt"),
            ],
        ),
        category(
            "Món cuốn",
            &[
                dish("Gỏi cuốn tôm thịt (3 cuốn)", 45_000, "Tôm, thịt luộc, bún, chấm tương đậu phộng"),
                dish("Nem rán (4 chiếc)", 55_000, "Thịt, miến, mộc nhĩ, rán giòn"),
            ],
        ),
        category(
            "Đồ uống",
            &[
                dish("Cà phê sữa đá", 32_000, "Cà phê phin với sữa đặc"),
                dish("Trà đá chanh sả", 25_000, "Trà xanh, sả, chanh tươi"),
                dish("Nước mía", 20_000, "Ép tại chỗ, vắt tắc"),
            ],
        ),
    ],
};

pub const LANTERN_STREET: CatalogRestaurant = CatalogRestaurant {
    name: "Lantern Street Bánh Mì",
    address: "5 Perry Street, Tiffin",
    cuisine: "Vietnamese",
    currency: "USD",
    delivery_fee: 199,
    tax_rate: 725,
    place: (90.0, 860.0),
    quality: 4.4,
    is_active: true,
    menu: "Sandwiches and bowls",
    categories: &[
        category(
            "Bánh mì",
            &[
                dish("Bánh mì đặc biệt", 1095, "Pâté, ham, head cheese, pickles, coriander, chilli"),
                dish("Lemongrass chicken bánh mì", 1050, "Grilled thigh, pickled carrot, cucumber"),
                dish("Tofu bánh mì", 975, "Five-spice tofu, mushroom pâté, herbs"),
                dish("Meatball bánh mì", 1050, "Pork meatballs in tomato, with butter"),
            ],
        ),
        category(
            "Bowls",
            &[
                dish("Vermicelli with grilled pork", 1395, "Rice noodles, herbs, peanuts, nước chấm"),
                dish("Broken rice with pork chop", 1425, "Lemongrass chop, fried egg, scallion oil"),
                sold_out("Bún riêu", 1450, "Crab and tomato noodle soup, weekends only"),
            ],
        ),
        category(
            "Sides and drinks",
            &[
                dish("Summer rolls (2)", 695, "Prawn and pork in rice paper, peanut sauce"),
                dish("Vietnamese iced coffee", 525, "Dark roast over condensed milk"),
            ],
        ),
    ],
};
