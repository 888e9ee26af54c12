//! The export of personal data, the part of bounded size: profile, identities, customer and driver. What is kept only as a hash is left
//! out.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, SecondsFormat, Utc};
use entity::{account_tokens, columns::Columns, customers, drivers, identities, users};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, prelude::DateTimeWithTimeZone};
use serde_json::{Value as Json, json};

use super::{proof::Purpose, types::Role};
use crate::{
    database::Pool,
    domain::{
        error::{Error, Result},
        ids::{GlobalId, UserId},
    },
    features::{
        customer::{
            finder::CustomerOfUser,
            service::{MAXIMUM_ADDRESSES, addresses},
        },
        driver::{finder::DriverOfUser, service::position_of_row},
    },
    graphql::{
        enumeration,
        loaders::Reader,
        plan::{Batch, load_one},
        row::{ById, Row},
    },
};

/// How many accounts at OpenID providers are shown: an account is linked to one of each provider.
const MAXIMUM_IDENTITIES: u64 = 20;
/// How many fields the document has at most: those of the user, a change of its address, the customer and the driver, of addresses and of
/// identities.
pub const DOCUMENT_FIELDS: usize = 6 + 3 + 8 + 9 + 9 * MAXIMUM_ADDRESSES + 3 * MAXIMUM_IDENTITIES as usize;

/// Loader key: the export document of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DocumentOf(pub UserId);

impl Batch for DocumentOf {
    type Value = Json;

    /// Not batched: a request asks for its own user's document only.
    async fn load(reader: &Reader, keys: &[Self], _: Columns) -> Result<HashMap<Self, Json>> {
        let mut documents = HashMap::with_capacity(keys.len());
        for key in keys {
            documents.insert(*key, document(reader, key.0).await?);
        }
        Ok(documents)
    }
}

/// The export document of the user: the account, the customer and the driver.
async fn document(reader: &Reader, user: UserId) -> Result<Json> {
    let (row, customer, driver, identities, email_change) = futures_util::try_join!(
        load_one(reader, ById::<users::Model>(user)),
        load_one(reader, CustomerOfUser(user)),
        load_one(reader, DriverOfUser(user)),
        identities_of(&reader.app.db, user),
        email_change_of(&reader.app.db, user),
    )?;
    let row: Arc<users::Model> = row.ok_or_else(Error::unauthenticated)?;
    Ok(json!({
        "user": of_user(&row),
        "emailChange": email_change,
        "identities": identities,
        "customer": customer.as_deref().map(of_customer),
        "driver": driver.as_deref().map(of_driver),
    }))
}

fn of_user(user: &users::Model) -> Json {
    json!({
        "id": global(user.id()),
        "email": user.email,
        "emailVerifiedAt": user.email_verified_at.map(time),
        "name": user.name,
        "role": enumeration::name(Role::from(user.role)),
        "createdAt": time(user.created_at),
    })
}

fn of_customer(customer: &customers::Model) -> Json {
    json!({
        "id": global(customer.id()),
        "name": customer.name,
        "reviewName": customer.review_name,
        "email": customer.email,
        "phone": customer.phone,
        "addresses": addresses(customer.id(), customer.addresses.as_ref()),
        "createdAt": time(customer.created_at),
        "updatedAt": time(customer.updated_at),
    })
}

fn of_driver(driver: &drivers::Model) -> Json {
    let mut document = json!({
        "id": global(driver.id()),
        "name": driver.name,
        "phone": driver.phone,
        "licenseNumber": driver.license_number,
        "vehicleType": driver.vehicle_type,
    });
    document["lastKnownPlace"] = position_of_row(driver).map_or(
        Json::Null,
        |position| json!({ "lat": position.lat, "lng": position.lng, "recordedAt": utc(position.recorded_at) }),
    );
    document
}

/// The pending change of address; null where none was asked for, or it is forgotten.
async fn email_change_of(db: &Pool, user: UserId) -> Result<Json> {
    let waiting = account_tokens::Entity::find()
        .filter(account_tokens::Column::UserId.eq(user.0))
        .filter(account_tokens::Column::Purpose.eq(Purpose::ChangeEmail))
        .one(db)
        .await?;
    let document = |token: account_tokens::Model| json!({ "email": token.email, "requestedAt": time(token.created_at), "expiresAt": time(token.expires_at) });
    Ok(waiting.map_or(Json::Null, document))
}

async fn identities_of(db: &Pool, user: UserId) -> Result<Json> {
    let identities = identities::Entity::find()
        .filter(identities::Column::UserId.eq(user.0))
        .order_by_asc(identities::Column::Issuer)
        .order_by_asc(identities::Column::Subject)
        .limit(MAXIMUM_IDENTITIES)
        .all(db)
        .await?;
    let document = |identity: &identities::Model| json!({ "issuer": identity.issuer, "subject": identity.subject, "createdAt": time(identity.created_at) });
    Ok(identities.iter().map(document).collect())
}

fn global(id: impl GlobalId) -> String {
    id.to_global().0
}

fn time(time: DateTimeWithTimeZone) -> String {
    utc(time.to_utc())
}

fn utc(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
