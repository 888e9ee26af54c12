//! Backfills `normalized_email`, and decides which account keeps an address that several have.

use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
};

use sea_orm_migration::{
    prelude::*,
    sea_orm::{QueryResult, prelude::DateTimeWithTimeZone},
};

use crate::email::{Email, exact_pattern, exactly};

/// Rows in one batch.
const ROWS: u64 = 5_000;

/// A table with addresses, and how its rows rank that share one: by the expression, then by age.
struct AddressTable {
    table: &'static str,
    /// The first sort key of the ranking, over the table as `t` and the user it belongs to as `u`.
    rank: &'static str,
    user: &'static str,
}

/// An account whose address is verified comes first.
const USERS: AddressTable =
    AddressTable { table: "users", rank: "case when t.email_verified_at is null then 1 else 0 end", user: "null" };

/// A record that belongs to an account comes first.
const CUSTOMERS: AddressTable =
    AddressTable { table: "customers", rank: "case when t.user_id is null then 1 else 0 end", user: "t.user_id" };

/// A row that may keep its address.
#[derive(Clone, Debug)]
struct AddressRow {
    id: i32,
    email: String,
    rank: i32,
    since: DateTimeWithTimeZone,
    /// Whether it belongs to an account that does not keep its address.
    yields: bool,
}

/// Fills the rows that have none. Of several with one address the first by rank and age keeps it; the others are found by their very
/// spelling from now on, and the log tells which they are. A second run changes nothing.
pub async fn fill(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // What a customer has hangs on its account.
    let mut exact = 0;
    for table in [USERS, CUSTOMERS] {
        exact += fill_table(manager, &table).await?;
    }
    if exact > 0 {
        tracing::warn!(
            rows = exact,
            "e-mail addresses are shared, or have characters that nobody sees: `tiffin accounts collisions` lists the accounts"
        );
    }
    Ok(())
}

/// Fills a table; gives the number of rows that do not keep their address.
async fn fill_table(manager: &SchemaManager<'_>, table: &AddressTable) -> Result<usize, DbErr> {
    let (mut last, mut exact) = (i32::MIN, 0);
    loop {
        let missing = Expr::cust("t.normalized_email is null").and(Expr::cust(format!("t.id > {last}")));
        let rows = rows(manager, table, missing).await?;
        let Some(newest) = rows.last() else { return Ok(exact) };
        last = newest.id;
        let batch = manager.begin().await?;
        exact += fill_batch(&batch, table, rows).await?;
        batch.commit().await?;
    }
}

async fn fill_batch(
    manager: &SchemaManager<'_>,
    table: &AddressTable,
    mut rows: Vec<AddressRow>,
) -> Result<usize, DbErr> {
    rows.sort_by(AddressRow::compare);
    let forms: HashSet<_> = rows.iter().filter_map(AddressRow::form).collect();
    let mut keepers = HashMap::new();
    for keeper in self::rows(manager, table, Expr::cust("t.normalized_email").is_in(forms)).await? {
        keepers.extend(keeper.form().map(|form| (form, keeper)));
    }
    let mut exact = 0;
    for row in rows {
        let Some(form) = row.form().filter(|_| !row.yields) else {
            exact += 1;
            tracing::warn!(table = table.table, id = row.id, "an e-mail address is known by its very spelling only");
            set(manager, table, &row, &exactly(&row.email)).await?;
            continue;
        };
        let keeper = match keepers.remove(&form) {
            None => row,
            Some(other) => {
                let (keeper, loser) = if row.compare(&other).is_lt() { (row, other) } else { (other, row) };
                exact += 1;
                // Numbers go into the log, and no address.
                let (id, keeper_id) = (loser.id, keeper.id);
                tracing::warn!(table = table.table, id, keeper = keeper_id, "an e-mail address is kept by another row");
                set(manager, table, &loser, &exactly(&loser.email)).await?;
                keeper
            }
        };
        set(manager, table, &keeper, &form).await?;
        keepers.insert(form, keeper);
    }
    Ok(exact)
}

async fn set(manager: &SchemaManager<'_>, table: &AddressTable, row: &AddressRow, key: &str) -> Result<(), DbErr> {
    let update = Query::update()
        .table(Alias::new(table.table))
        .value("normalized_email", key)
        .and_where(Expr::col("id").eq(row.id))
        .take();
    manager.execute(update).await
}

async fn rows(manager: &SchemaManager<'_>, table: &AddressTable, condition: Expr) -> Result<Vec<AddressRow>, DbErr> {
    let connection = manager.get_connection();
    let yields = format!("case when u.normalized_email like '{}' then 1 else 0 end", exact_pattern());
    let mut select = Query::select();
    for (expression, name) in
        [("t.id", "id"), ("t.email", "email"), (table.rank, "rank"), ("t.created_at", "since"), (&yields, "yields")]
    {
        select.expr_as(Expr::cust(expression.to_owned()), name);
    }
    select
        .from_as(Alias::new(table.table), "t")
        .join_as(JoinType::LeftJoin, Alias::new("users"), "u", Expr::cust(format!("u.id = {}", table.user)))
        .and_where(condition)
        .order_by_expr(Expr::cust("t.id"), Order::Asc)
        .limit(ROWS);
    let found = connection.query_all(&select).await?;
    found.iter().map(AddressRow::read).collect()
}

impl AddressRow {
    fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(AddressRow {
            id: row.try_get("", "id")?,
            email: row.try_get("", "email")?,
            rank: row.try_get("", "rank")?,
            since: row.try_get("", "since")?,
            yields: row.try_get::<i32>("", "yields")? == 1,
        })
    }

    fn form(&self) -> Option<String> {
        Email::parse(&self.email).ok().map(|email| email.normalized().to_owned())
    }

    /// Who keeps the address comes first.
    fn compare(&self, other: &Self) -> Ordering {
        (self.rank, self.since, self.id).cmp(&(other.rank, other.since, other.id))
    }
}
