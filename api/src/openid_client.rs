//! OpenID Connect as its relying party: the authorisation code flow with PKCE, with the one provider that is configured.
//!
//! What is said and believed is the library's to decide; here are the provider's address book, its time-outs, and what each failure
//! means to the person in front. Only the issuer, and whom its own metadata names, is ever contacted, and no redirect is followed.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use openidconnect::{
    AccessTokenHash, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, TokenResponse, UserInfoError,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreErrorResponseType, CoreIdToken,
        CoreIdTokenClaims, CoreProviderMetadata, CoreTokenResponse, CoreUserInfoClaims,
    },
    reqwest,
};
use secrecy::ExposeSecret;
use url::Url;

use crate::{
    config::OpenidConfig,
    domain::{
        clock,
        error::{Code, Error, Result},
    },
    tls::Authorities,
};

/// How long the provider's metadata and keys are taken for true. A key that is not among them is looked for at once.
const FRESH: Duration = Duration::from_secs(3_600);

/// The provider that is configured, and what is known of it.
pub struct Provider {
    /// What people know it by.
    pub name: String,
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: Option<ClientSecret>,
    scopes: Vec<Scope>,
    timeout: Duration,
    http: reqwest::Client,
    metadata: RwLock<Option<(Arc<CoreProviderMetadata>, Instant)>>,
}

/// What somebody is sent to the provider with.
pub struct Departure {
    /// Where to: the provider's page, with everything that it has to know.
    pub url: Url,
    /// Comes back with the person.
    pub state: CsrfToken,
    /// Comes back inside the provider's word.
    pub nonce: Nonce,
    /// Proves that it is we who sent the person.
    pub verifier: PkceCodeVerifier,
}

/// What somebody comes back with, and what was kept meanwhile.
pub struct Return {
    pub code: String,
    pub redirect_url: String,
    pub nonce: String,
    pub verifier: String,
}

/// Whom the provider says that it has seen. All of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub issuer: String,
    /// The person's name for life at this issuer.
    pub subject: String,
    pub email: Option<String>,
    /// Whether the provider says that the address is the person's.
    pub email_verified: bool,
    pub name: Option<String>,
}

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

impl Provider {
    /// Contacts nobody yet. `None` where no provider is configured.
    pub fn new(config: &OpenidConfig, authorities: &Authorities) -> anyhow::Result<Option<Self>> {
        let (Some(issuer), Some(client_id)) = (&config.issuer, &config.client_id) else { return Ok(None) };
        let timeout = Duration::from_secs(config.timeout_seconds);
        let certificates: reqwest::Result<Vec<_>> = authorities.iter().map(reqwest::Certificate::from_der).collect();
        let http = reqwest::Client::builder()
            // These alone: not those that are built into the library.
            .tls_built_in_root_certs(false);
        let http = certificates?.into_iter().fold(http, reqwest::ClientBuilder::add_root_certificate);
        let http = http
            .redirect(reqwest::redirect::Policy::none())
            .https_only(issuer.starts_with("https:"))
            .timeout(timeout)
            .build()
            .context("cannot prepare for OpenID Connect")?;
        Ok(Some(Provider {
            name: config.name.clone(),
            issuer: IssuerUrl::new(issuer.clone()).context("openid.issuer")?,
            client_id: ClientId::new(client_id.clone()),
            client_secret: config.client_secret.as_ref().map(|s| ClientSecret::new(s.expose_secret().to_owned())),
            scopes: config.scopes.iter().cloned().map(Scope::new).collect(),
            timeout,
            http,
            metadata: RwLock::default(),
        }))
    }

    /// Where to send somebody who wants to sign in and come back to `redirect_url`.
    ///
    /// # Errors
    /// UNAVAILABLE when the provider does not answer in time, or not as it should.
    pub async fn depart(&self, redirect_url: &str) -> Result<Departure> {
        self.in_time(async {
            let client = self.client(&*self.metadata().await?, redirect_url)?;
            let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
            let flow = CoreAuthenticationFlow::AuthorizationCode;
            let request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
            let (url, state, nonce) =
                request.add_scopes(self.scopes.iter().cloned()).set_pkce_challenge(challenge).url();
            Ok(Departure { url, state, nonce, verifier })
        })
        .await
    }

    /// Whom the provider has seen, from what somebody comes back with.
    ///
    /// # Errors
    /// BAD_USER_INPUT on `code` when the provider does not take it; UNAUTHENTICATED when what it says then cannot be believed;
    /// UNAVAILABLE when it does not answer in time, or not as it should.
    pub async fn arrive(&self, back: Return) -> Result<Person> {
        self.in_time(async {
            let metadata = self.metadata().await?;
            let client = self.client(&metadata, &back.redirect_url)?;
            let answer = self.redeem(&client, back.code, back.verifier).await?;
            let token = answer.id_token().ok_or_else(|| self.away(anyhow!("an answer without an ID token")))?;
            let nonce = Nonce::new(back.nonce);
            let claims = match verify(&client, token, &answer, &nonce) {
                Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                    // Signed with a key that is newer than what is known of the provider.
                    let client = self.client(&*self.look_up().await?, &back.redirect_url)?;
                    verify(&client, token, &answer, &nonce)
                }
                other => other,
            };
            let claims = claims.map_err(|error| self.not_believed(&error))?;
            self.person(&client, &answer, claims).await
        })
        .await
    }

    async fn redeem(&self, client: &Client, code: String, verifier: String) -> Result<CoreTokenResponse> {
        let request = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| self.away(anyhow!("metadata without a token endpoint")))?
            .set_pkce_verifier(PkceCodeVerifier::new(verifier));
        request.request_async(&self.http).await.map_err(|error| match error {
            RequestTokenError::ServerResponse(answer) if *answer.error() == CoreErrorResponseType::InvalidGrant => {
                Error::bad_input("code", format!("{} does not accept this code: start again.", self.name))
            }
            // What is told besides may repeat the code or the secret.
            RequestTokenError::ServerResponse(answer) => {
                self.away(anyhow!("the code is refused with {}", answer.error().as_ref()))
            }
            RequestTokenError::Request(error) => self.away(anyhow!(error)),
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                self.away(anyhow!("an answer to the code that is none"))
            }
        })
    }

    /// Some providers tell the address, or that they have verified it, only when they are asked.
    async fn person(&self, client: &Client, answer: &CoreTokenResponse, claims: &CoreIdTokenClaims) -> Result<Person> {
        let mut person = Person {
            issuer: claims.issuer().to_string(),
            subject: claims.subject().to_string(),
            email: claims.email().map(|email| email.to_string()),
            email_verified: claims.email_verified() == Some(true),
            name: claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
        };
        let user_info = client.user_info(answer.access_token().clone(), Some(claims.subject().clone()));
        let Some(request) = user_info.ok().filter(|_| !person.email_verified) else { return Ok(person) };
        let told: CoreUserInfoClaims = request.request_async(&self.http).await.map_err(|error| match error {
            UserInfoError::Request(error) => self.away(anyhow!(error)),
            // What is told besides may be personal.
            _ => self.away(anyhow!("an answer about the person that is none")),
        })?;
        person.email = told.email().map(|email| email.to_string());
        person.email_verified = told.email_verified() == Some(true);
        person.name = person.name.or_else(|| told.name().and_then(|name| name.get(None)).map(|name| name.to_string()));
        Ok(person)
    }

    fn client(&self, metadata: &CoreProviderMetadata, redirect_url: &str) -> Result<Client> {
        let redirect_url = RedirectUrl::new(redirect_url.to_owned()).map_err(Error::internal)?;
        let client =
            CoreClient::from_provider_metadata(metadata.clone(), self.client_id.clone(), self.client_secret.clone());
        Ok(client.set_redirect_uri(redirect_url).set_auth_type(auth_type(metadata)))
    }

    async fn metadata(&self) -> Result<Arc<CoreProviderMetadata>> {
        let known = self.metadata.read().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some((metadata, since)) if since.elapsed() < FRESH => Ok(metadata),
            _ => self.look_up().await,
        }
    }

    async fn look_up(&self) -> Result<Arc<CoreProviderMetadata>> {
        let metadata = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http).await;
        let metadata = Arc::new(metadata.map_err(|error| self.away(anyhow!(error)))?);
        // A browser is sent there.
        if metadata.authorization_endpoint().url().scheme() != self.issuer.url().scheme() {
            return Err(self.away(anyhow!("an authorisation endpoint of another scheme than the issuer's")));
        }
        let known = Some((metadata.clone(), Instant::now()));
        *self.metadata.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(metadata)
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let done = tokio::time::timeout(self.timeout, work).await;
        done.unwrap_or_else(|_| Err(self.away(anyhow!("no answer in time"))))
    }

    fn away(&self, source: anyhow::Error) -> Error {
        let mut error = Error::unavailable(source.context(format!("the OpenID provider {}", self.issuer.as_str())));
        error.message = format!("{} does not answer as it should at the moment. Try again shortly.", self.name);
        error
    }

    fn not_believed(&self, error: &ClaimsVerificationError) -> Error {
        tracing::warn!(issuer = self.issuer.as_str(), %error, "an ID token is not believed");
        Error::new(
            Code::Unauthenticated,
            format!("What {} says of you does not belong to this sign-in: start again.", self.name),
        )
    }
}

/// How we prove to the provider who we are: as most do, unless it takes only the other way.
fn auth_type(metadata: &CoreProviderMetadata) -> AuthType {
    let takes =
        |method| metadata.token_endpoint_auth_methods_supported().is_some_and(|methods| methods.contains(&method));
    match takes(CoreClientAuthMethod::ClientSecretPost) && !takes(CoreClientAuthMethod::ClientSecretBasic) {
        true => AuthType::RequestBody,
        false => AuthType::BasicAuth,
    }
}

/// Who signed the token, for whom, when, in answer to what, and that the access token beside it is the one it came with.
fn verify<'a>(
    client: &Client,
    token: &'a CoreIdToken,
    answer: &CoreTokenResponse,
    nonce: &Nonce,
) -> Result<&'a CoreIdTokenClaims, ClaimsVerificationError> {
    let verifier = client.id_token_verifier().set_time_fn(clock::now);
    let claims = token.claims(&verifier, nonce)?;
    if let Some(expected) = claims.access_token_hash() {
        let present = token.signing_alg().and_then(|algorithm| {
            let key = token.signing_key(&verifier)?;
            AccessTokenHash::from_token(answer.access_token(), algorithm, key)
                .map_err(|error| SignatureVerificationError::Other(error.to_string()))
        });
        if present.map_err(ClaimsVerificationError::SignatureVerification)? != *expected {
            return Err(ClaimsVerificationError::Other("an access token of another answer".to_owned()));
        }
    }
    Ok(claims)
}
