//! Which faults are worth another try, and when: pure.

use std::fmt;
use std::time::{Duration, SystemTime};

use reqwest::Url;

use super::kind::FailureKind;
use super::tls::Refused;
use crate::budget::time_words;
use crate::error::PROBE_AND_REPORT;
use crate::settings::RetrySettings;

/// The longest pause between two tries that the backoff itself asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A pause that `Retry-After` asks for is understood up to this length: a century is as good as for ever.
const LONGEST_ASKED: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Why one try failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// 429, with the pause the API asked for.
    Limited(Option<Duration>),
    /// Another status that is no success.
    Status(Answered),
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
    /// A body that would take too much memory once decoded.
    TooHeavy(String),
}

/// A status that is no success, and what came with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Answered {
    /// The status.
    pub(super) status: u16,
    /// The API's own words, where it sent any.
    pub(super) words: Option<String>,
    /// Where a redirect leads, as far as that may be told.
    pub(super) location: Option<String>,
    /// The pause that `Retry-After` asks for before the next try.
    pub(super) pause: Option<Duration>,
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
            Self::Status(answered) if answered.status >= 500 || answered.status == 408 => {
                Remedy::TryAgain
            }
            Self::Connect(_)
            | Self::Silence
            | Self::Slow
            | Self::Broken(_)
            | Self::Undecodable(_) => Remedy::TryAgain,
            Self::Status(_)
            | Self::TooLarge(_)
            | Self::TooHeavy(_)
            | Self::Refused(_)
            | Self::ProxyLogin => Remedy::GiveUp,
        }
    }

    /// What the caller can do about it, once no further try may help.
    pub(super) fn failure(&self) -> FailureKind {
        match self {
            Self::TooLarge(_) | Self::TooHeavy(_) => FailureKind::TooLarge,
            Self::Silence | Self::Slow | Self::Broken(_) => FailureKind::Heavy,
            Self::Undecodable(_) => FailureKind::Strange,
            Self::Status(answered) => match answered.status {
                401 | 403 => FailureKind::Unauthorized,
                // Whether it refused this very request, and may well answer another.
                400 | 404 | 414 | 422 | 431 => FailureKind::Refused {
                    words: self.to_string(),
                    is_undocumented: answered.status == 400,
                },
                // One that names a pause is not at work on too many tickets: it wants to be left
                // alone.
                500.. if answered.pause.is_none() => FailureKind::Heavy,
                _ => FailureKind::Down,
            },
            Self::Limited(_) | Self::Connect(_) | Self::Refused(_) | Self::ProxyLogin => {
                FailureKind::Down
            }
        }
    }

    pub(super) fn is_unauthorized(&self) -> bool {
        matches!(self.status(), Some(401 | 403))
    }

    /// Whether the API takes the request for too long.
    pub(super) fn is_too_long(&self) -> bool {
        matches!(self.status(), Some(414 | 431))
    }

    /// This cause, with what is said of a body as `fit` makes it.
    pub(super) fn told(self, fit: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Undecodable(words) => Self::Undecodable(fit(&words)),
            Self::TooHeavy(words) => Self::TooHeavy(fit(&words)),
            cause => cause,
        }
    }

    /// The status answered, if one was.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Limited(_) => Some(429),
            Self::Status(answered) => Some(answered.status),
            _ => None,
        }
    }

    /// The pause that the API asked for, if it did.
    pub(super) fn asked(&self) -> Option<Duration> {
        match self {
            Self::Limited(asked) => *asked,
            Self::Status(answered) => answered.pause,
            _ => None,
        }
    }

    /// The way out, in words that hold for a run, which goes on, and for a question, which is asked
    /// again.
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::Status(answered) => self.help_for(answered.status),
            Self::Undecodable(_) => {
                "check --base-url, and a proxy on the way; then run mava-export probe"
            }
            Self::TooLarge(_) => "raise --max-body",
            Self::TooHeavy(_) => PROBE_AND_REPORT,
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
            Self::Silence | Self::Slow | Self::Broken(_) => WORKS_AGAIN,
        }
    }

    fn help_for(&self, status: u16) -> &'static str {
        match status {
            401 | 403 => "check the key in MAVA_API_KEY or in the file given by --api-key-file",
            300..=399 => {
                "no redirect is followed, since the key would go with it: if the address is the API's own, give it \
                 with --base-url (or MAVA_BASE_URL); if it is a page to log in, a proxy on the way asks for that"
            }
            404 => "check --base-url (or MAVA_BASE_URL)",
            400 => "the API no longer accepts this request as documented: run mava-export probe",
            414 | 431 => TOO_LONG,
            401..=499 if self.remedy() == Remedy::GiveUp => {
                "correct what the API's answer names, then run the same command again"
            }
            _ => WORKS_AGAIN,
        }
    }
}

const WORKS_AGAIN: &str = "wait until the API works again, then run the same command again; a backfill or a sync goes on from here";

/// What to do about a request that is too long.
pub(super) const TOO_LONG: &str =
    "name fewer values with --category, --tag and --assigned-to: each makes the request longer";

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limited(Some(pause)) => write!(
                out,
                "the API answered 429 and asked for a pause of {} s",
                seconds(*pause)
            ),
            Self::Limited(None) => out.write_str("the API answered 429"),
            Self::Status(Answered {
                status: status @ (401 | 403),
                ..
            }) => {
                write!(out, "the API refused the key ({status})")
            }
            Self::Status(answered) => answered.fmt(out),
            Self::Connect(words) => write!(out, "no connection: {words}"),
            Self::Refused(refused) => write!(out, "no connection: {refused}"),
            Self::ProxyLogin => {
                out.write_str("no connection: the proxy asks for a name and a password (407)")
            }
            Self::Silence => out.write_str("nothing came for longer than --read-timeout"),
            Self::Slow => {
                out.write_str("the answer took longer than the time that was left for retries")
            }
            Self::Broken(words) => write!(out, "the connection broke: {words}"),
            Self::Undecodable(words) => write!(out, "the answer cannot be read: {words}"),
            Self::TooLarge(cap) => write!(out, "the answer is larger than {cap} bytes"),
            Self::TooHeavy(words) => out.write_str(words),
        }
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the API answered {}", self.status)?;
        if let Some(location) = &self.location {
            write!(out, ", a redirect to {location}")?;
        }
        if let Some(words) = &self.words {
            write!(out, ": {words}")?;
        }
        match self.pause {
            Some(pause) => write!(out, ", and asked for a pause of {} s", seconds(pause)),
            None => Ok(()),
        }
    }
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64().ceil()
}

/// What to do where the API asks for a pause that is longer than a request may be tried for.
pub(super) fn pause_help(asked: Duration, total: Duration) -> String {
    format!(
        "run the same command again later: {} is longer than --retry-for {}; a pause of hours is most often a \
         mistake of the API, such as milliseconds for seconds",
        time_words(asked),
        time_words(total)
    )
}

/// Where a redirect from `asked` leads, without a name, a password, a query or a fragment, and with `…`
/// for a part of the path that is long enough to be a secret.
pub(super) fn destination(asked: &Url, location: &str) -> Option<String> {
    const LONGEST_PART: usize = 24;
    const MOST_PARTS: usize = 6;
    let url = asked.join(location.trim()).ok()?;
    let host = url.host_str()?;
    let port = url
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    let parts = url
        .path_segments()?
        .take(MOST_PARTS)
        .map(|part| match part.len() {
            0..=LONGEST_PART => part,
            _ => "…",
        });
    let path = parts.collect::<Vec<_>>().join("/");
    Some(format!("{}://{host}{port}/{path}", url.scheme()))
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

/// Reads `Retry-After`: seconds or an HTTP date (RFC 9110, 10.2.3), also seconds with a fraction and
/// the other forms of a date that are met. A date in the past is no pause; anything else is no answer.
pub(super) fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let text = header.trim();
    let asked = match seconds_of(text) {
        Some(asked) => asked,
        None => date(text)?.duration_since(now).unwrap_or(Duration::ZERO),
    };
    Some(asked.min(LONGEST_ASKED))
}

/// `7`, `3.2`: digits, and digits after a point.
fn seconds_of(text: &str) -> Option<Duration> {
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|d| d.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    // More digits than fit are more than a century.
    let seconds: f64 = text.parse().ok()?;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_ASKED))
}

/// Reads a date as HTTP writes it, as mail does (`+0000` for `GMT`), or as ISO 8601 does; names of
/// days and months in upper or lower case, and a day of the week that may be wrong.
pub(super) fn date(text: &str) -> Option<SystemTime> {
    let text = text.trim();
    httpdate::parse_http_date(text).ok().or_else(|| {
        let without_day = text.split_once(',').map_or(text, |(_, rest)| rest.trim());
        chrono::DateTime::parse_from_rfc2822(without_day)
            .or_else(|_| chrono::DateTime::parse_from_rfc3339(text))
            .ok()
            .map(SystemTime::from)
    })
}

/// How far two instants lie from each other.
pub(super) fn distance(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other)
        .unwrap_or_else(|earlier| earlier.duration())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> Cause {
        Cause::Status(Answered {
            status,
            ..Answered::default()
        })
    }

    #[test]
    fn what_is_tried_again_and_what_is_not() {
        let status = |status| answered(status).remedy();
        for transient in [408, 500, 502, 503, 504, 599] {
            assert_eq!(status(transient), Remedy::TryAgain, "{transient}");
        }
        for final_ in [301, 302, 400, 401, 403, 404, 410, 414, 418, 431] {
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
        for cause in [strange, answered(402), answered(400)] {
            assert!(!cause.help().contains("goes on"), "{cause}");
        }
        assert!(answered(402).help().contains("what the API's answer names"));
        assert!(answered(503).help().contains("goes on"));
        for too_long in [414, 431] {
            assert!(answered(too_long).help().contains("--tag"));
            assert!(matches!(
                answered(too_long).failure(),
                FailureKind::Refused { .. }
            ));
        }
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
    fn a_pause_is_understood_in_every_form_that_is_met_and_nothing_else_is_taken_for_one() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let secs = |seconds| Some(Duration::from_secs(seconds));
        let cases = [
            ("7", secs(7)),
            (" 0 ", secs(0)),
            ("007", secs(7)),
            ("45000", secs(45_000)),
            ("3.2", Some(Duration::from_millis(3_200))),
            ("0.5", Some(Duration::from_millis(500))),
            ("99999999999", Some(LONGEST_ASKED)),
            ("99999999999999999999999999", Some(LONGEST_ASKED)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", secs(10)),
            ("Sun, 06 Nov 1994 08:49:27 GMT", secs(0)),
            ("Sunday, 06-Nov-94 08:49:47 GMT", secs(10)),
            ("Sun Nov  6 08:49:47 1994", secs(10)),
            ("Sun, 06 Nov 1994 08:49:47 +0000", secs(10)),
            ("Sun, 06 Nov 1994 10:49:47 +0200", secs(10)),
            ("sun, 06 nov 1994 08:49:47 gmt", secs(10)),
            ("SUN, 06 NOV 1994 08:49:47 GMT", secs(10)),
            ("Mon, 06 Nov 1994 08:49:47 +0000", secs(10)),
            ("06 Nov 1994 08:49:47 +0000", secs(10)),
            ("1994-11-06T08:49:47Z", secs(10)),
            (
                "1994-11-06T10:49:47.500+02:00",
                Some(Duration::from_millis(10_500)),
            ),
            ("Sun, 06 Nov 9994 08:49:47 GMT", Some(LONGEST_ASKED)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", secs(0)),
            ("soon", None),
            ("-1", None),
            ("-0.5", None),
            ("+5", None),
            ("1e3", None),
            ("1,5", None),
            (".5", None),
            ("5.", None),
            ("NaN", None),
            ("inf", None),
            ("45 s", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(retry_after(text, now), expected, "{text:?}");
        }
    }

    #[test]
    fn a_redirect_says_where_to_without_what_may_be_secret() {
        let asked = Url::parse("https://gateway.mava.app/api/tickets?skip=0").expect("a URL");
        for (location, told) in [
            ("/login", Some("https://gateway.mava.app/login")),
            (
                "https://api.mava.app/v2/api/tickets?skip=0",
                Some("https://api.mava.app/v2/api/tickets"),
            ),
            (
                "http://127.0.0.1:9000/a/b",
                Some("http://127.0.0.1:9000/a/b"),
            ),
            ("https://name:word@host/", Some("https://host/")),
            ("//host/a?token=secret#secret", Some("https://host/a")),
            (
                "https://sso.example.org/start/eyJhbGciOiJIUzI1NiJ9.e30.c2VjcmV0/go",
                Some("https://sso.example.org/start/…/go"),
            ),
            (
                "https://host/1/2/3/4/5/6/7/8",
                Some("https://host/1/2/3/4/5/6"),
            ),
            ("mailto:somebody@example.org", None),
            ("http://[", None),
        ] {
            assert_eq!(destination(&asked, location).as_deref(), told, "{location}");
        }
        let answered = Answered {
            status: 302,
            location: Some("https://host/login".into()),
            ..Answered::default()
        };
        let cause = Cause::Status(answered);
        assert_eq!(
            cause.to_string(),
            "the API answered 302, a redirect to https://host/login"
        );
        assert!(cause.help().contains("--base-url"), "{}", cause.help());
    }

    #[test]
    fn a_fault_that_names_its_pause_is_no_sign_of_too_many_tickets() {
        let busy = |pause| {
            Cause::Status(Answered {
                status: 503,
                pause,
                ..Answered::default()
            })
        };
        assert_eq!(busy(None).failure(), FailureKind::Heavy);
        let named = busy(Some(Duration::from_secs(45)));
        assert_eq!(named.failure(), FailureKind::Down);
        assert_eq!(
            named.to_string(),
            "the API answered 503, and asked for a pause of 45 s"
        );
    }
}
