//! The cache of documents that have passed the checks: one that is sent again is not parsed or checked again, and one that is named by its
//! hash need not be sent.

use std::sync::Arc;

use async_graphql::{Request, Value};
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::{
    prepared::Prepared,
    text_hash::{Registered, TextHash},
};

/// Bytes that all entries may take. Beyond that, those that are used the least are evicted (TinyLFU).
const CAPACITY: u64 = 16 * 1024 * 1024;

/// Prepared operations and registered texts, in one cache under one bound.
pub struct KnownDocuments(Cache<CacheKey, Kept>);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum CacheKey {
    Operation(DocumentKey),
    Text(TextHash),
}

#[derive(Clone)]
enum Kept {
    Operation(Arc<Prepared>),
    Text(Arc<str>),
}

impl Kept {
    /// Bytes that it takes, about.
    fn weight(&self) -> usize {
        match self {
            Kept::Operation(prepared) => prepared.weight(),
            Kept::Text(text) => size_of::<(CacheKey, Kept)>() + text.len(),
        }
    }
}

/// The hash of the document, the operation's name, and of the variables what the prepared form depends on: which are given, and which of
/// them are true or false, as conditions are. Nobody finds two requests with the same SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DocumentKey([u8; 32]);

impl DocumentKey {
    pub fn of(request: &Request) -> Self {
        let mut digest = Sha256::new();
        let mut part = |text: &str| {
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        };
        part(&request.query);
        match &request.operation_name {
            Some(name) => part(name),
            None => part(""),
        }
        part(if request.operation_name.is_some() { "named" } else { "" });
        for (name, value) in request.variables.iter() {
            part(name);
            part(match value {
                Value::Boolean(true) => "true",
                Value::Boolean(false) => "false",
                _ => "given",
            });
        }
        DocumentKey(digest.finalize().into())
    }
}

impl KnownDocuments {
    pub fn new() -> Self {
        Self::of_capacity(CAPACITY)
    }

    fn of_capacity(bytes: u64) -> Self {
        let weight = |_: &CacheKey, kept: &Kept| u32::try_from(kept.weight()).unwrap_or(u32::MAX);
        KnownDocuments(Cache::builder().max_capacity(bytes).weigher(weight).build())
    }

    pub fn get(&self, key: &DocumentKey) -> Option<Arc<Prepared>> {
        match self.0.get(&CacheKey::Operation(*key))? {
            Kept::Operation(prepared) => Some(prepared),
            Kept::Text(_) => None,
        }
    }

    pub fn keep(&self, key: DocumentKey, prepared: Arc<Prepared>) {
        self.0.insert(CacheKey::Operation(key), Kept::Operation(prepared));
    }

    /// The text that has this hash, if a client has registered it.
    pub fn text(&self, hash: &TextHash) -> Option<Arc<str>> {
        match self.0.get(&CacheKey::Text(*hash))? {
            Kept::Text(text) => Some(text),
            Kept::Operation(_) => None,
        }
    }

    pub fn keep_text(&self, Registered { hash, text }: Registered) {
        self.0.insert(CacheKey::Text(hash), Kept::Text(text));
    }
}

#[cfg(test)]
mod tests {
    use std::mem::size_of;

    use async_graphql::{EmptyMutation, EmptySubscription, Object};

    use super::{
        super::{Checks, TrustedDocuments, Unedited, checked_schema},
        *,
    };
    use crate::config::{Config, Environment};

    struct Query;

    #[Object]
    impl Query {
        async fn a(&self) -> Query {
            Query
        }

        async fn length(&self, of: String) -> usize {
            of.len()
        }
    }

    type Toy = Checks<Query, EmptyMutation, EmptySubscription>;

    /// What came of the request, and whether it is known now.
    async fn known_after(request: Request) -> (bool, bool) {
        let schema = checked_schema(
            || (Query, EmptyMutation, EmptySubscription),
            |_, _| None,
            true,
            TrustedDocuments::default(),
            Unedited,
        )
        .finish();
        let checks: &Toy = schema.data().expect("the checks are the schema's");
        let limits = Config::defaults(Environment::Development, true).limits;
        let passed = checks.check(&request, &limits).await.is_ok();
        (passed, checks.known.get(&DocumentKey::of(&request)).is_some())
    }

    fn with_variables(query: &str, variables: serde_json::Value) -> Request {
        Request::new(query).variables(async_graphql::Variables::from_json(variables))
    }

    #[tokio::test]
    async fn what_is_refused_is_not_kept() {
        let length = "query ($of: String!) { length(of: $of) }";
        assert_eq!(known_after(with_variables(length, serde_json::json!({ "of": "a" }))).await, (true, true));
        let refused = [
            Request::new("{"),
            Request::new("{ unknown }"),
            Request::new("{ length(of: 1) }"),
            Request::new(format!("{{ {} }}", "a { ".repeat(100))),
            Request::new("{ __typename }").operation_name("A"),
            with_variables(length, serde_json::json!({})),
            with_variables(length, serde_json::json!({ "of": null })),
        ];
        for request in refused {
            let query = request.query.clone();
            assert_eq!(known_after(request).await, (false, false), "{query}");
        }
    }

    #[tokio::test]
    async fn all_of_them_have_so_much_room() {
        let schema = checked_schema(
            || (Query, EmptyMutation, EmptySubscription),
            |_, _| None,
            true,
            TrustedDocuments::default(),
            Unedited,
        )
        .finish();
        let checks: &Toy = schema.data().expect("the checks are the schema's");
        let limits = Config::defaults(Environment::Development, true).limits;
        let known = KnownDocuments::of_capacity(100_000);
        for number in 0..1_000 {
            let request = Request::new(format!("{{ a {{ x{number}: length(of: \"{}\") }} }}", "b".repeat(500)));
            let prepared = checks.check(&request, &limits).await.expect("it is good").prepared;
            assert!(prepared.weight() > 500 + size_of::<Prepared>());
            known.keep(DocumentKey::of(&request), prepared);
            known.0.run_pending_tasks();
            assert!(known.0.weighted_size() <= 100_000);
        }
        assert!(known.0.entry_count() > 10, "there is room for some");
    }

    #[test]
    fn no_two_requests_are_taken_for_each_other() {
        let mut keys = std::collections::HashSet::new();
        let requests = [
            Request::new("ab"),
            Request::new("a"),
            Request::new("a").operation_name("b"),
            Request::new("a").operation_name(""),
            with_variables("a", serde_json::json!({ "b": true })),
            with_variables("a", serde_json::json!({ "b": false })),
            with_variables("a", serde_json::json!({ "b": "true" })),
            with_variables("a", serde_json::json!({ "bt": 1 })),
        ];
        let distinct = requests.iter().filter(|request| keys.insert(DocumentKey::of(request))).count();
        assert_eq!(distinct, requests.len());
        assert!(
            !keys.insert(DocumentKey::of(&with_variables("a", serde_json::json!({ "b": [1] })))),
            "its value is no matter"
        );
    }
}
