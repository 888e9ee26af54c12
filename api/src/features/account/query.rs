use async_graphql::{Context, Object};
use entity::users;

use super::{
    User,
    loader::{MAXIMUM_SESSIONS, OwnSessions, SessionOrder, Users},
    openid,
    types::{ActiveSession, PersonalData, Role, SignInProvider},
};
use crate::{
    clock,
    graphql::{
        context::OperationContext,
        error::Result,
        limits,
        list::{self, FirstOfAll, PageOfAll},
        page::{Page, PageArguments},
        plan::One,
        search,
        sort::IdOrder,
    },
};

#[derive(Default)]
pub struct AccountQuery;

#[Object]
impl AccountQuery {
    /// Who asks; null for the anonymous.
    async fn me(&self, ctx: &Context<'_>) -> Option<One<User>> {
        ctx.viewer().user().map(|user| One(user.id))
    }

    /// Who else people can sign in with, besides a password: what the server has configured, at most 1; empty where there is none.
    #[graphql(complexity = "limits::entries(1, child_complexity)")]
    async fn sign_in_providers(&self, ctx: &Context<'_>) -> Vec<SignInProvider> {
        openid::sign_in_providers(ctx.app())
    }

    /// Where the viewer is signed in, the session last used first: the first 100 unless asked otherwise, and at most 500.
    /// UNAUTHENTICATED for the anonymous.
    #[graphql(complexity = "limits::first_of(MAXIMUM_SESSIONS, first, child_complexity)")]
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 100)] first: i32,
    ) -> Result<FirstOfAll<OwnSessions, ActiveSession>> {
        ctx.viewer().signed_in()?;
        let page = Page::beginning(SessionOrder::LastUsedFirst, first, MAXIMUM_SESSIONS)?;
        Ok(list::first_of_all(OwnSessions::Open(clock::now()), page))
    }

    /// Everything that is held on the viewer, to be kept: a document with the profile, and pages of whatever grows. UNAUTHENTICATED for
    /// the anonymous.
    async fn personal_data(&self, ctx: &Context<'_>) -> Result<PersonalData> {
        let user = ctx.viewer().signed_in()?.id;
        Ok(PersonalData { user, collected_at: clock::now() })
    }

    /// The users that the viewer may know of, by id: all for admins, oneself for anybody else. `search` looks for part of the
    /// name or e-mail address, in any case and script. A page has 20 entries unless asked otherwise, and at most 100; `offset`
    /// skips entries.
    #[expect(clippy::too_many_arguments, reason = "the contract's arguments")]
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn users(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        offset: Option<i32>,
        search: Option<String>,
        role: Option<Role>,
    ) -> Result<PageOfAll<Users, User>> {
        let page =
            PageArguments::new(first, after, last, before).with_offset(offset).in_order::<users::Model, _>(IdOrder)?;
        Ok(list::page_of_all(Users { search: search::term("search", search.as_deref())?, role }, page))
    }
}
