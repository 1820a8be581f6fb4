//! Lines that fit a terminal.

use unicode_width::UnicodeWidthStr;

use super::style::LABEL_WIDTH;

/// Columns that there are for text; `None` where no terminal shows it: in a pipe or a file it is the
/// same whatever the window, and nothing of it is cut.
pub(super) type Width = Option<usize>;

/// Narrower than this nothing can be laid out.
const LEAST: usize = 20;

/// What ends a line of a command that goes on below.
const GOES_ON: &str = " \\";

/// Columns that `text` takes on a terminal.
pub(super) fn columns(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// Columns of `width`, but never so few that nothing fits.
pub(super) fn room(width: usize) -> usize {
    width.max(LEAST)
}

/// `text` with the lines broken at blanks that are longer than `width`; what goes on is indented as the
/// text above it. A command is broken as a shell takes it. Tables stay, and so does a word that no
/// line has room for: the terminal breaks that, and a copy of it is whole.
pub(super) fn wrap(text: &str, width: Width) -> String {
    let Some(width) = width.map(room) else {
        return text.to_owned();
    };
    let mut wrapped = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (line, ""),
        };
        wrapped.push_str(&broken(line, width));
        wrapped.push_str(end);
    }
    wrapped
}

/// One line, styled, as lines of at most `width` columns.
fn broken(line: &str, width: usize) -> String {
    let plain = anstream::adapter::strip_str(line).to_string();
    if columns(&plain) <= width || plain.starts_with(['┌', '│', '╞', '└']) {
        return line.to_owned();
    }
    let indent = indent(&plain).min(width / 2);
    let is_command =
        is_command(plain.get(indent..).unwrap_or_default()) || is_command(plain.trim_start());
    let most = match is_command {
        true => width - GOES_ON.len(),
        false => width,
    };
    let lead = plain.len() - plain.trim_start().len();
    let mut lines = String::new();
    let mut taken = 0;
    for (index, word) in words(line, is_command).into_iter().enumerate() {
        let Word {
            blanks,
            text: word,
            is_quoted,
        } = word;
        let shown = columns(&anstream::adapter::strip_str(word).to_string());
        // What stands before the text itself stays with it.
        let fits = taken + blanks + shown <= most || taken <= indent.max(lead);
        match fits || index == 0 {
            true => {
                lines.push_str(&" ".repeat(blanks));
                taken += blanks + shown;
            }
            false => {
                if is_command && !is_quoted {
                    lines.push_str(GOES_ON);
                }
                lines.push('\n');
                lines.push_str(&" ".repeat(indent));
                taken = indent + shown;
            }
        }
        lines.push_str(word);
    }
    lines
}

/// Whether this is something to type.
fn is_command(text: &str) -> bool {
    ["mava-export ", "sqlite3 ", "MAVA_API_KEY="]
        .iter()
        .any(|program| text.starts_with(program))
}

/// A word of a line.
struct Word<'a> {
    /// Blanks before it.
    blanks: usize,
    text: &'a str,
    /// Whether it goes on with a text in quotes, in which a line may end without more ado: SQL.
    is_quoted: bool,
}

/// The words of a line; of a command, what stands in single quotes is one word.
fn words(line: &str, is_command: bool) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let (mut begin, mut blanks, mut quote) = (None, 0, None);
    let mut is_quoted = false;
    for (index, character) in line.char_indices() {
        match (begin, character) {
            (None, ' ') => blanks += 1,
            (Some(start), ' ') if quote != Some('\'') => {
                let text = line.get(start..index).unwrap_or_default();
                words.push(Word {
                    blanks,
                    text,
                    is_quoted,
                });
                (begin, blanks, is_quoted) = (None, 1, quote.is_some());
            }
            _ => {
                begin = begin.or(Some(index));
                quote = match quote {
                    _ if !is_command => None,
                    Some(open) if open == character => None,
                    None if matches!(character, '"' | '\'') => Some(character),
                    open => open,
                };
            }
        }
    }
    if let Some(start) = begin {
        let text = line.get(start..).unwrap_or_default();
        words.push(Word {
            blanks,
            text,
            is_quoted,
        });
    }
    words
}

/// Where the text of a line begins, behind a label: what goes on below it begins there too.
fn indent(plain: &str) -> usize {
    let lead = plain.len() - plain.trim_start_matches(' ').len();
    let label = 2 + LABEL_WIDTH;
    let is_field = lead == 2
        && plain.get(label - 2..label) == Some("  ")
        && plain
            .get(label..)
            .is_some_and(|text| !text.starts_with(' '));
    if is_field {
        return label;
    }
    match plain.trim_start().split_once(": ") {
        Some(("note", _)) => lead + "note: ".len(),
        _ if lead > 0 && lead < label => lead + 2,
        _ => lead,
    }
}

/// `text` in lines of at most `width` columns, broken at blanks; a word that is longer is broken too
/// where `is_hard`.
pub(super) fn fold(text: &str, width: usize, is_hard: bool) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut taken = 0;
    for word in text.split(' ') {
        let shown = columns(word);
        let is_first = lines.last().is_some_and(String::is_empty);
        if !is_first && taken + 1 + shown > width {
            lines.push(String::new());
            taken = 0;
        } else if !is_first {
            push(&mut lines, " ");
            taken += 1;
        }
        if shown <= width || !is_hard {
            push(&mut lines, word);
            taken += shown;
            continue;
        }
        for character in word.chars() {
            push(&mut lines, character.encode_utf8(&mut [0; 4]));
            taken = lines.last().map_or(0, |line| columns(line));
            if taken > width
                && let Some(line) = lines.last_mut()
            {
                line.pop();
                lines.push(character.into());
                taken = columns(character.encode_utf8(&mut [0; 4]));
            }
        }
    }
    lines
}

fn push(lines: &mut [String], text: &str) {
    if let Some(line) = lines.last_mut() {
        line.push_str(text);
    }
}

/// `text` in at most `width` columns, with `…` where the rest was.
pub(super) fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    // What stands side by side may take another width than each alone.
    let mut kept: String = text.chars().take(width).collect();
    while columns(&kept) >= width {
        kept.pop();
    }
    kept.push('…');
    kept
}

/// Parts of a line, put together with ` · ` on as few lines of at most `width` columns as they fit.
pub(super) fn flow(parts: &[String], indent: usize, width: usize) -> String {
    const BETWEEN: &str = " · ";
    let mut text = " ".repeat(indent);
    let mut taken = indent;
    for (index, part) in parts.iter().enumerate() {
        let shown = columns(&anstream::adapter::strip_str(part).to_string());
        if index > 0 {
            match taken + columns(BETWEEN) + shown <= width {
                true => {
                    text.push_str(BETWEEN);
                    taken += columns(BETWEEN);
                }
                false => {
                    text.push('\n');
                    text.push_str(&" ".repeat(indent));
                    taken = indent;
                }
            }
        }
        text.push_str(part);
        taken += shown;
    }
    text
}

/// That a view fits terminals of any width, and that nothing of it is lost there. A word that is
/// longer than a line stands alone in its own.
#[cfg(test)]
pub(super) fn assert_fits(view: impl Fn(Width) -> String) {
    let plain = |text: &str| anstream::adapter::strip_str(text).to_string();
    let words = |text: &str| {
        let words = text.split_whitespace();
        let words = words.filter(|word| !word.starts_with(['┌', '╞', '└', '│', '┆', '·', '\\']));
        let mut words: Vec<String> = words.map(str::to_owned).collect();
        words.sort();
        words
    };
    let whole = plain(&view(None));
    assert!(
        !whole.contains('…'),
        "nothing is cut where no terminal is: {whole}"
    );
    for width in [40, 60, 80, 100, 120, 200] {
        let text = plain(&wrap(&view(Some(width)), Some(width)));
        for line in text.lines() {
            let is_word = line.trim_end_matches(GOES_ON).split_whitespace().count() == 1;
            assert!(
                columns(line) <= width || is_word,
                "{width}: {line:?} in\n{text}"
            );
        }
        let mut shown = words(&text);
        for word in words(&whole) {
            let found = shown.iter().position(|shown| *shown == word);
            let found = found.unwrap_or_else(|| panic!("{width}: {word} is lost in\n{text}"));
            shown.remove(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_below_stands_under_its_text() {
        let text = "  tickets    12 tickets read: 3 new, 4 changed, 5 unchanged, and 6 gone\n  \
                    note: the API does not filter by origin, so nothing was compared by it\n\
                    To read the slices above again now, run this with --repair.\n    \
                    2019-01-01 until 2022-05-01 (backfill 2): it was given up\n";
        insta::assert_snapshot!(wrap(text, Some(40)), @r#"
          tickets    12 tickets read: 3 new, 4
                     changed, 5 unchanged, and 6
                     gone
          note: the API does not filter by
                origin, so nothing was compared
                by it
        To read the slices above again now, run
        this with --repair.
            2019-01-01 until 2022-05-01
              (backfill 2): it was given up
        "#);
        assert_eq!(wrap(text, None), text);
    }

    #[test]
    fn a_command_that_goes_on_below_can_be_copied() {
        let text = "  next       mava-export query \"SELECT status, count(*) FROM tickets\" --from sqlite:'my desk.db'\n";
        insta::assert_snapshot!(wrap(text, Some(60)), @r#"
        next       mava-export query "SELECT status, count(*)
                   FROM tickets" --from sqlite:'my desk.db'
        "#);
    }

    #[test]
    fn styles_take_no_room_and_stay() {
        let styled = "\u{1b}[1mone two\u{1b}[0m three";
        assert_eq!(wrap(styled, Some(20)), styled);
        let long = format!("{styled} four five six");
        assert_eq!(
            wrap(&long, Some(20)),
            "\u{1b}[1mone two\u{1b}[0m three four\nfive six"
        );
    }

    #[test]
    fn a_cut_text_is_no_wider_than_asked_for() {
        for text in [
            "退款请求退款请求",
            "☎️☎️☎️☎️☎️☎️",
            "plain text",
            "e\u{301}e\u{301}e\u{301}e\u{301}",
        ] {
            for width in 1..12 {
                let shown = cut(text, width);
                assert!(columns(&shown) <= width, "{width}: {shown}");
                assert_eq!(shown.ends_with('…'), columns(text) > width);
            }
        }
    }
}
