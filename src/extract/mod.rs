//! Extraction: lanes that page through slices. The only module that spawns.

mod pager;

pub use pager::{Answer, Ask, Key, Narrowing, PAGE_LIMIT, Pager, Step, Taken};
