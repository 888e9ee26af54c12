//! What a developer reads when the server is up.

use std::net::SocketAddr;

use crate::{
    app::App,
    config::Config,
    domain::ids::{GlobalId, OrderId},
    seed,
};

/// To standard output, in development only: in production there are log lines.
pub async fn print(app: &App, address: SocketAddr) {
    let config = &app.config;
    if config.is_development() {
        let order = if config.demo.seed { seed::order_to_watch(app).await } else { None };
        println!("{}", message(config, address, order));
    }
}

fn message(config: &Config, address: SocketAddr, order: Option<OrderId>) -> String {
    let host =
        if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() };
    let mut lines = vec![String::new(), format!("  Tiffin {} is serving", env!("CARGO_PKG_VERSION")), String::new()];
    if config.graphiql.enabled {
        lines.push(format!("    GraphiQL   http://{host}/"));
    }
    lines.push(format!("    GraphQL    http://{host}/graphql   (POST, GET and websocket)"));
    lines.push(format!("    Database   {}", config.database.redacted_address()));
    if config.demo.seed {
        lines.extend(demo(config, &host, order));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn demo(config: &Config, host: &str, order: Option<OrderId>) -> Vec<String> {
    let line = |text: &str| text.to_owned();
    let widest = seed::ACCOUNTS.iter().map(|account| account.email.len()).max().unwrap_or(0);
    let mut lines =
        vec![String::new(), format!("  Sign in as one of these, with the password {}:", seed::PASSWORD), String::new()];
    lines.extend(seed::ACCOUNTS.iter().map(|account| format!("    {:widest$}   {}", account.email, account.role)));
    lines.push(String::new());
    if config.graphiql.enabled {
        lines.push(line(
            "  Try: open GraphiQL and press Play; each tab is a ready operation, signed in as whom it needs. GraphiQL",
        ));
        lines.push(line("  ends a subscription when you leave its tab, so watch in one window and act in another."));
    }
    if let Some(order) = order {
        let id = order.to_global().0;
        lines.push(format!("  {id} is on its way to the customer. As the customer, watch it:"));
        lines.push(String::new());
        lines.push(format!(
            "    subscription {{ orderStatusChanged(orderId: \"{id}\") {{ status at driver {{ name }} }} }}"
        ));
        lines.push(format!("    subscription {{ driverLocationChanged(orderId: \"{id}\") {{ lat lng speed }} }}"));
    }
    lines.push(String::new());
    lines.push(line("  Or from a shell, first for the access token and then with it:"));
    lines.push(String::new());
    lines.extend(in_a_shell(host).lines().map(|command| format!("    {command}")));
    lines.push(String::new());
    if config.database.is_embedded() {
        let folder = config.database.data_directory.display();
        lines.push(format!("  The data is in {folder}: delete it to start afresh. Ctrl-C stops the server."));
    }
    lines
}

/// How the first of the demo's people signs in, to be pasted as it is.
fn in_a_shell(host: &str) -> String {
    let (email, password) = (seed::ACCOUNTS[0].email, seed::PASSWORD);
    format!(
        r#"TOKEN=$(curl -s http://{host}/graphql -H 'content-type: application/json' -d '{{
  "query": "mutation($input: SignInInput!) {{ signIn(input: $input) {{ session {{ accessToken }} }} }}",
  "variables": {{ "input": {{ "email": "{email}", "password": "{password}" }} }}
}}' | grep -o 'eyJ[^"]*')
curl http://{host}/graphql -H 'content-type: application/json' -H "authorization: Bearer $TOKEN" \
  -d '{{"query": "{{ me {{ name }} orders(first: 3) {{ nodes {{ id status restaurantName totalAmount }} }} }}"}}'"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    #[test]
    fn it_says_where_and_as_whom() {
        let config = Config::defaults(Environment::Development, true);
        let text = message(&config, ([0, 0, 0, 0], 8000).into(), Some(OrderId(288)));
        assert!(text.contains("http://localhost:8000/\n"), "{text}");
        assert!(text.contains("orderStatusChanged(orderId: \"Order:288\")"), "{text}");
        for account in &seed::ACCOUNTS {
            assert!(text.contains(account.email), "{text}");
        }
        assert!(text.contains("the password tiffin-demo") && text.contains("authorization: Bearer $TOKEN"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
    }

    #[test]
    fn without_the_demo_it_names_nobody() {
        let config = Config::defaults(Environment::Development, false);
        assert!(!message(&config, ([127, 0, 0, 1], 8000).into(), None).contains("@"));
    }
}
