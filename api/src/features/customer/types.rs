//! What clients see of customers.

use std::sync::Arc;

use async_graphql::{ID, InputObject, MaybeUndefined, SimpleObject};
use entity::customers;
use sea_orm::prelude::{DateTimeWithTimeZone, Json};

use super::service::{self, MAXIMUM_ADDRESSES};
use crate::{
    features::{
        address::{Address, AddressInput},
        order::{
            Order,
            loader::{OrdersOfCustomer, ServedByViewer},
            types::{OrderFilter, OrderOrder},
        },
        review::{Review, loader::ReviewsOfCustomer, types::ReviewOrder},
    },
    graphql::{
        date_time::DateTime,
        error::{Error, Result},
        ids::{CustomerId, GlobalId},
        limits,
        list::{self, PageOfParent},
        page::PageArguments,
        plan::{Deferred, Load, object},
    },
    viewer::Viewer,
};

#[derive(Clone, Debug)]
pub struct Customer(pub Arc<customers::Model>);

/// Somebody who orders.
#[object(row = customers::Model)]
impl Customer {
    fn id(id: &i32) -> ID {
        CustomerId(*id).to_global()
    }

    fn name(name: &str) -> &str {
        name
    }

    /// Null with FORBIDDEN for anybody but the customer and admins.
    fn email(viewer: &Viewer, id: &i32, email: &str) -> Option<Result<String>> {
        Some(own(viewer, *id, "e-mail address").map(|()| email.to_owned()))
    }

    /// Null when none was given. Null with FORBIDDEN for anybody but the customer, admins, and the restaurant and driver of its
    /// order under way.
    fn phone(
        viewer: &Viewer,
        id: &i32,
        phone: &Option<String>,
    ) -> Deferred<Option<String>, Load<ServedByViewer, Option<Result<String>>>> {
        let (customer, phone) = (CustomerId(*id), phone.clone());
        if service::is_own(viewer, customer) {
            return Deferred::Ready(phone);
        }
        let forbidden = || {
            Error::forbidden(
                "Only those who serve an order of the customer's now, the customer itself and admins see its phone.",
            )
        };
        Deferred::Load(Load::new(ServedByViewer(customer), move |served| {
            served.and_then(|served| served.ok_or_else(forbidden)).map(|()| phone.clone()).transpose()
        }))
    }

    /// Where the customer has things delivered to, at most 20; null when none was given. Null with FORBIDDEN for anybody but the
    /// customer and admins.
    #[graphql(complexity = "limits::entries(MAXIMUM_ADDRESSES, child_complexity)")]
    fn addresses(viewer: &Viewer, id: &i32, addresses: &Option<Json>) -> Option<Result<Vec<Address>>> {
        own(viewer, *id, "addresses").map(|()| service::addresses(addresses.as_ref())).transpose()
    }

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
    /// reviewer is but a first name.
    fn reviews(id: &i32, #[page] page: PageArguments) -> Result<PageOfParent<ReviewsOfCustomer, Review>> {
        let page = page.in_order(ReviewOrder::NewestFirst)?;
        Ok(list::page_of_parent(CustomerId(*id), ReviewsOfCustomer, page))
    }
}

/// FORBIDDEN unless the customer is the viewer, or the viewer an admin.
fn own(viewer: &Viewer, customer: i32, what: &str) -> Result<()> {
    if service::is_own(viewer, CustomerId(customer)) {
        return Ok(());
    }
    Err(Error::forbidden(format!("Only the customer and admins see the {what}.")))
}

#[derive(Clone, Debug, InputObject)]
pub struct UpdateCustomerInput {
    pub id: ID,
    /// At most 100 characters. Required, so null is refused.
    pub name: MaybeUndefined<String>,
    /// At most 20 characters. Null clears it.
    pub phone: MaybeUndefined<String>,
    /// At most 20; they replace those that were there. Null clears them.
    pub addresses: MaybeUndefined<Vec<AddressInput>>,
}

#[derive(SimpleObject)]
pub struct UpdateCustomerPayload {
    pub customer: Customer,
}
