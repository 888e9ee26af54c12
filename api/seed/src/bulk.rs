//! Bulk load of the big city into PostgreSQL by COPY, in one transaction: all or nothing.

use std::io::IsTerminal;

use anyhow::Context;
use entity::{
    customers, dishes, drivers, menus, order_events, order_items, orders, restaurant_members, restaurants, reviews,
    users,
};
use indicatif::{ProgressBar, ProgressStyle};
use sea_orm::{
    DbBackend,
    sqlx::{self, AssertSqlSafe, PgConnection, PgPool},
};
use tokio::sync::mpsc;

use super::{
    access::{emails, password_hash},
    city::{self, Size},
    copy::copy,
    rows::Rows,
};
use tiffin::{app::App, database::dialect, domain::clock, journal};

/// Why there is no big city on SQLite.
pub const NEEDS_POSTGRES: &str =
    "the big city is for PostgreSQL: set DATABASE_URL (or leave --scale out, for the demo city)";

/// Fills an empty PostgreSQL database with the big city; `scale` 1 is a thousand restaurants. Gives whether it did: it does nothing
/// where the city is already. In development, [`ACCOUNTS`](super::ACCOUNTS) are among its people. The error is a sentence for the person
/// who asked for it.
pub async fn city(app: &App, scale: f64) -> anyhow::Result<bool> {
    let pool = dialect::postgres_pool(app.db.connections()).context(NEEDS_POSTGRES)?;
    let size = Size::of(scale);
    let filled = fill(pool, size, app.config.is_development()).await?;
    if filled {
        tracing::info!(?size, "the big city is there");
    }
    Ok(filled)
}

async fn fill(pool: &PgPool, size: Size, for_developers: bool) -> anyhow::Result<bool> {
    let mut transaction = pool.begin().await?;
    run_all(&mut transaction, dialect::seeding_lock(DbBackend::Postgres)).await?;
    if is_there(&mut transaction).await? {
        return Ok(false);
    }
    anyhow::ensure!(
        is_empty(&mut transaction).await?,
        "the database is not empty, and the big city needs an empty one: `tiffin migrate fresh` empties it"
    );
    write(&mut transaction, size).await?;
    if for_developers {
        let set = "update users set password_hash = $1 where email = any($2)";
        sqlx::query(set).bind(password_hash().await?).bind(emails().to_vec()).execute(&mut *transaction).await?;
    }
    run_all(&mut transaction, dialect::continue_numbers(DbBackend::Postgres)).await?;
    run_all(&mut transaction, journal::pass_over(DbBackend::Postgres)).await?;
    transaction.commit().await?;
    // The planner needs statistics: without them it takes the tables for empty.
    sqlx::query("analyze").execute(pool).await?;
    Ok(true)
}

/// Whether the big city is there.
async fn is_there(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let landmark = sqlx::query_scalar("select exists (select from users where normalized_email = $1)");
    landmark.bind(city::landmark()).fetch_one(connection).await
}

async fn is_empty(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let anything = "select not exists (select from users) and not exists (select from customers)
        and not exists (select from drivers) and not exists (select from restaurants)";
    sqlx::query_scalar(anything).fetch_one(connection).await
}

/// A pipeline: generates the city on one core and writes it with another.
async fn write(connection: &mut PgConnection, size: Size) -> anyhow::Result<()> {
    let (sender, mut receiver) = mpsc::channel(2);
    let now = clock::now();
    let maker = tokio::task::spawn_blocking(move || {
        city::make(size, now, |rows| sender.blocking_send(rows).is_ok());
    });
    let progress = BulkProgress::new(size.orders);
    while let Some(rows) = receiver.recv().await {
        write_rows(connection, &rows).await?;
        progress.advance(rows.orders.len());
    }
    maker.await?;
    count(connection).await?;
    progress.end();
    Ok(())
}

async fn write_rows(connection: &mut PgConnection, rows: &Rows) -> anyhow::Result<()> {
    copy::<users::Entity>(connection, &rows.users).await?;
    copy::<customers::Entity>(connection, &rows.customers).await?;
    copy::<drivers::Entity>(connection, &rows.drivers).await?;
    copy::<restaurants::Entity>(connection, &rows.restaurants).await?;
    copy::<menus::Entity>(connection, &rows.menus).await?;
    copy::<dishes::Entity>(connection, &rows.dishes).await?;
    copy::<restaurant_members::Entity>(connection, &rows.members).await?;
    copy::<orders::Entity>(connection, &rows.orders).await?;
    copy::<order_items::Entity>(connection, &rows.items).await?;
    copy::<order_events::Entity>(connection, &rows.events).await?;
    copy::<reviews::Entity>(connection, &rows.reviews).await
}

/// Aggregates the restaurants' counts and ratings from their orders and reviews. PostgreSQL rounds as `money` does.
async fn count(connection: &mut PgConnection) -> sqlx::Result<()> {
    let orders = "update restaurants set total_orders = counted.orders
        from (select restaurant_id, count(*) as orders from orders group by restaurant_id) as counted
        where counted.restaurant_id = restaurants.id";
    let reviews = "update restaurants set review_count = counted.reviews, avg_rating = counted.rating
        from (select restaurant_id, count(*) as reviews, round(avg(rating), 1) as rating from reviews group by restaurant_id)
            as counted
        where counted.restaurant_id = restaurants.id";
    for statement in [orders, reviews] {
        sqlx::query(statement).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn run_all(connection: &mut PgConnection, statements: Vec<String>) -> sqlx::Result<()> {
    for statement in statements {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Progress of the load: a bar on a terminal, lines in a log.
struct BulkProgress {
    bar: ProgressBar,
    orders: usize,
    is_logged: bool,
}

impl BulkProgress {
    fn new(orders: usize) -> Self {
        let bar = ProgressBar::new(orders as u64);
        if let Ok(style) =
            ProgressStyle::with_template("{elapsed_precise} {wide_bar} {human_pos} of {human_len} orders, {eta} left")
        {
            bar.set_style(style);
        }
        BulkProgress { bar, orders, is_logged: !std::io::stderr().is_terminal() }
    }

    fn advance(&self, orders: usize) {
        let before = self.bar.position();
        self.bar.inc(orders as u64);
        let tenth = (self.orders as u64 / 10).max(1);
        if self.is_logged && self.bar.position() / tenth > before / tenth {
            tracing::info!(orders = self.bar.position(), of = self.orders, "the big city grows");
        }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}
