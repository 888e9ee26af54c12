//! Revocation of rights: somebody who loses a right is stopped at every process, even where the signal is lost, for the rights of everybody
//! connected are checked again and again, in one batch.

use entity::{sea_orm_active_enums::AccountTokenPurpose, sessions};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};
use tiffin_tests::{City, Database, Person, Proxy, Server, both_databases, builders::Restaurant, global_id};

use crate::sockets::{NEWER, Socket};

const KITCHEN: &str = "subscription($id: ID!) { restaurantOrderChanged(restaurantId: $id) { status } }";

const OFTEN: (&str, &str) = ("TIFFIN_WEBSOCKET_RIGHTS_CHECK_SECONDS", "2");

async fn act(person: &Person, mutation: &str, input: Value) {
    let input_type = format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]);
    let document = format!("mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ __typename }} }}");
    person.query(&document, json!({ "input": input })).await.expect_success();
}

/// A socket that watches the kitchen, and has been told the present.
async fn watching(person: &Person, server: &Server, restaurant: &Restaurant) -> Socket {
    let mut socket = Socket::of(person, server, NEWER).await;
    socket.subscribe("kitchen", KITCHEN, json!({ "id": restaurant.id() })).await;
    assert_eq!(socket.hear().await["payload"]["data"]["restaurantOrderChanged"]["status"], "PENDING");
    socket
}

async fn expect_no_kitchen(socket: &mut Socket, restaurant: &Restaurant) {
    socket.subscribe("again", KITCHEN, json!({ "id": restaurant.id() })).await;
    let refusal = socket.hear().await;
    assert_eq!(refusal["payload"]["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refusal}");
    assert_eq!(socket.hear().await["type"], "complete");
}

/// A server that reaches Redis by a line that can be cut.
async fn server_on_a_line(city: &City) -> (Server, Proxy) {
    let line = Proxy::to(city.setting("REDIS_URL")).await;
    (city.another_server_with(&[("REDIS_URL", line.url())]).await, line)
}

#[test]
fn staff_who_are_removed_are_told_no_more_though_the_word_of_it_was_lost() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Postgres, &[OFTEN]).await;
        let (acting, line) = server_on_a_line(&city).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (mai, ann, admin) = (city.merchant_of(&restaurant).await, city.customer("Ann").await, city.admin().await);
        let ann = ann.at(&acting);
        ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        let mut socket = watching(&mai, city.server(), &restaurant).await;
        let mut stream = mai.listen(KITCHEN, json!({ "id": restaurant.id() })).await;
        stream.next_event().await.expect_success();

        line.cut();
        let input = json!({ "restaurantId": restaurant.id(), "userId": mai.user_id() });
        act(&admin.at(&acting), "removeRestaurantMember", input).await;
        line.mend();
        assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "kitchen" }));
        stream.expect_complete().await;
        ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        expect_no_kitchen(&mut socket, &restaurant).await;
    });
}

#[test]
fn whatever_ends_a_right_is_found_while_no_process_hears_of_another() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Postgres, &[OFTEN]).await;
        let ((acting, line), (watched, other_line)) = (server_on_a_line(&city).await, server_on_a_line(&city).await);
        let restaurant = city.restaurant().with_dishes(1).create().await;
        city.order(&city.customer("Ann").await, &restaurant).create().await;
        let admin = city.admin().await.at(&acting);
        let people = [
            city.merchant_of(&restaurant).await,
            city.merchant_of(&restaurant).await,
            city.merchant_of(&restaurant).await,
            city.merchant_of(&restaurant).await,
        ];
        let [removed, revoked, deactivated, resetting] = &people;
        let mut removed_socket = watching(removed, &watched, &restaurant).await;
        let revoked_socket = watching(revoked, &watched, &restaurant).await;
        let deactivated_socket = watching(deactivated, &watched, &restaurant).await;
        let resetting_socket = watching(resetting, &watched, &restaurant).await;
        let added = city.merchant("Oanh").await;
        let mut added_socket = Socket::of(&added, &watched, NEWER).await;
        expect_no_kitchen(&mut added_socket, &restaurant).await;
        let token = city.account_token(resetting.user(), AccountTokenPurpose::ResetPassword).await;
        let session = sessions::Entity::find().filter(sessions::Column::UserId.eq(revoked.user().id));
        let session = session.one(city.db()).await.unwrap().expect("it has a session");

        line.cut();
        other_line.cut();
        let member = json!({ "restaurantId": restaurant.id(), "userId": removed.user_id() });
        act(&admin, "removeRestaurantMember", member).await;
        act(&admin, "revokeSession", json!({ "sessionId": global_id("ActiveSession", session.id) })).await;
        act(&admin, "setUserActive", json!({ "userId": deactivated.user_id(), "isActive": false })).await;
        let new_password = json!({ "token": token, "newPassword": "a long enough password" });
        act(&city.anonymous().at(&acting), "resetPassword", new_password).await;
        let member = json!({ "restaurantId": restaurant.id(), "email": added.user().email });
        act(&admin, "addRestaurantMember", member).await;

        assert_eq!(removed_socket.hear().await, json!({ "type": "complete", "id": "kitchen" }));
        for socket in [revoked_socket, deactivated_socket, resetting_socket] {
            socket.expect_close(4403, "Session ended").await;
        }
        // Who has come to a right need not connect anew either.
        let mut number = 0;
        loop {
            let id = number.to_string();
            added_socket.subscribe(&id, KITCHEN, json!({ "id": restaurant.id() })).await;
            let heard = added_socket.hear().await;
            if heard["payload"]["errors"].is_null() {
                break;
            }
            assert_eq!(added_socket.hear().await["type"], "complete");
            number += 1;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
}

both_databases! {
    async fn one_statement_looks_at_everybody_who_is_connected(database: Database) {
        let city = City::with_settings(database, &[("TIFFIN_WEBSOCKET_RIGHTS_CHECK_SECONDS", "1")]).await;
        let people = [city.customer("Ann").await, city.customer("Ben").await, city.driver("Duy").await, city.admin().await];
        let mut sockets = Vec::new();
        for person in people.iter().chain(&people) {
            sockets.push(Socket::of(person, city.server(), NEWER).await);
        }
        let eve = city.customer("Eve").await;
        let hers = Socket::of(&eve, city.server(), NEWER).await;
        // Nobody is told of what happens behind the server's back.
        let end = async {
            let mine = sessions::Entity::update_many()
                .col_expr(sessions::Column::EndedAt, Expr::current_timestamp())
                .filter(sessions::Column::UserId.eq(eve.user().id));
            mine.exec(city.db()).await.expect("sessions can be ended");
            hers.expect_close(4403, "Session ended").await;
        };
        let ((), statements) = city.server().all_statements_during(end).await;
        let looks: Vec<_> = statements.0.iter().filter(|statement| statement.sql.contains("restaurant_members")).collect();
        assert!(!looks.is_empty(), "{statements}");
        // Each of them is about all: a row for each session, however many sockets it has.
        assert!(looks.iter().all(|look| (4..=5).contains(&look.rows_returned)), "{statements}");
        for mut socket in sockets {
            socket.expect_nothing().await;
        }
    }
}

#[test]
fn whose_rights_cannot_be_read_for_long_is_sent_away_to_come_again() {
    tiffin_tests::run(async {
        let city = City::new(Database::Postgres).await;
        let line = Proxy::to(city.setting("DATABASE_URL")).await;
        let settings = [("DATABASE_URL", line.url()), ("TIFFIN_WEBSOCKET_RIGHTS_CHECK_SECONDS", "1")];
        let server = city.another_server_with(&settings).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        city.order(&city.customer("Ann").await, &restaurant).create().await;
        let mai = city.merchant_of(&restaurant).await;
        let socket = watching(&mai, &server, &restaurant).await;
        let mut stream = mai.at(&server).listen(KITCHEN, json!({ "id": restaurant.id() })).await;
        stream.next_event().await.expect_success();
        let mut anonymous = Socket::of(&city.anonymous(), &server, NEWER).await;

        line.freeze();
        socket.expect_close(1013, "Try again later").await;
        stream.next_event().await.expect_code("UNAVAILABLE");
        stream.expect_complete().await;
        // Who has no rights cannot lose any.
        anonymous.expect_nothing().await;
        line.mend();
        watching(&mai, &server, &restaurant).await;
    });
}
