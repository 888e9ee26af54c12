use async_graphql::{EmptyMutation, EmptySubscription, Object};
pub struct Query;
#[Object]
impl Query {
    async fn hello(&self) -> &str {
        "world"
    }
}
pub type Schema = async_graphql::Schema<Query, EmptyMutation, EmptySubscription>;
pub fn build() -> Schema {
    async_graphql::Schema::new(Query, EmptyMutation, EmptySubscription)
}
pub fn sdl() -> String {
    build().sdl()
}
