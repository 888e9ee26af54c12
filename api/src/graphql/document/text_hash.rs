//! What names a text: its SHA-256.

use std::sync::Arc;

use sha2::{Digest, Sha256};

/// The SHA-256 of a document's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TextHash(pub(super) [u8; 32]);

/// A document that comes with its name for the first time, to be kept once it has passed.
pub struct Registered {
    pub(super) hash: TextHash,
    pub(super) text: Arc<str>,
}

impl TextHash {
    pub fn of(text: &str) -> Self {
        TextHash(Sha256::digest(text).into())
    }

    /// 64 hexadecimal digits.
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, place) in hash.iter_mut().zip(0..) {
            *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
        }
        Some(TextHash(hash))
    }
}
