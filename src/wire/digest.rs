//! Hashes over an unambiguous encoding: each value is a type tag, then fixed-width bytes or a
//! length and that many bytes, so no two sequences of values encode alike.

use crate::table::Instant;

/// Room made before the length is known: about a thread's rows. Growing to it from nothing would
/// copy what is there ten times.
const USUAL_BYTES: usize = 4_096;

/// Collects values, then hashes them in one go.
#[derive(Debug, Clone)]
pub(crate) struct Digest(Vec<u8>);

impl Default for Digest {
    fn default() -> Self {
        Self(Vec::with_capacity(USUAL_BYTES))
    }
}

impl Digest {
    /// Adds a NULL.
    pub(crate) fn null(&mut self) {
        self.0.push(b'0');
    }

    /// Adds an integer.
    pub(crate) fn integer(&mut self, value: i64) {
        self.0.push(b'i');
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Adds an instant, as milliseconds.
    pub(crate) fn instant(&mut self, value: Instant) {
        self.0.push(b't');
        self.0
            .extend_from_slice(&value.timestamp_millis().to_le_bytes());
    }

    /// Adds a text.
    pub(crate) fn text(&mut self, value: &str) {
        self.0.push(b's');
        self.0
            .extend_from_slice(&(value.len() as u64).to_le_bytes());
        self.0.extend_from_slice(value.as_bytes());
    }

    /// Adds how many items follow.
    pub(crate) fn count(&mut self, items: usize) {
        self.0.push(b'n');
        self.0.extend_from_slice(&(items as u64).to_le_bytes());
    }

    /// Adds what was added to another one.
    pub(crate) fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// The first 16 bytes of BLAKE3 over all that was added.
    pub(crate) fn hash(&self) -> [u8; 16] {
        let mut first = [0; 16];
        self.fill(&mut first);
        first
    }

    /// The first 8 bytes as 16 hex digits.
    pub(crate) fn hex(&self) -> String {
        let mut first = [0; 8];
        self.fill(&mut first);
        format!("{:016x}", u64::from_be_bytes(first))
    }

    fn fill(&self, out: &mut [u8]) {
        blake3::Hasher::new()
            .update(&self.0)
            .finalize_xof()
            .fill(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_one_text_ends_and_the_next_begins_matters() {
        let hash_of = |texts: [&str; 2]| {
            let mut digest = Digest::default();
            texts.iter().for_each(|text| digest.text(text));
            digest.hash()
        };
        assert_ne!(hash_of(["ab", "c"]), hash_of(["a", "bc"]));
        assert_eq!(hash_of(["ab", "c"]), hash_of(["ab", "c"]));
    }

    #[test]
    fn null_zero_and_the_empty_text_differ() {
        let mut null = Digest::default();
        null.null();
        let mut zero = Digest::default();
        zero.integer(0);
        let mut empty = Digest::default();
        empty.text("");
        assert_ne!(null.hash(), zero.hash());
        assert_ne!(null.hash(), empty.hash());
        assert_ne!(zero.hash(), empty.hash());
        assert_eq!(null.hex().len(), 16);
    }
}
