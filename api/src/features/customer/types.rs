//! The GraphQL types of customers.

use std::sync::Arc;

use async_graphql::{ID, InputObject, MaybeUndefined, SimpleObject};
use entity::customers;
use sea_orm::prelude::{DateTimeWithTimeZone, Json};

use super::service::{self, MAXIMUM_ADDRESSES};
use crate::{
    domain::{
        error::Result,
        ids::{CustomerId, GlobalId},
        viewer::Viewer,
    },
    features::{
        address::{Address, AddressInput},
        favourite::{
            finder::FavouritesOfCustomer,
            types::{FavouriteId, FavouriteOrder},
        },
        order::{
            Order,
            finder::{OrdersOfCustomer, ServedByViewer},
            types::{OrderFilter, OrderOrder},
        },
        review::{Review, finder::ReviewsOfCustomer, types::ReviewOrder},
    },
    graphql::{
        date_time::DateTime,
        limits,
        list::{self, PageOfParent},
        page::PageArguments,
        plan::{Deferred, Load, object},
    },
};

#[derive(Clone, Debug)]
pub struct Customer(pub Arc<customers::Model>);

/// Somebody who orders.
#[object(row = customers::Model)]
impl Customer {
    /// Opaque, and unique over all types.
    fn id(id: &i32) -> ID {
        CustomerId(*id).to_global()
    }

    /// What it is called on its orders.
    fn name(name: &str) -> &str {
        name
    }

    /// What its reviews are signed with: what it chose (`updateCustomer`), or else one given name of its `name`, or else initials. Null for
    /// anybody but the customer and admins: others are not told which reviews are whose.
    fn review_name(viewer: &Viewer, id: &i32, review_name: &Option<String>, name: &str, email: &str) -> Option<String> {
        let is_own = service::is_own(viewer, CustomerId(*id));
        is_own.then(|| service::review_name(review_name.as_deref(), name, email))
    }

    /// Null for anybody but the customer and admins.
    fn email(viewer: &Viewer, id: &i32, email: &str) -> Option<String> {
        service::is_own(viewer, CustomerId(*id)).then(|| email.to_owned())
    }

    /// Null when none was given, and for anybody but the customer, admins, and the restaurant and driver of its order under way.
    fn phone(
        viewer: &Viewer,
        id: &i32,
        phone: &Option<String>,
    ) -> Deferred<Option<String>, Load<ServedByViewer, Option<Result<String>>>> {
        let (customer, phone) = (CustomerId(*id), phone.clone());
        if service::is_own(viewer, customer) {
            return Deferred::Ready(phone);
        }
        Deferred::Load(Load::new(ServedByViewer(customer), move |served| {
            served.map(|served| phone.clone().filter(|_| served.is_some())).transpose()
        }))
    }

    /// Where the customer has things delivered to, at most 20, each with an id; null when none was given, and for anybody but the customer and admins.
    #[graphql(complexity = "limits::entries(MAXIMUM_ADDRESSES, child_complexity)")]
    fn addresses(viewer: &Viewer, id: &i32, addresses: &Option<Json>) -> Option<Vec<Address>> {
        let own = addresses.as_ref().filter(|_| service::is_own(viewer, CustomerId(*id)));
        service::addresses(CustomerId(*id), own)
    }

    /// When it ordered for the first time, or signed up.
    fn created_at(created_at: &DateTimeWithTimeZone) -> DateTime {
        (*created_at).into()
    }

    /// Its orders that the viewer may see, newest first. A page has 20 entries unless asked otherwise, and at most 100.
    fn orders(
        id: &i32,
        #[page] page: PageArguments,
        #[arg] filter: Option<OrderFilter>,
    ) -> Result<PageOfParent<OrdersOfCustomer, Order>> {
        let page = page.in_order(OrderOrder::NewestFirst)?;
        Ok(list::page_of_parent(CustomerId(*id), OrdersOfCustomer(filter.unwrap_or_default().decode()?), page))
    }

    /// Its reviews, newest first: all for the customer and admins, those of their own restaurants for merchants. To others a
    /// reviewer is but the name that a review is signed with.
    fn reviews(id: &i32, #[page] page: PageArguments) -> Result<PageOfParent<ReviewsOfCustomer, Review>> {
        let page = page.in_order(ReviewOrder::NewestFirst)?;
        Ok(list::page_of_parent(CustomerId(*id), ReviewsOfCustomer, page))
    }

    /// The restaurants and dishes that it keeps for later, newest first; those that are not on sale any more are left out. A page has 20
    /// entries unless asked otherwise, and at most 100. Null for anybody but the customer and admins.
    fn favourites(
        viewer: &Viewer,
        id: &i32,
        #[page] page: PageArguments,
    ) -> Option<Result<PageOfParent<FavouritesOfCustomer, FavouriteId>>> {
        let id = CustomerId(*id);
        service::is_own(viewer, id).then(|| {
            let page = page.in_order(FavouriteOrder::NewestFirst)?;
            Ok(list::page_of_parent(id, FavouritesOfCustomer::Visible, page))
        })
    }
}

/// What `updateCustomer` is given.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateCustomerInput {
    /// Oneself; admins name anybody.
    pub id: ID,
    /// At most 100 characters. Required, so null is refused.
    pub name: MaybeUndefined<String>,
    /// What reviews are signed with from now on, those that are there as well: at most 100 characters, shown to everybody, with runs of white
    /// space as one space. Null or blank for one given name of the name, or else initials.
    pub review_name: MaybeUndefined<String>,
    /// At most 20 characters. Null clears it.
    pub phone: MaybeUndefined<String>,
    /// At most 20; they replace those that were there, of which one that says the same keeps its id. Null clears them.
    pub addresses: MaybeUndefined<Vec<AddressInput>>,
}

/// What `updateCustomer` gives back.
#[derive(SimpleObject)]
pub struct UpdateCustomerPayload {
    /// As it is now.
    pub customer: Customer,
}

/// What `addCustomerAddress` is given.
#[derive(Clone, Debug, InputObject)]
pub struct AddCustomerAddressInput {
    /// Oneself; admins name anybody.
    pub customer_id: ID,
    /// The new address.
    pub address: AddressInput,
}

/// What `updateCustomerAddress` is given.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateCustomerAddressInput {
    /// The `id` of one of one's own addresses; admins name anybody's.
    pub id: ID,
    /// What it says from now on, as a whole: what is left out here is cleared.
    pub address: AddressInput,
}

/// What `removeCustomerAddress` is given.
#[derive(Clone, Debug, InputObject)]
pub struct RemoveCustomerAddressInput {
    /// The `id` of one of one's own addresses; admins name anybody's.
    pub id: ID,
}

/// What `addCustomerAddress` gives back.
#[derive(SimpleObject)]
pub struct AddCustomerAddressPayload {
    /// The new address, with its id.
    pub address: Address,
    /// With the new address as the last of its `addresses`.
    pub customer: Customer,
}

/// What `updateCustomerAddress` gives back.
#[derive(SimpleObject)]
pub struct UpdateCustomerAddressPayload {
    /// As it is now, with the same id.
    pub address: Address,
    /// With all its `addresses`.
    pub customer: Customer,
}

/// What `removeCustomerAddress` gives back.
#[derive(SimpleObject)]
pub struct RemoveCustomerAddressPayload {
    /// The id that the address had: drop it from caches.
    pub removed_address_id: ID,
    /// With the `addresses` that are left.
    pub customer: Customer,
}
