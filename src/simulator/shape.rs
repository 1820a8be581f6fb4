//! How a world is written on the wire, in all the ways the API is known or suspected to.

/// Under which key ids are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdKey {
    /// `id`.
    #[default]
    Id,
    /// `_id`.
    Underscore,
    /// Both, equal.
    Both,
}

/// How category, assignee, tags and attribute definitions are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum References {
    /// As id strings.
    #[default]
    Ids,
    /// As objects.
    Objects,
}

/// How custom attributes are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Attributes {
    /// `attributes: [{attribute, content}]`.
    #[default]
    ByReference,
    /// `[{label, value}]`: under `attributes` on tickets, `customAttributes` on customers.
    ByLabel,
    /// On customers `customAttributes: {label: value}`; on tickets as [`Attributes::ByLabel`].
    Object,
}

/// How a ticket's numbers (priority, csat, resolutionTime) are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbers {
    /// As numbers.
    #[default]
    Numbers,
    /// As numeric strings.
    Strings,
}

/// Where the count stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CountPlace {
    /// At the top level.
    #[default]
    Top,
    /// Inside `pagination`.
    Pagination,
}

/// How what is not there is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Absent {
    /// As null.
    #[default]
    Null,
    /// Without its key.
    Missing,
}

/// How instants are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Instants {
    /// `2024-01-31T09:05:00.000Z`.
    #[default]
    Milliseconds,
    /// `2024-01-31T09:05:00Z` where the milliseconds are zero.
    Shortest,
    /// `2024-01-31T09:05:00.000+00:00`.
    Offset,
}

/// How a message's sender is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sender {
    /// As an id string.
    #[default]
    Id,
    /// As `{id, name, email}`.
    Object,
    /// As `{name, email}` without an id.
    Contact,
}

/// How the world is written on the wire. The default is as documented, with the undocumented
/// fields that clients have seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Key of ids.
    pub ids: IdKey,
    /// Form of references.
    pub references: References,
    /// Form of custom attributes.
    pub attributes: Attributes,
    /// Form of numbers.
    pub numbers: Numbers,
    /// Place of the count.
    pub count: CountPlace,
    /// Form of what is absent.
    pub absent: Absent,
    /// Form of instants.
    pub instants: Instants,
    /// Form of senders.
    pub sender: Sender,
    /// Whether attachments name their type `type` instead of `fileType`.
    pub has_attachment_type: bool,
    /// Whether tickets name their origin `origin` instead of `sourceType`.
    pub has_origin: bool,
    /// Whether categories come under `categories` instead of as a bare array.
    pub has_categories_key: bool,
    /// Whether tickets and messages carry the undocumented fields that clients have seen.
    pub has_seen_fields: bool,
    /// Whether tickets, messages and customers carry fields that nobody has seen yet.
    pub has_unknown_fields: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            ids: IdKey::default(),
            references: References::default(),
            attributes: Attributes::default(),
            numbers: Numbers::default(),
            count: CountPlace::default(),
            absent: Absent::default(),
            instants: Instants::default(),
            sender: Sender::default(),
            has_attachment_type: false,
            has_origin: false,
            has_categories_key: false,
            has_seen_fields: true,
            has_unknown_fields: false,
        }
    }
}

impl Shape {
    /// Every way a field can be served, one difference from the default at a time, and one shape
    /// that differs in all of them; each with a name for a test's message.
    pub fn variants() -> Vec<(&'static str, Self)> {
        let with = |name: &'static str, change: fn(&mut Self)| {
            let mut shape = Self::default();
            change(&mut shape);
            (name, shape)
        };
        vec![
            ("as documented", Self::default()),
            with("ids as _id", |shape| shape.ids = IdKey::Underscore),
            with("ids as both", |shape| shape.ids = IdKey::Both),
            with("references as objects", |shape| {
                shape.references = References::Objects
            }),
            with("attributes by label", |shape| {
                shape.attributes = Attributes::ByLabel
            }),
            with("attributes as an object", |shape| {
                shape.attributes = Attributes::Object
            }),
            with("numbers as strings", |shape| {
                shape.numbers = Numbers::Strings
            }),
            with("count in pagination", |shape| {
                shape.count = CountPlace::Pagination
            }),
            with("absent fields missing", |shape| {
                shape.absent = Absent::Missing
            }),
            with("shortest instants", |shape| {
                shape.instants = Instants::Shortest
            }),
            with("instants with offset", |shape| {
                shape.instants = Instants::Offset
            }),
            with("senders as objects", |shape| shape.sender = Sender::Object),
            with("senders as contacts", |shape| {
                shape.sender = Sender::Contact
            }),
            with("attachments with type", |shape| {
                shape.has_attachment_type = true
            }),
            with("origin for sourceType", |shape| shape.has_origin = true),
            with("categories under a key", |shape| {
                shape.has_categories_key = true
            }),
            with("documented fields alone", |shape| {
                shape.has_seen_fields = false
            }),
            with("unknown fields", |shape| shape.has_unknown_fields = true),
            ("all at once", Self::furthest()),
        ]
    }

    /// The shape that differs from the default in every field but the seen ones, which it keeps so
    /// that they differ too.
    pub fn furthest() -> Self {
        Self {
            ids: IdKey::Underscore,
            references: References::Objects,
            attributes: Attributes::Object,
            numbers: Numbers::Strings,
            count: CountPlace::Pagination,
            absent: Absent::Missing,
            instants: Instants::Offset,
            sender: Sender::Object,
            has_attachment_type: true,
            has_origin: true,
            has_categories_key: true,
            has_seen_fields: true,
            has_unknown_fields: true,
        }
    }
}
