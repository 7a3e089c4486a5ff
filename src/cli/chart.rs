//! A line over dates, for looking instead of reading: braille dots, plain text, as wide as the
//! terminal.

use std::io::IsTerminal as _;

use jiff::civil::Date;
use textplots::{Chart, Plot as _, Shape};

/// Sessions of a chart when nobody says how many: about a year.
pub(super) const SESSIONS: u64 = 250;

/// Columns where there is no terminal to ask.
const COLUMNS: usize = 80;

/// Columns a chart is drawn in at least and at most.
const COLUMN_RANGE: std::ops::RangeInclusive<usize> = 40..=400;

/// Rows of the line itself.
const ROWS: usize = 14;

/// Rows from one label of the left axis to the next.
const LABEL_ROWS: usize = 4;

/// Columns from one date to the next.
const DATE_COLUMNS: usize = 24;

/// Characters of a date.
const DATE_WIDTH: usize = 10;

/// Dots of a character: across, and down.
const DOTS: (u32, u32) = (2, 4);

/// How wide a chart may be.
pub(super) fn columns() -> usize {
    let stdout = std::io::stdout();
    let width = terminal_size::terminal_size_of(&stdout).filter(|_| stdout.is_terminal());
    let width = width.map_or(COLUMNS, |(width, _)| usize::from(width.0));
    width.clamp(*COLUMN_RANGE.start(), *COLUMN_RANGE.end())
}

/// A title, the line of `points` (a hole where there is no value), and the dates below; as many
/// characters wide as told, or less.
pub(super) fn draw(title: &str, points: &[(Date, Option<f64>)], columns: usize) -> String {
    let values = || points.iter().filter_map(|(_, value)| *value);
    let least = values().fold(f64::INFINITY, f64::min);
    let greatest = values().fold(f64::NEG_INFINITY, f64::max);
    let (Some((_, newest)), true) = (
        points.iter().rev().find_map(|(d, v)| Some((d, (*v)?))),
        least <= greatest,
    ) else {
        return format!("{title}: no values");
    };
    let scale = Scale::new(least, greatest);
    let labels: Vec<String> = (0..ROWS).map(|row| scale.label(row)).collect();
    let margin = labels.iter().map(String::len).max().unwrap_or(0);
    let width = columns.saturating_sub(margin + 2).max(DATE_WIDTH);
    let frame = frame(&segments(points, &scale), points.len(), width);
    let sums = format!(
        "newest {}, lowest {}, highest {}",
        scale.text(newest),
        scale.text(least),
        scale.text(greatest)
    );
    let mut lines = if title.len() + 2 + sums.len() <= columns {
        vec![format!("{title}  {sums}")]
    } else {
        vec![title.to_owned(), sums]
    };
    for (row, label) in labels.iter().enumerate() {
        let dots = frame.get(row).map_or("", String::as_str);
        let tick = if label.is_empty() { '│' } else { '┤' };
        let line = format!("{label:>margin$} {tick}{dots}");
        lines.push(line.trim_end().to_owned());
    }
    let corner = format!("{:margin$} └{}", "", "─".repeat(width));
    lines.push(corner);
    let below = format!("{:margin$}  {}", "", dates(points, width));
    lines.push(below.trim_end().to_owned());
    lines.join("\n")
}

/// From values to heights between 0 and 1: a plot in f32 then loses nothing one could see.
struct Scale {
    least: f64,
    span: f64,
    decimals: usize,
}

impl Scale {
    fn new(least: f64, greatest: f64) -> Self {
        // A flat line stands in the middle.
        let is_flat = greatest <= least;
        let room = least.abs().max(1e-12) / 2.0;
        let (least, span) = if is_flat {
            (least - room, room * 2.0)
        } else {
            (least, greatest - least)
        };
        // Steps of a twentieth of the span are told apart.
        let digits = -(span / 20.0).log10().floor();
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to a few digits"
        )]
        let decimals = digits.clamp(0.0, 12.0) as usize;
        Self {
            least,
            span,
            decimals,
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "a height between 0 and 1")]
    fn height(&self, value: f64) -> f32 {
        ((value - self.least) / self.span) as f32
    }

    fn text(&self, value: f64) -> String {
        format!("{value:.*}", self.decimals)
    }

    /// What stands beside a row, the first one on top.
    fn label(&self, row: usize) -> String {
        let last = ROWS - 1;
        if !row.is_multiple_of(LABEL_ROWS) && row != last || row + 1 == last {
            return String::new();
        }
        #[allow(clippy::cast_precision_loss, reason = "a few rows")]
        let share = (last - row) as f64 / last as f64;
        self.text(self.least + self.span * share)
    }
}

/// The stretches without a hole.
fn segments(points: &[(Date, Option<f64>)], scale: &Scale) -> Vec<Vec<(f32, f32)>> {
    let mut segments = vec![Vec::new()];
    for (at, (_, value)) in points.iter().enumerate() {
        match (value, segments.last_mut()) {
            #[allow(
                clippy::cast_precision_loss,
                reason = "places of a few thousand sessions"
            )]
            (Some(value), Some(segment)) => segment.push((at as f32, scale.height(*value))),
            _ => segments.push(Vec::new()),
        }
    }
    // A point alone is a line of no length.
    for segment in segments.iter_mut().filter(|segment| segment.len() == 1) {
        segment.extend_from_within(..);
    }
    segments.retain(|segment| !segment.is_empty());
    segments
}

/// The rows of dots.
fn frame(segments: &[Vec<(f32, f32)>], count: usize, width: usize) -> Vec<String> {
    let shapes: Vec<Shape<'_>> = segments.iter().map(|one| Shape::Lines(one)).collect();
    let dots = |characters: usize, each: u32| {
        // The library draws one dot more than it is told.
        (u32::try_from(characters).unwrap_or(u32::MAX) * each).saturating_sub(1)
    };
    #[allow(
        clippy::cast_precision_loss,
        reason = "places of a few thousand sessions"
    )]
    let last = (count.saturating_sub(1)).max(1) as f32;
    let across = dots(width, DOTS.0).max(32);
    let mut chart = Chart::new_with_y_range(across, dots(ROWS, DOTS.1), 0.0, last, 0.0, 1.0);
    let mut drawn = &mut chart;
    for shape in &shapes {
        drawn = drawn.lineplot(shape);
    }
    drawn.figures();
    let frame = drawn.frame();
    frame
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// Some dates, each beginning where its session is; the last one ends with the line.
fn dates(points: &[(Date, Option<f64>)], width: usize) -> String {
    let mut line = String::new();
    let steps = (width / DATE_COLUMNS).max(1);
    for step in 0..=steps {
        let column = (width * step / steps).min(width.saturating_sub(DATE_WIDTH));
        let session = if step == steps {
            points.len().saturating_sub(1)
        } else {
            points.len() * column / width
        };
        let free = column >= line.len() + usize::from(!line.is_empty());
        if let Some((date, _)) = points.get(session).filter(|_| free) {
            line = format!("{line:column$}{date}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;
    use jiff::civil::date;

    use super::*;

    fn points(values: &[Option<f64>]) -> Vec<(Date, Option<f64>)> {
        let first = date(2026, 1, 5);
        let days = (0_i64..).map(|day| first.checked_add(day.days()).unwrap());
        days.zip(values.iter().copied()).collect()
    }

    #[test]
    fn a_rising_line_goes_from_bottom_left_to_top_right_between_its_dates() {
        let rising: Vec<Option<f64>> = (0..200).map(|n| Some(100.0 + f64::from(n))).collect();
        let text = draw("AAPL close", &points(&rising), 80);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), ROWS + 3, "{text}");
        assert!(
            lines[0].starts_with("AAPL close  newest 299, lowest 100, highest 299"),
            "{text}"
        );
        assert!(lines[1].starts_with("299 ┤"), "{text}");
        assert!(lines[ROWS].starts_with("100 ┤"), "{text}");
        let blank = |c: char| c == ' ' || c == '\u{2800}';
        let line_of = |row: usize| lines[row].chars().skip(5).collect::<String>();
        assert!(
            line_of(1).starts_with(blank) && !line_of(1).ends_with(blank),
            "{text}"
        );
        assert!(!line_of(ROWS).starts_with(blank), "{text}");
        let below = lines.last().unwrap();
        assert!(below.trim_start().starts_with("2026-01-05"), "{text}");
        assert!(below.ends_with("2026-07-23"), "{text}");
        assert!(
            lines.iter().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }

    #[test]
    fn whatever_the_values_and_the_width_a_chart_is_drawn_within_it() {
        let hole = [Some(1.0), None, Some(3.0), None, None, Some(2.0), Some(2.5)];
        let cases: [&[Option<f64>]; 7] = [
            &[],
            &[None, None],
            &[Some(5.0)],
            &[Some(0.0), Some(0.0)],
            &[Some(-1e-9), Some(1e-9)],
            &[Some(1e12), Some(1e12 + 1.0)],
            &hole,
        ];
        for values in cases {
            for columns in [40, 41, 80, 400] {
                let text = draw("x", &points(values), columns);
                assert!(!text.is_empty() && !text.contains("NaN"), "{text}");
                // Numbers of many digits are not cut.
                let numbers = |line: &&str| !line.contains("newest");
                let longest = text
                    .lines()
                    .filter(numbers)
                    .map(|line| line.chars().count())
                    .max();
                assert!(longest.unwrap_or(0) <= columns, "{columns}: {text}");
            }
        }
        let narrow = draw("AAPL close", &points(&[Some(99.5), Some(101.25)]), 40);
        let head: Vec<&str> = narrow.lines().take(2).collect();
        assert_eq!(
            head,
            ["AAPL close", "newest 101.25, lowest 99.50, highest 101.25"]
        );
        let none = draw("rsi", &points(&[None]), 80);
        assert_eq!(none, "rsi: no values");
    }
}
