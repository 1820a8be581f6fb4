//! Totals that are not what follows from the rows of tickets: found by looking at the file, and made anew by a repair.

use mava_export::error::ExitCode;
use mava_export::report::VerifyOutcome;
use mava_export::store::{OpenOptions, Store};
use mava_export::table::{TOTALS, Table, Type};

use super::{audit, copied, meddle, verify};
use crate::support::Desk;

/// A change of a cell of one row to another value of its kind, and one that takes a row away. The last row of `days`
/// stays: how far they go is nobody's mistake.
fn edits(table: &Table) -> Vec<String> {
    let name = table.name;
    let key: Vec<String> = table
        .key
        .iter()
        .map(|column| format!("{column} IS one.{column}"))
        .collect();
    let row = format!(
        "EXISTS (SELECT 1 FROM (SELECT * FROM {name} ORDER BY {} LIMIT 1 OFFSET 1) AS one WHERE {})",
        table.key.join(", "),
        key.iter()
            .map(|part| format!("{name}.{part}"))
            .collect::<Vec<_>>()
            .join(" AND ")
    );
    let mut edits = vec![format!("DELETE FROM {name} WHERE {row}")];
    for column in table.content {
        let value = match column.kind {
            Type::Integer | Type::Boolean => format!("ifnull({0}, 0) + 1", column.name),
            Type::Instant => "'2001-01-01T00:00:00.000Z'".to_owned(),
            _ => format!("ifnull({0}, '') || 'x'", column.name),
        };
        edits.push(format!(
            "UPDATE {name} SET {} = {value} WHERE {row}",
            column.name
        ));
    }
    edits
}

/// What a repair does to totals, without all else that it does.
fn remake(desk: &Desk) {
    let mut store = Store::open(&desk.path(), &OpenOptions::new(desk.now())).expect("opens");
    store.remake_totals().expect("made");
}

fn rows(desk: &Desk, table: &Table) -> Vec<String> {
    let cells: Vec<String> = table
        .columns()
        .map(|column| format!("ifnull({}, '-')", column.name))
        .collect();
    let key = table.key.join(", ");
    desk.column(&format!(
        "SELECT {} FROM {} ORDER BY {key}",
        cells.join(" || ' ' || "),
        table.name
    ))
}

#[tokio::test]
async fn totals_that_were_edited_by_hand_are_named_and_made_anew_by_a_repair() {
    let desk = copied(120).await;
    let whole: Vec<_> = TOTALS.iter().map(|table| rows(&desk, table)).collect();
    for (table, whole) in TOTALS.iter().zip(&whole) {
        assert!(whole.len() > 2, "{}: {whole:?}", table.name);
        for (number, edit) in edits(table).iter().enumerate() {
            assert_eq!(meddle(&desk.path(), edit), 1, "{edit}");
            let found = audit(&desk.path()).expect("can be read");
            let tables: Vec<&str> = found.damaged.iter().map(|damage| damage.table).collect();
            assert_eq!(tables, [table.name], "{edit}");
            if number > 1 {
                remake(&desk);
            } else {
                let (told, code) = verify(&desk, true, false).await.expect("ends");
                assert_eq!(code, ExitCode::Incomplete, "{edit}: {told:?}");
                assert_eq!(told.outcome, VerifyOutcome::Damaged, "{edit}");
                let (told, code) = verify(&desk, false, true).await.expect("ends");
                assert_eq!(code, ExitCode::Complete, "{edit}: {told:?}");
            }
            assert_eq!(&rows(&desk, table), whole, "{edit}");
        }
    }
    assert!(audit(&desk.path()).expect("can be read").is_whole());
}
