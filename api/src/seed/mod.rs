//! Made-up data: the demo city, its life, and the big city.

use std::sync::Arc;

use crate::{app::App, http::graphiql::DemoAccounts, shutdown::Shutdown};

/// Somebody of the demo city whom a developer can act as.
pub struct Account {
    pub email: &'static str,
    pub role: &'static str,
}

/// Whom a developer can act as in the demo city.
pub const ACCOUNTS: [Account; 4] = [
    Account { email: "customer@demo.tiffin.example", role: "a customer: orders, reviews" },
    Account { email: "merchant@demo.tiffin.example", role: "the kitchen of a restaurant: its orders and revenue" },
    Account { email: "driver@demo.tiffin.example", role: "a driver: claims orders and delivers them" },
    Account { email: "admin@demo.tiffin.example", role: "an administrator: everything" },
];

/// Whom GraphiQL's tabs act as.
pub fn demo_accounts() -> DemoAccounts {
    let [customer, merchant, driver, _] = ACCOUNTS.map(|account| account.email.to_owned());
    DemoAccounts { customer, merchant, driver }
}

/// Fills an empty database with the demo city; does nothing where there are restaurants.
pub async fn demo(_app: &Arc<App>) -> anyhow::Result<()> {
    tracing::warn!("the demo city is not built yet");
    Ok(())
}

/// Makes a few orders and drivers move, until the shutdown is requested.
pub async fn live(_app: Arc<App>, shutdown: Shutdown) {
    shutdown.requested().await;
}

/// Makes the big city, in bulk.
pub async fn city(_app: &Arc<App>, _scale: f64) -> anyhow::Result<()> {
    anyhow::bail!("the big city is not built yet")
}
