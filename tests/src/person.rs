//! Somebody who talks to a server.

use std::time::Duration;

use entity::{customers, drivers, users};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};

use crate::{Answer, EventStream, Server, global_id};

/// Somebody who sends operations to a server: anonymous, or a user with the records that belong to them.
#[derive(Clone, Debug)]
pub struct Person {
    http: reqwest::Client,
    url: String,
    websocket_url: String,
    email: Option<String>,
    user: Option<users::Model>,
    customer: Option<customers::Model>,
    driver: Option<drivers::Model>,
}

impl Person {
    /// Somebody who is not signed in.
    pub fn anonymous(server: &Server) -> Self {
        Person {
            http: reqwest::Client::builder()
                .timeout(Duration::from_secs(60))
                .build()
                .expect("an HTTP client can be made"),
            url: server.url("/graphql"),
            websocket_url: server.websocket_url(),
            email: None,
            user: None,
            customer: None,
            driver: None,
        }
    }

    pub(crate) fn signed_in(self, user: users::Model) -> Self {
        Person { email: Some(user.email.clone()), user: Some(user), ..self }
    }

    /// Somebody with this e-mail address, whose rows the test does not need.
    pub fn with_email(server: &Server, email: &str) -> Self {
        Person { email: Some(email.to_owned()), ..Person::anonymous(server) }
    }

    pub(crate) fn with_customer(self, customer: customers::Model) -> Self {
        Person { customer: Some(customer), ..self }
    }

    pub(crate) fn with_driver(self, driver: drivers::Model) -> Self {
        Person { driver: Some(driver), ..self }
    }

    /// The same person, talking to another server.
    pub fn at(&self, server: &Server) -> Self {
        Person { url: server.url("/graphql"), websocket_url: server.websocket_url(), ..self.clone() }
    }

    /// Sends a query or a mutation over HTTP.
    pub async fn query(&self, document: &str, variables: Value) -> Answer {
        self.send(&json!({"query": document, "variables": variables})).await
    }

    /// Sends any JSON as the body of a GraphQL request over HTTP.
    pub async fn send(&self, body: &Value) -> Answer {
        self.send_text(body.to_string()).await
    }

    /// Sends any text as the body of a GraphQL request over HTTP, said to be JSON.
    pub async fn send_text(&self, body: String) -> Answer {
        let request = self.http.post(&self.url).header(ACCEPT, "application/json");
        let mut request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        if let Some(email) = &self.email {
            let email = HeaderValue::from_str(email).expect("the e-mail addresses of tests fit in a header");
            request = request.header("X-Development-User", email);
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("no answer: {error:?}\n{body:.2000}"));
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.expect("the answer can be read");
        let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} without JSON: {text}"));
        Answer { status, headers, body }
    }

    /// Opens a subscription, on a websocket of its own.
    pub async fn subscribe(&self, document: &str, variables: Value) -> EventStream {
        let init = match &self.email {
            Some(email) => json!({"developmentUser": email}),
            None => json!({}),
        };
        EventStream::open(&self.websocket_url, init, json!({"query": document, "variables": variables})).await
    }

    /// The user's row.
    #[track_caller]
    pub fn user(&self) -> &users::Model {
        self.user.as_ref().expect("this person is not signed in")
    }

    /// The customer's row, of somebody who has one.
    #[track_caller]
    pub fn customer(&self) -> &customers::Model {
        self.customer.as_ref().expect("this person is no customer")
    }

    /// The driver's row, as it was when it was made.
    #[track_caller]
    pub fn driver(&self) -> &drivers::Model {
        self.driver.as_ref().expect("this person is no driver")
    }

    /// `User:…`
    #[track_caller]
    pub fn user_id(&self) -> String {
        global_id("User", self.user().id)
    }

    /// `Customer:…`
    #[track_caller]
    pub fn customer_id(&self) -> String {
        global_id("Customer", self.customer().id)
    }

    /// `Driver:…`
    #[track_caller]
    pub fn driver_id(&self) -> String {
        global_id("Driver", self.driver().id)
    }
}
