//! The fall-back: documented `skip` paging, with an overlap of one ticket between pages.
//!
//! Used only where the API breaks what keys rest on. Each page must begin with a ticket of the
//! page before; where it does not, the collection shifted under us and the offset steps back until
//! it does.

use std::collections::HashSet;

use super::Answer;

/// How often a shifted seam is stepped back over before the rest is read under a doubt.
const MOST_STUMBLES: u32 = 12;

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    Continue,
    /// The collection shifted: store nothing, the offset has stepped back.
    StepBack(String),
    /// The last page; with a reason where the slice cannot be proven complete.
    End(Option<String>),
}

#[derive(Debug, Clone)]
pub(super) struct Offset {
    skip: u32,
    /// The last ticket of the page before.
    overlap_id: Option<String>,
    /// All tickets of the page before.
    tail: HashSet<String>,
    stumbles: u32,
    doubt: Option<String>,
    remaining: Option<u64>,
}

impl Offset {
    pub(super) fn resume(skip: u32, overlap_id: Option<String>) -> Self {
        Self {
            skip,
            tail: overlap_id.iter().cloned().collect(),
            overlap_id,
            stumbles: 0,
            doubt: None,
            remaining: None,
        }
    }

    pub(super) fn skip(&self) -> u32 {
        self.skip
    }

    pub(super) fn overlap_id(&self) -> Option<String> {
        self.overlap_id.clone()
    }

    pub(super) fn doubt(&self) -> Option<String> {
        self.doubt.clone()
    }

    pub(super) fn remaining(&self) -> Option<u64> {
        self.remaining
    }

    pub(super) fn take(&mut self, answer: Answer<'_>, limit: u32) -> Progress {
        let first = answer.keys.first();
        let is_joined = self.skip == 0
            || self.tail.is_empty()
            || first.is_some_and(|key| self.tail.contains(&key.id));
        if !is_joined && self.doubt.is_none() {
            let reason = "a page did not begin with a ticket of the page before".to_owned();
            self.stumbles += 1;
            if self.stumbles <= MOST_STUMBLES {
                self.skip = self.skip.saturating_sub(limit.saturating_sub(1).max(1));
                return Progress::StepBack(reason);
            }
            self.doubt = Some(reason);
        }
        let received = u32::try_from(answer.keys.len()).unwrap_or(u32::MAX);
        let seen = u64::from(self.skip) + u64::from(received);
        self.remaining = answer.count.map(|count| count.saturating_sub(seen));
        let has_more = answer
            .has_more
            .unwrap_or_else(|| answer.count.is_some_and(|count| seen < count));
        if has_more && received > 0 {
            if received == 1 {
                // Nothing is left to overlap with.
                let reason = "tickets could only be paged one at a time".to_owned();
                self.doubt = self.doubt.take().or(Some(reason));
            }
            self.skip = self.skip.saturating_add(received.saturating_sub(1).max(1));
            self.overlap_id = answer.keys.last().map(|key| key.id.clone());
            self.tail = answer.keys.iter().map(|key| key.id.clone()).collect();
            return Progress::Continue;
        }
        let doubt = self.doubt.take().or_else(|| match answer.count {
            Some(count) if count == seen && !has_more => None,
            Some(count) => Some(format!("{seen} tickets were paged with a count of {count}")),
            None => Some("the answer has no count".to_owned()),
        });
        Progress::End(doubt)
    }
}
