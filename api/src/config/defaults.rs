//! The default of every key of the configuration.

use std::{net::SocketAddr, path::PathBuf};

use super::{
    AccountsConfig, BrokerConfig, Config, DatabaseConfig, DemoConfig, DocumentsConfig, DriversConfig, Environment,
    FederationConfig, ForwardedHeader, GraphiqlConfig, GraphqlConfig, HttpConfig, JournalConfig, LimitsConfig,
    LogConfig, LogFormat, MailConfig, MetricsConfig, OpenidConfig, OrdersConfig, ShutdownConfig, TlsConfig,
    WebsocketConfig,
};

impl Config {
    /// The defaults of this environment. `embedded`: whether no database is configured either.
    pub fn defaults(environment: Environment, embedded: bool) -> Self {
        let development = environment == Environment::Development;
        Config {
            environment,
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            http: HttpConfig {
                allowed_origins: if development { vec!["*".to_owned()] } else { Vec::new() },
                allowed_headers: vec!["*".to_owned()],
                trusted_proxies: Vec::new(),
                forwarded_header: ForwardedHeader::XForwardedFor,
                public_max_age_seconds: 0,
                strict_transport_security_seconds: 0,
                connections: 25_000,
                header_timeout_seconds: 10,
                keep_alive_seconds: 75,
            },
            graphql: GraphqlConfig { introspection: development },
            documents: DocumentsConfig {
                automatic: true,
                manifests: Vec::new(),
                trusted_only: false,
                any_from_admins: false,
            },
            federation: FederationConfig { enabled: false },
            graphiql: GraphiqlConfig { enabled: development },
            database: DatabaseConfig {
                url: None,
                direct_url: None,
                data_directory: PathBuf::from("./data"),
                migrate: true,
                max_connections: 20,
                min_connections: 0,
                connect_timeout_seconds: 5,
                acquire_timeout_seconds: 5,
                idle_timeout_seconds: 600,
                max_lifetime_seconds: 1800,
                ping_after_idle_seconds: 30,
                statement_timeout_seconds: 15,
                lock_timeout_seconds: 5,
                idle_in_transaction_timeout_seconds: 30,
                slow_statement_milliseconds: 500,
                tls: TlsConfig::default(),
            },
            broker: BrokerConfig { redis_url: None, cluster: false, prefix: "tiffin".to_owned(), required: false },
            tls: TlsConfig::default(),
            websocket: WebsocketConfig {
                init_timeout_seconds: 10,
                ping_interval_seconds: 20,
                send_timeout_seconds: 10,
                message_bytes: 256 * 1024,
                operations: 100,
                connections: 20_000,
                connections_per_address: 500,
                operations_per_process: 200_000,
                rights_check_seconds: 8,
            },
            metrics: MetricsConfig { enabled: development, listen: None },
            limits: LimitsConfig {
                body_bytes: 256 * 1024,
                document_bytes: 64 * 1024,
                document_tokens: 5_000,
                depth: 20,
                complexity: 50_000,
                selections: 5_000,
                aliases: 200,
                directives: 100,
                root_fields: 50,
                errors: 50,
                batch_operations: 0,
                viewer_cost: 2_000_000,
                viewer_cost_window_seconds: 60,
                operation_timeout_seconds: 20,
            },
            accounts: AccountsConfig {
                token_keys: None,
                access_token_seconds: 15 * 60,
                session_days: 30,
                sign_up: true,
                verification_hours: 48,
                password_reset_minutes: 60,
                invitation_days: 7,
                attempts_per_account: 10,
                attempts_per_account_from_everywhere: 500,
                attempts_per_address: 100,
                attempts_window_seconds: 300,
                sign_ups_per_address: 20,
                letters_per_address: 30,
                letters_per_account: 5,
                kept_days: 30,
                audit_days: 400,
            },
            orders: OrdersConfig { acceptance_timeout_minutes: 15 },
            journal: JournalConfig { kept_days: 30 },
            drivers: DriversConfig { location_write_seconds: 2, route_interval_seconds: 5, route_retention_days: 30 },
            mail: MailConfig {
                smtp_url: None,
                from: "Tiffin <no-reply@tiffin.example>".to_owned(),
                link_address: "http://localhost:3000".to_owned(),
                timeout_seconds: 10,
            },
            openid: OpenidConfig {
                issuer: None,
                client_id: None,
                client_secret: None,
                redirect_urls: Vec::new(),
                scopes: vec!["email".to_owned(), "profile".to_owned()],
                name: "OpenID Connect".to_owned(),
                timeout_seconds: 10,
            },
            demo: DemoConfig { seed: development && embedded, live: development && embedded },
            shutdown: ShutdownConfig {
                delay_seconds: 0,
                // Whoever is at a desk does not want to wait.
                spread_seconds: if development { 0 } else { 5 },
                timeout_seconds: 30,
            },
            log: LogConfig {
                // A first start would open with sixty lines of migrations.
                filter: if development { "info,sea_orm_migration=warn,sqlx::postgres::notice=warn" } else { "info" }
                    .to_owned(),
                format: if development { LogFormat::Compact } else { LogFormat::Json },
            },
        }
    }
}
