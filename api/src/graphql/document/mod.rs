//! What must hold of a document before anything runs, and the form in which it runs.
//!
//! async-graphql leaves some of GraphQL's rules out, spreads fragments without a limit, and executes what is selected twice
//! twice. So every document takes one way through here: its text is counted, it is parsed, counted again with its fragments
//! spread, validated as it was sent, its values are checked, and it is rewritten so that each field stands once. What comes out
//! is run by a schema that validates nothing any more.

mod count;
mod inputs;
mod introspection;
mod merge;
mod shape;
mod tokens;
mod typename;
mod variables;

use std::{
    collections::HashSet,
    sync::{Arc, OnceLock},
};

use async_graphql::{
    ErrorExtensionValues, Name, ObjectType, Pos, Positioned, Request, Response, Schema, SchemaBuilder, ServerError,
    SubscriptionType, ValidationMode, ValidationResult, Variables,
    async_trait::async_trait,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextValidation},
    parser::{
        self, parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet},
    },
};

pub use inputs::ScalarProblem;
pub use shape::{Shape, named};

use super::error::Code;
use crate::config::LimitsConfig;
use count::Counter;
use inputs::Inputs;
use merge::Merge;
use tokens::{TextLimits, check_text};

/// Brackets of any kind inside each other: selections, lists and objects, and the types of variables.
const MAX_NESTING: usize = 64;
/// Bytes of a name: more than anybody needs, little enough to be quoted and compared.
const MAX_NAME: usize = 255;
/// Errors of a document for which suggestions are made: each name is compared with all that it could have been.
const MAX_SUGGESTIONS: usize = 10;

/// Makes the schema that runs documents, and puts into its data the [`Checks`] that documents have to pass before. Without
/// `introspection` no document can ask for the schema, and no refusal suggests what it could have meant.
///
/// # Panics
/// When the schema prints an SDL that cannot be parsed, which depends on nothing but the code.
pub fn checked_schema<Q, M, S>(
    build: impl Fn() -> SchemaBuilder<Q, M, S>,
    scalar_problem: ScalarProblem,
    introspection: bool,
) -> Schema<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    let checking = |build: SchemaBuilder<Q, M, S>, mode| build.validation_mode(mode).extension(OnlyCheck).finish();
    let strict = checking(build().disable_suggestions(), ValidationMode::Strict);
    let suggesting = introspection.then(|| checking(build(), ValidationMode::Strict));
    let measuring = checking(build(), ValidationMode::Fast);
    // Nothing but the code decides whether this succeeds, and every test makes a schema.
    #[expect(clippy::expect_used)]
    let shape = Shape::read(&strict.sdl()).expect("a schema prints valid SDL");
    build()
        .validation_mode(ValidationMode::Fast)
        // Merging may add a level for each field of an abstract type.
        .limit_recursive_depth(2 * MAX_NESTING)
        .data(Checks { strict, suggesting, measuring, shape, scalar_problem })
        .finish()
}

/// What documents for one schema are held against.
pub struct Checks<Q, M, S> {
    /// Validates, and runs nothing.
    strict: Schema<Q, M, S>,
    /// Does the same and suggests what was meant; only where the schema may be asked for.
    suggesting: Option<Schema<Q, M, S>>,
    /// Measures the complexity of what is going to run, and runs nothing.
    measuring: Schema<Q, M, S>,
    shape: Shape,
    scalar_problem: ScalarProblem,
}

/// A document that may run.
pub struct Checked {
    pub kind: OperationType,
    /// The sum over all fields, lists counted as long as they are asked for.
    pub complexity: usize,
    /// The chosen operation alone, with every field once.
    pub document: ExecutableDocument,
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

    /// Checks the document of a request, and gives the operation to run.
    ///
    /// # Errors
    /// GRAPHQL_PARSE_FAILED, GRAPHQL_VALIDATION_FAILED, QUERY_TOO_COMPLEX, or BAD_USER_INPUT with the field: never nothing.
    pub async fn check(&self, request: &Request, limits: &LimitsConfig) -> Result<Checked, Vec<ServerError>> {
        let text_limits = TextLimits {
            bytes: limits.document_bytes,
            tokens: limits.document_tokens,
            aliases: limits.aliases,
            directives: limits.directives,
            nesting: MAX_NESTING,
        };
        check_text(&request.query, &text_limits)?;
        let document = parse_query(&request.query).map_err(|error| unparsed(&error))?;
        check_counts(&document, limits)?;
        if self.suggesting.is_none() {
            introspection::refuse(&document)?;
        }
        for (_, operation) in document.operations.iter() {
            check_subscription(&document, operation)?;
        }
        let operation = chosen(&document, request.operation_name.as_deref())?;
        self.check_values(request, &document, &operation.node).await?;
        let merge = Merge {
            shape: &self.shape,
            document: &document,
            operation: &operation.node,
            variables: &request.variables,
        };
        let merged = operation.position_node(merge.operation()?);
        introspection::check_size(&merged.node.selection_set)?;
        let document =
            ExecutableDocument { operations: DocumentOperations::Single(merged), fragments: Default::default() };
        let complexity = self.measure(&document, &request.variables, limits).await?;
        Ok(Checked { kind: operation.node.ty, complexity, document })
    }

    /// Validation by the library, which sees the document as it was sent, and by the values' own types.
    async fn check_values(
        &self,
        request: &Request,
        document: &ExecutableDocument,
        operation: &OperationDefinition,
    ) -> Result<(), Vec<ServerError>> {
        let dry = || {
            let mut dry = Request::new("").variables(request.variables.clone());
            dry.operation_name = request.operation_name.clone();
            let mut visible = document.clone();
            typename::show_to_rules(&mut visible)?;
            dry.set_parsed_query(visible);
            Ok::<_, ServerError>(dry)
        };
        let mut invalid = self.strict.execute(dry()?).await.errors;
        if let (1..=MAX_SUGGESTIONS, Some(suggesting)) = (invalid.len(), &self.suggesting) {
            invalid = suggesting.execute(dry()?).await.errors;
        }
        let inputs = Inputs {
            shape: &self.shape,
            document,
            operation,
            variables: &request.variables,
            scalar_problem: self.scalar_problem,
        };
        let problems = inputs.problems();
        // The library says this of variables without a value, as which they may be sent, where they weigh in the complexity.
        let may_be_absent = |error: &ServerError| {
            let mut names = operation.variable_definitions.iter().map(|definition| &definition.node.name.node);
            names.any(|name| error.message == format!("Variable {name} is not defined."))
        };
        invalid.retain(|error| !may_be_absent(error));
        let (of_values, mut invalid): (Vec<_>, Vec<_>) = invalid.into_iter().partition(is_of_a_value);
        if invalid.is_empty() && problems.is_empty() {
            invalid = of_values;
        }
        if !invalid.is_empty() {
            let coded = invalid
                .into_iter()
                .map(|error| ServerError { extensions: Some(extensions(Code::GraphqlValidationFailed)), ..error });
            return Err(coded.collect());
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    async fn measure(
        &self,
        document: &ExecutableDocument,
        variables: &Variables,
        limits: &LimitsConfig,
    ) -> Result<usize, Vec<ServerError>> {
        let measured = Complexity::default();
        let mut dry = Request::new("").variables(variables.clone()).data(measured.clone());
        dry.set_parsed_query(document.clone());
        let errors = self.measuring.execute(dry).await.errors;
        if !errors.is_empty() {
            return Err(errors);
        }
        let (complexity, limit) = (measured.0.get().copied().unwrap_or_default(), limits.complexity);
        if complexity <= limit {
            return Ok(complexity);
        }
        let message = format!(
            "The operation's complexity is {complexity}, and at most {limit} is possible: ask for fewer fields or shorter lists at a time."
        );
        Err(vec![too_complex(message, None)])
    }
}

/// What the library says of values, less well than [`Inputs`]: where it validates them, and where it measures by them how long a list
/// can get.
fn is_of_a_value(error: &ServerError) -> bool {
    let beginnings = ["Invalid value for argument", "Expected input type", "Failed to parse", "Variable "];
    beginnings.iter().any(|beginning| error.message.starts_with(beginning)) && !error.message.starts_with("Variable \"")
}

/// Stops a request after its validation.
struct OnlyCheck;

/// Where the complexity of what is measured is put down.
#[derive(Clone, Default)]
struct Complexity(Arc<OnceLock<usize>>);

impl ExtensionFactory for OnlyCheck {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for OnlyCheck {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let result = next.run(ctx).await?;
        if let Some(Complexity(measured)) = ctx.data_opt() {
            measured.get_or_init(|| result.complexity);
        }
        Ok(result)
    }

    async fn execute(&self, _: &ExtensionContext<'_>, _: Option<&str>, _: NextExecute<'_>) -> Response {
        Response::default()
    }
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

/// A subscription has exactly one root field (October 2021, section 5.2.3.1), which is not introspection's and not conditional.
fn check_subscription(
    document: &ExecutableDocument,
    operation: &Positioned<OperationDefinition>,
) -> Result<(), ServerError> {
    if operation.node.ty != OperationType::Subscription {
        return Ok(());
    }
    let mut roots = Roots::default();
    roots.collect(document, &operation.node.selection_set);
    let problem = if roots.keys.len() != 1 {
        "A subscription must have exactly one root field."
    } else if roots.introspection {
        "A subscription must not select an introspection field at its root."
    } else if roots.conditional {
        "A subscription's root field must not be conditional."
    } else {
        return Ok(());
    };
    Err(validation_failed(problem.to_owned(), Some(operation.pos)))
}

#[derive(Default)]
struct Roots<'a> {
    keys: HashSet<&'a Name>,
    introspection: bool,
    conditional: bool,
}

impl<'a> Roots<'a> {
    /// Fragments do not spread themselves here: that has been refused.
    fn collect(&mut self, document: &'a ExecutableDocument, set: &'a Positioned<SelectionSet>) {
        for selection in &set.node.items {
            self.conditional |= selection
                .node
                .directives()
                .iter()
                .any(|directive| matches!(directive.node.name.node.as_str(), "skip" | "include"));
            match &selection.node {
                Selection::Field(field) => {
                    self.introspection |= field.node.name.node.starts_with("__");
                    self.keys.insert(&field.node.response_key().node);
                }
                Selection::InlineFragment(fragment) => {
                    self.collect(document, &fragment.node.selection_set);
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = document.fragments.get(name) {
                        self.collect(document, &fragment.node.selection_set);
                    }
                }
            }
        }
    }
}

fn chosen<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Result<&'a Positioned<OperationDefinition>, ServerError> {
    let mut operations = document.operations.iter();
    if name.is_some_and(|name| name.len() > MAX_NAME) {
        return Err(validation_failed(
            format!("A name has at most {MAX_NAME} bytes: the operationName is longer."),
            None,
        ));
    }
    let Some(name) = name else {
        return match (operations.next(), operations.next()) {
            (Some((_, operation)), None) => Ok(operation),
            _ => Err(validation_failed(
                "The document has several operations: send the operationName of one.".to_owned(),
                None,
            )),
        };
    };
    let mut named = operations.filter(|(other, _)| other.is_some_and(|other| other == name));
    let found = named.next().map(|(_, operation)| operation);
    found.ok_or_else(|| {
        let message = format!("The document has no operation named \"{name}\".");
        validation_failed(message, None)
    })
}

fn unparsed(error: &parser::Error) -> ServerError {
    let (code, message) = match error {
        // By the grammar it is a number, but none that can be kept; and where it says that this is, it counts from the number.
        parser::Error::Syntax { message, .. } if message.starts_with("invalid number") => {
            (Code::GraphqlParseFailed, "Syntax error: a number is out of range.".to_owned())
        }
        parser::Error::Syntax { message, .. } => {
            // The rest of it draws the line with an arrow below; clients have the location.
            let expected = message.rsplit_once("= ").map_or(message.as_str(), |(_, end)| end);
            let expected = expected.trim().replace('_', " ");
            (Code::GraphqlParseFailed, format!("Syntax error: {expected}."))
        }
        parser::Error::MissingOperation => (Code::GraphqlParseFailed, "The document has no operation.".to_owned()),
        parser::Error::MultipleOperations { .. } => {
            (Code::GraphqlValidationFailed, "An anonymous operation must be the only one of its document.".to_owned())
        }
        parser::Error::OperationDuplicated { operation, .. } => {
            (Code::GraphqlValidationFailed, format!("There can be only one operation named \"{operation}\"."))
        }
        parser::Error::FragmentDuplicated { fragment, .. } => {
            (Code::GraphqlValidationFailed, format!("There can be only one fragment named \"{fragment}\"."))
        }
        parser::Error::RecursionLimitExceeded => (Code::QueryTooComplex, "The document is nested too deep.".to_owned()),
        other => (Code::GraphqlParseFailed, other.to_string()),
    };
    let mut coded = coded(code, message, None);
    coded.locations = error.positions().collect();
    coded
}

fn extensions(code: Code) -> ErrorExtensionValues {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code.as_str());
    extensions
}

/// An error of the request, with its code.
pub fn coded(code: Code, message: String, position: Option<Pos>) -> ServerError {
    let mut error = ServerError::new(message, position);
    error.extensions = Some(extensions(code));
    error
}

fn validation_failed(message: String, position: Option<Pos>) -> ServerError {
    coded(Code::GraphqlValidationFailed, message, position)
}

fn too_complex(message: String, position: Option<Pos>) -> ServerError {
    coded(Code::QueryTooComplex, message, position)
}

fn bad_input(field: &str, message: String, position: Option<Pos>) -> ServerError {
    let mut error = coded(Code::BadUserInput, message, position);
    if let Some(extensions) = &mut error.extensions {
        extensions.set("field", field);
    }
    error
}
