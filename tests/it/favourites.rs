//! Favourites: the restaurants and dishes that customers keep for later.

use entity::favourites;
use futures_util::future::join_all;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel, PaginatorTrait};
use serde_json::{Value, json};
use tiffin_tests::{Answer, Person, both_databases};

async fn add(viewer: &Person, id: &str) -> Answer {
    let document = "mutation($id: ID!) { addFavourite(input: {id: $id}) {
        favourite { __typename ... on Restaurant { id isFavourite } ... on Dish { id isFavourite } } customer { id } } }";
    viewer.query(document, json!({"id": id})).await
}

async fn remove(viewer: &Person, id: &str) -> Answer {
    let document = "mutation($id: ID!) { removeFavourite(input: {id: $id}) {
        removedFavouriteId customer { favourites { totalCount } } } }";
    viewer.query(document, json!({"id": id})).await
}

/// The ids of what the viewer keeps, as its own list tells them.
async fn kept(viewer: &Person) -> Vec<Value> {
    let document = "{ me { customer { favourites { nodes { ... on Node { id } } } } } }";
    let answer = viewer.query(document, json!({})).await;
    answer.list("/me/customer/favourites/nodes").iter().map(|favourite| favourite["id"].clone()).collect()
}

both_databases! {
    async fn what_is_kept_is_told_newest_first_and_shown_where_it_is_met(city: &City) {
        let restaurant = city.restaurant().with_dishes(2).create().await;
        let (ann, anonymous) = (city.customer("Ann").await, city.anonymous());
        let (place, dish) = (restaurant.id(), restaurant.dish_id(1));
        let met = json!({"restaurant": place});
        let document = "query($restaurant: ID!) { restaurant(id: $restaurant) { isFavourite menu { dishes(orderBy: PRICE) { nodes { id isFavourite } } } } }";

        for id in [&place, &dish] {
            let added = add(&ann, id).await;
            assert_eq!(added.at("/addFavourite/favourite/isFavourite"), &json!(true));
            assert_eq!(added.at("/addFavourite/favourite/id"), &json!(id));
        }
        add(&ann, &place).await.expect_success();
        assert_eq!(kept(&ann).await, [json!(dish), json!(place)], "what is added again stays where it is");

        let seen = ann.query(document, met.clone()).await;
        assert_eq!(seen.at("/restaurant/isFavourite"), &json!(true));
        let dishes: Vec<_> = seen.list("/restaurant/menu/dishes/nodes").iter().map(|shown| (shown["id"] == json!(dish), shown["isFavourite"].clone())).collect();
        assert!(dishes.iter().all(|(is_kept, told)| told == &json!(is_kept)), "{dishes:?}");
        let seen = anonymous.query(document, met.clone()).await;
        assert_eq!(seen.at("/restaurant/isFavourite"), &Value::Null);
        let ben = city.customer("Ben").await;
        assert_eq!(ben.query(document, met).await.at("/restaurant/isFavourite"), &json!(false));

        let page = "query($after: String) { me { customer { favourites(first: 1, after: $after) { totalCount pageInfo { hasNextPage endCursor }
            edges { node { ... on Restaurant { name } ... on Dish { name price } } } } } } }";
        let first = ann.query(page, json!({})).await;
        let list = "/me/customer/favourites";
        assert_eq!((first.at(&format!("{list}/totalCount")), first.at(&format!("{list}/pageInfo/hasNextPage"))), (&json!(2), &json!(true)));
        let second = ann.query(page, json!({"after": first.at(&format!("{list}/pageInfo/endCursor"))})).await;
        assert_eq!(second.at(&format!("{list}/edges/0/node")), &json!({"name": restaurant.row.name}));

        let removed = remove(&ann, &place).await;
        let expected = json!({"removedFavouriteId": place, "customer": {"favourites": {"totalCount": 1}}});
        assert_eq!(removed.at("/removeFavourite"), &expected);
        assert_eq!(remove(&ann, &place).await.at("/removeFavourite"), &expected, "what is not kept is no error");
        assert_eq!(kept(&ann).await, [json!(dish)]);
    }

    async fn who_never_ordered_keeps_something_and_is_a_customer(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let duy = city.driver("Duy").await;
        let none = remove(&duy, &restaurant.id()).await;
        assert_eq!(none.at("/removeFavourite/customer"), &Value::Null);
        let added = add(&duy, &restaurant.id()).await;
        assert!(added.text("/addFavourite/customer/id").starts_with("Customer:"));
        assert_eq!(kept(&duy).await, [json!(restaurant.id())]);
        let forbidden = city.anonymous();
        add(&forbidden, &restaurant.id()).await.expect_code("UNAUTHENTICATED");
        remove(&forbidden, &restaurant.id()).await.expect_code("UNAUTHENTICATED");
    }

    async fn nothing_is_told_of_what_is_hidden_nor_to_others(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, ben) = (city.customer("Ann").await, city.customer("Ben").await);
        for id in [restaurant.id(), restaurant.dish_id(0)] {
            add(&ann, &id).await.expect_success();
        }
        let mut row = restaurant.row.clone().into_active_model();
        row.is_active = Set(false);
        row.update(city.db()).await.expect("it is closed");
        assert!(kept(&ann).await.is_empty());
        for (id, missing) in [(restaurant.id(), "Restaurant:999999"), (restaurant.dish_id(0), "Dish:999999")] {
            let (hidden, missing) = (add(&ben, &id).await, add(&ben, missing).await);
            assert_eq!(hidden.expect_error("NOT_FOUND", "id").message, missing.expect_error("NOT_FOUND", "id").message);
        }
        // It is one's own all the same: told in what is held on one, and removed.
        let held = ann.query("{ personalData { favourites { nodes { addedAt favouriteId } } } }", json!({})).await;
        let ids: Vec<_> = held.list("/personalData/favourites/nodes").iter().map(|kept| kept["favouriteId"].clone()).collect();
        assert_eq!(ids, [json!(restaurant.dish_id(0)), json!(restaurant.id())]);
        remove(&ann, &restaurant.id()).await.expect_success();
        assert_eq!(favourites::Entity::find().count(city.db()).await.expect("counted"), 1);

        let document = "query($id: ID!) { customer(id: $id) { favourites { totalCount } } }";
        let mai = city.merchant_of(&restaurant).await;
        city.order(&ann, &restaurant).create().await;
        let seen = mai.query(document, json!({"id": ann.customer_id()})).await;
        assert_eq!(seen.at("/customer/favourites"), &Value::Null, "a restaurant sees the customer of its order, and not what it keeps");
        for malformed in ["Order:1", "Favourite:1", "Restaurant:0", "", "💚"] {
            add(&ann, malformed).await.expect_error("BAD_USER_INPUT", "id");
            remove(&ann, malformed).await.expect_error("BAD_USER_INPUT", "id");
        }
    }

    async fn the_same_at_once_is_kept_once_and_a_deleted_dish_by_nobody(city: &City) {
        let restaurant = city.restaurant().with_dishes(2).create().await;
        let (ann, mai) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let dish = restaurant.dish_id(0);
        for added in join_all((0..8).map(|_| add(&ann, &dish))).await {
            added.expect_success();
        }
        assert_eq!(favourites::Entity::find().count(city.db()).await.expect("counted"), 1);
        let delete = "mutation($id: ID!) { deleteDish(input: {id: $id}) { deletedDishId } }";
        let other = restaurant.dish_id(1);
        let (deleted, added) = futures_util::join!(mai.query(delete, json!({"id": other})), add(&ann, &other));
        deleted.expect_success();
        assert!(added.problems().is_empty() || added.expect_error("NOT_FOUND", "id").message.contains("dish"));
        mai.query(delete, json!({"id": dish})).await.expect_success();
        assert_eq!(favourites::Entity::find().count(city.db()).await.expect("counted"), 0);
        assert!(kept(&ann).await.is_empty());
    }

    async fn there_is_an_end_to_what_one_keeps(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let ann = city.customer("Ann").await;
        let others = city.restaurant().with_dishes(999).create().await;
        let rows = (0..999).map(|place| favourites::ActiveModel {
            customer_id: Set(ann.customer().id),
            dish_id: Set(Some(tiffin_tests::rows::row_number(&others.dish_id(place)))),
            created_at: Set(chrono::Utc::now().into()),
            ..Default::default()
        });
        favourites::Entity::insert_many(rows).exec_without_returning(city.db()).await.expect("they are kept");
        add(&ann, &restaurant.id()).await.expect_success();
        add(&ann, &restaurant.dish_id(0)).await.expect_error("CONFLICT", "id");
        add(&ann, &restaurant.id()).await.expect_success();
        remove(&ann, &others.dish_id(0)).await.expect_success();
        add(&ann, &restaurant.dish_id(0)).await.expect_success();
    }
}
