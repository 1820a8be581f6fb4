//! Writing JSON straight into a buffer, key by key.

use std::io::Write;

use chrono::SecondsFormat;

use super::shape::{Absent, IdKey, Instants, Numbers, Shape};
use crate::table::Instant;

/// An object being written.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    shape: Shape,
    is_empty: bool,
}

impl<'a> Object<'a> {
    pub(super) fn open(out: &'a mut Vec<u8>, shape: Shape) -> Self {
        out.push(b'{');
        Self {
            out,
            shape,
            is_empty: true,
        }
    }

    pub(super) fn close(self) {
        self.out.push(b'}');
    }

    /// Writes the key and gives the buffer for its value.
    pub(super) fn key(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
        text(self.out, name);
        self.out.push(b':');
        self.out
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        text(self.key(name), value);
    }

    pub(super) fn optional_text(&mut self, name: &str, value: Option<&str>) {
        self.optional(name, value, |out, value, _| text(out, value));
    }

    pub(super) fn optional_instant(&mut self, name: &str, value: Option<Instant>) {
        self.optional(name, value, instant);
    }

    pub(super) fn instant(&mut self, name: &str, value: Instant) {
        let shape = self.shape;
        instant(self.key(name), value, shape);
    }

    /// A number in the shape's form of numbers.
    pub(super) fn optional_number(&mut self, name: &str, value: Option<i64>) {
        self.optional(name, value, |out, value, shape| match shape.numbers {
            Numbers::Numbers => integer(out, value),
            Numbers::Strings => {
                out.push(b'"');
                integer(out, value);
                out.push(b'"');
            }
        });
    }

    pub(super) fn boolean(&mut self, name: &str, value: bool) {
        let word: &[u8] = if value { b"true" } else { b"false" };
        self.key(name).extend_from_slice(word);
    }

    pub(super) fn id(&mut self, value: &str) {
        if self.shape.ids != IdKey::Underscore {
            self.text("id", value);
        }
        if self.shape.ids != IdKey::Id {
            self.text("_id", value);
        }
    }

    /// Writes the value, or what the shape says for one that is absent.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        value: Option<T>,
        write: impl FnOnce(&mut Vec<u8>, T, Shape),
    ) {
        let shape = self.shape;
        match value {
            Some(value) => write(self.key(name), value, shape),
            None if shape.absent == Absent::Null => self.key(name).extend_from_slice(b"null"),
            None => {}
        }
    }

    /// Writes an array.
    pub(super) fn array<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut Vec<u8>, T),
    ) {
        array(self.key(name), items, write);
    }
}

pub(super) fn array<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (number, item) in items.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

pub(super) fn text(out: &mut Vec<u8>, value: &str) {
    // Writing text into memory does not fail.
    let _written = serde_json::to_writer(out, value);
}

pub(super) fn integer(out: &mut Vec<u8>, value: i64) {
    // Writing into memory does not fail.
    let _written = write!(out, "{value}");
}

pub(super) fn instant(out: &mut Vec<u8>, value: Instant, shape: Shape) {
    let (form, is_zulu) = match shape.instants {
        Instants::Milliseconds => (SecondsFormat::Millis, true),
        Instants::Shortest if value.timestamp_subsec_millis() == 0 => (SecondsFormat::Secs, true),
        Instants::Shortest => (SecondsFormat::Millis, true),
        Instants::Offset => (SecondsFormat::Millis, false),
    };
    text(out, &value.to_rfc3339_opts(form, is_zulu));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::parse_instant;

    #[test]
    fn text_is_escaped_so_that_a_parser_gives_it_back() {
        for value in [
            "",
            "\"\\\u{0}\u{1f}\n\t",
            "שלום 🙏 e\u{301}",
            "\u{2028}</script>",
        ] {
            let mut out = Vec::new();
            text(&mut out, value);
            assert_eq!(
                serde_json::from_slice::<String>(&out).expect("valid JSON"),
                value
            );
        }
    }

    #[test]
    fn instants_are_written_in_the_form_of_the_shape() {
        let cases = [
            (
                Instants::Milliseconds,
                "2024-01-01T00:00:00Z",
                "2024-01-01T00:00:00.000Z",
            ),
            (
                Instants::Shortest,
                "2024-01-01T00:00:00Z",
                "2024-01-01T00:00:00Z",
            ),
            (
                Instants::Shortest,
                "2024-01-01T00:00:00.010Z",
                "2024-01-01T00:00:00.010Z",
            ),
            (
                Instants::Offset,
                "2024-01-01T00:00:00Z",
                "2024-01-01T00:00:00.000+00:00",
            ),
        ];
        for (instants, given, expected) in cases {
            let mut out = Vec::new();
            let shape = Shape {
                instants,
                ..Shape::default()
            };
            instant(&mut out, parse_instant(given).expect("an instant"), shape);
            assert_eq!(
                String::from_utf8(out).expect("text"),
                format!("\"{expected}\"")
            );
        }
    }
}
