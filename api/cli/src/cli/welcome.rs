//! What a developer reads when the server is up.

use std::net::SocketAddr;

use tiffin::{app::App, config::Config};

use super::demo;

/// To standard output, in development only: in production there are log lines.
pub async fn print(app: &App, address: SocketAddr) {
    let config = &app.config;
    if config.is_development() {
        let host = host(address);
        println!("{}", message(config, &host, demo::introduced(app, &host).await));
    }
}

fn host(address: SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() }
}

fn message(config: &Config, host: &str, demo: Vec<String>) -> String {
    let mut lines = vec![String::new(), format!("  Tiffin {} is serving", env!("CARGO_PKG_VERSION")), String::new()];
    if config.graphiql.enabled {
        lines.push(format!("    GraphiQL   http://{host}/"));
    }
    lines.push(format!("    GraphQL    http://{host}/graphql   (POST, GET and websocket)"));
    lines.push(format!("    Database   {}", config.database.redacted_address()));
    lines.extend(demo);
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use tiffin::config::Environment;

    use super::*;

    #[test]
    fn without_the_demo_it_names_nobody() {
        let config = Config::defaults(Environment::Development, false);
        let text = message(&config, &host(([0, 0, 0, 0], 8000).into()), Vec::new());
        assert!(text.contains("http://localhost:8000/\n") && !text.contains('@'), "{text}");
    }
}
