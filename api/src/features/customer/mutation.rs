use async_graphql::{Context, Object};

use super::{
    Customer, service,
    types::{UpdateCustomerInput, UpdateCustomerPayload},
};
use crate::graphql::{context::OperationContext, error::Result};

#[derive(Default)]
pub struct CustomerMutation;

#[Object]
impl CustomerMutation {
    /// Changes a customer's profile; what is left out stays as it is. Orders that were already placed keep the name. For the
    /// customer and admins.
    async fn update_customer(&self, ctx: &Context<'_>, input: UpdateCustomerInput) -> Result<UpdateCustomerPayload> {
        Ok(UpdateCustomerPayload {
            customer: Customer(service::customer_update(ctx.app(), ctx.viewer(), input).await?.into()),
        })
    }
}
