//! The configuration: defaults ← an optional `tiffin.toml` ← environment variables ← command-line options.
//!
//! One documented struct a section. Every key has one environment variable ([`source::variable`]) and one line in
//! `docs/operations.md`, which a test compares. What is unknown, malformed, out of its bounds ([`bounds`]) or contradictory is refused at
//! the start, in a sentence that names the key and where it was written.

mod bounds;
mod defaults;
mod listen_address;
mod log_filter;
mod print;
mod source;
mod validate;

use std::{net::SocketAddr, path::PathBuf};

use figment::Figment;
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

pub use listen_address::listen_address;
pub use log_filter::log_filter;
pub use print::redact;
pub use source::Sources;

use crate::{redis_connection::RedisAddress, tls::Authorities};

/// Whom the server works for: a developer at a desk, or the public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// The demo's people have a known password, links of letters are logged, any origin is welcome, and GraphiQL is served.
    Development,
    /// None of that, unless it is configured.
    Production,
}

/// Everything that is configured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Not set: development on the embedded database, production where a database is configured.
    pub environment: Environment,
    /// The address to serve on; a name is looked up. Port 0 takes a free one; the log says which.
    #[serde(deserialize_with = "listen_address::listening")]
    pub listen: SocketAddr,
    pub http: HttpConfig,
    pub graphql: GraphqlConfig,
    pub documents: DocumentsConfig,
    pub federation: FederationConfig,
    pub graphiql: GraphiqlConfig,
    pub database: DatabaseConfig,
    pub broker: BrokerConfig,
    pub tls: TlsConfig,
    pub websocket: WebsocketConfig,
    pub metrics: MetricsConfig,
    pub limits: LimitsConfig,
    pub accounts: AccountsConfig,
    pub orders: OrdersConfig,
    pub journal: JournalConfig,
    pub drivers: DriversConfig,
    pub mail: MailConfig,
    pub openid: OpenidConfig,
    pub demo: DemoConfig,
    pub shutdown: ShutdownConfig,
    pub log: LogConfig,
}

/// What browsers may do from elsewhere, and what proxies in front are believed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// The origins (`https://app.example`) whose pages may call the API and open sockets; `*` is any.
    pub allowed_origins: Vec<String>,
    /// The headers that these pages may send; `*` is any. `content-type`, `authorization` and `x-request-id` they always may.
    pub allowed_headers: Vec<String>,
    /// The networks (`10.0.0.0/8`) or addresses (`10.0.0.1`) of proxies in front, which are believed when they say where a request comes
    /// from.
    #[serde(deserialize_with = "listen_address::networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say it. They must write it themselves, whatever a client has sent.
    pub forwarded_header: ForwardedHeader,
    /// Seconds for which browsers and caches in between may keep an answer that shows public data (restaurants, their dishes and reviews), asked by
    /// GET by nobody who is signed in; 0 lets nobody keep anything.
    pub public_max_age_seconds: u64,
    /// Seconds for which browsers shall come back over TLS only (`Strict-Transport-Security`); 0 does not say so.
    pub strict_transport_security_seconds: u64,
    /// Connections at the same time on this process, sockets and event streams among them; further ones are answered with 503 and closed.
    /// Where the limit of open files has no room for them, as many as it has.
    pub connections: usize,
    /// Seconds for the head of a request; then the connection is closed.
    pub header_timeout_seconds: u64,
    /// Seconds that a connection without a request stays open. Longer than those of a proxy in front, which would send one at the wrong
    /// moment.
    pub keep_alive_seconds: u64,
}

/// The header in which proxies say where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// What most proxies write: `198.51.100.7, 10.0.0.2`.
    XForwardedFor,
    /// RFC 7239: `for=198.51.100.7;proto=https, for=10.0.0.2`.
    Forwarded,
}

impl HttpConfig {
    /// Whether pages of any origin are welcome.
    pub fn any_origin_allowed(&self) -> bool {
        self.allowed_origins.iter().any(|origin| origin == "*")
    }

    /// Whether pages may send any header.
    pub fn any_header_allowed(&self) -> bool {
        self.allowed_headers.iter().any(|header| header == "*")
    }
}

/// What the API tells about itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphqlConfig {
    /// Whether clients may ask for the schema, and are told what they could have meant by an unknown name. GraphiQL needs it.
    pub introspection: bool,
}

/// Documents that clients name in place of sending them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentsConfig {
    /// Whether clients may name a document, by its SHA-256, that they have sent with it before (automatic persisted queries).
    pub automatic: bool,
    /// The files in which the builds of front ends have written their documents down: manifests of Apollo, Relay and graphql-codegen.
    pub manifests: Vec<PathBuf>,
    /// Whether no other documents are taken.
    pub trusted_only: bool,
    /// Whether admins may send documents of their own all the same, as GraphiQL does for them.
    pub any_from_admins: bool,
}

/// The part of a supergraph that the API can be.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FederationConfig {
    /// Whether it is a subgraph of Apollo Federation 2: routers ask for its schema (whoever else does is told, too) and for objects by their ids.
    pub enabled: bool,
}

/// The page at `/` to explore the API with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphiqlConfig {
    /// Whether it is served.
    pub enabled: bool,
}

/// Where the data is, and how much of the database one process takes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `postgres://…` or `sqlite:…`. Not set: SQLite under `data_directory`.
    #[serde(serialize_with = "print::redacted_url")]
    pub url: Option<SecretString>,
    /// The same PostgreSQL past the pooler that `url` leads to: for migrations, `seed` and `admin`, which need a session of their own. Not
    /// set: `url`.
    #[serde(serialize_with = "print::redacted_url")]
    pub direct_url: Option<SecretString>,
    /// The folder of the embedded database, made when it is missing.
    pub data_directory: PathBuf,
    /// Bring the database's structure up to date when the server starts. Otherwise it refuses to start where migrations wait.
    pub migrate: bool,
    /// Connections at most.
    pub max_connections: u32,
    /// Connections kept open while nothing happens.
    pub min_connections: u32,
    /// Seconds to reach the database when connecting.
    pub connect_timeout_seconds: u64,
    /// Seconds that an operation waits for a connection before it fails with UNAVAILABLE.
    pub acquire_timeout_seconds: u64,
    /// A connection unused for so many seconds is replaced rather than used again (PostgreSQL).
    pub idle_timeout_seconds: u64,
    /// A connection so many seconds old is replaced rather than used again (PostgreSQL).
    pub max_lifetime_seconds: u64,
    /// A connection unused for so many seconds is pinged before it is used (PostgreSQL).
    pub ping_after_idle_seconds: u64,
    /// Seconds that one statement may take (PostgreSQL). A database that has not answered a second later counts as away.
    pub statement_timeout_seconds: u64,
    /// Seconds that a statement waits for a lock; on SQLite, for the other writer.
    pub lock_timeout_seconds: u64,
    /// Seconds that a transaction may stand still before the database ends it (PostgreSQL).
    pub idle_in_transaction_timeout_seconds: u64,
    /// Statements that take longer are logged as warnings.
    pub slow_statement_milliseconds: u64,
    /// The section `tls`, for whoever is given this one alone.
    #[serde(skip)]
    pub tls: TlsConfig,
}

/// How changes reach the subscribers of other processes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerConfig {
    /// `redis://…` or `rediss://…`. Not set: one process serves alone, from memory.
    #[serde(serialize_with = "print::redacted_url")]
    pub redis_url: Option<SecretString>,
    /// Whether `redis_url` leads to a Redis Cluster: it names one of its nodes, or all of them by one name.
    pub cluster: bool,
    /// What the names of channels and keys begin with, to share one Redis.
    pub prefix: String,
    /// Whether a process whose Redis is away is not ready (503 at `/health/ready`). Otherwise it serves, and is `degraded`.
    pub required: bool,
}

/// Whom the server believes when it connects to others by TLS: PostgreSQL, Redis, the SMTP server and the OpenID provider.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// A file with the certificates of private authorities in PEM, which are believed beside those of the system's store.
    pub authorities: Option<PathBuf>,
}

/// The limits of what stays connected: websockets, and event streams where they have such a thing.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebsocketConfig {
    /// Seconds from the upgrade to `connection_init`; then the socket is closed with 4408.
    pub init_timeout_seconds: u64,
    /// Seconds between two pings of the server. A client that answers none for twice as long is gone. Clients of the older protocol
    /// `graphql-ws` hang up when nothing comes for 30 seconds.
    pub ping_interval_seconds: u64,
    /// Seconds that one message to a slow client may take; then the socket or event stream is closed.
    pub send_timeout_seconds: u64,
    /// Bytes of one message from a client.
    pub message_bytes: usize,
    /// Operations at the same time on one socket.
    pub operations: usize,
    /// Sockets and event streams at the same time on this process; further ones are refused with 503.
    pub connections: usize,
    /// Of these, for one address (of IPv6, a network of 64 bits); further ones are refused with 429.
    pub connections_per_address: usize,
    /// Operations at the same time on all connections of this process; further ones fail with UNAVAILABLE.
    pub operations_per_process: usize,
    /// Seconds between two looks, at the most, at what everybody may do who is connected: 1 to 8, so that who loses a right is stopped
    /// within 10 seconds, also where the broker's word of it is lost.
    pub rights_check_seconds: u64,
}

/// What is counted, in the text format of Prometheus. It says nothing of any person, yet how much the server has to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsConfig {
    /// Whether `/metrics` is served with everything else.
    pub enabled: bool,
    /// An address of its own that serves `/metrics` and nothing else. Not set: none.
    #[serde(deserialize_with = "listen_address::listening_if_set")]
    pub listen: Option<SocketAddr>,
}

/// What one request may ask for, checked before anything runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Bytes of a document: what is long belongs into variables.
    pub document_bytes: usize,
    /// Tokens of a document.
    pub document_tokens: usize,
    /// Levels of selections.
    pub depth: usize,
    /// The sum over all fields, lists counted as long as they are asked for.
    pub complexity: usize,
    /// Selections after fragments are spread.
    pub selections: usize,
    /// Aliases in a document.
    pub aliases: usize,
    /// Directives in a document.
    pub directives: usize,
    /// Fields at the root of an operation.
    pub root_fields: usize,
    /// Errors in an answer; further ones are left out.
    pub errors: usize,
    /// Operations in one request over HTTP, one after the other; 0 refuses every batch.
    pub batch_operations: usize,
    /// What all operations of one user, or of one address that nobody signed in from, may cost in a window: the sum of their
    /// complexities, and one for each 100 bytes of a document; 0 is no limit.
    pub viewer_cost: u64,
    /// Seconds of that window.
    pub viewer_cost_window_seconds: u64,
    /// Seconds that a query or mutation may take with the check of its access token; then it fails with TIMEOUT, or with UNAVAILABLE
    /// where it could not be said by then who asks.
    pub operation_timeout_seconds: u64,
}

/// How people sign up and in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountsConfig {
    /// The keys that access tokens are signed with, as `name=secret`, separated by commas: the first signs, all of them verify.
    /// Not set: a key is made for each process, which production refuses.
    #[serde(serialize_with = "print::hidden")]
    pub token_keys: Option<SecretString>,
    /// Seconds that an access token is good for.
    pub access_token_seconds: u64,
    /// Days after which a session that was not renewed ends.
    pub session_days: u32,
    /// Whether anybody may make an account.
    pub sign_up: bool,
    /// Hours that a link to verify an e-mail address is good for.
    pub verification_hours: u32,
    /// Minutes that a link to set a new password is good for.
    pub password_reset_minutes: u32,
    /// Days that an invitation is good for.
    pub invitation_days: u32,
    /// Attempts to sign in to one account from one network address in a window, until one succeeds.
    pub attempts_per_account: u64,
    /// Attempts to sign in to one account from all addresses together in a window. Whoever reaches it keeps the owner out too, so it
    /// is far above the one before.
    pub attempts_per_account_from_everywhere: u64,
    /// Attempts to sign in from one network address in a window.
    pub attempts_per_address: u64,
    /// Seconds of that window.
    pub attempts_window_seconds: u64,
    /// Accounts made from one network address in an hour.
    pub sign_ups_per_address: u64,
    /// Letters asked for from one network address in an hour.
    pub letters_per_address: u64,
    /// Letters asked for to one e-mail address in an hour; those of `changeEmail` are counted by themselves.
    pub letters_per_account: u64,
    /// Days that sessions, tokens and links are kept after their end, to be looked at.
    pub kept_days: u32,
    /// Days that the record of what was done is kept; 0 keeps it for ever.
    pub audit_days: u32,
}

/// The rules of orders that are a matter of choice.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrdersConfig {
    /// Minutes after which an order that nobody accepted is cancelled by the system; 0 is never.
    pub acceptance_timeout_minutes: u32,
}

/// The log that feeds are told from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalConfig {
    /// Days that an event can be gone on after in a feed. What is older is let go by and by.
    pub kept_days: u32,
}

/// What is kept of where drivers are and were.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriversConfig {
    /// Seconds between two writes of drivers' places into the database. Followers are told at once; lists are sorted by places of
    /// that age.
    pub location_write_seconds: u32,
    /// Seconds that one point of an order's route stands for.
    pub route_interval_seconds: u32,
    /// Days that routes are kept; 0 keeps none.
    pub route_retention_days: u32,
}

/// E-mail to the people who use the service.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// `smtps://user:password@smtp.example:465`, or `smtp://…?tls=required` (STARTTLS). Not set: nothing is sent; in development links
    /// are written to the log instead.
    #[serde(serialize_with = "print::redacted_url")]
    pub smtp_url: Option<SecretString>,
    /// Whom letters are from: `Tiffin <no-reply@app.example>`.
    pub from: String,
    /// The address of the front end that the links in letters lead to: `https://app.example`.
    pub link_address: String,
    /// Seconds that the SMTP server may take for a letter; then it is tried again later.
    pub timeout_seconds: u64,
}

/// The OpenID provider that people can sign in with; none where it has no issuer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenidConfig {
    /// The provider's address, exactly as it calls itself: `https://accounts.google.com`.
    pub issuer: Option<String>,
    /// What the provider knows this server by.
    pub client_id: Option<String>,
    /// What proves it. Not set: a public client, which PKCE alone protects.
    #[serde(serialize_with = "print::hidden")]
    pub client_secret: Option<SecretString>,
    /// The pages of the front end that people may come back to, each as the provider knows it: `https://app.example/signed-in`.
    pub redirect_urls: Vec<String>,
    /// What is asked of the provider besides `openid`. Without a verified e-mail address nobody gets in for the first time.
    pub scopes: Vec<String>,
    /// What people know the provider by.
    pub name: String,
    /// Seconds that the provider may take for a sign-in; then it fails with UNAVAILABLE.
    pub timeout_seconds: u64,
}

/// The demo city.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoConfig {
    /// Fill an empty database with the demo city, once. `production` refuses it.
    pub seed: bool,
    /// Let a few orders and drivers move by themselves while serving. `production` refuses it.
    pub live: bool,
}

/// How the process ends on SIGTERM or SIGINT.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShutdownConfig {
    /// Seconds to go on serving while `/health/ready` already answers 503, so that load balancers turn away first.
    pub delay_seconds: u64,
    /// Seconds from then on over which sockets and event streams are sent elsewhere, each at a moment by chance: all at once, they
    /// would arrive there at once.
    pub spread_seconds: u64,
    /// Seconds from then on for requests in flight and sockets to end; what is left is cut.
    pub timeout_seconds: u64,
}

/// What is logged, to standard error.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// The level, and others by module: `info,sqlx::query=debug`.
    pub filter: String,
    /// How lines look.
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line, for eyes.
    Compact,
    /// Several lines, for eyes.
    Pretty,
    /// One JSON object a line, for machines.
    Json,
}

impl Config {
    /// Reads, puts together and checks. The error is one sentence for each thing that is wrong.
    pub fn load(sources: &Sources) -> anyhow::Result<Self> {
        Self::extract(&sources.figment()?)
    }

    fn extract(figment: &Figment) -> anyhow::Result<Self> {
        let outside = bounds::problems(figment);
        anyhow::ensure!(outside.is_empty(), "the configuration cannot be used: {}", outside.join("; "));
        let mut config: Config = figment.extract().map_err(source::explain)?;
        config.database.tls = config.tls.clone();
        validate::validate(&config)?;
        Ok(config)
    }

    /// Whether a server can be started with it. The error is one sentence.
    pub fn check_for_serving(&self) -> anyhow::Result<()> {
        validate::validate_for_serving(self)
    }

    /// Whether this is a developer's server.
    pub fn is_development(&self) -> bool {
        self.environment == Environment::Development
    }
}

/// Bytes of a document that cost as much as one field.
const BYTES_A_FIELD: usize = 100;

impl LimitsConfig {
    /// What it costs to read and check a document of so many bytes, also when it is refused.
    pub fn document_cost(bytes: usize) -> usize {
        1 + bytes / BYTES_A_FIELD
    }
}

impl BrokerConfig {
    /// Where Redis is; none where none is configured.
    ///
    /// # Errors
    /// `redis_url` is malformed.
    pub fn redis_address(&self, authorities: &Authorities) -> anyhow::Result<Option<RedisAddress>> {
        self.redis_url.as_ref().map(|url| RedisAddress::new(url, self.cluster, authorities)).transpose()
    }
}

impl DatabaseConfig {
    /// The address to connect to, the embedded one where none is configured. It may hold a password.
    pub fn address(&self) -> String {
        match &self.url {
            Some(url) => url.expose_secret().to_owned(),
            None => format!("sqlite:{}", self.embedded_file().display()),
        }
    }

    /// The address for what stands beside the requests: past a pooler, where there is one. It may hold a password.
    pub fn direct_address(&self) -> String {
        self.direct_url.as_ref().map_or_else(|| self.address(), |url| url.expose_secret().to_owned())
    }

    /// The same without a password, to show.
    pub fn redacted_address(&self) -> String {
        redact(&self.address())
    }

    /// The file of the embedded database, whether it is in use or not.
    pub fn embedded_file(&self) -> PathBuf {
        self.data_directory.join("tiffin.db")
    }

    /// Whether it is a file.
    pub fn is_sqlite(&self) -> bool {
        self.address().starts_with("sqlite:")
    }

    /// Whether nothing is configured, and the database is a file of ours.
    pub fn is_embedded(&self) -> bool {
        self.url.is_none()
    }
}

/// What is in force as a `tiffin.toml`, each key with where it came from. What nobody has set and what is secret is a comment.
pub fn describe(sources: &Sources) -> anyhow::Result<String> {
    let figment = sources.figment()?;
    Ok(print::describe(&Config::extract(&figment)?, &figment))
}

#[cfg(test)]
mod tests;
