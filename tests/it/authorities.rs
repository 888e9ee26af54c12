//! Private certificate authorities: servers with a certificate of one are trusted where the configuration says so, and only by the name
//! that they are certified for.

use serde_json::json;
use tempfile::TempDir;
use tiffin_tests::{
    Authority, Mailbox, OpenIdProvider, Person, PostgresServer, RedisServer, Server, Settings, run_command,
};

use crate::process::eventually;

/// What rustls says of a certificate that nobody vouches for.
const UNKNOWN: &str = "UnknownIssuer";
/// And of one for another server.
const OTHER: &str = "not valid for name";

/// A PostgreSQL, a Redis, SMTP servers and an OpenID provider under one private authority, all at `localhost`.
struct Parts {
    authority: Authority,
    postgres: PostgresServer,
    redis: RedisServer,
    mailbox: Mailbox,
    second_mailbox: Mailbox,
    provider: OpenIdProvider,
    directory: TempDir,
}

impl Parts {
    async fn start() -> Self {
        let authority = Authority::new();
        let identity = authority.identity_of("localhost");
        Parts {
            postgres: PostgresServer::start_with_tls(&identity).await,
            redis: RedisServer::start_with_tls(&identity).await,
            mailbox: Mailbox::start_with_tls(&identity).await,
            second_mailbox: Mailbox::start_with_starttls(&identity).await,
            provider: OpenIdProvider::start_with_tls(&identity).await,
            directory: tempfile::tempdir().expect("a temporary directory can be made"),
            authority,
        }
    }

    fn database(&self, host: &str) -> (String, String) {
        let url = self.postgres.url().replace("@127.0.0.1:", &format!("@{host}:"));
        ("DATABASE_URL".to_owned(), format!("{url}?sslmode=verify-full"))
    }

    fn redis(&self, host: &str) -> (String, String) {
        ("REDIS_URL".to_owned(), self.redis.tls_url(host))
    }

    fn mail(&self, mailbox: &Mailbox, host: &str) -> Settings {
        let url = mailbox.url().replace("//localhost:", &format!("//{host}:"));
        [mailbox.settings(), vec![("TIFFIN_MAIL_SMTP_URL".to_owned(), url)]].concat()
    }

    fn openid(&self, host: &str) -> Settings {
        let issuer = self.provider.issuer().replace("//localhost:", &format!("//{host}:"));
        [self.provider.settings(), vec![("TIFFIN_OPENID_ISSUER".to_owned(), issuer)]].concat()
    }

    /// A variable that names the authority.
    fn authority(&self, variable: &str) -> Settings {
        vec![(variable.to_owned(), self.authority.file().display().to_string())]
    }

    /// A server with these settings, or what it says instead; where they name no database, on one of its own.
    async fn server(&self, settings: &[Settings]) -> Result<Server, String> {
        let usual = [
            ("TIFFIN_ENV", "development"),
            ("TIFFIN_DEMO_SEED", "false"),
            ("TIFFIN_DEMO_LIVE", "false"),
            ("TIFFIN_LISTEN", "127.0.0.1:0"),
            ("TIFFIN_LOG_FORMAT", "json"),
        ];
        let usual = usual.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Server::try_start(self.directory.path(), &[&[usual], settings].concat().concat()).await
    }

    /// A server that cannot use its database or its Redis, whether it starts nevertheless or not, says why.
    async fn expect_refused(&self, settings: &[Settings], why: &str) {
        match self.server(settings).await {
            Ok(server) => eventually("it is said why", async || server.log().contains(why)).await,
            Err(log) => assert!(log.contains(why), "{log}"),
        }
    }

    /// That letters and sign-ins do not get through, and why.
    async fn expect_unsent(&self, email: &str, settings: &[Settings], why: &str) {
        let server = self.server(settings).await.expect("a server starts without either");
        let anonymous = Person::anonymous(&server);
        sign_up(&anonymous, email).await;
        let says = |what: &str| server.log().lines().any(|line| line.contains(what) && line.contains(why));
        eventually("the letter cannot be sent", async || says("a job failed; it is tried again")).await;
        start_sign_in(&anonymous).await.expect_code("UNAVAILABLE");
        assert!(says("the OpenID provider"), "{}", server.log());
    }
}

async fn sign_up(person: &Person, email: &str) {
    let document = "mutation($input: SignUpInput!) { signUp(input: $input) { session { accessToken } } }";
    let input = json!({"email": email, "password": "a long enough password", "name": "Ann"});
    person.query(document, json!({"input": input})).await.expect_success();
}

async fn start_sign_in(person: &Person) -> tiffin_tests::Answer {
    let document =
        "mutation($input: StartOpenIdSignInInput!) { startOpenIdSignIn(input: $input) { authorizationUrl } }";
    person.query(document, json!({"input": {"redirectUrl": OpenIdProvider::REDIRECT_URL}})).await
}

#[test]
fn what_is_under_a_private_authority_is_believed_where_that_is_said() {
    tiffin_tests::run(async {
        let parts = Parts::start().await;
        let (database, redis) = (vec![parts.database("localhost")], vec![parts.redis("localhost")]);
        let others = [parts.mail(&parts.mailbox, "localhost"), parts.openid("localhost")].concat();
        let by_starttls = [parts.mail(&parts.second_mailbox, "localhost"), parts.openid("localhost")].concat();

        // Nobody has said so.
        parts.expect_refused(std::slice::from_ref(&database), UNKNOWN).await;
        parts.expect_refused(std::slice::from_ref(&redis), UNKNOWN).await;
        parts.expect_unsent("ann@example.com", std::slice::from_ref(&others), UNKNOWN).await;
        parts.expect_unsent("ben@example.com", std::slice::from_ref(&by_starttls), UNKNOWN).await;

        // By the setting, and by the system's store, which is where that variable says.
        let sent = [
            ("TIFFIN_TLS_AUTHORITIES", &others, &parts.mailbox),
            ("SSL_CERT_FILE", &by_starttls, &parts.second_mailbox),
        ];
        for (variable, others, mailbox) in sent {
            let all = [database.clone(), redis.clone(), others.clone(), parts.authority(variable)];
            let server = parts.server(&all).await.expect("it starts");
            eventually("it is ready", async || {
                let answer = reqwest::get(server.url("/health/ready")).await.expect("the server answers");
                let body = answer.text().await.expect("the answer can be read");
                body.contains("\"status\":\"ok\"") && !body.contains("degraded") && !body.contains("unavailable")
            })
            .await;
            let anonymous = Person::anonymous(&server);
            let email = format!("ann.by.{}@example.com", variable.to_lowercase());
            sign_up(&anonymous, &email).await;
            mailbox.next_letter_to(&email).await;
            let url = start_sign_in(&anonymous).await;
            assert!(url.text("/startOpenIdSignIn/authorizationUrl").starts_with(parts.provider.issuer()), "{url}");
        }

        // Whoever is believed is believed by its name only.
        let told = parts.authority("TIFFIN_TLS_AUTHORITIES");
        parts.expect_refused(&[vec![parts.database("127.0.0.1")], told.clone()], OTHER).await;
        parts.expect_refused(&[vec![parts.redis("127.0.0.1")], told.clone()], OTHER).await;
        let elsewhere = [parts.mail(&parts.mailbox, "127.0.0.1"), parts.openid("127.0.0.1"), told].concat();
        parts.expect_unsent("cleo@example.com", &[elsewhere], OTHER).await;
    });
}

#[test]
fn a_file_of_authorities_that_cannot_be_used_is_refused_in_a_sentence() {
    tiffin_tests::run(async {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let identity = Authority::new();
        let good = std::fs::read_to_string(identity.file()).expect("a file can be read");
        let begin = "-----BEGIN CERTIFICATE-----\n";
        let key = std::fs::read_to_string(identity.identity_of("localhost").key).expect("a file can be read");
        for (text, said) in [
            (None, "cannot be read"),
            (Some(String::new()), "holds no certificate in PEM"),
            (Some(key), "holds no certificate in PEM"),
            (Some(format!("{begin}AAAA\n-----END CERTIFICATE-----\n")), "certificate 1 in the file"),
            (Some(format!("{good}{begin}!!\n-----END CERTIFICATE-----\n")), "is damaged"),
        ] {
            let file = directory.path().join("authorities.pem");
            let _ = std::fs::remove_file(&file);
            if let Some(text) = text {
                std::fs::write(&file, text).expect("a file can be written");
            }
            let settings = vec![("TIFFIN_TLS_AUTHORITIES".to_owned(), file.display().to_string())];
            let sentence = run_command(directory.path(), &settings, &["serve"]).await.expect_failure("@@");
            assert!(
                sentence.contains("tls.authorities (TIFFIN_TLS_AUTHORITIES): ") && sentence.contains(said),
                "{sentence}"
            );
            assert!(sentence.contains("authorities.pem"), "{sentence}");
        }
    });
}
