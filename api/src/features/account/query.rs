use entity::users;

use super::{
    User, openid,
    types::{ActiveSession, PersonalData, Role, SignInProvider},
};
use crate::{
    domain::{clock, error::Result, viewer::Viewer},
    features::account::finder::{MAXIMUM_SESSIONS, OwnSessions, SessionOrder, Users},
    graphql::{
        limits,
        list::{self, FirstOfAll, PageOfAll},
        loaders::Reader,
        page::{Page, PageArguments},
        plan::{One, object},
        search,
        sort::IdOrder,
    },
};

#[derive(Clone, Default)]
pub struct AccountQuery;

#[object]
impl AccountQuery {
    /// Who asks; null for the anonymous.
    fn me(viewer: &Viewer) -> Option<One<User>> {
        viewer.user().map(|user| One(user.id))
    }

    /// Who else people can sign in with, besides a password: what the server has configured, at most 1; empty where there is none.
    #[graphql(complexity = "limits::entries(1, child_complexity)")]
    fn sign_in_providers(reader: &Reader) -> Vec<SignInProvider> {
        openid::sign_in_providers(&reader.app)
    }

    /// Where the viewer is signed in, the session last used first: the first 100 unless asked otherwise, and at most 500.
    /// UNAUTHENTICATED for the anonymous.
    #[graphql(complexity = "limits::first_of(MAXIMUM_SESSIONS, first, child_complexity)")]
    fn sessions(viewer: &Viewer, #[arg(default = 100)] first: i32) -> Result<FirstOfAll<OwnSessions, ActiveSession>> {
        viewer.signed_in()?;
        let page = Page::beginning(SessionOrder::LastUsedFirst, first, MAXIMUM_SESSIONS)?;
        Ok(list::first_of_all(OwnSessions::Open(clock::now()), page))
    }

    /// Everything that is held on the viewer, to be kept: a document with the profile, and pages of whatever grows. UNAUTHENTICATED for
    /// the anonymous.
    fn personal_data(viewer: &Viewer) -> Result<PersonalData> {
        let user = viewer.signed_in()?.id;
        Ok(PersonalData { user, collected_at: clock::now() })
    }

    /// The users that the viewer may know of, by id: all for admins, oneself for anybody else. `search` looks for part of the
    /// name or e-mail address, in any case and script. A page has 20 entries unless asked otherwise, and at most 100; `offset`
    /// skips entries.
    fn users(
        #[page(offset)] page: PageArguments,
        #[arg] search: Option<String>,
        /// Only those with this role; null is all.
        #[arg]
        role: Option<Role>,
    ) -> Result<PageOfAll<Users, User>> {
        let page = page.in_order::<users::Model, _>(IdOrder)?;
        Ok(list::page_of_all(Users { search: search::term("search", search.as_deref())?, role }, page))
    }
}
