//! In the place of `demo.rs` in a binary that was built without the feature `demo`: there is no city to make.

use std::sync::Arc;

use tiffin::{app::App, config::Config, http::graphiql, shutdown::Shutdown};

/// The configuration, as far as this binary can serve it: without what is made up, whatever it says of that.
pub fn within_reach(mut config: Config) -> Config {
    if config.demo.seed || config.demo.live {
        tracing::warn!("this binary was built without the demo city: demo.seed and demo.live are off");
        (config.demo.seed, config.demo.live) = (false, false);
    }
    config
}

pub async fn prepare(_: &Arc<App>) -> anyhow::Result<()> {
    Ok(())
}

pub fn begin(_: &Arc<App>, _: &Shutdown) {}

pub fn graphiql_settings(_: &Config) -> graphiql::Settings {
    graphiql::Settings::default()
}

pub async fn introduced(_: &App, _: &str) -> Vec<String> {
    Vec::new()
}
