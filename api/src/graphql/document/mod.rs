//! Parsing, validation and preparation of documents: what must hold before anything runs, and the form in which it runs.
//!
//! async-graphql leaves some of GraphQL's rules out, spreads fragments without a limit, and executes twice what is selected
//! twice. So every document takes one way through here: its tokens are counted, it is parsed, counted again with its fragments
//! spread, validated as it was sent, its values are checked, and it is rewritten so that each field stands once. What comes out
//! is kept ([`known`]), for the next request with the same document, and run by a schema that validates nothing any more. Of a
//! kept document only the request's variables are checked, and what they make the operation cost.

mod cost;
mod count;
mod edit;
mod inputs;
mod introspection;
mod known;
mod lexer;
mod merge;
mod operation;
mod outline;
mod parser;
mod persisted;
mod prepared;
mod refusal;
mod responses;
mod rules;
mod shape;
mod shown;
mod text_hash;
mod variables;

use std::{collections::HashSet, sync::Arc};

use async_graphql::{
    ObjectType, Pos, Request, Schema, SchemaBuilder, ServerError, SubscriptionType, ValidationMode, Variables,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType},
};

pub use edit::{Edit, Edited, Unedited};
pub use inputs::ScalarProblem;
pub use introspection::{SchemaDescription, ask_for_kinds, complete};
pub use outline::Outline;
pub use persisted::{DocumentName, TrustedDocuments};
pub use prepared::Prepared;
pub use refusal::coded;
pub use shape::Shape;

use crate::{
    config::LimitsConfig,
    domain::{error::Code, viewer::Viewer},
};
use cost::{Cost, Measure};
use count::Counter;
use inputs::{Types, Uses};
use known::{DocumentKey, KnownDocuments};
use lexer::TextLimits;
use merge::Merge;
use refusal::{extensions, too_complex};
use responses::Responses;
use rules::Rules;
use text_hash::Registered;

/// Brackets of any kind inside each other: selections, lists and objects, and the types of variables.
const MAX_NESTING: usize = 64;
/// Bytes of a name: more than anybody needs, little enough to be quoted and compared.
const MAX_NAME: usize = 255;

/// The schema that runs documents, to be finished: in its data are the [`Checks`] that documents have to pass before. Without
/// `introspection` no document can ask for the schema, and no refusal suggests what it could have meant. `edit`: what is changed of what the
/// roots say of themselves.
///
/// # Panics
/// When the schema prints an SDL that cannot be parsed, which depends on nothing but the code.
pub fn checked_schema<Q, M, S, E: Edit>(
    roots: impl Fn() -> (Q, M, S),
    scalar_problem: ScalarProblem,
    introspection: bool,
    trusted: TrustedDocuments,
    _edit: E,
) -> SchemaBuilder<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let build = || {
        let (query, mutation, subscription) = roots();
        let build = Schema::build(query, mutation, subscription).register_output_type::<Edited<E>>();
        build.validation_mode(ValidationMode::Fast)
    };
    let measure = Measure::by(build());
    // Nothing but the code decides whether this succeeds, and every test makes a schema.
    #[expect(clippy::expect_used)]
    let shape = Shape::read(&measure.sdl()).expect("a schema prints valid SDL");
    let rules = Rules::of::<E>(&roots, introspection);
    let checks = Checks { rules, measure, shape, scalar_problem, introspection, trusted, known: KnownDocuments::new() };
    // Merging may add a level for each field of an abstract type.
    build().limit_recursive_depth(2 * MAX_NESTING).data(checks)
}

/// The checks that documents for one schema have to pass.
pub struct Checks<Q, M, S> {
    rules: Rules<Q, M, S>,
    measure: Measure<Q, M, S>,
    shape: Shape,
    scalar_problem: ScalarProblem,
    /// Whether the schema may be asked for.
    introspection: bool,
    /// What clients may ask for without sending it.
    trusted: TrustedDocuments,
    known: KnownDocuments,
}

/// An operation that may run.
pub struct Checked {
    pub prepared: Arc<Prepared>,
    /// The sum over all fields, lists counted as long as they are asked for.
    pub complexity: usize,
}

impl<Q, M, S> Checks<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    /// The types of the schema.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Gives a request the document that it names, if this viewer may send it. The registration that is returned is to be kept once the document
    /// has passed.
    ///
    /// # Errors
    /// PERSISTED_QUERY_NOT_FOUND, PERSISTED_QUERY_NOT_SUPPORTED, BAD_USER_INPUT, or FORBIDDEN for a document that is not trusted.
    pub fn find_document(
        &self,
        request: &mut Request,
        viewer: Option<&Viewer>,
    ) -> Result<Option<Registered>, ServerError> {
        self.trusted.find(request, viewer, &self.known)
    }

    /// Checks the trusted documents, each operation of each, and keeps those prepared that take no variables. Gives the names of those that
    /// would be refused, with the reasons.
    pub async fn check_trusted(&self, limits: &LimitsConfig) -> Vec<(String, String)> {
        let mut refused = Vec::new();
        for (name, text) in self.trusted.all() {
            if let Err(errors) = self.check_text(text, limits).await {
                let problem = errors.first().map(|error| error.message.clone()).unwrap_or_default();
                refused.push((name.to_owned(), problem));
            }
        }
        refused
    }

    /// Everything that must hold of a text, whatever is sent with it.
    async fn check_text(&self, text: &str, limits: &LimitsConfig) -> Result<(), Vec<ServerError>> {
        let document = read(text, limits)?;
        let is_only = document.operations.iter().count() == 1;
        for (name, operation) in document.operations.iter() {
            if !operation.node.variable_definitions.is_empty() {
                self.validate(&document, &operation.node, limits).await?;
                continue;
            }
            // Clients name the operation, also where they need not.
            let named = name.map(|name| Request::new(text).operation_name(name.as_str()));
            let unnamed = is_only.then(|| Request::new(text));
            for request in named.into_iter().chain(unnamed) {
                self.check(&request, limits).await?;
            }
        }
        Ok(())
    }

    /// Validates the document's first operation, whatever is sent with it, and keeps nothing.
    ///
    /// # Errors
    /// GRAPHQL_PARSE_FAILED or GRAPHQL_VALIDATION_FAILED.
    pub async fn validate_text(&self, text: &str, limits: &LimitsConfig) -> Result<(), Vec<ServerError>> {
        let document = read(text, limits)?;
        match document.operations.iter().next() {
            Some((_, operation)) => self.validate(&document, &operation.node, limits).await.map(drop),
            None => Ok(()),
        }
    }

    /// Keeps a document under the name that came with it.
    pub fn keep_document(&self, registered: Registered) {
        self.known.keep_text(registered);
    }

    /// Checks the document of a request, if it is not known, and its values, and gives the operation to run.
    ///
    /// # Errors
    /// GRAPHQL_PARSE_FAILED, GRAPHQL_VALIDATION_FAILED, QUERY_TOO_COMPLEX, or BAD_USER_INPUT with the field: at least one error.
    pub async fn check(&self, request: &Request, limits: &LimitsConfig) -> Result<Checked, Vec<ServerError>> {
        let key = DocumentKey::of(request);
        if let Some(prepared) = self.known.get(&key) {
            self.check_values(prepared.operation(), &prepared.uses, request)?;
            let complexity = self.complexity(&prepared, request, limits).await?;
            return Ok(Checked { prepared, complexity });
        }
        let prepared = Arc::new(self.prepare(request, limits).await?);
        let complexity = self.complexity(&prepared, request, limits).await?;
        // What is refused is not worth keeping.
        self.known.keep(key, prepared.clone());
        Ok(Checked { prepared, complexity })
    }

    /// Checks a document and its values, and puts its operation into the form in which it runs.
    async fn prepare(&self, request: &Request, limits: &LimitsConfig) -> Result<Prepared, Vec<ServerError>> {
        let document = read(&request.query, limits)?;
        let operation = operation::chosen(&document, request.operation_name.as_deref())?;
        let uses = self.validate(&document, &operation.node, limits).await?;
        // Nothing is left out or measured by a value that cannot be taken.
        self.check_values(&operation.node, &uses, request)?;
        let merge = self.merge(&document, &operation.node, Some(&request.variables));
        let merged = operation.position_node(merge.operation()?);
        introspection::check_size(&merged.node.selection_set)?;
        let outline = Arc::new(Outline::of(&merged.node));
        let is_fixed = self.measure.is_fixed(&self.shape, &merged.node);
        let is_planned = merged.node.ty == OperationType::Query && !introspection::asks(&merged.node.selection_set);
        let document =
            ExecutableDocument { operations: DocumentOperations::Single(merged), fragments: Default::default() };
        let cost = match is_fixed {
            true => Cost::Fixed(self.measure.of(&document, &request.variables).await?),
            false => Cost::OfVariables,
        };
        Ok(Prepared { document, outline, uses, cost, is_planned })
    }

    /// Everything that must hold of a document, whatever values are sent with it. Gives what the chosen operation's have to be.
    async fn validate(
        &self,
        document: &ExecutableDocument,
        chosen: &OperationDefinition,
        limits: &LimitsConfig,
    ) -> Result<Uses, Vec<ServerError>> {
        check_counts(document, limits)?;
        if !self.introspection {
            introspection::refuse(document)?;
        }
        for (_, operation) in document.operations.iter() {
            operation::check_subscription(document, operation)?;
        }
        let uses = self.check_document(document, chosen).await?;
        for (_, operation) in document.operations.iter() {
            Responses { shape: &self.shape, document }.check(&operation.node)?;
            // With everything that a condition may leave out.
            self.merge(document, &operation.node, None).operation()?;
        }
        Ok(uses)
    }

    /// Validation by the library, which sees the document as it was sent, and by the values' own types.
    async fn check_document(
        &self,
        document: &ExecutableDocument,
        chosen: &OperationDefinition,
    ) -> Result<Uses, Vec<ServerError>> {
        let mut invalid = self.rules.broken_by(document).await?;
        let (mut problems, mut uses) = (Vec::new(), None);
        let (mut misplaced, mut blamed) = (Vec::new(), HashSet::new());
        for (_, operation) in document.operations.iter() {
            let found = self.types().look(document, &operation.node);
            misplaced.extend(found.misplaced);
            problems.extend(found.problems);
            blamed.extend(found.blamed);
            if std::ptr::eq(&raw const operation.node, chosen) {
                uses = Some(found.uses);
            }
        }
        // The library says less of a value that cannot be taken, and says it of the argument's name.
        invalid.retain(|error| !error.locations.iter().any(|location| blamed.contains(location)));
        invalid.extend(misplaced);
        if !invalid.is_empty() {
            let coded = invalid
                .into_iter()
                .map(|error| ServerError { extensions: Some(extensions(Code::GraphqlValidationFailed)), ..error });
            return Err(coded.collect());
        }
        match uses {
            Some(uses) if problems.is_empty() => Ok(uses),
            _ => Err(problems),
        }
    }

    fn merge<'a>(
        &'a self,
        document: &'a ExecutableDocument,
        operation: &'a OperationDefinition,
        variables: Option<&'a Variables>,
    ) -> Merge<'a> {
        Merge { shape: &self.shape, document, operation, variables }
    }

    fn types(&self) -> Types<'_> {
        Types { shape: &self.shape, scalar_problem: self.scalar_problem }
    }

    /// Holds the values of a request against what the operation wants.
    fn check_values(
        &self,
        operation: &OperationDefinition,
        uses: &Uses,
        request: &Request,
    ) -> Result<(), Vec<ServerError>> {
        let problems = self.types().problems(operation, uses, &request.variables);
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// What the operation costs with the variables of a request.
    async fn complexity(
        &self,
        prepared: &Prepared,
        request: &Request,
        limits: &LimitsConfig,
    ) -> Result<usize, Vec<ServerError>> {
        let complexity = match prepared.cost {
            Cost::Fixed(complexity) => complexity,
            Cost::OfVariables => self.measure.of(&prepared.document, &request.variables).await?,
        };
        let limit = limits.complexity;
        if complexity <= limit {
            return Ok(complexity);
        }
        let message = format!(
            "The operation's complexity is {complexity}, and at most {limit} is possible: ask for fewer fields or shorter lists at a time."
        );
        Err(vec![too_complex(message, None)])
    }
}

/// Reads a text as a document.
fn read(text: &str, limits: &LimitsConfig) -> Result<ExecutableDocument, ServerError> {
    let limits = TextLimits {
        bytes: limits.document_bytes,
        tokens: limits.document_tokens,
        aliases: limits.aliases,
        directives: limits.directives,
        nesting: MAX_NESTING,
    };
    parser::parse(text, &limits)
}

fn check_counts(document: &ExecutableDocument, limits: &LimitsConfig) -> Result<(), ServerError> {
    let mut counter = Counter::new(document);
    let (mut selections, mut aliases, mut directives) = (0_usize, 0_usize, 0_usize);
    for (_, operation) in document.operations.iter() {
        let count = counter.operation(&operation.node.selection_set)?;
        selections = selections.saturating_add(count.selections);
        aliases = aliases.saturating_add(count.aliases);
        directives = directives.saturating_add(count.directives);
        let within = |what, count, limit| within(what, count, limit, operation.pos);
        within("selections", selections, limits.selections)?;
        within("aliases", aliases, limits.aliases)?;
        within("directives", directives, limits.directives)?;
        within("root fields", count.fields, limits.root_fields)?;
        within("levels of fields", count.depth, limits.depth)?;
    }
    Ok(())
}

fn within(what: &str, count: usize, limit: usize, position: Pos) -> Result<(), ServerError> {
    if count <= limit {
        return Ok(());
    }
    Err(too_complex(
        format!("The document has {count} {what} with its fragments spread; at most {limit} are possible."),
        Some(position),
    ))
}
