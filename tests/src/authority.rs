//! A private certificate authority for one test, trusted only by those who are told of it.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// Signs certificates. Dropped, its files are gone.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: TempDir,
}

/// The files with which a server shows who it is.
#[derive(Clone, Debug)]
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    pub fn new() -> Self {
        let directory =
            tempfile::Builder::new().prefix("tiffin-authority.").tempdir().expect("a directory can be made");
        // Servers that do not run as root read in it.
        let everybody = Permissions::from_mode(0o755);
        std::fs::set_permissions(directory.path(), everybody).expect("a directory can be opened to others");
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = parameters.self_signed(&key).expect("a certificate can be made");
        std::fs::write(directory.path().join("authority.pem"), certificate.pem()).expect("a file can be written");
        Authority { issuer: Issuer::new(parameters, key), directory }
    }

    /// The file with its own certificate.
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }

    /// A certificate for the server of this name.
    pub fn identity_of(&self, host: &str) -> Identity {
        let parameters = CertificateParams::new([host.to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = parameters.signed_by(&key, &self.issuer).expect("a certificate can be made");
        let file = |name: &str, text: String| {
            let file = self.directory.path().join(format!("{host}.{name}.pem"));
            std::fs::write(&file, text).expect("a file can be written");
            file
        };
        Identity { certificate: file("certificate", certificate.pem()), key: file("key", key.serialize_pem()) }
    }
}

impl Identity {
    /// The paths of the certificate and of the key, for a command line.
    pub(crate) fn paths(&self) -> [&str; 2] {
        [&self.certificate, &self.key].map(|path: &PathBuf| text(path))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path is text")
}
