//! Curves and columns over time as SVG; the only place that names plotters.
//!
//! Colours are written out and stand for names: the page's style sheet replaces each by that of a
//! light or a dark page. No text that came from outside is drawn.

mod time_axis;

use jiff::Timestamp;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::{DrawingArea, IntoDrawingArea as _};
use plotters::element::{Circle, PathElement, Rectangle};
use plotters::prelude::SVGBackend;
use plotters::style::{Color as _, IntoFont as _, RGBColor, ShapeStyle, TRANSPARENT};

use crate::store::reports::Window;
use time_axis::TimeAxis;

/// A colour of a chart.
pub(super) type Color = RGBColor;

/// The colours of a light page, by what they stand for. `page.css` knows them all.
pub(super) const BLUE: Color = RGBColor(0x2A, 0x78, 0xD6);
pub(super) const GREEN: Color = RGBColor(0x1B, 0xAF, 0x7A);
pub(super) const YELLOW: Color = RGBColor(0xED, 0xA1, 0x00);
pub(super) const RED: Color = RGBColor(0xE3, 0x49, 0x48);
pub(super) const GREY: Color = RGBColor(0xA0, 0x9F, 0x98);
const INK: Color = RGBColor(0x52, 0x51, 0x4E);
const GRID: Color = RGBColor(0xE1, 0xE0, 0xD9);

/// Width and height of a chart: small enough that its text can be read on a phone.
const SIZE: (u32, u32) = (560, 220);

/// Height of the text.
const TEXT: f64 = 15.0;

/// What the values of a chart are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Pieces.
    Count,
    /// Hundredths.
    Percent,
    /// Milliseconds.
    Ms,
    /// Bytes.
    Bytes,
}

/// One curve: a value for each part of the window, absent where nothing is known.
pub(super) struct Curve {
    pub(super) color: Color,
    pub(super) values: Vec<Option<f64>>,
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<TimeAxis, RangedCoordf64>>;

/// What plotters complains of, in words.
type Failed = String;

/// Curves over `window`; gaps where nothing is known.
pub(super) fn curves(window: &Window, unit: Unit, curves: &[Curve]) -> Result<String, Failed> {
    let values = curves
        .iter()
        .flat_map(|curve| curve.values.iter().flatten());
    let scale = Scale::of(unit, values.fold(0.0, |most, value| most.max(*value)));
    draw(window, scale, |chart| {
        for curve in curves {
            let style = ShapeStyle::from(&curve.color).stroke_width(2);
            for piece in pieces(window, &curve.values, scale.divisor) {
                if let [alone] = piece.as_slice() {
                    let dot = Circle::new(*alone, 3, curve.color.filled());
                    chart.draw_series([dot]).map_err(words)?;
                } else {
                    let line = PathElement::new(piece, style);
                    chart.draw_series([line]).map_err(words)?;
                }
            }
        }
        Ok(())
    })
}

/// Columns over `window`, the values of each part one upon another.
pub(super) fn columns(window: &Window, stacks: &[(Color, Vec<f64>)]) -> Result<String, Failed> {
    let height = |part: usize| -> f64 {
        let values = stacks.iter().filter_map(|(_, values)| values.get(part));
        values.sum()
    };
    let most = (0..window.parts()).map(height).fold(0.0, f64::max);
    let scale = Scale::of(Unit::Count, most);
    draw(window, scale, |chart| {
        for part in 0..window.parts() {
            let (from, to) = (ms(window.begin_of(part)), ms(window.begin_of(part + 1)));
            // A hair of the page between two columns.
            let to = to - (to - from) / 8;
            let mut base = 0.0;
            for (color, values) in stacks {
                let value = values.get(part).copied().unwrap_or_default();
                if value > 0.0 {
                    let top = base + value;
                    let corners = [(from, base / scale.divisor), (to, top / scale.divisor)];
                    let column = Rectangle::new(corners, color.filled());
                    chart.draw_series([column]).map_err(words)?;
                    base = top;
                }
            }
        }
        Ok(())
    })
}

/// Draws axes, then what `fill` draws.
fn draw(
    window: &Window,
    scale: Scale,
    fill: impl FnOnce(&mut Chart<'_, '_>) -> Result<(), Failed>,
) -> Result<String, Failed> {
    let mut svg = String::new();
    {
        let root: DrawingArea<SVGBackend<'_>, Shift> =
            SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let time = TimeAxis {
            from_ms: ms(window.since()),
            to_ms: ms(window.until()),
        };
        let mut chart = ChartBuilder::on(&root)
            .margin_top(10)
            .margin_right(14)
            .x_label_area_size(26)
            .y_label_area_size(84)
            .build_cartesian_2d(time, 0.0..scale.top)
            .map_err(words)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .max_light_lines(0)
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .label_style(("sans-serif", TEXT).into_font().color(&INK))
            .y_labels(5)
            .y_label_formatter(&|value| scale.label(*value))
            .draw()
            .map_err(words)?;
        fill(&mut chart)?;
        root.present().map_err(words)?;
    }
    Ok(svg)
}

#[allow(clippy::needless_pass_by_value, reason = "the shape map_err wants")]
fn words(error: impl ToString) -> Failed {
    error.to_string()
}

/// The stretches of a curve without a gap.
fn pieces(window: &Window, values: &[Option<f64>], divisor: f64) -> Vec<Vec<(i64, f64)>> {
    let mut pieces: Vec<Vec<(i64, f64)>> = Vec::new();
    let mut is_open = false;
    for (part, value) in values.iter().enumerate() {
        if let Some(value) = value {
            let (from, to) = (ms(window.begin_of(part)), ms(window.begin_of(part + 1)));
            let point = (i64::midpoint(from, to), value / divisor);
            match pieces.last_mut().filter(|_| is_open) {
                Some(piece) => piece.push(point),
                None => pieces.push(vec![point]),
            }
        }
        is_open = value.is_some();
    }
    pieces
}

fn ms(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// How values are written on the axis.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scale {
    divisor: f64,
    suffix: &'static str,
    /// The upper end, in units of the divisor.
    top: f64,
}

impl Scale {
    fn of(unit: Unit, most: f64) -> Self {
        let kib = 1_024.0;
        let steps: &[(f64, &str)] = match unit {
            Unit::Count => &[(1.0, ""), (1e3, " k"), (1e6, " M")],
            Unit::Percent => &[(1.0, " %")],
            Unit::Ms => &[
                (1.0, " ms"),
                (1e3, " s"),
                (6e4, " min"),
                (3.6e6, " h"),
                (8.64e7, " d"),
            ],
            Unit::Bytes => &[
                (1.0, " B"),
                (kib, " KiB"),
                (kib * kib, " MiB"),
                (kib * kib * kib, " GiB"),
                (kib * kib * kib * kib, " TiB"),
            ],
        };
        let fitting = steps
            .iter()
            .rev()
            .find(|(divisor, _)| most >= 2.0 * divisor);
        let (divisor, suffix) = fitting.or(steps.first()).copied().unwrap_or((1.0, ""));
        let top = if most > 0.0 && most.is_finite() {
            most / divisor * 1.08
        } else {
            1.0
        };
        Self {
            divisor,
            suffix,
            top,
        }
    }

    /// `2.5 s`.
    fn label(&self, value: f64) -> String {
        let digits = format!("{value:.3}");
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        format!("{digits}{}", self.suffix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(length: &str) -> Window {
        let since: Timestamp = "2026-11-22T09:50:00Z".parse().unwrap();
        Window::new(since, since + length.parse::<jiff::Span>().unwrap(), 60)
    }

    #[test]
    fn values_are_labelled_in_a_unit_that_fits() {
        let told = |unit, most: f64| {
            let scale = Scale::of(unit, most);
            scale.label(most / scale.divisor)
        };
        assert_eq!(told(Unit::Ms, 250.0), "250 ms");
        assert_eq!(told(Unit::Ms, 2_500.0), "2.5 s");
        assert_eq!(told(Unit::Ms, 600_000.0), "10 min");
        assert_eq!(told(Unit::Bytes, 96.0 * 1_048_576.0), "96 MiB");
        assert_eq!(told(Unit::Percent, 37.5), "37.5 %");
        assert_eq!(told(Unit::Count, 0.0), "0");
        assert_eq!(Scale::of(Unit::Count, 0.0).top, 1.0);
        assert_eq!(Scale::of(Unit::Count, f64::INFINITY).top, 1.0);
    }

    #[test]
    fn a_curve_is_broken_where_nothing_is_known() {
        let values = [Some(1.0), Some(2.0), None, Some(3.0), None, None];
        let found = pieces(&window("PT1H"), &values, 1.0);
        let lengths: Vec<usize> = found.iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1]);
        assert!(pieces(&window("PT1H"), &[None; 4], 1.0).is_empty());
    }

    #[test]
    fn charts_are_drawn_of_much_of_little_and_of_nothing() {
        let window = window("PT1H");
        let curve = |values| Curve {
            color: BLUE,
            values,
        };
        let rising: Vec<Option<f64>> = (0..60).map(|n| Some(f64::from(n))).collect();
        let svg = curves(&window, Unit::Count, &[curve(rising)]).unwrap();
        assert_eq!(svg.matches("<polyline").count() - grid(&svg), 1, "{svg}");
        assert!(svg.contains("#2A78D6"), "{svg}");
        let empty = curves(&window, Unit::Count, &[curve(vec![None; 60])]).unwrap();
        assert!(
            empty.starts_with("<svg") && !empty.contains("#2A78D6"),
            "{empty}"
        );
        let mut ones = vec![0.0; 60];
        ones[7] = 4.0;
        let svg = columns(&window, &[(GREEN, ones.clone()), (RED, ones)]).unwrap();
        assert_eq!(svg.matches("fill=\"#1BAF7A\"").count(), 1, "{svg}");
        assert_eq!(svg.matches("fill=\"#E34948\"").count(), 1, "{svg}");
    }

    fn grid(svg: &str) -> usize {
        let lines = svg.lines().filter(|line| line.starts_with("<polyline"));
        lines.filter(|line| line.contains("#E1E0D9")).count()
    }
}
