use std::collections::BTreeSet;

use figment::value::Value;

use super::{
    bounds::BOUNDS,
    source::{flatten, variable},
    *,
};

fn with(variables: &[(&str, &str)]) -> Sources {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    // A file of its own: the working folder's must not take part.
    Sources { file: Some(empty_file()), variables, ..Sources::default() }
}

fn empty_file() -> PathBuf {
    file("empty", "")
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("tiffin-config-{}-{name}.toml", std::process::id()));
    std::fs::write(&path, text).expect("the temporary folder is writable");
    path
}

fn refusal(sources: &Sources) -> String {
    Config::load(sources).expect_err("refused").to_string()
}

#[test]
fn nothing_configured_is_a_developers_server() {
    let config = Config::load(&with(&[])).expect("valid");
    assert_eq!(config.environment, Environment::Development);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8000");
    assert!(config.database.is_embedded() && config.demo.seed && config.demo.live && config.graphiql.enabled);
    assert_eq!(config.log.format, LogFormat::Compact);
}

const KEYS: &str = "2026=aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW";

#[test]
fn a_server_in_production_wants_good_keys() {
    let production = |keys| {
        let variables = [("TIFFIN_ENV", "production"), ("TIFFIN_ACCOUNTS_TOKEN_KEYS", keys)];
        Config::load(&with(&variables)).and_then(|config| config.check_for_serving())
    };
    assert!(production(KEYS).is_ok());
    for bad in ["", "2026=hunter2", "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW", "2026=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        let problem = production(bad).expect_err(bad).to_string();
        assert!(problem.contains("TIFFIN_ACCOUNTS_TOKEN_KEYS"), "{problem}");
        assert!(bad.is_empty() || !problem.contains(bad.trim_start_matches("2026=")), "{problem}");
    }
}

#[test]
fn a_database_makes_it_production() {
    let config = Config::load(&with(&[("DATABASE_URL", "postgres://localhost/tiffin")])).expect("valid");
    assert_eq!(config.environment, Environment::Production);
    assert!(!config.demo.seed && !config.graphiql.enabled && !config.http.any_origin_allowed());
    assert_eq!(config.log.format, LogFormat::Json);

    let variables = [("DATABASE_URL", "postgres://localhost/tiffin"), ("TIFFIN_ENV", "development")];
    let config = Config::load(&with(&variables)).expect("valid");
    assert!(config.is_development() && config.graphiql.enabled && !config.demo.seed);
}

#[test]
fn options_win_over_variables_over_the_file_over_defaults() {
    let mut sources = with(&[]);
    sources.file = Some(file("order", "listen = '127.0.0.1:1'\n[database]\nmax_connections = 7\n[demo]\nlive = false"));
    let config = Config::load(&sources).expect("valid");
    assert_eq!((config.listen.port(), config.database.max_connections, config.demo.live), (1, 7, false));

    sources.variables.insert("TIFFIN_LISTEN".into(), "127.0.0.1:2".into());
    sources.variables.insert("TIFFIN_DEMO_LIVE".into(), "on".into());
    let config = Config::load(&sources).expect("valid");
    assert_eq!((config.listen.port(), config.database.max_connections, config.demo.live), (2, 7, true));

    sources.options.insert("listen", Value::from("127.0.0.1:3"));
    sources.options.insert("demo.live", Value::from(false));
    let config = Config::load(&sources).expect("valid");
    assert_eq!((config.listen.port(), config.demo.live), (3, false));
}

#[test]
fn an_empty_variable_is_not_set() {
    let config =
        Config::load(&with(&[("DATABASE_URL", ""), ("TIFFIN_ENV", ""), ("TIFFIN_LISTEN", "")])).expect("valid");
    assert!(config.database.is_embedded() && config.is_development());
}

#[test]
fn variables_are_read_by_the_type_of_their_key() {
    let config = Config::load(&with(&[
        ("TIFFIN_BROKER_PREFIX", "123"),
        ("TIFFIN_HTTP_ALLOWED_ORIGINS", "https://app.example, http://localhost:3000"),
        ("TIFFIN_LIMITS_DEPTH", "7"),
        ("TIFFIN_LOG", "info,sqlx::query=debug"),
    ]))
    .expect("valid");
    assert_eq!(config.broker.prefix, "123");
    assert_eq!(config.http.allowed_origins, ["https://app.example", "http://localhost:3000"]);
    assert_eq!(config.limits.depth, 7);
    assert_eq!(config.log.filter, "info,sqlx::query=debug");
}

#[test]
fn addresses_are_taken_as_people_write_them() {
    let sources = with(&[
        ("TIFFIN_LISTEN", "localhost:8000"),
        ("TIFFIN_METRICS_LISTEN", "[::1]:9464"),
        ("TIFFIN_HTTP_TRUSTED_PROXIES", "10.0.0.1, 192.168.0.0/16, fd00::1"),
    ]);
    let config = Config::load(&sources).expect("valid");
    assert_eq!(config.listen.port(), 8000);
    assert!(config.listen.ip().is_loopback(), "{}", config.listen);
    assert_eq!(config.metrics.listen.map(|address| address.to_string()).as_deref(), Some("[::1]:9464"));
    let proxies: Vec<_> = config.http.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["10.0.0.1/32", "192.168.0.0/16", "fd00::1/128"]);
}

#[test]
fn levels_of_the_log_are_taken_as_people_write_them() {
    for filter in [
        "info",
        "WARN",
        "off",
        "tiffin=debug,hyper=info",
        "info, nobody_has_this_name=trace",
        "info,[request]=debug",
        "3",
    ] {
        Config::load(&with(&[("TIFFIN_LOG", filter)])).expect(filter);
    }
}

#[test]
fn refusals_name_the_key_and_its_source() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("TIFFIN_LISTN", "x")], "TIFFIN_LISTN is no variable of Tiffin"),
        (&[("TIFFIN_LISTEN", "here")], "TIFFIN_LISTEN: \"here\" is no address such as 127.0.0.1:8000"),
        (&[("TIFFIN_LISTEN", ":8000")], "TIFFIN_LISTEN: \":8000\" is no address such as 127.0.0.1:8000"),
        (&[("TIFFIN_LISTEN", "localhost")], "TIFFIN_LISTEN: \"localhost\" is no address such as 127.0.0.1:8000"),
        (&[("TIFFIN_LISTEN", "http://localhost:8000")], "is no address such as 127.0.0.1:8000"),
        (&[("TIFFIN_LISTEN", "nowhere.invalid:8000")], "no address of \"nowhere.invalid\""),
        (&[("TIFFIN_METRICS_LISTEN", "9464")], "TIFFIN_METRICS_LISTEN: \"9464\" is no address such as"),
        (
            &[("TIFFIN_HTTP_TRUSTED_PROXIES", "proxy")],
            "TIFFIN_HTTP_TRUSTED_PROXIES: \"proxy\" is no network such as 10.0.0.0/8",
        ),
        (&[("TIFFIN_HTTP_TRUSTED_PROXIES", "10.0.0.1/33")], "\"10.0.0.1/33\" is no network such as 10.0.0.0/8"),
        (&[("TIFFIN_ENV", "staging")], "TIFFIN_ENV: unknown variant"),
        (&[("TIFFIN_LIMITS_DEPTH", "deep")], "TIFFIN_LIMITS_DEPTH is a whole number, not \"deep\""),
        (&[("TIFFIN_LIMITS_DEPTH", "-1")], "TIFFIN_LIMITS_DEPTH is a whole number"),
        (
            &[("TIFFIN_ACCOUNTS_KEPT_DAYS", "4294967295")],
            "TIFFIN_ACCOUNTS_KEPT_DAYS is 4294967295, and may be from 0 to 3650",
        ),
        (&[("TIFFIN_DEMO_LIVE", "maybe")], "TIFFIN_DEMO_LIVE is true or false"),
        (&[("DATABASE_URL", "mysql://localhost/x")], "DATABASE_URL begins with postgres:// or sqlite:"),
        (&[("DATABASE_DIRECT_URL", "postgres://localhost/x")], "DATABASE_DIRECT_URL leads past a pooler"),
        (
            &[("DATABASE_URL", "postgres://localhost/x"), ("DATABASE_DIRECT_URL", "sqlite:x.db")],
            "DATABASE_DIRECT_URL begins with postgres://",
        ),
        (&[("REDIS_URL", "localhost:6379")], "REDIS_URL begins with redis://"),
        (&[("TIFFIN_BROKER_REQUIRED", "true")], "broker.required needs REDIS_URL"),
        (&[("TIFFIN_DATABASE_MIN_CONNECTIONS", "21")], "database.min_connections is at most"),
        (&[("TIFFIN_HTTP_ALLOWED_ORIGINS", "https://app.example/path")], "is no origin"),
        (&[("TIFFIN_DOCUMENTS_TRUSTED_ONLY", "true")], "documents.trusted_only needs documents.manifests"),
        (&[("TIFFIN_HTTP_ALLOWED_HEADERS", "baggage,sentry trace")], "\"sentry trace\" is no header's name"),
        (&[("TIFFIN_LOG", "info,=,")], "log.filter"),
        (
            &[("TIFFIN_LOG", "inof")],
            "log.filter (TIFFIN_LOG) is a list of levels such as info,sqlx::query=debug: \"inof\" is no level",
        ),
        (
            &[("TIFFIN_LOG", "info,tiffin")],
            "\"tiffin\" is no level (off, error, warn, info, debug, trace) and no module with one, such as tiffin=debug",
        ),
        (&[("TIFFIN_LOG", "tiffin=debgu,hyper=info")], "log.filter (TIFFIN_LOG) is a list of levels"),
        (&[("TIFFIN_MAIL_SMTP_URL", "https://smtp.example")], "mail.smtp_url is an address such as"),
        (&[("TIFFIN_MAIL_SMTP_URL", "smtp://app:hunter2@smtp.example")], "in the clear"),
        (&[("TIFFIN_MAIL_FROM", "nobody")], "mail.from is a sender"),
        (&[("TIFFIN_MAIL_LINK_ADDRESS", "app.example")], "mail.link_address is an address"),
        (
            &[("TIFFIN_MAIL_SMTP_URL", "smtps://smtp.example"), ("TIFFIN_ENV", "production")],
            "mail.link_address begins with https:// in production",
        ),
        (&[("TIFFIN_OPENID_CLIENT_ID", "tiffin")], "openid.issuer is missing"),
        (&[("TIFFIN_OPENID_ISSUER", "http://accounts.example")], "openid.issuer is an address such as https://"),
        (&[("TIFFIN_OPENID_ISSUER", "https://accounts.example")], "openid.client_id is missing"),
        (&[("TIFFIN_OPENID_ISSUER", "https://accounts.example")], "openid.redirect_urls is missing"),
    ];
    for (variables, expected) in cases {
        let said = refusal(&with(variables));
        assert!(said.contains(expected), "{variables:?} said {said:?}");
    }
    let mut sources = with(&[]);
    sources.file = Some(file("unknown", "[database]\nmax_conections = 3"));
    let said = refusal(&sources);
    assert!(said.contains("max_conections") && said.contains("unknown.toml"), "{said}");
    sources.file = Some(PathBuf::from("/nowhere/tiffin.toml"));
    assert!(refusal(&sources).contains("there is no configuration file /nowhere/tiffin.toml"));
}

#[test]
fn every_number_has_bounds_and_is_refused_outside_of_them() {
    let keys = flatten(&Config::defaults(Environment::Production, false));
    let numbers = keys.iter().filter(|(_, value)| value.is_number());
    let numbers: BTreeSet<_> = numbers.map(|(key, _)| key.as_str()).collect();
    let bounded: BTreeSet<_> = BOUNDS.iter().map(|(key, _)| *key).collect();
    assert_eq!(bounded, numbers);
    for (key, bounds) in BOUNDS {
        let (least, most) = (i128::from(*bounds.start()), i128::from(*bounds.end()));
        let variable = variable(key);
        for outside in [least - 1, most + 1, i128::from(u32::MAX), i128::from(u64::MAX), 1 << 70] {
            if (least..=most).contains(&outside) {
                continue;
            }
            let said = refusal(&with(&[(&variable, &outside.to_string())]));
            let expected = match outside {
                0.. => format!("{variable} is {outside}, and may be from {least} to {most}"),
                _ => format!("{variable} is a whole number, not \"{outside}\""),
            };
            assert!(said.contains(&expected), "{said}");
        }
        let (section, name) = key.split_once('.').expect("a section");
        for outside in [-1, most + 1] {
            let mut sources = with(&[]);
            sources.file = Some(file("outside", &format!("[{section}]\n{name} = {outside}")));
            let said = refusal(&sources);
            let expected = format!("{key} (tiffin-config-{}-outside.toml) is {outside}, and", std::process::id());
            assert!(said.contains(&expected), "{said}");
        }
        for inside in [least, most] {
            if let Err(problem) = Config::load(&with(&[(&variable, &inside.to_string())])) {
                assert!(!problem.to_string().contains("may be from"), "{problem}");
            }
        }
    }
}

#[test]
fn what_kubernetes_sets_is_left_alone() {
    Config::load(&with(&[("TIFFIN_PORT", "tcp://10.0.0.1:80"), ("TIFFIN_SERVICE_HOST", "10.0.0.1")])).expect("valid");
}

#[test]
fn secrets_are_never_printed() {
    let sources = with(&[
        ("DATABASE_URL", "postgres://tiffin:hunter2@db/tiffin?sslpassword=hunter2"),
        ("DATABASE_DIRECT_URL", "postgres://tiffin:hunter2@db/tiffin"),
        ("REDIS_URL", "redis://:hunter2@cache"),
        ("TIFFIN_MAIL_SMTP_URL", "smtps://app:hunter2@smtp.example"),
        ("TIFFIN_MAIL_FROM", "Tiffin <no-reply@app.example>"),
        ("TIFFIN_OPENID_ISSUER", "https://accounts.example"),
        ("TIFFIN_OPENID_CLIENT_ID", "tiffin"),
        ("TIFFIN_OPENID_CLIENT_SECRET", "hunter2"),
        ("TIFFIN_OPENID_REDIRECT_URLS", "https://app.example/signed-in"),
        ("TIFFIN_MAIL_LINK_ADDRESS", "https://app.example"),
        ("TIFFIN_LIMITS_DEPTH", "7"),
        ("TIFFIN_ACCOUNTS_TOKEN_KEYS", KEYS),
    ]);
    let printed = describe(&sources).expect("valid");
    assert!(!printed.contains("hunter2") && !printed.contains(KEYS), "{printed}");
    assert!(printed.contains("postgres://tiffin:***@db/tiffin"), "{printed}");
    let debugged = format!("{:?}", Config::load(&sources).expect("valid"));
    assert!(!debugged.contains("hunter2") && !debugged.contains(KEYS));
    let depth = printed.lines().find(|line| line.starts_with("depth")).expect("there");
    assert!(depth.contains("depth = 7") && depth.ends_with("# TIFFIN_LIMITS_DEPTH, environment"), "{depth}");
}

/// A file with the certificate of an authority.
fn authority() -> String {
    let pem = std::fs::read_to_string(tiffin_tests::Authority::new().file()).expect("a file can be read");
    file("authority", &pem).display().to_string()
}

/// A value for this variable that is not its default. Numbers and switches have one by themselves.
fn another(name: &str, default: &serde_json::Value) -> String {
    match default {
        serde_json::Value::Bool(on) => (!on).to_string(),
        // One less goes with every limit, and with every other number's one less.
        serde_json::Value::Number(number) => match number.as_u64().expect("a whole number") {
            0 => "1".to_owned(),
            number => (number - 1).to_string(),
        },
        _ => match name {
            "TIFFIN_ENV" => "production",
            "TIFFIN_LISTEN" => "localhost:8001",
            "TIFFIN_HTTP_ALLOWED_ORIGINS" => "https://app.example,https://admin.example",
            "TIFFIN_HTTP_ALLOWED_HEADERS" => "baggage,sentry-trace",
            "TIFFIN_DOCUMENTS_MANIFESTS" => "/etc/tiffin/web.json,/etc/tiffin/phone.json",
            "TIFFIN_HTTP_TRUSTED_PROXIES" => "10.0.0.1,192.168.0.0/16",
            "TIFFIN_HTTP_FORWARDED_HEADER" => "forwarded",
            "DATABASE_URL" | "DATABASE_DIRECT_URL" => "postgres://tiffin:hunter2@db/tiffin",
            "TIFFIN_DATABASE_DATA_DIRECTORY" => "/var/lib/\"tiffin\" \\ é",
            "REDIS_URL" => "redis://:hunter2@cache",
            "TIFFIN_BROKER_PREFIX" => "lunch",
            "TIFFIN_METRICS_LISTEN" => "localhost:9464",
            "TIFFIN_TLS_AUTHORITIES" => return authority(),
            "TIFFIN_ACCOUNTS_TOKEN_KEYS" => KEYS,
            "TIFFIN_MAIL_SMTP_URL" => "smtps://app:hunter2@smtp.example",
            "TIFFIN_MAIL_FROM" => "Tiffin <no-reply@app.example>",
            "TIFFIN_MAIL_LINK_ADDRESS" => "https://app.example",
            "TIFFIN_OPENID_ISSUER" => "https://accounts.example",
            "TIFFIN_OPENID_CLIENT_ID" => "tiffin",
            "TIFFIN_OPENID_CLIENT_SECRET" => "hunter2",
            "TIFFIN_OPENID_REDIRECT_URLS" => "https://app.example/signed-in",
            "TIFFIN_OPENID_SCOPES" => "email",
            "TIFFIN_OPENID_NAME" => "Example",
            "TIFFIN_LOG" => "warn",
            "TIFFIN_LOG_FORMAT" => "pretty",
            other => panic!("give {other} a value here"),
        }
        .to_owned(),
    }
}

#[test]
fn what_is_printed_can_be_started_from_with_every_key_set() {
    let keys = flatten(&Config::defaults(Environment::Development, true));
    let variables = keys.iter().map(|(key, default)| (variable(key), another(&variable(key), default))).collect();
    let mut sources = Sources { file: Some(empty_file()), variables, ..Sources::default() };
    let before = Config::load(&sources).expect("valid");
    let printed = describe(&sources).expect("valid");

    let secrets: BTreeSet<_> = printed.lines().filter_map(|line| line.split("# a secret: set ").nth(1)).collect();
    let secrets: BTreeSet<_> = secrets.iter().filter_map(|line| line.split(',').next()).collect();
    let expected = [
        "DATABASE_DIRECT_URL",
        "DATABASE_URL",
        "REDIS_URL",
        "TIFFIN_ACCOUNTS_TOKEN_KEYS",
        "TIFFIN_MAIL_SMTP_URL",
        "TIFFIN_OPENID_CLIENT_SECRET",
    ];
    assert!(secrets.iter().eq(&expected), "{secrets:?}");
    sources.file = Some(file("printed", &printed));
    sources.variables.retain(|name, _| secrets.contains(name.as_str()));
    let after = Config::load(&sources).expect("valid");
    assert_eq!(flatten(&before), flatten(&after));
    let keys_of = |config: &Config| config.accounts.token_keys.as_ref().map(|keys| keys.expose_secret().to_owned());
    assert_eq!((keys_of(&after).as_deref(), after.database.address()), (Some(KEYS), before.database.address()));
}

#[test]
fn what_is_printed_pins_no_defaults() {
    let printed = describe(&with(&[("TIFFIN_LIMITS_DEPTH", "7")])).expect("valid");
    let set: Vec<_> = printed.lines().filter(|line| !line.starts_with(['#', '[']) && !line.is_empty()).collect();
    assert!(set.len() == 1 && set[0].starts_with("depth = 7"), "{printed}");
    assert!(printed.contains("# allowed_origins = [\"*\"]"), "what holds can be read: {printed}");
    // A developer's file is taken to production.
    let variables = [("DATABASE_URL", "postgres://db/tiffin")];
    let sources = Sources { file: Some(file("developers", &printed)), ..with(&variables) };
    let config = Config::load(&sources).expect("valid");
    assert_eq!((config.limits.depth, config.environment), (7, Environment::Production));
    assert!(!config.http.any_origin_allowed() && !config.graphiql.enabled && config.log.format == LogFormat::Json);
}

#[test]
fn what_production_prints_stays_production() {
    // Its address is a secret, and is not in the file.
    let printed = describe(&with(&[("DATABASE_URL", "postgres://tiffin:hunter2@db/tiffin")])).expect("valid");
    let sources = Sources { file: Some(file("production", &printed)), ..with(&[]) };
    assert_eq!(Config::load(&sources).expect("valid").environment, Environment::Production);
}

#[test]
fn the_reference_names_every_variable_and_no_other() {
    let reference = include_str!("../../../docs/operations.md");
    let table = reference.split("<!-- configuration -->").nth(1).expect("the table stands between two markers");
    let documented: BTreeSet<_> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).map(str::to_owned).collect();
    let keys = flatten(&Config::defaults(Environment::Development, true));
    let known: BTreeSet<_> = keys.iter().map(|(key, _)| variable(key)).collect();
    assert_eq!(documented, known);
    for (key, bounds) in BOUNDS {
        let variable = format!("| `{}` |", variable(key));
        let line = table.lines().find(|line| line.starts_with(&variable)).expect("documented");
        let bounds = format!(" ({} to {}) |", bounds.start(), bounds.end());
        assert!(line.contains(&bounds), "{bounds:?} in {line}");
    }
}
