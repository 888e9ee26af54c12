//! Two server processes on one database and one Redis, each reached by a line that stays where it is, and people.

use std::time::Duration;

use entity::{
    drivers, order_events,
    sea_orm_active_enums::{DriverStatus, OrderStatus},
};
use futures_util::future::join_all;
use rand::Rng;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;
use tiffin_tests::{
    City, Database, Person, Proxy, Server,
    builders::{Order, Restaurant},
};
use tokio::{sync::Mutex, time::timeout};

use super::{PATIENCE, redis::Redis};

const RESTAURANTS: usize = 6;
const CUSTOMERS: usize = 12;

pub struct Scene {
    // The servers are ended before what they stand on.
    pub sites: [Site; 2],
    pub redis: Mutex<Redis>,
    pub redis_line: Proxy,
    pub kitchens: Vec<Kitchen>,
    pub customers: Vec<Person>,
    pub drivers: Vec<Person>,
    pub admin: Person,
    /// An order of long ago.
    pub old: Order,
    /// Its place in the feeds, after which everything is to be told.
    pub start: String,
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
    pub async fn new(drivers: usize) -> Self {
        let redis = Redis::start().await;
        let redis_line = Proxy::to(&redis.url()).await;
        let settings = [("REDIS_URL", redis_line.url()), ("TIFFIN_LOG", "info")];
        let mut city = City::with_settings(Database::Postgres, &settings).await;
        // A third process would make up for what these two forget.
        city.stop().await;
        let sites = [Site::open(&city).await, Site::open(&city).await];
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
        Scene { sites, redis: Mutex::new(redis), redis_line, kitchens, customers, drivers, admin, old, start, city }
    }

    /// The same person, at one of the servers.
    pub fn somewhere(&self, person: &Person, random: &mut impl Rng) -> Person {
        person.by_way_of(&self.sites[random.random_range(0..2)].line)
    }

    /// The same person, at each of the servers.
    pub fn everywhere(&self, person: &Person) -> [Person; 2] {
        self.sites.each_ref().map(|site| person.by_way_of(&site.line))
    }

    /// Waits until both servers say that they are ready.
    pub async fn until_ready(&self) {
        let client = reqwest::Client::new();
        for site in &self.sites {
            let url = format!("{}health/ready", site.line.url());
            let waiting = async {
                while client.get(&url).send().await.ok().is_none_or(|answer| answer.status() != 200) {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            timeout(PATIENCE, waiting).await.expect("the servers are ready again");
        }
    }

    /// Waits until no step is left that somebody might not have been told.
    pub async fn until_all_is_published(&self) {
        let unpublished = order_events::Entity::find().filter(order_events::Column::PublishedAt.is_null());
        let waiting = async {
            while unpublished.clone().count(self.city.db()).await.unwrap() > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("every step is published");
    }

    /// With the last order, every driver has become free again.
    pub async fn expect_idle_drivers(&self) {
        let busy = drivers::Entity::find().filter(drivers::Column::Status.ne(DriverStatus::Available));
        assert_eq!(busy.count(self.city.db()).await.unwrap(), 0);
    }
}

impl Site {
    async fn open(city: &City) -> Self {
        let server = city.another_server().await;
        Site { line: Proxy::before(&[&server]).await, server: Mutex::new(server) }
    }
}
