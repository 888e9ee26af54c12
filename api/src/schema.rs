//! Where the features are put together: the roots of the schema, and nothing else.

pub mod federation;
pub mod node;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod verdicts;

use std::sync::LazyLock;

use async_graphql::{MergedObject, MergedSubscription, SDLExportOptions, registry::Registry};

use crate::{
    features::{
        account::{
            mutation::{AccountMutation, SignInMutation},
            query::AccountQuery,
        },
        audit::query::AuditQuery,
        customer::{mutation::CustomerMutation, query::CustomerQuery},
        dish::{mutation::DishMutation, query::DishQuery},
        driver::{mutation::DriverMutation, query::DriverQuery, subscription::DriverSubscription},
        favourite::mutation::FavouriteMutation,
        job::{mutation::JobMutation, query::JobQuery},
        menu::mutation::MenuMutation,
        order::{mutation::OrderMutation, query::OrderQuery, subscription::OrderSubscription},
        restaurant::{mutation::RestaurantMutation, query::RestaurantQuery},
        review::{mutation::ReviewMutation, subscription::ReviewSubscription},
    },
    graphql::{
        document::{Edit, Edited, SchemaDescription, TrustedDocuments, Unedited, checked_schema},
        execute::VerifyPlans,
        live::Groups,
        plan::{Queries, queries},
        scalars,
        without_token::WithoutToken,
    },
};
use federation::{OnItsOwn, SubgraphQuery};
use node::{NodeQuery, entity_names};

queries! {
    /// Everything that can be read. What the viewer may not know of is, asked for by id, exactly as what does not exist.
    pub struct Query(
        NodeQuery,
        AccountQuery,
        AuditQuery,
        RestaurantQuery,
        DishQuery,
        OrderQuery,
        CustomerQuery,
        DriverQuery,
        JobQuery,
        SubgraphQuery,
    );
}

/// Everything that can be changed. Each mutation happens whole or not at all.
///
/// What signs people in and out, or proves that an account or an address is theirs (`signUp`, `signIn`, `startOpenIdSignIn`,
/// `completeOpenIdSignIn`, `refreshSession`, `signOut`, `requestEmailVerification`, `verifyEmail`, `requestPasswordReset`,
/// `resetPassword`), needs no access token. An operation of nothing else takes no notice of one that is not valid.
#[derive(MergedObject, Default)]
pub struct Mutation(
    SignInMutation,
    AccountMutation,
    RestaurantMutation,
    MenuMutation,
    DishMutation,
    CustomerMutation,
    DriverMutation,
    OrderMutation,
    ReviewMutation,
    FavouriteMutation,
    JobMutation,
);

/// Everything that can be watched: over websockets by the protocol graphql-transport-ws (or graphql-ws, the one before it), or as
/// Server-Sent Events with `Accept: text/event-stream`, or as multipart HTTP with `Accept: multipart/mixed;subscriptionSpec=1.0`.
#[derive(MergedSubscription, Default)]
pub struct Subscription(OrderSubscription, DriverSubscription, ReviewSubscription);

const DESCRIPTION: SchemaDescription = SchemaDescription(
    "Restaurants and their menus, orders from the basket to the door, drivers and where they are, reviews and revenue, with live updates.\n\
    Errors have a code in `extensions.code`; amounts are exact decimals in strings; moments are in UTC.",
);

pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// How a schema is served.
#[derive(Debug, Default)]
pub struct Options {
    /// Whether clients may ask for the schema.
    pub introspection: bool,
    /// Whether it is a subgraph of Apollo Federation as well.
    pub federation: bool,
    /// Whether queries are answered twice, also by async-graphql's own execution, and fail where the two differ.
    pub verify_plans: bool,
    /// What clients may ask for without sending it.
    pub documents: TrustedDocuments,
}

fn roots() -> (Query, Mutation, Subscription) {
    (Query::default(), Mutation::default(), Subscription::default())
}

/// The schema, without anything that belongs to one operation.
pub fn build(Options { introspection, federation, verify_plans, documents }: Options) -> Schema {
    let schema = match federation {
        true => checked_schema(roots, scalars::problem, introspection, documents, Unedited),
        false => checked_schema(roots, scalars::problem, introspection, documents, OnItsOwn),
    };
    let schema = schema.data(Queries::of::<Query>()).data(WithoutToken::of::<SignInMutation>());
    let schema = schema.data(Groups::default()).data(DESCRIPTION);
    if verify_plans { schema.data(VerifyPlans).finish() } else { schema.finish() }
}

/// The schema in GraphQL's schema definition language, as `schema.graphql` holds it.
pub fn sdl() -> String {
    let schema = build(Options { introspection: true, ..Options::default() });
    let sdl = schema.sdl_with_options(SDLExportOptions::new().include_specified_by());
    // The library prints what it knows, and knows no description of a schema.
    sdl.replace("\nschema {", &format!("\n\"\"\"\n{}\n\"\"\"\nschema {{", DESCRIPTION.0))
}

/// The schema as a subgraph: with the directives of Apollo Federation, and without what only routers ask for.
pub fn subgraph_sdl() -> &'static str {
    static SDL: LazyLock<String> = LazyLock::new(|| {
        let (query, mutation, subscription) = roots();
        let schema = async_graphql::Schema::build(query, mutation, subscription)
            .register_output_type::<Edited<Keyed>>()
            .enable_subscription_in_federation()
            .finish();
        schema.sdl_with_options(SDLExportOptions::new().federation().include_specified_by())
    });
    &SDL
}

/// What other subgraphs may refer to by its id.
struct Keyed;

impl Edit for Keyed {
    fn edit(registry: &mut Registry) {
        for entity in entity_names() {
            registry.add_keys(entity, "id");
        }
    }
}
