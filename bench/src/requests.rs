//! The requests of an operation, ready to be sent.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context, bail};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use tiffin_bench::operation::{Operation, Viewer};
use tokio_postgres::Client as Database;

use crate::{
    client::{Client, first},
    contestant::{Contestant, Server},
};

/// Access tokens by who has them, as the header wants them.
pub type Tokens = HashMap<Viewer, Vec<Arc<str>>>;

/// One request, or several that belong together.
#[derive(Clone, Debug)]
pub struct Ask {
    pub path: Arc<str>,
    pub token: Option<Arc<str>>,
    pub first: Bytes,
    pub further: Vec<Step>,
    /// What becomes of the order that these made.
    pub live: Option<Live>,
}

/// How an order is followed, and the steps that it takes over and over.
#[derive(Clone, Debug)]
pub struct Live {
    pub follow: Step,
    pub steps: Vec<Step>,
}

/// A request that speaks of the order which the first one made.
#[derive(Clone, Debug)]
pub struct Step {
    document: Arc<str>,
    variables: Map<String, Value>,
}

impl Step {
    pub fn body(&self, order: &Value) -> Bytes {
        self.payload(order).to_string().into()
    }

    pub fn payload(&self, order: &Value) -> Value {
        let mut variables = self.variables.clone();
        variables.insert("order".to_owned(), order.clone());
        json!({"query": &*self.document, "variables": variables})
    }
}

fn body(document: &str, variables: &Map<String, Value>) -> Bytes {
    json!({"query": document, "variables": variables}).to_string().into()
}

/// The requests by which a contestant is asked for an operation; none where it is not, or where the city is too small for it.
pub async fn requests(
    operation: &Operation,
    contestant: Contestant,
    server: &Server,
    database: &Database,
    tokens: &Tokens,
) -> anyhow::Result<Option<Vec<Ask>>> {
    let live = operation.live.as_ref();
    let (column, documents, cursor, live) = match contestant {
        Contestant::Tiffin | Contestant::Base => {
            ("tiffin", Some(&operation.tiffin), operation.cursor.tiffin.as_deref(), live.map(|live| &live.tiffin))
        }
        Contestant::Postgraphile => (
            "postgraphile",
            operation.postgraphile.as_ref(),
            operation.cursor.postgraphile.as_deref(),
            live.and_then(|live| live.postgraphile.as_ref()),
        ),
        Contestant::Limit if operation.limit.is_some() => ("the_limit", None, None, None),
        Contestant::Limit => return Ok(None),
    };
    if documents.is_none() && contestant == Contestant::Postgraphile {
        return Ok(None);
    }
    let path: Arc<str> = contestant.path(&operation.name).into();
    let rows = variables(operation, column, database).await?;
    if rows.len() < operation.live.as_ref().map_or(1, |live| live.orders) {
        return Ok(None);
    }
    let mut client = Client::connect(server.address).await?;
    let mut asks = Vec::new();
    for (number, row) in rows.into_iter().enumerate() {
        let mut ask = Ask { path: path.clone(), token: None, first: Bytes::new(), further: Vec::new(), live: None };
        if contestant.is_tiffin() && operation.viewer != Viewer::Anonymous {
            let tokens = tokens.get(&operation.viewer).context("nobody is signed in")?;
            ask.token = Some(tokens[number % tokens.len()].clone());
        }
        let Some(documents) = documents else {
            ask.first = row.to_string().into();
            asks.push(ask);
            continue;
        };
        let Value::Object(mut variables) = row else { bail!("{}: {row} are no variables", operation.name) };
        if let Some(cursor) = cursor {
            let answer = client.success(&ask, body(cursor, &variables)).await?;
            variables.insert("after".to_owned(), end_cursor(&answer)?);
        }
        let step = |document: &String| Step { document: document.as_str().into(), variables: variables.clone() };
        let (first, further) = documents.list().split_first().context("there is no document")?;
        ask.first = body(first, &variables);
        ask.further = further.iter().map(step).collect();
        ask.live = live.map(|live| Live { follow: step(&live.follow), steps: live.steps.iter().map(step).collect() });
        asks.push(ask);
    }
    Ok(Some(asks))
}

async fn variables(operation: &Operation, column: &str, database: &Database) -> anyhow::Result<Vec<Value>> {
    let statement = format!("select {column}::json from ({}) as requests", operation.variables);
    let rows = database.query(&statement, &[]).await;
    let rows = rows.with_context(|| format!("the variables of {}", operation.name))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn end_cursor(answer: &[u8]) -> anyhow::Result<Value> {
    let answer: Value = serde_json::from_slice(answer)?;
    first(&answer, "endCursor").cloned().with_context(|| format!("there is no endCursor in {answer}"))
}
