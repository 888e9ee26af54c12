//! The business rules of dishes.

use entity::{dishes, menus, order_items, restaurants};
use migration::search_text::fold_lines;
use rust_decimal::Decimal;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, ModelTrait, PaginatorTrait,
    QueryFilter,
};
use url::Url;

use super::types::{CreateDishInput, DeleteDishInput, UpdateDishInput};
use crate::{
    app::App,
    database::{self, Transaction},
    domain::{
        error::{Error, Result},
        ids::{DishId, GlobalId, MenuId},
        money,
        viewer::Viewer,
    },
    features::{
        audit::service::{Action, Entry, record_in_tx},
        dish::finder::DishRow,
        menu::service::menu_managed_in_tx,
    },
    graphql::{input, row::Row},
};

/// Puts a dish on a menu.
pub async fn dish_create(app: &App, viewer: &Viewer, wanted: CreateDishInput) -> Result<DishRow> {
    let menu = MenuId::parse(&wanted.menu_id, "menuId")?;
    let transaction = database::begin(&app.db).await?;
    let menu = menu_managed_in_tx(&transaction, viewer, menu, "menuId").await?;
    let restaurant = restaurant_of(&transaction, &menu).await?;
    let mut row = dishes::ActiveModel {
        menu_id: Set(menu.id),
        name: Set(input::text("name", &wanted.name, 100)?),
        description: Set(input::optional_text("description", wanted.description.as_deref(), 5000)?),
        price: Set(price(wanted.price.0, &restaurant.currency)?),
        category: Set(input::text("category", &wanted.category, 50)?),
        image_url: Set(image_url(wanted.image_url.as_deref())?),
        is_available: Set(wanted.is_available.unwrap_or(true)),
        ..Default::default()
    };
    row.search_text = Set(search_text(&row));
    let dish = row.insert(&transaction).await?;
    record_in_tx(&transaction, Entry::of(viewer, Action::DishCreated).on(DishId(dish.id))).await?;
    transaction.commit().await?;
    Ok(with_restaurant(dish, restaurant))
}

/// Changes the fields of a dish that the input names.
pub async fn dish_update(app: &App, viewer: &Viewer, wanted: UpdateDishInput) -> Result<DishRow> {
    let id = DishId::parse(&wanted.id, "id")?;
    let transaction = database::begin(&app.db).await?;
    let present = dish_managed_in_tx(&transaction, viewer, id).await?;
    let currency = present.currency.clone();
    let mut row = present.dish.clone().into_active_model();
    if let Some(name) = input::required("name", wanted.name)? {
        row.name = Set(input::text("name", &name, 100)?);
    }
    if let Some(description) = input::clearable(wanted.description) {
        row.description = Set(input::optional_text("description", description.as_deref(), 5000)?);
    }
    if let Some(wanted) = input::required("price", wanted.price)? {
        row.price = Set(price(wanted.0, &currency)?);
    }
    if let Some(category) = input::required("category", wanted.category)? {
        row.category = Set(input::text("category", &category, 50)?);
    }
    if let Some(url) = input::clearable(wanted.image_url) {
        row.image_url = Set(image_url(url.as_deref())?);
    }
    if let Some(is_available) = input::required("isAvailable", wanted.is_available)? {
        row.is_available = Set(is_available);
    }
    row.search_text = Set(search_text(&row));
    let dish = row.update(&transaction).await?;
    record_in_tx(&transaction, Entry::of(viewer, Action::DishUpdated).on(id)).await?;
    transaction.commit().await?;
    Ok(DishRow { dish, ..present })
}

/// Removes a dish that was never ordered, and gives the menu it was on. Where an order is placed at the same moment, the foreign key of the
/// order's items decides.
pub async fn dish_delete(app: &App, viewer: &Viewer, wanted: &DeleteDishInput) -> Result<menus::Model> {
    let id = DishId::parse(&wanted.id, "id")?;
    let transaction = database::begin(&app.db).await?;
    let present = dish_managed_in_tx(&transaction, viewer, id).await?;
    let ordered = order_items::Entity::find().filter(order_items::Column::DishId.eq(id.0)).count(&transaction).await?;
    if ordered > 0 {
        let message =
            format!("{} has been ordered, so it cannot be deleted. Make it unavailable instead.", present.dish.name);
        return Err(Error::conflict(message).with_field("id"));
    }
    let menu = menus::Entity::find_by_id(present.dish.menu_id).one(&transaction).await?;
    let menu = menu.ok_or_else(|| Error::internal(anyhow::anyhow!("the dish {id:?} has no menu")))?;
    present.dish.delete(&transaction).await?;
    record_in_tx(&transaction, Entry::of(viewer, Action::DishDeleted).on(id)).await?;
    transaction.commit().await?;
    Ok(menu)
}

async fn dish_managed_in_tx(transaction: &Transaction, viewer: &Viewer, id: DishId) -> Result<DishRow> {
    viewer.signed_in()?;
    let dish =
        DishRow::find_visible_for_update(transaction, viewer, id).await.map_err(|error| error.with_field("id"))?;
    if !viewer.manages(dish.restaurant()) {
        return Err(Error::forbidden("Only the restaurant's staff and admins may do this."));
    }
    Ok(dish)
}

async fn restaurant_of(transaction: &Transaction, menu: &menus::Model) -> Result<restaurants::Model> {
    let restaurant = restaurants::Entity::find_by_id(menu.restaurant_id).one(transaction).await?;
    restaurant.ok_or_else(|| Error::internal(anyhow::anyhow!("menu {} has no restaurant", menu.id)))
}

fn with_restaurant(dish: dishes::Model, restaurant: restaurants::Model) -> DishRow {
    DishRow {
        dish,
        restaurant_id: restaurant.id,
        currency: restaurant.currency,
        restaurant_is_active: restaurant.is_active,
    }
}

fn price(price: Decimal, currency: &str) -> Result<Decimal> {
    input::amount("price", price, 8, money::digits(currency))
}

fn image_url(url: Option<&str>) -> Result<Option<String>> {
    let Some(url) = input::optional_text("imageUrl", url, 255)? else { return Ok(None) };
    match Url::parse(&url) {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => Ok(Some(url)),
        Ok(_) | Err(_) => Err(Error::bad_input("imageUrl", "This is not an http or https URL.")),
    }
}

/// Folded name, category and description. The name comes first: lists are sorted by it.
pub fn search_text(row: &dishes::ActiveModel) -> String {
    let description = row.description.as_ref().as_deref().unwrap_or_default();
    fold_lines([row.name.as_ref().as_str(), row.category.as_ref(), description])
}
