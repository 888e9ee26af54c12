//! Any object by its id alone.

use async_graphql::{Context, ID, Interface, Object};
use entity::{audit_events, customers, drivers, menus, orders, restaurants, reviews, sessions, users};

use super::{
    context::OperationContext,
    error::Result,
    ids::{
        self, AuditEventId, CustomerId, DishId, DriverId, GlobalId, MenuId, OrderId, RestaurantId, ReviewId, SessionId,
        UserId,
    },
    input, limits,
    row::Visible,
};
use crate::features::{
    account::{User, types::ActiveSession},
    audit::AuditEvent,
    customer::Customer,
    dish::{Dish, loader::DishRow},
    driver::Driver,
    menu::Menu,
    order::Order,
    restaurant::Restaurant,
    review::Review,
};

/// How many objects `nodes` gives at once.
const MAXIMUM_NODES: usize = 100;

/// An object with an id of its own.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Opaque, and unique over all types."))]
pub enum Node {
    Restaurant(Restaurant),
    Menu(Menu),
    Dish(Dish),
    Customer(Customer),
    Driver(Driver),
    Order(Order),
    Review(Review),
    User(User),
    ActiveSession(ActiveSession),
    AuditEvent(AuditEvent),
}

#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// An object by its id. Null, without an error, for what does not exist and for what the viewer may not know of;
    /// BAD_USER_INPUT for what is no id.
    async fn node(&self, ctx: &Context<'_>, id: ID) -> Option<Result<Node>> {
        node_visible(ctx, &id, "id").await.transpose()
    }

    /// At most 100 objects by their ids, in the same order; null, without an error, in the place of each that does not exist or
    /// that the viewer may not know of.
    #[graphql(complexity = "limits::entries(ids.len().min(MAXIMUM_NODES), child_complexity)")]
    async fn nodes(&self, ctx: &Context<'_>, ids: Vec<ID>) -> Result<Vec<Option<Node>>> {
        input::length("ids", &ids, 0, MAXIMUM_NODES)?;
        let nodes = ids
            .iter()
            .enumerate()
            .map(|(place, id)| async move { node_visible(ctx, id, &format!("ids.{place}")).await });
        futures_util::future::try_join_all(nodes).await
    }
}

async fn node_visible(ctx: &Context<'_>, id: &ID, field: &str) -> Result<Option<Node>> {
    let loaders = ctx.loaders();
    let (type_name, number) = ids::split(id, field)?;
    Ok(match type_name {
        RestaurantId::TYPE_NAME => loaders
            .load(Visible::<restaurants::Model>(number.into()))
            .await?
            .map(|row| Node::Restaurant(Restaurant(row))),
        MenuId::TYPE_NAME => {
            loaders.load(Visible::<menus::Model>(number.into())).await?.map(|row| Node::Menu(Menu(row)))
        }
        DishId::TYPE_NAME => loaders.load(Visible::<DishRow>(number.into())).await?.map(|row| Node::Dish(Dish(row))),
        CustomerId::TYPE_NAME => {
            loaders.load(Visible::<customers::Model>(number.into())).await?.map(|row| Node::Customer(Customer(row)))
        }
        DriverId::TYPE_NAME => {
            loaders.load(Visible::<drivers::Model>(number.into())).await?.map(|row| Node::Driver(Driver(row)))
        }
        OrderId::TYPE_NAME => {
            loaders.load(Visible::<orders::Model>(number.into())).await?.map(|row| Node::Order(Order(row)))
        }
        ReviewId::TYPE_NAME => {
            loaders.load(Visible::<reviews::Model>(number.into())).await?.map(|row| Node::Review(Review(row)))
        }
        UserId::TYPE_NAME => {
            loaders.load(Visible::<users::Model>(number.into())).await?.map(|row| Node::User(User(row)))
        }
        SessionId::TYPE_NAME => loaders
            .load(Visible::<sessions::Model>(number.into()))
            .await?
            .map(|row| Node::ActiveSession(ActiveSession(row))),
        AuditEventId::TYPE_NAME => loaders
            .load(Visible::<audit_events::Model>(number.into()))
            .await?
            .map(|row| Node::AuditEvent(AuditEvent(row))),
        _ => None,
    })
}
