//! Any object by its id alone.

use std::{borrow::Cow, sync::Arc};

use async_graphql::{
    Context, ContextSelectionSet, ID, Interface, OutputType, Positioned, ServerResult, Value, parser::types::Field,
    registry::Registry,
};
use futures_util::{FutureExt, future::BoxFuture};

use super::{
    context::OperationContext,
    error::Result,
    ids::{
        self, AuditEventId, CustomerId, DishId, DriverId, GlobalId, MenuId, OrderId, RestaurantId, ReviewId, SessionId,
        UserId,
    },
    input, limits,
    loaders::Reader,
    plan::{
        Answer, Level, Output, Planned, Scope, Selected, Violation, load_each, load_one, loaded_as, never_ready,
        object, planned_as, type_of,
    },
    row::{Row, Visible},
};
use crate::features::{
    account::{User, types::ActiveSession},
    audit::AuditEvent,
    customer::Customer,
    dish::Dish,
    driver::Driver,
    menu::Menu,
    order::Order,
    restaurant::Restaurant,
    review::Review,
};

/// How many objects `nodes` gives at once.
const MAXIMUM_NODES: usize = 100;

#[derive(Clone, Default)]
pub struct NodeQuery;

#[object]
impl NodeQuery {
    /// An object by its id. Null, without an error, for what does not exist and for what the viewer may not know of;
    /// BAD_USER_INPUT for what is no id.
    fn node(#[arg] id: ID) -> Option<Result<NodeById>> {
        Some(NodeById::parse(&id, "id"))
    }

    /// At most 100 objects by their ids, in the same order; null, without an error, in the place of each that does not exist or
    /// that the viewer may not know of.
    #[graphql(complexity = "limits::entries(ids.len().min(MAXIMUM_NODES), child_complexity)")]
    fn nodes(#[arg] ids: Vec<ID>) -> Result<Nodes> {
        input::length("ids", &ids, 0, MAXIMUM_NODES)?;
        let nodes = ids.iter().enumerate().map(|(place, id)| NodeById::parse(id, &format!("ids.{place}")));
        nodes.collect::<Result<_>>().map(Nodes)
    }
}

/// What an id names: an object of whatever type it is of; null where it does not exist or the viewer may not know of it.
#[derive(Clone, Debug)]
pub struct NodeById {
    type_name: String,
    number: i32,
}

/// What several ids name, in their order.
#[derive(Clone, Debug)]
pub struct Nodes(Vec<NodeById>);

impl NodeById {
    fn parse(id: &ID, field: &str) -> Result<Self> {
        let (type_name, number) = ids::split(id, field)?;
        Ok(NodeById { type_name: type_name.to_owned(), number })
    }
}

/// The objects that have an id of their own, and the type of each one's id.
macro_rules! nodes {
    ($($object:ident by $id:ident),* $(,)?) => {
        /// An object with an id of its own.
        #[derive(Interface)]
        #[graphql(field(name = "id", method = "node_id", ty = "ID", desc = "Opaque, and unique over all types."))]
        pub enum Node {
            $($object($object),)*
        }

        $(impl $object {
            async fn node_id(&self, _: &Context<'_>) -> ServerResult<ID> {
                Ok(Row::id(&*self.0).to_global())
            }
        })*

        /// What is selected of an object of each type.
        #[expect(non_snake_case, reason = "named by the types")]
        pub struct NodePlan {
            $($object: <$object as Output>::Plan,)*
        }

        impl NodePlan {
            fn of(selected: &Selected<'_>) -> ServerResult<Self> {
                Ok(NodePlan { $($object: <$object as Output>::plan(selected)?,)* })
            }

            /// Answers for those of the nodes that are of each type together.
            async fn answer(&self, nodes: &[NodeById], scope: Scope<'_>) -> Level {
                let mut places = vec![(0, 0); nodes.len()];
                let mut levels = Vec::new();
                $(
                    let numbers = of_type($id::TYPE_NAME, nodes, levels.len(), &mut places);
                    if !numbers.is_empty() {
                        levels.push(answer_of_type::<$object>(numbers, &self.$object, scope).await);
                    }
                )*
                let mut level = Level::with_capacity(nodes.len(), levels.iter().map(Level::length).sum());
                for (of, place) in places {
                    level.piece(|answer| match levels.get(of) {
                        Some(level) => level.write(place, answer),
                        None => Err(Violation),
                    });
                }
                level
            }
        }

        impl NodeById {
            /// The object itself.
            async fn load(&self, reader: &Reader) -> Result<Option<Node>> {
                $(
                    if self.type_name == $id::TYPE_NAME {
                        let row = load_one(reader, Visible($id(self.number))).await?;
                        return Ok(row.map($object).map(Node::$object));
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
}

/// The numbers of the nodes of this type, whose places are noted down as those of this level.
fn of_type(type_name: &str, nodes: &[NodeById], level: usize, places: &mut [(usize, usize)]) -> Vec<i32> {
    let mut numbers = Vec::new();
    for (node, place) in nodes.iter().zip(places) {
        if node.type_name == type_name {
            *place = (level, numbers.len());
            numbers.push(node.number);
        }
    }
    numbers
}

async fn answer_of_type<T>(numbers: Vec<i32>, plan: &T::Plan, scope: Scope<'_>) -> Level
where
    T: Planned + Output + From<Arc<T::Row>>,
    T::Row: Row,
{
    let keys: Vec<_> = numbers.into_iter().map(|number| Visible::<T::Row>(number.into())).collect();
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
