//! Tables on the terminal: of columns where they fit, else a record below another.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::style::{self, BOLD, FAINT, paint};
use super::wrap::{self, Width, columns};

/// A column of text is made no narrower than this before records are stacked.
const LEAST_TEXT: usize = 12;

/// Where cells are cut, a column of text is made no narrower than this: less of a text tells nothing.
const LEAST_CUT: usize = 16;

/// A word of up to so many columns is of no use in part: an id, an instant.
const LONGEST_WORD: usize = 26;

/// What a column takes beside its text: two blanks and a line; and there is a line more at the end.
const AROUND: usize = 3;

/// A table of ours, under headers, columns of numbers to the right. Nothing in it is cut: where the
/// columns do not fit, texts are broken at blanks, and where they fit no longer either, records
/// stand below each other. What could steer the terminal is replaced.
pub(super) fn grid(headers: &[&str], rows: &[Vec<String>], width: Width) -> String {
    let rows = plain(rows);
    let Some(width) = width.map(wrap::room) else {
        return draw(headers, &rows);
    };
    let least = |index: usize| {
        let longest = cells(headers, &rows, index).flat_map(|cell| cell.split(' ').map(columns));
        longest.max().unwrap_or(0).max(LEAST_TEXT)
    };
    let Some(widths) = fitted(headers, &rows, width, least) else {
        return flowing(headers, &rows, width);
    };
    let fold = |cell: &String, most: &usize| wrap::fold(cell, *most, false).join("\n");
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .zip(&widths)
                .map(|(cell, most)| fold(cell, most))
                .collect()
        })
        .collect();
    let headers: Vec<String> = headers
        .iter()
        .zip(&widths)
        .map(|(header, most)| fold(&(*header).to_owned(), most))
        .collect();
    draw(
        &headers.iter().map(String::as_str).collect::<Vec<_>>(),
        &rows,
    )
}

/// The answer to a question, whose columns and texts may be of any length, and whether something in
/// it is cut: texts are cut to fit the terminal, marked by `…`, and where the columns would be too
/// narrow, records stand below each other, in full.
pub(super) fn answer(headers: &[&str], rows: &[Vec<String>], width: Width) -> (String, bool) {
    let rows = plain(rows);
    let headers: Vec<String> = headers.iter().map(|header| style::plain(header)).collect();
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let Some(width) = width.map(wrap::room) else {
        return (draw(&headers, &rows), false);
    };
    let least = |index: usize| {
        let mut below = rows.iter().filter_map(|row| row.get(index));
        let words = |cell: &String| !cell.contains(' ') && columns(cell) <= LONGEST_WORD;
        match below.all(words) {
            true => cells(&[], &rows, index).map(columns).max().unwrap_or(0),
            false => LEAST_CUT,
        }
    };
    let Some(widths) = fitted(&headers, &rows, width, least) else {
        return (stacked(&headers, &rows, width), false);
    };
    let mut is_cut = false;
    let mut cut = |cell: &str, most: &usize| {
        let shown = wrap::cut(cell, *most);
        is_cut |= shown != cell;
        shown
    };
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .zip(&widths)
                .map(|(cell, most)| cut(cell, most))
                .collect()
        })
        .collect();
    let headers: Vec<String> = headers
        .iter()
        .zip(&widths)
        .map(|(header, most)| cut(header, most))
        .collect();
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    (draw(&headers, &rows), is_cut)
}

fn plain(rows: &[Vec<String>]) -> Vec<Vec<String>> {
    rows.iter()
        .map(|row| row.iter().map(|cell| style::plain(cell)).collect())
        .collect()
}

fn draw(headers: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(headers.iter().map(|header| Cell::new(*header)));
    for row in rows {
        table.add_row(row.iter().map(Cell::new));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        if is_number_column(rows, index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{table}\n")
}

/// A header and what stands under it.
fn cells<'a>(
    headers: &'a [&str],
    rows: &'a [Vec<String>],
    index: usize,
) -> impl Iterator<Item = &'a str> {
    let header = headers.get(index).copied();
    let below = rows.iter().filter_map(move |row| row.get(index));
    header.into_iter().chain(below.map(String::as_str))
}

/// The width of each column, the widest made narrower until all fit into `width`; `None` where they do
/// not although none is wider than it has to be. Numbers need their whole width, texts `least`.
fn fitted(
    headers: &[&str],
    rows: &[Vec<String>],
    width: usize,
    least: impl Fn(usize) -> usize,
) -> Option<Vec<usize>> {
    let widest = |index| cells(headers, rows, index).map(columns).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..headers.len()).map(widest).collect();
    let least: Vec<usize> = (0..headers.len())
        .map(|index| match is_number_column(rows, index) {
            true => widths.get(index).copied().unwrap_or(0),
            false => least(index),
        })
        .collect();
    let most = width.checked_sub(1 + AROUND * headers.len())?;
    while widths.iter().sum::<usize>() > most {
        let wide = widths.iter_mut().zip(&least);
        let (widest, _) = wide
            .filter(|(wide, least)| **wide > **least)
            .max_by_key(|(wide, _)| **wide)?;
        *widest -= 1;
    }
    Some(widths)
}

/// Records below each other, what they hold side by side: short facts under what the first column says.
fn flowing(headers: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let mut text = String::new();
    for row in rows {
        let mut facts = headers.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        let first = facts.next();
        let heading = first.map_or_else(String::new, |(header, cell)| format!("{header} {cell}"));
        let facts: Vec<String> = facts
            .map(|(header, cell)| format!("{} {cell}", paint(FAINT, header)))
            .collect();
        text.push_str(&format!("  {}\n", paint(BOLD, &heading)));
        if !facts.is_empty() {
            text.push_str(&wrap::flow(&facts, 4, width));
            text.push('\n');
        }
    }
    text
}

/// Records below each other, a value a line.
fn stacked(headers: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let label = headers.iter().map(|header| columns(header)).max();
    let label = label.unwrap_or(0).min(width / 3);
    let room = width - label - 2;
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let number = format!("── {} ", index + 1);
        let line = "─".repeat(width.min(label + 42).saturating_sub(columns(&number)));
        text.push_str(&format!("{}\n", paint(FAINT, &format!("{number}{line}"))));
        for (header, cell) in headers.iter().zip(row) {
            let names = wrap::fold(header, label, true);
            let values = wrap::fold(cell, room, true);
            for line in 0..names.len().max(values.len()) {
                let name = names.get(line).map_or("", String::as_str);
                let blanks = " ".repeat(label - columns(name) + 2);
                let value = values.get(line).map_or("", String::as_str);
                let whole = format!("{}{blanks}{value}", paint(BOLD, name));
                text.push_str(whole.trim_end());
                text.push('\n');
            }
        }
    }
    text
}

/// Whether there are only numbers in a column.
fn is_number_column(rows: &[Vec<String>], index: usize) -> bool {
    let mut cells = rows.iter().filter_map(|row| row.get(index)).peekable();
    cells.peek().is_some() && cells.all(|cell| is_number(cell))
}

fn is_number(cell: &str) -> bool {
    // NULL is as good as no number.
    cell.is_empty() || cell == "NULL" || cell.replace(',', "").parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows as a desk may have them: wide letters, marks, emoji, a text without a blank.
    fn rows() -> Vec<Vec<String>> {
        let rows = [
            ["65f0c1a2b3c4d5e6f7a8b9c0", "1,204", "short"],
            [
                "65f0c1a2b3c4d5e6f7a8b9c1",
                "9",
                "退款请求：订单号一二三四五六七八九十，客户等待三天了，请尽快处理。 谢谢",
            ],
            [
                "65f0c1a2b3c4d5e6f7a8b9c2",
                "NULL",
                "👩🏽‍💻 can't log in since the update 🙏🏽🙏🏽🙏🏽 pe\u{301}trole\u{301} and ☎️ do not help",
            ],
            [
                "65f0c1a2b3c4d5e6f7a8b9c3",
                "-4",
                "https://example.org/a/path/that/has/no/blank/anywhere/and/goes/on?and=on&on=and&so=forth",
            ],
        ];
        let texts = |row: [&str; 3]| row.map(str::to_owned).to_vec();
        rows.map(texts).to_vec()
    }

    const HEADERS: [&str; 3] = ["id", "n", "about"];

    #[test]
    fn an_answer_is_cut_to_fit_and_says_so_or_stands_in_full() {
        let letters = |text: &str| text.split_whitespace().collect::<String>();
        for width in [20, 30, 40, 60, 80, 100, 132, 200] {
            let (text, is_cut) = answer(&HEADERS, &rows(), Some(width));
            let text = anstream::adapter::strip_str(&text).to_string();
            for line in text.lines() {
                assert!(columns(line) <= width, "{width}: {line}");
            }
            assert_eq!(is_cut, text.contains('…'), "{width}: {text}");
            if !is_cut {
                for cell in rows()
                    .iter()
                    .flatten()
                    .map(|cell| letters(&style::plain(cell)))
                {
                    assert!(letters(&text).contains(&cell), "{width}: {cell} in {text}");
                }
            }
            // An id is of no use in part.
            for row in rows() {
                assert!(letters(&text).contains(&row[0]), "{width}: {text}");
            }
        }
    }

    #[test]
    fn names_of_columns_may_be_of_any_length() {
        let headers = ["id", "count(*) FILTER (WHERE status = 'Open')", "主题"];
        for width in [20, 40, 80, 100] {
            let (text, is_cut) = answer(&headers, &rows(), Some(width));
            let text = anstream::adapter::strip_str(&text).to_string();
            for line in text.lines() {
                assert!(columns(line) <= width, "{width}: {line}");
            }
            assert_eq!(is_cut, text.contains('…'), "{width}: {text}");
        }
    }

    #[test]
    fn an_answer_that_no_terminal_shows_is_the_same_and_whole_whatever_its_length() {
        let (text, is_cut) = answer(&HEADERS, &rows(), None);
        assert!(!is_cut);
        for cell in rows().iter().flatten() {
            assert!(text.contains(&style::plain(cell)), "{cell}: {text}");
        }
        assert_eq!(text.lines().count(), rows().len() + 4);
    }

    #[test]
    fn rows_of_a_query_are_a_table_or_records() {
        let rows = [
            vec!["Open".to_owned(), "1,204".into(), "short".into()],
            vec![
                "Resolved".into(),
                "9".into(),
                format!("\u{1b}]0;x\u{7}{}", "long ".repeat(12)),
            ],
        ];
        let headers = ["status", "tickets", "subject"];
        let shown = |width| {
            let (text, _) = answer(&headers, &rows, Some(width));
            anstream::adapter::strip_str(&text).to_string()
        };
        insta::assert_snapshot!(shown(60), @r#"
        ┌──────────┬─────────┬─────────────────────────────────────┐
        │ status   ┆ tickets ┆ subject                             │
        ╞══════════╪═════════╪═════════════════════════════════════╡
        │ Open     ┆   1,204 ┆ short                               │
        │ Resolved ┆       9 ┆ �]0;x�long long long long long lon… │
        └──────────┴─────────┴─────────────────────────────────────┘
        "#);
        insta::assert_snapshot!(shown(40), @r#"
        ── 1 ───────────────────────────────────
        status   Open
        tickets  1,204
        subject  short
        ── 2 ───────────────────────────────────
        status   Resolved
        tickets  9
        subject  �]0;x�long long long long long
                 long long long long long long
                 long
        "#);
    }

    #[test]
    fn a_table_of_ours_is_broken_at_blanks_then_stacked() {
        let rows = [
            vec![
                "3 backfill".to_owned(),
                "incomplete".into(),
                "12".into(),
                "2023-01-01 – 2026-01-31".into(),
            ],
            vec![
                "2 sync".to_owned(),
                "complete".into(),
                "1,204".into(),
                String::new(),
            ],
        ];
        let headers = ["snapshot", "outcome", "read", "range"];
        let shown = |width| anstream::adapter::strip_str(&grid(&headers, &rows, width)).to_string();
        insta::assert_snapshot!(shown(None), @r#"
        ┌────────────┬────────────┬───────┬─────────────────────────┐
        │ snapshot   ┆ outcome    ┆  read ┆ range                   │
        ╞════════════╪════════════╪═══════╪═════════════════════════╡
        │ 3 backfill ┆ incomplete ┆    12 ┆ 2023-01-01 – 2026-01-31 │
        │ 2 sync     ┆ complete   ┆ 1,204 ┆                         │
        └────────────┴────────────┴───────┴─────────────────────────┘
        "#);
        insta::assert_snapshot!(shown(Some(50)), @r#"
        ┌────────────┬────────────┬───────┬──────────────┐
        │ snapshot   ┆ outcome    ┆  read ┆ range        │
        ╞════════════╪════════════╪═══════╪══════════════╡
        │ 3 backfill ┆ incomplete ┆    12 ┆ 2023-01-01 – │
        │            ┆            ┆       ┆ 2026-01-31   │
        │ 2 sync     ┆ complete   ┆ 1,204 ┆              │
        └────────────┴────────────┴───────┴──────────────┘
        "#);
        insta::assert_snapshot!(shown(Some(40)), @r#"
        snapshot 3 backfill
          outcome incomplete · read 12
          range 2023-01-01 – 2026-01-31
        snapshot 2 sync
          outcome complete · read 1,204
        "#);
    }
}
