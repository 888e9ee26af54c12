//! The GraphQL types of favourites.

use std::sync::Arc;

use async_graphql::{ID, InputObject, SimpleObject};
use entity::favourites;
use sea_orm::prelude::DateTimeWithTimeZone;

use crate::{
    domain::ids::{DishId, RestaurantId},
    features::{customer::Customer, dish::Dish, restaurant::Restaurant},
    graphql::{
        date_time::DateTime,
        plan::{object, union_by_id},
    },
};

union_by_id! {
    /// What a customer can keep for later.
    pub union Favourite by FavouriteId of favourites::Model, planned as FavouritePlan {
        Restaurant by RestaurantId in restaurant_id,
        Dish by DishId in dish_id,
    }
}

/// How lists of favourites are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FavouriteOrder {
    NewestFirst,
}

#[derive(Clone, Debug)]
pub struct KeptFavourite(pub Arc<favourites::Model>);

/// That somebody keeps a restaurant or a dish for later.
#[object(row = favourites::Model)]
impl KeptFavourite {
    /// The id of what is kept, also where it is not on sale any more: `node` tells what it is, to whom it may be told.
    fn favourite_id(restaurant_id: &Option<i32>, dish_id: &Option<i32>) -> ID {
        FavouriteId::of(*restaurant_id, *dish_id).to_global()
    }

    /// Since when.
    fn added_at(created_at: &DateTimeWithTimeZone) -> DateTime {
        (*created_at).into()
    }
}

/// What `addFavourite` is given.
#[derive(Clone, Debug, InputObject)]
pub struct AddFavouriteInput {
    /// A restaurant or a dish.
    pub id: ID,
}

/// What `removeFavourite` is given.
#[derive(Clone, Debug, InputObject)]
pub struct RemoveFavouriteInput {
    /// A restaurant or a dish.
    pub id: ID,
}

/// What `addFavourite` gives back.
#[derive(SimpleObject)]
pub struct AddFavouritePayload {
    /// As it is now: its `isFavourite` is true.
    pub favourite: FavouriteId,
    /// With it as the first of its `favourites`, unless it was there before.
    pub customer: Customer,
}

/// What `removeFavourite` gives back.
#[derive(SimpleObject)]
pub struct RemoveFavouritePayload {
    /// The id that was given: drop it from lists of favourites, and its `isFavourite` is false.
    pub removed_favourite_id: ID,
    /// Without it among its `favourites`; null where the viewer has no record as a customer.
    pub customer: Option<Customer>,
}
