//! How the API is reached, and what may be sent to it.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::clock::Clock;

/// How to reach the API and how hard to try.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The gateway, `https://gateway.mava.app` unless overridden; `http` only on loopback.
    pub base_url: reqwest::Url,
    /// The API key; prints as `[REDACTED]`.
    pub api_key: SecretString,
    /// What may be sent.
    pub budget: BudgetSettings,
    /// When to give up waiting.
    pub timeouts: Timeouts,
    /// How to try again.
    pub retry: RetrySettings,
    /// Ours.
    pub clock: Clock,
    /// The API's clock is believed when it is at most so far from ours.
    pub clock_tolerance: Duration,
    /// A response body above this many bytes is refused.
    pub max_body_bytes: u64,
}

/// The request budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetSettings {
    /// The limit; `None` lifts it.
    pub rate_limit: Option<RateLimit>,
    /// The share of the limit this tool may use, 1 to 100 percent.
    pub share_percent: u32,
    /// Added to the period, for network jitter.
    pub margin: Duration,
    /// Where the ledgers lie.
    pub state_dir: Option<PathBuf>,
}

impl BudgetSettings {
    /// Requests that this tool may send in one period: its share of the limit, rounded down;
    /// `None` when the limit is lifted.
    pub fn requests(&self) -> Option<u32> {
        let limit = self.rate_limit?;
        let share = u64::from(limit.requests) * u64::from(self.share_percent) / 100;
        Some(u32::try_from(share).unwrap_or(u32::MAX))
    }

    /// The stretch of time that [`requests`](Self::requests) are counted over: the limit's period
    /// and the margin.
    pub fn period(&self) -> Option<Duration> {
        Some(self.rate_limit?.period.saturating_add(self.margin))
    }
}

/// So many requests in any window of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests.
    pub requests: u32,
    /// The window's length.
    pub period: Duration,
}

/// When to give up waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For the next byte, of the headers or of the body.
    pub read: Duration,
}

/// How to try again after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySettings {
    /// Tries of one request in all, the first included.
    pub attempts: u32,
    /// Time from the first try after which no further one starts.
    pub total: Duration,
    /// The first pause's upper bound; it doubles from try to try.
    pub pause: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_the_budget_is_rounded_down() {
        let of = |requests, share_percent| BudgetSettings {
            rate_limit: Some(RateLimit {
                requests,
                period: Duration::from_secs(30),
            }),
            share_percent,
            margin: Duration::from_millis(300),
            state_dir: None,
        };
        assert_eq!(of(90, 100).requests(), Some(90));
        assert_eq!(of(90, 80).requests(), Some(72));
        assert_eq!(of(90, 1).requests(), Some(0));
        assert_eq!(of(u32::MAX, 100).requests(), Some(u32::MAX));
        assert_eq!(of(90, 100).period(), Some(Duration::from_millis(30_300)));
        assert_eq!(
            BudgetSettings {
                rate_limit: None,
                ..of(1, 1)
            }
            .requests(),
            None
        );
    }
}
