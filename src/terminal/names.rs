//! What has no name, as lines for the configuration file.

use super::style::counted;
use super::wrap::cut;
use crate::redact::{is_hidden, on_one_line};
use crate::report::NamesMissing;

/// Columns of an example.
const EXAMPLE_WIDTH: usize = 40;

const NOTHING: &str =
    "# Every tag and every custom attribute of the tickets that are there has a name.\n";

/// TOML: a line per id, with room for its name. All that came from the desk is in quotes or in comments.
pub(super) fn text(missing: &NamesMissing) -> String {
    if missing.tags.is_empty() && missing.attributes.is_empty() {
        return NOTHING.to_owned();
    }
    let mut text = format!(
        "# {} and {} have no name. Write names between the quotes, take the other lines out, and put the rest\n\
         # into the configuration file. Sections that it has already are not written twice.\n",
        counted(missing.tags.len(), "tag"),
        counted(missing.attributes.len(), "custom attribute"),
    );
    if !missing.tags.is_empty() {
        text.push_str("\n[names.tags]\n");
    }
    for tag in &missing.tags {
        let examples = tag.examples.iter().map(|id| shown(id)).collect();
        let counts = [(tag.tickets, "ticket")];
        text.push_str(&line(&tag.id, &counts, examples));
    }
    if !missing.attributes.is_empty() {
        text.push_str("\n[names.attributes]\n");
    }
    for attribute in &missing.attributes {
        let examples = attribute.examples.iter();
        let examples = examples.map(|value| format!("\"{}\"", shown(value)));
        let counts = [
            (attribute.tickets, "ticket"),
            (attribute.customers, "customer"),
        ];
        text.push_str(&line(&attribute.id, &counts, examples.collect()));
    }
    text
}

fn line(id: &str, counts: &[(u64, &str)], examples: Vec<String>) -> String {
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, noun)| counted(*count, noun)).collect();
    let mut words = counts.join(" and ");
    if !examples.is_empty() {
        words.push_str(", such as ");
        words.push_str(&examples.join(", "));
    }
    format!("{} = \"\"  # {words}\n", quoted(id))
}

/// A basic string of TOML: what is not seen is escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            hidden if is_hidden(hidden) => {
                quoted.push_str(&format!("\\U{:08X}", u32::from(hidden)));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// An example in a comment.
fn shown(text: &str) -> String {
    cut(&on_one_line(text), EXAMPLE_WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{NamelessAttribute, NamelessTag};

    fn tag(id: &str) -> NamelessTag {
        NamelessTag {
            id: id.to_owned(),
            tickets: 1_234,
            examples: vec!["t2".to_owned(), "t1".to_owned()],
        }
    }

    fn attribute(id: &str, tickets: u64, examples: &[&str]) -> NamelessAttribute {
        NamelessAttribute {
            id: id.to_owned(),
            tickets,
            customers: 1,
            examples: examples.iter().map(|&text| text.to_owned()).collect(),
        }
    }

    #[test]
    fn each_id_is_a_line_with_room_for_its_name() {
        let missing = NamesMissing {
            tags: vec![tag("65f0c1")],
            attributes: vec![
                attribute("65f1a1", 2, &["gold", "free"]),
                attribute("65f1a2", 0, &[]),
            ],
        };
        assert_eq!(
            text(&missing),
            "# 1 tag and 2 custom attributes have no name. Write names between the quotes, take the other lines out, and put the rest\n\
             # into the configuration file. Sections that it has already are not written twice.\n\n\
             [names.tags]\n\
             \"65f0c1\" = \"\"  # 1,234 tickets, such as t2, t1\n\n\
             [names.attributes]\n\
             \"65f1a1\" = \"\"  # 2 tickets and 1 customer, such as \"gold\", \"free\"\n\
             \"65f1a2\" = \"\"  # 1 customer\n"
        );
        let nothing = NamesMissing {
            tags: Vec::new(),
            attributes: Vec::new(),
        };
        assert_eq!(text(&nothing), NOTHING);
    }

    #[test]
    fn what_the_desk_wrote_stays_in_its_quotes_and_in_its_comment() {
        let evil = "a\"]\n[names]\r\u{1b}[2J\\\u{202e}\u{7f}\u{e0041}\u{85}b";
        let missing = NamesMissing {
            tags: vec![tag(evil), tag(" "), tag("")],
            attributes: vec![attribute(
                "65f1",
                1,
                &[evil, "\"\n[x]\nevil = 1", &"long ".repeat(90)],
            )],
        };
        let text = text(&missing);
        assert!(!text.contains(|it| it != '\n' && is_hidden(it)), "{text:?}");
        assert!(text.lines().all(|line| line.len() < 400), "{text}");
        let read: toml::Table = toml::from_str(&text).expect("TOML");
        let names = |key: &str| -> Vec<String> {
            let names = read["names"][key].as_table().expect("a section");
            names.keys().cloned().collect()
        };
        let mut tags = names("tags");
        tags.sort();
        assert_eq!(tags, ["", " ", evil]);
        assert_eq!(names("attributes"), ["65f1"]);
        assert_eq!(read.len(), 1);
    }
}
