//! Builds what belongs to an account: sessions, tokens sent by mail, entries of the audit record.

use chrono::TimeDelta;
use entity::{
    account_tokens, audit_events, refresh_tokens, sea_orm_active_enums::AccountTokenPurpose, sessions, users,
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set};
use sha2::{Digest, Sha256};

use super::now;
use crate::{City, Person, access_token};

impl City {
    /// The user with a session of an hour.
    pub(crate) async fn signed_in(&self, user: users::Model) -> Person {
        let session = self.session(&user).await;
        let token = access_token(user.id, session.id, 3600);
        self.anonymous().signed_in(user, token)
    }

    /// A session of the user, whose refresh token nobody has.
    pub async fn session(&self, user: &users::Model) -> sessions::Model {
        let session = sessions::ActiveModel {
            user_id: Set(user.id),
            created_at: Set(now()),
            last_used_at: Set(now()),
            expires_at: Set(now() + TimeDelta::days(1)),
            address: Set(Some("127.0.0.1".to_owned())),
            ..Default::default()
        };
        let session = session.insert(self.db()).await.expect("a session can be written");
        let generation = refresh_tokens::ActiveModel {
            token_hash: Set(hash(&format!("of session {}", session.id))),
            session_id: Set(session.id),
            created_at: Set(now()),
            generation: Set(Some(1)),
            confirmed_at: Set(Some(now())),
            ..Default::default()
        };
        generation.insert(self.db()).await.expect("a refresh token can be written");
        session
    }

    /// What a letter would bring the user.
    pub async fn account_token(&self, user: &users::Model, purpose: AccountTokenPurpose) -> String {
        let token = format!("a token that was sent to {}", user.email);
        let row = account_tokens::ActiveModel {
            token_hash: Set(hash(&token)),
            user_id: Set(user.id),
            purpose: Set(purpose),
            email: Set(user.email.clone()),
            created_at: Set(now()),
            expires_at: Set(now() + TimeDelta::hours(1)),
            used_at: Set(None),
        };
        row.insert(self.db()).await.expect("a token can be written");
        token
    }

    /// An entry of the record: that the person has signed in.
    pub async fn audit_event(&self, person: &Person) -> audit_events::Model {
        let row = audit_events::ActiveModel {
            at: Set(now()),
            actor_id: Set(Some(person.user().id)),
            action: Set("SIGNED_IN".to_owned()),
            ..Default::default()
        };
        row.insert(self.db()).await.expect("an audit event can be written")
    }
}

/// What the database keeps of a secret.
fn hash(secret: &str) -> String {
    Sha256::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect()
}
