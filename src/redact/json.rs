//! JSON that was written by us, with text in it that was not.

use std::borrow::Cow;

use super::is_hidden;

/// `json` with each of its strings passed through `change`.
pub(crate) fn for_json_text(json: &str, change: impl Fn(&str) -> Cow<'_, str>) -> String {
    let mut changed = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, from)) = rest
        .find('"')
        .and_then(|start| rest.split_at_checked(start))
    {
        let (literal, after) = from.split_at_checked(end(from)).unwrap_or((from, ""));
        changed.push_str(before);
        let text = serde_json::from_str::<String>(literal).ok();
        match text.as_deref().map(&change) {
            Some(Cow::Owned(other)) => {
                changed.push_str(&serde_json::Value::from(other).to_string())
            }
            _ => changed.push_str(literal),
        }
        rest = after;
    }
    changed.push_str(rest);
    changed
}

/// Where the string that `json` begins with ends.
fn end(json: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}

/// `json` with what is hidden in its strings escaped: the same value, harmless on a terminal.
pub(crate) fn escape_hidden(json: &str) -> Cow<'_, str> {
    // Line ends between the values are no part of a string: there they are escaped already.
    let is_hidden = |character: char| character != '\n' && is_hidden(character);
    if !json.contains(is_hidden) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        match is_hidden(character) {
            true => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    escaped.push_str(&format!("\\u{unit:04x}"));
                }
            }
            false => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_escaped_and_mean_the_same() {
        let text = "a\u{9b}b\u{7f}c\u{202e}d\u{200b}e\u{e0041}\n\u{1b}\"\\é👍";
        let value = serde_json::json!({ text: [text, 1] });
        let json = serde_json::to_string_pretty(&value).expect("JSON");
        let escaped = escape_hidden(&json);
        assert!(
            escaped.contains("a\\u009bb\\u007fc\\u202ed\\u200be\\udb40\\udc41"),
            "{escaped}"
        );
        assert!(!escaped.contains(|character| character != '\n' && is_hidden(character)));
        assert!(escaped.contains("é👍"));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&escaped).ok(),
            Some(value)
        );
        assert!(matches!(
            escape_hidden("{\n  \"a\": 1\n}"),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn strings_are_changed_and_nothing_else() {
        fn upper(text: &str) -> Cow<'_, str> {
            Cow::Owned(text.to_uppercase())
        }
        let json = r#"{"a": ["b\"\\", true, "\u00e9", ""], "c\n": null}"#;
        assert_eq!(
            for_json_text(json, upper),
            r#"{"A": ["B\"\\", true, "É", ""], "C\n": null}"#
        );
        for broken in ["", "\"", "\"a", "a\"b\\"] {
            assert_eq!(for_json_text(broken, upper), broken);
        }
    }
}
