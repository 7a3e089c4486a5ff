//! The journal's message catalogue: `journalctl --list-catalog`, and by number what a line means.

use std::fmt::Write as _;

use crate::telemetry::EventDef;
use crate::telemetry::events::catalogue;

/// Begins every message ID: drawn once at random, followed by the digits of the code.
const ID_BASE: &str = "6f1d0c8e5b7a4c39a2e4b1f7d03e";

/// The 128-bit number of an event in the journal's catalogue.
pub fn message_id(event: &EventDef) -> String {
    id_of_code(event.code)
}

/// The same by the event's code alone.
pub(in crate::telemetry) fn id_of_code(code: &str) -> String {
    format!("{ID_BASE}{}", code.trim_start_matches("FS"))
}

pub(super) fn text() -> String {
    let mut text = String::from(
        "# The journal's message catalogue of finstage; install as\n\
         # /usr/lib/systemd/catalog/finstage.catalog and run `journalctl --update-catalog`.\n\
         # Made of the event catalogue by `finstage events --print journal`.\n",
    );
    for event in catalogue() {
        let _ = write!(
            text,
            "\n-- {}\nSubject: {} {}: {}\nDefined-By: finstage\n\n{}\n\nWhat to do: {}\n",
            message_id(event),
            event.code,
            event.name,
            event.message,
            event.meaning,
            event.action
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_is_128_bits_in_hex() {
        for event in catalogue() {
            let id = message_id(event);
            assert!(
                id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{id}"
            );
        }
    }
}
