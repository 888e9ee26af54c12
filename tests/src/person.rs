//! An API client that acts as one person.

use std::time::Duration;

use entity::{customers, drivers, users};
use reqwest::{
    RequestBuilder,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde_json::{Value, json};

use crate::{Answer, EventSource, EventStream, Interruption, Proxy, Server, global_id};

/// Somebody who sends operations to a server: anonymous, or a user with the records that belong to them.
#[derive(Clone, Debug)]
pub struct Person {
    http: reqwest::Client,
    url: String,
    websocket_url: String,
    access_token: Option<String>,
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
            access_token: None,
            user: None,
            customer: None,
            driver: None,
        }
    }

    pub(crate) fn signed_in(self, user: users::Model, access_token: String) -> Self {
        Person { access_token: Some(access_token), user: Some(user), ..self }
    }

    /// The same person with this access token, which may be another session's or no good.
    pub fn with_access_token(&self, access_token: &str) -> Self {
        Person { access_token: Some(access_token.to_owned()), ..self.clone() }
    }

    /// Somebody who signs in with this e-mail address and password, and whose rows the test does not need.
    pub async fn signing_in(server: &Server, email: &str, password: &str) -> Self {
        let document = "mutation($email: String!, $password: String!) { \
             signIn(input: {email: $email, password: $password}) { session { accessToken } } }";
        let anonymous = Person::anonymous(server);
        let answer = anonymous.query(document, json!({"email": email, "password": password})).await;
        anonymous.with_access_token(answer.text("/signIn/session/accessToken"))
    }

    /// What the person sends along to say who it is.
    pub fn access_token(&self) -> Option<&str> {
        self.access_token.as_deref()
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

    /// The same person, talking to servers by way of a proxy.
    pub fn by_way_of(&self, proxy: &Proxy) -> Self {
        let url = proxy.url();
        let websocket_url = url.replacen("http", "ws", 1);
        Person { url: format!("{url}graphql"), websocket_url: format!("{websocket_url}graphql"), ..self.clone() }
    }

    /// Sends a query or a mutation over HTTP.
    pub async fn query(&self, document: &str, variables: Value) -> Answer {
        self.send(&json!({"query": document, "variables": variables})).await
    }

    /// The same where the connection may break: then there is no answer, and why not is the error.
    pub async fn try_query(&self, document: &str, variables: Value) -> Result<Answer, String> {
        self.try_send_text(json!({"query": document, "variables": variables}).to_string()).await
    }

    /// Sends any JSON as the body of a GraphQL request over HTTP.
    pub async fn send(&self, body: &Value) -> Answer {
        self.send_text(body.to_string()).await
    }

    /// Sends any text as the body of a GraphQL request over HTTP, said to be JSON.
    pub async fn send_text(&self, body: String) -> Answer {
        self.try_send_text(body.clone()).await.unwrap_or_else(|problem| panic!("{problem}\n{body:.2000}"))
    }

    async fn try_send_text(&self, body: String) -> Result<Answer, String> {
        let request = self.post(body).header(ACCEPT, "application/json");
        let response = request.send().await.map_err(|error| format!("no answer: {error:?}"))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.map_err(|error| format!("half an answer: {error:?}"))?;
        let body = serde_json::from_str(&text).map_err(|_| format!("{status} without JSON: {text}"))?;
        Ok(Answer { status, headers, body })
    }

    fn post(&self, body: String) -> RequestBuilder {
        let request = self.http.post(&self.url).header(CONTENT_TYPE, "application/json").body(body);
        match &self.access_token {
            None => request,
            Some(access_token) => request.bearer_auth(access_token),
        }
    }

    /// Opens a subscription, or sends any other operation, as a stream of events.
    pub async fn listen(&self, document: &str, variables: Value) -> EventSource {
        EventSource::open(self.request(document, variables)).await
    }

    /// A request for an operation over HTTP that is yet to be sent, by a test that wants more of it than [`Person::query`].
    pub fn request(&self, document: &str, variables: Value) -> RequestBuilder {
        self.post(json!({"query": document, "variables": variables}).to_string())
    }

    /// Opens a subscription, on a websocket of its own.
    pub async fn subscribe(&self, document: &str, variables: Value) -> EventStream {
        let operation = json!({"query": document, "variables": variables});
        EventStream::open(&self.websocket_url, self.connection_init(), operation).await
    }

    /// The same where the connection may break.
    pub async fn try_subscribe(&self, document: &str, variables: Value) -> Result<EventStream, Interruption> {
        let operation = json!({"query": document, "variables": variables});
        EventStream::try_open(&self.websocket_url, self.connection_init(), operation).await
    }

    /// The payload of `connection_init` that says who it is.
    pub fn connection_init(&self) -> Value {
        match &self.access_token {
            Some(access_token) => json!({"authorization": format!("Bearer {access_token}")}),
            None => json!({}),
        }
    }

    /// The user's row; `None` for the anonymous.
    pub fn signed_in_user(&self) -> Option<&users::Model> {
        self.user.as_ref()
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
