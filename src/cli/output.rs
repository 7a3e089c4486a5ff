//! Printing: tables for people, JSON for machines, complaints on stderr.

use std::io::{IsTerminal as _, Write as _};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::domain::RunState;

/// Writes to stdout; a reader that went away (`| head`) is no error.
pub(super) fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.write_all(b"\n");
    let _ = stdout.flush();
}

/// Says on stderr what went wrong.
pub(super) fn complain(message: &str) {
    say(&format!("finstage: {message}"));
}

/// Says something on stderr.
pub(super) fn say(message: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(message.as_bytes());
    let _ = stderr.write_all(b"\n");
}

/// The first `n` of what would be shown; all of it for 0.
pub(super) fn first<T>(rows: &[T], n: usize) -> &[T] {
    match n {
        0 => rows,
        n => rows.get(..n).unwrap_or(rows),
    }
}

/// Says how much more there is than was shown.
pub(super) fn say_rest(rows: usize) {
    if rows > 0 {
        say(&format!("… and {rows} more; -n 0 shows all"));
    }
}

/// Prints `value` as JSON, indented.
pub(super) fn print_json<T: Serialize + ?Sized>(value: &T) {
    // Our own structs of numbers and texts always serialise.
    print(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// A table with a head; columns named in `right` are numbers.
pub(super) fn table(head: &[&str], right: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    for (index, name) in head.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_padding((0, 2));
            if right.contains(name) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n")
}

/// `2026-11-22 16:35:00 EST`.
pub(super) fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S %Z")
        .to_string()
}

/// `2026-11-22 21:35:00Z`.
pub(super) fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Milliseconds as people read them: `420ms`, `1.53s`, `2m5s`.
pub(super) fn duration_ms(ms: i64) -> String {
    crate::domain::format_span(std::time::Duration::from_millis(ms.unsigned_abs()))
}

/// The same, or a dash.
pub(super) fn duration_or_dash(ms: Option<i64>) -> String {
    ms.map_or_else(|| "-".to_owned(), duration_ms)
}

/// Microseconds as people read them.
pub(super) fn duration_us(us: u64) -> String {
    match us {
        0..1_000 => format!("{us}µs"),
        1_000..10_000 => format!("{}.{}ms", us / 1_000, us % 1_000 / 100),
        _ => duration_ms(i64::try_from(us / 1_000).unwrap_or(i64::MAX)),
    }
}

/// Bytes as people read them.
pub(super) fn bytes(count: i64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let mut value = count as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value.abs() < 1024.0 {
            return if unit == "B" {
                format!("{value:.0} B")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

/// Whether somebody is watching stderr.
pub(super) fn has_audience() -> bool {
    std::io::stderr().is_terminal()
}

/// The text with the first state in each line coloured, on a terminal. Done after a table is laid
/// out: colours have no width.
pub(super) fn with_colored_states(text: &str) -> String {
    if !std::io::stdout().is_terminal() || std::env::var_os("NO_COLOR").is_some() {
        return text.to_owned();
    }
    let lines: Vec<String> = text.lines().map(color_first_state).collect();
    lines.join("\n")
}

fn color_first_state(line: &str) -> String {
    let state = line.split_ascii_whitespace().find_map(|word| {
        RunState::ALL
            .into_iter()
            .find(|state| state.as_str() == word.trim_end_matches(':'))
    });
    let Some(state) = state else {
        return line.to_owned();
    };
    let color = match state {
        RunState::Succeeded => "32",
        RunState::Failed | RunState::TimedOut | RunState::Abandoned => "31",
        RunState::Claimed | RunState::Running => "36",
        _ => "33",
    };
    line.replacen(state.as_str(), &format!("\x1b[{color}m{state}\x1b[0m"), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_line_is_coloured_and_nothing_else() {
        let line = " 6  failed-ones  schedule  partly_failed  4/6  failed before";
        let colored = " 6  failed-ones  schedule  \x1b[33mpartly_failed\x1b[0m  4/6  failed before";
        assert_eq!(color_first_state(line), colored);
        assert_eq!(color_first_state("ID  SCHEDULE"), "ID  SCHEDULE");
    }

    #[test]
    fn bytes_and_microseconds_read_well() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(14_786_560), "14.1 MiB");
        assert_eq!(duration_us(999), "999µs");
        assert_eq!(duration_us(1_550), "1.5ms");
        assert_eq!(duration_us(2_500_000), "2.50s");
    }
}
