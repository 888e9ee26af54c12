//! Administration: who runs a restaurant, and who is an admin.

use entity::sea_orm_active_enums::UserRole;
use serde_json::{Value, json};
use tiffin_tests::{Answer, City, Mailbox, Person, both_databases};

use super::{me, mutate};

async fn add(person: &Person, restaurant: &str, email: &str) -> Answer {
    let input = json!({"restaurantId": restaurant, "email": email});
    mutate(person, "addRestaurantMember", "restaurant { members { userId email } }", input).await
}

async fn remove(person: &Person, restaurant: &str, user: &str) -> Answer {
    let input = json!({"restaurantId": restaurant, "userId": user});
    mutate(person, "removeRestaurantMember", "restaurant { id }", input).await
}

async fn set_role(person: &Person, user: &Person, role: &str) -> Answer {
    mutate(person, "setUserRole", "user { role }", json!({"userId": user.user_id(), "role": role})).await
}

async fn set_active(person: &Person, user: &Person, is_active: bool) -> Answer {
    let input = json!({"userId": user.user_id(), "isActive": is_active});
    mutate(person, "setUserActive", "user { isActive }", input).await
}

/// What somebody sees of a restaurant that is not on sale.
async fn sees(person: &Person, restaurant: &str) -> Value {
    let answer = person.query("query($id: ID!) { node(id: $id) { id } }", json!({"id": restaurant})).await;
    answer.at("/node/id").clone()
}

both_databases! {
    async fn members_choose_members_until_the_last(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = City::with_settings(database, &mailbox.settings()).await;
        let restaurant = city.restaurant().create().await;
        let (mai, admin) = (city.merchant_of(&restaurant).await, city.admin().await);
        let (ann, other) = (city.customer("Ann").await, city.merchant("Oanh").await);
        let id = restaurant.id();

        for outsider in [&ann, &other, &city.driver("Duy").await] {
            add(outsider, &id, "eve@example.com").await.expect_code("FORBIDDEN");
            remove(outsider, &id, &mai.user_id()).await.expect_code("FORBIDDEN");
            let members = outsider.query("query($id: ID!) { restaurant(id: $id) { members { email } } }", json!({"id": id}));
            assert_eq!(members.await.at("/restaurant"), &json!({"members": null}));
        }
        add(&city.anonymous(), &id, "eve@example.com").await.expect_code("UNAUTHENTICATED");

        // Ann becomes a merchant by it, and is told at her next request.
        add(&mai, &id, &ann.user().email.to_uppercase()).await.expect_success();
        let role = ann.query("{ me { role restaurants { id } } }", json!({})).await;
        assert_eq!(role.at("/me"), &json!({"role": "MERCHANT", "restaurants": [{"id": id}]}));
        let again = add(&ann, &id, &ann.user().email).await;
        assert_eq!(again.list("/addRestaurantMember/restaurant/members").len(), 2, "twice is once");

        // Whether somebody has an account, the answer does not tell.
        let invited = add(&mai, &id, "new@example.com").await;
        assert_eq!(invited.list("/addRestaurantMember/restaurant/members").len(), 3);
        assert_eq!(mailbox.next_letter_to("new@example.com").await.link().path(), "/accept-invitation");

        let newcomer = invited.text("/addRestaurantMember/restaurant/members/2/userId");
        for user in [newcomer, &mai.user_id()] {
            remove(&ann, &id, user).await.expect_success();
        }
        remove(&mai, &id, &ann.user_id()).await.expect_code("FORBIDDEN");
        remove(&ann, &id, &mai.user_id()).await.expect_error("NOT_FOUND", "userId");
        remove(&ann, &id, &ann.user_id()).await.expect_code("CONFLICT");
        remove(&admin, &id, &ann.user_id()).await.expect_success();
    }

    async fn of_two_members_who_leave_at_once_one_stays(city: &City) {
        let restaurant = city.restaurant().create().await;
        let (mai, lan) = (city.merchant_of(&restaurant).await, city.merchant("Lan").await);
        city.make_member(&lan, &restaurant).await;
        let id = restaurant.id();
        let (mais, lans) = (mai.user_id(), lan.user_id());
        let (one, other) = tokio::join!(remove(&mai, &id, &mais), remove(&lan, &id, &lans));
        let refused: Vec<_> = [&one, &other].iter().flat_map(|answer| answer.problems()).map(|problem| problem.code).collect();
        assert_eq!(refused, ["CONFLICT"], "{one} {other}");
    }

    async fn a_member_who_is_removed_has_lost_it_everywhere(city: &City) {
        let restaurant = city.restaurant().inactive().create().await;
        let (mai, admin) = (city.merchant_of(&restaurant).await, city.admin().await);
        let elsewhere = city.elsewhere().await;
        let id = restaurant.id();
        assert_eq!(sees(&mai.at(&elsewhere), &id).await, json!(id));
        remove(&admin, &id, &mai.user_id()).await.expect_success();
        let gone = mai.at(&elsewhere).query("query($id: ID!) { node(id: $id) { id } }", json!({"id": id})).await;
        assert_eq!(gone.at("/node"), &json!(null));
    }

    async fn only_admins_set_roles_and_one_admin_remains(city: &City) {
        let (ada, ann, mai) = (city.admin().await, city.customer("Ann").await, city.merchant("Mai").await);
        for person in [&ann, &mai] {
            set_role(person, &ann, "ADMIN").await.expect_code(if person.user().id == ann.user().id { "FORBIDDEN" } else { "NOT_FOUND" });
            set_active(person, &ada, false).await.expect_error("NOT_FOUND", "userId");
        }
        set_role(&city.anonymous(), &ann, "ADMIN").await.expect_code("UNAUTHENTICATED");
        for answer in [set_role(&ada, &ada, "CUSTOMER").await, set_active(&ada, &ada, false).await] {
            assert!(answer.expect_code("CONFLICT").message.contains("last active admin"), "{answer}");
        }
        set_role(&ada, &ann, "DRIVER").await.expect_code("CONFLICT");

        assert_eq!(set_role(&ada, &ann, "ADMIN").await.text("/setUserRole/user/role"), "ADMIN");
        // Ann is one from her next request on; and of two who leave at once one stays.
        let (one, other) = tokio::join!(set_role(&ada, &ada, "CUSTOMER"), set_role(&ann, &ann, "CUSTOMER"));
        let refused: Vec<_> = [&one, &other].iter().flat_map(|answer| answer.problems()).map(|problem| problem.code).collect();
        assert_eq!(refused, ["CONFLICT"], "{one} {other}");
    }

    async fn whoever_is_deactivated_is_out_at_once(city: &City) {
        let (ada, ann) = (city.admin().await, city.customer("Ann").await);
        let elsewhere = city.elsewhere().await;
        me(&ann.at(&elsewhere)).await.expect_success();
        set_active(&ada, &ann, false).await.expect_success();
        me(&ann).await.expect_code("UNAUTHENTICATED");
        me(&ann.at(&elsewhere)).await.expect_code("UNAUTHENTICATED");
        set_active(&ada, &ann, true).await.expect_success();
        // The sessions that ended stay at an end.
        me(&ann).await.expect_code("UNAUTHENTICATED");
    }

    async fn the_first_admin_is_made_at_the_command_line(city: &City) {
        let made = city.run_command(&["admin", "--email", "ada@example.com", "--name", "Ada"]).await.expect_success();
        let password = made.trim().rsplit(' ').next().expect("it ends with the password").to_owned();
        let ada = Person::signing_in(city.server(), "ada@example.com", &password).await;
        assert_eq!(ada.query("{ me { role emailVerified } }", json!({})).await.at("/me"), &json!({"role": "ADMIN", "emailVerified": true}));

        // Somebody who has an account is made one, with a new password.
        let ann = city.newcomer("Ann", UserRole::Customer).await;
        city.run_command(&["admin", "--email", &ann.user().email.to_uppercase()]).await.expect_success();
        me(&ann).await.expect_code("UNAUTHENTICATED");
        let refused = city.run_command(&["admin", "--email", "nobody"]).await.expect_failure("@@");
        assert!(refused.contains("not an e-mail address"), "{refused}");
    }
}
