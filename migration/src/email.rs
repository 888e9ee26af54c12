//! Normalises e-mail addresses to the one form that they are compared by. In Rust and not in SQL, for each database folds case by its own
//! locale.

use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Invisible characters, beside those whose category says so: fillers, joiners and selectors among letters and marks, and the empty pattern
/// of Braille.
const UNSEEN: &[std::ops::RangeInclusive<char>] = &[
    '\u{34f}'..='\u{34f}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{e0100}'..='\u{e01ef}',
];

/// Begins the key of an address that finds its account by its exact spelling only. No normal form begins so, for a name with a space is
/// written in quotes.
const EXACTLY: &str = "= ";

/// An e-mail address: as the person wrote it, and as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    written: String,
    normalized: String,
}

/// Why a text has no normal form as an e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoEmail {
    /// It holds this character, which nobody sees.
    Unseen(char),
    /// It has no name and domain, or the domain is none.
    Malformed,
}

impl Email {
    /// Reads an address as somebody wrote it. Whether letters can be addressed to it is another question.
    pub fn parse(text: &str) -> Result<Self, NoEmail> {
        let written = tidy(text);
        let normalized = normalize(&written)?;
        Ok(Email { written, normalized })
    }

    /// Trimmed and composed (NFC), and otherwise as the person wrote it: what is shown, and where letters go.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The same for all spellings of one address.
    pub fn normalized(&self) -> &str {
        &self.normalized
    }
}

/// What an address is compared by.
///
/// The name is composed (NFC) with its case folded in full, the domain as A-labels (UTS 46). Doing it again changes nothing more.
fn normalize(address: &str) -> Result<String, NoEmail> {
    if let Some(unseen) = address.chars().find(|letter| is_unseen(*letter)) {
        return Err(NoEmail::Unseen(unseen));
    }
    let (name, domain) = address.rsplit_once('@').ok_or(NoEmail::Malformed)?;
    if name.is_empty() || (name.contains(' ') && !name.starts_with('"')) {
        return Err(NoEmail::Malformed);
    }
    let domain = match domain.strip_prefix('[').and_then(|domain| domain.strip_suffix(']')) {
        // An address of a network, which letters may be sent to as well.
        Some(literal) => format!("[{}]", literal.to_ascii_lowercase()),
        None => Uts46::new()
            .to_ascii(domain.as_bytes(), AsciiDenyList::URL, Hyphens::Allow, DnsLength::Verify)
            .map_err(|_| NoEmail::Malformed)?
            .into_owned(),
    };
    Ok(format!("{}@{domain}", fold(name)))
}

/// Folds the case of a text in full, so that texts which differ by case, or by how accents are composed, are the same (Unicode,
/// definition D145).
pub fn fold(text: &str) -> String {
    let decomposed: String = text.nfd().collect();
    caseless::default_case_fold_str(&decomposed).nfc().collect()
}

/// The key of an account that shares its address with another, or whose address has no normal form: its exact spelling.
pub fn exactly(address: &str) -> String {
    format!("{EXACTLY}{address}")
}

/// The key of an address: its normal form, or the exact spelling where it has none.
pub fn key(address: &str) -> String {
    Email::parse(address).map_or_else(|_| exactly(address), |email| email.normalized)
}

/// Whether a key finds its account by the exact spelling only.
pub fn is_exact(key: &str) -> bool {
    key.starts_with(EXACTLY)
}

/// What the keys of [`exactly`] match in SQL's `like`.
pub fn exact_pattern() -> String {
    format!("{EXACTLY}%")
}

fn tidy(text: &str) -> String {
    text.trim().nfc().collect()
}

/// Whether a character shows nothing, or nobody can say yet what it shows.
fn is_unseen(letter: char) -> bool {
    let by_category = match letter.general_category() {
        GeneralCategory::Control
        | GeneralCategory::Format
        | GeneralCategory::LineSeparator
        | GeneralCategory::ParagraphSeparator
        | GeneralCategory::PrivateUse
        | GeneralCategory::Surrogate
        | GeneralCategory::Unassigned => true,
        GeneralCategory::SpaceSeparator => letter != ' ',
        _ => false,
    };
    by_category || UNSEEN.iter().any(|range| range.contains(&letter))
}

impl fmt::Display for NoEmail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoEmail::Unseen(letter) => write!(
                formatter,
                "This holds a character that nobody sees (U+{:04X}): write the address without it.",
                u32::from(*letter)
            ),
            NoEmail::Malformed => formatter.write_str("This is not an e-mail address."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(text: &str) -> String {
        Email::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}")).normalized
    }

    #[test]
    fn one_address_has_one_form_however_it_is_written() {
        for (one, other) in [
            ("Élodie@example.com", "élodie@example.com"),
            ("E\u{301}lodie@example.com", "ÉLODIE@EXAMPLE.com"),
            ("Ian@example.com", "ian@example.com"),
            ("STRASSE@example.com", "straße@example.com"),
            ("ann@bücher.example", "Ann@BÜCHER.example"),
            ("ann@bücher.example", "ann@xn--bcher-kva.example"),
            ("ann@example。com", "ann@example.com"),
            ("ὈΔΥΣΣΕΎΣ@example.com", "ὀδυσσεύς@example.com"),
            ("  ann@example.com\n", "ann@example.com"),
            ("ann@[IPv6:2001:DB8::1]", "ann@[ipv6:2001:db8::1]"),
            ("deleted-7@deleted.invalid", "DELETED-7@deleted.invalid"),
            ("ann@mail_1.example.com", "ann@MAIL_1.example.com"),
        ] {
            assert_eq!(normalized(one), normalized(other), "{one} and {other}");
        }
    }

    #[test]
    fn different_addresses_have_different_forms() {
        // Whoever writes ı does not mean i; and ß in a domain is another domain.
        for (one, other) in [
            ("ıan@example.com", "ian@example.com"),
            ("elodie@example.com", "élodie@example.com"),
            ("ann@straße.example", "ann@strasse.example"),
            ("ann+shop@example.com", "ann@example.com"),
            ("a.nn@example.com", "ann@example.com"),
        ] {
            assert_ne!(normalized(one), normalized(other), "{one} and {other}");
        }
    }

    #[test]
    fn it_is_kept_as_it_was_written_but_composed() {
        let email = Email::parse(" E\u{301}lodie@Bücher.example ").expect("an address");
        assert_eq!((email.written(), email.normalized()), ("Élodie@Bücher.example", "élodie@xn--bcher-kva.example"));
    }

    #[test]
    fn what_nobody_sees_is_refused_by_name() {
        for (text, unseen) in [
            ("an\u{200b}n@example.com", '\u{200b}'),
            ("ann@exam\u{ad}ple.com", '\u{ad}'),
            ("ann\u{202e}@example.com", '\u{202e}'),
            ("ann\u{3164}@example.com", '\u{3164}'),
            ("a\u{3000}nn@example.com", '\u{3000}'),
            ("ann\u{fe0f}@example.com", '\u{fe0f}'),
            ("an\0n@example.com", '\0'),
            ("ann\u{e000}@example.com", '\u{e000}'),
        ] {
            assert_eq!(Email::parse(text), Err(NoEmail::Unseen(unseen)), "{text:?}");
        }
        for malformed in
            ["", "ann", "@example.com", "ann@", "ann@a..b", "ann@example.com.", "ann@xn--a", "ann@exa mple.com"]
        {
            assert_eq!(Email::parse(malformed), Err(NoEmail::Malformed), "{malformed:?}");
        }
    }

    #[test]
    fn an_exact_key_is_nobodys_normal_form() {
        let key = exactly("Ann@example.com");
        assert!(is_exact(&key) && !is_exact(&normalized("Ann@example.com")));
        assert_ne!(key, exactly("ann@example.com"));
        assert_eq!(Email::parse(&key), Err(NoEmail::Malformed));
    }

    /// The forms of all rows are in databases: when a newer library folds a letter in another way, a migration has to write them anew.
    #[test]
    fn no_letter_changes_its_form_unnoticed() {
        let mut changed = String::new();
        for letter in '\0'..=char::MAX {
            let once = fold(&letter.to_string());
            assert_eq!(fold(&once), once, "{letter:?}");
            if once != letter.to_string() {
                changed.extend([letter.to_string(), once]);
            }
        }
        // FNV-1a.
        let hash = changed
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        assert_eq!(hash, 905_064_543_928_076_194, "the forms of letters have changed");
    }
}
