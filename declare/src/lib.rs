//! Declares a GraphQL object once, for its schema and for the plans that answer it.

mod description;
mod expand;
mod field;
mod mutation;

use proc_macro::TokenStream;

/// Makes a GraphQL object of the functions of an `impl`, one for each field.
///
/// ```ignore
/// /// What the schema says of the type.
/// #[object(row = orders::Model)]
/// impl Order {
///     /// What the schema says of the field.
///     fn subtotal(subtotal: &Exact, currency: &str) -> Decimal {
///         Decimal::money(*subtotal, currency)
///     }
///
///     fn customer(customer_id: &i32) -> One<Customer> {
///         One(CustomerId(*customer_id))
///     }
/// }
/// ```
///
/// A function's parameters say what the field needs, and nothing else of the row is read for it:
///
/// - a name is a column of the row: a field of the type that `row` names, which the object holds as `Arc` in its field `0`. Without a `row`
///   it is a field of the object itself, of which those are read from the database that are columns of the type that `columns` names;
/// - `&Viewer` and `&Reader` are who asks, and what loads for them;
/// - `#[arg]` is an argument of the field, `#[arg(default = EXPRESSION)]` one that may be left out. A doc comment before it is its
///   description; an argument with a name that many fields have (`id`, `first`, `filter`, `order_by`, `search`) has one already;
/// - `#[page]` are the four arguments of a list with cursors, `#[page(offset)]` those of one with page numbers, too. Its cost is that of a
///   list unless another one is given.
///
/// Of a struct, all fields are shown as they are.
///
/// A field of a query's root that is `#[public]` shows public data: asked for by somebody unknown, its answer may be kept by caches and
/// given to others.
///
/// What a function returns implements `Output`: a value that is ready, or what is to be loaded for all objects of a level at once. Other attributes of
/// the function, such as `#[graphql(complexity = "…")]`, are those of async-graphql.
#[proc_macro_attribute]
pub fn object(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = expand::object(arguments.into(), item.into());
    expanded.unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Makes async-graphql's object of an `impl` of mutations, each of which has one argument, `input`: it gets its description here.
#[proc_macro_attribute]
pub fn mutations(_: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = mutation::mutations(item.into());
    expanded.unwrap_or_else(|error| error.to_compile_error()).into()
}
