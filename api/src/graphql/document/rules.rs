//! Validation by the library's own rules.
//!
//! They see the document alone, without values, of which our own rules ([`super::inputs`]) say more.

use std::{borrow::Cow, marker::PhantomData, pin::Pin};

use async_graphql::{
    Context, ObjectType, Request, Response, Schema, ServerError, SubscriptionType, ValidationMode,
    parser::types::ExecutableDocument,
    registry::{MetaType, Registry},
};
use futures_util::Stream;

use super::{
    cost::OnlyCheck,
    edit::{Edit, Edited},
    shown,
};

/// Errors of a document for which suggestions are made: each name is compared with all that it could have been.
const MAX_SUGGESTIONS: usize = 10;

/// Validates documents, and runs nothing.
pub struct Rules<Q, M, S> {
    strict: Schema<Q, M, Unmeasured<S>>,
    /// Does the same and suggests what was meant.
    suggesting: Option<Schema<Q, M, Unmeasured<S>>>,
}

impl<Q, M, S> Rules<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    /// The rules of the schema with these roots. `suggest`: whether a refusal may suggest other names of the schema.
    pub fn of<E: Edit>(roots: impl Fn() -> (Q, M, S), suggest: bool) -> Self {
        let build = || {
            let (query, mutation, _) = roots();
            let build = Schema::build(query, mutation, Unmeasured(PhantomData)).register_output_type::<Edited<E>>();
            build.validation_mode(ValidationMode::Strict).extension(OnlyCheck)
        };
        Rules { strict: build().disable_suggestions().finish(), suggesting: suggest.then(|| build().finish()) }
    }

    /// The rules that a document breaks.
    ///
    /// # Errors
    /// Refuses arguments and selections of `__typename`, which these rules do not look at.
    pub async fn broken_by(&self, document: &ExecutableDocument) -> Result<Vec<ServerError>, ServerError> {
        let shown = shown::to_rules(document)?;
        let dry = || {
            let mut dry = Request::new("");
            // All of them are looked at; but one of several has to be named.
            dry.operation_name = document.operations.iter().next().and_then(|(name, _)| name).map(ToString::to_string);
            dry.set_parsed_query(shown.clone());
            dry
        };
        let broken = self.strict.execute(dry()).await.errors;
        Ok(match &self.suggesting {
            Some(suggesting) if (1..=MAX_SUGGESTIONS).contains(&broken.len()) => suggesting.execute(dry()).await.errors,
            _ => broken,
        })
    }
}

/// The subscription root of a schema whose fields declare no complexity: the rules would compute it while they validate, from variables that
/// have no values yet. It removes that of all types, for it is the last root to be registered.
struct Unmeasured<S>(PhantomData<fn() -> S>);

impl<S: SubscriptionType> SubscriptionType for Unmeasured<S> {
    fn type_name() -> Cow<'static, str> {
        S::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        let name = S::create_type_info(registry);
        for definition in registry.types.values_mut() {
            if let MetaType::Object { fields, .. } = definition {
                fields.values_mut().for_each(|field| field.compute_complexity = None);
            }
        }
        name
    }

    fn is_empty() -> bool {
        S::is_empty()
    }

    fn create_field_stream<'a>(
        &'a self,
        _: &'a Context<'_>,
    ) -> Option<Pin<Box<dyn Stream<Item = Response> + Send + 'a>>> {
        None
    }
}
