use super::*;

use proptest::prelude::*;

const KEY: &str = "k3y-That-nobody/may+See=8f1e&\"\\<";

fn redactor(key: &str) -> Redactor {
    Redactor::new(&SecretString::from(key))
}

fn escaped(key: &str, each: impl Fn(u8) -> String) -> String {
    key.bytes().map(each).collect()
}

/// The ways in which an API or a proxy may send a key back.
fn echoes(key: &str) -> Vec<(&'static str, String)> {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
    let split = |by: &str| {
        let parts: Vec<String> = key.chars().map(String::from).collect();
        parts.join(by)
    };
    vec![
        ("as it is", key.to_owned()),
        (
            "without its last character",
            key[..key.len() - 1].to_owned(),
        ),
        ("without its first character", key[1..].to_owned()),
        ("a part", key[6..14].to_owned()),
        ("in capitals", key.to_uppercase()),
        ("in small letters", key.to_lowercase()),
        ("split by a zero-width space", split("\u{200b}")),
        ("split by a joiner", split("\u{200d}")),
        ("split by a control character", split("\u{1}")),
        ("split by DEL", split("\u{7f}")),
        ("split by C1", split("\u{9b}")),
        ("split by a direction mark", split("\u{202e}")),
        ("split by a byte order mark", split("\u{feff}")),
        ("split by a soft hyphen", split("\u{ad}")),
        ("split by blanks", split(" ")),
        ("over two lines", format!("{}\r\n{}", &key[..7], &key[7..])),
        ("in Base64", STANDARD.encode(key)),
        (
            "in Base64, after one byte",
            STANDARD.encode(format!("u{key}")),
        ),
        ("in Base64, after two", STANDARD.encode(format!("a:{key}"))),
        (
            "in Base64, before others",
            STANDARD.encode(format!("{key}xy")),
        ),
        ("in Base64 for URLs", URL_SAFE.encode(format!("?{key}?"))),
        ("in Base64 without padding", URL_SAFE_NO_PAD.encode(key)),
        ("in Base64 over two lines", {
            let text = STANDARD.encode(key);
            format!("{}\n{}", &text[..20], &text[20..])
        }),
        ("a part in Base64", STANDARD.encode(&key[3..13])),
        ("in hexadecimal", escaped(key, |byte| format!("{byte:02x}"))),
        (
            "in hexadecimal capitals",
            escaped(key, |byte| format!("{byte:02X}")),
        ),
        (
            "in hexadecimal with colons",
            escaped(key, |byte| format!("{byte:02x}:")),
        ),
        (
            "percent-encoded",
            escaped(key, |byte| format!("%{byte:02X}")),
        ),
        (
            "percent-encoded where it must be",
            escaped(key, |byte| match byte.is_ascii_alphanumeric() {
                true => char::from(byte).to_string(),
                false => format!("%{byte:02x}"),
            }),
        ),
        (
            "percent-encoded twice",
            escaped(key, |byte| format!("%25{byte:02x}")),
        ),
        ("escaped for JSON", serde_json::json!(key).to_string()),
        (
            "escaped for JSON throughout",
            escaped(key, |byte| format!("\\u{byte:04x}")),
        ),
        (
            "escaped for JSON twice",
            serde_json::json!(serde_json::json!(key).to_string()).to_string(),
        ),
        ("as a debug text", format!("{key:?}")),
        (
            "escaped as bytes",
            escaped(key, |byte| format!("\\x{byte:02x}")),
        ),
        (
            "escaped for HTML",
            key.replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('"', "&quot;"),
        ),
        (
            "escaped for HTML throughout",
            escaped(key, |byte| format!("&#{byte};")),
        ),
    ]
}

#[test]
fn an_echo_of_the_key_is_struck_out_in_every_form() {
    let redactor = redactor(KEY);
    for (form, echo) in echoes(KEY) {
        let text = format!("bad key <{echo}> é");
        let shown = redactor.foreign(&text);
        assert!(
            shown.starts_with("bad key <") && shown.ends_with("> é") && shown.contains(REDACTED),
            "{form}: {shown}"
        );
        let left = shown.replace(REDACTED, "");
        assert!(left.len() <= "bad key <> é".len() + 8, "{form}: {shown}");
    }
}

#[test]
fn of_our_own_text_only_most_of_a_key_is_struck_out() {
    let redactor = redactor("simulated-key");
    for text in ["a simulated desk", "/home/a/simulated.db", "simulated ke"] {
        assert_eq!(redactor.own(text), text);
    }
    assert_eq!(redactor.foreign("a simulated desk"), "a [REDACTED] desk");
    for text in [
        "simulated-key",
        "SIMULATED-KEY",
        "imulated-key",
        "simulated-ke",
    ] {
        assert_eq!(redactor.own(text), REDACTED);
    }
    let long = self::redactor(KEY);
    for (form, echo) in echoes(KEY) {
        let is_part = form.contains("a part");
        assert_ne!(long.own(&echo).contains(REDACTED), is_part, "{form}");
    }
}

#[test]
fn json_stays_json() {
    let redactor = redactor(KEY);
    let value = serde_json::json!({
        "error": format!("bad {KEY}"), KEY: ["é\u{9b}", 7, null], "split": ["k3y-That-nobody", "/may+See=8f1e"],
    });
    let json = redactor.own_json(&serde_json::to_string_pretty(&value).expect("JSON"));
    let read: serde_json::Value = serde_json::from_str(&json).expect(&json);
    assert_eq!(read["error"], "bad [REDACTED]");
    assert_eq!(read[REDACTED][0], "é\u{9b}");
    assert_eq!(read["split"][1], "/may+See=8f1e");
}

#[test]
fn other_text_is_left_as_it_is() {
    let redactor = redactor(KEY);
    for text in [
        "",
        "é 100% of &amp; \\u00e9 tickets",
        "GET /api/tickets failed after 3 attempts in 0.5 s: the API answered 500: nobody home",
        "64f0c0ffee64f0c0ffee64f0",
        "k3y-That",
    ] {
        if text != "k3y-That" {
            assert!(matches!(redactor.foreign(text), Cow::Borrowed(_)), "{text}");
        }
        assert!(matches!(redactor.own(text), Cow::Borrowed(_)), "{text}");
    }
}

#[test]
fn a_short_key_is_struck_out_where_it_stands_whole_in_the_words_of_others() {
    let redactor = redactor("a-key");
    assert_eq!(redactor.foreign("bad A-KEY, a-ke"), "bad [REDACTED], a-ke");
    assert_eq!(
        redactor.own("--api-key-file holds a-key"),
        "--api-key-file holds a-key"
    );
}

#[test]
fn a_redactor_shows_nothing_of_its_key() {
    assert_eq!(format!("{:?}", redactor(KEY)), "Redactor");
}

#[test]
fn a_typed_word_that_may_be_a_key_is_told_from_dates_and_paths() {
    for key in [
        "typed-8f1e-never-echoed",
        "3f2b8c1e-77aa-4c1d-9d2e-0c1f2a3b4c5d",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.c2lnbmF0dXJl",
        "q8Zr/0vT1+abcdEFGH==",
    ] {
        assert!(looks_like_key(key), "{key}");
    }
    for word in [
        "2023-01-31",
        "2023-01-31T09:00:00+02:00",
        "20230131T090000000Z",
        "/var/lib/support2024.db",
        "./support2024/desk.db",
        "sqlite:support2024.db",
        "90 requests/30 seconds",
        "17",
        "yesterday-or-so-or-so",
    ] {
        assert!(!looks_like_key(word), "{word}");
    }
}

proptest! {
    #[test]
    fn any_eight_characters_of_any_key_are_found_in_base64_at_any_offset(
        key in "[!-~]{8,40}", from in 0usize..32, before in 0usize..5, after in "[ -~]{0,4}",
    ) {
        let from = from.min(key.len() - 8);
        let redactor = redactor(&key);
        let text = format!("{}{}{after}", "é".repeat(before), &key[from..from + 8]);
        let shown = redactor.foreign(&text).into_owned();
        prop_assert!(shown.contains(REDACTED), "{shown}");
        let encoded = base64::engine::general_purpose::STANDARD.encode(&text);
        let shown = redactor.foreign(&encoded).into_owned();
        prop_assert!(shown.contains(REDACTED), "{shown}");
    }

    #[test]
    fn any_text_is_taken(key in ".{1,20}", text in ".{0,60}") {
        let redactor = redactor(&key);
        let _ = (redactor.foreign(&text), redactor.own(&text), redactor.own_json(&text));
    }
}
