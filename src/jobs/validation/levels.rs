//! V5 and V6 over a series: one bad row must not make the next one look bad, and a price that has
//! really moved must not be held for ever.
//!
//! The walk goes from a row that is known to be good towards both ends. A row that jumps away from
//! the last good close opens a run; rows that stay with the run continue it, a row that comes back
//! ends it. [`CONFIRMING`] sessions in a row make the new level the good one, but not when it is the
//! old one in another unit or by the ratio of a split.

use jiff::civil::Date;

use super::jump::{Jump, between, within};
use super::{Against, Doubt};
use crate::domain::DailyBar;
use crate::upstream::Chart;

/// Sessions in a row on a new level that make it a fact.
const CONFIRMING: usize = 3;

/// Where nothing stored says what is right, the newest stretch without a jump of so many sessions
/// does; else the longest.
const TRUSTED_STRETCH: usize = 20;

/// Within a run a step of this size is an ordinary day's, as a logarithm (-30 %, +42 %).
const STEP: f64 = 0.35;

/// A row this near to the stored bar of its date needs no other proof, relative: the level was
/// accepted before.
const STORED_TOLERANCE: f64 = 0.25;

/// The rows that jump, with the reason, in any order.
pub(super) fn doubts(chart: &Chart, against: &Against<'_>) -> Vec<Doubt> {
    let (bars, stored) = (chart.bars.as_slice(), against.stored);
    let is_stored: Vec<bool> = bars.iter().map(|bar| is_accepted(bar, stored)).collect();
    let mut doubts = Vec::new();
    let series = Series {
        bars,
        is_stored: &is_stored,
        splits: &chart.splits,
        against,
    };
    if let Some(good) = is_stored.iter().rposition(|is| *is) {
        series.walk_from(good, &mut doubts);
    } else if let Some(base) = reference(bars, stored) {
        if bars
            .first()
            .is_some_and(|first| base.trading_date > first.trading_date)
        {
            series.walk(*base, (0..bars.len()).rev(), &mut doubts);
        } else {
            series.walk(*base, 0..bars.len(), &mut doubts);
        }
    } else if let Some(good) = series.anchor() {
        if let Some(alone) = bars.get(good).and_then(|bar| within(bar, bar)) {
            doubts.push(alone.of(good));
        }
        series.walk_from(good, &mut doubts);
    }
    doubts
}

fn is_accepted(bar: &DailyBar, stored: &[DailyBar]) -> bool {
    let at = stored.binary_search_by_key(&bar.trading_date, |held| held.trading_date);
    let held = at.ok().and_then(|at| stored.get(at));
    held.is_some_and(|held| {
        held.is_final
            && (bar.close / held.close - 1.0).abs() <= STORED_TOLERANCE
            && within(bar, held).is_none()
    })
}

/// The stored final bar next to the answer: before it, else after its first row.
fn reference<'a>(bars: &[DailyBar], stored: &'a [DailyBar]) -> Option<&'a DailyBar> {
    let first = bars.first()?.trading_date;
    let mut finals = stored.iter().filter(|bar| bar.is_final);
    let before = finals.clone().rfind(|bar| bar.trading_date < first);
    before.or_else(|| finals.next())
}

impl Jump {
    fn of(self, index: usize) -> Doubt {
        Doubt {
            index,
            rule: self.rule,
            reason: self.reason,
        }
    }
}

struct Series<'a> {
    bars: &'a [DailyBar],
    is_stored: &'a [bool],
    splits: &'a [(Date, f64)],
    against: &'a Against<'a>,
}

/// Rows in a row that have left the good level.
struct Run {
    rows: Vec<(usize, Jump)>,
    /// The newest of them.
    level: DailyBar,
    /// How far it began from the good level, as a logarithm.
    entry: f64,
}

impl Series<'_> {
    /// Walks from a good row to both ends.
    fn walk_from(&self, good: usize, doubts: &mut Vec<Doubt>) {
        if let Some(base) = self.bars.get(good) {
            self.walk(*base, good + 1..self.bars.len(), doubts);
            self.walk(*base, (0..good).rev(), doubts);
        }
    }

    fn walk(
        &self,
        mut good: DailyBar,
        order: impl Iterator<Item = usize>,
        doubts: &mut Vec<Doubt>,
    ) {
        let mut run: Option<Run> = None;
        // A jump that was decided to be real: from there prices may go on, or come back.
        let mut decided: Option<DailyBar> = None;
        for index in order {
            let (Some(bar), Some(is_stored)) = (self.bars.get(index), self.is_stored.get(index))
            else {
                continue;
            };
            if *is_stored {
                give_up(run.take(), doubts);
                (good, decided) = (*bar, None);
                continue;
            }
            if self.against.is_believed(bar) {
                give_up(run.take(), doubts);
                decided = Some(*bar);
                continue;
            }
            let stays = |base: &DailyBar| {
                between(base, bar, self.splits).is_none() && within(bar, base).is_none()
            };
            if decided.take().is_some_and(|base| stays(&base)) {
                good = *bar;
                continue;
            }
            if let Some(open) = &mut run
                && self.stays(bar, open, &good)
            {
                if let Some(flaw) = within(bar, &open.level) {
                    doubts.push(flaw.of(index));
                    continue;
                }
                open.add(index, bar, &good);
                if open.is_fact() {
                    run = None;
                    good = *bar;
                }
                continue;
            }
            give_up(run.take(), doubts);
            if let Some(jump) = between(&good, bar, self.splits) {
                run = Some(Run {
                    rows: vec![(index, jump)],
                    level: *bar,
                    entry: (bar.close / good.close).ln(),
                });
            } else if let Some(flaw) = within(bar, &good) {
                doubts.push(flaw.of(index));
            } else {
                good = *bar;
            }
        }
        give_up(run, doubts);
    }

    /// Whether a row belongs to the run: it neither jumps away from it nor comes back.
    fn stays(&self, bar: &DailyBar, run: &Run, good: &DailyBar) -> bool {
        between(&run.level, bar, self.splits).is_none() && !run.is_left_by(bar, good)
    }

    /// The row to start from where nothing stored says what is right.
    fn anchor(&self) -> Option<usize> {
        let jumps = self.bars.windows(2).enumerate().filter_map(|(at, pair)| {
            let [a, b] = pair else { return None };
            between(a, b, self.splits).map(|_| at + 1)
        });
        let mut starts = vec![0];
        starts.extend(jumps);
        let ends = starts.iter().skip(1).copied().chain([self.bars.len()]);
        let stretches: Vec<(usize, usize)> = starts.iter().copied().zip(ends).collect();
        let length = |(from, to): &(usize, usize)| to - from;
        let newest = stretches
            .iter()
            .rfind(|stretch| length(stretch) >= TRUSTED_STRETCH);
        // Of equally long ones `max_by_key` takes the newest.
        let (from, to) = *newest.or_else(|| stretches.iter().max_by_key(|one| length(one)))?;
        let stretch = self.bars.get(from..to)?;
        let is_fit = |at: usize| {
            let beside = if at > 0 { at - 1 } else { at + 1 };
            let pair = stretch.get(at).zip(stretch.get(beside));
            pair.is_some_and(|(bar, beside)| within(bar, beside).is_none())
        };
        let fit = (0..stretch.len()).rev().find(|at| is_fit(*at));
        Some(from + fit.unwrap_or(stretch.len().checked_sub(1)?))
    }
}

impl Run {
    /// Whether a row has come back. From a short run (bad prints) it has when it is nearer to the
    /// good level; over a long one prices wander, and only the jump that began it, back again, ends
    /// it.
    fn is_left_by(&self, bar: &DailyBar, good: &DailyBar) -> bool {
        let step = (bar.close / self.level.close).ln();
        if step.abs() <= STEP {
            return false;
        }
        if self.rows.len() < CONFIRMING {
            (bar.close / good.close).ln().abs() < step.abs()
        } else {
            (step + self.entry).abs() < self.entry.abs() / 4.0
        }
    }

    fn add(&mut self, index: usize, bar: &DailyBar, good: &DailyBar) {
        let Some((_, first)) = self.rows.first() else {
            return;
        };
        let reason = format!(
            "close {} is {:.4} times the last good close {} of {}, as on {}",
            bar.close,
            bar.close / good.close,
            good.close,
            good.trading_date,
            self.level.trading_date
        );
        let jump = Jump {
            reason,
            ..first.clone()
        };
        self.rows.push((index, jump));
        self.level = *bar;
    }

    fn is_fact(&self) -> bool {
        let may_last = self.rows.first().is_some_and(|(_, jump)| jump.may_last);
        may_last && self.rows.len() >= CONFIRMING
    }
}

fn give_up(run: Option<Run>, doubts: &mut Vec<Doubt>) {
    let rows = run.map(|run| run.rows).unwrap_or_default();
    doubts.extend(rows.into_iter().map(|(index, jump)| jump.of(index)));
}
