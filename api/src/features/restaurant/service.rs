//! The business rules of restaurants.

use entity::{menus, restaurant_members, restaurants, sea_orm_active_enums::UserRole};
use migration::search_text::fold_lines;
use rust_decimal::Decimal;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel};

use super::types::{CreateRestaurantInput, UpdateRestaurantInput};
use crate::{
    app::App,
    database::{self, Transaction},
    domain::{
        clock,
        error::{Error, Result},
        ids::{GlobalId, RestaurantId},
        money,
        viewer::Viewer,
    },
    features::{
        account::service::user_hold_in_tx,
        address::LatLngInput,
        audit::service::{Action, Entry, record_in_tx},
    },
    graphql::{input, row::Row},
};

/// Opens a restaurant, with its menu and its first member of staff, or nothing at all.
pub async fn restaurant_create(
    app: &App,
    viewer: &Viewer,
    wanted: CreateRestaurantInput,
) -> Result<restaurants::Model> {
    let user = viewer.signed_in()?;
    match user.role() {
        UserRole::Admin | UserRole::Merchant => {}
        UserRole::Customer | UserRole::Driver => {
            return Err(Error::forbidden("Only merchants and admins open restaurants."));
        }
    }
    let name = input::text("name", &wanted.name, 100)?;
    let address = input::text("address", &wanted.address, 255)?;
    let currency = wanted.currency.unwrap_or_else(|| "USD".to_owned());
    if !money::is_supported(&currency) {
        return Err(Error::bad_input(
            "currency",
            "This is not the ISO 4217 code of a currency in use with at most 2 digits, such as USD.",
        ));
    }
    let (lat, lng) = wanted.location.map(|place| place.decode("location")).transpose()?.unzip();
    let row = restaurants::ActiveModel {
        search_text: Set(search_text(&name, &address)),
        name: Set(name),
        address: Set(address),
        phone: Set(input::text("phone", &wanted.phone, 20)?),
        cuisine_type: Set(input::text("cuisineType", &wanted.cuisine_type, 50)?),
        delivery_fee: Set(match wanted.delivery_fee {
            Some(fee) => delivery_fee(fee.0, &currency)?,
            None => money::default_delivery_fee(&currency),
        }),
        currency: Set(currency),
        tax_rate: Set(wanted.tax_rate.map_or(Ok(Decimal::ZERO), |rate| tax_rate(rate.0))?),
        lat: Set(lat),
        lng: Set(lng),
        created_at: Set(clock::now().into()),
        ..Default::default()
    };
    let menu_name =
        input::optional_text("menuName", wanted.menu_name.as_deref(), 100)?.unwrap_or_else(|| "Menu".to_owned());
    let menu_description = input::optional_text("menuDescription", wanted.menu_description.as_deref(), 5000)?;

    let transaction = database::begin(&app.db).await?;
    // Held, for the user may be losing the role, or the account, at this moment.
    if user_hold_in_tx(&transaction, user.id).await?.role != user.role() {
        return Err(Error::conflict("Your role was changed at the same moment. Try again."));
    }
    let restaurant = row.insert(&transaction).await?;
    menus::ActiveModel {
        restaurant_id: Set(restaurant.id),
        name: Set(menu_name),
        description: Set(menu_description),
        ..Default::default()
    }
    .insert(&transaction)
    .await?;
    if user.role() == UserRole::Merchant {
        restaurant_members::ActiveModel {
            restaurant_id: Set(restaurant.id),
            user_id: Set(user.id.0),
            created_at: Set(clock::now().into()),
        }
        .insert(&transaction)
        .await?;
    }
    let entry = Entry::of(viewer, Action::RestaurantCreated).on(restaurant.id());
    record_in_tx(&transaction, entry).await?;
    transaction.commit().await?;
    if user.role() == UserRole::Merchant {
        user.is_staff_now(restaurant.id());
    }
    Ok(restaurant)
}

/// Changes the fields of a restaurant that the input names.
pub async fn restaurant_update(
    app: &App,
    viewer: &Viewer,
    wanted: UpdateRestaurantInput,
) -> Result<restaurants::Model> {
    let id = RestaurantId::parse(&wanted.id, "id")?;
    let transaction = database::begin(&app.db).await?;
    let present = restaurant_managed_in_tx(&transaction, viewer, id, "id").await?;
    let currency = present.currency.clone();
    let mut row = present.into_active_model();
    if let Some(name) = input::required("name", wanted.name)? {
        row.name = Set(input::text("name", &name, 100)?);
    }
    if let Some(address) = input::required("address", wanted.address)? {
        row.address = Set(input::text("address", &address, 255)?);
    }
    row.search_text = Set(search_text(row.name.as_ref(), row.address.as_ref()));
    if let Some(phone) = input::required("phone", wanted.phone)? {
        row.phone = Set(input::text("phone", &phone, 20)?);
    }
    if let Some(cuisine_type) = input::required("cuisineType", wanted.cuisine_type)? {
        row.cuisine_type = Set(input::text("cuisineType", &cuisine_type, 50)?);
    }
    if let Some(fee) = input::required("deliveryFee", wanted.delivery_fee)? {
        row.delivery_fee = Set(delivery_fee(fee.0, &currency)?);
    }
    if let Some(rate) = input::required("taxRate", wanted.tax_rate)? {
        row.tax_rate = Set(tax_rate(rate.0)?);
    }
    if let Some(place) = input::clearable(wanted.location) {
        let (lat, lng) = place.map(|place: LatLngInput| place.decode("location")).transpose()?.unzip();
        row.lat = Set(lat);
        row.lng = Set(lng);
    }
    if let Some(is_active) = input::required("isActive", wanted.is_active)? {
        row.is_active = Set(is_active);
    }
    let restaurant = row.update(&transaction).await?;
    record_in_tx(&transaction, Entry::of(viewer, Action::RestaurantUpdated).on(id)).await?;
    transaction.commit().await?;
    Ok(restaurant)
}

/// Takes a restaurant off sale. Idempotent.
pub async fn restaurant_deactivate(app: &App, viewer: &Viewer, id: RestaurantId) -> Result<restaurants::Model> {
    let transaction = database::begin(&app.db).await?;
    let mut row = restaurant_managed_in_tx(&transaction, viewer, id, "id").await?.into_active_model();
    row.is_active = Set(false);
    let restaurant = row.update(&transaction).await?;
    record_in_tx(&transaction, Entry::of(viewer, Action::RestaurantDeactivated).on(id)).await?;
    transaction.commit().await?;
    Ok(restaurant)
}

/// The restaurant, locked for a change by the viewer: NOT_FOUND where it is hidden, FORBIDDEN where the viewer does not run it.
pub async fn restaurant_managed_in_tx(
    transaction: &Transaction,
    viewer: &Viewer,
    id: RestaurantId,
    field: &str,
) -> Result<restaurants::Model> {
    viewer.signed_in()?;
    let restaurant = restaurants::Model::find_visible_for_update(transaction, viewer, id)
        .await
        .map_err(|error| error.with_field(field))?;
    if !viewer.manages(id) {
        return Err(Error::forbidden("Only the restaurant's staff and admins may do this."));
    }
    Ok(restaurant)
}

/// The folded text that a search finds the restaurant by.
pub fn search_text(name: &str, address: &str) -> String {
    fold_lines([name, address])
}

fn delivery_fee(fee: Decimal, currency: &str) -> Result<Decimal> {
    input::amount("deliveryFee", fee, 10, money::digits(currency))
}

fn tax_rate(rate: Decimal) -> Result<Decimal> {
    if rate < Decimal::ZERO || rate > Decimal::ONE {
        return Err(Error::bad_input("taxRate", "This must be from 0 to 1: 0.08 is 8 %."));
    }
    if rate.normalize().scale() > 4 {
        return Err(Error::bad_input("taxRate", "At most 4 digits after the point are possible."));
    }
    Ok(rate)
}
