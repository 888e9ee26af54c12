//! What is lost with a connection, and what is not; and what failures of both databases are called.

use tiffin_tests::Proxy;

use super::{super::connection_pool::Working, *};

/// Lets the pool open all its connections, so that a later statement comes over one that is unused for a while.
async fn fill(db: &Pool, connections: u32) -> Vec<String> {
    let mut held = Vec::new();
    for _ in 0..connections {
        held.push(db.take().await.expect("a connection").work(Left::ToRest));
    }
    let mut processes = Vec::new();
    for connection in &mut held {
        processes.push(text_on(connection, "select pg_backend_pid()::text").await);
    }
    held.into_iter().map(Working::ended).for_each(drop);
    processes
}

async fn end(others: &Pool, processes: &[String]) {
    for process in processes {
        let ended = value(others, &format!("select pg_terminate_backend({process}, 10000)::text")).await;
        assert_eq!(ended, "true");
    }
}

#[tokio::test]
async fn a_restart_of_the_database_costs_no_reading_and_no_begin() {
    let mut config = postgres();
    config.max_connections = 10;
    let (db, others) = (connect(&config).await.expect("connects"), connect(&config).await.expect("connects"));
    for first in ["reading", "begin"] {
        let processes = fill(&db, config.max_connections).await;
        end(&others, &processes).await;
        for round in 0..20 {
            if (round % 2 == 0) == (first == "reading") {
                assert_eq!(value(&db, "select 'there'").await, "there", "{first}, {round}");
            } else {
                let transaction = begin(&db).await.unwrap_or_else(|error| panic!("{first}, {round}: {error:?}"));
                transaction.commit().await.expect("commits");
            }
        }
    }
}

#[tokio::test]
async fn what_may_have_happened_is_not_tried_again_and_is_the_only_one_that_fails() {
    let mut config = postgres();
    config.max_connections = 10;
    let (db, others) = (connect(&config).await.expect("connects"), connect(&config).await.expect("connects"));
    let processes = fill(&db, config.max_connections).await;
    end(&others, &processes).await;
    let mut failures = 0;
    for _ in 0..20 {
        // For all that the pool knows it writes.
        if let Err(failure) = db.execute_unprepared("with nothing as (select 1) select 1").await {
            assert_eq!(Error::from(failure).code, Code::Unavailable);
            failures += 1;
        }
    }
    assert_eq!(failures, 1);
}

#[tokio::test]
async fn a_database_that_lets_nobody_in_for_a_moment_costs_nothing() {
    let line = Proxy::to(&postgres().address()).await;
    let mut config = postgres();
    config.url = Some(SecretString::from(line.url()));
    let db = connect(&config).await.expect("connects");
    fill(&db, config.max_connections).await;
    for what in ["reading", "writing", "begin"] {
        line.cut();
        let mending = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            line.mend();
        };
        let working = async {
            match what {
                "reading" => assert_eq!(value(&db, "select 'there'").await, "there"),
                "writing" => {
                    // Only of a connection that there was it is not known what became of it.
                    while db.execute_unprepared("with nothing as (select 1) select 1").await.is_err() {}
                }
                _ => begin(&db).await.expect("begins").commit().await.expect("commits"),
            }
        };
        tokio::join!(mending, working);
    }
}

#[tokio::test]
async fn a_database_that_says_nothing_is_unavailable_in_time() {
    let line = Proxy::to(&postgres().address()).await;
    let mut config = postgres();
    config.url = Some(SecretString::from(line.url()));
    (config.acquire_timeout_seconds, config.statement_timeout_seconds) = (1, 1);
    let db = connect(&config).await.expect("connects");
    assert_eq!(value(&db, "select 'there'").await, "there");
    line.freeze();
    let statement = || Statement::from_string(DbBackend::Postgres, "select 'there'");
    // The first one comes over a connection that was fine, the others over none.
    for round in 0..3 {
        let reading = Error::from(db.query_one_raw(statement()).await.expect_err("nobody answers"));
        assert_eq!(reading.code, Code::Unavailable, "{round}: {reading:?}");
        let beginning = begin(&db).await.expect_err("nobody answers");
        assert_eq!(beginning.code, Code::Unavailable, "{round}: {beginning:?}");
    }
    line.mend();
    assert_eq!(value(&db, "select 'there'").await, "there", "and all is well again");
}

#[tokio::test]
async fn failures_are_called_by_what_they_mean() {
    let db = connect(&postgres()).await.expect("connects");
    for (state, code) in [
        ("53100", Code::Unavailable),
        ("53200", Code::Unavailable),
        ("58030", Code::Unavailable),
        ("40001", Code::Unavailable),
        ("55P03", Code::Unavailable),
        ("57P01", Code::Unavailable),
        ("08P01", Code::Unavailable),
        ("57014", Code::Timeout),
        ("23001", Code::Conflict),
        ("22003", Code::BadUserInput),
        ("XX001", Code::InternalServerError),
    ] {
        let raise = format!("do $$ begin raise exception using errcode = '{state}'; end $$");
        let failure = db.execute_unprepared(&raise).await.expect_err("raises");
        assert_eq!(Error::from(failure).code, code, "{state}");
    }

    let config = sqlite("meanings");
    let db = connect(&config).await.expect("connects");
    db.execute_unprepared(
        "create table parents (n integer primary key, size integer check (size < 10)); \
         create table children (n integer references parents on delete restrict); \
         insert into parents values (1, 1); insert into children values (1)",
    )
    .await
    .expect("the tables can be made");
    for (statement, code) in [
        ("delete from parents", Code::Conflict),
        ("insert into children values (2)", Code::Conflict),
        ("insert into parents values (1, 1)", Code::Conflict),
        ("insert into parents values (2, 10)", Code::BadUserInput),
        ("pragma query_only = on; delete from children", Code::Unavailable),
        ("select nonsense", Code::InternalServerError),
    ] {
        let failure = db.execute_unprepared(statement).await.expect_err("is refused");
        assert_eq!(Error::from(failure).code, code, "{statement}");
    }
    db.close().await.expect("closes");
    std::fs::remove_dir_all(&config.data_directory).expect("removed");
}
