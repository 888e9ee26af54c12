//! One field of an object: what its function says of it.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, Ident, ImplItemFn, Lifetime, Lit, Meta, Pat, Result, ReturnType, Token,
    Type,
    parse::ParseStream,
    punctuated::Punctuated,
    visit_mut::{self, VisitMut},
};

use crate::description;

/// A field of the object, as it is declared.
pub struct Field {
    /// The function without the attributes that only this macro knows.
    pub function: ImplItemFn,
    name: Ident,
    parameters: Vec<Parameter>,
    output: Type,
    /// Whether it shows what everybody may know.
    pub is_public: bool,
}

/// What the function is given.
enum Parameter {
    Column(Ident),
    Viewer,
    Reader,
    Argument { name: Ident, ty: Box<Type>, default: Option<Box<Expr>>, description: String },
    Page { name: Ident, offset: bool },
}

impl Field {
    pub fn parse(mut function: ImplItemFn) -> Result<Self> {
        let parameters = function.sig.inputs.iter_mut().map(Parameter::parse).collect::<Result<_>>()?;
        let ReturnType::Type(_, output) = &function.sig.output else {
            return Err(Error::new_spanned(&function.sig, "a field has a value"));
        };
        let (name, output) = (function.sig.ident.clone(), (**output).clone());
        let attributes = function.attrs.len();
        function.attrs.retain(|attribute| !attribute.path().is_ident("public"));
        let is_public = function.attrs.len() < attributes;
        Ok(Field { name, parameters, output, is_public, function })
    }

    /// The attributes of the field that async-graphql reads.
    fn attributes(&self) -> Vec<TokenStream> {
        let own = self.function.attrs.iter().filter(|attribute| is_of_schema(attribute));
        let mut attributes: Vec<_> = own.map(ToTokens::to_token_stream).collect();
        let is_page = self.parameters.iter().any(|parameter| matches!(parameter, Parameter::Page { .. }));
        if is_page && !self.function.attrs.iter().any(|attribute| attribute.path().is_ident("graphql")) {
            let cost = "crate::graphql::limits::list(first, last, child_complexity)";
            attributes.push(quote!(#[graphql(complexity = #cost)]));
        }
        attributes
    }

    /// The function of the object, cleaned of what only the schema knows.
    pub fn plain_function(&self) -> ImplItemFn {
        let mut function = self.function.clone();
        function.attrs.retain(|attribute| !is_of_schema(attribute) || attribute.path().is_ident("doc"));
        function
    }

    /// The columns of the row that the field needs.
    pub fn columns(&self) -> impl Iterator<Item = String> {
        self.parameters.iter().filter_map(|parameter| match parameter {
            Parameter::Column(name) => Some(name.to_string()),
            _ => None,
        })
    }

    /// The field's name in the schema.
    pub fn schema_name(&self) -> String {
        given_name(&self.function.attrs).unwrap_or_else(|| camel_case(&self.name.to_string()))
    }

    /// The method that async-graphql makes the schema of, and executes by itself.
    pub fn method(&self, object: &Type) -> TokenStream {
        let (name, output, attributes) = (&self.name, &self.output, self.attributes());
        let arguments = self.parameters.iter().map(Parameter::in_schema);
        let given = self.parameters.iter().map(|parameter| parameter.given(&quote!()));
        quote! {
            #(#attributes)*
            #[allow(clippy::too_many_arguments, unused_variables)]
            async fn #name(&self, context: &::async_graphql::Context<'_> #(#arguments)*) -> #output {
                let reader = crate::graphql::context::OperationContext::reader(context);
                let row = crate::graphql::plan::Planned::row(&self.0);
                #object::#name(#(#given),*)
            }
        }
    }

    /// The match arm that plans the field where it is selected.
    pub fn plan(&self, object: &Type) -> TokenStream {
        let (name, schema_name) = (&self.name, self.schema_name());
        let output = with_static_lifetimes(self.output.clone());
        let declared = self.parameters.iter().filter_map(Parameter::declared);
        let read = self.parameters.iter().filter_map(Parameter::read);
        let given: Vec<_> = self.parameters.iter().map(|parameter| parameter.given(&quote!(self.))).collect();
        quote! {
            #schema_name => {
                struct Field {
                    plan: <#output as crate::graphql::plan::Output>::Plan,
                    #(#declared,)*
                }

                impl crate::graphql::plan::FieldPlan<#object> for Field {
                    fn is_ready(&self) -> bool {
                        <#output as crate::graphql::plan::Output>::is_ready(&self.plan)
                    }

                    #[allow(unused_variables)]
                    fn write(
                        &self,
                        row: &<#object as crate::graphql::plan::Planned>::Row,
                        scope: crate::graphql::plan::Scope<'_>,
                        answer: &mut crate::graphql::plan::Answer,
                    ) -> Result<(), crate::graphql::plan::Violation> {
                        let reader = scope.reader;
                        let value = #object::#name(#(#given),*);
                        crate::graphql::plan::Output::write(&value, &self.plan, scope, answer)
                    }

                    #[allow(unused_variables)]
                    fn answer<'a>(
                        &'a self,
                        rows: &[&'a <#object as crate::graphql::plan::Planned>::Row],
                        scope: crate::graphql::plan::Scope<'a>,
                    ) -> ::futures_util::future::BoxFuture<'a, crate::graphql::plan::Level> {
                        let reader = scope.reader;
                        let values: Vec<_> = rows.iter().map(|row| #object::#name(#(#given),*)).collect();
                        crate::graphql::plan::Output::answer(values, &self.plan, scope)
                    }
                }

                Some(Box::new(Field {
                    #(#read,)*
                    plan: <#output as crate::graphql::plan::Output>::plan(selected)?,
                }))
            }
        }
    }
}

impl Parameter {
    /// Reads what a parameter is, and strips the attributes that only this macro knows.
    fn parse(parameter: &mut FnArg) -> Result<Self> {
        let FnArg::Typed(parameter) = parameter else {
            return Err(Error::new_spanned(
                parameter,
                "a field's function names the columns that it needs, not `self`",
            ));
        };
        let Pat::Ident(pattern) = &*parameter.pat else {
            return Err(Error::new_spanned(&parameter.pat, "a parameter is a name"));
        };
        let name = pattern.ident.clone();
        let documentation = take_documentation(&mut parameter.attrs);
        let Some(attribute) = parameter.attrs.pop() else {
            return Ok(match referred(&parameter.ty).as_deref() {
                Some("Viewer") => Parameter::Viewer,
                Some("Reader") => Parameter::Reader,
                _ => Parameter::Column(name),
            });
        };
        if attribute.path().is_ident("page") {
            let offset = match attribute.meta.require_path_only() {
                Ok(_) => false,
                Err(_) => attribute.parse_args::<Ident>()? == "offset",
            };
            return Ok(Parameter::Page { name, offset });
        }
        if !attribute.path().is_ident("arg") {
            return Err(Error::new_spanned(attribute, "a parameter is a column, an `#[arg]` or a `#[page]`"));
        }
        let default = match attribute.meta.require_path_only() {
            Ok(_) => None,
            Err(_) => Some(Box::new(attribute.parse_args_with(default_value)?)),
        };
        let description = match documentation {
            Some(description) => description,
            None => description::of_any(&name.to_string())
                .ok_or_else(|| Error::new_spanned(&name, "say by a doc comment what the argument is"))?
                .to_owned(),
        };
        Ok(Parameter::Argument { name, ty: parameter.ty.clone(), default, description })
    }

    /// The arguments as async-graphql has them, each with a comma before it.
    fn in_schema(&self) -> TokenStream {
        match self {
            Parameter::Argument { name, ty, default, description } => {
                let default = default.as_ref().map(|default| default.to_token_stream().to_string());
                let default = default.map(|default| quote!(, default_with = #default));
                quote!(, #[graphql(desc = #description #default)] #name: #ty)
            }
            Parameter::Page { offset, .. } => {
                let argument = |name: &str, description: &str, ty: TokenStream| {
                    let name = format_ident!("{name}");
                    quote!(, #[graphql(desc = #description)] #name: Option<#ty>)
                };
                let first = argument("first", description::FIRST, quote!(i32));
                let after = argument("after", description::AFTER, quote!(String));
                let last = argument("last", description::LAST, quote!(i32));
                let before = argument("before", description::BEFORE, quote!(String));
                let offset = offset.then(|| argument("offset", description::OFFSET, quote!(i32)));
                quote!(#first #after #last #before #offset)
            }
            Parameter::Column(_) | Parameter::Viewer | Parameter::Reader => quote!(),
        }
    }

    /// What the function is given: from `row` and `reader`, and from arguments that are variables, or fields of `owner`.
    fn given(&self, owner: &TokenStream) -> TokenStream {
        let is_variable = owner.is_empty();
        match self {
            Parameter::Column(name) => quote!(&row.#name),
            Parameter::Viewer => quote!(&reader.viewer),
            Parameter::Reader => quote!(reader),
            Parameter::Argument { name, .. } => quote!(#owner #name.clone()),
            Parameter::Page { offset, .. } if is_variable => {
                let offset = offset.then(|| quote!(.with_offset(offset)));
                quote!(crate::graphql::page::PageArguments::new(first, after, last, before) #offset)
            }
            Parameter::Page { name, .. } => quote!(#owner #name.clone()),
        }
    }

    /// The field in which a plan keeps an argument.
    fn declared(&self) -> Option<TokenStream> {
        match self {
            Parameter::Argument { name, ty, .. } => Some(quote!(#name: #ty)),
            Parameter::Page { name, .. } => Some(quote!(#name: crate::graphql::page::PageArguments)),
            Parameter::Column(_) | Parameter::Viewer | Parameter::Reader => None,
        }
    }

    /// How a plan reads an argument.
    fn read(&self) -> Option<TokenStream> {
        match self {
            Parameter::Argument { name, ty, default, .. } => {
                let schema_name = camel_case(&name.to_string());
                let default = match default {
                    Some(default) => quote!(Some(|| -> #ty { #default })),
                    None => quote!(None),
                };
                Some(quote!(#name: selected.argument(#schema_name, #default)?))
            }
            Parameter::Page { name, offset } => Some(quote!(#name: selected.page(#offset)?)),
            Parameter::Column(_) | Parameter::Viewer | Parameter::Reader => None,
        }
    }
}

/// Takes the doc comment from a parameter: the compiler allows none there.
fn take_documentation(attributes: &mut Vec<Attribute>) -> Option<String> {
    let (documentation, others): (Vec<_>, Vec<_>) =
        std::mem::take(attributes).into_iter().partition(|attribute| attribute.path().is_ident("doc"));
    *attributes = others;
    let lines = documentation.iter().filter_map(|attribute| match &attribute.meta.require_name_value().ok()?.value {
        Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) => Some(line.value().trim().to_owned()),
        _ => None,
    });
    let lines: Vec<_> = lines.collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn is_of_schema(attribute: &Attribute) -> bool {
    ["doc", "graphql"].iter().any(|known| attribute.path().is_ident(known))
}

/// The name that `#[graphql(name = "…")]` gives.
fn given_name(attributes: &[Attribute]) -> Option<String> {
    let of_schema = attributes.iter().filter(|attribute| attribute.path().is_ident("graphql"));
    let named = of_schema
        .filter_map(|attribute| attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok())
        .flatten()
        .find(|meta| meta.path().is_ident("name"))?;
    match &named.require_name_value().ok()?.value {
        Expr::Lit(ExprLit { lit: Lit::Str(name), .. }) => Some(name.value()),
        _ => None,
    }
}

/// `default = EXPRESSION`
fn default_value(input: ParseStream<'_>) -> Result<Expr> {
    let name: Ident = input.parse()?;
    if name != "default" {
        return Err(Error::new_spanned(name, "an argument may have a `default`"));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}

/// The last name of the type that a reference refers to.
fn referred(ty: &Type) -> Option<String> {
    let Type::Reference(reference) = ty else { return None };
    let Type::Path(path) = &*reference.elem else { return None };
    Some(path.path.segments.last()?.ident.to_string())
}

fn with_static_lifetimes(mut ty: Type) -> Type {
    struct Static;

    impl VisitMut for Static {
        fn visit_type_reference_mut(&mut self, reference: &mut syn::TypeReference) {
            reference.lifetime = Some(Lifetime::new("'static", proc_macro2::Span::call_site()));
            visit_mut::visit_type_reference_mut(self, reference);
        }
    }

    Static.visit_type_mut(&mut ty);
    ty
}

/// As async-graphql names fields and arguments.
pub fn camel_case(name: &str) -> String {
    let mut words = name.trim_start_matches("r#").split('_').filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

/// The name of the type that async-graphql executes by itself.
pub fn resolvers(object: &Ident) -> Ident {
    format_ident!("{object}Fields")
}
