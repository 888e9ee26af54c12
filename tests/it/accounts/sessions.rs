//! Sessions: opened, continued with refresh tokens, and revoked for every process at once.

use serde_json::json;
use tiffin_tests::{access_token, both_databases};

use super::{PASSWORD, me, mutate, refresh, sign_in, sign_up};

both_databases! {
    async fn whoever_signs_up_is_signed_in_and_can_sign_in_again(city: &City) {
        let anonymous = city.anonymous();
        let answer = sign_up(&anonymous, "Ann@example.com").await;
        assert_eq!(answer.text("/signUp/session/user/role"), "CUSTOMER");
        assert_eq!(answer.at("/signUp/session/user/emailVerified"), &json!(false));
        let ann = anonymous.with_access_token(answer.text("/signUp/session/accessToken"));
        let phone = ann.query("{ me { customer { phone } } }", json!({})).await;
        assert_eq!(phone.text("/me/customer/phone"), "+1 555 7777");
        assert_eq!(me(&ann).await.text("/me/email"), "Ann@example.com");
        assert_eq!(me(&anonymous).await.at("/me"), &json!(null));

        sign_up(&anonymous, "ANN@example.com").await.expect_error("CONFLICT", "email");
        let again = sign_in(&anonymous, " ann@EXAMPLE.com ", PASSWORD).await;
        let again = anonymous.with_access_token(again.text("/signIn/session/accessToken"));
        assert_eq!(me(&again).await.text("/me/email"), "Ann@example.com");
        let sessions = again.query("{ sessions { isCurrent address endedAt } }", json!({})).await;
        assert_eq!(sessions.at("/sessions/0"), &json!({"isCurrent": true, "address": "127.0.0.1", "endedAt": null}));
        assert_eq!(sessions.list("/sessions").len(), 2);
    }

    async fn the_answer_does_not_tell_whether_an_address_is_known(city: &City) {
        let anonymous = city.anonymous();
        sign_up(&anonymous, "ann@example.com").await.expect_success();
        let ben = city.customer("Ben").await;
        let admin = city.admin().await;
        mutate(&admin, "setUserActive", "user { isActive }", json!({"userId": ben.user_id(), "isActive": false}))
            .await
            .expect_success();
        let unknown = sign_in(&anonymous, "nobody@example.com", PASSWORD).await;
        unknown.expect_code("UNAUTHENTICATED");
        for (email, password) in
            [("ann@example.com", "another password"), (ben.user().email.as_str(), PASSWORD), ("no address", ""), ("", "")]
        {
            assert_eq!(sign_in(&anonymous, email, password).await.body, unknown.body, "{email}");
        }
        for name in ["requestPasswordReset", "requestEmailVerification"] {
            let known = mutate(&anonymous, name, "accepted", json!({"email": "ann@example.com"})).await;
            let unknown = mutate(&anonymous, name, "accepted", json!({"email": "nobody@example.com"})).await;
            assert_eq!(known.clone().expect_success().body, unknown.body);
        }
    }

    async fn a_refresh_token_is_exchanged_and_ends_the_session_when_it_comes_too_late(city: &City) {
        let anonymous = city.anonymous();
        let opened = sign_up(&anonymous, "ann@example.com").await;
        let first = opened.text("/signUp/session/refreshToken").to_owned();
        let renewed = refresh(&anonymous, &first).await;
        let second = renewed.text("/refreshSession/session/refreshToken").to_owned();
        assert_ne!(first, second);
        let ann = anonymous.with_access_token(renewed.text("/refreshSession/session/accessToken"));
        assert_eq!(me(&ann).await.text("/me/email"), "ann@example.com");

        refresh(&anonymous, &first).await.expect_code("UNAUTHENTICATED");
        // Whoever has the newest token is not trusted any more, nor what it was renewed to.
        refresh(&anonymous, &second).await.expect_code("UNAUTHENTICATED");
        me(&ann).await.expect_code("UNAUTHENTICATED");
        for nonsense in ["", "x", &second[1..], &"x".repeat(10_000)] {
            refresh(&anonymous, nonsense).await.expect_code("UNAUTHENTICATED");
        }
    }

    async fn a_session_that_was_ended_is_at_an_end_in_every_process(city: &City) {
        let anonymous = city.anonymous();
        let elsewhere = city.elsewhere().await;
        let opened = sign_up(&anonymous, "ann@example.com").await;
        let ann = anonymous.with_access_token(opened.text("/signUp/session/accessToken"));
        assert_eq!(me(&ann.at(&elsewhere)).await.text("/me/email"), "ann@example.com");

        let token = opened.text("/signUp/session/refreshToken");
        let out = mutate(&anonymous, "signOut", "user { email }", json!({"refreshToken": token})).await;
        assert_eq!(out.text("/signOut/user/email"), "ann@example.com");
        me(&ann).await.expect_code("UNAUTHENTICATED");
        me(&ann.at(&elsewhere)).await.expect_code("UNAUTHENTICATED");
        refresh(&anonymous, token).await.expect_code("UNAUTHENTICATED");
        let again = mutate(&anonymous, "signOut", "user { email }", json!({"refreshToken": "unknown"})).await;
        assert_eq!(again.at("/signOut/user"), &json!(null));
    }

    async fn sessions_are_revoked_by_their_owner_and_admins_only(city: &City) {
        let (ann, ben, admin) = (city.customer("Ann").await, city.customer("Ben").await, city.admin().await);
        let second = city.session(ann.user()).await;
        let phone = ann.with_access_token(&access_token(ann.user().id, second.id, 60));
        let id = tiffin_tests::global_id("ActiveSession", second.id);

        for name in [&ben, &city.driver("Duy").await] {
            let refused = mutate(name, "revokeSession", "session { id }", json!({"sessionId": id})).await;
            refused.expect_error("NOT_FOUND", "sessionId");
            let unknown = json!({"sessionId": "ActiveSession:999999"});
            assert_eq!(mutate(name, "revokeSession", "session { id }", unknown).await.body, refused.body);
            let all = mutate(name, "revokeAllSessions", "revoked", json!({"userId": ann.user_id()})).await;
            all.expect_error("NOT_FOUND", "userId");
            let node = name.query("query($id: ID!) { node(id: $id) { id } }", json!({"id": id})).await;
            assert_eq!(node.at("/node"), &json!(null));
        }
        assert_eq!(me(&phone).await.text("/me/email"), ann.user().email);

        let revoked = mutate(&ann, "revokeSession", "session { id endedAt }", json!({"sessionId": id})).await;
        assert!(revoked.at("/revokeSession/session/endedAt").is_string(), "{revoked}");
        me(&phone).await.expect_code("UNAUTHENTICATED");
        city.session(ann.user()).await;
        let others = mutate(&ann, "revokeAllSessions", "revoked", json!({"exceptCurrent": true})).await;
        assert_eq!(others.at("/revokeAllSessions/revoked"), &json!(1));
        me(&ann).await.expect_success();

        let all = mutate(&admin, "revokeAllSessions", "revoked", json!({"userId": ann.user_id()})).await;
        assert_eq!(all.at("/revokeAllSessions/revoked"), &json!(1));
        me(&ann).await.expect_code("UNAUTHENTICATED");
    }

    async fn what_is_no_good_token_is_nobody(city: &City) {
        let ann = city.customer("Ann").await;
        let session = city.session(ann.user()).await;
        let ben = city.customer("Ben").await;
        for token in [
            "",
            "nonsense",
            &access_token(ann.user().id, session.id, -1),
            // Another one's session, one that is not there, and a user who is not.
            &access_token(ben.user().id, session.id, 60),
            &access_token(ann.user().id, 999_999, 60),
            &access_token(999_999, session.id, 60),
        ] {
            let answer = me(&ann.with_access_token(token)).await;
            answer.expect_code("UNAUTHENTICATED");
            assert_eq!(answer.status, 401);
        }
        let good = access_token(ann.user().id, session.id, 60);
        assert_eq!(me(&ann.with_access_token(&good)).await.text("/me/email"), ann.user().email);
    }

    async fn changing_the_password_ends_every_other_session(city: &City) {
        let anonymous = city.anonymous();
        let opened = sign_up(&anonymous, "ann@example.com").await;
        let ann = anonymous.with_access_token(opened.text("/signUp/session/accessToken"));
        let other = sign_in(&anonymous, "ann@example.com", PASSWORD).await;
        let other = anonymous.with_access_token(other.text("/signIn/session/accessToken"));
        let new = "quite another password";

        let change = |current: &str, new: &str| json!({"currentPassword": current, "newPassword": new});
        let wrong = mutate(&ann, "changePassword", "user { id }", change("wrong password", new)).await;
        wrong.expect_error("BAD_USER_INPUT", "currentPassword");
        let short = mutate(&ann, "changePassword", "user { id }", change(PASSWORD, "short")).await;
        short.expect_error("BAD_USER_INPUT", "newPassword");
        me(&other).await.expect_success();

        mutate(&ann, "changePassword", "user { id }", change(PASSWORD, new)).await.expect_success();
        me(&ann).await.expect_success();
        me(&other).await.expect_code("UNAUTHENTICATED");
        sign_in(&anonymous, "ann@example.com", PASSWORD).await.expect_code("UNAUTHENTICATED");
        sign_in(&anonymous, "ann@example.com", new).await.expect_success();
    }
}
