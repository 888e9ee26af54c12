//! Refresh-token rotation and reuse detection: refresh tokens that come again after a lost answer, from a second tab, and from a thief.

use entity::{refresh_tokens, sessions};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;
use tiffin_tests::{Answer, City, Person, access_token_of, both_databases};

use super::{me, refresh, sign_up};
use crate::sockets::{NEWER, OLDER, Socket};

/// What a client has of a session.
#[derive(Clone)]
struct Tokens {
    person: Person,
    refresh: String,
}

impl Tokens {
    fn of(anonymous: &Person, answer: &Answer, session: &str) -> Self {
        Tokens {
            person: anonymous.with_access_token(answer.text(&format!("{session}/accessToken"))),
            refresh: answer.text(&format!("{session}/refreshToken")).to_owned(),
        }
    }

    async fn signed_up(anonymous: &Person) -> Self {
        Self::of(anonymous, &sign_up(anonymous, "ann@example.com").await, "/signUp/session")
    }

    /// What the refresh token is exchanged for.
    async fn exchanged(&self, anonymous: &Person) -> Self {
        Self::of(anonymous, &refresh(anonymous, &self.refresh).await, "/refreshSession/session")
    }

    /// The refresh token is not taken.
    async fn expect_refused(&self, anonymous: &Person) {
        refresh(anonymous, &self.refresh).await.expect_code("UNAUTHENTICATED");
    }
}

/// How a token is used for the first time.
#[derive(Clone, Copy, Debug)]
enum Use {
    Request,
    Handshake,
    Ping,
    OlderInit,
    Refresh,
}

const USES: [Use; 5] = [Use::Request, Use::Handshake, Use::Ping, Use::OlderInit, Use::Refresh];

async fn use_once(city: &City, first: &Tokens, next: &Tokens, how: Use) {
    let payload = next.person.connection_init();
    match how {
        Use::Request => drop(me(&next.person).await.expect_success()),
        Use::Handshake => drop(Socket::of(&next.person, city.server(), NEWER).await),
        Use::Ping => {
            let mut socket = Socket::of(&first.person, city.server(), NEWER).await;
            socket.say(json!({ "type": "ping", "payload": payload })).await;
            assert!(socket.hear().await["payload"]["expiresAt"].is_string());
        }
        Use::OlderInit => {
            let mut socket = Socket::of(&first.person, city.server(), OLDER).await;
            socket.say(json!({ "type": "connection_init", "payload": payload })).await;
            assert_eq!(socket.hear().await["type"], "connection_ack");
        }
        Use::Refresh => drop(next.exchanged(&city.anonymous()).await),
    }
}

both_databases! {
    async fn a_refresh_whose_answer_is_lost_is_asked_for_again(city: &City) {
        let anonymous = city.anonymous();
        let elsewhere = city.elsewhere().await;
        let first = Tokens::signed_up(&anonymous).await;
        let mut lost = vec![first.exchanged(&anonymous).await];
        for _ in 0..3 {
            // Whichever process it is that is asked.
            lost.push(first.exchanged(&anonymous.at(&elsewhere)).await);
        }
        let last = lost.pop().expect("several");
        me(&last.person.at(city.server())).await.expect_success();
        last.exchanged(&anonymous).await;
        me(&last.person.at(city.server())).await.expect_success();
    }

    async fn tokens_that_were_replaced_unused_are_worth_nothing_and_end_nothing(city: &City) {
        let anonymous = city.anonymous();
        let first = Tokens::signed_up(&anonymous).await;
        let tab = first.exchanged(&anonymous).await;
        let other_tab = first.exchanged(&anonymous).await;
        for _ in 0..2 {
            tab.expect_refused(&anonymous).await;
            me(&tab.person).await.expect_code("UNAUTHENTICATED");
            let mut socket = Socket::open(city.server(), NEWER).await;
            socket.say(json!({ "type": "connection_init", "payload": tab.person.connection_init() })).await;
            socket.expect_close(4403, "Forbidden").await;
        }
        me(&other_tab.person).await.expect_success();
        tab.expect_refused(&anonymous).await;
        me(&tab.person).await.expect_code("UNAUTHENTICATED");
        let next = other_tab.exchanged(&anonymous).await;
        me(&next.person).await.expect_success();
        // What was used goes on until it expires.
        me(&first.person).await.expect_success();
        me(&other_tab.person).await.expect_success();
    }

    async fn a_refresh_token_that_comes_again_after_its_tokens_were_used_ends_the_session(city: &City) {
        for how in USES {
            let anonymous = city.anonymous();
            let email = format!("{how:?}@example.com");
            let first = Tokens::of(&anonymous, &sign_up(&anonymous, &email).await, "/signUp/session");
            let next = first.exchanged(&anonymous).await;
            use_once(city, &first, &next, how).await;
            me(&first.person).await.expect_success();
            first.expect_refused(&anonymous).await;
            for tokens in [&first, &next] {
                me(&tokens.person).await.expect_code("UNAUTHENTICATED");
                tokens.expect_refused(&anonymous).await;
            }
        }
    }

    async fn of_two_refreshes_at_once_the_later_counts_and_the_session_goes_on(city: &City) {
        let anonymous = city.anonymous();
        let elsewhere = city.elsewhere().await;
        let mut tokens = Tokens::signed_up(&anonymous).await;
        for _ in 0..10 {
            let there = anonymous.at(&elsewhere);
            let (one, other) = tokio::join!(tokens.exchanged(&anonymous), tokens.exchanged(&there));
            let (one_is_good, other_is_good) = tokio::join!(me(&one.person), me(&other.person));
            let good = [one_is_good, other_is_good].map(|answer| answer.problems().is_empty());
            assert!(good[0] != good[1], "{good:?}");
            let (kept, lost) = if good[0] { (one, other) } else { (other, one) };
            lost.expect_refused(&anonymous).await;
            tokens = kept;
        }
    }

    async fn of_a_first_use_and_a_replacement_at_once_one_comes_first(city: &City) {
        let anonymous = city.anonymous();
        for round in 0..20 {
            let email = format!("ann{round}@example.com");
            let first = Tokens::of(&anonymous, &sign_up(&anonymous, &email).await, "/signUp/session");
            let next = first.exchanged(&anonymous).await;
            let (used, replaced) = tokio::join!(me(&next.person), refresh(&anonymous, &first.refresh));
            if replaced.problems().is_empty() {
                used.expect_code("UNAUTHENTICATED");
                let newest = Tokens::of(&anonymous, &replaced, "/refreshSession/session");
                me(&newest.person).await.expect_success();
            } else {
                // It was used: whoever sends the older one is not who uses it.
                used.expect_success();
                me(&next.person).await.expect_code("UNAUTHENTICATED");
                next.expect_refused(&anonymous).await;
            }
        }
    }

    async fn a_generation_is_written_down_once(city: &City) {
        let anonymous = city.anonymous();
        let first = Tokens::signed_up(&anonymous).await;
        let (_, statements) = city.server().statements_during(me(&first.person)).await;
        let usual = statements.count();
        let next = first.exchanged(&anonymous).await;
        for written in [1, 0, 0] {
            let (_, statements) = city.server().statements_during(me(&next.person)).await;
            assert_eq!(statements.count(), usual + written, "{statements}");
            assert_eq!(statements.count_of(&["UPDATE"]), written, "{statements}");
        }
    }

    async fn tokens_from_before_there_were_generations_are_good(city: &City) {
        let anonymous = city.anonymous();
        let first = Tokens::signed_up(&anonymous).await;
        // As an older server wrote them.
        let forgotten = [refresh_tokens::Column::ConfirmedAt, refresh_tokens::Column::Generation];
        for column in forgotten {
            let nothing = refresh_tokens::Entity::update_many().col_expr(column, Expr::cust("null"));
            nothing.exec(city.db()).await.expect("written");
        }
        let session = sessions::Entity::find().filter(sessions::Column::EndedAt.is_null()).one(city.db()).await;
        let session = session.expect("read").expect("a session");
        let older = anonymous.with_access_token(&access_token_of(session.user_id, session.id, None, 60));
        me(&older).await.expect_success();

        // Its answer may be lost like any other's.
        first.exchanged(&anonymous).await;
        let next = first.exchanged(&anonymous).await;
        me(&next.person).await.expect_success();
        me(&older).await.expect_success();
        first.expect_refused(&anonymous).await;
        me(&older).await.expect_code("UNAUTHENTICATED");
    }

    async fn a_token_of_a_generation_that_never_was_is_nobody(city: &City) {
        let ann = city.customer("Ann").await;
        let session = city.session(ann.user()).await;
        for generation in [0, 2, -1, i32::MAX] {
            let token = access_token_of(ann.user().id, session.id, Some(generation), 60);
            me(&ann.with_access_token(&token)).await.expect_code("UNAUTHENTICATED");
        }
    }
}
