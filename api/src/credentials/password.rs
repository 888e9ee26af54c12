//! Passwords: kept as argon2id hashes (RFC 9106), checked beside the threads that serve.

use std::sync::LazyLock;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use crate::domain::error::{Error, Result};

/// Length is what makes passwords strong (NIST SP 800-63B, section 3.1.1.2).
const MINIMUM_CHARACTERS: usize = 10;
/// Hashing takes longer the longer the text; nobody types more.
const MAXIMUM_CHARACTERS: usize = 200;

/// A hash takes a core and 19 MiB for as long as it is made: more at once than there are cores would only wait, and for memory.
static PLACES: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)));

/// What a password is compared with where there is none, so that the time of the answer does not tell (constant time).
static NOBODYS: LazyLock<String> = LazyLock::new(|| hash("a password that nobody has").unwrap_or_default());

/// A password that may be set. BAD_USER_INPUT on `field` when it is too short or too long.
pub fn decode(field: &str, password: &str) -> Result<String> {
    let length = password.chars().count();
    if length < MINIMUM_CHARACTERS {
        return Err(Error::bad_input(field, format!("A password has at least {MINIMUM_CHARACTERS} characters.")));
    }
    if length > MAXIMUM_CHARACTERS {
        return Err(Error::bad_input(field, format!("A password has at most {MAXIMUM_CHARACTERS} characters.")));
    }
    Ok(password.to_owned())
}

/// The hash of a password, as a PHC string.
pub async fn hashed(password: String) -> Result<String> {
    aside(move || hash(&password)).await?.map_err(Error::internal)
}

/// Whether the password is the one that was hashed. Takes as long where there is no hash.
pub async fn is_right(password: String, hash: Option<String>) -> Result<bool> {
    if password.chars().count() > MAXIMUM_CHARACTERS {
        return Ok(false);
    }
    aside(move || {
        let kept = hash.as_deref().unwrap_or(&NOBODYS);
        let right = PasswordHash::new(kept)
            .is_ok_and(|kept| Argon2::default().verify_password(password.as_bytes(), &kept).is_ok());
        right && hash.is_some()
    })
    .await
}

fn hash(password: &str) -> anyhow::Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| anyhow::anyhow!("a password cannot be hashed: {error}"))
}

/// Runs what takes a core on a thread for that, as many at a time as there are cores.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let place = PLACES.acquire().await.map_err(Error::internal)?;
    let work = move || {
        // Held until the work is done, also when nobody waits for it any more.
        let _place = place;
        work()
    };
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use crate::credentials::password::*;

    #[tokio::test]
    async fn only_the_password_that_was_hashed_is_right() {
        let kept = hashed("correct horse".to_owned()).await.expect("hashed");
        assert!(kept.starts_with("$argon2id$"));
        assert!(is_right("correct horse".to_owned(), Some(kept.clone())).await.expect("checked"));
        for wrong in ["Correct horse", "correct horse ", "", &"x".repeat(100_000)] {
            assert!(!is_right(wrong.to_owned(), Some(kept.clone())).await.expect("checked"), "{wrong:.20}");
        }
        assert!(!is_right("a password that nobody has".to_owned(), None).await.expect("checked"));
        assert!(!is_right("x".to_owned(), Some("no hash".to_owned())).await.expect("checked"));
    }

    #[test]
    fn a_password_has_a_length() {
        assert!(decode("password", "123456789").is_err());
        assert!(decode("password", "mật khẩu!!").is_ok());
        assert!(decode("password", &"x".repeat(201)).is_err());
    }
}
