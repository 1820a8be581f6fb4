//! Two lines that show what is found for how many minutes of the API's limit, as an SVG.
//!
//! Minutes and what is missed are both on log scales: half as much missed is as far up at the top as at
//! the bottom. What misses nothing has a line of its own above the scale.

use std::error::Error;
use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontDesc, FontFamily, FontStyle};

/// What is drawn.
pub(crate) struct Picture {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    pub(crate) sync: Line,
    pub(crate) lookbacks: Line,
}

/// What one line stands for, and its points from left to right.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) marks: Vec<Mark>,
}

/// One measurement.
pub(crate) struct Mark {
    pub(crate) label: String,
    pub(crate) minutes: f64,
    pub(crate) changes: usize,
    pub(crate) missed: usize,
}

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Fallible<T> = Result<T, Box<dyn Error>>;

const SIZE: (u32, u32) = (760, 490);

/// Around the plot, in pixels: headings above, figures on the left, a title below, a label on the right.
const PLOT_TOP: i32 = 106;
const PLOT_LEFT: i32 = 84;
const PLOT_BOTTOM: i32 = 30;
const PLOT_RIGHT: i32 = 68;

/// The colours of a light page, each with one role. [`STYLE`] puts others in their place on a dark one.
const BACKGROUND: RGBColor = RGBColor(0xff, 0xff, 0xff);
const TEXT: RGBColor = RGBColor(0x1f, 0x23, 0x28);
const MUTED: RGBColor = RGBColor(0x59, 0x63, 0x6e);
const GRID: RGBColor = RGBColor(0xd8, 0xde, 0xe4);
const SYNC: RGBColor = RGBColor(0x09, 0x69, 0xda);
const LOOKBACKS: RGBColor = RGBColor(0xbc, 0x4c, 0x00);

const STYLE: &str = r##"<style>
  text { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round }
  polyline[stroke="#BC4C00"] { stroke-dasharray: 7 5 }
  @media (prefers-color-scheme: dark) {
    text { stroke: #0d1117 }
    [fill="#FFFFFF"] { fill: #0d1117 }
    [fill="#1F2328"] { fill: #f0f6fc }
    [fill="#59636E"] { fill: #9198a1 }
    [fill="#0969DA"] { fill: #4493f8 }
    [fill="#BC4C00"] { fill: #f0883e }
    [stroke="#59636E"] { stroke: #656c76 }
    [stroke="#D8DEE4"] { stroke: #30363d }
    [stroke="#0969DA"] { stroke: #4493f8 }
    [stroke="#BC4C00"] { stroke: #f0883e }
  }
</style>
"##;

/// What the reader's system has; nothing is fetched.
const FONT: &str = "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif";

/// What the axes say.
const UP: &str = "Changes found by the next morning, in percent (log scale of what is missed)";
const ACROSS: &str = "Minutes of the API's limit spent each night (log scale)";

/// The picture as the text of an SVG file.
pub(crate) fn draw(picture: &Picture) -> Fallible<String> {
    let mut svg = String::new();
    {
        let canvas = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        canvas.fill(&BACKGROUND)?;
        let lines = [&picture.sync, &picture.lookbacks];
        let [synced, looked_back] = draw_axes(&canvas, lines)?;
        draw_line(&canvas, &looked_back, &LOOK_BACK)?;
        draw_line(&canvas, &synced, &SYNCED)?;
        for (x, y, mark) in labelled(&looked_back, &picture.lookbacks) {
            let is_above = nearest(x, &synced).is_some_and(|(_, other)| y < other);
            draw_label(&canvas, (x, y), &mark.label, &LOOK_BACK, is_above)?;
        }
        for (x, y, mark) in labelled(&synced, &picture.sync) {
            let is_above = nearest(x, &looked_back).is_none_or(|(_, other)| y <= other);
            draw_label(&canvas, (x, y), &mark.label, &SYNCED, is_above)?;
        }
        words(&canvas, picture)?;
        canvas.present()?;
    }
    Ok(with_description(&svg, picture))
}

/// Adds the words for those who cannot see it, and the colours of a dark page.
fn with_description(svg: &str, picture: &Picture) -> String {
    let told = [&picture.sync, &picture.lookbacks].map(|line| {
        let marks: Vec<String> = line.marks.iter().map(Mark::told).collect();
        format!("{}: {}.", line.name, marks.join("; "))
    });
    let described = format!(
        " role=\"img\" aria-labelledby=\"title what\">\n<title id=\"title\">{}</title>\n\
         <desc id=\"what\">{}. {}</desc>\n{STYLE}",
        escaped(&picture.title),
        escaped(&picture.subtitle),
        escaped(&told.join(" ")),
    );
    svg.replacen(">\n", &described, 1)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// One axis: where its lines are, and what is written at them.
struct Scale {
    axis: RangedCoordf64,
    ticks: Vec<(f64, String)>,
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.axis.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.ticks.iter().map(|(at, _)| *at).collect()
    }

    fn range(&self) -> Range<f64> {
        self.axis.range()
    }
}

impl ValueFormatter<f64> for Scale {
    fn format(value: &f64) -> String {
        value.to_string()
    }

    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().find(|(at, _)| at == value);
        tick.map(|(_, text)| text.clone()).unwrap_or_default()
    }
}

impl Scale {
    fn new(range: Range<f64>, ticks: impl Iterator<Item = (f64, String)>) -> Self {
        Self {
            ticks: ticks.filter(|(at, _)| range.contains(at)).collect(),
            axis: range.into(),
        }
    }

    /// Minutes, as logarithms.
    fn minutes<'a>(marks: impl Iterator<Item = &'a Mark>) -> Self {
        let (low, high) = ends(marks.map(|mark| mark.minutes.log10()));
        let ticks = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0];
        let ticks = ticks.map(|minutes: f64| (minutes.log10(), minutes.to_string()));
        Self::new(low - 0.14..high + 0.14, ticks.into_iter())
    }

    /// Heights, from the highest line below all points to one where nothing is missed; and that.
    fn heights<'a>(marks: impl Iterator<Item = &'a Mark>) -> (Self, f64) {
        let (low, high) = ends(marks.filter_map(Mark::height));
        let percents = [0.0, 50.0, 80.0, 90.0, 99.0, 99.9, 99.99, 99.999];
        let ticks = percents.map(|percent| (height(100.0 - percent), format!("{percent} %")));
        let (low, high) = (low.min(1.0), high.max(1.0));
        let bottom = ticks.iter().map(|(at, _)| *at).filter(|at| *at <= low);
        let bottom = bottom.fold(0.0, f64::max);
        let top = high + 0.6;
        let ticks = ticks.into_iter().filter(|(at, _)| *at <= high);
        let ticks = ticks.chain([(top, "100 %".to_owned())]);
        // Room for the lowest label.
        (Self::new(bottom - 0.15..top + 0.01, ticks), top)
    }
}

fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), one| {
        (low.min(one), high.max(one))
    })
}

/// Draws the grid and its figures; returns where the points of these lines are.
fn draw_axes<const N: usize>(
    canvas: &Canvas<'_>,
    lines: [&Line; N],
) -> Fallible<[Vec<(i32, i32)>; N]> {
    let marks = || lines.iter().flat_map(|line| &line.marks);
    let (heights, top) = Scale::heights(marks());
    let (minutes, heights_shown) = (Scale::minutes(marks()), heights.ticks.len());
    let minutes_shown = minutes.ticks.len();
    let mut chart = ChartBuilder::on(canvas)
        .margin_top(PLOT_TOP)
        .margin_right(PLOT_RIGHT)
        .margin_bottom(PLOT_BOTTOM)
        .x_label_area_size(30)
        .y_label_area_size(PLOT_LEFT)
        .build_cartesian_2d(minutes, heights)?;
    chart
        .configure_mesh()
        .x_labels(minutes_shown)
        .y_labels(heights_shown)
        .label_style(style(13, MUTED))
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(GRID)
        .draw()?;
    Ok(lines.map(|line| {
        let places = line.marks.iter().map(|mark| {
            let up = mark.height().unwrap_or(top);
            chart.backend_coord(&(mark.minutes.log10(), up))
        });
        places.collect()
    }))
}

impl Mark {
    /// How high it is; `None` where nothing is missed.
    fn height(&self) -> Option<f64> {
        let missed = 100.0 * self.missed as f64 / self.changes.max(1) as f64;
        (self.missed > 0).then(|| height(missed))
    }

    fn told(&self) -> String {
        format!(
            "{}, {:.1} minutes, {} of {} missed",
            self.label, self.minutes, self.missed, self.changes
        )
    }
}

fn style(size: u32, colour: RGBColor) -> TextStyle<'static> {
    text_style(size, colour, FontStyle::Normal)
}

fn bold(size: u32, colour: RGBColor) -> TextStyle<'static> {
    text_style(size, colour, FontStyle::Bold)
}

fn text_style(size: u32, colour: RGBColor, weight: FontStyle) -> TextStyle<'static> {
    // The SVG says the size divided by this.
    let size = 1.24 * f64::from(size);
    FontDesc::new(FontFamily::Name(FONT), size, weight).color(&colour)
}

/// How high so many percent missed are: one for each tenth.
fn height(missed_percent: f64) -> f64 {
    -(missed_percent / 100.0).log10()
}

/// How a line looks: told apart by colour, stroke and shape.
struct Look {
    colour: RGBColor,
    marker: Marker,
}

enum Marker {
    Circle,
    Square,
}

const SYNCED: Look = Look {
    colour: SYNC,
    marker: Marker::Circle,
};

const LOOK_BACK: Look = Look {
    colour: LOOKBACKS,
    marker: Marker::Square,
};

impl Look {
    fn draw_marker(&self, canvas: &Canvas<'_>, (x, y): (i32, i32)) -> Fallible<()> {
        match self.marker {
            Marker::Circle => canvas.draw(&Circle::new((x, y), 5, self.colour.filled()))?,
            Marker::Square => {
                canvas.draw(&square((x, y), 6, self.colour))?;
                canvas.draw(&square((x, y), 4, BACKGROUND))?;
            }
        }
        Ok(())
    }
}

fn square((x, y): (i32, i32), half: i32, colour: RGBColor) -> Rectangle<(i32, i32)> {
    Rectangle::new(
        [(x - half, y - half), (x + half, y + half)],
        colour.filled(),
    )
}

fn draw_line(canvas: &Canvas<'_>, places: &[(i32, i32)], look: &Look) -> Fallible<()> {
    let stroke = look.colour.stroke_width(2);
    canvas.draw(&PathElement::new(places.to_vec(), stroke))?;
    for place in places {
        look.draw_marker(canvas, *place)?;
    }
    Ok(())
}

fn labelled<'a>(
    places: &'a [(i32, i32)],
    line: &'a Line,
) -> impl Iterator<Item = (i32, i32, &'a Mark)> {
    let places = places.iter().zip(&line.marks);
    places.map(|((x, y), mark)| (*x, *y, mark))
}

/// The point that is nearest across.
fn nearest(x: i32, places: &[(i32, i32)]) -> Option<(i32, i32)> {
    let nearest = places.iter().min_by_key(|(other, _)| (other - x).abs());
    nearest.copied()
}

/// Labels keep off both lines, which rise: of the upper point above to the left, of the lower one below
/// to the right.
fn draw_label(
    canvas: &Canvas<'_>,
    (x, y): (i32, i32),
    label: &str,
    look: &Look,
    is_above: bool,
) -> Fallible<()> {
    let (across, up, anchor) = if is_above {
        (3, -9, Pos::new(HPos::Right, VPos::Bottom))
    } else {
        (5, 7, Pos::new(HPos::Left, VPos::Top))
    };
    let style = style(13, look.colour).pos(anchor);
    canvas.draw(&Text::new(label.to_owned(), (x + across, y + up), style))?;
    Ok(())
}

/// Title, what the axes are, and what the lines are.
fn words(canvas: &Canvas<'_>, picture: &Picture) -> Fallible<()> {
    let (width, height) = (SIZE.0.cast_signed(), SIZE.1.cast_signed());
    let write = |text: &str, place: (i32, i32), style: TextStyle<'_>| {
        canvas.draw(&Text::new(text.to_owned(), place, style))
    };
    write(&picture.title, (24, 18), bold(18, TEXT))?;
    write(&picture.subtitle, (24, 44), style(13, MUTED))?;
    write(UP, (24, PLOT_TOP - 34), style(13, TEXT))?;
    let middle = style(13, TEXT).pos(Pos::new(HPos::Center, VPos::Top));
    write(
        ACROSS,
        (i32::midpoint(PLOT_LEFT, width - PLOT_RIGHT), height - 26),
        middle,
    )?;
    let lines = [(&picture.sync, &SYNCED), (&picture.lookbacks, &LOOK_BACK)];
    for (row, (line, look)) in (0..).zip(lines) {
        let (x, y) = (width - PLOT_RIGHT - 296, height - 118 + 26 * row);
        let sample = vec![(x, y), (x + 44, y)];
        canvas.draw(&PathElement::new(sample, look.colour.stroke_width(2)))?;
        look.draw_marker(canvas, (x + 22, y))?;
        let style = style(13, TEXT).pos(Pos::new(HPos::Left, VPos::Center));
        write(&line.name, (x + 54, y), style)?;
    }
    Ok(())
}
