//! Tables of the judgement of losses.

use super::*;

use Evidence::{Count, List, Look};

/// So many missing of a desk that was all known before the run.
fn missing(missing: i64, live: i64) -> Losses {
    Losses {
        missing,
        known: missing,
        live,
        ..Losses::default()
    }
}

/// What is said of it by a count, a list and a second look: `b`elieved, `a`sk again, `r`efused.
fn said(losses: Losses) -> String {
    let letter = |evidence| match losses.verdict(evidence) {
        Verdict::Believed => 'b',
        Verdict::AskAgain => 'a',
        Verdict::Refused { .. } => 'r',
    };
    [Count, List, Look].map(letter).into_iter().collect()
}

#[test]
fn a_loss_is_believed_only_where_it_is_a_small_part_of_the_desk() {
    for (losses, expected) in [
        // Nothing expected, nothing missing.
        (missing(0, 0), "bbb"),
        (missing(0, 1), "bbb"),
        (missing(0, 5_000), "bbb"),
        // More than was expected.
        (missing(-3, 5), "bbb"),
        // One says nothing of the desk.
        (missing(1, 1), "bab"),
        (missing(1, 2), "bab"),
        // Two, at half and one ticket more.
        (missing(2, 2), "arr"),
        (missing(2, 3), "arr"),
        (missing(2, 4), "bab"),
        (missing(45, 45), "arr"),
        // Fifty, and one over.
        (missing(50, 100), "bab"),
        (missing(51, 103), "arr"),
        (missing(50, 99), "arr"),
        // Two percent, and one over.
        (missing(51, 2_549), "arr"),
        (missing(51, 2_550), "bab"),
        (missing(52, 2_550), "arr"),
        (missing(52, 2_600), "bab"),
        // A live count that makes no sense believes nothing.
        (missing(2, 0), "arr"),
        (missing(i64::MAX, i64::MAX), "arr"),
    ] {
        assert_eq!(said(losses), expected, "{losses:?}");
        // Allowed or not, a list alone flags nothing.
        let allowed = Losses {
            is_allowed: true,
            ..losses
        };
        let list = if losses.missing > 0 { 'a' } else { 'b' };
        assert_eq!(said(allowed), format!("b{list}b"), "{losses:?}");
        // Of a list by filters what left it has changed, until a second look says that it is gone.
        let filtered = Losses {
            is_filtered: true,
            ..losses
        };
        let look = expected.chars().last().expect("three");
        assert_eq!(said(filtered), format!("b{list}{look}"), "{losses:?}");
    }
}

#[test]
fn what_the_run_flagged_and_what_it_stored_first_is_part_of_the_sum() {
    for (what, losses, expected) in [
        (
            "tickets of this run make up for none that was known",
            Losses {
                new: 1_000,
                ..missing(6, 1_010)
            },
            "arr",
        ),
        (
            "five of the ten that were known are half of them",
            Losses {
                new: 1_000,
                ..missing(5, 1_010)
            },
            "bab",
        ),
        (
            "as much was flagged before, and it is at two percent",
            Losses {
                deleted: 40,
                known_deleted: 40,
                ..missing(40, 3_960)
            },
            "bab",
        ),
        (
            "as much was flagged before, and it is one ticket over",
            Losses {
                deleted: 41,
                known_deleted: 41,
                ..missing(40, 3_960)
            },
            "arr",
        ),
        (
            "much was flagged before, as the user allowed then, and nothing more is missing",
            Losses {
                deleted: 60,
                known_deleted: 60,
                ..missing(0, 1_000)
            },
            "bbb",
        ),
        (
            "what was flagged was new, and few of so many: it says nothing of those that were known",
            Losses {
                new: 5_000,
                deleted: 60,
                ..missing(1, 5_040)
            },
            "bab",
        ),
        (
            "what was flagged was known, and with one more it is most of that",
            Losses {
                new: 5_000,
                deleted: 50,
                known_deleted: 50,
                ..missing(1, 5_040)
            },
            "arr",
        ),
        (
            "most of what was stored seconds ago",
            Losses {
                known: 0,
                new: 80,
                ..missing(60, 80)
            },
            "arr",
        ),
        (
            "a few of what was stored seconds ago",
            Losses {
                known: 0,
                new: 80,
                ..missing(40, 80)
            },
            "bab",
        ),
        (
            "a few of both, each by itself no half",
            Losses {
                known: 5,
                new: 80,
                ..missing(45, 90)
            },
            "bab",
        ),
        (
            "a few of both, more than half of what was known",
            Losses {
                known: 6,
                new: 80,
                ..missing(45, 90)
            },
            "arr",
        ),
        (
            "what was flagged is not alive: two flagged and one missing of five",
            Losses {
                deleted: 2,
                known_deleted: 2,
                ..missing(1, 3)
            },
            "arr",
        ),
        (
            "one flagged and one missing of four",
            Losses {
                deleted: 1,
                known_deleted: 1,
                ..missing(1, 3)
            },
            "bab",
        ),
    ] {
        assert_eq!(said(losses), expected, "{what}");
    }
}

#[test]
fn after_a_refusal_no_loss_is_believed_unless_the_user_allows_it() {
    let losses = |missing| Losses {
        is_refused: true,
        ..self::missing(missing, 5_000)
    };
    assert_eq!(said(losses(0)), "bbb");
    assert_eq!(said(losses(1)), "arr");
    let allowed = Losses {
        is_allowed: true,
        ..losses(1)
    };
    assert_eq!(said(allowed), "bab");
}

#[test]
fn a_refusal_names_what_is_missing_and_what_is_taken_back() {
    let losses = Losses {
        deleted: 30,
        known_deleted: 30,
        ..missing(40, 1_000)
    };
    for evidence in [List, Look] {
        assert_eq!(losses.verdict(evidence), Verdict::Refused { missing: 70 });
    }
}

#[test]
fn what_was_created_in_the_ten_minutes_before_a_run_is_young() {
    let at = |ms| Instant::from_timestamp_millis(ms).expect("in range");
    assert_eq!(young_from(at(3_600_000)), at(3_000_000));
}

#[test]
fn an_answer_that_lacked_more_than_a_tenth_of_what_is_there_is_none() {
    for (found, stored, is_none) in [
        (0, 0, false),
        (0, 90, false),
        (2, 3, false),
        (3, 3, true),
        (3, 29, true),
        (3, 30, false),
        (9, 90, false),
        (10, 90, true),
        (10, 99, true),
        (10, 100, false),
    ] {
        assert_eq!(is_incredible(found, stored), is_none, "{found} of {stored}");
    }
}

fn shown(came: usize, expected: usize) -> Shown {
    Shown { expected, came }
}

#[test]
fn an_answer_speaks_of_a_ticket_where_half_of_its_neighbours_and_both_sides_are_shown() {
    for (before, after, witness) in [
        ((20, 20), (69, 69), Witness::Shown),
        // Half of them, and one less.
        ((20, 20), (20, 60), Witness::Shown),
        ((20, 20), (19, 60), Witness::Missing),
        ((1, 20), (39, 60), Witness::Shown),
        // One side is missing, as on a copy that lags.
        ((20, 20), (0, 10), Witness::Missing),
        ((0, 10), (20, 20), Witness::Missing),
        ((20, 20), (0, 3), Witness::Missing),
        ((0, 3), (20, 20), Witness::Missing),
        // A few on one side may be gone as well.
        ((20, 20), (0, 2), Witness::Shown),
        ((0, 1), (20, 20), Witness::Shown),
        // The first and the last ticket of a desk have one side.
        ((0, 0), (30, 60), Witness::Shown),
        ((10, 20), (0, 0), Witness::Shown),
        ((9, 20), (0, 0), Witness::Missing),
        ((1, 1), (0, 0), Witness::Shown),
        ((0, 1), (0, 0), Witness::Missing),
        ((1, 2), (0, 0), Witness::Shown),
        ((1, 3), (0, 0), Witness::Missing),
    ] {
        let (before, after) = (shown(before.0, before.1), shown(after.0, after.1));
        let all = shown(before.came + after.came, before.expected + after.expected);
        let company = Company { all, before, after };
        assert_eq!(company.witness(), witness, "{company:?}");
    }
}

#[test]
fn neighbours_of_the_same_instant_stand_on_both_sides() {
    let company = |came| Company {
        all: shown(came, 89),
        before: shown(came, 89),
        after: shown(came, 89),
    };
    assert_eq!(company(45).witness(), Witness::Shown);
    assert_eq!(company(44).witness(), Witness::Missing);
}

#[test]
fn without_neighbours_to_show_an_answer_has_to_come_twice() {
    assert_eq!(Company::default().witness(), Witness::Nobody);
}
