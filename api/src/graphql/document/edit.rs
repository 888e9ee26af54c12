//! Edits of a schema's registry once its roots are registered: the same Rust types make several schemas, as the configuration says.

use std::{borrow::Cow, marker::PhantomData};

use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, ServerResult, Value, parser::types::Field, registry::Registry,
};

/// A change of what is registered of a schema.
pub trait Edit: Send + Sync + 'static {
    fn edit(registry: &mut Registry);
}

/// Changes nothing.
pub struct Unedited;

impl Edit for Unedited {
    fn edit(_: &mut Registry) {}
}

/// A type that makes this change when it is registered: at no other moment does the library give access to its registry. It adds no type to
/// the schema.
pub struct Edited<E>(PhantomData<fn() -> E>);

impl<E: Edit> OutputType for Edited<E> {
    fn type_name() -> Cow<'static, str> {
        bool::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        E::edit(registry);
        bool::create_type_info(registry)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}
