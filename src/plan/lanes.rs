//! How many pages to have in flight.

use std::time::Duration;

/// Room above what rate and latency ask for, so that the budget waits for nobody.
const HEADROOM: f64 = 1.5;

/// Lanes that keep `rate` requests per second busy at `latency`: by Little's law as many as are in
/// flight at any moment, with some headroom, and one to wait at the gate. Between 1 and `most`.
/// With the limit lifted (`rate` is `None`) two per processor are enough, as decoding and storing
/// then set the pace.
pub fn lanes(
    rate: Option<f64>,
    latency: Option<Duration>,
    processors: usize,
    most: usize,
) -> usize {
    let wanted = match (rate, latency) {
        (None, _) => processors.saturating_mul(2),
        (Some(_), None) => 1,
        (Some(rate), Some(latency)) => {
            let in_flight = (rate * latency.as_secs_f64() * HEADROOM).ceil();
            // Counting up instead of casting: `most` is small.
            (1..most)
                .find(|lanes| u32::try_from(*lanes).is_ok_and(|lanes| f64::from(lanes) > in_flight))
                .unwrap_or(most)
        }
    };
    wanted.clamp(1, most.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_follow_rate_times_latency_within_their_bounds() {
        let at = |ms, most| lanes(Some(3.0), Some(Duration::from_millis(ms)), 2, most);
        assert_eq!(at(1, 16), 2);
        assert_eq!(at(50, 16), 2);
        assert_eq!(at(1_500, 16), 8);
        assert_eq!(at(60_000, 16), 16);
        assert_eq!(at(1_500, 1), 1);
        assert_eq!(lanes(Some(3.0), None, 2, 16), 1);
        assert_eq!(lanes(None, None, 2, 16), 4);
        assert_eq!(lanes(None, None, 64, 16), 16);
    }
}
