//! Why a document is refused, with the code that clients know it by.

use async_graphql::{ErrorExtensionValues, Pos, ServerError, parser};

use crate::graphql::error::Code;

/// An error of the request, with its code.
pub fn coded(code: Code, message: String, position: Option<Pos>) -> ServerError {
    let mut error = ServerError::new(message, position);
    error.extensions = Some(extensions(code));
    error
}

pub fn extensions(code: Code) -> ErrorExtensionValues {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code.as_str());
    extensions
}

pub fn validation_failed(message: String, position: Option<Pos>) -> ServerError {
    coded(Code::GraphqlValidationFailed, message, position)
}

pub fn too_complex(message: String, position: Option<Pos>) -> ServerError {
    coded(Code::QueryTooComplex, message, position)
}

pub fn bad_input(field: &str, message: String, position: Option<Pos>) -> ServerError {
    let mut error = coded(Code::BadUserInput, message, position);
    if let Some(extensions) = &mut error.extensions {
        extensions.set("field", field);
    }
    error
}

/// What the parser says, with the places where it says it.
pub fn unparsed(error: &parser::Error) -> ServerError {
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
