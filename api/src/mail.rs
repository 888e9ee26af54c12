//! E-mail: letters are written here, and handed to an SMTP server. Jobs do so beside the requests: no answer waits for one.

mod letter;

use std::time::Duration;

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
use url::Url;

pub use letter::{Letter, Occasion};

use crate::{
    config::{Environment, MailConfig},
    domain::error::{Code, Error, Result},
    tls::Authorities,
};

/// Whether letters can be addressed to it.
pub fn is_address(text: &str) -> bool {
    text.parse::<Address>().is_ok()
}

/// Sends letters, or in development without an SMTP server writes their links to the log.
pub struct Mailer {
    /// `None` where no SMTP server is configured.
    office: Option<PostOffice>,
    environment: Environment,
    link_address: Url,
}

/// The way to the SMTP server.
struct PostOffice {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
}

/// Why a letter was not taken: without the address and the text.
#[derive(Debug)]
pub struct Undelivered {
    pub reason: String,
    /// Whether another try would end in the same way.
    pub is_final: bool,
}

impl Mailer {
    /// Connects to nothing yet: a server that is away only delays letters.
    pub fn new(config: &MailConfig, environment: Environment, authorities: &Authorities) -> anyhow::Result<Self> {
        let office = config.smtp_url.as_ref().map(|url| {
            let timeout = Duration::from_secs(config.timeout_seconds);
            let url = url.expose_secret();
            let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?.tls(tls(&url.parse()?, authorities)?);
            anyhow::Ok(PostOffice {
                transport: transport.timeout(Some(timeout)).build(),
                from: config.from.parse()?,
                timeout,
            })
        });
        Ok(Mailer { office: office.transpose()?, environment, link_address: config.link_address.parse()? })
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

    /// Hands a letter to the SMTP server. Without one its link is written to the log in development, and it is lost in production, as the log says.
    ///
    /// # Errors
    /// The server is away, slow, or takes no such letter.
    pub async fn send(&self, letter: &Letter) -> Result<(), Undelivered> {
        match &self.office {
            Some(office) => office.hand_over(letter, letter.text(&self.link_address)).await,
            None => {
                self.keep(letter);
                Ok(())
            }
        }
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

    async fn hand_over(&self, letter: &Letter, text: String) -> Result<(), Undelivered> {
        let message = self.message(letter, text).map_err(|_| Undelivered::last("the letter cannot be addressed"))?;
        match tokio::time::timeout(self.timeout, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Undelivered::from(&error)),
            Err(_) => {
                Err(Undelivered { reason: "the SMTP server does not answer in time".to_owned(), is_final: false })
            }
        }
    }
}

impl Undelivered {
    fn last(reason: &str) -> Self {
        Undelivered { reason: reason.to_owned(), is_final: true }
    }
}

impl From<&SmtpError> for Undelivered {
    /// What a server answers often repeats the address: of an answer, only its code is told.
    fn from(error: &SmtpError) -> Self {
        let reason = match error.status() {
            Some(code) => format!("the SMTP server answers {code}"),
            None => format!("{error:#}"),
        };
        Undelivered { reason, is_final: error.is_permanent() || error.is_client() }
    }
}

#[cfg(test)]
mod tests;
