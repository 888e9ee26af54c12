//! Random secrets that are given out once and stored only as a hash: refresh tokens, and tokens that are sent by mail.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::RngCore;
use sha2::{Digest, Sha256};

/// 256 random bits cannot be guessed, so a fast hash without a salt is enough.
const BYTES: usize = 32;

/// A new secret, as it is given out.
pub fn generate() -> String {
    let mut bytes = [0; BYTES];
    rand::rng().fill_bytes(&mut bytes);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// What is stored of a secret: its SHA-256 in 64 hexadecimal digits.
pub fn hash(secret: &str) -> String {
    let digest = Sha256::digest(secret.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
