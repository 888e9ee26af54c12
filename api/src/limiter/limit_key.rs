//! The keys of rate limits. All are made here, so that nothing that somebody types makes two of them the same.

use ipnet::IpNet;
use sha2::{Digest, Sha256};

use crate::domain::{ids::UserId, viewer::Origin};

/// What a limit is for. An account is the key of its e-mail address, whether anybody has it or not; a network is what one client has for
/// itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKey<'k> {
    /// Attempts to sign in to an account from a network.
    Attempts {
        account: &'k str,
        network: IpNet,
    },
    /// Attempts to sign in to an account, from everywhere.
    AttemptsOn {
        account: &'k str,
    },
    /// Attempts to sign in from a network, to whatever account.
    AttemptsFrom(IpNet),
    SignUpsFrom(IpNet),
    LettersTo {
        account: &'k str,
    },
    /// Letters about a change of address: whoever asks for many leaves the account its own ([`LimitKey::LettersTo`]), by which it gets back in.
    ChangeLettersTo {
        account: &'k str,
    },
    LettersFrom(IpNet),
    /// What operations of a user cost.
    CostOfUser(UserId),
    /// What operations cost that nobody signed in for.
    CostOfNetwork(IpNet),
}

/// A key as it is stored: hashed, for it may have been made of a person's address.
pub(super) type Hash = [u8; 16];

impl<'k> LimitKey<'k> {
    /// Attempts to sign in to an account from there.
    pub fn attempts(account: &'k str, origin: &Origin) -> Self {
        LimitKey::Attempts { account, network: origin.network() }
    }

    pub(super) fn hash(self) -> Hash {
        let (kind, parts) = match self {
            LimitKey::Attempts { account, network } => ("attempts", vec![account.to_owned(), network.to_string()]),
            LimitKey::AttemptsOn { account } => ("attempts on", vec![account.to_owned()]),
            LimitKey::AttemptsFrom(network) => ("attempts from", vec![network.to_string()]),
            LimitKey::SignUpsFrom(network) => ("sign-ups from", vec![network.to_string()]),
            LimitKey::LettersTo { account } => ("letters to", vec![account.to_owned()]),
            LimitKey::ChangeLettersTo { account } => ("change letters to", vec![account.to_owned()]),
            LimitKey::LettersFrom(network) => ("letters from", vec![network.to_string()]),
            LimitKey::CostOfUser(user) => ("cost of user", vec![user.0.to_string()]),
            LimitKey::CostOfNetwork(network) => ("cost of network", vec![network.to_string()]),
        };
        let mut hasher = Sha256::new();
        for part in std::iter::once(kind).chain(parts.iter().map(String::as_str)) {
            // With its length, so that no part can run into the next.
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let mut short = Hash::default();
        short.copy_from_slice(&hasher.finalize()[..16]);
        short
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_keys_are_the_same_whatever_was_typed() {
        let network: IpNet = "192.0.2.1/32".parse().expect("a network");
        let other: IpNet = "192.0.2.7/32".parse().expect("a network");
        let mut keys = vec![
            LimitKey::AttemptsFrom(network),
            LimitKey::SignUpsFrom(network),
            LimitKey::LettersFrom(network),
            LimitKey::CostOfNetwork(network),
            LimitKey::CostOfUser(UserId(7)),
            LimitKey::CostOfUser(UserId(8)),
        ];
        for account in ["", "ann@demo.test", "192.0.2.1/32", "7", "attempts from192.0.2.1/32"] {
            keys.extend([
                LimitKey::AttemptsOn { account },
                LimitKey::LettersTo { account },
                LimitKey::ChangeLettersTo { account },
            ]);
            keys.extend([network, other].map(|network| LimitKey::Attempts { account, network }));
        }
        let hashes: HashSet<_> = keys.iter().map(|key| key.hash()).collect();
        assert_eq!(hashes.len(), keys.len());
        assert_eq!(LimitKey::CostOfUser(UserId(7)).hash(), LimitKey::CostOfUser(UserId(7)).hash());
    }
}
