//! Percentiles as everywhere here: between the two nearest values in a straight line, rounded to the
//! millisecond, halves away from 0.

/// The median.
pub(super) fn median(values: &mut [i64]) -> Option<i64> {
    percentile(values, 1, 2)
}

/// The 90th percentile.
pub(super) fn p90(values: &mut [i64]) -> Option<i64> {
    percentile(values, 9, 10)
}

/// The `part` in `whole` of the values; none of nothing.
fn percentile(values: &mut [i64], part: i128, whole: i128) -> Option<i64> {
    values.sort_unstable();
    let last = i128::try_from(values.len()).ok()?.checked_sub(1)?;
    let (place, rest) = (last * part / whole, last * part % whole);
    let place = usize::try_from(place).ok()?;
    let low = i128::from(*values.get(place)?);
    let high = values
        .get(place + 1)
        .map_or(low, |value| i128::from(*value));
    let exact = low * whole + (high - low) * rest;
    let rounded = (exact.abs() * 2 + whole) / (whole * 2);
    i64::try_from(rounded * exact.signum()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_between_two_are_on_the_line_from_one_to_the_other_and_halves_go_away_from_0() {
        for (values, middle, high) in [
            (&[][..], None, None),
            (&[7], Some(7), Some(7)),
            (&[1, 2], Some(2), Some(2)),
            (&[-1, -2], Some(-2), Some(-1)),
            (&[0, 10], Some(5), Some(9)),
            (&[30, 10, 20], Some(20), Some(28)),
            (&[4, 1, 3, 2], Some(3), Some(4)),
            (&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100], Some(0), Some(0)),
            (&[0, 0, 0, 0, 0, 0, 0, 0, 0, 100], Some(0), Some(10)),
        ] {
            let found = (median(&mut values.to_vec()), p90(&mut values.to_vec()));
            assert_eq!(found, (middle, high), "{values:?}");
        }
    }
}
