//! Tables on the terminal.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::style;

/// Characters of a cell that are shown; the rest is cut off.
const CELL_WIDTH: usize = 60;

/// Rows under headers, columns of numbers to the right. Cells may come from the desk: what could
/// steer the terminal is replaced.
pub(super) fn grid(headers: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(headers.iter().map(|header| Cell::new(style::plain(header))));
    for row in rows {
        table.add_row(row.iter().map(|cell| Cell::new(style::plain(cell))));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        let mut cells = rows.iter().filter_map(|row| row.get(index)).peekable();
        if cells.peek().is_some() && cells.all(|cell| is_number(cell)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{table}\n")
}

fn is_number(cell: &str) -> bool {
    // NULL is as good as no number.
    cell.is_empty() || cell == "NULL" || cell.replace(',', "").parse::<f64>().is_ok()
}

/// What is shown of a cell.
pub fn cut(cell: &str) -> String {
    let plain = style::plain(cell);
    match plain.char_indices().nth(CELL_WIDTH) {
        Some((end, _)) => format!("{}…", plain.get(..end).unwrap_or_default()),
        None => plain,
    }
}
