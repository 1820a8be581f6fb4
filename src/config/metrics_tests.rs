use super::*;
use crate::table::parse_instant;

fn section(text: &str) -> Result<Section> {
    let table: toml::Table = toml::from_str(text).expect("TOML");
    Section::read("file: metrics", Value::Table(table))
}

fn settings(text: &str) -> Result<MetricsSettings> {
    section(text)?.settings()
}

/// The error with its help.
fn refusal(text: &str) -> String {
    let error = settings(text).expect_err(text);
    format!("{error} ({})", error.help_text().unwrap_or_default())
}

#[test]
fn without_a_word_the_desk_is_always_open() {
    let always = settings("").expect("settings");
    assert_eq!(always, MetricsSettings::default());
    assert_eq!(always.fingerprint(), "24/7");
    let said = settings("business_hours = \"24/7\"\ntime_zone = \"Asia/Tokyo\"").expect("settings");
    // Around the clock no zone matters.
    assert_eq!(said.fingerprint(), "24/7");
    assert_eq!(said.time_zone, Tz::Asia__Tokyo);
}

#[test]
fn hours_are_those_of_the_zone_without_holidays() {
    let text = "time_zone = \"Europe/Berlin\"
        business_hours = { mon = [\"13:30-17:00\", \"09:00 - 12:30\"], tue = \"09:00-17:00\", sun = [] }
        holidays = [2026-12-28, \"2026-12-25\"]";
    let settings = settings(text).expect("settings");
    let schedule = settings.schedule();
    let at = |text: &str| parse_instant(text).expect("instant");
    // Monday the 21st: 09:00 to 17:00 in Berlin, without the pause at noon.
    let monday = schedule.between(
        at("2026-12-21T00:00:00.000Z"),
        at("2026-12-22T00:00:00.000Z"),
    );
    assert_eq!(monday, 7 * 3_600_000);
    // Monday the 28th is a holiday.
    let holiday = schedule.between(
        at("2026-12-28T00:00:00.000Z"),
        at("2026-12-29T00:00:00.000Z"),
    );
    assert_eq!(holiday, 0);
    let fingerprint = settings.fingerprint();
    assert!(fingerprint.starts_with("Europe/Berlin 20"), "{fingerprint}");
    assert!(
        fingerprint.contains("mon 09:00-12:30 13:30-17:00, tue 09:00-17:00, wed "),
        "{fingerprint}"
    );
    assert!(
        fingerprint.ends_with("; 2026-12-25 2026-12-28"),
        "{fingerprint}"
    );
}

#[test]
fn the_order_in_which_things_are_written_makes_no_other_hours() {
    let one = settings("business_hours = { mon = [\"09:00-10:00\", \"11:00-12:00\"] }");
    let other =
        settings("business_hours = { mon = [\" 11:00-12:00\", \"09:00-10:00\"], tue = [] }");
    assert_eq!(
        one.expect("one").fingerprint(),
        other.expect("other").fingerprint()
    );
}

#[test]
fn a_nearer_file_goes_before_key_by_key() {
    let near = section("business_hours = { mon = [\"09:00-10:00\"] }").expect("near");
    let far =
        section("time_zone = \"Asia/Tokyo\"\nbusiness_hours = \"24/7\"\nholidays = [2026-01-01]");
    let merged = near.or(far.expect("far")).settings().expect("settings");
    assert_eq!(merged.time_zone, Tz::Asia__Tokyo);
    let hours = merged.hours.expect("hours");
    assert_eq!(hours.written[0], ["09:00-10:00"]);
    assert_eq!(hours.holidays.len(), 1);
}

#[test]
fn every_mistake_names_its_key_and_the_way_out() {
    for (text, words) in [
        (
            "zone = \"UTC\"",
            "file: metrics.zone: unknown key (write one of time_zone, business_hours, holidays)",
        ),
        (
            "timezone = \"UTC\"",
            "file: metrics.timezone: unknown key (did you mean time_zone?)",
        ),
        (
            "time_zone = 1",
            "metrics.time_zone: not a text (write a name of the IANA database",
        ),
        (
            "time_zone = \"Europe/Berlln\"",
            "\"Europe/Berlln\" is no time zone (did you mean Europe/Berlin?)",
        ),
        (
            "time_zone = \"berlin\"",
            "\"berlin\" is no time zone (did you mean Europe/Berlin?)",
        ),
        (
            "time_zone = \"New York\"",
            "(did you mean America/New_York?)",
        ),
        (
            "time_zone = \"zzz\"",
            "\"zzz\" is no time zone (write a name",
        ),
        (
            "business_hours = \"9-17\"",
            "metrics.business_hours: no hours of weekdays (write \"24/7\", or",
        ),
        (
            "business_hours = {}",
            "metrics.business_hours: no hours of weekdays",
        ),
        (
            "business_hours = { monday = [] }",
            "metrics.business_hours.monday: unknown weekday (did you mean mon?)",
        ),
        (
            "business_hours = { x = [] }",
            "metrics.business_hours.x: unknown weekday (write one of mon, tue",
        ),
        (
            "business_hours = { mon = [9] }",
            "metrics.business_hours.mon: not a text (write times",
        ),
        (
            "business_hours = { mon = [\"9-17\"] }",
            "metrics.business_hours.mon: \"9-17\" is no span of a day (write times",
        ),
        (
            "business_hours = { mon = [\"09:00-25:00\"] }",
            "\"09:00-25:00\" is no span of a day",
        ),
        (
            "business_hours = { fri = [\"22:00-06:00\"] }",
            "metrics.business_hours.fri: \"22:00-06:00\" ends before it begins (one that goes past midnight is two: \
             22:00-24:00 and, on the next day, 00:00-06:00)",
        ),
        (
            "business_hours = { fri = [\"09:00-09:00\"] }",
            "\"09:00-09:00\" ends before it begins",
        ),
        (
            "business_hours = { fri = [\"09:00-12:00\", \"11:00-13:00\"] }",
            "metrics.business_hours.fri: 09:00-12:00 and 11:00-13:00 overlap (write each time of day once)",
        ),
        (
            "business_hours = { fri = [\"09:00-12:00\", \"09:00-12:00\"] }",
            "overlap",
        ),
        (
            "holidays = \"2026-12-25\"",
            "metrics.holidays: not a list (write dates",
        ),
        (
            "holidays = [\"25.12.2026\"]",
            "metrics.holidays: \"25.12.2026\" is no date (write dates",
        ),
        ("holidays = [\"2026-02-29\"]", "\"2026-02-29\" is no date"),
        (
            "holidays = [\"2026-12-25\"]",
            "metrics.holidays: a desk that is open 24/7 has no holidays (say when",
        ),
    ] {
        let said = refusal(text);
        assert!(said.contains(words), "{text}\n{said}\n{words}");
    }
    // Spans that touch do not overlap.
    settings("business_hours = { fri = [\"09:00-12:00\", \"12:00-13:00\"] }").expect("settings");
}
