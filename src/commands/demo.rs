//! `demo`: a backfill and a sync of a simulated Mava, and what can be asked of the copy.

use serde::Serialize;

use super::drive;
use crate::demo::{self, Desk};
use crate::error::{ExitCode, Result};
use crate::query;
use crate::redact;
use crate::report::{Summary, SyncSummary};
use crate::settings::{Connection, Demo, StoreSettings};
use crate::store::Store;
use crate::terminal::Printer;

/// Copies a simulated desk into a store, within the real limit, and shows what can be asked of it.
pub(super) async fn demo(asked: &Demo, printer: &Printer) -> Result<ExitCode> {
    printer.note(&format!(
        "Simulating a support desk with {} tickets; nothing leaves this machine.",
        asked.world.tickets
    ));
    let desk = Desk::open(asked.world).await?;
    let connection = desk.connection()?;
    begin_anew(&asked.store, &desk, printer)?;
    let settings = desk.backfill(&asked.store);
    let (summary, exit_code) = drive::backfill_quietly(&connection, &settings, printer).await?;
    let is_over = exit_code == ExitCode::Complete;
    if printer.is_json() {
        let later = match is_over {
            true => Some(a_day_later(&asked.store, &desk, &connection, printer).await?),
            false => None,
        };
        let exit_code = later
            .as_ref()
            .map_or(exit_code, |(_, exit_code)| *exit_code);
        printer.json(&Told {
            backfill: summary,
            sync: later.map(|(summary, _)| summary),
        })?;
        return Ok(exit_code);
    }
    printer.summary(&summary)?;
    if !is_over {
        return Ok(exit_code);
    }
    look(&asked.store, printer)?;
    let (summary, exit_code) = a_day_later(&asked.store, &desk, &connection, printer).await?;
    printer.sync(&summary)?;
    farewell(&asked.store, printer)?;
    Ok(exit_code)
}

/// A whole demo as one JSON value.
#[derive(Serialize)]
struct Told {
    backfill: Summary,
    /// `None` where the backfill was interrupted.
    sync: Option<SyncSummary>,
}

/// Removes the desk of an earlier demo, if there is one.
fn begin_anew(settings: &StoreSettings, desk: &Desk, printer: &Printer) -> Result<()> {
    let Some(store) = demo::earlier(settings, desk)? else {
        return Ok(());
    };
    let path = &settings.path;
    printer.note(&format!(
        "{} holds an earlier demo: it begins anew.",
        path.display()
    ));
    demo::remove(&store, path)
}

/// Lets a day pass on the desk, and syncs.
async fn a_day_later(
    store: &StoreSettings,
    desk: &Desk,
    connection: &Connection,
    printer: &Printer,
) -> Result<(SyncSummary, ExitCode)> {
    let changed = desk.pass_a_day();
    let tickets = if changed == 1 {
        "ticket changes"
    } else {
        "tickets change"
    };
    let words = format!(
        "\nA day passes on the desk: {changed} {tickets}. The API does not say which; a sync finds them.\n\n"
    );
    if !printer.is_json() {
        printer.text(&words)?;
    }
    drive::sync_quietly(connection, &desk.sync(store), printer).await
}

/// Asks the store the [`demo::QUESTIONS`].
fn look(settings: &StoreSettings, printer: &Printer) -> Result<()> {
    let store = Store::open_read_only(&settings.path)?;
    for name in demo::QUESTIONS {
        let question = query::named(name)?;
        let answer = demo::ask(&store, question.sql)?;
        let columns: Vec<&str> = answer.columns.iter().map(String::as_str).collect();
        printer.text("\n")?;
        printer.rows(question.answers(), &columns, &answer.rows)?;
    }
    Ok(())
}

/// Says how to go on.
fn farewell(settings: &StoreSettings, printer: &Printer) -> Result<()> {
    let path = redact::on_one_line(&settings.path.display().to_string());
    printer.text(&format!(
        "\nTry it yourself:\n  \
         mava-export query --named\n  \
         mava-export query --named backlog --from sqlite:{path}\n  \
         mava-export query \"SELECT priority, count(*) AS tickets FROM tickets WHERE deleted_at IS NULL AND status IS NOT 'Spam' GROUP BY priority\" --from sqlite:{path}\n\
         The sqlite3 command opens it too, from version 3.37 on; median and REGEXP are only in query.\n\
         Then with your own desk:\n  \
         MAVA_API_KEY=… mava-export backfill --since 2023-01-01 --to sqlite:support.db\n  \
         MAVA_API_KEY=… mava-export sync --to sqlite:support.db\n"
    ))
}
