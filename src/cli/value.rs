//! Values as typed: how each is written and what is wrong with one that is not.
//!
//! An error here completes clap's sentence `invalid value '…' for '--flag': `, or the
//! configuration file's.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use clap::ValueEnum;

use crate::budget::LONGEST_PERIOD;
use crate::mava::UNASSIGNED;
use crate::settings::{RateLimit, STORE_FILE};
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

/// Where a desk is copied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A directory of Parquet snapshots, with its SQLite file in it.
    Parquet(PathBuf),
}

impl Target {
    /// The SQLite file.
    pub fn store(&self) -> PathBuf {
        match self {
            Self::Sqlite(file) => file.clone(),
            Self::Parquet(directory) => directory.join(STORE_FILE),
        }
    }

    /// The directory of the snapshots.
    pub fn directory(&self) -> Option<&PathBuf> {
        match self {
            Self::Sqlite(_) => None,
            Self::Parquet(directory) => Some(directory),
        }
    }
}

/// `sqlite:FILE` or `parquet:DIR`.
pub(super) fn target(text: &str) -> Result<Target, String> {
    const FORM: &str = "write sqlite:FILE or parquet:DIR, such as sqlite:support.db";
    match text.split_once(':') {
        Some(("parquet", path)) => match path {
            "" => Err(format!("the directory's name is missing: {FORM}")),
            _ => {
                on_disk(path, "parquet:desk or parquet:/var/lib/desk")?;
                Ok(Target::Parquet(PathBuf::from(path)))
            }
        },
        Some(("sqlite", _)) => store(text).map(Target::Sqlite),
        Some((kind, _)) if is_scheme(kind) => Err(match kind.to_ascii_lowercase().as_str() {
            "sqlite" | "parquet" => {
                format!("the word before the colon is in small letters: {FORM}")
            }
            "file" => format!("write the path itself: {FORM}"),
            _ => format!("{kind} is not supported: {FORM}{}", copy_there(kind)),
        }),
        _ => Err(FORM.into()),
    }
}

/// That this is a path of this machine, not a place elsewhere: a directory `s3:` would hold what somebody
/// looks for in a bucket. `form` is an example of what to write.
fn on_disk(path: &str, form: &str) -> Result<(), String> {
    if path.starts_with("//") {
        return Err(format!("write the path itself after the colon: {form}"));
    }
    let Some((scheme, rest)) = path.split_once(':') else {
        return Ok(());
    };
    // A colon further on, as in `backup-12:30.db`, is part of a name.
    let is_elsewhere = !scheme.contains('/') && rest.starts_with('/');
    let is_known = is_elsewhere || !copy_there(scheme).is_empty();
    match scheme.to_ascii_lowercase().as_str() {
        "file" => Err(format!("write the path itself after the colon: {form}")),
        "sqlite" | "parquet" => Err(format!(
            "write only one of sqlite: and parquet:, as in {form}"
        )),
        _ if is_known => Err(format!(
            "{scheme}: is not supported, only paths on this machine: write {form}{}; \
             for a path that really begins so, write ./ before it",
            copy_there(scheme)
        )),
        _ => Ok(()),
    }
}

/// Whether these are letters of a URL's beginning, as in RFC 3986, section 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "+-.".contains(character))
}

/// How what is published on this machine gets to a store of objects.
fn copy_there(scheme: &str) -> &'static str {
    match scheme.to_ascii_lowercase().as_str() {
        "s3" | "s3a" | "s3n" | "r2" => {
            ", publish there, and copy it to the bucket: aws s3 sync desk/current/ s3://BUCKET/desk"
        }
        "gs" | "gcs" => {
            ", publish there, and copy it to the bucket: gcloud storage rsync --recursive desk/current gs://BUCKET/desk"
        }
        "az" | "adl" | "abfs" | "abfss" | "wasb" | "wasbs" => {
            ", publish there, and copy it: azcopy copy --recursive 'desk/current/*' URL"
        }
        "hdfs" | "viewfs" | "http" | "https" | "ftp" | "ftps" | "sftp" | "ssh" | "webdav" => {
            ", publish there, and copy desk/current to where it is read"
        }
        _ => "",
    }
}

/// A directory of this machine.
pub(super) fn directory(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("the directory's name is missing".into());
    }
    match text.split_once("://") {
        Some((scheme, _)) if is_scheme(scheme) => Err(format!(
            "{scheme}: is not supported: write the path of a directory on this machine"
        )),
        _ => Ok(PathBuf::from(text)),
    }
}

/// `7`: at least one.
pub(super) fn keep(text: &str) -> Result<usize, String> {
    let number = text.trim().parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "write a number of snapshots, at least 1".into())
}

/// `sqlite:FILE`: the file.
pub(super) fn store(text: &str) -> Result<PathBuf, String> {
    const FORM: &str = "write sqlite:FILE, such as sqlite:support.db";
    let Some(path) = text.strip_prefix("sqlite:") else {
        return Err(FORM.into());
    };
    if path.is_empty() || path.ends_with('/') || path == "." || path == ".." {
        return Err(format!("the file's name is missing: {FORM}"));
    }
    if path.starts_with(":memory:") {
        return Err(format!("a store is a file on disk: {FORM}"));
    }
    on_disk(path, "sqlite:support.db or sqlite:/var/lib/support.db")?;
    Ok(PathBuf::from(path))
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
    fn a_store_is_a_sqlite_file() {
        assert_eq!(store("sqlite:support.db"), Ok("support.db".into()));
        assert_eq!(
            store("sqlite:/var/lib/a:b.db"),
            Ok("/var/lib/a:b.db".into())
        );
        for wrong in [
            "",
            "support.db",
            "sqlite:",
            "sqlite:data/",
            "sqlite:.",
            "sqlite::memory:",
            "sqlite:file:a.db",
            "sqlite://a.db",
            "sqlite:///a.db",
            "parquet:out",
            "/a/b.db",
        ] {
            let error = store(wrong).expect_err(wrong);
            assert!(error.contains("sqlite:support.db"), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_target_is_a_sqlite_file_or_a_directory_of_parquet() {
        let desk = target("parquet:/var/lib/desk").expect("a directory");
        assert_eq!(desk.directory(), Some(&"/var/lib/desk".into()));
        assert_eq!(desk.store(), PathBuf::from("/var/lib/desk/store.sqlite"));
        let file = target("sqlite:support.db").expect("a file");
        assert_eq!(
            (file.directory(), file.store()),
            (None, "support.db".into())
        );
        for wrong in [
            "",
            "support.db",
            "sqlite:",
            "parquet:",
            "parquet:///a",
            "csv:a",
        ] {
            let error = target(wrong).expect_err(wrong);
            assert!(error.contains("write "), "{wrong}: {error}");
        }
        insta::assert_snapshot!(target("duckdb:out").expect_err("no such store"),
            @"duckdb is not supported: write sqlite:FILE or parquet:DIR, such as sqlite:support.db");
        assert_eq!(keep("7"), Ok(7));
        for wrong in ["", "0", "-1", "all"] {
            assert!(keep(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_place_that_is_no_path_of_this_machine_is_no_target() {
        for place in [
            "s3://bucket/desk",
            "S3://bucket/desk",
            "s3:bucket/desk",
            "s3a://bucket/desk",
            "gs://bucket/desk",
            "az://container/desk",
            "abfss://container@account/desk",
            "hdfs://name:8020/desk",
            "https://example.org/desk",
            "sftp://host/desk",
            "r2:/bucket",
            "nas:/exports/desk",
            "somebody@nas:/exports/desk",
            "file:///var/lib/desk",
            "file:/var/lib/desk",
            "sqlite:desk",
            "parquet:desk",
            "anything://desk",
        ] {
            for (kind, form) in [("parquet", "parquet:desk"), ("sqlite", "sqlite:support.db")] {
                let text = format!("{kind}:{place}");
                let error = target(&text).expect_err(&text);
                assert!(error.contains("write "), "{text}: {error}");
                assert!(error.contains(form), "{text}: {error}");
            }
            // As they are often written, without saying what is meant.
            if !place.starts_with("sqlite:") && !place.starts_with("parquet:") {
                let error = target(place).expect_err(place);
                assert!(error.contains("write "), "{place}: {error}");
            }
        }
        insta::assert_snapshot!(target("parquet:s3://bucket/desk").expect_err("no path"),
            @"s3: is not supported, only paths on this machine: write parquet:desk or parquet:/var/lib/desk, publish there, and copy it to the bucket: aws s3 sync desk/current/ s3://BUCKET/desk; for a path that really begins so, write ./ before it");
        insta::assert_snapshot!(target("postgres://me:word@host/db").expect_err("no such store"),
            @"postgres is not supported: write sqlite:FILE or parquet:DIR, such as sqlite:support.db");
        insta::assert_snapshot!(target("SQLite:a.db").expect_err("capitals"),
            @"the word before the colon is in small letters: write sqlite:FILE or parquet:DIR, such as sqlite:support.db");
        for path in ["./s3:/desk", "backup-12:30", "/srv/a:b/desk", "desk"] {
            let text = format!("parquet:{path}");
            assert_eq!(target(&text), Ok(Target::Parquet(path.into())));
        }
        assert_eq!(directory("state"), Ok("state".into()));
        for wrong in ["", "s3://bucket/state", "file:///state"] {
            assert!(directory(wrong).is_err(), "{wrong}");
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
