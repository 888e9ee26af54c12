//! The sources of the configuration: a file, environment variables and command-line options, over the defaults.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use figment::{
    Figment, Metadata, Profile, Provider,
    providers::{Format, Serialized, Toml},
    value::{Dict, Map, Value},
};

use super::{Config, Environment};

/// The file that is read when it is there and no other is named.
const DEFAULT_FILE: &str = "tiffin.toml";

/// What the configuration is read from. Tests make their own; the process uses [`Sources::of_process`].
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A file that must exist. `None`: `tiffin.toml`, where there is one.
    pub file: Option<PathBuf>,
    /// Environment variables. An empty one counts as not set.
    pub variables: BTreeMap<String, String>,
    /// Command-line options, by key (`demo.live`).
    pub options: BTreeMap<&'static str, Value>,
}

impl Sources {
    /// The process's own environment. Variables that are not valid Unicode cannot be ours.
    pub fn of_process() -> Self {
        let variables: BTreeMap<_, _> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let file = variables.get("TIFFIN_CONFIG").map(PathBuf::from);
        Sources { file, variables, options: BTreeMap::new() }
    }

    /// All sources in their order, over the defaults that fit them.
    pub(super) fn figment(&self) -> anyhow::Result<Figment> {
        let given = Figment::new()
            .merge(self.file()?)
            .merge(Layer::from_variables(&self.variables)?)
            .merge(Layer::from_options(&self.options));
        let embedded = !given.contains("database.url");
        let environment = match given.extract_inner("environment") {
            Ok(environment) => environment,
            Err(error) if given.contains("environment") => return Err(explain(error)),
            Err(_) if embedded => Environment::Development,
            Err(_) => Environment::Production,
        };
        Ok(Figment::from(Serialized::defaults(Config::defaults(environment, embedded))).merge(given))
    }

    fn file(&self) -> anyhow::Result<figment::providers::Data<Toml>> {
        match &self.file {
            Some(file) if !file.is_file() => {
                anyhow::bail!("there is no configuration file {}", file.display())
            }
            Some(file) => Ok(Toml::file_exact(file)),
            None if Path::new(DEFAULT_FILE).is_file() => Ok(Toml::file_exact(DEFAULT_FILE)),
            None => Ok(Toml::string("")),
        }
    }
}

/// The environment variable of a key: `TIFFIN_` and the key in capitals, but for a few well-known ones.
pub fn variable(key: &str) -> String {
    match key {
        "environment" => "TIFFIN_ENV".to_owned(),
        "database.url" => "DATABASE_URL".to_owned(),
        "database.direct_url" => "DATABASE_DIRECT_URL".to_owned(),
        "broker.redis_url" => "REDIS_URL".to_owned(),
        "log.filter" => "TIFFIN_LOG".to_owned(),
        other => format!("TIFFIN_{}", other.replace('.', "_").to_uppercase()),
    }
}

/// Every key with its value, in the order of the sections.
pub(super) fn flatten(config: &Config) -> Vec<(String, serde_json::Value)> {
    let Ok(serde_json::Value::Object(top)) = serde_json::to_value(config) else {
        unreachable!("the configuration is a struct of plain values");
    };
    let mut keys = Vec::new();
    let mut sections = Vec::new();
    for (name, value) in top {
        match value {
            serde_json::Value::Object(section) => {
                sections.extend(section.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)));
            }
            value => keys.push((name, value)),
        }
    }
    keys.extend(sections);
    keys
}

/// Values by key, with the name of each in its source for messages.
struct Layer {
    name: &'static str,
    values: Dict,
}

impl Layer {
    fn from_options(options: &BTreeMap<&'static str, Value>) -> Self {
        let mut values = Dict::new();
        for (key, value) in options {
            insert(&mut values, key, value.clone());
        }
        Layer { name: "command line", values }
    }

    fn from_variables(variables: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let keys: BTreeMap<_, _> = flatten(&Config::defaults(Environment::Production, true))
            .into_iter()
            .map(|(key, default)| (variable(&key), (key, default)))
            .collect();
        let mut values = Dict::new();
        for (name, text) in variables.iter().filter(|(_, text)| !text.is_empty()) {
            match keys.get(name) {
                Some((key, default)) => insert(&mut values, key, parse(name, text, default)?),
                None if is_foreign(name) => {}
                None => anyhow::bail!("{name} is no variable of Tiffin; `tiffin config` prints all there are"),
            }
        }
        Ok(Layer { name: "environment", values })
    }
}

/// Kubernetes sets `TIFFIN_PORT` and `TIFFIN_SERVICE_…` in every pod beside a service that is called tiffin.
fn is_foreign(name: &str) -> bool {
    !name.starts_with("TIFFIN_")
        || name == "TIFFIN_CONFIG"
        || name.starts_with("TIFFIN_SERVICE_")
        || name == "TIFFIN_PORT"
        || name.starts_with("TIFFIN_PORT_")
}

/// The text of a variable as the type that its default has. Lists are separated by commas.
fn parse(name: &str, text: &str, default: &serde_json::Value) -> anyhow::Result<Value> {
    match default {
        serde_json::Value::Bool(_) => match text.trim().to_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(Value::from(true)),
            "false" | "0" | "no" | "off" => Ok(Value::from(false)),
            _ => anyhow::bail!("{name} is true or false, not {text:?}"),
        },
        serde_json::Value::Number(_) => match (text.trim().parse::<u64>(), text.trim().parse::<u128>()) {
            (Ok(number), _) => Ok(Value::from(number)),
            // Too large, which its bounds say better.
            (_, Ok(number)) => Ok(Value::from(number)),
            _ => anyhow::bail!("{name} is a whole number, not {text:?}"),
        },
        serde_json::Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(Value::from(items.map(Value::from).collect::<Vec<_>>()))
        }
        _ => Ok(Value::from(text)),
    }
}

fn insert(values: &mut Dict, key: &str, value: Value) {
    match key.split_once('.') {
        Some((section, key)) => {
            let entry = values.entry(section.to_owned()).or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, section) = entry {
                section.insert(key.to_owned(), value);
            }
        }
        None => {
            values.insert(key.to_owned(), value);
        }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

/// One sentence for each thing that is wrong, with the key and where it was written.
pub(super) fn explain(error: figment::Error) -> anyhow::Error {
    let sentences: Vec<_> = error
        .into_iter()
        .map(|error| {
            let key = error.path.join(".");
            match &error.metadata {
                Some(metadata) if metadata.name == "environment" => {
                    format!("{}: {}", variable(&key), error.kind)
                }
                Some(metadata) => format!("{key} ({}): {}", origin(metadata), error.kind),
                None => error.to_string(),
            }
        })
        .collect();
    anyhow::anyhow!("the configuration cannot be used: {}", sentences.join("; "))
}

/// Where a value was written, in a word or two.
pub(super) fn origin(metadata: &Metadata) -> String {
    match metadata.source.as_ref().and_then(|source| source.file_path()) {
        Some(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        None if metadata.name == "environment" || metadata.name == "command line" => metadata.name.to_string(),
        None => "default".to_owned(),
    }
}
