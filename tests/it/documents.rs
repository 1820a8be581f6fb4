//! Documentation under test.

use std::path::Path;

use mava_export::table;

/// To write the file again after a change of the schema:
/// `UPDATE_DOCS=1 cargo nextest run tables_md_follows_from_the_schema`
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads and writes the documentation"
)]
fn tables_md_follows_from_the_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tables.md");
    let expected = table::document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        written, expected,
        "docs/tables.md is not what src/table.rs says; write it again with UPDATE_DOCS=1"
    );
}
