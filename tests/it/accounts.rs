//! Accounts: sign-up and sign-in, sessions and tokens, and what ends them.

mod addresses;
mod attempts;
mod deletion;
mod email_change;
mod generations;
mod letters;
mod record;
mod seen_by_user;
mod sessions;
mod staff;
mod stale_tokens;

pub use deletion::taken_along;
use serde_json::{Value, json};
use tiffin_tests::{Answer, Person};

const PASSWORD: &str = "a long enough password";

async fn sign_up(person: &Person, email: &str) -> Answer {
    let document = "mutation($input: SignUpInput!) { signUp(input: $input) { session { \
         accessToken accessTokenExpiresAt refreshToken user { id email name role emailVerified customer { id } } } } }";
    let input = json!({"email": email, "password": PASSWORD, "name": "Ann Example", "phone": "+1 555 7777"});
    person.query(document, json!({"input": input})).await
}

async fn sign_in(person: &Person, email: &str, password: &str) -> Answer {
    let document = "mutation($input: SignInInput!) { signIn(input: $input) { session { \
         accessToken refreshToken user { id email } } } }";
    person.query(document, json!({"input": {"email": email, "password": password}})).await
}

async fn refresh(person: &Person, refresh_token: &str) -> Answer {
    let document = "mutation($token: String!) { refreshSession(input: {refreshToken: $token}) { session { \
         accessToken refreshToken user { email } } } }";
    person.query(document, json!({"token": refresh_token})).await
}

/// The mutation with one input, and its payload's one scalar or `user { id }`.
async fn mutate(person: &Person, name: &str, selection: &str, input: Value) -> Answer {
    let input_type = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    let document = format!("mutation($input: {input_type}!) {{ {name}(input: $input) {{ {selection} }} }}");
    person.query(&document, json!({"input": input})).await
}

/// The e-mail address of who asks; null for the anonymous. UNAUTHENTICATED is the whole request's.
async fn me(person: &Person) -> Answer {
    person.query("{ me { email } }", json!({})).await
}
