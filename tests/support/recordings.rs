//! Recorded answers of the upstream and the outcome each must have.

use std::fs;
use std::path::PathBuf;

use finstage::domain::Symbol;

/// One row of EXPECTED.tsv with the recording it speaks of.
pub(crate) struct Recording {
    pub(crate) file: String,
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) expected: Expected,
}

/// The outcome computed independently; texts as they stand in the table.
pub(crate) struct Expected {
    pub(crate) outcome: String,
    pub(crate) symbol: String,
    pub(crate) currency: String,
    pub(crate) zone: String,
    pub(crate) granularity: String,
    pub(crate) rows: usize,
    pub(crate) null_rows: usize,
    pub(crate) invalid_rows: usize,
    pub(crate) valid_rows: usize,
    pub(crate) first_local: String,
    pub(crate) last_local: String,
    pub(crate) last_close: Option<f64>,
    pub(crate) sum_volume: Option<i64>,
    pub(crate) splits: usize,
    pub(crate) dividends: usize,
    pub(crate) capital_gains: usize,
    pub(crate) has_price: bool,
}

impl Recording {
    /// What was asked for: the refusals do not say it again.
    pub(crate) fn asked(&self) -> Symbol {
        Symbol::try_new(&self.expected.symbol).unwrap_or_else(|_| Symbol::try_new("AAPL").unwrap())
    }

    /// Where the JSON ends: the place of its last closing brace.
    pub(crate) fn last_brace(&self) -> Option<usize> {
        self.body.iter().rposition(|byte| *byte == b'}')
    }
}

/// Recordings kept with the tests, all under the MIT licence.
fn own_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/yahoo")
}

/// Recordings under other licences, beside the project; not everybody has them.
fn shared_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/yahoo")
}

/// All recordings with an expected outcome; says which are skipped.
pub(crate) fn recordings() -> Vec<Recording> {
    let own = own_folder();
    let mut all = table(&own.join("EXPECTED.tsv"))
        .iter()
        .map(|row| recording(&own, row))
        .collect::<Vec<Recording>>();
    let shared = shared_folder();
    if !shared.join("EXPECTED.tsv").exists() {
        eprintln!(
            "SKIPPED: recordings under other licences than MIT; {} is absent",
            shared.display()
        );
        return all;
    }
    for row in table(&shared.join("EXPECTED.tsv")) {
        if all.iter().all(|held| held.file != row[0]) {
            all.push(recording(&shared, &row));
        }
    }
    all
}

/// The rows of a table without its heading, cut at tabs.
pub(crate) fn table(path: &std::path::Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().skip(1);
    rows.map(|row| row.split('\t').map(str::to_owned).collect())
        .collect()
}

/// The manifest of the recordings kept with the tests.
pub(crate) fn manifest() -> (PathBuf, Vec<Vec<String>>) {
    let own = own_folder();
    let rows = table(&own.join("MANIFEST.tsv"));
    (own, rows)
}

fn recording(folder: &std::path::Path, row: &[String]) -> Recording {
    let count = |at: usize| row[at].parse().unwrap_or(0);
    Recording {
        file: row[0].clone(),
        status: row[1].parse().unwrap(),
        body: fs::read(folder.join(&row[0])).unwrap(),
        expected: Expected {
            outcome: row[2].clone(),
            symbol: row[3].clone(),
            currency: row[4].clone(),
            zone: row[5].clone(),
            granularity: row[6].clone(),
            rows: count(7),
            null_rows: count(8),
            invalid_rows: count(9),
            valid_rows: count(10),
            first_local: row[11].clone(),
            last_local: row[12].clone(),
            last_close: row[13].parse().ok(),
            sum_volume: row[14].parse().ok(),
            splits: count(15),
            dividends: count(16),
            capital_gains: count(17),
            has_price: row[18] == "yes",
        },
    }
}
