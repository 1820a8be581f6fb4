//! How much the optional steps of a sync may cost.

/// Requests that the optional steps may bring a sync to: this share of a full read, in percent, and
/// at least so many; and those that reading everything within `--refresh-within` takes a night.
const SHARE_PERCENT: u64 = 3;
const LEAST_REQUESTS: u64 = 40;

/// Requests left to the optional steps, however much the others took.
const LEAST_OPTIONAL: u64 = 20;

/// Requests at which the optional steps of a sync stop, on a desk whose full read takes `full` and
/// where the others took `needed`; `cap` is a limit that was asked for. Without one something is left to
/// the optional steps, however much the others took.
pub fn most_requests(cap: Option<u64>, full: u64, floor_share: u64, needed: u64) -> u64 {
    let usual = (full * SHARE_PERCENT / 100).max(LEAST_REQUESTS);
    let least = needed + LEAST_OPTIONAL;
    cap.unwrap_or(usual.max(least) + floor_share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_a_full_read_and_the_floor_but_never_too_little_and_a_cap_is_a_cap() {
        for (cap, full, floor_share, needed, most) in [
            (None, 100, 0, 0, 40),
            (None, 100, 7, 0, 47),
            (None, 10_000, 110, 0, 410),
            (None, 10_000, 110, 400, 530),
            (None, 10_000, 110, 279, 410),
            (Some(0), 10_000, 110, 400, 0),
            (Some(60), 10_000, 110, 400, 60),
        ] {
            assert_eq!(
                most_requests(cap, full, floor_share, needed),
                most,
                "{cap:?} {full} {floor_share} {needed}"
            );
        }
    }
}
