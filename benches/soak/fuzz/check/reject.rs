//! What a reject keeps: all of a value, its beginning, or many values together.

use mava_export::table::Reject;
use serde_json::Value;
use serde_json::value::RawValue;

/// Bytes that a reject keeps at most, its note included.
const MOST: usize = 1 << 20;

/// Room for the note where it is cut.
const NOTE: usize = 128;

/// Rejects of one ticket that are kept one by one.
const ONE_BY_ONE: usize = 1_000;

/// A reject that keeps the beginning of its value only.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut<'r> {
    /// The beginning.
    pub(super) kept: &'r str,
    /// Bytes of the whole.
    pub(super) length: usize,
}

impl<'r> Cut<'r> {
    /// Where a reject says that it is cut, it is, and as it says.
    pub(super) fn of(reject: &'r Reject) -> Result<Option<Self>, String> {
        let Some((kept, length)) = told(&reject.reason) else {
            return Ok(None);
        };
        let id = &reject.id;
        let note = format!("…[cut here: {kept} of {length} bytes are kept; {id}]");
        let Some(beginning) = reject.raw_json.strip_suffix(&note) else {
            return Err("a reject that is cut does not say so where it ends".to_owned());
        };
        // A character that stands across the cut is left out.
        let is_usual = beginning.len() == kept
            && (MOST - NOTE - 3..=MOST - NOTE).contains(&kept)
            && length > MOST
            && reject.raw_json.len() <= MOST;
        match is_usual {
            true => Ok(Some(Self {
                kept: beginning,
                length,
            })),
            false => Err(format!("cut at {kept} of {length} bytes, or not so")),
        }
    }
}

/// What a reason says of the cut: bytes kept, and bytes of the whole.
fn told(reason: &str) -> Option<(usize, usize)> {
    let (_, cut) = reason.rsplit_once("; only the first ")?;
    let (kept, length) = cut.strip_suffix(" bytes are kept")?.split_once(" of ")?;
    Some((kept.parse().ok()?, length.parse().ok()?))
}

/// What a reject keeps is JSON, or the beginning of more than it can keep.
pub(super) fn is_as_it_says(reject: &Reject) -> Result<(), String> {
    match Cut::of(reject)? {
        Some(_) => Ok(()),
        None => super::is_json(&reject.raw_json),
    }
}

/// The values of a ticket beyond its first thousand rejects, kept as one.
pub(super) struct Folded<'r> {
    pub(super) id: &'r str,
    /// How many they are.
    count: usize,
    /// All of them; `None` where only the beginning is kept.
    values: Option<Vec<Value>>,
}

impl<'r> Folded<'r> {
    /// The last of a ticket's rejects, where it stands for many: behind exactly a thousand others, with
    /// as many values as it says.
    pub(super) fn of(rejects: &'r [Reject]) -> Result<Option<Self>, String> {
        let folded = rejects.iter().enumerate().filter_map(|(place, reject)| {
            let (_, more) = reject.reason.split_once("this and the ")?;
            let (more, _) = more.split_once(" values after it could not be represented either")?;
            Some((place, reject, more.parse::<usize>().ok()? + 1))
        });
        let folded: Vec<_> = folded.collect();
        let (reject, count) = match folded.as_slice() {
            [] if rejects.len() <= ONE_BY_ONE => return Ok(None),
            [(ONE_BY_ONE, reject, count)] if rejects.len() == ONE_BY_ONE + 1 => (*reject, *count),
            _ => {
                let (found, all) = (folded.len(), rejects.len());
                return Err(format!("{found} of {all} rejects stand for many"));
            }
        };
        let values = match Cut::of(reject)? {
            Some(_) => None,
            None => {
                let values: Result<Vec<Value>, _> = serde_json::from_str(&reject.raw_json);
                // Some numbers are JSON, and no value.
                let raw: Result<Vec<&RawValue>, _> = serde_json::from_str(&reject.raw_json);
                let held = raw.map_err(|error| error.to_string())?.len();
                if held != count {
                    return Err(format!("{held} values kept together, {count} told"));
                }
                values.ok()
            }
        };
        Ok(Some(Self {
            id: &reject.id,
            count,
            values,
        }))
    }

    /// It holds these, in this order, among others.
    pub(super) fn holds(&self, wanted: &[&Value]) -> Result<(), String> {
        let lost = match &self.values {
            None => wanted.len().saturating_sub(self.count),
            Some(values) => {
                let mut values = values.iter();
                let held = |item: &&&Value| values.any(|value| value == **item);
                wanted.len() - wanted.iter().take_while(held).count()
            }
        };
        match lost {
            0 => Ok(()),
            lost => Err(format!("{lost} items are not among those kept together")),
        }
    }
}
