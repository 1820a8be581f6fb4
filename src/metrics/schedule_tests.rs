use std::sync::LazyLock;

use chrono::{DateTime, Datelike, Days, Timelike};
use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn at(text: &str) -> Instant {
    let text = format!("{}Z", text.replace(' ', "T"));
    DateTime::parse_from_rfc3339(&text)
        .expect("an instant")
        .with_timezone(&chrono::Utc)
}

fn zone(name: &str) -> Tz {
    name.parse().expect("a zone")
}

fn spans(texts: &[&str]) -> Vec<Span> {
    let spans = texts.iter().map(|text| Span::parse(text));
    spans.map(|span| span.expect("a span")).collect()
}

/// Each day of the week the same spans.
fn daily(name: &str, texts: &[&str]) -> Schedule {
    let week = std::array::from_fn(|_| spans(texts));
    Schedule::weekly(zone(name), &week, &BTreeSet::new())
}

/// Monday to Friday, nine to five.
fn office(name: &str, holidays: &[&str]) -> Schedule {
    let week = std::array::from_fn(|day| match day {
        0..=4 => spans(&["09:00-17:00"]),
        _ => Vec::new(),
    });
    Schedule::weekly(zone(name), &week, &dates(holidays))
}

fn dates(texts: &[&str]) -> BTreeSet<NaiveDate> {
    let dates = texts.iter().map(|text| text.parse());
    dates.map(|date| date.expect("a date")).collect()
}

#[test]
fn spans_are_read_with_two_digits_and_end_after_they_begin() {
    let read = |text: &str| Span::parse(text).map(|span| (span.from, span.until));
    assert_eq!(
        read("09:00-12:30"),
        Some((9 * HOUR, 12 * HOUR + 30 * MINUTE))
    );
    assert_eq!(read("00:00-24:00"), Some((0, DAY)));
    assert_eq!(read(" 23:59 - 24:00 "), Some((DAY - MINUTE, DAY)));
    for wrong in [
        "",
        "-",
        "09:00",
        "9:00-10:00",
        "09:00-09:00",
        "17:00-09:00",
        "08:60-10:00",
        "09:00-24:01",
        "25:00-26:00",
        "+9:00-10:00",
        "09:00-10:00:00",
        "09:00-１0:00",
        "nine-five",
        "09.00-10.00",
    ] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
}

#[test]
fn a_night_is_no_business_time_and_a_weekend_neither() {
    let office = office("UTC", &[]);
    // Friday 16:00 to Monday 10:00: one hour on Friday, one on Monday.
    let (friday, monday) = (at("2026-06-05 16:00:00"), at("2026-06-08 10:00:00"));
    assert_eq!(office.between(friday, monday), 2 * HOUR);
    // Saturday to Sunday: 0, and not unknown.
    let (saturday, sunday) = (at("2026-06-06 10:00:00"), at("2026-06-07 18:00:00"));
    assert_eq!(office.between(saturday, sunday), 0);
    assert_eq!(office.between(monday, friday), 0);
}

#[test]
fn holidays_are_local_dates() {
    let office = office("America/New_York", &["2026-12-25"]);
    // Thursday 24 December 16:00 in New York (21:00 UTC) to Monday 28 December 10:00: one hour, and one.
    let (eve, monday) = (at("2026-12-24 21:00:00"), at("2026-12-28 15:00:00"));
    assert_eq!(office.between(eve, monday), 2 * HOUR);
}

#[test]
fn several_spans_of_a_day_count_and_those_that_overlap_count_once() {
    let split = daily("UTC", &["13:30-17:00", "09:00-12:30"]);
    let (midnight, next) = (at("2026-06-01 00:00:00"), at("2026-06-02 00:00:00"));
    assert_eq!(split.between(midnight, next), 7 * HOUR);
    assert_eq!(
        split.between(at("2026-06-01 12:00:00"), at("2026-06-01 13:45:00")),
        45 * MINUTE
    );
    let doubled = daily(
        "UTC",
        &["09:00-13:00", "12:00-17:00", "17:00-18:00", "10:00-11:00"],
    );
    assert_eq!(doubled.between(midnight, next), 9 * HOUR);
}

#[test]
fn in_berlin_a_span_that_clocks_cut_is_an_hour_shorter_and_one_they_repeat_an_hour_longer() {
    let nights = daily("Europe/Berlin", &["00:00-06:00"]);
    // 29 March 2026: after 01:59 comes 03:00. Local midnight is 23:00 UTC, 06:00 is 04:00 UTC.
    let spring = (at("2026-03-28 23:00:00"), at("2026-03-29 04:00:00"));
    assert_eq!(nights.between(spring.0, spring.1), 5 * HOUR);
    // 25 October 2026: after 02:59 comes 02:00. Local midnight is 22:00 UTC, 06:00 is 05:00 UTC.
    let autumn = (at("2026-10-24 22:00:00"), at("2026-10-25 05:00:00"));
    assert_eq!(nights.between(autumn.0, autumn.1), 7 * HOUR);
}

#[test]
fn a_span_within_the_hour_that_is_skipped_is_nothing_and_one_within_the_hour_that_is_repeated_counts_twice()
 {
    let early = daily("Europe/Berlin", &["02:15-02:45"]);
    let day = |text: &str| (at(text), at(text).checked_add_days(Days::new(1)).unwrap());
    let (from, until) = day("2026-03-28 12:00:00");
    assert_eq!(early.between(from, until), 0);
    let (from, until) = day("2026-10-24 12:00:00");
    assert_eq!(early.between(from, until), HOUR);
    let (from, until) = day("2026-06-01 12:00:00");
    assert_eq!(early.between(from, until), 30 * MINUTE);
    // Of the hour twice, a quarter after the second 02:15 is 45 minutes of business time: 01:30 UTC.
    let (from, _) = day("2026-10-24 12:00:00");
    assert_eq!(
        early.after(from, 45 * MINUTE),
        Some(at("2026-10-25 01:30:00"))
    );
}

#[test]
fn in_new_york_clocks_change_at_two_on_other_days() {
    let nights = daily("America/New_York", &["01:00-04:00"]);
    // 8 March 2026, 02:00 EST is 03:00 EDT (07:00 UTC): 01:00 to 02:00 and 03:00 to 04:00.
    assert_eq!(
        nights.between(at("2026-03-08 00:00:00"), at("2026-03-09 00:00:00")),
        2 * HOUR
    );
    // 1 November 2026, 02:00 EDT is 01:00 EST (06:00 UTC): one hour more.
    assert_eq!(
        nights.between(at("2026-11-01 00:00:00"), at("2026-11-02 00:00:00")),
        4 * HOUR
    );
    // Berlin changed three weeks later in spring: there, nothing happened that day.
    let berlin = daily("Europe/Berlin", &["01:00-04:00"]);
    assert_eq!(
        berlin.between(at("2026-03-08 00:00:00"), at("2026-03-09 00:00:00")),
        3 * HOUR
    );
}

#[test]
fn on_lord_howe_clocks_change_by_half_an_hour() {
    let nights = daily("Australia/Lord_Howe", &["01:00-03:00"]);
    // 5 April 2026, 02:00 (+11) is 01:30 (+10:30), at 15:00 UTC of the 4th: half an hour more.
    assert_eq!(
        nights.between(at("2026-04-04 12:00:00"), at("2026-04-05 12:00:00")),
        150 * MINUTE
    );
    // 4 October 2026, 02:00 (+10:30) is 02:30 (+11), at 15:30 UTC of the 3rd: half an hour less.
    assert_eq!(
        nights.between(at("2026-10-03 12:00:00"), at("2026-10-04 12:00:00")),
        90 * MINUTE
    );
}

#[test]
fn in_sao_paulo_midnight_was_skipped() {
    // 4 November 2018 began at 01:00, 03:00 UTC. A Sunday that is open all day had 23 hours.
    let week = std::array::from_fn(|day| match day {
        6 => spans(&["00:00-24:00"]),
        _ => Vec::new(),
    });
    let sundays = Schedule::weekly(zone("America/Sao_Paulo"), &week, &BTreeSet::new());
    let (from, until) = (at("2018-11-03 12:00:00"), at("2018-11-05 12:00:00"));
    assert_eq!(sundays.between(from, until), 23 * HOUR);
    assert_eq!(sundays.after(from, 1), Some(at("2018-11-04 03:00:00.001")));
    // Its first half hour did not happen, nor did the last of the skipped hour.
    let midnight = daily("America/Sao_Paulo", &["00:00-00:30", "23:30-24:00"]);
    assert_eq!(
        midnight.between(at("2018-11-03 12:00:00"), at("2018-11-04 12:00:00")),
        30 * MINUTE
    );
    // 17 February 2019, 00:00 was 23:00 of the 16th again: the half hour before midnight came twice.
    assert_eq!(
        midnight.between(at("2019-02-16 12:00:00"), at("2019-02-17 12:00:00")),
        90 * MINUTE
    );
}

#[test]
fn samoa_left_out_a_whole_day() {
    // 30 December 2011, a Friday, did not happen in Apia. From Thursday 00:00 (10:00 UTC) to Sunday 00:00
    // (10:00 UTC of Saturday) there were the eight hours of Thursday.
    let office = office("Pacific/Apia", &[]);
    let (thursday, sunday) = (at("2011-12-29 10:00:00"), at("2011-12-31 10:00:00"));
    assert_eq!(office.between(thursday, sunday), 8 * HOUR);
}

#[test]
fn a_leap_day_is_a_day() {
    let office = office("Europe/Berlin", &[]);
    // Wednesday 28 February to Friday 1 March 2024, 09:00 each: two days of eight hours.
    let leap = (at("2024-02-28 08:00:00"), at("2024-03-01 08:00:00"));
    assert_eq!(office.between(leap.0, leap.1), 16 * HOUR);
    // Of 2025, Friday 28 February to Saturday 1 March: one.
    let common = (at("2025-02-28 08:00:00"), at("2025-03-01 08:00:00"));
    assert_eq!(office.between(common.0, common.1), 8 * HOUR);
}

#[test]
fn round_the_clock_is_plain_time_on_every_day_and_beyond_all_years() {
    let always = Schedule::round_the_clock();
    for (from, until) in [
        ("2026-03-28 12:34:56.789", "2026-03-30 01:02:03.004"),
        ("2026-10-24 12:34:56.789", "2026-10-26 01:02:03.004"),
        ("0001-01-01 00:00:00", "9999-12-31 23:59:59.999"),
    ] {
        let (from, until) = (at(from), at(until));
        assert_eq!(
            always.between(from, until),
            (until - from).num_milliseconds()
        );
        assert_eq!(always.after(from, always.between(from, until)), Some(until));
    }
    assert_eq!(always.after(at("2026-01-01 00:00:00"), i64::MAX), None);
    let whole = daily("Europe/Berlin", &["00:00-12:00", "12:00-24:00"]);
    assert_eq!(whole, always);
}

#[test]
fn hours_are_known_of_a_century() {
    let office = office("UTC", &[]);
    let (from, until) = (at("1900-01-01 00:00:00"), at("2200-01-01 00:00:00"));
    // Weekdays of the century, which began on a Saturday, of eight hours each.
    let days = (0..36_525).filter(|day| (day + 5) % 7 < 5).count();
    assert_eq!(
        office.between(from, until),
        i64::try_from(days).unwrap() * 8 * HOUR
    );
    assert_eq!(office.after(at("2099-12-31 17:00:00"), 1), None);
    let never = Schedule::weekly(zone("UTC"), &Week::default(), &BTreeSet::new());
    assert_eq!(never.between(from, until), 0);
    assert_eq!(never.after(from, 1), None);
    assert_eq!(never.after(from, 0), Some(from));
}

#[test]
fn what_is_due_at_the_end_of_a_day_is_due_then_and_not_on_the_next_morning() {
    let office = office("UTC", &[]);
    let friday = at("2026-06-05 13:00:00");
    assert_eq!(
        office.after(friday, 4 * HOUR),
        Some(at("2026-06-05 17:00:00"))
    );
    assert_eq!(
        office.after(friday, 4 * HOUR + 1),
        Some(at("2026-06-08 09:00:00.001"))
    );
    assert_eq!(
        office.after(at("2026-06-06 10:00:00"), HOUR),
        Some(at("2026-06-08 10:00:00"))
    );
}

/// Zones with hours, half hours, skipped midnights and none of these.
const ZONES: [&str; 8] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "Pacific/Apia",
    "UTC",
];

/// A schedule with what it was made of, for the slow reference.
#[derive(Debug)]
struct Made {
    zone: Tz,
    week: Week,
    holidays: BTreeSet<NaiveDate>,
    schedule: Schedule,
}

impl Made {
    fn new(zone: Tz, week: Week, holidays: BTreeSet<NaiveDate>) -> Self {
        let schedule = Schedule::weekly(zone, &week, &holidays);
        Self {
            zone,
            week,
            holidays,
            schedule,
        }
    }

    /// Whether the minute that begins then is business time, by the definition's own words.
    fn is_open(&self, minute: i64) -> bool {
        let at = Instant::from_timestamp_millis(minute).unwrap();
        let local = at.with_timezone(&self.zone).naive_local();
        let weekday = usize::try_from(local.weekday().num_days_from_monday()).unwrap();
        let time = i64::from(local.num_seconds_from_midnight()) * 1_000;
        !self.holidays.contains(&local.date())
            && self.week[weekday]
                .iter()
                .any(|span| (span.from..span.until).contains(&time))
    }

    fn slow(&self, from: i64, until: i64) -> i64 {
        let minutes = (from / MINUTE..until / MINUTE).map(|minute| minute * MINUTE);
        let open = minutes.filter(|minute| self.is_open(*minute)).count();
        i64::try_from(open).unwrap() * MINUTE
    }
}

static MADE: LazyLock<Vec<Made>> = LazyLock::new(|| {
    let weeks: [fn(usize) -> Vec<Span>; 4] = [
        |day| {
            if day < 5 {
                spans(&["09:00-12:30", "13:30-17:00"])
            } else {
                Vec::new()
            }
        },
        |_| spans(&["00:00-03:17", "22:45-24:00"]),
        |day| {
            if day == 6 {
                spans(&["00:00-24:00"])
            } else {
                spans(&["01:30-02:30"])
            }
        },
        |_| spans(&["00:00-24:00"]),
    ];
    let zones = ZONES.iter().map(|name| zone(name));
    zones
        .flat_map(|zone| weeks.map(|week| (zone, std::array::from_fn(week))))
        .map(|(zone, week)| {
            Made::new(
                zone,
                week,
                dates(&["2026-03-29", "2018-02-18", "2024-02-29"]),
            )
        })
        .collect()
});

/// Minutes within two days of a change of clocks of one of the zones, or anywhere.
fn minute() -> impl Strategy<Value = i64> {
    let near = prop::sample::select(vec![
        "2026-03-29 01:00:00",
        "2026-10-25 01:00:00",
        "2026-03-08 07:00:00",
        "2026-11-01 06:00:00",
        "2026-04-04 15:00:00",
        "2026-10-03 15:30:00",
        "2018-11-04 03:00:00",
        "2018-02-18 02:00:00",
        "2011-12-30 10:00:00",
        "2026-02-15 02:00:00",
        "2024-02-29 12:00:00",
    ]);
    prop_oneof![
        3 => (near, -2_880_i64..2_880).prop_map(|(near, minutes)| {
            at(near).timestamp_millis() + minutes * MINUTE
        }),
        1 => (15_800_000_i64..36_800_000).prop_map(|minute| minute * MINUTE),
    ]
}

fn instant(milliseconds: i64) -> Instant {
    Instant::from_timestamp_millis(milliseconds).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn business_time_is_what_counting_minutes_gives(
        made in 0..ZONES.len() * 4, from in minute(), length in 0_i64..4_000,
    ) {
        let made = &MADE[made];
        let until = from + length * MINUTE;
        let fast = made.schedule.between(instant(from), instant(until));
        prop_assert_eq!(fast, made.slow(from, until));
    }

    #[test]
    fn business_time_adds_up_and_is_never_more_than_has_passed(
        made in 0..ZONES.len() * 4,
        from in minute(),
        parts in prop::array::uniform2(0_i64..400_000_000_000),
    ) {
        let schedule = &MADE[made].schedule;
        let (from, middle, until) =
            (instant(from), instant(from + parts[0]), instant(from + parts[0] + parts[1]));
        let sum = schedule.between(from, middle) + schedule.between(middle, until);
        prop_assert_eq!(schedule.between(from, until), sum);
        prop_assert!((0..=parts[0]).contains(&schedule.between(from, middle)));
    }

    #[test]
    fn a_week_that_is_open_throughout_is_plain_time(
        zone in 0..ZONES.len(), from in minute(), length in 0_i64..400_000_000_000,
    ) {
        // With holidays, so that it is counted by local days; from 2027 on there are none.
        let schedule = &MADE[zone * 4 + 3].schedule;
        let from = from + 40_000_000_000;
        let (from, until) = (instant(from.max(1_800_000_000_000)), instant(from.max(1_800_000_000_000) + length));
        prop_assert_eq!(schedule.between(from, until), length);
        prop_assert_eq!(schedule.after(from, length), Some(until));
    }

    #[test]
    fn what_is_due_after_so_much_business_time_is_due_at_the_first_instant_at_which_it_is_over(
        made in 0..ZONES.len() * 4, from in minute(), length in 1_i64..40_000_000_000,
    ) {
        let schedule = &MADE[made].schedule;
        let from = instant(from);
        let due = schedule.after(from, length).expect("within the century");
        prop_assert_eq!(schedule.between(from, due), length);
        let before = instant(due.timestamp_millis() - 1);
        prop_assert_eq!(schedule.between(from, before), length - 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn any_week_gives_what_counting_minutes_gives(
        zone_at in 0..ZONES.len(),
        days in prop::collection::vec(prop::collection::vec((0_i64..1_440, 1_i64..900), 0..3), 7),
        from in minute(),
        length in 0_i64..12_000,
    ) {
        let span = |(from, length): &(i64, i64)| Span {
            from: from * MINUTE,
            until: (from + length).min(1_440) * MINUTE,
        };
        let week: Week = std::array::from_fn(|day| days[day].iter().map(span).collect());
        let made = Made::new(zone(ZONES[zone_at]), week, BTreeSet::new());
        let until = from + length * MINUTE;
        let fast = made.schedule.between(instant(from), instant(until));
        prop_assert_eq!(fast, made.slow(from, until));
    }

    #[test]
    fn no_instant_is_too_odd(
        from in prop::num::i64::ANY, until in prop::num::i64::ANY, length in prop::num::i64::ANY,
    ) {
        for schedule in [&MADE[0].schedule, &Schedule::round_the_clock()] {
            let known = |at: i64| Instant::from_timestamp_millis(at).unwrap_or(Instant::MAX_UTC);
            let passed = schedule.between(known(from), known(until));
            prop_assert!(passed >= 0);
            let _ = schedule.after(known(from), length);
        }
    }
}
