//! What this process has used so far, as /proc tells it, and what it used while a run went on.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock;
use crate::domain::RunCost;

/// What was read holds for this long: the kernel counts CPU no finer, and thousands of runs may
/// begin in one second.
const READ_EVERY: Duration = Duration::from_millis(10);

/// Milliseconds of a tick in /proc/self/stat: 100 a second wherever Linux runs for us.
const TICK_MS: i64 = 10;

/// CPU time and memory of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// CPU time of all its threads since it began, to 10 ms.
    pub cpu_ms: i64,
    /// Resident memory now.
    pub memory_bytes: i64,
    /// Highest resident memory since it began.
    pub memory_peak_bytes: i64,
}

impl Usage {
    /// As it is now, or was 10 ms ago at most; `None` where /proc does not say.
    pub fn now() -> Option<Self> {
        static LAST: Mutex<Option<(Instant, Option<Usage>)>> = Mutex::new(None);
        let now = clock::monotonic();
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, usage)) = *last
            && now
                .checked_duration_since(at)
                .is_some_and(|age| age < READ_EVERY)
        {
            return usage;
        }
        let usage = Self::read(|path| std::fs::read_to_string(path).ok());
        *last = Some((now, usage));
        usage
    }

    fn read(read: impl Fn(&Path) -> Option<String>) -> Option<Self> {
        let stat = read(Path::new("/proc/self/stat"))?;
        // The name of the program stands in brackets and may hold anything.
        let (_, after_name) = stat.rsplit_once(')')?;
        let mut fields = after_name.split_ascii_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<i64>().ok();
        let cpu_ms = ticks()?.saturating_add(ticks()?).saturating_mul(TICK_MS);
        let status = read(Path::new("/proc/self/status"))?;
        let bytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            let kib: i64 = line.split_ascii_whitespace().next()?.parse().ok()?;
            Some(kib.saturating_mul(1_024))
        };
        Some(Self {
            cpu_ms,
            memory_bytes: bytes("VmRSS:")?,
            memory_peak_bytes: bytes("VmHWM:")?,
        })
    }
}

/// Adds up what the process uses while something goes on.
#[derive(Debug)]
pub struct Toll {
    begun: Option<Usage>,
    highest_bytes: i64,
}

impl Toll {
    /// Begins now.
    pub fn begin() -> Self {
        let begun = Usage::now();
        Self {
            begun,
            highest_bytes: begun.map_or(0, |usage| usage.memory_bytes),
        }
    }

    /// Looks at the memory; to be called now and then, since a peak between two looks is known only
    /// when it is the highest in the life of the process.
    pub fn look(&mut self) {
        if let Some(usage) = Usage::now() {
            self.highest_bytes = self.highest_bytes.max(usage.memory_bytes);
        }
    }

    /// What was used up to now; `None` where /proc does not say.
    pub fn so_far(&mut self) -> Option<RunCost> {
        self.look();
        let (begun, now) = (self.begun?, Usage::now()?);
        Some(cost(begun, self.highest_bytes, now))
    }
}

/// A peak that has risen was reached meanwhile; else the highest that was seen counts.
fn cost(begun: Usage, highest_bytes: i64, now: Usage) -> RunCost {
    let is_new_peak = now.memory_peak_bytes > begun.memory_peak_bytes;
    RunCost {
        memory_peak_bytes: if is_new_peak {
            now.memory_peak_bytes
        } else {
            highest_bytes
        },
        cpu_ms: now.cpu_ms.saturating_sub(begun.cpu_ms).max(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: i64 = 1 << 20;

    #[test]
    fn proc_is_read_whatever_the_program_is_called() {
        let files = |path: &Path| {
            let text = match path.to_str()? {
                "/proc/self/stat" => {
                    "42 (fin) stage 1) S 1 42 42 0 -1 4194560 1 0 0 0 123 45 0 0 20 0 9 0\n"
                }
                "/proc/self/status" => {
                    "Name:\tfin\nVmPeak:\t  999999 kB\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\n"
                }
                _ => return None,
            };
            Some(text.to_owned())
        };
        let expected = Usage {
            cpu_ms: 1_680,
            memory_bytes: 10 * MIB,
            memory_peak_bytes: 20 * MIB,
        };
        assert_eq!(Usage::read(files), Some(expected));
        assert_eq!(Usage::read(|_| None), None);
        assert_eq!(Usage::read(|_| Some("(".to_owned())), None);
        assert_eq!(Usage::read(|_| Some(") a b".to_owned())), None);
    }

    #[test]
    fn a_peak_counts_when_it_was_reached_meanwhile_and_is_else_what_was_seen() {
        let begun = Usage {
            cpu_ms: 500,
            memory_bytes: 10 * MIB,
            memory_peak_bytes: 30 * MIB,
        };
        let quiet = Usage {
            cpu_ms: 750,
            memory_bytes: 11 * MIB,
            ..begun
        };
        let expected = RunCost {
            memory_peak_bytes: 12 * MIB,
            cpu_ms: 250,
        };
        assert_eq!(cost(begun, 12 * MIB, quiet), expected);
        let loud = Usage {
            memory_peak_bytes: 90 * MIB,
            ..quiet
        };
        let expected = RunCost {
            memory_peak_bytes: 90 * MIB,
            cpu_ms: 250,
        };
        assert_eq!(cost(begun, 12 * MIB, loud), expected);
    }

    #[test]
    fn the_toll_of_this_process_has_the_memory_that_was_taken_meanwhile() {
        let mut toll = Toll::begin();
        let taken = vec![1_u8; 64 << 20];
        let begun = clock::monotonic();
        while begun.elapsed() < 2 * READ_EVERY {
            std::hint::black_box(&taken);
        }
        let cost = toll.so_far().unwrap();
        assert!(cost.memory_peak_bytes > 64 * MIB, "{cost:?}");
        assert!(cost.cpu_ms >= 0);
        drop(taken);
    }
}
