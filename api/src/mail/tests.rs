use sea_orm::prelude::DateTimeWithTimeZone;
use tiffin_tests::{Mailbox as Inbox, Proxy};

use super::*;
use crate::config::Config;

fn mailer(smtp_url: Option<&str>, environment: Environment) -> Mailer {
    let mut config = Config::defaults(environment, true).mail;
    config.smtp_url = smtp_url.map(Into::into);
    config.link_address = "https://app.example".to_owned();
    Mailer::new(&config, environment, &Authorities::default()).expect("usable")
}

fn user(email: &str) -> entity::users::Model {
    entity::users::Model {
        id: 1,
        email: email.to_owned(),
        normalized_email: email.to_owned(),
        name: Some("Ann\r\nBcc: eve@example.com".to_owned()),
        role: entity::sea_orm_active_enums::UserRole::Customer,
        is_active: true,
        email_verified_at: None,
        created_at: DateTimeWithTimeZone::default(),
        password_hash: None,
        search_text: String::new(),
    }
}

fn verification(email: &str) -> Letter {
    let occasion = Occasion::VerifyEmail { token: "to-ken_1".into(), valid_for: Duration::from_secs(3_600) };
    Letter::to(&user(email), occasion)
}

#[tokio::test]
async fn a_letter_arrives_with_its_link() {
    let inbox = Inbox::start().await;
    let mailer = mailer(Some(inbox.url()), Environment::Production);
    mailer.check().expect("letters go out");
    mailer.post(verification("ann@example.com"));

    let letter = inbox.next_letter_to("ann@example.com").await;
    assert_eq!((letter.from.as_str(), letter.to.len()), ("no-reply@tiffin.example", 1));
    assert_eq!(letter.subject, "Confirm your e-mail address");
    assert_eq!(letter.link().as_str(), "https://app.example/verify-email?token=to-ken_1");
    assert_eq!(letter.token(), "to-ken_1");
    assert!(letter.text.contains("1 hour") && letter.text.contains("If you did not sign up"), "{letter:#?}");
    assert!(letter.headers.iter().any(|header| header == "Auto-Submitted: auto-generated"), "{letter:#?}");
    assert!(!format!("{letter:?}").contains("eve@example.com"), "{letter:#?}");
}

#[tokio::test]
async fn addresses_in_any_script_are_written_to() {
    let inbox = Inbox::start().await;
    let mailer = mailer(Some(inbox.url()), Environment::Production);
    for address in ["phở@ví-dụ.example", "o'hara+tiffin@example.com"] {
        assert!(is_address(address));
        mailer.post(verification(address));
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
async fn a_letter_is_tried_again_when_the_server_puts_it_off() {
    let inbox = Inbox::start().await;
    let mailer = mailer(Some(inbox.url()), Environment::Production);
    mailer.post(verification("ann@greylisting.example"));
    assert_eq!(inbox.next_letter_to("ann@greylisting.example").await.token(), "to-ken_1");
    mailer.finish().await;
}

#[tokio::test]
async fn letters_that_wait_are_sent_at_the_end() {
    let inbox = Inbox::start().await;
    let mailer = mailer(Some(inbox.url()), Environment::Production);
    mailer.post(verification("ann@greylisting.example"));
    mailer.finish().await;
    assert!(mailer.outstanding.is_empty());
    assert_eq!(inbox.next_letter_to("ann@greylisting.example").await.token(), "to-ken_1");
}

#[tokio::test]
async fn what_a_server_that_is_away_did_not_take_it_takes_later() {
    let inbox = Inbox::start().await;
    let line = Proxy::to(inbox.url()).await;
    let mailer = mailer(Some(line.url()), Environment::Production);
    let office = mailer.office.as_ref().expect("configured");
    let letter = verification("ann@example.com");
    let message = office.message(&letter, letter.text(&mailer.link_address)).expect("a message");
    line.cut();
    let failure = office.hand_over(&message).await.expect_err("the line is cut");
    assert!(!failure.is_final, "{}", failure.reason);
    line.mend();
    assert!(office.hand_over(&message).await.is_ok());
    assert_eq!(inbox.next_letter_to("ann@example.com").await.token(), "to-ken_1");
}

#[tokio::test]
async fn a_server_that_is_away_holds_nobody_up() {
    let line = Proxy::to("smtp://127.0.0.1:1").await;
    let mailer = mailer(Some(line.url()), Environment::Production);
    for _ in 0..=OUTSTANDING {
        mailer.post(verification("ann@example.com"));
    }
    assert_eq!(mailer.outstanding.len(), OUTSTANDING, "what is more than can wait is lost");
}

#[test]
fn only_production_needs_a_server() {
    let refusal = mailer(None, Environment::Production).check().expect_err("refused");
    assert_eq!(refusal.code, Code::Unavailable);
    assert!(refusal.message.starts_with("This server sends no e-mail"), "{}", refusal.message);
    let developers = mailer(None, Environment::Development);
    developers.check().expect("the log will do");
    developers.post(verification("ann@example.com"));
}

#[tokio::test]
async fn what_the_server_answers_is_not_told() {
    let inbox = Inbox::start().await;
    let mailer = mailer(Some(inbox.url()), Environment::Production);
    let office = mailer.office.as_ref().expect("configured");
    let letter = verification("ben@nowhere.example");
    let message = office.message(&letter, letter.text(&mailer.link_address)).expect("a message");
    // The mailbox repeats the address, as servers do.
    let failure = office.hand_over(&message).await.expect_err("refused");
    assert_eq!((failure.reason.as_str(), failure.is_final), ("the SMTP server answers 550", true));
}
