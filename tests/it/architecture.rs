//! Dependency rules: the imports of the server (`api/src`), `entity/src` and `migration/src` keep to the architecture.
//!
//! - Each room, a file or a folder at the top of `api/src`, stands on a floor, and names only what stands on lower ones.
//! - A feature reaches another only through its GraphQL types, its finder and its service.
//! - Of the features the edges name accounts alone: who asks, and with which rights.
//! - `entity` and `migration` know nobody.

use std::path::Path;

use tiffin_tests::workspace;

/// The floors of `api/src`, from the ground up. A room names rooms of the floors below its own, and of its own floor none but itself. The demo
/// city and the command line are crates above it.
const FLOORS: &[&[&str]] = &[
    // The words that all of it is said in, and what is of no domain at all.
    &["domain", "tls", "shutdown"],
    // What proves who somebody is; what connects to Redis.
    &["credentials", "redis_connection"],
    // What whoever runs the server has said.
    &["config"],
    // Where everything is kept, and for how long one waits for it.
    &["database", "deadline"],
    // What goes on beside requests.
    &["tasks"],
    // What is done later.
    &["jobs"],
    // What is outside of this process.
    &["events", "limiter", "mail", "openid_client", "telemetry"],
    // What happened, and in which order it is told.
    &["journal"],
    &["processes"],
    // All of it for one process, handed down.
    &["app"],
    // How operations are checked, planned and run.
    &["graphql"],
    // The product.
    &["features"],
    // Where the features are put together.
    &["schema"],
    // Requests, answers, sockets.
    &["http"],
];

/// What of a feature others may name.
const OPEN_TO_FEATURES: &[&str] = &["types", "finder", "service"];

/// Of the features, what the edges may name.
const OPEN_TO_EDGES: &[&str] = &["account"];

#[test]
fn imports_keep_to_the_architecture() {
    let mut broken = Vec::new();
    for (file, text) in sources("api/src") {
        broken.extend(broken_rules(&file, &text));
    }
    for package in ["entity/src", "migration/src"] {
        let (own, other) = if package == "entity/src" { ("entity", "migration") } else { ("migration", "entity") };
        for (file, text) in sources(package) {
            for path in paths(&file, &text) {
                if [other, "tiffin", "tiffin_tests"].contains(&first(&path)) {
                    broken.push(format!("{package}/{file}: {path} ({own} knows nobody)"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn what_the_drawing_names_is_there() {
    let text = workspace::read("docs/architecture.md");
    let prose: String = text.split("```").step_by(2).collect();
    let code =
        prose.split('`').skip(1).step_by(2).filter(|code| code.contains('/')).map(|path| workspace::root().join(path));
    let links = prose.split("](").skip(1).filter_map(|link| link.split_once(')'));
    let links = links.map(|(link, _)| workspace::root().join("docs").join(link));
    let named: Vec<_> = code.chain(links).collect();
    assert!(named.len() > 20, "{named:?}");
    for path in named {
        assert!(path.exists(), "{}", path.display());
    }
}

/// What a file of `api/src` names and should not.
fn broken_rules(file: &str, text: &str) -> Vec<String> {
    let module = module_of(file);
    // The crate's root and the binary only begin it all.
    let Some(room) = room_of(&module) else { return Vec::new() };
    let Some(floor) = floor_of(room) else { return vec![format!("{file}: the room {room} stands on no floor")] };
    let own_feature = feature_of(&module);
    let complaint = |path: &str| -> Option<&str> {
        let other_room = room_of(path).filter(|other| *other != room)?;
        if floor_of(other_room).is_some_and(|other| other >= floor) {
            return Some("this stands on no lower floor");
        }
        let feature = feature_of(path)?;
        (room == "http" && !OPEN_TO_EDGES.contains(&feature)).then_some("the edges know no feature but accounts")
    };
    let complaint_of_feature = |path: &str| -> Option<&str> {
        let own = own_feature?;
        let other = feature_of(path).filter(|other| *other != own)?;
        let rest = path.strip_prefix(&format!("crate::features::{other}::")).unwrap_or_default();
        is_closed(first(rest)).then_some("a feature is reached through its types, finder and service")
    };
    let paths = paths(file, text);
    let broken = paths.iter().filter_map(|path| Some((path, complaint(path).or_else(|| complaint_of_feature(path))?)));
    broken.map(|(path, why)| format!("{file}: {path} ({why})")).collect()
}

/// `graphql` of `crate::graphql::plan`.
fn room_of(path: &str) -> Option<&str> {
    path.strip_prefix("crate::").map(first)
}

/// How high a room stands.
fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Whether what stands in another feature's module is not for others. A feature of one file has its types at the top.
fn is_closed(name: &str) -> bool {
    // The module alone: what the file then names of it is looked at in its turn.
    if name.is_empty() {
        return false;
    }
    let is_type = name.starts_with(|letter: char| letter.is_ascii_uppercase());
    let is_root = ["Query", "Mutation", "Subscription"].iter().any(|root| name.ends_with(root));
    if is_type { is_root } else { !OPEN_TO_FEATURES.contains(&name) }
}

fn first(path: &str) -> &str {
    path.split("::").next().unwrap_or_default()
}

/// `order` of `crate::features::order::service`.
fn feature_of(path: &str) -> Option<&str> {
    path.strip_prefix("crate::features::").map(first)
}

/// `crate::features::order` of `features/order/mod.rs`.
fn module_of(file: &str) -> String {
    let steps = file.trim_end_matches(".rs").split('/').filter(|step| !matches!(*step, "mod" | "lib" | "main"));
    std::iter::once("crate").chain(steps).collect::<Vec<_>>().join("::")
}

/// Every path of two or more steps that a file names, groups spread out: `use crate::{app, graphql::{list, page}}` names
/// `crate::app`, `crate::graphql::list` and `crate::graphql::page`. `self` and `super` are resolved.
fn paths(file: &str, text: &str) -> Vec<String> {
    let tokens = tokens(text);
    let mut paths = Vec::new();
    let mut position = 0;
    while position < tokens.len() {
        let starts_path = is_word(&tokens[position]) && tokens.get(position + 1).is_some_and(|token| token == "::");
        if starts_path {
            position = spread(&tokens, position, String::new(), &mut paths);
        } else {
            position += 1;
        }
    }
    let module = module_of(file);
    let paths: Vec<_> = paths.iter().map(|path| resolved(path, &module)).collect();
    paths.iter().map(|path| through_import(path, &paths)).collect()
}

/// `order::service::name` is `crate::features::order::service::name` where the file imports `crate::features::order`.
fn through_import(path: &str, paths: &[String]) -> String {
    let (name, rest) = path.split_once("::").unwrap_or((path, ""));
    let import = paths.iter().find(|import| {
        import.starts_with("crate::")
            && import.rsplit("::").next() == Some(name)
            && name.starts_with(char::is_lowercase)
    });
    match import {
        Some(import) if name != "crate" => format!("{import}::{rest}"),
        _ => path.to_owned(),
    }
}

/// Reads one path, or a group of them, that begins at `position`, and tells where it ended.
fn spread(tokens: &[String], mut position: usize, prefix: String, paths: &mut Vec<String>) -> usize {
    let mut path = prefix;
    while let Some(token) = tokens.get(position) {
        if token == "{" && path.ends_with("::") {
            position += 1;
            while let Some(token) = tokens.get(position).filter(|token| *token != "}") {
                position = match token.as_str() {
                    "as" => position + 2,
                    word if is_word(word) => spread(tokens, position, path.clone(), paths),
                    _ => position + 1,
                };
            }
            return position + 1;
        }
        if !(is_word(token) || token == "::" || token == "*") {
            break;
        }
        // `a::b as c`: two words in a row end the path.
        if is_word(token) && path.ends_with(|letter: char| letter != ':') && !path.is_empty() {
            break;
        }
        path.push_str(token);
        position += 1;
    }
    paths.push(path);
    position
}

fn resolved(path: &str, module: &str) -> String {
    if let Some(rest) = path.strip_prefix("self::") {
        return format!("{module}::{rest}");
    }
    let (mut module, mut path) = (module, path);
    while let Some(rest) = path.strip_prefix("super::") {
        module = module.rsplit_once("::").map_or(module, |(parent, _)| parent);
        path = rest;
        if !path.starts_with("super::") {
            return format!("{module}::{path}");
        }
    }
    path.to_owned()
}

fn is_word(token: &str) -> bool {
    token.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

/// Words, `::` and single signs, without comments, texts and attributes' contents mattering.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if letter == '"' {
            text_length(rest)
        } else if let Some(length) = raw_text_length(rest) {
            length
        } else if rest.starts_with("'\"'") {
            3
        } else if rest.starts_with(r#"'\"'"#) {
            4
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else if letter.is_alphanumeric() || letter == '_' {
            let word = rest.find(|letter: char| !(letter.is_alphanumeric() || letter == '_')).unwrap_or(rest.len());
            tokens.push(rest[..word].to_owned());
            word
        } else {
            if !letter.is_whitespace() {
                tokens.push(letter.to_string());
            }
            letter.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of the text in quotes that begins here.
fn text_length(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest.char_indices().skip(1).find(|&(_, letter)| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    });
    end.map_or(rest.len(), |(position, _)| position + 1)
}

/// The length of the raw text (`r#"…"#`) that begins here, if one does.
fn raw_text_length(rest: &str) -> Option<usize> {
    let opening = rest.strip_prefix('r')?;
    let hashes = opening.len() - opening.trim_start_matches('#').len();
    let inside = opening[hashes..].strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(hashes));
    Some(inside.find(&closing).map_or(rest.len(), |end| 1 + hashes + 1 + end + closing.len()))
}

/// The Rust files below a folder: their paths from there, and what they hold.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = workspace::root().join(folder);
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources can be listed") {
        let path = entry.expect("a folder of sources can be listed").path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).expect("a source lies below its root").to_string_lossy().into_owned();
            found.push((name, std::fs::read_to_string(&path).expect("a source can be read")));
        }
    }
}

#[test]
fn paths_are_found_in_groups_and_in_code() {
    let text = r###"
        use crate::{app::App, domain::{error::{Error, Result}, ids}};
        use super::service as orders; // crate::http
        /// [`crate::cli`]
        const RAW: &str = r##"a " crate::cli::"#"##; const QUOTES: [char; 2] = ['"', '\"'];
        fn name() { let text = "crate::seed \" crate::seed"; crate::features::dish::types::Dish::new() }
    "###;
    let mut found = paths("features/order/query.rs", text);
    found.sort();
    let expected = [
        "crate::app::App",
        "crate::domain::error::Error",
        "crate::domain::error::Result",
        "crate::domain::ids",
        "crate::features::dish::types::Dish::new",
        "crate::features::order::service",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_broken_rule_is_found() {
    let broken = |file: &str, text: &str| !broken_rules(file, text).is_empty();
    assert!(broken("graphql/page.rs", "use crate::features::order::types::Order;"));
    assert!(broken("graphql/loaders.rs", "use super::super::features::order;"));
    assert!(broken("events/hub.rs", "use crate::{app::App, features::{order::service}};"));
    assert!(broken("events/hub.rs", "use crate::mail::Mailer;"), "of the same floor");
    assert!(broken("journal/event.rs", "use crate::features::order::types::Order;"));
    assert!(broken("journal.rs", "use crate::graphql::live::Progress;"));
    assert!(broken("database/life.rs", "use crate::journal::run;"));
    assert!(!broken("journal/sequencer.rs", "use crate::{database::Pool, events::Topic};"));
    assert!(broken("domain/viewer.rs", "use crate::graphql::list::List;"));
    assert!(!broken("domain/viewer.rs", "use super::ids::UserId;"));
    assert!(broken("config.rs", "fn f() { crate::telemetry::start() }"));
    assert!(!broken("app.rs", "use crate::{config::Config, database::Pool};"));
    assert!(broken("attic/mod.rs", "use crate::domain::ids::UserId;"), "it stands on no floor");
    assert!(!broken("schema.rs", "use crate::features::order::query::OrderQuery;"));
    assert!(!broken("http/bearer_token.rs", "use crate::features::account::authentication::authenticate;"));
    assert!(broken("http/bearer_token.rs", "use crate::features::order::service;"));
    assert!(broken("features/order/service.rs", "use crate::http::bearer_token;"));
    assert!(broken("features/order/service.rs", "use crate::schema::Schema;"));
    assert!(!broken("features/order/service.rs", "use crate::graphql::schema_names;"));
    assert!(broken("features/order/service.rs", "use crate::features::dish::query;"));
    assert!(broken("features/order/service.rs", "use super::super::dish::mutation::name;"));
    assert!(broken("features/order/service.rs", "use crate::features::review::ReviewMutation;"));
    assert!(!broken(
        "features/order/service.rs",
        "use crate::features::{dish::{service, types::Dish}, review::Review};"
    ));
    assert!(broken("features/order/service.rs", "use crate::features::dish; fn f() { dish::query::all() }"));
    assert!(!broken("features/order/service.rs", "use crate::features::dish; fn f() { dish::service::all() }"));
    assert!(!broken("features/order/query.rs", "use super::mutation::name; use crate::features::order::error;"));
}
