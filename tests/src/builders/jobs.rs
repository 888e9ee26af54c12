//! Jobs that have failed.

use entity::{jobs, sea_orm_active_enums::JobState};
use sea_orm::{ActiveModelTrait, ActiveValue::Set};
use serde_json::json;

use super::now;
use crate::{City, Person};

impl City {
    /// A dead letter: the person could not be sent a link to verify its address.
    pub async fn dead_letter(&self, person: &Person) -> jobs::Model {
        let row = jobs::ActiveModel {
            kind: Set("account_letter".to_owned()),
            state: Set(JobState::Dead),
            payload: Set(json!("verify_email")),
            user_id: Set(Some(person.user().id)),
            due_at: Set(now()),
            attempts: Set(1),
            last_error: Set(Some("the SMTP server answers 550".to_owned())),
            created_at: Set(now()),
            ..Default::default()
        };
        row.insert(self.db()).await.expect("a job can be written")
    }
}
