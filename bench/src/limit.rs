//! What no server can beat by much: axum and tokio-postgres, and for each operation one statement, prepared, that makes the whole answer.
//! No documents, rights, limits or logs.
//!
//! `POST /<operation>` with a JSON list of the statement's parameters answers `{"data":…}` with what the statement gives.

use std::{
    collections::HashMap,
    error::Error,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Context;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::{BufMut, BytesMut};
use chrono::{DateTime, Utc};
use clap::Parser;
use serde_json::Value;
use tiffin_bench::operation;
use tokio::net::TcpListener;
use tokio_postgres::{
    Client, NoTls, Statement,
    types::{FromSql, IsNull, ToSql, Type, to_sql_checked},
};

/// Serves the operations by one statement each.
#[derive(Parser)]
struct Options {
    /// Where the operations are.
    #[arg(long)]
    operations: PathBuf,
    /// The database's URL.
    #[arg(long)]
    database: String,
    #[arg(long)]
    port: u16,
    /// Connections to the database.
    #[arg(long, default_value_t = 10)]
    connections: usize,
}

/// A connection with all operations prepared on it.
struct Connection {
    client: Client,
    statements: HashMap<String, Statement>,
}

/// Takes the connections in turn: what several requests send at once goes out as a pipeline.
struct Pool {
    connections: Vec<Connection>,
    next: AtomicUsize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let operations = operation::read_all(&options.operations)?;
    let mut connections = Vec::with_capacity(options.connections);
    for _ in 0..options.connections {
        connections.push(Connection::open(&options.database, &operations).await?);
    }
    let pool = Arc::new(Pool { connections, next: AtomicUsize::new(0) });
    let router = Router::new().route("/{operation}", post(answer)).with_state(pool);
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, options.port))).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

impl Connection {
    async fn open(database: &str, operations: &[operation::Operation]) -> anyhow::Result<Self> {
        let (client, connection) = tokio_postgres::connect(database, NoTls).await?;
        tokio::spawn(connection);
        let mut statements = HashMap::new();
        for operation in operations {
            let Some(statement) = &operation.limit else { continue };
            let prepared = client.prepare(statement).await;
            let prepared = prepared.with_context(|| format!("the limit's statement of {}", operation.name))?;
            statements.insert(operation.name.clone(), prepared);
        }
        // What is prepared once is planned once.
        client.batch_execute("set plan_cache_mode = force_generic_plan").await?;
        Ok(Connection { client, statements })
    }
}

async fn answer(
    State(pool): State<Arc<Pool>>,
    Path(operation): Path<String>,
    Json(parameters): Json<Vec<Value>>,
) -> Response {
    let turn = pool.next.fetch_add(1, Ordering::Relaxed) % pool.connections.len();
    let connection = &pool.connections[turn];
    let Some(statement) = connection.statements.get(&operation) else { return StatusCode::NOT_FOUND.into_response() };
    let parameters: Vec<Parameter> = parameters.into_iter().map(Parameter).collect();
    let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|parameter| parameter as _).collect();
    match connection.client.query_one(statement, &parameters).await {
        Ok(row) => {
            let Text(data) = row.get(0);
            let body = [b"{\"data\":", data.as_slice(), b"}"].concat();
            ([(CONTENT_TYPE, "application/json")], body).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{{\"errors\":{error:?}}}")).into_response(),
    }
}

/// A JSON value as whatever the statement wants.
#[derive(Debug)]
struct Parameter(Value);

impl ToSql for Parameter {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Parameter(value) = self;
        match (ty, value) {
            (_, Value::Null) => return Ok(IsNull::Yes),
            (&Type::INT4, Value::Number(number)) => {
                out.put_i32(number.as_i64().and_then(|number| number.try_into().ok()).ok_or("this is no integer")?);
            }
            (&Type::TEXT, Value::String(text)) => out.put_slice(text.as_bytes()),
            (&Type::TIMESTAMPTZ, Value::String(text)) => return text.parse::<DateTime<Utc>>()?.to_sql(ty, out),
            (&Type::DATE, Value::String(text)) => return text.parse::<chrono::NaiveDate>()?.to_sql(ty, out),
            (&Type::JSONB, value) => return value.to_sql(ty, out),
            (ty, value) => return Err(format!("{value} is no {ty}").into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// The bytes of a column of the type `json`.
struct Text(Vec<u8>);

impl<'a> FromSql<'a> for Text {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Text(raw.to_vec()))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::JSON
    }
}
