//! Invented words: people, questions, answers, in several scripts.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

const FIRST_NAMES: &[&str] = &[
    "Ada", "Bruno", "Céline", "Dmitri", "Edda", "Farid", "Grażyna", "Hiro", "Inès", "Jón", "Kofi",
    "Lücke", "Mirë", "Noor", "Oğuz", "Pía", "Quill", "Rúna", "Søren", "Tariq", "Uma", "Věra",
    "Wanjiru", "Xóchitl", "Yael", "小雨",
];
const LAST_NAMES: &[&str] = &[
    "Ashgrove",
    "Birkholt",
    "Corvane",
    "Dunmarrow",
    "Elderkin",
    "Fenwhistle",
    "Gildersleeve",
    "Hollowell",
    "Ironside",
    "Juniper",
    "Kestrelby",
    "Larkspur",
    "Moorhen",
    "Nettlefold",
    "Oakapple",
    "Pennyfeather",
    "Quickthorn",
    "Ravensworth",
    "Silverlode",
    "Thistledown",
];
const OPENINGS: &[&str] = &[
    "Hello,",
    "Hi there!",
    "Good morning.",
    "hey",
    "Dear team,",
    "Thanks for the quick reply.",
    "Sorry to bother you again.",
    "Any news?",
    "As promised:",
    "One more thing.",
];
const SUBJECTS: &[&str] = &[
    "my withdrawal",
    "the lantern badge",
    "two-step login",
    "the invoice for March",
    "my display name",
    "the mobile app",
    "the export button",
    "our team workspace",
    "the verification mail",
    "the paper kite drop",
    "staking on the test island",
    "the dark theme",
    "my old address",
    "the monthly report",
];
const PREDICATES: &[&str] = &[
    "is still pending after two days",
    "shows an empty page",
    "says \"error 42: no lantern\"",
    "worked yesterday and does not today",
    "asks for a code that never arrives",
    "was charged twice",
    "cannot be found any more",
    "looks fine now, thank you",
    "should be visible within an hour",
    "was moved to the second line",
    "needs the address exactly as in your profile",
    "keeps spinning at 99 %",
    "is on our list for the next release",
    "must be confirmed from the same device",
];
const CLOSINGS: &[&str] = &[
    "Can you check?",
    "Please let us know.",
    "Best wishes",
    "Cheers!",
    "Thank you in advance.",
    "Is there anything else?",
    "I attached a picture.",
    "It is rather urgent.",
];
const SEASONINGS: &[&str] = &[
    " 🙏",
    " 👩‍👩‍👧‍👦🚀",
    "\nשלום, זה לא עובד לי\n",
    "\nمرحبا، هل من جديد؟",
    " ありがとうございます",
    "\r\n\r\n> quoted line\r\n",
    " \\o/ C:\\temp\\log.txt",
    " e\u{301}tude",
    " <b>bold</b> & 'single' \"double\"",
    "\t1\t2\t3",
    " \u{200b}\u{202e}desrever",
    " 1,5 € — “curly”",
    " NULL; DROP TABLE kites; --",
    "\u{2028}",
    "   ",
];
const FILES: &[(&str, &str)] = &[
    ("screenshot.png", "image/png"),
    ("log.txt", "text/plain"),
    ("Rechnung März.pdf", "application/pdf"),
    ("clip.mp4", "video/mp4"),
    ("списък.csv", "text/csv"),
];

pub(super) fn pick<'a>(random: &mut StdRng, words: &[&'a str]) -> &'a str {
    words.choose(random).copied().unwrap_or_default()
}

/// A person's name and a mail address that nobody has.
pub(super) fn person(random: &mut StdRng) -> (String, String) {
    let (first, last) = (pick(random, FIRST_NAMES), pick(random, LAST_NAMES));
    let number: u32 = random.random_range(1..100_000);
    let domain = pick(
        random,
        &["example.com", "example.org", "mail.test", "kite.test"],
    );
    let mailbox = format!("{}{number}@{domain}", last.to_lowercase());
    (format!("{first} {last}"), mailbox)
}

/// A subject line.
pub(super) fn subject(random: &mut StdRng) -> String {
    let (subject, predicate) = (pick(random, SUBJECTS), pick(random, PREDICATES));
    format!("Re: {subject} {predicate}")
}

/// The text of a message: some sentences, now and then with what breaks careless readers.
pub(super) fn message(random: &mut StdRng) -> String {
    let mut text = String::new();
    if random.random_bool(0.6) {
        text.push_str(pick(random, OPENINGS));
        text.push(' ');
    }
    loop {
        text.push_str(pick(random, SUBJECTS));
        text.push(' ');
        text.push_str(pick(random, PREDICATES));
        text.push_str(". ");
        if random.random_bool(0.45) {
            break;
        }
    }
    text.push_str(pick(random, CLOSINGS));
    if random.random_bool(0.12) {
        text.push_str(pick(random, SEASONINGS));
    }
    text
}

/// A file's name and media type.
pub(super) fn file(random: &mut StdRng) -> (&'static str, &'static str) {
    FILES.choose(random).copied().unwrap_or_default()
}
