use async_graphql::{Context, Object};
use entity::users;

use super::{
    User,
    loader::Users,
    openid, personal_data, session,
    types::{ActiveSession, PersonalData, Role, SignInProvider},
};
use crate::graphql::{
    connection::Connection, context::OperationContext, error::Result, limits, list, page::PageArguments, row::ById,
    search, sort::IdOrder,
};

#[derive(Default)]
pub struct AccountQuery;

#[Object]
impl AccountQuery {
    /// Who asks; null for the anonymous.
    async fn me(&self, ctx: &Context<'_>) -> Option<Result<User>> {
        let user = ctx.viewer().user()?;
        Some(ctx.loaders().load_existing(ById::<users::Model>(user.id)).await.map(User))
    }

    /// Who else people can sign in with, besides a password: those that the server has configured; empty where there are none.
    #[graphql(complexity = "limits::entries(limits::SHORT_LENGTH, child_complexity)")]
    async fn sign_in_providers(&self, ctx: &Context<'_>) -> Vec<SignInProvider> {
        openid::sign_in_providers(ctx.app())
    }

    /// Where the viewer is signed in, the session last used first. UNAUTHENTICATED for the anonymous.
    #[graphql(complexity = "limits::entries(limits::SHORT_LENGTH, child_complexity)")]
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<ActiveSession>> {
        let sessions = session::sessions_of(&ctx.app().db, ctx.viewer()).await?;
        Ok(sessions.into_iter().map(ActiveSession).collect())
    }

    /// Everything that is held on the viewer, as one document to be kept: profile, addresses, orders, reviews, sessions, driver's
    /// record, and what it did. UNAUTHENTICATED for the anonymous.
    async fn personal_data(&self, ctx: &Context<'_>) -> Result<PersonalData> {
        personal_data::collect(ctx.app(), ctx.viewer()).await
    }

    /// The users that the viewer may know of, by id: all for admins, oneself for anybody else. `search` looks for part of the
    /// name or e-mail address, in any case and script. A page has 20 entries unless asked otherwise, and at most 100; `offset`
    /// skips entries.
    #[expect(clippy::too_many_arguments, reason = "the contract's arguments")]
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        offset: Option<i32>,
        search: Option<String>,
        role: Option<Role>,
    ) -> Result<Connection<User>> {
        let page =
            PageArguments::new(first, after, last, before).with_offset(offset).in_order::<users::Model, _>(IdOrder)?;
        list::page_of_all(ctx, Users { search: search::term("search", search.as_deref())?, role }, page, User).await
    }
}
