//! A client of GraphQL over Server-Sent Events.

use reqwest::{RequestBuilder, Response, StatusCode, header::ACCEPT};

use crate::{Answer, PATIENCE};

/// The answer to a request that accepts nothing but a stream of events. Dropped, the connection is cut.
pub struct EventSource {
    response: Response,
    /// Received and not yet parsed as an event.
    text: String,
    /// Comment lines so far: heartbeats.
    pub comments: usize,
}

impl EventSource {
    /// Sends the request; it must be answered by a stream.
    pub async fn open(request: RequestBuilder) -> Self {
        let request = request.header(ACCEPT, "text/event-stream");
        let again = request.try_clone().expect("the request can be sent twice");
        // A connection that was kept for the next request may be closed by the server in that very moment.
        let response = match request.send().await {
            Ok(response) => response,
            Err(_) => again.send().await.expect("the server answers"),
        };
        let content_type = response.headers().get("content-type").map(|value| value.as_bytes().to_owned());
        let is_stream = content_type.as_deref() == Some(b"text/event-stream; charset=utf-8");
        assert!(response.status() == StatusCode::OK && is_stream, "no stream of events: {response:#?}");
        EventSource { response, text: String::new(), comments: 0 }
    }

    /// The headers of the answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The next event's result.
    pub async fn next_event(&mut self) -> Answer {
        self.next_event_or_end().await.expect("expected a result, got the end")
    }

    /// The next event's result; none at the end of the stream, when the client is to ask again.
    pub async fn next_event_or_end(&mut self) -> Option<Answer> {
        let (name, data) = self.next().await?;
        assert_eq!(name, "next", "expected a result, got {data}");
        Some(Answer::of_socket(serde_json::from_str(&data).expect("a result is JSON")))
    }

    /// The server must complete the operation and end the stream now.
    pub async fn expect_complete(mut self) {
        assert_eq!(self.next().await, Some(("complete".to_owned(), String::new())));
        self.expect_end().await;
    }

    /// The stream must end now, with no further event: the client is to ask again.
    pub async fn expect_end(mut self) {
        assert_eq!(self.next().await, None);
    }

    /// Waits until the stream says that it is still there.
    pub async fn next_comment(&mut self) {
        let comments = self.comments;
        while self.comments == comments {
            assert!(self.read().await, "the stream ended");
            assert_eq!(self.take_event(), None, "expected a comment");
        }
    }

    /// The name and the data of the next event; none at the end.
    async fn next(&mut self) -> Option<(String, String)> {
        loop {
            if let Some(event) = self.take_event() {
                return Some(event);
            }
            if !self.read().await {
                assert_eq!(self.text, "", "the stream ended in the middle of an event");
                return None;
            }
        }
    }

    /// Reads what comes next; false at the end.
    async fn read(&mut self) -> bool {
        let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
        let chunk = chunk.unwrap_or_else(|_| panic!("nothing came for {PATIENCE:?}"));
        let Some(chunk) = chunk.expect("the stream can be read") else { return false };
        self.text.push_str(std::str::from_utf8(&chunk).expect("no character is cut in two"));
        true
    }

    fn take_event(&mut self) -> Option<(String, String)> {
        while let Some((block, rest)) = self.text.split_once("\n\n") {
            let (block, rest) = (block.to_owned(), rest.to_owned());
            self.text = rest;
            if block.starts_with(':') {
                self.comments += 1;
                continue;
            }
            let field = |name: &str| {
                let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                line.unwrap_or_else(|| panic!("an event without {name}: {block:?}")).to_owned()
            };
            return Some((field("event"), field("data")));
        }
        None
    }
}
