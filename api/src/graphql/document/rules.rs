//! Validation by the library's own rules.
//!
//! They see the document alone, without values, of which our own rules ([`super::inputs`]) say more.

use async_graphql::{
    ObjectType, Request, Schema, ServerError, SubscriptionType, ValidationMode,
    parser::types::ExecutableDocument,
    registry::{MetaType, Registry},
};

use super::{
    cost::OnlyCheck,
    edit::{Edit, Edited},
    shown,
};

/// Errors of a document for which suggestions are made: each name is compared with all that it could have been.
const MAX_SUGGESTIONS: usize = 10;

/// Validates documents, and runs nothing.
pub struct Rules<Q, M, S> {
    strict: Schema<Q, M, S>,
    /// Does the same and suggests what was meant.
    suggesting: Option<Schema<Q, M, S>>,
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
            let (query, mutation, subscription) = roots();
            Schema::build(query, mutation, subscription)
                .register_output_type::<Edited<E>>()
                .register_output_type::<Edited<Unmeasured>>()
                .validation_mode(ValidationMode::Strict)
                .extension(OnlyCheck)
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

/// The edit of a schema whose fields declare no complexity: the rules would compute it while they validate, from variables that have no values
/// yet.
struct Unmeasured;

impl Edit for Unmeasured {
    fn edit(registry: &mut Registry) {
        for definition in registry.types.values_mut() {
            if let MetaType::Object { fields, .. } = definition {
                fields.values_mut().for_each(|field| field.compute_complexity = None);
            }
        }
    }
}
