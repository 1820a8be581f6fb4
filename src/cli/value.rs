//! Values as typed: how each is written and what is wrong with one that is not.
//!
//! An error here completes clap's sentence `invalid value '…' for '--flag': `, or the
//! configuration file's.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use clap::ValueEnum;

use crate::budget::LONGEST_PERIOD;
use crate::mava::UNASSIGNED;
use crate::settings::RateLimit;
use crate::table::Instant;
use crate::window;

/// A ticket's status, in the words of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Status {
    /// `Open`.
    #[value(name = "Open")]
    Open,
    /// `Pending`.
    #[value(name = "Pending")]
    Pending,
    /// `Waiting`.
    #[value(name = "Waiting")]
    Waiting,
    /// `Resolved`.
    #[value(name = "Resolved")]
    Resolved,
}

/// The channel a ticket came through, in the words of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Origin {
    /// `web`.
    Web,
    /// `discord`.
    Discord,
    /// `telegram`.
    Telegram,
    /// `telegram-group`.
    TelegramGroup,
    /// `email`.
    Email,
}

/// The API's own word for one of its enumerations.
pub(crate) fn word(value: &impl ValueEnum) -> String {
    value
        .to_possible_value()
        .map(|possible| possible.get_name().to_owned())
        .unwrap_or_default()
}

/// A rate limit, or its absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(pub Option<RateLimit>);

/// `90/30s` or `none`.
pub(super) fn rate(text: &str) -> Result<Rate, String> {
    if is_none(text) {
        return Ok(Rate(None));
    }
    let limit = text.split_once('/').and_then(|(requests, period)| {
        Some(RateLimit {
            requests: requests.trim().parse().ok().filter(|count| *count > 0)?,
            period: humantime::parse_duration(period.trim())
                .ok()
                .filter(|period| !period.is_zero() && *period <= LONGEST_PERIOD)?,
        })
    });
    limit.map(|limit| Rate(Some(limit))).ok_or_else(|| {
        "write requests per time, such as 90/30s or 5/1s, or none (the time at most 1day)".into()
    })
}

/// `80%` or `80`.
pub(super) fn share(text: &str) -> Result<u32, String> {
    let digits = text.trim().trim_end_matches('%').trim_end();
    digits
        .parse()
        .ok()
        .filter(|percent| (1..=100).contains(percent))
        .ok_or_else(|| "write a percentage from 1% to 100%".into())
}

/// `300ms`, `1m 30s`, `0s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text.trim())
        .map_err(|_| "write a time with its unit, such as 300ms, 10s or 15m".into())
}

/// A duration above zero.
pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|duration| match duration.is_zero() {
        true => Err("write a time above zero, such as 10s".into()),
        false => Ok(duration),
    })
}

/// `30s`: from a second, in which a machine still draws a large desk's day, to a day.
pub(super) fn day_every(text: &str) -> Result<Duration, String> {
    const LEAST: Duration = Duration::from_secs(1);
    const MOST: Duration = Duration::from_secs(86_400);
    duration(text)
        .ok()
        .filter(|time| (LEAST..=MOST).contains(time))
        .ok_or_else(|| "write a time with its unit from 1s to 24h, such as 30s".into())
}

/// At most so many, or no limit at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit<T>(pub Option<T>);

/// The word for no limit.
fn is_none(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("none")
}

/// `1000`, at least one, or `none`.
pub(super) fn most(text: &str) -> Result<Limit<usize>, String> {
    if is_none(text) {
        return Ok(Limit(None));
    }
    let number = text.trim().parse().ok().filter(|number| *number > 0);
    number
        .map(|number| Limit(Some(number)))
        .ok_or_else(|| "write a number, at least 1, or none to lift the limit".into())
}

/// `30s`, above zero, or `none`.
pub(super) fn time_limit(text: &str) -> Result<Limit<Duration>, String> {
    if is_none(text) {
        return Ok(Limit(None));
    }
    duration(text)
        .ok()
        .filter(|duration| !duration.is_zero())
        .map(|duration| Limit(Some(duration)))
        .ok_or_else(|| {
            "write a time above zero with its unit, such as 30s or 5m, or none to lift the limit"
                .into()
        })
}

/// `256MiB`, in bytes, at least a mebibyte.
pub(super) fn size(text: &str) -> Result<u64, String> {
    text.trim()
        .parse::<ByteSize>()
        .ok()
        .filter(|size| *size >= ByteSize::mib(1))
        .map(|size| size.as_u64())
        .ok_or_else(|| "write a size with its unit, at least 1MiB, such as 256MiB or 1GiB".into())
}

/// A whole number of `range`.
pub(super) fn whole<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr + PartialOrd + Copy + Display + Into<u64>,
{
    move |text: &str| {
        let number = text.trim().parse().ok();
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                let (least, most) = (range.start(), range.end());
                match (*most).into() {
                    u64::MAX => format!("write a whole number, {least} or more"),
                    _ => format!("write a whole number from {least} to {most}"),
                }
            })
    }
}

/// On or off, in the words that clap takes for them.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Ok(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Ok(false),
        _ => Err("write true or false".into()),
    }
}

/// `0600`, `600` or `0o600`.
pub(super) fn mode(text: &str) -> Result<u32, String> {
    let digits = text.trim();
    u32::from_str_radix(digits.strip_prefix("0o").unwrap_or(digits), 8)
        .ok()
        .filter(|mode| *mode <= 0o777 && mode & 0o600 == 0o600)
        .ok_or_else(|| {
            "write octal permissions that let the owner read and write, such as 0600 or 0640".into()
        })
}

/// `7`: at least one.
pub(super) fn keep(text: &str) -> Result<usize, String> {
    let number = text.trim().parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "write a number of snapshots, at least 1".into())
}

/// A date or an instant.
pub(super) fn moment(text: &str) -> Result<Instant, String> {
    window::parse(text).map_err(|error| error.help_text().unwrap_or_default().to_owned())
}

/// A name or an id, not empty.
pub(super) fn name(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("write a name or an id".into()),
        name => Ok(name.to_owned()),
    }
}

/// An agent's name or id, or the API's word for none.
pub(super) fn agent(text: &str) -> Result<String, String> {
    name(text).map(|name| match name.eq_ignore_ascii_case(UNASSIGNED) {
        true => UNASSIGNED.to_owned(),
        false => name,
    })
}

/// A share from 0 to 1.
pub(super) fn fraction(text: &str) -> Result<f64, String> {
    text.trim()
        .parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "write a share from 0 to 1, such as 0.02".into())
}

/// A mean of 0 to 1000.
pub(super) fn mean(text: &str) -> Result<f64, String> {
    text.trim()
        .parse()
        .ok()
        .filter(|mean| (0.0..=1000.0).contains(mean))
        .ok_or_else(|| "write a number from 0 to 1000, such as 10".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_requests_per_time_or_none() {
        let of = |requests, seconds| {
            Ok(Rate(Some(RateLimit {
                requests,
                period: Duration::from_secs(seconds),
            })))
        };
        assert_eq!(rate("90/30s"), of(90, 30));
        assert_eq!(rate(" 5 / 1s "), of(5, 1));
        assert_eq!(rate("3/1m 30s"), of(3, 90));
        assert_eq!(rate("None"), Ok(Rate(None)));
        for wrong in [
            "", "90", "90/30", "/30s", "0/30s", "90/0s", "-1/1s", "90/2days", "1.5/1s",
        ] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn whole_numbers_say_what_they_may_be() {
        assert_eq!(whole(1..=16_u8)(" 7 "), Ok(7));
        assert_eq!(whole(0..=u64::MAX)("0"), Ok(0));
        for wrong in ["", "0", "17", "300", "-1", "1.5", "1,000", "many"] {
            let told = "write a whole number from 1 to 16";
            assert_eq!(whole(1..=16_u8)(wrong), Err(told.into()), "{wrong}");
        }
        for wrong in ["", "-1", "99999999999999999999", "few"] {
            let told = "write a whole number, 0 or more";
            assert_eq!(whole(0..=u64::MAX)(wrong), Err(told.into()), "{wrong}");
        }
    }

    #[test]
    fn switches_are_true_or_false() {
        for (text, is_on) in [
            ("true", true),
            ("Yes", true),
            ("1", true),
            ("off", false),
            ("F", false),
        ] {
            assert_eq!(switch(text), Ok(is_on), "{text}");
        }
        for wrong in ["", "maybe", "2", "tru"] {
            assert_eq!(switch(wrong), Err("write true or false".into()), "{wrong}");
        }
    }

    #[test]
    fn shares_are_percentages() {
        assert_eq!(share("80%"), Ok(80));
        assert_eq!(share("80"), Ok(80));
        assert_eq!(share("100 %"), Ok(100));
        for wrong in ["", "%", "0", "101%", "-5%", "0.8", "eighty"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("300ms"), Ok(Duration::from_millis(300)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        for wrong in ["", "30", "-1s", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert!(positive_duration("0s").is_err());
    }

    #[test]
    fn a_day_takes_from_a_second_to_a_day() {
        assert_eq!(day_every("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(day_every("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(day_every("1day"), Ok(Duration::from_secs(86_400)));
        for wrong in ["", "30", "0s", "999ms", "24h 1ms", "-30s", "often"] {
            assert!(day_every(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_limit_is_a_number_or_a_time_or_none() {
        assert_eq!(most("1000"), Ok(Limit(Some(1000))));
        assert_eq!(most(" None "), Ok(Limit(None)));
        for wrong in ["", "0", "-1", "1e3", "all"] {
            assert!(most(wrong).is_err(), "{wrong}");
        }
        assert_eq!(time_limit("5m"), Ok(Limit(Some(Duration::from_secs(300)))));
        assert_eq!(time_limit("none"), Ok(Limit(None)));
        for wrong in ["", "0s", "30", "-1s", "soon"] {
            assert!(time_limit(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!(size("256MiB"), Ok(256 * 1024 * 1024));
        assert_eq!(size("1 GB"), Ok(1_000_000_000));
        for wrong in ["", "256", "256 apples", "1KiB", "-1MiB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn modes_are_octal_and_leave_the_owner_in() {
        for (text, mode_meant) in [("0600", 0o600), ("640", 0o640), ("0o660", 0o660)] {
            assert_eq!(mode(text), Ok(mode_meant));
        }
        for wrong in ["", "0", "0400", "rw", "0800", "1600", "-600"] {
            assert!(mode(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_snapshot_at_least_is_kept() {
        assert_eq!(keep("7"), Ok(7));
        for wrong in ["", "0", "-1", "all"] {
            assert!(keep(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nobody_is_written_as_the_api_does() {
        assert_eq!(agent("unassigned"), Ok("Unassigned".into()));
        assert_eq!(agent(" 64f0 "), Ok("64f0".into()));
        assert!(agent(" ").is_err());
    }

    #[test]
    fn shares_and_means_are_bounded() {
        assert_eq!(fraction("0.02"), Ok(0.02));
        assert_eq!(mean("10"), Ok(10.0));
        for wrong in ["", "-0.1", "1.1", "NaN", "inf"] {
            assert!(fraction(wrong).is_err(), "{wrong}");
        }
        for wrong in ["-1", "NaN", "inf", "1001"] {
            assert!(mean(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_words_are_those_of_the_api() {
        let statuses: Vec<String> = Status::value_variants().iter().map(word).collect();
        assert_eq!(statuses, crate::mava::STATUSES);
        let origins: Vec<String> = Origin::value_variants().iter().map(word).collect();
        assert_eq!(origins, crate::mava::ORIGINS);
    }
}
