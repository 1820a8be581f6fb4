use rusqlite::types::ValueRef;

use super::*;
use crate::query::cell::Altered;

const ROWS: [[ValueRef<'_>; 3]; 2] = [
    [
        ValueRef::Integer(-7),
        ValueRef::Text("a, \"b\"\nc".as_bytes()),
        ValueRef::Null,
    ],
    [
        ValueRef::Real(0.5),
        ValueRef::Text("\u{1b}[31m\u{9b}\u{202e}".as_bytes()),
        ValueRef::Blob(&[0, 255]),
    ],
];

fn cells<'a>(values: &[ValueRef<'a>]) -> Vec<Cell<'a>> {
    let cell = |value: &ValueRef<'a>| Cell::new(*value, None, &mut Altered::default());
    values.iter().map(cell).collect()
}

fn whole(form: AnswerForm) -> String {
    let answer = Answer::new(form, &columns()).expect("columns");
    let mut answer = answer.expect("a form for programs");
    for row in ROWS {
        answer.row(&cells(&row)).expect("a row");
    }
    answer.end().expect("an end")
}

const CSV: AnswerForm = AnswerForm::Csv { is_safe: false };

fn columns() -> Vec<String> {
    ["n", "text", "x y"].map(str::to_owned).into()
}

#[test]
fn columns_of_one_name_are_told_apart() {
    let names = ["id", "id_1", "id", "n", "id"].map(str::to_owned);
    assert_eq!(distinct(&names), ["id", "id_1", "id_2", "n", "id_3"]);
}

#[test]
fn csv_quotes_what_needs_it() {
    assert_eq!(
        whole(CSV),
        "n,text,x y\n-7,\"a, \"\"b\"\"\nc\",\n0.5,\u{1b}[31m\u{9b}\u{202e},00ff\n"
    );
}

/// As a person reads it.
fn text(value: ValueRef<'_>) -> String {
    cells(&[value])[0].plain()
}

/// A row of these cells after one of names.
fn csv_of(values: &[ValueRef<'_>], is_safe: bool) -> String {
    let names: Vec<String> = values.iter().map(|_| "c".to_owned()).collect();
    let mut answer = Answer::csv(&names, is_safe);
    answer.row(&cells(values)).expect("a row");
    let text = answer.end().expect("an end");
    text.split_once('\n').expect("a line").1.to_owned()
}

#[test]
fn null_is_told_from_an_empty_text() {
    let (null, empty) = (ValueRef::Null, ValueRef::Text(b""));
    assert_eq!(csv_of(&[null, empty, null], false), ",\"\",\n");
    // Readers skip an empty line.
    assert_eq!(csv_of(&[null], false), "\"\"\n");
    assert_eq!((text(null), text(empty)), ("NULL".into(), String::new()));
}

#[test]
fn a_real_is_told_from_an_integer_and_infinity_from_null() {
    for (number, written) in [
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e300, "1e300"),
        (1e-7, "1e-7"),
        (f64::INFINITY, "Infinity"),
        (f64::NEG_INFINITY, "-Infinity"),
    ] {
        let value = ValueRef::Real(number);
        assert_eq!(text(value), written);
        assert_eq!(csv_of(&[value], false), format!("{written}\n"));
        assert_eq!(written.parse(), Ok(number));
        match cells(&[value])[0].json() {
            serde_json::Value::String(text) => assert_eq!(text, written),
            json => {
                assert!(json.is_f64() && json.to_string().contains(['.', 'e']));
                assert_eq!(json.as_f64(), Some(number));
            }
        }
    }
    assert_eq!(text(ValueRef::Integer(1)), "1");
}

#[test]
fn json_is_an_array_with_a_row_a_line() {
    let text = whole(AnswerForm::Json);
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value[0]["text"], "a, \"b\"\nc");
    assert_eq!(value[0]["x y"], serde_json::Value::Null);
    assert_eq!(value[1]["n"], 0.5);
    assert_eq!(value[1]["text"], "\u{1b}[31m\u{9b}\u{202e}");
    assert!(text.contains("\\u009b\\u202e"), "{text}");
    assert_eq!(text.lines().count(), 4);
    let none = Answer::json(&columns(), true).and_then(Answer::end);
    assert_eq!(none.expect("an end"), "[]\n");
}

#[test]
fn ndjson_is_an_object_a_line_and_nothing_else() {
    let text = whole(AnswerForm::Ndjson);
    let rows: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let all: serde_json::Value = serde_json::from_str(&whole(AnswerForm::Json)).expect("JSON");
    assert_eq!(serde_json::Value::Array(rows), all);
    assert!(text.ends_with("}\n"), "{text}");
    let none = Answer::json(&columns(), false).and_then(Answer::end);
    assert_eq!(none.expect("an end"), "");
}

#[test]
fn safe_csv_holds_no_formula_and_leaves_numbers_alone() {
    for (value, written) in [
        (ValueRef::Text(b"=1+1"), "'=1+1"),
        (ValueRef::Text(b"+49 170 1234"), "'+49 170 1234"),
        (ValueRef::Text(b"-1"), "'-1"),
        (ValueRef::Text(b"@SUM(A1)"), "'@SUM(A1)"),
        (ValueRef::Text(b"\t=1"), "'\t=1"),
        (ValueRef::Text(b"\r=1"), "\"'\r=1\""),
        (ValueRef::Text(b"\n=1"), "\"'\n=1\""),
        (ValueRef::Text("\u{ff1d}1".as_bytes()), "'\u{ff1d}1"),
        (ValueRef::Text(b"=\"a\",1"), "\"'=\"\"a\"\",1\""),
        (ValueRef::Text(b"a=1"), "a=1"),
        (ValueRef::Text(b"'quoted'"), "'quoted'"),
        (ValueRef::Text(b""), "\"\""),
        (ValueRef::Integer(-1), "-1"),
        (ValueRef::Real(-0.5), "-0.5"),
        (ValueRef::Real(f64::NEG_INFINITY), "-Infinity"),
        (ValueRef::Blob(&[0x3d]), "3d"),
    ] {
        assert_eq!(csv_of(&[value], true), format!("{written}\n"));
        assert!(
            !csv_of(&[value], false)
                .trim_start_matches('"')
                .starts_with("'=")
        );
    }
    let names = ["=cmd()".to_owned(), "count(*)".to_owned()];
    let head = Answer::csv(&names, true).end().expect("an end");
    assert_eq!(head, "'=cmd(),count(*)\n");
}
