//! Seed data: the small demo city, its simulated life, and the big city for load.
//!
//! `catalog`, `people` and `opinion` are the raw material; `story` makes order histories that could have come from the services; `demo` and
//! `city` make cities of them; `rows` and `bulk` write these to the database.

mod access;
mod bulk;
mod catalog;
mod city;
mod copy;
mod demo;
mod live;
mod opinion;
mod people;
mod rows;
mod story;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use access::passwords_set_in_tx;
pub use access::restore;
pub use bulk::{NEEDS_POSTGRES, city};
pub use live::{DemoLife, TICK};

use entity::{customers, drivers, orders, restaurants, sea_orm_active_enums::OrderStatus, users};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

use tiffin::{
    app::App,
    database::{self, Transaction, dialect},
    domain::{clock, ids::OrderId},
    features::order::lifecycle,
    http::graphiql::{DemoAccounts, DemoPeople},
    journal,
};

const CUSTOMER: &str = "customer@demo.tiffin.example";
const MERCHANT: &str = "merchant@demo.tiffin.example";
const DRIVER: &str = "driver@demo.tiffin.example";
const ADMIN: &str = "admin@demo.tiffin.example";

/// The password of all of [`ACCOUNTS`]; in development only.
pub const PASSWORD: &str = "tiffin-demo";

/// A person of the demo city as whom a developer can sign in.
pub struct Account {
    pub email: &'static str,
    pub role: &'static str,
}

/// The people of the demo city as whom a developer can sign in.
pub const ACCOUNTS: [Account; 4] = [
    Account { email: CUSTOMER, role: "a customer: orders, reviews" },
    Account { email: MERCHANT, role: "the kitchens of two restaurants: their orders and revenue" },
    Account { email: DRIVER, role: "a driver: claims orders and delivers them" },
    Account { email: ADMIN, role: "an administrator: everything" },
];

/// The accounts that GraphiQL's tabs act as.
pub fn demo_accounts() -> DemoAccounts {
    let [customer, merchant, driver, admin] = ACCOUNTS.map(|account| account.email.to_owned());
    DemoAccounts { people: DemoPeople { customer, merchant, driver, admin }, password: PASSWORD.to_owned() }
}

/// Fills an empty database with the demo city; gives whether it did. Does nothing where there are rows already. One transaction under a
/// lock: all or nothing, and of two processes at once one does it.
pub async fn demo(app: &Arc<App>) -> anyhow::Result<bool> {
    let filled = fill(app).await?;
    match filled {
        true => tracing::info!("the demo city is there"),
        false => tracing::debug!("the database holds something already: no demo city was made"),
    }
    Ok(filled)
}

async fn fill(app: &App) -> anyhow::Result<bool> {
    let transaction = database::begin(&app.db).await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    rows::run_all(&transaction, dialect::seeding_lock(transaction.get_database_backend())).await?;
    if !is_empty(&transaction).await? {
        return Ok(false);
    }
    rows::write_in_tx(&transaction, demo::rows(clock::now())).await?;
    if app.config.is_development() {
        passwords_set_in_tx(&transaction).await?;
    }
    let backend = transaction.get_database_backend();
    rows::run_all(&transaction, dialect::continue_numbers(backend)).await?;
    rows::run_all(&transaction, journal::pass_over(backend)).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Whether the database is empty.
async fn is_empty(transaction: &Transaction) -> Result<bool, DbErr> {
    let found = [
        users::Entity::find().one(transaction).await?.is_some(),
        customers::Entity::find().one(transaction).await?.is_some(),
        drivers::Entity::find().one(transaction).await?.is_some(),
        restaurants::Entity::find().one(transaction).await?.is_some(),
    ];
    Ok(!found.contains(&true))
}

/// An order under way of the demo's customer, preferably one that is being carried; `None` when there is none, or the database does not
/// answer.
pub async fn order_to_watch(app: &App) -> Option<OrderId> {
    let under_way = orders::Entity::find()
        .inner_join(customers::Entity)
        .filter(customers::Column::Email.eq(CUSTOMER))
        .filter(orders::Column::Status.is_in(lifecycle::UNDER_WAY))
        .order_by_desc(orders::Column::Id);
    let under_way = under_way.all(&app.db).await.unwrap_or_default();
    let order = under_way.iter().find(|order| order.status == OrderStatus::PickedUp).or(under_way.first());
    order.map(|order| OrderId(order.id))
}
