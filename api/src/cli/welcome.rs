//! What a developer reads when the server is up.

use std::net::SocketAddr;

use crate::{config::Config, seed};

/// To standard output, in development only: in production there are log lines.
pub fn print(config: &Config, address: SocketAddr) {
    if config.is_development() {
        println!("{}", message(config, address));
    }
}

fn message(config: &Config, address: SocketAddr) -> String {
    let host =
        if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() };
    let mut lines = vec![String::new(), format!("  Tiffin {} is serving", env!("CARGO_PKG_VERSION")), String::new()];
    if config.graphiql.enabled {
        lines.push(format!("    GraphiQL   http://{host}/"));
    }
    lines.push(format!("    GraphQL    http://{host}/graphql   (POST, GET and websocket)"));
    lines.push(format!("    Database   {}", config.database.redacted_address()));
    if config.demo.seed {
        lines.extend(demo(config, &host));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn demo(config: &Config, host: &str) -> Vec<String> {
    let widest = seed::ACCOUNTS.iter().map(|account| account.email.len()).max().unwrap_or(0);
    let mut lines =
        vec![String::new(), "  Act as one of these, with the header X-Development-User:".to_owned(), String::new()];
    lines.extend(seed::ACCOUNTS.iter().map(|account| format!("    {:widest$}   {}", account.email, account.role)));
    lines.push(String::new());
    lines.push(
        "  Try: open GraphiQL and press Play. Each tab is a ready operation; start \"Watch the kitchen\" in one"
            .to_owned(),
    );
    lines.push("  and place an order in another. Or from a shell:".to_owned());
    lines.push(String::new());
    lines.push(format!("    curl http://{host}/graphql -H 'content-type: application/json' \\"));
    lines.push(
        "      -d '{\"query\": \"{ restaurants(first: 3) { nodes { name cuisineType avgRating } } }\"}'".to_owned(),
    );
    lines.push(String::new());
    let folder = config.database.data_directory.display();
    lines.push(format!("  The data is in {folder}: delete it to start afresh. Ctrl-C stops the server."));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    #[test]
    fn it_says_where_and_as_whom() {
        let config = Config::defaults(Environment::Development, true);
        let text = message(&config, ([0, 0, 0, 0], 8000).into());
        assert!(text.contains("http://localhost:8000/\n"), "{text}");
        for account in &seed::ACCOUNTS {
            assert!(text.contains(account.email), "{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
    }

    #[test]
    fn without_the_demo_it_names_nobody() {
        let config = Config::defaults(Environment::Development, false);
        assert!(!message(&config, ([127, 0, 0, 1], 8000).into()).contains("@"));
    }
}
