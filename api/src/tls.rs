//! Trusted certificate authorities, for the TLS connections that the server makes: to PostgreSQL, Redis, an SMTP server and an OpenID
//! provider.
//!
//! The authorities of the system's store, as `SSL_CERT_FILE` and `SSL_CERT_DIR` have it, and the private ones that are configured. Each
//! library is given the same; sqlx takes the system's by itself.

use std::path::Path;

use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// The certificates of authorities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorities(Vec<CertificateDer<'static>>);

impl Authorities {
    /// Those of the file of `tls.authorities` alone; without one, none.
    ///
    /// # Errors
    /// One sentence: the file cannot be read, or holds anything but certificates that can be used.
    pub fn private(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(file) = file else { return Ok(Self::default()) };
        let shown = file.display();
        let text = std::fs::read(file).with_context(|| format!("the file {shown} cannot be read"))?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let certificates = certificates.with_context(|| format!("the file {shown} is damaged"))?;
        anyhow::ensure!(
            !certificates.is_empty(),
            "the file {shown} holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----"
        );
        for (number, certificate) in (1..).zip(&certificates) {
            let added = RootCertStore::empty().add(certificate.clone());
            added.with_context(|| format!("certificate {number} in the file {shown} cannot be used"))?;
        }
        Ok(Authorities(certificates))
    }

    /// Those of the system, and those of the file of `tls.authorities`.
    ///
    /// # Errors
    /// Those of [`Authorities::private`]. What of the system's store cannot be used is left out, and logged.
    pub fn all(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut all = Self::private(file)?;
        let system = rustls_native_certs::load_native_certs();
        for error in system.errors {
            tracing::warn!(%error, "a certificate of the system's store is left out");
        }
        let is_usable = |certificate: &CertificateDer<'static>| RootCertStore::empty().add(certificate.clone()).is_ok();
        all.0.extend(system.certs.into_iter().filter(is_usable));
        Ok(all)
    }

    /// Each in DER.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// All of them in PEM.
    pub fn to_pem(&self) -> Vec<u8> {
        let mut pem = Vec::new();
        for certificate in self.iter() {
            pem.extend_from_slice(b"-----BEGIN CERTIFICATE-----\n");
            for line in BASE64_STANDARD.encode(certificate).as_bytes().chunks(64) {
                pem.extend_from_slice(line);
                pem.push(b'\n');
            }
            pem.extend_from_slice(b"-----END CERTIFICATE-----\n");
        }
        pem
    }
}
