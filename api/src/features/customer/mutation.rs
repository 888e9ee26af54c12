use async_graphql::Context;
use declare::mutations;

use super::{
    Customer, addresses, service,
    types::{
        AddCustomerAddressInput, AddCustomerAddressPayload, RemoveCustomerAddressInput, RemoveCustomerAddressPayload,
        UpdateCustomerAddressInput, UpdateCustomerAddressPayload, UpdateCustomerInput, UpdateCustomerPayload,
    },
};
use crate::{domain::error::Result, graphql::context::OperationContext};

#[derive(Default)]
pub struct CustomerMutation;

#[mutations]
impl CustomerMutation {
    /// Changes a customer's profile; what is left out stays as it is. Orders that were already placed keep the name. For the
    /// customer and admins.
    async fn update_customer(&self, ctx: &Context<'_>, input: UpdateCustomerInput) -> Result<UpdateCustomerPayload> {
        Ok(UpdateCustomerPayload {
            customer: Customer(service::customer_update(ctx.app(), ctx.viewer(), input).await?.into()),
        })
    }

    /// Adds an address to those of a customer. CONFLICT where there are 20 already. Null where it fails. For the customer and admins.
    async fn add_customer_address(
        &self,
        ctx: &Context<'_>,
        input: AddCustomerAddressInput,
    ) -> Option<Result<AddCustomerAddressPayload>> {
        let added = addresses::address_add(ctx.app(), ctx.viewer(), input).await;
        Some(
            added.map(|(address, customer)| AddCustomerAddressPayload { address, customer: Customer(customer.into()) }),
        )
    }

    /// Changes what one of a customer's addresses says. Orders that were already placed keep what it said. Null where it fails. For the
    /// customer and admins; NOT_FOUND for anybody else.
    async fn update_customer_address(
        &self,
        ctx: &Context<'_>,
        input: UpdateCustomerAddressInput,
    ) -> Option<Result<UpdateCustomerAddressPayload>> {
        let updated = addresses::address_update(ctx.app(), ctx.viewer(), input).await;
        Some(
            updated.map(|(address, customer)| UpdateCustomerAddressPayload {
                address,
                customer: Customer(customer.into()),
            }),
        )
    }

    /// Removes one of a customer's addresses. Orders that were already placed keep what it said. Null where it fails. For the customer
    /// and admins; NOT_FOUND for anybody else.
    async fn remove_customer_address(
        &self,
        ctx: &Context<'_>,
        input: RemoveCustomerAddressInput,
    ) -> Option<Result<RemoveCustomerAddressPayload>> {
        let removed = addresses::address_remove(ctx.app(), ctx.viewer(), input).await;
        Some(removed.map(|(id, customer)| RemoveCustomerAddressPayload {
            removed_address_id: id,
            customer: Customer(customer.into()),
        }))
    }
}
