//! Denial of service by documents: each hostile request is refused with its code before a statement runs, costs about as much as a small
//! query, and the server goes on.

mod attacks;

use std::ops::Range;

use attacks::{Attack, BAD_USER_INPUT, large_attacks, small_attacks};
use serde_json::{Value, json};
use tiffin_tests::{Answer, City, Database, both_databases};
use tokio_tungstenite::tungstenite::Message;

use crate::sockets::{NEWER, Socket};

/// As a server is run in production, and nobody is stopped for the cost of all attacks together.
const UNCHARGED: &[(&str, &str)] = &[("TIFFIN_GRAPHQL_INTROSPECTION", "false"), ("TIFFIN_LIMITS_VIEWER_COST", "0")];

const TRIVIAL: &str = "{ restaurants(first: 1) { nodes { id } } }";

/// Sends it over HTTP, and expects the refusal and no statement.
async fn send(attack: &Attack, city: &City) {
    let anonymous = city.anonymous();
    let (answer, statements) = city.server().statements_during(anonymous.send(&attack.body)).await;
    let answers = match answer.body {
        Value::Array(answers) => answers.into_iter().map(Answer::of_socket).collect(),
        body => vec![Answer { body, ..answer }],
    };
    assert!(!answers.is_empty(), "{}", attack.name);
    answers.iter().for_each(|answer| expect_refused(attack, answer));
    assert_eq!(statements.count(), 0, "{}: {statements}", attack.name);
}

#[track_caller]
fn expect_refused(attack: &Attack, answer: &Answer) {
    let Attack { name, code, .. } = attack;
    let problems = answer.problems();
    let refused = !problems.is_empty() && problems.iter().all(|problem| problem.code == *code);
    // The request itself may be long.
    let said: String = answer.to_string().chars().take(2_000).collect();
    assert!(refused, "{name}: expected {code}, got {said}");
    assert!(answer.status < 500, "{name}: {said}");
    // Fifty, and one that says how many were left out.
    assert!(problems.len() <= 51 && answer.to_string().len() < 100_000, "{name}: a long answer: {said}");
}

/// Sends it over a websocket, and expects the refusal; or the end of the socket for what is no request.
async fn subscribe(attack: &Attack, city: &City) {
    let mut socket = Socket::of(&city.anonymous(), city.server(), NEWER).await;
    socket.say(json!({"type": "subscribe", "id": "a", "payload": attack.body})).await;
    if attack.body.is_array() {
        return socket.expect_close(4400, "Invalid message received").await;
    }
    let message = socket.hear().await;
    let body = match message["type"].as_str() {
        Some("error") => json!({"errors": message["payload"]}),
        Some("next") => message["payload"].clone(),
        _ => panic!("{}: expected a refusal, got {message:.2000}", attack.name),
    };
    expect_refused(attack, &Answer::of_socket(body));
}

/// The tables of the catalog.
const CATALOG: &[&str] = &["restaurants", "dishes", "menus"];

async fn expect_alive(city: &City) {
    let answer = city.anonymous().query(TRIVIAL, json!({})).await;
    assert_eq!(answer.list("/restaurants/nodes").len(), 1);
}

async fn attacked(database: Database, settings: &[(&str, &str)]) -> City {
    let city = City::with_settings(database, &[UNCHARGED, settings].concat()).await;
    city.restaurant().with_dishes(1).create().await;
    city
}

both_databases! {
    async fn what_is_made_to_cost_is_refused_before_it_does(database: Database) {
        let city = attacked(database, &[]).await;
        for attack in small_attacks() {
            send(&attack, &city).await;
        }
        expect_alive(&city).await;
    }
}

#[test]
fn it_is_refused_over_a_websocket_as_well() {
    tiffin_tests::run(async {
        let city = attacked(Database::Sqlite, &[]).await;
        let attacks = async {
            for attack in small_attacks() {
                subscribe(&attack, &city).await;
            }
        };
        let ((), statements) = city.server().all_statements_during(attacks).await;
        assert_eq!(statements.count_of(CATALOG), 0, "{statements}");
        let mut socket = Socket::of(&city.anonymous(), city.server(), NEWER).await;
        let query = async {
            socket.subscribe("a", TRIVIAL, Value::Null).await;
            assert_eq!(socket.hear().await["type"], "next");
            assert_eq!(socket.hear().await["type"], "complete");
        };
        let ((), statements) = city.server().all_statements_during(query).await;
        assert!(statements.count_of(CATALOG) > 0, "readings are seen");
        socket
            .send(Message::text(json!({"type": "subscribe", "id": "b", "payload": "x".repeat(300_000)}).to_string()))
            .await;
        socket.expect_close(1009, "Message too big").await;
    });
}

#[test]
fn what_is_too_long_is_refused_by_its_length() {
    tiffin_tests::run(async {
        let city = attacked(Database::Sqlite, &[]).await;
        for attack in large_attacks() {
            let attack = Attack { code: BAD_USER_INPUT, ..attack };
            send(&attack, &city).await;
        }
        expect_alive(&city).await;
    });
}

/// Behind the limit of the body stand the others, for whoever raises it.
#[test]
fn where_long_requests_are_taken_their_content_is_refused() {
    tiffin_tests::run(async {
        let settings = [
            ("TIFFIN_LIMITS_BODY_BYTES", "50000000"),
            ("TIFFIN_LIMITS_DOCUMENT_BYTES", "50000000"),
            ("TIFFIN_LIMITS_BATCH_OPERATIONS", "10"),
        ];
        let city = attacked(Database::Sqlite, &settings).await;
        let batch = small_attacks().into_iter().filter(|attack| attack.name == "a batch");
        for attack in large_attacks().into_iter().filter(|attack| attack.name != "10 MB of a comment").chain(batch) {
            send(&attack, &city).await;
        }
        expect_alive(&city).await;
    });
}

/// A query as small as they come costs this much for itself, and this much for each byte that is sent along.
struct Trivial {
    itself: f64,
    byte: f64,
}

/// Processor time of the server for one request, in seconds.
async fn cost(city: &City, body: &Value, repeats: u32) -> f64 {
    let (anonymous, body) = (city.anonymous(), body.to_string());
    let before = city.server().usage().processor;
    for _ in 0..repeats {
        anonymous.send_text(body.clone()).await;
    }
    (city.server().usage().processor - before).as_secs_f64() / f64::from(repeats)
}

impl Trivial {
    async fn measured(city: &City) -> Self {
        let bytes = 200_000;
        // A client that sends along what nobody asked for.
        let long = json!({"query": TRIVIAL, "variables": {"unused": "x".repeat(bytes)}});
        cost(city, &json!({"query": TRIVIAL}), 50).await;
        let itself = cost(city, &json!({"query": TRIVIAL}), 300).await;
        let byte = (cost(city, &long, 50).await - itself).max(0.0) / bytes as f64;
        Trivial { itself, byte }
    }

    fn of(&self, bytes: usize) -> f64 {
        self.itself + self.byte * bytes as f64
    }
}

/// How many times as much as the trivial query of its length an attack may cost.
const MULTIPLE: f64 = 25.0;

#[test]
fn it_costs_a_small_multiple_of_a_trivial_query() {
    tiffin_tests::run(async {
        let city = attacked(Database::Sqlite, &[]).await;
        let trivial = Trivial::measured(&city).await;
        println!("a trivial query: {:.2} ms, and {:.2} ms for 100 kB", trivial.itself * 1e3, trivial.byte * 1e8);
        let mut failures = String::new();
        for attack in small_attacks() {
            let bytes = attack.body.to_string().len();
            let cost = cost(&city, &attack.body, 20).await;
            let multiple = cost / trivial.of(bytes);
            let line = format!("{:>6.1} times, {:>7.2} ms, {bytes:>7} bytes: {}", multiple, cost * 1e3, attack.name);
            println!("{line}");
            if multiple > MULTIPLE {
                failures.push_str(&line);
                failures.push('\n');
            }
        }
        assert!(failures.is_empty(), "more than {MULTIPLE} times a trivial query:\n{failures}");
        expect_alive(&city).await;
    });
}

#[test]
fn it_leaves_nothing_in_memory() {
    tiffin_tests::run(async {
        let city = attacked(Database::Sqlite, &[]).await;
        let attacks = small_attacks();
        let round = async || {
            for attack in &attacks {
                city.anonymous().send(&attack.body).await;
            }
            city.server().usage().memory
        };
        let mut before = 0;
        for _ in 0..4 {
            before = round().await.max(before);
        }
        let mut after = u64::MAX;
        for _ in 0..8 {
            after = round().await.min(after);
        }
        let sent: usize = attacks.iter().map(|attack| attack.body.to_string().len() * 8).sum();
        println!("{} requests of {sent} bytes: from {before} to {after} bytes", attacks.len() * 8);
        assert!(after < before + sent as u64 / 4, "memory has grown from {before} to {after} bytes");
    });
}

/// Documents that have passed are kept, for whoever sends them again: as many as there is room for.
#[test]
fn good_documents_that_nobody_sends_again_take_no_more_than_their_room() {
    tiffin_tests::run(async {
        let city = attacked(Database::Sqlite, &[]).await;
        let send = async |numbers: Range<usize>| {
            for number in numbers {
                let aliases: String = (0..200).map(|alias| format!("a{number}x{alias}: name ")).collect();
                let query = format!("{{ restaurants(first: 1) {{ nodes {{ {aliases} }} }} }}");
                city.anonymous().query(&query, json!({})).await.expect_success();
            }
            city.server().usage().memory
        };
        // Some 100 KB each, and room for 16 MB.
        let full = send(0..300).await;
        let after = send(300..1_000).await;
        println!("from {full} to {after} bytes");
        assert!(after < full + 20_000_000, "memory has grown from {full} to {after} bytes");
        expect_alive(&city).await;
    });
}
