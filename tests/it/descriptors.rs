//! Connections and file descriptors: as many as there are descriptors for, each is served or refused at once, none is silent for ever, and
//! they end without a reset.

use std::time::Duration;

use serde_json::json;
use tiffin_tests::{City, Database, PATIENCE, Server};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    metrics::metric,
    process::eventually,
    sockets::{WATCH, watched_order},
};

const REQUEST: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address()).await.expect("the system takes connections")
}

/// One answer with its body, or what there is of it when the connection ends. None where it is reset.
async fn read_answer(connection: &mut TcpStream) -> Option<String> {
    let mut answer = Vec::new();
    let reading = async {
        let mut part = [0; 4096];
        loop {
            let length = connection.read(&mut part).await.ok()?;
            answer.extend_from_slice(&part[..length]);
            let text = String::from_utf8_lossy(&answer).to_lowercase();
            let is_whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
                length.is_some_and(|length| body.len() >= length)
            });
            if is_whole || length == 0 {
                return Some(text);
            }
        }
    };
    timeout(PATIENCE, reading).await.expect("nobody is left to wait")
}

async fn ask(connection: &mut TcpStream) -> Option<String> {
    connection.write_all(REQUEST).await.ok()?;
    read_answer(connection).await
}

/// Opens so many connections, which stay open until all of them have asked; how many were served, and how many were told that they are not.
async fn crowd(server: &Server, size: usize) -> (usize, usize) {
    let asking = (0..size).map(|_| async {
        let mut connection = connect(server).await;
        let answer = ask(&mut connection).await;
        (connection, answer)
    });
    let answers = futures_util::future::join_all(asking).await;
    let told = |status: &str| {
        let start = format!("http/1.1 {status} ");
        answers.iter().filter(|(_, answer)| answer.as_ref().is_some_and(|answer| answer.starts_with(&start))).count()
    };
    (told("200"), told("503"))
}

#[test]
fn of_more_connections_than_descriptors_each_is_served_or_refused() {
    tiffin_tests::run(async {
        let mut city = City::new(Database::Sqlite).await;
        city.stop().await;
        for (descriptors, room) in [(64, 16), (256, 168)] {
            let limit = ["prlimit".to_owned(), format!("--nofile={descriptors}:{descriptors}")];
            let server = city.try_another_server_by(&limit).await.expect("it starts");
            let log = server.log();
            let told = log.lines().find(|line| line.contains("ulimit -n")).expect("the log says it at the start");
            for number in [format!("\"limit\":{descriptors}"), format!("\"connections\":{room}"), "20000".to_owned()] {
                assert!(told.contains(&number), "{told}");
            }
            let (served, refused) = crowd(&server, 300).await;
            assert_eq!(served, room);
            assert!(refused > 0);
            eventually("there is room again", async || crowd(&server, 1).await == (1, 0)).await;
            assert!(metric(&server, "tiffin_connections_refused_total", &[]).await > 0);
            assert!(server.log().contains("further ones are refused"), "{}", server.log());
        }
    });
}

#[test]
fn a_server_without_descriptors_says_so_and_leaves_nobody_to_wait() {
    tiffin_tests::run(async {
        let city = City::new(Database::Sqlite).await;
        let server = city.server();
        assert_eq!(crowd(server, 1).await, (1, 0));
        server.limit_descriptors(Some(10));
        let (served, _) = crowd(server, 100).await;
        assert!(served < 100);
        let log = server.log();
        assert!(log.contains("there is no descriptor left"), "{log}");
        server.limit_descriptors(None);
        eventually("it serves again", async || crowd(server, 1).await == (1, 0)).await;
    });
}

#[test]
fn silent_connections_are_closed_and_those_in_use_are_not() {
    tiffin_tests::run(async {
        let settings = [
            ("TIFFIN_HTTP_HEADER_TIMEOUT_SECONDS", "1"),
            ("TIFFIN_HTTP_KEEP_ALIVE_SECONDS", "2"),
            ("TIFFIN_LIMITS_OPERATION_TIMEOUT_SECONDS", "2"),
            ("TIFFIN_DATABASE_STATEMENT_TIMEOUT_SECONDS", "2"),
            ("TIFFIN_DATABASE_LOCK_TIMEOUT_SECONDS", "2"),
        ];
        let city = City::with_settings(Database::Sqlite, &settings).await;
        let server = city.server();
        let (ann, order) = watched_order(&city).await;
        let mut stream = ann.listen(WATCH, json!({ "id": order })).await;
        stream.next_event().await.expect_success();

        let silent = connect(server).await;
        let mut slow = connect(server).await;
        slow.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\nx-slow: ").await.expect("sent");
        let mut idle = connect(server).await;
        assert!(ask(&mut idle).await.expect("an answer").starts_with("http/1.1 200 "));
        let mut again = connect(server).await;
        assert!(ask(&mut again).await.expect("an answer").starts_with("http/1.1 200 "));
        again.write_all(b"GET /health/live HTTP/1.1\r\n").await.expect("sent");
        let mut body = connect(server).await;
        let head =
            "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
        body.write_all(head.as_bytes()).await.expect("sent");
        for mut connection in [silent, slow, idle, again] {
            assert_eq!(read_answer(&mut connection).await.as_deref(), Some(""), "it is closed");
        }
        let answer = read_answer(&mut body).await.expect("an answer");
        assert!(answer.starts_with("http/1.1 408 "), "{answer}");

        ann.cancel_order(&order).await.expect_success();
        stream.next_event().await.expect_success();
        stream.expect_complete().await;
    });
}

#[test]
fn nobody_is_reset_who_leaves_when_told_to_during_a_shutdown() {
    tiffin_tests::run(async {
        let mut city = City::with_settings(Database::Sqlite, &[("TIFFIN_SHUTDOWN_DELAY_SECONDS", "3")]).await;
        let mut idle = connect(city.server()).await;
        assert!(ask(&mut idle).await.expect("an answer").contains("200"));
        let mut clients = Vec::new();
        for _ in 0..8 {
            let mut connection = connect(city.server()).await;
            assert!(!ask(&mut connection).await.expect("an answer").contains("connection: close"));
            clients.push(tokio::spawn(async move {
                loop {
                    sleep(Duration::from_millis(50)).await;
                    let answer = ask(&mut connection).await.expect("no reset");
                    assert!(answer.starts_with("http/1.1 200 "), "{answer:?}");
                    if answer.contains("connection: close") {
                        return read_answer(&mut connection).await;
                    }
                }
            }));
        }
        city.server().request_stop();
        for client in clients {
            assert_eq!(client.await.expect("served").as_deref(), Some(""), "closed in order");
        }
        let newcomer = ask(&mut connect(city.server()).await).await.expect("an answer");
        assert!(newcomer.starts_with("http/1.1 200 ") && newcomer.contains("connection: close"), "{newcomer}");
        assert_eq!(read_answer(&mut idle).await.as_deref(), Some(""), "closed in order");
        assert_eq!(city.server_mut().ended().await.code(), Some(0));
    });
}
