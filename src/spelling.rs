//! The known word that was probably meant by one that is mistyped. Pure.

/// A name with less in common (Jaro-Winkler) is no slip of the pen.
const SIMILAR: f64 = 0.9;

/// The name that was probably meant by one that is none of `known`, whatever the case of its letters.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&name, &known.to_lowercase()), known))
        .filter(|(likeness, _)| *likeness >= SIMILAR)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known)
}
