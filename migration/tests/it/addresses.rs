//! What becomes of e-mail addresses that were compared by the database's locale.

use migration::{migrate, migrate_steps};
use sea_orm_migration::sea_orm::{DatabaseConnection, DbBackend};

use crate::scratch::{Scratch, execute, on_both, query, steps_to};

/// Before there was a normal form.
async fn before(scratch: &Scratch) -> DatabaseConnection {
    let db = scratch.connect().await;
    migrate_steps(&db, steps_to("add_normalized_email") - 1).await.unwrap();
    db
}

/// Numbers with keys.
async fn keys(db: &DatabaseConnection, table: &str) -> Vec<(i32, String)> {
    let rows = query(db, &format!("select id, normalized_email from {table} order by id")).await;
    rows.iter().map(|row| (row.try_get("", "id").unwrap(), row.try_get("", "normalized_email").unwrap())).collect()
}

fn expected(keys: &[(i32, &str)]) -> Vec<(i32, String)> {
    keys.iter().map(|(id, key)| (*id, (*key).to_owned())).collect()
}

async fn insert_user(db: &DatabaseConnection, id: i32, email: &str, verified: bool, made: &str) {
    let verified = if verified { "'2026-02-01T00:00:00+00:00'" } else { "null" };
    let sql = format!(
        "insert into users (id, email, email_verified_at, created_at) values ({id}, '{email}', {verified}, '{made}T00:00:00+00:00')"
    );
    execute(db, &sql).await.unwrap_or_else(|error| panic!("{error} in {sql}"));
}

async fn insert_customer(db: &DatabaseConnection, id: i32, email: &str, user: Option<i32>) {
    let user = user.map_or_else(|| "null".to_owned(), |user| user.to_string());
    let sql = format!(
        "insert into customers (id, name, email, user_id, created_at, updated_at) values \
         ({id}, 'x', '{email}', {user}, '2026-01-0{id}T00:00:00+00:00', '2026-01-02T00:00:00+00:00')"
    );
    execute(db, &sql).await.unwrap_or_else(|error| panic!("{error} in {sql}"));
}

on_both!(the_verified_account_and_then_the_older_one_keeps_the_address);
async fn the_verified_account_and_then_the_older_one_keeps_the_address(scratch: Scratch) {
    let db = before(&scratch).await;
    // Neither is verified: the older one, whatever its number.
    insert_user(&db, 1, "straße@example.com", false, "2026-01-03").await;
    insert_user(&db, 2, "STRASSE@example.com", false, "2026-01-02").await;
    // One is.
    insert_user(&db, 3, "ann@bücher.example", false, "2026-01-01").await;
    insert_user(&db, 4, "Ann@xn--bcher-kva.example", true, "2026-01-05").await;
    // Both are; and a third one is not.
    insert_user(&db, 5, "e\u{301}lodie@example.com", true, "2026-01-02").await;
    insert_user(&db, 6, "élodie@example.com", true, "2026-01-01").await;
    insert_user(&db, 7, "Bao@Example.com", false, "2026-01-01").await;
    insert_user(&db, 8, "b\u{200b}en@example.com", true, "2026-01-01").await;
    insert_user(&db, 9, "deleted-9@deleted.invalid", false, "2026-01-01").await;
    migrate(&db).await.unwrap();
    let users = expected(&[
        (1, "= straße@example.com"),
        (2, "strasse@example.com"),
        (3, "= ann@bücher.example"),
        (4, "ann@xn--bcher-kva.example"),
        (5, "= e\u{301}lodie@example.com"),
        (6, "élodie@example.com"),
        (7, "bao@example.com"),
        (8, "= b\u{200b}en@example.com"),
        (9, "deleted-9@deleted.invalid"),
    ]);
    assert_eq!(keys(&db, "users").await, users);
}

on_both!(a_customer_record_follows_its_account);
async fn a_customer_record_follows_its_account(scratch: Scratch) {
    let db = before(&scratch).await;
    insert_user(&db, 1, "straße@example.com", false, "2026-01-01").await;
    insert_user(&db, 2, "STRASSE@example.com", true, "2026-01-02").await;
    insert_user(&db, 3, "ann@example.com", true, "2026-01-02").await;
    insert_customer(&db, 1, "straße@example.com", Some(1)).await;
    insert_customer(&db, 2, "Strasse@example.com", None).await;
    insert_customer(&db, 3, "STRASSE@example.com", Some(2)).await;
    insert_customer(&db, 4, "ANN@example.com", None).await;
    insert_customer(&db, 5, "Ann@example.com", None).await;
    migrate(&db).await.unwrap();
    let customers = expected(&[
        (1, "= straße@example.com"),
        (2, "= Strasse@example.com"),
        (3, "strasse@example.com"),
        (4, "ann@example.com"),
        (5, "= Ann@example.com"),
    ]);
    assert_eq!(keys(&db, "customers").await, customers);
}

on_both!(an_address_is_kept_by_the_right_one_across_batches);
async fn an_address_is_kept_by_the_right_one_across_batches(scratch: Scratch) {
    let db = before(&scratch).await;
    let many = match db.get_database_backend() {
        DbBackend::Postgres => "select n from generate_series(1, 12000) as n",
        _ => "with recursive s(n) as (select 1 union all select n + 1 from s where n < 12000) select n from s",
    };
    let filling = format!(
        "insert into users (id, email, created_at) select n, 'user' || n || '@example.com', '2026-01-01T00:00:00+00:00' from ({many}) as s"
    );
    execute(&db, &filling).await.unwrap();
    execute(&db, "update users set email = 'straße@example.com' where id = 1").await.unwrap();
    execute(
        &db,
        "update users set email = 'STRASSE@example.com', email_verified_at = '2026-02-01T00:00:00+00:00' where id = 11000",
    )
    .await
    .unwrap();
    migrate(&db).await.unwrap();
    let keys = keys(&db, "users").await;
    assert_eq!(keys.len(), 12_000);
    assert_eq!((&*keys[0].1, &*keys[10_999].1), ("= straße@example.com", "strasse@example.com"));
    assert_eq!(keys[11_999].1, "user12000@example.com");
}

on_both!(what_an_older_server_writes_after_the_backfill_gets_its_form_too);
async fn what_an_older_server_writes_after_the_backfill_gets_its_form_too(scratch: Scratch) {
    let db = before(&scratch).await;
    insert_user(&db, 1, "straße@example.com", false, "2026-01-02").await;
    migrate_steps(&db, 2).await.unwrap();
    insert_user(&db, 2, "STRASSE@example.com", false, "2026-01-03").await;
    insert_user(&db, 3, "Ann@example.com", false, "2026-01-03").await;
    insert_customer(&db, 1, "Ann@example.com", Some(3)).await;
    migrate(&db).await.unwrap();
    let users = [(1, "strasse@example.com"), (2, "= STRASSE@example.com"), (3, "ann@example.com")];
    assert_eq!(keys(&db, "users").await, expected(&users));
    assert_eq!(keys(&db, "customers").await, expected(&[(1, "ann@example.com")]));
}
