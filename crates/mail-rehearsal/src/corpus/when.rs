//! Times of mail: people write in the daytime, and every message has a date of its own.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::dice::Dice;

const DAY: i64 = 86_400;

/// The UTC calendar time of seconds since 1970.
pub(crate) fn civil(seconds: i64) -> Option<DateTime> {
    Timestamp::from_second(seconds)
        .ok()
        .map(|t| jiff::tz::TimeZone::UTC.to_datetime(t))
}

/// The `Date` header of a message sent then, as seen `offset` hours east.
pub(crate) fn header(seconds: i64, offset: i64) -> String {
    civil(seconds + offset * 3600).map_or_else(String::new, |t| {
        let sign = if offset < 0 { '-' } else { '+' };
        format!(
            "{} {sign}{:02}00",
            t.strftime("%a, %d %b %Y %H:%M:%S"),
            offset.abs()
        )
    })
}

/// Hours of a day, the busy ones more often.
const HOURS: [i64; 24] = [
    7, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 18, 19, 21,
];

/// Some time of that day at which people write. `weekends` says how many percent of weekend mail stays.
pub(crate) fn in_daytime(seconds: i64, weekends: u64, dice: &mut Dice) -> i64 {
    let mut day = seconds.div_euclid(DAY);
    // 1970-01-01 was a Thursday; 0 is Monday here.
    let weekday = (day + 3).rem_euclid(7);
    if weekday >= 5 && !dice.chance(weekends) {
        day -= weekday - 4;
    }
    let hour = dice.pick(&HOURS).copied().unwrap_or(12);
    day * DAY + hour * 3600 + dice.seconds(3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_header_is_written_as_rfc_5322_wants() {
        assert_eq!(header(1_764_165_480, 1), "Wed, 26 Nov 2025 14:58:00 +0100");
        assert_eq!(header(0, -5), "Wed, 31 Dec 1969 19:00:00 -0500");
    }
}
