//! A city in which everybody has something that others may not see, and every text is one that is recognised.

use entity::{
    customers, dishes, drivers, menus, order_events, order_items, orders, restaurant_members, restaurants, reviews,
    sea_orm_active_enums::OrderStatus, sessions, users,
};
use migration::search_text::{fold, fold_lines};
use rust_decimal::{Decimal, prelude::FromPrimitive};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter,
    prelude::DateTimeWithTimeZone,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use serde_json::json;
use tiffin_tests::{City, Person, builders::Restaurant};

use super::markers::Markers;

/// The viewers, by their names.
pub struct Town {
    pub people: Vec<(&'static str, Person)>,
    /// Who was on the staff of which restaurant when all began.
    members: Vec<restaurant_members::Model>,
}

impl Town {
    pub async fn create(city: &City, markers: &mut Markers) -> Self {
        let people = people(city).await;
        mark(city, markers).await;
        let members = restaurant_members::Entity::find().all(city.db()).await.expect("members can be read");
        Town { people, members }
    }

    /// Lets everybody be who they were: an operation may have ended sessions, changed roles, or taken somebody off a staff. Tells
    /// whether it had.
    pub async fn restore(&self, city: &City) -> bool {
        let db = city.db();
        let opened = sessions::Entity::update_many()
            .col_expr(sessions::Column::EndedAt, Expr::val(None::<DateTimeWithTimeZone>))
            .filter(sessions::Column::EndedAt.is_not_null());
        let mut changed = opened.exec(db).await.expect("sessions can be opened again").rows_affected;
        for (_, person) in &self.people {
            let Some(user) = person.signed_in_user() else { continue };
            let as_before = users::Entity::update_many()
                .set(users::ActiveModel { role: Set(user.role), is_active: Set(true), ..Default::default() })
                .filter(users::Column::Id.eq(user.id))
                .filter(users::Column::Role.ne(user.role).or(users::Column::IsActive.eq(false)));
            changed += as_before.exec(db).await.expect("a user can be changed").rows_affected;
        }
        let members = self.members.iter().map(|member| member.clone().into_active_model());
        let kept =
            restaurant_members::Entity::insert_many(members).on_conflict(OnConflict::new().do_nothing().to_owned());
        changed += kept.exec_without_returning(db).await.expect("members can be written");
        changed > 0
    }
}

async fn people(city: &City) -> Vec<(&'static str, Person)> {
    let restaurant = city.restaurant().located_at(21.0, 105.8).with_dishes(3).create().await;
    let closed = city.restaurant().inactive().with_dishes(2).create().await;
    let elsewhere = city.restaurant().with_dishes(2).create().await;
    let shut = city.restaurant().inactive().with_dishes(1).create().await;
    let (ann, ben, kim) = (city.customer("Ann").await, city.customer("Ben").await, city.customer("Kim").await);
    let merchant = city.merchant_of(&restaurant).await;
    city.make_member(&merchant, &closed).await;
    let other_merchant = city.merchant_of(&elsewhere).await;
    city.make_member(&other_merchant, &shut).await;
    let driver = async |name: &str| city.new_driver(name).located_at(21.0, 105.8).create().await;
    let (duy, dan, lan, loc) = (driver("Duy").await, driver("Dan").await, driver("Lan").await, driver("Loc").await);
    let order = |customer: &Person, restaurant: &Restaurant, status| city.order(customer, restaurant).status(status);
    for (customer, restaurant, carrier) in [
        (&ann, &restaurant, &duy),
        (&ann, &closed, &duy),
        (&ben, &elsewhere, &dan),
        (&ben, &shut, &lan),
        (&kim, &shut, &dan),
    ] {
        order(customer, restaurant, OrderStatus::Delivered).driver(carrier).create().await;
    }
    for (customer, restaurant) in [(&ann, &restaurant), (&ben, &elsewhere), (&kim, &restaurant)] {
        order(customer, restaurant, OrderStatus::Pending).create().await;
        order(customer, restaurant, OrderStatus::Confirmed).create().await;
        city.order(customer, restaurant).cancelled_from(OrderStatus::Preparing).create().await;
    }
    order(&kim, &elsewhere, OrderStatus::Ready).create().await;
    order(&ann, &restaurant, OrderStatus::PickedUp).driver(&duy).create().await;
    order(&ben, &elsewhere, OrderStatus::Ready).driver(&lan).create().await;
    order(&kim, &restaurant, OrderStatus::Preparing).driver(&loc).create().await;
    for (customer, restaurant) in [(&ann, &restaurant), (&ben, &shut), (&kim, &closed), (&kim, &elsewhere)] {
        city.review(customer, restaurant).create().await;
    }
    for (customer, favourite) in [(&ann, &restaurant), (&ann, &closed), (&ben, &elsewhere), (&kim, &restaurant)] {
        city.favourite(customer, &favourite.id()).await;
    }
    for (customer, favourite) in
        [(&ann, restaurant.dish_id(0)), (&ann, elsewhere.dish_id(1)), (&kim, restaurant.dish_id(0))]
    {
        city.favourite(customer, &favourite).await;
    }
    for person in [&ann, &merchant, &duy] {
        city.dead_letter(person).await;
    }
    let admin = city.admin().await;
    vec![
        ("anonymous", city.anonymous()),
        ("customer", ann),
        ("other customer", ben),
        ("merchant", merchant),
        ("other merchant", other_merchant),
        ("driver", duy),
        ("other driver", dan),
        ("admin", admin),
    ]
}

/// Puts a marker of its own in the place of every text and place that the city has.
async fn mark(city: &City, markers: &mut Markers) {
    let db = city.db();
    macro_rules! change {
        ($entity:ident, |$row:ident| $change:block) => {
            for row in $entity::Entity::find().all(db).await.expect("the rows can be read") {
                let mut $row = row.into_active_model();
                $change
                $row.update(db).await.expect("a row can be changed");
            }
        };
    }
    change!(users, |row| {
        let (name, email) = (markers.text("User", 100), markers.email());
        row.search_text = Set(fold(&format!("{name} {email}")));
        row.name = Set(Some(name));
        row.email = Set(email);
    });
    change!(customers, |row| {
        let name = markers.text("Customer", 100);
        row.search_text = Set(fold(&name));
        row.name = Set(name);
        row.email = Set(markers.email());
        // Half of them sign with what they chose, the others with a part of their name, which must have no marker.
        row.review_name = Set((row.id.as_ref() % 2 == 0).then(|| markers.text("Reviewer", 100)));
        row.phone = Set(Some(markers.text("P", 20)));
        row.addresses = Set(Some(json!([address(markers), address(markers)])));
    });
    change!(drivers, |row| {
        let degrees = |degrees| Some(Decimal::from_f64(degrees).expect("degrees are a number"));
        row.name = Set(markers.text("Driver", 100));
        row.phone = Set(markers.text("P", 20));
        row.license_number = Set(markers.text("L", 50));
        row.current_lat = Set(degrees(markers.degrees()));
        row.current_lng = Set(degrees(markers.degrees()));
    });
    change!(restaurants, |row| {
        let (name, address) = (markers.text("Restaurant", 100), markers.text("Address", 100));
        row.search_text = Set(fold_lines([name.as_str(), &address]));
        row.name = Set(name);
        row.address = Set(address);
        row.phone = Set(markers.text("P", 20));
        row.lat = Set(Some(markers.degrees()));
        row.lng = Set(Some(markers.degrees()));
    });
    change!(menus, |row| {
        row.name = Set(markers.text("Menu", 100));
        row.description = Set(Some(markers.text("Menu", 100)));
    });
    change!(dishes, |row| {
        let (name, description) = (markers.text("Dish", 100), markers.text("Description", 100));
        row.search_text = Set(fold_lines([name.as_str(), "Mains", &description]));
        row.name = Set(name);
        row.description = Set(Some(description));
    });
    change!(orders, |row| {
        row.customer_name = Set(Some(markers.text("Customer", 100)));
        row.restaurant_name = Set(Some(markers.text("Restaurant", 100)));
        row.delivery_address = Set(address(markers));
    });
    change!(order_items, |row| {
        row.dish_name = Set(markers.text("Dish", 100));
    });
    change!(order_events, |row| {
        row.note = Set(Some(markers.text("Note", 100)));
    });
    change!(reviews, |row| {
        row.comment = Set(Some(markers.text("Comment", 100)));
    });
}

fn address(markers: &mut Markers) -> serde_json::Value {
    json!({
        "label": markers.text("Label", 50),
        "line1": markers.text("Line", 100),
        "city": markers.text("City", 100),
        "location": {"lat": markers.degrees(), "lng": markers.degrees()},
        "instructions": markers.text("Instructions", 100),
    })
}
