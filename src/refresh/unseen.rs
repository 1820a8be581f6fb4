//! What may have changed on the desk without being seen, made of what a sync did and did not read.

use serde::{Deserialize, Serialize};

use super::desk::Desk;
use super::hazard::Kind;
use super::index::{Index, Known};
use crate::table::{Instant, instant_text, parse_instant};
use crate::window::Window;

/// Ranges that a kind of change is told in at most. More are joined where fewest tickets lie between them.
const MOST_RANGES: usize = 12;

/// Tickets that were read in a row part two ranges; fewer do not.
const LEAST_BETWEEN: u64 = 50;

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The API counts fewer tickets than are stored, and which are gone was not found out.
    Deletions,
    /// The API counts more tickets than are stored, and which are missing was not found out.
    Additions,
    /// The API counts more ratings than are stored, and whose they are was not found out; or it did not
    /// count them.
    Ratings,
    /// Resolved tickets were reopened and resolved again since the sync before.
    Resolutions,
    /// Notes, edits, tags, attributes, and ratings that were changed, of tickets that were not read.
    Edits,
    /// Messages of every ticket: threads were left as they are.
    Messages,
    /// Anything, of tickets that the filters of the store selected once and select no longer.
    Unselected,
    /// Anything, of tickets that the filters of the store select, in ranges that were not read to the end.
    Unread,
}

impl What {
    /// What it is, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Deletions => "deleted tickets, counted but not found",
            Self::Additions => "missing tickets, counted but not found",
            Self::Ratings => "late ratings",
            Self::Resolutions => "tickets resolved again overnight",
            Self::Edits => "notes, edits, tags and attributes of resolved tickets",
            Self::Messages => "messages, which this sync left as they are",
            Self::Unselected => "tickets that the filters select no longer",
            Self::Unread => "tickets that the filters select, and that were not read",
        }
    }
}

/// Changes of one kind that may be unseen, of tickets created in one range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// The kind.
    pub what: What,
    /// Tickets that it may be true of; for what was counted, how many it is true of.
    pub tickets: u64,
    /// How many changes the API counts that are not found, in all ranges of the kind together where it is ratings;
    /// `None` where nothing was counted.
    pub counted: Option<u64>,
    /// Creation of the first, RFC 3339.
    pub created_from: String,
    /// Just after the creation of the last, RFC 3339.
    pub created_until: String,
    /// Nothing of that kind that happened before this is unseen, RFC 3339; `None` where that is not known.
    pub since: Option<String>,
}

impl Unseen {
    /// The range of creation.
    pub fn window(&self) -> Option<Window> {
        let from = parse_instant(&self.created_from)?;
        Window::new(from, parse_instant(&self.created_until)?)
    }
}

/// A difference of counts that was not explained: more tickets by the API, or by the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The range of creation.
    pub window: Window,
    /// Tickets that the API counts.
    pub there: u64,
    /// Tickets that the store has.
    pub here: u64,
}

/// What a sync knows at its end beside its index.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Whether the whole desk was read.
    pub is_full: bool,
    /// Whether threads were left as they are.
    pub lacks_messages: bool,
    /// Ratings that are counted and not known; `None` where they were not counted.
    pub ratings_outstanding: Option<u64>,
    /// Differences of counts that were not explained.
    pub counted: Vec<Counted>,
}

/// All that may be unseen, what is known first.
pub fn unseen(desk: &Desk, facts: &Facts) -> Vec<Unseen> {
    let mut all: Vec<Unseen> = facts.counted.iter().filter_map(difference).collect();
    if facts.lacks_messages {
        all.extend(messages(&desk.index, desk.since));
    }
    if facts.is_full {
        return all;
    }
    let began_ms = desk.began_ms();
    if facts.ratings_outstanding != Some(0) {
        let may_be_rated = |known: &Known| known.is_resolved && !known.is_rated;
        let ratings = ranges(&desk.index, What::Ratings, |known| {
            since(known, Kind::Rating, began_ms).filter(|_| may_be_rated(known))
        });
        let counted = facts.ratings_outstanding;
        let is_nowhere = ratings.is_empty();
        all.extend(ratings.into_iter().map(|one| Unseen { counted, ..one }));
        all.extend(counted.filter(|_| is_nowhere).map(|ratings| Unseen {
            what: What::Ratings,
            tickets: ratings,
            counted,
            created_from: instant_text(desk.first),
            created_until: instant_text(desk.began_at),
            since: None,
        }));
    }
    all.extend(ranges(&desk.index, What::Resolutions, |known| {
        since(known, Kind::Resolution, began_ms).filter(|_| known.is_resolved)
    }));
    all.extend(ranges(&desk.index, What::Edits, |known| {
        since(known, Kind::Other, began_ms)
    }));
    all
}

/// What may be unseen of a store that holds what filters select: tickets that a sync did not read, since they
/// select them no longer or, as `is_selected` says of a ticket, although they do.
pub fn of_selection(index: &Index, is_selected: impl Fn(&Known) -> bool) -> Vec<Unseen> {
    let unread = |known: &Known| (!known.is_seen && !known.is_gone).then_some(known.verified_ms);
    let mut all = ranges(index, What::Unread, |known| {
        unread(known).filter(|_| is_selected(known))
    });
    all.extend(ranges(index, What::Unselected, |known| {
        unread(known).filter(|_| !is_selected(known))
    }));
    all
}

/// Since when a change of a kind would be unseen; `None` where this sync would have seen it.
fn since(known: &Known, kind: Kind, began_ms: i64) -> Option<i64> {
    let known_ms = known.known_ms(kind);
    (!known.is_seen && !known.is_gone && known_ms < began_ms).then_some(known_ms)
}

fn difference(counted: &Counted) -> Option<Unseen> {
    let (what, tickets) = match (counted.there, counted.here) {
        (there, here) if there < here => (What::Deletions, here - there),
        (there, here) if there > here => (What::Additions, there - here),
        _ => return None,
    };
    Some(Unseen {
        what,
        tickets,
        counted: Some(tickets),
        created_from: instant_text(counted.window.from()),
        created_until: instant_text(counted.window.until()),
        since: None,
    })
}

/// Messages of every ticket, of which none was read since.
pub fn messages(index: &Index, since: Instant) -> Option<Unseen> {
    let live = || index.tickets().iter().filter(|known| !known.is_gone);
    let (first, last) = (live().next()?, live().next_back()?);
    Some(Unseen {
        what: What::Messages,
        tickets: u64::try_from(live().count()).unwrap_or(u64::MAX),
        counted: None,
        created_from: text(first.created_ms),
        created_until: text(last.created_ms + 1),
        since: Some(instant_text(since)),
    })
}

/// Tickets in a row.
#[derive(Debug, Clone, Copy)]
struct Range {
    from_ms: i64,
    until_ms: i64,
    since_ms: i64,
    tickets: u64,
    /// Tickets before it that were read.
    between: u64,
}

/// The ranges of the tickets for which `since` says since when something may be unseen.
fn ranges(index: &Index, what: What, since: impl Fn(&Known) -> Option<i64>) -> Vec<Unseen> {
    let mut ranges: Vec<Range> = Vec::new();
    let mut between = 0;
    for known in index.tickets() {
        let Some(since_ms) = since(known) else {
            between += u64::from(!known.is_gone);
            continue;
        };
        let one = Range {
            from_ms: known.created_ms,
            until_ms: known.created_ms + 1,
            since_ms,
            tickets: 1,
            between,
        };
        match ranges.last_mut().filter(|_| between < LEAST_BETWEEN) {
            Some(last) => last.join(one),
            None => ranges.push(one),
        }
        between = 0;
    }
    fewer(ranges)
        .into_iter()
        .map(|range| Unseen {
            what,
            tickets: range.tickets,
            counted: None,
            created_from: text(range.from_ms),
            created_until: text(range.until_ms),
            since: Some(text(range.since_ms)),
        })
        .collect()
}

/// At most [`MOST_RANGES`], parted where most tickets lie between.
fn fewer(ranges: Vec<Range>) -> Vec<Range> {
    let mut gaps: Vec<u64> = ranges.iter().skip(1).map(|range| range.between).collect();
    gaps.sort_unstable_by(|one, other| other.cmp(one));
    let least = gaps.get(MOST_RANGES - 2).copied().unwrap_or(0);
    let mut all: Vec<Range> = Vec::new();
    for range in ranges {
        let is_parted = range.between >= least && all.len() < MOST_RANGES;
        match all.last_mut().filter(|_| !is_parted) {
            Some(last) => last.join(range),
            None => all.push(range),
        }
    }
    all
}

impl Range {
    fn join(&mut self, next: Self) {
        self.until_ms = next.until_ms;
        self.since_ms = self.since_ms.min(next.since_ms);
        self.tickets += next.tickets;
    }
}

fn text(at_ms: i64) -> String {
    Instant::from_timestamp_millis(at_ms).map_or_else(String::new, instant_text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refresh::{DAY_MS, Hazards};

    const NOW: i64 = 1_700_000_000_000;

    /// A ticket created so many days ago and last read so many days ago.
    fn known(number: i64, created: i64, read: i64) -> Known {
        Known {
            id: format!("{number:06}").into(),
            created_ms: NOW - created * DAY_MS + number,
            verified_ms: NOW - read * DAY_MS,
            rating_known_ms: i64::MIN,
            resolution_known_ms: i64::MIN,
            resolution_ms: Some(1),
            is_resolved: true,
            is_open: false,
            is_rated: false,
            is_seen: read == 0,
            is_gone: false,
        }
    }

    fn desk(tickets: Vec<Known>) -> Desk {
        let instant = |ms| Instant::from_timestamp_millis(ms).expect("in range");
        Desk {
            first: instant(NOW - 1_000 * DAY_MS),
            since: instant(NOW - DAY_MS),
            began_at: instant(NOW),
            index: Index::new(tickets),
            hazards: Hazards::default(),
        }
    }

    /// Kind, tickets, days since nobody looked.
    fn told(all: &[Unseen]) -> Vec<(What, u64, Option<i64>)> {
        let days = |text: &String| {
            let at = crate::table::parse_instant(text).expect("an instant");
            (NOW - at.timestamp_millis()) / DAY_MS
        };
        let told = all.iter();
        told.map(|one| (one.what, one.tickets, one.since.as_ref().map(days)))
            .collect()
    }

    #[test]
    fn each_kind_is_told_of_the_tickets_it_may_be_true_of() {
        let swept = Known {
            resolution_known_ms: NOW,
            ..known(1, 500, 40)
        };
        let rated = Known {
            is_rated: true,
            ..known(2, 400, 30)
        };
        let gone = Known {
            is_gone: true,
            ..known(3, 300, 900)
        };
        let tickets = vec![swept, rated, gone, known(4, 200, 0)];
        let facts = |ratings_outstanding| Facts {
            ratings_outstanding,
            ..Facts::default()
        };
        let edits = (What::Edits, 2, Some(40));
        let again = (What::Resolutions, 1, Some(30));
        for (ratings, expected) in [
            (Some(0), vec![again, edits]),
            (Some(3), vec![(What::Ratings, 1, Some(40)), again, edits]),
            (None, vec![(What::Ratings, 1, Some(40)), again, edits]),
        ] {
            let all = unseen(&desk(tickets.clone()), &facts(ratings));
            assert_eq!(told(&all), expected, "{ratings:?}");
            assert_eq!(all[0].counted, ratings.filter(|ratings| *ratings > 0));
        }
        let is_full = Facts {
            is_full: true,
            ..Facts::default()
        };
        assert_eq!(unseen(&desk(tickets), &is_full), []);
    }

    #[test]
    fn what_was_counted_and_threads_that_were_left_are_told_of_a_full_read_too() {
        let window = Window::from_millis(NOW - 9 * DAY_MS, NOW - 2 * DAY_MS).expect("a range");
        let counted = |there, here| Counted {
            window,
            there,
            here,
        };
        let facts = Facts {
            is_full: true,
            lacks_messages: true,
            counted: vec![counted(3, 5), counted(7, 7), counted(9, 8)],
            ..Facts::default()
        };
        let all = unseen(&desk(vec![known(1, 10, 0)]), &facts);
        let expected = [
            (What::Deletions, 2, None),
            (What::Additions, 1, None),
            (What::Messages, 1, Some(1)),
        ];
        assert_eq!(told(&all), expected);
        assert_eq!(all[0].created_from, instant_text(window.from()));
        assert_eq!(all[0].created_until, instant_text(window.until()));
    }

    #[test]
    fn ranges_are_parted_where_many_were_read_and_hold_each_ticket_that_was_not() {
        // Twenty stretches of ten unread tickets, with more and more read ones between them.
        let mut tickets = Vec::new();
        for stretch in 0..20 {
            let day = 900 - stretch * 40;
            tickets.extend((0..10).map(|number| known(number, day, 20 - stretch % 3)));
            tickets.extend((0..30 + stretch * 4).map(|number| known(number, day - 20, 0)));
        }
        let desk = desk(tickets);
        let facts = Facts {
            ratings_outstanding: Some(0),
            ..Facts::default()
        };
        let all = unseen(&desk, &facts);
        let edits: Vec<&Unseen> = all.iter().filter(|one| one.what == What::Edits).collect();
        assert_eq!(edits.len(), MOST_RANGES);
        assert_eq!(edits.iter().map(|one| one.tickets).sum::<u64>(), 200);
        for known in desk.index.tickets().iter().filter(|known| !known.is_seen) {
            let at = text(known.created_ms);
            let read = text(known.verified_ms);
            let is_told = edits.iter().any(|one| {
                one.created_from <= at && at < one.created_until && one.since <= Some(read.clone())
            });
            assert!(is_told, "{at}");
        }
        // The widest stretches of what was read are in none of them.
        let widest = text(NOW - (900 - 19 * 40 - 20) * DAY_MS);
        assert!(
            edits
                .iter()
                .all(|one| widest < one.created_from || one.created_until <= widest)
        );
    }
}
