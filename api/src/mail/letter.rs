//! What people are written: plain, friendly English, with what to do when one did not ask.
//!
//! No letter names its reader: anybody can sign up somebody else's address, under a name that is an advertisement.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// A letter to a user.
#[derive(Clone, Debug)]
pub struct Letter {
    pub(super) email: String,
    pub(super) occasion: Occasion,
}

/// Why somebody is written to. Tokens go out as `?token=…` of a link to the front end, and nowhere else.
#[derive(Clone, Debug)]
pub enum Occasion {
    /// To prove that the address is theirs: `/verify-email`.
    VerifyEmail { token: SecretString, valid_for: Duration },
    /// To set a new password: `/reset-password`.
    ResetPassword { token: SecretString, valid_for: Duration },
    /// To set the first password of an account that somebody else made for them: `/accept-invitation`.
    Invitation { token: SecretString, valid_for: Duration },
    /// To prove that the address that an account is to have is theirs: `/verify-email`.
    ChangeEmail { token: SecretString, valid_for: Duration },
    /// Somebody wants their account to have this address, which has one already.
    EmailTaken,
    /// The account is to have another address than this one.
    EmailChangeRequested,
    /// The account has another address than this one.
    EmailChanged,
    /// The password was changed, or set anew.
    PasswordChanged,
    /// The account can be entered through this provider from now on.
    SignInAdded { provider: String },
}

impl Letter {
    /// To an address that no account need have.
    pub fn to_address(email: &str, occasion: Occasion) -> Self {
        Letter { email: email.to_owned(), occasion }
    }

    pub(super) fn subject(&self) -> &'static str {
        match self.occasion {
            Occasion::VerifyEmail { .. } => "Confirm your e-mail address",
            Occasion::ResetPassword { .. } => "Set a new password",
            Occasion::Invitation { .. } => "You are invited to Tiffin",
            Occasion::ChangeEmail { .. } => "Confirm your new e-mail address",
            Occasion::EmailTaken => "This e-mail address has an account",
            Occasion::EmailChangeRequested => "Your e-mail address is to be changed",
            Occasion::EmailChanged => "Your e-mail address was changed",
            Occasion::PasswordChanged => "Your password was changed",
            Occasion::SignInAdded { .. } => "A new way to sign in to your account",
        }
    }

    /// The page of the front end that the letter leads to.
    pub(super) fn link(&self, front_end: &Url) -> Option<Url> {
        let (page, token) = match &self.occasion {
            Occasion::VerifyEmail { token, .. } | Occasion::ChangeEmail { token, .. } => ("verify-email", token),
            Occasion::ResetPassword { token, .. } => ("reset-password", token),
            Occasion::Invitation { token, .. } => ("accept-invitation", token),
            Occasion::EmailTaken
            | Occasion::EmailChangeRequested
            | Occasion::EmailChanged
            | Occasion::PasswordChanged
            | Occasion::SignInAdded { .. } => return None,
        };
        let mut link = front_end.clone();
        link.path_segments_mut().ok()?.pop_if_empty().push(page);
        link.query_pairs_mut().append_pair("token", token.expose_secret());
        Some(link)
    }

    /// The body, one paragraph a line.
    pub(super) fn text(&self, front_end: &Url) -> String {
        let link = self.link(front_end).map(String::from).unwrap_or_default();
        let paragraphs = match &self.occasion {
            Occasion::VerifyEmail { valid_for, .. } => vec![
                "Please confirm that this e-mail address is yours:".to_owned(),
                link,
                format!("The link works once, for {}.", in_words(*valid_for)),
                "If you did not sign up for Tiffin, ignore this letter: nothing happens without the link.".to_owned(),
            ],
            Occasion::ResetPassword { valid_for, .. } => vec![
                "Somebody, hopefully you, asked for a new password. Set it here:".to_owned(),
                link,
                format!("The link works once, for {}. Your old password works until then.", in_words(*valid_for)),
                "If you did not ask for it, ignore this letter: nothing changes without the link.".to_owned(),
            ],
            Occasion::Invitation { valid_for, .. } => vec![
                "An account at Tiffin was made for you. Choose a password to sign in with:".to_owned(),
                link,
                format!("The link works once, for {}.", in_words(*valid_for)),
                "If you do not know why you got this, ignore this letter: nothing happens without the link.".to_owned(),
            ],
            Occasion::ChangeEmail { valid_for, .. } => vec![
                "Somebody, hopefully you, wants an account at Tiffin to have this e-mail address. Confirm it here:"
                    .to_owned(),
                link,
                format!(
                    "The link works once, for {}. The account has this address from then on: it is signed in to with it, and links that \
                     set a password go here.",
                    in_words(*valid_for)
                ),
                "If you did not ask for it, ignore this letter: nothing changes without the link.".to_owned(),
            ],
            Occasion::EmailTaken => vec![
                "Somebody, hopefully you, wants another account at Tiffin to have this e-mail address. It has an account \
                 already, and an address has one only."
                    .to_owned(),
                "If it was you, sign in to the account that has it, and delete that one or give it another address first."
                    .to_owned(),
                "If it was not you, ignore this letter: nothing changes.".to_owned(),
            ],
            Occasion::EmailChangeRequested => vec![
                "Somebody, hopefully you, asked for another e-mail address for your account at Tiffin. It changes when the new \
                 address is confirmed; until then everything is as it was."
                    .to_owned(),
                "If that was not you, set a new password at once: nothing changes then.".to_owned(),
            ],
            Occasion::EmailChanged => vec![
                "Your account at Tiffin has another e-mail address from now on, as was asked for. Nothing about it is sent here \
                 any more."
                    .to_owned(),
                "If that was not you, tell us.".to_owned(),
            ],
            Occasion::PasswordChanged => vec![
                "The password of your account at Tiffin was changed.".to_owned(),
                "If that was not you, ask for a new password at once, and look through your sessions.".to_owned(),
            ],
            Occasion::SignInAdded { provider } => vec![
                format!("You can sign in to your account at Tiffin with {provider} from now on."),
                "If that was not you, sign out of all sessions, and tell us.".to_owned(),
            ],
        };
        format!("Hello,\n\n{}\n\nTiffin\n", paragraphs.join("\n\n"))
    }
}

/// `30 minutes`, `1 hour`, `7 days`: rounded down to the largest unit that fits.
fn in_words(duration: Duration) -> String {
    let minutes = duration.as_secs() / 60;
    let (count, unit) = match minutes {
        0..60 => (minutes, "minute"),
        60..1440 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(occasion: Occasion) -> Letter {
        Letter { email: "ann@example.com".to_owned(), occasion }
    }

    fn link(front_end: &str, token: &str) -> String {
        let occasion = Occasion::VerifyEmail { token: token.into(), valid_for: Duration::from_secs(60) };
        letter(occasion).link(&front_end.parse().expect("an address")).expect("a link").into()
    }

    #[test]
    fn links_stand_below_the_front_ends_address() {
        assert_eq!(link("https://app.example", "abc"), "https://app.example/verify-email?token=abc");
        assert_eq!(link("https://app.example/shop/", "a b&c"), "https://app.example/shop/verify-email?token=a+b%26c");
    }

    #[test]
    fn durations_are_told_in_words() {
        for (seconds, words) in [
            (60, "1 minute"),
            (1_800, "30 minutes"),
            (3_600, "1 hour"),
            (86_399, "23 hours"),
            (86_400, "1 day"),
            (604_800, "7 days"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn a_letter_keeps_its_token_when_it_is_printed() {
        let occasion = Occasion::ResetPassword { token: "hunter2".into(), valid_for: Duration::from_secs(60) };
        assert!(!format!("{:?}", letter(occasion)).contains("hunter2"));
    }
}
