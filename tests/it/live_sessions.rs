//! Connections end with the right to be connected: when the access token expires and is not renewed, when the session is revoked, when the
//! account is deactivated, and, for a subscription, when the right to it is lost; at whatever process that happens.

use serde_json::{Value, json};
use tiffin_tests::{
    City, Database, EventSource, Person, Server, access_token, both_databases, builders::Restaurant, global_id,
};

use crate::sockets::{NEWER, OLDER, Socket};

const KITCHEN: &str = "subscription($id: ID!) { restaurantOrderChanged(restaurantId: $id) { status } }";

/// A kitchen that is watched at one server, while what ends that happens at another, where the database can be shared by two.
struct Scene {
    city: City,
    other_server: Option<Server>,
    restaurant: Restaurant,
    staff: Person,
    ann: Person,
}

impl Scene {
    async fn new(database: Database) -> Self {
        let city = City::new(database).await;
        let other_server = match database {
            Database::Postgres => Some(city.another_server().await),
            Database::Sqlite => None,
        };
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (staff, ann) = (city.merchant_of(&restaurant).await, city.customer("Ann").await);
        let scene = Scene { city, other_server, restaurant, staff, ann };
        // What a kitchen is told first.
        scene.place_order().await;
        scene
    }

    fn there(&self, person: &Person) -> Person {
        self.other_server.as_ref().map_or_else(|| person.clone(), |server| person.at(server))
    }

    async fn place_order(&self) {
        self.there(&self.ann).has_ordered(&self.restaurant.basket(&[(0, 1)])).await;
    }

    /// The staff member with a token for a session, good for so many seconds.
    async fn staff_for(&self, seconds: i64) -> (Person, i32) {
        let session = self.city.session(self.staff.user()).await.id;
        (self.staff.with_access_token(&access_token(self.staff.user().id, session, seconds)), session)
    }

    /// A socket that watches the kitchen, and has been told the present.
    async fn socket(&self, person: &Person) -> Socket {
        let mut socket = Socket::of(person, self.city.server(), NEWER).await;
        socket.subscribe("kitchen", KITCHEN, json!({ "id": self.restaurant.id() })).await;
        assert_eq!(socket.hear().await["payload"]["data"]["restaurantOrderChanged"]["status"], "PENDING");
        socket
    }

    /// A stream of events that watches the kitchen, and has told the present.
    async fn stream(&self, person: &Person) -> EventSource {
        let mut stream = person.listen(KITCHEN, json!({ "id": self.restaurant.id() })).await;
        stream.next_event().await.expect_success();
        stream
    }
}

async fn expect_last_words(mut stream: EventSource) {
    stream.next_event().await.expect_code("UNAUTHENTICATED");
    stream.expect_complete().await;
}

async fn act(person: &Person, mutation: &str, input_type: &str, input: Value) {
    let document = format!("mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ __typename }} }}");
    person.query(&document, json!({ "input": input })).await.expect_success();
}

both_databases! {
    async fn a_token_that_expires_ends_what_it_opened_unless_it_is_renewed(database: Database) {
        let scene = Scene::new(database).await;
        let (staff, session) = scene.staff_for(8).await;
        let socket = scene.socket(&staff).await;
        let stream = scene.stream(&staff).await;
        let mut renewed = scene.socket(&staff).await;
        let mut older = Socket::of(&staff, scene.city.server(), OLDER).await;

        let later = access_token(staff.user().id, session, 3600);
        let payload = json!({ "authorization": format!("Bearer {later}") });
        renewed.say(json!({ "type": "ping", "payload": payload })).await;
        let pong = renewed.hear().await;
        assert_eq!(pong["type"], "pong", "{pong}");
        assert!(pong["payload"]["expiresAt"].is_string() && !pong.to_string().contains(&later), "{pong}");
        // The older protocol has no other message that could carry it.
        older.say(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(older.hear().await, json!({ "type": "connection_ack" }));
        assert_eq!(older.hear().await, json!({ "type": "ka" }));

        socket.expect_close(4403, "Access token expired").await;
        expect_last_words(stream).await;
        // Those that were renewed have come through the same moment.
        scene.place_order().await;
        assert_eq!(renewed.hear().await["payload"]["data"]["restaurantOrderChanged"]["status"], "PENDING");
        older.start("a", "{ __typename }", Value::Null).await;
        assert_eq!(older.hear().await["type"], "data");
    }

    async fn a_session_that_ends_ends_what_it_opened_and_no_other(database: Database) {
        let scene = Scene::new(database).await;
        let (staff, session) = scene.staff_for(3600).await;
        let (socket, stream) = (scene.socket(&staff).await, scene.stream(&staff).await);
        let mut of_another_session = scene.socket(&scene.staff).await;
        let input = json!({ "sessionId": global_id("ActiveSession", session) });
        act(&scene.there(&scene.staff), "revokeSession", "RevokeSessionInput", input).await;
        socket.expect_close(4403, "Session ended").await;
        expect_last_words(stream).await;
        of_another_session.expect_nothing().await;
    }

    async fn an_account_that_is_deactivated_ends_everything_it_opened(database: Database) {
        let scene = Scene::new(database).await;
        let (socket, stream) = (scene.socket(&scene.staff).await, scene.stream(&scene.staff).await);
        let mut of_somebody_else = Socket::of(&scene.ann, scene.city.server(), NEWER).await;
        let admin = scene.there(&scene.city.admin().await);
        let input = json!({ "userId": scene.staff.user_id(), "isActive": false });
        act(&admin, "setUserActive", "SetUserActiveInput", input).await;
        socket.expect_close(4403, "Session ended").await;
        expect_last_words(stream).await;
        of_somebody_else.expect_nothing().await;
    }

    async fn staff_who_leave_are_told_no_more_and_stay_connected(database: Database) {
        let scene = Scene::new(database).await;
        let (mut socket, stream) = (scene.socket(&scene.staff).await, scene.stream(&scene.staff).await);
        let admin = scene.there(&scene.city.admin().await);
        let input = json!({ "restaurantId": scene.restaurant.id(), "userId": scene.staff.user_id() });
        act(&admin, "removeRestaurantMember", "RemoveRestaurantMemberInput", input).await;
        assert_eq!(socket.hear().await, json!({ "type": "complete", "id": "kitchen" }));
        stream.expect_complete().await;
        // What the connection may do is read anew as well.
        socket.subscribe("again", KITCHEN, json!({ "id": scene.restaurant.id() })).await;
        let refusal = socket.hear().await;
        assert_eq!(refusal["payload"]["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refusal}");
    }

    async fn staff_who_come_need_not_connect_anew(database: Database) {
        let scene = Scene::new(database).await;
        let elsewhere = scene.city.restaurant().with_dishes(1).create().await;
        let mut socket = scene.socket(&scene.staff).await;
        let admin = scene.there(&scene.city.admin().await);
        let input = json!({ "restaurantId": elsewhere.id(), "email": scene.staff.user().email });
        act(&admin, "addRestaurantMember", "AddRestaurantMemberInput", input).await;
        scene.ann.has_ordered(&elsewhere.basket(&[(0, 1)])).await;
        let may_watch = async |socket: &mut Socket| {
            socket.subscribe("elsewhere", KITCHEN, json!({ "id": elsewhere.id() })).await;
            socket.hear().await["payload"]["errors"].is_null()
        };
        // The word of it may still be on its way.
        while !may_watch(&mut socket).await {
            assert_eq!(socket.hear().await["type"], "complete");
        }
    }
}

#[test]
fn a_token_of_anybody_else_renews_nothing() {
    tiffin_tests::run(async {
        let scene = Scene::new(Database::Sqlite).await;
        let (_, other_session) = scene.staff_for(3600).await;
        let staff = scene.staff.user().id;
        let expired = access_token(staff, other_session, -10);
        let of_another_session = access_token(staff, other_session, 3600);
        for token in ["nobody", &expired, &of_another_session, scene.ann.access_token().expect("signed in")] {
            for (protocol, kind) in [(NEWER, "ping"), (OLDER, "connection_init")] {
                let mut socket = Socket::of(&scene.staff, scene.city.server(), protocol).await;
                let payload = json!({ "authorization": format!("Bearer {token}") });
                socket.say(json!({ "type": kind, "payload": payload })).await;
                if protocol == OLDER {
                    assert_eq!(socket.hear().await["type"], "connection_error");
                }
                socket.expect_close(4403, "Forbidden").await;
            }
        }
        let mut anonymous = Socket::of(&scene.city.anonymous(), scene.city.server(), NEWER).await;
        anonymous.say(json!({ "type": "ping", "payload": scene.ann.connection_init() })).await;
        anonymous.expect_close(4403, "Forbidden").await;
    });
}

#[test]
fn operations_on_a_live_socket_do_not_ask_who_the_viewer_is() {
    tiffin_tests::run(async {
        let scene = Scene::new(Database::Sqlite).await;
        let mut socket = scene.socket(&scene.staff).await;
        // Those of all who are connected are read again and again, as the numbers of their sessions are given for.
        let is_of_one = |line: &&str| line.contains("restaurant_members") && !line.contains("json_each");
        let rights_read = || scene.city.server().log().lines().filter(is_of_one).count();
        let before = rights_read();
        assert!(before > 0, "the log shows statements");
        for _ in 0..3 {
            socket.subscribe("a", "{ me { name } }", Value::Null).await;
            assert_eq!(socket.hear().await["payload"]["data"]["me"]["name"], "Mai");
            assert_eq!(socket.hear().await["type"], "complete");
        }
        assert_eq!(rights_read(), before);
    });
}
