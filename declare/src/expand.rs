//! The expansion of `#[object]`: async-graphql's object, and the plans of its fields.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, Error, Ident, ImplItem, Item, ItemImpl, ItemStruct, Path, Result, Token, Type,
    parse::{Parse, ParseStream},
    parse_quote, parse2,
};

use crate::field::{Field, resolvers};

/// `row = TYPE`, `columns = TYPE`, or nothing.
#[derive(Default)]
struct Arguments {
    row: Option<Path>,
    columns: Option<Path>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.is_empty() {
            return Ok(Arguments::default());
        }
        let name: Ident = input.parse()?;
        input.parse::<Token![=]>()?;
        let ty = Some(input.parse()?);
        match name.to_string().as_str() {
            "row" => Ok(Arguments { row: ty.clone(), columns: ty }),
            "columns" => Ok(Arguments { row: None, columns: ty }),
            _ => Err(Error::new_spanned(name, "an object may have a `row` or `columns`")),
        }
    }
}

pub fn object(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let arguments = parse2(arguments)?;
    match parse2(item)? {
        Item::Impl(declared) => of_functions(arguments, declared),
        Item::Struct(declared) => {
            let (plain, fields) = of_struct(declared);
            let fields = of_functions(arguments, fields)?;
            Ok(quote!(#plain #fields))
        }
        other => Err(Error::new_spanned(
            other,
            "an object is an `impl` of functions, or a struct whose fields are all shown",
        )),
    }
}

/// The struct without what only the schema knows, and a function for each of its fields, which shows it.
fn of_struct(mut declared: ItemStruct) -> (ItemStruct, ItemImpl) {
    let of_schema = |attribute: &Attribute| attribute.path().is_ident("graphql");
    let functions = declared.fields.iter().map(|field| {
        let (name, ty) = (&field.ident, &field.ty);
        let attributes =
            field.attrs.iter().filter(|attribute| of_schema(attribute) || attribute.path().is_ident("doc"));
        quote!(#(#attributes)* #[allow(clippy::ptr_arg)] fn #name(#name: &#ty) -> #ty { #name.clone() })
    });
    let name = &declared.ident;
    let documentation = declared.attrs.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let functions = parse_quote!(#(#documentation)* impl #name { #(#functions)* });
    for field in &mut declared.fields {
        field.attrs.retain(|attribute| !of_schema(attribute));
    }
    (declared, functions)
}

fn of_functions(Arguments { row, columns: columns_of }: Arguments, declared: ItemImpl) -> Result<TokenStream> {
    let object = &*declared.self_ty;
    let name = name_of(object)?;
    let fields = declared.items.into_iter().map(|item| match item {
        ImplItem::Fn(function) => Field::parse(function),
        other => Err(Error::new_spanned(other, "an object has nothing but fields")),
    });
    let fields = fields.collect::<Result<Vec<_>>>()?;

    let (schema_name, resolvers, attributes) = (name.to_string(), resolvers(name), &declared.attrs);
    let functions = fields.iter().map(Field::plain_function);
    let methods = fields.iter().map(|field| field.method(object));
    let plans = fields.iter().map(|field| field.plan(object));
    let columns = fields.iter().map(|field| {
        let (name, columns) = (field.schema_name(), field.columns());
        let columns = match &columns_of {
            Some(row) => quote!(const {
                ::entity::columns::Columns::among(<#row as ::entity::columns::Partial>::NAMES, &[#(#columns),*])
            }),
            None => quote!(::entity::columns::Columns::NONE),
        };
        quote!(#name => #columns)
    });
    let public = fields.iter().filter(|field| field.is_public).map(Field::schema_name);
    let (row_type, row_of) = match &row {
        Some(row) => (quote!(#row), quote!(&self.0)),
        None => (quote!(Self), quote!(self)),
    };
    let from_row = row.as_ref().map(|row| {
        quote! {
            impl From<::std::sync::Arc<#row>> for #object {
                fn from(row: ::std::sync::Arc<#row>) -> Self {
                    Self(row)
                }
            }
        }
    });
    Ok(quote! {
        impl #object {
            #(#functions)*
        }

        #from_row

        const _: () = {
            struct #resolvers(#object);

            #(#attributes)*
            #[::async_graphql::Object(name = #schema_name)]
            impl #resolvers {
                #(#methods)*
            }

            impl ::async_graphql::OutputType for #object {
                fn type_name() -> ::std::borrow::Cow<'static, str> {
                    #schema_name.into()
                }

                fn create_type_info(registry: &mut ::async_graphql::registry::Registry) -> String {
                    <#resolvers as ::async_graphql::OutputType>::create_type_info(registry)
                }

                async fn resolve(
                    &self,
                    context: &::async_graphql::ContextSelectionSet<'_>,
                    field: &::async_graphql::Positioned<::async_graphql::parser::types::Field>,
                ) -> ::async_graphql::ServerResult<::async_graphql::Value> {
                    if crate::graphql::plan::is_executed_alone(context) {
                        let fields = #resolvers(self.clone());
                        return ::async_graphql::resolver_utils::resolve_container(context, &fields).await;
                    }
                    crate::graphql::plan::resolve(self, context, field).await
                }
            }

            impl ::async_graphql::ContainerType for #object {
                async fn resolve_field(
                    &self,
                    context: &::async_graphql::Context<'_>,
                ) -> ::async_graphql::ServerResult<Option<::async_graphql::Value>> {
                    ::async_graphql::ContainerType::resolve_field(&#resolvers(self.clone()), context).await
                }
            }

            impl ::async_graphql::ObjectType for #object {}

            impl crate::graphql::plan::Planned for #object {
                type Row = #row_type;
                const NAME: &'static str = #schema_name;

                fn row(&self) -> &Self::Row {
                    #row_of
                }

                fn columns_of(field: &str) -> ::entity::columns::Columns {
                    match field {
                        #(#columns,)*
                        _ => ::entity::columns::Columns::NONE,
                    }
                }

                fn is_public(field: &str) -> bool {
                    [#(#public),*].contains(&field)
                }

                fn field(
                    selected: &crate::graphql::plan::Selected<'_>,
                ) -> ::async_graphql::ServerResult<Option<Box<dyn crate::graphql::plan::FieldPlan<Self>>>> {
                    Ok(match selected.name() {
                        #(#plans)*
                        _ => None,
                    })
                }
            }

            crate::graphql::plan::output_of_object!(#object);
        };
    })
}

fn name_of(object: &Type) -> Result<&Ident> {
    let Type::Path(path) = object else {
        return Err(Error::new_spanned(object, "an object is a type of one's own"));
    };
    path.path.get_ident().ok_or_else(|| Error::new_spanned(object, "an object is named by one name"))
}
