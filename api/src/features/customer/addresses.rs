//! A customer's addresses, each with an id of its own.
//!
//! They are a JSON list in the customer's row, each with its id. An address from before there were ids gets one derived from its content,
//! until the list is next written.

use std::collections::HashSet;

use async_graphql::ID;
use entity::customers;
use sea_orm::{ActiveValue::Set, IntoActiveModel};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::{
    service::{customer_own_in_tx, customer_write},
    types::{AddCustomerAddressInput, RemoveCustomerAddressInput, UpdateCustomerAddressInput},
};
use crate::{
    app::App,
    database::{self, Transaction},
    domain::{
        error::{Code, Error, Result},
        ids::{CustomerId, GlobalId},
        viewer::Viewer,
    },
    features::address::{Address, AddressInput},
    graphql::input,
};

/// How many addresses a customer can keep.
pub const MAXIMUM_ADDRESSES: usize = 20;

const TYPE_NAME: &str = "Address";

/// A customer's addresses as its row has them, each with its id; `None` when none were given.
pub fn addresses(customer: CustomerId, written: Option<&Json>) -> Option<Vec<Address>> {
    let mut addresses = match written? {
        Json::Array(addresses) => addresses.iter().map(Address::from_json).collect(),
        Json::Null => return None,
        other => vec![Address::from_json(other)],
    };
    let mut known = HashSet::new();
    for address in &mut addresses {
        let mut id = address.id.take().unwrap_or_else(|| id_of_content(customer, address, 0));
        // Addresses of equal content get different ids.
        for copy in 1.. {
            if known.insert(id.clone()) {
                break;
            }
            id = id_of_content(customer, address, copy);
        }
        address.id = Some(id);
    }
    Some(addresses)
}

/// The addresses that replace the present ones: an address of equal content keeps its id.
pub fn replaced(customer: CustomerId, present: Option<&Json>, wanted: &[AddressInput]) -> Result<Json> {
    input::length("addresses", wanted, 0, MAXIMUM_ADDRESSES)?;
    let mut present = addresses(customer, present).unwrap_or_default();
    let mut replaced = Vec::with_capacity(wanted.len());
    for (place, address) in wanted.iter().enumerate() {
        let address = address.decode(&format!("addresses.{place}"))?;
        let same = present.iter().position(|other| Address { id: None, ..other.clone() } == address);
        let id = same.and_then(|same| present.swap_remove(same).id).unwrap_or_else(|| new_id(customer));
        replaced.push(Address { id: Some(id), ..address }.to_json());
    }
    Ok(Json::Array(replaced))
}

/// Adds an address to those of a customer.
pub async fn address_add(
    app: &App,
    viewer: &Viewer,
    wanted: AddCustomerAddressInput,
) -> Result<(Address, customers::Model)> {
    let customer = CustomerId::parse(&wanted.customer_id, "customerId")?;
    let address = Address { id: Some(new_id(customer)), ..wanted.address.decode("address")? };
    let transaction = database::begin(&app.db).await?;
    let present = customer_own_in_tx(&transaction, viewer, customer, "customerId").await?;
    let mut all = addresses(customer, present.addresses.as_ref()).unwrap_or_default();
    if all.len() >= MAXIMUM_ADDRESSES {
        let message = format!("There are {MAXIMUM_ADDRESSES} addresses already: remove one first.");
        return Err(Error::conflict(message).with_field("customerId"));
    }
    all.push(address.clone());
    Ok((address, keep(transaction, viewer, present, &all).await?))
}

/// Replaces what an address says.
pub async fn address_update(
    app: &App,
    viewer: &Viewer,
    wanted: UpdateCustomerAddressInput,
) -> Result<(Address, customers::Model)> {
    let customer = customer_of(&wanted.id)?;
    let address = Address { id: Some(wanted.id.clone()), ..wanted.address.decode("address")? };
    let transaction = database::begin(&app.db).await?;
    let (present, mut all, place) = find_in_tx(&transaction, viewer, customer, &wanted.id).await?;
    all[place] = address.clone();
    Ok((address, keep(transaction, viewer, present, &all).await?))
}

/// Removes an address. Orders that were placed keep what it said.
pub async fn address_remove(
    app: &App,
    viewer: &Viewer,
    wanted: RemoveCustomerAddressInput,
) -> Result<(ID, customers::Model)> {
    let customer = customer_of(&wanted.id)?;
    let transaction = database::begin(&app.db).await?;
    let (present, mut all, place) = find_in_tx(&transaction, viewer, customer, &wanted.id).await?;
    all.remove(place);
    Ok((wanted.id, keep(transaction, viewer, present, &all).await?))
}

/// The customer, locked, with its addresses and the index of the one with this id. NOT_FOUND where the customer is hidden from the viewer,
/// and where there is no such address.
async fn find_in_tx(
    transaction: &Transaction,
    viewer: &Viewer,
    customer: CustomerId,
    id: &ID,
) -> Result<(customers::Model, Vec<Address>, usize)> {
    let not_found = || Error::not_found("address").with_field("id");
    let present = customer_own_in_tx(transaction, viewer, customer, "id").await.map_err(|error| match error.code {
        // FORBIDDEN would tell that the address exists.
        Code::NotFound | Code::Forbidden => not_found(),
        _ => error,
    })?;
    let all = addresses(customer, present.addresses.as_ref()).unwrap_or_default();
    let place = all.iter().position(|address| address.id.as_ref() == Some(id)).ok_or_else(not_found)?;
    Ok((present, all, place))
}

async fn keep(
    transaction: Transaction,
    viewer: &Viewer,
    present: customers::Model,
    addresses: &[Address],
) -> Result<customers::Model> {
    let id = CustomerId(present.id);
    let mut row = present.into_active_model();
    row.addresses = Set(Some(Json::Array(addresses.iter().map(Address::to_json).collect())));
    customer_write(transaction, viewer, id, row).await
}

/// Whose address has this id.
fn customer_of(id: &ID) -> Result<CustomerId> {
    let malformed = || Error::bad_input("id", "This is not the id of an address.");
    let (type_name, rest) = id.split_once(':').ok_or_else(malformed)?;
    let (customer, own) = rest.split_once(':').ok_or_else(malformed)?;
    let is_own = own.len() == 16 && own.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if type_name != TYPE_NAME || !is_own {
        return Err(malformed());
    }
    CustomerId::parse(&ID(format!("{}:{customer}", CustomerId::TYPE_NAME)), "id").map_err(|_| malformed())
}

fn new_id(customer: CustomerId) -> ID {
    id(customer, rand::random())
}

fn id_of_content(customer: CustomerId, address: &Address, copy: u32) -> ID {
    let content = Address { id: None, ..address.clone() }.to_json().to_string();
    let hash = Sha256::digest(format!("{copy} {content}"));
    id(customer, hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn id(customer: CustomerId, own: u64) -> ID {
    ID(format!("{TYPE_NAME}:{}:{own:016x}", customer.0))
}
