//! A ticket's customer.

use super::CustomerRows;
use super::attribute::{Attribute, attributes};
use crate::table::{Customer, CustomerAttribute};
use crate::wire::{Fields, Json, Path, Rejects, Unfit, is_short, own_id, slots};

slots!(Slots {
    id: "id",
    mongo_id: "_id",
    name: "name",
    email: "email",
    wallet_address: "walletAddress",
    discord_author_id: "discordAuthorId",
    telegram_author_id: "telegramAuthorId",
    created_at: "createdAt",
    updated_at: "updatedAt",
    attributes: "attributes",
    custom_attributes: "customAttributes",
});

/// Reads the object under `customer`. It leaves nothing over for the ticket: what has no column
/// goes to the customer's own `extra_json`.
pub(super) fn customer<'a>(
    rejects: &mut Rejects,
    path: Path<'_>,
    value: Json<'a>,
) -> Result<(Option<CustomerRows>, Json<'a>), Unfit<'a>> {
    const EXPECTED: &str = "an object with an id";
    let entries = match value {
        Json::Null => return Ok((None, Json::Null)),
        Json::Object(entries) => entries,
        other => return Err(Unfit::new(other, EXPECTED)),
    };
    let Some(id) = own_id(&entries)
        .filter(|id| is_short(id))
        .map(str::to_owned)
    else {
        return Err(Unfit::new(Json::Object(entries), EXPECTED));
    };
    let mut fields = Fields::new(rejects, path);
    let slots = Slots::fill(entries, &mut fields);
    let attributes = attributes(
        &mut fields,
        [
            ("attributes", slots.attributes),
            ("customAttributes", slots.custom_attributes),
        ],
    );
    let customer = Customer {
        id: fields.id(slots.id, slots.mongo_id).unwrap_or(id),
        name: fields.text("name", slots.name),
        email: fields.text("email", slots.email),
        wallet_address: fields.text("walletAddress", slots.wallet_address),
        discord_author_id: fields.foreign_id("discordAuthorId", slots.discord_author_id),
        telegram_author_id: fields.foreign_id("telegramAuthorId", slots.telegram_author_id),
        created_at: fields.instant("createdAt", slots.created_at),
        updated_at: fields.instant("updatedAt", slots.updated_at),
        extra_json: fields.extra_json(),
    };
    let attributes = (0..)
        .zip(attributes)
        .map(|(position, attribute)| row(&customer.id, position, attribute))
        .collect();
    let rows = CustomerRows {
        customer,
        attributes,
        hash: [0; 16],
    };
    Ok((Some(rows), Json::Null))
}

fn row(customer_id: &str, position: i64, attribute: Attribute) -> CustomerAttribute {
    CustomerAttribute {
        customer_id: customer_id.to_owned(),
        position,
        attribute_id: attribute.attribute_id,
        label: attribute.label,
        value: attribute.value,
    }
}
