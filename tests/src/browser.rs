//! Drives a Chromium browser and the pages of `tests/node/browser` in it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::{PATIENCE, Proxy, Script, workspace::Listening};

/// A Chromium, whose pages come from an origin of their own. Dropped, it ends.
pub struct Browser {
    script: Arc<Mutex<Script>>,
    origin: String,
    // Removed after the script.
    _folder: TempDir,
}

/// A page that is open in a browser.
pub struct Tab {
    script: Arc<Mutex<Script>>,
    number: u64,
    api: String,
}

/// A click on one element that brings another one.
#[derive(Serialize)]
pub struct Click {
    /// A CSS selector, as the other.
    pub click: String,
    pub awaited: String,
    /// Whether it brings another subscription as well.
    pub subscribes: bool,
}

/// What a page has sent so far, and was told.
#[derive(Debug, Deserialize)]
pub struct Seen {
    pub requests: Vec<SeenRequest>,
    pub sockets: Vec<SeenSocket>,
    /// What the browser or the page complained of.
    pub errors: Vec<String>,
}

/// A request to the API; those that a browser sends by itself before it are left out.
#[derive(Debug, Deserialize)]
pub struct SeenRequest {
    /// The operation's name, where it has one.
    pub operation: Option<String>,
    pub headers: Value,
    /// None as long as there is no answer, and where there is none that the page may read.
    pub status: Option<u16>,
}

#[derive(Debug, Deserialize)]
pub struct SeenSocket {
    pub sent: Vec<Value>,
    pub received: Vec<Value>,
    /// None as long as it is open.
    pub closed: Option<SeenClose>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenClose {
    pub code: u16,
    pub was_clean: bool,
}

impl Seen {
    /// How sockets were closed so far.
    pub fn closes(&self) -> impl Iterator<Item = &SeenClose> {
        self.sockets.iter().filter_map(|socket| socket.closed.as_ref())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum BrowserReply {
    Done(Value),
    Failed(String),
}

impl Browser {
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("tiffin-browser-").tempdir().expect("a folder can be made");
        let arguments = [&PATIENCE.as_millis().to_string(), &*folder.path().to_string_lossy()];
        let mut script = Script::start("browser.mjs", &arguments);
        let Listening { port } = script.next().await;
        let origin = format!("http://127.0.0.1:{port}");
        Browser { script: Arc::new(Mutex::new(script)), origin, _folder: folder }
    }

    /// Ends it, and removes what it wrote.
    pub async fn close(self) {
        obey(&self.script, &json!({"close": true})).await;
    }

    /// Where the pages come from, as `TIFFIN_HTTP_ALLOWED_ORIGINS` takes it.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Opens a page that knows the API behind this line, as somebody who was never there before.
    pub async fn open(&self, page: &str, line: &Proxy) -> Tab {
        self.open_beside(page, &format!("{}graphql", line.url()), None).await
    }

    async fn open_beside(&self, page: &str, api: &str, beside: Option<u64>) -> Tab {
        let command = json!({"open": page, "beside": beside, "search": {"api": api}});
        let number = obey(&self.script, &command).await.as_u64().expect("a tab has a number");
        Tab { script: self.script.clone(), number, api: api.to_owned() }
    }

    /// Opens a page in a further tab of the same person.
    pub async fn another_tab(&self, page: &str, tab: &Tab) -> Tab {
        self.open_beside(page, &tab.api, Some(tab.number)).await
    }
}

impl Tab {
    async fn act(&self, mut command: Value) -> Value {
        command["tab"] = json!(self.number);
        obey(&self.script, &command).await
    }

    pub async fn fill(&self, selector: &str, text: &str) {
        self.act(json!({"fill": selector, "text": text})).await;
    }

    pub async fn click(&self, selector: &str) {
        self.act(json!({"click": selector})).await;
    }

    /// What a JavaScript expression in the page, or its promise, gives.
    pub async fn run(&self, expression: &str) -> Value {
        self.act(json!({"run": expression})).await
    }

    /// Waits until the elements with this CSS selector have exactly these texts.
    pub async fn until(&self, selector: &str, texts: &[&str]) {
        self.act(json!({"until": selector, "texts": texts})).await;
    }

    /// Clicks in turn, each when the last click has brought what it should: the milliseconds that each took.
    pub async fn alternate(&self, clicks: &[Click], times: usize) -> Vec<f64> {
        let took = self.act(json!({"alternate": clicks, "times": times})).await;
        serde_json::from_value(took).expect("they are numbers")
    }

    /// Takes the network from the page, or gives it back, and lets it know.
    pub async fn set_offline(&self, is_offline: bool) {
        self.act(json!({"offline": is_offline})).await;
    }

    pub async fn seen(&self) -> Seen {
        let seen = self.act(json!({"seen": true})).await;
        serde_json::from_value(seen).expect("the script tells what was seen")
    }
}

async fn obey(script: &Mutex<Script>, command: &Value) -> Value {
    let mut script = script.lock().await;
    script.tell(&command.to_string()).await;
    match script.next().await {
        BrowserReply::Done(result) => result,
        BrowserReply::Failed(why) => panic!("{command}: {why}"),
    }
}
