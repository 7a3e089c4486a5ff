//! The counts that were accepted, for each kind of build, and how new ones are held against them.

use std::collections::BTreeMap;
use std::path::Path;

/// Instructions by what was done.
pub(super) type Counts = BTreeMap<String, u64>;

/// How far a count may lie from the accepted one, in percent of it.
const TOLERANCE_PERCENT: u64 = 3;

const REMEDY: &str = "if that is meant, `just accept-instructions` writes it down \
                      (docs/performance-gate.md)";

/// What stands in tests/data/instructions.json: counts by compiler and target, for other ones make
/// other code of the same source.
pub(super) struct Baselines(BTreeMap<String, Counts>);

impl Baselines {
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        Self(serde_json::from_str(&text).unwrap())
    }

    pub(super) fn write(&self, path: &Path) {
        let text = serde_json::to_string_pretty(&self.0).unwrap();
        std::fs::write(path, text + "\n").unwrap();
    }

    /// Of another release of the compiler nobody has a use any more; of another target they have.
    pub(super) fn accept(&mut self, build: &str, counts: Counts) {
        let target = |build: &str| build.split_once(' ').map(|(_, target)| target.to_owned());
        self.0.retain(|other, _| target(other) != target(build));
        self.0.insert(build.to_owned(), counts);
    }

    pub(super) fn of(&self, build: &str) -> Option<&Counts> {
        self.0.get(build)
    }

    pub(super) fn builds(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

/// Every way in which `counts` are not those accepted. Fewer is a fault, too: a gain that is not
/// written down could be lost again without a word.
pub(super) fn compare(accepted: &Counts, counts: &Counts) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, &before) in accepted {
        let Some(&after) = counts.get(name) else {
            faults.push(format!("{name} was not counted; {REMEDY}"));
            continue;
        };
        #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
        let percent = (after as f64 / before as f64 - 1.0) * 100.0;
        if after.abs_diff(before) * 100 > before * TOLERANCE_PERCENT {
            let word = if after > before { "more" } else { "fewer" };
            faults.push(format!(
                "{name} takes {after} instructions, accepted were {before}: {:.1} % {word}; {REMEDY}",
                percent.abs()
            ));
        }
    }
    for name in counts.keys().filter(|name| !accepted.contains_key(*name)) {
        faults.push(format!("{name} has no baseline; {REMEDY}"));
    }
    faults
}
