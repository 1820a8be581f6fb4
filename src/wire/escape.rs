//! Lone surrogates: `\ud83d` without its other half is legal in JSON's grammar and in
//! JavaScript's strings, but no Unicode text can hold it.

/// The code unit of a `\uXXXX` escape at the start of `text`.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits
        .bytes()
        .all(|digit| digit.is_ascii_hexdigit())
        .then(|| u32::from_str_radix(digits, 16).ok())?
}

/// Replaces each unpaired surrogate escape of a JSON text by `\ufffd`; the number replaced comes
/// with it. Pairs, other escapes and escaped backslashes stay as they are.
pub(crate) fn without_lone_surrogates(json: &str) -> (String, i64) {
    let mut clean = String::with_capacity(json.len());
    let mut replaced = 0;
    let mut rest = json;
    while let Some((before, escape)) = rest
        .find('\\')
        .and_then(|backslash| rest.split_at_checked(backslash))
    {
        clean.push_str(before);
        let kept = match unit(escape) {
            Some(0xD800..=0xDBFF)
                if matches!(escape.get(6..).and_then(unit), Some(0xDC00..=0xDFFF)) =>
            {
                12
            }
            Some(0xD800..=0xDFFF) => {
                clean.push_str("\\ufffd");
                replaced += 1;
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            Some(_) => 6,
            // The backslash and the character it escapes, which may be a backslash itself.
            None => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
        };
        let (escape, after) = escape.split_at_checked(kept).unwrap_or((escape, ""));
        clean.push_str(escape);
        rest = after;
    }
    clean.push_str(rest);
    (clean, replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unpaired_surrogates_are_replaced() {
        for (json, expected, count) in [
            (r#""plain""#, r#""plain""#, 0),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#, 0),
            (r#""\uD83D!""#, r#""\ufffd!""#, 1),
            (r#""\uDE00""#, r#""\ufffd""#, 1),
            (r#""\uDE00\uD83D""#, r#""\ufffd\ufffd""#, 2),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#, 1),
            (r#""\ud83d\n\ude00""#, r#""\ufffd\n\ufffd""#, 2),
            (r#""\\ud83d""#, r#""\\ud83d""#, 0),
            (r#""\\\ud83d""#, r#""\\\ufffd""#, 1),
            (r#""\u00e9\u0000""#, r#""\u00e9\u0000""#, 0),
            ("\\", "\\", 0),
            ("\\é", "\\é", 0),
            ("\\ud8", "\\ud8", 0),
            ("\\u+123", "\\u+123", 0),
        ] {
            assert_eq!(
                without_lone_surrogates(json),
                (expected.to_owned(), count),
                "{json}"
            );
        }
    }
}
