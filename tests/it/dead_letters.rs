//! Jobs in GraphQL: admins see what is to be done later and what has failed for good, run it again, or discard it.

use chrono::{TimeDelta, Utc};
use entity::{audit_events, jobs, sea_orm_active_enums::JobState, users};
use futures_util::future::join_all;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr,
};
use serde_json::{Value, json};
use tiffin_tests::{Answer, City, Mailbox, Person, both_databases, global_id};

use crate::process::eventually;

const JOBS: &str = "query($filter: JobFilter, $first: Int, $after: String) { jobs(filter: $filter, first: $first, after: $after) { \
     totalCount pageInfo { hasNextPage endCursor } nodes { id kind state attempts dueAt createdAt lastError user { id } subject } } }";

/// A kind that no server knows yet, so that nobody does it.
const OF_TOMORROW: &str = "of_tomorrow";

async fn jobs_of(admin: &Person, filter: Value) -> Vec<Value> {
    admin.query(JOBS, json!({"filter": filter})).await.list("/jobs/nodes").to_vec()
}

async fn retry(admin: &Person, id: &str) -> Answer {
    let document = "mutation($id: ID!) { retryJob(input: {id: $id}) { job { id state attempts lastError } } }";
    admin.query(document, json!({"id": id})).await
}

async fn discard(admin: &Person, id: &str) -> Answer {
    let document = "mutation($id: ID!) { discardJob(input: {id: $id}) { discardedJobId } }";
    admin.query(document, json!({"id": id})).await
}

/// What the record says of this job: what was done, by whom, and what else there is to tell.
async fn record_of(admin: &Person, id: &str) -> Vec<Value> {
    let document = "query($id: ID!) { auditEvents(filter: {subject: $id}) { nodes { action actor { id } details } } }";
    admin.query(document, json!({"id": id})).await.list("/auditEvents/nodes").to_vec()
}

/// Writes a job that nobody does.
async fn job(city: &City, change: impl FnOnce(&mut jobs::ActiveModel)) -> String {
    let now = Utc::now().fixed_offset();
    let mut row = jobs::ActiveModel {
        kind: Set(OF_TOMORROW.to_owned()),
        state: Set(JobState::Ready),
        payload: Set(json!({"to": "somebody@example.com"})),
        due_at: Set(now),
        attempts: Set(0),
        created_at: Set(now),
        ..Default::default()
    };
    change(&mut row);
    global_id("Job", row.insert(city.db()).await.expect("a job can be written").id)
}

/// Lets the user's address be one that letters can be sent to.
async fn move_to(city: &City, email: &str) -> users::Model {
    users::Entity::update_many()
        .col_expr(users::Column::Email, Expr::val(email))
        .col_expr(users::Column::NormalizedEmail, Expr::val(email))
        .filter(users::Column::Email.eq("ann@nowhere.example"))
        .exec(city.db())
        .await
        .expect("a user can be changed");
    let user = users::Entity::find().filter(users::Column::Email.eq(email)).one(city.db()).await;
    user.expect("users can be read").expect("it is there")
}

both_databases! {
    async fn what_has_failed_is_seen_and_run_again(database: Database) {
        let mailbox = Mailbox::start().await;
        let city = City::with_settings(database, &mailbox.settings()).await;
        let ada = city.admin().await;
        let input = json!({"email": "ann@nowhere.example", "password": "a long enough password", "name": "Ann Example"});
        let sign_up = "mutation($input: SignUpInput!) { signUp(input: $input) { session { user { id } } } }";
        let signed_up = city.anonymous().query(sign_up, json!({"input": input})).await;
        let dead = || json!({"state": "DEAD"});
        eventually("it is a dead letter", async || jobs_of(&ada, dead()).await.len() == 1).await;

        let letter = jobs_of(&ada, dead()).await.remove(0);
        assert_eq!((&letter["kind"], &letter["attempts"], &letter["subject"]), (&json!("account_letter"), &json!(1), &json!(null)));
        assert_eq!(letter["user"]["id"], *signed_up.at("/signUp/session/user/id"));
        assert!(letter["lastError"].as_str().is_some_and(|error| error.contains("the SMTP server answers 550")), "{letter}");
        let id = letter["id"].as_str().expect("an id");

        let user = move_to(&city, "ann@example.com").await;
        let retried = retry(&ada, id).await;
        assert_eq!(retried.at("/retryJob/job"), &json!({"id": id, "state": "WAITING", "attempts": 0, "lastError": null}));
        assert_eq!(mailbox.next_letter_to(&user.email).await.subject, "Confirm your e-mail address");
        eventually("it is done", async || jobs_of(&ada, json!({"kind": "account_letter"})).await.is_empty()).await;
        let node = ada.query("query($id: ID!) { node(id: $id) { id } }", json!({"id": id})).await;
        assert_eq!(node.at("/node"), &json!(null), "what is done is no more");
        for gone in [retry(&ada, id).await, discard(&ada, id).await] {
            gone.expect_error("NOT_FOUND", "id");
        }
        let act = json!({"action": "JOB_RETRIED", "actor": {"id": ada.user_id()}, "details": {"kind": "account_letter"}});
        assert_eq!(record_of(&ada, id).await, [act], "what is refused leaves no trace");
    }

    async fn what_is_discarded_is_gone_and_the_record_tells_it(city: &City) {
        let (ada, ann) = (city.admin().await, city.customer("Ann").await);
        let [kept, unwanted] = [city.dead_letter(&ann).await.id, city.dead_letter(&ann).await.id].map(|id| global_id("Job", id));
        assert_eq!(discard(&ada, &unwanted).await.at("/discardJob/discardedJobId"), &json!(unwanted));
        let left = jobs_of(&ada, json!({"state": "DEAD", "kind": "account_letter"})).await;
        assert_eq!(left.iter().map(|job| &job["id"]).collect::<Vec<_>>(), [&json!(kept)]);
        let act = json!({"action": "JOB_DISCARDED", "actor": {"id": ada.user_id()}, "details": {"kind": "account_letter"}});
        assert_eq!(record_of(&ada, &unwanted).await, [act]);
    }

    async fn each_job_is_in_one_state_and_what_is_in_hand_is_left_alone(city: &City) {
        let ada = city.admin().await;
        // The one process of a SQLite frees what another one held, before it makes what recurs.
        eventually("the worker has begun", async || !jobs_of(&ada, json!({"kind": "forget_expired"})).await.is_empty()).await;
        let later = (Utc::now() + TimeDelta::hours(1)).fixed_offset();
        let waiting = job(city, |row| row.due_at = Set(later)).await;
        let running = job(city, |row| (row.holder, row.due_at) = (Set(Some(7)), Set(later))).await;
        // The process that held it is gone, and nobody has claimed it yet.
        let abandoned = job(city, |row| row.holder = Set(Some(8))).await;
        let first = job(city, |row| row.lane = Set(Some("lane".to_owned()))).await;
        let blocked = job(city, |row| (row.state, row.lane) = (Set(JobState::Blocked), Set(Some("lane".to_owned())))).await;
        let dead = job(city, |row| row.state = Set(JobState::Dead)).await;
        let mut seen = Vec::new();
        for state in ["WAITING", "RUNNING", "BLOCKED", "DEAD"] {
            for found in jobs_of(&ada, json!({"kind": OF_TOMORROW, "state": state})).await {
                assert_eq!(found["state"], state);
                seen.push(found["id"].as_str().expect("an id").to_owned());
            }
        }
        assert_eq!(seen, [&waiting, &abandoned, &first, &running, &blocked, &dead].map(Clone::clone));

        for held in [&running, &abandoned] {
            for refused in [retry(&ada, held).await, discard(&ada, held).await] {
                let problem = refused.expect_error("CONFLICT", "id");
                assert!(problem.message.contains("in hand"), "{problem:?}");
                assert_eq!(record_of(&ada, held).await, Vec::<Value>::new());
            }
        }
        let problem = retry(&ada, &blocked).await.expect_error("CONFLICT", "id");
        assert!(problem.message.contains("in its lane"), "{problem:?}");
        // The next in the lane takes the place of what is discarded.
        discard(&ada, &first).await.expect_success();
        retry(&ada, &blocked).await.expect_success();
        retry(&ada, &waiting).await.expect_success();
        let due = jobs_of(&ada, json!({"kind": OF_TOMORROW, "state": "WAITING"})).await.remove(0);
        assert!(due["id"] == waiting && due["dueAt"].as_str() < Some(later.to_rfc3339().as_str()), "{due}");

        let recurring = jobs_of(&ada, json!({"kind": "forget_expired"})).await.remove(0);
        let recurring = recurring["id"].as_str().expect("an id");
        let problem = discard(&ada, recurring).await.expect_error("CONFLICT", "id");
        assert!(problem.message.contains("recurs") || problem.message.contains("in hand"), "{problem:?}");
    }

    async fn what_a_job_is_about_is_told_and_what_it_is_given_is_not(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ada, ann) = (city.admin().await, city.customer("Ann").await);
        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        let [timeout] = &jobs_of(&ada, json!({"kind": "acceptance_timeout"})).await[..] else { panic!("there is one") };
        assert_eq!((&timeout["subject"], &timeout["user"], &timeout["state"]), (&json!(order), &json!(null), &json!("WAITING")));
        job(city, |row| row.subject_id = Set(Some(1))).await;
        let answer = ada.query(JOBS, json!({"filter": {"kind": OF_TOMORROW}})).await;
        assert_eq!(answer.at("/jobs/nodes/0/subject"), &json!(null), "this server does not know of what");
        assert!(!answer.body.to_string().contains("somebody"), "{answer}");
    }

    async fn there_may_be_more_jobs_than_other_things(city: &City) {
        let ada = city.admin().await;
        let numbers = [(1_i64 << 31) - 1, 1 << 31, (1 << 31) + 1, 1 << 40];
        let mut ids = Vec::new();
        // The largest first: SQLite goes on after it with the jobs that the server makes meanwhile, which would else have the next of these.
        for number in numbers.into_iter().rev() {
            ids.push(job(city, |row| (row.id, row.state) = (Set(number), Set(JobState::Dead))).await);
        }
        ids.reverse();
        let (mut seen, mut after) = (Vec::new(), Value::Null);
        loop {
            let page = ada.query(JOBS, json!({"filter": {"kind": OF_TOMORROW}, "first": 3, "after": after})).await;
            assert_eq!(page.at("/jobs/totalCount"), &json!(4));
            seen.extend(page.list("/jobs/nodes").iter().map(|job| job["id"].as_str().expect("an id").to_owned()));
            if page.at("/jobs/pageInfo/hasNextPage") == &json!(false) {
                break;
            }
            after = page.at("/jobs/pageInfo/endCursor").clone();
        }
        assert_eq!(seen, ids);
        let nodes = ada.query("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({"ids": ids})).await;
        assert_eq!(nodes.list("/nodes").iter().map(|node| &node["id"]).collect::<Vec<_>>(), ids.iter().collect::<Vec<_>>());
        discard(&ada, &ids[3]).await.expect_success();
        assert_eq!(record_of(&ada, &ids[3]).await.len(), 1);
    }

    async fn of_two_admins_at_once_one_discards(city: &City) {
        let (ada, eve) = (city.admin().await, city.admin().await);
        let dead = job(city, |row| row.state = Set(JobState::Dead)).await;
        let answers = join_all([&ada, &eve].repeat(4).into_iter().map(|admin| discard(admin, &dead))).await;
        let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.problems().is_empty());
        assert_eq!(done.len(), 1, "{done:?}");
        for answer in refused {
            answer.expect_error("NOT_FOUND", "id");
        }
        let acts = audit_events::Entity::find().filter(audit_events::Column::Subject.eq(dead.as_str()));
        assert_eq!(acts.count(city.db()).await.expect("counted"), 1);
    }
}
