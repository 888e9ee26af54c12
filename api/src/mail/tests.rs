use tiffin_tests::{Mailbox as Inbox, Proxy};

use super::*;
use crate::config::Config;

fn mailer(smtp_url: Option<&str>, environment: Environment) -> Mailer {
    let mut config = Config::defaults(environment, true).mail;
    config.smtp_url = smtp_url.map(Into::into);
    config.link_address = "https://app.example".to_owned();
    Mailer::new(&config, environment, &Authorities::default()).expect("usable")
}

fn verification(email: &str) -> Letter {
    let occasion = Occasion::VerifyEmail { token: "to-ken_1".into(), valid_for: Duration::from_secs(3_600) };
    Letter::to_address(email, occasion)
}

#[tokio::test]
async fn a_letter_arrives_with_its_link() {
    let inbox = Inbox::start().await;
    let mailer = mailer(Some(inbox.url()), Environment::Production);
    mailer.check().expect("letters go out");
    mailer.send(&verification("ann@example.com")).await.expect("taken");

    let letter = inbox.next_letter_to("ann@example.com").await;
    assert_eq!((letter.from.as_str(), letter.to.len()), ("no-reply@tiffin.example", 1));
    assert_eq!(letter.subject, "Confirm your e-mail address");
    assert_eq!(letter.link().as_str(), "https://app.example/verify-email?token=to-ken_1");
    assert_eq!(letter.token(), "to-ken_1");
    assert!(letter.text.contains("1 hour") && letter.text.contains("If you did not sign up"), "{letter:#?}");
    assert!(letter.headers.iter().any(|header| header == "Auto-Submitted: auto-generated"), "{letter:#?}");
}

#[tokio::test]
async fn addresses_in_any_script_are_written_to() {
    let inbox = Inbox::start().await;
    let mailer = mailer(Some(inbox.url()), Environment::Production);
    for address in ["phở@ví-dụ.example", "o'hara+tiffin@example.com"] {
        assert!(is_address(address));
        mailer.send(&verification(address)).await.expect("taken");
        assert_eq!(inbox.next_letter_to(address).await.token(), "to-ken_1");
    }
}

#[test]
fn what_would_add_headers_or_readers_is_no_address() {
    for text in [
        "ann@example.com\r\nBcc: eve@example.com",
        "\"ann\r\nBcc: eve\"@example.com",
        "ann@example.com, eve@example.com",
        "<ann@example.com>",
        "Ann <ann@example.com>",
        "ann@example.com\0",
        "ann",
    ] {
        assert!(!is_address(text), "{text:?}");
    }
}

#[tokio::test]
async fn what_a_server_puts_off_or_that_is_away_may_be_sent_later() {
    let inbox = Inbox::start().await;
    let line = Proxy::to(inbox.url()).await;
    let mailer = mailer(Some(line.url()), Environment::Production);
    let put_off = mailer.send(&verification("ann@greylisting.example")).await.expect_err("not at the first time");
    assert!(!put_off.is_final, "{put_off:?}");
    mailer.send(&verification("ann@greylisting.example")).await.expect("taken");
    assert_eq!(inbox.next_letter_to("ann@greylisting.example").await.token(), "to-ken_1");

    line.cut();
    let away = mailer.send(&verification("ann@example.com")).await.expect_err("the line is cut");
    assert!(!away.is_final, "{away:?}");
    line.mend();
    mailer.send(&verification("ann@example.com")).await.expect("taken");
    assert_eq!(inbox.next_letter_to("ann@example.com").await.token(), "to-ken_1");
}

#[tokio::test]
async fn only_production_needs_a_server() {
    let refusal = mailer(None, Environment::Production).check().expect_err("refused");
    assert_eq!(refusal.code, Code::Unavailable);
    assert!(refusal.message.starts_with("This server sends no e-mail"), "{}", refusal.message);
    let developers = mailer(None, Environment::Development);
    developers.check().expect("the log will do");
    developers.send(&verification("ann@example.com")).await.expect("it is in the log");
}

#[tokio::test]
async fn what_the_server_answers_is_not_told() {
    let inbox = Inbox::start().await;
    let mailer = mailer(Some(inbox.url()), Environment::Production);
    // The mailbox repeats the address, as servers do.
    let refused = mailer.send(&verification("ben@nowhere.example")).await.expect_err("refused");
    assert_eq!((refused.reason.as_str(), refused.is_final), ("the SMTP server answers 550", true));
    let nobody = mailer.send(&verification("nobody")).await.expect_err("no address");
    assert_eq!((nobody.reason.as_str(), nobody.is_final), ("the letter cannot be addressed", true));
}
