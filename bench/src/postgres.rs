//! The PostgreSQL under all of them: what it uses and what it was asked.

use std::time::Duration;

use anyhow::Context;
use tokio_postgres::{Client, NoTls};

use crate::usage;

/// A connection to a database.
pub async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.with_context(|| format!("no database at {url}"))?;
    tokio::spawn(connection);
    Ok(client)
}

/// The first process of the PostgreSQL that this connection leads to, which must run on this machine.
pub async fn first_process(database: &Client) -> anyhow::Result<u32> {
    let own: i32 = database.query_one("select pg_backend_pid()", &[]).await?.get(0);
    usage::parent(u32::try_from(own)?).context("PostgreSQL must run on this machine")
}

/// Whether statements can be counted; the extension is made where it can be.
pub async fn can_count(database: &Client) -> bool {
    database
        .batch_execute("create extension if not exists pg_stat_statements; select from pg_stat_statements limit 1")
        .await
        .is_ok()
}

/// Turns the counting of statements on or off, for it costs something itself.
pub async fn count(database: &Client, is_counting: bool) -> anyhow::Result<()> {
    let track = if is_counting { "top" } else { "none" };
    database.batch_execute(&format!("alter system set pg_stat_statements.track = '{track}'")).await?;
    database.batch_execute("select pg_reload_conf()").await?;
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok(())
}

/// What a database was asked from its start on; the statements only while they were counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// Statements, and rows that they gave or wrote.
    pub statements: f64,
    pub told: f64,
    /// Rows of tables that were looked at for that.
    pub read: f64,
}

impl Asked {
    /// All that connections which have ended say, for others may still keep some to themselves.
    pub async fn by_now(database: &Client, counts_statements: bool) -> anyhow::Result<Self> {
        // Earlier versions collect it in a process of their own.
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let read = "select coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)::float8 from pg_stat_user_tables";
        let read = database.query_one(read, &[]).await?.get(0);
        let (statements, told) = if counts_statements {
            let sums = "select coalesce(sum(calls), 0)::float8, coalesce(sum(rows), 0)::float8 from pg_stat_statements
                where dbid = (select oid from pg_database where datname = current_database()) and toplevel";
            let row = database.query_one(sums, &[]).await?;
            (row.get(0), row.get(1))
        } else {
            (f64::NAN, f64::NAN)
        };
        Ok(Asked { statements, told, read })
    }

    pub fn since(self, before: Self) -> Self {
        Asked {
            statements: self.statements - before.statements,
            told: self.told - before.told,
            read: self.read - before.read,
        }
    }

    pub fn each(self, requests: usize) -> Self {
        let requests = requests as f64;
        Asked { statements: self.statements / requests, told: self.told / requests, read: self.read / requests }
    }
}

/// How many rows these tables have, or those of them that a condition names. None where there is no such table, as for an older build.
pub async fn rows(database: &Client, tables: &[String]) -> anyhow::Result<Vec<Option<i64>>> {
    let mut rows = Vec::with_capacity(tables.len());
    for rows_of in tables {
        let table = rows_of.split(' ').next();
        let is_there: bool = database.query_one("select to_regclass($1) is not null", &[&table]).await?.get(0);
        rows.push(match is_there {
            true => Some(database.query_one(&format!("select count(*) from {rows_of}"), &[]).await?.get(0)),
            false => None,
        });
    }
    Ok(rows)
}

/// Lets the journal pass over what is not numbered yet, where there is one: the others leave that to Tiffin, which would do it while it is
/// measured itself.
pub async fn pass_over(database: &Client) -> anyhow::Result<()> {
    let pass = "do $$ begin
        if to_regclass('journal_runs') is not null then
            insert into journal_runs (id, last_position, last_id, gaps, topics, life, at)
            select id + 1, last_position, newest, '[]', topics, life, at
            from (select * from journal_runs order by id desc limit 1) as last, (select max(id) as newest from journal_events) as events
            where newest > last_id;
        end if;
    end $$";
    Ok(database.batch_execute(pass).await?)
}
