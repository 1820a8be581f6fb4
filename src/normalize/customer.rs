//! A ticket's customer.

use std::borrow::Cow;

use super::CustomerRows;
use super::attribute::{Attribute, attributes};
use crate::table::{Customer, CustomerAttribute};
use crate::wire::{Fields, Json, Path, Rejects, Unfit, is_short, own_short_id, slots};

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

/// A ticket's customer, as far as the ticket shows it.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) id: Option<String>,
    /// `None` where only the id was sent.
    pub(super) rows: Option<CustomerRows>,
}

/// The id that a value is, by itself.
fn short(value: &Json<'_>) -> Option<String> {
    let id = value.id().filter(|id| is_short(id));
    id.map(Cow::into_owned)
}

/// Reads what is under `customer`: an object with an id, or only the id. It leaves nothing over for the
/// ticket: what has no column goes to the customer's own `extra_json`.
pub(super) fn customer<'a>(
    rejects: &mut Rejects,
    path: Path<'_>,
    value: Json<'a>,
) -> Result<(Shown, Json<'a>), Unfit<'a>> {
    const EXPECTED: &str = "an id or an object with one";
    let entries = match value {
        Json::Null => return Ok((Shown::default(), Json::Null)),
        Json::Text(id) if id.is_empty() => return Ok((Shown::default(), Json::Null)),
        other => match (short(&other), other) {
            (Some(id), _) => {
                let shown = Shown {
                    id: Some(id),
                    rows: None,
                };
                return Ok((shown, Json::Null));
            }
            (None, Json::Object(entries)) => entries,
            (None, other) => return Err(Unfit::new(other, EXPECTED)),
        },
    };
    let Some(id) = own_short_id(&entries).map(Cow::into_owned) else {
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
        id: fields.short_id(slots.id, slots.mongo_id).unwrap_or(id),
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
    let shown = Shown {
        id: Some(rows.customer.id.clone()),
        rows: Some(rows),
    };
    Ok((shown, Json::Null))
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
