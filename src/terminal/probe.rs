//! What a probe found, for people.

use super::style::{BAD, BOLD, FAINT, GOOD, WARNING, counted, paint, plain};
use crate::error::REPORT;
use crate::report::{Finding, Probe, Verdict};

/// The probe as text, styled: what differs first, what is as expected only counted.
pub(super) fn text(probe: &Probe) -> String {
    let heading = match probe.has_differences() {
        true => paint(WARNING, "The API differs from what we expect"),
        false if probe.tickets == 0 => paint(
            WARNING,
            "The API answered, but no ticket came: there was nothing to compare",
        ),
        false => paint(GOOD, "The API looks as expected"),
    };
    let mut text = format!(
        "{heading} {}\n",
        paint(
            FAINT,
            &format!(
                "({}, {})",
                plain(&probe.base_url),
                counted(probe.requests, "request")
            )
        )
    );
    let width = probe
        .findings
        .iter()
        .filter(|finding| finding.verdict != Verdict::Ok)
        .map(|finding| finding.what.chars().count())
        .max()
        .unwrap_or(0);
    for (verdict, label) in [
        (Verdict::Differs, paint(BAD, "differs")),
        (Verdict::Unknown, paint(WARNING, "unknown")),
    ] {
        for finding in probe.with(verdict) {
            let what = format!("{:width$}", plain(&finding.what));
            text.push_str(&format!(
                "  {label}  {}  {}\n",
                paint(BOLD, &what),
                compared(finding)
            ));
        }
    }
    let ok = probe.count(Verdict::Ok);
    if ok > 0 {
        text.push_str(&format!(
            "  {}       {} as expected\n",
            paint(GOOD, "ok"),
            counted(ok, "finding")
        ));
    }
    if probe.has_differences() {
        text.push_str(&format!(
            "\nA backfill copes with most of this and says what it could not represent.\nTo have it mended, {REPORT}.\n"
        ));
    }
    text
}

fn compared(finding: &Finding) -> String {
    let (expected, seen) = (plain(&finding.expected), plain(&finding.seen));
    match (expected.is_empty(), seen.is_empty()) {
        (true, true) => String::new(),
        (true, false) => seen,
        (false, true) => format!("expected {expected}"),
        (false, false) => format!("expected {expected}, seen {seen}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(verdict: Verdict, what: &str, expected: &str, seen: &str) -> Finding {
        Finding {
            verdict,
            what: what.into(),
            expected: expected.into(),
            seen: seen.into(),
        }
    }

    #[test]
    fn differences_come_first() {
        let probe = Probe {
            base_url: "https://gateway.mava.app/".into(),
            requests: 1,
            tickets: 2,
            findings: vec![
                finding(Verdict::Ok, "tickets[].id", "string", "string"),
                finding(Verdict::Unknown, "tickets[].mood", "", "string"),
                finding(Verdict::Differs, "tickets[].priority", "number", "string"),
                finding(Verdict::Differs, "tickets[].createdAt", "date", ""),
                finding(Verdict::Ok, "sort by creation", "ascending", "ascending"),
            ],
        };
        insta::assert_snapshot!(anstream::adapter::strip_str(&text(&probe)), @r#"
        The API differs from what we expect (https://gateway.mava.app/, 1 request)
          differs  tickets[].priority   expected number, seen string
          differs  tickets[].createdAt  expected date
          unknown  tickets[].mood       string
          ok       2 findings as expected

        A backfill copes with most of this and says what it could not represent.
        To have it mended, send this output and what mava-export --version prints to whoever looks after mava-export for you; it holds neither the key nor anything of a ticket.
        "#);
        insta::assert_snapshot!(serde_json::to_string(&probe).expect("plain"), @r#"{"base_url":"https://gateway.mava.app/","requests":1,"tickets":2,"findings":[{"verdict":"ok","what":"tickets[].id","expected":"string","seen":"string"},{"verdict":"unknown","what":"tickets[].mood","expected":"","seen":"string"},{"verdict":"differs","what":"tickets[].priority","expected":"number","seen":"string"},{"verdict":"differs","what":"tickets[].createdAt","expected":"date","seen":""},{"verdict":"ok","what":"sort by creation","expected":"ascending","seen":"ascending"}]}"#);
    }

    #[test]
    fn nothing_to_compare_is_no_all_clear() {
        let probe = Probe {
            base_url: "http://127.0.0.1:8090/".into(),
            requests: 1,
            tickets: 0,
            findings: Vec::new(),
        };
        insta::assert_snapshot!(anstream::adapter::strip_str(&text(&probe)), @"The API answered, but no ticket came: there was nothing to compare (http://127.0.0.1:8090/, 1 request)");
    }

    #[test]
    fn nothing_different_is_two_lines() {
        let probe = Probe {
            base_url: "http://127.0.0.1:8090/".into(),
            requests: 2,
            tickets: 2,
            findings: vec![finding(Verdict::Ok, "tickets[].id", "string", "string")],
        };
        insta::assert_snapshot!(anstream::adapter::strip_str(&text(&probe)), @r#"
        The API looks as expected (http://127.0.0.1:8090/, 2 requests)
          ok       1 finding as expected
        "#);
    }
}
