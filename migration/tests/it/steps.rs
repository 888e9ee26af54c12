//! Every step forward has a step back, and processes that migrate at once do not disturb one another.

use std::time::Duration;

use migration::{Migrator, migrate, migrate_steps, pending, roll_back};
use sea_orm_migration::{
    MigratorTrait,
    sea_orm::{DatabaseConnection, DbBackend},
};

use crate::scratch::{Scratch, assert_same, erd_steps, execute, insert_erd_rows, on_both, query, schema};

on_both!(up_down_and_up_again);
async fn up_down_and_up_again(scratch: Scratch) {
    let db = scratch.connect().await;
    assert_eq!(pending(&db).await.unwrap().len(), Migrator::migrations().len());
    assert_eq!(schema(&db).await, Vec::<String>::new(), "asking what is pending writes nothing");

    migrate(&db).await.unwrap();
    assert_eq!(pending(&db).await.unwrap(), Vec::<String>::new());
    let first = schema(&db).await;
    assert!(first.len() > 40, "{first:#?}");
    assert!(!first.iter().any(|line| line.contains("NOT VALID")), "{first:#?}");

    roll_back(&db, None).await.unwrap();
    assert_eq!(schema(&db).await, Vec::<String>::new());

    migrate(&db).await.unwrap();
    assert_same(&schema(&db).await, &first, "up again");
    migrate(&db).await.unwrap();
    assert_same(&schema(&db).await, &first, "nothing is left to do");
}

on_both!(every_step_goes_back_with_rows_there);
async fn every_step_goes_back_with_rows_there(scratch: Scratch) {
    let db = scratch.connect().await;
    for step in 1..=u32::try_from(Migrator::migrations().len()).unwrap() {
        let name = pending(&db).await.unwrap().remove(0);
        let before = state(&db).await;
        migrate_steps(&db, 1).await.unwrap();
        let after = state(&db).await;

        roll_back(&db, Some(1)).await.unwrap_or_else(|error| panic!("{name} down: {error}"));
        assert_same(&state(&db).await, &before, &format!("{name} down"));

        migrate_steps(&db, 1).await.unwrap_or_else(|error| panic!("{name} up again: {error}"));
        assert_same(&state(&db).await, &after, &format!("{name} up again"));
        if step == erd_steps() {
            insert_erd_rows(&db).await;
        }
    }
}

/// The schema and the rows. Whether a rule was checked on old rows is not part of it: going back does not unlearn that.
async fn state(db: &DatabaseConnection) -> Vec<String> {
    let mut state = schema(db).await;
    for line in &mut state {
        *line = line.replace(" NOT VALID", "");
    }
    if state.iter().any(|line| line.contains("reviews")) {
        state.extend(erd_rows(db).await);
    }
    state
}

/// The amounts and the number of rows of the ERD's tables.
async fn erd_rows(db: &DatabaseConnection) -> Vec<String> {
    let mut rows = Vec::new();
    for row in query(db, "select id, cast(total_amount as varchar(20)) as total from orders order by id").await {
        rows.push(format!("{} {}", row.try_get::<i32>("", "id").unwrap(), row.try_get::<String>("", "total").unwrap()));
    }
    for table in ["customers", "restaurants", "menus", "dishes", "drivers", "order_items", "reviews"] {
        let count = query(db, &format!("select count(*) as count from {table}")).await;
        rows.push(format!("{table} {}", count[0].try_get::<i64>("", "count").unwrap()));
    }
    rows
}

on_both!(rows_come_back_to_the_form_of_the_erd);
async fn rows_come_back_to_the_form_of_the_erd(scratch: Scratch) {
    let db = scratch.connect().await;
    migrate_steps(&db, erd_steps()).await.unwrap();
    insert_erd_rows(&db).await;
    let before = erd_rows(&db).await;
    migrate(&db).await.unwrap();
    assert_ne!(erd_rows(&db).await, before);
    let all = u32::try_from(Migrator::migrations().len()).unwrap();
    roll_back(&db, Some(all - erd_steps())).await.unwrap();
    assert_eq!(erd_rows(&db).await, before);
}

on_both!(processes_that_start_together_migrate_once);
async fn processes_that_start_together_migrate_once(scratch: Scratch) {
    let processes = (0..4).map(|_| {
        let scratch = scratch.clone();
        tokio::spawn(async move {
            let db = scratch.connect().await;
            migrate(&db).await
        })
    });
    for process in processes.collect::<Vec<_>>() {
        process.await.unwrap().unwrap();
    }
    assert_eq!(pending(&scratch.connect().await).await.unwrap(), Vec::<String>::new());
}

on_both!(a_failed_run_lets_the_next_one_in);
async fn a_failed_run_lets_the_next_one_in(scratch: Scratch) {
    let db = scratch.connect().await;
    execute(&db, "create table reviews (id integer)").await.unwrap();
    migrate(&db).await.unwrap_err();
    execute(&db, "drop table reviews").await.unwrap();
    let other = scratch.connect().await;
    let again = tokio::time::timeout(Duration::from_secs(20), migrate(&other));
    again.await.expect("the lock was released").unwrap();
}

on_both!(a_run_goes_on_after_a_step_that_was_cut_off);
async fn a_run_goes_on_after_a_step_that_was_cut_off(scratch: Scratch) {
    let db = scratch.connect().await;
    if db.get_database_backend() == DbBackend::Sqlite {
        return; // All of it is one transaction there: a step is never half done.
    }
    let cut_off = [
        "require_order_amounts",
        "require_order_item_dish_name",
        "index_whole_pages",
        "index_orders_under_way",
        "index_catalog",
        "index_search",
        "index_active_restaurants",
        "link_people_to_users",
        "add_normalized_email",
        "require_normalized_email",
        "drop_users_email_key",
        "add_token_generations",
    ];
    let mut seen = 0;
    for step in Migrator::migrations() {
        migrate_steps(&db, 1).await.unwrap();
        let name = step.name();
        if !cut_off.iter().any(|cut_off| name.ends_with(cut_off)) {
            continue;
        }
        seen += 1;
        let whole = schema(&db).await;
        // As if the server had been stopped after the step's work and before the note that it was done.
        execute(&db, &format!("delete from seaql_migrations where version = '{name}'")).await.unwrap();
        migrate_steps(&db, 1).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_same(&schema(&db).await, &whole, name);
    }
    assert_eq!(seen, cut_off.len());
}
