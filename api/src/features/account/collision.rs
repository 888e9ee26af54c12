//! Collisions: accounts that share an e-mail address, from the time when two spellings of one address made two accounts. One account has
//! the address; the others are found by their exact spelling only. An operator lists them and decides.

use std::collections::{BTreeMap, HashMap};

use entity::{customers, sessions, users};
use migration::email::{Email, exact_pattern, exactly, is_exact};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, prelude::DateTimeWithTimeZone,
};

use super::{
    proof,
    service::{deleted_address, search_text},
    sign_in::find_by_email,
};
use crate::{
    database::{self, Pool, Transaction},
    domain::{
        clock,
        error::{Error, Result},
        ids::{CustomerId, GlobalId, UserId},
        viewer::Viewer,
    },
    features::{
        audit::service::{Action, Entry, record_in_tx},
        customer::service::customer_link_in_tx,
    },
    graphql::{input, row::Row},
};

/// An address that several accounts have, or that has no normal form.
pub struct Collision {
    /// The account that has the address comes first.
    pub accounts: Vec<SharingAccount>,
}

/// An account whose address another one has as well.
pub struct SharingAccount {
    pub user: users::Model,
    /// When a session of the account was opened or renewed last; none where no session is left.
    pub last_used_at: Option<DateTimeWithTimeZone>,
}

/// All collisions. Inactive accounts let nobody in, and are left out.
pub async fn collisions(db: &impl ConnectionTrait) -> Result<Vec<Collision>> {
    let sharing = users::Entity::find()
        .filter(users::Column::NormalizedEmail.like(exact_pattern()))
        .filter(users::Column::IsActive.eq(true))
        .order_by_asc(users::Column::Id)
        .all(db)
        .await?;
    let mut by_form: BTreeMap<String, Vec<users::Model>> = BTreeMap::new();
    for user in sharing {
        // An address without a normal form is a group of its own.
        let form = form(&user).unwrap_or_else(|| user.normalized_email.clone());
        by_form.entry(form).or_default().push(user);
    }
    let forms: Vec<_> = by_form.keys().cloned().collect();
    for keeper in users::Entity::find().filter(users::Column::NormalizedEmail.is_in(forms)).all(db).await? {
        let sharing = by_form.entry(keeper.normalized_email.clone()).or_default();
        if sharing.iter().all(|user| user.id != keeper.id) {
            sharing.insert(0, keeper);
        }
    }
    let used = last_uses(db, by_form.values().flatten().map(|user| user.id)).await?;
    let sharing = |user: users::Model| SharingAccount { last_used_at: used.get(&user.id).copied(), user };
    Ok(by_form.into_values().map(|users| Collision { accounts: users.into_iter().map(sharing).collect() }).collect())
}

/// Gives the shared address to this account. The account that had it is found by its exact spelling from now on.
pub async fn address_keep(db: &Pool, user: UserId) -> Result<users::Model> {
    let transaction = database::begin(db).await?;
    let user = user_for_update(&transaction, user).await?;
    let id = user.id().to_global().0;
    if !is_exact(&user.normalized_email) {
        return Err(Error::conflict(format!("{id} has its address to itself already.")));
    }
    let form = form(&user).ok_or_else(|| {
        Error::conflict(format!(
            "The address of {id} has a character that nobody sees: give it another one (set-email)."
        ))
    })?;
    let keeper = users::Entity::find().filter(users::Column::NormalizedEmail.eq(&form)).one(&transaction).await?;
    if let Some(keeper) = keeper {
        customer_known_as_in_tx(&transaction, keeper.id, None).await?;
        let exact = exactly(&keeper.email);
        let mut row = keeper.into_active_model();
        row.normalized_email = Set(exact);
        let keeper = row.update(&transaction).await?;
        record_in_tx(&transaction, Entry::of(&Viewer::System, Action::UserEmailSet).on(keeper.id())).await?;
    }
    customer_known_as_in_tx(&transaction, user.id, Some(&form)).await?;
    let mut row = user.into_active_model();
    row.normalized_email = Set(form);
    let user = row.update(&transaction).await?;
    record_in_tx(&transaction, Entry::of(&Viewer::System, Action::UserEmailSet).on(user.id())).await?;
    transaction.commit().await?;
    Ok(user)
}

/// Gives an account another address, which it has yet to verify. CONFLICT on `email` when somebody has it.
pub async fn address_set(db: &Pool, user: UserId, email: &str) -> Result<users::Model> {
    let email = input::email("email", email)?;
    let transaction = database::begin(db).await?;
    let user = user_for_update(&transaction, user).await?;
    if user.email == deleted_address(user.id()) {
        return Err(Error::conflict("This account was deleted."));
    }
    let taken = |id: String| Error::conflict(format!("{id} has this e-mail address.")).with_field("email");
    match find_by_email(&transaction, &email).await? {
        Some(other) if other.id != user.id => return Err(taken(other.id().to_global().0)),
        _ => {}
    }
    let same = customers::Entity::find().filter(customers::Column::NormalizedEmail.eq(email.normalized()));
    match same.one(&transaction).await? {
        Some(other) if other.user_id != Some(user.id) => return Err(taken(CustomerId(other.id).to_global().0)),
        _ => {}
    }
    if let Some(customer) = customer_of(&transaction, user.id).await? {
        let mut row = customer.into_active_model();
        row.email = Set(email.written().to_owned());
        row.normalized_email = Set(email.normalized().to_owned());
        row.update(&transaction).await?;
    }
    let search_text = search_text(user.name.as_deref(), email.written());
    let mut row = user.into_active_model();
    row.email = Set(email.written().to_owned());
    row.normalized_email = Set(email.normalized().to_owned());
    row.search_text = Set(search_text);
    row.email_verified_at = Set(None);
    let user = row.update(&transaction).await?;
    // Tokens that were sent to the former address are worth nothing now, and so is a change of address that is waiting.
    proof::withdraw_in_tx(&transaction, user.id, &proof::ALL).await?;
    record_in_tx(&transaction, Entry::of(&Viewer::System, Action::UserEmailSet).on(user.id())).await?;
    transaction.commit().await?;
    Ok(user)
}

/// Gives the user's customer record the address that the user has just proved. Where the user has no customer record, one with this address
/// and without an account becomes the user's. CONFLICT on `token` where there are both: two records are not merged, and neither may lose
/// its orders.
pub async fn customer_follow_in_tx(transaction: &Transaction, user: &users::Model) -> Result<()> {
    let Some(customer) = customer_of(transaction, user.id).await? else {
        return customer_link_in_tx(transaction, user).await;
    };
    let waiting = customers::Entity::find()
        .filter(customers::Column::NormalizedEmail.eq(&user.normalized_email))
        .filter(customers::Column::UserId.is_null());
    if waiting.one(transaction).await?.is_some() {
        let message = "A customer without an account has this e-mail address: ask who runs this service to decide.";
        return Err(Error::conflict(message).with_field("token"));
    }
    let mut row = customer.into_active_model();
    row.email = Set(user.email.clone());
    row.normalized_email = Set(user.normalized_email.clone());
    row.updated_at = Set(clock::now().into());
    row.update(transaction).await?;
    Ok(())
}

fn form(user: &users::Model) -> Option<String> {
    Email::parse(&user.email).ok().map(|email| email.normalized().to_owned())
}

async fn user_for_update(transaction: &Transaction, user: UserId) -> Result<users::Model> {
    users::Model::find_visible_for_update(transaction, &Viewer::System, user).await
}

async fn customer_of(transaction: &Transaction, user: i32) -> Result<Option<customers::Model>> {
    Ok(customers::Entity::find().filter(customers::Column::UserId.eq(user)).one(transaction).await?)
}

/// Makes this normal form the key of a user's customer record, and takes it from the record that had it; without a form, the exact spelling
/// is the key.
async fn customer_known_as_in_tx(transaction: &Transaction, user: i32, form: Option<&str>) -> Result<()> {
    let Some(customer) = customer_of(transaction, user).await? else { return Ok(()) };
    if let Some(form) = form {
        let other =
            customers::Entity::find().filter(customers::Column::NormalizedEmail.eq(form)).one(transaction).await?;
        if let Some(other) = other.filter(|other| other.id != customer.id) {
            know_as_in_tx(transaction, other, None).await?;
        }
    }
    know_as_in_tx(transaction, customer, form).await
}

async fn know_as_in_tx(transaction: &Transaction, customer: customers::Model, form: Option<&str>) -> Result<()> {
    let key = form.map_or_else(|| exactly(&customer.email), str::to_owned);
    let mut row = customer.into_active_model();
    row.normalized_email = Set(key);
    row.update(transaction).await?;
    Ok(())
}

async fn last_uses(
    db: &impl ConnectionTrait,
    users: impl Iterator<Item = i32>,
) -> Result<HashMap<i32, DateTimeWithTimeZone>> {
    let uses = sessions::Entity::find()
        .select_only()
        .column(sessions::Column::UserId)
        .column_as(sessions::Column::LastUsedAt.max(), "last_used_at")
        .filter(sessions::Column::UserId.is_in(users))
        .group_by(sessions::Column::UserId);
    Ok(uses.into_tuple().all(db).await?.into_iter().collect())
}
