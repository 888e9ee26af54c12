//! The mechanism, with kinds of its own, on both databases.

use std::collections::BTreeMap;

use entity::{jobs, sea_orm_active_enums::JobState};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, Statement,
    sea_query::{Expr, ExprTrait},
};
use secrecy::SecretString;
use serde::Deserialize;
use tempfile::TempDir;
use tiffin_tests::{Database, PATIENCE, TestDatabase, both_databases};

use super::{operators::JobStanding, table::Ending, *};
use crate::{
    config::{Config, Environment},
    database::{self, Pool, Writer},
    domain::clock,
    shutdown::Shutdown,
    tasks::Tasks,
};

/// A database with its tables, and what was done there.
struct World {
    db: Pool,
    jobs: Jobs,
    done: Arc<Done>,
    _database: TestDatabase,
    _directory: TempDir,
}

/// What handlers have been given.
#[derive(Default)]
struct Done(std::sync::Mutex<Vec<String>>);

impl Done {
    fn note(&self, name: &str) {
        self.0.lock().expect("whole").push(name.to_owned());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().expect("whole").clone()
    }

    fn times(&self, name: &str) -> usize {
        self.all().iter().filter(|done| *done == name).count()
    }
}

#[derive(Serialize, Deserialize)]
struct Errand {
    name: String,
}

impl Job for Errand {
    const KIND: &'static str = "errand";
}

/// Fails as often as it says, and for good where it says so.
#[derive(Serialize, Deserialize)]
struct Trouble {
    failures: u32,
    is_final: bool,
}

impl Job for Trouble {
    const KIND: &'static str = "trouble";
    const ATTEMPTS: u32 = 2;
}

#[derive(Serialize, Deserialize)]
struct Round {}

impl Job for Round {
    const KIND: &'static str = "round";
    const EVERY: Option<Duration> = Some(Duration::from_secs(60 * 60));
}

fn standing(job: &jobs::Model) -> JobStanding {
    JobStanding::of(job.state, job.holder, job.due_at)
}

fn handlers() -> Handlers<Done> {
    Handlers::default()
        .on(async |done: Arc<Done>, claimed: Claimed<Errand>| {
            done.note(&claimed.job.name);
            Ok(Outcome::Done)
        })
        .on(async |done: Arc<Done>, claimed: Claimed<Trouble>| {
            done.note("trouble");
            match claimed.job {
                Trouble { is_final: true, .. } => Err(Failure::last("never")),
                Trouble { failures, .. } if claimed.attempt <= failures => panic!("not yet"),
                Trouble { .. } => Ok(Outcome::Done),
            }
        })
        .on(async |done: Arc<Done>, _: Claimed<Round>| {
            done.note("round");
            Ok(Outcome::Done)
        })
}

impl World {
    async fn new(database: Database) -> Self {
        let directory = tempfile::tempdir().expect("a folder can be made");
        let test_database = TestDatabase::create(database, directory.path()).await;
        let mut config = Config::defaults(Environment::Development, true).database;
        config.url = Some(SecretString::from(test_database.url.clone()));
        let db = database::connect(&config).await.expect("connects");
        World { db, jobs: Jobs::default(), done: Arc::default(), _database: test_database, _directory: directory }
    }

    /// A worker, as a process of its own has it.
    fn worker(&self) -> Shutdown {
        let shutdown = Shutdown::new();
        Worker::start(self.done.clone(), self.db.clone(), self.jobs.clone(), handlers(), &Tasks::default(), &shutdown);
        shutdown
    }

    /// As many as may serve from the database: on SQLite there is never another, for the second would take for its own what the first holds.
    fn workers(&self, database: Database) -> Vec<Shutdown> {
        let processes = if database == Database::Postgres { 2 } else { 1 };
        (0..processes).map(|_| self.worker()).collect()
    }

    async fn enqueue(&self, job: NewJob) {
        self.jobs.enqueue(&self.db, job).await.expect("enqueued");
    }

    async fn rows(&self) -> Vec<jobs::Model> {
        let errands = jobs::Entity::find().filter(jobs::Column::Kind.ne(Round::KIND));
        errands.all(&self.db).await.expect("read")
    }

    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let waiting = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "{what}: it was done {:?}, and there is {:#?}", self.done.all(), self.rows().await);
    }

    async fn until_empty(&self) {
        self.until("all is done", async || self.rows().await.is_empty()).await;
    }
}

fn errand(name: &str) -> NewJob {
    NewJob::new(&Errand { name: name.to_owned() }).expect("written")
}

fn trouble(failures: u32, is_final: bool) -> NewJob {
    NewJob::new(&Trouble { failures, is_final }).expect("written")
}

async fn end(shutdown: Shutdown) {
    shutdown.begin(Duration::ZERO).await;
    shutdown.wait().await;
}

both_databases! {
    async fn a_job_is_there_when_its_transaction_is_committed_and_done_when_it_is_due(database: Database) {
        let world = World::new(database).await;
        let worker = world.worker();
        let lost = database::begin(&world.db).await.expect("begins");
        world.jobs.enqueue_in_tx(&lost, errand("never")).await.expect("enqueued");
        lost.rollback().await.expect("rolled back");
        let kept = database::begin(&world.db).await.expect("begins");
        world.jobs.enqueue_in_tx(&kept, errand("now")).await.expect("enqueued");
        let later = clock::now() + chrono::TimeDelta::days(1);
        world.jobs.enqueue_in_tx(&kept, errand("tomorrow").due(later)).await.expect("enqueued");
        kept.commit().await.expect("committed");

        world.until("one is done", async || world.rows().await.len() == 1).await;
        let rest = world.rows().await.remove(0);
        assert_eq!((rest.attempts, rest.due_at.to_utc(), standing(&rest)), (0, later, JobStanding::Waiting));
        let moved = jobs::ActiveModel { due_at: Set(clock::now().into()), ..rest.into_active_model() };
        moved.update(&world.db).await.expect("written");
        world.until_empty().await;
        let mut done = world.done.all();
        done.retain(|name| name != "round");
        assert_eq!(done, ["now", "tomorrow"]);
        end(worker).await;
    }

    async fn a_link_of_a_chain_is_a_job_too(database: Database) {
        let world = World::new(database).await;
        let backend = world.db.get_database_backend();
        let found = |number: i32| sea_orm::sea_query::Query::select().expr(Expr::val(number)).to_owned();
        for (number, is_made) in [(7, true), (8, false)] {
            let condition = Condition::all().add(ExprTrait::eq(Expr::val(number), 7));
            let job = errand("chained").about(database::number_of("found")).once("7", OnDuplicate::Keep);
            let chain = database::Chain::new(backend).giving("found", found(number));
            let chain = chain.and("job", job.insert(condition).expect("a statement"));
            world.db.write(chain).await.expect("written");
            assert!(is_made || world.rows().await.len() == 1);
        }
        assert_eq!(world.rows().await.remove(0).subject_id, Some(7));
    }

    async fn what_fails_is_tried_again_and_is_a_dead_letter_in_the_end(database: Database) {
        let world = World::new(database).await;
        let worker = world.worker();
        world.enqueue(trouble(1, false)).await;
        world.until_empty().await;
        assert_eq!(world.done.times("trouble"), 2);

        world.enqueue(trouble(9, false)).await;
        world.enqueue(trouble(0, true)).await;
        let are_dead = async || world.rows().await.iter().filter(|job| job.state == JobState::Dead).count() == 2;
        world.until("both are dead", are_dead).await;
        let mut told: Vec<_> = world.rows().await.into_iter().map(|job| (job.attempts, job.last_error)).collect();
        told.sort();
        assert_eq!(told, [(1, Some("never".to_owned())), (2, Some("it panicked".to_owned()))]);

        // Run again, they fail again; discarded, they are gone. What recurs stays.
        let dead = || JobStanding::Dead.condition();
        assert_eq!(operators::retry(&world.db, dead()).await.expect("written"), 2);
        world.jobs.wake();
        world.until("they were tried again", async || world.done.times("trouble") == 8 - 1).await;
        world.until("both are dead", are_dead).await;
        assert_eq!(operators::list(&world.db, Some("trouble"), Some(JobStanding::Dead), 1).await.expect("read").len(), 1);
        assert_eq!(operators::discard(&world.db, Condition::all()).await.expect("written"), 2);
        assert!(world.rows().await.is_empty());
        assert_eq!(jobs::Entity::find().all(&world.db).await.expect("read").len(), 1);
        end(worker).await;
    }

    async fn of_two_with_one_key_the_first_stays_or_the_second_takes_its_place(database: Database) {
        let world = World::new(database).await;
        for (name, on_duplicate) in [("first", OnDuplicate::Keep), ("second", OnDuplicate::Keep), ("third", OnDuplicate::Replace)] {
            world.enqueue(errand(name).once("key", on_duplicate)).await;
            let [only] = &world.rows().await[..] else { panic!("there is one") };
            assert_eq!(only.payload["name"], if name == "third" { "third" } else { "first" });
        }
        world.enqueue(errand("fourth").once("another", OnDuplicate::Keep)).await;
        let transaction = database::begin(&world.db).await.expect("begins");
        take_back_in_tx::<Errand>(&transaction, ["key".to_owned()]).await.expect("taken back");
        transaction.commit().await.expect("committed");
        let [rest] = &world.rows().await[..] else { panic!("there is one") };
        assert_eq!(rest.payload["name"], "fourth");
    }

    async fn a_lease_that_is_lost_settles_nothing(database: Database) {
        let world = World::new(database).await;
        world.enqueue(errand("claimed").once("key", OnDuplicate::Keep)).await;
        let claim = async |until| table::claim(&world.db, &[("errand", 8)], until).await.expect("claimed");
        // It has expired when it is given.
        let [lost] = &claim(clock::now()).await[..] else { panic!("it is due") };
        let [held] = &claim(clock::now() + Duration::from_secs(60)).await[..] else { panic!("it is due again") };
        assert_eq!((lost.attempts, held.attempts, claim(clock::now()).await.len()), (1, 2, 0));
        let settle = async |claim: &table::Claim| {
            let (id, holder) = (claim.id, claim.holder);
            table::settle(&world.db, &[table::Settlement { id, holder, lane: None, ending: Ending::Delete }]).await.expect("settled");
        };
        settle(lost).await;
        assert_eq!(standing(&world.rows().await[0]), JobStanding::Running);
        table::renew(&world.db, &[(lost.id, lost.holder)], clock::now()).await.expect("renewed");
        assert_eq!(claim(clock::now()).await.len(), 0, "it is not the loser's to renew");
        // One that takes its place meanwhile is done as well.
        world.enqueue(errand("anew").once("key", OnDuplicate::Replace)).await;
        settle(held).await;
        assert_eq!(world.rows().await[0].payload["name"], "anew");
        let [anew] = &claim(clock::now() + Duration::from_secs(60)).await[..] else { panic!("it is due") };
        settle(anew).await;
        assert!(world.rows().await.is_empty());
    }

    async fn a_lane_is_walked_in_order_one_at_a_time(database: Database) {
        let world = World::new(database).await;
        world.enqueue(trouble(0, true).in_lane("lane")).await;
        for number in 0..20 {
            world.enqueue(errand(&format!("{number}")).in_lane("lane")).await;
            world.enqueue(errand("free")).await;
        }
        let ready = world.rows().await.iter().filter(|job| job.lane.is_some() && job.state == JobState::Ready).count();
        assert_eq!(ready, 1);
        let workers = world.workers(database);
        // A dead letter steps aside.
        world.until("all but the first are done", async || world.rows().await.len() == 1).await;
        let mut done = world.done.all();
        done.retain(|name| name.parse::<u32>().is_ok());
        assert_eq!(done, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
        assert_eq!(world.done.times("free"), 20);
        for worker in workers {
            end(worker).await;
        }
    }

    async fn workers_share_what_is_due_and_one_of_them_has_what_recurs(database: Database) {
        let world = World::new(database).await;
        for number in 0..300 {
            world.enqueue(errand(&number.to_string())).await;
        }
        let workers = world.workers(database);
        world.until_empty().await;
        let mut times = BTreeMap::<String, usize>::new();
        world.done.all().into_iter().for_each(|name| *times.entry(name).or_default() += 1);
        assert!(times.remove("round").is_some_and(|times| times <= workers.len()), "once for each process that starts");
        assert!(times.len() == 300 && times.values().all(|times| *times == 1), "{times:?}");
        let rounds = jobs::Entity::find().filter(jobs::Column::Kind.eq("round")).all(&world.db).await.expect("read");
        let [round] = &rounds[..] else { panic!("there is one") };
        assert!(round.due_at.to_utc() > clock::now() && round.holder.is_none(), "{round:?}");
        for worker in workers {
            end(worker).await;
        }
    }
}

/// Whoever settles a job of a lane has the lane first and then its rows, and so has whoever discards one.
#[test]
fn a_job_of_a_lane_is_discarded_without_a_deadlock() {
    tiffin_tests::run(async {
        let world = World::new(Database::Postgres).await;
        for name in ["first", "second"] {
            world.enqueue(errand(name).in_lane("lane")).await;
        }
        let [first, second] = &world.rows().await[..] else { panic!("there are two") };
        let of = |id: i64| Condition::all().add(jobs::Column::Id.eq(id));
        let settling = database::begin(&world.db).await.expect("begins");
        enqueue::lane_lock_in_tx(&settling, "lane").await.expect("locked");
        let (db, which) = (world.db.clone(), of(second.id));
        let discarding = tokio::spawn(async move { operators::discard(&db, which).await });
        let waits = "select 1 from pg_locks where locktype = 'advisory' and not granted \
             and database = (select oid from pg_database where datname = current_database())";
        let waiting = Statement::from_string(world.db.get_database_backend(), waits);
        world
            .until("it waits for the lane", async || {
                world.db.query_one_raw(waiting.clone()).await.expect("read").is_some()
            })
            .await;
        // The second is the first of the lane now.
        table::delete_in_tx(&settling, of(first.id)).await.expect("written");
        settling.commit().await.expect("committed");
        assert_eq!(discarding.await.expect("ends").expect("written"), 1);
        assert!(world.rows().await.is_empty());
    });
}

/// The buffers that a claim reads of its index, and the plan.
async fn claim_reads(db: &Pool, kinds: [&'static str; 3]) -> (u64, String) {
    let backend = db.get_database_backend();
    let (now, sql) = (clock::now(), table::claim_sql(backend, &kinds.map(|kind| (kind, 32))));
    let values: [sea_orm::Value; 3] = [now.into(), 7_i64.into(), (now + Duration::from_secs(60)).into()];
    let explain = format!("explain (analyze, buffers, format json) {sql}");
    let row = db.query_one_raw(Statement::from_sql_and_values(backend, explain, values)).await;
    let plan: serde_json::Value = row.expect("explained").expect("a row").try_get_by_index(0).expect("a plan");
    (
        plan[0]["Plan"]["Shared Hit Blocks"].as_u64().expect("a number")
            + plan[0]["Plan"]["Shared Read Blocks"].as_u64().expect("a number"),
        plan.to_string(),
    )
}

#[test]
fn a_million_jobs_at_rest_cost_a_claim_nothing() {
    tiffin_tests::run(async {
        let world = World::new(Database::Postgres).await;
        let kinds = ["errand", "trouble", "round"];
        let (before, _) = claim_reads(&world.db, kinds).await;
        let fill = "insert into jobs (kind, state, payload, due_at, created_at) \
            select (array['errand', 'trouble', 'round'])[1 + n % 3], (case when n <= 500 then 'BLOCKED' when n <= 1000 then 'DEAD' else 'READY' end)::job_state, \
            '{}', now() + interval '1 hour' * sign(n - 1000), now() from generate_series(1, 1000000) n";
        let url = SecretString::from(world._database.url.clone());
        let mut config = Config::defaults(Environment::Development, true).database;
        config.url = Some(url);
        let patient = database::connect_for_maintenance(&config).await.expect("connects");
        patient.execute_unprepared(fill).await.expect("filled");
        patient.execute_unprepared("vacuum analyze jobs").await.expect("vacuumed");
        let (after, plan) = claim_reads(&world.db, kinds).await;
        // An index of a million has two levels more than one of none.
        assert!(after <= before + 3 * kinds.len() as u64, "{before} and then {after}: {plan}");
        assert!(plan.contains("idx_jobs_due") && !plan.contains("Seq Scan") && !plan.contains("JIT"), "{plan}");
    });
}
