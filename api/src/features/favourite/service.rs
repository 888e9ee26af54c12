//! The business rules of favourites.

use entity::{customers, favourites, restaurants};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, SqlErr,
    sea_query::OnConflict,
};

use super::types::{AddFavouriteInput, FavouriteId, RemoveFavouriteInput};
use crate::{
    app::App,
    database::{self, Transaction},
    domain::{
        clock,
        error::{Error, Result},
        ids::CustomerId,
        viewer::Viewer,
    },
    features::{
        account::service::user_hold_in_tx,
        customer::service::{customer_ensure_in_tx, customer_is_known, customer_of},
        dish::finder::DishRow,
        favourite::finder::these,
    },
    graphql::row::Row,
};

/// How many favourites a customer can keep: more than anybody looks through.
pub const MAXIMUM_FAVOURITES: u64 = 1000;

/// Adds a restaurant or a dish to the viewer's favourites. Idempotent: one that is there already stays as it is.
pub async fn favourite_add(
    app: &App,
    viewer: &Viewer,
    wanted: AddFavouriteInput,
) -> Result<(FavouriteId, customers::Model)> {
    viewer.signed_in()?;
    let favourite = FavouriteId::parse(&wanted.id, "id")?;
    let transaction = database::begin(&app.db).await?;
    let customer = customer_ensure_in_tx(app, &transaction, viewer).await?;
    visible_in_tx(&transaction, viewer, favourite).await.map_err(|error| error.with_field("id"))?;
    let is_new = favourite_insert_in_tx(&transaction, CustomerId(customer.id), favourite).await?;
    let kept = favourites::Entity::find().filter(favourites::Column::CustomerId.eq(customer.id));
    if is_new && kept.count(&transaction).await? > MAXIMUM_FAVOURITES {
        let message = format!("There are {MAXIMUM_FAVOURITES} favourites already: remove one first.");
        return Err(Error::conflict(message).with_field("id"));
    }
    transaction.commit().await?;
    customer_is_known(viewer, &customer);
    Ok((favourite, customer))
}

/// Removes a restaurant or a dish from the viewer's favourites. Idempotent: one that is not among them, or was deleted, is no error.
pub async fn favourite_remove(
    app: &App,
    viewer: &Viewer,
    wanted: &RemoveFavouriteInput,
) -> Result<Option<customers::Model>> {
    let user = viewer.signed_in()?.id;
    let favourite = FavouriteId::parse(&wanted.id, "id")?;
    let transaction = database::begin(&app.db).await?;
    user_hold_in_tx(&transaction, user).await?;
    let customer = customer_of(&transaction, viewer).await?;
    if let Some(customer) = &customer {
        favourites::Entity::delete_many()
            .filter(favourites::Column::CustomerId.eq(customer.id))
            .filter(these(transaction.get_database_backend(), [favourite].into_iter()))
            .exec(&transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(customer)
}

async fn visible_in_tx(transaction: &Transaction, viewer: &Viewer, favourite: FavouriteId) -> Result<()> {
    match favourite {
        FavouriteId::Restaurant(id) => restaurants::Model::find_visible(transaction, viewer, id).await.map(drop),
        FavouriteId::Dish(id) => DishRow::find_visible(transaction, viewer, id).await.map(drop),
    }
}

/// Inserts once: two requests at the same moment make one row. Gives whether this one made it.
async fn favourite_insert_in_tx(
    transaction: &Transaction,
    customer: CustomerId,
    favourite: FavouriteId,
) -> Result<bool> {
    let (restaurant, dish) = match favourite {
        FavouriteId::Restaurant(id) => (Some(id.0), None),
        FavouriteId::Dish(id) => (None, Some(id.0)),
    };
    let row = favourites::ActiveModel {
        customer_id: Set(customer.0),
        restaurant_id: Set(restaurant),
        dish_id: Set(dish),
        created_at: Set(clock::now().into()),
        ..Default::default()
    };
    let inserted = favourites::Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await;
    match inserted {
        // The restaurant or dish was deleted a moment ago.
        Err(failure) if matches!(failure.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_))) => {
            Err(Error::not_found("dish").with_field("id"))
        }
        inserted => Ok(inserted? == 1),
    }
}

/// Removes what a customer kept.
pub async fn favourites_forget_in_tx(transaction: &Transaction, customer: CustomerId) -> Result<()> {
    favourites::Entity::delete_many().filter(favourites::Column::CustomerId.eq(customer.0)).exec(transaction).await?;
    Ok(())
}
