//! OpenID Connect sign-in, authorization code flow: the browser is sent to the provider, and comes back to any process, once, within ten
//! minutes.

mod identity;

use chrono::TimeDelta;
use entity::open_id_sign_ins;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use self::identity::IdentityLink;
use super::{
    letters::{Notice, notice_post_in_tx},
    secret,
    session::{OpenedSession, rights_change_in_tx, session_open_in_tx},
    sign_in::attempt_count_of_network,
    types::{CompleteOpenIdSignInInput, SignInProvider, StartOpenIdSignInInput, StartOpenIdSignInPayload},
};
use crate::{
    app::App,
    database,
    domain::{
        clock,
        error::{Error, Result},
        ids::UserId,
        viewer::Origin,
    },
    features::audit::service::{Action, Entry, record_in_tx},
    openid_client::{Provider, Return},
};

/// How long a user may take at the provider.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);

/// The identity providers that are configured.
pub fn sign_in_providers(app: &App) -> Vec<SignInProvider> {
    app.openid.iter().map(|provider| SignInProvider { name: provider.name.clone() }).collect()
}

/// The provider's page to send the browser to, and the secret that the browser keeps meanwhile.
pub async fn sign_in_start(
    app: &App,
    origin: &Origin,
    wanted: StartOpenIdSignInInput,
) -> Result<StartOpenIdSignInPayload> {
    let provider = provider(app)?;
    if !app.config.openid.redirect_urls.contains(&wanted.redirect_url) {
        return Err(Error::bad_input("redirectUrl", "This is none of the pages that are configured to come back to."));
    }
    attempt_count_of_network(app, origin).await?;
    let departure = provider.depart(&wanted.redirect_url).await?;
    let browsers = secret::generate();
    let row = open_id_sign_ins::ActiveModel {
        state_hash: Set(secret::hash(departure.state.secret())),
        secret_hash: Set(secret::hash(&browsers)),
        nonce: Set(departure.nonce.secret().clone()),
        pkce_verifier: Set(departure.verifier.secret().clone()),
        redirect_url: Set(wanted.redirect_url),
        expires_at: Set((clock::now() + PATIENCE).into()),
    };
    row.insert(&app.db).await?;
    Ok(StartOpenIdSignInPayload { authorization_url: departure.url.into(), secret: browsers })
}

/// Opens a session for whoever comes back from the provider with what it says of them.
pub async fn sign_in_complete(app: &App, origin: &Origin, wanted: CompleteOpenIdSignInInput) -> Result<OpenedSession> {
    let provider = provider(app)?;
    let back = sign_in_take(app, wanted).await?;
    let person = provider.arrive(back).await?;

    let transaction = database::begin(&app.db).await?;
    let (user, link) = identity::user_of_in_tx(app, &transaction, &provider.name, &person).await?;
    let opened = session_open_in_tx(app, &transaction, &user, origin).await?;
    let id = UserId(user.id);
    let entry = |action| Entry::by(id, origin, action).on(id);
    match link {
        IdentityLink::Known => {}
        IdentityLink::Made => record_in_tx(&transaction, entry(Action::SignedUp)).await?,
        IdentityLink::Added => record_in_tx(&transaction, entry(Action::IdentityAdded)).await?,
    }
    record_in_tx(&transaction, Entry::by(id, origin, Action::SignedIn)).await?;
    if let IdentityLink::Added = link {
        let notice = Notice::SignInAdded { provider: provider.name.clone() };
        notice_post_in_tx(app, &transaction, id, &user.email, notice).await?;
        // Sessions of whoever had the account before the address was proved have ended.
        rights_change_in_tx(app, &transaction, id).await?;
    }
    transaction.commit().await?;
    Ok(opened)
}

fn provider(app: &App) -> Result<&Provider> {
    app.openid.as_ref().ok_or_else(|| Error::forbidden("People sign in with a password only here."))
}

/// Takes the pending sign-in: its row is deleted as it is read, so that it is completed once.
async fn sign_in_take(app: &App, wanted: CompleteOpenIdSignInInput) -> Result<Return> {
    use open_id_sign_ins::Column;
    let taken = open_id_sign_ins::Entity::delete_many()
        .filter(Column::StateHash.eq(secret::hash(&wanted.state)))
        .filter(Column::SecretHash.eq(secret::hash(&wanted.secret)))
        .filter(Column::ExpiresAt.gt(clock::now()))
        .exec_with_returning(&app.db)
        .await?;
    let kept = taken.into_iter().next().ok_or_else(|| {
        Error::bad_input(
            "state",
            "This sign-in was not started here, was completed already or has expired: start again.",
        )
    })?;
    Ok(Return { code: wanted.code, redirect_url: kept.redirect_url, nonce: kept.nonce, verifier: kept.pkce_verifier })
}
