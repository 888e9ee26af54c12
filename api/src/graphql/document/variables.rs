//! The values that an operation's variables have.

use async_graphql::{
    Positioned, Value as ConstValue, Variables,
    parser::types::{OperationDefinition, VariableDefinition},
};
use async_graphql_value::Value;

/// The definition of a variable.
pub fn definition<'a>(name: &str, operation: &'a OperationDefinition) -> Option<&'a Positioned<VariableDefinition>> {
    let mut definitions = operation.variable_definitions.iter();
    definitions.find(|definition| definition.node.name.node == name)
}

/// What a variable is: what was sent, or else its default; nothing where neither is.
pub fn value<'a>(name: &str, operation: &'a OperationDefinition, variables: &'a Variables) -> Option<&'a ConstValue> {
    variables.get(name).or_else(|| {
        let default = &definition(name, operation)?.node.default_value;
        default.as_ref().map(|default| &default.node)
    })
}

/// A condition's value, if it is a boolean.
pub fn flag(condition: &Value, operation: &OperationDefinition, variables: &Variables) -> Option<bool> {
    match condition {
        Value::Boolean(flag) => Some(*flag),
        Value::Variable(name) => match value(name, operation, variables) {
            Some(ConstValue::Boolean(flag)) => Some(*flag),
            _ => None,
        },
        _ => None,
    }
}
