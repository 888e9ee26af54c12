//! A user who has just been authenticated sees the payload with the rights of that user.

use entity::{
    sea_orm_active_enums::{AccountTokenPurpose, OrderStatus},
    users,
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use tiffin_tests::{Answer, both_databases, rows::row_number};

use super::{PASSWORD, mutate, sign_up};

/// What hangs on who asks.
const OF_USER: &str = "id email restaurants { name revenue { totalOrders } members { email } orders { totalCount } }
    driver { phone licenseNumber location { lat } orders { totalCount } }
    customer { email phone addresses { line1 } orders { totalCount nodes { customer { addresses { line1 } } } } }";

#[track_caller]
fn expect_same(answer: &Answer, pointer: &str, own: &Value) {
    answer.clone().expect_success();
    assert_eq!(answer.at(pointer), own, "{answer}");
}

both_databases! {
    async fn whoever_signs_in_sees_what_is_theirs_in_the_same_answer(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, mai) = (city.customer("Ann").await, city.merchant_of(&restaurant).await);
        let duy = city.new_driver("Duy").located_at(21.0, 105.0).create().await;
        city.order(&ann, &restaurant).status(OrderStatus::Delivered).driver(&duy).create().await;
        city.order(&city.customer("Ben").await, &restaurant).create().await;
        let anonymous = city.anonymous();
        for person in [&ann, &mai, &duy, &city.admin().await] {
            let own = person.query(&format!("{{ me {{ {OF_USER} }} }}"), json!({})).await.clone().expect_success();
            let own = own.at("/me");
            let reset = city.account_token(person.user(), AccountTokenPurpose::ResetPassword).await;
            let input = json!({"token": reset, "newPassword": PASSWORD});
            let user = format!("user {{ {OF_USER} }}");
            expect_same(&mutate(&anonymous, "resetPassword", &user, input).await, "/resetPassword/user", own);

            let session = format!("session {{ refreshToken {user} }}");
            let email = &person.user().email;
            let credentials = json!({"email": email, "password": PASSWORD});
            // Whoever else asks.
            for asks in [&anonymous, &ann.with_access_token("nobody"), &city.customer("Ben").await] {
                let opened = mutate(asks, "signIn", &session, credentials.clone()).await;
                expect_same(&opened, "/signIn/session/user", own);
                let first = json!({"refreshToken": opened.text("/signIn/session/refreshToken")});
                let renewed = mutate(asks, "refreshSession", &session, first.clone()).await;
                expect_same(&renewed, "/refreshSession/session/user", own);
                let second = json!({"refreshToken": renewed.text("/refreshSession/session/refreshToken")});
                expect_same(&mutate(asks, "signOut", &user, second).await, "/signOut/user", own);
                // What proves nothing any more shows nothing: the session is at an end.
                let restaurants = "user { restaurants { orders { totalCount } } customer { orders { totalCount } } }";
                let again = mutate(&anonymous, "signOut", restaurants, first).await.expect_success();
                assert!(!again.body.to_string().contains("\"totalCount\":1"), "{again}");
            }
        }
    }

    async fn whose_address_is_verified_sees_the_record_that_waited_for_it(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let anonymous = city.anonymous();
        let waiting = city.customer_without_user("Old Ann", "ann@example.com").await;
        let ghost = city.customer("Ghost").await;
        let order = city.order(&ghost, &restaurant).create().await;
        let mut row = order.row.into_active_model();
        row.customer_id = Set(waiting.id);
        row.update(city.db()).await.unwrap();
        let opened = sign_up(&anonymous, "ann@example.com").await;
        let user = users::Entity::find_by_id(row_number(opened.text("/signUp/session/user/id"))).one(city.db()).await;
        let token = city.account_token(&user.unwrap().unwrap(), AccountTokenPurpose::VerifyEmail).await;
        let seen = "user { customer { name addresses { line1 } orders { totalCount } } }";
        let verified = mutate(&anonymous, "verifyEmail", seen, json!({"token": token})).await;
        let expected = json!({"name": "Old Ann", "addresses": [{"line1": "1 Lake Road"}], "orders": {"totalCount": 1}});
        expect_same(&verified, "/verifyEmail/user/customer", &expected);
    }

    async fn beside_it_everything_is_as_whoever_asks_sees_it(city: &City) {
        let ann = city.customer("Ann").await;
        sign_up(&city.anonymous(), "new@example.com").await.expect_success();
        let document = "mutation($sign: SignInInput!, $customer: UpdateCustomerInput!) {
             signIn(input: $sign) { session { user { email } } } updateCustomer(input: $customer) { customer { name } } }";
        let variables = json!({
            "sign": {"email": "new@example.com", "password": PASSWORD},
            "customer": {"id": ann.customer_id(), "name": "Somebody else"},
        });
        let refused = city.anonymous().query(document, variables).await;
        assert_eq!(refused.expect_code("UNAUTHENTICATED").path, "updateCustomer");
    }
}
