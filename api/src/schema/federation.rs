//! Apollo Federation: what a router asks of a subgraph. `_service` gives its SDL, `_entities` resolves objects by their keys.
//!
//! The root of queries always has these fields; where no subgraph is wanted, [`OnItsOwn`] takes them out of the schema.

use std::borrow::Cow;

use async_graphql::{
    Any, ContextSelectionSet, ID, OutputType, Positioned, ServerResult, Value,
    parser::types::Field,
    registry::{MetaType, Registry},
};
use futures_util::future::BoxFuture;

use crate::{
    domain::{
        error::{Error, Result},
        ids,
    },
    graphql::{
        context::OperationContext,
        document::Edit,
        input, limits,
        plan::{
            Answer, Level, Output, Planned, Scope, Selected, Violation, loaded_as, never_ready, object, planned_as,
            type_of,
        },
    },
    schema::{
        Query,
        node::{Entity, MAXIMUM_NODES, NodeById, entity_names},
        subgraph_sdl,
    },
};

/// What only a subgraph has.
const FIELDS: [&str; 2] = ["_service", "_entities"];
const TYPES: [&str; 3] = [_Service::NAME, "_Any", "_Entity"];

#[derive(Clone, Default)]
pub struct SubgraphQuery;

#[object]
impl SubgraphQuery {
    /// What this subgraph gives to a supergraph. Whoever asks is told, also where introspection is off.
    #[graphql(name = "_service")]
    fn service() -> _Service {
        _Service
    }

    /// At most 100 objects by their keys, in the same order; null, without an error, in the place of each that does not exist or that the
    /// viewer may not know of, as in `nodes`. BAD_USER_INPUT, and null in its place, for what is no key: without a type's name or an id, of
    /// a type that has no key, or with the id of another type.
    #[graphql(
        name = "_entities",
        complexity = "limits::entries(representations.len().min(MAXIMUM_NODES), child_complexity)"
    )]
    fn entities(
        /// At most 100, of any types that have a key: objects with `__typename` and `id`. What else stands in them is not looked at.
        #[arg]
        representations: Vec<Any>,
    ) -> Result<Vec<Option<Result<Represented>>>> {
        input::length("representations", &representations, 0, MAXIMUM_NODES)?;
        let represented =
            |(place, Any(value)): (usize, &Any)| Represented::parse(value, &format!("representations.{place}"));
        Ok(representations.iter().enumerate().map(|given| Some(represented(given))).collect())
    }
}

#[derive(Clone)]
pub struct _Service;

/// What a subgraph says of itself.
#[object]
impl _Service {
    /// Its schema in GraphQL's schema definition language, with the directives of Apollo Federation 2.
    #[graphql(complexity = "limits::text(subgraph_sdl().len())")]
    fn sdl() -> &'static str {
        subgraph_sdl()
    }
}

/// An entity representation, parsed: null where the object does not exist or the viewer may not know of it.
#[derive(Clone, Debug)]
pub struct Represented(NodeById);

impl Represented {
    /// Reads what a router sent at this place. `__typename` and `id` have to agree: a router takes what it gets for an object of that type.
    fn parse(value: &Value, field: &str) -> Result<Self> {
        let Value::Object(entries) = value else {
            return Err(Error::bad_input(field, "This must be an object with `__typename` and `id`."));
        };
        let in_field = |name: &str| format!("{field}.{name}");
        let Some(Value::String(type_name)) = entries.get("__typename") else {
            return Err(Error::bad_input(in_field("__typename"), "This must be the name of a type."));
        };
        if !entity_names().contains(&type_name.as_str()) {
            return Err(Error::bad_input(in_field("__typename"), "There is no type of this name that has a key."));
        }
        let id = match entries.get("id") {
            Some(Value::String(id)) => ID(id.clone()),
            Some(Value::Number(number)) => ID(number.to_string()),
            _ => return Err(Error::bad_input(in_field("id"), "This must be an id: it is the key.")),
        };
        let node = NodeById::parse(&id, &in_field("id"))?;
        if node.type_name() != type_name {
            return Err(ids::of_another_type(&in_field("id"), node.type_name(), type_name));
        }
        Ok(Represented(node))
    }
}

impl OutputType for Represented {
    loaded_as!(Option<Entity>, |this, context| {
        this.0.load(context.reader()).await.map(|node| node.map(Entity::from)).transpose()
    });
}

impl Output for Represented {
    planned_as!(NodeById);
    never_ready!();

    fn answer<'a>(values: Vec<Self>, plan: &'a Self::Plan, scope: Scope<'a>) -> BoxFuture<'a, Level>
    where
        Self: 'a,
    {
        NodeById::answer(values.into_iter().map(|Represented(node)| node).collect(), plan, scope)
    }
}

/// The edit of a schema that is no subgraph: nothing in it tells that it could be one.
pub struct OnItsOwn;

impl Edit for OnItsOwn {
    fn edit(registry: &mut Registry) {
        if let Some(MetaType::Object { fields, .. }) = registry.types.get_mut(Query::NAME) {
            fields.retain(|name, _| !FIELDS.contains(&name.as_str()));
        }
        registry.types.retain(|name, _| !TYPES.contains(&name.as_str()));
    }
}
