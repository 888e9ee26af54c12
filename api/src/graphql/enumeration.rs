//! The names of enum values, as clients write them.

use async_graphql::resolver_utils::EnumType;

/// The value's name in the schema.
pub fn name<T: EnumType>(value: T) -> &'static str {
    T::items().iter().find(|item| item.value == value).map_or("", |item| item.name)
}

/// The value of this name.
pub fn value<T: EnumType>(name: &str) -> Option<T> {
    let item = T::items().iter().find(|item| item.name == name)?;
    Some(item.value)
}
