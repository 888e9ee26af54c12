//! Refusals of documents: request errors, each with the code that clients know it by.

use async_graphql::{ErrorExtensionValues, Pos, ServerError};

use crate::domain::error::Code;

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

/// A text that is no document.
pub fn unparsed(message: String, position: Option<Pos>) -> ServerError {
    coded(Code::GraphqlParseFailed, message, position)
}

/// A text that breaks the grammar; `problem` says in half a sentence how.
pub fn syntax_error(problem: &str, position: Pos) -> ServerError {
    unparsed(format!("Syntax error: {problem}."), Some(position))
}
