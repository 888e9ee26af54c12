//! Who asks: the demo's admin, and as many customers as there are connections.

use std::sync::Arc;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tiffin_bench::operation::Viewer;
use tokio_postgres::Client as Database;

use crate::{client::Client, contestant::Server, requests::Tokens};

/// What the demo's people sign in with, in development.
const PASSWORD: &str = "tiffin-demo";
const ADMIN: &str = "admin@demo.tiffin.example";

/// Signs everybody in at a server on this database. The customers are those who have an account, by id, as the operations'
/// variables take them too; they get the demo's password.
pub async fn sign_in(server: &Server, database: &Database, customers: usize) -> anyhow::Result<Tokens> {
    let statement = "with chosen as (
            select customers.user_id as id, customers.id as customer_id from customers
            where user_id is not null order by customers.id limit $1
        ), changed as (
            update users set password_hash = (select password_hash from users where email = $2)
            from chosen where chosen.id = users.id
            returning users.email, chosen.customer_id
        )
        select email from changed order by customer_id";
    let customers = database.query(statement, &[&i64::try_from(customers)?, &ADMIN]).await?;
    let mut client = Client::connect(server.address).await?;
    let mut tokens = Vec::new();
    for customer in &customers {
        tokens.push(token(&mut client, customer.get(0)).await?);
    }
    let admin = token(&mut client, ADMIN).await?;
    Ok(Tokens::from([(Viewer::Customers, tokens), (Viewer::Admin, vec![admin])]))
}

async fn token(client: &mut Client, email: &str) -> anyhow::Result<Arc<str>> {
    let query = "mutation ($email: String!, $password: String!) {
        signIn(input: { email: $email, password: $password }) { session { accessToken } } }";
    let body = json!({"query": query, "variables": {"email": email, "password": PASSWORD}});
    let answer = client.post("/graphql", None, body.to_string().into()).await?;
    let value: Value = serde_json::from_slice(&answer)?;
    let token = value.pointer("/data/signIn/session/accessToken").and_then(Value::as_str);
    let token = token.with_context(|| format!("{email} cannot sign in: {value}"))?;
    ensure!(!token.is_empty(), "a token is a text");
    Ok(format!("Bearer {token}").into())
}
