//! Postal addresses and places on the map, as restaurants, customers and orders have them.

use async_graphql::{ID, InputObject};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{
    domain::error::Result,
    graphql::{input, plan::object},
};

/// A place on the map (WGS 84).
#[object]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatLng {
    /// Degrees north, −90 to 90.
    pub lat: f64,
    /// Degrees east, −180 to 180.
    pub lng: f64,
}

/// A place on the map (WGS 84).
#[derive(Clone, Copy, Debug, InputObject)]
pub struct LatLngInput {
    /// Degrees north, −90 to 90.
    pub lat: f64,
    /// Degrees east, −180 to 180.
    pub lng: f64,
}

/// Where something is delivered to.
#[object]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Address {
    /// Names one of a customer's addresses, for `updateCustomerAddress` and `removeCustomerAddress`; null for the address of an order,
    /// which is nobody's to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<ID>,
    /// What its owner calls it, such as `Home`.
    pub label: Option<String>,
    /// Street and number.
    pub line1: String,
    /// Such as the floor; null when there is nothing to say.
    pub line2: Option<String>,
    /// The town.
    pub city: String,
    /// Null when not given.
    pub postal_code: Option<String>,
    /// Null when not given.
    pub country: Option<String>,
    /// Where it is on the map; null when not known.
    pub location: Option<LatLng>,
    /// For the driver, such as `Ring twice`.
    #[graphql(complexity = "crate::graphql::limits::text(500)")]
    pub instructions: Option<String>,
}

/// Where something is delivered to.
#[derive(Clone, Debug, InputObject)]
pub struct AddressInput {
    /// What its owner calls it, such as `Home`. At most 50 characters.
    pub label: Option<String>,
    /// At most 255 characters.
    pub line1: String,
    /// At most 255 characters.
    pub line2: Option<String>,
    /// At most 100 characters.
    pub city: String,
    /// At most 20 characters.
    pub postal_code: Option<String>,
    /// At most 100 characters.
    pub country: Option<String>,
    /// Where it is on the map; null when not known.
    pub location: Option<LatLngInput>,
    /// For the driver, such as `Ring twice`. At most 500 characters.
    pub instructions: Option<String>,
}

impl LatLngInput {
    /// Latitude and longitude within their bounds.
    pub fn decode(&self, field: &str) -> Result<(f64, f64)> {
        Ok((input::latitude(&format!("{field}.lat"), self.lat)?, input::longitude(&format!("{field}.lng"), self.lng)?))
    }
}

impl AddressInput {
    pub fn decode(&self, field: &str) -> Result<Address> {
        let optional = |name: &str, value: &Option<String>, maximum| {
            input::optional_text(&format!("{field}.{name}"), value.as_deref(), maximum)
        };
        let location = self.location.map(|place| place.decode(&format!("{field}.location"))).transpose()?;
        Ok(Address {
            id: None,
            label: optional("label", &self.label, 50)?,
            line1: input::text(&format!("{field}.line1"), &self.line1, 255)?,
            line2: optional("line2", &self.line2, 255)?,
            city: input::text(&format!("{field}.city"), &self.city, 100)?,
            postal_code: optional("postalCode", &self.postal_code, 20)?,
            country: optional("country", &self.country, 100)?,
            location: location.map(|(lat, lng)| LatLng { lat, lng }),
            instructions: optional("instructions", &self.instructions, 500)?,
        })
    }
}

impl Address {
    /// As the database keeps it.
    pub fn to_json(&self) -> Json {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// From the database. Rows from before this form may hold any JSON: what is not understood becomes the first line.
    pub fn from_json(json: &Json) -> Self {
        match serde_json::from_value::<Address>(json.clone()) {
            Ok(address) => address,
            Err(_) => {
                Address { line1: json.as_str().map_or_else(|| json.to_string(), str::to_owned), ..Address::default() }
            }
        }
    }
}
