//! Finds the people whom the simulation plays: made-up ones, but not those whom a developer acts as.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use entity::{
    customers, drivers, restaurant_members, restaurants,
    sea_orm_active_enums::{DriverStatus, UserRole},
    users,
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Related, Select};

use crate::{ACCOUNTS, CUSTOMER, MERCHANT};
use tiffin::{
    database::Pool,
    domain::{
        ids::{CustomerId, DriverId, RestaurantId, UserId},
        viewer::{Rights, SignedIn, Viewer},
    },
    features::account::service::DEMO_DOMAIN,
};

const CUSTOMERS: u64 = 40;
const DRIVERS: u64 = 12;
const RESTAURANTS: u64 = 12;

/// A customer, and how it acts.
pub struct Guest {
    pub customer: customers::Model,
    pub viewer: Viewer,
}

/// Everybody who is played.
pub struct Cast {
    pub guests: Vec<Arc<Guest>>,
    /// The demo's customer: orders are placed for it, and moved along.
    pub demo_guest: Option<Arc<Guest>>,
    pub couriers: HashMap<i32, Viewer>,
    /// The staff of each restaurant whose kitchen is played.
    pub kitchens: HashMap<i32, Viewer>,
    /// The demo merchant's, where a person cooks.
    pub demo_restaurants: HashSet<i32>,
}

impl Cast {
    pub async fn load(db: &Pool) -> Result<Self, DbErr> {
        let guests = played(customers::Entity::find()).limit(CUSTOMERS).all(db).await?;
        let demo_guest = customers::Entity::find()
            .find_also_related(users::Entity)
            .filter(users::Column::Email.eq(CUSTOMER))
            .one(db)
            .await?;
        let couriers = played(drivers::Entity::find())
            .filter(drivers::Column::Status.ne(DriverStatus::Offline))
            .limit(DRIVERS)
            .all(db)
            .await?;
        let demo_restaurants = restaurants_of_merchant(db).await?;
        Ok(Cast {
            guests: guests.into_iter().filter_map(guest).collect(),
            demo_guest: demo_guest.and_then(guest),
            couriers: couriers.into_iter().filter_map(courier).collect(),
            kitchens: kitchens(db, &demo_restaurants).await?,
            demo_restaurants,
        })
    }

    pub fn is_demo_guest(&self, customer: i32) -> bool {
        self.demo_guest.as_ref().is_some_and(|guest| guest.customer.id == customer)
    }
}

/// With their users, those of the demo whom nobody acts as.
fn played<E: EntityTrait + Related<users::Entity>>(select: Select<E>) -> sea_orm::SelectTwo<E, users::Entity> {
    select
        .find_also_related(users::Entity)
        .filter(users::Column::Email.ends_with(format!("@{DEMO_DOMAIN}")))
        .filter(users::Column::Email.is_not_in(ACCOUNTS.map(|account| account.email)))
        .order_by_asc(users::Column::Id)
}

async fn restaurants_of_merchant(db: &Pool) -> Result<HashSet<i32>, DbErr> {
    let members = restaurant_members::Entity::find()
        .find_also_related(users::Entity)
        .filter(users::Column::Email.eq(MERCHANT))
        .all(db)
        .await?;
    Ok(members.into_iter().map(|(member, _)| member.restaurant_id).collect())
}

async fn kitchens(db: &Pool, demo_restaurants: &HashSet<i32>) -> Result<HashMap<i32, Viewer>, DbErr> {
    let members = played(restaurant_members::Entity::find())
        .filter(restaurant_members::Column::RestaurantId.is_not_in(demo_restaurants.iter().copied()))
        .limit(RESTAURANTS)
        .all(db)
        .await?;
    let staff: HashMap<_, _> = members.into_iter().map(|(member, _)| (member.restaurant_id, member.user_id)).collect();
    let rows = restaurants::Entity::find()
        .filter(restaurants::Column::Id.is_in(staff.keys().copied()))
        .filter(restaurants::Column::IsActive.eq(true))
        .all(db)
        .await?;
    Ok(rows
        .into_iter()
        .filter_map(|restaurant| {
            let rights =
                Rights { restaurants: HashSet::from([RestaurantId(restaurant.id)]), ..Rights::of(UserRole::Merchant) };
            Some((restaurant.id, viewer(*staff.get(&restaurant.id)?, rights)))
        })
        .collect())
}

fn guest((customer, owner): (customers::Model, Option<users::Model>)) -> Option<Arc<Guest>> {
    let rights = Rights { customer: Some(CustomerId(customer.id)), ..Rights::of(UserRole::Customer) };
    Some(Arc::new(Guest { viewer: viewer(owner?.id, rights), customer }))
}

fn courier((driver, owner): (drivers::Model, Option<users::Model>)) -> Option<(i32, Viewer)> {
    let rights = Rights { driver: Some(DriverId(driver.id)), ..Rights::of(UserRole::Driver) };
    Some((driver.id, viewer(owner?.id, rights)))
}

/// A viewer without a session, for a person whom the server plays.
fn viewer(user: i32, rights: Rights) -> Viewer {
    Viewer::User(Arc::new(SignedIn::new(UserId(user), None, None, rights)))
}
