//! What a token was sent for, where SQLite cannot change what a column takes.

use migration::{migrate_steps, roll_back};
use sea_orm_migration::sea_orm::DatabaseConnection;

use crate::scratch::{Scratch, execute, on_both, query, steps_to};

async fn insert(db: &DatabaseConnection, token: &str, purpose: &str) -> Result<(), String> {
    let sql = format!(
        "insert into account_tokens (token_hash, user_id, purpose, email, created_at, expires_at) values
         ('{token}', 1, '{purpose}', 'ann@example.com', '2026-01-01T00:00:00+00:00', '2026-01-02T00:00:00+00:00')"
    );
    execute(db, &sql).await.map(drop).map_err(|error| error.to_string())
}

async fn tokens(db: &DatabaseConnection) -> Vec<String> {
    let rows = query(db, "select token_hash from account_tokens order by token_hash").await;
    rows.iter().map(|row| row.try_get("", "token_hash").unwrap()).collect()
}

on_both!(what_was_sent_before_is_kept_on_the_way_there_and_back);
async fn what_was_sent_before_is_kept_on_the_way_there_and_back(scratch: Scratch) {
    let db = scratch.connect().await;
    let step = steps_to("add_purpose_change_email");
    migrate_steps(&db, step - 1).await.unwrap();
    execute(&db, "insert into users (id, email, normalized_email) values (1, 'ann@example.com', 'ann@example.com')")
        .await
        .unwrap();
    insert(&db, "a", "VERIFY_EMAIL").await.unwrap();
    insert(&db, "b", "CHANGE_EMAIL").await.expect_err("not yet");
    migrate_steps(&db, 1).await.unwrap();
    insert(&db, "b", "CHANGE_EMAIL").await.unwrap();
    insert(&db, "c", "SOMETHING").await.expect_err("never");
    assert_eq!(tokens(&db).await, ["a", "b"]);

    roll_back(&db, Some(1)).await.unwrap();
    assert_eq!(tokens(&db).await, ["a"]);
    insert(&db, "b", "CHANGE_EMAIL").await.expect_err("no more");
    insert(&db, "c", "INVITATION").await.unwrap();
    // What goes with its user goes as before.
    migrate_steps(&db, 1).await.unwrap();
    execute(&db, "delete from users").await.unwrap();
    assert_eq!(tokens(&db).await, Vec::<String>::new());
}
