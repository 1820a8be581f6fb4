//! What a sync does with the requests that it may send: whether all of the desk is read, and how what is
//! left after the steps that cannot be left out is shared.

/// What one sync is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Whether the whole desk is read.
    pub whole: Whole,
    /// Requests that it may send; `None` for as many as it takes.
    pub allowance: Option<u64>,
}

/// When a sync reads the whole desk, and takes no other step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// Whatever it takes.
    Always,
    /// Where it fits into what may be sent.
    IfItFits,
    /// Not even then. No option says this: the steps of a large desk are tried on a small one with it.
    Never,
}

/// Within so many syncs all of the desk is to come round by age, where that leaves something to what goes by
/// expected finds.
const SYNCS_FOR_ALL: u64 = 60;

/// What goes by age, at least and for that, in percent of what is left for pages.
const LEAST_BY_AGE: u64 = 25;
const MOST_FOR_ALL: u64 = 70;

/// Requests that pages leave for one count of a tag or a category, and for listing what it finds.
const FOR_BULK: u64 = 2;

impl Limits {
    /// Whether the whole desk is read, if that takes so many requests, all counted.
    pub fn reads_all(&self, full: u64) -> bool {
        match self.whole {
            Whole::Always => true,
            Whole::IfItFits => self.allowance.is_none_or(|most| full <= most),
            Whole::Never => false,
        }
    }
}

/// How many of so many requests go by what is expected to be found, at most, on a desk of so many pages. The
/// rest, and what is not worth it, goes by age.
pub fn by_finds(left: u64, pages: u64) -> u64 {
    let left = left.saturating_sub(FOR_BULK);
    let share = |percent: u64| (u128::from(left) * u128::from(percent)).div_ceil(100);
    let share = |percent: u64| u64::try_from(share(percent)).unwrap_or(u64::MAX);
    let for_all = pages.div_ceil(SYNCS_FOR_ALL);
    left - for_all.clamp(share(LEAST_BY_AGE), share(MOST_FOR_ALL))
}

/// In how many syncs every ticket is read again, where so many are left when it comes to what goes by age,
/// and so many of them are read. `None` where never.
pub fn syncs_for_all(left: u64, by_age: u64) -> Option<u64> {
    match (left, by_age) {
        (0, _) => Some(1),
        (_, 0) => None,
        (left, by_age) => Some(left.div_ceil(by_age)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_read_whole_unless_that_is_ruled_out() {
        for (whole, allowance, full, is_whole) in [
            (Whole::IfItFits, Some(60), 60, true),
            (Whole::IfItFits, Some(60), 61, false),
            (Whole::IfItFits, Some(0), 1, false),
            (Whole::IfItFits, None, u64::MAX, true),
            (Whole::Always, Some(0), 1_000, true),
            (Whole::Never, None, 1, false),
        ] {
            let limits = Limits { whole, allowance };
            assert_eq!(limits.reads_all(full), is_whole, "{limits:?} {full}");
        }
    }

    #[test]
    fn what_goes_by_age_comes_round_and_is_a_quarter_at_least() {
        for (left, pages, finds) in [
            (0, 3_367, 0),
            (2, 3_367, 0),
            (52, 3_367, 15),
            (102, 3_367, 43),
            (127, 3_367, 68),
            (836, 3_367, 625),
            (602, 22_000, 233),
            (102, 0, 75),
            (u64::MAX, 10, (u64::MAX - 2) / 4 * 3),
        ] {
            let found = by_finds(left, pages);
            assert!(
                found.abs_diff(finds) <= 3,
                "{found}, not {finds}: {left} of {pages}"
            );
            assert!(left < 4 || found <= left / 4 * 3 + 3, "{found} of {left}");
        }
    }

    #[test]
    fn all_is_read_again_once_what_goes_by_age_has_come_round() {
        for (left, age, syncs) in [
            (310_000, 56_000, Some(6)),
            (1_000, 1_000, Some(1)),
            (1_001, 1_000, Some(2)),
            (0, 0, Some(1)),
            (10, 0, None),
        ] {
            assert_eq!(syncs_for_all(left, age), syncs, "{left} {age}");
        }
    }
}
