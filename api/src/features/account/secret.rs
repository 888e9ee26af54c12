//! What is given out once and kept only as a hash: refresh tokens, and what is sent by mail.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::RngCore;
use sha2::{Digest, Sha256};

/// 256 random bits, which nobody guesses: a hash without salt or cost is enough to keep them by.
const BYTES: usize = 32;

/// A new secret, as it is given out.
pub fn generate() -> String {
    let mut bytes = [0; BYTES];
    rand::rng().fill_bytes(&mut bytes);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// What is kept of it: 64 hexadecimal digits of SHA-256.
pub fn hash(secret: &str) -> String {
    let digest = Sha256::digest(secret.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
