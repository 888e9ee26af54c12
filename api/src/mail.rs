//! E-mail: letters are written here, and handed to an SMTP server beside the requests, so that no answer waits for one.

mod letter;

use std::{sync::Arc, time::Duration};

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error as SmtpError,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
    },
};
use secrecy::ExposeSecret;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

pub use letter::{Letter, Occasion};

use crate::{
    config::{Environment, MailConfig},
    domain::error::{Code, Error, Result},
    tasks,
    tls::Authorities,
};

/// The bound of the queue of letters that wait to be sent; further ones are lost, and the log says so.
const OUTSTANDING: usize = 1_000;

/// Letters that are handed over at the same time.
const AT_ONCE: usize = 4;

/// The back-off: the pauses before each retry of a letter that could not be sent.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120)];

/// Whether letters can be addressed to it.
pub fn is_address(text: &str) -> bool {
    text.parse::<Address>().is_ok()
}

/// Sends letters, or in development without an SMTP server writes their links to the log.
pub struct Mailer {
    /// `None` where no SMTP server is configured.
    office: Option<Arc<PostOffice>>,
    environment: Environment,
    link_address: Url,
    outstanding: TaskTracker,
}

/// The way to the SMTP server.
struct PostOffice {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
    room: Arc<Semaphore>,
    counters: Semaphore,
    /// Cancelled when there is no more time to pause.
    closing: CancellationToken,
}

impl Mailer {
    /// Connects to nothing yet: a server that is away only delays letters.
    pub fn new(config: &MailConfig, environment: Environment, authorities: &Authorities) -> anyhow::Result<Self> {
        let office = config.smtp_url.as_ref().map(|url| {
            let timeout = Duration::from_secs(config.timeout_seconds);
            let url = url.expose_secret();
            let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?.tls(tls(&url.parse()?, authorities)?);
            anyhow::Ok(Arc::new(PostOffice {
                transport: transport.timeout(Some(timeout)).build(),
                from: config.from.parse()?,
                timeout,
                room: Arc::new(Semaphore::new(OUTSTANDING)),
                counters: Semaphore::new(AT_ONCE),
                closing: CancellationToken::new(),
            }))
        });
        Ok(Mailer {
            office: office.transpose()?,
            environment,
            link_address: config.link_address.parse()?,
            outstanding: TaskTracker::new(),
        })
    }

    /// UNAVAILABLE where a letter would reach nobody: in production without an SMTP server. What hangs on a letter asks first.
    pub fn check(&self) -> Result<()> {
        if self.office.is_none() && self.environment == Environment::Production {
            return Err(Error::new(
                Code::Unavailable,
                "This server sends no e-mail: whoever runs it has to configure an SMTP server (mail.smtp_url).",
            ));
        }
        Ok(())
    }

    /// Takes the letter to be sent, and returns at once. It is tried a few times; what cannot be sent is lost, and the log says
    /// so, without the token and the address.
    pub fn post(&self, letter: Letter) {
        let Some(office) = self.office.clone() else { return self.keep(&letter) };
        let Ok(place) = office.room.clone().try_acquire_owned() else {
            tracing::error!(letter = letter.subject(), "a letter is lost: too many wait to be sent");
            return;
        };
        let text = letter.text(&self.link_address);
        self.outstanding.spawn(tasks::once("letter", async move {
            office.deliver(&letter, text).await;
            drop(place);
        }));
    }

    /// Waits for the letters that were posted. Those that wait to be tried again are tried once more, without a pause.
    pub async fn finish(&self) {
        if let Some(office) = &self.office {
            office.closing.cancel();
        }
        self.outstanding.close();
        self.outstanding.wait().await;
    }

    fn keep(&self, letter: &Letter) {
        let subject = letter.subject();
        if self.environment == Environment::Development {
            let link = letter.link(&self.link_address).map(String::from);
            let to = &letter.email;
            tracing::info!(to, subject, link, "a letter, to be read here: no SMTP server is configured");
        } else {
            tracing::warn!(letter = subject, "a letter is lost: no SMTP server is configured");
        }
    }
}

/// How the address asks for TLS, as the library reads it, with whom to believe.
fn tls(url: &Url, authorities: &Authorities) -> anyhow::Result<Tls> {
    let host = url.host_str().unwrap_or_default();
    // These alone: not those that are built into the library.
    let mut parameters = TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::None);
    for certificate in authorities.iter() {
        parameters = parameters.add_root_certificate(Certificate::from_der(certificate.to_vec())?);
    }
    let asked = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
    Ok(match (url.scheme(), asked.as_deref()) {
        ("smtps", _) => Tls::Wrapper(parameters.build()?),
        (_, Some("required")) => Tls::Required(parameters.build()?),
        (_, Some("opportunistic")) => Tls::Opportunistic(parameters.build()?),
        _ => Tls::None,
    })
}

impl PostOffice {
    async fn deliver(&self, letter: &Letter, text: String) {
        let subject = letter.subject();
        let message = match self.message(letter, text) {
            Ok(message) => message,
            Err(error) => return tracing::error!(%error, letter = subject, "a letter is lost: it cannot be addressed"),
        };
        for pause in PAUSES {
            match self.hand_over(&message).await {
                Ok(()) => return,
                Err(failure) if failure.is_final => {
                    return tracing::error!(
                        reason = failure.reason,
                        letter = subject,
                        "a letter is lost: it is refused"
                    );
                }
                Err(failure) => {
                    tracing::warn!(reason = failure.reason, letter = subject, "a letter cannot be sent yet");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.closing.cancelled() => break,
            }
        }
        if let Err(failure) = self.hand_over(&message).await {
            tracing::error!(reason = failure.reason, letter = subject, "a letter is lost: it cannot be sent");
        }
    }

    fn message(&self, letter: &Letter, text: String) -> anyhow::Result<Message> {
        let to = Mailbox::new(None, letter.email.parse::<Address>()?);
        let id = format!("<{:032x}@{}>", rand::random::<u128>(), self.from.email.domain());
        // Otherwise out-of-office replies go to the server.
        let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(letter.subject())
            .message_id(Some(id))
            .raw_header(automatic)
            .header(ContentType::TEXT_PLAIN)
            .body(text)?;
        Ok(message)
    }

    async fn hand_over(&self, message: &Message) -> Result<(), Failure> {
        let _counter = self.counters.acquire().await; // Never closed.
        match tokio::time::timeout(self.timeout, self.transport.send(message.clone())).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Failure::from(&error)),
            Err(_) => Err(Failure { reason: "no answer in time".to_owned(), is_final: false }),
        }
    }
}

/// Why a letter was not taken.
struct Failure {
    reason: String,
    /// Whether another try would end in the same way.
    is_final: bool,
}

impl From<&SmtpError> for Failure {
    /// What a server answers often repeats the address: of an answer, only its code is told.
    fn from(error: &SmtpError) -> Self {
        let reason = match error.status() {
            Some(code) => format!("the SMTP server answers {code}"),
            None => format!("{error:#}"),
        };
        Failure { reason, is_final: error.is_permanent() || error.is_client() }
    }
}

#[cfg(test)]
mod tests;
