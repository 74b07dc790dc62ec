//! Dates and sizes as people write them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::UnixTime;

/// The days from one to another, the second excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days {
    pub(super) first: Date,
    /// None behind the last day there is.
    pub(super) after: Option<Date>,
}

/// A day, a month or a year: `2024-05-01`, `2024-05`, `2024`; `/` and `.` are as good as `-`.
pub(super) fn days(text: &str) -> Option<Days> {
    let mut parts = text.trim().split(['-', '/', '.']);
    let year = number(parts.next()?, 4..=4)?;
    let (month, day) = (parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    let part = |text: Option<&str>| text.map_or(Some(1), |text| number(text, 1..=2));
    let first = Date::new(
        year,
        i8::try_from(part(month)?).ok()?,
        i8::try_from(part(day)?).ok()?,
    )
    .ok()?;
    let length = match (month, day) {
        (None, _) => Span::new().years(1),
        (Some(_), None) => Span::new().months(1),
        _ => Span::new().days(1),
    };
    Some(Days {
        first,
        after: first.checked_add(length).ok(),
    })
}

fn number(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<i16> {
    let digits = length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// The moment at which a day begins where the person is. A day whose midnight is skipped by a
/// change of clocks begins right after the gap.
#[must_use]
pub fn day_begins(day: Date, zone: &TimeZone) -> UnixTime {
    let begins = zone.to_timestamp(day.at(0, 0, 0, 0)).unwrap_or(
        // Only within a day of the ends of what a calendar can say.
        if day.year() < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        },
    );
    UnixTime::from_seconds(begins.as_second())
}

/// Units of size, the largest first. Decimal, as Braid shows sizes.
const UNITS: [(&str, u64); 3] = [("G", 1_000_000_000), ("M", 1_000_000), ("k", 1_000)];

/// Octets: `5M`, `300k`, `1.5 MB`, `200`. At most so many digits after the point count.
pub(super) fn size(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_suffix('b').unwrap_or(&text);
    let unit = UNITS
        .iter()
        .find_map(|(unit, octets)| Some((text.strip_suffix(&unit.to_ascii_lowercase())?, *octets)));
    let (number, unit) = unit.unwrap_or((text, 1));
    let number = number.trim_end();
    let (whole, part) = number.split_once(['.', ',']).unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) {
        return None;
    }
    let octets = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let mut rest = 0;
    let mut place = unit;
    for digit in part.bytes() {
        place /= 10;
        rest += u64::from(digit - b'0') * place;
    }
    octets.checked_add(rest)
}

/// A size as it can be typed, exactly.
pub(super) fn size_text(octets: u64) -> String {
    UNITS
        .iter()
        .find(|(_, unit)| octets > 0 && octets.is_multiple_of(*unit))
        .map_or_else(
            || octets.to_string(),
            |(name, unit)| format!("{}{name}", octets / unit),
        )
}
