//! Inputs that failed once, made shorter.

/// Each with its name.
pub(crate) const FOUND: [(&str, &str); 3] = [
    // An `id` that is too long stands beside an `_id`, which is taken: the first was dropped.
    (
        "long-id-beside-another",
        include_str!("found/long-id-beside-another.json"),
    ),
    // The same, and it is its bytes that are too many, not its characters.
    (
        "long-id-of-two-bytes-each",
        include_str!("found/long-id-of-two-bytes-each.json"),
    ),
    // Those beyond the first thousand are kept as one.
    (
        "more-twins-than-are-kept-one-by-one",
        include_str!("found/more-twins-than-are-kept-one-by-one.json"),
    ),
];
