//! Custom attributes, in the three shapes the wire has for them.

use crate::wire::{Entries, Fields, Json, MOST_ITEMS, Path, Rejects, Unfit, slots};

/// One attribute, of a ticket or of a customer.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) attribute_id: Option<String>,
    pub(super) label: Option<String>,
    pub(super) value: Option<String>,
}

slots!(EntrySlots {
    attribute: "attribute",
    label: "label",
    content: "content",
    value: "value",
});

slots!(DefinitionSlots {
    id: "id",
    mongo_id: "_id",
    name: "name",
    label: "label",
});

/// Reads the attributes under `attributes` and `customAttributes`: arrays of
/// `{attribute, content}` or `{label, value}`, or an object of label → value (which has no order
/// of its own, so its labels are sorted).
pub(super) fn attributes<'a>(
    fields: &mut Fields<'_, 'a>,
    spellings: [(&'static str, Json<'a>); 2],
) -> Vec<Attribute> {
    let mut found = Vec::new();
    for (key, value) in spellings {
        match value {
            Json::Object(entries) if entries.len() > MOST_ITEMS => {
                fields.unfit(key, Unfit::too_many(Json::Object(entries)));
            }
            Json::Object(entries) => by_label(&mut found, entries),
            Json::Null | Json::Array(_) => fields.each_item(key, value, |rejects, path, item| {
                let (attribute, left) = entry(rejects, path, item)?;
                found.push(attribute);
                Ok(left)
            }),
            other => fields.unfit(key, Unfit::new(other, "an array or an object")),
        }
    }
    found
}

fn by_label(found: &mut Vec<Attribute>, mut entries: Entries<'_>) {
    entries.sort_by(|(left, _), (right, _)| left.cmp(right));
    let mut sorted = entries.into_iter().peekable();
    while let Some((label, value)) = sorted.next() {
        if sorted.peek().is_some_and(|(next, _)| *next == label) {
            continue;
        }
        found.push(Attribute {
            attribute_id: None,
            label: Some(label.into_owned()),
            value: content(value),
        });
    }
}

/// The value as text: anything but a string as its JSON.
fn content(value: Json<'_>) -> Option<String> {
    match value {
        Json::Null => None,
        value => Some(match value.scalar() {
            Ok(text) => text.into_owned(),
            Err(other) => other.canonical(),
        }),
    }
}

fn entry<'a>(
    rejects: &mut Rejects,
    path: Path<'_>,
    item: Json<'a>,
) -> Result<(Attribute, Json<'a>), Unfit<'a>> {
    const KNOWN: [&str; 4] = ["attribute", "label", "content", "value"];
    let entries = match item {
        Json::Object(entries)
            if entries
                .iter()
                .any(|(key, value)| KNOWN.contains(&&**key) && !value.is_null()) =>
        {
            entries
        }
        other => return Err(Unfit::new(other, "an object with a label or an attribute")),
    };
    let mut fields = Fields::new(rejects, path);
    let slots = EntrySlots::fill(entries, &mut fields);
    let definition = fields
        .nested("attribute", slots.attribute, definition)
        .unwrap_or_default();
    let label = match definition.label {
        Some(label) => {
            if !matches!(&slots.label, Json::Text(own) if **own == label) {
                fields.leave("label", slots.label);
            }
            Some(label)
        }
        None => fields.text("label", slots.label),
    };
    let value = if slots.content.is_null() {
        slots.value
    } else {
        if slots.value != slots.content {
            fields.leave("value", slots.value);
        }
        slots.content
    };
    let attribute = Attribute {
        attribute_id: definition.id,
        label,
        value: content(value),
    };
    Ok((attribute, fields.left_over()))
}

/// Which attribute a value belongs to.
#[derive(Debug, Default)]
struct Definition {
    id: Option<String>,
    label: Option<String>,
}

/// Reads an attribute's id, or an object with an id, a name or both.
fn definition<'a>(
    rejects: &mut Rejects,
    path: Path<'_>,
    value: Json<'a>,
) -> Result<(Definition, Json<'a>), Unfit<'a>> {
    if let Some(id) = value.id() {
        let definition = Definition {
            id: Some(id.into_owned()),
            label: None,
        };
        return Ok((definition, Json::Null));
    }
    match value {
        Json::Null | Json::Text(_) => Ok((Definition::default(), Json::Null)),
        Json::Object(entries) => {
            let mut fields = Fields::new(rejects, path);
            let slots = DefinitionSlots::fill(entries, &mut fields);
            let definition = Definition {
                id: fields.id(slots.id, slots.mongo_id),
                label: fields.text_of([("name", slots.name), ("label", slots.label)]),
            };
            Ok((definition, fields.left_over()))
        }
        other => Err(Unfit::new(other, "an id or an object with one")),
    }
}
