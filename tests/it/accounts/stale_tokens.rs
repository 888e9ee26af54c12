//! Which operations ignore an access token that is not valid any more, and which are refused.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tiffin_tests::{City, Person, access_token, both_databases};

use super::{PASSWORD, me, mutate, refresh, sign_in, sign_up};
use crate::introspection::{Kind, Schema, TypeReference};

/// What proves by its input who asks.
const NEED_NO_TOKEN: [&str; 10] = [
    "signUp",
    "signIn",
    "startOpenIdSignIn",
    "completeOpenIdSignIn",
    "refreshSession",
    "signOut",
    "requestEmailVerification",
    "verifyEmail",
    "requestPasswordReset",
    "resetPassword",
];

/// The person with tokens that are not valid: one that has expired, one of a session that has ended, and what is no token.
async fn stale(city: &City, person: &Person) -> [Person; 3] {
    let session = city.session(person.user()).await;
    let ended = person.with_access_token(&access_token(person.user().id, session.id, 3600));
    let revoke = "mutation { revokeAllSessions(input: {exceptCurrent: true}) { revoked } }";
    person.query(revoke, json!({})).await.expect_success();
    [
        person.with_access_token(&access_token(person.user().id, session.id, -60)),
        ended,
        person.with_access_token("nobody"),
    ]
}

/// Some value of the type, good or not for what it is given to.
fn some_value(schema: &Schema, ty: &TypeReference) -> Value {
    if ty.nullable().kind == Kind::List {
        return json!([some_value(schema, ty.nullable().inner())]);
    }
    let definition = schema.of(ty);
    match (definition.kind, definition.name.as_str()) {
        (Kind::InputObject, _) => {
            let required = definition.input_fields().iter().filter(|field| field.ty.is_required());
            required.map(|field| (field.name.clone(), some_value(schema, &field.ty))).collect()
        }
        (Kind::Enum, _) => json!(definition.enum_values()[0]),
        (_, "Int" | "Float") => json!(1),
        (_, "Boolean") => json!(true),
        (_, "Decimal") => json!("1"),
        (_, "DateTime") => json!("2026-11-30T12:00:00Z"),
        _ => json!("nothing"),
    }
}

both_databases! {
    async fn a_session_is_renewed_and_begun_and_ended_whatever_token_comes_along(city: &City) {
        let anonymous = city.anonymous();
        let opened = sign_up(&anonymous, "ann@example.com").await;
        let mut refresh_token = opened.text("/signUp/session/refreshToken").to_owned();
        for stale in stale(city, &city.customer("Ben").await).await {
            me(&stale).await.expect_code("UNAUTHENTICATED");
            let renewed = refresh(&stale, &refresh_token).await;
            refresh_token = renewed.text("/refreshSession/session/refreshToken").to_owned();
            let again = sign_in(&stale, "ann@example.com", PASSWORD).await;
            let again = again.text("/signIn/session/refreshToken");
            mutate(&stale, "signOut", "user { id }", json!({"refreshToken": again})).await.expect_success();
            mutate(&stale, "requestPasswordReset", "accepted", json!({"email": "ann@example.com"})).await.expect_success();
            // A stream of one answer as well.
            let document = "mutation($token: String!) { refreshSession(input: {refreshToken: $token}) { session { refreshToken } } }";
            let mut stream = stale.listen(document, json!({"token": refresh_token})).await;
            refresh_token = stream.next_event().await.text("/refreshSession/session/refreshToken").to_owned();
            stream.expect_complete().await;
        }
    }

    async fn only_operations_of_nothing_else_do(city: &City) {
        let [expired, ..] = stale(city, &city.customer("Ben").await).await;
        let out = "signOut(input: {refreshToken: \"none\"}) { user { id } }";
        let other = |condition: &str| format!("deleteDish(input: {{id: \"Dish:1\"}}) {condition} {{ deletedDishId }}");
        let ask = async |selection: &str| {
            let document = format!(
                "mutation($yes: Boolean! = true, $no: Boolean! = false) {{ {selection} }}
                 fragment Out on Mutation {{ __typename {out} }} fragment Values on Mutation {{ a: __typename @skip(if: $yes) b: __typename @skip(if: $no) }}"
            );
            expired.query(&document.replace("...Out", "...Out ...Values"), json!({})).await
        };
        for taken in [
            "...Out".to_owned(),
            "__typename ... on Mutation { ... { ...Out } }".to_owned(),
            format!("...Out {}", other("@include(if: $no)")),
            format!("...Out {}", other("@skip(if: $yes)")),
        ] {
            let answer = ask(&taken).await;
            assert_eq!(answer.status, 200, "{taken}: {answer}");
            answer.expect_success();
        }
        for refused in [
            format!("...Out {}", other("")),
            format!("... on Mutation {{ {} }} ...Out", other("")),
            format!("...Out {}", other("@skip(if: $no)")),
            "... @skip(if: $yes) { ...Out }".to_owned(),
        ] {
            let answer = ask(&refused).await;
            assert_eq!(answer.status, 401, "{refused}: {answer}");
            answer.expect_code("UNAUTHENTICATED");
        }
        for refused in ["{ __typename }", "{ restaurants { totalCount } }", "nonsense", "mutation { unknown }"] {
            let answer = expired.query(refused, json!({})).await;
            assert_eq!(answer.status, 401, "{refused}: {answer}");
            answer.expect_code("UNAUTHENTICATED");
        }
    }

    async fn every_other_mutation_needs_one_that_is_valid(city: &City) {
        let [expired, ..] = stale(city, &city.customer("Ben").await).await;
        let schema = Schema::told_to(&city.anonymous()).await;
        let mut taken = BTreeSet::new();
        for mutation in schema.named("Mutation").fields() {
            let input = &mutation.arguments[0].ty;
            let name = &mutation.name;
            let document = format!("mutation($input: {}) {{ {name}(input: $input) {{ __typename }} }}", input.written());
            let answer = expired.query(&document, json!({"input": some_value(&schema, input)})).await;
            match answer.status {
                401 => _ = answer.expect_code("UNAUTHENTICATED"),
                status => {
                    assert_eq!(status, 200, "{name}: {answer}");
                    taken.insert(name.as_str());
                }
            }
        }
        assert_eq!(taken, BTreeSet::from(NEED_NO_TOKEN));
    }

    async fn a_document_that_is_sent_by_its_hash_is_asked_for_whatever_the_token_is(city: &City) {
        let [expired, ..] = stale(city, &city.customer("Ben").await).await;
        let document = "mutation($token: String!) { refreshSession(input: {refreshToken: $token}) { session { refreshToken } } }";
        let hash: String = Sha256::digest(document).iter().map(|byte| format!("{byte:02x}")).collect();
        let opened = sign_up(&city.anonymous(), "ann@example.com").await;
        let mut request = json!({
            "variables": {"token": opened.text("/signUp/session/refreshToken")},
            "extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash}},
        });
        expired.send(&request).await.expect_code("PERSISTED_QUERY_NOT_FOUND");
        request["query"] = json!(document);
        let renewed = expired.send(&request).await;
        request["variables"]["token"] = renewed.at("/refreshSession/session/refreshToken").clone();
        request.as_object_mut().unwrap().remove("query");
        expired.send(&request).await.expect_success();
    }

    async fn each_request_of_a_batch_is_looked_at_by_itself(database: Database) {
        let city = City::with_settings(database, &[("TIFFIN_LIMITS_BATCH_OPERATIONS", "3")]).await;
        let [expired, ..] = stale(&city, &city.customer("Ben").await).await;
        let out = json!({"query": "mutation { signOut(input: {refreshToken: \"none\"}) { user { id } } }"});
        let me = json!({"query": "{ me { email } }"});
        let answer = expired.send(&json!([me, out])).await;
        assert_eq!(answer.status, 200, "{answer}");
        assert_eq!(answer.body[0]["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        assert_eq!(answer.body[1], json!({"data": {"signOut": {"user": null}}}));
        let answer = expired.send(&json!([me, me])).await;
        assert_eq!(answer.status, 401, "{answer}");
        answer.expect_code("UNAUTHENTICATED");
    }

    async fn a_bad_token_pays_as_none_does(database: Database) {
        let narrow = [
            ("TIFFIN_LIMITS_COMPLEXITY", "1000"),
            ("TIFFIN_LIMITS_DOCUMENT_BYTES", "10000"),
            ("TIFFIN_LIMITS_VIEWER_COST", "1500"),
            ("TIFFIN_LIMITS_VIEWER_COST_WINDOW_SECONDS", "3600"),
        ];
        let city = City::with_settings(database, &narrow).await;
        let bad = city.anonymous().with_access_token("nobody");
        let document = format!("mutation {{ signOut(input: {{refreshToken: \"none\"}}) {{ user {{ id }} }} }} #{}", "-".repeat(9_000));
        let mut answered = 0;
        while bad.query(&document, json!({})).await.problems().is_empty() {
            answered += 1;
            assert!(answered < 100, "that much was not too much");
        }
        assert!(answered > 0);
        let refused = bad.query(&document, json!({})).await;
        assert_eq!(refused.status, 429, "{refused}");
        refused.expect_code("RATE_LIMITED");
        city.anonymous().query(&document, json!({})).await.expect_code("RATE_LIMITED");
    }
}
