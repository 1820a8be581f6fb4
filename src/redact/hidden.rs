//! Characters that nobody sees, or that change how others are seen.

/// Whether a character is not to reach a terminal as it is: a control character (C0, DEL, C1), a
/// direction mark, one of no width, a separator of lines, or another that is not drawn.
///
/// The list is Unicode's `Default_Ignorable_Code_Point` (`DerivedCoreProperties.txt`) without the
/// variation selectors that choose between text and emoji, and with the separators of lines and
/// the marks of annotations.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Joins letters or emoji, or keeps them apart: without it they are drawn side by side.
fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}')
}

/// `text` with U+FFFD for what is hidden, line ends and tabs apart. Joiners are left out: where
/// they are at home, in emoji and in many scripts, a replacement would be worse than none.
pub(crate) fn without_hidden(text: &str) -> String {
    text.chars()
        .filter(|character| !is_joiner(*character))
        .map(|character| match character {
            '\n' | '\t' => character,
            hidden if is_hidden(hidden) => char::REPLACEMENT_CHARACTER,
            other => other,
        })
        .collect()
}

/// Text without hidden characters, on one line: line ends and tabs become blanks.
pub(crate) fn on_one_line(text: &str) -> String {
    without_hidden(text).replace(['\n', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_or_is_not_drawn_is_hidden_and_letters_are_not() {
        for hidden in [
            '\0',
            '\u{7}',
            '\u{8}',
            '\n',
            '\r',
            '\u{1b}',
            '\u{7f}',
            '\u{80}',
            '\u{90}',
            '\u{9b}',
            '\u{9d}',
            '\u{9f}',
            '\u{ad}',
            '\u{61c}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{feff}',
            '\u{fff9}',
            '\u{e0001}',
            '\u{e0041}',
        ] {
            assert!(is_hidden(hidden), "{hidden:?}");
        }
        for shown in [
            ' ', '~', '\u{a0}', 'é', 'ß', '…', '\u{fe0f}', '❤', '中', 'ע', '\u{fffd}', '👍',
            '\u{301}',
        ] {
            assert!(!is_hidden(shown), "{shown:?}");
        }
    }

    #[test]
    fn hidden_characters_are_replaced_and_joiners_left_out() {
        assert_eq!(
            without_hidden("a\u{1b}[31mb\nc\u{9b}d\u{202e}e\u{200b}f\t\u{7f}"),
            "a\u{fffd}[31mb\nc\u{fffd}d\u{fffd}e\u{fffd}f\t\u{fffd}"
        );
        assert_eq!(without_hidden("👨\u{200d}👩\u{200d}👧"), "👨👩👧");
        assert_eq!(on_one_line("a\nb\tc\r"), "a b c\u{fffd}");
    }
}
