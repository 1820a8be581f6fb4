//! What several answers prove together where a single one does not hold everything.
//!
//! A ticket that is gone does not come back. So one that was seen in an answer at or before another
//! and in an answer at or after it was there when that one was made. Where as many tickets are proven
//! to have been there as that answer counts, they are all that was there, and whatever lived throughout
//! was seen. Nothing less is a proof: a ticket that was seen and then deleted stands in for one that
//! was never seen, and one that came in its place leaves the count as it was.

use std::collections::HashMap;

use crate::mava::Filters;

/// What the answers so far prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Not that everything was seen: of each answer's count so many tickets at least are not known to
    /// have been there. `None` where no answer about the whole had a count.
    Open(Option<u64>),
    /// Everything that lived throughout was seen.
    Whole {
        /// So many tickets there were at one moment.
        count: u64,
        /// Whether the last answer showed them all, or all answers count as many. Else they may come
        /// from copies of the collection that lag behind each other, and one more look is due: it shows
        /// that, or what was overlooked.
        is_steady: bool,
    },
    /// More tickets were there than an answer counts: the answers are not about one and the same
    /// collection. Nothing is kept of them.
    Torn,
}

/// In which answers each ticket was seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sightings {
    spans: HashMap<String, Span>,
    answers: Vec<Told>,
    /// The smallest and the largest count of the whole; not of the answers that are kept alone.
    counts: Option<(u64, u64)>,
    /// Whether tickets may leave and come back, as they do under a filter by what changes.
    may_return: bool,
}

/// The answers between which a ticket was there.
#[derive(Debug, Clone, Copy)]
struct Span {
    last: usize,
    version: u128,
}

/// One answer.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    /// How many tickets there are in all; `None` where it is about a part, or does not say.
    count: Option<u64>,
    /// Tickets seen in it for the first time.
    begun: u64,
    /// Tickets not seen after it, so far.
    ended: u64,
}

impl Sightings {
    /// None yet, of tickets that pass `filters`. Under a filter that a ticket may leave and come back
    /// to, only one that did not change in between counts as having been there.
    pub(crate) fn under(filters: &Filters) -> Self {
        let lasting = Filters {
            origin: filters.origin.clone(),
            ..Filters::default()
        };
        Self {
            may_return: *filters != lasting,
            ..Self::default()
        }
    }

    /// Takes the next answer: the ids that came, each with its ticket's version. `count` is how many
    /// tickets there are in all, by this answer; `None` where it is about a part.
    pub(crate) fn take(
        &mut self,
        came: impl IntoIterator<Item = (impl AsRef<str>, u128)>,
        count: Option<u64>,
    ) -> Proof {
        let now = self.answers.len();
        let mut told = Told {
            count,
            ..Told::default()
        };
        for (id, version) in came {
            let seen = Span { last: now, version };
            let id = id.as_ref();
            match self.spans.get_mut(id) {
                Some(span) if span.last == now => continue,
                Some(span) if !self.may_return || span.version == version => {
                    if let Some(before) = self.answers.get_mut(span.last) {
                        before.ended = before.ended.saturating_sub(1);
                    }
                    *span = seen;
                }
                Some(span) => {
                    *span = seen;
                    told.begun += 1;
                }
                None => {
                    self.spans.insert(id.to_owned(), seen);
                    told.begun += 1;
                }
            }
            told.ended += 1;
        }
        self.answers.push(told);
        if let Some(count) = count {
            let (least, most) = self.counts.unwrap_or((count, count));
            self.counts = Some((least.min(count), most.max(count)));
        }
        let is_all = count == Some(told.ended);
        let is_steady = is_all || self.counts.is_some_and(|(least, most)| least == most);
        let proof = self.proof(is_steady);
        if proof == Proof::Torn {
            self.spans.clear();
            self.answers.clear();
        }
        proof
    }

    fn proof(&self, is_steady: bool) -> Proof {
        let (mut there, mut missing) = (0u64, None);
        let (mut largest, mut proofs) = (0, 0);
        for told in &self.answers {
            there += told.begun;
            if let Some(count) = told.count {
                match count.checked_sub(there) {
                    None => return Proof::Torn,
                    Some(0) => {
                        largest = count.max(largest);
                        proofs += 1;
                    }
                    Some(unknown) => missing = Some(unknown.min(missing.unwrap_or(u64::MAX))),
                }
            }
            there = there.saturating_sub(told.ended);
        }
        // A single answer in which most are gone may be one that went wrong.
        let is_believable = proofs > 1 || largest.saturating_mul(2) >= self.spans.len() as u64;
        match proofs > 0 && is_believable {
            true => Proof::Whole {
                count: largest,
                is_steady,
            },
            false => Proof::Open(missing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes answers: each a count, and tickets as letters, or as a letter and a version.
    fn told(sightings: &mut Sightings, answers: &[(Option<u64>, &str)]) -> Proof {
        let mut proof = Proof::Open(None);
        for (count, tickets) in answers {
            let came = tickets.split_whitespace().map(|ticket| {
                let (id, version) = ticket.split_at(1);
                (id, version.parse().unwrap_or(0))
            });
            proof = sightings.take(came, *count);
        }
        proof
    }

    const STEADY: Proof = Proof::Whole {
        count: 4,
        is_steady: true,
    };
    const SHAKEN: Proof = Proof::Whole {
        count: 4,
        is_steady: false,
    };

    #[test]
    fn an_answer_is_proven_whole_by_what_was_seen_on_both_sides_of_it() {
        for (what, answers, expected) in [
            ("all at once", &[(Some(4), "a b c d")][..], STEADY),
            (
                "one pass",
                &[(Some(4), "a b"), (Some(4), "c d")],
                Proof::Open(Some(2)),
            ),
            (
                "two passes",
                &[(Some(4), "a b"), (Some(4), "c d"), (Some(4), "a b")],
                STEADY,
            ),
            (
                "parts around a count of the whole",
                &[
                    (None, "a b"),
                    (None, "c d"),
                    (Some(4), ""),
                    (None, "d a"),
                    (None, "b c"),
                ],
                STEADY,
            ),
            (
                "parts whose counts are not of the whole",
                &[(None, "a b"), (None, "c d"), (None, "a b")],
                Proof::Open(None),
            ),
            (
                // b goes, which moves c up onto the page that was read; d and e follow.
                "a deletion and an insertion leave the count and hide c",
                &[(Some(4), "a b"), (Some(4), "d e")],
                Proof::Open(Some(2)),
            ),
            (
                "the same, read again",
                &[
                    (Some(4), "a b"),
                    (Some(4), "d e"),
                    (Some(4), "a c"),
                    (Some(4), "d e"),
                ],
                STEADY,
            ),
            (
                "a deletion alone",
                &[
                    (Some(5), "a b"),
                    (Some(4), "d e"),
                    (Some(4), "a c"),
                    (Some(4), "d e"),
                ],
                SHAKEN,
            ),
            (
                "an insertion alone",
                &[(Some(3), "a b"), (Some(4), "c d"), (Some(4), "a b")],
                SHAKEN,
            ),
            (
                "as many different ones as counted, two of which came and went",
                &[(Some(4), "a x"), (Some(4), "y b"), (Some(4), "a b")],
                Proof::Open(Some(1)),
            ),
            (
                "an empty answer between two full ones",
                &[(Some(4), "a b"), (Some(0), ""), (Some(4), "a b")],
                Proof::Torn,
            ),
            (
                "an empty answer at the end",
                &[(Some(4), "a b"), (Some(4), "c"), (Some(0), "")],
                Proof::Open(Some(2)),
            ),
            ("more than are counted", &[(Some(2), "a b c")], Proof::Torn),
            (
                "one that came twice",
                &[(Some(2), "a a")],
                Proof::Open(Some(1)),
            ),
            (
                "one that came twice, and once more after all others",
                &[(Some(4), "a a"), (Some(4), "b c d"), (Some(4), "a")],
                STEADY,
            ),
            (
                "nothing of what is counted",
                &[(Some(4), "")],
                Proof::Open(Some(4)),
            ),
            (
                "few of what there was, shown once",
                &[(None, "p q r s t"), (Some(4), "a b c d")],
                Proof::Open(None),
            ),
            (
                "few of what there was, shown twice",
                &[
                    (None, "p q r s t"),
                    (Some(4), "a b c d"),
                    (Some(4), "a b c d"),
                ],
                STEADY,
            ),
        ] {
            let proof = told(&mut Sightings::default(), answers);
            assert_eq!(proof, expected, "{what}");
        }
    }

    #[test]
    fn what_contradicted_itself_is_forgotten() {
        let mut sightings = Sightings::default();
        let torn = [(Some(4), "a b"), (Some(1), "c"), (Some(4), "a b")];
        assert_eq!(told(&mut sightings, &torn), Proof::Torn);
        let again = [(Some(4), "a b"), (Some(4), "c d"), (Some(4), "a b")];
        assert_eq!(told(&mut sightings, &again), SHAKEN);
    }

    #[test]
    fn under_a_filter_by_what_changes_a_ticket_that_changed_may_have_been_away() {
        let origin = Filters {
            origin: vec!["web".to_owned()],
            ..Filters::default()
        };
        let status = Filters {
            status: vec!["Open".to_owned()],
            ..origin.clone()
        };
        let answers = [(Some(4), "a1 b1"), (Some(4), "c1 d1"), (Some(4), "a2 b1")];
        let proof = told(&mut Sightings::under(&origin), &answers);
        assert_eq!(proof, STEADY);
        let mut sightings = Sightings::under(&status);
        assert_eq!(told(&mut sightings, &answers), Proof::Open(Some(1)));
        // Since the change it is as good as any.
        assert_eq!(told(&mut sightings, &[(Some(4), "c1 d1")]), STEADY);
    }
}
