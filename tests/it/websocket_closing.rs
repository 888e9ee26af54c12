//! How websockets end by RFC 6455, and websockets over HTTP/2 by RFC 8441; with the clients that pages use.

use serde_json::{Value, json};
use tiffin_tests::{City, Database, workspace};
use tokio_tungstenite::tungstenite::{
    Bytes, Message,
    protocol::{
        CloseFrame,
        frame::{
            Frame, FrameHeader,
            coding::{CloseCode, Control, Data, OpCode},
        },
    },
};

use crate::sockets::{NEWER, OLDER, Socket, WATCH, watched_order};

async fn city() -> City {
    City::new(Database::Sqlite).await
}

#[test]
fn a_close_is_answered_with_its_code() {
    tiffin_tests::run(async {
        let city = city().await;
        for protocol in [NEWER, OLDER] {
            for code in [1000, 1001, 1011, 3000, 4499] {
                let mut socket = Socket::of(&city.anonymous(), city.server(), protocol).await;
                let frame = CloseFrame { code: CloseCode::from(code), reason: "done".into() };
                socket.send(Message::Close(Some(frame.clone()))).await;
                assert_eq!(socket.next().await, Message::Close(Some(frame)), "{protocol}");
                socket.expect_end().await;
            }
            let mut socket = Socket::open(city.server(), protocol).await;
            socket.send(Message::Close(None)).await;
            assert_eq!(socket.next().await, Message::Close(None), "{protocol}");
            socket.expect_end().await;
        }
    });
}

fn frame(header: FrameHeader, payload: impl Into<Bytes>) -> Message {
    Message::Frame(Frame::from_payload(header, payload.into()))
}

fn header(opcode: OpCode) -> FrameHeader {
    FrameHeader { opcode, ..FrameHeader::default() }
}

#[test]
fn what_breaks_the_framing_is_told_by_its_code() {
    tiffin_tests::run(async {
        let city = City::with_settings(Database::Sqlite, &[("TIFFIN_WEBSOCKET_MESSAGE_BYTES", "10000")]).await;
        let text = || header(OpCode::Data(Data::Text));
        let part = |header| FrameHeader { is_final: false, ..header };
        let broken = [
            ("a reserved bit", frame(FrameHeader { rsv1: true, ..text() }, "{}")),
            ("a reserved kind of data", frame(header(OpCode::Data(Data::Reserved(3))), "{}")),
            ("a reserved kind of control", frame(header(OpCode::Control(Control::Reserved(11))), "")),
            ("a ping in parts", frame(part(header(OpCode::Control(Control::Ping))), "")),
            ("a ping too long", frame(header(OpCode::Control(Control::Ping)), vec![b'x'; 126])),
            ("a part of nothing", frame(header(OpCode::Data(Data::Continue)), "{}")),
            ("half a code", frame(header(OpCode::Control(Control::Close)), vec![3])),
        ];
        let not_text = [
            ("a text", frame(text(), vec![b'"', 0xff, b'"'])),
            ("a reason", frame(header(OpCode::Control(Control::Close)), vec![3, 232, 0xff])),
        ];
        let too_big = [
            ("a message", Message::text(" ".repeat(10_001))),
            // More than the server has read when it says so.
            ("a long message", Message::text(" ".repeat(3_000_000))),
        ];
        for protocol in [NEWER, OLDER] {
            let cases = [
                (1002, "Protocol error", broken.as_slice()),
                (1007, "Text that is not UTF-8", &not_text),
                (1009, "Message too big", &too_big),
            ];
            for (code, reason, messages) in cases {
                for (what, message) in messages {
                    let mut socket = Socket::of(&city.anonymous(), city.server(), protocol).await;
                    println!("{protocol}: {what}");
                    socket.send(message.clone()).await;
                    socket.expect_close(code, reason).await;
                }
            }
            let mut socket = Socket::of(&city.anonymous(), city.server(), protocol).await;
            socket.send(frame(header(OpCode::Control(Control::Close)), vec![3, 237])).await;
            // A code that stands on no wire (1005).
            socket.expect_close(1002, "Protocol violation").await;
        }
    });
}

#[test]
fn a_page_subscribes_anew_without_a_pause() {
    tiffin_tests::run(async {
        let city = city().await;
        let (ann, order) = watched_order(&city).await;
        let operation = json!({ "query": WATCH, "variables": { "id": order } }).to_string();
        let payload = ann.connection_init().to_string();
        for version in ["1", "2"] {
            let arguments = [&city.server().websocket_url(), version, &payload, &operation, "5"];
            let printed = workspace::node_script("resubscribe.mjs", &arguments).await;
            let outcome: Value = serde_json::from_str(&printed).expect("the script prints JSON");
            let close = json!({ "code": 1000, "reason": "Normal Closure", "wasClean": true });
            assert_eq!(outcome, json!({ "closes": vec![close; 5], "retries": 0 }), "over HTTP/{version}");
        }
    });
}

#[test]
fn a_socket_over_http_2_outlives_the_idle_time_of_connections() {
    tiffin_tests::run(async {
        let settings = [
            ("TIFFIN_HTTP_KEEP_ALIVE_SECONDS", "1"),
            ("TIFFIN_HTTP_HEADER_TIMEOUT_SECONDS", "1"),
            ("TIFFIN_WEBSOCKET_PING_INTERVAL_SECONDS", "1"),
        ];
        let city = City::with_settings(Database::Sqlite, &settings).await;
        let printed = workspace::node_script("quiet_socket.mjs", &[&city.server().websocket_url(), "5"]).await;
        assert_eq!(printed.trim(), r#"{"__typename":"Query"}"#);
    });
}

#[test]
fn a_client_that_is_still_talking_is_told_why_the_socket_ends() {
    tiffin_tests::run(async {
        let city = city().await;
        let printed = workspace::node_script("big_message.mjs", &[&city.server().websocket_url(), "5000000"]).await;
        let close: Value = serde_json::from_str(&printed).expect("the script prints JSON");
        assert_eq!(close, json!({ "code": 1009, "reason": "Message too big", "wasClean": true }));
    });
}
