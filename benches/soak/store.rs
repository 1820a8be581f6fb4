//! What the tests of the store share with those of publishing.

#[path = "../../tests/it/store/world.rs"]
#[expect(dead_code, reason = "what the tests need besides")]
pub(crate) mod world;
