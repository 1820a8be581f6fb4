//! Which faults are worth another try, and when: pure.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::tls::Refused;
use crate::settings::RetrySettings;

/// The longest pause between two tries that the backoff itself asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Why one try failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// 429, with the pause the API asked for.
    Limited(Option<Duration>),
    /// Another status that is no success, with the API's own words where it sent any.
    Status(u16, Option<String>),
    /// No connection.
    Connect(String),
    /// A server that is not believed, or that does not speak https.
    Refused(Refused),
    /// A proxy that lets nobody through without a name and a password.
    ProxyLogin,
    /// Silence for longer than the timeout.
    Silence,
    /// An answer that kept coming, for longer than was left for all tries.
    Slow,
    /// The connection broke before the body's end.
    Broken(String),
    /// A body that is not what was asked for.
    Undecodable(String),
    /// A body past the cap.
    TooLarge(u64),
}

/// What to do about a [`Cause`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Close the gate, then try again.
    WaitForGate,
    /// Pause, then try again.
    TryAgain,
    /// Give up: it would fail the same way.
    GiveUp,
}

impl Cause {
    pub(super) fn remedy(&self) -> Remedy {
        match self {
            Self::Limited(_) => Remedy::WaitForGate,
            Self::Status(status, _) if *status >= 500 || *status == 408 => Remedy::TryAgain,
            Self::Connect(_)
            | Self::Silence
            | Self::Slow
            | Self::Broken(_)
            | Self::Undecodable(_) => Remedy::TryAgain,
            Self::Status(..) | Self::TooLarge(_) | Self::Refused(_) | Self::ProxyLogin => {
                Remedy::GiveUp
            }
        }
    }

    /// Whether a request for fewer tickets may succeed where this failed.
    pub(super) fn is_weight(&self) -> bool {
        match self {
            Self::TooLarge(_) | Self::Silence | Self::Slow | Self::Broken(_) => true,
            Self::Status(status, _) => *status >= 500,
            Self::Limited(_)
            | Self::Connect(_)
            | Self::Refused(_)
            | Self::ProxyLogin
            | Self::Undecodable(_) => false,
        }
    }

    pub(super) fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Status(401 | 403, _))
    }

    /// The status answered, if one was.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Limited(_) => Some(429),
            Self::Status(status, _) => Some(*status),
            _ => None,
        }
    }

    /// The way out, in words that hold for a run, which goes on, and for a question, which is asked
    /// again.
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::Status(401 | 403, _) => {
                "check the key in MAVA_API_KEY or in the file given by --api-key-file"
            }
            Self::Status(300..=399 | 404, _) => "check --base-url (or MAVA_BASE_URL)",
            Self::Status(400, _) => {
                "the API no longer accepts this request as documented: run mava-export probe"
            }
            Self::Status(401..=499, _) if self.remedy() == Remedy::GiveUp => {
                "mend what the API says, then run the same command again"
            }
            Self::Undecodable(_) => {
                "check --base-url, and a proxy on the way; then run mava-export probe"
            }
            Self::TooLarge(_) => "raise --max-body",
            Self::Refused(refused) => refused.remedy(),
            Self::ProxyLogin => {
                "write the name and the password into the proxy's variable: HTTPS_PROXY=http://name:password@host:port"
            }
            Self::Connect(_) => {
                "check the network, a proxy, and --base-url; then run the same command again"
            }
            Self::Limited(_) => {
                "other tools spend from the same key: lower --budget-share, then run the same command again"
            }
            Self::Status(..) | Self::Silence | Self::Slow | Self::Broken(_) => {
                "wait until the API is well again, then run the same command again; a backfill or a sync goes on from here"
            }
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limited(Some(pause)) => write!(
                out,
                "the API answered 429 and asked for a pause of {} s",
                pause.as_secs_f64().ceil()
            ),
            Self::Limited(None) => out.write_str("the API answered 429"),
            Self::Status(status @ (401 | 403), _) => {
                write!(out, "the API refused the key ({status})")
            }
            Self::Status(status, Some(words)) => write!(out, "the API answered {status}: {words}"),
            Self::Status(status, None) => write!(out, "the API answered {status}"),
            Self::Connect(words) => write!(out, "no connection: {words}"),
            Self::Refused(refused) => write!(out, "no connection: {refused}"),
            Self::ProxyLogin => {
                out.write_str("no connection: the proxy asks for a name and a password (407)")
            }
            Self::Silence => out.write_str("no byte came for longer than the read timeout"),
            Self::Slow => {
                out.write_str("the answer took longer than the time that was left for retries")
            }
            Self::Broken(words) => write!(out, "the connection broke: {words}"),
            Self::Undecodable(words) => write!(out, "the answer cannot be read: {words}"),
            Self::TooLarge(cap) => write!(out, "the answer is larger than {cap} bytes"),
        }
    }
}

/// The pause before try `n + 1` (from 1), with full jitter: anything up to the doubled ceiling.
/// `random` lies in `[0, 1)`.
pub(super) fn pause(n: u32, settings: RetrySettings, random: f64) -> Duration {
    let doubled = 1u32
        .checked_shl(n.saturating_sub(1).min(20))
        .unwrap_or(u32::MAX);
    settings
        .pause
        .saturating_mul(doubled)
        .min(LONGEST_PAUSE)
        .mul_f64(random.clamp(0.0, 1.0))
}

/// Reads `Retry-After`: whole seconds or an HTTP date (RFC 9110, 10.2.3). A date in the past is
/// no pause; anything else is no answer.
pub(super) fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let text = header.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    Some(at.duration_since(now).unwrap_or(Duration::ZERO))
}

/// How far two instants lie from each other.
pub(super) fn distance(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other)
        .unwrap_or_else(|earlier| earlier.duration())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_again_and_what_is_not() {
        let status = |status| Cause::Status(status, None).remedy();
        for transient in [408, 500, 502, 503, 504, 599] {
            assert_eq!(status(transient), Remedy::TryAgain, "{transient}");
        }
        for final_ in [301, 302, 400, 401, 403, 404, 410, 418] {
            assert_eq!(status(final_), Remedy::GiveUp, "{final_}");
        }
        assert_eq!(Cause::Limited(None).remedy(), Remedy::WaitForGate);
        assert_eq!(Cause::Silence.remedy(), Remedy::TryAgain);
        assert_eq!(Cause::TooLarge(1).remedy(), Remedy::GiveUp);
        assert_eq!(Cause::ProxyLogin.remedy(), Remedy::GiveUp);
    }

    #[test]
    fn the_way_out_fits_the_fault() {
        let strange = Cause::Undecodable("the body is HTML, not JSON".into());
        assert!(strange.help().contains("--base-url"));
        for cause in [strange, Cause::Status(402, None), Cause::Status(400, None)] {
            assert!(!cause.help().contains("goes on"), "{cause}");
        }
        assert!(
            Cause::Status(402, None)
                .help()
                .contains("what the API says")
        );
        assert!(Cause::Status(503, None).help().contains("goes on"));
    }

    #[test]
    fn pauses_double_to_their_ceiling_and_jitter_over_all_of_it() {
        let settings = RetrySettings {
            attempts: 9,
            total: Duration::from_secs(600),
            pause: Duration::from_millis(500),
        };
        let longest: Vec<u128> = (1..9)
            .map(|n| pause(n, settings, 1.0).as_millis())
            .collect();
        assert_eq!(
            longest,
            [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]
        );
        assert_eq!(pause(5, settings, 0.0), Duration::ZERO);
        assert_eq!(pause(u32::MAX, settings, 1.0), LONGEST_PAUSE);
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let cases = [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:27 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("1.5", None),
            ("", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(
                retry_after(text, now),
                seconds.map(Duration::from_secs),
                "{text:?}"
            );
        }
    }
}
