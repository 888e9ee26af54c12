//! Server processes on one database, each reached by a line that stays where it is, and people.

use std::{collections::HashSet, time::Duration};

use entity::{
    drivers, journal_events, journal_positions, order_events,
    sea_orm_active_enums::{DriverStatus, OrderStatus},
};
use futures_util::future::join_all;
use rand::Rng;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use serde_json::{Value, json};
use tiffin_tests::{
    City, PATIENCE, Person, Proxy, Server,
    builders::{Order, Restaurant},
};
use tokio::{
    sync::{Mutex, watch},
    time::timeout,
};

const RESTAURANTS: usize = 6;
const CUSTOMERS: usize = 12;

pub struct Scene {
    // The servers are ended before what they stand on.
    pub sites: Vec<Site>,
    pub kitchens: Vec<Kitchen>,
    pub customers: Vec<Person>,
    pub drivers: Vec<Person>,
    pub admin: Person,
    /// An order of long ago.
    pub old: Order,
    /// Its place in the feeds, after which everything is to be told.
    pub start: String,
    /// How often nobody knew whether what was asked for had happened.
    pub in_doubt: watch::Sender<usize>,
    pub city: City,
}

/// A server process, where people find it whatever becomes of it.
pub struct Site {
    pub line: Proxy,
    pub server: Mutex<Server>,
}

/// A restaurant and somebody on its staff.
pub struct Kitchen {
    pub restaurant: Restaurant,
    pub staff: Person,
}

impl Scene {
    /// Lets people live in a city that is new, with so many drivers, at so many servers of it.
    pub async fn open(mut city: City, sites: usize, drivers: usize) -> Self {
        // Another process would make up for what these forget.
        city.stop().await;
        let sites = join_all((0..sites).map(|_| Site::open(&city))).await;
        let mut kitchens = Vec::new();
        for _ in 0..RESTAURANTS {
            let restaurant = city.restaurant().with_dishes(3).create().await;
            kitchens.push(Kitchen { staff: city.merchant_of(&restaurant).await, restaurant });
        }
        let customers = join_all((0..CUSTOMERS).map(|_| city.customer("Ann"))).await;
        let drivers = join_all((0..drivers).map(|_| city.driver("Duy"))).await;
        let admin = city.admin().await;
        let old = city.order(&customers[0], &kitchens[0].restaurant).status(OrderStatus::Delivered).create().await;
        let document = "query($id: ID!) { order(id: $id) { events { cursor } } }";
        let answer = admin.by_way_of(&sites[0].line).query(document, json!({"id": old.id()})).await;
        let start = answer.list("/order/events").last().unwrap()["cursor"].as_str().unwrap().to_owned();
        Scene { sites, kitchens, customers, drivers, admin, old, start, in_doubt: watch::Sender::new(0), city }
    }

    /// The same person, at one of the servers.
    pub fn somewhere(&self, person: &Person, random: &mut impl Rng) -> Person {
        person.by_way_of(&self.sites[random.random_range(0..self.sites.len())].line)
    }

    /// The same person, at each of the servers.
    pub fn everywhere(&self, person: &Person) -> Vec<Person> {
        self.sites.iter().map(|site| person.by_way_of(&site.line)).collect()
    }

    /// The users (`User:…`) whose acts on orders go into the record.
    pub fn managers(&self) -> HashSet<String> {
        self.kitchens.iter().map(|kitchen| &kitchen.staff).chain([&self.admin]).map(Person::user_id).collect()
    }

    /// Waits until all servers say that they are ready, with everything there.
    pub async fn until_ready(&self) {
        let client = reqwest::Client::new();
        for site in &self.sites {
            let url = format!("{}health/ready", site.line.url());
            let is_ready = async || {
                let body: Option<Value> = client.get(&url).send().await.ok()?.json().await.ok();
                Some(body?["status"] == "ok")
            };
            let waiting = async {
                while is_ready().await != Some(true) {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            timeout(PATIENCE, waiting).await.expect("the servers are ready again");
        }
    }

    /// Waits until all that happened has a position in the journal, and expects each to have one of its own.
    pub async fn until_all_is_numbered(&self) {
        let steps = order_events::Entity::find().count(self.city.db()).await.unwrap();
        let numbered = journal_events::Entity::find().filter(journal_events::Column::Kind.eq("ORDER_STEP")).filter(
            journal_events::Column::Id.in_subquery(
                journal_positions::Entity::find().select_only().column(journal_positions::Column::EventId).into_query(),
            ),
        );
        let waiting = async {
            while numbered.clone().count(self.city.db()).await.unwrap() < steps {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("every step is numbered");
        let positions = journal_positions::Entity::find().order_by_asc(journal_positions::Column::Position);
        let positions = positions.all(self.city.db()).await.unwrap();
        assert!(positions.iter().zip(1..).all(|(row, position)| row.position == position), "{positions:?}");
    }

    /// With the last order, every driver has become free again.
    pub async fn expect_idle_drivers(&self) {
        let busy = drivers::Entity::find()
            .filter(drivers::Column::Id.is_in(self.drivers.iter().map(|driver| driver.driver().id)))
            .filter(drivers::Column::Status.ne(DriverStatus::Available));
        assert_eq!(busy.count(self.city.db()).await.unwrap(), 0);
    }
}

impl Site {
    async fn open(city: &City) -> Self {
        let server = city.another_server().await;
        Site { line: Proxy::before(&[&server]).await, server: Mutex::new(server) }
    }

    /// Kills the server (SIGKILL). Like whatever looks after processes, starts it until it stays: it does not where the database is away
    /// just then.
    pub async fn restart(&self, city: &City) {
        self.restart_by(&[], city).await;
    }

    /// The same, started by a command that makes way for it.
    pub async fn restart_by(&self, command: &[String], city: &City) {
        let mut server = self.server.lock().await;
        server.kill();
        // Nobody is led to whoever gets its port next.
        self.line.cut();
        let starting = async {
            loop {
                if let Ok(started) = city.try_another_server_by(command).await {
                    return started;
                }
            }
        };
        *server = timeout(PATIENCE, starting).await.expect("the server starts again");
        self.line.turn_to(&[&server]);
        self.line.mend();
    }
}
