//! Hashes over an unambiguous encoding: each value is a type tag, then fixed-width bytes or a
//! length and that many bytes, so no two sequences of values encode alike.

use crate::table::Instant;

/// Room made before the length is known: about a thread's rows. Growing to it from nothing would
/// copy what is there ten times.
const USUAL_BYTES: usize = 4_096;

/// What is collected at most before it is hashed: a text of megabytes is not kept twice.
const MOST_BYTES: usize = 64 << 10;

/// Collects values, and hashes them in one go where they are few.
#[derive(Debug, Clone)]
pub(crate) struct Digest {
    collected: Vec<u8>,
    /// What was collected before.
    begun: Option<Box<blake3::Hasher>>,
    /// What is collected at most.
    most_bytes: usize,
}

impl Default for Digest {
    fn default() -> Self {
        Self {
            collected: Vec::with_capacity(USUAL_BYTES),
            begun: None,
            most_bytes: MOST_BYTES,
        }
    }
}

impl Digest {
    /// One that keeps all that is added, so that it can be appended to another.
    pub(crate) fn keeping() -> Self {
        Self {
            collected: Vec::new(),
            begun: None,
            most_bytes: usize::MAX,
        }
    }

    /// Adds a NULL.
    pub(crate) fn null(&mut self) {
        self.collected.push(b'0');
    }

    /// Adds an integer.
    pub(crate) fn integer(&mut self, value: i64) {
        self.collected.push(b'i');
        self.collected.extend_from_slice(&value.to_le_bytes());
    }

    /// Adds an instant, as milliseconds.
    pub(crate) fn instant(&mut self, value: Instant) {
        self.collected.push(b't');
        self.collected
            .extend_from_slice(&value.timestamp_millis().to_le_bytes());
    }

    /// Adds a text.
    pub(crate) fn text(&mut self, value: &str) {
        self.collected.push(b's');
        self.collected
            .extend_from_slice(&(value.len() as u64).to_le_bytes());
        if self.collected.len().saturating_add(value.len()) > self.most_bytes {
            self.hash_on(value);
        } else {
            self.collected.extend_from_slice(value.as_bytes());
        }
    }

    /// Hashes what was collected, and then this.
    fn hash_on(&mut self, value: &str) {
        let begun = self.begun.get_or_insert_default();
        begun.update(&self.collected);
        begun.update(value.as_bytes());
        self.collected.clear();
    }

    /// Adds how many items follow.
    pub(crate) fn count(&mut self, items: usize) {
        self.collected.push(b'n');
        self.collected
            .extend_from_slice(&(items as u64).to_le_bytes());
    }

    /// Adds what was added to another one, which keeps it: [`Digest::keeping`].
    pub(crate) fn append(&mut self, other: &Self) {
        debug_assert!(other.begun.is_none(), "hashed already");
        self.collected.extend_from_slice(&other.collected);
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
        let mut hasher = match &self.begun {
            Some(begun) => blake3::Hasher::clone(begun),
            None => blake3::Hasher::new(),
        };
        hasher.update(&self.collected).finalize_xof().fill(out);
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
    fn however_much_is_hashed_at_a_time_the_hash_is_the_same() {
        let texts = [
            "a".repeat(10),
            "b".repeat(MOST_BYTES),
            "c".repeat(70_000),
            "d".repeat(40_000),
        ];
        let mut digest = Digest::default();
        let mut whole = Vec::new();
        for text in texts.iter().cycle().take(9) {
            digest.text(text);
            whole.push(b's');
            whole.extend_from_slice(&(text.len() as u64).to_le_bytes());
            whole.extend_from_slice(text.as_bytes());
        }
        assert!(digest.collected.len() <= MOST_BYTES);
        assert_eq!(digest.hash()[..], blake3::hash(&whole).as_bytes()[..16]);
        assert_eq!(digest.hash()[..], blake3::hash(&whole).as_bytes()[..16]);
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
