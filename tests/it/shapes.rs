//! However the same desk is written on the wire, the same rows come of it.

use mava_export::error::ExitCode;
use mava_export::simulator::{Quirks, Shape, SimulatorSpec, World, WorldSpec};

use crate::support::{Desk, Rows, expected};

fn world() -> World {
    World::generate(&WorldSpec {
        seed: 11,
        tickets: 250,
        ..WorldSpec::default()
    })
}

/// A desk served in `shape`, backed up, and its rows.
async fn stored(world: &World, shape: Shape, name: &str) -> (Desk, Rows) {
    let spec = SimulatorSpec {
        shape,
        quirks: Quirks {
            largest_page: Some(40),
            ..Quirks::default()
        },
        ..SimulatorSpec::new(world.clone())
    };
    let desk = Desk::open(spec).await;
    let (summary, exit_code) = desk.backfill().await.expect("completes");
    assert_eq!(exit_code, ExitCode::Complete, "{name}: {summary:?}");
    assert!(summary.remarks.is_empty(), "{name}: {:?}", summary.remarks);
    assert_eq!(summary.rejects, 0, "{name}");
    let rows = desk.rows();
    (desk, rows)
}

#[tokio::test]
async fn every_shape_gives_the_same_rows() {
    let world = world();
    for (name, shape) in Shape::variants() {
        let (_desk, rows) = stored(&world, shape, name).await;
        let expected = expected(&world, shape).without_column("extra_json");
        rows.without_column("extra_json")
            .assert_equal(&expected, name);
    }
}

#[tokio::test]
async fn a_shape_that_moves_no_field_gives_the_same_leftovers_too() {
    let world = world();
    let moves = [
        "references as objects",
        "attributes by label",
        "attributes as an object",
        "senders as objects",
        "senders as contacts",
        "documented fields alone",
        // Instants among the leftovers stay as they were sent.
        "shortest instants",
        "instants with offset",
        "unknown fields",
        "all at once",
    ];
    let expected = expected(&world, Shape::default());
    for (name, shape) in Shape::variants() {
        if !moves.contains(&name) {
            let (_desk, rows) = stored(&world, shape, name).await;
            rows.assert_equal(&expected, name);
        }
    }
}

#[tokio::test]
async fn unknown_fields_are_kept_as_json_on_every_row_that_had_them() {
    let world = world();
    for shape in [
        Shape {
            has_unknown_fields: true,
            ..Shape::default()
        },
        Shape::furthest(),
    ] {
        let (desk, rows) = stored(&world, shape, "unknown fields").await;
        for (table, condition) in [
            (
                "tickets",
                "extra_json ->> '$.sentimentScore' = 0.25
                     AND extra_json ->> '$.routing.queue' = 'second-line'
                     AND extra_json ->> '$.routing.hops' = 2",
            ),
            ("messages", "extra_json ->> '$.detectedLanguage' = 'eo'"),
            ("customers", "extra_json ->> '$.locale' = 'eo'"),
        ] {
            let sql = format!("SELECT count(*) FROM {table} WHERE {condition}");
            let count = usize::try_from(desk.number(&sql)).expect("a count");
            assert_eq!(count, rows.count(table), "{table}");
        }
    }
}
