//! The longer texts of `--help`.

/// What the tool is, above the commands.
pub(super) const ABOUT: &str = "\
Keeps a complete, queryable copy of a Mava support desk in SQLite: every ticket, message, customer \
and custom attribute as rows, within Mava's limit of 90 requests per 30 seconds.

You can stop or kill it at any moment; the same command goes on where it was.";

/// Below `-h`.
pub(super) const AFTER: &str = "\
Examples:
  mava-export demo                                                   try it, no key needed
  mava-export backfill --since 2023-01-01 --to sqlite:support.db     copy the desk's history
  mava-export sync --to sqlite:support.db                            every night: bring it up to date
  mava-export status --to sqlite:support.db                          what the copy holds
  mava-export query --named backlog --from sqlite:support.db         ask it; query --named lists questions

--help says more: exit codes, environment variables, the configuration file.";

/// Below `--help`.
pub(super) const AFTER_LONG: &str = "\
Examples:
  mava-export demo                                                   try it, no key needed
  mava-export plan backfill --since 2023-01-01 --to sqlite:support.db
                                                                     how long would it take?
  mava-export backfill --since 2023-01-01 --to sqlite:support.db     copy the desk's history
  mava-export sync --to sqlite:support.db                            every night: bring it up to date
  mava-export status --to sqlite:support.db                          what the copy holds
  mava-export query --named backlog --from sqlite:support.db         ask it; query --named lists questions

The API key:
  From MAVA_API_KEY, or from a file with --api-key-file PATH, or from stdin with --api-key-file -.
  Never from a flag or a configuration file, and it is never printed.

An option can be set in four places; the first that has a value wins:
  1. the flag                       --rate-limit 90/30s
  2. the environment                MAVA_EXPORT_RATE_LIMIT=90/30s (only --base-url: MAVA_BASE_URL)
  3. the configuration files        rate_limit = \"90/30s\" in config/mava-export.toml, then in
                                    ~/.config/mava-export/config.toml, then in
                                    /etc/mava-export/config.toml; or alone in the file that
                                    --config or MAVA_EXPORT_CONFIG names
  4. the default
  The file in the working directory may not say where the key comes from or goes to.
  A switch such as --json is turned off again with --json=false.

Output:
  Results go to stdout; progress, log lines and errors to stderr.

Exit codes:
  0    complete
  1    failed; what was read is kept, run again to go on
  2    wrong usage or configuration
  3    complete, but with rejects; or incomplete: something is not proven; or something differs
  4    the API refused the key
  5    another run uses the store
  130  interrupted (Ctrl-C); run again to go on
  143  terminated; run again to go on";

pub(super) const BACKFILL: &str = "\
Examples:
  MAVA_API_KEY=… mava-export backfill --since 2023-01-01 --to sqlite:support.db
  mava-export backfill --since 2023-01-01 --until 2024-01-01 --to sqlite:2023.db
  mava-export backfill --since 2023-01-01 --to sqlite:support.db --api-key-file key.txt
  pass show mava | mava-export backfill --since 2024-01-01 --to sqlite:support.db --api-key-file -
  mava-export backfill --since 2024-01-01 --to sqlite:open.db --status open,pending --origin discord

--since and --to are required, here or in the environment or the configuration file.";

pub(super) const SYNC: &str = "\
Examples:
  mava-export sync --to sqlite:support.db
  mava-export sync --to sqlite:support.db --spend 20m
  mava-export sync --to sqlite:support.db --full
  mava-export plan sync --to sqlite:support.db

As a nightly job (crontab):
  30 4 * * *  /usr/local/bin/mava-export sync --to sqlite:/data/desk.db --quiet
Name the key's file in the configuration file (api_key_file), or add --api-key-file /etc/mava-key.

Not between 1:00 and 3:00: where clocks change for summer, that hour is missing on one night.";

pub(super) const PLAN: &str = "\
Examples:
  mava-export plan backfill --since 2023-01-01 --to sqlite:support.db
  mava-export plan sync --to sqlite:support.db";

pub(super) const STATUS: &str = "\
Examples:
  mava-export status --to sqlite:support.db
  mava-export status --to sqlite:support.db --json | jq .freshness
  mava-export status --from sqlite:support.db --to parquet:desk";

pub(super) const VERIFY: &str = "\
Examples:
  mava-export verify --to sqlite:support.db
  mava-export verify --to sqlite:support.db --deep
  mava-export verify --to sqlite:support.db --repair
  mava-export verify --to sqlite:support.db --json | jq .differences

Exit code 0: all counts are equal, and with --deep no row is damaged; 3: something differs or is
damaged, and with --repair: it still is, or could only be kept as it was found.

--deep and --repair first look at the store itself: the file, then every row against the hash that it
was stored with. That sends nothing. --deep needs no key for it, and stops there without one. With
--repair, no other run can use the store meanwhile; without it, verify only reads.";

pub(super) const PUBLISH_TO: &str =
    "The directory to publish to, parquet:DIR; without --from, the store in it is published";

pub(super) const PUBLISH: &str = "\
Examples:
  mava-export publish --to parquet:desk                           from desk/store.sqlite
  mava-export publish --from sqlite:support.db --to parquet:desk --keep-snapshots 30
  mava-export publish --to parquet:desk --whole                   a damaged snapshot, written again

Then, for example with DuckDB:
  SELECT count(*) FROM read_parquet('desk/current/tickets/*/*.parquet')
  WHERE deleted_at IS NULL AND status IS DISTINCT FROM 'Spam'

Exit code 0: published, or nothing changed; 5: another run uses the store.";

pub(super) const QUERY: &str = "\
Examples:
  mava-export query --named                                         the queries that come with it
  mava-export query --named backlog --from sqlite:support.db        answer one of them
  mava-export query \"SELECT priority, count(*) FROM tickets WHERE deleted_at IS NULL AND status IS NOT 'Spam' GROUP BY 1\" --from sqlite:support.db
  mava-export query .tables --from sqlite:support.db                what can be asked
  mava-export query .schema tickets --from sqlite:support.db        the columns of a table
  mava-export query --file report.sql --from sqlite:support.db --output report.csv --overwrite
  mava-export query \"SELECT * FROM customers\" --from parquet:desk --format csv --csv-safe > customers.csv

Beside SQLite's own functions: median(x), percentile(x, 90), and text REGEXP 'pattern'.
None of the named queries counts deleted tickets, spam or deleted messages; leave them out of yours too.
What a limit leaves out is always said. The store is --from, or the --to of the other commands.
In CSV, NULL is an empty field and an empty text is \"\"; in JSON, an infinite number is a text.

Exit code 0: answered; 1: no whole answer within --timeout, or the disk failed; 2: the question is
wrong; 130: interrupted (Ctrl-C). A file that --output names is there only with exit code 0.";

pub(super) const NAMES: &str = "\
Examples:
  mava-export names --from sqlite:support.db                        what has no name yet
  mava-export names --from sqlite:support.db > names.toml           to fill in, and paste
  mava-export names --from sqlite:support.db --json | jq .tags

It goes by tickets that are not deleted. What the configuration names already is left out. An id without a
name is no valid line: take out those that you do not fill in. The store is --from, or the --to of the other
commands.

Exit code 0: printed, also where everything has a name; 2: there is no such store, or an older one.";

pub(super) const ACCEPT: &str = "\
Examples:
  mava-export accept --to sqlite:support.db                              list the rejects
  mava-export accept --to sqlite:support.db --path priority              what would be accepted
  mava-export accept --to sqlite:support.db --path priority --yes        accept it
  mava-export accept --to sqlite:support.db --ticket 65f0c1 --undo --yes take it back

Where you give several options, a reject has to match each of them. Values are not shown; to see them:
  mava-export query \"SELECT * FROM rejects\" --from sqlite:support.db

Exit code 0: shown or done; 2: no reject matches; 5: another run uses the store.";

pub(super) const PROBE: &str = "\
Example:
  MAVA_API_KEY=… mava-export probe

It tries at most twice, whatever --retry-attempts says, so that you soon know when a host does not answer.

Exit code 0: as expected; 3: something differs.";

pub(super) const DEMO: &str = "\
Examples:
  mava-export demo
  mava-export demo --tickets 20000 --to sqlite:big.sqlite";

pub(super) const SIMULATE: &str = "\
Examples:
  mava-export simulate
  mava-export simulate --port 9000 --tickets 100000 --since 2022-01-01 --latency 1500ms --fault-rate 0.02
  mava-export simulate --live --day-every 30s --truth truth.ndjson
  mava-export simulate --at-work --live --truth truth.ndjson

Then, in another terminal:
  MAVA_API_KEY=simulated-key mava-export backfill --base-url http://127.0.0.1:8090 --since 2022-01-01 --to sqlite:test.db

With --live, the desk has a clock of its own. So that backfill and sync go by it, set this for them too:
  MAVA_EXPORT_CLOCK_TOLERANCE=100y";

pub(super) const COMPLETIONS: &str = "\
Examples:
  mkdir -p ~/.local/share/bash-completion/completions
  mava-export completions bash > ~/.local/share/bash-completion/completions/mava-export
  mava-export completions zsh > ~/.zfunc/_mava-export
  mava-export completions fish > ~/.config/fish/completions/mava-export.fish";
