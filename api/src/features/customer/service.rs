//! The business rules of customers.

use entity::{customers, users};
use migration::search_text::fold;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use serde_json::Value as Json;

use super::{addresses::replaced, types::UpdateCustomerInput};
pub use super::{
    addresses::{MAXIMUM_ADDRESSES, addresses},
    review_name::review_name,
};
use crate::{
    app::App,
    database::{self, Transaction},
    domain::{
        clock,
        error::{Error, Result},
        ids::{CustomerId, GlobalId, UserId},
        viewer::Viewer,
    },
    features::{
        account::service::{rights_change_in_tx, user_hold_in_tx},
        audit::service::{Action, Entry, record_in_tx},
        favourite::service::favourites_forget_in_tx,
        order::service::orders_forget_in_tx,
        review::service::comments_forget_in_tx,
    },
    graphql::{input, row::Row},
};

/// Whether the viewer may see and change everything of the customer.
pub fn is_own(viewer: &Viewer, customer: CustomerId) -> bool {
    viewer.is_admin() || viewer.is_customer(customer)
}

/// The viewer as a customer; `None` before the first order.
pub async fn customer_of(db: &impl ConnectionTrait, viewer: &Viewer) -> Result<Option<customers::Model>> {
    let user = viewer.signed_in()?;
    Ok(customers::Entity::find().filter(customers::Column::UserId.eq(user.id.0)).one(db).await?)
}

/// The viewer's customer record, created when it is first needed; two requests at once create one. The account is held until the
/// transaction ends: UNAUTHENTICATED where it has just been closed. After the commit, [`customer_is_known`].
pub async fn customer_ensure_in_tx(app: &App, transaction: &Transaction, viewer: &Viewer) -> Result<customers::Model> {
    let user = user_hold_in_tx(transaction, viewer.signed_in()?.id).await?;
    if let Some(customer) = customer_of(transaction, viewer).await? {
        return Ok(customer);
    }
    if user.email_verified_at.is_some() {
        customer_link_in_tx(transaction, &user).await?;
    }
    customer_make_in_tx(transaction, &user, None).await?;
    let customer = customer_of(transaction, viewer).await?;
    // The user's open sockets do not know the record yet.
    rights_change_in_tx(app, transaction, UserId(user.id)).await?;
    // A record that has the e-mail but no user belongs to whoever proves that the e-mail is theirs.
    customer.ok_or_else(|| {
        Error::conflict("There is a customer with your e-mail address: verify the address to take it over.")
    })
}

/// Creates the user's customer record, unless there is one with its e-mail address already.
pub async fn customer_make_in_tx(transaction: &Transaction, user: &users::Model, phone: Option<String>) -> Result<()> {
    let name = user.name.clone().unwrap_or_else(|| user.email.split('@').next().unwrap_or_default().to_owned());
    let now = clock::now();
    let row = customers::ActiveModel {
        search_text: Set(fold(&name)),
        name: Set(name.chars().take(100).collect()),
        email: Set(user.email.clone()),
        normalized_email: Set(user.normalized_email.clone()),
        phone: Set(phone),
        user_id: Set(Some(user.id)),
        created_at: Set(now.into()),
        updated_at: Set(now.into()),
        ..Default::default()
    };
    customers::Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Adds the customer record to the viewer's rights, after the commit.
pub fn customer_is_known(viewer: &Viewer, customer: &customers::Model) {
    if viewer.customer().is_some() {
        return;
    }
    if let Some(user) = viewer.user() {
        user.is_customer_now(CustomerId(customer.id));
    }
}

/// Gives the user the customer record of its e-mail address, if it has none and one waits for its owner.
pub async fn customer_link_in_tx(transaction: &Transaction, user: &users::Model) -> Result<()> {
    let own = customers::Entity::find().filter(customers::Column::UserId.eq(user.id));
    if own.one(transaction).await?.is_some() {
        return Ok(());
    }
    customers::Entity::update_many()
        .col_expr(customers::Column::UserId, Expr::val(user.id))
        .filter(customers::Column::NormalizedEmail.eq(&user.normalized_email))
        .filter(customers::Column::UserId.is_null())
        .exec(transaction)
        .await?;
    Ok(())
}

/// The customer, locked, for a change by itself or an admin: `field` is the input that names it. NOT_FOUND where the viewer may not know of
/// it, FORBIDDEN where it may not change it.
pub async fn customer_own_in_tx(
    transaction: &Transaction,
    viewer: &Viewer,
    id: CustomerId,
    field: &str,
) -> Result<customers::Model> {
    user_hold_in_tx(transaction, viewer.signed_in()?.id).await?;
    let present = customers::Model::find_visible_for_update(transaction, viewer, id).await;
    let present = present.map_err(|error| error.with_field(field))?;
    if !is_own(viewer, id) {
        return Err(Error::forbidden("Only the customer and admins may do this."));
    }
    Ok(present)
}

/// Changes the fields of the profile that the input names.
pub async fn customer_update(app: &App, viewer: &Viewer, wanted: UpdateCustomerInput) -> Result<customers::Model> {
    let id = CustomerId::parse(&wanted.id, "id")?;
    viewer.signed_in()?;
    let transaction = database::begin(&app.db).await?;
    let present = customer_own_in_tx(&transaction, viewer, id, "id").await?;
    let written = present.addresses.clone();
    let mut row = present.into_active_model();
    if let Some(name) = input::required("name", wanted.name)? {
        let name = input::text("name", &name, 100)?;
        row.search_text = Set(fold(&name));
        row.name = Set(name);
    }
    if let Some(review_name) = input::clearable(wanted.review_name) {
        row.review_name = Set(public_name("reviewName", review_name.as_deref())?);
    }
    if let Some(phone) = input::clearable(wanted.phone) {
        row.phone = Set(input::optional_text("phone", phone.as_deref(), 20)?);
    }
    if let Some(addresses) = input::clearable(wanted.addresses) {
        row.addresses = Set(addresses.map(|wanted| replaced(id, written.as_ref(), &wanted)).transpose()?);
    }
    customer_write(transaction, viewer, id, row).await
}

/// A name that is shown to everybody: runs of white space become one space, and characters that would change how the text around it is
/// shown (bidirectional controls) are refused.
fn public_name(field: &str, name: Option<&str>) -> Result<Option<String>> {
    let Some(name) = input::optional_text(field, name, 100)? else { return Ok(None) };
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let turns_text_around = |letter: char| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if name.chars().any(|letter| letter.is_control() || turns_text_around(letter)) {
        return Err(Error::bad_input(
            field,
            "This must not contain control characters, nor those that turn text around.",
        ));
    }
    Ok(Some(name))
}

/// Writes the changed customer and commits. A change by an admin goes into the audit record.
pub(super) async fn customer_write(
    transaction: Transaction,
    viewer: &Viewer,
    id: CustomerId,
    mut row: customers::ActiveModel,
) -> Result<customers::Model> {
    row.updated_at = Set(clock::now().into());
    let customer = row.update(&transaction).await?;
    if !viewer.is_customer(id) {
        record_in_tx(&transaction, Entry::of(viewer, Action::CustomerUpdated).on(id)).await?;
    }
    transaction.commit().await?;
    Ok(customer)
}

/// Erases the personal data of the user's customer record, orders and reviews; the rows stay, with this e-mail address. CONFLICT while one
/// of the orders is under way. The caller has locked the user's row, so that no order is placed meanwhile.
pub async fn customer_forget_in_tx(transaction: &Transaction, user: UserId, email: &str) -> Result<()> {
    const NAME: &str = "Deleted customer";
    let forgotten = customers::Entity::update_many()
        .col_expr(customers::Column::Name, Expr::val(NAME))
        .col_expr(customers::Column::Email, Expr::val(email))
        .col_expr(customers::Column::NormalizedEmail, Expr::val(email))
        .col_expr(customers::Column::ReviewName, Expr::val(None::<String>))
        .col_expr(customers::Column::Phone, Expr::val(None::<String>))
        .col_expr(customers::Column::Addresses, Expr::val(None::<Json>))
        .col_expr(customers::Column::SearchText, Expr::val(""))
        .col_expr(customers::Column::UpdatedAt, Expr::val(clock::now()))
        .filter(customers::Column::UserId.eq(user.0))
        .exec_with_returning(transaction)
        .await?;
    let Some(customer) = forgotten.into_iter().next() else { return Ok(()) };
    let customer = CustomerId(customer.id);
    orders_forget_in_tx(transaction, user, customer, NAME).await?;
    favourites_forget_in_tx(transaction, customer).await?;
    comments_forget_in_tx(transaction, customer).await
}
