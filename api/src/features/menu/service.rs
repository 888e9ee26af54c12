//! The business rules of menus.

use entity::menus;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel};

use super::types::UpdateMenuInput;
use crate::{
    app::App,
    database::{self, Transaction},
    domain::{
        error::{Error, Result},
        ids::{GlobalId, MenuId, RestaurantId},
        viewer::Viewer,
    },
    features::audit::service::{Action, Entry, record_in_tx},
    graphql::{input, row::Row},
};

/// Changes the fields of a menu that the input names.
pub async fn menu_update(app: &App, viewer: &Viewer, wanted: UpdateMenuInput) -> Result<menus::Model> {
    let id = MenuId::parse(&wanted.id, "id")?;
    let transaction = database::begin(&app.db).await?;
    let mut row = menu_managed_in_tx(&transaction, viewer, id, "id").await?.into_active_model();
    if let Some(name) = input::required("name", wanted.name)? {
        row.name = Set(input::text("name", &name, 100)?);
    }
    if let Some(description) = input::clearable(wanted.description) {
        row.description = Set(input::optional_text("description", description.as_deref(), 5000)?);
    }
    let menu = row.update(&transaction).await?;
    record_in_tx(&transaction, Entry::of(viewer, Action::MenuUpdated).on(id)).await?;
    transaction.commit().await?;
    Ok(menu)
}

/// The menu, locked for a change by the viewer: NOT_FOUND where it is hidden, FORBIDDEN where the viewer does not run its
/// restaurant.
pub async fn menu_managed_in_tx(
    transaction: &Transaction,
    viewer: &Viewer,
    id: MenuId,
    field: &str,
) -> Result<menus::Model> {
    viewer.signed_in()?;
    let menu = menus::Model::find_visible_for_update(transaction, viewer, id)
        .await
        .map_err(|error| error.with_field(field))?;
    if !viewer.manages(RestaurantId(menu.restaurant_id)) {
        return Err(Error::forbidden("Only the restaurant's staff and admins may do this."));
    }
    Ok(menu)
}
