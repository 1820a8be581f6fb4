//! What a second look gives, and what two of them give together: pure.

use std::collections::HashSet;

use super::super::pager::Key;
use super::Missing;
use crate::normalize::{Outcome, TicketRows};
use crate::table::Instant;

/// What a second look at missing tickets gives.
#[derive(Debug, Default)]
pub struct SecondLook {
    /// Absent from an answer that counts as many tickets as it shows, their neighbours among them.
    pub gone: Vec<String>,
    /// There after all.
    pub found: Vec<TicketRows>,
    /// Neither: the answers proved nothing about them.
    pub unclear: Vec<String>,
    /// Ids of those that came, also of those that could not be stored.
    came: HashSet<String>,
    /// Whether a ticket came without an id, which may be any of them.
    has_nameless: bool,
}

impl SecondLook {
    /// Takes what another batch gave.
    pub(super) fn add(&mut self, other: Self) {
        self.gone.extend(other.gone);
        self.found.extend(other.found);
        self.unclear.extend(other.unclear);
    }

    /// What a look and the one after it, at the same tickets, give together: what came in either is
    /// there, and what the first did not settle is as the second has it.
    pub(super) fn or(mut self, again: Self) -> Self {
        let id = |rows: &TicketRows| rows.ticket.id.clone();
        let first: HashSet<String> = self.found.iter().map(id).collect();
        let open: HashSet<String> = self.unclear.drain(..).collect();
        let new = again.found.into_iter();
        self.found
            .extend(new.filter(|rows| !first.contains(&rows.ticket.id)));
        self.gone.retain(|id| !again.came.contains(id));
        if again.has_nameless {
            self.unclear.append(&mut self.gone);
        }
        let gone = again.gone.into_iter();
        self.gone.extend(gone.filter(|id| open.contains(id)));
        let unclear = again.unclear.into_iter();
        self.unclear.extend(unclear.filter(|id| open.contains(id)));
        self
    }

    /// Sorts `sought` by whether they are among `keys`, the whole of what spans them. What came is there.
    /// What did not is gone only where the answer is one about tickets of its creation. One of
    /// several that came without an id may be any of them, so then nothing is gone for sure.
    pub(super) fn settle(
        &mut self,
        sought: &[Missing],
        keys: &[Key],
        outcomes: Vec<Outcome>,
        is_answer: impl Fn(Instant) -> bool,
    ) {
        let kept = self.keep(sought, outcomes);
        let here: HashSet<&str> = keys.iter().map(|key| key.id.as_str()).collect();
        let has_ids = keys.iter().all(|key| key.has_id);
        let is_here = |id: &str| here.contains(id) || kept.contains(id);
        let came = sought.iter().filter(|(id, _)| is_here(id));
        self.came.extend(came.map(|(id, _)| id.clone()));
        self.has_nameless |= !has_ids;
        for (id, at) in sought.iter().filter(|(id, _)| !is_here(id)) {
            match has_ids && is_answer(*at) {
                true => self.gone.push(id.clone()),
                false => self.unclear.push(id.clone()),
            }
        }
    }

    /// Nothing is known about these.
    pub(super) fn leave(&mut self, sought: &[Missing]) {
        self.unclear.extend(sought.iter().map(|(id, _)| id.clone()));
    }

    /// Keeps the rows of those of `sought` that came, and gives back which did.
    fn keep(&mut self, sought: &[Missing], outcomes: Vec<Outcome>) -> HashSet<String> {
        let sought: HashSet<&str> = sought.iter().map(|(id, _)| id.as_str()).collect();
        let mut here = HashSet::new();
        for outcome in outcomes {
            let id = match &outcome {
                Outcome::Rows(rows) => Some(rows.ticket.id.clone()),
                Outcome::Reject(reject) => reject.ticket_id.clone(),
            };
            let Some(id) = id.filter(|id| sought.contains(id.as_str())) else {
                continue;
            };
            here.insert(id);
            if let Outcome::Rows(rows) = outcome {
                self.found.push(*rows);
            }
        }
        here
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Instant {
        Instant::from_timestamp_millis(ms).expect("in range")
    }

    fn missing(creations: &[i64]) -> Vec<Missing> {
        let missing = creations.iter();
        missing.map(|ms| (ms.to_string(), at(*ms))).collect()
    }

    #[test]
    fn what_a_look_does_not_settle_is_as_the_next_one_has_it() {
        let look = |gone: &str, unclear: &str| SecondLook {
            gone: gone.chars().map(String::from).collect(),
            found: Vec::new(),
            unclear: unclear.chars().map(String::from).collect(),
            ..SecondLook::default()
        };
        let came = |ids: &str, look: SecondLook| SecondLook {
            came: ids.chars().map(String::from).collect(),
            ..look
        };
        let nameless = |look: SecondLook| SecondLook {
            has_nameless: true,
            ..look
        };
        for (first, again, gone, unclear) in [
            (look("", "abc"), look("a", "b"), "a", "b"),
            (look("a", "b"), look("", "ab"), "a", "b"),
            // What came and could not be stored is neither gone nor unclear.
            (look("", "b"), look("ab", ""), "b", ""),
            (look("", "ab"), look("", "ab"), "", "ab"),
            // Nor is it gone where only the second answer shows it, or may show it without its id.
            (look("a", "b"), came("a", look("b", "")), "b", ""),
            (look("a", "b"), nameless(look("", "b")), "", "ab"),
        ] {
            let both = first.or(again);
            assert_eq!(
                (both.gone.concat(), both.unclear.concat()),
                (gone.to_owned(), unclear.to_owned())
            );
        }
    }

    #[test]
    fn what_came_is_there_and_what_did_not_is_gone_only_where_the_answer_is_about_it() {
        let key = |id: &str, has_id| Key {
            id: id.to_owned(),
            created_at: Some(at(5)),
            has_id,
            version: 0,
        };
        let settled = |keys: &[Key]| {
            let mut look = SecondLook::default();
            let is_answer = |instant| instant < at(20);
            look.settle(&missing(&[1, 5, 19, 20]), keys, Vec::new(), is_answer);
            (look.gone.join(" "), look.unclear.join(" "))
        };
        let told = |gone: &str, unclear: &str| (gone.to_owned(), unclear.to_owned());
        assert_eq!(settled(&[]), told("1 5 19", "20"));
        assert_eq!(
            settled(&[key("5", true), key("20", true)]),
            told("1 19", "")
        );
        // It may be any of them.
        assert_eq!(
            settled(&[key("5", true), key("?", false)]),
            told("", "1 19 20")
        );
    }
}
