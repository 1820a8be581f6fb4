//! What a sync may spend: time of the API's limit, as an amount of requests.

use std::time::Duration;

use super::connection::{BudgetSettings, RateLimit};

/// What a sync may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spend {
    /// Requests; `None` for as many as it takes.
    pub requests: Option<u64>,
    /// What this run may send in a period; `None` where the limit is lifted, or no matter.
    rate: Option<RateLimit>,
    /// The time that was asked for.
    time: Option<Duration>,
}

impl Spend {
    /// As much as it takes.
    pub const ALL: Self = Self {
        requests: None,
        rate: None,
        time: None,
    };

    /// What the run's share of the limit allows in a time: without a limit, as many requests as it takes.
    pub fn time(budget: &BudgetSettings, time: Duration) -> Self {
        let rate = rate(budget);
        Self {
            requests: rate.map(|rate| requests_in(rate, time)),
            rate,
            time: Some(time),
        }
    }

    /// So many requests, whatever the limit.
    pub const fn requests(requests: u64) -> Self {
        Self {
            requests: Some(requests),
            rate: None,
            time: None,
        }
    }

    /// The option that allows so many requests, as it would be typed.
    pub fn option_for(&self, requests: u64) -> String {
        match self.rate {
            Some(rate) => option(time_for(rate, requests)),
            None => format!("--max-requests {requests}"),
        }
    }

    /// The option as it stands.
    pub fn option(&self) -> Option<String> {
        let requests = self.requests?;
        let time = self.time.map(option);
        Some(time.unwrap_or_else(|| self.option_for(requests)))
    }
}

/// A time as the option that says it.
fn option(time: Duration) -> String {
    let time = humantime::format_duration(time);
    format!("--spend {}", time.to_string().replace(' ', ""))
}

fn rate(budget: &BudgetSettings) -> Option<RateLimit> {
    let requests = budget.requests()?.max(1);
    let period = budget.rate_limit?.period;
    Some(RateLimit { requests, period })
}

/// Requests that a rate allows in a time, rounded down.
fn requests_in(rate: RateLimit, time: Duration) -> u64 {
    let requests = u128::from(rate.requests) * time.as_nanos() / rate.period.as_nanos().max(1);
    u64::try_from(requests).unwrap_or(u64::MAX)
}

/// The shortest time in which a rate allows so many requests, rounded up to what people type: 5 seconds
/// below a minute, whole minutes above.
fn time_for(rate: RateLimit, requests: u64) -> Duration {
    let nanos = u128::from(requests) * rate.period.as_nanos();
    let seconds = nanos.div_ceil(u128::from(rate.requests) * 1_000_000_000);
    let seconds = u64::try_from(seconds).unwrap_or(u64::MAX / 120);
    let step = if seconds <= 60 { 5 } else { 60 };
    Duration::from_secs(seconds.div_ceil(step).max(1).saturating_mul(step))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(limit: Option<(u32, u64)>, share_percent: u32) -> BudgetSettings {
        BudgetSettings {
            rate_limit: limit.map(|(requests, seconds)| RateLimit {
                requests,
                period: Duration::from_secs(seconds),
            }),
            share_percent,
            margin: Duration::from_millis(300),
            state_dir: None,
        }
    }

    #[test]
    fn a_time_is_so_many_requests_of_a_share_of_the_limit() {
        for (limit, share, seconds, requests) in [
            (Some((90, 30)), 100, 300, Some(900)),
            (Some((90, 30)), 50, 300, Some(450)),
            (Some((90, 30)), 100, 20, Some(60)),
            (Some((90, 30)), 1, 30, Some(1)),
            (Some((1, 86_400)), 100, 300, Some(0)),
            (Some((u32::MAX, 1)), 100, u64::MAX, Some(u64::MAX)),
            (None, 100, 1, None),
        ] {
            let spend = Spend::time(&budget(limit, share), Duration::from_secs(seconds));
            assert_eq!(spend.requests, requests, "{limit:?} {share} {seconds}");
        }
    }

    #[test]
    fn the_option_that_is_named_allows_what_it_is_named_for() {
        for (requests, option) in [
            (900, "--spend 5m"),
            (901, "--spend 6m"),
            (61, "--spend 25s"),
            (60, "--spend 20s"),
            (0, "--spend 5s"),
            (12_000, "--spend 1h7m"),
        ] {
            let usual = budget(Some((90, 30)), 100);
            let spend = Spend::time(&usual, Duration::from_secs(300));
            assert_eq!(spend.option_for(requests), option, "{requests}");
            let time = humantime::parse_duration(&option["--spend ".len()..]).expect("a time");
            let allowed = Spend::time(&usual, time).requests.expect("a limit");
            assert!(allowed >= requests, "{option} allows {allowed}");
        }
        for seconds in [90, 22, 300, 5_400] {
            let time = Duration::from_secs(seconds);
            for limit in [(90, 30), (1, 86_400)] {
                let option = Spend::time(&budget(Some(limit), 100), time).option();
                let option = option.expect("a limit");
                let told = humantime::parse_duration(&option["--spend ".len()..]);
                assert_eq!(told, Ok(time), "{option}");
            }
        }
        let counted = Spend::requests(30);
        assert_eq!(counted.option_for(74), "--max-requests 74");
        assert_eq!(counted.option().as_deref(), Some("--max-requests 30"));
        assert_eq!(Spend::ALL.option(), None);
    }
}
