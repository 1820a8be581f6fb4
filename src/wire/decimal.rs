//! Numbers that no 64-bit integer holds, in the digits that were sent: a parser gives the nearest
//! double, which may lack some of them.

use std::borrow::Cow;

/// An exponent beyond this is of no integer of 64 bits, whatever stands before it.
const MOST_EXPONENT: i64 = 10_000;

/// Finds the digits of a JSON text's numbers, in their order. Looks at the text only as far as it is
/// asked for: most have no such number.
pub(super) struct Decimals<'t> {
    rest: &'t str,
}

impl<'t> Decimals<'t> {
    /// Those of a text that is JSON.
    pub(super) fn of(text: &'t str) -> Self {
        Self { rest: text }
    }

    /// The digits of the next number for which a parser gave the double `value`.
    pub(super) fn next(&mut self, value: f64) -> Cow<'t, str> {
        let digits = self.find();
        match digits.filter(|digits| digits.parse() == Ok(value)) {
            Some(digits) => Cow::Borrowed(digits),
            // Not what the parser read: as many digits as it takes to read the same double again.
            None => Cow::Owned(serde_json::Value::from(value).to_string()),
        }
    }

    fn find(&mut self) -> Option<&'t str> {
        loop {
            let start = self
                .rest
                .bytes()
                .position(|byte| matches!(byte, b'"' | b'-' | b'0'..=b'9'))?;
            let (_, from) = self.rest.split_at_checked(start)?;
            if let Some(text) = from.strip_prefix('"') {
                self.rest = after_text(text)?;
                continue;
            }
            let is_of_number =
                |byte: u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
            let end = from.bytes().position(|byte| !is_of_number(byte));
            let (number, rest) = from.split_at_checked(end.unwrap_or(from.len()))?;
            self.rest = rest;
            if is_decimal(number) {
                return Some(number);
            }
        }
    }
}

/// What follows a JSON string of which the first quote is gone.
fn after_text(mut text: &str) -> Option<&str> {
    loop {
        let (inside, rest) = text.split_at_checked(text.find('"')?)?;
        let rest = rest.strip_prefix('"')?;
        let escapes = inside.bytes().rev().take_while(|byte| *byte == b'\\');
        if escapes.count().is_multiple_of(2) {
            return Some(rest);
        }
        text = rest;
    }
}

/// Whether a parser gives a double for a number: it has a fraction or an exponent, or is out of the
/// range of 64 bits, or is the zero that only a double tells from zero.
fn is_decimal(number: &str) -> bool {
    number == "-0" || (number.parse::<u64>().is_err() && number.parse::<i64>().is_err())
}

/// The integer that a decimal number is, however it is written: `3.0`, `1e3`, `-120e-1`; `None` with
/// a fraction, and where 64 bits do not hold it. No digit is rounded away.
pub(super) fn integer(text: &str) -> Option<i64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (sign, unsigned) = match mantissa.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let is_number = (!whole.is_empty() || !fraction.is_empty())
        && [whole, fraction]
            .iter()
            .all(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
    if !is_number || exponent.abs() > MOST_EXPONENT {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let length = |digits: &str| i64::try_from(digits.len()).ok();
    let zeros = length(digits)? - length(significant)? + exponent - length(fraction)?;
    let zeros = usize::try_from(zeros).ok().filter(|zeros| *zeros < 19)?;
    format!("{sign}{significant}{}", "0".repeat(zeros))
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_is_exactly_an_integer_is_one() {
        for (text, expected) in [
            ("3.0", Some(3)),
            ("-3.000", Some(-3)),
            ("1e3", Some(1_000)),
            ("-120e-1", Some(-12)),
            ("0.5e1", Some(5)),
            ("-0.0", Some(0)),
            ("0e99999", None),
            ("+7.", Some(7)),
            (".5e1", Some(5)),
            ("9223372036854775807.0", Some(i64::MAX)),
            ("-9223372036854775808.0", Some(i64::MIN)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("3.00000000000000000001", None),
            ("9223372036854775808.0", None),
            ("1e19", None),
            ("1e999999999999", None),
            ("1.5", None),
            ("", None),
            (".", None),
            ("e5", None),
            ("1e", None),
            ("inf", None),
            ("NaN", None),
            ("1_000", None),
            ("--1", None),
        ] {
            assert_eq!(integer(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn each_number_keeps_its_own_digits(
            items in proptest::collection::vec(
                prop_oneof![
                    "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?",
                    "\"([a-z0-9., -]|\\\\\"|\\\\\\\\){0,8}\"",
                    Just("null".to_owned()), Just("true".to_owned()),
                ], 0..12,
            ),
        ) {
            let json = format!("[{}]", items.join(" ,"));
            let read = super::super::json::with_json(&json, |read| read.value.canonical());
            let expected: Vec<String> = items
                .iter()
                .map(|item| match item.parse::<i64>() {
                    Ok(integer) if item != "-0" => integer.to_string(),
                    _ => item.clone(),
                })
                .collect();
            prop_assert_eq!(read, Ok(format!("[{}]", expected.join(","))));
        }
    }
}
