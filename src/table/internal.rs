//! The tables that the program keeps for itself.
//!
//! They lie in the same file as the rows, since rows and progress commit together; nobody else should
//! build on them.

/// How the names of internal tables begin.
pub const INTERNAL_PREFIX: char = '_';

/// The internal tables by name, and what a row of each is.
pub const INTERNAL_TABLES: [(&str, &str); 24] = [
    (
        "_announced",
        "a stretch of an unfinished run, and how many tickets the API counted in it",
    ),
    (
        "_campaigns",
        "a bulk change that a sync follows, and how far it is",
    ),
    (
        "_customer_index",
        "a customer's hashes, which tell a changed customer from one read again",
    ),
    (
        "_file_mode",
        "the permissions of the files, as --file-mode last gave them",
    ),
    (
        "_hazards",
        "how often resolved tickets change, by the time since they were resolved",
    ),
    (
        "_metrics",
        "by which definitions, business hours and names metrics were computed, and how far",
    ),
    (
        "_named_tags",
        "a tag whose name is from the configuration, since the API gives none",
    ),
    (
        "_openings",
        "a stretch of business time, and how much of it lies before",
    ),
    (
        "_rejected",
        "a ticket that the API shows and that could not be stored as a row",
    ),
    ("_rejects_met", "the run that last met a reject"),
    (
        "_row_hashes",
        "the hash of a row of one of the small tables, so that damage shows",
    ),
    ("_runs", "an unfinished run, beside its row in snapshots"),
    (
        "_slices",
        "a slice of an unfinished run and how far it is, or one that stayed unverified",
    ),
    (
        "_suspicions",
        "a value that turned up on a ticket nobody should be working on any more",
    ),
    ("_sync", "a number that one sync leaves to the next"),
    (
        "_sync_outcomes",
        "what a sync knew at its end of what it had not seen",
    ),
    ("_sync_steps", "a step of a sync, and what it took"),
    ("_ticket_activity", "when people wrote in a ticket's thread"),
    (
        "_ticket_index",
        "a ticket's hashes, which tell a changed ticket from one read again",
    ),
    (
        "_ticket_slas",
        "a ticket and a policy of [[sla]] that applies to it, without what runs on until now",
    ),
    (
        "_totals",
        "what totals by day, agent, category, tag, customer and hour were made of",
    ),
    (
        "_vouches",
        "a range of tickets that had not changed when a sync looked",
    ),
    (
        "_wide_columns",
        "a custom attribute that has a column in tickets_wide or customers_wide",
    ),
    (
        "_windows",
        "a window of a run: what the API counted, and what was stored",
    ),
];
