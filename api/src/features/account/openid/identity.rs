//! Links an OpenID identity to a user: by issuer and subject, and the first time by an e-mail address that the provider has verified.

use entity::{identities, sea_orm_active_enums::UserRole, users};
use migration::email::Email;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel, sea_query::OnConflict};

use crate::{
    app::App,
    database::Transaction,
    domain::{
        clock,
        error::{Error, Result},
        ids::UserId,
        viewer::Viewer,
    },
    features::account::{
        proof,
        service::{user_lock_by_email_in_tx, user_new},
        session::{of_user, sessions_end_in_tx},
        sign_in::check_sign_up,
        verification::email_verified_in_tx,
    },
    graphql::{input, row::Row},
    openid_client::Person,
};

/// How the identity came to be linked to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityLink {
    /// It was linked before.
    Known,
    /// The user was created for it.
    Made,
    /// It was linked to an account that existed.
    Added,
}

/// The user that the identity belongs to. FORBIDDEN where the user is inactive, and where the provider has not verified the address or
/// sign-up is closed; CONFLICT where the account is linked to another identity of the provider.
pub async fn user_of_in_tx(
    app: &App,
    transaction: &Transaction,
    provider: &str,
    person: &Person,
) -> Result<(users::Model, IdentityLink)> {
    if let Some(user) = find_linked(transaction, person).await? {
        // Locked, for the account may be being deleted: the session would belong to nobody.
        let user = users::Model::find_visible_for_update(transaction, &Viewer::System, UserId(user.id)).await?;
        return Ok((active(user)?, IdentityLink::Known));
    }
    let email = proved_email(provider, person)?;
    let (user, link) = match user_lock_by_email_in_tx(transaction, &email).await? {
        Some(user) => (active(user)?, IdentityLink::Added),
        None => user_make_in_tx(app, transaction, person, &email).await?,
    };
    let user = claim_in_tx(transaction, user).await?;
    identity_add_in_tx(transaction, provider, person, &user).await?;
    Ok((user, link))
}

async fn find_linked(transaction: &Transaction, person: &Person) -> Result<Option<users::Model>> {
    let key = (person.issuer.clone(), person.subject.clone());
    let found = identities::Entity::find_by_id(key).find_also_related(users::Entity).one(transaction).await?;
    Ok(found.and_then(|(_, user)| user))
}

fn active(user: users::Model) -> Result<users::Model> {
    match user.is_active {
        true => Ok(user),
        false => Err(Error::forbidden("This account is not active.")),
    }
}

fn proved_email(provider: &str, person: &Person) -> Result<Email> {
    let email = person.email.as_deref().filter(|_| person.email_verified);
    let email = email.and_then(|email| input::email("email", email).ok());
    email.ok_or_else(|| {
        Error::forbidden(format!(
            "{provider} does not say that it has verified your e-mail address: verify it there, and start again."
        ))
    })
}

/// Makes a user whose address is not marked as proved yet. Of two sign-ins at once, both get the one that is made.
async fn user_make_in_tx(
    app: &App,
    transaction: &Transaction,
    person: &Person,
    email: &Email,
) -> Result<(users::Model, IdentityLink)> {
    check_sign_up(app)?;
    let name = person.name.as_deref().map(name_of).filter(|name| !input::is_blank(name));
    let made = users::Entity::insert(user_new(email, name, UserRole::Customer))
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    let user = user_lock_by_email_in_tx(transaction, email).await?;
    let user = user.ok_or_else(|| Error::internal(anyhow::anyhow!("a user that was made is not there")))?;
    Ok((active(user)?, if made == 1 { IdentityLink::Made } else { IdentityLink::Added }))
}

/// The name without control characters, cut at 100 characters: people write there what they like.
fn name_of(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(100).collect::<String>().trim().to_owned()
}

/// Gives the account to whoever proved that its address is theirs. Where that was not proved before, somebody else may have signed up
/// with it and be waiting: nothing that was set or sent until now lets anybody in any more.
async fn claim_in_tx(transaction: &Transaction, user: users::Model) -> Result<users::Model> {
    if user.email_verified_at.is_some() {
        return Ok(user);
    }
    let id = UserId(user.id);
    let mut row = user.into_active_model();
    row.password_hash = Set(None);
    let user = email_verified_in_tx(transaction, row.update(transaction).await?).await?;
    proof::withdraw_in_tx(transaction, user.id, &proof::ALL).await?;
    sessions_end_in_tx(transaction, of_user(id, None)).await?;
    Ok(user)
}

async fn identity_add_in_tx(
    transaction: &Transaction,
    provider: &str,
    person: &Person,
    user: &users::Model,
) -> Result<()> {
    let row = identities::ActiveModel {
        issuer: Set(person.issuer.clone()),
        subject: Set(person.subject.clone()),
        user_id: Set(user.id),
        created_at: Set(clock::now().into()),
    };
    identities::Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    // Of two sign-ins of the same person at once, the other may have added it.
    match find_linked(transaction, person).await? {
        Some(linked) if linked.id == user.id => Ok(()),
        _ => Err(Error::conflict(format!(
            "The account with your e-mail address is linked to somebody else at {provider}: sign in with its password."
        ))),
    }
}
