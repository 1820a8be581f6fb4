//! What SQL lacks for questions to a support desk: `median`, `percentile` and `REGEXP`.
//!
//! `median` and the three percentiles do what SQLite's own extension of these names does
//! (<https://sqlite.org/percentile.html>), so that a query gives the same in its shell: they are
//! aggregates and window functions, leave NULL out, interpolate between the two nearest values, and
//! refuse what is no number.

use std::sync::Arc;

use regex::Regex;
use rusqlite::functions::{Aggregate, Context, FunctionFlags, WindowAggregate};
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, Error, Result};

/// Shares of the rows of one group are the same when they differ by no more.
const SAME: f64 = 0.001;

/// Gives a connection the functions.
///
/// # Errors
/// SQLite refuses one.
pub(super) fn add(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    for (arguments, function) in Percentile::ALL {
        connection.create_window_function(function.name, arguments, flags, function)?;
    }
    connection.create_scalar_function("regexp", 2, flags, regexp)
}

/// `regexp(pattern, text)`, which is what `text REGEXP pattern` calls: whether the pattern is found
/// somewhere in the text. NULL where either is.
fn regexp(context: &Context<'_>) -> Result<Option<bool>> {
    let (pattern, text) = (context.get_raw(0), context.get_raw(1));
    if matches!(pattern, ValueRef::Null) || matches!(text, ValueRef::Null) {
        return Ok(None);
    }
    // Once for a pattern that is the same in each row.
    let pattern: Arc<Regex> = context.get_or_create_aux(0, |pattern| {
        let pattern = pattern
            .as_str()
            .map_err(|_| refused("the pattern of REGEXP is not text"))?;
        Regex::new(pattern).map_err(|error| {
            // The last line says what is wrong; those above draw an arrow under the pattern.
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            refused(&format!("the pattern of REGEXP is not valid: {reason}"))
        })
    })?;
    Ok(Some(match text {
        ValueRef::Text(text) | ValueRef::Blob(text) => {
            pattern.is_match(&String::from_utf8_lossy(text))
        }
        ValueRef::Integer(number) => pattern.is_match(&number.to_string()),
        ValueRef::Real(number) => pattern.is_match(&number.to_string()),
        ValueRef::Null => false,
    }))
}

/// One of the percentile functions.
#[derive(Debug, Clone, Copy)]
struct Percentile {
    name: &'static str,
    /// What stands for all values: 100 or 1.
    whole: f64,
    /// Whether it gives one of the values, and none between two.
    is_discrete: bool,
}

impl Percentile {
    /// Each with the number of its arguments.
    const ALL: [(i32, Self); 4] = [
        (1, Self::new("median", 100.0, false)),
        (2, Self::new("percentile", 100.0, false)),
        (2, Self::new("percentile_cont", 1.0, false)),
        (2, Self::new("percentile_disc", 1.0, true)),
    ];

    const fn new(name: &'static str, whole: f64, is_discrete: bool) -> Self {
        Self {
            name,
            whole,
            is_discrete,
        }
    }

    /// The share that a row asks for, 0 to 1.
    fn share(&self, context: &Context<'_>) -> Result<f64> {
        if context.len() == 1 {
            return Ok(0.5);
        }
        let share = match context.get_raw(1) {
            ValueRef::Integer(_) | ValueRef::Real(_) => context.get::<f64>(1)? / self.whole,
            ValueRef::Text(text) => std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.trim().parse::<f64>().ok())
                .map_or(f64::NAN, |share| share / self.whole),
            ValueRef::Null | ValueRef::Blob(_) => f64::NAN,
        };
        match (0.0..=1.0).contains(&share) {
            true => Ok(share),
            false => Err(failure(format!(
                "the second argument of {}() is not a number from 0 to {}",
                self.name, self.whole
            ))),
        }
    }

    /// The value of a row; `None` for NULL.
    fn value_of(&self, context: &Context<'_>) -> Result<Option<f64>> {
        let value = context.get_raw(0);
        match value.data_type() {
            Type::Null => Ok(None),
            Type::Integer | Type::Real => {
                let number = context.get::<f64>(0)?;
                match number.is_finite() {
                    true => Ok(Some(number)),
                    false => Err(failure(format!("{}() was given infinity", self.name))),
                }
            }
            Type::Text | Type::Blob => Err(failure(format!(
                "{}() was given something that is no number: CAST(... AS REAL) makes one of text",
                self.name
            ))),
        }
    }

    /// What the values come to.
    fn compute(&self, values: &mut Values) -> Option<f64> {
        let share = values.share?;
        values.sort();
        let last = values.numbers.len().checked_sub(1)?;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place among numbers that are in memory"
        )]
        let (place, below) = {
            let place = share * last as f64;
            (place, place as usize)
        };
        let low = *values.numbers.get(below)?;
        let high = *values.numbers.get((below + 1).min(last))?;
        let between = place.fract();
        match self.is_discrete || between == 0.0 {
            true => Some(low),
            false => Some(low + (high - low) * between),
        }
    }
}

/// The values of a group or a window.
#[derive(Debug, Default)]
struct Values {
    share: Option<f64>,
    numbers: Vec<f64>,
    is_sorted: bool,
    /// Whether it pays to keep them in order: in a window that moves on, the next value is asked for
    /// after a few steps.
    is_window: bool,
}

impl Values {
    fn sort(&mut self) {
        if !self.is_sorted {
            self.numbers.sort_unstable_by(f64::total_cmp);
            self.is_sorted = true;
        }
    }

    fn place(&self, number: f64) -> std::result::Result<usize, usize> {
        self.numbers
            .binary_search_by(|other| other.total_cmp(&number))
    }

    fn add(&mut self, number: f64) {
        if self.is_window && self.is_sorted {
            let (Ok(place) | Err(place)) = self.place(number);
            self.numbers.insert(place, number);
        } else {
            self.numbers.push(number);
            self.is_sorted = false;
        }
    }

    fn remove(&mut self, number: f64) {
        self.is_window = true;
        self.sort();
        if let Ok(place) = self.place(number) {
            self.numbers.remove(place);
        }
    }
}

impl Aggregate<Values, Option<f64>> for Percentile {
    fn init(&self, _: &mut Context<'_>) -> Result<Values> {
        Ok(Values::default())
    }

    fn step(&self, context: &mut Context<'_>, values: &mut Values) -> Result<()> {
        let share = self.share(context)?;
        if (*values.share.get_or_insert(share) - share).abs() > SAME {
            return Err(failure(format!(
                "the second argument of {}() is not the same in each row",
                self.name
            )));
        }
        if let Some(number) = self.value_of(context)? {
            values.add(number);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, values: Option<Values>) -> Result<Option<f64>> {
        Ok(values.and_then(|mut values| self.compute(&mut values)))
    }
}

impl WindowAggregate<Values, Option<f64>> for Percentile {
    fn value(&self, values: Option<&mut Values>) -> Result<Option<f64>> {
        Ok(values.and_then(|values| {
            values.is_window = true;
            self.compute(values)
        }))
    }

    fn inverse(&self, context: &mut Context<'_>, values: &mut Values) -> Result<()> {
        if let Some(number) = self.value_of(context)? {
            values.remove(number);
        }
        Ok(())
    }
}

fn failure(message: String) -> Error {
    Error::UserFunctionError(message.into())
}

fn refused(message: &str) -> Box<dyn std::error::Error + Send + Sync> {
    message.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn connection() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        add(&connection).unwrap();
        connection
    }

    fn ask<T: rusqlite::types::FromSql>(sql: &str) -> T {
        connection()
            .query_row(sql, [], |row| row.get(0))
            .expect(sql)
    }

    fn refusal(sql: &str) -> String {
        let asked = connection().query_row(sql, [], |row| row.get::<_, rusqlite::types::Value>(0));
        asked.expect_err(sql).to_string()
    }

    /// `FROM` these values.
    fn values(numbers: &[&str]) -> String {
        let rows: Vec<String> = numbers.iter().map(|number| format!("({number})")).collect();
        format!(
            "FROM (SELECT column1 AS y FROM (VALUES {}))",
            rows.join(", ")
        )
    }

    #[test]
    fn percentiles_interpolate_between_the_two_nearest_values() {
        let from = values(&["1", "4", "6", "7", "8", "9", "NULL", "10", "11", "12", "13"]);
        for (call, expected) in [
            ("median(y)", 8.5),
            ("percentile(y, 50)", 8.5),
            ("percentile(y, 0)", 1.0),
            ("percentile(y, 100)", 13.0),
            ("percentile(y, 12.5)", 4.25),
            ("percentile(y, '50')", 8.5),
            ("percentile_cont(y, 0.125)", 4.25),
            ("percentile_disc(y, 0.5)", 8.0),
        ] {
            let found: f64 = ask(&format!("SELECT {call} {from}"));
            assert!((found - expected).abs() < 1e-9, "{call}: {found}");
        }
        // A real number, also where the value is a whole one; NULL of nothing.
        let kind: String = ask(&format!("SELECT typeof(median(y)) {}", values(&["3"])));
        assert_eq!(kind, "real");
        for from in [values(&["NULL"]), format!("{from} WHERE 0")] {
            let none: Option<f64> = ask(&format!("SELECT median(y) {from}"));
            assert_eq!(none, None);
        }
    }

    #[test]
    fn what_is_no_number_and_no_share_is_refused() {
        for (numbers, call, expected) in [
            ("'a'", "median(y)", "no number"),
            ("x'00'", "percentile(y, 5)", "no number"),
            ("9e999", "median(y)", "infinity"),
            ("1", "percentile(y, 101)", "from 0 to 100"),
            ("1", "percentile(y, -1)", "from 0 to 100"),
            ("1", "percentile(y, 'much')", "from 0 to 100"),
            ("1", "percentile(y, NULL)", "from 0 to 100"),
            ("1", "percentile_cont(y, 50)", "from 0 to 1"),
            ("1), (2", "percentile(y, y)", "same in each row"),
        ] {
            let error = refusal(&format!("SELECT {call} {}", values(&[numbers])));
            assert!(error.contains(expected), "{call}: {error}");
        }
    }

    proptest! {
        /// A window that moves is each time what its rows alone come to.
        #[test]
        fn a_window_gives_what_its_rows_alone_give(
            numbers in proptest::collection::vec(proptest::option::weighted(0.8, -20i32..20), 1..30),
            before in 0usize..6,
            after in 0usize..6,
            percent in 0u32..=100,
        ) {
            let connection = connection();
            connection.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY, y)").unwrap();
            for number in &numbers {
                connection.execute("INSERT INTO t (y) VALUES (?1)", [number]).unwrap();
            }
            let window = format!(
                "SELECT percentile(y, {percent}) OVER (ORDER BY n ROWS BETWEEN {before} PRECEDING AND {after} FOLLOWING),
                        (SELECT percentile(y, {percent}) FROM t AS o WHERE o.n BETWEEN t.n - {before} AND t.n + {after})
                 FROM t"
            );
            let mut statement = connection.prepare(&window).unwrap();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let (moved, alone): (Option<f64>, Option<f64>) = (row.get(0).unwrap(), row.get(1).unwrap());
                prop_assert_eq!(moved, alone);
            }
        }
    }

    #[test]
    fn a_pattern_is_looked_for_in_text_numbers_and_bytes() {
        for (condition, expected) in [
            ("'Refund please' REGEXP '(?i)\\brefund\\b'", Some(true)),
            ("'refunded' REGEXP '\\brefund\\b'", Some(false)),
            ("'Straße' REGEXP '(?i)STRASSE|straße'", Some(true)),
            ("regexp('^a', 'abc')", Some(true)),
            ("'abc' NOT REGEXP 'z'", Some(true)),
            ("1204 REGEXP '^12'", Some(true)),
            ("x'616263' REGEXP 'b'", Some(true)),
            ("NULL REGEXP 'a'", None),
            ("'a' REGEXP NULL", None),
        ] {
            let found: Option<bool> = ask(&format!("SELECT {condition}"));
            assert_eq!(found, expected, "{condition}");
        }
        let error = refusal("SELECT 'a' REGEXP '(a'");
        assert_eq!(error, "the pattern of REGEXP is not valid: unclosed group");
        assert!(refusal("SELECT 'a' REGEXP 1").contains("not text"));
    }

    #[test]
    fn a_pattern_that_takes_others_for_ever_takes_no_time() {
        let found: bool = ask("SELECT printf('%.30000c', 'a') REGEXP '^(a+)+$|b'");
        assert!(found);
    }
}
