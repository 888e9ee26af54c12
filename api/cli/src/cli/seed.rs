//! `tiffin seed`: made-up data.

use std::time::Duration;

use clap::Args;

use super::{migrate::Consent, patiently, structure};
use ::seed;
use tiffin::{app::App, config::Config, database};

#[derive(Debug, Args)]
pub struct SeedOptions {
    /// Make the big city instead of the demo (PostgreSQL): 1 is 1,000 restaurants and 200,000 orders, 0.1 a tenth of it.
    #[arg(long, value_name = "FACTOR")]
    scale: Option<f64>,
    #[command(flatten)]
    consent: Consent,
}

/// Fills a database that is migrated.
pub async fn run(options: SeedOptions, config: Config, patience: Duration) -> anyhow::Result<()> {
    anyhow::ensure!(
        options.scale.is_none_or(|scale| scale > 0.0 && scale <= 100.0),
        "--scale is above 0 and at most 100"
    );
    // Before anything is made: on the embedded database that would be its folder.
    let is_on_sqlite = config.database.direct_address().starts_with("sqlite:");
    anyhow::ensure!(options.scale.is_none() || !is_on_sqlite, seed::NEEDS_POSTGRES);
    options.consent.check(&config, "this fills the database with a made-up city in production")?;
    let db = patiently(patience, async || database::connect_for_maintenance(&config.database).await).await?;
    structure::require_current(&db).await?;
    let is_development = config.is_development();
    let app = App::with_database(config, db).await?;
    let filled = match options.scale {
        None => seed::demo(&app).await,
        Some(scale) => seed::city(&app, scale).await,
    };
    app.close().await;
    match filled? {
        true if is_development => println!(
            "The city is there. Sign in with the password {} as {}.",
            seed::PASSWORD,
            seed::ACCOUNTS.map(|account| account.email).join(", ")
        ),
        true => {
            println!("The city is there. In production nobody signs in as its people: `tiffin admin` makes an admin.")
        }
        false => println!("Nothing was changed: the database holds a city already."),
    }
    Ok(())
}
