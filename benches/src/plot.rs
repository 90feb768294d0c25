//! A workload as bars: CPU for each request, its user part darker; where no CPU was taken, times or memory.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use rsgi_core::Error;

use crate::record::{Measure, Measured};
use crate::workload::workload;

/// Draws a workload as SVG. [`None`] if no server has figures.
///
/// # Errors
///
/// When the drawing fails.
pub(crate) fn draw(measured: &Measured) -> Result<Option<String>, Error> {
    let has = |measure: &Measure| measured.rows.iter().any(|row| row.median(*measure).is_some());
    // A fixed rate is about how long an answer takes, not about what it costs.
    let candidates = [Measure::Cpu, Measure::P50, Measure::Memory].into_iter();
    let mut candidates = candidates.filter(|it| measured.workload != "rate" || *it != Measure::Cpu);
    let Some(measure) = candidates.find(has) else { return Ok(None) };
    let inner = match measure {
        Measure::Cpu => Measure::User,
        other => other,
    };
    let mut bars: Vec<Bar<'_>> = Vec::new();
    for row in &measured.rows {
        if let (Some(whole), Some(inner)) = (row.median(measure), row.median(inner)) {
            bars.push(Bar { name: &row.subject, whole, inner });
        }
    }
    bars.sort_by(|one, other| one.whole.total_cmp(&other.whole));
    let what = workload(&measured.workload).map_or("", |it| it.what).replace('`', "");
    let mut svg = String::new();
    paint(&mut svg, &format!("{}: {}", measure.title(), what), &bars)
        .map_err(|error| format!("plot: {error}"))?;
    Ok(Some(svg))
}

struct Bar<'a> {
    name: &'a str,
    whole: f64,
    inner: f64,
}

type Fault = Box<dyn std::error::Error>;

fn paint(svg: &mut String, title: &str, bars: &[Bar<'_>]) -> Result<(), Fault> {
    let count = i32::try_from(bars.len())?;
    let height = TOP + count * STEP + 10;
    let area =
        SVGBackend::with_string(svg, (u32::try_from(WIDTH)?, u32::try_from(height)?)).into_drawing_area();
    area.fill(&WHITE)?;
    area.draw(&Text::new(title.to_string(), (10, 10), FONT.into_font()))?;
    let longest = bars.iter().map(|bar| bar.whole).fold(f64::MIN_POSITIVE, f64::max);
    #[expect(clippy::cast_possible_truncation, reason = "pixels")]
    let length = |value: f64| (value / longest * f64::from(WIDTH - LEFT - RIGHT)) as i32;
    let right = FONT.into_font().into_text_style(&area).pos(Pos::new(HPos::Right, VPos::Center));
    let left = FONT.into_font().into_text_style(&area).pos(Pos::new(HPos::Left, VPos::Center));
    let mut top = TOP;
    for bar in bars {
        let rectangle = |value, color: RGBColor| {
            Rectangle::new([(LEFT, top), (LEFT + length(value), top + STEP - GAP)], color.filled())
        };
        let is_ours = bar.name.starts_with("rsgi");
        area.draw(&rectangle(bar.whole, if is_ours { OURS } else { THEIRS }))?;
        area.draw(&rectangle(bar.inner, if is_ours { OURS_DARK } else { THEIRS_DARK }))?;
        let middle = top + (STEP - GAP) / 2;
        area.draw(&Text::new(bar.name.to_string(), (LEFT - 8, middle), right.clone()))?;
        let value = (LEFT + length(bar.whole) + 6, middle);
        area.draw(&Text::new(super::report::figure(bar.whole), value, left.clone()))?;
        top += STEP;
    }
    area.present()?;
    Ok(())
}

const WIDTH: i32 = 900;
const TOP: i32 = 40;
const LEFT: i32 = 210;
const RIGHT: i32 = 80;
const STEP: i32 = 22;
const GAP: i32 = 5;
const FONT: (&str, i32) = ("sans-serif", 14);
const OURS: RGBColor = RGBColor(120, 170, 220);
const OURS_DARK: RGBColor = RGBColor(30, 90, 160);
const THEIRS: RGBColor = RGBColor(200, 200, 200);
const THEIRS_DARK: RGBColor = RGBColor(130, 130, 130);
