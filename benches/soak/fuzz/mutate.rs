//! What is done to a page: changes of its structure, then of its bytes.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

use super::tree::Node;

/// Leaves as they are written: of the wrong type, at the edges of what columns hold, or beyond.
const LEAVES: [&str; 44] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "42",
    "1.5",
    "1e3",
    "1e400",
    "-1e-400",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "1234567890123456789012345",
    "0.1234567890123456789012345",
    "1700000000",
    "1700000000000",
    "1700000000000000",
    "253402300800000",
    "-62135596800001",
    "\"\"",
    "\" \"",
    "\"42\"",
    "\"true\"",
    "\"null\"",
    "\"Open\"",
    "\"banana\"",
    "\"agent\"",
    "\"customer\"",
    "\"2024-02-30T00:00:00Z\"",
    "\"2024-01-01\"",
    "\"2024-01-01T00:00:00.123456789+14:00\"",
    "\"0000-01-01T00:00:00Z\"",
    "\"9999-12-31T23:59:60.999Z\"",
    "\"+10000-01-01T00:00:00Z\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\u202e\\u009b\\u007f\"",
    "\"e\\u0301 \\ud83e\\ude81\"",
    "[]",
    "{}",
];

/// Keys that a page knows.
const KEYS: [&str; 48] = [
    "id",
    "_id",
    "$oid",
    "name",
    "username",
    "email",
    "status",
    "priority",
    "sourceType",
    "origin",
    "category",
    "assignedTo",
    "tags",
    "createdAt",
    "updatedAt",
    "resolutionTime",
    "csat",
    "aiStatus",
    "discordUsers",
    "customer",
    "attributes",
    "customAttributes",
    "attribute",
    "label",
    "content",
    "value",
    "messages",
    "sender",
    "senderType",
    "senderName",
    "attachments",
    "url",
    "fileName",
    "fileType",
    "type",
    "messageType",
    "isArchived",
    "emailSubjectLine",
    "walletAddress",
    "discordAuthorId",
    "telegramAuthorId",
    "__v",
    "$date",
    "$numberLong",
    "isDeleted",
    "reactions",
    "mentions",
    "count",
];

/// Bytes that repeating an item may add to a page.
const LARGEST: usize = 200_000;

/// A mutated page, and whether it still is JSON as the tree wrote it.
pub(super) struct Mutated {
    pub(super) bytes: Vec<u8>,
    pub(super) is_written: bool,
}

/// Marks planted so far in one page; each is told from the others.
pub(super) struct Marks(u32);

impl Marks {
    pub(super) fn next(&mut self) -> String {
        self.0 += 1;
        format!("mk{:08}x", self.0)
    }
}

/// Changes a page in a few places.
pub(super) fn mutate(random: &mut StdRng, mut page: Node, other: &Node) -> Mutated {
    let mut marks = Marks(0);
    for _ in 0..random.random_range(1..9) {
        if let Some(tickets) = page.get("tickets") {
            change(random, tickets, other, &mut marks);
        }
    }
    if random.random_bool(0.1) {
        envelope(random, &mut page, &mut marks);
    }
    let mut bytes = Vec::new();
    page.write(&mut bytes);
    let is_written = random.random_bool(0.75);
    if !is_written {
        for _ in 0..random.random_range(1..5) {
            scratch(random, &mut bytes);
        }
    }
    Mutated { bytes, is_written }
}

/// Changes what is around the tickets.
fn envelope(random: &mut StdRng, page: &mut Node, marks: &mut Marks) {
    let Node::Object(entries) = page else {
        return;
    };
    match random.random_range(0..5) {
        0 => entries.push(("tickets".to_owned(), Node::Array(Vec::new()))),
        1 => {
            let mark = Node::text(&marks.next());
            let ticket = Node::Object(vec![("id".to_owned(), mark)]);
            entries.insert(0, ("tickets".to_owned(), Node::Array(vec![ticket])));
        }
        2 => entries.push(("count".to_owned(), leaf(random))),
        3 => entries.push(("pagination".to_owned(), leaf(random))),
        _ => entries.push((key(random), leaf(random))),
    }
}

/// One change somewhere below a node.
fn change(random: &mut StdRng, root: &mut Node, other: &Node, marks: &mut Marks) {
    let place = random.random_range(0..root.size());
    let Some(node) = root.at(place) else {
        return;
    };
    match random.random_range(0..14) {
        0 => *node = leaf(random),
        1 => *node = Node::text(&marks.next()),
        2 => *node = wrapped(random, node.clone()),
        3 => *node = part(random, other),
        4 => *node = deep(random, node.clone()),
        5 => *node = long(random, marks),
        _ => inside(random, node, other, marks),
    }
}

/// One change among the entries or items of a node.
fn inside(random: &mut StdRng, node: &mut Node, other: &Node, marks: &mut Marks) {
    match node {
        Node::Leaf(_) => *node = Node::text(&marks.next()),
        Node::Array(items) if items.is_empty() => items.push(Node::text(&marks.next())),
        Node::Array(items) => {
            let place = random.random_range(0..items.len());
            match random.random_range(0..5) {
                0 => drop(items.remove(place)),
                1 => items.insert(place, part(random, other)),
                2 => items.insert(place, Node::text(&marks.next())),
                3 => {
                    let again = items[place].clone();
                    items.push(again);
                }
                // Many, as long as the page stays small.
                _ => {
                    let again = items[place].clone();
                    let mut written = Vec::new();
                    again.write(&mut written);
                    let count = random.random_range(0..=LARGEST / written.len().max(50));
                    items.extend(std::iter::repeat_n(again, count));
                }
            }
        }
        Node::Object(entries) => {
            let place = random.random_range(0..=entries.len());
            let mark = Node::text(&marks.next());
            match (random.random_range(0..7), entries.get(place).cloned()) {
                (0, Some(_)) => drop(entries.remove(place)),
                (1, Some((name, _))) => entries.push((name, mark)),
                (2, Some((name, _))) => entries.insert(place, (name, mark)),
                (3, Some((name, value))) => entries.push((name, value)),
                (4, Some((_, value))) => entries[place] = (key(random), value),
                (5, _) => entries.insert(place, (key(random), part(random, other))),
                _ => entries.insert(place, (key(random), mark)),
            }
        }
    }
}

fn leaf(random: &mut StdRng) -> Node {
    let text = LEAVES.choose(random).copied().unwrap_or("null");
    Node::Leaf(text.to_owned())
}

fn key(random: &mut StdRng) -> String {
    match random.random_range(0..8) {
        0 => format!("unknown{}", random.random_range(0..4)),
        1 => String::new(),
        _ => KEYS.choose(random).copied().unwrap_or("id").to_owned(),
    }
}

/// A node inside the shapes in which references and numbers come.
fn wrapped(random: &mut StdRng, node: Node) -> Node {
    match random.random_range(0..4) {
        0 => Node::Array(vec![node]),
        1 => Node::Object(vec![("id".to_owned(), node)]),
        2 => Node::Object(vec![("$oid".to_owned(), node)]),
        _ => Node::Object(vec![(key(random), node)]),
    }
}

/// Some part of another page.
fn part(random: &mut StdRng, other: &Node) -> Node {
    let mut other = other.clone();
    let place = random.random_range(0..other.size());
    other
        .at(place)
        .map_or(Node::Leaf("null".to_owned()), |node| node.clone())
}

/// A node far down.
fn deep(random: &mut StdRng, mut node: Node) -> Node {
    for _ in 0..random.random_range(1..300) {
        node = match random.random_bool(0.5) {
            true => Node::Array(vec![node]),
            false => Node::Object(vec![("value".to_owned(), node)]),
        };
    }
    node
}

/// A long text that holds a mark.
fn long(random: &mut StdRng, marks: &mut Marks) -> Node {
    let filler = ["x", "é", "🪁", "\u{0}", "\"", "\\"]
        .choose(random)
        .copied()
        .unwrap_or("x");
    let text = filler.repeat(random.random_range(1..3_000));
    Node::text(&format!("{}{text}", marks.next()))
}

/// One change of the bytes, whatever they are.
fn scratch(random: &mut StdRng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let place = random.random_range(0..bytes.len());
    let end = (place + random.random_range(1..40)).min(bytes.len());
    match random.random_range(0..6) {
        0 => bytes[place] ^= 1 << random.random_range(0..8),
        1 => bytes[place] = random.random(),
        2 => drop(bytes.drain(place..end)),
        3 => {
            let again = bytes[place..end].to_vec();
            bytes.splice(place..place, again);
        }
        // Latin-1, a cut character, a stray half of a pair, a mark of byte order, NUL.
        4 => {
            let odd: [&[u8]; 6] = [
                b"\xe9",
                b"\xf0\x9f",
                b"\xed\xa0\x80",
                b"\xef\xbb\xbf",
                b"\0",
                b"\xff",
            ];
            let odd = odd[random.random_range(0..odd.len())].to_vec();
            bytes.splice(place..place, odd);
        }
        _ => match random.random_bool(0.2) {
            true => bytes.truncate(place),
            false => {
                let mut noise = vec![0; end - place];
                random.fill_bytes(&mut noise);
                bytes[place..end].copy_from_slice(&noise);
            }
        },
    }
}
