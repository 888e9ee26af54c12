//! Global object identification (Relay): any object by its id alone.

use std::{borrow::Cow, sync::Arc};

use async_graphql::{
    Context, ContextSelectionSet, ID, Interface, OutputType, Positioned, ServerResult, Union, Value,
    parser::types::Field, registry::Registry,
};
use futures_util::{FutureExt, future::BoxFuture};

use crate::{
    domain::{
        error::Result,
        ids::{
            self, AuditEventId, CustomerId, DishId, DriverId, GlobalId, JobId, MenuId, OrderId, PartId, RestaurantId,
            ReviewId, SessionId, UserId,
        },
    },
    features::{
        account::{User, types::ActiveSession},
        audit::AuditEvent,
        customer::Customer,
        dish::Dish,
        driver::Driver,
        job::Job,
        menu::Menu,
        order::{
            Order,
            finder::{VisibleEvent, VisibleItem},
            types::{OrderEvent, OrderItem},
        },
        restaurant::Restaurant,
        review::Review,
    },
    graphql::{
        context::OperationContext,
        input, limits,
        loaders::Reader,
        plan::{
            Answer, Batch, Level, Mixed, Output, Planned, Scope, Selected, Violation, load_each, load_one, loaded_as,
            never_ready, object, planned_as, type_of,
        },
        row::{Row, Visible},
    },
};

/// How many objects `nodes` gives at once.
pub const MAXIMUM_NODES: usize = 100;

#[derive(Clone, Default)]
pub struct NodeQuery;

#[object]
impl NodeQuery {
    /// An object by its id. Null, without an error, for what does not exist and for what the viewer may not know of;
    /// BAD_USER_INPUT for what is no id.
    fn node(
        /// The id of an object of any type that has one.
        #[arg]
        id: ID,
    ) -> Option<Result<NodeById>> {
        Some(NodeById::parse(&id, "id"))
    }

    /// At most 100 objects by their ids, in the same order; null, without an error, in the place of each that does not exist or
    /// that the viewer may not know of.
    #[graphql(complexity = "limits::entries(ids.len().min(MAXIMUM_NODES), child_complexity)")]
    fn nodes(
        /// At most 100, of any types.
        #[arg]
        ids: Vec<ID>,
    ) -> Result<Nodes> {
        input::length("ids", &ids, 0, MAXIMUM_NODES)?;
        let nodes = ids.iter().enumerate().map(|(place, id)| NodeById::parse(id, &format!("ids.{place}")));
        nodes.collect::<Result<_>>().map(Nodes)
    }
}

/// What an id names: an object of whatever type it is of; null where it does not exist or the viewer may not know of it.
#[derive(Clone, Debug)]
pub struct NodeById {
    type_name: String,
    number: i64,
    /// Which part of it, where only that is named.
    part: Option<i32>,
}

/// What several ids name, in their order.
#[derive(Clone, Debug)]
pub struct Nodes(Vec<NodeById>);

impl NodeById {
    /// # Errors
    /// BAD_USER_INPUT for what is no id.
    pub fn parse(id: &ID, field: &str) -> Result<Self> {
        if let Some((type_name, PartId { order, number })) = PartId::split(id) {
            let is_known = PARTS.contains(&type_name);
            let node = NodeById { type_name: type_name.to_owned(), number: order.0.into(), part: Some(number) };
            return is_known.then_some(node).ok_or_else(|| ids::malformed(field));
        }
        let (type_name, number) = ids::split(id, field)?;
        Ok(NodeById { type_name: type_name.to_owned(), number, part: None })
    }

    /// Of which type the object is.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The id, where it is one of this type.
    fn id_of_row<I: GlobalId>(&self) -> Option<I> {
        I::of(self.number).filter(|_| self.type_name == I::TYPE_NAME)
    }

    /// The part that is named, where it is one of this type.
    fn id_of_part(&self, type_name: &str) -> Option<PartId> {
        let number = self.part.filter(|_| self.type_name == type_name)?;
        Some(PartId { order: OrderId::of(self.number)?, number })
    }
}

/// Declares the objects that have an id of their own, with the type of the id; and the parts of orders that have one, with the keys that load
/// them.
macro_rules! nodes {
    ($($object:ident by $id:ident),*; $($part:ident by $key:ident),* $(,)?) => {
        /// The types of parts, as their ids begin.
        const PARTS: &[&str] = &[$($part::NAME),*];

        /// An object with an id of its own.
        #[derive(Interface)]
        #[graphql(field(name = "id", method = "node_id", ty = "ID", desc = "Opaque, and unique over all types."))]
        pub enum Node {
            $($object($object),)*
            $($part($part),)*
        }

        /// An object that another subgraph may refer to by its id.
        #[derive(Union)]
        #[graphql(name = "_Entity")]
        pub enum Entity {
            $($object($object),)*
            $($part($part),)*
        }

        impl From<Node> for Entity {
            fn from(node: Node) -> Self {
                match node {
                    $(Node::$object(object) => Entity::$object(object),)*
                    $(Node::$part(part) => Entity::$part(part),)*
                }
            }
        }

        /// The types of objects with an id of their own.
        pub fn entity_names() -> &'static [&'static str] {
            &[$($object::NAME,)* $($part::NAME),*]
        }

        $(impl $object {
            async fn node_id(&self, _: &Context<'_>) -> ServerResult<ID> {
                Ok(Row::id(&*self.0).to_global())
            }
        })*

        $(impl $part {
            async fn node_id(&self, _: &Context<'_>) -> ServerResult<ID> {
                Ok(self.part_id().to_global($part::NAME))
            }
        })*

        /// What is selected of an object of each type.
        #[expect(non_snake_case, reason = "named by the types")]
        pub struct NodePlan {
            $($object: <$object as Output>::Plan,)*
            $($part: <$part as Output>::Plan,)*
        }

        impl NodePlan {
            fn of(selected: &Selected<'_>) -> ServerResult<Self> {
                Ok(NodePlan {
                    $($object: <$object as Output>::plan(selected)?,)*
                    $($part: <$part as Output>::plan(selected)?,)*
                })
            }

            /// Answers for those of the nodes that are of each type together.
            async fn answer(&self, nodes: &[NodeById], scope: Scope<'_>) -> Level {
                let mut mixed = Mixed::of(nodes.len());
                $(
                    let ids = mixed.those(nodes, NodeById::id_of_row::<$id>);
                    if !ids.is_empty() {
                        mixed.answered(answer_of_type::<$object>(ids, &self.$object, scope).await);
                    }
                )*
                $(
                    let keys =
                        mixed.those(nodes, |node| node.id_of_part($part::NAME).map($key));
                    if !keys.is_empty() {
                        mixed.answered(answer_of_parts::<$part, $key>(keys, &self.$part, scope).await);
                    }
                )*
                mixed.into_level()
            }
        }

        impl NodeById {
            /// The object itself.
            pub async fn load(&self, reader: &Reader) -> Result<Option<Node>> {
                $(
                    if let Some(id) = self.id_of_row::<$id>() {
                        let row = load_one(reader, Visible(id)).await?;
                        return Ok(row.map($object).map(Node::$object));
                    }
                )*
                $(
                    if let Some(part) = self.id_of_part($part::NAME) {
                        return Ok(load_one(reader, $key(part)).await?.map(Node::$part));
                    }
                )*
                Ok(None)
            }
        }
    };
}

nodes! {
    Restaurant by RestaurantId,
    Menu by MenuId,
    Dish by DishId,
    Customer by CustomerId,
    Driver by DriverId,
    Order by OrderId,
    Review by ReviewId,
    User by UserId,
    ActiveSession by SessionId,
    AuditEvent by AuditEventId,
    Job by JobId;
    OrderItem by VisibleItem,
    OrderEvent by VisibleEvent,
}

async fn answer_of_parts<T, K>(keys: Vec<K>, plan: &T::Plan, scope: Scope<'_>) -> Level
where
    T: Output + Clone + Sync + 'static,
    K: Batch<Value = T>,
{
    let found = load_each(scope.reader, &keys, T::columns(plan)).await;
    match found {
        Ok(parts) => Option::<T>::answer(parts, plan, scope).await,
        Err(error) => Option::<Result<T>>::answer(vec![Some(Err(error)); keys.len()], plan, scope).await,
    }
}

async fn answer_of_type<T>(ids: Vec<<T::Row as Row>::Id>, plan: &T::Plan, scope: Scope<'_>) -> Level
where
    T: Planned + Output + From<Arc<T::Row>>,
    T::Row: Row,
{
    let keys: Vec<_> = ids.into_iter().map(Visible::<T::Row>).collect();
    match load_each(scope.reader, &keys, T::columns(plan)).await {
        Ok(rows) => {
            let objects = rows.into_iter().map(|row| row.map(T::from)).collect();
            Option::<T>::answer(objects, plan, scope).await
        }
        Err(error) => Option::<Result<T>>::answer(vec![Some(Err(error)); keys.len()], plan, scope).await,
    }
}

impl OutputType for NodeById {
    loaded_as!(Option<Node>, |this, context| this.load(context.reader()).await.transpose());
}

impl Output for NodeById {
    type Plan = NodePlan;

    fn plan(selected: &Selected<'_>) -> ServerResult<NodePlan> {
        NodePlan::of(selected)
    }

    never_ready!();

    fn answer<'a>(nodes: Vec<Self>, plan: &'a NodePlan, scope: Scope<'a>) -> BoxFuture<'a, Level>
    where
        Self: 'a,
    {
        async move { plan.answer(&nodes, scope).await }.boxed()
    }
}

impl OutputType for Nodes {
    loaded_as!(Vec<Option<Node>>, |this, context| this.0);
}

impl Output for Nodes {
    planned_as!(NodeById);
    never_ready!();

    fn answer<'a>(lists: Vec<Self>, plan: &'a NodePlan, scope: Scope<'a>) -> BoxFuture<'a, Level>
    where
        Self: 'a,
    {
        Vec::answer(lists.into_iter().map(|Nodes(nodes)| nodes).collect(), plan, scope)
    }
}
