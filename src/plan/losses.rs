//! Whether so many missing tickets are believed to be gone, in each of the places that ask: pure.

use super::closing::is_suspicious;

/// What a run misses, and of how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Case {
    /// Live tickets of all that the run looked at, the missing ones and its own new ones included, those that
    /// it flagged not.
    pub live: i64,
    /// Tickets that the run stored first.
    pub new: i64,
    /// Tickets that the run flagged.
    pub deleted: i64,
    /// Of those, the ones that were stored before it.
    pub known_deleted: i64,
    /// Tickets that did not come.
    pub missing: i64,
    /// Of those, the ones that were stored before the run.
    pub known: i64,
    /// Tickets that only a count says are missing.
    pub counted: i64,
    /// Whether the run has filters.
    pub is_filtered: bool,
    /// Whether the user allows it.
    pub is_allowed: bool,
}

/// A backfill, before it looks for what it did not meet.
pub fn backfill(case: Case) -> bool {
    is_suspicious(case.missing, case.live) && !case.is_allowed
}

/// A repair, before it looks for what it did not meet.
pub fn repair(case: Case) -> bool {
    is_suspicious(case.missing, case.live - case.new) && !case.is_allowed
}

/// A sync, before and after it looks for what did not come.
pub fn sync(case: Case) -> bool {
    let live = case.live + case.deleted - case.new;
    (is_suspicious(case.missing + case.deleted, live) || is_suspicious(case.counted, live))
        && !case.is_allowed
}

/// A sync, before it leaves some of what is missing to the next one.
pub fn cap(case: Case) -> bool {
    let indexed = case.live + case.deleted;
    !case.is_allowed && is_suspicious(case.missing.saturating_add(case.deleted), indexed)
}

/// The end of a window, before it looks for what did not come.
pub fn window(case: Case) -> bool {
    if case.is_allowed || case.is_filtered || case.missing == 0 && case.counted == 0 {
        return false;
    }
    let live = case.live + case.deleted;
    let missing = case.missing.saturating_add(case.counted) + case.deleted;
    let known = case.known + case.known_deleted;
    is_suspicious(missing, live) || is_suspicious(known, live - case.new)
}

/// The end of a window, after it looked for what did not come.
pub fn window_after(case: Case) -> bool {
    case.is_filtered && !case.is_allowed && is_suspicious(case.missing, case.live)
}

/// An answer that counts fewer tickets than are stored: whether to ask for it once more.
pub fn answer(case: Case) -> bool {
    !case.is_allowed && is_suspicious(case.counted, case.live)
}

/// A stretch of which more was announced than is stored at its end: whether to count again.
pub fn announced(case: Case) -> bool {
    !case.is_allowed
        && !case.is_filtered
        && case.counted > 0
        && is_suspicious(case.counted, case.live.saturating_add(case.counted))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each place says: `backfill repair sync cap | window after | answer announced`, `x` where it is not
    /// believed.
    fn said(case: Case) -> String {
        let mark = |place: fn(Case) -> bool| if place(case) { 'x' } else { '.' };
        [backfill, repair, sync, cap]
            .map(mark)
            .into_iter()
            .chain([' '])
            .chain([window, window_after].map(mark))
            .chain([' '])
            .chain([answer, announced].map(mark))
            .collect()
    }

    /// So many of a desk, all of it known before the run.
    fn missing(missing: i64, live: i64) -> Case {
        Case {
            live,
            missing,
            known: missing,
            ..Case::default()
        }
    }

    #[test]
    fn where_nothing_but_the_number_counts_all_places_agree() {
        for (case, expected) in [
            (missing(0, 0), "...."),
            (missing(0, 100), "...."),
            (missing(1, 1), "...."),
            (missing(2, 2), "xxxx"),
            (missing(2, 3), "xxxx"),
            (missing(2, 4), "...."),
            (missing(50, 100), "...."),
            (missing(51, 102), "xxxx"),
            (missing(51, 2_549), "xxxx"),
            (missing(51, 2_550), "...."),
            (missing(52, 2_550), "xxxx"),
        ] {
            let window = &expected[..1];
            let expected = format!("{expected} {window}. ..");
            assert_eq!(said(case), expected, "{case:?}");
            let allowed = Case {
                is_allowed: true,
                ..case
            };
            assert_eq!(said(allowed), ".... .. ..", "{case:?}");
        }
    }

    #[test]
    fn where_the_places_differ() {
        for (what, case, expected) in [
            (
                "tickets of this run make up for those that are gone",
                Case {
                    new: 1_000,
                    ..missing(6, 1_010)
                },
                ".xx. x. ..",
            ),
            (
                "as much was flagged before",
                Case {
                    deleted: 40,
                    known_deleted: 40,
                    ..missing(40, 1_000)
                },
                "..xx x. ..",
            ),
            (
                "nothing more is missing, after much was flagged",
                Case {
                    deleted: 60,
                    known_deleted: 60,
                    ..missing(0, 1_000)
                },
                "..xx .. ..",
            ),
            (
                "what was flagged was new as well, so that it says nothing of the rest",
                Case {
                    new: 5_000,
                    deleted: 60,
                    ..missing(1, 5_040)
                },
                "..x. .. ..",
            ),
            (
                "many are new and missing",
                Case {
                    new: 80,
                    known: 0,
                    ..missing(60, 80)
                },
                "xxxx x. ..",
            ),
            (
                "a list by filters",
                Case {
                    is_filtered: true,
                    ..missing(60, 100)
                },
                "xxxx .x ..",
            ),
            (
                "a list by filters, as much was flagged before",
                Case {
                    is_filtered: true,
                    deleted: 40,
                    known_deleted: 40,
                    ..missing(40, 1_000)
                },
                "..xx .. ..",
            ),
            (
                "only counted",
                Case {
                    counted: 60,
                    ..missing(0, 100)
                },
                "..x. x. xx",
            ),
            (
                "only counted, beside as many that were flagged",
                Case {
                    counted: 40,
                    deleted: 40,
                    known_deleted: 40,
                    ..missing(0, 1_000)
                },
                ".... x. ..",
            ),
            (
                "only counted, of a list by filters",
                Case {
                    counted: 60,
                    is_filtered: true,
                    ..missing(0, 100)
                },
                "..x. .. x.",
            ),
            (
                "announced, and never stored",
                Case {
                    counted: 70,
                    ..missing(0, 60)
                },
                "..x. x. xx",
            ),
            (
                "announced, and never stored: half of what there was",
                Case {
                    counted: 50,
                    ..missing(0, 50)
                },
                "..x. x. x.",
            ),
        ] {
            assert_eq!(said(case), expected, "{what}");
        }
    }
}
