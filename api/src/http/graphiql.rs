//! GraphiQL at `/`, out of the binary alone: no content delivery network, and nothing that a page without internet would miss.
//!
//! The page's own files and what it is built on (`api/assets/graphiql/`, see its README) are embedded as they are and left to the router's
//! compression: a browser fetches them once for each build, for their address holds the hash of all of them.

use std::sync::LazyLock;

use axum::{
    Router,
    extract::Path,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Nothing but this server's own files and addresses, websockets included. Styles may be inline: GraphiQL's dialogs and editors write
/// them. Fonts and a few images sit in its style sheet.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Nothing of the device that somebody sits at. Copying a query is left to the page.
const PERMISSIONS_POLICY: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";

/// What the page offers beyond the public catalog.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Whom tabs act as. None (a server in production, or without the demo's data): only tabs that need nobody, and the one
    /// that signs in.
    pub accounts: Option<DemoAccounts>,
}

/// The demo's people, and the password of all of them: the page signs in with `signIn`, as an app does.
#[derive(Debug, Clone, Serialize)]
pub struct DemoAccounts {
    pub people: DemoPeople,
    pub password: String,
}

/// Their e-mail addresses.
#[derive(Debug, Clone, Serialize)]
pub struct DemoPeople {
    pub customer: String,
    pub merchant: String,
    pub driver: String,
    pub admin: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum DemoRole {
    Customer,
    Merchant,
    Driver,
}

/// One ready tab. Its variables are chosen in the page, from what it finds in the demo's data when it opens: orders move on.
#[derive(Debug, Clone, Serialize)]
struct Example {
    name: &'static str,
    acts_as: Option<DemoRole>,
    query: &'static str,
}

macro_rules! example {
    ($name:literal, $acts_as:expr) => {
        Example {
            name: $name,
            acts_as: $acts_as,
            query: include_str!(concat!("../../assets/graphiql/examples/", $name, ".graphql")),
        }
    };
}

const EXAMPLES: &[Example] = &[
    example!("welcome", None),
    example!("sign_in", None),
    example!("search", None),
    example!("who_am_i", Some(DemoRole::Customer)),
    example!("place_order", Some(DemoRole::Customer)),
    example!("kitchen", Some(DemoRole::Merchant)),
    example!("driver", Some(DemoRole::Driver)),
    example!("watch_order", Some(DemoRole::Customer)),
    example!("watch_my_orders", Some(DemoRole::Customer)),
    example!("watch_kitchen", Some(DemoRole::Merchant)),
    example!("watch_claimable_orders", Some(DemoRole::Driver)),
    example!("driver_on_the_map", Some(DemoRole::Customer)),
    example!("revenue", Some(DemoRole::Merchant)),
];

struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

macro_rules! asset {
    ($folder:literal, $name:literal, $content_type:literal) => {
        Asset {
            name: $name,
            content_type: $content_type,
            bytes: include_bytes!(concat!("../../assets/graphiql/", $folder, "/", $name)),
        }
    };
}

const ASSETS: &[Asset] = &[
    asset!("page", "event_list.js", "text/javascript; charset=utf-8"),
    asset!("page", "events.js", "text/javascript; charset=utf-8"),
    asset!("page", "examples.js", "text/javascript; charset=utf-8"),
    asset!("page", "fetcher.js", "text/javascript; charset=utf-8"),
    asset!("page", "page.css", "text/css; charset=utf-8"),
    asset!("page", "page.js", "text/javascript; charset=utf-8"),
    asset!("page", "picker.js", "text/javascript; charset=utf-8"),
    asset!("page", "post.js", "text/javascript; charset=utf-8"),
    asset!("page", "ready_tabs.js", "text/javascript; charset=utf-8"),
    asset!("page", "sessions.js", "text/javascript; charset=utf-8"),
    asset!("page", "storage.js", "text/javascript; charset=utf-8"),
    asset!("page", "tab_names.js", "text/javascript; charset=utf-8"),
    asset!("page", "tab_notes.js", "text/javascript; charset=utf-8"),
    asset!("page", "tabs.js", "text/javascript; charset=utf-8"),
    asset!("page", "tiffin.svg", "image/svg+xml"),
    asset!("vendor", "LICENSES.txt", "text/plain; charset=utf-8"),
    asset!("vendor", "graphiql.min.css", "text/css; charset=utf-8"),
    asset!("vendor", "graphiql.min.js", "text/javascript; charset=utf-8"),
    asset!("vendor", "graphql-ws.min.js", "text/javascript; charset=utf-8"),
    asset!("vendor", "react-dom.production.min.js", "text/javascript; charset=utf-8"),
    asset!("vendor", "react.production.min.js", "text/javascript; charset=utf-8"),
];

/// The hash of all assets, so that an address never changes its content. Taken when first asked for: most processes never are.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let hash = ASSETS
        .iter()
        .fold(Sha256::new(), |hash, asset| hash.chain_update(asset.name).chain_update(asset.bytes))
        .finalize();
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
});

/// The page at `/` and its assets under `/graphiql/`; GET and HEAD. To be merged into the router only where GraphiQL is wanted.
pub fn routes(settings: Settings) -> Router {
    Router::new().route("/", get(async move || page(&settings))).route("/graphiql/{version}/{name}", get(asset))
}

fn page(settings: &Settings) -> Response {
    let html = include_str!("../../assets/graphiql/page/index.html")
        .replace("{{assets}}", &format!("/graphiql/{}", *VERSION))
        .replace("{{settings}}", &page_settings(settings));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS_POLICY)),
    ];
    (headers, html).into_response()
}

/// The settings as the JSON of a script element, which nothing inside can close.
fn page_settings(settings: &Settings) -> String {
    let examples: Vec<&Example> =
        EXAMPLES.iter().filter(|example| settings.accounts.is_some() || example.acts_as.is_none()).collect();
    serde_json::json!({ "accounts": settings.accounts, "examples": examples }).to_string().replace('<', "\\u003c")
}

async fn asset(Path((version, name)): Path<(String, String)>) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| version == *VERSION && asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, asset.bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demo() -> Settings {
        let [customer, merchant, driver, admin, password] =
            ["c@demo.test", "m@demo.test", "</script>@demo.test", "a@demo.test", "of the demo"].map(str::to_owned);
        Settings { accounts: Some(DemoAccounts { people: DemoPeople { customer, merchant, driver, admin }, password }) }
    }

    fn parsed(settings: &Settings) -> serde_json::Value {
        serde_json::from_str(&page_settings(settings)).expect("the settings are JSON")
    }

    #[test]
    fn every_example_is_a_document_with_named_operations() {
        for example in EXAMPLES {
            let document = async_graphql::parser::parse_query(example.query)
                .unwrap_or_else(|error| panic!("{}: {error}", example.name));
            assert!(document.operations.iter().all(|(name, _)| name.is_some()), "{}", example.name);
        }
    }

    #[test]
    fn every_file_that_the_page_names_is_there() {
        let html = include_str!("../../assets/graphiql/page/index.html");
        let named: Vec<&str> = html.split("{{assets}}/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(named.len(), 8);
        assert!(named.iter().all(|name| ASSETS.iter().any(|asset| asset.name == *name)), "{named:?}");
    }

    #[test]
    fn every_example_has_its_variables() {
        let script = include_str!("../../assets/graphiql/page/examples.js");
        for example in EXAMPLES {
            assert!(script.contains(&format!("\n  {}: (", example.name)), "{}", example.name);
        }
    }

    #[test]
    fn a_server_without_demo_accounts_offers_only_what_needs_nobody() {
        let settings = parsed(&Settings::default());
        let examples = settings["examples"].as_array().expect("a list");
        let names: Vec<_> = examples.iter().filter_map(|example| example["name"].as_str()).collect();
        assert_eq!(names, ["welcome", "sign_in", "search"]);
        assert_eq!(settings["accounts"], serde_json::Value::Null);
    }

    #[test]
    fn the_settings_cannot_close_their_element() {
        assert!(!page_settings(&demo()).contains('<'));
        assert_eq!(parsed(&demo())["accounts"]["people"]["driver"], "</script>@demo.test");
    }

    #[test]
    fn every_script_that_another_imports_is_there() {
        let scripts = ASSETS.iter().filter(|asset| asset.content_type.starts_with("text/javascript"));
        for script in scripts {
            let text = str::from_utf8(script.bytes).expect("a script is a text");
            for imported in text.split(" from './").skip(1).filter_map(|rest| rest.split('\'').next()) {
                assert!(ASSETS.iter().any(|asset| asset.name == imported), "{} imports {imported}", script.name);
            }
        }
    }

    #[tokio::test]
    async fn an_asset_is_kept_for_ever_at_the_address_of_its_content_only() {
        let found = asset(Path((VERSION.clone(), "page.js".to_owned()))).await;
        assert_eq!(found.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert_eq!(asset(Path(("0".to_owned(), "page.js".to_owned()))).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(asset(Path((VERSION.clone(), "../page.js".to_owned()))).await.status(), StatusCode::NOT_FOUND);
    }
}
