//! Source text as the paths it names: `use` items and paths in the code, each written out in full.

use std::collections::HashMap;
use std::ops::Range;

/// A word, or one character; `::` is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Word(&'a str),
    Mark(char),
    Colons,
}

impl<'a> Token<'a> {
    pub(super) fn is(self, mark: char) -> bool {
        self == Self::Mark(mark)
    }

    pub(super) fn word(self) -> Option<&'a str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Mark(_) | Self::Colons => None,
        }
    }
}

/// Every path that a file's code names, tests left out. `module` is where the file stands in the crate:
/// paths through `super` and `self` begin with `crate` here, and so does what `mava_export::` names. A
/// method that is called is a path of one word with a dot before it.
pub(super) fn paths(text: &str, module: &[&str]) -> Vec<String> {
    let (imported, rest) = imports(&tokens(text), module);
    let mut found: Vec<String> = imported.iter().map(|(_, path)| path.join("::")).collect();
    let names: HashMap<String, Vec<String>> = imported.into_iter().collect();
    found.extend(named(&rest).into_iter().map(|path| {
        let path = match names.get(&path[0]) {
            Some(whole) => [whole.as_slice(), &path[1..]].concat(),
            None => absolute(path, module),
        };
        path.join("::")
    }));
    found
}

/// What the `use` items of a file bring in, tests left out: the path of each name, written out in full.
pub(super) fn names(text: &str, module: &[&str]) -> HashMap<String, Vec<String>> {
    imports(&tokens(text), module).0.into_iter().collect()
}

/// What the `use` items bring in, each as its name in the file and its path, and the code without them.
fn imports<'a>(
    tokens: &[Token<'a>],
    module: &[&str],
) -> (Vec<(String, Vec<String>)>, Vec<Token<'a>>) {
    let tokens = without_tests(tokens);
    let mut imported = Vec::new();
    let mut rest = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_item = tokens[at].word() == Some("use")
            && tokens.get(at + 1).is_some_and(|next| !next.is('<'));
        if is_item {
            at = tree(&tokens, at + 1, &[], &mut imported);
        } else {
            rest.push(tokens[at]);
            at += 1;
        }
    }
    let named = imported
        .into_iter()
        .map(|(path, name)| (name, absolute(path, module)));
    (named.collect(), rest)
}

/// Reads one `use` tree from `at` on; each leaf is its path and the name it has in the file. Gives where
/// the tree ends.
fn tree(
    tokens: &[Token<'_>],
    mut at: usize,
    above: &[String],
    leaves: &mut Vec<(Vec<String>, String)>,
) -> usize {
    let mut path = above.to_vec();
    let mut name = None;
    while at < tokens.len() {
        match &tokens[at] {
            Token::Word("as") => {
                name = tokens
                    .get(at + 1)
                    .and_then(|next| next.word())
                    .map(str::to_owned);
                at += 1;
            }
            Token::Word(word) => path.push((*word).to_owned()),
            Token::Mark('*') => path.push("*".to_owned()),
            Token::Mark('{') => {
                at += 1;
                while !tokens[at].is('}') {
                    at = tree(tokens, at, &path, leaves);
                    if tokens[at].is(',') {
                        at += 1;
                    }
                }
                return at + 1;
            }
            Token::Colons => {}
            Token::Mark(_) => break,
        }
        at += 1;
    }
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let name = name.unwrap_or_else(|| path.last().cloned().unwrap_or_default());
    leaves.push((path, name));
    at
}

/// The paths in code without `use` items.
fn named(tokens: &[Token<'_>]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let Some(word) = tokens[at].word() else {
            at += 1;
            continue;
        };
        let is_method = at > 0 && tokens[at - 1].is('.');
        let mut path = match is_method {
            true => vec![format!(".{word}")],
            false => vec![word.to_owned()],
        };
        at += 1;
        while tokens.get(at) == Some(&Token::Colons)
            && let Some(word) = tokens.get(at + 1).and_then(|next| next.word())
        {
            path.push(word.to_owned());
            at += 2;
        }
        found.push(path);
    }
    found
}

/// A path from the crate's top on, where it begins at `self`, `super` or the crate's name.
fn absolute(path: Vec<String>, module: &[&str]) -> Vec<String> {
    let ups = path.iter().take_while(|word| *word == "super").count();
    let (kept, skipped) = match path.first().map(String::as_str) {
        Some("mava_export") => (0, 1),
        Some("self") => (module.len(), 1),
        Some("super") => (module.len().saturating_sub(ups), ups),
        _ => return path,
    };
    let above = module[..kept].iter().map(|word| (*word).to_owned());
    std::iter::once("crate".to_owned())
        .chain(above)
        .chain(path.into_iter().skip(skipped))
        .collect()
}

/// What `#[cfg(test)]` stands before is left out.
fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut kept = tokens.to_vec();
    for test in tests(tokens).into_iter().rev() {
        kept.drain(test);
    }
    kept
}

/// Where the items of tests stand.
pub(super) fn tests(tokens: &[Token<'_>]) -> Vec<Range<usize>> {
    let mark = self::tokens("#[cfg(test)]");
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].starts_with(&mark) {
            let end = end_of_item(tokens, at + mark.len());
            found.push(at..end);
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

/// Where the item that begins at `at` ends: after its braces, or after a semicolon.
pub(super) fn end_of_item(tokens: &[Token<'_>], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at < tokens.len() {
        match &tokens[at] {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']') => depth = depth.saturating_sub(1),
            Token::Mark('}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            Token::Mark(';') if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Code as tokens, without comments, texts and numbers.
fn tokens(text: &str) -> Vec<Token<'_>> {
    placed(text).into_iter().map(|(token, _)| token).collect()
}

/// Code as tokens, each with the byte that it begins at.
pub(super) fn placed(text: &str) -> Vec<(Token<'_>, usize)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            '"' => quoted(rest),
            '\'' => quote(rest),
            ':' if rest.starts_with("::") => {
                found.push((Token::Colons, text.len() - rest.len()));
                2
            }
            _ if first.is_alphanumeric() || first == '_' => {
                let length = rest
                    .find(|next: char| !next.is_alphanumeric() && next != '_')
                    .unwrap_or(rest.len());
                let word = &rest[..length];
                let after = &rest[length..];
                match raw(word, after) {
                    Some(raw) => length + raw,
                    None => {
                        if !first.is_ascii_digit() {
                            found.push((Token::Word(word), text.len() - rest.len()));
                        }
                        length
                    }
                }
            }
            _ => {
                if !first.is_whitespace() {
                    found.push((Token::Mark(first), text.len() - rest.len()));
                }
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    found
}

/// The length of a block comment, others inside it included.
fn comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let here = &text[at..];
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of a text in double quotes.
fn quoted(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, next) in text.char_indices().skip(1) {
        match next {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a character in quotes; of a lifetime, its mark alone.
fn quote(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => {
            characters.next();
            characters
                .find(|(_, next)| *next == '\'')
                .map_or(text.len(), |(at, _)| at + 1)
        }
        _ => match characters.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
    }
}

/// The length of a text whose first letters `word` are, as in `r#"…"#` and `b"…"`: what follows them.
fn raw(word: &str, after: &str) -> Option<usize> {
    if !["r", "b", "c", "br", "cr"].contains(&word) {
        return None;
    }
    let hashes = after.len() - after.trim_start_matches('#').len();
    if !after[hashes..].starts_with('"') {
        return None;
    }
    if !word.contains('r') {
        return Some(quoted(after));
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let inside = hashes + 1;
    Some(
        after[inside..]
            .find(&end)
            .map_or(after.len(), |at| inside + at + end.len()),
    )
}
