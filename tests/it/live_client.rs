//! The client of docs/live-updates.md, as it stands there, at a server that is restarted and killed: the real package in Node.js.

use entity::sea_orm_active_enums::OrderStatus;
use serde::Deserialize;
use serde_json::{Value, json};
use tiffin_tests::{
    City, PATIENCE, Proxy, Script, access_token, acts::status_name, both_databases, builders::Restaurant, workspace,
};

use OrderStatus::{Confirmed, Delivered, PickedUp, Preparing, Ready};

#[test]
fn the_document_shows_the_code_that_is_tested() {
    let document = workspace::read("docs/live-updates.md");
    let shown: Vec<_> = document.split("```js\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    for file in ["tests/node/live.mjs", "tests/node/live-apollo.mjs", "tests/node/live-sse.mjs"] {
        let tested = workspace::read(file);
        assert!(shown.contains(&tested.as_str()), "docs/live-updates.md does not show {file} as it is");
    }
}

both_databases! {
    async fn a_page_misses_nothing_when_the_server_is_restarted(database: Database) {
        let mut city = City::new(database).await;
        city.stop().await;
        let mut server = city.another_server().await;
        let line = Proxy::before(&[&server]).await;
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let [ann, staff, duy, admin] =
            [city.customer("Ann").await, city.merchant_of(&restaurant).await, city.driver("Duy").await, city.admin().await]
                .map(|person| person.by_way_of(&line));
        let old = city.order(&ann, &restaurant).status(Delivered).create().await;
        let start = admin.query("query($id: ID!) { order(id: $id) { events { cursor } } }", json!({"id": old.id()})).await;
        let start = start.list("/order/events").last().unwrap()["cursor"].clone();

        let order = ann.has_ordered(&restaurant.basket(&[(0, 1)])).await;
        // The page believes its token to be good, and gets another one when the server does not.
        let session = city.session(admin.user()).await.id;
        let [expired, good, newer] = [-60, 3600, 7200].map(|seconds| access_token(admin.user().id, session, seconds));
        let tokens = json!([expired, good]);
        let mut page = Page::open(&line, &tokens, &follows(&order, &restaurant, &start));
        page.until(|page| page.is_told(1)).await;
        assert_eq!(page.closed, [4403]);
        page.script.tell(&newer).await;
        page.until(|page| page.renewed).await;

        server.request_stop();
        server.ended().await;
        server = city.another_server_behind(&line).await;
        staff.update_order_status(&order, Confirmed).await.expect_success();
        staff.update_order_status(&order, Preparing).await.expect_success();
        page.until(|page| page.is_told(3)).await;
        assert!(page.closed.contains(&1012), "the server says that it is restarted: {:?}", page.closed);

        server.kill();
        let _started = city.another_server_behind(&line).await;
        staff.update_order_status(&order, Ready).await.expect_success();
        duy.assign_driver(&order, &duy).await.expect_success();
        page.until(|page| page.is_told(5)).await;

        // Nothing that was said of the socket before this is of use.
        let connections = page.connections;
        line.end_connections();
        page.until(|page| page.connections > connections).await;
        duy.update_order_status(&order, PickedUp).await.expect_success();
        duy.update_order_status(&order, Delivered).await.expect_success();
        page.until(|page| page.is_told(7) && page.completed == [true, false, true, true]).await;
        assert_eq!(page.restarts, [0; 4], "nothing was restored");

        let history: Vec<_> = city.order_events(&order).await;
        let history: Vec<_> = history.iter().map(|row| (row.sequence, status_name(row.status).to_owned())).collect();
        assert!(page.told.iter().all(|told| *told == history), "{:?} was told of {history:?}", page.told);
    }

    async fn a_customers_page_that_shows_the_driver_sees_the_delivery(city: &City) {
        let restaurant = city.restaurant().with_dishes(1).create().await;
        let (ann, duy) = (city.customer("Ann").await, city.new_driver("Duy").located_at(21.0, 105.0).create().await);
        let order = city.order(&ann, &restaurant).status(Ready).driver(&duy).create().await.id();
        let of_order = "subscription($id: ID!, $after: Int) { step: orderStatusChanged(orderId: $id, after: $after) { \
             sequence status order { driver { name phone licenseNumber location { lat lng } } } } }";
        let followed = |by: &str| json!({"query": of_order, "variables": {"id": order}, "position": "sequence", "by": by});
        let follows = json!([followed("socket"), followed("apollo"), followed("eventStream")]);
        let line = Proxy::before(&[city.server()]).await;
        let mut page = Page::open(&line, &json!([ann.access_token()]), &follows);
        page.until(|page| page.is_told(1)).await;
        duy.update_order_status(&order, PickedUp).await.expect_success();
        duy.update_order_status(&order, Delivered).await.expect_success();
        page.until(|page| page.completed == [true; 3]).await;
        for told in &page.told {
            let statuses: Vec<_> = told.iter().map(|(_, status)| status.as_str()).collect();
            assert_eq!(statuses, ["READY", "PICKED_UP", "DELIVERED"]);
        }
    }
}

/// An order, the kitchen's feed, the order once more by Apollo Client, all on one socket, and the order as an event stream.
fn follows(order: &str, restaurant: &Restaurant, start: &Value) -> Value {
    let of_order = "subscription($id: ID!, $after: Int) { \
         step: orderStatusChanged(orderId: $id, after: $after) { sequence status } }";
    json!([
        {"query": of_order, "variables": {"id": order}, "position": "sequence", "by": "socket"},
        {"query": OF_KITCHEN, "variables": {"id": restaurant.id(), "after": start}, "position": "cursor", "by": "socket"},
        {"query": of_order, "variables": {"id": order}, "position": "sequence", "by": "apollo"},
        {"query": of_order, "variables": {"id": order}, "position": "sequence", "by": "eventStream"},
    ])
}

/// What a kitchen follows.
pub const OF_KITCHEN: &str = "subscription($id: ID!, $after: String) { \
     step: restaurantOrderChanged(restaurantId: $id, after: $after) { cursor sequence status } }";

/// A page that follows subscriptions with the documented client.
pub struct Page {
    pub script: Script,
    /// The sequence and status of each step, as it was told to each of them since it last began anew.
    pub told: Vec<Vec<(i32, String)>>,
    /// Which of them were completed.
    pub completed: Vec<bool>,
    /// How often each of them began anew, because the data were restored.
    pub restarts: Vec<usize>,
    pub connections: usize,
    /// The codes that the sockets were closed with.
    pub closed: Vec<u16>,
    /// Whether the server has taken a newer token.
    pub renewed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    Event { follow: usize, step: Step },
    Completed { follow: usize },
    Restarted { follow: usize },
    Failed { follow: usize, problem: Value },
    Connected,
    Closed { code: u16 },
    Renewed(Value),
}

#[derive(Deserialize)]
struct Step {
    sequence: i32,
    status: String,
}

impl Page {
    /// Opens it at the server behind this line, with these tokens, one after the other. What it follows is as `follow.mjs` takes it.
    pub fn open(line: &Proxy, tokens: &Value, follows: &Value) -> Self {
        let url = format!("{}graphql", line.url());
        let script = Script::start("follow.mjs", &[&url, &tokens.to_string(), &follows.to_string()]);
        let number = follows.as_array().unwrap().len();
        Page {
            script,
            told: vec![Vec::new(); number],
            completed: vec![false; number],
            restarts: vec![0; number],
            connections: 0,
            closed: Vec::new(),
            renewed: false,
        }
    }

    /// Whether all were told so many steps.
    pub fn is_told(&self, steps: usize) -> bool {
        self.told.iter().all(|told| told.len() >= steps)
    }

    /// Reads what the page says until it is as wanted.
    pub async fn until(&mut self, wanted: impl Fn(&Page) -> bool) {
        let reading = async {
            while !wanted(self) {
                self.hear().await;
            }
        };
        let read = tokio::time::timeout(PATIENCE, reading).await;
        read.unwrap_or_else(|_| panic!("the page is told no more than {:?}, closed {:?}", self.told, self.closed));
    }

    async fn hear(&mut self) {
        match self.script.next().await {
            Said::Event { follow, step: Step { sequence, status } } => self.told[follow].push((sequence, status)),
            Said::Completed { follow } => self.completed[follow] = true,
            Said::Restarted { follow } => {
                self.restarts[follow] += 1;
                self.told[follow].clear();
            }
            Said::Failed { follow, problem } => panic!("{follow} failed: {problem}"),
            Said::Connected => self.connections += 1,
            Said::Closed { code } => self.closed.push(code),
            Said::Renewed(until) => self.renewed = until["expiresAt"].is_string(),
        }
    }
}
