//! The demo city, in a binary that has it (the feature `demo`); `without_demo.rs` is in its place where it is left out.

use std::sync::Arc;

use anyhow::Context;
use seed::DemoLife;
use tiffin::{
    app::App,
    config::Config,
    domain::ids::{GlobalId, OrderId},
    http::graphiql,
    shutdown::Shutdown,
};

use super::background;

/// The configuration, as far as this binary can serve it: all of it.
pub fn within_reach(config: Config) -> Config {
    config
}

/// Makes the city where there is nothing yet, and lets developers in.
pub async fn prepare(app: &Arc<App>) -> anyhow::Result<()> {
    if app.config.demo.seed {
        seed::demo(app).await.context("cannot make the demo city")?;
        seed::restore(app).await.context("cannot let anybody into the demo city")?;
    }
    Ok(())
}

/// Lets its life go on beside the requests.
pub fn begin(app: &Arc<App>, shutdown: &Shutdown) {
    if app.config.demo.live {
        let whole = shutdown.clone();
        background::every(app, shutdown, "demo_life", seed::TICK, DemoLife::default(), move |app, life| {
            whole.to_its_end(async move { life.go_on(&app).await })
        });
    }
}

/// GraphiQL's tabs act as the demo's people where there are any with a password that all may know.
pub fn graphiql_settings(config: &Config) -> graphiql::Settings {
    let is_known = config.demo.seed && config.is_development();
    graphiql::Settings { accounts: is_known.then(seed::demo_accounts) }
}

/// Whom a developer can sign in as, and what to try; nothing where there is no demo.
pub async fn introduced(app: &App, host: &str) -> Vec<String> {
    match app.config.demo.seed {
        true => introduction(&app.config, host, seed::order_to_watch(app).await),
        false => Vec::new(),
    }
}

fn introduction(config: &Config, host: &str, order: Option<OrderId>) -> Vec<String> {
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
    use tiffin::config::Environment;

    use super::*;

    #[test]
    fn it_says_what_to_try_and_as_whom() {
        let config = Config::defaults(Environment::Development, true);
        let text = introduction(&config, "localhost:8000", Some(OrderId(288))).join("\n");
        assert!(text.contains("orderStatusChanged(orderId: \"Order:288\")"), "{text}");
        for account in &seed::ACCOUNTS {
            assert!(text.contains(account.email), "{text}");
        }
        assert!(text.contains("the password tiffin-demo") && text.contains("authorization: Bearer $TOKEN"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
    }
}
