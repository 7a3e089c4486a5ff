//! Who wrote an epoch: a name for a process that no other process ever bears.

use std::process::id;

/// This process, as `boot:pid:start`.
pub(super) fn own() -> String {
    name(id()).unwrap_or_else(|| format!("unknown:{}:0", id()))
}

/// Whether the process of that name still runs. False where /proc does not show it: another
/// machine, another container, another user under `ProtectProc=invisible`.
pub(super) fn is_alive(process: &str) -> bool {
    name(number(process)).is_some_and(|found| found == process)
}

/// Its number, 0 if the name has none.
pub(super) fn number(process: &str) -> u32 {
    let pid = process.split(':').nth(1).and_then(|pid| pid.parse().ok());
    pid.unwrap_or_default()
}

/// The boot's id, the process's number and its start in ticks since that boot (field 22 of
/// /proc/PID/stat, proc(5)): numbers are used again, the three together are not, and a step of the
/// wall clock moves none of them.
fn name(pid: u32) -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may itself contain blanks.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    // A zombie, or one that is just going: it writes nothing any more.
    if matches!(fields.next()?, "Z" | "X" | "x") {
        return None;
    }
    let ticks = fields.nth(18)?;
    Some(format!("{}:{pid}:{ticks}", boot.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_one_with_its_number_from_another_time_does_not() {
        let own = own();
        assert!(is_alive(&own), "{own}");
        assert!(!is_alive(&format!("{own}1")));
        assert!(!is_alive("unknown:1:0"));
        assert!(!is_alive("nonsense"));
    }
}
