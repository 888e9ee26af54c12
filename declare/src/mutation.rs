//! The expansion of `#[mutations]`: async-graphql's object, with a description for each `input`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{FnArg, ImplItem, ItemImpl, Pat, Result, parse_quote, parse2};

use crate::{description, field::camel_case};

pub fn mutations(item: TokenStream) -> Result<TokenStream> {
    let mut declared: ItemImpl = parse2(item)?;
    for item in &mut declared.items {
        let ImplItem::Fn(mutation) = item else { continue };
        let description = description::of_input(&camel_case(&mutation.sig.ident.to_string()));
        for parameter in &mut mutation.sig.inputs {
            if let FnArg::Typed(parameter) = parameter
                && matches!(&*parameter.pat, Pat::Ident(name) if name.ident == "input")
            {
                parameter.attrs.push(parse_quote!(#[graphql(desc = #description)]));
            }
        }
    }
    Ok(quote!(#[::async_graphql::Object] #declared))
}
