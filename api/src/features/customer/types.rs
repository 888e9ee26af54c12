//! What clients see of customers.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use entity::customers;

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
        connection::Connection,
        context::OperationContext,
        date_time::DateTime,
        error::{Error, Result},
        ids::{CustomerId, GlobalId},
        limits, list,
        page::PageArguments,
        row::Row,
    },
};

#[derive(Clone, Debug)]
pub struct Customer(pub Arc<customers::Model>);

/// Somebody who orders.
#[Object]
impl Customer {
    pub async fn id(&self) -> ID {
        self.0.id().to_global()
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Null with FORBIDDEN for anybody but the customer and admins.
    async fn email(&self, ctx: &Context<'_>) -> Option<Result<&str>> {
        Some(self.own(ctx, "e-mail address").map(|()| self.0.email.as_str()))
    }

    /// Null when none was given. Null with FORBIDDEN for anybody but the customer, admins, and the restaurant and driver of its
    /// order under way.
    async fn phone(&self, ctx: &Context<'_>) -> Option<Result<&str>> {
        match self.concerns(ctx).await {
            Ok(()) => self.0.phone.as_deref().map(Ok),
            Err(error) => Some(Err(error)),
        }
    }

    /// Where the customer has things delivered to, at most 20; null when none was given. Null with FORBIDDEN for anybody but the
    /// customer and admins.
    #[graphql(complexity = "limits::entries(MAXIMUM_ADDRESSES, child_complexity)")]
    async fn addresses(&self, ctx: &Context<'_>) -> Option<Result<Vec<Address>>> {
        match self.own(ctx, "addresses") {
            Ok(()) => Some(Ok(service::addresses(&self.0)?)),
            Err(error) => Some(Err(error)),
        }
    }

    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Its orders that the viewer may see, newest first. A page has 20 entries unless asked otherwise, and at most 100.
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<OrderFilter>,
    ) -> Result<Connection<Order>> {
        let page = PageArguments::new(first, after, last, before).in_order(OrderOrder::NewestFirst)?;
        list::page_of_parent(ctx, self.0.id(), OrdersOfCustomer(filter.unwrap_or_default().decode()?), page, Order)
            .await
    }

    /// Its reviews, newest first: all for the customer and admins, those of their own restaurants for merchants. To others a
    /// reviewer is but a first name.
    #[graphql(complexity = "limits::list(first, last, child_complexity)")]
    async fn reviews(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Review>> {
        let page = PageArguments::new(first, after, last, before).in_order(ReviewOrder::NewestFirst)?;
        list::page_of_parent(ctx, self.0.id(), ReviewsOfCustomer, page, Review).await
    }
}

impl Customer {
    fn own(&self, ctx: &Context<'_>, what: &str) -> Result<()> {
        if service::is_own(ctx.viewer(), self.0.id()) {
            return Ok(());
        }
        Err(Error::forbidden(format!("Only the customer and admins see the {what}.")))
    }

    /// FORBIDDEN unless the viewer is concerned by an order of the customer's that is under way.
    async fn concerns(&self, ctx: &Context<'_>) -> Result<()> {
        let id: CustomerId = self.0.id();
        if service::is_own(ctx.viewer(), id) {
            return Ok(());
        }
        if ctx.loaders().load(ServedByViewer(id)).await?.is_some() {
            return Ok(());
        }
        Err(Error::forbidden(
            "Only those who serve an order of the customer's now, the customer itself and admins see its phone.",
        ))
    }
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
