//! Secrets stay secret: none is in a line of the log or in an error, even where a client puts it in the wrong place.

use reqwest::Client;
use serde_json::json;
use tiffin_tests::{City, Mailbox, both_databases};

use crate::sockets::{NEWER, Socket};

/// What every secret of these tests holds, and nothing else does.
const MARK: &str = "hunter2";

fn secret(place: &str) -> String {
    format!("{MARK}-in-{place}")
}

/// Documents with secrets in literals: as they should be, and wrong in every way.
fn documents() -> Vec<String> {
    let sign_in = |input: &str| format!("mutation {{ signIn(input: {input}) {{ session {{ accessToken }} }} }}");
    let literal = secret("a-literal");
    let address = format!("{literal}@demo.test");
    vec![
        sign_in(&format!(r#"{{email: "{address}", password: "{literal}"}}"#)),
        sign_in(&format!(r#"{{email: "{address}", password: ["{literal}"]}}"#)),
        sign_in(&format!(r#"{{email: "{address}", password: {{of: "{literal}"}}}}"#)),
        sign_in(&format!(r#"{{email: "{address}", passwort: "{literal}"}}"#)),
        sign_in(&format!(r#"{{email: "{address}", password: "{literal}", password: "{literal}"}}"#)),
        sign_in(&format!(r#"{{email: "{address}", password: "{literal}"#)),
        sign_in(&format!(r#"{{email: "{address}", password: """{literal}"""#)),
        sign_in(&format!(r#"{{email: "{address}" password: "{literal}\q"}}"#)),
        sign_in(&format!(r#""{literal}""#)),
        format!(r#"mutation {{ signIn(input: {{email: "{address}", password: "{literal}"}}) {{ nothing }} }}"#),
        format!(r#"mutation {{ signIn(input: {{email: "{address}", password: "{literal}"}} {{ session }}"#),
        format!(
            r#"mutation($input: SignInInput! = {{email: "{address}", password: 1}}) {{ signIn(input: $input) {{ session {{ accessToken }} }} }}"#
        ),
        format!(r#"{{ restaurants(first: "{literal}") {{ totalCount }} }}"#),
        format!(r#"{{ restaurant(id: "{literal}") {{ name }} }}"#),
        format!(r#"{{ restaurants @include(if: "{literal}") {{ totalCount }} }}"#),
        format!("# {literal}\n{{ unknown }}"),
    ]
}

both_databases! {
    async fn nothing_that_is_secret_is_logged_or_said_again(database: Database) {
        // Without an SMTP server, letters are written to the log: so there is one.
        let mailbox = Mailbox::start().await;
        let mut settings = mailbox.settings();
        settings.push(("TIFFIN_LOG".to_owned(), "debug".to_owned()));
        let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let city = City::with_settings(database, &settings).await;
        let ann = city.customer("Ann").await;
        let anonymous = city.anonymous();
        let mut answers = Vec::new();

        for document in documents() {
            for person in [&anonymous, &ann] {
                answers.push(person.query(&document, json!({})).await.to_string());
            }
        }
        let variable = secret("a-variable");
        let inputs = [
            json!({"email": format!("{variable}@demo.test"), "password": variable}),
            json!({"email": format!("{variable}@demo.test"), "password": [variable]}),
            json!({"email": format!("{variable}@demo.test"), "password": {"of": variable}}),
            json!({"email": format!("{variable}\0"), "password": variable}),
            json!({"email": variable, "password": variable, "unknown": variable}),
            json!(variable),
        ];
        for input in inputs {
            let document = "mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken } } }";
            answers.push(anonymous.query(document, json!({"input": input})).await.to_string());
        }
        let sign_up = "mutation($input: SignUpInput!) { signUp(input: $input) { session { user { id } } } }";
        let new = json!({"email": format!("{variable}@demo.test"), "password": variable, "name": variable, "phone": "+1 555 0100"});
        anonymous.query(sign_up, json!({"input": new})).await.expect_success();
        answers.push(anonymous.query(sign_up, json!({"input": new})).await.to_string());
        mailbox.next_letter_to(&format!("{variable}@demo.test")).await;
        let token = secret("a-token");
        for (name, input) in [
            ("refreshSession", json!({"refreshToken": token})),
            ("verifyEmail", json!({"token": token})),
            ("resetPassword", json!({"token": token, "password": token, "newPassword": token})),
        ] {
            let kind = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
            let document = format!("mutation($input: {kind}!) {{ {name}(input: $input) {{ __typename }} }}");
            answers.push(anonymous.query(&document, json!({"input": input})).await.to_string());
        }

        answers.push(anonymous.send_text(format!(r#"{{"query": "{{ __typename }}", "variables": {{"a": "{}"#, secret("bad-json"))).await.to_string());
        answers.push(anonymous.send(&json!({"query": secret("a-document"), "variables": secret("no-variables")})).await.to_string());
        answers.push(anonymous.with_access_token(&secret("a-bearer")).query("{ me { id } }", json!({})).await.to_string());
        let url = city.server().url("/graphql");
        let header = secret("a-header");
        let request = Client::new().post(&url).header("Cookie", &header).header("X-Api-Key", &header).header("User-Agent", &header);
        let request = request.header("Authorization", format!("Basic {header}")).header("X-Forwarded-For", &header);
        answers.push(request.json(&json!({"query": "{ me { id } }"})).send().await.expect("answered").text().await.expect("text"));
        let in_url = secret("the-url");
        let queries = [
            ("query", format!(r#"{{ restaurant(id: "{in_url}") {{ name }} }}"#)),
            ("variables", format!(r#"{{"password": "{in_url}"}}"#)),
            ("token", in_url.clone()),
        ];
        for path in ["/graphql", "/", "/nowhere", "/health/ready"] {
            let url = reqwest::Url::parse_with_params(&city.server().url(path), &queries).expect("a URL");
            let answer = Client::new().get(url).send().await.expect("answered").text().await.expect("text");
            answers.push(answer);
        }

        let mut socket = Socket::open(city.server(), NEWER).await;
        let init = secret("connection-init");
        socket.say(json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {init}"), "other": init}})).await;
        socket.expect_close(4403, "Forbidden").await;
        let mut socket = Socket::of(&anonymous, city.server(), NEWER).await;
        for document in documents() {
            socket.subscribe("a", &document, json!({"unused": secret("a-socket")})).await;
            let answer = socket.hear().await;
            if answer["type"] == "next" {
                assert_eq!(socket.hear().await["type"], "complete");
            }
            answers.push(answer.to_string());
        }

        let told: Vec<_> = answers.iter().filter(|answer| answer.contains(MARK)).collect();
        assert!(told.is_empty(), "{told:#?}");
        let log = city.server().log();
        let logged: Vec<_> = log.lines().filter(|line| line.contains(MARK) || line.contains("Bearer ey")).collect();
        assert!(logged.is_empty(), "{logged:#?}");
        assert!(log.contains("sqlx::query") && log.contains("answered"), "the log is there: {log:.2000}");
    }
}
