//! What every part of the server needs, handed down and never global.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use secrecy::ExposeSecret;

use crate::{
    config::{self, Config},
    credentials::AccessTokens,
    database::{self, Lives, Pool},
    events::Events,
    jobs::Jobs,
    journal::{self, Journal},
    limiter::Limiter,
    mail::Mailer,
    openid_client::Provider,
    processes::Processes,
    tasks::Tasks,
    tls::Authorities,
};

/// The database, the broker, what is used of limits, the mail, the keys of access tokens, and the configuration of one process.
pub struct App {
    pub db: Pool,
    /// Which life of the data this is.
    pub lives: Lives,
    pub events: Events,
    /// What happened, in the order in which it is told.
    pub journal: Journal,
    pub limiter: Limiter,
    pub mail: Mailer,
    /// None: people sign in with a password only.
    pub openid: Option<Provider>,
    pub access_tokens: AccessTokens,
    /// What else serves from the same database.
    pub processes: Processes,
    /// What goes on beside the requests.
    pub tasks: Tasks,
    /// What is done later.
    pub jobs: Jobs,
    pub config: Config,
}

impl App {
    /// Connects to the database and the broker. The error is a sentence for the person who configured them.
    pub async fn connect(config: Config) -> anyhow::Result<Arc<Self>> {
        let db = database::connect(&config.database).await?;
        Self::with_database(config, db).await
    }

    /// The same, on a database that is connected already, with all its tables.
    pub async fn with_database(config: Config, db: Pool) -> anyhow::Result<Arc<Self>> {
        database::set_clock(&db).await.context("cannot ask the database for the time")?;
        let lives = Lives::open(&db).await?;
        let authorities = Authorities::all(config.tls.authorities.as_deref())?;
        let tasks = Tasks::default();
        let events =
            Events::connect(&config, &authorities, &tasks).await.with_context(|| match &config.broker.redis_url {
                Some(url) => format!("cannot use Redis at {}", config::redact(url.expose_secret())),
                None => "cannot start the broker in memory".to_owned(),
            })?;
        let last_run = journal::last_run(&db).await.map_err(|error| anyhow::anyhow!("{}", error.for_log()));
        events.hear_runs_until(last_run.context("cannot read the journal")?);
        let limiter = Limiter::new(&config.broker, &authorities)?;
        let mail = Mailer::new(&config.mail, config.environment, &authorities)?;
        let openid = Provider::new(&config.openid, &authorities)?;
        let accounts = &config.accounts;
        let lifetime = Duration::from_secs(accounts.access_token_seconds);
        let access_tokens = AccessTokens::new(accounts.token_keys.as_ref(), lifetime)
            .map_err(|problem| anyhow::anyhow!("accounts.token_keys (TIFFIN_ACCOUNTS_TOKEN_KEYS): {problem}"))?;
        let processes = Processes::new(config.broker.redis_url.is_some());
        Ok(Arc::new(App {
            db,
            lives,
            events,
            journal: Journal::new(config.journal.kept_days),
            limiter,
            mail,
            openid,
            access_tokens,
            processes,
            tasks,
            jobs: Jobs::default(),
            config,
        }))
    }

    /// Gives the connections back. Operations that still run fail.
    pub async fn close(&self) {
        if let Err(error) = self.db.close().await {
            tracing::warn!(%error, "the database did not close in order");
        }
    }
}
